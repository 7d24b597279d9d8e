"""The reference of 07-gru against PyTorch and the complex step; the bank; students."""

import inspect
from functools import partial

import certification
import numpy as np
import pytest
import torch
import torch_twins as twins
from certification import relative

from autograder import bank, oracle
from autograder.exercise import ROOT, load
from benchmarks import cells
from unrolled import checks
from unrolled.answer import answer
from unrolled.judge import Examiner

SLUG = "07-gru"
cases = partial(certification.cases, SLUG)
WEIGHTS = twins.GRU_WEIGHTS
LEAST = {
    "gru_step_forward": 20, "gru_forward": 8, "gru_gate_gradients": 18, "gru_paths": 12,
    "gru_step_backward": 20, "gru_backward": 15, "from_elsewhere": 12,
}  # fmt: skip


def by_library(case):
    """torch.nn.GRU where it knows the convention, else None."""
    return twins.library_gru if case.inputs["reset"] == "after" else None


# ---------------------------------------------------------------- certification


@pytest.mark.parametrize("by", [None, twins.gru_states])
def test_forward_passes_equal_torch(by):
    tried = set()
    for case in (*cases("gru_step_forward"), *cases("gru_forward")):
        twin = by or by_library(case)
        if twin is None:
            continue
        t = twins.tensors(case.inputs, leaf=False)
        xs = t["xs"] if "xs" in t else t["x_t"][None]
        start = t["h0"] if "h0" in t else t["h_prev"]
        want = twin(xs, start, *(t[n] for n in WEIGHTS), t["reset"])
        want = want if "xs" in t else want[0]
        (got,) = case.expected.values()
        assert relative(got, want.detach().numpy()) < 1e-12, case.name
        tried.add(case.inputs["reset"])
    assert tried == ({"after"} if by is None else {"after", "before"})


BACKWARD = {
    "gru_step_backward": twins.gru_step_backward, "gru_backward": twins.gru_backward
}  # fmt: skip


@pytest.mark.parametrize("function", BACKWARD)
def test_backward_passes_equal_autograd(function):
    for case in cases(function):
        for by in filter(None, (twins.gru_states, by_library(case))):
            for name, want in BACKWARD[function](case.inputs, by).items():
                assert relative(case.expected[name], want) < 1e-12, (case.name, name)


@pytest.mark.parametrize("function", ["gru_gate_gradients", "gru_paths"])
def test_the_parts_of_a_step_are_autograds(function):
    for case in cases(function):
        want = twins.gru_in_parts(case.inputs)
        for name, got in case.expected.items():
            assert relative(got, want[name]) < 1e-12, (case.name, name)


@pytest.mark.parametrize("case", cases("gru_step_backward"), ids=lambda c: c.name)
def test_the_four_paths_add_up_to_the_gradient_of_the_old_state(case):
    ref = oracle.reference(SLUG)
    _, cache = ref["gru_step_forward"](
        *(case.inputs[n] for n in ("x_t", "h_prev", *WEIGHTS, "reset"))
    )
    paths = ref["gru_paths"](case.inputs["dh_t"], cache)
    assert relative(sum(paths.values()), case.expected["dh_prev"]) < 1e-13


@pytest.mark.parametrize("name", ["values", "reset before"])
@pytest.mark.parametrize("function", BACKWARD)
def test_backward_passes_equal_the_complex_step(function, name):
    case = next(c for c in cases(function) if c.name == name)
    ref, inputs = oracle.reference(SLUG), case.inputs
    one_step = function == "gru_step_backward"
    forward = ref["gru_step_forward" if one_step else "gru_forward"]
    upstream = "dh_t" if one_step else "dhs"
    arrays = [n for n in inspect.signature(forward).parameters if n != "reset"]
    smooth = {"stable_sigmoid": lambda a: 1 / (1 + np.exp(-a))}  # its abs is not
    kept = {n: forward.__globals__[n] for n in smooth}
    forward.__globals__.update(smooth)
    try:
        for moved in arrays:
            found = np.zeros(inputs[moved].shape)
            for index in np.ndindex(found.shape):
                at = {n: inputs[n].astype(complex) for n in arrays}
                at[moved][index] += 1e-30j
                out, _ = forward(*at.values(), inputs["reset"])
                found[index] = (out * inputs[upstream]).sum().imag / 1e-30
            assert relative(case.expected[f"d{moved}"], found) < 1e-12, moved
    finally:
        forward.__globals__.update(kept)


