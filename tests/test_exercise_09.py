"""The reference of 09-port against torch.nn and against the NumPy of chapters 2, 6 and
7; what the probes and the meta device find; the twelve modules; the bank."""

import copy

import certification
import numpy as np
import pytest
import torch
import torch_twins as twins
from certification import relative
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from autograder import bank, oracle
from autograder.exercise import ROOT, load
from unrolled import checks, device, probes

SLUG = "09-port"
LAYERS = {
    "RNNCell": ("rnn", nn.RNN), "LSTMCell": ("lstm", nn.LSTM),
    "GRUCell": ("gru", nn.GRU),
}  # fmt: skip
LEAST = {
    "numpy_to_torch": 12, "RNNCell": 18, "LSTMCell": 20, "GRUCell": 20,
    "LSTMFunction": 22, "select_last": 12,
}  # fmt: skip

torch.set_num_threads(1)


def cases(function):
    """The public cases and those of a secret: float64 on the CPU."""
    found = certification.cases(SLUG, function)
    on_cpu = [c for c in found if c.inputs.get("place", "cpu") == "cpu"]
    return [c for c in on_cpu if c.rtol == 1e-6]


def case_of(function, name):
    return next(c for c in bank.cases(SLUG, function, oracle.PUBLIC) if c.name == name)


# ---------------------------------------------------------------- certification


@pytest.mark.parametrize("function", LAYERS)
def test_cells_equal_torchs_layers_forward_and_in_all_gradients(function):
    kind, layer = LAYERS[function]
    port = oracle.reference(SLUG)["numpy_to_torch"]
    for case in cases(function):
        i = case.inputs
        _, B, D = i["xs"].shape
        H = i["dhs"].shape[2]
        net = layer(D, H).double()
        net.load_state_dict(port(i["params"], kind))
        start = {n: i[n] for n in ("h0", "c0") if n in i}
        start = {
            n: torch.tensor(np.zeros((B, H)) if a is None else a, requires_grad=True)
            for n, a in start.items()
        }
        xs = torch.tensor(i["xs"], requires_grad=True)
        state = tuple(s[None] for s in start.values())
        hs, last = net(xs, state if len(state) > 1 else state[0])
        loss = (hs * torch.tensor(i["dhs"])).sum()
        if kind == "lstm":
            loss = loss + (last[1] * torch.tensor(i["dc_T"])).sum()
        loss.backward()
        grads = dict(net.named_parameters())
        want = {"hs": hs.detach(), "dxs": xs.grad}
        want |= {f"d{n}": s.grad for n, s in start.items() if i[n] is not None}
        W_x, W_h = list(i["params"])[:2]
        want[f"d{W_x}"] = grads["weight_ih_l0"].grad.T
        want[f"d{W_h}"] = grads["weight_hh_l0"].grad.T
        b = {"rnn": "b_h", "lstm": "b", "gru": "b_x"}[kind]
        want[f"d{b}"] = grads["bias_ih_l0"].grad
        if kind == "gru":
            want["db_h"] = grads["bias_hh_l0"].grad
        if kind == "lstm":
            want["c_T"] = last[1][0].detach()
        for name, array in want.items():
            assert relative(case.expected[name], array) < 1e-12, (case.name, name)


def test_cells_equal_the_numpy_of_the_earlier_exercises():
    """The way of the course: the same parameters, here and there."""
    rnn, lstm, gru = (
        oracle.reference(slug) for slug in ("03-bptt", "06-lstm", "07-gru")
    )
    i = case_of("RNNCell", "values")
    _, cache = rnn["rnn_forward"](
        i.inputs["xs"], i.inputs["h0"], *i.inputs["params"].values()
    )
    for name, got in rnn["rnn_backward"](i.inputs["dhs"], cache).items():
        assert relative(got, i.expected[name]) < 1e-12, name
    i = case_of("LSTMCell", "values")
    *_, cache = lstm["lstm_forward"](
        *(i.inputs[n] for n in ("xs", "h0", "c0")), *i.inputs["params"].values()
    )
    found = lstm["lstm_backward"](i.inputs["dhs"], i.inputs["dc_T"], cache)
    for name, got in found.items():
        assert relative(got, i.expected[name]) < 1e-12, name
    i = case_of("GRUCell", "values")
    _, cache = gru["gru_forward"](
        i.inputs["xs"], i.inputs["h0"], *i.inputs["params"].values(), "after"
    )
    for name, got in gru["gru_backward"](i.inputs["dhs"], cache).items():
        assert relative(got, i.expected[name]) < 1e-12, name


def test_the_function_equals_autograd_through_torchs_lstm():
    for case in cases("LSTMFunction"):
        for name, want in twins.lstm_grads(case.inputs).items():
            assert relative(case.expected[name], want) < 1e-12, (case.name, name)
        states = twins.lstm_states(case.inputs)
        assert relative(case.expected["hs"], states["hs"]) < 1e-12
        assert relative(case.expected["c_T"], states["cs"][-1]) < 1e-12


