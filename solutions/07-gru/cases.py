"""What 07-gru asks for, and the inputs that it is tried on."""

from dataclasses import replace

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from autograder.exercise import load
from unrolled.task import Task

TITLE = "The GRU"

_cell = load("02-recurrent-cell")
stable_sigmoid = _cell.draws["stable_sigmoid"]

_WEIGHTS = ("W_x", "W_h", "b_x", "b_h")
_GRADS = ("dW_x", "dW_h", "db_x", "db_h")

TASKS = (
    replace(_cell.tasks["stable_sigmoid"], points={}),
    Task(
        "gru_step_forward",
        "Exercise 7.1",
        args=("x_t", "h_prev", *_WEIGHTS, "reset"),
        returns=("h_t", "cache"),
        points={"values": 4, "shapes": 1, "purity": 1},
        uses=("stable_sigmoid",),
        read="chapter 7, One state, two gates",
        minutes=25,
        difficulty=2,
    ),
    Task(
        "gru_forward",
        "Exercise 7.2",
        args=("xs", "h0", *_WEIGHTS, "reset"),
        returns=("hs", "cache"),
        points={"values": 2, "shapes": 1, "purity": 1},
        uses=("gru_step_forward", "stable_sigmoid"),
        over_time=("hs",),
        read="chapter 7, One state, two gates",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "gru_gate_gradients",
        "Exercise 7.3",
        args=("dh_t", "cache"),
        returns=("da_r", "da_z", "da_n"),
        points={"values": 5, "shapes": 1, "purity": 2},
        as_dict=True,
        before="gru_step_forward",
        read="chapter 7, Back to the three sums",
        minutes=35,
        difficulty=3,
    ),
    Task(
        "gru_paths",
        "Exercise 7.4",
        args=("dh_t", "cache"),
        returns=("skip", "update", "reset", "candidate"),
        points={"values": 4, "shapes": 1, "purity": 1},
        as_dict=True,
        before="gru_step_forward",
        uses=("gru_gate_gradients",),
        read="chapter 7, Four paths to the old state",
        minutes=20,
        difficulty=3,
    ),
    Task(
        "gru_step_backward",
        "Exercise 7.5",
        args=("dh_t", "cache"),
        returns=("dx_t", "dh_prev", *_GRADS),
        points={"values": 6, "shapes": 1, "purity": 2},
        as_dict=True,
        before="gru_step_forward",
        uses=("gru_gate_gradients", "gru_paths"),
        read="chapter 7, The weights, and the bias that is not like the other",
        minutes=25,
        difficulty=2,
    ),
    Task(
        "gru_backward",
        "Exercise 7.6",
        args=("dhs", "cache"),
        returns=("dxs", "dh0", *_GRADS),
        points={"values": 5, "shapes": 1, "purity": 2},
        as_dict=True,
        before="gru_forward",
        uses=("gru_step_backward", "gru_paths", "gru_gate_gradients"),
        over_time=("dxs",),
        read="chapter 7, Over many steps",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "can_be_rewritten",
        "Exercise 7.7",
        args=(),
        returns=("classes",),
        points={"values": 4},
        uses=("gru_forward", "gru_step_forward", "stable_sigmoid"),
        quiz=True,
        read="chapter 7, When one can be rewritten as the other",
        minutes=30,
        difficulty=3,
    ),
    Task(
        "from_elsewhere",
        "Exercise 7.8",
        args=("kernel", "recurrent", "bias", "order", "z_keeps"),
        returns=_WEIGHTS,
        points={"values": 4, "shapes": 1, "purity": 1},
        as_dict=True,
        read="chapter 7, Weights from elsewhere",
        minutes=15,
        difficulty=2,
    ),
)


def parameters(rng, D, H):
    return {
        "W_x": rng.normal(size=(D, 3 * H)) * 0.6,
        "W_h": rng.normal(size=(H, 3 * H)) * 0.6,
        "b_x": rng.normal(size=3 * H) * 0.5,
        "b_h": rng.normal(size=3 * H) * 0.5,
    }


