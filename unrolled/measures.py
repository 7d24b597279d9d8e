"""Properties of an answer that has no single right value.

A task with `measure="late_growth"` is not compared with a reference answer. What
came back is measured here, on the side that did not run the student's code, and the
properties are compared, each by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from unrolled.task import Task, Value

Measure = Callable[[np.ndarray, Mapping[str, Value]], dict[str, bool]]
POWERS = 200


def late_growth(W: np.ndarray, inputs: Mapping[str, Value]) -> dict[str, bool]:
    """Does a matrix of bounded norm with decaying powers first grow to `growth`?

    W (H, H), with H and growth from `inputs`.
    """
    H, growth = inputs["H"], inputs["growth"]
    fits = W.shape == (H, H) and bool(np.isfinite(W).all())
    norms = np.zeros(POWERS)
    if fits:
        radius = np.abs(np.linalg.eigvals(W)).max()
        power = np.eye(H)
        for k in range(POWERS):
            power = power @ W
            norms[k] = np.linalg.norm(power, 2)
            if norms[k] > 1e12:  # it grows for good: no more digits are needed
                break
    return {
        "right_shape": fits,
        "radius_below_one": fits and bool(radius < 1),
        "norm_at_most_two": fits and bool(norms[0] <= 2 + 1e-9),
        "power_reaches_growth": fits and bool(norms.max() >= growth),
    }


MEASURES: Mapping[str, Measure] = {"late_growth": late_growth}


def measured(task: Task, inputs: Mapping[str, Value], value: Value) -> Value:
    """`value`, or for a measured task its properties; None where it is no array."""
    if not task.measure or value is None:
        return value
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return None
    return MEASURES[task.measure](array, inputs)


def measured_answer(
    task: Task, inputs: Mapping[str, Value], answer: Mapping[str, Value]
) -> Mapping[str, Value]:
    """The answer with what came back, both times, measured."""
    if not task.measure or answer["status"] != "ok":
        return answer
    parts = {k: measured(task, inputs, answer.get(k)) for k in ("value", "again")}
    return {**answer, **parts}
