"""The reference of 15-unsupervised against PyTorch, scikit-learn and brute force."""

from functools import partial
from itertools import combinations

import certification
import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.metrics import adjusted_rand_score

from autograder import bank, oracle
from autograder.discretion import known_names
from autograder.exercise import load
from unrolled.measures import REBUILT, lost_in_codes

SLUG = "15-unsupervised"
cases = partial(certification.cases, SLUG)
each = partial(certification.each, SLUG)


@each("pretext")
def test_only_what_is_read_has_noise_and_only_a_prediction_is_shifted(case):
    xs, noise, goal = (case.inputs[n] for n in ("xs", "noise", "goal"))
    reads, tells = case.expected["reads"], case.expected["tells"]
    if goal == "predict":
        assert np.array_equal(reads[1:], tells[:-1])
        assert np.array_equal(np.concatenate([reads, tells[-1:]]), xs)
    else:
        assert np.array_equal(np.flip(tells, axis=0), xs)
        assert np.array_equal(reads - xs, reads * 0) == (goal == "rebuild")
        assert np.allclose(reads - xs, noise * (goal == "denoise"), atol=1e-14)


# --------------------------------------------------------------- the autoencoder


def torch_layer(W_x, W_h, b):
    """torch's own layer with our weights."""
    layer = torch.nn.RNN(*W_x.shape).double()
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor(W_x.T))
        layer.weight_hh_l0.copy_(torch.tensor(W_h.T))
        layer.bias_ih_l0.copy_(torch.tensor(b))
        layer.bias_hh_l0.zero_()
    return layer


def torch_autoencoder(params, reads, U):
    """What is told (U, B, V), and the parameters as torch has them."""
    encoder = torch_layer(*(params[n] for n in ("W_xh", "W_hh", "b_h")))
    decoder = torch_layer(*(params[n] for n in ("W_es", "W_ss", "b_s")))
    W, b = (torch.tensor(params[n]).requires_grad_() for n in ("W_sy", "b_y"))
    code = encoder(torch.tensor(reads))[1]  # (1, B, H)
    told = decoder(code.expand(U, -1, -1))[0] @ W + b
    leaves = {
        "dW_xh": encoder.weight_ih_l0, "dW_hh": encoder.weight_hh_l0,
        "db_h": encoder.bias_ih_l0, "dW_es": decoder.weight_ih_l0,
        "dW_ss": decoder.weight_hh_l0, "db_s": decoder.bias_ih_l0,
        "dW_sy": W, "db_y": b,
    }  # fmt: skip
    return told, leaves


@each("autoencoder_loss")
def test_the_loss_of_an_autoencoder_and_its_gradients_are_torchs(case):
    params, reads, tells = (case.inputs[n] for n in ("params", "reads", "tells"))
    told, leaves = torch_autoencoder(params, reads, len(tells))
    loss = torch.nn.functional.mse_loss(told, torch.tensor(tells))
    assert np.allclose(case.expected["loss"], loss.item(), rtol=1e-12)
    for name, leaf in leaves.items():
        (want,) = torch.autograd.grad(loss, leaf, retain_graph=True)
        layers = name[1:] in ("W_xh", "W_hh", "W_es", "W_ss")
        want = (want.T if layers else want).numpy()
        assert np.allclose(case.expected[name], want, rtol=1e-9, atol=1e-13), name


def complex_loss(params, reads, tells):
    """The loss alone, written anew, for complex weights."""
    h = np.zeros((reads.shape[1], len(params["W_hh"])))
    s = np.zeros((reads.shape[1], len(params["W_ss"])))
    for x_t in reads:
        h = np.tanh(x_t @ params["W_xh"] + h @ params["W_hh"] + params["b_h"])
    errors = []
    for target in tells:
        s = np.tanh(h @ params["W_es"] + s @ params["W_ss"] + params["b_s"])
        errors.append(s @ params["W_sy"] + params["b_y"] - target)
    return np.mean(np.array(errors) ** 2)


