"""What a session said, read with care: results of cells, answers, calls of helpers.

The wire has bounded these values; here their form is checked. Of outputs only text
without control characters and PNG pictures of a sane size remain.
"""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder import wire
from autograder.faults import Ended

SOURCE = wire.Bounds(text=4 << 20)
STATUSES = ("ok", "error", "timeout", "crashed", "memory")
ANSWERS = ("ok", "error", "stub", "missing")
PNG = b"\x89PNG\r\n\x1a\n"
MAX_SIDE = 8192  # pixels
MAX_PIXELS = 1 << 24
PIXELS_A_BYTE = 32  # a picture costs a page its pixels, however few its bytes are

_TEXTS = ("where", "function", "error", "code", "inside", "again_error")
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-_])")
# also the marks that turn the direction of text round, and hide what is written
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_OUT_OF_MEMORY = re.compile(r"_?(Array)?MemoryError\b")


@dataclass(frozen=True)
class CellResult:
    """How one cell ended, and its outputs as nbformat writes them."""

    status: str
    outputs: list[dict[str, Any]] = field(default_factory=list)


def bounds(output_bytes: int) -> wire.Bounds:
    """The most that the result of a cell may hold."""
    return wire.Bounds(text=2 * output_bytes, size=4 * output_bytes + (1 << 18))


def read(message: Any) -> CellResult:
    """The result of a cell, from the process that ran it."""
    if not isinstance(message, dict) or message.keys() != {"status", "outputs"}:
        raise _forged("a cell's result")
    status, found = message["status"], message["outputs"]
    if not _among(status, ("ok", "error", "memory")) or not isinstance(found, list):
        raise _forged("a cell's result")
    return CellResult(status, [output for item in found if (output := _output(item))])


def within(result: CellResult, room: int) -> tuple[CellResult, int]:
    """`result` if there is room for it in the notebook, and what room is left."""
    left = room - sum(map(_cost, result.outputs))
    if left >= 0:
        return result, left
    text = "[outputs left out: those of the whole notebook are too large]\n"
    said = {"output_type": "stream", "name": "stdout", "text": text}
    return CellResult(result.status, [said]), room


def _cost(output: dict[str, Any]) -> int:
    """Bytes in a notebook's file, or what a page needs to show it."""
    picture = output.get("data", {}).get("image/png", "")
    pixels = 0
    if picture:
        width, height = _size(base64.b64decode(picture[:32]))
        pixels = width * height // PIXELS_A_BYTE
    return len(json.dumps(output)) + pixels


def cut_off(over: Ended) -> CellResult:
    """The result of the cell in which a session ended."""
    kind = over.kind if over.kind in STATUSES else "crashed"
    return CellResult(kind, [_error(kind.capitalize(), over.sentence, over.sentence)])


def not_run(over: Ended) -> CellResult:
    """The result of a cell after that one."""
    text = f"This cell was not run. {over.sentence}"
    kind = over.kind if over.kind in STATUSES else "crashed"
    return CellResult(kind, [_error("NotRun", text, text)])


def read_answer(message: Any) -> dict[str, Any]:
    """An answer with every key that the judge may look for."""
    if not isinstance(message, dict) or not _among(message.get("status"), ANSWERS):
        raise _forged("an answer")
    answer: dict[str, Any] = {
        "status": message["status"],
        "line": message.get("line"),
        "value": message.get("value"),
        "after": message.get("after", {}),
        "again": message.get("again"),
    }
    for key in _TEXTS:
        text = message.get(key, "")
        if not isinstance(text, str | None):
            raise _forged("an answer")
        answer[key] = clean(text or "")[:500]
    if not isinstance(answer["after"], dict) or type(answer["line"]) not in _LINE:
        raise _forged("an answer")
    if answer["status"] == "error" and _OUT_OF_MEMORY.match(answer["error"]):
        raise Ended("memory", f"{answer['function'] or 'It'} ran out of memory.")
    return answer


_LINE = (int, type(None))


def read_call(message: Any, offered: Collection[str]) -> tuple[str, list]:
    """A call of a function that the grader stands in for."""
    if isinstance(message, dict) and message.keys() == {"stand_in", "args"}:
        name, args = message["stand_in"], message["args"]
        if _among(name, offered) and isinstance(args, list):
            return name, args
    raise _forged("an answer")


def read_status(message: Any) -> int:
    """How the process of a question ended."""
    if isinstance(message, dict) and isinstance(message.get("ended"), int):
        return message["ended"]
    raise _forged("the end of a question")


def clean(text: str) -> str:
    """`text` without terminal escapes and control characters."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", text)


def _among(value: Any, texts: Collection[str]) -> bool:
    """Whether it is one of these texts; an array would compare element by element."""
    return isinstance(value, str) and value in texts


def _output(item: Any) -> dict[str, Any] | None:
    kind = _text(item, "output_type") if isinstance(item, dict) else ""
    if kind == "stream":
        name = "stderr" if _among(item.get("name"), ["stderr"]) else "stdout"
        return {"output_type": kind, "name": name, "text": _text(item, "text")}
    if kind == "error":
        texts = [_text(item, key) for key in ("ename", "evalue", "traceback")]
        return _error(*texts)
    if kind in ("display_data", "execute_result"):
        return _data(kind, item.get("data"))
    raise _forged("an output")


def _data(kind: str, bundle: Any) -> dict[str, Any] | None:
    if not isinstance(bundle, dict):
        raise _forged("an output")
    data = {}
    if "text/plain" in bundle:
        data["text/plain"] = _text(bundle, "text/plain")
    if (picture := _png(bundle.get("image/png"))) is not None:
        data["image/png"] = base64.b64encode(picture).decode()
    if not data:
        return None
    output: dict[str, Any] = {"output_type": kind, "data": data, "metadata": {}}
    if kind == "execute_result":
        output["execution_count"] = None
    return output


def _png(value: Any) -> bytes | None:
    if not isinstance(value, np.ndarray) or value.dtype != np.uint8:
        return None
    picture = value.tobytes()
    if len(picture) < 24 or not picture.startswith(PNG):
        return None
    width, height = _size(picture)
    sane = max(width, height) <= MAX_SIDE and width * height <= MAX_PIXELS
    return picture if sane and b"acTL" not in picture else None  # nothing that moves


def _size(picture: bytes) -> tuple[int, int]:
    return struct.unpack(">II", picture[16:24])


def _text(item: dict[str, Any], key: str) -> str:
    text = item.get(key)
    if not isinstance(text, str):
        raise _forged("an output")
    return clean(text)


def _error(name: str, value: str, traceback: str) -> dict[str, Any]:
    return {
        "output_type": "error",
        "ename": name,
        "evalue": value,
        "traceback": traceback.split("\n"),
    }


def _forged(what: str) -> Ended:
    return Ended("protocol", f"Your notebook sent the grader what is not {what}.")
