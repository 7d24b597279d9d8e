"""How well a small trained network tells from what language a name is.

The trusted side of a graded training of notebook 13: the weights of a vanilla RNN over
letters come back. It says the language from its state at a name's last letter, and
what it says of names that it has not seen is measured here, with the forward pass only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from unrolled import people
from unrolled.task import Value
from unrolled.training import padded

LANGUAGES = ("Finnish", "French", "Italian", "Slovak", "Swedish", "Zulu")
LETTERS = 27  # a to z are 1 to 26, and 0 is padding
FRESH = 75  # names of each language
BAND = 0.28  # the share of them that is taken for another language at most
SEEN = 0.13  # and of the names of the training


def spelled(names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Names of the letters a to z as padded ids (T, B), and their lengths (B,)."""
    letters = [np.frombuffer(n.encode(), np.uint8).astype(np.int16) for n in names]
    return padded([ids - (ord("a") - 1) for ids in letters])


def names(rng: np.random.Generator, each: int) -> dict[str, Value]:
    """`each` names of each language, one language after the other, and fresh ones.

    The languages are numbered in a drawn order, `spoken`, so that no weights of
    another draw are right here. Needs Faker.
    """
    spoken = [str(language) for language in rng.permutation(LANGUAGES)]
    lists = people.plain_names(spoken)
    parts = [people.held_apart(rng, lists[k], each, FRESH) for k in spoken]
    train, fresh = ([n for part in parts for n in part[k]] for k in (0, 1))
    ids, lengths = spelled(train)
    fresh_ids, fresh_lengths = spelled(fresh)
    return {
        "ids": ids,
        "lengths": lengths,
        "language": np.repeat(np.arange(len(spoken)), each),
        "spoken": spoken,
        "fresh_ids": fresh_ids,
        "fresh_lengths": fresh_lengths,
        "fresh_language": np.repeat(np.arange(len(spoken)), FRESH),
    }


def scores(
    weights: Mapping[str, np.ndarray], ids: np.ndarray, lengths: np.ndarray
) -> np.ndarray:
    """The logits (B, K) of the languages after `lengths` letters of ids (T, B)."""
    state, states = np.zeros((ids.shape[1], len(weights["W_hh"]))), []
    with np.errstate(all="ignore"):
        for row in ids:
            drive = weights["E"][row] @ weights["W_xh"] + weights["b_h"]
            state = np.tanh(drive + state @ weights["W_hh"])
            states.append(state)
        last = np.array(states)[lengths - 1, np.arange(len(lengths))]
        return last @ weights["W_hy"] + weights["b_y"]


def wrong_names(weights: Mapping[str, np.ndarray], inputs: Mapping) -> float:
    """The share of fresh names taken for another language: to be in the band."""
    said = scores(weights, inputs["fresh_ids"], inputs["fresh_lengths"]).argmax(axis=1)
    return float(np.mean(said != inputs["fresh_language"]))


def _seen(weights: Mapping[str, np.ndarray], inputs: Mapping) -> tuple[float, float]:
    """(share taken for another language, cross-entropy) of the training's names."""
    language = inputs["language"]
    a = scores(weights, inputs["ids"], inputs["lengths"])
    with np.errstate(all="ignore"):
        log_p = a - np.logaddexp.reduce(a, axis=1, keepdims=True)
    loss = -np.mean(log_p[np.arange(len(a)), language])
    return float(np.mean(a.argmax(axis=1) != language)), float(loss)


def _other_numbers(weights: Mapping[str, np.ndarray], inputs: Mapping) -> bool:
    """Would fresh names be told if the languages had other numbers?"""
    said = scores(weights, inputs["fresh_ids"], inputs["fresh_lengths"]).argmax(axis=1)
    K = len(weights["b_y"])
    met = np.bincount(said * K + inputs["fresh_language"], minlength=K * K)
    return 1 - met.reshape(K, K).max(axis=1).sum() / len(said) <= BAND


def _read_on(weights: Mapping[str, np.ndarray], inputs: Mapping) -> bool:
    """Is what is said at the end of the padding better than chance by far?"""
    ids = inputs["fresh_ids"]
    ends = np.full(ids.shape[1], len(ids))
    said = scores(weights, ids, ends).argmax(axis=1)
    return bool(np.mean(said != inputs["fresh_language"]) < 0.55)


def properties(
    start: Mapping[str, np.ndarray],
    weights: Mapping[str, np.ndarray],
    inputs: Mapping,
) -> dict[str, bool]:
    """What the check of a training asks: the first counts, the others tell why."""
    told = wrong_names(weights, inputs) <= BAND
    wrong, loss = _seen(weights, inputs)
    with np.errstate(all="ignore"):
        moved = max(np.abs(weights[n] - start[n]).max() for n in start)
    letters = (weights["E"] != start["E"]).any(axis=1).sum()
    return {
        "fresh_names_told": told,
        "weights_are_finite": all(np.isfinite(w).all() for w in weights.values()),
        "every_weight_trained": all((weights[n] != start[n]).any() for n in start),
        "loss_did_not_rise": loss < _seen(start, inputs)[1] + 0.5,
        "more_than_one_update": told or bool(moved > 5 * inputs["lr"]),
        "names_of_the_training_told": wrong <= SEEN,
        "more_than_guessed": told or wrong < 0.6,
        "letters_told_apart": bool(letters > LETTERS / 3),
        "languages_by_their_numbers": told or not _other_numbers(weights, inputs),
        "said_at_the_last_letter": told or not _read_on(weights, inputs),
    }
