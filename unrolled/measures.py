"""Properties of an answer that has no single right value.

A task with `measure="late_growth"` is not compared with a reference answer. What
came back is measured here, on the side that did not run the student's code, and the
properties are compared, each by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from unrolled.task import Task, Value

Measure = Callable[[np.ndarray, Mapping[str, Value]], dict[str, bool] | None]
POWERS = 200


def late_growth(W: np.ndarray, inputs: Mapping[str, Value]) -> dict[str, bool] | None:
    """Does a matrix of bounded norm with decaying powers first grow to `growth`?

    W (H, H), with H and growth from `inputs`; None if it has another shape. Nothing
    counts without the growth: a matrix of zeros is bounded and decays, too.
    """
    H, growth = inputs["H"], inputs["growth"]
    if W.shape != (H, H):
        return None
    norms = _norms_of_powers(W) if np.isfinite(W).all() else np.zeros(1)
    grows = bool(norms.max() >= growth)
    return {
        "power_reaches_growth": grows,
        "growth_from_norm_two": grows and bool(norms[0] <= 2 + 1e-9),
        "growth_dies_out": grows and bool(np.abs(np.linalg.eigvals(W)).max() < 1),
    }


def _norms_of_powers(W: np.ndarray) -> np.ndarray:
    norms: list[float] = []
    power = np.eye(len(W))
    while len(norms) < POWERS and (not norms or norms[-1] < 1e12):
        power = power @ W
        norms.append(float(np.linalg.norm(power, 2)))
    return np.array(norms)


MEASURES: Mapping[str, Measure] = {"late_growth": late_growth}


def measured(task: Task, inputs: Mapping[str, Value], value: Value) -> Value:
    """`value`, or for a measured task its properties; `value` where it has none."""
    if not task.measure or value is None:
        return value
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return None
    found = MEASURES[task.measure](array, inputs)
    return array if found is None else found


def measured_answer(
    task: Task, inputs: Mapping[str, Value], answer: Mapping[str, Value]
) -> Mapping[str, Value]:
    """The answer with what came back, both times, measured."""
    if not task.measure or answer["status"] != "ok":
        return answer
    parts = {k: measured(task, inputs, answer.get(k)) for k in ("value", "again")}
    return {**answer, **parts}
