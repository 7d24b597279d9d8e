"""Where an exercise's notebook can be opened: the links above and in its pages.

``course_repository`` in _config.yml is the one place that names the course's home,
such as https://github.com/someone/unrolled. While it is empty there is the download
and JupyterLab on the reader's machine; with it, Colab and Binder. All are links:
nothing is loaded until a reader follows one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from docutils import nodes
from markup import element
from sphinx import addnodes
from sphinx.application import Sphinx

PAGE = re.compile(r"^exercises/([^/]+)/\1$")
GITHUB = re.compile(r"^https://github\.com/([\w.-]+/[\w.-]+?)/?$")
LAB = "http://localhost:8888/lab/tree/"
DIFFICULTY = re.compile(r"●+○*")


def home(app: Sphinx) -> str:
    """owner/name of the course's repository, or nothing."""
    given = app.config.course_repository
    found = GITHUB.match(given)
    if given and not found:
        raise ValueError(
            f"course_repository is {given!r}: write https://github.com/owner/name, "
            "or leave it empty."
        )
    return found[1].removesuffix(".git") if found else ""


def places(app: Sphinx, slug: str) -> Iterator[tuple[str, str]]:
    """(name, address) of what can open the notebook."""
    path = quote(f"exercises/{slug}/{slug}.ipynb")
    yield "JupyterLab on this computer", LAB + path
    if repository := home(app):
        branch = app.config.course_branch
        github = f"https://colab.research.google.com/github/{repository}"
        yield "Colab", f"{github}/blob/{branch}/{path}"
        binder = f"https://mybinder.org/v2/gh/{repository}/{branch}"
        yield "Binder", f"{binder}?labpath={quote(path, safe='')}"


def links(app: Sphinx, slug: str) -> nodes.paragraph:
    line = nodes.paragraph(classes=["exercise-links"])
    for name in (f"{slug}.ipynb", "checks.npz"):
        line += [_download(app, slug, name), nodes.Text(" ")]
    for name, address in places(app, slug):
        text = nodes.Text(f"Open in {name}")
        line += nodes.reference("", "", text, refuri=address, classes=["u-launch"])
        line += nodes.Text(" ")
    return line


def _download(app: Sphinx, slug: str, name: str) -> nodes.Node:
    text = nodes.inline("", f"Download {name}")
    return addnodes.download_reference(
        "", "", text, reftarget=f"/exercises/{slug}/{name}", refdoc=app.env.docname,
        classes=["u-download"],
    )  # fmt: skip


def hints(app: Sphinx, slug: str) -> Iterator[nodes.Node]:
    """What a link by itself does not say."""
    start = nodes.paragraph("", "From a copy of the course, ")
    start += nodes.literal("", f"jupyter lab exercises/{slug}/{slug}.ipynb")
    start += nodes.Text(
        " starts JupyterLab with this notebook; the link above finds it once "
        "JupyterLab runs. Keep the two files in one folder."
    )
    yield start
    if repository := home(app):
        name = repository.split("/")[1]
        colab = nodes.paragraph("", "Colab begins with an empty disk. Run first ")
        command = (
            f"!git clone https://github.com/{repository} && pip install -q ./{name}"
        )
        colab += [nodes.literal("", command), nodes.Text(" and ")]
        colab += nodes.literal("", f"%cd {name}/exercises/{slug}")
        colab += nodes.Text(".")
        yield colab


def head_page(app: Sphinx, doctree: nodes.document) -> None:
    """The box below the title of an exercise's page, and its tasks' lines."""
    found = PAGE.match(app.env.docname)
    if not found:
        return
    slug = found[1]
    for name in (f"{slug}.ipynb", "checks.npz"):
        if not Path(app.srcdir, "exercises", slug, name).is_file():
            return  # the chapter's box says what to run
    box = nodes.container(classes=["u-notebook"])
    lead = nodes.paragraph("", "", classes=["u-notebook-lead"])
    lead += nodes.Text("This is the notebook that you complete. ")
    box += [lead, links(app, slug), *hints(app, slug)]
    titles = list(doctree.findall(nodes.title))
    if titles:
        titles[0].parent.insert(titles[0].parent.index(titles[0]) + 1, box)
    for paragraph in list(doctree.findall(nodes.paragraph)):
        _mark_task(paragraph)


def _mark_task(paragraph: nodes.paragraph) -> None:
    """ "Exercise 2.1 ... difficulty ●○○" is a line of its own kind."""
    first = paragraph[0] if paragraph.children else None
    if not isinstance(first, nodes.strong) or "●" not in paragraph.astext():
        return
    paragraph["classes"].append("u-task")
    for text in list(paragraph.findall(nodes.Text)):
        if found := DIFFICULTY.search(text):
            before, after = text[: found.start()], text[found.end() :]
            parent, at = text.parent, text.parent.index(text)
            new = [
                nodes.Text(before),
                difficulty(found[0].count("●")),
                nodes.Text(after),
            ]
            parent[at : at + 1] = new


def difficulty(level: int) -> nodes.Node:
    dots = nodes.Text("●" * level + "○" * (3 - level))
    label = f"{level} of 3"
    return element("span", dots, class_="u-difficulty", role="img", aria_label=label)


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("markup")
    app.add_config_value("course_repository", "", "env")
    app.add_config_value("course_branch", "main", "env")
    app.connect("doctree-read", head_page, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
