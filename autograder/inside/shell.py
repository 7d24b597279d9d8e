"""The student's notebook without a kernel: IPython's shell, its outputs on a tape.

Only text and PNG pictures are kept, and only so many bytes of them.
"""

from __future__ import annotations

import ast
import base64
import binascii
import contextlib
import io
import subprocess
import sys
from typing import Any

import numpy as np
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

KEPT = ("text/plain", "image/png")
EACH = 100  # bytes that an output costs besides its text: their number is bounded too


class Tape:
    """The outputs of one cell, bounded in bytes."""

    def __init__(self, room: int) -> None:
        self.outputs: list[dict[str, Any]] = []
        self.room = room
        self.limit = room
        self.errors = 0

    def stream(self, name: str, text: str) -> None:
        text = self.cut(text)
        if not text:
            return
        last = self.outputs[-1] if self.outputs else {}
        if last.get("output_type") == "stream" and last["name"] == name:
            last["text"].write(text)
            return
        buffer = io.StringIO()
        buffer.write(text)
        self.add({"output_type": "stream", "name": name, "text": buffer})

    def data(self, kind: str, bundle: dict[str, Any]) -> None:
        kept: dict[str, Any] = {}
        if isinstance(bundle.get("text/plain"), str):
            kept["text/plain"] = self.cut(bundle["text/plain"])
        picture = _png(bundle.get("image/png"))
        if picture and len(picture) <= self.room:
            self.room -= len(picture)
            kept["image/png"] = np.frombuffer(picture, np.uint8)
        if any(len(item) for item in kept.values()):
            self.add({"output_type": kind, "data": kept})

    def error(self, name: str, value: str, traceback: str) -> None:
        if self.errors < 10:  # a cell has one; its text is kept when prints are cut
            self.errors += 1
            self.outputs.append(
                {
                    "output_type": "error",
                    "ename": name[:200],
                    "evalue": value[:2000],
                    "traceback": traceback[-6000:],
                }
            )

    def add(self, output: dict[str, Any]) -> None:
        self.room -= EACH
        self.outputs.append(output)

    def cut(self, text: str) -> str:
        """As much of `text` as there is room for, four bytes a character at most."""
        if self.room <= 0:
            return ""
        if len(text) <= self.room // 4:
            self.room -= len(text.encode("utf-8", "replace"))
            return text
        text = text[: self.room // 4]
        self.room = 0
        return f"{text}\n[output cut after {self.limit} bytes]\n"

    def wire(self) -> list[dict[str, Any]]:
        for output in self.outputs:
            if isinstance(output.get("text"), io.StringIO):
                output["text"] = output["text"].getvalue()
        return self.outputs


def _png(picture: object) -> bytes:
    if isinstance(picture, str):
        with contextlib.suppress(binascii.Error, ValueError):
            return base64.b64decode(picture)
    return picture if isinstance(picture, bytes) else b""


class _Stream(io.TextIOBase):
    """sys.stdout and sys.stderr of a cell."""

    encoding = "utf-8"

    def __init__(self, shell: Shell, name: str) -> None:
        self._shell, self._name = shell, name

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._shell.tape.stream(self._name, text)
        return len(text)


class _Publisher(DisplayPublisher):
    def publish(self, data: Any, *args: Any, **kwargs: Any) -> None:
        self.shell.tape.data("display_data", data)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.tape.outputs.clear()


class _Hook(DisplayHook):
    def __call__(self, result: Any = None) -> None:
        if result is None or self.quiet():
            return
        bundle, _ = self.shell.display_formatter.format(result)
        self.update_user_ns(result)
        self.shell.tape.data("execute_result", bundle)


class Shell(InteractiveShell):
    """Runs cells; keeps no history and writes no file of its own."""

    display_pub_class = Type(_Publisher)
    displayhook_class = Type(_Hook)
    tape = Tape(0)

    def init_io(self) -> None:
        """The streams are set for each cell."""

    def enable_gui(self, gui: str | None = None) -> None:
        """There is no window: `%matplotlib inline` and friends change nothing here."""

    def ask_exit(self) -> None:
        """`exit` in a cell: a kernel would stop, a graded notebook goes on."""

    def system(self, cmd: str) -> None:
        """`!command`: through a pipe, for there is no terminal in here."""
        done = subprocess.run(
            cmd, shell=True, stdout=-1, stderr=subprocess.STDOUT, errors="replace"
        )
        print(done.stdout, end="")
        self.user_ns["_exit_code"] = done.returncode

    def transform_cell(self, raw_cell: str) -> str:
        """Plain Python as it is: to look for magics takes longer than to run most."""
        if _is_python(raw_cell):
            return raw_cell if raw_cell.endswith("\n") else f"{raw_cell}\n"
        return super().transform_cell(raw_cell)

    def _showtraceback(self, etype: type, evalue: Any, stb: list[str]) -> None:
        self.tape.error(etype.__name__, str(evalue), "\n".join(stb))

    def run(self, source: str, room: int) -> tuple[str, list[dict[str, Any]]]:
        """Run one cell: its status and its outputs."""
        self.tape = Tape(room)
        sys.stdout, sys.stderr = _Stream(self, "stdout"), _Stream(self, "stderr")
        result = self.run_cell(source, store_history=False, silent=False)
        self.execution_count += 1  # tracebacks name the cell
        error = result.error_before_exec or result.error_in_exec
        return _status(error), self.tape.wire()


def _is_python(cell: str) -> bool:
    """Whether IPython would change nothing; False also where that is not sure: a
    prompt that was copied along, an escape that the parser may warn of."""
    doubtful = cell[:1].isspace() or "\\" in cell
    if doubtful or "In [" in cell[:200] or ">>>" in cell[:200]:
        return False
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        compile(cell, "<cell>", "exec", flags, dont_inherit=True)
    except Exception:
        return False
    return True


def _status(error: BaseException | None) -> str:
    if error is None:
        return "ok"
    return "memory" if isinstance(error, MemoryError) else "error"


def make() -> Shell:
    """The one shell of this process; made once, before any fork."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Context"
    streams = sys.stdout, sys.stderr
    shell = Shell.instance(config=config)
    shell.display_formatter.active_types = list(KEPT)
    for source in ("display(1); 1", "1/0", "(", "%pwd", "raise SystemExit"):
        shell.run(source, 10_000)  # what IPython imports late, it imports here
    shell.reset(new_session=True)
    sys.stdout, sys.stderr = streams
    return shell
