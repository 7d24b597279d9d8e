"""The reference of 12-language-models against PyTorch, the complex step, and chance."""

import itertools
import math
from functools import partial

import certification
import numpy as np
import pytest
import torch

from autograder import bank, oracle
from autograder.exercise import load
from unrolled import probes
from unrolled.measures import surplus_bits, trained_lm

SLUG = "12-language-models"
cases = partial(certification.cases, SLUG)
each = partial(certification.each, SLUG)
REF = oracle.reference(SLUG)
FALSE_ALARM = 1e-6  # how often a right sampler would be refused, for each test of it


# ------------------------------------------------------------------------ symbols


@each("char_vocab")
def test_the_symbols_are_those_that_occur_often_enough(case):
    text, least = case.inputs["text"], case.inputs["least"]
    unknown, *known = REF["char_vocab"](text, least)
    assert unknown == REF["UNKNOWN"]
    assert known == sorted(known)
    listed = list(text)
    assert set(known) == {s for s in listed if listed.count(s) >= least}
    rows = ["".join(map(chr, row[row > 0])) for row in case.expected["letters"]]
    assert rows == [unknown, *known]


@each("encode")
def test_encoded_texts_can_be_read_again(case):
    text, letters = case.inputs["text"], case.inputs["letters"]
    ids = case.expected["ids"]
    assert len(ids) == len(text)
    for s, i in zip(text, ids, strict=True):
        assert letters[i] == (s if s in letters else REF["UNKNOWN"])


def test_what_is_no_list_of_texts_is_said_to_be_none():
    with pytest.raises(probes.ReturnedError, match="a int is among the texts"):
        probes.texts(lambda: ["a", 3])
    assert probes.texts(lambda: None) is None
    assert probes.texts(lambda: ("ab", "c")).tolist() == [[97, 98], [99, 0]]


# ---------------------------------------------------------------------- the number


@each("perplexity")
def test_perplexity_and_bits_are_torchs_cross_entropy(case):
    given = {n: torch.tensor(a) for n, a in case.inputs.items()}
    mask, targets = given["mask"], given["targets"]
    nats = torch.nn.functional.cross_entropy(
        given["logits"][mask], targets[mask], reduction="none"
    )
    characters = given["spelled"][targets[mask]].sum()
    assert case.expected["perplexity"] == pytest.approx(nats.mean().exp().item(), 1e-9)
    bits = (nats.sum() / math.log(2) / characters).item()
    assert case.expected["bits"] == pytest.approx(bits, 1e-9, 1e-12)


@each("witten_bell")
def test_the_mixture_is_the_formula_written_out(case):
    learn, held, k, V = (case.inputs[n] for n in ("learn", "held", "k", "V"))
    text = "".join(map(chr, learn))

    def p(v, context):
        """By searching in the text, from the longest context down."""
        shorter = p(v, context[1:]) if context else 1 / V
        ends = range(len(context), len(text))
        after = [text[t] for t in ends if text[t - len(context) : t] == context]
        if not after:
            return shorter
        m = len(set(after))
        return (after.count(v) + m * shorter) / (len(after) + m)

    said = "".join(map(chr, held))
    want = [p(said[t], said[t - k : t]) for t in range(k, len(said))]
    assert np.allclose(case.expected["probs"], want, rtol=1e-12)


@pytest.mark.parametrize("k", [0, 1, 2, 4])
def test_the_mixtures_probabilities_of_all_symbols_sum_to_one(k):
    given = cases("witten_bell")[0].inputs
    learn, V = given["learn"], given["V"]
    before = given["held"][:k]
    total = sum(REF["witten_bell"](learn, np.r_[before, v], k, V)[0] for v in range(V))
    assert total == pytest.approx(1, abs=1e-12)


# ------------------------------------------------------------------------- sampling


@each("next_probs")
def test_shaped_dice_are_torchs_sort_and_softmax(case):
    y = torch.tensor(case.inputs["logits"])
    warm, top_k, top_p = (case.inputs[n] for n in ("temperature", "top_k", "top_p"))
    order = torch.sort(y, dim=-1, descending=True, stable=True).indices
    if warm:
        y = y.gather(-1, order) / warm
    else:
        y = torch.where(y == y.max(-1, keepdim=True).values, 0.0, -torch.inf)
        y = y.gather(-1, order)
    y[:, top_k:] = -torch.inf
    p = y.softmax(dim=-1)
    cut = torch.cat([torch.zeros(len(p), 1), p.cumsum(-1)[:, :-1]], dim=1) >= top_p
    p = y.masked_fill(cut, -torch.inf).softmax(dim=-1)
    want = torch.zeros_like(p).scatter(-1, order, p)
    assert np.allclose(case.expected["probs"], want, rtol=1e-10, atol=1e-14)
    assert (case.expected["probs"] > 0).sum(axis=-1).min() >= 1


