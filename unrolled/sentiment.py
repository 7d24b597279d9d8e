"""How well a small trained reader judges reviews that it has not seen.

The trusted side of the graded training of notebook 13: the weights of a vanilla RNN
over word embeddings come back, and what they say is measured here, with the forward
pass only.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from unrolled.reviews import draw
from unrolled.training import padded
from unrolled.words import Vocabulary

KINDS = ("plain", "instead")  # in half of them, all words are those of a twin
WORDS = 12  # of a review at most
FRESH, BAND = 400, 0.15  # reviews, and the share of them that is judged wrongly at most
Texts = tuple[np.ndarray, np.ndarray, np.ndarray]  # ids (T, B), lengths (B,), good (B,)


@lru_cache(maxsize=1)
def _vocabulary() -> Vocabulary:
    known = draw(np.random.default_rng(13), 2000, "training", KINDS)
    return Vocabulary(review.words for review in known)


def words() -> int:
    """How many rows an embedding of these reviews has."""
    return len(_vocabulary())


def reviews(rng: np.random.Generator, count: int, part: str = "training") -> Texts:
    """Short reviews of KINDS as padded ids, their lengths, and 1 for the good ones."""
    drawn = [r for r in draw(rng, 2 * count, part, KINDS) if len(r.words) <= WORDS]
    drawn = drawn[:count]
    ids, lengths = padded([_vocabulary().ids(review.words) for review in drawn])
    good = np.array([review.good for review in drawn])
    return ids.astype(np.int16), lengths, good


@lru_cache(maxsize=1)
def _fresh() -> Texts:
    return reviews(np.random.default_rng(FRESH), FRESH, "test")


def judged(weights: Mapping[str, np.ndarray], texts: Texts) -> tuple[float, float]:
    """(share of the verdicts that are wrong, cross-entropy) of trained weights."""
    ids, lengths, good = texts
    state, states = np.zeros((ids.shape[1], len(weights["W_hh"]))), []
    with np.errstate(all="ignore"):
        for row in ids:
            drive = weights["E"][row] @ weights["W_xh"] + weights["b_h"]
            state = np.tanh(drive + state @ weights["W_hh"])
            states.append(state)
        live = (np.arange(len(ids))[:, None] < lengths)[..., None]
        mean = np.where(live, states, 0).sum(axis=0) / lengths[:, None]
        top = np.where(live, states, -np.inf).max(axis=0)
        a = (np.hstack([mean, top]) @ weights["W_hy"] + weights["b_y"])[:, 0]
        loss = float(np.mean(np.logaddexp(0, a) - good * a))
    return float(np.mean((a > 0) != good)), loss


def wrong_reviews(weights: Mapping[str, np.ndarray], inputs: Mapping) -> float:
    """The share of fresh reviews judged wrongly, which has to be in the band."""
    return judged(weights, _fresh())[0]


def properties(
    start: Mapping[str, np.ndarray],
    weights: Mapping[str, np.ndarray],
    inputs: Mapping,
) -> dict[str, bool]:
    """What the check of a training asks: the first counts, the others tell why."""
    rows = inputs["order"][0]
    first = inputs["ids"][:, rows], inputs["lengths"][rows], inputs["good"][rows]
    fresh, (wrong, after) = wrong_reviews(weights, inputs), judged(weights, first)
    right = fresh <= BAND
    return {
        "fresh_reviews_judged": right,
        "weights_are_finite": all(np.isfinite(w).all() for w in weights.values()),
        "every_weight_trained": all((weights[n] != start[n]).any() for n in start),
        "loss_of_first_batch_fell": after < judged(start, first)[1],
        "more_than_one_batch_learned": right or wrong > BAND,
        "verdicts_the_right_way_round": not fresh > 0.7,
    }
