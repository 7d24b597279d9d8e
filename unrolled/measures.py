"""Properties of an answer that has no single right value.

A task with `measure="late_growth"` is not compared with a reference answer. What
came back is measured here, on the side that did not run the student's code, and the
properties are compared, each by its name. Of a training run the weights come back,
and what is measured is how well they do on sequences that nobody has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np

from unrolled import alarm, forecaster, origins, sentiment
from unrolled.task import Task, Value

Measure = Callable[[Value, Mapping[str, Value]], dict[str, bool] | None]
POWERS = 200
SEQUENCES, BAND = 500, 0.25  # of the copies of fresh symbols, wrong at most
REBUILT = 0.75  # of the variance of fresh sequences, left by their autoencoder at most
LETTERS, SURPLUS = 8_000, 0.125  # of a fresh text, bits above what is possible at most


def late_growth(value: Value, inputs: Mapping[str, Value]) -> dict[str, bool] | None:
    """Does a matrix of bounded norm with decaying powers first grow to `growth`?

    W (H, H), with H and growth from `inputs`; None if it has another shape. Nothing
    counts without the growth: a matrix of zeros is bounded and decays, too.
    """
    H, growth, W = inputs["H"], inputs["growth"], np.asarray(value)
    if W.shape != (H, H):
        return None
    norms = _norms_of_powers(W) if np.isfinite(W).all() else np.zeros(1)
    grows = bool(norms.max() >= growth)
    return {
        "power_reaches_growth": grows,
        "growth_from_norm_two": grows and bool(norms[0] <= 2 + 1e-9),
        "growth_dies_out": grows and bool(np.abs(np.linalg.eigvals(W)).max() < 1),
    }


def _norms_of_powers(W: np.ndarray) -> np.ndarray:
    norms: list[float] = []
    power = np.eye(len(W))
    while len(norms) < POWERS and (not norms or norms[-1] < 1e12):
        power = power @ W
        norms.append(float(np.linalg.norm(power, 2)))
    return np.array(norms)


def trained_copy(value: Value, inputs: Mapping[str, Value]) -> dict[str, bool]:
    """Do trained weights repeat symbols that they have not seen?

    `inputs` holds the weights `params` of the start, the batches `symbols` (N, K, B)
    of the training, and `example` (T,), what the network reads for one sequence: its
    own K symbols, the blanks, K cues. The other properties tell what went wrong.
    """
    start, first = inputs["params"], inputs["symbols"][0]
    weights = {name: _weight(name, w, value) for name, w in start.items()}
    K, example = len(first), inputs["example"]
    fresh, near = _fresh(inputs), np.delete(example, slice(K, -K))
    copies = wrong_copies(weights, inputs) <= BAND
    _, before = _copied(start, example, first)
    wrong, after = _copied(weights, example, first)
    return {
        "fresh_symbols_copied": copies,
        "weights_are_finite": all(np.isfinite(w).all() for w in weights.values()),
        "every_weight_trained": all((weights[n] != start[n]).any() for n in start),
        "loss_of_first_batch_fell": after < before,
        "more_than_one_batch_learned": copies or wrong > BAND,
        "lag_is_that_of_the_task": not _copied(weights, near, fresh)[0] <= BAND,
    }


def trained_reviews(value: Value, inputs: Mapping[str, Value]) -> dict[str, bool]:
    """Do trained weights judge reviews that they have not seen?

    `inputs` holds the weights `params` of the start, and the reviews of the training.
    """
    start = inputs["params"]
    weights = {name: _weight(name, w, value) for name, w in start.items()}
    return sentiment.properties(start, weights, inputs)


def trained_names(value: Value, inputs: Mapping[str, Value]) -> dict[str, bool]:
    """Do trained weights tell from what language a name is that they have not seen?"""
    start = inputs["params"]
    weights = {name: _weight(name, w, value) for name, w in start.items()}
    return origins.properties(start, weights, inputs)


def wrong_copies(
    weights: Mapping[str, np.ndarray], inputs: Mapping[str, Value]
) -> float:
    """The share of fresh symbols that come out wrong, which has to be in the band."""
    return _copied(weights, inputs["example"], _fresh(inputs))[0]


def _fresh(inputs: Mapping[str, Value]) -> np.ndarray:
    (_, K, _), V = inputs["symbols"].shape, inputs["params"]["W_hy"].shape[1]
    return np.random.default_rng(SEQUENCES).integers(V, size=(K, SEQUENCES))


def _weight(name: str, like: np.ndarray, value: Value) -> np.ndarray:
    """The array `name` of `value`, in the shape of `like`; TypeError says why not."""
    if not isinstance(value, dict) or name not in value:
        raise TypeError(f"{name} is missing")
    array = _array(value[name])
    if array is None or array.shape != like.shape:
        raise TypeError(f"{name} is not an array of shape {like.shape}")
    return array


def _array(value: Value) -> np.ndarray | None:
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return None


def _copied(
    weights: Mapping[str, np.ndarray], example: np.ndarray, symbols: np.ndarray
) -> tuple[float, float]:
    """(share of `symbols` (K, B) that come out wrong, cross-entropy of them)."""
    K, B = symbols.shape
    state, out = np.zeros((B, len(weights["W_hh"]))), []
    with np.errstate(all="ignore"):
        for ids in (*symbols, *example[K:]):
            drive = weights["W_xh"][ids] + weights["b_h"]
            state = np.tanh(drive + np.matmul(state, weights["W_hh"]))
            out.append(state @ weights["W_hy"])
        logits = np.array(out[-K:])
        logits -= logits.max(axis=-1, keepdims=True)
        said = np.take_along_axis(logits, symbols[..., None], -1)[..., 0]
        loss = np.log(np.exp(logits).sum(axis=-1)) - said
    return float((logits.argmax(axis=-1) != symbols).mean()), float(loss.mean())


def trained_forecaster(value: Value, inputs: Mapping[str, Value]) -> dict[str, bool]:
    """Do trained weights foretell months that they have not seen?"""
    start = inputs["params"]
    weights = {name: _weight(name, w, value) for name, w in start.items()}
    return forecaster.properties(start, weights, inputs)


def trained_alarm(value: Value, inputs: Mapping[str, Value]) -> dict[str, bool]:
    """Does a trained alarm hear what is broken in days that it has not seen?

    `value` holds the weights `new_params`, the errors `calm` (M, K) and the `limits`.
    """
    start = inputs["params"]
    made = value if isinstance(value, dict) else {}
    weights = {n: _weight(n, w, made.get("new_params")) for n, w in start.items()}
    limits = _weight("limits", np.zeros(2), value)
    calm, K = _array(made.get("calm")), len(start["b_y"])
    if calm is None or calm.ndim != 2 or calm.shape[1] != K or len(calm) <= K:
        raise TypeError(f"calm is not an array of many rows of {K} errors")
    return alarm.properties(start, weights, calm, limits, inputs)


def trained_lm(value: Value, inputs: Mapping[str, Value]) -> dict[str, bool]:
    """Does a trained language model foretell a text that it has not seen?

    `value` holds the weights `new_params` and the `losses` of all windows; `inputs`
    the weights `params` of the start, the `windows` (n, T+1, B), `epochs`, `lr`, and
    `words` (W, L), of which the language is made. With a rate of zero nothing is
    learned, and the losses show the states that the windows were entered with.
    """
    start, windows = inputs["params"], inputs["windows"]
    made = value if isinstance(value, dict) else {}
    weights = {n: _weight(n, w, made.get("new_params")) for n, w in start.items()}
    losses = _array(made.get("losses"))
    losses = np.zeros(0) if losses is None else losses
    due = inputs["epochs"], len(windows)
    counted = losses.size == np.prod(due)
    found = losses.reshape(due) if counted else np.zeros(due)
    resting = inputs["lr"] == 0
    foretold = surplus_bits(value, inputs) <= SURPLUS
    before, after = (_read(w, windows[0]).mean() for w in (start, weights))
    by_heart = after / np.log(2) - _least_bits(inputs["words"]) <= SURPLUS
    carried = _losses(start, windows) if resting else found[0]
    return {
        "fresh_text_foretold": resting or foretold,
        "weights_are_finite": all(np.isfinite(w).all() for w in weights.values()),
        "every_weight_trained": resting
        or all((weights[n] != start[n]).any() for n in start),
        "loss_of_first_window_fell": resting or bool(after < before),
        "more_than_one_window_learned": resting or foretold or not by_heart,
        "one_loss_for_each_window": bool(counted),
        "as_many_passes_as_asked_for": bool(counted) or losses.size != len(windows),
        "state_carried_to_the_next_window": np.allclose(found[0], carried),
        "epochs_begin_with_a_state_of_zeros": not resting
        or np.allclose(found, found[0]),
    }


def surplus_bits(value: Value, inputs: Mapping[str, Value]) -> float:
    """Bits per character of a fresh text above what the language's author needs."""
    weights = {n: np.asarray(value["new_params"][n]) for n in inputs["params"]}
    words, draw = inputs["words"], np.random.default_rng(LETTERS)
    spelled = [[*w[w > 0], 0] for w in words[draw.integers(len(words), size=LETTERS)]]
    text = np.concatenate(spelled)[:LETTERS].reshape(20, -1).T
    seen = _read(weights, text)[20:]  # by then every column is inside the language
    return float(seen.mean() / np.log(2) - _least_bits(words))