def test_the_public_cases_hold_what_people_overlook():
    tied = next(c for c in cases("next_probs") if c.name == "equal logits")
    logits, kept = tied.inputs["logits"], tied.expected["probs"] > 0
    assert any(
        np.isin(row[~stays], row[stays]).any()
        for row, stays in zip(logits, kept, strict=True)
    )
    cold = next(c for c in cases("next_probs") if c.name == "temperature 0")
    assert set(cold.expected["probs"].ravel()) == {0.0, 0.5}
    high = next(c for c in cases("sample") if c.name == "u just below 1")
    assert high.inputs["u"].max() < 1


@each("sample")
def test_a_throw_is_the_symbol_on_whose_piece_u_lies(case):
    """In whole numbers: no rounding decides."""
    knobs = [case.inputs[n] for n in ("logits", "temperature", "top_k", "top_p")]
    for p, u, v in zip(
        REF["next_probs"](*knobs), case.inputs["u"], case.expected["ids"], strict=True
    ):
        exact = [int(x * 2**80) for x in p]
        reached = [0, *itertools.accumulate(exact)]
        assert p[v] > 0
        at = int(u * 2**80) * reached[-1] // 2**80
        assert reached[v] - 2**30 <= at <= reached[v + 1] + 2**30


def tail(chi2, freedom):
    """The probability that right dice have a larger chi squared."""
    from scipy.stats import chi2 as distribution

    return distribution.sf(chi2, freedom)


@pytest.mark.parametrize("knobs", [(1.0, 12, 1.0), (0.6, 7, 1.0), (1.4, 12, 0.8)])
def test_throws_have_the_distribution_that_was_asked_for(knobs):
    """Fixed seeds, and a bound that would refuse a right sampler once in a million."""
    rng = np.random.default_rng(7)
    logits = 1.5 * rng.normal(size=(1, 12))
    probs = REF["next_probs"](logits, *knobs)[0]
    u = rng.random(100_000)
    ids = REF["sample"](np.tile(logits, (len(u), 1)), *knobs, u)
    chi2, freedom, impossible = REF["misfit"](np.bincount(ids, minlength=12), probs)
    assert impossible == 0
    assert tail(chi2, freedom) > FALSE_ALARM


@pytest.mark.parametrize(
    "bug", ["argmax", "one-too-far", "sorted-line", "knobs-unused", "p-forgotten"]
)
def test_the_same_test_refuses_wrong_samplers(bug):
    rng = np.random.default_rng(7)
    logits, knobs = 1.5 * rng.normal(size=(1, 12)), (0.8, 9, 0.9)
    probs = REF["next_probs"](logits, *knobs)[0]
    u = rng.random(20_000)
    wrong = oracle.buggy(SLUG, "sample", bug)["sample"]
    counts = np.bincount(wrong(np.tile(logits, (len(u), 1)), *knobs, u), minlength=13)
    chi2, freedom, impossible = REF["misfit"](counts, np.append(probs, 0))
    assert impossible or tail(chi2, freedom) < FALSE_ALARM


@each("misfit")
def test_misfit_is_pearsons_statistic(case):
    from scipy.stats import chisquare

    counts, probs = case.inputs["counts"], case.inputs["probs"]
    possible = probs > 0
    assert case.expected["freedom"] == possible.sum() - 1
    assert case.expected["impossible"] == counts[~possible].sum()
    due = counts.sum() * probs[possible]
    if counts[~possible].sum() == 0 and possible.sum() > 1:
        want = chisquare(counts[possible], due).statistic
        assert case.expected["chi2"] == pytest.approx(want, 1e-10)
    terms = [(n - e) ** 2 / e for n, e in zip(counts[possible], due, strict=True)]
    assert case.expected["chi2"] == pytest.approx(math.fsum(terms), 1e-12)


def test_there_are_three_programs_of_each_verdict_and_no_close_call():
    verdicts, given = REF["judge_samplers"](), oracle.data(SLUG)
    assert sorted(verdicts) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    for verdict, counts in zip(verdicts, given["thrown"], strict=True):
        chi2, freedom, impossible = REF["misfit"](counts, given["true_probs"])
        over = (chi2 - freedom) / np.sqrt(2 * freedom)
        assert (impossible > 0) == (verdict == 2)
        if verdict < 2:
            assert over < 3 if verdict == 0 else over > 12


@pytest.mark.parametrize("constant", [0, 1, 2])
def test_a_constant_verdict_earns_a_third(constant):
    names = oracle.namespace(load(SLUG))
    names["judge_samplers"] = lambda: [constant] * 9
    verdict = bank.examiner(SLUG, names).verdict("judge_samplers")
    assert verdict.points == pytest.approx(3 * 3 / 9, abs=0.01)


# ------------------------------------------------------------------------ tied weights


def torch_loss(params, ids, h0):
    """By torch's own cell: loss, leaves by name, last state."""
    w = {n: torch.tensor(a, requires_grad=True) for n, a in params.items()}
    D, H = w["W_xh"].shape
    cell = torch.nn.RNNCell(D, H).double()
    given = {
        "weight_ih": w["W_xh"].T,
        "weight_hh": w["W_hh"].T,
        "bias_ih": w["b_h"],
        "bias_hh": torch.zeros(H).double(),
    }
    h, out = torch.tensor(h0), []
    for row in torch.tensor(ids[:-1]):
        h = torch.func.functional_call(cell, given, (w["E"][row], h))
        out.append(torch.nn.functional.linear(h @ w["W_hd"], w["E"], w["b_y"]))
    logits, targets = torch.stack(out).flatten(0, 1), torch.tensor(ids[1:]).flatten()
    return torch.nn.functional.cross_entropy(logits, targets), w, h


