"""Bring an instructor's edits in the derived notebook back into `solutions/`.

`_grading/source/NN-slug/NN-slug.ipynb` can be opened and edited in Jupyter. An
edit is adopted only if the text that it gives derives exactly the notebook that
was edited; otherwise it is refused with the reason and both files stay as they are.
"""

from __future__ import annotations

import itertools
import re

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from autograder import derive, exercise
from autograder.exercise import SOLUTIONS, Exercise, ExerciseError, load

_CELL = re.compile(r"^# %%.*$", re.M)


def adopt(slug: str) -> bool:
    """Adopt the edits of one exercise; False if there were none.

    Raises ExerciseError, with nothing written, if they cannot be carried over.
    """
    path = derive.source_path(slug)
    if not path.is_file():
        raise ExerciseError(f"{slug} has no derived notebook yet: run `make derive`.")
    edited = nbformat.read(path, as_version=4)
    if not derive.edited_by_hand(edited):
        return False
    author = SOLUTIONS / slug / "notebook.py"
    if derive.base_of(edited) != derive.digest(derive.source_notebook(load(slug))):
        raise ExerciseError(
            f"Both {path.name} and solutions/{slug}/notebook.py changed since "
            "`make derive`: bring one of the two edits over by hand."
        )
    before = author.read_text("utf-8")
    author.write_text(_text(edited, before, load(slug)), "utf-8")
    exercise.load.cache_clear()
    try:
        _prove(slug, edited)
    except Exception as error:
        author.write_text(before, "utf-8")
        exercise.load.cache_clear()
        raise ExerciseError(
            f"The edit in {path.name} was not adopted, nothing was changed: {error}"
        ) from None
    derive.derive(slug, overwrite=True)
    return True


def _prove(slug: str, edited: NotebookNode) -> None:
    """The adopted text must give the very notebook that the instructor saved."""
    derived = derive.source_notebook(load(slug))
    if derive.digest(derived) == derive.digest(edited):
        return
    for ours, theirs in zip(derived.cells, edited.cells, strict=False):
        if derive.content(ours) != derive.content(theirs):
            name = theirs.metadata.get("nbgrader", {}).get("grade_id", theirs.id)
            raise ExerciseError(
                f"cell {name!r} cannot be written back (points, locked cells and "
                "included solutions have their one place in solutions/)."
            )
    raise ExerciseError("cells were added or removed in a way that is not understood.")


def _text(edited: NotebookNode, before: str, source: Exercise) -> str:
    """notebook.py with the edited cells in place; untouched cells byte for byte."""
    starts = [match.start() for match in _CELL.finditer(before)] + [len(before)]
    blocks = [before[a:b] for a, b in itertools.pairwise(starts)]
    derived = derive.source_notebook(source).cells
    known = {derive.name_of(cell): i for i, cell in enumerate(derived)}
    parts = []
    for cell in edited.cells:
        at = known.pop(derive.name_of(cell), None)
        if at is not None and derive.content(cell) == derive.content(derived[at]):
            parts.append(blocks[at].rstrip("\n") + "\n")
            continue
        header = blocks[at].splitlines()[0] if at is not None else _header(cell)
        parts.append(_block(header, cell, source))
    return "\n".join(parts)


def _header(cell: NotebookNode) -> str:
    found = cell.metadata.get("nbgrader", {})
    name = found.get("grade_id", "")
    if found.get("solution"):
        return f'# %% solution="{name}"'
    for kind in ("check", "given"):
        if name.startswith(f"{kind}_"):
            return f'# %% {kind}="{name.removeprefix(kind + "_")}"'
    return "# %% [markdown]" if cell.cell_type == "markdown" else "# %%"


def _block(header: str, cell: NotebookNode, source: Exercise) -> str:
    lone = new_notebook(cells=[nbformat.from_dict({**cell, "metadata": {}})])
    for task in source.tasks.values():
        line, tag = derive.task_line(task), f"{{task:{task.name}}}"
        lone.cells[0].source = lone.cells[0].source.replace(line, tag)
    text = jupytext.writes(lone, fmt="py:percent")
    body = text[next(_CELL.finditer(text)).end() :].strip("\n")
    return f"{header}\n{body}\n"
