"""The attacks of tests/attacks/, counted: what each kind gained, harmed, carried out.

    python -m benchmarks.attacks            # a table for benchmarks/README.md

Each is graded as in tests/test_attacks.py, and an honest hand-in after it.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import test_attacks as suite  # noqa: E402

from autograder import grading  # noqa: E402
from autograder.exercise import load  # noqa: E402
from autograder.sandbox import Sandbox  # noqa: E402

COLUMNS = ("attacks", "points gained", "neighbours harmed", "leaks", "left ungraded")


def main() -> None:
    counts = {kind: Counter[str]() for kind in suite.KINDS}
    hidden = suite.hidden_numbers.__wrapped__()
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        with Sandbox(suite.LIMITS, grading.IMPORTS) as sandbox:
            for number, attack in enumerate(suite.ATTACKS):
                folder = Path(place) / str(number)
                folder.mkdir()
                kind, name, fields = attack.values
                found = tried(suite.Attack(name, fields), folder, sandbox, hidden)
                counts[kind].update(found)
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print("\n".join(table(counts)))


def tried(attack: Any, folder: Path, sandbox: Sandbox, hidden: set) -> dict[str, int]:
    """One attack and the honest hand-in after it."""
    file = attack.hand_in(folder)
    slug = attack.submission.exercise
    notebook, graded = suite.grade(slug, file, sandbox)
    honest = folder / "honest" / suite.SLUG / f"{suite.SLUG}.ipynb"
    suite.HONEST.write(honest.parent)
    _, after = suite.grade(suite.SLUG, honest, sandbox)
    full = sum(task.total for task in load(suite.SLUG).graded.values())
    wanted = attack.fields.get("expected", {}).get("others")
    waits = any(v.status == "could_not_check" for v in graded.verdicts.values())
    return {
        "attacks": 1,
        "points gained": int(graded.points > attack.fields.get("points", 0)),
        "neighbours harmed": int(after.points < full),
        "leaks": int(leaked(attack, notebook, hidden)),
        "left ungraded": int(waits and wanted != "could_not_check"),
    }


def leaked(attack: Any, notebook: Any, hidden: set) -> bool:
    try:
        suite._nothing_given_away(attack, notebook, hidden)
    except AssertionError:
        return True
    return False


def table(counts: dict[str, Counter[str]]) -> Iterator[str]:
    yield f"| kind | {' | '.join(COLUMNS)} |"
    yield f"|---|{'---:|' * len(COLUMNS)}"
    total = sum(counts.values(), Counter())
    for kind, found in {**counts, "all": total}.items():
        yield f"| {kind} | {' | '.join(str(found[name]) for name in COLUMNS)} |"


if __name__ == "__main__":
    main()
