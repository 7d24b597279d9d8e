"""A verdict for people: as plain text, and as HTML for a notebook or a page."""

from __future__ import annotations

from html import escape

from unrolled.verdict import Line, Verdict

VERDICT_MIME = "application/vnd.unrolled.verdict+json"

BEGINS = 40  # characters of a cell by which it is named

_HEADLINES = {
    "full": "right",
    "partial": "partly right",
    "wrong": "not right yet",
    "not_done": "not written yet",
    "timeout": "stopped: no answer in time",
    "crashed": "stopped: the code ended",
    "memory": "stopped: out of memory",
    "could_not_check": "could not be checked",
}
# a page may set its own; else of one lightness, to be read on light and dark
_GREEN = "var(--u-verdict-right, #2e8540)"
_AMBER = "var(--u-verdict-partly, #a06a1b)"
_RED = "var(--u-verdict-wrong, #d14242)"
_GREY = "var(--u-verdict-open, #68768c)"
_COLOURS = {"full": _GREEN, "partial": _AMBER, "wrong": _RED}


class Report:
    """Shows a verdict: `str()` in a terminal, HTML in a notebook."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def __str__(self) -> str:
        return text(self.verdict)

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        return {
            "text/plain": text(self.verdict),
            "text/html": html(self.verdict),
            VERDICT_MIME: self.verdict.to_dict(),
        }


def opening(source: str) -> str:
    """Which cell, as its author finds it: by the first line that does something.

    Numbers differ between Jupyter, a file and a grader, who may leave cells out.
    """
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    first = next((x for x in lines if not x.startswith("#")), (lines or [""])[0])
    shown = "".join(c if c.isprintable() else "?" for c in first)
    return f"cell that begins `{shown[:BEGINS]}{'…' * (len(shown) > BEGINS)}`"


def number(points: float) -> str:
    return f"{points:g}"


def score(verdict: Verdict) -> str:
    if verdict.status == "could_not_check":
        return f"not graded yet, {number(verdict.of)} points"
    return f"{number(verdict.points)} of {number(verdict.of)} points"


def text(verdict: Verdict) -> str:
    """The report in plain lines; one line for a stub."""
    if verdict.status == "not_done":
        return f"[    ] {verdict.summary}"
    marks = {"full": " ok ", "partial": "part", "could_not_check": "  ? "}
    mark = marks.get(verdict.status, "FAIL")
    head = (
        f"[{mark}] {verdict.label} {verdict.function}: {_HEADLINES[verdict.status]} "
        f"({score(verdict)})"
    )
    rows = [head]
    rows += [
        f"   {'+' if line.ok else '-'} {line.aspect}: {line.text}"
        for line in _spoken(verdict)
    ]
    if verdict.says:
        rows.append(f"   This looks like: {verdict.says}")
    if verdict.read and verdict.status in ("partial", "wrong"):
        rows.append(f"   Read: {verdict.read}")
    return "\n".join(rows)


def _spoken(verdict: Verdict) -> list[Line]:
    return [line for line in verdict.lines if line.text]


def html(verdict: Verdict) -> str:
    """The report as one self-contained block, readable on light and dark pages."""
    colour = _COLOURS.get(verdict.status, _GREY)
    if verdict.status in ("timeout", "crashed", "memory"):
        colour = _RED
    head = (
        f"<div style='font-weight:600'>{escape(verdict.label)} "
        f"<code>{escape(verdict.function)}</code>: "
        f"<span style='color:{colour}'>{_HEADLINES[verdict.status]}</span>"
        f"<span style='opacity:.75;font-weight:400'> ({score(verdict)})</span></div>"
    )
    if verdict.status == "not_done":
        head = f"<div>{escape(verdict.summary)}</div>"
        return _framed(head, colour)
    parts = [head, _lines_html(verdict)]
    if verdict.says:
        parts.append(
            f"<div style='margin-top:.4em;padding:.3em .6em;border:1px solid {colour};"
            f"border-radius:4px'><b>This looks like:</b> {escape(verdict.says)}</div>"
        )
    if verdict.read and verdict.status in ("partial", "wrong"):
        parts.append(
            f"<div style='opacity:.75;margin-top:.3em'>Read: {escape(verdict.read)}"
            "</div>"
        )
    return _framed("".join(parts), colour)


def _framed(inner: str, colour: str) -> str:
    return (
        f"<div class='unrolled-verdict' style='border-left:4px solid {colour};"
        f"padding:.2em .8em;margin:.3em 0'>{inner}</div>"
    )


def _earned(verdict: Verdict, line: Line) -> str:
    if verdict.status == "could_not_check":
        return ""
    return f"{number(line.earned)}/{number(line.of)}: "


def _lines_html(verdict: Verdict) -> str:
    rows = "".join(
        f"<li style='list-style:none'><span aria-hidden='true'>"
        f"{'✓' if line.ok else '✗'}</span> <b>{escape(line.aspect)}</b> "
        f"{_earned(verdict, line)}{escape(line.text)}</li>"
        for line in _spoken(verdict)
    )
    return f"<ul style='margin:.2em 0;padding-left:0'>{rows}</ul>"