# ------------------------------------------------------------ the nine cells


def both(cell, reset, xs, h0):
    t = twins.tensors(cell, leaf=False)
    return twins.gru_states(xs, h0, *(t[n] for n in WEIGHTS), reset)


def other(reset):
    return "before" if reset == "after" else "after"


def noise(cell):
    rng = np.random.default_rng(5)
    (D, _), H = cell["W_x"].shape, len(cell["W_h"])
    return torch.tensor(rng.normal(size=(6, 7, D))), torch.tensor(
        rng.normal(size=(7, H))
    )


def rewritten(cell):
    """The numbers for the other convention, written down by hand for class 2."""
    H = len(cell["W_h"])
    new = {n: np.array(cell[n]) for n in WEIGHTS}
    W_hn, b_hn = new["W_h"][:, 2 * H :], new["b_h"][2 * H :]
    if cell["reset"] == "after":  # gates that are constants
        rho = 1 / (1 + np.exp(-(new["b_x"] + new["b_h"])[:H]))
        new["W_h"][:, 2 * H :] = np.diag(1 / rho) @ W_hn @ np.diag(rho)
        new["b_h"][2 * H :] = rho * b_hn
        return new
    senders = np.abs(W_hn).argmax(axis=0)  # one for each receiver
    new["b_x"][2 * H :] += b_hn
    new["b_h"][2 * H :] = 0
    for array in new.values():
        array[..., :H] = array[..., senders]
    return new


@pytest.mark.parametrize("n", range(9))
def test_the_class_of_a_cell_is_kept(n):
    cell = oracle.data(SLUG)["cells"][n]
    kind = oracle.reference(SLUG)["can_be_rewritten"]()[n]
    xs, h0 = noise(cell)
    want = both(cell, cell["reset"], xs, h0)
    as_it_is = both(cell, other(cell["reset"]), xs, h0)
    assert torch.allclose(as_it_is, want, rtol=1e-12) == (kind == 1)
    if kind == 2:
        new = both(rewritten(cell), other(cell["reset"]), xs, h0)
        assert torch.allclose(new, want, rtol=1e-12)


@pytest.mark.parametrize("n", range(9))
def test_a_cell_of_class_0_breaks_a_condition_of_the_theorem(n):
    """Gates that meet at a unit are not proportional, or a bias is gated."""
    cell = oracle.data(SLUG)["cells"][n]
    H = len(cell["W_h"])
    xs, h0 = noise(cell)
    r = torch.sigmoid(
        xs @ torch.tensor(cell["W_x"][:, :H]) + h0 @ torch.tensor(cell["W_h"][:, :H])
        + torch.tensor((cell["b_x"] + cell["b_h"])[:H])
    ).flatten(0, 1)  # fmt: skip
    W_hn, b_hn = cell["W_h"][:, 2 * H :], cell["b_h"][2 * H :]
    meet = W_hn if cell["reset"] == "after" else W_hn.T
    varies = (r - r[:1]).abs().amax(dim=0).numpy() > 1e-9
    broken = cell["reset"] == "after" and (varies & (b_hn != 0)).any()
    for row in meet:
        gates = r[:, row != 0]
        ratio = gates / gates[:, :1]
        broken |= bool((ratio - ratio[:1]).abs().gt(1e-9).any())
    kind = oracle.reference(SLUG)["can_be_rewritten"]()[n]
    assert broken == (kind == 0)


