"""A fenced block that was read as text stops the build.

Markdown takes ``` for the beginning of a block only if no backtick follows in the same
line: a question that holds a {eq}`label` would stand on the page as it was typed.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

log = logging.getLogger(__name__)


def look(app: Sphinx, document: nodes.document) -> None:
    for paragraph in document.findall(nodes.paragraph):
        first = paragraph.astext().split("\n")[0]
        if first.startswith(("```{", ":::{")):
            text = "%s... was read as text: no backtick may follow in its line; fence "
            text += "it with ~~~, or reword it"
            log.warning(text, first[:30], location=paragraph, type="fences")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("doctree-read", look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
