"""`check("rnn_forward", rnn_forward)`: the student's own check, in the notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from unrolled import checks
from unrolled.answer import answer
from unrolled.judge import Examiner
from unrolled.report import Report
from unrolled.verdict import Ended, Verdict


def check(name: str, function: Callable[..., Any]) -> None:
    """Try `function` as the graded function `name` and show a report.

    It is compared with the public cases in checks.npz beside the notebook; the
    grader uses the same comparison on cases that are drawn afresh. A name that the
    exercise does not have raises KeyError; a missing checks.npz, FileNotFoundError.
    """
    _show(Report(judged(name, function)))


def judged(name: str, function: Callable[..., Any]) -> Verdict:
    """The verdict that `check` shows."""
    found = _checks_for(name, Path.cwd())
    namespace = dict(getattr(function, "__globals__", {}))
    namespace[name] = function
    examiner = Examiner(
        found.tasks,
        found.cases,
        lambda task: found.bugs.get(task, ()),
        lambda question: _asked(question, namespace),
    )
    return examiner.verdict(name)


def _asked(question: dict[str, Any], namespace: dict[str, Any]) -> dict[str, Any]:
    try:
        return answer(question, namespace)
    except SystemExit:
        text = f"{question['call']} ended the program: it calls exit() or the like."
        raise Ended("crashed", text) from None


@lru_cache(maxsize=8)
def _checks_for(name: str, folder: Path) -> checks.Checks:
    """Reading takes longer than checking; the folder is part of what is cached."""
    return checks.load_for(name)


def _show(report: Report) -> None:
    shell = sys.modules.get("IPython")
    session = shell.get_ipython() if shell else None
    if session is not None and hasattr(session, "kernel"):
        shell.display.display(report)  # type: ignore[union-attr]
    else:
        print(report)