def _least_bits(words: np.ndarray) -> float:
    """The entropy per character of words thrown evenly, each with a space behind."""
    return float(np.log2(len(words)) / (1 + (words > 0).sum(axis=1).mean()))


def _losses(weights: Mapping[str, np.ndarray], windows: np.ndarray) -> np.ndarray:
    """The mean surprise in each window, the state carried from one to the next."""
    inputs = np.concatenate([w[:-1] for w in windows])
    surprise = _read(weights, np.concatenate([inputs, windows[-1][-1:]]))
    return surprise.reshape(len(windows), -1).mean(axis=1)


def _read(weights: Mapping[str, np.ndarray], ids: np.ndarray) -> np.ndarray:
    """Surprise (T, B) of a tied language model at each of ids[1:] (T, B)."""
    E, state, found = weights["E"], np.zeros((ids.shape[1], len(weights["W_hh"]))), []
    with np.errstate(all="ignore"):
        for x, target in pairwise(ids):
            drive = np.matmul(E[x], weights["W_xh"]) + weights["b_h"]
            state = np.tanh(drive + np.matmul(state, weights["W_hh"]))
            logits = np.matmul(state @ weights["W_hd"], E.T) + weights["b_y"]
            logits = logits - logits.max(axis=-1, keepdims=True)
            said = logits[np.arange(len(target)), target]
            found.append(np.log(np.exp(logits).sum(axis=-1)) - said)
    return np.array(found)


