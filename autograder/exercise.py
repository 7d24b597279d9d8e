"""Read one exercise from `solutions/NN-slug`: its notebook, cases, bugs, variants.

The notebook is py:percent text. A cell's header says what it is:

    # %% given="imports"              code that the student keeps as it is
    # %% solution="rnn_forward"       the student writes between BEGIN/END SOLUTION
    # %% check="rnn_forward"          the check cell, which carries the points
    # %% solution="earlier" include="02-recurrent-cell: rnn_forward"
    # %% [markdown] or # %%           prose, and code to play with
"""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import jupytext
from nbformat import NotebookNode

from autograder.cases import Vary
from unrolled.task import Task

ROOT = Path(__file__).resolve().parent.parent
SOLUTIONS = ROOT / "solutions"
EXERCISES = ROOT / "exercises"

_BEGIN, _END = "### BEGIN SOLUTION", "### END SOLUTION"


class ExerciseError(ValueError):
    """An exercise's source is not as it must be; the sentence says what to mend."""


@dataclass(frozen=True)
class Edit:
    """A known bug as a change of the solution's text, and what the student reads.

    `old` must occur exactly once in the solution cell of the function. `more` are
    further (old, new) pairs where one mistake touches several places.
    """

    name: str
    old: str
    new: str
    says: str
    more: tuple[tuple[str, str], ...] = ()

    def apply(self, source: str, where: str) -> str:
        for old, new in ((self.old, self.new), *self.more):
            count = source.count(old)
            if count != 1:
                raise ExerciseError(
                    f"Bug {self.name!r} of {where}: its old text {old!r} occurs "
                    f"{count} times in the solution, not once; change bugs.py."
                )
            source = source.replace(old, new)
        return source


def every_combination(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """All ways to leave some of a snippet's mistakes in place, fewest first."""
    return tuple(
        _left(chosen, len(edits))
        for size in range(1, len(edits) + 1)
        for chosen in itertools.combinations(edits, size)
    )


def _left(chosen: Sequence[Edit], total: int) -> Edit:
    first, *others = chosen
    says = f"{len(chosen)} of the {total} mistakes left: "
    says += "; ".join(edit.says for edit in chosen) + "."
    if len(chosen) == total:  # finding the first one is the reader's
        says = f"all {total} mistakes are still there: repair one and check again."
    return Edit(
        " + ".join(edit.name for edit in chosen),
        first.old,
        first.new,
        says,
        (*first.more, *(p for e in others for p in ((e.old, e.new), *e.more))),
    )


@dataclass(frozen=True)
class Variant:
    """A correct solution in another style: whole solution cells by their names, and
    the aspects that it may lose, by function ("purity" for one that writes into
    its input); every value is right."""

    name: str
    cells: Mapping[str, str]
    loses: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Exercise:
    """One exercise, as its author wrote it."""

    slug: str
    title: str
    cells: tuple[NotebookNode, ...]
    tasks: Mapping[str, Task]
    varies: Mapping[str, tuple[Vary, ...]]
    draws: Mapping[str, Callable[..., dict[str, Any]]]
    data: Callable[..., dict[str, Any]]
    edits: Mapping[str, tuple[Edit, ...]]
    variants: Mapping[str, Variant]

    @property
    def graded(self) -> dict[str, Task]:
        """The tasks that carry points here; the others are earlier ones, reused."""
        return {name: task for name, task in self.tasks.items() if task.total}

    def source(self, name: str) -> str:
        """The source of the solution cell called `name`."""
        for cell in self.cells:
            if cell.metadata.get("solution") == name:
                return cell.source
        raise ExerciseError(
            f'{self.slug} has no cell with solution="{name}"; add it to notebook.py.'
        )

    def cell_of(self, function: str) -> str:
        """The name of the solution cell that defines `function`."""
        pattern = re.compile(rf"^(def|class) {re.escape(function)}\b", re.M)
        for cell in self.cells:
            if "solution" in cell.metadata and pattern.search(cell.source):
                return cell.metadata["solution"]
        raise ExerciseError(f"{self.slug} defines {function} in no solution cell.")


def slugs() -> list[str]:
    """All exercises, in order."""
    return sorted(path.parent.name for path in SOLUTIONS.glob("*/notebook.py"))


@lru_cache(maxsize=64)
def load(slug: str) -> Exercise:
    """The exercise `slug`; ExerciseError if it does not exist or is malformed."""
    folder = SOLUTIONS / slug
    if not (folder / "notebook.py").is_file():
        known = ", ".join(slugs()) or "none"
        raise ExerciseError(f"There is no exercise {slug!r}; there are: {known}.")
    cases = _module(folder / "cases.py")
    bugs = _module(folder / "bugs.py")
    tasks = {task.name: task for task in cases.TASKS}
    variants = {}
    if (folder / "variants.py").is_file():
        variants = _variants(folder / "variants.py")
    return Exercise(
        slug=slug,
        title=cases.TITLE,
        cells=tuple(_cells(folder / "notebook.py")),
        tasks=tasks,
        varies=cases.CASES,
        draws={name: getattr(cases, name) for name in cases.CASES},
        data=getattr(cases, "data", lambda rng, reference: {}),
        edits=_edits(bugs),
        variants=variants,
    )


def _cells(path: Path) -> list[NotebookNode]:
    cells = jupytext.reads(path.read_text("utf-8"), fmt="py:percent").cells
    for cell in cells:
        if "include" in cell.metadata:
            cell.source = _included(cell.metadata["include"])
    return cells


def _included(what: str) -> str:
    """Solution cells of an earlier exercise, each kept as a solution region."""
    slug, _, names = what.partition(":")
    parts = []
    for name in names.split():
        source = load(slug.strip()).source(name)
        parts.append(source.replace(f"    {_BEGIN}\n", "").replace(f"    {_END}", ""))
    return "\n".join([_BEGIN, *(part.strip() + "\n" for part in parts), _END])


def _edits(bugs: ModuleType) -> dict[str, tuple[Edit, ...]]:
    """The bank; for the functions in COMBINE, with every combination of its bugs."""
    combine = getattr(bugs, "COMBINE", ())
    return {
        name: every_combination(edits) if name in combine else tuple(edits)
        for name, edits in bugs.BUGS.items()
    }


def _variants(path: Path) -> dict[str, Variant]:
    """Correct solutions in other styles, cell by cell:

    # %% variant="tuple cache" cell="rnn_forward" loses="rnn_forward: purity"
    """
    cells = jupytext.reads(path.read_text("utf-8"), fmt="py:percent").cells
    found: dict[str, Variant] = {}
    for cell in cells:
        name = cell.metadata.get("variant")
        if name is None:
            continue
        before = found.get(name, Variant(name, {}, {}))
        found[name] = Variant(
            name,
            {**before.cells, cell.metadata["cell"]: cell.source},
            {**before.loses, **_losses(cell.metadata.get("loses", ""))},
        )
    return found


def _losses(text: str) -> dict[str, tuple[str, ...]]:
    """ "rnn_forward: purity; mse: shapes purity" as a dict."""
    pairs = (part.split(":") for part in text.split(";") if part.strip())
    return {name.strip(): tuple(aspects.split()) for name, aspects in pairs}


def _module(path: Path) -> ModuleType:
    name = f"_solutions_{path.parent.name.replace('-', '_')}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ExerciseError(f"{path.name} of {path.parent.name} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up here
    try:
        spec.loader.exec_module(module)
    except FileNotFoundError:
        raise ExerciseError(
            f"solutions/{path.parent.name} lacks {path.name}; see CONTRIBUTING.md."
        ) from None
    return module
