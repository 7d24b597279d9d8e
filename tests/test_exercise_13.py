"""The reference of 13-classification against torch, scikit-learn, and trying it all."""

from functools import partial
from itertools import pairwise, product

import certification
import numpy as np
import pytest
import torch
from certification import assert_equal
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import binary_cross_entropy_with_logits

from autograder import bank, oracle
from autograder.exercise import load
from unrolled import origins, people, sentiment
from unrolled.judge import Examiner

SLUG = "13-classification"
SECRETS = certification.SECRETS
cases = partial(certification.cases, SLUG)
each = partial(certification.each, SLUG)
REF = oracle.reference(SLUG)
EPS = 1e-30


def tensors(inputs, *names):
    return [torch.tensor(inputs[n], requires_grad=True) for n in names]


def slope(loss, inputs, name, index):
    """The derivative of `loss` by one entry, by a complex step."""
    moved = inputs[name].astype(complex)
    moved[index] += EPS * 1j
    return loss({**inputs, name: moved}).imag / EPS


def assert_slopes(case, gradient, loss, name):
    rng = np.random.default_rng(1)
    for _ in range(4):
        index = tuple(rng.integers(n) for n in gradient.shape)
        want = slope(loss, case.inputs, name, index)
        assert gradient[index] == pytest.approx(want, rel=1e-10, abs=1e-13)


def softplus(a):
    """log(1 + e^a), for complex numbers, too."""
    return np.where(a.real > 0, a, 0) + np.log1p(np.exp(np.where(a.real > 0, -a, a)))


# ------------------------------------------------------------------ words


@each("word_ids")
def test_words_get_numbers_and_can_be_read_back(case):
    texts, train, least = (case.inputs[n] for n in ("texts", "train", "least"))
    ids, lengths = case.expected["ids"], case.expected["lengths"]
    said = [word for text in train for word in text.lower().split()]
    for b, text in enumerate(texts):
        words = text.lower().split()
        assert lengths[b] == len(words)
        assert (ids[len(words) :, b] == 0).all()
        for number, word in zip(ids[:, b], words, strict=False):
            known = said.count(word) >= least
            before = {w for w in said if said.count(w) >= least and w != word}
            place = [(-said.count(w), w) for w in before]
            rank = sum(key < (-said.count(word), word) for key in place)
            assert number == (2 + rank if known else 1)


# ------------------------------------------------------------------ pooling


@each("masked_pool")
def test_pools_are_those_of_each_review_by_itself(case):
    hs, mask = case.inputs["hs"], case.inputs["mask"]
    parts = [torch.tensor(hs[mask[:, b], b]) for b in range(mask.shape[1])]
    want = {
        "mean": torch.stack([p.mean(0) for p in parts]),
        "top": torch.stack([p.amax(0) for p in parts]),
    }
    assert_equal(case, want)


@each("masked_pool_backward")
def test_gradients_of_the_pools_are_those_of_autograd(case):
    (hs,) = tensors(case.inputs, "hs")
    mask = case.inputs["mask"]
    loss = 0
    for b in range(mask.shape[1]):
        part = hs[torch.tensor(mask[:, b]), b]
        loss = loss + part.mean(0) @ torch.tensor(case.inputs["dmean"][b])
        loss = loss + part.max(0).values @ torch.tensor(case.inputs["dtop"][b])
    loss.backward()
    assert_equal(case, {"dhs": hs.grad})
    assert (case.expected["dhs"][~mask] == 0).all()


# ------------------------------------------------------------------ the reader


def pooled_logits(p, ids, lengths, tanh=np.tanh):
    """Review by review, without padding; complex numbers may pass."""
    out = []
    for b, n in enumerate(lengths):
        h, rows = 0 * p["b_h"], []
        for word in ids[:n, b]:
            h = tanh(p["E"][word] @ p["W_xh"] + h @ p["W_hh"] + p["b_h"])
            rows.append(h)
        rows = np.stack(rows)
        top = rows[rows.real.argmax(0), np.arange(len(h))]
        out.append(np.concatenate([rows.mean(0), top]) @ p["W_hy"] + p["b_y"])
    return np.concatenate(out)


@each("review_loss")
def test_the_reader_and_all_its_gradients_are_torchs(case):
    i = case.inputs
    w = {n: torch.tensor(a, requires_grad=True) for n, a in i["params"].items()}
    rnn = torch.nn.RNN(*w["W_xh"].shape).double()
    named = {
        "weight_ih_l0": w["W_xh"].T,
        "weight_hh_l0": w["W_hh"].T,
        "bias_ih_l0": w["b_h"],
        "bias_hh_l0": torch.zeros_like(w["b_h"]),
    }
    rows = []
    for b, n in enumerate(i["lengths"]):
        x = w["E"][torch.tensor(i["ids"][:n, b])]
        hs = torch.func.functional_call(rnn, named, x)[0]
        rows.append(torch.cat([hs.mean(0), hs.amax(0)]))
    a = (torch.stack(rows) @ w["W_hy"] + w["b_y"])[:, 0]
    loss = binary_cross_entropy_with_logits(a, torch.tensor(i["good"]).double())
    loss.backward()
    grads = {f"d{n}": v.grad for n, v in w.items()}
    assert_equal(case, {"loss": loss.detach(), **grads})


