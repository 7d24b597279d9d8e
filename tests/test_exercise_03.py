"""The references of 02-recurrent-cell and 03-bptt, and whose fault a fault is.

The solutions are certified twice, independently: by torch autograd on twins that
share no line with them, and by complex-step derivatives of their own forward passes.
"""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch_twins as twins
from certification import cases, relative

from autograder import bank, oracle
from autograder.exercise import load
from unrolled.answer import answer
from unrolled.judge import Examiner

CELL, BPTT = "02-recurrent-cell", "03-bptt"
SLUGS = (CELL, BPTT)
TASKS = load(BPTT).tasks.values()
BANKED = [(slug, name) for slug in SLUGS for name in load(slug).edits]


# ---------------------------------------------------------------- certification


GRADIENTS = {
    (BPTT, "rnn_step_backward"): twins.step_backward,
    (BPTT, "rnn_backward"): twins.backward,
    (BPTT, "rnn_lm_loss"): twins.language_model,
    (BPTT, "review_step"): twins.gradient_step,
    (CELL, "cross_entropy"): twins.softmax_loss,
    (CELL, "mse"): twins.squared_loss,
}


@pytest.mark.parametrize(("slug", "function"), GRADIENTS)
def test_solution_equals_torch_autograd(slug, function):
    for case in cases(slug, function):
        twin = GRADIENTS[slug, function](case.inputs)
        assert case.expected.keys() == twin.keys()
        for name, want in twin.items():
            assert relative(case.expected[name], want) < 1e-12, (case.name, name)


@pytest.mark.parametrize("by", [twins.states, twins.library_states])
def test_forward_passes_equal_torch(by):
    for case in cases(CELL, "rnn_forward"):
        with torch.no_grad():
            want = by(**twins.tensors(case.inputs))
        assert relative(case.expected["hs"], want.numpy()) < 1e-12
    for case in cases(CELL, "rnn_step_forward"):
        t = twins.tensors(case.inputs)
        with torch.no_grad():
            want = by(t["x_t"][None], t["h_prev"], *twins.weights(t))[0]
        assert relative(case.expected["h_t"], want.numpy()) < 1e-12


def test_sigmoid_equals_torch():
    for case in cases(CELL, "stable_sigmoid"):
        want = torch.sigmoid(torch.tensor(case.inputs["a"])).numpy()
        assert relative(case.expected["s"], want) < 1e-15


def test_jacobians_equal_torch():
    for case in cases(BPTT, "tangent_jacobian"):
        assert relative(case.expected["J"], twins.jacobians(case.inputs)) < 1e-12
    for case in cases(BPTT, "reverse_jacobian"):
        assert relative(case.expected["J"], twins.jacobians(case.inputs)[-1]) < 1e-12


def complex_step(loss, arrays):
    """d loss / d array, exact to rounding: no difference is taken."""
    grads = {}
    for name, array in arrays.items():
        grads[f"d{name}"] = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            moved = {n: a.astype(complex) for n, a in arrays.items()}
            moved[name][index] += 1e-30j
            grads[f"d{name}"][index] = loss(moved).imag / 1e-30
    return grads


def step_loss(ref, inputs):
    def loss(a):
        args = load(CELL).tasks["rnn_step_forward"].args
        h_t, _ = ref["rnn_step_forward"](*(a[n] for n in args))
        return (h_t * inputs["dh_t"]).sum()

    return loss, {n: v for n, v in inputs.items() if n != "dh_t"}


def sequence_loss(ref, inputs):
    def loss(a):
        hs, _ = ref["rnn_forward"](a["xs"], a["h0"], a["W_xh"], a["W_hh"], a["b_h"])
        return (hs * inputs["dhs"]).sum()

    return loss, {n: v for n, v in inputs.items() if n != "dhs"}


def lm_loss(ref, inputs):
    return lambda a: ref["rnn_lm_loss"](a, inputs["ids"])[0], inputs["params"]


def softmax_loss(ref, inputs):
    def loss(a):
        return ref["cross_entropy"](a["logits"], inputs["targets"], inputs["mask"])[0]

    return loss, {"logits": inputs["logits"]}


def squared_loss(ref, inputs):
    return lambda a: ref["mse"](a["pred"], inputs["target"])[0], {
        "pred": inputs["pred"]
    }


COMPLEX = {
    (BPTT, "rnn_step_backward"): step_loss,
    (BPTT, "rnn_backward"): sequence_loss,
    (BPTT, "rnn_lm_loss"): lm_loss,
    (CELL, "cross_entropy"): softmax_loss,
    (CELL, "mse"): squared_loss,
}


@pytest.mark.parametrize(("slug", "function"), COMPLEX)
def test_solution_equals_complex_step(slug, function):
    case = bank.cases(slug, function, oracle.PUBLIC)[0]
    loss, arrays = COMPLEX[slug, function](oracle.reference(slug), case.inputs)
    for name, want in complex_step(loss, arrays).items():
        assert relative(case.expected[name], want) < 1e-12, name


