"""Keep the answers of a quiz closed: they can be tried, not read.

A released checks.npz holds a slow digest of all answers together. Right answers give
the same digest; trying all combinations would take longer than thinking.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np

from unrolled.task import Value

ROUNDS = 100_000


def seal(value: Value) -> np.ndarray | None:
    """The digest (32,) uint8 of a list of numbers; None if it is something else.

    A digest is left as it is, so that an answer is not sealed twice.
    """
    try:
        array = np.asarray(value)
        if array.dtype == np.uint8 and array.shape == (32,):
            return array
        text = json.dumps(np.asarray(value, dtype=float).tolist())
    except (TypeError, ValueError):
        return None
    digest = hashlib.pbkdf2_hmac("sha256", text.encode(), b"unrolled quiz", ROUNDS)
    return np.frombuffer(digest, np.uint8)
