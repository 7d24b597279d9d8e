"""What 11-speed asks for, and the inputs that it is tried on."""

from dataclasses import replace

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from autograder.exercise import load
from unrolled.task import Task

TITLE = "Speed"

_EARLIER = {
    "02-recurrent-cell": ("rnn_step_forward", "rnn_forward"),
    "03-bptt": ("rnn_step_backward", "rnn_backward"),
}
_earlier = [(load(slug), name) for slug, names in _EARLIER.items() for name in names]
NAMES = tuple(name for _, name in _earlier)
rnn_step_forward, rnn_forward, rnn_step_backward, rnn_backward = (
    source.draws[name] for source, name in _earlier
)


def _grads(*names):
    return tuple(f"d{name}" for name in names)


TASKS = (
    *(replace(source.tasks[name], points={}) for source, name in _earlier),
    Task(
        "step_cost",
        "Exercise 11.1",
        args=("B", "D", "H", "itemsize"),
        returns=("flops", "moved"),
        points={"values": 3},
        read="chapter 11, What a step costs",
        minutes=15,
        difficulty=1,
    ),
    Task(
        "predict_bound",
        "Exercise 11.2",
        args=(),
        returns=("bounds",),
        points={"values": 4},
        quiz=True,
        read="chapter 11, The roofline",
        minutes=25,
        difficulty=2,
    ),
    Task(
        "fused_step",
        "Exercise 11.3",
        args=("x_t", "h_prev", "c_prev", "W", "b", "dh_t", "dc_t", "products"),
        returns=("h_t", "c_t", *_grads("x_t", "h_prev", "c_prev", "W", "b")),
        points={"values": 4, "shapes": 1, "purity": 3},
        as_dict=True,
        probe="fused_step",
        read="chapter 11, One product",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "hoisted_forward",
        "Exercise 11.4",
        args=("xs", "h0", "c0", "W_x", "W_h", "b", "dhs", "dc_T", "products"),
        returns=("hs", "c_T", *_grads("xs", "h0", "c0", "W_x", "W_h", "b")),
        points={"values": 4, "shapes": 1, "purity": 3},
        as_dict=True,
        probe="hoisted",
        over_time=("hs", "dxs"),
        read="chapter 11, What need not wait",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "best_segments",
        "Exercise 11.5",
        args=("T",),
        returns=("segments", "kept"),
        points={"values": 2},
        read="chapter 11, Memory for time",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "checkpointed_bptt",
        "Exercise 11.6",
        args=("xs", "h0", "dhs", "W_xh", "W_hh", "b_h", "segments", "counting"),
        returns=("dxs", "dh0", "dW_xh", "dW_hh", "db_h"),
        points={"values": 6, "shapes": 2, "purity": 3},
        as_dict=True,
        uses=NAMES,
        probe="remembered",
        over_time=("dxs",),
        read="chapter 11, Memory for time",
        minutes=40,
        difficulty=3,
    ),
    Task(
        "amp_step",
        "Exercise 11.7",
        args=("W", "b", "xs", "wanted", "numbers"),
        returns=("W", "b", "scale", "norms"),
        points={"values": 6},
        as_dict=True,
        probe="scaled",
        read="chapter 11, Unscale, clip, step",
        minutes=20,
        difficulty=2,
    ),
)


def step_cost(rng, B=5, D=3, H=4, itemsize=4):
    more = (int(n) for n in rng.integers(0, 3, size=3))
    B, D, H = (size + 7 * n for size, n in zip((B, D, H), more, strict=True))
    return {"B": B, "D": D, "H": H, "itemsize": itemsize}


def predict_bound(rng):
    return {}


def _states(rng, B, H):
    return np.tanh(rng.normal(size=(B, H))), rng.normal(size=(B, H))