def test_repaired_snippet_descends_by_the_complex_step_gradient():
    case = bank.cases(BPTT, "review_step", oracle.PUBLIC)[0]
    step, given = oracle.reference(BPTT)["review_step"], case.inputs
    xs, targets = (given[n].astype(complex) for n in ("xs", "targets"))
    grads = complex_step(lambda p: step(p, xs, targets, 0.0)[0], given["params"])
    for name, before in given["params"].items():
        want = before - given["lr"] * grads[f"d{name}"]
        assert relative(case.expected[name], want) < 1e-12, name


def test_forward_mode_equals_reverse_mode():
    case = bank.cases(BPTT, "tangent_jacobian", bank.HIDDEN)[0]
    ref, args = oracle.reference(BPTT), list(case.inputs.values())
    ahead, back = ref["tangent_jacobian"](*args)[-1], ref["reverse_jacobian"](*args)
    assert relative(ahead, back) < 1e-13


SIZES = {  # of the first case: distinct, and none of them one
    "rnn_step_forward": ("x_t", "W_xh"), "rnn_forward": ("xs", "W_xh"),
    "rnn_step_backward": ("x_t", "W_xh"), "rnn_backward": ("xs", "W_xh"),
    "cross_entropy": ("logits",), "mse": ("pred",), "stable_sigmoid": ("a",),
    "tangent_jacobian": ("xs", "W_xh"), "reverse_jacobian": ("xs", "W_xh"),
    "rnn_lm_loss": ("ids", "W_hy"), "review_step": ("xs", "W_hy"),
}  # fmt: skip


@pytest.mark.parametrize(("slug", "function"), BANKED)
def test_all_sizes_of_the_first_case_differ(slug, function):
    inputs = bank.cases(slug, function, oracle.PUBLIC)[0].inputs
    inputs = {**inputs, **inputs.get("params", {})}
    shapes = [inputs[name].shape for name in SIZES[function]]
    first, *others = shapes
    sizes = [*first, *(n for shape in others for n in shape if n not in first)]
    assert len(set(sizes)) == len(sizes)
    assert 1 not in sizes


# ------------------------------------------------------------ the snippet to review


def test_snippet_under_review_is_the_solution_with_all_six_mistakes():
    exercise = load(BPTT)
    worst = exercise.edits["review_step"][-1]
    assert worst.name.count(" + ") == 5
    broken = worst.apply(exercise.source("review_step"), "review_step")
    given = next(c for c in exercise.cells if c.metadata.get("given") == "review_me")
    marks = r"\n    ### (BEGIN|END) SOLUTION"
    assert body(re.sub(marks, "", broken)) == body(given.source)


def body(source):
    """The code after the docstring."""
    return source.split('"""', 2)[2].strip()