@each("tied_lm_loss")
def test_the_tied_loss_and_its_gradients_are_torchs(case):
    loss, leaves, h_T = torch_loss(*(case.inputs[n] for n in ("params", "ids", "h0")))
    grads = torch.autograd.grad(loss, [*leaves.values()])
    assert case.expected["loss"] == pytest.approx(loss.item(), 1e-12)
    assert np.allclose(case.expected["h_T"], h_T.detach(), rtol=1e-12)
    for name, grad in zip(leaves, grads, strict=True):
        got = case.expected[f"d{name}"]
        assert np.allclose(got, grad, rtol=1e-10, atol=1e-14), name


def test_the_tied_gradients_are_the_complex_steps():
    given = bank.cases(SLUG, "tied_lm_loss", oracle.PUBLIC)[0].inputs
    params, ids, h0 = (given[n] for n in ("params", "ids", "h0"))
    _, grads, _ = REF["tied_lm_loss"](params, ids, h0)

    def loss(w):
        h, total = h0.astype(complex), 0
        for x, target in itertools.pairwise(ids):
            h = np.tanh(w["E"][x] @ w["W_xh"] + h @ w["W_hh"] + w["b_h"])
            y = h @ w["W_hd"] @ w["E"].T + w["b_y"]
            y = y - y.real.max(axis=1, keepdims=True)
            said = np.take_along_axis(y, target[:, None], 1)[:, 0]
            total += (np.log(np.exp(y).sum(axis=1)) - said).mean()
        return total / (len(ids) - 1)

    for name, w in params.items():
        for at in np.ndindex(w.shape):
            moved = {n: a.astype(complex) for n, a in params.items()}
            moved[name][at] += 1e-30j
            want = loss(moved).imag / 1e-30
            assert grads[f"d{name}"][at] == pytest.approx(want, 1e-9, 1e-14)


@each("generate")
def test_what_is_written_is_what_torchs_cell_would_write(case):
    given = case.inputs
    text, knobs = list(given["prefix"]), ("temperature", "top_k", "top_p")
    for u in given["us"]:  # everything is read anew for each symbol
        ids = np.array([*text, 0])[:, None]
        h0 = np.zeros((1, len(given["params"]["W_hh"])))
        _, w, h_T = torch_loss(given["params"], ids, h0)
        logits = (h_T @ w["W_hd"] @ w["E"].T + w["b_y"]).detach().numpy()
        throw = (given[n] for n in knobs)
        text.append(REF["sample"](logits, *throw, np.array([u]))[0])
    assert text[len(given["prefix"]) :] == case.expected["ids"].tolist()


def test_a_wrong_sampler_does_not_cost_the_writer():
    names = oracle.buggy(SLUG, "sample", "sorted-line")
    judge = bank.examiner(SLUG, names, bank.HIDDEN, stands_in=True)
    assert judge.verdict("sample").status == "wrong"
    assert judge.verdict("generate").values_right


# ----------------------------------------------------------------------- training


def test_the_surplus_is_measured_against_the_languages_entropy():
    """An oracle that knows the words needs just the bits that the measure grants."""
    given = bank.cases(SLUG, "train_lm", oracle.PUBLIC)[0].inputs
    words = [(*w[w > 0], 0) for w in given["words"]]
    bits, count = 0.0, 0
    for column in given["windows"][:, 1:].transpose(2, 0, 1).reshape(16, -1):
        so_far = None  # unknown until the first space
        for letter in column:
            if so_far is not None:
                before = [w for w in words if w[: len(so_far)] == so_far]
                so_far = (*so_far, letter)
                after = [w for w in words if w[: len(so_far)] == so_far]
                bits, count = bits + math.log2(len(before) / len(after)), count + 1
            if letter == 0:
                so_far = ()
    least = math.log2(len(words)) / np.mean([len(w) for w in words])
    assert bits / count == pytest.approx(least, rel=0.02)


def test_a_trained_network_has_all_properties_and_a_copy_of_the_start_few():
    given = bank.cases(SLUG, "train_lm", oracle.PUBLIC)[0].inputs
    start = {"new_params": given["params"], "losses": np.ones(4 * 60)}
    found = trained_lm(start, given)
    assert not found["fresh_text_foretold"]
    assert not found["every_weight_trained"]
    assert surplus_bits(start, given) > 1.5


@pytest.mark.parametrize("value", [None, {}, {"new_params": {}}, [1, 2]])
def test_what_is_no_record_of_a_training_is_an_error_of_its_own(value):
    given = bank.cases(SLUG, "train_lm", oracle.PUBLIC)[1].inputs
    with pytest.raises(TypeError, match="E is missing"):
        trained_lm(value, given)