def test_there_are_three_cells_of_each_class():
    assert sorted(oracle.reference(SLUG)["can_be_rewritten"]()) == [
        0,
        0,
        0,
        1,
        1,
        1,
        2,
        2,
        2,
    ]


@pytest.mark.parametrize("constant", [0, 1, 2])
def test_a_constant_class_earns_a_third(constant):
    names = oracle.namespace(load(SLUG))
    names["can_be_rewritten"] = lambda: [constant] * 9
    verdict = bank.examiner(SLUG, names).verdict("can_be_rewritten")
    assert verdict.points == pytest.approx(4 / 3, abs=0.01)


def test_the_released_quiz_holds_no_answer():
    found = checks.read(ROOT / "exercises" / SLUG / "checks.npz")
    (case,) = found.cases["can_be_rewritten"]
    assert case.sealed == 9
    assert np.asarray(case.expected["classes"]).shape == (32,)


# ------------------------------------------------------- weights from elsewhere


def their_states(case, xs, h0):
    """A GRU in their layout, step by step from their formulas."""
    i = twins.tensors(case.inputs, leaf=False)
    rows = i["bias"] if i["bias"].ndim == 2 else torch.stack([i["bias"], 0 * i["bias"]])
    h = h0
    for x in xs:
        given = dict(
            zip(i["order"], (x @ i["kernel"] + rows[0]).chunk(3, 1), strict=True)
        )
        own = dict(
            zip(i["order"], (h @ i["recurrent"] + rows[1]).chunk(3, 1), strict=True)
        )
        r, z = (torch.sigmoid(given[g] + own[g]) for g in "rz")
        n = torch.tanh(given["n"] + r * own["n"])
        h = z * h + (1 - z) * n if i["z_keeps"] else (1 - z) * h + z * n
        yield h


@pytest.mark.parametrize("case", cases("from_elsewhere"), ids=lambda c: c.name)
def test_weights_from_elsewhere_make_the_same_states_in_torch(case):
    rng = np.random.default_rng(8)
    D, H = len(case.inputs["kernel"]), len(case.inputs["recurrent"])
    xs = torch.tensor(rng.normal(size=(5, 3, D)))
    h0 = torch.tensor(rng.normal(size=(3, H)))
    ours = (torch.tensor(case.expected[n]) for n in WEIGHTS)
    got = twins.library_gru(xs, h0, *ours)
    assert torch.allclose(got, torch.stack([*their_states(case, xs, h0)]), rtol=1e-12)


# ------------------------------------------------------------------------ the bank


def test_the_bank_holds_enough_bugs():
    edits = load(SLUG).edits
    assert edits.keys() == LEAST.keys()
    for name, least in LEAST.items():
        assert len(edits[name]) >= least
        assert len({e.name for e in edits[name]}) == len(edits[name])
        assert all(e.says.endswith(".") for e in edits[name])


def test_every_written_function_has_four_variants():
    tried = [name for v in load(SLUG).variants.values() for name in v.cells]
    assert all(tried.count(name) >= 4 for name in LEAST)


@pytest.mark.parametrize(
    ("function", "bug"),
    [
        ("gru_step_forward", "z-swapped"), ("gru_step_forward", "before-for-after"),
        ("gru_gate_gradients", "z-sign"), ("gru_gate_gradients", "cache-consumed"),
        ("gru_paths", "reset-lost"), ("gru_step_backward", "biases-merged"),
    ],
)  # fmt: skip
def test_a_wrong_function_does_not_cost_its_callers(function, bug):
    names = oracle.buggy(SLUG, function, bug)
    judge = bank.examiner(SLUG, names, bank.HIDDEN, stands_in=True)
    others = [judge.verdict(n) for n in load(SLUG).graded if n != function]
    assert judge.verdict(function).status != "full"
    assert [v.function for v in others if not v.values_right] == []


