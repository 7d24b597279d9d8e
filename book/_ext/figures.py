"""SVG figures become part of their page, in the page's own colours.

A picture behind <img> cannot see whether the reader's theme is light or dark. Put
into the page, with the palette's colours as CSS variables, it follows the theme.
"""

from __future__ import annotations

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
SIZE = re.compile(r'\s(?:width|height)="[^"]*"')
WIDTH = re.compile(r'\swidth="([\d.]+)(pt)?"')
MESH = re.compile(r'(<g id="[^"]*QuadMesh_\d+">)(.*?)(</g>)', re.DOTALL)
CELL = re.compile(
    r'<path d="M (\S+) (\S+)\s+L (\S+) \2\s+L \3 (\S+)\s+L \1 \4\s+L \1 \2\s+"'
    r'( clip-path="[^"]*")? style="fill: ([^;"]+)(?:; fill-opacity: ([\d.]+))?"/>'
)
WIDE = 500  # pixels: what is wider scrolls on a phone and does not shrink to a blur


def live(svg: str, prefix: str, alt: str) -> str:
    """The SVG as part of a page: own ids, a text for it, colours as variables."""
    by_matplotlib = "<dc:title>Matplotlib" in svg
    svg = NOISE.sub("", PROLOGUE.sub("", svg, count=1))
    svg = MESH.sub(lambda match: match[1] + cells(match[2]) + match[3], svg)
    if by_matplotlib:
        svg = drawing.thin(svg)
    svg = ID.sub(rf"\g<1>{prefix}-", svg)  # two figures may use the same ids
    svg = COLOUR.sub(lambda match: VARIABLE[match[0].lower()], svg)
    head, rest = svg.split(">", 1)
    return f"{_head(head, alt)}>{rest}"


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
    pixels = _pixels(head)
    names = "u-figure u-wide" if pixels > WIDE else "u-figure"
    width = f' style="width: {pixels:.0f}px"' if pixels else ""
    label = f' class="{names}" role="img" aria-label="{escape(alt)}"'
    return SIZE.sub("", head) + label + width


def _pixels(head: str) -> float:
    found = WIDTH.search(head)
    if not found:
        return 0.0
    return float(found[1]) * (4 / 3 if found[2] else 1)


class LiveFigures(SphinxPostTransform):
    """Replaces each image node of an SVG file by the drawing itself."""

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
        given = (file.read_text("utf-8"), prefix, image.get("alt", ""))
        svg = self._remembered(live, *given)
        html = f'<div class="u-drawing">{svg}</div>'
        image.replace_self(nodes.raw("", html, format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("memo")
    app.add_post_transform(LiveFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
