"""The reference of 06-lstm against PyTorch and the complex step, the 24 orders of its
gates, and whose fault is whose."""

from functools import partial
from itertools import permutations

import certification
import numpy as np
import pytest
import torch_twins as twins
from certification import relative

from autograder import bank, oracle
from autograder.exercise import load

SLUG = "06-lstm"
cases = partial(certification.cases, SLUG)
LEAST = {
    "lstm_step_forward": 23 + 25, "lstm_forward": 18, "lstm_step_backward": 23 + 45,
    "lstm_backward": 25, "cell_gradient_paths": 20,
}  # fmt: skip
ORDERS = ["".join(order) for order in permutations("ifgo")][1:]  # the first is ours

each_function = pytest.mark.parametrize("function", LEAST)


# ---------------------------------------------------------------- certification


TWINS = {
    "lstm_step_forward": twins.lstm_step,
    "lstm_forward": twins.lstm_states,
    "lstm_step_backward": twins.lstm_step_grads,
    "lstm_backward": twins.lstm_grads,
    "cell_gradient_paths": twins.lstm_paths,
}


@each_function
def test_the_solution_equals_torchs_lstm(function):
    for case in cases(function):
        twin = TWINS[function](case.inputs)
        assert case.expected.keys() == twin.keys()
        for name, want in twin.items():
            assert relative(case.expected[name], want) < 1e-12, (case.name, name)


@pytest.fixture(scope="module")
def smooth():
    """The solution with a sigmoid that complex numbers can pass."""
    plain = "def stable_sigmoid(a):\n    return 1 / (1 + np.exp(-a))\n"
    return oracle.namespace(load(SLUG), {"earlier": plain})


def complex_step(loss, arrays):
    """d loss / d array, exact to rounding: no difference is taken."""
    for name, array in arrays.items():
        slope = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            moved = {n: a.astype(complex) for n, a in arrays.items()}
            moved[name][index] += 1e-30j
            slope[index] = loss(moved).imag / 1e-30
        yield f"d{name}", slope


def without(inputs, *names):
    return {name: value for name, value in inputs.items() if name not in names}


def test_a_step_backward_is_the_complex_steps(smooth):
    case = bank.cases(SLUG, "lstm_step_backward", oracle.PUBLIC)[0]
    given, order = case.inputs, load(SLUG).tasks["lstm_step_forward"].args

    def loss(a):
        h_t, c_t, _ = smooth["lstm_step_forward"](*(a[name] for name in order))
        return (h_t * given["dh_t"]).sum() + (c_t * given["dc_next"]).sum()

    for name, want in complex_step(loss, without(given, "dh_t", "dc_next")):
        assert relative(case.expected[name], want) < 1e-12, name


def test_a_walk_back_is_the_complex_steps(smooth):
    case = bank.cases(SLUG, "lstm_backward", oracle.PUBLIC)[0]
    given, order = case.inputs, load(SLUG).tasks["lstm_forward"].args

    def loss(a):
        hs, cs, _ = smooth["lstm_forward"](*(a[name] for name in order))
        return (hs * given["dhs"]).sum() + (cs[-1] * given["dc_T"]).sum()

    for name, want in complex_step(loss, without(given, "dhs", "dc_T")):
        assert relative(case.expected[name], want) < 1e-12, name


def test_the_total_path_is_the_complex_steps(smooth):
    """c_t is moved, h_t is shown from it, and the rest of the sequence runs on."""
    case = bank.cases(SLUG, "cell_gradient_paths", oracle.PUBLIC)[0]
    xs, h0, c0, *weights = case.inputs.values()
    _, cs, cache = smooth["lstm_forward"](xs, h0, c0, *weights)
    T, _, H = cs.shape
    for t in range(T - 1):
        for j in range(H):
            c = cs[t] + 1e-30j * np.eye(H)[j]
            h = cache["steps"][t]["o"] * np.tanh(c)
            later = smooth["lstm_forward"](xs[t + 1 :], h, c, *weights)[1]
            want = later[-1].imag / 1e-30
            assert relative(case.expected["total"][t, :, :, j], want) < 1e-12