@pytest.mark.parametrize("name", ["E", "W_xh", "W_hh", "b_h", "W_hy", "b_y"])
def test_the_readers_gradients_are_those_of_a_complex_step(name):
    case = cases("review_loss")[0]
    i = case.inputs

    def loss(params):
        a = pooled_logits(params, i["ids"], i["lengths"])
        return np.mean(softplus(a) - i["good"] * a)

    gradient, rng = case.expected[f"d{name}"], np.random.default_rng(1)
    for _ in range(4):
        index = tuple(rng.integers(n) for n in gradient.shape)
        want = slope(loss, i["params"], name, index)
        assert gradient[index] == pytest.approx(want, rel=1e-10, abs=1e-13)


def test_nothing_depends_on_what_stands_in_the_padding():
    case = cases("review_loss")[0]
    given = {**case.inputs, "ids": case.inputs["ids"].copy()}
    padding = np.arange(len(given["ids"]))[:, None] >= given["lengths"]
    assert padding.any()
    given["ids"][padding] = 0
    loss, grads = REF["review_loss"](**given)
    assert_equal(case, {"loss": loss, **grads})


# ------------------------------------------------------------------ the training


def test_what_the_trained_reader_says_is_measured_right():
    """The measure, the student's own loss, and a reading word by word agree."""
    (case,) = oracle.cases(SLUG, "train_reviews")
    i = case.inputs
    rows = i["order"][0]
    texts = i["ids"][:, rows], i["lengths"][rows], i["good"][rows]
    wrong, loss = sentiment.judged(i["params"], texts)
    assert loss == pytest.approx(REF["review_loss"](i["params"], *texts)[0])
    a = pooled_logits(i["params"], *texts[:2])
    assert wrong == np.mean((a > 0) != texts[2])


def test_no_fresh_review_has_the_words_of_one_that_was_trained_on():
    (case,) = oracle.cases(SLUG, "train_reviews")

    def bags(ids, lengths):
        return {tuple(sorted(ids[:n, b])) for b, n in enumerate(lengths)}

    fresh = sentiment.reviews(np.random.default_rng(400), 400, "test")
    seen = bags(case.inputs["ids"], case.inputs["lengths"])
    assert not seen & bags(*fresh[:2])


def test_a_bag_of_words_cannot_reach_the_band():
    """Half of the fresh reviews are twins: of their words, one label is as right as
    the other, so the best table of bags has a quarter wrong."""
    ids, lengths, good = sentiment.reviews(np.random.default_rng(400), 400, "test")
    bags = {}
    for b, n in enumerate(lengths):
        bags.setdefault(tuple(sorted(ids[:n, b])), []).append(good[b])
    wrong = sum(min(sum(y), len(y) - sum(y)) for y in bags.values()) / len(good)
    assert 0.2 < wrong < 0.3
    assert wrong > 1.5 * sentiment.BAND


def trained_verdict(change, task="train_reviews"):
    names = {**REF, task: change(REF[task])}
    assert isinstance(bank.examiner(SLUG, names), Examiner)
    return bank.examiner(SLUG, names).verdict(task)


def cut(train):
    """The same training without a recurrence: the states are those of one input."""

    def alone(params, *rest):
        weights = train({**params, "W_hh": 0 * params["W_hh"]}, *rest)
        return {**weights, "W_hh": 0 * params["W_hh"]}

    return alone


@pytest.mark.parametrize("task", ["train_reviews", "train_names"])
def test_a_network_that_ignores_the_order_does_not_pass(task):
    assert trained_verdict(cut, task).status == "wrong"


def name_cases():
    return [c for s in SECRETS.values() for c in bank.cases(SLUG, "train_names", s)]