def trained_autoencoder(value: Value, inputs: Mapping[str, Value]) -> dict[str, bool]:
    """Do trained weights rebuild sequences that they have not seen from their codes?

    `inputs` holds the weights `params` of the start, the sequences `xs` (T, n, D) of
    the training, their numbers in each batch, `order`, and others, `fresh` (T, m, D).
    """
    start, xs, fresh = inputs["params"], inputs["xs"], inputs["fresh"]
    weights = {name: _weight(name, w, value) for name, w in start.items()}
    first = xs[:, inputs["order"][0]]
    rebuilt = lost_in_codes(weights, inputs) <= REBUILT
    told = _told(weights, fresh)
    return {
        "fresh_digits_rebuilt": rebuilt,
        "weights_are_finite": all(np.isfinite(w).all() for w in weights.values()),
        "every_weight_trained": all((weights[n] != start[n]).any() for n in start),
        "loss_of_first_batch_fell": _lost(_told(weights, first), first)
        < _lost(_told(start, first), first),
        "more_than_one_batch_learned": rebuilt
        or not _lost(_told(weights, first), first) <= REBUILT,
        "last_step_told_first": not _lost(told[::-1], fresh) <= REBUILT,
        "code_says_which": not _width(told) < 0.2 * _width(fresh),
    }


def lost_in_codes(
    weights: Mapping[str, np.ndarray], inputs: Mapping[str, Value]
) -> float:
    """The share of the variance of `fresh` that is not rebuilt: in the band."""
    return _lost(_told(weights, inputs["fresh"]), inputs["fresh"])


def _told(weights: Mapping[str, np.ndarray], xs: np.ndarray) -> np.ndarray:
    """What is told of xs (T, B, D), turned round: the first step first."""
    W_xh, W_hh, b_h, W_es, W_ss, b_s, W_sy, b_y = (
        weights[name]
        for name in ("W_xh", "W_hh", "b_h", "W_es", "W_ss", "b_s", "W_sy", "b_y")
    )
    h, out = np.zeros((xs.shape[1], len(W_hh))), []
    with np.errstate(all="ignore"):
        for x_t in xs:
            h = np.tanh(x_t @ W_xh + h @ W_hh + b_h)
        s = np.zeros((len(h), len(W_ss)))
        for _ in xs:
            s = np.tanh(h @ W_es + s @ W_ss + b_s)
            out.append(s @ W_sy + b_y)
    return np.array(out[::-1])


def _lost(told: np.ndarray, xs: np.ndarray) -> float:
    """The squared error, in units of that of the mean sequence."""
    with np.errstate(all="ignore"):
        return float(((told - xs) ** 2).mean()) / _width(xs)


def _width(xs: np.ndarray) -> float:
    """How much the sequences differ from each other."""
    with np.errstate(all="ignore"):
        return float(xs.var(axis=1).mean())


MEASURES: Mapping[str, Measure] = {
    "late_growth": late_growth,
    "trained_alarm": trained_alarm,
    "trained_copy": trained_copy,
    "trained_forecaster": trained_forecaster,
    "trained_lm": trained_lm,
    "trained_names": trained_names,
    "trained_reviews": trained_reviews,
    "trained_autoencoder": trained_autoencoder,
}


def measured(task: Task, inputs: Mapping[str, Value], value: Value) -> Value:
    """`value`, or for a measured task its properties; `value` where it has none.

    TypeError if what a training run gave back are not its weights.
    """
    if not task.measure or (value is None and not task.trains):
        return value
    if task.trains:
        return MEASURES[task.measure](value, inputs)
    array = _array(value)
    found = None if array is None else MEASURES[task.measure](array, inputs)
    return array if found is None else found


def measured_answer(
    task: Task, inputs: Mapping[str, Value], answer: Mapping[str, Value]
) -> Mapping[str, Value]:
    """The answer with what came back, both times, measured."""
    if not task.measure or answer["status"] != "ok":
        return answer
    asked = ("value",) if task.trains else ("value", "again")
    try:
        return {**answer, **{k: measured(task, inputs, answer.get(k)) for k in asked}}
    except TypeError as error:
        told = {"function": task.name, "error": f"TypeError: {error}"}
        return {"status": "error", "where": "value", **told}
