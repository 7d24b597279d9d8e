"""The reference of 05-vanishing-gradients against PyTorch, and what it promises."""

from functools import partial

import certification
import numpy as np
import pytest
import torch

from autograder import bank, oracle
from autograder.exercise import load
from unrolled.measures import wrong_copies

SLUG = "05-vanishing-gradients"
cases = partial(certification.cases, SLUG)
STATES = "step_jacobian", "jacobian_product", "spectral_curves"


def jacobian_to_the_last(hs, W_hh, t):
    """(B, H, H) by autograd, through the cell with the inputs that gave hs."""
    W = torch.tensor(W_hh)
    drives = torch.atanh(torch.tensor(hs))  # the pre-activations
    states = torch.tensor(hs)

    def last(h):
        for k in range(t + 1, len(hs)):
            before = states[k - 1]
            h = torch.tanh(drives[k] + (h - before) @ W)
        return h.sum(dim=0)  # the sequences do not know of each other

    rows = torch.autograd.functional.jacobian(last, states[t])  # (H, B, H)
    return rows.permute(1, 0, 2).numpy()


@pytest.mark.parametrize("case", cases("step_jacobian"), ids=lambda c: c.name)
def test_a_step_jacobian_is_autograds(case):
    h_t, W_hh = case.inputs["h_t"], case.inputs["W_hh"]
    h_prev = np.zeros_like(h_t)
    want = jacobian_to_the_last(np.stack([h_prev, h_t]), W_hh, 0)
    assert np.allclose(case.expected["S_t"], want, rtol=1e-12, atol=1e-14)


def test_a_step_jacobian_is_the_complex_steps():
    case = cases("step_jacobian")[0]
    h_t, W_hh = case.inputs["h_t"], case.inputs["W_hh"]
    a_t, H = np.arctanh(h_t), h_t.shape[1]
    for j in range(H):
        moved = np.tanh(a_t + 1e-30j * np.eye(H)[j] @ W_hh)
        column = moved.imag / 1e-30
        assert np.allclose(case.expected["S_t"][:, :, j], column, rtol=1e-12)


