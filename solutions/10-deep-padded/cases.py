"""What 10-deep-padded asks for, and the inputs that it is tried on."""

from dataclasses import replace

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from autograder.exercise import load
from unrolled.task import Task

TITLE = "Deep, bidirectional, padded"

_lstm = load("06-lstm")
_cell = load("02-recurrent-cell")
EARLIER = ("stable_sigmoid", "lstm_step_forward", "lstm_forward", "lstm_step_backward")
stable_sigmoid = _lstm.draws["stable_sigmoid"]
lstm_step_forward = _lstm.draws["lstm_step_forward"]
lstm_forward = _lstm.draws["lstm_forward"]
lstm_step_backward = _lstm.draws["lstm_step_backward"]

_WEIGHTS = ("W_x", "W_h", "b")
_NORMED = ("x_t", "h_prev", "W_xh", "W_hh", "b_h", "gain")

TASKS = (
    *(replace(_lstm.tasks[name], points={}) for name in EARLIER),
    Task(
        "valid_mask",
        "Exercise 10.1",
        args=("lengths", "T"),
        returns=("mask",),
        points={"values": 1, "shapes": 1},
        read="chapter 10, The state stands still",
        minutes=5,
        difficulty=1,
    ),
    Task(
        "last_states",
        "Exercise 10.2",
        args=("hs", "lengths"),
        returns=("h_T",),
        points={"values": 2, "shapes": 1, "purity": 1},
        read="chapter 10, The state stands still",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "masked_step",
        "Exercise 10.3",
        args=("x_t", "h_prev", "c_prev", "mask_t", *_WEIGHTS),
        returns=("h_t", "c_t", "cache"),
        points={"values": 3, "shapes": 1, "purity": 1},
        uses=("lstm_step_forward", "stable_sigmoid"),
        read="chapter 10, The state stands still",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "masked_step_backward",
        "Exercise 10.4",
        args=("dh_t", "dc_next", "cache"),
        returns=("dx_t", "dh_prev", "dc_prev", "dW_x", "dW_h", "db"),
        points={"values": 4, "shapes": 1, "purity": 2},
        as_dict=True,
        before="masked_step",
        uses=("lstm_step_backward",),
        read="chapter 10, The gradient stands still, too",
        minutes=25,
        difficulty=2,
    ),
    Task(
        "birnn",
        "Exercise 10.5",
        args=("xs", "lengths", "ahead", "back"),
        returns=("hs", "h_T"),
        points={"values": 6, "shapes": 2, "purity": 1},
        uses=("valid_mask", "masked_step", "lstm_step_forward", "stable_sigmoid"),
        over_time=("hs",),
        read="chapter 10, From both ends",
        minutes=35,
        difficulty=3,
    ),
    Task(
        "pack",
        "Exercise 10.6",
        args=("xs", "lengths"),
        returns=("data", "batch_sizes", "order"),
        points={"values": 3, "shapes": 1, "purity": 1},
        read="chapter 10, Packed",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "unpack",
        "Exercise 10.7",
        args=("data", "batch_sizes", "order"),
        returns=("xs", "lengths"),
        points={"values": 3, "shapes": 1, "purity": 1},
        read="chapter 10, Packed",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "stack_forward",
        "Exercise 10.8",
        args=("xs", "layers", "h0", "c0", "drops"),
        returns=("hs", "h_T", "c_T"),
        points={"values": 4, "shapes": 1, "purity": 1},
        uses=("lstm_forward", "lstm_step_forward", "stable_sigmoid"),
        over_time=("hs",),
        read="chapter 10, Layers",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "dropout_forward",
        "Exercise 10.9",
        args=("xs", "h0", "c0", *_WEIGHTS, "drop_x", "drop_h"),
        returns=("hs", "cs"),
        points={"values": 3, "shapes": 1, "purity": 1},
        uses=("lstm_step_forward", "stable_sigmoid"),
        over_time=("hs", "cs"),
        read="chapter 10, Dropout, and where",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "norm_step_forward",
        "Exercise 10.10",
        args=_NORMED,
        returns=("h_t", "cache"),
        points={"values": 3, "shapes": 1, "purity": 1},
        read="chapter 10, Layer norm",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "norm_step_backward",
        "Exercise 10.11",
        args=("dh_t", "cache"),
        returns=("dx_t", "dh_prev", "dW_xh", "dW_hh", "db_h", "dgain"),
        points={"values": 5, "shapes": 1, "purity": 2},
        as_dict=True,
        before="norm_step_forward",
        read="chapter 10, Layer norm",
        minutes=35,
        difficulty=3,
    ),
)