def test_the_total_path_carries_a_gradient_from_end_to_start():
    """Of a step whose h_t depends on c_t alone, both ways give lstm_backward's dc."""
    ref = oracle.reference(SLUG)
    case = bank.cases(SLUG, "cell_gradient_paths", bank.HIDDEN)[0]
    xs, h0, c0, *weights = case.inputs.values()
    hs, cs, cache = ref["lstm_forward"](xs, h0, c0, *weights)
    dc_T = np.random.default_rng(1).normal(size=c0.shape)
    later = {"steps": cache["steps"][1:]}
    back = ref["lstm_backward"](np.zeros_like(hs[1:]), dc_T, later)
    first = cache["steps"][0]
    whole = back["dc0"] + back["dh0"] * first["o"] * (1 - np.tanh(cs[0]) ** 2)
    by_matrix = np.einsum("bi,bij->bj", dc_T, case.expected["total"][0])
    assert relative(whole, by_matrix) < 1e-12


SIZES = {
    "lstm_step_forward": ("x_t", "h_prev"), "lstm_forward": ("xs", "h0"),
    "lstm_step_backward": ("x_t", "h_prev"), "lstm_backward": ("xs", "h0"),
    "cell_gradient_paths": ("xs", "h0"),
}  # fmt: skip


@each_function
def test_all_sizes_differ_and_no_state_is_zero(function):
    for case in bank.cases(SLUG, function, oracle.PUBLIC)[:2]:
        first, second = (case.inputs[name].shape for name in SIZES[function])
        sizes = [*first, second[-1]]
        assert len(set(sizes)) == len(sizes)
        assert 1 not in sizes
        for name, value in case.inputs.items():
            assert np.all(value != 0), name


# ------------------------------------------------------------------------ the bank


@each_function
def test_the_bank_holds_enough_bugs(function):
    edits = load(SLUG).edits[function]
    assert len(edits) >= LEAST[function]
    assert len({edit.name for edit in edits}) == len(edits)
    for edit in edits:
        assert edit.says.endswith("."), edit.name
        assert edit.says[0].islower(), edit.name


@pytest.mark.parametrize("function", ["lstm_step_forward", "lstm_step_backward"])
def test_the_bank_knows_all_23_wrong_orders_of_the_gates(function):
    names = {edit.name for edit in load(SLUG).edits[function]}
    assert {f"order-{order}" for order in ORDERS} <= names
    assert len(ORDERS) == 23


@each_function
def test_each_function_is_written_in_at_least_four_other_styles(function):
    cell = load(SLUG).cell_of(function)
    styles = [v for v in load(SLUG).variants.values() if cell in v.cells]
    assert len(styles) >= 4


# ---------------------------------------------------- one fault is counted once


def blamed(function, bug, secret=bank.HIDDEN):
    names = oracle.buggy(SLUG, function, bug)
    return bank.examiner(SLUG, names, secret, stands_in=True)


def test_a_wrong_gate_order_costs_the_step_and_nothing_else():
    judge = blamed("lstm_step_forward", "order-ifog")
    assert judge.verdict("lstm_step_forward").bug == "order-ifog"
    for name in LEAST.keys() - {"lstm_step_forward"}:
        assert judge.verdict(name).values_right, name


def test_a_wrong_step_backward_does_not_cost_its_callers():
    judge = blamed("lstm_step_backward", "h-path-missing")
    assert judge.verdict("lstm_step_backward").bug == "h-path-missing"
    assert judge.verdict("lstm_backward").values_right
    assert judge.verdict("cell_gradient_paths").values_right


def test_a_lost_path_is_told_by_isolation_where_no_bug_is_known():
    """Two mistakes at once are in no bank; zeroing one gradient says where they are."""
    source = load(SLUG).source("lstm_step_backward")
    broken = source.replace("o * (1 - shown**2)", "0.3 * c_prev")
    names = oracle.namespace(load(SLUG), {"lstm_step_backward": broken})
    verdict = bank.examiner(SLUG, names).verdict("lstm_step_backward")
    assert not verdict.bug
    assert "what arrives at h_t goes wrong" in verdict.summary
    assert "what is carried to c_t is right" in verdict.summary


def test_a_cell_gradient_that_is_not_carried_is_placed_in_time():
    source = load(SLUG).source("lstm_backward")
    broken = source.replace(
        'dc_next = step["dc_prev"]', 'dc_next = 0.5 * step["dc_prev"]'
    )
    names = oracle.namespace(load(SLUG), {"lstm_backward": broken})
    verdict = bank.examiner(SLUG, names).verdict("lstm_backward")
    assert "the last step is right" in verdict.summary
