"""Read a hand-in: a file that anybody may have written, taken as cells of text.

Nothing of it is trusted and nothing but text is kept: no outputs, no attachments, no
metadata but the names by which a cell is found again. Every bound is checked before
the work that it bounds. What cannot be read raises `Unreadable` with one sentence for
the student.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from nbgrader.utils import parse_utc

from unrolled.report import opening

MAX_BYTES = 8 << 20
MAX_CELLS = 500
MAX_SOURCE = 100_000  # characters in one cell
MAX_PARTS = 400_000  # brackets and commas: what a parser makes objects of
MAX_TIMESTAMP = 200  # bytes

AGAIN = "Save the notebook in Jupyter and hand it in again."
_NAME = re.compile(r"[A-Za-z0-9_\-]{1,100}")
_TIME = re.compile(r"[\d :.T+\-]{8,40}[A-Z]{0,5}")


class Unreadable(ValueError):
    """A hand-in that a person has to look at; the sentence says why."""


@dataclass(frozen=True)
class Cell:
    """One cell as it was handed in; `name` is nbgrader's grade_id, if it has one."""

    kind: str  # "code" or "markdown"
    source: str
    name: str = ""
    id: str = ""
    points: float | None = None


@dataclass(frozen=True)
class Packet:
    """A hand-in's bytes, not yet looked into, and what there is to say about them."""

    data: bytes
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class HandIn:
    """What is kept of a hand-in, and what there is to say about it."""

    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()


def find(expected: Path, beside: Collection[str] = ()) -> tuple[Path, tuple[str, ...]]:
    """The notebook in a hand-in's folder, and a note if it has another name.

    `beside` are further notebooks of the same assignment, which belong there.
    """
    others = sorted(
        entry.name
        for entry in os.scandir(expected.parent)
        if entry.name.endswith(".ipynb") and entry.name != expected.name
        if entry.name not in beside
    )
    names = ", ".join(_shown(name) for name in others[:3])
    if os.path.lexists(expected):
        note = f"Other notebooks in the hand-in were not graded: {names}."
        return expected, (note,) if others else ()
    if not others:
        raise Unreadable(f"There is no notebook in the hand-in. {AGAIN}")
    if len(others) > 1:
        raise Unreadable(
            f"The hand-in has no {expected.name}, and more than one other notebook: "
            f"{names}. Hand in one, with its own name."
        )
    return expected.with_name(others[0]), (
        f"The notebook was called {names}; it was graded as {expected.name}. "
        "Keep the name next time.",
    )


def _shown(name: str) -> str:
    return re.sub(r"[^\w .()\-]", "?", name)[:80]


def fetch(expected: Path, beside: Collection[str] = ()) -> Packet:
    """The bytes of the hand-in that should be at `expected`."""
    path, notes = find(expected, beside)
    return Packet(_bytes(path), notes)


def read(path: Path) -> HandIn:
    """The cells of the notebook at `path`."""
    return opened(Packet(_bytes(path)))


def opened(packet: Packet) -> HandIn:
    """The cells of a notebook."""
    text, notes = _text(packet.data)
    notebook = _parsed(text)
    cells = tuple(_cells(notebook))
    return HandIn(cells, (*packet.notes, *notes, *_remarks(notebook)))


def _bytes(path: Path) -> bytes:
    """The file's bytes; neither it nor its folder may be a link."""
    try:
        data = contents(path, MAX_BYTES + 1)
    except OSError:
        raise Unreadable(
            "The hand-in is not a plain file that can be read. "
            "Hand in the notebook itself, not a link to it."
        ) from None
    if len(data) > MAX_BYTES:
        raise Unreadable(
            f"The file is larger than {MAX_BYTES >> 20} MB. Clear all outputs, "
            "save the notebook and hand it in again."
        )
    if not data.strip():
        raise Unreadable(f"The file is empty. {AGAIN}")
    return data


