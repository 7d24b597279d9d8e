"""Exercise 11 against torch.nn, the costs that it counts, and what chapter 11 runs."""

import json
import os
import subprocess
import sys
from functools import partial

import certification
import numpy as np
import pytest
import torch
import torch_twins as twins
from certification import SECRETS, assert_equal
from torch.utils.flop_counter import FlopCounterMode

from autograder import bank, oracle
from autograder.exercise import load
from benchmarks import rnn_speed
from benchmarks.numpy_lstm import NumpyLSTM
from unrolled import costs

SLUG = "11-speed"
cases = partial(certification.cases, SLUG)
COSTS = [c for s in SECRETS.values() for c in bank.cases(SLUG, "step_cost", s)]
EARLIER = ("02-recurrent-cell", "03-bptt")
REF = oracle.reference(SLUG)
LSTM = ("xs", "h0", "c0", "W_x", "W_h", "b")


def library(inputs):
    """torch.nn.LSTM on the inputs of `hoisted_forward`: states and all gradients."""
    t = twins.tensors({n: inputs[n] for n in (*LSTM, "dhs", "dc_T")})
    hs, c_T = twins.library_lstm(*twins.lstm_weights(t))(
        t["xs"], (t["h0"][None], t["c0"][None])
    )[0:2]
    c_T = c_T[1][0]
    grads = torch.autograd.grad(
        [hs, c_T], [t[n] for n in LSTM], [t["dhs"].detach(), t["dc_T"].detach()]
    )
    found = {"hs": hs, "c_T": c_T}
    found |= {f"d{n}": g for n, g in zip(LSTM, grads, strict=True)}
    return {n: a.detach().numpy() for n, a in found.items()}


# ---------------------------------------------------------------- the exercise


@pytest.mark.parametrize("case", cases("hoisted_forward"), ids=lambda c: c.name)
def test_the_hoisted_lstm_equals_torchs_with_all_gradients(case):
    assert_equal(case, library(case.inputs))


@pytest.mark.parametrize("case", cases("fused_step"), ids=lambda c: c.name)
def test_the_fused_step_equals_torchs_with_all_gradients(case):
    i = case.inputs
    D = i["x_t"].shape[1]
    want = library(
        {
            "xs": i["x_t"][None], "h0": i["h_prev"], "c0": i["c_prev"],
            "W_x": i["W"][:D], "W_h": i["W"][D:], "b": i["b"],
            "dhs": i["dh_t"][None], "dc_T": i["dc_t"],
        }
    )  # fmt: skip
    joined = np.concatenate([want["dW_x"], want["dW_h"]])
    named = {"h_t": want["hs"][0], "c_t": want["c_T"], "dx_t": want["dxs"][0]}
    named |= {"dh_prev": want["dh0"], "dc_prev": want["dc0"]}
    assert_equal(case, {**named, "dW": joined, "db": want["db"]})


@pytest.mark.parametrize("case", COSTS, ids=lambda c: c.name)
def test_operations_are_those_that_torch_counts_and_bytes_those_of_its_arrays(case):
    B, D, H, itemsize = case.inputs.values()
    x, h, c = torch.ones(B, D), torch.ones(B, H), torch.ones(B, H)
    weights = torch.ones(D, 4 * H), torch.ones(H, 4 * H), torch.ones(4 * H)
    with FlopCounterMode(display=False) as counter:
        rnn_speed.by_gates(x[None], h, c, *weights)
    moved = sum(a.numel() for a in (x, h, c, *weights, h, c)) * itemsize
    want = {"flops": counter.get_total_flops(), "moved": moved}
    assert_equal(case, want, 1e-300)


def test_the_key_of_the_quiz_is_computed():
    """Rows of the table: B, H, bytes of a number, launches, do the weights move?"""
    table = (
        (32, 128, 4, 12, True), (1, 4096, 4, 12, True), (1, 1024, 2, 12, True),
        (512, 4096, 4, 12, True), (512, 4096, 2, 12, True), (32, 1024, 4, 1, True),
        (32, 1024, 4, 12 * 0.1 / 4, True), (32, 1024, 4, 1 / 100, False),
    )  # fmt: skip
    key = []
    for B, H, itemsize, launches, weights_move in table:
        flops, moved = REF["step_cost"](B, H, H, itemsize)
        moved -= 0 if weights_move else itemsize * (2 * H + 1) * 4 * H
        peak = 50e12 if itemsize == 4 else 100e12
        times = np.array([flops / peak, moved / 2e12, launches * 4e-6])
        key.append(times.argmax())
        assert np.sort(times)[-1] > 1.3 * np.sort(times)[-2]  # nobody has to guess
    assert key == REF["predict_bound"]()
    assert set(key) == {0, 1, 2}


@pytest.mark.parametrize("T", [*range(1, 60), 100, 997])
def test_no_number_of_segments_keeps_fewer(T):
    segments, kept = REF["best_segments"](T)
    every = [n + len(range(0, T, n)) for n in range(1, T + 1)]
    assert kept == min(every) == every[segments - 1]
    assert kept not in every[: segments - 1]
    assert kept <= 2 * np.ceil(T**0.5)


