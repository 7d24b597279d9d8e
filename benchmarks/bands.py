"""How surely a training run that is graded passes where it should, and fails else.

    python -m benchmarks.bands            # or: python -m benchmarks.bands train_lm

writes bands.json beside itself: for every graded function that trains, and for every
right solution and known bug of it, what the trained network got wrong over many seeds
(each its own start and data, as a course's secret would draw them), and how many of
the runs the check let pass. `tail` extrapolates what lies above the 90 % quantile
exponentially, to the share of runs that would miss the band.
"""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autograder import oracle
from autograder.exercise import Exercise, load, slugs
from unrolled import alarm, forecaster, origins, sentiment
from unrolled.answer import copy, plain
from unrolled.measures import (
    BAND,
    MEASURES,
    REBUILT,
    SURPLUS,
    lost_in_codes,
    surplus_bits,
    wrong_copies,
)
from unrolled.task import Task, Value

SOLUTION, OTHERS = 400, 100  # seeds
FILE = Path(__file__).with_name("bands.json")
FIGURES: dict[str, tuple[float, Callable[..., float]]] = {
    "trained_alarm": (alarm.BAND, alarm.wrong_days),
    "trained_copy": (BAND, wrong_copies),
    "trained_forecaster": (forecaster.SILLY, forecaster.share_of_silly),
    "trained_lm": (SURPLUS, surplus_bits),
    "trained_names": (origins.BAND, origins.wrong_names),
    "trained_reviews": (sentiment.BAND, sentiment.wrong_reviews),
    "trained_autoencoder": (REBUILT, lost_in_codes),
}
Names = dict[str, Any]


def trained() -> Iterator[tuple[Exercise, Task]]:
    """The graded functions that train, with their exercises."""
    for slug in slugs():
        for task in load(slug).graded.values():
            if task.trains:
                yield load(slug), task


def candidates(exercise: Exercise, task: Task) -> Iterator[tuple[str, str, Names]]:
    """(kind, name, functions) of the solution, its variants and its bugs."""
    cell = exercise.cell_of(task.name)
    yield "right", "solution", dict(oracle.reference(exercise.slug))
    for edit in exercise.edits[task.name]:
        yield "bug", edit.name, oracle.buggy(exercise.slug, task.name, edit.name)
    for name, variant in exercise.variants.items():
        if cell in variant.cells:
            yield "right", name, oracle.namespace(exercise, variant.cells)


def inputs(exercise: Exercise, task: Task, seed: int) -> dict[str, Value]:
    rng = oracle.seed(f"band {seed}".encode(), exercise.slug, task.name)
    return exercise.draws[task.name](rng)


def run(task: Task, function: Callable[..., Any], given: dict[str, Value]) -> Any:
    with np.errstate(all="ignore"):
        return function(*(copy(given[name]) for name in task.args))


def row(exercise: Exercise, task: Task, names: Names, seeds: int) -> dict[str, Any]:
    """What the runs of one candidate got wrong, and how many passed."""
    figures, passed = [], 0
    for seed in range(seeds):
        given = inputs(exercise, task, seed)
        weights = run(task, names[task.name], given)
        properties = MEASURES[task.measure](weights, given)
        passed += bool(properties) and all(properties.values())
        figures.append(FIGURES[task.measure][1](plain(weights), given))
    low, middle, high = np.quantile(figures, [0, 0.5, 1]).round(4).tolist()
    found = {"seeds": seeds, "passed": passed, "wrong": [low, middle, high]}
    if high <= FIGURES[task.measure][0]:
        found["tail"] = float(f"{tail(figures, FIGURES[task.measure][0]):.1e}")
    return found


def tail(figures: Sequence[float], band: float) -> float:
    """The probability to exceed `band`, by an exponential fit to the upper tenth."""
    floor = np.quantile(figures, 0.9)
    above = [figure - floor for figure in figures if figure > floor]
    return 0.1 * float(np.exp(-(band - floor) / np.mean(above))) if above else 0.0


def main(names: Sequence[str] = ()) -> None:
    """Measure the tasks of these names, or all; keep what is known of the others."""
    found: dict[str, Any] = json.loads(FILE.read_text()) if names else {}
    found["date"] = datetime.date.today().isoformat()
    for exercise, task in trained():
        if names and task.name not in names:
            continue
        rows = found[task.name] = {"band": FIGURES[task.measure][0]}
        for kind, name, functions in candidates(exercise, task):
            seeds = SOLUTION if name == "solution" else OTHERS
            rows[name] = {"kind": kind, **row(exercise, task, functions, seeds)}
            print(f"{task.name} {kind:5s} {name:25s}", rows[name], flush=True)
            FILE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
