"""Put a hand-in's text into the course's own notebook.

Ids, points, order, kinds, metadata, prose, given cells and check cells are the
released notebook's. Of the hand-in only this is kept: the text of the answer cells,
the code that the student may change or has added, and, as plain text, added prose.
Where that differs from what was handed in, a sentence says so.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.utils import is_grade

from autograder import discretion
from autograder.derive import release_notebook
from autograder.exercise import load
from autograder.intake import Cell, HandIn

MARK = "unrolled"  # the key of our own notebook metadata
MISSING = "# This cell was not in the hand-in."
MAX_PROSE = 20_000  # characters of a student's markdown that are shown
_CONTROL = re.compile(r"[^\S\n ]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


def rebuild(slug: str, hand_in: HandIn) -> NotebookNode:
    """The released notebook of `slug` with the text of `hand_in` in it."""
    return put_into(copied(_released(slug)), hand_in)


def put_into(notebook: NotebookNode, hand_in: HandIn) -> NotebookNode:
    """`notebook`, an instructor's, with the text of `hand_in` in it."""
    places = _places(notebook.cells, hand_in.cells)
    notes = [*hand_in.notes, *_notes(notebook.cells, hand_in.cells, places)]
    notebook.cells = list(_filled(notebook.cells, hand_in.cells, places))
    return _about(notebook, notes)


def refused(slug: str, reason: str) -> NotebookNode:
    """The notebook that stands for a hand-in that could not be read."""
    return emptied(copied(_released(slug)), reason)


def emptied(notebook: NotebookNode, reason: str) -> NotebookNode:
    """Of an instructor's notebook what has points, and why it is not graded."""
    notebook.cells = [cell for cell in notebook.cells if is_grade(cell)]
    said = f"{discretion.trouble(reason)} A person will look at it."
    notebook = _about(notebook, [said])
    notebook.metadata[MARK]["unreadable"] = reason
    return notebook


@lru_cache(maxsize=16)
def _released(slug: str) -> NotebookNode:
    return release_notebook(load(slug))


def copied(node: Any) -> Any:
    """A notebook or a part of one again, made quicker than by copy.deepcopy."""
    if isinstance(node, dict):
        made = NotebookNode()
        for key, value in node.items():
            dict.__setitem__(made, key, copied(value))
        return made
    return [copied(item) for item in node] if isinstance(node, list) else node


def _about(notebook: NotebookNode, notes: Sequence[str]) -> NotebookNode:
    if notes:
        text = "\n".join(f"- {note}" for note in notes)
        cell = new_markdown_cell(f"### About this hand-in\n\n{text}", id="about")
        notebook.cells.insert(0, cell)
    notebook.metadata[MARK]["notes"] = list(notes)
    return notebook


# which cell of the hand-in is which cell of ours


def _places(ours: Sequence[NotebookNode], theirs: Sequence[Cell]) -> dict[int, int]:
    """Their cells' places among ours: by name, then id, then text, then function.

    The first cell with a name has its place; further ones stay where they are, and
    all run in order, so that the last definition counts, as it did at home.
    """
    texts = [_plain(cell.source) for cell in theirs]
    found: dict[int, int] = {}
    for same in (
        lambda n, our: theirs[n].name == _name(our) != "",
        lambda n, our: theirs[n].id == our.id,
        lambda n, our: texts[n] == _plain(our.source),
        lambda n, our: _defines(theirs[n].source, our),
    ):
        for place, our in enumerate(ours):
            _claim(found, place, our, theirs, same)
    return found


def _claim(
    found: dict[int, int],
    place: int,
    our: NotebookNode,
    theirs: Sequence[Cell],
    same: Callable[[int, NotebookNode], bool],
) -> None:
    """Give our cell at `place` the first of their free cells that is the `same`."""
    if place in found.values():
        return
    for n, their in enumerate(theirs):
        if n not in found and their.kind == our.cell_type and same(n, our):
            found[n] = place
            return


