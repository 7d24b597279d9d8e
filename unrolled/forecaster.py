"""How a forecaster that was trained does in months that it has not seen.

The network is a vanilla RNN that reads a window, xs (L, B, D) with the value in column
0, and says `K` steps ahead at once, `Q` quantiles each, as changes from the last value.
It is measured against two forecasts that cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from unrolled.task import Value

YEAR = 12  # steps of a season
SILLY = 0.75  # of the quantile loss of the better baseline, at most

Weights = Mapping[str, np.ndarray]


def properties(
    start: Weights, weights: Weights, inputs: Mapping[str, Value]
) -> dict[str, bool]:
    """What holds of trained weights; the others tell what went wrong.

    `inputs` holds windows `xs` and `ys` (K, B) of the training and `xs_test`, `ys_test`
    of later, `levels` (Q,) and the `batches`.
    """
    levels, seen, few = inputs["levels"], inputs["xs"], inputs["batches"][0, :4]
    quantiles, before = (_quantiles(w, seen, inputs["ys"]) for w in (weights, start))
    losses, started = (_pinball(q, inputs["ys"], levels) for q in (quantiles, before))
    beats = share_of_silly(weights, inputs) <= SILLY
    by_heart = losses[:, few].mean() < losses.mean() / 3
    return {
        "beats_the_silly_ones": beats,
        "middle_beats_them": share_of_silly(weights, inputs, len(levels) // 2) <= SILLY,
        "weights_are_finite": all(np.isfinite(w).all() for w in weights.values()),
        "every_weight_trained": all((weights[n] != start[n]).any() for n in start),
        "training_loss_fell": bool(losses.mean() < started.mean()),
        "more_than_one_batch_learned": beats or not by_heart,
    }


def share_of_silly(
    weights: Weights,
    inputs: Mapping[str, Value],
    level: int | None = None,
) -> float:
    """The quantile loss in the test, as a share of that of the better of two baselines.

    As the last value and as a year ago, each with the quantiles of its own errors in
    training. With `level`, of that quantile alone.
    """
    levels, (K, _) = inputs["levels"], inputs["ys"].shape
    test, targets = inputs["xs_test"], inputs["ys_test"]

    def loss(quantiles: np.ndarray) -> float:
        losses = _pinball(quantiles, targets, levels)
        return float(losses.mean() if level is None else losses[..., level].mean())

    baselines = []
    for rows in ([-1] * K, [k % YEAR - YEAR for k in range(K)]):
        errors = inputs["ys"] - inputs["xs"][rows, :, 0]
        spread = np.moveaxis(np.quantile(errors, levels, axis=1), 0, -1)  # (K, Q)
        baselines.append(loss(test[rows, :, 0][..., None] + spread[:, None]))
    with np.errstate(all="ignore"):
        return loss(_quantiles(weights, test, targets)) / min(baselines)


def _quantiles(weights: Weights, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """What a direct forecaster says, (K, B, Q): changes from the last value."""
    (K, B), state = ys.shape, np.zeros((xs.shape[1], len(weights["W_hh"])))
    with np.errstate(all="ignore"):
        for drive in xs @ weights["W_xh"] + weights["b_h"]:
            state = np.tanh(drive + np.matmul(state, weights["W_hh"]))
        changes = np.matmul(state, weights["W_hy"]) + weights["b_y"]
    return np.moveaxis(changes.reshape(B, K, -1), 1, 0) + xs[-1, :, :1]


def _pinball(
    quantiles: np.ndarray, targets: np.ndarray, levels: np.ndarray
) -> np.ndarray:
    off = targets[..., None] - quantiles
    return off * (levels - (off < 0))