@pytest.mark.parametrize("case", cases("checkpointed_bptt"), ids=lambda c: c.name)
def test_gradients_by_checkpoints_are_those_of_torchs_rnn(case):
    names = ("xs", "h0", "W_xh", "W_hh", "b_h")
    t = twins.tensors({n: case.inputs[n] for n in names})
    h, hs = t["h0"], []
    for x in t["xs"]:
        h = torch.tanh(x @ t["W_xh"] + h @ t["W_hh"] + t["b_h"])
        hs.append(h)
    loss = (torch.stack(hs) * torch.tensor(case.inputs["dhs"])).sum()
    grads = torch.autograd.grad(loss, [t[n] for n in names])
    assert_equal(case, {f"d{n}": g for n, g in zip(names, grads, strict=True)})


@pytest.mark.parametrize("case", cases("amp_step"), ids=lambda c: c.name)
def test_the_scaled_training_is_plain_training_with_clipping(case):
    """By hand, without a scaler; an update that overflows is left out."""
    W, b, xs, wanted, numbers = (case.inputs[n] for n in case.inputs)
    W, b, scale, norms, since = W.copy(), b.copy(), numbers["scale"], [], 0
    for x, y in zip(xs, wanted, strict=True):
        with np.errstate(all="ignore"):
            error = 2 * (x @ W + b - y) / y.size
            dW, db = x.T @ error, error.sum(0)
            norm = np.sqrt((dW**2).sum() + (db**2).sum())
        finite = bool(np.isfinite(dW * scale).all())
        norms.append(norm if np.isfinite(norm) else 0)
        if finite:
            factor = numbers["rate"] * min(1, numbers["max_norm"] / (norm + 1e-6))
            W, b = W - factor * dW, b - factor * db
        since = since + 1 if finite else 0
        scale *= 0.5 if not finite else 2 if since == 2 else 1
        since %= 2
    assert_equal(case, {"W": W, "b": b, "scale": scale, "norms": norms}, 1e-9)


# -------------------------------------------------------------------- counting


def made(*shape):
    return torch.ones(*shape, dtype=torch.float64)