def _name(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _kind(cell: NotebookNode) -> str:
    """ "solution", "check", "given", "prose", or "look": code to play with."""
    marks = cell.metadata.get("nbgrader")
    if marks is None:
        return "prose" if cell.cell_type == "markdown" else "look"
    if marks.get("solution"):
        return "solution"
    return "check" if marks.get("grade") else "given"


def _defines(source: str, our: NotebookNode) -> bool:
    """A renamed answer cell is known by the function that it defines."""
    if _kind(our) != "solution":
        return False
    return bool(re.search(rf"^def {re.escape(_name(our))}\b", source, re.M))


def _plain(text: str) -> str:
    return " ".join(text.split())


# what is put together


def _filled(
    ours: Sequence[NotebookNode], theirs: Sequence[Cell], places: dict[int, int]
) -> Iterator[NotebookNode]:
    """Our cells with their text, and their own cells where they stood."""
    texts = {place: theirs[n].source for n, place in places.items()}
    own = _own_cells(ours, theirs, places)
    yield from own[-1]
    for place, cell in enumerate(ours):
        kind, text = _kind(cell), texts.get(place)
        if kind == "look" and text is None:
            continue
        if kind == "look" and text is not None and _plain(text) == _plain(cell.source):
            cell.metadata[MARK] = {"untouched": True}
        elif kind in ("solution", "look"):
            _answer(cell, MISSING if text is None else text)
        yield cell
        yield from own[place]


def _answer(cell: NotebookNode, text: str) -> None:
    """A written answer is shown as text; left alone it stays as it is, by which
    nbgrader knows that there is none."""
    if cell.cell_type == "markdown" and _plain(text) == _plain(cell.source):
        return
    cell.source = text if cell.cell_type == "code" else as_text(text)


def _own_cells(
    ours: Sequence[NotebookNode], theirs: Sequence[Cell], places: dict[int, int]
) -> defaultdict[int, list[NotebookNode]]:
    """The student's own cells, by the place of our cell before them."""
    own: defaultdict[int, list[NotebookNode]] = defaultdict(list)
    fixed = {_name(cell) for cell in ours if _kind(cell) in ("given", "check")}
    place = -1
    for n, cell in enumerate(theirs):
        if n in places:
            place = places[n]
            prose = _kind(ours[place]) == "prose"
            if not prose or _plain(cell.source) == _plain(ours[place].source):
                continue
        elif cell.name in fixed or not cell.source.strip():
            continue
        own[place].append(_own(cell, f"own-{n}"))
    return own


def _own(cell: Cell, name: str) -> NotebookNode:
    if cell.kind == "code":
        return new_code_cell(cell.source, id=name)
    return new_markdown_cell(as_text(cell.source), id=name)


def as_text(markdown: str) -> str:
    """A student's markdown as a block of text: no HTML, no links, no pictures."""
    text = _CONTROL.sub(" ", markdown.replace("\r\n", "\n").replace("\t", "    "))
    if len(text) > MAX_PROSE:
        text = f"{text[:MAX_PROSE]}\n[cut after {MAX_PROSE:,} characters]"
    ticks = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


# what there is to say


def _notes(
    ours: Sequence[NotebookNode], theirs: Sequence[Cell], places: dict[int, int]
) -> Iterator[str]:
    at = {place: theirs[n] for n, place in places.items()}
    order = sorted(places)
    for place, our in enumerate(ours):
        kind, name = _kind(our), _name(our)
        if kind not in ("solution", "given", "check"):
            continue
        if place not in at:
            yield _deleted(kind, name)
            continue
        yield from _changed(our, kind, at[place])
    yield from _twice(ours, theirs)
    if order and [places[n] for n in order] != sorted(places.values()):
        yield "Cells had been moved; they were put back into the course's order."


def _deleted(kind: str, name: str) -> str:
    if kind == "solution":
        return f"The answer cell `{name}` was not in the hand-in."
    return f"The {kind} cell `{name}` was not in the hand-in; it was put back."


def _changed(our: NotebookNode, kind: str, their: Cell) -> Iterator[str]:
    name = _name(our)
    if their.name != name:
        yield f"The name of the cell `{name}` had been changed; it was put back."
    if kind != "solution" and _plain(their.source) != _plain(our.source):
        yield f"The {kind} cell `{name}` had been edited; the course's own was used."
    points = our.metadata["nbgrader"].get("points")
    if points is not None and their.points is not None and their.points != points:
        yield f"The points of `{name}` had been changed; they were put back."


def _twice(ours: Iterable[NotebookNode], theirs: Sequence[Cell]) -> Iterator[str]:
    for our in ours:
        name = _name(our)
        if not name or sum(cell.name == name for cell in theirs) < 2:
            continue
        text = f"The cell `{name}` was there more than once"
        if _kind(our) == "solution":
            yield f"{text}: all ran in order, and the last definition counts."
        else:
            yield f"{text}; the copies were left out."
