"""``{widget} kind``: a live figure, with its still picture in the page and in print.

    ```{widget} gradient-norm
    :name: fig-norm
    :alt: What is to be seen before anything is moved.
    :state: {"rho": 0.9}

    The caption.
    ```

``:data:`` names a JSON file, from the root, for figures that need data. In the
document it is a figure with an image, the still; HTML puts the element in its place.
A page loads the scripts of the kinds that it holds, those of
``unrolled.widgets.show`` included.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from html import unescape
from pathlib import Path
from typing import Any

import figures
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from unrolled import widgets

KIND = re.compile(r'<u-widget kind="([\w-]+)"')
STILL = re.compile(  # to the end of its frame: a drawing may hold another
    r'<svg(?=[^>]* class="w-svg")[^>]* aria-label="([^"]*)".*?</svg>(?=\s*</div>)',
    re.DOTALL,
)
DATA = re.compile(r'<script type="application/json">(.*?)</script>', re.DOTALL)


class Widget(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec = {  # noqa: RUF012
        "alt": directives.unchanged_required,
        "name": directives.unchanged,
        "state": directives.unchanged,
        "data": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        kind = self.arguments[0]
        try:
            options = self.options
            state = json.loads(options.get("state", "{}"))
            alt = " ".join(options.get("alt", "").split())
            live = widgets.show(kind, self._data(), alt=alt, state=state)
        except ValueError as error:  # JSON's own are among them
            raise self.error(f"widget {kind}: {error}") from None
        self.env.note_dependency(widgets.__file__)
        for script in ("core.js", widgets.SCRIPTS[kind]):
            self.env.note_dependency(str(widgets.FOLDER / script))
        return [self._figure(live, kind, alt)]

    def _data(self) -> Any:
        if "data" not in self.options:
            return None
        file = Path(self.env.srcdir, self.options["data"])
        if not file.is_file():
            raise ValueError(f"there is no file {self.options['data']}.")
        self.env.note_dependency(str(file))
        return json.loads(file.read_text("utf-8"))

    def _figure(self, live: widgets.Live, kind: str, alt: str) -> nodes.figure:
        image = nodes.image(uri=self._still(live.svg, kind), alt=alt)
        image["widget"] = live.html
        self.set_source_info(image)
        figure = nodes.figure("", image)
        self.set_source_info(figure)
        if self.content:
            words, _ = self.state.inline_text("\n".join(self.content), self.lineno)
            figure += nodes.caption("", "", *words)
        self.add_name(figure)
        return figure

    def _still(self, svg: str, kind: str) -> str:
        """Where the still is kept, as an address from the root."""
        folder = Path(self.env.app.outdir).parent / "widgets"
        folder.mkdir(parents=True, exist_ok=True)
        mark = hashlib.sha256(svg.encode()).hexdigest()[:8]
        file = folder / f"{kind}-{mark}.svg"
        file.write_text(svg, "utf-8")
        return "/" + Path(os.path.relpath(file, self.env.srcdir)).as_posix()


class Awake(SphinxPostTransform):
    """In HTML the still gives way to the element that holds it."""

    default_priority = 390  # before the figures put SVG files into the page
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        for image in list(self.document.findall(nodes.image)):
            if "widget" in image:
                image.replace_self(nodes.raw("", image["widget"], format="html"))


class Apart(SphinxPostTransform):
    """Stills and numbers are files beside the page, fetched when a reader comes near.

    From the disk a page may fetch pictures and scripts, so the numbers are a script.
    """

    default_priority = 410  # after MyST-NB has chosen among a cell's outputs
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        for raw in list(self.document.findall(nodes.raw)):
            if raw.get("format") == "html" and KIND.search(text := raw.astext()):
                text = DATA.sub(self._numbers, STILL.sub(self._still, text))
                raw[:] = [nodes.Text(text)]

    def _still(self, match: re.Match[str]) -> str:
        svg = figures.alone(widgets.standalone(match[0]), figures.dark_colours())
        address = figures.beside(self.env, svg, "svg")
        return figures.pictures(svg, address, unescape(match[1]))

    def _numbers(self, match: re.Match[str]) -> str:
        given = json.loads(match[1])
        if given["data"] is None:
            return match[0]
        data = json.dumps(given.pop("data"), separators=(",", ":"))
        name = hashlib.sha256(data.encode()).hexdigest()[:12]
        script = f'Unrolled.data["{name}"]={data};\n'
        given |= {"name": name, "from": figures.beside(self.env, script, "js")}
        return widgets.script(given)


def load(app: Sphinx, page: str, template: str, context: Any, tree: Any) -> None:
    kinds = set(KIND.findall(context.get("body", "")))
    if not kinds:
        return
    app.add_css_file("widgets/widgets.css")
    scripts = sorted({widgets.SCRIPTS[kind] for kind in kinds})
    for number, script in enumerate(["core.js", *scripts]):
        app.add_js_file(f"widgets/{script}", priority=600 + number, defer="defer")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("widget", Widget)
    app.add_post_transform(Awake)
    app.add_post_transform(Apart)
    app.connect("html-page-context", load)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
