"""Views of a network and its training: one small function for each.

Each takes arrays and an `ax`, draws in the book's palette, and returns the `ax`. What
is drawn has been computed before: a view holds no measurement, only a way to see it.
Matplotlib is imported when the first one is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled import plots
from unrolled.monitor import running_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (plots.STATE, plots.CARRY, plots.STEP, plots.INPUT, plots.OUTPUT)
LINES = 78  # characters in a row of `neuron_over_text`


# --------------------------------------------------------------------- training


def loss_curves(
    ax: Axes, curves: Mapping[str, Any], levels: Mapping[str, float] = {}
) -> Axes:
    """Losses over updates: each curve (N,), or (S, N) for S runs as median and band.

    A single run is drawn twice, pale as it was and strong as its running mean.
    `levels` are horizontal lines to compare with, labelled.
    """
    for (name, values), colour in zip(curves.items(), _colours(), strict=False):
        runs = np.atleast_2d(np.asarray(values, dtype=float))
        updates = np.arange(1, runs.shape[1] + 1)
        if len(runs) > 1:
            low, middle, high = np.quantile(runs, [0, 0.5, 1], axis=0)
            ax.fill_between(updates, low, high, color=colour, alpha=0.2, lw=0)
        else:
            ax.plot(updates, runs[0], color=colour, lw=0.6, alpha=0.35)
            middle = np.array(running_mean(list(runs[0]), 0.03))
        ax.plot(updates, middle, color=colour, label=name)
    for name, level in levels.items():
        ax.axhline(level, color=plots.MUTED, lw=0.9, ls="--")
        ax.annotate(
            name, (1, level), xycoords=("axes fraction", "data"), ha="right",
            xytext=(0, 2), textcoords="offset points", color=plots.MUTED, fontsize=9,
        )  # fmt: skip
    ax.set(xlabel="update", ylabel="loss")
    if len(curves) > 1:
        ax.legend()
    return ax


def rate_range(ax: Axes, rates: Any, losses: Any, chosen: float | None = None) -> Axes:
    """The loss while the learning rate is raised, (N,) each or losses (S, N).

    What is infinite or above ten times the first loss is left out.
    """
    rates, runs = np.asarray(rates, dtype=float), np.atleast_2d(losses)
    for run in runs:
        shown = np.where(run < 10 * run[0], run, np.nan)
        ax.plot(rates, shown, color=plots.STATE, lw=1.2, alpha=0.5 + 0.5 / len(runs))
    if chosen is not None:
        ax.axvline(chosen, color=plots.CARRY, ls="--", lw=1.2)
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
    return ax


def gradient_map(ax: Axes, norms: Any, updates: Any = None, floor: float = 1e-6) -> Any:
    """Norm of the gradient over training and over time steps, in decades.

    norms (N, T): after which update, at which step of the window; the last step
    stands on the right, 0 back. Below `floor` is the ground. Returns the mesh, for a
    colour bar.
    """
    norms = np.asarray(norms, dtype=float)
    rows = np.arange(len(norms)) if updates is None else np.asarray(updates)
    back = np.arange(norms.shape[1])[::-1]
    decades = np.log10(np.maximum(norms, floor))
    mesh = ax.pcolormesh(
        back, rows, decades, cmap=plots.magnitude_map(plots.CARRY),
        vmin=np.log10(floor), shading="nearest", rasterized=False,
    )  # fmt: skip
    ax.invert_xaxis()
    ax.grid(False)
    ax.set(xlabel="steps back", ylabel="update")
    return mesh


# ------------------------------------------------------------------------ gates


def gate_histogram(ax: Axes, gates: Mapping[str, Any], bins: int = 40) -> Axes:
    """How often each gate has which value: arrays of any shape, in (0, 1)."""
    edges = np.linspace(0, 1, bins + 1)
    for (name, values), colour in zip(gates.items(), _colours(), strict=False):
        share = np.histogram(np.ravel(values), edges)[0] / np.size(values)
        ax.stairs(share * bins, edges, color=colour, label=name, lw=1.6)
    ax.set(xlabel="value of the gate", ylabel="density", xlim=(0, 1))
    ax.legend()
    return ax


def saturation(ax: Axes, low: Any, high: Any, name: str = "") -> Axes:
    """Each unit of a gate as a point: how often nearly shut, how often nearly open.

    low, high (H,): shares of all steps, so that no point lies above the diagonal.
    """
    ax.plot([0, 1], [1, 0], color=plots.GRID, lw=1)
    ax.plot(low, high, "o", ms=4, color=plots.STATE, alpha=0.6, mec="none", label=name)
    ax.set(xlabel="nearly shut", ylabel="nearly open", xlim=(-0.03, 1.03))
    ax.set(ylim=(-0.03, 1.03), aspect="equal")
    return ax


def half_lives(ax: Axes, steps: Any, name: str = "", colour: str = plots.STATE) -> Axes:
    """Half-lives of the units (H,), sorted, on a logarithmic axis of steps."""
    steps = np.sort(np.asarray(steps, dtype=float))
    rank = (np.arange(len(steps)) + 0.5) / len(steps)
    ax.plot(steps, rank, drawstyle="steps-mid", color=colour, label=name)
    ax.set(xscale="log", xlabel="half-life in steps", ylabel="share of units below")
    ax.set_ylim(0, 1)
    return ax


# ----------------------------------------------------------------------- states


def state_map(ax: Axes, hs: Any, text: str = "") -> Any:
    """States over time as colours: hs (T, H), one row a unit, one column a step.

    `text` labels the steps by their characters. Returns the mesh.
    """
    hs = np.asarray(hs, dtype=float)
    limit = np.abs(hs).max() or 1.0
    mesh = ax.pcolormesh(
        np.arange(hs.shape[0]), np.arange(hs.shape[1]), hs.T, shading="nearest",
        cmap=plots.signed_map(), vmin=-limit, vmax=limit,
    )  # fmt: skip
    if text:
        ax.set_xticks(range(len(hs)), [_visible(c) for c in text[: len(hs)]])
        ax.tick_params(axis="x", length=0, labelsize=8)
        ax.set_xticklabels(ax.get_xticklabels(), family="DejaVu Sans Mono")
    ax.set(xlabel="" if text else "time step", ylabel="unit")
    ax.grid(False)
    return mesh


def neuron_over_text(
    ax: Axes, text: str, values: Any, width: int = LINES, limit: float | None = None
) -> Axes:
    """A text whose characters stand on the colour of a unit's value after each.

    values (len(text),). Lines break at newlines and after `width` characters.
    """
    values = np.asarray(values, dtype=float)
    limit = limit or np.abs(values).max() or 1.0
    places = character_places(text, width)
    lines = places[-1][0] + 1 if places else 1
    grid = np.zeros((lines, width))
    for (row, column), value in zip(places, values, strict=True):
        grid[row, column] = value
    ax.pcolormesh(grid, cmap=plots.signed_map(), vmin=-limit, vmax=limit, alpha=0.75)
    for (row, column), character in zip(places, text, strict=True):
        if character not in " \n":
            ax.text(
                column + 0.5, row + 0.54, character, ha="center", va="center",
                fontsize=7.5, family="DejaVu Sans Mono", color=plots.INK,
            )  # fmt: skip
    ax.set(xlim=(0, width), ylim=(lines, 0), xticks=[], yticks=[])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def character_places(text: str, width: int = LINES) -> list[tuple[int, int]]:
    """The (row, column) of each character, a newline at the end of its row."""
    row = column = 0
    places = []
    for character in text:
        if column == width:
            row, column = row + 1, 0
        places.append((row, column))
        row, column = (row + 1, 0) if character == "\n" else (row, column + 1)
    return places


def _visible(character: str) -> str:
    return {" ": "·", "\n": "↵"}.get(character, character)


# ----------------------------------------------------------- states as a motion


def trajectories(ax: Axes, points: Any, labels: Sequence[int] | None = None) -> Axes:
    """Paths in a plane: points (T, B, 2 or more); `labels` (B,) choose the colours."""
    points = np.asarray(points, dtype=float)
    kinds = [0] * points.shape[1] if labels is None else list(labels)
    for path, label in zip(points.transpose(1, 0, 2), kinds, strict=True):
        colour = COLOURS[int(label) % len(COLOURS)]
        ax.plot(path[:, 0], path[:, 1], "-", lw=0.7, alpha=0.5, color=colour)
    ax.set(xlabel="first component", ylabel="second component", aspect="equal")
    return ax


def state_cloud(ax: Axes, points: Any, kinds: Any, names: Sequence[str] = ()) -> Axes:
    """States as dots, coloured by what they have to remember.

    points (..., 2 or more), kinds (...) integers; `names` label them.
    """
    points, kinds = np.asarray(points, dtype=float), np.asarray(kinds)
    for kind in np.unique(kinds):
        some, name = points[kinds == kind], names[int(kind)] if names else ""
        ax.plot(
            some[:, 0], some[:, 1], "o", ms=2.5, mec="none", alpha=0.5, label=name,
            color=COLOURS[int(kind) % len(COLOURS)],
        )  # fmt: skip
    ax.set(xlabel="first component", ylabel="second component", aspect="equal")
    return ax


def fixed_points(ax: Axes, points: Any, unstable: Any, marks: str = "os^D") -> Axes:
    """Points that stay where they are: (N, 2 or more) of a plane.

    unstable (N,): in how many directions a small push grows. Stable points are full,
    the others hollow; with two directions or more their form is a triangle.
    """
    points, unstable = np.asarray(points, dtype=float), np.asarray(unstable)
    for count in np.unique(unstable):
        some = points[unstable == count]
        face = plots.INK if count == 0 else plots.PAPER
        name = "stable" if count == 0 else f"{count} unstable"
        mark = marks[min(int(count), len(marks) - 1)]
        ax.plot(
            some[:, 0], some[:, 1], mark, ms=7, mfc=face, mec=plots.INK, mew=1.3,
            ls="", label=name, zorder=5,
        )  # fmt: skip
    return ax


def eigenvalues(ax: Axes, values: Any, name: str = "", colour: str = "") -> Axes:
    """Eigenvalues in the complex plane with the circle of modulus one."""
    turn = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.cos(turn), np.sin(turn), color=plots.MUTED, lw=0.9)
    values = np.asarray(values)
    ax.plot(
        values.real, values.imag, "o", ms=4, color=colour or plots.STATE, alpha=0.8,
        mec="none", label=name,
    )  # fmt: skip
    ax.set(xlabel="real part", ylabel="imaginary part", aspect="equal")
    return ax


def _colours() -> Sequence[str]:
    return COLOURS
