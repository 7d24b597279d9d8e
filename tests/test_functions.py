"""Functions as inputs: a name travels, the student's code gets the function."""

import numpy as np
import pytest

from autograder.cases import Vary, build
from unrolled.answer import answer
from unrolled.functions import FUNCTIONS, named
from unrolled.judge import Examiner
from unrolled.task import Task, question

TASK = Task(
    "apply", "Exercise 0.0", ("f", "x"), ("y",), {"values": 1}, functions=("f",)
)


def apply(f, x):
    return f(x)


def draw(rng, f="wave"):
    return {"f": f, "x": rng.normal(size=(2, 4))}


def cases():
    varies = [Vary("values"), Vary("turned", f="turned")]
    rng = np.random.default_rng(0)
    return [build(TASK, v, draw, rng, {"apply": apply}, None) for v in varies]


def test_a_question_carries_the_name_and_the_code_gets_the_function():
    asked = question(TASK, cases()[0], None)
    assert asked["inputs"]["f"] == "wave"
    found = answer(asked, {"apply": lambda f, x: np.float64(f is named("wave"))})
    assert found["value"] == 1


def test_a_function_among_the_inputs_is_judged_like_any_other():
    examiner = Examiner(
        {"apply": TASK},
        {"apply": cases()},
        lambda _: (),
        lambda asked: answer(asked, {"apply": apply}),
    )
    assert examiner.verdict("apply").status == "full"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_named_function_is_analytic_and_keeps_float32(name):
    f, rng = FUNCTIONS[name], np.random.default_rng(1)
    x, v = rng.normal(size=(2, 3, 4))
    along = np.asarray(f(x + 1e-30j * v)).imag / 1e-30
    central = (np.asarray(f(x + 1e-5 * v)) - f(x - 1e-5 * v)) / 2e-5
    np.testing.assert_allclose(along, central, rtol=1e-7, atol=1e-9)
    assert np.asarray(f(x.astype(np.float32))).dtype == np.float32


def test_an_unknown_name_is_one_sentence():
    with pytest.raises(KeyError, match="no function 'sine': there are wave"):
        named("sine")
