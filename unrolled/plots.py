"""Figures of the book: a palette with meaning, two sizes, transparent SVG.

The build turns exactly these colours of an SVG into CSS variables
(book/_ext/figures.py), so a figure follows the reader's light or dark theme. A colour
that is not in PALETTE stays as it is in both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # matplotlib takes most of a second: only who draws pays for it
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

INK = "#1c1f26"  # text, axes
MUTED = "#626977"  # secondary lines and labels
GRID = "#d9d9d6"
PAPER = "#fdfdfb"  # the page's ground, e.g. the face of a box

INPUT = "#0f766e"  # x_t
STATE = "#1f5fbf"  # h_t, a_t
WEIGHT = "#8a5a00"  # W_xh, W_hh, b_h
OUTPUT = "#a21a6b"  # logits, targets
CARRY = "#c2410c"  # dh_next, the gradient carried back from t+1
STEP = "#7138d6"  # dhs[t], the gradient that arrives at this step

PALETTE = {
    "ink": INK, "muted": MUTED, "grid": GRID, "paper": PAPER,
    "input": INPUT, "state": STATE, "weight": WEIGHT, "output": OUTPUT,
    "carry": CARRY, "step": STEP,
}  # fmt: skip
"""The part of the CSS variable's name after ``--u-``, and its value in light."""

NARROW = (4.6, 3.0)  # inches: readable on a phone without scrolling
WIDE = (7.2, 3.2)  # the full column; scrolls inside itself on a phone

STYLE = {
    "figure.figsize": NARROW,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "none",
    "svg.fonttype": "path",  # the same shapes on every machine
    "svg.hashsalt": "unrolled",  # the same ids in every build
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 11,
    "mathtext.fontset": "cm",  # as KaTeX sets the page's formulas
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "legend.frameon": False,
    "patch.edgecolor": INK,
}


def use_book_style() -> None:
    """Set matplotlib's defaults to the book's; in a notebook, draw as SVG."""
    import matplotlib
    from cycler import cycler

    colours = cycler(color=[STATE, CARRY, STEP, INPUT, OUTPUT, WEIGHT])
    matplotlib.rcParams.update({**STYLE, "axes.prop_cycle": colours})
    _draw_svg_in_notebooks()


def _draw_svg_in_notebooks() -> None:
    try:
        from IPython.core.getipython import get_ipython
        from matplotlib_inline.config import InlineBackend
    except ImportError:  # a terminal without IPython: nothing to set
        return
    shell = get_ipython()
    if shell is None:
        return
    backend = InlineBackend.instance(parent=shell)
    # no date in the file, so that two builds give the same bytes
    backend.print_figure_kwargs = {"bbox_inches": "tight", "metadata": {"Date": None}}
    backend.figure_formats = {"svg"}


def signed_map() -> Colormap:
    """From CARRY (negative) through nothing to STATE (positive).

    Size is shown by opacity, so that zero is the page's ground in both themes.
    """
    return _by_opacity("signed", [(CARRY, 1.0), (CARRY, 0.0), (STATE, 0.0), (STATE, 1)])


def magnitude_map(colour: str = STATE) -> Colormap:
    """From nothing (zero) to the full colour (the largest value)."""
    return _by_opacity("magnitude", [(colour, 0.0), (colour, 1.0)])


def error_table(ax: Axes, table: Any, rows: Any, columns: Any) -> None:
    """Relative errors (rows, columns) as numbers, on a ground that grows with them.

    A dot stands where there is no more than rounding.
    """
    import numpy as np

    ax.grid(False)
    ax.pcolormesh(
        np.minimum(table, 1.5), cmap=magnitude_map(CARRY), vmin=0, vmax=2.5,
        edgecolors=GRID, lw=0.8,
    )  # fmt: skip
    for (row, column), value in np.ndenumerate(table):
        text = "·" if value < 1e-12 else f"{value:.2f}"
        at = column + 0.5, row + 0.5
        ax.text(*at, text, ha="center", va="center", color=INK, fontsize=9)
    ax.set_xticks(np.arange(len(columns)) + 0.5, columns)
    ax.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ax.invert_yaxis()
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _by_opacity(name: str, stops: list[tuple[str, float]]) -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    places = {2: [0.0, 1.0], 4: [0.0, 0.5, 0.5, 1.0]}[len(stops)]
    rgba: list[Any] = [to_rgba(colour, alpha) for colour, alpha in stops]
    return LinearSegmentedColormap.from_list(name, list(zip(places, rgba, strict=True)))