def weights(rng, D, H):
    return {
        "W_x": rng.normal(size=(D, 4 * H)) * 0.6,
        "W_h": rng.normal(size=(H, 4 * H)) * 0.6,
        "b": rng.normal(size=4 * H) * 0.5,
    }


def lengths_of(rng, T, B, spare=0):
    """Unsorted, the fifth as long as the first; the longest leaves `spare` steps.

    The order of four or five is not its own inverse, so that the two differ.
    """
    T -= spare
    middle = int(rng.integers(2, T - 1)) if T > 3 else 1
    pattern = np.array([middle, T, 1, max(T - 1, 1)])
    return np.resize(pattern, B)


def valid_mask(rng, T=6, B=5, spare=0):
    return {"lengths": lengths_of(rng, T, B, spare), "T": T}


def last_states(rng, T=6, B=5, H=4, spare=0):
    lengths = lengths_of(rng, T, B, spare)
    return {"hs": rng.normal(size=(T, B, H)), "lengths": lengths}


def masked_step(rng, B=4, D=3, H=5, live=None, padding=None):
    """`live`: True or False for all; `padding`: what the dead inputs hold."""
    x_t, c_prev = rng.normal(size=(B, D)), rng.normal(size=(B, H))
    h_prev = np.tanh(rng.normal(size=(B, H)))
    mask_t = np.resize([True, False, False, True, True], B)
    mask_t = rng.permutation(mask_t) if live is None else np.full(B, live)
    if padding is not None:
        x_t[~mask_t] = padding
    states = {"x_t": x_t, "h_prev": h_prev, "c_prev": c_prev, "mask_t": mask_t}
    return {**states, **weights(rng, D, H)}


def masked_step_backward(rng, B=4, D=3, H=5, live=None):
    dh_t, dc_next = rng.normal(size=(2, B, H))
    return {**masked_step(rng, B, D, H, live), "dh_t": dh_t, "dc_next": dc_next}


def birnn(rng, T=6, B=5, D=3, H=4, spare=0, padding=None):
    xs, lengths = rng.normal(size=(T, B, D)), lengths_of(rng, T, B, spare)
    if padding is not None:
        xs[np.arange(T)[:, None] >= lengths] = padding
    ahead, back = weights(rng, D, H), weights(rng, D, H)
    return {"xs": xs, "lengths": lengths, "ahead": ahead, "back": back}


def pack(rng, T=6, B=5, D=3, spare=0):
    lengths = lengths_of(rng, T, B, spare)
    return {"xs": rng.normal(size=(T, B, D)), "lengths": lengths}


def unpack(rng, T=6, B=5, D=3):
    lengths = lengths_of(rng, T, B)
    order = np.argsort(-lengths, kind="stable")
    batch_sizes = np.array([(lengths > t).sum() for t in range(lengths.max())])
    data = rng.normal(size=(batch_sizes.sum(), D))
    return {"data": data, "batch_sizes": batch_sizes, "order": order}


def stack_forward(rng, T=6, B=3, D=4, H=5, L=3, p=0.5):
    layers = [weights(rng, D if n == 0 else H, H) for n in range(L)]
    h0, c0 = np.tanh(rng.normal(size=(L, B, H))), rng.normal(size=(L, B, H))
    kept = rng.random(size=(max(L - 1, 0), T, B, H)) >= p
    drops = kept / (1 - p)
    xs = rng.normal(size=(T, B, D))
    return {"xs": xs, "layers": layers, "h0": h0, "c0": c0, "drops": drops}