@pytest.mark.parametrize("case", cases("jacobian_product"), ids=lambda c: c.name)
def test_a_jacobian_product_is_autograds(case):
    hs, W_hh = case.inputs["hs"], case.inputs["W_hh"]
    for t, J_t in enumerate(case.expected["J"]):
        want = jacobian_to_the_last(hs, W_hh, t)
        assert np.allclose(J_t, want, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("case", cases("spectral_curves"), ids=lambda c: c.name)
def test_norms_are_singular_values_and_stay_below_their_bounds(case):
    hs, W_hh = case.inputs["hs"], case.inputs["W_hh"]
    norms, bounds = case.expected["norms"], case.expected["bounds"]
    slopes = 1 - torch.tensor(hs) ** 2
    sigma = torch.linalg.matrix_norm(slopes[..., None] * torch.tensor(W_hh.T), 2)
    for t in range(len(hs)):
        J_t = torch.tensor(jacobian_to_the_last(hs, W_hh, t))
        assert np.allclose(norms[t], torch.linalg.matrix_norm(J_t, 2), rtol=1e-10)
        assert np.allclose(bounds[t], sigma[t + 1 :].prod(dim=0), rtol=1e-12)
    assert (norms <= bounds * (1 + 1e-12)).all()
    assert (norms[-1] == 1).all()


def test_there_are_three_matrices_of_each_class():
    classes = oracle.reference(SLUG)["sort_matrices"]()
    assert sorted(classes) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("n", range(9))
def test_what_the_class_of_a_matrix_promises_is_kept(n):
    W = oracle.data(SLUG)["matrices"][n]
    kind = oracle.reference(SLUG)["sort_matrices"]()[n]
    stretch = torch.linalg.matrix_norm(torch.tensor(W), 2).item()
    far = np.linalg.norm(np.linalg.matrix_power(W, 1000), 2)
    assert abs(stretch - 1) > 0.01  # nobody has to decide a close call
    assert (kind == 0) == (stretch < 1)
    assert (kind == 2) == (far > 1)
    assert kind == 2 or far < 1e-3


@pytest.mark.parametrize("case", cases("orthogonal"), ids=lambda c: c.name)
def test_q_is_orthogonal_and_r_has_a_positive_diagonal(case):
    draws, Q = case.inputs["draws"], case.expected["Q"]
    R = Q.T @ draws
    assert np.allclose(Q.T @ Q, np.eye(len(Q)), atol=1e-12)
    assert np.allclose(R, np.triu(R), atol=1e-12)
    assert (np.diag(R) > 0).all()


@pytest.mark.parametrize("case", cases("identity_init"), ids=lambda c: c.name)
def test_an_identity_start_keeps_the_state(case):
    draws, scale = torch.tensor(case.inputs["draws"]), case.inputs["scale"]
    W_xh, W_hh, b_h = (case.expected[n] for n in ("W_xh", "W_hh", "b_h"))
    H = draws.shape[1]
    h_prev = torch.randn(2, H, dtype=torch.float64)
    kept = torch.addmm(torch.tensor(b_h), h_prev, torch.tensor(W_hh))
    assert torch.equal(kept, scale * h_prev)
    assert np.allclose(W_xh * 1000, draws, rtol=1e-12)


@pytest.mark.parametrize("case", cases("adding_problem"), ids=lambda c: c.name)
def test_the_marks_pick_what_is_added(case):
    values, first, second = (case.inputs[n] for n in ("values", "first", "second"))
    xs, target = case.expected["xs"], case.expected["target"]
    one_hot = torch.nn.functional.one_hot
    T = len(values)
    marks = one_hot(torch.tensor(first), T) + one_hot(torch.tensor(second), T)
    assert np.array_equal(xs[..., 0], values)
    assert np.array_equal(xs[..., 1], marks.T)
    assert np.allclose(
        target, torch.einsum("bt,tb->b", marks.double(), torch.tensor(values))
    )


@pytest.mark.parametrize("case", cases("copy_problem"), ids=lambda c: c.name)
def test_what_is_copied_was_read_before_the_lag(case):
    symbols, lag, V = (case.inputs[n] for n in ("symbols", "lag", "V"))
    ids, targets, mask = (case.expected[n] for n in ("ids", "targets", "mask"))
    K, B = symbols.shape
    assert ids.shape == targets.shape == mask.shape == (2 * K + lag, B)
    for t in range(2 * K + lag):
        due = t - (K + lag)
        assert (mask[t] == (due >= 0)).all()
        assert np.array_equal(targets[t], symbols[due] if due >= 0 else np.zeros(B))
        shown = symbols[t] if t < K else np.full(B, V + (due >= 0))
        assert np.array_equal(ids[t], shown)


@pytest.mark.parametrize("case", cases("bridged_lags"), ids=lambda c: c.name)
def test_a_run_reaches_as_far_as_all_shorter_lags_are_solved(case):
    lags, errors, threshold = (case.inputs[n] for n in ("lags", "errors", "threshold"))
    for run, far in zip(errors.T, case.expected["bridged"], strict=True):
        assert all(
            e < threshold for e, lag in zip(run, lags, strict=True) if lag <= far
        )
        beyond = [e for e, lag in zip(run, lags, strict=True) if lag > far]
        assert not beyond or not beyond[0] < threshold


def test_the_public_runs_hold_what_people_overlook():
    case = next(c for c in cases("bridged_lags") if c.name == "values")
    errors, bridged = case.inputs["errors"], case.expected["bridged"]
    assert np.isnan(errors).any()
    assert (errors == case.inputs["threshold"]).any()
    assert 0 in bridged


# ------------------------------------------------------------ what is worth what


ONE_RIGHT_CLASS = 3 / 9  # what a constant answer to the nine matrices earns


def test_a_wrong_step_does_not_cost_its_callers():
    names = oracle.buggy(SLUG, "step_jacobian", "W_hh-not-transposed")
    judge = bank.examiner(SLUG, names, bank.HIDDEN, stands_in=True)
    assert judge.verdict("step_jacobian").status == "wrong"
    assert judge.verdict("jacobian_product").values_right
    assert judge.verdict("spectral_curves").values_right


@pytest.mark.parametrize("constant", [0, 1, 2])
def test_a_constant_class_earns_the_matrices_that_have_it(constant):
    names = oracle.namespace(load(SLUG))
    names["sort_matrices"] = lambda: [constant] * 9
    verdict = bank.examiner(SLUG, names).verdict("sort_matrices")
    assert verdict.points == pytest.approx(4 * ONE_RIGHT_CLASS, abs=0.01)


@pytest.mark.parametrize("fill", [0.0, 0.1, np.nan, np.inf])
def test_a_matrix_without_growth_earns_nothing(fill):
    names = oracle.namespace(load(SLUG))
    names["late_growth"] = lambda H, growth: np.full((H, H), fill)
    verdict = bank.examiner(SLUG, names).verdict("late_growth")
    assert verdict.status == "wrong"
    assert verdict.points == 0


# ------------------------------------------------------------- the training run


def torch_logits(params, ids):
    """(T, B, V) by torch's own cell."""
    given = {name: torch.tensor(w) for name, w in params.items()}
    D, H = given["W_xh"].shape
    cell = torch.nn.RNN(D, H).double()
    with torch.no_grad():
        cell.weight_ih_l0.copy_(given["W_xh"].T)
        cell.weight_hh_l0.copy_(given["W_hh"].T)
        cell.bias_ih_l0.copy_(given["b_h"])
        cell.bias_hh_l0.zero_()
    out = given["W_hy"].requires_grad_()
    logits = cell(torch.eye(D).double()[torch.tensor(ids)])[0] @ out
    return logits, [*cell.parameters(), out]


@pytest.mark.parametrize("case", cases("copy_loss"), ids=lambda c: c.name)
def test_the_loss_of_a_copy_and_its_gradients_are_torchs(case):
    ids, targets, mask = (case.inputs[n] for n in ("ids", "targets", "mask"))
    logits, leaves = torch_logits(case.inputs["params"], ids)
    loss = torch.nn.functional.cross_entropy(
        logits[torch.tensor(mask)], torch.tensor(targets[mask])
    )
    W_ih, W_hh, b_h, _, W_hy = (g.numpy() for g in torch.autograd.grad(loss, leaves))
    assert np.allclose(case.expected["loss"], loss.item(), rtol=1e-12)
    want = {"W_xh": W_ih.T, "W_hh": W_hh.T, "b_h": b_h, "W_hy": W_hy}
    for name, grad in want.items():
        assert np.allclose(case.expected[name], grad, rtol=1e-10, atol=1e-14), name


def test_what_the_trained_network_repeats_is_counted_right():
    """The measure and torch agree on the share of wrong symbols."""
    (case,) = oracle.cases(SLUG, "train_copy")
    given = case.inputs
    trained = oracle.reference(SLUG)["train_copy"](
        given["params"], given["symbols"][:60], given["lag"], given["lr"]
    )
    symbols = np.random.default_rng(500).integers(5, size=(3, 500))
    make = oracle.reference(SLUG)["copy_problem"]
    ids, targets, mask = make(symbols, given["lag"], 5)
    assert np.array_equal(make(given["symbols"][0], 10, 5)[0][:, 0], given["example"])
    said = torch_logits(trained, ids)[0].argmax(-1).numpy()
    assert wrong_copies(trained, given) == np.mean((said != targets)[mask])
