"""An animation as one drawing: a slider and a button beside an SVG, no video.

film = Film(fig)
for k, weights in enumerate(snapshots):
    with film.frame(f"update {k}"):
        ax.plot(...)
film  # the last line of a cell shows it

What is drawn outside of `frame` stays in all frames. Nothing moves until the reader
wants it to. Without scripts, and in print, the last frame is to be seen. It asks no
network and follows the book's light and dark colours.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from unrolled.drawing import inline, saved

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TAG = re.compile(r'id="film-(\d+)-\d+"')
_SIZE = re.compile(r'\s(?:width|height)="[\d.]+(?:pt)?"')
_WIDTH = re.compile(r'\swidth="([\d.]+)pt"')

_MARK = r'<use (xlink:href="#\w+") x="([\d.-]+)" y="([\d.-]+)" style="([^"]*)"/>\s*'
_MARKS = re.compile(rf"(?:{_MARK})+")
_ONE = re.compile(_MARK)

_STYLE = """
.u-film { margin: 0 auto; max-width: 100%; }
.u-film svg { display: block; width: 100%; height: auto; }
.u-film form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.u-film input { flex: 1; min-width: 6rem; accent-color: var(--u-state, #1f5fbf); }
.u-film button { min-width: 4.5rem; min-height: 2rem; }
.u-film output { font-variant-numeric: tabular-nums; }
@media print { .u-film form { display: none; } }
@media (prefers-reduced-motion: reduce) { .u-film button { display: none; } }
"""

# The controls are made by the script: who has no scripts sees no dead buttons.
_SCRIPT = """
{
  const film = document.getElementById("ID");
  const labels = LABELS, last = labels.length - 1;
  const form = document.createElement("form");
  form.innerHTML = '<button type="button">Play</button>' +
    '<input type="range" min="0" step="1" aria-label="frame"><output></output>';
  const [button, slider, output] = form.children;
  let timer = 0;
  slider.max = slider.value = last;
  function show() {
    for (const part of film.querySelectorAll("[data-frame]"))
      part.style.display = part.dataset.frame === slider.value ? "" : "none";
    output.textContent = labels[slider.value];
    slider.setAttribute("aria-valuetext", labels[slider.value]);
  }
  function stop() { clearInterval(timer); timer = 0; button.textContent = "Play"; }
  function step() {
    slider.value = Number(slider.value) + 1;
    show();
    if (Number(slider.value) === last) stop();
  }
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) === last) { slider.value = 0; show(); }
    timer = setInterval(step, PACE);
    button.textContent = "Pause";
  });
  slider.addEventListener("input", () => { stop(); show(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  film.append(form);
  show();
}
"""


class Film:
    """Frames of one figure; shows itself in a notebook and in the book.

    alt: what is to be seen, in one sentence. seconds: how long it plays.
    """

    def __init__(self, fig: Figure, alt: str = "", seconds: float = 6.0) -> None:
        self.fig, self.alt, self.seconds = fig, alt, seconds
        self.labels: list[str] = []

    @contextmanager
    def frame(self, label: str = "") -> Iterator[None]:
        """What is added to the figure's axes in here is seen in this frame only."""
        before = {id(artist) for artist in self._artists()}
        yield
        k = len(self.labels)
        self.labels.append(label)
        added = [a for a in self._artists() if id(a) not in before]
        for n, artist in enumerate(added):
            artist.set_gid(f"film-{k}-{n}")

    def _artists(self) -> list[Any]:
        return [artist for ax in self.fig.axes for artist in ax.get_children()]

    def svg(self) -> str:
        """The drawing, all frames in it, all but the last one hidden."""
        if not self.labels:
            raise ValueError("A film needs at least one frame: draw in film.frame().")
        last = len(self.labels) - 1

        def tagged(match: re.Match[str]) -> str:
            hidden = "" if int(match[1]) == last else ' style="display: none"'
            return f'data-frame="{match[1]}"{hidden}'

        return inline(_TAG.sub(tagged, _lean(saved(self.fig))))

    def html(self) -> str:
        """The drawing with its controls, as a part of any page."""
        svg = self.svg()
        own = "film-" + hashlib.sha256(svg.encode()).hexdigest()[:8]
        head, rest = svg.split(">", 1)
        wide = _WIDTH.search(head)
        pixels = float(wide[1]) * 4 / 3 if wide else 480.0
        head = _SIZE.sub("", head) + f' role="img" aria-label="{html.escape(self.alt)}"'
        names = "[" + ", ".join(f'"{html.escape(name)}"' for name in self.labels) + "]"
        pace = 1000 * self.seconds / len(self.labels)
        script = _SCRIPT.replace("ID", own).replace("LABELS", names)
        script = script.replace("PACE", f"{pace:.0f}")
        return (
            f'<div class="u-film" id="{own}" style="width: {pixels:.0f}px">'
            f"<style>{_STYLE}</style>{head}>{rest}</div><script>{script}</script>"
        )

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        text = self.alt or f"a film of {len(self.labels)} frames"
        return {"text/plain": text, "text/html": self.html()}


def _lean(svg: str) -> str:
    """The same drawing with a style for each row of marks, not for each mark: a film
    of some thousand dots is a third as large."""
    return _MARKS.sub(lambda row: _row(row[0]), svg)


def _row(marks: str) -> str:
    found = _ONE.findall(marks)
    if len({style for *_, style in found}) > 1:
        return marks
    places = (
        f'<use {link} x="{float(x):.1f}" y="{float(y):.1f}"/>'
        for link, x, y, _ in found
    )
    return f'<g style="{found[0][3]}">{"".join(places)}</g>'
