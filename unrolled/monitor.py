"""Watch a training run: a progress bar, and under it the curves as they come.

for _ in (watch := Monitor(600, "training")):
    ...
    watch.record(loss=loss, gradient=norm, saturated=share)

In a notebook the drawing is renewed about once a second; in a terminal there is one
line that is written over; where the output is kept, one line at the end. All that was
recorded is in `watch.history` afterwards, and `watch.draw()` draws it.
"""

from __future__ import annotations

import math
import time
from typing import Any, TextIO

from unrolled import plots
from unrolled.drawing import inline, saved
from unrolled.progress import Progress

PAUSE = 1.0  # seconds between two drawings: each takes some hundredth of one
_LOGARITHMIC = ("loss", "gradient")
_COLOURS = (plots.STATE, plots.CARRY, plots.STEP, plots.INPUT, plots.OUTPUT)


class Monitor(Progress):
    """A Progress over range(total) that keeps, shows and draws what is recorded."""

    def __init__(
        self, total: int, text: str = "", stream: TextIO | None = None
    ) -> None:
        super().__init__(total, text, stream)
        self.history: dict[str, list[float]] = {}
        self._picture, self._drawn = "", -math.inf

    def record(self, **numbers: Any) -> None:
        """Keep one number for each name, a new name from now on.

        A number may be a tensor of one entry. NaN is kept: a run that exploded should
        be seen to have done so.
        """
        for name, number in numbers.items():
            number = number.item() if hasattr(number, "item") else number
            self.history.setdefault(name, []).append(float(number))
        self.note = ", ".join(f"{k} {v[-1]:.3g}" for k, v in self.history.items())

    def draw(self) -> Any:
        """A figure with a panel for each name: all values, and their running mean."""
        import matplotlib.pyplot as plt

        names = list(self.history) or ["nothing recorded"]
        size = (2.5 * len(names) + 0.5, 2.1)
        fig, axes = plt.subplots(1, len(names), figsize=size, squeeze=False)
        for n, (ax, name) in enumerate(zip(axes[0], names, strict=True)):
            _panel(ax, name, self.history.get(name, []), _COLOURS[n % len(_COLOURS)])
        return fig

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        bundle = super()._repr_mimebundle_()
        if self.history:
            bundle["text/html"] += self._drawing()
        return bundle

    def _drawing(self) -> str:
        """The figure as SVG; not drawn again within PAUSE, but always at the end."""
        import matplotlib.pyplot as plt

        now = time.monotonic()
        if now - self._drawn >= PAUSE or self.done == self.total:
            with plt.ioff(), plt.rc_context(plots.STYLE):
                fig = self.draw()
                self._picture = inline(saved(fig))
                plt.close(fig)
            self._drawn = time.monotonic()
        return f'<div style="overflow-x: auto">{self._picture}</div>'


def running_mean(values: list[float], share: float = 0.05) -> list[float]:
    """Exponential mean over about `share` of the run, corrected for its start."""
    keep = 1 - 1 / max(1.0, share * len(values))
    mean, weight, found = 0.0, 0.0, []
    for value in values:
        if math.isfinite(value):
            mean, weight = keep * mean + (1 - keep) * value, keep * weight + 1 - keep
        found.append(mean / weight if weight else math.nan)
    return found


def _panel(ax: Any, name: str, values: list[float], colour: str) -> None:
    updates = range(1, len(values) + 1)
    ax.plot(updates, values, color=colour, lw=0.7, alpha=0.4)
    ax.plot(updates, running_mean(values), color=colour)
    positive = all(v > 0 for v in values if math.isfinite(v))
    if values and name in _LOGARITHMIC and positive:
        ax.set_yscale("log")
    ax.set(xlabel="update", title=name)
