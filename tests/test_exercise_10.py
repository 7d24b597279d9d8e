"""The reference of 10-deep-padded against PyTorch, the complex step, and itself."""

import inspect
from functools import partial

import certification
import numpy as np
import pytest
import torch
import torch_twins as twins
from certification import assert_equal, relative
from torch.nn.functional import layer_norm
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pad_packed_sequence,
)

from autograder import bank, oracle
from autograder.exercise import load
from benchmarks import regularisers

SLUG = "10-deep-padded"
cases = partial(certification.cases, SLUG)
REF = oracle.reference(SLUG)


def case_of(function, name="values"):
    return next(c for c in cases(function) if c.name == name)


def named(weights, suffix):
    """Our weights as those of one layer of torch.nn.LSTM."""
    b = torch.as_tensor(weights["b"])
    return {
        f"weight_ih_{suffix}": torch.as_tensor(weights["W_x"]).T,
        f"weight_hh_{suffix}": torch.as_tensor(weights["W_h"]).T,
        f"bias_ih_{suffix}": b,
        f"bias_hh_{suffix}": torch.zeros_like(b),
    }


def call(module, given, *args):
    return torch.func.functional_call(module, given, args)


# ------------------------------------------------------- equal to torch.nn.LSTM


@pytest.mark.parametrize("case", cases("birnn"), ids=lambda c: c.name)
def test_both_directions_equal_a_packed_lstm(case):
    i = case.inputs
    T, _, D = i["xs"].shape
    module = torch.nn.LSTM(D, len(i["ahead"]["W_h"]), bidirectional=True).double()
    given = {**named(i["ahead"], "l0"), **named(i["back"], "l0_reverse")}
    packed = pack_padded_sequence(
        torch.tensor(i["xs"]), torch.tensor(i["lengths"]), enforce_sorted=False
    )
    out, (h_n, _) = call(module, given, packed)
    hs, _ = pad_packed_sequence(out, total_length=T)
    last = torch.cat([*h_n], dim=1)
    assert_equal(case, {"hs": hs.detach(), "h_T": last.detach()})


@pytest.mark.parametrize("case", cases("stack_forward"), ids=lambda c: c.name)
def test_a_stack_equals_torchs_layers(case):
    """torch.nn.LSTM in one where nothing is dropped, layer by layer elsewhere."""
    i = case.inputs
    x, h0, c0 = (torch.tensor(i[n]) for n in ("xs", "h0", "c0"))
    D, H, L = x.shape[2], h0.shape[2], len(i["layers"])
    h_T, c_T = [], []
    for k, weights in enumerate(i["layers"]):
        layer = torch.nn.LSTM(D if k == 0 else H, H).double()
        start = h0[k : k + 1], c0[k : k + 1]
        x, (h, c) = call(layer, named(weights, "l0"), x, start)
        h_T, c_T = [*h_T, h[0]], [*c_T, c[0]]
        if k < L - 1:
            x = x * torch.tensor(i["drops"][k])
    want = {"hs": x, "h_T": torch.stack(h_T), "c_T": torch.stack(c_T)}
    assert_equal(case, {n: w.detach() for n, w in want.items()})


def test_without_dropout_a_stack_is_one_lstm_of_several_layers():
    case = case_of("stack_forward", "no dropout")
    i = case.inputs
    D, H, L = i["xs"].shape[2], i["h0"].shape[2], len(i["layers"])
    given = {}
    for k, weights in enumerate(i["layers"]):
        given |= named(weights, f"l{k}")
    module = torch.nn.LSTM(D, H, num_layers=L).double()
    x, h0, c0 = (torch.tensor(i[n]) for n in ("xs", "h0", "c0"))
    hs, (h_T, c_T) = call(module, given, x, (h0, c0))
    want = {"hs": hs, "h_T": h_T, "c_T": c_T}
    assert_equal(case, {n: w.detach() for n, w in want.items()})


@pytest.mark.parametrize("case", cases("dropout_forward"), ids=lambda c: c.name)
def test_dropout_on_what_is_read_equals_torchs_cell(case):
    t = twins.tensors(case.inputs, leaf=False)
    cell = twins.library_lstm(*twins.lstm_weights(t), one_step=True)
    h, c, hs, cs = t["h0"], t["c0"], [], []
    for x in t["xs"]:
        h, c = cell(x * t["drop_x"], (h * t["drop_h"], c))
        hs, cs = [*hs, h], [*cs, c]
    assert_equal(case, {"hs": torch.stack(hs), "cs": torch.stack(cs)})


