"""Inputs that a function must refuse: the error asked for, and nothing else."""

import numpy as np
import pytest

from autograder.cases import Vary, build
from unrolled import checks
from unrolled.answer import answer
from unrolled.compare import deviation
from unrolled.judge import Examiner
from unrolled.task import Bug, Task, question

TASK = Task("root", "Exercise 0.0", ("x",), ("y",), {"values": 2, "purity": 1})


def right(x):
    if (x < 0).any():
        raise ValueError("negative")
    return np.sqrt(x)


def asserts(x):
    assert (x >= 0).all()
    return np.sqrt(x)


def draw(rng, sign=1):
    return {"x": sign * rng.random((2, 3))}


VARIES = (Vary("values"), Vary("a negative number", raises="ValueError", sign=-1))
RNG = np.random.default_rng(0)
CASES = tuple(build(TASK, v, draw, RNG, {"root": right}, None) for v in VARIES)


def verdict(function, known=(), hidden=False):
    def ask(asked):
        return answer(asked, {"root": function})

    tasks = {"root": TASK}
    examiner = Examiner(tasks, {"root": CASES}, lambda _: known, ask, hidden=hidden)
    return examiner.verdict("root")


def test_the_error_that_is_asked_for_earns_every_point():
    assert verdict(right).status == "full"


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize(
    ("function", "did"),
    [
        (np.sqrt, "gives a result"),
        (asserts, "raises another error"),
        (lambda x: right(x) if (x >= 0).all() else None, "gives a result"),
    ],
)
def test_a_result_and_another_error_are_wrong(function, did, hidden):
    found = verdict(function, hidden=hidden)
    assert found.points == 0
    assert f"oot {did} where it must raise ValueError" in found.summary
    assert "in the case 'a negative number'" in found.summary


def test_refusing_what_is_right_is_an_error_as_ever():
    def refuses(x):
        raise ValueError("never")

    assert "root raised ValueError" in verdict(refuses).summary


def test_a_known_bug_is_told_by_what_it_does_not_refuse():
    def bug(name, function):
        deviations = {
            case.name: deviation(
                TASK, case, answer(question(TASK, case, None), {"root": function})
            )
            for case in CASES
        }
        return Bug(name, name, {k: d for k, d in deviations.items() if d})

    known = [bug("asserts", asserts), bug("accepts", np.sqrt)]
    assert verdict(asserts, known).bug == "asserts"
    assert verdict(lambda x: np.sqrt(np.abs(x)) * np.nan, known).bug == ""
    assert verdict(np.sqrt, known).bug == "accepts"


def test_a_reference_that_does_not_refuse_is_not_a_reference():
    with pytest.raises(AssertionError, match="does not raise ValueError"):
        build(TASK, VARIES[1], draw, RNG, {"root": np.abs}, None)


def test_what_must_be_refused_is_written_and_read_back(tmp_path):
    path = tmp_path / "checks.npz"
    made = checks.Checks("00-x", {"root": TASK}, {"root": CASES}, {"root": ()})
    path.write_bytes(checks.write(made))
    assert [c.raises for c in checks.read(path).cases["root"]] == ["", "ValueError"]