def test_what_the_trained_network_says_of_names_is_measured_right():
    """Against torch's own RNN, on packed names without any padding."""
    given = name_cases()[0].inputs
    weights = given["params"]
    w = {n: torch.tensor(a) for n, a in weights.items()}
    rnn = torch.nn.RNN(*w["W_xh"].shape).double()
    named = {"weight_ih_l0": w["W_xh"].T, "weight_hh_l0": w["W_hh"].T}
    named |= {"bias_ih_l0": w["b_h"], "bias_hh_l0": torch.zeros_like(w["b_h"])}
    ids, lengths = given["fresh_ids"], given["fresh_lengths"]
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        w["E"][torch.tensor(ids, dtype=torch.long)], lengths, enforce_sorted=False
    )
    last = torch.func.functional_call(rnn, named, (packed,))[1][0]
    a = (last @ w["W_hy"] + w["b_y"]).numpy()
    np.testing.assert_allclose(origins.scores(weights, ids, lengths), a, rtol=1e-9)
    wrong = np.mean(a.argmax(axis=1) != given["fresh_language"])
    assert origins.wrong_names(weights, given) == wrong


def test_the_gradients_that_train_the_names_are_torchs():
    """One update of plain descent, from Adam's first step, says each sign."""
    given = dict(name_cases()[0].inputs, epochs=1)
    given["size"] = len(given["lengths"])
    w = {n: torch.tensor(a, requires_grad=True) for n, a in given["params"].items()}
    ids = torch.tensor(given["ids"], dtype=torch.long)
    lengths = torch.tensor(given["lengths"])
    h = torch.zeros(len(lengths), len(w["b_h"]), dtype=torch.double)
    for t, x in enumerate(ids):
        new = torch.tanh(w["E"][x] @ w["W_xh"] + h @ w["W_hh"] + w["b_h"])
        h = torch.where((t < lengths)[:, None], new, h)
    a = h @ w["W_hy"] + w["b_y"]
    torch.nn.functional.cross_entropy(a, torch.tensor(given["language"])).backward()
    args = load(SLUG).graded["train_names"].args
    trained = REF["train_names"](*(given[name] for name in args))
    for name, weight in w.items():
        gradient = weight.grad.numpy()
        step = -given["lr"] * gradient / (np.abs(gradient) + 1e-8)
        moved = trained[name] - given["params"][name]
        np.testing.assert_allclose(moved, step, rtol=1e-5, atol=1e-9, err_msg=name)


def read_names(ids, lengths):
    letters = [[chr(c + 96) for c in ids[:n, b]] for b, n in enumerate(lengths)]
    return ["".join(name) for name in letters]


def test_names_come_back_as_they_were_spelled():
    names = ["kovac", "ncube", "az"]
    assert read_names(*origins.spelled(names)) == names


@pytest.mark.parametrize("case", name_cases(), ids=["public", "hidden"])
def test_no_fresh_name_begins_like_one_of_its_language_in_the_training(case):
    """And accents, which would give the language away, are gone."""
    i = case.inputs
    train = read_names(i["ids"], i["lengths"])
    fresh = read_names(i["fresh_ids"], i["fresh_lengths"])
    assert len({*train, *fresh}) == len(train) + len(fresh)
    assert all(n.isascii() and n.isalpha() and n.islower() for n in train + fresh)
    plain = people.plain_names(i["spoken"])
    begun = {(n[:4], k) for n, k in zip(train, i["language"], strict=True)}
    for name, k in zip(fresh, i["fresh_language"], strict=True):
        assert name in plain[i["spoken"][k]]
        assert (name[:4], k) not in begun
    assert len(i["lengths"]) % i["size"] == 0
    assert (np.diff(i["language"]) >= 0).all()


def test_letters_that_are_counted_do_not_reach_the_band_of_the_names():
    def counted(ids, lengths):
        letters = np.eye(origins.LETTERS)[ids].sum(axis=0)
        return np.c_[letters[:, 1:], lengths]

    for case in name_cases():
        i = case.inputs
        model = LogisticRegression(max_iter=2000)
        model.fit(counted(i["ids"], i["lengths"]), i["language"])
        fresh = counted(i["fresh_ids"], i["fresh_lengths"])
        assert 1 - model.score(fresh, i["fresh_language"]) > origins.BAND


def test_too_few_names_are_told():
    with pytest.raises(ValueError, match="3 names are too few"):
        people.held_apart(np.random.default_rng(1), ["ab", "abc", "b"], 3, 1)


# ------------------------------------------------------------------ many labels


@each("multilabel_loss")
def test_independent_labels_are_torchs(case):
    i = case.inputs
    (a,) = tensors(i, "logits")
    y, weight = torch.tensor(i["labels"]).double(), torch.tensor(i["weight"])
    loss = binary_cross_entropy_with_logits(a, y, pos_weight=weight)
    loss.backward()
    assert_equal(case, {"loss": loss.detach(), "dlogits": a.grad})


def independent(i):
    yes, no = i["weight"] * i["labels"], 1 - i["labels"]
    return np.mean(yes * softplus(-i["logits"]) + no * softplus(i["logits"]))


def chained(i):
    z = i["a"] + 0j * i["W"][0]
    for k, j in product(range(z.shape[1]), repeat=2):
        if k < j:
            z[:, j] = z[:, j] + i["labels"][:, k] * i["W"][k, j]
    return np.sum(softplus(z) - i["labels"] * z) / len(z)


