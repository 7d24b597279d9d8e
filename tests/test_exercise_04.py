"""Training: the optimisers are PyTorch's, the window is autograd's, bugs are named."""

from functools import partial

import certification
import numpy as np
import pytest
import torch
import torch_twins as twins
from certification import relative

from autograder import bank, oracle
from autograder.exercise import load

SLUG = "04-training"
cases = partial(certification.cases, SLUG)
BANKED = list(load(SLUG).edits)


def reference(name):
    return oracle.reference(SLUG)[name]


# ---------------------------------------------------------------- the optimisers


GRADIENTS = np.random.default_rng(3).normal(size=(200, 5, 4)) + 0.3
# Drawn, not computed from w: near an optimum Adam makes rounding errors larger.


def by_torch(optimiser, w, steps):
    leaf = torch.tensor(w, requires_grad=True)
    optimiser = optimiser([leaf])
    path = []
    for dw in GRADIENTS[:steps]:
        leaf.grad = torch.tensor(dw)
        optimiser.step()
        path.append(leaf.detach().numpy().copy())
    return np.stack(path)


def start():
    return np.random.default_rng(0).normal(size=(5, 4))


def test_sgd_equals_torch_over_many_steps():
    w, path = start(), []
    for dw in GRADIENTS[:50]:
        w = reference("sgd_step")(w, dw, 0.1)
        path.append(w)
    want = by_torch(lambda p: torch.optim.SGD(p, 0.1), start(), 50)
    assert relative(np.stack(path), want) < 1e-13


@pytest.mark.parametrize("mu", [0.0, 0.5, 0.95])
def test_momentum_equals_torch_over_many_steps(mu):
    w, path = start(), []
    m = np.zeros_like(w)
    for dw in GRADIENTS[:50]:
        w, m = reference("momentum_step")(w, dw, m, 0.02, mu)
        path.append(w)
    want = by_torch(lambda p: torch.optim.SGD(p, 0.02, momentum=mu), start(), 50)
    assert relative(np.stack(path), want) < 1e-12


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9), (0.0, 0.99)])
@pytest.mark.parametrize("eps", [1e-8, 0.1])
def test_adam_equals_torch_over_many_steps(betas, eps):
    w, path = start(), []
    m, v = np.zeros_like(w), np.zeros_like(w)
    for n, dw in enumerate(GRADIENTS, start=1):
        w, m, v = reference("adam_step")(w, dw, m, v, n, 0.03, *betas, eps)
        path.append(w)
    want = by_torch(lambda p: torch.optim.Adam(p, 0.03, betas, eps), start(), 200)
    assert relative(np.stack(path), want) < 1e-12


@pytest.mark.parametrize("kind", ["momentum_step", "adam_step"])
def test_one_step_from_any_state_equals_torch(kind):
    """The cases start in the middle, with a memory of something else."""
    for case in cases(kind):
        got = case.inputs
        leaf = torch.tensor(got["w"], requires_grad=True)
        leaf.grad = torch.tensor(got["dw"])
        state = {"momentum_buffer": torch.tensor(got["m"])}
        optimiser = torch.optim.SGD([leaf], got["lr"], momentum=got.get("mu", 0))
        if kind == "adam_step":
            betas = got["beta1"], got["beta2"]
            optimiser = torch.optim.Adam([leaf], got["lr"], betas, got["eps"])
            state = {"step": torch.tensor(got["n"] - 1.0)}
            state["exp_avg"] = torch.tensor(got["m"])
            state["exp_avg_sq"] = torch.tensor(got["v"])
        optimiser.state[leaf] = state
        optimiser.step()
        want = leaf.detach().numpy()
        assert relative(case.expected["w_new"], want) < 1e-13, case.name


def test_clipping_equals_torch():
    """Torch adds 1e-6 to the norm it divides by, which shows in the seventh digit."""
    for case in cases("clip_global_norm"):
        leaves = [
            torch.zeros(g.shape, dtype=float) for g in case.inputs["grads"].values()
        ]
        for leaf, g in zip(leaves, case.inputs["grads"].values(), strict=True):
            leaf.grad = torch.tensor(g)
        norm = torch.nn.utils.clip_grad_norm_(leaves, case.inputs["c"]).item()
        assert relative(case.expected["norm"], norm) < 1e-14
        for name, leaf in zip(case.inputs["grads"], leaves, strict=True):
            assert relative(case.expected[name], leaf.grad.numpy()) < 1e-6


# -------------------------------------------------------------------- the stream