# ------------------------------------------------------------------ packing


@pytest.mark.parametrize("case", cases("pack"), ids=lambda c: c.name)
def test_packed_data_and_batch_sizes_are_torchs(case):
    xs, lengths = torch.tensor(case.inputs["xs"]), torch.tensor(case.inputs["lengths"])
    order = torch.tensor(case.expected["order"])
    sorted_ = pack_padded_sequence(xs[:, order], lengths[order])
    want = {"data": sorted_.data, "batch_sizes": sorted_.batch_sizes}
    assert_equal(case, {**want, "order": case.expected["order"]}, 1e-300)
    ranked = lengths[order].numpy()
    assert (np.diff(ranked) <= 0).all()
    ties = np.diff(case.expected["order"])[np.diff(ranked) == 0]
    assert (ties > 0).all()


def test_where_no_two_are_equally_long_the_order_is_torchs_own():
    case = case_of("pack", "a table that is longer")
    packed = pack_padded_sequence(
        torch.tensor(case.inputs["xs"]),
        torch.tensor(case.inputs["lengths"]),
        enforce_sorted=False,
    )
    assert packed.sorted_indices.tolist() == case.expected["order"].tolist()


@pytest.mark.parametrize("case", cases("unpack"), ids=lambda c: c.name)
def test_unpacked_equals_torchs_padded_sequence(case):
    i = {n: torch.tensor(v) for n, v in case.inputs.items()}
    packed = PackedSequence(
        i["data"], i["batch_sizes"], i["order"], torch.argsort(i["order"])
    )
    xs, lengths = pad_packed_sequence(packed)
    assert_equal(case, {"xs": xs, "lengths": lengths}, 1e-300)


@pytest.mark.parametrize("case", cases("pack"), ids=lambda c: c.name)
def test_what_is_packed_can_be_unpacked(case):
    xs, lengths = case.inputs["xs"], case.inputs["lengths"]
    back, found = REF["unpack"](*REF["pack"](xs, lengths))
    mask = REF["valid_mask"](lengths, len(xs))
    want = np.where(mask[..., None], xs, 0)[: lengths.max()]
    assert np.array_equal(back, want)
    assert np.array_equal(found, lengths)


# ------------------------------------------------------------------ padding


def padded(case, value):
    """The inputs of `birnn` with something else in the padding."""
    i = case.inputs
    mask = REF["valid_mask"](i["lengths"], len(i["xs"]))[..., None]
    return {**i, "xs": np.where(mask, i["xs"], value)}


@pytest.mark.parametrize("value", [0.0, 1e30, np.inf, np.nan])
@pytest.mark.parametrize("case", cases("birnn"), ids=lambda c: c.name)
def test_nothing_depends_on_what_the_padding_holds(case, value):
    with np.errstate(all="ignore"):
        hs, h_T = REF["birnn"](*padded(case, value).values())
    assert np.array_equal(hs, case.expected["hs"])
    assert np.array_equal(h_T, case.expected["h_T"])


@pytest.mark.parametrize("more", [1, 4])
def test_nothing_depends_on_how_much_padding_there_is(more):
    case = case_of("birnn")
    i = case.inputs
    longer = np.concatenate([i["xs"], np.ones((more, *i["xs"].shape[1:]))])
    hs, h_T = REF["birnn"](longer, i["lengths"], i["ahead"], i["back"])
    assert np.array_equal(hs[:-more], case.expected["hs"])
    assert not hs[-more:].any()
    assert np.array_equal(h_T, case.expected["h_T"])


def test_a_sequence_alone_has_the_states_that_it_has_in_company():
    i = case_of("birnn").inputs
    hs, h_T = REF["birnn"](*i.values())
    for b, n in enumerate(i["lengths"]):
        alone = i["xs"][:n, b : b + 1], i["lengths"][b : b + 1]
        own, own_T = REF["birnn"](*alone, i["ahead"], i["back"])
        assert relative(own[:, 0], hs[:n, b]) < 1e-12
        assert relative(own_T[0], h_T[b]) < 1e-12


