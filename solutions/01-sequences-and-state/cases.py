"""What 01-sequences-and-state asks for, and the inputs that it is tried on."""

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from unrolled.task import Task

TITLE = "Sequences and state"

TASKS = (
    Task(
        "leaky",
        "Exercise 1.1",
        args=("xs", "a"),
        returns=("hs",),
        points={"values": 2, "shapes": 1, "purity": 1},
        over_time=("hs",),
        read="chapter 1, A leak",
        minutes=8,
        difficulty=1,
    ),
    Task(
        "causal_conv",
        "Exercise 1.2",
        args=("xs", "kernel"),
        returns=("hs",),
        points={"values": 3, "shapes": 1, "purity": 1},
        over_time=("hs",),
        read="chapter 1, A linear loop is a convolution",
        minutes=12,
        difficulty=2,
    ),
    Task(
        "leaky_conv",
        "Exercise 1.3",
        args=("xs", "a"),
        returns=("hs",),
        points={"values": 2, "shapes": 1},
        uses=("causal_conv",),
        over_time=("hs",),
        read="chapter 1, A linear loop is a convolution",
        minutes=5,
        difficulty=2,
    ),
    Task(
        "one_hot",
        "Exercise 1.4",
        args=("ids", "V"),
        returns=("hot",),
        points={"values": 2, "shapes": 1},
        read="chapter 1, Symbols",
        minutes=8,
        difficulty=1,
    ),
    Task(
        "embed",
        "Exercise 1.5",
        args=("ids", "E"),
        returns=("xs",),
        points={"values": 1, "shapes": 1, "purity": 1},
        read="chapter 1, An embedding is a product with a one-hot",
        minutes=4,
        difficulty=1,
    ),
    Task(
        "embed_backward",
        "Exercise 1.6",
        args=("dout", "ids", "V"),
        returns=("dE",),
        points={"values": 4, "shapes": 1, "purity": 1},
        read="chapter 1, Backward, duplicates add",
        minutes=12,
        difficulty=2,
    ),
)


def leaky(rng, T=6, B=3, D=4, fill=None):
    """`fill`: one leak for all; None for leaks of both signs."""
    a = rng.uniform(0.3, 0.95, size=D) * np.where(np.arange(D) % 2, -1, 1)
    a = a if fill is None else np.full(D, fill)
    return {"xs": rng.normal(size=(T, B, D)), "a": a}


def causal_conv(rng, T=6, B=3, D=4, K=5):
    """The kernel has K entries, fewer or more than there are steps."""
    return {"xs": rng.normal(size=(T, B, D)), "kernel": rng.normal(size=(K, D))}


leaky_conv = leaky


def one_hot(rng, T=6, B=4, V=5, shape=None, put=None):
    """`put`: an id that is written somewhere among the others."""
    ids = rng.integers(V, size=shape or (T, B))
    if put is not None:
        ids.flat[ids.size // 2] = put
    return {"ids": ids, "V": V}


def embed(rng, T=6, B=3, V=5, D=4, shape=None):
    ids = rng.integers(V, size=shape or (T, B))
    return {"ids": ids, "E": rng.normal(size=(V, D))}


def embed_backward(rng, T=6, B=3, V=5, D=4, shape=None, distinct=False):
    """The last id never occurs, unless it is the only one; the others repeat."""
    shape = shape or (T, B)
    ids = rng.integers(max(V - 1, 1), size=shape)
    if distinct:
        ids = rng.permutation(V)[: ids.size].reshape(shape)
    return {"dout": rng.normal(size=(*shape, D)), "ids": ids, "V": V}


_LEAKY = (
    Vary("values"),
    Vary("a = 1, a counter", fill=1.0),
    Vary("a = 0, no memory", fill=0.0),
    *batch_and_sizes(T=1, B=1, D=1),
)
_ANY_SHAPE = (
    Vary("ids of shape (7,)", "shapes", shape=(7,)),
    Vary("ids of shape (2, 3, 2)", "shapes", shape=(2, 3, 2)),
)

CASES = {
    "leaky": _LEAKY,
    "causal_conv": (
        Vary("values"),
        Vary("a kernel longer than the sequence", T=4, K=7),
        *batch_and_sizes(T=1, B=1, D=1, K=1),
    ),
    "leaky_conv": tuple(v for v in _LEAKY if v.aspect != "purity"),
    "one_hot": (
        Vary("values"),
        Vary("an id of V", raises="ValueError", put=5),
        Vary("an id of -1", raises="ValueError", put=-1),
        *_ANY_SHAPE,
        Vary("T=1", "shapes", T=1),
        Vary("V=1", "shapes", V=1),
        Vary("strided input", "shapes", layout="strided"),
    ),
    "embed": (Vary("values"), *_ANY_SHAPE, *batch_and_sizes(T=1, B=1, D=1, V=1)),
    "embed_backward": (
        Vary("values"),
        Vary("ids that all differ", T=2, B=3, V=7, distinct=True),
        *_ANY_SHAPE,
        *batch_and_sizes(T=1, B=1, D=1, V=1),
    ),
}
