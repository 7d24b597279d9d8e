from dataclasses import replace

import numpy as np
import pytest

from autograder import grading
from autograder.exercise import load
from autograder.sandbox import GraderFault, Limits, Sandbox, Session, sandboxes

SLUG = "02-recurrent-cell"
SECRET = b"a secret of a course, for tests only"


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(Limits(cell_s=3, question_s=3), grading.IMPORTS) as made:
        yield made


@pytest.fixture
def cells():
    """The solution's cells by name, as a student hands them in; no check cells."""
    found = {}
    for cell in load(SLUG).cells:
        name = cell.metadata.get("solution") or cell.metadata.get("given")
        if name:
            found[name] = cell.source
    return found


def graded(cells, sandbox):
    return grading.grade(SLUG, list(cells.values()), SECRET, sandbox)


def statuses(found):
    return {name: verdict.status for name, verdict in found.verdicts.items()}


class Broken:
    """A sandbox that does not start."""

    def __init__(self, error):
        self.error = error

    def open(self, _):
        raise self.error


def test_the_solution_has_full_marks(cells, sandbox):
    found = graded(cells, sandbox)
    assert set(statuses(found).values()) == {"full"}
    assert found.points == sum(task.total for task in load(SLUG).graded.values())
    assert [result.status for result in found.results] == ["ok"] * len(cells)


@pytest.mark.parametrize(
    "error", [GraderFault("bwrap is missing"), OSError("disk full"), MemoryError()]
)
def test_a_fault_of_the_grader_is_never_a_zero(cells, error):
    found = graded(cells, Broken(error))
    assert set(statuses(found).values()) == {"could_not_check"}
    assert type(error).__name__ in found.fault


def test_a_judge_that_fails_asks_for_a_person(cells, sandbox, monkeypatch):
    def fails(self, name):
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(grading.Examiner, "verdict", fails)
    found = graded(cells, sandbox)
    assert set(statuses(found).values()) == {"could_not_check"}


def test_one_function_that_ends_leaves_the_others_theirs(cells, sandbox):
    cells["mse"] = "import os\ndef mse(pred, target):\n    os._exit(3)"
    found = statuses(graded(cells, sandbox))
    assert found.pop("mse") == "crashed"
    assert set(found.values()) == {"full"}


@pytest.fixture
def forks(monkeypatch):
    """The name of a function to the forks in which it was asked."""
    found = {}
    ask = Session.ask

    def asked(self, question, stand_in=None, within=""):
        found.setdefault(question["call"], []).append(within)
        return ask(self, question, stand_in, within)

    monkeypatch.setattr(Session, "ask", asked)
    return found


def test_functions_that_are_right_share_a_fork(cells, sandbox, forks):
    graded(cells, sandbox)
    assert {name for names in forks.values() for name in names} == {"shared 1"}


def test_a_function_loses_nothing_by_what_another_left_behind(cells, sandbox, forks):
    cells["rnn_step_forward"] += """
def stable_sigmoid(a):
    return None

def rnn_step_forward(*args, right=rnn_step_forward):
    global mse
    mse = None
    return right(*args)
"""
    assert set(statuses(graded(cells, sandbox)).values()) == {"full"}
    assert "mse" in forks["mse"]
    assert "stable_sigmoid" not in forks["stable_sigmoid"]


def test_a_quiz_has_no_second_try(cells, sandbox):
    cells["read_traces"] += """
import mmap, os
first = mmap.mmap(-1, 8)
def read_traces(right=read_traces):
    if not first[0]:
        first[:] = os.getpid().to_bytes(8, "little")
    second = first[:] != os.getpid().to_bytes(8, "little")
    return right() if second else [99] * 6
"""
    assert graded(cells, sandbox).verdicts["read_traces"].points == 0


def test_what_never_ends_is_waited_for_once(cells, sandbox, forks):
    cells["mse"] = "def mse(pred, target):\n    while True: pass"
    assert statuses(graded(cells, sandbox))["mse"] == "timeout"
    assert forks["mse"] == ["shared 1"]


def test_time_that_adds_up_in_a_shared_fork_costs_no_function_its_marks(
    cells, sandbox, forks, monkeypatch
):
    """Each burns 0.7 s once, which together is more than a process may use."""
    monkeypatch.setattr(sandbox, "limits", replace(sandbox.limits, cpu_s=1))
    for name in ("stable_sigmoid", "mse"):
        cells[name] += f"""
def {name}(*args, right={name}, asked=[]):
    import time
    start = time.process_time()
    while not asked and time.process_time() - start < 0.7: pass
    asked.append(1)
    return right(*args)
"""
    assert set(statuses(graded(cells, sandbox)).values()) == {"full"}
    assert len({forks[name][-1] for name in ("stable_sigmoid", "mse")}) == 2


