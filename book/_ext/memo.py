"""Formulas and code that were set once need not be set again in the next build.

Every page is written whenever one has changed, as numbers, links and cards of one page
stand in others. Most of that time goes into formulas and coloured code that are as
they were: they are kept beside Sphinx's own notes, those only that were used last. The
pages as they were read are kept there, too, until an extension of ours changes.
And while a book is built Python does not look for garbage, of which there is little
among the millions of nodes that it would walk over each time.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pygments
from sphinx.application import Sphinx


class Complaints(logging.Handler):
    """Counts what the colouring of code complains about; Sphinx says it later."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


COMPLAINTS = Complaints(logging.WARNING)
logging.getLogger("sphinx.sphinx.highlighting").addHandler(COMPLAINTS)


class Memo:
    """Texts by what they were made from, in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._old: dict[bytes, str] = {}
        self._used: dict[bytes, str] = {}
        with suppress(OSError, EOFError, pickle.UnpicklingError):  # none yet, or half
            self._old = pickle.loads(file.read_bytes())

    def get(self, *made_from: object) -> tuple[bytes, str | None]:
        """(key, the text or None)."""
        key = hashlib.sha256(repr(made_from).encode()).digest()
        text = self._used.get(key, self._old.get(key))
        if text is not None:
            self._used[key] = text
        return key, text

    def put(self, key: bytes, text: str) -> None:
        self._used[key] = text

    def save(self) -> None:
        if self._used != self._old:
            part = self._file.with_suffix(".part")
            part.write_bytes(pickle.dumps(self._used))
            part.replace(self._file)


def of(app: Sphinx) -> Memo:
    if not hasattr(app, "memo"):
        app.memo = Memo(Path(app.doctreedir, f"memo-{app.builder.name}.pickle"))  # type: ignore[attr-defined]
    memo: Memo = app.memo  # type: ignore[attr-defined]
    return memo


def remember_code(app: Sphinx) -> None:
    if app.builder.format != "html":
        return
    colour: Callable[..., str] = app.builder.highlighter.highlight_block

    def remembered(source: str, lang: str, *given: Any, **more: Any) -> str:
        said = {name: value for name, value in more.items() if name != "location"}
        key, text = of(app).get("code", pygments.__version__, source, lang, given, said)
        if text is None:
            before = COMPLAINTS.count
            text = colour(source, lang, *given, **more)
            if COMPLAINTS.count == before:  # else it has to be said again
                of(app).put(key, text)
        return text

    app.builder.highlighter.highlight_block = remembered


def save(app: Sphinx, error: Exception | None) -> None:
    if not error:
        of(app).save()


def look_again(app: Sphinx, error: Exception | None) -> None:
    gc.enable()


def extensions() -> str:
    """What tells one state of the files beside this one from another."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def setup(app: Sphinx) -> dict[str, bool]:
    gc.disable()
    app.add_config_value("own_extensions", extensions(), "env")
    app.connect("build-finished", look_again, priority=1000)
    app.connect("builder-inited", remember_code, priority=900)
    app.connect("build-finished", save)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
