"""Handwritten digits, read as sequences.

The pictures come with scikit-learn (`load_digits`): 1797 digits of 13 people, 8 by 8
grey values, a part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and
C. Kaynak (UCI Machine Learning Repository, 1998, licence CC BY 4.0).

There is no pen in the data: nobody recorded in which order the ink came. A sequence
is what a scanner sees that moves over the paper, one row after the other.
"""

from __future__ import annotations

import numpy as np

ORDERS = ("rows", "columns", "pixels")


def digits(order: str = "rows") -> tuple[np.ndarray, np.ndarray]:
    """All digits as sequences, and which digit each is.

    order    "rows": from top to bottom, 8 steps of 8 numbers; "columns": from left to
             right, likewise; "pixels": row after row, 64 steps of one number
    returns  xs (T, 1797, D), float64, 0 is paper and 1 is ink; labels (1797,) ints

    ModuleNotFoundError without scikit-learn; ValueError for another order.
    """
    if order not in ORDERS:
        raise ValueError(f"order is one of {', '.join(ORDERS)}, got {order!r}.")
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        text = "The digits come with scikit-learn, which is not installed here: "
        raise ModuleNotFoundError(text + "pip install scikit-learn") from error
    found = load_digits()
    pages = found.images / 16  # (1797, row, column)
    if order == "pixels":
        pages = pages.reshape(len(pages), 64, 1)
    axes = (2, 0, 1) if order == "columns" else (1, 0, 2)
    return np.ascontiguousarray(pages.transpose(axes)), found.target


def delayed(xs: np.ndarray, delays: np.ndarray, T: int) -> np.ndarray:
    """The same sequences, each after so many blank steps: (T, B, D).

    xs (T0, B, D); delays (B,) integers, 0 at least, such that all ends by step T.
    """
    if not (delays >= 0).all() or len(xs) + delays.max(initial=0) > T:
        raise ValueError(f"A sequence of {len(xs)} steps does not fit into {T} then.")
    out = np.zeros((T, *xs.shape[1:]), dtype=xs.dtype)
    steps = np.arange(len(xs))[:, None] + delays
    out[steps, np.arange(xs.shape[1])] = xs
    return out