def test_a_cell_that_never_ends_is_told_as_such(cells, sandbox):
    cells["rnn_forward"] = "while True: pass"
    found = graded(cells, sandbox)
    assert set(statuses(found).values()) == {"timeout"}
    assert (
        "The cell that begins `while True: pass` was still busy"
        in found.verdicts["mse"].summary
    )
    assert "was not run" in found.results[-1].outputs[0]["evalue"]


def test_grading_is_repeatable_and_hidden_cases_follow_the_secret(cells, sandbox):
    cells["mse"] = "def mse(pred, target):\n    return pred.mean(), 2 * pred"
    first, second = graded(cells, sandbox), graded(cells, sandbox)
    assert first.verdicts == second.verdicts
    one = grading.hidden_cases(SLUG, "mse", SECRET)[0].inputs["pred"]
    other = grading.hidden_cases(SLUG, "mse", SECRET + b"!")[0].inputs["pred"]
    assert not np.array_equal(one, other)


def test_hidden_inputs_cannot_be_carried_out_in_words(cells, sandbox):
    cells["mse"] = "\n".join(
        [
            "def mse(pred, target):",
            "    name = f'K{abs(pred.flat[0])}'",
            "    raise type(name + 'Error', (Exception,), {})(name)",
        ]
    )
    cells["stable_sigmoid"] = "def stable_sigmoid(a):\n    return {str(a.flat[0]): a}"
    found = graded(cells, sandbox)
    for name in ("mse", "stable_sigmoid"):
        task_cases = grading.hidden_cases(SLUG, name, SECRET)
        number = str(abs(next(iter(task_cases[0].inputs.values())).flat[0]))[:6]
        assert number not in str(found.verdicts[name].to_dict())


def test_cells_of_the_course_run_only_where_their_names_are_missed(cells, sandbox):
    slow = "import time; time.sleep(1); factor = 2"
    spare = [slow, *cells.values()]
    found = grading.grade(SLUG, spare, SECRET, sandbox, spare=[0])
    assert found.results[0].status == "ok"
    assert set(statuses(found).values()) == {"full"}
    cells["mse"] = cells["mse"].replace("2 * diff", "factor * diff")
    found = grading.grade(SLUG, [slow, *cells.values()], SECRET, sandbox, spare=[0])
    assert set(statuses(found).values()) == {"full"}


def test_a_stand_in_computes_small_things_only():
    tall, wide = np.ones((100_000, 1)), np.ones((1, 100_000))
    with pytest.raises(ValueError, match="too large"):
        grading._stand_in(
            SLUG, ["rnn_step_forward"], "rnn_step_forward", [tall, tall, wide, wide, 0]
        )
    with pytest.raises(ValueError, match="not answered for"):
        grading._stand_in(SLUG, [], "rnn_step_forward", [1])


def test_one_sandbox_serves_a_process_and_has_imported_what_cells_name():
    light = sandboxes.fitting(["import numpy as np"])
    assert sandboxes.fitting(["x = 1"]) is light
    plots = sandboxes.fitting(["import matplotlib.pyplot as plt"])
    assert plots is not light
    sandboxes.close()
    assert sandboxes.fitting([]) is not light
    assert sandboxes.imports(["a", "import torch"]) == ("numpy", "unrolled", "torch")
    assert sandboxes.imports(["flashtorches = 1"]) == sandboxes.LIGHT
    assert "torch._dynamo" in sandboxes.imports(["import torch", "torch.compile(f)"])
    assert "torch._dynamo" not in sandboxes.imports(["import torch", "torch.optim"])
    assert sandboxes.imports(["import re", "re.compile('a')"]) == sandboxes.LIGHT


def test_a_helper_that_never_ends_is_counted_once(cells, sandbox):
    cells["rnn_step_forward"] = "def rnn_step_forward(*args):\n    while True: pass"
    found = statuses(graded(cells, sandbox))
    assert found.pop("rnn_step_forward") == "timeout"
    assert set(found.values()) == {"full"}


def test_a_loop_that_never_ends_at_one_step_costs_the_shape_point_only(cells, sandbox):
    cells["last"] = (
        "def rnn_forward(xs, *rest, right=rnn_forward):\n"
        "    while len(xs) == 1: pass\n"
        "    return right(xs, *rest)"
    )
    verdict = graded(cells, sandbox).verdicts["rnn_forward"]
    lines = {line.aspect: line for line in verdict.lines}
    assert verdict.values_right
    assert not lines["shapes"].ok
    assert "T=1" in lines["shapes"].text
