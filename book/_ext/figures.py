"""SVG figures in the page's own colours, light or dark.

A figure whose letters are drawn becomes a file beside the pages, fetched when a reader
comes near it. It holds both themes: its address with #dark shows the dark one. A
figure with words in the page's fonts has to be a part of the page to have them.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable
from html import escape
from pathlib import Path

import drawing
import markup
import memo
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from unrolled.plots import PALETTE

log = logging.getLogger(__name__)

OWN = [
    hashlib.sha256(Path(module).read_bytes()).hexdigest()
    for module in (__file__, drawing.__file__)
]
COLOUR = re.compile("|".join(PALETTE.values()), re.IGNORECASE)
VARIABLE = {value: f"var(--u-{name}, {value})" for name, value in PALETTE.items()}
RAW = re.compile(r"<svg xmlns:xlink\b.*?</svg>", re.DOTALL)
PROLOGUE = re.compile(r"^.*?(?=<svg\b)", re.DOTALL)
NOISE = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->|<title>.*?</title>", re.DOTALL)
ID = re.compile(r'(\bid="|href="#|url\(#)')
BOX = re.compile(r'<svg(?![^>]*\swidth=)[^>]*\sviewBox="0 0 ([\d.]+) ([\d.]+)"')
SIZE = re.compile(r'\s(?:width|height)="[^"]*"')
MESH = re.compile(r'(<g id="[^"]*QuadMesh_\d+">)(.*?)(</g>)', re.DOTALL)
CELL = re.compile(
    r'<path d="M (\S+) (\S+)\s+L (\S+) \2\s+L \3 (\S+)\s+L \1 \4\s+L \1 \2\s+"'
    r'( clip-path="[^"]*")? style="fill: ([^;"]+)(?:; fill-opacity: ([\d.]+))?"/>'
)
FOLDER = "_images"
DARK = re.compile(r'html\[data-theme="dark"\] \{(.*?)\}', re.DOTALL)
WIDE = 500  # pixels: what is wider scrolls on a phone and does not shrink to a blur


def live(svg: str, prefix: str, alt: str) -> str:
    """The SVG as part of a page: own ids, a text for it, colours as variables."""
    svg = ID.sub(rf"\g<1>{prefix}-", _tidy(svg))  # two figures may use the same ids
    head, rest = svg.split(">", 1)
    return f"{_head(head, alt)}>{rest}"


def alone(svg: str, dark: str) -> str:
    """The SVG as a file of its own; `dark` is what the variables are on dark ground."""
    head, rest = _tidy(svg).rstrip().removesuffix("</svg>").split(">", 1)
    style = f"<style>#dark:target{{{dark}}}</style>"
    return f'{head}>{style}<g id="dark">{rest}</g></svg>'


def pictures(svg: str, address: str, alt: str) -> str:
    """The file as it is seen in each theme; a browser fetches the one that is shown."""
    box = BOX.match(svg)
    sides = box.groups() if box else (_pixels(svg, "width"), _pixels(svg, "height"))
    wide, high = map(float, sides)
    names = "u-figure u-wide" if wide > WIDE else "u-figure"
    size = f'width="{wide:.0f}" height="{high:.0f}"'
    return "".join(
        f'<img class="{names} only-{theme}" src="{address}{part}" '
        f'alt="{escape(alt)}" {size} loading="lazy" />'
        for theme, part in (("light", ""), ("dark", "#dark"))
    )


def _tidy(svg: str) -> str:
    by_matplotlib = "<dc:title>Matplotlib" in svg
    svg = NOISE.sub("", PROLOGUE.sub("", svg, count=1))
    svg = MESH.sub(lambda match: match[1] + cells(match[2]) + match[3], svg)
    if by_matplotlib:
        svg = drawing.thin(svg)
    return COLOUR.sub(lambda match: VARIABLE[match[0].lower()], svg)


def cells(paths: str) -> str:
    """A heat map's cells, those of one colour as one path: thousands become tens.

    Its shades of a colour are opacities; a reader sees no more than fifty of them.
    What is no rectangle with a plain fill stays as it is.
    """
    found = list(CELL.finditer(paths))
    if CELL.sub("", paths).strip():
        return paths
    shades: dict[str, list[str]] = {}
    for x, y, right, bottom, clip, fill, opacity in (cell.groups() for cell in found):
        share = round(50 * float(opacity or 1)) / 50
        if fill == "none" or not share:
            continue
        look = f'{clip or ""} style="fill: {fill}; fill-opacity: {share:g}"'
        shades.setdefault(look, []).append(f"M{x} {y}H{right}V{bottom}H{x}z")
    return "".join(f'<path d="{"".join(d)}"{look}/>' for look, d in shades.items())


def _head(head: str, alt: str) -> str:
    pixels = _pixels(head, "width")
    names = "u-figure u-wide" if pixels > WIDE else "u-figure"
    width = f' style="width: {pixels:.0f}px"' if pixels else ""
    label = f' class="{names}" role="img" aria-label="{escape(alt)}"'
    return SIZE.sub("", head) + label + width


def _pixels(svg: str, name: str) -> float:
    found = re.search(rf'\s{name}="([\d.]+)(pt)?"', svg.split(">", 1)[0])
    if not found:
        return 0.0
    return float(found[1]) * (4 / 3 if found[2] else 1)


class LiveFigures(SphinxPostTransform):
    """Replaces each image node of an SVG file by the drawing in the page's colours."""

    default_priority = 400  # after MyST-NB has chosen among a cell's outputs
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        images = list(self.document.findall(nodes.image))
        drawings = [image for image in images if image["uri"].endswith(".svg")]
        for count, image in enumerate(drawings, start=1):
            self._replace(image, f"u{count}")
        for raw in list(self.document.findall(nodes.raw)):
            if raw.get("format") == "html" and RAW.search(text := raw.astext()):
                raw[:] = [nodes.Text(RAW.sub(self._thin, text))]

    def _thin(self, match: re.Match[str]) -> str:
        """What a cell has drawn and put into its own HTML, a film for instance."""
        return self._remembered(drawing.thin, match[0])

    def _remembered(self, make: Callable[..., str], *given: str) -> str:
        key, text = memo.of(self.app).get("drawing", OWN, make.__name__, *given)
        if text is None:
            text = make(*given)
            memo.of(self.app).put(key, text)
        return text

    def _replace(self, image: nodes.image, prefix: str) -> None:
        if not image.get("alt"):
            text = "figure %s has no alt text: say in one sentence what is to be seen"
            where = markup.place(image)
            log.warning(text, image["uri"], location=where, type="figures")
        file = Path(self.app.srcdir, image["uri"])
        if not file.is_file():
            return  # Sphinx has said so, with file and line
        svg, alt = file.read_text("utf-8"), image.get("alt", "")
        if "<text" in svg:
            html = self._remembered(live, svg, prefix, alt)
        else:
            svg = self._remembered(alone, svg, dark_colours())
            html = pictures(svg, beside(self.env, svg, "svg"), alt)
        html = f'<div class="u-drawing">{html}</div>'
        image.replace_self(nodes.raw("", html, format="html"))


def beside(env: BuildEnvironment, text: str, kind: str) -> str:
    """Puts a file among the pages; its address, from the page."""
    name = f"{FOLDER}/{hashlib.sha256(text.encode()).hexdigest()[:12]}.{kind}"
    file = Path(env.app.outdir, name)
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")
    return "../" * env.docname.count("/") + name


@functools.cache
def dark_colours() -> str:
    """The palette on dark ground, from the page's style sheet."""
    sheet = Path(__file__).parent.with_name("_static") / "book.css"
    found = DARK.search(sheet.read_text("utf-8"))
    assert found, sheet
    return re.sub(r"\s+", "", found[1])


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("memo")
    app.add_post_transform(LiveFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