def gru_step_forward(rng, B=3, D=4, H=5, gain=1.0, reset="after"):
    x_t, h_prev = rng.normal(size=(B, D)), np.tanh(rng.normal(size=(B, H)))
    weights = {k: gain * v for k, v in parameters(rng, D, H).items()}
    return {"x_t": x_t, "h_prev": h_prev, **weights, "reset": reset}


def gru_forward(rng, T=6, B=3, D=4, H=5, reset="after"):
    xs, h0 = rng.normal(size=(T, B, D)), np.tanh(rng.normal(size=(B, H)))
    return {"xs": xs, "h0": h0, **parameters(rng, D, H), "reset": reset}


def gru_gate_gradients(rng, B=3, D=4, H=5, reset="after", only=""):
    """`only`: the one path on which anything can reach h_prev, besides the skip."""
    inputs = gru_step_forward(rng, B, D, H, reset=reset)
    if only:
        open_to = {"skip": "", "update": "z", "reset": "r", "candidate": "n"}[only]
        for k, block in enumerate("rzn"):
            if block != open_to:
                inputs["W_h"][:, k * H : (k + 1) * H] = 0.0
    return {**inputs, "dh_t": rng.normal(size=(B, H))}


gru_paths = gru_step_backward = gru_gate_gradients


def gru_backward(rng, T=6, B=3, D=4, H=5, reset="after", only=None):
    """`only`: the one step at which a gradient arrives; None for all steps."""
    inputs = gru_forward(rng, T, B, D, H, reset)
    dhs = rng.normal(size=(T, B, H))
    if only is not None:
        dhs[np.arange(T) != only % T] = 0.0
    return {**inputs, "dhs": dhs}


def can_be_rewritten(rng):
    return {}


def from_elsewhere(rng, D=4, H=5, rows=2, order="zrn", z_keeps=True):
    bias = rng.normal(size=(rows, 3 * H))
    return {
        "kernel": rng.normal(size=(D, 3 * H)),
        "recurrent": rng.normal(size=(H, 3 * H)),
        "bias": bias if rows == 2 else bias[0],
        "order": order,
        "z_keeps": z_keeps,
    }


_STEP = (
    *batch_and_sizes(B=1, D=1, H=1),
    Vary("reset before, B=1", "shapes", B=1, reset="before"),
    Vary("reset before, H=1", "shapes", H=1, reset="before"),
    Vary("reset before, all sizes 3", "shapes", B=3, D=3, H=3, reset="before"),
    Vary("float32, reset before", "purity", dtype=np.float32, reset="before"),
)
_TIME = (
    *batch_and_sizes("D", T=1, B=1, H=1),
    Vary("reset before, T=1", "shapes", T=1, reset="before"),
    Vary("float32, reset before", "purity", dtype=np.float32, reset="before"),
)
_BEFORE = Vary("reset before", B=4, D=5, H=3, reset="before")

CASES = {
    "stable_sigmoid": _cell.varies["stable_sigmoid"],
    "gru_step_forward": (
        Vary("values"),
        _BEFORE,
        Vary("saturated", gain=400.0),
        Vary('reset="during"', "shapes", raises="ValueError", reset="during"),
        *_STEP,
        Vary("x_t alone", "isolate", zero=("h_prev", "b_x", "b_h")),
        Vary("h_prev alone", "isolate", zero=("x_t", "b_x", "b_h")),
        Vary("b_x alone", "isolate", zero=("x_t", "h_prev", "b_h")),
        Vary("b_h alone", "isolate", zero=("x_t", "h_prev", "b_x")),
    ),
    "gru_forward": (
        Vary("values"),
        Vary("reset before", T=4, B=2, D=5, H=3, reset="before"),
        *_TIME,
    ),
    "gru_gate_gradients": (Vary("values"), _BEFORE, *_STEP),
    "gru_paths": (Vary("values"), _BEFORE, *_STEP),
    "gru_step_backward": (
        Vary("values"),
        _BEFORE,
        *_STEP,
        Vary("the skip path", "isolate", only="skip"),
        Vary("the path through the update gate", "isolate", only="update"),
        Vary("the path through the reset gate", "isolate", only="reset"),
        Vary("the path through the candidate", "isolate", only="candidate"),
    ),
    "gru_backward": (
        Vary("values"),
        Vary("reset before", T=4, B=2, D=5, H=3, reset="before"),
        *_TIME,
        Vary("a gradient that arrives at the last step", "isolate", only=-1),
        Vary("one that arrives at step 0", "isolate", only=0),
    ),
    "can_be_rewritten": (Vary("values"),),
    "from_elsewhere": (
        Vary("values"),
        Vary("one bias", D=3, H=4, rows=1),
        Vary("a z that overwrites", D=2, H=3, order="rzn", z_keeps=False),
        Vary("another order, z overwrites", D=5, H=2, order="nrz", z_keeps=False),
        Vary("D=1", "shapes", D=1),
        Vary("H=1", "shapes", H=1),
        Vary("D=H=3", "shapes", D=3, H=3),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
        Vary("float32, one bias", "purity", dtype=np.float32, rows=1),
    ),
}


