"""What a class gets, to be compared with what another version of the grader gives.

    python benchmarks/verdicts.py --out before.json 02-recurrent-cell 03-bptt
    python benchmarks/verdicts.py --against before.json 02-recurrent-cell 03-bptt

The class of `benchmarks/grading.py`: solutions in other styles, with one known bug and
with two. Compared are verdicts, points and the graded notebooks, byte by byte.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, os.environ.get("CHECKOUT", str(Path(__file__).parents[1])))

from autograder import intake, ledger, worker
from autograder.derive import notebook_text, source_notebook
from autograder.exercise import load
from benchmarks import grading

KEPT = ("status", "points", "of", "functions", "verdicts", "notebook")


def results(slug: str, count: int, step: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of `count * step` students each `step`-th."""
    grading.SLUG = slug
    here, notebook = ledger.course(slug), source_notebook(load(slug))
    for number, cells in enumerate(grading.students(count * step)):
        if number % step:
            continue
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id", "")
            cell.source = cells.get(name.removeprefix("given_"), cell.source)
        packet = intake.Packet(notebook_text(notebook).encode())
        found = worker.examine(worker.Order(slug, packet, here))
        yield f"{slug} {number}", {key: found[key] for key in KEPT}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("exercises", nargs="+")
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--against", type=Path)
    chosen = parser.parse_args()
    os.environ["UNROLLED_SECRET"] = grading.SECRET.decode()
    found = {
        name: result
        for slug in chosen.exercises
        for name, result in results(slug, chosen.count, chosen.step)
    }
    if chosen.out:
        chosen.out.write_text(json.dumps(found), "utf-8")
    if chosen.against:
        other = json.loads(chosen.against.read_text("utf-8"))
        differ = [
            n for n, one in found.items() if json.loads(json.dumps(one)) != other[n]
        ]
        print(f"{len(found)} hand-ins, {len(differ)} differ: {', '.join(differ)}")
        raise SystemExit(bool(differ))


if __name__ == "__main__":
    main()
