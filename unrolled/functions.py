"""Functions that a question hands to a student's code, by their names.

A function cannot cross the sandbox's border; its name can. Each takes an array of
real or complex numbers and returns an array or a number, by operations that are
analytic, so that a derivative can be taken along the imaginary axis too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Function = Callable[[np.ndarray], Any]


def wave(x: np.ndarray) -> np.ndarray:
    """sin(x) e^(x/2), entry by entry: any shape, the same shape."""
    return np.sin(x) * np.exp(x / 2)


def mix(x: np.ndarray) -> np.ndarray:
    """tanh(x A) with a fixed A: (..., n) to (..., 3), every entry from a whole row."""
    n = x.shape[-1]
    A = np.cos(np.arange(1, 3 * n + 1)).reshape(n, 3).astype(x.real.dtype)
    return np.tanh(x @ A)


def turned(x: np.ndarray) -> np.ndarray:
    """The transpose: a view of x, not a copy."""
    return x.T


def energy(x: np.ndarray) -> Any:
    """The sum of the squares: one number."""
    return (x * x).sum()


FUNCTIONS: dict[str, Function] = {f.__name__: f for f in (wave, mix, turned, energy)}


def named(name: str) -> Function:
    """The function called `name`; KeyError, with the names there are, if there is
    none."""
    if name not in FUNCTIONS:
        raise KeyError(f"no function {name!r}: there are {', '.join(FUNCTIONS)}")
    return FUNCTIONS[name]