@pytest.mark.parametrize("shape", [(101, 7, 3), (64, 1, 5), (40, 13, 1), (33, 4, 4)])
def test_windows_cover_the_columns_once(shape):
    N, T, B = shape
    windows = reference("stream_batches")(np.arange(N), T, B)
    rows = N // B
    read = windows[:, :-1].reshape(-1, B)  # (n*T, B), every input
    assert np.array_equal(read[0], np.arange(B) * rows)
    assert (np.diff(read, axis=0) == 1).all()
    assert rows - T <= len(read) + 0 < rows
    assert np.array_equal(windows[1:, 0], windows[:-1, -1])


def test_the_table_in_the_notebook_is_right():
    windows = reference("stream_batches")(np.arange(23), 3, 2)
    prose = next(c.source for c in load(SLUG).cells if "0 11    3 14" in c.source)
    rows = [line for line in prose.splitlines() if line.startswith("    ")]
    numbers = np.array([row.split() for row in rows], dtype=int)
    assert np.array_equal(numbers, np.concatenate(windows, axis=1))


def test_six_loaders_break_at_six_different_places():
    (case,) = bank.cases(SLUG, "read_loaders", oracle.PUBLIC)
    first = case.expected["first"]
    assert len(set(first.tolist())) == 6
    assert sorted(first)[:2] == [-1, 0]


# -------------------------------------------------------------------- the window


def test_window_equals_torch_autograd():
    for case in cases("tbptt_window"):
        twin = twins.text_window(case.inputs)
        assert case.expected.keys() == twin.keys()
        for name, want in twin.items():
            assert relative(case.expected[name], want) < 1e-12, (case.name, name)


def test_window_equals_the_complex_step():
    (case, *_) = bank.cases(SLUG, "tbptt_window", oracle.PUBLIC)
    given, step = case.inputs, 1e-30j
    for name, array in given["params"].items():
        want = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            moved = {n: a.astype(complex) for n, a in given["params"].items()}
            moved[name][index] += step
            args = moved, given["ids"], given["h0"].astype(complex), given["k1"]
            want[index] = reference("tbptt_window")(*args)[0].imag / step.imag
        assert relative(case.expected[f"d{name}"], want) < 1e-12, name


def test_window_that_covers_all_is_full_bptt():
    rng = np.random.default_rng(1)
    given = load(SLUG).draws["tbptt_window"](rng, T=9, k1=9)
    start = np.zeros_like(given["h0"])
    loss, grads, _ = reference("tbptt_window")(given["params"], given["ids"], start, 9)
    lm_loss = oracle.reference("03-bptt")["rnn_lm_loss"]
    want_loss, want = lm_loss(given["params"], given["ids"])
    assert relative(loss, want_loss) < 1e-14
    for name in want:
        assert relative(grads[name], want[name]) < 1e-13


def test_windows_of_one_turn_each_add_up_to_the_loss_of_the_text():
    """The states do not notice where a window begins; only the gradient does."""
    rng = np.random.default_rng(2)
    given = load(SLUG).draws["tbptt_window"](rng, T=24)
    params, ids, h0 = (given[n] for n in ("params", "ids", "h0"))
    whole, _, last = reference("tbptt_window")(params, ids, h0, 24)
    h, losses = h0, []
    for k in range(0, 24, 6):
        loss, _, h = reference("tbptt_window")(params, ids[k : k + 7], h, 6)
        losses.append(loss)
    assert relative(np.mean(losses), whole) < 1e-14
    assert relative(h, last) < 1e-14


# --------------------------------------------------- the bank, variants, the page


def test_every_function_has_variants():
    cells = [c for v in load(SLUG).variants.values() for c in v.cells]
    for function in BANKED:
        assert cells.count(function) >= 3, function


@pytest.mark.parametrize(
    ("cell", "old", "new"),
    [
        ("from_02", "np.tanh(a_t)", "a_t"),
        ("from_02", "mask[..., None] / count", "mask[..., None]"),
        ("from_03", '1 - cache["h_t"] ** 2', '1 - cache["h_t"]'),
        ("from_03", "dh_next = step", "dh_next = 0 * step"),
    ],
)
def test_wrong_functions_of_earlier_notebooks_cost_nothing(cell, old, new):
    source = load(SLUG).source(cell)
    assert source.count(old) == 1
    names = oracle.namespace(load(SLUG), {cell: source.replace(old, new)})
    judge = bank.examiner(SLUG, names, stands_in=True)
    for name in load(SLUG).graded:
        assert judge.verdict(name).values_right, judge.verdict(name)