def test_last_states_are_what_a_masked_run_ends_with():
    i = case_of("birnn").inputs
    hs, h_T = REF["birnn"](*i.values())
    H = h_T.shape[1] // 2
    assert np.array_equal(REF["last_states"](hs, i["lengths"])[:, :H], h_T[:, :H])
    assert np.array_equal(hs[0][:, H:], h_T[:, H:])


@pytest.mark.parametrize("case", cases("last_states"), ids=lambda c: c.name)
def test_last_states_equal_torchs_gather(case):
    hs, n = torch.tensor(case.inputs["hs"]), torch.tensor(case.inputs["lengths"])
    where = (n - 1)[None, :, None].expand(1, -1, hs.shape[2])
    assert_equal(case, {"h_T": hs.gather(0, where)[0]}, 1e-300)


@pytest.mark.parametrize("case", cases("valid_mask"), ids=lambda c: c.name)
def test_the_mask_equals_torchs_padding(case):
    n = case.inputs["lengths"]
    ones = torch.nn.utils.rnn.pad_sequence([torch.ones(k) for k in n])
    want = torch.zeros(case.inputs["T"], len(n))
    want[: len(ones)] = ones
    assert_equal(case, {"mask": want.bool()}, 1e-300)


# -------------------------------------------------------------------- gradients

CELL = ("x_t", "h_prev", "c_prev", "W_x", "W_h", "b")
NORMED = ("x_t", "h_prev", "W_xh", "W_hh", "b_h", "gain")


def masked(t):
    """One masked step of torch's own cell."""
    cell = twins.library_lstm(*twins.lstm_weights(t), one_step=True)
    live = t["mask_t"][:, None]
    h, c = cell(t["x_t"], (t["h_prev"], t["c_prev"]))
    return torch.where(live, h, t["h_prev"]), torch.where(live, c, t["c_prev"])


@pytest.mark.parametrize("case", cases("masked_step"), ids=lambda c: c.name)
def test_a_masked_step_equals_torchs_cell_where_it_is_live(case):
    h_t, c_t = masked(twins.tensors(case.inputs, leaf=False))
    assert_equal(case, {"h_t": h_t.numpy(), "c_t": c_t.numpy()})


def gradients(loss, t, names):
    found = torch.autograd.grad(loss, [t[n] for n in names])
    return {f"d{n}": g.numpy() for n, g in zip(names, found, strict=True)}


@pytest.mark.parametrize("case", cases("masked_step_backward"), ids=lambda c: c.name)
def test_gradients_of_a_masked_step_are_autograds(case):
    t = twins.tensors(case.inputs)
    h_t, c_t = masked(t)
    loss = (h_t * t["dh_t"].detach()).sum() + (c_t * t["dc_next"].detach()).sum()
    assert_equal(case, gradients(loss, t, CELL))


@pytest.mark.parametrize("case", cases("masked_step_backward"), ids=lambda c: c.name)
def test_an_ended_sequence_gets_exactly_what_arrived(case):
    """Exact zeros at its input, the gradient itself at its old states."""
    i, dead = case.inputs, ~case.inputs["mask_t"]
    assert not case.expected["dx_t"][dead].any()
    assert np.array_equal(case.expected["dh_prev"][dead], i["dh_t"][dead])
    assert np.array_equal(case.expected["dc_prev"][dead], i["dc_next"][dead])


def normalised(t):
    a = t["x_t"] @ t["W_xh"] + t["h_prev"] @ t["W_hh"]
    return torch.tanh(layer_norm(a, a.shape[1:], t["gain"], t["b_h"], eps=1e-5))


@pytest.mark.parametrize("case", cases("norm_step_forward"), ids=lambda c: c.name)
def test_the_normalised_cell_equals_torchs_layer_norm(case):
    h_t = normalised(twins.tensors(case.inputs, leaf=False))
    assert_equal(case, {"h_t": h_t.numpy()})


@pytest.mark.parametrize("case", cases("norm_step_backward"), ids=lambda c: c.name)
def test_gradients_of_the_normalised_cell_are_autograds(case):
    t = twins.tensors(case.inputs)
    loss = (normalised(t) * t["dh_t"].detach()).sum()
    assert_equal(case, gradients(loss, t, NORMED))


