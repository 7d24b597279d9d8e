"""The course's own directives: ``{shapes}`` and ``{exercise-notebook}``.

``{shapes}`` is the line below an equation that gives each factor's shape.
``{exercise-notebook} NN-slug`` is the box at a chapter's end that offers the
student notebook; what it says is read from the notebook itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import launch
import nbformat
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from unrolled import checks
from unrolled.task import Task


class Shapes(SphinxDirective):
    has_content = True

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        text = "\n".join(self.content)
        block = nodes.line_block(classes=["shapes"])
        block += [nodes.line("", "", nodes.literal("", li)) for li in text.split("\n")]
        return [block]


@dataclass(frozen=True)
class Exercise:
    """What the released files say of themselves."""

    slug: str
    title: str
    tasks: tuple[Task, ...]

    @property
    def summary(self) -> str:
        minutes = sum(task.minutes for task in self.tasks)
        points = sum(task.total for task in self.tasks)
        return (
            f"{len(self.tasks)} tasks, about {minutes} minutes, {points} points. "
            "Keep the notebook and its checks.npz in one folder."
        )


def read_exercise(folder: Path) -> Exercise:
    """The exercise in exercises/NN-slug; says what to run where it is missing."""
    slug = folder.name
    for name in (f"{slug}.ipynb", "checks.npz"):
        if not (folder / name).is_file():
            raise ExtensionError(
                f"exercises/{slug}/{name} is missing: run `make derive`, "
                "which makes it from solutions/."
            )
    tasks = checks.read(folder / "checks.npz").tasks.values()
    graded = tuple(task for task in tasks if task.total)
    return Exercise(slug, _title(folder / f"{slug}.ipynb"), graded)


def _title(path: Path) -> str:
    for cell in nbformat.read(path, as_version=4).cells:
        for line in cell.source.splitlines():
            if cell.cell_type == "markdown" and line.startswith("# "):
                return str(line[2:].strip())
    raise ExtensionError(f"{path.name} has no title: a markdown line '# ...'.")


class ExerciseNotebook(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        slug = self.arguments[0]
        folder = Path(self.env.srcdir, "exercises", slug)
        exercise = read_exercise(folder)
        for name in (f"{slug}.ipynb", "checks.npz"):
            self.env.note_dependency(f"exercises/{slug}/{name}")
        box = nodes.admonition(classes=["exercise-notebook"])
        box += nodes.title("", f"Exercise notebook: {exercise.title}")
        box += nodes.paragraph("", exercise.summary)
        box += self._table(exercise)
        box += [self._page(slug), launch.links(self.env.app, slug)]
        return [box]

    def _table(self, exercise: Exercise) -> nodes.table:
        head, body = nodes.thead(), nodes.tbody()
        titles = ("Task", "You write", "Difficulty", "Minutes", "Points")
        head += _row(*map(nodes.Text, titles))
        for task in exercise.tasks:
            number = nodes.Text(task.label.removeprefix("Exercise "))
            name = nodes.literal("", task.name)
            amounts = map(nodes.Text, (f"{task.minutes}", f"{task.total}"))
            body += _row(number, name, launch.difficulty(task.difficulty), *amounts)
        widths = [nodes.colspec(colwidth=width) for width in (1, 4, 1, 1, 1)]
        group = nodes.tgroup("", *widths, cols=len(widths))
        group += [head, body]
        return nodes.table("", group, classes=["exercise-parts"])

    def _page(self, slug: str) -> nodes.paragraph:
        target = f"/exercises/{slug}/{slug}"
        text = nodes.inline("", "Read the notebook here")
        options = {"refdoc": self.env.docname, "refdomain": "std", "reftype": "doc"}
        link = addnodes.pending_xref("", text, reftarget=target, refexplicit=True,
                                     refwarn=True, **options)  # fmt: skip
        return nodes.paragraph("", "", link, classes=["exercise-links"])


def _row(*cells: nodes.Node) -> nodes.row:
    return nodes.row("", *[nodes.entry("", nodes.paragraph("", "", c)) for c in cells])


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("launch")
    app.add_directive("shapes", Shapes)
    app.add_directive("exercise-notebook", ExerciseNotebook)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