def dropout_forward(rng, T=6, B=3, D=4, H=5):
    inputs = _lstm.draws["lstm_forward"](rng, T, B, D, H)
    for name, n in (("drop_x", D), ("drop_h", H)):
        inputs[name] = (rng.random(size=(B, n)) < 0.6) / 0.6
        inputs[name][0, 0], inputs[name][-1, -1] = 1 / 0.6, 0.0
    return inputs


def norm_step_forward(rng, B=3, D=4, H=5):
    return {
        "x_t": rng.normal(size=(B, D)),
        "h_prev": np.tanh(rng.normal(size=(B, H))),
        "W_xh": rng.normal(size=(D, H)),
        "W_hh": rng.normal(size=(H, H)),
        "b_h": rng.normal(size=H) * 0.5,
        "gain": rng.uniform(0.4, 1.6, size=H),
    }


def norm_step_backward(rng, B=3, D=4, H=5):
    return {**norm_step_forward(rng, B, D, H), "dh_t": rng.normal(size=(B, H))}


_SHAPES = {"layout": "strided"}
CASES = {
    **{name: _lstm.varies[name] for name in EARLIER},
    "valid_mask": (
        Vary("values"),
        Vary("a table that is longer", T=7, B=4, spare=2),
        Vary("T=1", "shapes", T=1),
        Vary("B=1", "shapes", B=1),
        Vary("T=B=5", "shapes", T=5),
        Vary("strided lengths", "shapes", **_SHAPES),
    ),
    "last_states": (
        Vary("values"),
        Vary("a table that is longer", T=7, B=4, H=3, spare=2),
        *batch_and_sizes(T=1, B=1, H=1),
    ),
    "masked_step": (
        Vary("values"),
        Vary("another draw", B=5, D=4, H=2),
        Vary("NaN in the padding", "shapes", padding=np.nan),
        Vary("all there", "shapes", live=True),
        Vary("none there", "shapes", live=False),
        *batch_and_sizes(B=1, D=1, H=1),
        Vary("those that are there", "isolate", live=True),
        Vary("those that have ended", "isolate", live=False),
    ),
    "masked_step_backward": (
        Vary("values"),
        Vary("another draw", B=5, D=4, H=2),
        Vary("none there", "shapes", live=False),
        *batch_and_sizes(B=1, D=1, H=1),
        Vary("those that are there", "isolate", live=True),
        Vary("those that have ended", "isolate", live=False),
        Vary("what arrives at h_t", "isolate", zero=("dc_next",)),
        Vary("what is carried to c_t", "isolate", zero=("dh_t",)),
    ),
    "birnn": (
        Vary("values"),
        Vary("a table that is longer", T=7, B=4, D=5, H=2, spare=2),
        Vary("NaN in the padding", "shapes", padding=np.nan),
        *batch_and_sizes("D", T=1, B=1, H=1),
    ),
    "pack": (
        Vary("values"),
        Vary("a table that is longer", T=7, B=4, D=2, spare=2),
        *batch_and_sizes(T=1, B=1, D=1),
    ),
    "unpack": (
        Vary("values"),
        Vary("another draw", T=7, B=4, D=2),
        *batch_and_sizes(T=1, B=1, D=1),
    ),
    "stack_forward": (
        Vary("values"),
        Vary("two layers", T=4, B=2, D=5, H=3, L=2),
        Vary("no dropout", T=4, B=2, D=5, H=3, L=4, p=0.0),
        Vary("L=1", "shapes", L=1),
        *batch_and_sizes("D", T=1, B=1, H=1),
    ),
    "dropout_forward": (
        Vary("values"),
        Vary("another draw", T=4, B=2, D=5, H=3),
        *batch_and_sizes("D", T=1, B=1, H=1),
    ),
    "norm_step_forward": (
        Vary("values"),
        Vary("another draw", B=2, D=5, H=3),
        *batch_and_sizes(B=1, D=1, H=1),
    ),
    "norm_step_backward": (  # no H=1: there, all but db_h is rounding
        Vary("values"),
        Vary("another draw", B=2, D=5, H=3),
        *batch_and_sizes("H", B=1, D=1),
    ),
}
