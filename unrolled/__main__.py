"""`python -m unrolled check 02-recurrent-cell`: try a whole notebook before handing
it in. `python -m unrolled selftest`: is everything here that the course needs?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from unrolled import selftest
from unrolled.rehearsal import Rehearsal, RehearsalError, rehearse


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m unrolled", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser(
        "check", help="run a notebook in a fresh kernel and sum up its checks"
    )
    check.add_argument("exercise", help="NN-slug, or the path of a notebook")
    check.add_argument("--timeout", type=int, default=120, help="seconds per cell")
    commands.add_parser("selftest", help="look whether everything is in place")
    options = parser.parse_args(arguments)
    if options.command == "selftest":
        findings = selftest.selftest()
        print(selftest.summary(findings))
        return int(any(finding.ok is False for finding in findings))
    try:
        found = rehearse(notebook_of(options.exercise), options.timeout)
    except RehearsalError as error:
        print(error, file=sys.stderr)
        return 2
    print(summary(found))
    return 0 if found.complete else 1


def notebook_of(exercise: str) -> Path:
    """The notebook that `exercise` names: a path, or a slug near here."""
    if exercise.endswith(".ipynb"):
        return Path(exercise)
    name = f"{exercise}.ipynb"
    root = Path(__file__).resolve().parent.parent
    places = [
        Path(name),
        Path(exercise) / name,
        Path("exercises") / exercise / name,
        root / "exercises" / exercise / name,
    ]
    for place in places:
        if place.is_file():
            return place
    raise RehearsalError(
        f"There is no {name} here: go to the folder that holds it, or give its path."
    )


def summary(found: Rehearsal) -> str:
    """The report of a whole notebook, one block a check, then the sum."""
    rows = [f"{found.path.name}, run from top to bottom in a fresh kernel:", ""]
    rows += [*found.reports, ""]
    rows += [f"The {cell} stopped: {error}" for cell, error in found.stopped]
    rows.append(
        f"{found.points:g} of {found.of:g} points, "
        f"{found.right} of {len(found.verdicts)} exercises complete."
    )
    if found.complete:
        rows.append("Ready to hand in. The grader tries the same on fresh numbers.")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