def fused_step(rng, B=3, D=4, H=5, products=0):
    h_prev, c_prev = _states(rng, B, H)
    return {
        "x_t": rng.normal(size=(B, D)),
        "h_prev": h_prev,
        "c_prev": c_prev,
        "W": rng.normal(size=(D + H, 4 * H)) * 0.6,
        "b": rng.normal(size=4 * H) * 0.5,
        "dh_t": rng.normal(size=(B, H)),
        "dc_t": rng.normal(size=(B, H)),
        "products": products,
    }


def hoisted_forward(rng, T=6, B=3, D=4, H=5, products=0):
    h0, c0 = _states(rng, B, H)
    return {
        "xs": rng.normal(size=(T, B, D)),
        "h0": h0,
        "c0": c0,
        "W_x": rng.normal(size=(D, 4 * H)) * 0.6,
        "W_h": rng.normal(size=(H, 4 * H)) * 0.6,
        "b": rng.normal(size=4 * H) * 0.5,
        "dhs": rng.normal(size=(T, B, H)),
        "dc_T": rng.normal(size=(B, H)),
        "products": products,
    }


def best_segments(rng, low=2, high=50):
    return {"T": int(rng.integers(low, high + 1))}


def checkpointed_bptt(rng, T=7, B=3, D=4, H=5, segments=3, counting=False):
    inputs = rnn_forward(rng, T, B, D, H)
    dhs = rng.normal(size=(T, B, H))
    return {**inputs, "dhs": dhs, "segments": segments, "counting": counting}


def amp_step(rng, N=5, B=3, D=4, V=2, scale=1024.0, max_norm=0.5, overflow=None):
    """`overflow` is the step whose gradients are not finite."""
    xs, wanted = rng.normal(size=(N, B, D)), rng.normal(size=(N, B, V))
    if overflow is not None:
        xs[overflow] *= 1e160
    numbers = {"scale": scale, "rate": 0.1, "max_norm": max_norm}
    weights = {"W": rng.normal(size=(D, V)), "b": rng.normal(size=V)}
    return {**weights, "xs": xs, "wanted": wanted, "numbers": numbers}


_COUNTED = "purity"
CASES = {
    **{name: source.varies[name] for source, name in _earlier},
    "step_cost": (
        Vary("float32"),
        Vary("float64", B=2, D=9, H=5, itemsize=8),
        Vary("one sequence, 16 bits", B=1, D=6, H=11, itemsize=2),
    ),
    "predict_bound": (Vary("values"),),
    "fused_step": (
        Vary("values"),
        Vary("other sizes", B=4, D=2, H=3),
        *batch_and_sizes("D", B=1, H=1),
        Vary("its products counted", _COUNTED, products=1),
    ),
    "hoisted_forward": (
        Vary("values"),
        Vary("other sizes", T=4, B=2, D=5, H=3),
        *batch_and_sizes("D", T=1, B=1, H=1),
        Vary("its products counted", _COUNTED, products=7),
        Vary("its products counted at T=11", _COUNTED, T=11, products=12),
    ),
    "best_segments": (
        Vary("some steps"),
        Vary("many steps", low=200, high=900),
        Vary("a square", low=36, high=36),
        Vary("a tie", low=6, high=6),
        Vary("eight steps", low=8, high=8),
        Vary("one step", low=1, high=1),
    ),
    "checkpointed_bptt": (
        Vary("values"),
        Vary("equal segments", T=8, B=2, D=5, H=3, segments=4),
        Vary("one segment", "shapes", T=5, segments=1),
        Vary("as many segments as steps", "shapes", T=4, segments=4),
        Vary("fewer segments fit", "shapes", T=9, segments=6),
        Vary("T=1", "shapes", T=1, segments=1),
        *batch_and_sizes(B=1, D=1, H=1),
        Vary("its memory counted", _COUNTED, T=20, segments=5, counting=True),
        Vary("more segments counted", _COUNTED, T=24, segments=12, counting=True),
    ),
    "amp_step": (
        Vary("clipped"),
        Vary("not clipped", N=3, max_norm=1e3),
        Vary("a small scale", N=4, scale=0.25),
        Vary("an overflow", N=6, scale=4096.0, overflow=2),
        Vary("float32", dtype=np.float32),
    ),
}