def test_their_gradients_are_those_of_a_complex_step():
    case = cases("multilabel_loss")[0]
    assert_slopes(case, case.expected["dlogits"], independent, "logits")
    case = cases("chain_loss")[0]
    assert_slopes(case, case.expected["da"], chained, "a")
    assert_slopes(case, case.expected["dW"], chained, "W")


def log_p(a, W, labels):
    """Of one set, label by label."""
    total = 0
    for j, y in enumerate(labels):
        z = a[j] + sum(y_k * W[k, j] for k, y_k in enumerate(labels[:j]))
        total = total + torch.nn.functional.logsigmoid(z if y else -z)
    return total


@each("chain_loss")
def test_a_chain_is_what_autograd_makes_of_it(case):
    a, W = tensors(case.inputs, "a", "W")
    rows = zip(a, case.inputs["labels"].tolist(), strict=True)
    loss = -sum(log_p(row, W, labels) for row, labels in rows) / len(a)
    loss.backward()
    dW = torch.zeros_like(W) if W.grad is None else W.grad  # one label: no W
    assert_equal(case, {"loss": loss.detach(), "da": a.grad, "dW": dW})


@each("best_set")
def test_the_best_set_beats_all_others_and_all_add_up_to_one(case):
    a, W = (torch.tensor(case.inputs[n]) for n in ("a", "W"))
    for b, row in enumerate(a):
        sets = list(product((0, 1), repeat=len(row)))
        each_p = torch.stack([log_p(row, W, labels) for labels in sets])
        assert each_p.exp().sum().item() == pytest.approx(1)
        best = int(each_p.argmax())
        assert case.expected["labels"][b].tolist() == list(sets[best])
        assert case.expected["log_p"][b] == pytest.approx(each_p[best].item())


# ------------------------------------------------------------------ counting


@each("f1_scores")
@pytest.mark.filterwarnings("ignore:.*ill-defined")
def test_f1_is_scikit_learns(case):
    i = case.inputs
    said = (i["scores"] >= i["thresholds"]).astype(int)
    args = {"y_true": i["labels"], "y_pred": said, "zero_division": 0}
    if said.shape[1] == 1:  # one label is not taken for several
        one = metrics.f1_score(i["labels"][:, 0], said[:, 0], zero_division=0)
        want = {"f1": [one], "micro": one, "macro": one}
    else:
        want = {
            "f1": metrics.f1_score(average=None, **args),
            "micro": metrics.f1_score(average="micro", **args),
            "macro": metrics.f1_score(average="macro", **args),
        }
    assert_equal(case, want)


@each("average_precision")
@pytest.mark.filterwarnings("ignore:No positive")
def test_average_precision_is_scikit_learns(case):
    pairs = zip(case.inputs["scores"].T, case.inputs["labels"].T, strict=True)
    want = [metrics.average_precision_score(y, s) for s, y in pairs]
    assert_equal(case, {"ap": want})


@each("best_thresholds")
def test_no_other_threshold_is_better_and_none_as_good_is_larger(case):
    i = case.inputs
    for k, chosen in enumerate(case.expected["thresholds"]):
        s, y = i["scores"][:, k], i["labels"][:, k]
        f1 = {x: metrics.f1_score(y, s >= x, zero_division=0) for x in s}
        best = max(f1.values())
        assert chosen == max(x for x in s if f1[x] > best - 1e-12)


# ------------------------------------------------------------------ tags


def score_of(tags, scores, moves, first):
    inside = sum(moves[i, j] for i, j in pairwise(tags))
    return (
        first[tags[0]] + inside + sum(s[k] for s, k in zip(scores, tags, strict=True))
    )


@each("viterbi")
def test_no_other_sequence_of_tags_has_a_larger_score(case):
    i = case.inputs
    K = len(i["first"])
    for b, n in enumerate(i["lengths"]):
        words = i["scores"][:n, b]
        every = {
            tags: score_of(tags, words, i["moves"], i["first"])
            for tags in product(range(K), repeat=int(n))
        }
        best = max(every, key=every.get)
        assert case.expected["tags"][:n, b].tolist() == list(best)
        assert (case.expected["tags"][n:, b] == -1).all()
        assert case.expected["best"][b] == pytest.approx(every[best])


def test_some_moves_are_forbidden_and_greed_would_take_one():
    """Otherwise the cases would not need Viterbi."""
    for case in cases("viterbi")[:1]:
        i = case.inputs
        assert np.isinf(i["moves"]).any()
        greedy = i["scores"].argmax(axis=-1)
        right = case.expected["tags"]
        assert (greedy != right)[right >= 0].any()
