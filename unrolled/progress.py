"""A progress bar that knows where it is: in a notebook, in a terminal, in a file.

for n in (bar := Progress(600, "training")):
    ...
    bar.note = f"loss {loss:.2f}"
"""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO

WIDTH = 24  # characters of the bar in a terminal
PAUSE = 0.2  # seconds between two drawings: a fast loop must not wait for its bar


class Progress:
    """Iterates over range(total) and shows how far it has come.

    In a notebook it is a bar that moves; in a terminal, a line that is written over;
    where the output is kept (a file, a graded run), one line at the end. `note` is
    shown beside the bar and may be set at any time.
    """

    def __init__(
        self, total: int, text: str = "", stream: TextIO | None = None
    ) -> None:
        if total < 0:
            raise ValueError(f"Progress needs a total of at least 0, got {total}.")
        self.total, self.text, self.note = total, text, ""
        self.done, self.seconds = 0, 0.0
        self._stream = stream
        self._view = _view(stream)

    def __iter__(self) -> Iterator[int]:
        start = drawn = time.monotonic()
        self.done = 0
        self._view.draw(self)
        try:
            for n in range(self.total):
                yield n
                self.done, now = n + 1, time.monotonic()
                self.seconds = now - start
                if now - drawn >= PAUSE:
                    drawn = now
                    self._view.draw(self)
        finally:  # also after a break, or Ctrl-C
            self._view.end(self)

    def print(self, text: str) -> None:
        """Print `text` without tearing the bar."""
        self._view.clear()
        print(text, file=self._stream or sys.stdout)

    def __str__(self) -> str:
        full = WIDTH * self.done // max(self.total, 1)
        parts = [self.text, f"[{'#' * full}{'.' * (WIDTH - full)}]", self.state]
        return " ".join(part for part in parts if part)

    @property
    def state(self) -> str:
        """ "300/600, 12 s, 12 s left, loss 2.31" """
        parts = [f"{self.done}/{self.total}", f"{self.seconds:.0f} s"]
        if 0 < self.done < self.total:
            left = self.seconds / self.done * (self.total - self.done)
            parts.append(f"{left:.0f} s left")
        return ", ".join([*parts, self.note] if self.note else parts)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        text, state = html.escape(self.text), html.escape(self.state)
        bar = (
            f'<progress max="{self.total}" value="{self.done}" '
            f'aria-label="{text or "progress"}"></progress>'
        )
        return {
            "text/plain": str(self),
            "text/html": f"<div>{text} {bar} {state}</div>",
        }


class _Quiet:
    """One line at the end."""

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream

    def draw(self, bar: Progress) -> None:
        pass

    def clear(self) -> None:
        pass

    def end(self, bar: Progress) -> None:
        print(bar, file=self.stream or sys.stdout)


class _Line(_Quiet):
    """A line of a terminal, written over and over."""

    longest = 0

    def draw(self, bar: Progress) -> None:
        self.write("\r" + str(bar).ljust(self.longest))
        self.longest = max(self.longest, len(str(bar)))

    def clear(self) -> None:
        self.write("\r" + " " * self.longest + "\r")

    def end(self, bar: Progress) -> None:
        self.draw(bar)
        self.write("\n")

    def write(self, text: str) -> None:
        stream = self.stream or sys.stdout
        stream.write(text)
        stream.flush()


class _Notebook(_Quiet):
    """An output that the kernel replaces."""

    handle: Any = None

    def draw(self, bar: Progress) -> None:
        if self.handle is None:
            self.handle = sys.modules["IPython"].display.display(bar, display_id=True)
        else:
            self.handle.update(bar)

    def end(self, bar: Progress) -> None:
        self.draw(bar)


def _view(stream: TextIO | None) -> _Quiet:
    shell = sys.modules.get("IPython")
    session = shell.get_ipython() if shell else None
    if stream is None and session is not None and hasattr(session, "kernel"):
        return _Notebook(stream)
    terminal = getattr(stream or sys.stdout, "isatty", lambda: False)()
    return _Line(stream) if terminal else _Quiet(stream)