WRITTEN = {
    "@": lambda: made(2, 3) @ made(3, 4),
    "linear": lambda: torch.nn.functional.linear(made(2, 3), made(4, 3), made(4)),
    "three axes": lambda: made(5, 2, 3) @ made(3, 4),
    "einsum": lambda: torch.einsum("tbd,dk->tbk", made(5, 2, 3), made(3, 4)),
    "a vector": lambda: made(2, 3) @ made(3),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_a_product_counts_once_however_it_is_written(way):
    with costs.products() as found:
        WRITTEN[way]()
    assert len(found) == 1


def test_products_entry_by_entry_do_not_count():
    with costs.products() as found:
        (made(2, 3) * made(2, 3)).sum() + made(3).tanh()
    assert found == []


def test_a_layer_of_torchs_own_is_refused():
    layer = torch.nn.LSTM(3, 4)
    with pytest.raises(costs.BorrowedError), costs.products():
        layer(torch.ones(5, 2, 3))


def test_a_cache_counts_as_long_as_somebody_holds_it():
    ledger = costs.Ledger()
    first = ledger.enter({"steps": [1, 2]}, 2)
    second = ledger.enter({"steps": [3]}, 1)
    del first
    third = ledger.enter({"steps": [4]}, 1)
    assert (ledger.made, ledger.now, ledger.most) == (4, 2, 3)
    assert second | third == {"steps": [4]}


@pytest.mark.parametrize(
    ("bug", "error"), [("all-kept", "KeptError"),
                       ("from-the-start-each-time", "RepeatedError")]
)  # fmt: skip
def test_right_gradients_that_cost_too_much_lose_the_purity_points_only(bug, error):
    names = oracle.buggy(SLUG, "checkpointed_bptt", bug)
    verdict = bank.examiner(SLUG, names).verdict("checkpointed_bptt")
    assert verdict.values_right
    assert (verdict.points, verdict.of) == (8, 11)
    assert error in verdict.summary
    assert verdict.bug == bug


@pytest.mark.parametrize("function", ["fused_step", "hoisted_forward"])
def test_too_many_products_are_told_by_their_number(function):
    bug = {"fused_step": "several-products", "hoisted_forward": "not-hoisted"}
    names = oracle.buggy(SLUG, function, bug[function])
    verdict = bank.examiner(SLUG, names).verdict(function)
    assert verdict.values_right
    count = {"fused_step": "8 matrix products, where 1",
             "hoisted_forward": "12 matrix products, where 7"}  # fmt: skip
    assert count[function] in verdict.summary


@pytest.mark.parametrize(
    ("function", "bug"),
    [
        ("rnn_step_forward", "no-tanh"), ("rnn_forward", "state-not-carried"),
        ("rnn_backward", "not-carried"),
    ],
)  # fmt: skip
def test_a_wrong_earlier_function_does_not_cost_the_checkpoints(function, bug):
    exercise = load(SLUG)
    edits = [e for s in EARLIER for e in load(s).edits.get(function, ())]
    edit = next(e for e in edits if e.name == bug)
    cell = exercise.cell_of(function)
    wrong = edit.apply(exercise.source(cell), SLUG)
    names = oracle.namespace(exercise, {cell: wrong})
    judge = bank.examiner(SLUG, names, bank.HIDDEN, stands_in=True)
    assert judge.verdict("checkpointed_bptt").values_right


# ------------------------------------------------------------------- the fast ones

SIZES = [(23, 3, 4, 5), (10, 2, 3, 4), (1, 1, 1, 1), (4, 2, 6, 128)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_fast_numpy_lstm_equals_torchs(size):
    p = rnn_speed.problem(size, "cpu", torch.float64)
    want, run = rnn_speed.library(p)(True), rnn_speed.numpy_fast(p)
    for _ in range(2):  # its memory is used again
        assert rnn_speed.apart(run(True), want) < 1e-12


def test_the_fast_numpy_lstm_keeps_its_float_type():
    lstm = NumpyLSTM(3, 2, 4, 5, np.float32)
    rng = np.random.default_rng(1)
    xs, h0, c0, W_x, W_h, b, dhs = (
        rng.normal(size=n).astype(np.float32)
        for n in ((3, 2, 4), (2, 5), (2, 5), (4, 20), (5, 20), 20, (3, 2, 5))
    )
    lstm.load(W_x, W_h, b)
    found = [*lstm.forward(xs, h0, c0), *lstm.backward(dhs, c0).values()]
    assert {a.dtype for a in found} == {np.dtype(np.float32)}


WAYS = [n for n in rnn_speed.WAYS if n not in ("compiled", "CUDA graph", "triton")]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_the_benchmark_equals_torchs(way):
    p = rnn_speed.problem((4, 3, 2, 5), "cpu", torch.float64)
    found = rnn_speed.WAYS[way](p)(True)
    assert rnn_speed.apart(found, rnn_speed.library(p)(True)) < 1e-12


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("way", ["torch fused", "CUDA graph", "triton", "torch.nn"])
def test_every_way_equals_torchs_on_cuda(way):
    p = rnn_speed.problem((4, 17, 2, 20), "cuda", torch.float32)
    found = rnn_speed.WAYS[way](p)(True)
    assert rnn_speed.apart(found, rnn_speed.library(p)(True)) < 1e-4


def test_what_needs_cuda_is_left_out_with_its_reason():
    if torch.cuda.is_available():
        pytest.skip("there is CUDA here")
    p = rnn_speed.problem((2, 1, 2, 3), "cpu", torch.float32)
    for way in ("CUDA graph", "triton"):
        with pytest.raises(rnn_speed.Skipped, match="needs CUDA"):
            rnn_speed.WAYS[way](p)


def test_the_committed_figures_say_where_and_when_they_were_measured():
    found = json.loads(rnn_speed.FILE.read_text("utf-8"))
    assert {"date", "cpu", "gpu", "versions", "load", "rounds"} <= found.keys()
    places = {(r["device"], r["dtype"]) for r in found["rows"]}
    assert {("cpu", "float32"), ("cpu", "float64")} <= places
    for row in found["rows"]:
        assert max(row["apart"].values()) < (
            1e-4 if row["dtype"] == "float32" else 1e-9
        )
        assert {*row["ms"], *row["left out"]} == {*rnn_speed.WAYS}


# ------------------------------------------------------------------- the kernel

KERNEL = """
import json, sys, torch
from benchmarks import rnn_speed
from unrolled import kernel
device = "cuda" if torch.cuda.is_available() else "cpu"
for kind in (torch.float64, torch.float32):
    for size in json.loads(sys.argv[1]):
        p = rnn_speed.problem(size, device, kind)
        found = rnn_speed._taught(p, kernel.lstm, True)
        print(rnn_speed.apart(found, rnn_speed.library(p)(True)))
try:
    kernel.lstm(*rnn_speed.problem((1, 1, 1, 129), device, kind).leaves)
except ValueError as error:
    print(error)
"""


def test_the_triton_kernel_equals_torchs_lstm_forward_and_backward():
    """In a process of its own: the interpreter is chosen when Triton is imported."""
    sizes = [(5, 3, 4, 6), (1, 1, 1, 1), (3, 18, 5, 20)]
    own = {} if torch.cuda.is_available() else {"TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", KERNEL, json.dumps(sizes)],
        env={**os.environ, **own}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *gaps, refused = done.stdout.splitlines()
    bounds = [1e-12] * len(sizes) + [1e-5] * len(sizes)
    assert all(float(g) < b for g, b in zip(gaps, bounds, strict=True)), gaps
    assert "at most 128 units" in refused