@pytest.mark.parametrize("left", [1, 2, 5])
def test_half_repaired_snippet_is_told_what_is_left(left):
    edits = load(BPTT).edits["review_step"]
    chosen = [edit for edit in edits if edit.name.count("+") == left - 1]
    edit = chosen[len(chosen) // 2]
    verdict = bank.try_bug(BPTT, "review_step", edit.name, bank.HIDDEN)
    assert verdict.says.startswith(f"{left} of the 6 mistakes left: ")
    for single in edits[:6]:
        clause = single.says.split(": ", 1)[1].rstrip(".")
        assert (clause in verdict.says) == (single.name in edit.name.split(" + "))


def test_unrepaired_snippet_is_not_told_its_mistakes():
    worst = load(BPTT).edits["review_step"][-1]
    verdict = bank.try_bug(BPTT, "review_step", worst.name, oracle.PUBLIC)
    assert verdict.says.startswith("all 6 mistakes are still there")


def test_known_bug_is_named_in_code_that_also_writes_into_its_input():
    source = (
        load(BPTT)
        .source("rnn_step_backward")
        .replace(
            'da_t = dh_t * (1 - cache["h_t"] ** 2)',
            'da_t = dh_t\n    da_t *= 1 - cache["h_t"]',
        )
    )
    names = oracle.namespace(load(BPTT), {"rnn_step_backward": source})
    verdict = bank.examiner(BPTT, names).verdict("rnn_step_backward")
    assert verdict.bug == "slope-one-minus-h"


# -------------------------------------------------------------- right solutions


def test_home_check_says_which_impure_function_breaks_its_caller():
    """Without stand-ins, a cache that is consumed breaks reverse_jacobian."""
    tried = load(BPTT).variants["consumed cache"]
    verdicts = bank.try_variant(BPTT, tried, oracle.PUBLIC, stands_in=False)
    assert verdicts["rnn_backward"].values_right
    assert not verdicts["reverse_jacobian"].values_right


# ------------------------------------------------------------- inherited faults


def wrong_neighbour(slug, function, bug, stands_in=True):
    return bank.examiner(slug, oracle.buggy(slug, function, bug), stands_in=stands_in)


STEP_BUGS = [edit.name for edit in load(CELL).edits["rnn_step_forward"]]
BACK_BUGS = [edit.name for edit in load(BPTT).edits["rnn_step_backward"]]


@pytest.mark.parametrize("bug", STEP_BUGS)
def test_wrong_step_costs_the_sequence_nothing(bug):
    """Neither its values, nor, by a shape or a float type, anything else."""
    judge = wrong_neighbour(CELL, "rnn_step_forward", bug)
    assert judge.verdict("rnn_forward").status == "full"


@pytest.mark.parametrize("bug", BACK_BUGS)
def test_wrong_step_backward_costs_nothing_after_it(bug):
    judge = wrong_neighbour(BPTT, "rnn_step_backward", bug)
    assert judge.verdict("rnn_step_backward").status != "full"
    for name in ("rnn_backward", "rnn_lm_loss", "reverse_jacobian"):
        assert judge.verdict(name).status == "full", judge.verdict(name)


def test_home_check_points_at_the_function_that_a_fault_may_come_from():
    judge = wrong_neighbour(CELL, "rnn_step_forward", "float64-always", stands_in=False)
    verdict = judge.verdict("rnn_forward")
    assert "repair rnn_step_forward first" in verdict.lines[-1].text
    assert verdict.says == ""


def earlier(change):
    """The exercise's names with notebook 02's functions changed by (old, new)."""
    source = load(BPTT).source("earlier")
    assert source.count(change[0]) == 1
    return oracle.namespace(load(BPTT), {"earlier": source.replace(*change)})


WRONG_EARLIER = {
    "no tanh": ("np.tanh(a_t)", "a_t"),
    "state not carried": ("(x_t, h_t, W_xh", "(x_t, h0, W_xh"),
    "loss without its mean": ("mask[..., None] / count", "mask[..., None]"),
    "cache without h_prev": ('"h_prev": h_prev, ', ""),
    "wrong state in the cache": ('"h_prev": h_prev', '"h_prev": h_t'),
}


@pytest.mark.parametrize("change", WRONG_EARLIER)
def test_wrong_functions_of_the_notebook_before_cost_nothing(change):
    judge = bank.examiner(BPTT, earlier(WRONG_EARLIER[change]), stands_in=True)
    verdicts = [judge.verdict(name) for name in load(BPTT).graded]
    assert [v.function for v in verdicts if not v.values_right] == []
    assert sum(v.of for v in verdicts) == sum(
        t.total for t in load(BPTT).tasks.values()
    )


def test_missing_functions_of_the_notebook_before_are_not_the_backward_passes_fault():
    names = oracle.namespace(load(BPTT), {"earlier": "# paste your functions here"})
    judge = bank.examiner(BPTT, names, stands_in=False)
    assert judge.verdict("rnn_step_backward").status == "full"
    assert judge.verdict("rnn_backward").status == "full"
    assert "rnn_forward" in judge.verdict("rnn_lm_loss").summary


def test_own_fault_counts_beside_an_inherited_one():
    exercise = load(BPTT)
    step, sequence = (
        next(e for e in exercise.edits[f] if e.name == name)
        for f, name in [
            ("rnn_step_backward", "no-tanh-slope"),
            ("rnn_backward", "dxs-reversed"),
        ]
    )
    cells = {
        "rnn_step_backward": step.apply(exercise.source("rnn_step_backward"), ""),
        "rnn_backward": sequence.apply(exercise.source("rnn_backward"), ""),
    }
    names = oracle.namespace(exercise, cells)
    verdict = bank.examiner(BPTT, names, stands_in=True).verdict("rnn_backward")
    assert verdict.bug == "dxs-reversed"
    assert verdict.fault.array == "dxs"
    assert verdict.lines[0].earned == pytest.approx(4)  # four of five arrays


# ------------------------------------------------------------ one judge for both


def test_earlier_functions_carry_no_points_here():
    earlier_names = set(load(BPTT).tasks) - set(load(BPTT).graded)
    assert earlier_names == {"rnn_step_forward", "rnn_forward", "cross_entropy"}
    for name in earlier_names:
        assert load(BPTT).tasks[name] == replace(load(CELL).tasks[name], points={})


def test_verdicts_do_not_depend_on_the_order_of_asking():
    names = oracle.buggy(BPTT, "rnn_backward", "not-carried")
    one = bank.examiner(BPTT, names)
    other = bank.examiner(BPTT, names)
    forwards = {n: one.verdict(n) for n in load(BPTT).graded}
    backwards = {n: other.verdict(n) for n in reversed(load(BPTT).graded)}
    assert forwards == backwards


def test_home_and_grading_agree_on_the_public_cases():
    """The same examiner, with and without stand-ins, on right code."""
    names = oracle.namespace(load(BPTT))
    home = Examiner(
        oracle.tasks(BPTT),
        {n: bank.cases(BPTT, n, oracle.PUBLIC) for n in oracle.tasks(BPTT)},
        lambda name: (),
        lambda question: answer(question, names),
    )
    graded = bank.examiner(BPTT, names, stands_in=True)
    for name in load(BPTT).graded:
        assert home.verdict(name) == graded.verdict(name)
