"""What 00-start-here asks for, and the inputs that it is tried on."""

import numpy as np

from autograder.cases import Vary
from unrolled.functions import named
from unrolled.task import Task

TITLE = "Start here"

TASKS = (
    Task(
        "rel_error",
        "Exercise 0.1",
        args=("a", "b"),
        returns=("error",),
        points={"values": 3, "purity": 1},
        read="chapter 0, One number for two arrays",
        minutes=3,
        difficulty=1,
    ),
    Task(
        "numeric_grad",
        "Exercise 0.2",
        args=("f", "x", "dout", "eps"),
        returns=("dx",),
        points={"values": 3, "shapes": 1, "purity": 1},
        functions=("f",),
        read="chapter 0, To both sides",
        minutes=5,
        difficulty=2,
    ),
    Task(
        "complex_step_grad",
        "Exercise 0.3",
        args=("f", "x", "dout", "eps"),
        returns=("dx",),
        points={"values": 3, "shapes": 1, "purity": 1},
        functions=("f",),
        read="chapter 0, Along the imaginary axis",
        minutes=3,
        difficulty=1,
    ),
    Task(
        "choose_eps",
        "Exercise 0.4",
        args=(),
        returns=("exponents",),
        points={"values": 5},
        quiz=True,
        read="chapter 0, Reading the V",
        minutes=4,
        difficulty=2,
    ),
)


def rel_error(rng, shape=(3, 4), other=None, off=1e-3, a_scale=1.0, b_scale=1.0):
    """Two arrays, the second a little off the first where their shapes are equal.

    The largest entry and the largest difference are negative: without an absolute
    value neither is seen.
    """
    a, noise = _lowest(rng.normal(size=shape)), _lowest(rng.normal(size=shape))
    b = a - off * noise if other is None else rng.normal(size=other)
    return {"a": a_scale * a, "b": b_scale * b}


def _lowest(array):
    """The array or its negative: the one whose largest entry is negative."""
    return -array if array.max() > -array.min() else array


def numeric_grad(rng, f="wave", shape=(3, 4), eps=0.1):
    """`eps` is large, so that every formula has an error of its own."""
    x = rng.normal(size=shape)
    dout = rng.normal(size=np.shape(named(f)(x)))
    return {"f": f, "x": x, "dout": dout, "eps": eps}


complex_step_grad = numeric_grad


def choose_eps(rng):
    return {}


def _refuse(shape, other):
    name = f"shapes {shape} and {other}"
    return Vary(name, raises="ValueError", shape=shape, other=other)


_GRADIENT = (
    Vary("values"),
    Vary("a function of rows", f="mix", shape=(4, 2)),
    Vary("a function with one output", f="energy", shape=(2, 3)),
    Vary("a function that returns a view", f="turned", shape=(2, 5)),
)
_ODD = (
    Vary("shape (5,)", "shapes", shape=(5,)),
    Vary("shape (1, 1)", "shapes", shape=(1, 1)),
    Vary("shape (2, 3, 2)", "shapes", shape=(2, 3, 2)),
    Vary("strided input", "shapes", layout="strided"),
    Vary("float32", "purity", dtype=np.float32),
)

CASES = {
    "rel_error": (
        Vary("values"),
        Vary("a larger first array", off=0.1, a_scale=3.0),
        Vary("a larger second array", off=0.1, b_scale=3.0),
        Vary("tiny numbers", a_scale=1e-12, b_scale=1e-12),
        Vary("two arrays of zeros", zero=("a", "b")),
        _refuse((4, 1), (4,)),
        _refuse((3, 4), (4,)),
        _refuse((3, 1), (3, 4)),
        _refuse((3, 2), (2, 3)),
        _refuse((5,), ()),
    ),
    "numeric_grad": (*_GRADIENT, Vary("a small eps", eps=1e-5), *_ODD),
    "complex_step_grad": (*_GRADIENT, Vary("a tiny eps", eps=1e-100), *_ODD),
    "choose_eps": (Vary("values"),),
}


def data(rng, reference):
    """Five measured error curves, in no particular order."""
    steps = np.array([float(f"1e-{k}") for k in range(1, 16)])
    curves = [_errors(steps, *how) for how in _METHODS]
    order = rng.permutation(len(curves))
    return {"error_curves": {"eps": steps, "errors": [curves[i] for i in order]}}


# Only +, -, *, / are used: they round alike on every machine, and so do the curves.


def _f(x):
    return x / (1 + x)


def _errors(steps, estimate, dtype, factor):
    x = np.linspace(0.5, 1.5, 40)
    claimed = factor / ((1 + x) * (1 + x))
    found = [estimate(x.astype(dtype), dtype(step)) for step in steps]
    return np.array([np.abs(g - claimed).max() for g in found]) / np.abs(claimed).max()


def _one_side(x, step):
    return (_f(x + step) - _f(x)) / step


def _both_sides(x, step):
    return (_f(x + step) - _f(x - step)) / (2 * step)


def _four_points(x, step):
    near = _f(x + step) - _f(x - step)
    far = _f(x + 2 * step) - _f(x - 2 * step)
    return (8 * near - far) / (12 * step)


_METHODS = (
    (_one_side, np.float64, 1.0),
    (_both_sides, np.float64, 1.0),
    (_both_sides, np.float32, 1.0),
    (_four_points, np.float64, 1.0),
    (_both_sides, np.float64, 1.03),  # the gradient under test is 3 % wrong
)
