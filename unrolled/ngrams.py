"""Counting as a language model: interpolated Kneser-Ney, the rival of every network.

    model = KneserNey(learn, V, order=6)
    bits = -np.log2(model.probabilities(held)).mean()

Source: Chen and Goodman (1999), "An empirical study of smoothing techniques for
language modeling", the modified form with three discounts for each order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class _Order:
    """All that is known of the n-grams of one length: sorted keys, one row each."""

    grams: np.ndarray  # keys of contexts with a symbol behind
    discounted: np.ndarray  # their counts, less what is kept for shorter contexts
    contexts: np.ndarray  # keys of contexts
    totals: np.ndarray  # what followed a context, in all
    kept: np.ndarray  # the share of it that is left to the shorter context


class KneserNey:
    """Modified Kneser-Ney smoothing over symbols in [0, V).

    ids    (N,) integers, the text to count in; longer than `order`
    order  the symbols of the longest n-gram, the one to be foretold included
    scale  multiplies all discounts, to be tuned on a validation text

    ValueError if a key of `order` symbols does not fit into 64 bits.
    """

    def __init__(self, ids: np.ndarray, V: int, order: int, scale: float = 1.0) -> None:
        if order < 1 or order * np.log2(max(V, 2)) > 62:
            raise ValueError(f"An order of {order} over {V} symbols has no 64-bit key.")
        self.V, self.order = V, order
        grams, counts = np.unique(self._keys(ids, order), return_counts=True)
        found = [self._counted(grams, counts, scale)]
        for n in range(order - 1, 0, -1):  # so many different symbols came before
            grams, counts = np.unique(grams % V**n, return_counts=True)
            found.append(self._counted(grams, counts, scale))
        self._orders = found[::-1]

    def probabilities(self, ids: np.ndarray) -> np.ndarray:
        """Of each symbol after the order - 1 before it: (N,) ids to (N - order + 1,).

        The first order - 1 symbols are context only.
        """
        probs = np.full(len(ids) - self.order + 1, 1 / self.V)
        for n, known in enumerate(self._orders, 1):
            keys = self._keys(ids, n)[self.order - n :]
            at, there = _find(known.contexts, keys // self.V)
            hit, seen = _find(known.grams, keys)
            count = np.where(seen, known.discounted[hit], 0)
            mixed = count / known.totals[at] + known.kept[at] * probs
            probs = np.where(there, mixed, probs)
        return probs

    def next_symbols(self, before: np.ndarray) -> np.ndarray:
        """Probabilities (V,) of what follows `before`, at least order - 1 symbols."""
        context = np.asarray(before)[len(before) - self.order + 1 :]
        texts = (np.append(context, v) for v in range(self.V))
        return np.array([self.probabilities(text)[0] for text in texts])

    def _keys(self, ids: np.ndarray, n: int) -> np.ndarray:
        """All n-grams of a text as numbers to the base V, the oldest digit first."""
        keys = np.zeros(len(ids) - n + 1, dtype=np.int64)
        for k in range(n):
            keys = keys * self.V + ids[k : len(ids) - n + 1 + k]
        return keys

    def _counted(self, grams: np.ndarray, counts: np.ndarray, scale: float) -> _Order:
        steps = scale * _discounts(counts)
        taken = steps[np.minimum(counts, 3)]
        contexts, which = np.unique(grams // self.V, return_inverse=True)
        totals = np.bincount(which, counts)
        kept = np.bincount(which, np.minimum(taken, counts)) / totals
        return _Order(grams, np.maximum(counts - taken, 0), contexts, totals, kept)


def _discounts(counts: np.ndarray) -> np.ndarray:
    """What is taken off n-grams that came 0, 1, 2, and 3 or more times: (4,)."""
    n = np.bincount(np.minimum(counts, 5), minlength=6)[:5].astype(float)
    if not n[1:].all():  # too little text to estimate anything
        return np.array([0, 0.5, 0.75, 0.9])
    share = n[1] / (n[1] + 2 * n[2])
    steps = [k - (k + 1) * share * n[k + 1] / n[k] for k in (1, 2, 3)]
    return np.clip([0, *steps], 0, [0, 1, 2, 3])


def _find(keys: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(where `asked` stands in the sorted `keys`, whether it is there)."""
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return at, keys[at] == asked
