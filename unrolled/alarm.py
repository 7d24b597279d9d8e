"""How well an alarm that was trained tells broken days from days as they are.

The trusted side of a graded training of notebook 14. A gauge says the level of the
water in a harbour every second hour, and a vanilla RNN foretells it. What comes back is
the network, the errors that are usual, and two limits; with them the bells are rung
here, over days of the same harbour that nobody has seen. On a third of them one reading
is wrong, on a third all are restless, and the rest are as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unrolled.task import Value

DAY = 12  # readings, one every second hour
PERIODS = np.array([12.42, 12.0, 24.84]) / 2  # of the moon, the sun, and both, readings
SPIKE, RESTLESS = 1.5, 0.6  # standard deviations of the tide
DAYS = 200  # of each kind
BAND = 0.25  # of the days of each kind on which the bells are wrong at most
FORETOLD = 0.3  # of the error of "it stays as it is" at most

Weights = Mapping[str, np.ndarray]


def harbour(rng: np.random.Generator) -> dict[str, Value]:
    """Heights and phases of three tides, whose sum has the variance 1."""
    heights = np.array([1.0, rng.uniform(0.3, 0.5), rng.uniform(0.4, 0.6)])
    heights *= np.sqrt(2 / (heights**2).sum())
    return {"heights": heights, "phases": rng.uniform(0, 2 * np.pi, size=3)}


def water(
    rng: np.random.Generator, place: Mapping[str, np.ndarray], times: np.ndarray
) -> np.ndarray:
    """Levels at `times` (..., T), in readings: a tide whose highs are sharper than its
    lows, and a weather that keeps four fifths of itself."""
    angles = 2 * np.pi * times[..., None] / PERIODS + place["phases"]
    tide = np.sin(angles) @ place["heights"]
    gusts = 0.1 * rng.normal(size=times.shape)
    gusts[..., 0] /= 0.6  # as if it had always blown
    for t in range(1, times.shape[-1]):
        gusts[..., t] += 0.8 * gusts[..., t - 1]
    return tide + 0.2 * tide**2 + gusts


def break_reading(rng: np.random.Generator, levels: np.ndarray, at: Value) -> None:
    levels[at] += SPIKE * rng.choice([-1, 1], size=levels[at].shape)


def make_restless(rng: np.random.Generator, levels: np.ndarray) -> None:
    levels += RESTLESS * rng.choice([-1, 1], size=levels.shape)


def record(
    rng: np.random.Generator, place: Mapping[str, np.ndarray], calm: int, rest: int
) -> np.ndarray:
    """`calm` readings as they are, and `rest` more, some of which are broken."""
    levels = water(rng, place, np.arange(float(calm + rest)))
    break_reading(rng, levels, calm + rng.choice(rest, size=rest // 40, replace=False))
    for start in calm + DAY * rng.choice(rest // DAY, size=rest // 66, replace=False):
        make_restless(rng, levels[start : start + DAY])
    return levels


def fresh_days(inputs: Mapping[str, Value]) -> tuple[np.ndarray, np.ndarray]:
    """Levels (3, DAYS, T), as they are, with a wrong reading, restless; and which
    reading of the day is wrong. Before the day there is what the bells have to know,
    and after it what is needed for all errors about its last reading."""
    rng, K = np.random.default_rng(inputs["fresh"]), len(inputs["params"]["b_y"])
    first = inputs["L"] + K - 1 + inputs["window"] - 1
    starts = rng.uniform(0, 1e4, size=(3, DAYS, 1))
    times = starts + np.arange(first + DAY + K)
    levels = water(rng, inputs["harbour"], times)
    wrong = rng.integers(DAY, size=DAYS)
    break_reading(rng, levels[1], (np.arange(DAYS), first + wrong))
    make_restless(rng, levels[2, :, first : first + DAY])
    return levels, wrong


def wrong_days(value: Mapping[str, Value], inputs: Mapping[str, Value]) -> float:
    """The share of days on which the bells are wrong, of the kind where it is worst."""
    weights, calm, limits = value["new_params"], value["calm"], value["limits"]
    return max(_wrong(weights, np.asarray(calm), np.asarray(limits), inputs))


def properties(
    start: Weights,
    weights: Weights,
    calm: np.ndarray,
    limits: np.ndarray,
    inputs: Mapping[str, Value],
) -> dict[str, bool]:
    """What the check of an alarm asks: what it hears, and what tells why it does not.

    A network that does not foretell is told so, and nothing of its bells.
    """
    moved = [np.abs(weights[n] - start[n]).max() for n in start]
    order, late, off = _off(weights, inputs)
    foretold, n_train = off <= FORETOLD, inputs["n_train"]
    falsely, missed, unheard = _wrong(weights, calm, limits, inputs)
    own = _errors(weights, inputs["record"][None], inputs["L"])[0]
    rest = own[n_train + inputs["n_val"] :]
    plain = (calm**2).sum(axis=1)
    above = _scores(calm, calm) > limits[0]
    return {
        "fresh_water_foretold": foretold,
        "weights_are_finite": all(np.isfinite(w).all() for w in weights.values()),
        "some_weight_trained": any(d != 0 for d in moved),
        "every_weight_trained": all(d != 0 for d in moved),
        "more_than_one_update": foretold or not max(moved) < 10 * inputs["lr"],
        "errors_did_not_grow": foretold or not off > 2,
        "steps_ahead_in_order": foretold or not order <= FORETOLD,
        "no_step_left_out": foretold or not late <= FORETOLD,
        "calm_without_training": not _alike(calm[:DAY], own[:DAY]),
        "calm_without_the_rest": not _alike(calm[-DAY:], own[-DAY:]),
        "wrong_readings_heard": not foretold or missed <= BAND,
        "restless_days_heard": not foretold or unheard <= BAND,
        "quiet_as_a_rule": not foretold or falsely <= BAND,
        "limits_without_the_rest": not _at(limits, _scores(rest, calm), inputs),
        "limits_of_scores": not _at(limits, plain, inputs),
        "most_of_calm_below": bool(above.mean() < 0.5),
    }


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(one, other)


def _at(limits: np.ndarray, scores: np.ndarray, inputs: Mapping[str, Value]) -> bool:
    """Is the first limit the one that these scores would give?"""
    with np.errstate(all="ignore"):
        found = np.quantile(scores, 1 - inputs["share"])
    return bool(np.isclose(limits[0], found, rtol=1e-3))


def _wrong(
    weights: Weights, calm: np.ndarray, limits: np.ndarray, inputs: Mapping[str, Value]
) -> tuple[float, float, float]:
    """The shares of days as they are on which a bell rings, of wrong readings that
    the first bell, and of restless days that the second one does not hear."""
    levels, wrong = fresh_days(inputs)
    errors = _errors(weights, levels.reshape(-1, levels.shape[-1]), inputs["L"])
    scores = _scores(errors, calm).reshape(3, DAYS, -1)
    every = np.lib.stride_tricks.sliding_window_view(scores, inputs["window"], -1)
    with np.errstate(all="ignore"):
        stretches = every.mean(axis=-1)[..., -DAY:] > limits[1]
        points = scores[..., -DAY:] > limits[0]
    return (
        float((points[0] | stretches[0]).any(axis=-1).mean()),
        float(1 - points[1, np.arange(DAYS), wrong].mean()),
        float(1 - stretches[2].any(axis=-1).mean()),
    )


def _scores(errors: np.ndarray, calm: np.ndarray) -> np.ndarray:
    """How strange errors (..., K) are beside calm (M, K); NaN if nobody can say."""
    with np.errstate(all="ignore"):
        apart = errors - calm.mean(axis=0)
        cov = np.cov(calm.T, bias=True)
    if not np.isfinite(cov).all():
        return np.full(errors.shape[:-1], np.nan)
    with np.errstate(all="ignore"):
        return np.einsum("...i,ij,...j->...", apart, np.linalg.pinv(cov), apart)


def _foretold(weights: Weights, levels: np.ndarray, L: int) -> np.ndarray:
    """What is said after each L of levels (S, T) in a row, (S, T - L + 1, K)."""
    seen = np.lib.stride_tricks.sliding_window_view(levels, L, axis=1)
    state = np.zeros((*seen.shape[:2], len(weights["W_hh"])))
    with np.errstate(all="ignore"):
        for t in range(L):
            drive = seen[..., t, None] * weights["W_xh"][0] + weights["b_h"]
            state = np.tanh(drive + np.matmul(state, weights["W_hh"]))
        change = np.matmul(state, weights["W_hy"]) + weights["b_y"]
    return seen[..., -1:] + change


def _errors(weights: Weights, levels: np.ndarray, L: int) -> np.ndarray:
    """Errors about each of levels (S, T) made 1 to K steps before, (S, N, K), from the
    first one that has all K to the last one after which K - 1 more are known."""
    said, K = _foretold(weights, levels, L), len(weights["b_y"])
    N = levels.shape[1] - L - 2 * (K - 1)
    about = levels[:, L + K - 1 : L + K - 1 + N]
    made = [said[:, K - 1 - k : K - 1 - k + N, k] for k in range(K)]
    return about[..., None] - np.stack(made, axis=-1)


def _off(weights: Weights, inputs: Mapping[str, Value]) -> tuple[float, float, float]:
    """Mean absolute error on days as they are, as a share of that of "it stays as it
    is": with the steps ahead in reverse, one too late, and as it has to be."""
    levels, L, K = fresh_days(inputs)[0][0], inputs["L"], len(weights["b_y"])
    said = _foretold(weights, levels, L)[:, : -K - 1]
    every = np.lib.stride_tricks.sliding_window_view(levels[:, L:], K + 1, axis=1)
    last = levels[:, L - 1 : -K - 1, None]
    silly = np.abs(every[..., :K] - last).mean()
    targets = every[..., K - 1 :: -1], every[..., 1:], every[..., :K]
    order, late, off = (float(np.abs(y - said).mean() / silly) for y in targets)
    return order, late, off