def contents(path: Path, most: int) -> bytes:
    """Up to `most` bytes of a regular file; OSError for a link, a pipe, a device.

    A file with a second name elsewhere may be somebody else's, unpacked as a link.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        file = os.open(path.name, flags, dir_fd=folder)
    finally:
        os.close(folder)
    with os.fdopen(file, "rb") as opened:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
            raise OSError(f"{path.name} is not a regular file of its own")
        return opened.read(most)


def _text(data: bytes) -> tuple[str, tuple[str, ...]]:
    encoding = "utf-8"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable(f"The file is not text in UTF-8. {AGAIN}") from None
    if encoding != "utf-16":
        return text, ()
    return text, ("The file was saved as UTF-16; Jupyter writes UTF-8.",)


def _parsed(text: str) -> dict[str, Any]:
    if sum(text.count(mark) for mark in "[{,") > MAX_PARTS:
        raise Unreadable(f"The file has far more parts than a notebook. {AGAIN}")
    try:
        notebook = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise Unreadable(f"The file is nested too deeply. {AGAIN}") from None
    except json.JSONDecodeError as error:
        raise Unreadable(
            f"The file is not a notebook: its JSON breaks at line {error.lineno}, "
            f"column {error.colno}. {AGAIN}"
        ) from None
    except ValueError:
        raise Unreadable(
            f"The file holds a number that JSON does not have. {AGAIN}"
        ) from None
    if not isinstance(notebook, dict) or type(notebook.get("nbformat")) is not int:
        raise Unreadable(f"The file is JSON, but not a notebook. {AGAIN}")
    if notebook["nbformat"] not in (3, 4):
        raise Unreadable("The notebook's format is not one that can be read. " + AGAIN)
    return notebook


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _cells(notebook: dict[str, Any]) -> Iterator[Cell]:
    old = notebook["nbformat"] == 3
    sheets = _list(notebook.get("worksheets")) if old else [notebook]
    found = [cell for sheet in sheets for cell in _list(_dict(sheet).get("cells"))]
    if len(found) > MAX_CELLS:
        raise Unreadable(f"The notebook has more than {MAX_CELLS} cells. {AGAIN}")
    for cell in map(_dict, found):
        kind = {"heading": "markdown"}.get(str(cell.get("cell_type")))
        kind = kind or cell.get("cell_type")
        if kind not in ("code", "markdown"):
            continue
        source = _source(cell.get("input" if old and kind == "code" else "source"))
        if len(source) > MAX_SOURCE:
            raise Unreadable(
                f"The {opening(source)} has more than {MAX_SOURCE:,} characters. Move "
                "large data out of the notebook and hand it in again."
            )
        marks = _dict(_dict(cell.get("metadata")).get("nbgrader"))
        yield Cell(
            kind,
            source,
            _named(marks.get("grade_id")),
            _named(cell.get("id")),
            _number(marks.get("points")),
        )


def _remarks(notebook: dict[str, Any]) -> Iterator[str]:
    if notebook["nbformat"] == 3:
        yield "The notebook was saved in an old format (3); it was read all the same."
    kernel = _dict(_dict(notebook.get("metadata")).get("kernelspec"))
    language = kernel.get("language", "python")
    if isinstance(language, str) and language.lower() not in ("python", ""):
        name = _shown(language)
        yield f"The notebook names a kernel for {name}; it was run as Python."


def _source(value: object) -> str:
    """A cell's text as one string, without what could not be written as UTF-8."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", "replace").decode("utf-8")


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(value: object) -> str:
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""


def _number(value: object) -> float | None:
    number = isinstance(value, (int, float)) and abs(value) < 1e9
    return float(value) if number else None  # type: ignore[arg-type]


def timestamp(folder: Path) -> datetime | None:
    """When a hand-in was made, by its timestamp.txt; None if that cannot be told."""
    try:
        data = contents(folder / "timestamp.txt", MAX_TIMESTAMP + 1)
        text = data.decode("ascii").strip()
        return parse_utc(text) if _TIME.fullmatch(text) else None
    except (OSError, ValueError, OverflowError):
        return None
