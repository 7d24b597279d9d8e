"""What 03-bptt asks for, and the inputs that it is tried on."""

from dataclasses import replace

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from autograder.exercise import load
from unrolled.task import Task

TITLE = "Backpropagation through time"

# The functions of notebook 02 that this one builds on: no points here, but judged,
# so that a fault in one of them is not charged to the functions that call it.
_cell = load("02-recurrent-cell")
_EARLIER = ("rnn_step_forward", "rnn_forward", "cross_entropy")
rnn_step_forward, rnn_forward, cross_entropy = (_cell.draws[n] for n in _EARLIER)

_FORWARD = ("rnn_step_forward", "rnn_forward")
_BACKWARD = ("rnn_step_backward", "rnn_backward")
_SEQUENCE = ("xs", "h0", "W_xh", "W_hh", "b_h")
_PARAMETERS = ("W_xh", "W_hh", "b_h", "W_hy", "b_y")

TASKS = (
    *(replace(_cell.tasks[name], points={}) for name in _EARLIER),
    Task(
        "rnn_step_backward",
        "Exercise 3.1",
        args=("dh_t", "cache"),
        returns=("dx_t", "dh_prev", "dW_xh", "dW_hh", "db_h"),
        points={"values": 5, "shapes": 1, "purity": 2},
        as_dict=True,
        before="rnn_step_forward",
        read="chapter 3, One step backward, in full",
        minutes=25,
        difficulty=2,
    ),
    Task(
        "rnn_backward",
        "Exercise 3.2",
        args=("dhs", "cache"),
        returns=("dxs", "dh0", "dW_xh", "dW_hh", "db_h"),
        points={"values": 5, "shapes": 1, "purity": 2},
        as_dict=True,
        before="rnn_forward",
        uses=("rnn_step_backward",),
        over_time=("dxs",),
        read="chapter 3, Accumulate what is shared",
        minutes=30,
        difficulty=3,
    ),
    Task(
        "rnn_lm_loss",
        "Exercise 3.3",
        args=("params", "ids"),
        returns=("loss", "grads"),
        points={"values": 6, "shapes": 1, "purity": 1},
        keys={"grads": tuple(f"d{name}" for name in _PARAMETERS)},
        uses=(*_EARLIER, *_BACKWARD),
        read="chapter 3, A language model, end to end",
        minutes=25,
        difficulty=2,
    ),
    Task(
        "tangent_jacobian",
        "Exercise 3.4",
        args=_SEQUENCE,
        returns=("J",),
        points={"values": 3, "shapes": 1, "purity": 1},
        uses=_FORWARD,
        over_time=("J",),
        read="chapter 3, The other direction: forward mode",
        minutes=20,
        difficulty=3,
    ),
    Task(
        "reverse_jacobian",
        "Exercise 3.5",
        args=_SEQUENCE,
        returns=("J",),
        points={"values": 2, "shapes": 1, "purity": 1},
        uses=(*_FORWARD, *_BACKWARD),
        read="chapter 3, The other direction: forward mode",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "review_step",
        "Exercise 3.6",
        args=("params", "xs", "targets", "lr"),
        returns=("loss", "new_params"),
        points={"values": 6, "shapes": 1, "purity": 1},
        keys={"new_params": _PARAMETERS},
        read="chapter 3, The usual slips, and what they look like",
        minutes=40,
        difficulty=3,
    ),
)


def rnn_step_backward(rng, B=3, D=4, H=5):
    inputs = rnn_step_forward(rng, B, D, H)
    return {**inputs, "dh_t": rng.normal(size=(B, H))}


def rnn_backward(rng, T=6, B=3, D=4, H=5, only=None):
    """`only`: the one step at which a gradient arrives; None for all steps."""
    inputs = rnn_forward(rng, T, B, D, H)
    dhs = rng.normal(size=(T, B, H))
    if only is not None:
        dhs[np.arange(T) != only % T] = 0.0
    return {**inputs, "dhs": dhs}


def parameters(rng, D, H, V):
    return {
        "W_xh": rng.normal(size=(D, H)) * 0.6,
        "W_hh": rng.normal(size=(H, H)) * 0.6,
        "b_h": rng.normal(size=H) * 0.5,
        "W_hy": rng.normal(size=(H, V)) * 0.8,
        "b_y": rng.normal(size=V) * 0.5,
    }


def rnn_lm_loss(rng, T=6, B=3, H=4, V=7):
    ids = rng.integers(V, size=(T + 1, B))
    ids[-1] = (ids[0] + 1) % V  # a text that closes on itself hides a missing shift
    return {"params": parameters(rng, V, H, V), "ids": ids}


def tangent_jacobian(rng, T=5, B=3, D=2, H=4):
    return rnn_forward(rng, T, B, D, H)


def reverse_jacobian(rng, T=5, B=3, D=2, H=4):
    return rnn_forward(rng, T, B, D, H)


def review_step(rng, T=4, B=3, D=2, H=5, V=6):
    """Small: 63 ways to leave mistakes in are stored for every value case."""
    return {
        "params": parameters(rng, D, H, V),
        "xs": rng.normal(size=(T, B, D)),
        "targets": rng.normal(size=(T, B, V)),
        "lr": 0.1,
    }


CASES = {
    **{name: _cell.varies[name] for name in _EARLIER},
    "rnn_step_backward": (
        Vary("values"),
        Vary("another draw", B=2, D=5, H=3),
        *batch_and_sizes(B=1, D=1, H=1),
    ),
    "rnn_backward": (
        Vary("values"),
        Vary("another draw", T=4, B=2, D=5, H=3),
        *batch_and_sizes("D", T=1, B=1, H=1),
        Vary("a gradient that arrives at the last step", "isolate", only=-1),
        Vary("one that arrives at step 0", "isolate", only=0),
    ),
    "rnn_lm_loss": (
        Vary("values"),
        Vary("another draw", T=4, B=2, H=5, V=3),
        *batch_and_sizes("V", T=1, B=1, H=1),
    ),
    "tangent_jacobian": (
        Vary("values"),
        Vary("another draw", T=3, B=2, D=4, H=5),
        *batch_and_sizes("D", T=1, B=1, H=1),
    ),
    "reverse_jacobian": (
        Vary("values"),
        Vary("another draw", T=3, B=2, D=4, H=5),
        *batch_and_sizes("D", T=1, B=1, H=1),
    ),
    "review_step": (
        Vary("values"),
        *batch_and_sizes("D", "V", T=1, B=1, H=1),
    ),
}


def data(rng, reference):
    """Nothing: this notebook brings its own small text."""
    return {}
