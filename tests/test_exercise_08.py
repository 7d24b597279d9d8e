"""The instruments of 08-looking-inside against other ways to build them."""

from functools import partial

import certification
import numpy as np
import pytest
import torch

from autograder import bank, oracle
from autograder.exercise import load

SLUG = "08-looking-inside"
each = partial(certification.each, SLUG)
CELL = "W_hh", "b_h"


@each("gate_stats")
def test_shares_of_gates_are_their_empirical_distribution(case):
    gates, edge = case.inputs["gates"], case.inputs["edge"]
    T, B, H = gates.shape
    flat = torch.tensor(gates).reshape(T * B, H).sort(dim=0).values.T.contiguous()
    ends = torch.tensor([[edge, 1 - edge]]).double().expand(H, 2).contiguous()
    rank = torch.searchsorted(flat, ends).numpy() / (T * B)
    assert np.allclose(case.expected["low"], rank[:, 0], atol=1e-15)
    assert np.allclose(case.expected["high"], 1 - rank[:, 1], atol=1e-15)


@each("memory_half_life")
def test_a_constant_gate_of_that_half_life_leaves_as_much(case):
    f, half_life = torch.tensor(case.inputs["f"]), case.expected["half_life"]
    left = f.flatten(0, 1).prod(dim=0).numpy()
    steps = f.shape[0] * f.shape[1]
    assert np.allclose(0.5 ** (steps / half_life), left, rtol=1e-12)


@each("gradient_flow")
def test_norms_are_torchs_and_the_reach_ends_at_the_first_gap(case):
    dhs, share = case.inputs["dhs"], case.inputs["share"]
    norms, reach = case.expected["norms"], int(case.expected["reach"])
    lengths = torch.linalg.vector_norm(torch.tensor(dhs), dim=-1)
    assert np.allclose(norms, lengths.mean(dim=-1), rtol=1e-14)
    assert (norms[::-1][1 : reach + 1] >= share * norms[-1]).all()
    assert reach == len(dhs) - 1 or norms[-2 - reach] < share * norms[-1]


@pytest.mark.parametrize("secret", [oracle.PUBLIC, bank.HIDDEN, b"one"])
def test_the_first_gradient_holds_what_people_overlook(secret):
    (case, *_) = oracle.cases(SLUG, "gradient_flow", secret)
    norms, share = case.expected["norms"], case.inputs["share"]
    strong = norms[::-1][1:] >= share * norms[-1]
    reach = int(case.expected["reach"])
    assert 0 < reach < len(norms) - 1
    assert strong[reach + 1 :].all()  # it comes back behind the gap
    assert norms.argmax() < len(norms) - 1
    assert (norms[-1 - reach :].min() < share * norms.max()).all()


@each("unit_contrast")
def test_a_contrast_is_the_difference_over_the_pooled_scatter(case):
    hs, mask = torch.tensor(case.inputs["hs"]), torch.tensor(case.inputs["mask"])
    for i, contrast in enumerate(case.expected["contrast"]):
        yes, no = (hs[..., i].masked_select(m) for m in (mask, ~mask))
        pooled = (yes.var(correction=0) + no.var(correction=0)) / 2
        want = (yes.mean() - no.mean()) / pooled.sqrt()
        assert np.isclose(contrast, want.item(), rtol=1e-12)


@each("pca_states")
def test_axes_diagonalise_the_covariance(case):
    hs, K = torch.tensor(case.inputs["hs"]), case.inputs["K"]
    points, axes, shares = (case.expected[n] for n in ("points", "axes", "shares"))
    flat = hs.reshape(-1, hs.shape[-1])
    covariance = (flat - flat.mean(0)).T @ (flat - flat.mean(0))
    values, vectors = torch.linalg.eigh(covariance)
    for k in range(K):
        same = abs(vectors[:, -1 - k].numpy() @ axes[k])
        assert np.isclose(same, 1, atol=1e-10)
        assert np.isclose(shares[k], values[-1 - k] / values.sum(), atol=1e-12)
        assert axes[k][np.abs(axes[k]).argmax()] > 0
    assert np.allclose(axes @ axes.T, np.eye(K), atol=1e-12)
    want = (hs - flat.mean(0)).numpy() @ axes.T
    assert np.allclose(points, want, atol=1e-12)


@pytest.mark.parametrize("secret", [oracle.PUBLIC, bank.HIDDEN, b"one", b"two"])
def test_no_sign_of_an_axis_is_a_close_call(secret):
    for case in oracle.cases(SLUG, "pca_states", secret):
        size = np.sort(np.abs(case.expected["axes"]), axis=1)
        assert size.shape[1] == 1 or (size[:, -1] - size[:, -2]).min() > 1e-4
        shares = case.expected["shares"]
        assert (-np.diff(shares)).min(initial=1) > 1e-4