def test_the_gradients_of_an_autoencoder_are_the_complex_steps():
    case = cases("autoencoder_loss")[0]
    params, reads, tells = (case.inputs[n] for n in ("params", "reads", "tells"))
    for name, w in params.items():
        for index in np.ndindex(w.shape):
            moved = w.astype(complex)
            moved[index] += 1e-30j
            want = complex_loss({**params, name: moved}, reads, tells).imag / 1e-30
            got = case.expected[f"d{name}"][index]
            assert np.isclose(got, want, rtol=1e-10, atol=1e-14), (name, index)


def test_what_a_code_has_lost_is_counted_right():
    """The measure and torch agree on the error over fresh digits."""
    (case,) = oracle.cases(SLUG, "train_autoencoder")
    given = case.inputs
    trained = oracle.reference(SLUG)["train_autoencoder"](
        given["params"], given["xs"], given["order"][:40], given["lr"]
    )
    fresh = torch.tensor(given["fresh"])
    told = torch_autoencoder(trained, given["fresh"], len(fresh))[0].flip(0)
    spread = fresh.var(dim=1, correction=0).mean()
    want = ((told - fresh) ** 2).mean() / spread
    assert np.isclose(lost_in_codes(trained, given), want.item(), rtol=1e-10)
    assert lost_in_codes(given["params"], given) > REBUILT


def test_no_fresh_digit_was_trained_on():
    (case,) = oracle.cases(SLUG, "train_autoencoder")
    known = {xs.tobytes() for xs in case.inputs["xs"].transpose(1, 0, 2)}
    fresh = [xs.tobytes() for xs in case.inputs["fresh"].transpose(1, 0, 2)]
    assert not known.intersection(fresh)


def test_trained_weights_keep_their_names_in_grading():
    (case,) = oracle.cases(SLUG, "train_autoencoder")
    assert case.inputs["params"].keys() <= known_names(oracle.tasks(SLUG))


# ----------------------------------------------------------------- axes and heaps


@each("pca_codes")
def test_axes_are_scikit_learns_and_belong_to_the_codes_alone(case):
    codes, held, K, whiten = (case.inputs[n] for n in ("codes", "held", "K", "whiten"))
    points, seen, axes = (case.expected[n] for n in ("points", "held_points", "axes"))
    found = PCA(K, svd_solver="full").fit(codes)
    signs = np.sign((found.components_ * axes).sum(axis=1))
    assert np.allclose(axes, signs[:, None] * found.components_, atol=1e-10)
    width = found.transform(codes).std(axis=0) if whiten else 1
    assert np.allclose(points, signs * found.transform(codes) / width, atol=1e-9)
    assert np.allclose(seen, signs * found.transform(held) / width, atol=1e-9)
    assert (axes.max(axis=1) == np.abs(axes).max(axis=1)).all()


@each("kmeans_step")
def test_a_round_of_kmeans_is_nearest_and_mean(case):
    points, centres = (torch.tensor(case.inputs[n]) for n in ("points", "centres"))
    distance = torch.cdist(points, centres)
    near, clusters = distance.min(dim=1)
    assert np.array_equal(case.expected["clusters"], clusters)
    assert np.isclose(case.expected["inertia"], (near**2).sum(), rtol=1e-10)
    for k, moved in enumerate(case.expected["moved"]):
        own = points[clusters == k]
        want = own.mean(dim=0) if len(own) else centres[k]
        assert np.allclose(moved, want, rtol=1e-12)


@each("kmeans")
def test_the_best_run_is_the_one_that_no_other_is_below(case):
    points, starts, rounds = (case.inputs[n] for n in ("points", "starts", "rounds"))
    step = oracle.reference(SLUG)["kmeans_step"]
    seen = []
    for centres in starts:
        fallen = [np.inf]
        for _ in range(rounds):
            _, centres, inertia = step(points, centres)
            assert inertia <= fallen[-1]
            fallen.append(inertia)
        seen.append((step(points, centres)[2], centres))
    best, centres = min(seen, key=lambda run: run[0])
    assert np.isclose(case.expected["inertia"], best, rtol=1e-12)
    assert np.allclose(case.expected["centres"], centres, rtol=1e-12)
    assert np.array_equal(case.expected["clusters"], step(points, centres)[0])


