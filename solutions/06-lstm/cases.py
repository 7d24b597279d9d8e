"""What 06-lstm asks for, and the inputs that it is tried on."""

from dataclasses import replace

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from autograder.exercise import load
from unrolled.task import Task

TITLE = "The LSTM"

# The functions of notebook 02 that this one builds on: no points here, but judged,
# so that a fault in one of them is not charged to the functions that call it.
_cell = load("02-recurrent-cell")
stable_sigmoid = _cell.draws["stable_sigmoid"]

STEP = ("x_t", "h_prev", "c_prev", "W_x", "W_h", "b")
SEQUENCE = ("xs", "h0", "c0", "W_x", "W_h", "b")

TASKS = (
    replace(_cell.tasks["stable_sigmoid"], points={}),
    Task(
        "lstm_step_forward",
        "Exercise 6.1",
        args=STEP,
        returns=("h_t", "c_t", "cache"),
        points={"values": 4, "shapes": 1, "purity": 1},
        uses=("stable_sigmoid",),
        read="chapter 6, The equations, all in one place",
        minutes=15,
        difficulty=1,
    ),
    Task(
        "lstm_forward",
        "Exercise 6.2",
        args=SEQUENCE,
        returns=("hs", "cs", "cache"),
        points={"values": 3, "shapes": 1, "purity": 1},
        uses=("lstm_step_forward", "stable_sigmoid"),
        over_time=("hs", "cs"),
        read="chapter 6, The equations, all in one place",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "lstm_step_backward",
        "Exercise 6.3",
        args=("dh_t", "dc_next", "cache"),
        returns=("dx_t", "dh_prev", "dc_prev", "dW_x", "dW_h", "db"),
        points={"values": 6, "shapes": 1, "purity": 2},
        as_dict=True,
        before="lstm_step_forward",
        read="chapter 6, One step backward, all paths",
        minutes=40,
        difficulty=3,
    ),
    Task(
        "lstm_backward",
        "Exercise 6.4",
        args=("dhs", "dc_T", "cache"),
        returns=("dxs", "dh0", "dc0", "dW_x", "dW_h", "db"),
        points={"values": 5, "shapes": 1, "purity": 2},
        as_dict=True,
        before="lstm_forward",
        uses=("lstm_step_backward",),
        over_time=("dxs",),
        read="chapter 6, Two gradients walk back",
        minutes=25,
        difficulty=2,
    ),
    Task(
        "cell_gradient_paths",
        "Exercise 6.5",
        args=SEQUENCE,
        returns=("direct", "total"),
        points={"values": 4, "shapes": 1, "purity": 1},
        uses=(
            "stable_sigmoid",
            "lstm_step_forward",
            "lstm_forward",
            "lstm_step_backward",
        ),
        over_time=("direct", "total"),
        read="chapter 6, The highway, measured",
        minutes=30,
        difficulty=3,
    ),
)


def weights(rng, D, H):
    return {
        "W_x": rng.normal(size=(D, 4 * H)) * 0.6,
        "W_h": rng.normal(size=(H, 4 * H)) * 0.6,
        "b": rng.normal(size=4 * H) * 0.5,
    }


def lstm_step_forward(rng, B=3, D=4, H=5, gain=1.0):
    x_t, c_prev = rng.normal(size=(B, D)), rng.normal(size=(B, H))
    h_prev = np.tanh(rng.normal(size=(B, H)))
    scaled = {name: gain * w for name, w in weights(rng, D, H).items()}
    return {"x_t": x_t, "h_prev": h_prev, "c_prev": c_prev, **scaled}


def lstm_forward(rng, T=6, B=3, D=4, H=5):
    xs, c0 = rng.normal(size=(T, B, D)), rng.normal(size=(B, H))
    h0 = np.tanh(rng.normal(size=(B, H)))
    return {"xs": xs, "h0": h0, "c0": c0, **weights(rng, D, H)}


def lstm_step_backward(rng, B=3, D=4, H=5):
    dh_t, dc_next = rng.normal(size=(2, B, H))
    return {**lstm_step_forward(rng, B, D, H), "dh_t": dh_t, "dc_next": dc_next}


def lstm_backward(rng, T=6, B=3, D=4, H=5, only=None):
    """`only`: the one step at which a gradient arrives; None for all steps."""
    inputs = lstm_forward(rng, T, B, D, H)
    dhs, dc_T = rng.normal(size=(T, B, H)), rng.normal(size=(B, H))
    if only is not None:
        dhs[np.arange(T) != only % T] = 0.0
    return {**inputs, "dhs": dhs, "dc_T": dc_T}


def cell_gradient_paths(rng, T=5, B=3, D=2, H=4):
    return lstm_forward(rng, T, B, D, H)


CASES = {
    "stable_sigmoid": _cell.varies["stable_sigmoid"],
    "lstm_step_forward": (
        Vary("values"),
        Vary("another draw", B=2, D=5, H=3),
        *batch_and_sizes(B=1, D=1, H=1),
        Vary("saturated gates", "shapes", gain=400.0),
    ),
    "lstm_forward": (
        Vary("values"),
        Vary("another draw", T=4, B=2, D=5, H=3),
        *batch_and_sizes("D", T=1, B=1, H=1),
    ),
    "lstm_step_backward": (
        Vary("values"),
        Vary("another draw", B=2, D=5, H=3),
        *batch_and_sizes(B=1, D=1, H=1),
        Vary("what arrives at h_t", "isolate", zero=("dc_next",)),
        Vary("what is carried to c_t", "isolate", zero=("dh_t",)),
    ),
    "lstm_backward": (
        Vary("values"),
        Vary("another draw", T=4, B=2, D=5, H=3),
        *batch_and_sizes("D", T=1, B=1, H=1),
        Vary("a gradient at the last hidden state", "isolate", ("dc_T",), only=-1),
        Vary("one at the first hidden state", "isolate", ("dc_T",), only=0),
        Vary("one at the last cell state", "isolate", ("dhs",)),
    ),
    "cell_gradient_paths": (
        Vary("values"),
        Vary("another draw", T=4, B=2, D=3, H=5),
        *batch_and_sizes("D", T=1, B=1, H=1),
    ),
}


def data(rng, reference):
    """Nothing: this notebook draws its own noise."""
    return {}
