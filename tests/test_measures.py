"""An answer without one right value is judged by its properties."""

import numpy as np
import pytest

from unrolled.answer import answer
from unrolled.compare import faults
from unrolled.judge import Examiner
from unrolled.measures import late_growth, measured
from unrolled.task import Case, Task

REACHES, BOUNDED, DIES = PROPERTIES = (
    "power_reaches_growth",
    "growth_from_norm_two",
    "growth_dies_out",
)
TASK = Task(
    "late_growth",
    "Exercise 5.4",
    args=("H", "growth"),
    returns=("W",),
    points={"values": 3},
    keys={"W": PROPERTIES},
    measure="late_growth",
)
INPUTS = {"H": 2, "growth": 3.0}
CASE = Case("values", "values", INPUTS, dict.fromkeys(PROPERTIES, np.asarray(True)))
GROWS = np.array([[0.9, 1.0], [0.0, 0.9]])


def verdict(function):
    examiner = Examiner(
        {"late_growth": TASK},
        {"late_growth": (CASE,)},
        lambda task: (),
        lambda question: answer(question, {"late_growth": function}),
    )
    return examiner.verdict("late_growth")


@pytest.mark.parametrize("W", [GROWS, GROWS.T, -GROWS, GROWS.tolist()])
def test_any_matrix_with_the_properties_is_right(W):
    assert verdict(lambda H, growth: W).status == "full"


@pytest.mark.parametrize(
    ("W", "lacks"),
    [
        (0.9 * np.eye(2), {REACHES, BOUNDED, DIES}),
        (0.0 * np.eye(2), {REACHES, BOUNDED, DIES}),
        (1.1 * np.eye(2), {DIES}),
        (GROWS + 4 * np.eye(2, k=1), {BOUNDED}),
        (GROWS + GROWS.T, {BOUNDED, DIES}),
        (np.eye(2) * np.nan, {REACHES, BOUNDED, DIES}),
    ],
)
def test_a_property_that_is_missing_is_named(W, lacks):
    found = late_growth(np.asarray(W), INPUTS)
    assert {name for name, holds in found.items() if not holds} == lacks
    judged = verdict(lambda H, growth: W)
    assert judged.points == 3 - len(lacks)
    assert judged.fault.array in lacks


@pytest.mark.parametrize("W", [np.ones((2, 3)), np.ones(2), 3.0, np.ones((1, 2, 2))])
def test_another_shape_has_no_properties_and_is_named(W):
    assert late_growth(np.asarray(W), INPUTS) is None
    judged = verdict(lambda H, growth: W)
    assert judged.points == 0
    assert str(np.shape(W)) in judged.summary


@pytest.mark.parametrize("value", [None, "W", {"W": GROWS}, [[1.0], [1.0, 2.0]]])
def test_what_is_no_array_has_no_properties(value):
    assert measured(TASK, INPUTS, value) is None
    assert faults(TASK, CASE, {"value": None})
    assert verdict(lambda H, growth: value).points == 0