@each("adjusted_rand")
def test_the_index_is_scikit_learns_and_that_of_all_pairs(case):
    labels, clusters = case.inputs["labels"], case.inputs["clusters"]
    index = float(case.expected["index"])
    assert index == pytest.approx(adjusted_rand_score(labels, clusters), abs=1e-12)
    pairs = list(combinations(range(len(labels)), 2))
    together = [labels[i] == labels[j] for i, j in pairs]
    near = [clusters[i] == clusters[j] for i, j in pairs]
    chance = sum(together) * sum(near) / max(len(pairs), 1)
    above = sum(np.logical_and(together, near)) - chance
    most = (sum(together) + sum(near)) / 2 - chance
    assert index == pytest.approx(above / most if most else 1, abs=1e-12)


def test_the_index_of_unrelated_groupings_is_zero_on_the_average():
    rng, index = np.random.default_rng(0), oracle.reference(SLUG)["adjusted_rand"]
    labels, clusters = rng.integers(3, size=30), rng.integers(5, size=30)
    drawn = [index(labels, rng.permutation(clusters)) for _ in range(2000)]
    assert abs(np.mean(drawn)) < 4 * np.std(drawn) / 2000**0.5


# ------------------------------------------------------------------------- probes


def sklearn_probe(codes, labels, held, V, strength):
    centre, width = codes.mean(axis=0), codes.std(axis=0)
    width[width == 0] = 1
    ridge = Ridge(alpha=len(codes) * strength, solver="svd")
    ridge.fit((codes - centre) / width, np.eye(V)[labels])
    return ridge.predict((held - centre) / width).argmax(axis=1), ridge


@each("linear_probe")
def test_a_probe_is_scikit_learns_ridge_on_standardised_codes(case):
    given = [case.inputs[n] for n in ("codes", "labels", "held", "V", "strength")]
    said, ridge = sklearn_probe(*given)
    assert np.allclose(case.expected["W"], ridge.coef_.T, rtol=1e-8, atol=1e-10)
    assert np.allclose(case.expected["b"], ridge.intercept_, atol=1e-10)
    assert np.array_equal(case.expected["said"], said)


@each("probe_over_time")
def test_every_step_has_a_probe_of_its_own(case):
    hs, labels, train, V, strength = (
        case.inputs[n] for n in ("hs", "labels", "train", "V", "strength")
    )
    for h_t, right in zip(hs, case.expected["right"], strict=True):
        given = h_t[train], labels[train], h_t[~train], V, strength
        assert right == np.mean(sklearn_probe(*given)[0] == labels[~train])


def test_no_score_of_a_public_case_is_a_close_call():
    """Nobody loses a point because two classes are nearly equal."""
    for case in cases("linear_probe"):
        codes, held = case.inputs["codes"], case.inputs["held"]
        width = np.where(codes.std(axis=0) > 0, codes.std(axis=0), 1)
        Z = (held - codes.mean(axis=0)) / width
        scores = np.sort(Z @ case.expected["W"] + case.expected["b"], axis=1)
        assert (scores[:, -1] - scores[:, -2]).min() > 1e-6


# ------------------------------------------------------------ what is worth what


def test_a_wrong_round_does_not_cost_those_who_call_it():
    names = oracle.buggy(SLUG, "kmeans_step", "farthest-centre")
    judge = bank.examiner(SLUG, names, bank.HIDDEN, stands_in=True)
    assert not judge.verdict("kmeans_step").values_right
    assert judge.verdict("kmeans").values_right


def test_a_wrong_probe_does_not_cost_the_one_over_time():
    names = oracle.buggy(SLUG, "linear_probe", "smallest-score")
    judge = bank.examiner(SLUG, names, bank.HIDDEN, stands_in=True)
    assert not judge.verdict("linear_probe").values_right
    assert judge.verdict("probe_over_time").values_right


@pytest.mark.parametrize("fill", [0.0, 0.1, np.nan, np.inf])
def test_weights_that_rebuild_nothing_earn_nothing(fill):
    names = oracle.namespace(load(SLUG))
    names["train_autoencoder"] = lambda params, *_: {
        name: np.full(w.shape, fill) for name, w in params.items()
    }
    verdict = bank.examiner(SLUG, names).verdict("train_autoencoder")
    assert verdict.status == "wrong"
    assert verdict.points == 0