def test_the_function_passes_gradcheck():
    torch.manual_seed(0)
    sizes = (2, 2, 3), (2, 2), (2, 2), (3, 8), (2, 8), (8,)
    inputs = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in sizes]
    assert torch.autograd.gradcheck(
        oracle.reference(SLUG)["LSTMFunction"].apply, inputs
    )


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("directions", [1, 2])
def test_select_last_is_what_each_sequence_alone_ends_with(directions, batch_first):
    torch.manual_seed(1)
    lstm = nn.LSTM(3, 4, 2, bidirectional=directions == 2, dtype=torch.float64)
    lengths, xs = torch.tensor([2, 6, 1, 4]), torch.randn(6, 4, 3).double()
    packed = pack_padded_sequence(xs, lengths, enforce_sorted=False)
    with torch.no_grad():
        output, (h_n, _) = lstm(packed)
        output = pad_packed_sequence(output, batch_first=batch_first)[0]
        found = oracle.reference(SLUG)["select_last"](output, h_n, lengths, batch_first)
        for b, n in enumerate(lengths.tolist()):
            alone = lstm(xs[:n, b : b + 1])[1][0][-directions:, 0].flatten()
            assert all(torch.allclose(f[b], alone, rtol=1e-12) for f in found)


@pytest.mark.parametrize("case", cases("select_last"), ids=lambda c: c.name)
def test_both_ways_to_the_last_state_agree(case):
    assert relative(case.expected["last_output"], case.expected["last_state"]) < 1e-15


# ------------------------------------------------------------------ meta, and probes


class Unit(nn.Module):
    """h W; `how` spoils it."""

    def __init__(self, how=""):
        super().__init__()
        self.how, self.W = how, nn.Parameter(torch.eye(3))
        self.left = torch.ones(3)

    def forward(self, h):
        if self.how == "item" and h.sum().item() > 1e9:
            return h
        if self.how == "if" and h.sum() > 1e9:
            return h
        if self.how == "list" and h.tolist():
            return h @ self.W
        if self.how == "numpy":
            return torch.from_numpy(np.tanh(h.detach().numpy())) @ self.W
        if self.how == "array":
            return np.tanh(h.detach()) @ self.W
        if self.how == "cpu":
            return h.cpu() @ self.W
        if self.how == "default":
            return h @ self.W + torch.ones(3)
        if self.how == "left":
            return h @ self.W + self.left
        if self.how == "number":  # a tensor of no axis may lie anywhere
            return h @ self.W * torch.tensor(2.0)
        if self.how == "moved":
            return h @ self.W + torch.ones(3).to(h)
        return h @ self.W


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")
@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("item", "ItemError"), ("if", "ItemError"), ("numpy", "TripError"),
        ("cpu", "TripError"), ("default", "DefaultDeviceError"),
        ("left", "LeftBehindError"), ("array", "TripError"), ("list", "TripError"),
    ],
)  # fmt: skip
def test_what_would_not_work_on_a_gpu_is_named_on_meta(how, kind):
    said = device.report(Unit(how), torch.ones(2, 3))["meta"]
    assert said.partition(":")[0] in (kind, "ItemError" if how == "list" else kind)


@pytest.mark.parametrize("how", ["", "number", "moved"])
def test_what_works_everywhere_is_clean_everywhere(how):
    found = device.report(Unit(how), torch.ones(2, 3))
    assert found.keys() == {"meta", "float32", "float64", "bfloat16", "cuda"}
    assert set(found.values()) <= {"clean", "no CUDA device here"}


def test_a_report_leaves_the_module_as_it_was():
    unit = Unit()
    before = copy.deepcopy(unit.state_dict())
    device.report(unit, torch.ones(2, 3))
    assert unit.W.grad is None
    assert unit.W.device.type == "cpu"
    assert torch.equal(before["W"], unit.W)


def test_a_report_tells_of_a_cut_graph_and_of_a_float_type():
    class Cut(Unit):
        def forward(self, h):
            return super().forward(h).detach()

    class Double(Unit):
        def forward(self, h):
            return super().forward(h).double()

    assert device.report(Cut(), torch.ones(2, 3))["float32"].startswith("no gradient")
    said = device.report(Double(), torch.ones(2, 3))
    assert said["float64"] == "clean"
    assert said["float32"].startswith("DtypeError")


@pytest.mark.parametrize("place", ["meta", "bfloat16"])
@pytest.mark.parametrize("function", [*LAYERS, "LSTMFunction"])
def test_every_cell_is_tried_on_meta_and_in_bfloat16(function, place):
    tried = [c for c in bank.cases(SLUG, function, oracle.PUBLIC)]
    assert any(c.inputs["place"] == place and c.aspect == "purity" for c in tried)