def step(h, W_hh, b_h):
    return torch.tanh(h @ torch.tensor(W_hh) + torch.tensor(b_h))


@each("linearise")
def test_a_linearisation_is_autograds_and_the_complex_steps(case):
    h, W_hh, b_h = (case.inputs[n] for n in ("h", *CELL))
    J, moduli = case.expected["J"], case.expected["moduli"]
    by_torch = torch.autograd.functional.jacobian(
        lambda h: step(h, W_hh, b_h), torch.tensor(h)
    )
    assert np.allclose(J, by_torch, rtol=1e-12, atol=1e-14)
    for j, e in enumerate(np.eye(len(h))):
        column = np.tanh((h + 1e-30j * e) @ W_hh + b_h).imag / 1e-30
        assert np.allclose(J[:, j], column, rtol=1e-12, atol=1e-14)
    eigenvalues = torch.linalg.eigvals(by_torch).abs().sort(descending=True).values
    assert np.allclose(moduli, eigenvalues, rtol=1e-10)


@each("fixed_points")
def test_a_fixed_point_stays_and_is_the_one_nearby(case):
    starts, W_hh, b_h = (case.inputs[n] for n in ("starts", *CELL))
    fixed = case.expected["fixed"]
    after = step(torch.tensor(fixed), W_hh, b_h).numpy()
    assert np.abs(after - fixed).max() < 1e-13
    assert np.linalg.norm(fixed - starts, axis=1).max() < 0.2


@pytest.mark.parametrize("seed", range(20))
def test_the_search_never_ends_in_a_close_call(seed):
    """Newton's method and the cell drawn are apart from each bifurcation, whatever
    a course's secret draws."""
    rng = np.random.default_rng([8, seed])
    inputs = load(SLUG).draws["fixed_points"](rng)
    fixed = oracle.reference(SLUG)["fixed_points"](**inputs)
    assert np.linalg.norm(fixed - inputs["starts"], axis=1).max() < 0.2
    linearise = oracle.reference(SLUG)["linearise"]
    radii = [linearise(h, inputs["W_hh"], inputs["b_h"])[1][0] for h in fixed]
    assert max(radii) > 1
    assert np.abs(np.array(radii) - 1).min() > 0.05


def test_portraits_are_two_of_each_kind_but_for_the_slow_one():
    kinds = oracle.reference(SLUG)["read_portraits"]()
    assert sorted(kinds) == [0, 1, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("n", range(8))
def test_what_a_portrait_promises_happens(n):
    """Pushes in many directions, by the cell itself, and none is a close call."""
    portrait = oracle.data(SLUG)["portraits"][n]
    kind = oracle.reference(SLUG)["read_portraits"]()[n]
    h, W_hh, b_h = (portrait[name] for name in ("h", *CELL))
    stays = np.abs(step(torch.tensor(h), W_hh, b_h).numpy() - h).max()
    assert stays < 1e-12 if kind else stays > 1e-3
    if not kind:
        return
    rng = np.random.default_rng(n)
    pushes = 1e-9 * rng.normal(size=(len(h), len(h)))
    states = torch.tensor(h + pushes)
    for _ in range(40):
        states = step(states, W_hh, b_h)
    moved = states.numpy() - h
    grown = np.linalg.svd(np.linalg.inv(pushes) @ moved, compute_uv=False)
    assert (grown > 1).all() if kind == 3 else (grown < 1).any()
    assert (grown < 1).all() if kind == 1 else (grown > 1).any()


# ------------------------------------------------------------------------ the bank


LEAST = {
    "gate_stats": 11, "memory_half_life": 14, "gradient_flow": 17,
    "unit_contrast": 16, "pca_states": 22, "linearise": 17, "fixed_points": 15,
}  # fmt: skip


def test_the_bank_holds_enough_bugs():
    held = {name: len(edits) for name, edits in load(SLUG).edits.items()}
    assert held.keys() == LEAST.keys()
    assert all(held[name] >= LEAST[name] for name in LEAST)


def test_a_wrong_linearisation_does_not_cost_the_search():
    names = oracle.buggy(SLUG, "linearise", "W_hh-not-transposed")
    judge = bank.examiner(SLUG, names, bank.HIDDEN, stands_in=True)
    assert not judge.verdict("linearise").values_right
    assert judge.verdict("fixed_points").values_right


@pytest.mark.parametrize("constant", [0, 1, 2, 3])
def test_a_constant_kind_earns_the_portraits_that_have_it(constant):
    kinds = oracle.reference(SLUG)["read_portraits"]()
    names = oracle.namespace(load(SLUG))
    names["read_portraits"] = lambda: [constant] * 8
    verdict = bank.examiner(SLUG, names).verdict("read_portraits")
    assert verdict.points == pytest.approx(4 * kinds.count(constant) / 8, abs=0.01)