def complex_step(loss, inputs, moved):
    found = np.zeros(inputs[moved].shape)
    for index in np.ndindex(found.shape):
        at = {**inputs, moved: inputs[moved].astype(complex)}
        at[moved][index] += 1e-30j
        found[index] = loss(at).imag / 1e-30
    return found


@pytest.mark.parametrize("name", ["values", "another draw"])
def test_gradients_of_the_normalised_cell_are_those_of_the_complex_step(name):
    case = case_of("norm_step_backward", name)
    forward = REF["norm_step_forward"]

    def loss(i):
        return (forward(*(i[n] for n in NORMED))[0] * i["dh_t"]).sum()

    for moved in inspect.signature(forward).parameters:
        got = complex_step(loss, case.inputs, moved)
        assert relative(case.expected[f"d{moved}"], got) < 1e-12, moved


@pytest.mark.parametrize("name", ["values", "another draw"])
def test_gradients_of_a_masked_step_are_those_of_the_complex_step(name):
    case = case_of("masked_step_backward", name)
    forward = REF["masked_step"]
    names = list(inspect.signature(forward).parameters)
    smooth = {"stable_sigmoid": lambda a: 1 / (1 + np.exp(-a))}  # its abs is not
    kept = {n: forward.__globals__[n] for n in smooth}

    def loss(i):
        h_t, c_t, _ = forward(*(i[n] for n in names))
        return (h_t * i["dh_t"]).sum() + (c_t * i["dc_next"]).sum()

    forward.__globals__.update(smooth)
    try:
        for moved in CELL:
            got = complex_step(loss, case.inputs, moved)
            assert relative(case.expected[f"d{moved}"], got) < 1e-12, moved
    finally:
        forward.__globals__.update(kept)


# ------------------------------------------------------- one fault, one price


@pytest.mark.parametrize(
    ("function", "bug"),
    [
        ("valid_mask", "upside-down"), ("masked_step", "cell-not-masked"),
        ("masked_step", "no-mask"), ("norm_step_forward", "unbiased"),
    ],
)  # fmt: skip
def test_a_wrong_function_does_not_cost_its_callers(function, bug):
    names = oracle.buggy(SLUG, function, bug)
    judge = bank.examiner(SLUG, names, bank.HIDDEN, stands_in=True)
    others = [judge.verdict(n) for n in load(SLUG).graded if n != function]
    assert judge.verdict(function).bug == bug
    assert [v.function for v in others if not v.values_right] == []


def test_a_mask_that_multiplies_costs_the_shape_point_only():
    names = oracle.buggy(SLUG, "masked_step", "multiplied")
    verdict = bank.examiner(SLUG, names).verdict("masked_step")
    assert verdict.values_right
    assert verdict.points == verdict.of - 1
    assert "NaN" in verdict.says


# ---------------------------------------------------------------- the benchmark


def test_the_benchmarks_cell_is_torchs_lstm():
    V, H, rng = 7, 5, torch.Generator().manual_seed(1)
    w = {n: v.detach() for n, v in regularisers.start(V, H, rng).items()}
    S = regularisers.SETTINGS["seeds"]
    ids = torch.randint(V, (6, S, 3), generator=rng)
    found = regularisers.logits(w, ids, "none", 0.0)
    given = named({n: w[n][2] for n in ("W_x", "W_h", "b")}, "l0")
    hot = torch.nn.functional.one_hot(ids[:, 2], V).float()
    hs, _ = call(torch.nn.LSTM(V, H), given, hot)
    assert torch.allclose(found[:, 2], hs @ w["W_y"][2] + w["b_y"][2], atol=1e-6)


@pytest.mark.parametrize("method", regularisers.METHODS)
def test_a_regulariser_of_strength_zero_changes_nothing_but_layer_norm(method):
    rng = torch.Generator().manual_seed(1)
    w = {n: v.detach() for n, v in regularisers.start(7, 5, rng).items()}
    S = regularisers.SETTINGS["seeds"]
    ids = torch.randint(7, (6, S, 3), generator=rng)
    plain = regularisers.logits(w, ids, "none", 0.0)
    same = torch.allclose(regularisers.logits(w, ids, method, 0.0, rng), plain)
    assert same == (method != "layer norm")