def test_bfloat16_is_a_run_in_bfloat16():
    case = case_of("RNNCell", "values")
    made = oracle.reference(SLUG)["RNNCell"]
    rough = probes.recurrent_cell(made, **{**case.inputs, "place": "bfloat16"})
    assert 1e-5 < relative(rough["hs"], case.expected["hs"]) < 0.1


def verdict_on(function, replaced):
    names = dict(oracle.reference(SLUG))
    names[function] = replaced
    return bank.examiner(SLUG, names).verdict(function)


def test_an_error_of_ones_own_is_not_taken_for_a_known_bug():
    for error in (RuntimeError, TypeError, ValueError, IndexError, KeyError):
        for function in LAYERS:

            class Raises(oracle.reference(SLUG)[function]):
                def forward(self, *args, error=error):
                    raise error("mine")

            verdict = verdict_on(function, Raises)
            assert (verdict.status, verdict.bug, verdict.points) == ("wrong", "", 0)
            assert "mine" in verdict.summary


@pytest.mark.parametrize("nonsense", [None, 0.0, len, nn.Linear, torch.nn.Module, dict])
@pytest.mark.parametrize("function", list(LEAST))
def test_nonsense_earns_nothing(function, nonsense):
    given = nonsense if callable(nonsense) else lambda *args: nonsense
    verdict = verdict_on(function, given)
    assert verdict.points == 0


# ------------------------------------------------------------- the twelve modules

D, H, T, B = 3, 4, 6, 5


def leaves_of(out):
    """The tensors that would get a gradient from `out`."""
    found, waiting, seen = [], [out.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        found += [node.variable] if hasattr(node, "variable") else []
        waiting += [before for before, _ in node.next_functions]
    return found


def fault_of(made):
    """Which of the nine answers a module's behaviour has, found by trying."""
    torch.manual_seed(0)
    module, ids = made(D, H).eval(), made.__name__ == "M10"
    xs = torch.randint(50, (T, B)) if ids else torch.randn(T, B, D)
    out = module(xs)
    try:
        out.sum().backward()
    except RuntimeError:
        return 7
    known = [id(p) for p in module.parameters()]
    if any(id(leaf) not in known for leaf in leaves_of(module(xs))):
        return 1
    if not torch.equal(module(xs), module(xs)):
        return 8
    try:
        with device.watch("meta", there := made(D, H).to("meta")):
            there(xs.to("meta"))
    except device.DeviceError:
        return 2
    early, late, other = (xs.clone() for _ in range(3))
    early[0] += 1
    late[-1] += 1
    other[:, 1] += 1
    moved = [(module(x) - out).abs().detach() > 1e-9 for x in (early, late, other)]
    if moved[2][[0, 2, 3, 4]].any():
        return 4 if moved[0].any() else 6
    leaf = xs.clone().requires_grad_()
    module(leaf).sum().backward()
    if not leaf.grad[0].any():
        return 3
    return 0 if moved[0].all() and moved[1].all() else 5


def test_the_key_of_the_twelve_modules_is_what_they_do():
    names = oracle.reference(SLUG)
    found = [fault_of(made) for made in names["MODULES"]]
    assert found == names["find_the_bug"]()
    assert set(found) == set(range(9))


def test_the_released_quiz_holds_no_answer():
    found = checks.read(ROOT / "exercises" / SLUG / "checks.npz")
    (case,) = found.cases["find_the_bug"]
    assert case.sealed == 12
    assert np.asarray(case.expected["bugs"]).shape == (32,)


@pytest.mark.parametrize("constant", range(9))
def test_a_constant_answer_earns_little(constant):
    assert verdict_on("find_the_bug", lambda: [constant] * 12).points <= 1


# ------------------------------------------------------------------------ the bank


def test_the_bank_holds_enough_bugs():
    edits = load(SLUG).edits
    assert edits.keys() == LEAST.keys()
    for name, least in LEAST.items():
        assert len(edits[name]) >= least


@pytest.mark.parametrize(
    "bug",
    [
        "zeros-by-default", "zeros-on-the-default-device", "zeros-of-the-default-type",
        "zeros-kept-as-an-attribute", "a-number-is-fetched",
    ],
)  # fmt: skip
@pytest.mark.parametrize("function", LAYERS)
def test_manners_cost_their_own_points_only(function, bug):
    """A cell that is right on one machine keeps the points of its values."""
    verdict = bank.try_bug(SLUG, function, bug, bank.HIDDEN)
    assert verdict.values_right
    assert verdict.bug == bug
    assert verdict.points == 5


@pytest.mark.parametrize("bug", ["plain-tensor", "kept-in-a-list", "made-in-forward"])
@pytest.mark.parametrize("function", LAYERS)
def test_weights_that_are_not_registered_are_named(function, bug):
    verdict = bank.try_bug(SLUG, function, bug, bank.HIDDEN)
    assert (verdict.bug, verdict.points) == (bug, 0)


def test_every_written_function_has_three_variants():
    tried = [name for v in load(SLUG).variants.values() for name in v.cells]
    assert all(tried.count(name) >= 3 for name in LEAST)
