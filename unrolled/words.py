"""Words as numbers: what stands in a vocabulary, and what does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

PADDING, UNKNOWN = 0, 1


class Vocabulary:
    """The words that come at least `least` times in `texts`, in alphabetical order.

    Give it the texts of the training and no others. Id 0 is padding, 1 is a word that
    is not in it. What comes fewer times than `least` is unknown in the training, too,
    so that the row of the unknown word is trained.
    """

    def __init__(self, texts: Iterable[Sequence[str]], least: int = 1) -> None:
        seen = Counter(token for text in texts for token in text)
        often = sorted(token for token, times in seen.items() if times >= least)
        self.words = ["<padding>", "<unknown>", *often]
        self._places = {token: place for place, token in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def ids(self, text: Sequence[str]) -> np.ndarray:
        """One integer a word, (T,)."""
        return np.array([self._places.get(token, UNKNOWN) for token in text], dtype=int)
