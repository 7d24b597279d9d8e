"""Run a student's notebook in a fresh kernel and collect what its checks say."""

from __future__ import annotations

import contextlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unrolled.report import VERDICT_MIME, opening, text
from unrolled.verdict import Verdict


class RehearsalError(RuntimeError):
    """The notebook cannot be run; the sentence says what to do."""


@dataclass(frozen=True)
class Rehearsal:
    """What a notebook's own checks say of it, in the order of its cells."""

    path: Path
    verdicts: tuple[Verdict, ...]
    stopped: tuple[tuple[str, str], ...]  # (which cell, error)

    @property
    def reports(self) -> list[str]:
        return [text(verdict) for verdict in self.verdicts]

    @property
    def points(self) -> float:
        return sum(verdict.points for verdict in self.verdicts)

    @property
    def of(self) -> float:
        return sum(verdict.of for verdict in self.verdicts)

    @property
    def right(self) -> int:
        return sum(verdict.status == "full" for verdict in self.verdicts)

    @property
    def complete(self) -> bool:
        return bool(self.verdicts) and self.right == len(self.verdicts)


def rehearse(path: Path, timeout: int = 120) -> Rehearsal:
    """Execute the notebook at `path` (which is not written) and read its reports.

    Raises RehearsalError if it cannot be read or no kernel starts.
    """
    notebook = _read(path)
    try:
        from nbclient import NotebookClient
        from nbclient.exceptions import CellTimeoutError, DeadKernelError
    except ImportError:
        raise RehearsalError(
            "Running a notebook needs nbclient: pip install nbclient ipykernel."
        ) from None
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        allow_errors=True,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    stopped = []
    try:
        with contextlib.suppress(KeyboardInterrupt):
            client.execute()
    except CellTimeoutError:
        stopped.append((_running(notebook), f"no answer within {timeout} s"))
    except DeadKernelError:
        stopped.append((_running(notebook), "the kernel died"))
    except Exception as error:  # no kernel, no port, no memory
        raise RehearsalError(f"The kernel did not start: {error}") from None
    return Rehearsal(
        path, tuple(_verdicts(notebook)), tuple(_errors(notebook) + stopped)
    )


def _read(path: Path) -> Any:
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise RehearsalError(f"There is no file {path}.") from None
    except (nbformat.reader.NotJSONError, json.JSONDecodeError, UnicodeDecodeError):
        raise RehearsalError(
            f"{path.name} is not a notebook (its JSON is broken): open it in Jupyter "
            "and save it again, or start from a fresh copy."
        ) from None
    except Exception as error:
        raise RehearsalError(f"{path.name} cannot be read: {error}") from None


def _running(notebook: Any) -> str:
    """The last cell that was started."""
    started = [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.get("metadata", {}).get("execution")
    ]
    return opening(started[-1] if started else "")


def _verdicts(notebook: Any) -> list[Verdict]:
    """The last verdict on each function: a check may be run on a first try too."""
    found: dict[str, Verdict] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if VERDICT_MIME in output.get("data", {}):
                verdict = Verdict.from_dict(output["data"][VERDICT_MIME])
                found.pop(verdict.function, None)
                found[verdict.function] = verdict
    return list(found.values())


def _errors(notebook: Any) -> list[tuple[str, str]]:
    return [
        (opening(cell.source), f"{output['ename']}: {output['evalue']}"[:200])
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "error"
    ]
