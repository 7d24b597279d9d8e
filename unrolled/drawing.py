"""A matplotlib figure as a piece of a page: SVG text that brings its own names.

The build of the book does this for the pictures that cells put out. What writes HTML of
its own, a film or a monitor, has to do it itself.
"""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING

from unrolled.plots import PALETTE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PROLOGUE = re.compile(r"^.*?(?=<svg\b)", re.DOTALL)
_NOISE = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_ID = re.compile(r'(\bid="|href="#|url\(#)')
_COLOUR = re.compile("|".join(PALETTE.values()), re.IGNORECASE)
_VARIABLE = {value: f"var(--u-{name}, {value})" for name, value in PALETTE.items()}


def saved(fig: Figure) -> str:
    """The figure as an SVG element, without a prologue and without a date."""
    page = io.StringIO()
    fig.savefig(page, format="svg", metadata={"Date": None})
    return _NOISE.sub("", _PROLOGUE.sub("", page.getvalue(), count=1))


def inline(svg: str) -> str:
    """The element for a page of others: names of its own, for two figures may use the
    same ones, and the palette's colours as variables that follow the theme."""
    own = "d" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = _ID.sub(rf"\g<1>{own}-", svg)
    return _COLOUR.sub(lambda match: _VARIABLE[match[0].lower()], svg)