def spoiled(path, factor=1.5):
    """A step backward with one path to h_prev that is wrong in no known way."""
    names = oracle.namespace(load(SLUG))
    right, paths = names["gru_step_backward"], names["gru_paths"]

    def wrong(dh_t, cache):
        change = (factor - 1) * paths(dh_t, cache)[path]
        found = right(dh_t, cache)
        return {**found, "dh_prev": found["dh_prev"] + change}

    names["gru_step_backward"] = wrong
    return bank.examiner(SLUG, names).verdict("gru_step_backward")


@pytest.mark.parametrize("gate", ["update", "reset"])
def test_a_wrong_path_is_isolated(gate):
    verdict = spoiled(gate)
    assert verdict.bug == ""
    wrong, right = verdict.summary.split("goes wrong")
    assert f"the path through the {gate} gate" in wrong
    assert "the skip path" in right
    assert "the path through the candidate" in right


def test_a_wrong_skip_is_wrong_on_every_path():
    assert "goes wrong" not in spoiled("skip").summary


# ---------------------------------------------------------------- the benchmark


@pytest.mark.parametrize("kind", ["even", "lstm+1", "gru+1"])
def test_the_benchmarks_cells_are_the_librarys(kind):
    D, H, rng = 3, 5, torch.Generator().manual_seed(1)
    weights = cells.start(kind, D, H, 2, rng)
    for b in weights[2:4]:
        b.data += torch.randn(b.shape, generator=rng)
    xs = torch.randn(cells.SEEDS, 6, 4, D, generator=rng)
    hs = cells.states(kind, weights, xs, 6)
    layer = {"even": torch.nn.RNN, "lstm+1": torch.nn.LSTM, "gru+1": torch.nn.GRU}[kind]
    W_x, W_h, b_x, b_h = (w[2].detach() for w in weights[:4])
    biases = {"bias_ih_l0": b_x[0], "bias_hh_l0": b_h[0] * kind.startswith("gru")}
    given = {"weight_ih_l0": W_x.T, "weight_hh_l0": W_h.T, **biases}
    want, _ = torch.func.functional_call(layer(D, H), given, (xs[2].contiguous(),))
    assert torch.allclose(hs[2], want, atol=1e-6)
    learned = sum(w[0].numel() for w in weights[:4])
    unused = 0 if kind.startswith("gru") else b_h.numel()
    assert cells.parameters(kind, D, H) == learned - unused


# ------------------------------------------------------------------ the student


def released():
    """The check that a student runs: the released cases, and the notebook's names."""
    found = checks.read(ROOT / "exercises" / SLUG / "checks.npz")
    return lambda names: Examiner(
        found.tasks,
        found.cases,
        lambda name: found.bugs.get(name, ()),
        lambda question: answer(question, dict(names)),
    )


def test_a_notebook_completed_from_the_release_gets_full_marks_at_home():
    judge = released()(oracle.namespace(load(SLUG)))
    for name in load(SLUG).graded:
        assert judge.verdict(name).status == "full", judge.verdict(name)


def test_a_notebook_left_empty_is_told_so_and_nothing_else():
    exercise = load(SLUG)
    empty = {
        cell.metadata["solution"]: "# nothing yet"
        for cell in exercise.cells if "solution" in cell.metadata
    }  # fmt: skip
    judge = released()(oracle.namespace(exercise, empty))
    for name in exercise.graded:
        assert judge.verdict(name).status == "not_done"
        assert judge.verdict(name).points == 0


def test_cells_fit_the_printed_page():
    for cell in load(SLUG).cells:
        assert all(len(line) <= 79 for line in cell.source.splitlines())


@pytest.mark.parametrize("function", load(SLUG).graded)
def test_what_to_read_is_a_section_of_the_chapter(function):
    chapter, section = load(SLUG).tasks[function].read.split(", ", 1)
    text = (ROOT / "book" / f"{SLUG}.md").read_text("utf-8")
    assert chapter == "chapter 7"
    assert f"\n## {section}\n" in text or f"\n### {section}\n" in text
