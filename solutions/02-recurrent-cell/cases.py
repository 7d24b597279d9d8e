"""What 02-recurrent-cell asks for, and the inputs that it is tried on."""

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from unrolled.task import Task

TITLE = "The recurrent cell"

STEP = ("x_t", "h_prev", "W_xh", "W_hh", "b_h")
SEQUENCE = ("xs", "h0", "W_xh", "W_hh", "b_h")

TASKS = (
    Task(
        "rnn_step_forward",
        "Exercise 2.1",
        args=STEP,
        returns=("h_t", "cache"),
        points={"values": 3, "shapes": 1, "purity": 1},
        read="chapter 2, The equation of the cell",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "rnn_forward",
        "Exercise 2.2",
        args=SEQUENCE,
        returns=("hs", "cache"),
        points={"values": 4, "shapes": 1, "purity": 1},
        uses=("rnn_step_forward",),
        over_time=("hs",),
        read="chapter 2, One cell, many steps",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "stable_sigmoid",
        "Exercise 2.3",
        args=("a",),
        returns=("s",),
        points={"values": 2, "shapes": 1, "purity": 1},
        read="chapter 2, The sigmoid, without overflow",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "cross_entropy",
        "Exercise 2.4",
        args=("logits", "targets", "mask"),
        returns=("loss", "dlogits"),
        points={"values": 4, "shapes": 1, "purity": 1},
        over_time=("dlogits",),
        read="chapter 2, Cross-entropy",
        minutes=25,
        difficulty=3,
    ),
    Task(
        "mse",
        "Exercise 2.5",
        args=("pred", "target"),
        returns=("loss", "dpred"),
        points={"values": 2, "shapes": 1, "purity": 1},
        read="chapter 2, Mean squared error",
        minutes=5,
        difficulty=1,
    ),
    Task(
        "read_traces",
        "Exercise 2.6",
        args=(),
        returns=("steps",),
        points={"values": 3},
        uses=("rnn_step_forward",),
        quiz=True,
        read="chapter 2, Reading a trace",
        minutes=15,
        difficulty=2,
    ),
)


def parameters(rng, D, H):
    return {
        "W_xh": rng.normal(size=(D, H)) * 0.6,
        "W_hh": rng.normal(size=(H, H)) * 0.6,
        "b_h": rng.normal(size=H) * 0.5,
    }


def rnn_step_forward(rng, B=3, D=4, H=5, gain=1.0):
    x_t, h_prev = rng.normal(size=(B, D)), np.tanh(rng.normal(size=(B, H)))
    weights = {k: gain * v for k, v in parameters(rng, D, H).items()}
    return {"x_t": x_t, "h_prev": h_prev, **weights}


def rnn_forward(rng, T=6, B=3, D=4, H=5, gain=1.0):
    xs, h0 = rng.normal(size=(T, B, D)), np.tanh(rng.normal(size=(B, H)))
    weights = {k: gain * v for k, v in parameters(rng, D, H).items()}
    return {"xs": xs, "h0": h0, **weights}


def stable_sigmoid(rng, shape=(3, 5), gain=1.0):
    return {"a": gain * rng.normal(size=shape)}


def cross_entropy(rng, T=4, B=3, V=5, gain=1.0, masked=True):
    mask = rng.random((T, B)) < 0.6 if masked else np.ones((T, B), bool)
    mask[rng.integers(T), rng.integers(B)] = True  # at least one position counts
    if masked and mask.all():
        mask[0, 0] = mask.size == 1  # and at least one does not, if there are two
    return {
        "logits": gain * rng.normal(size=(T, B, V)),
        "targets": rng.integers(V, size=(T, B)),
        "mask": mask,
    }


def mse(rng, shape=(4, 3, 2)):
    return {"pred": rng.normal(size=shape), "target": rng.normal(size=shape)}


def read_traces(rng):
    return {}


CASES = {
    "rnn_step_forward": (
        Vary("values"),
        Vary("saturated", gain=400.0),
        *batch_and_sizes(B=1, D=1, H=1),
        Vary("x_t alone", "isolate", zero=("h_prev", "b_h")),
        Vary("h_prev alone", "isolate", zero=("x_t", "b_h")),
        Vary("b_h alone", "isolate", zero=("x_t", "h_prev")),
    ),
    "rnn_forward": (
        Vary("values"),
        Vary("another draw", T=3, B=6, D=5, H=4),
        *batch_and_sizes("D", T=1, B=1, H=1),
    ),
    "stable_sigmoid": (
        Vary("values"),
        Vary("large inputs", gain=900.0),
        Vary("shape (2, 3, 4)", "shapes", shape=(2, 3, 4)),
        Vary("shape (1,)", "shapes", shape=(1,)),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
    ),
    "cross_entropy": (
        Vary("values"),
        Vary("large logits", gain=900.0),
        *batch_and_sizes("V", T=1, B=1),
        Vary("a mask that lets all through", "shapes", masked=False),
    ),
    "mse": (
        Vary("values"),
        Vary("shape (1, 1, 1)", "shapes", shape=(1, 1, 1)),
        Vary("shape (6,)", "shapes", shape=(6,)),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
    ),
    "read_traces": (Vary("values"),),
}


def data(rng, reference):
    """Six recordings, five of which slip at one step; computed, not stored."""
    T, B, D, H = 9, 2, 3, 4
    traces = []
    for slip, at in zip(_SLIPS, rng.permutation(T - 2)[: len(_SLIPS)] + 1, strict=True):
        trace = rnn_forward(rng, T, B, D, H)
        traces.append({**trace, "hs": _recorded(trace, slip, at, reference)})
    return {"traces": [traces[i] for i in rng.permutation(len(traces))]}


def _recorded(trace, slip, at, reference):
    h_t, states = trace["h0"], []
    weights = {k: trace[k] for k in ("W_xh", "W_hh", "b_h")}
    for t, x_t in enumerate(trace["xs"]):
        changed = {"x_t": x_t, "h_prev": h_t, **weights}
        if t == at:
            changed = slip(changed, states, trace)
        linear = changed.pop("linear", False)
        h_t, _ = reference["rnn_step_forward"](*(changed[k] for k in STEP))
        h_t = np.arctanh(h_t) if linear else h_t
        states.append(h_t)
    return np.stack(states)


_SLIPS = (
    lambda step, states, trace: step,
    lambda step, states, trace: {**step, "b_h": 0 * step["b_h"]},
    lambda step, states, trace: {**step, "W_hh": step["W_hh"].T},
    lambda step, states, trace: {**step, "linear": True},
    lambda step, states, trace: {**step, "h_prev": trace["h0"] - 0.3},
    lambda step, states, trace: {**step, "x_t": step["x_t"][::-1]},
)