# ------------------------------------------------------------------- nine cells


def data(rng, reference):
    """Nine cells, three of each class, in no order."""
    never = (_generic, _biased, _mixed)
    as_it_is = (_diagonal, _common, _blocks)
    changed = (_stuck, _single, _shift)
    made = [make(rng) for make in (*never, *as_it_is, *changed)]
    return {"cells": [made[i] for i in rng.permutation(len(made))]}


def _cell_of(rng, reset, W_hn, b_hn, D=3, H=4):
    """Random gates; the recurrent part of the candidate as given."""
    cell = {**parameters(rng, D, H), "reset": reset}
    cell["W_h"][:, 2 * H :] = W_hn
    cell["b_h"][2 * H :] = b_hn
    return cell


def _share(cell, units, H=4):
    """Give the reset gate of the first of `units` to all of them."""
    for name in _WEIGHTS:
        cell[name][..., units] = cell[name][..., units[:1]]
    return cell


def _generic(rng):
    return _cell_of(rng, "after", rng.normal(size=(4, 4)), np.zeros(4))


def _biased(rng):
    return _cell_of(rng, "after", np.diag(rng.normal(size=4)), rng.normal(size=4))


def _mixed(rng):
    """Each unit is heard by one other, but unit 0 listens to two."""
    W_hn = np.zeros((4, 4))
    W_hn[range(4), [0, 0, 1, 2]] = rng.uniform(0.5, 1.5, size=4)
    return _cell_of(rng, "before", W_hn, rng.normal(size=4))


def _diagonal(rng):
    return _cell_of(rng, "after", np.diag(rng.normal(size=4)), np.zeros(4))


def _common(rng):
    cell = _cell_of(rng, "before", rng.normal(size=(4, 4)), np.zeros(4))
    return _share(cell, [0, 1, 2, 3])


def _blocks(rng):
    """Two pairs of units; each pair has its gate and listens to itself only."""
    W_hn = rng.normal(size=(4, 4)) * np.kron(np.eye(2), np.ones((2, 2)))
    cell = _cell_of(rng, "after", W_hn[[0, 2, 1, 3]][:, [0, 2, 1, 3]], np.zeros(4))
    return _share(_share(cell, [0, 2]), [1, 3])


def _stuck(rng):
    """Reset gates that are constants, a different one for each unit."""
    cell = _cell_of(rng, "after", rng.normal(size=(4, 4)), rng.normal(size=4))
    cell["W_x"][:, :4] = cell["W_h"][:, :4] = 0.0
    return cell


def _single(rng):
    """Each unit listens to one other, and unit 0 is heard by two."""
    W_hn = np.zeros((4, 4))
    W_hn[[0, 0, 1, 2], range(4)] = rng.uniform(0.5, 1.5, size=4)
    return _cell_of(rng, "before", W_hn, np.zeros(4))


def _shift(rng):
    return _cell_of(rng, "before", np.diag(rng.normal(size=4)), rng.normal(size=4))
