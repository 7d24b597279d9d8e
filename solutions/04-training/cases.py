"""What 04-training asks for, and the inputs that it is tried on."""

from dataclasses import replace

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from autograder.exercise import load
from unrolled.task import Task

TITLE = "Training"

# Functions of notebooks 02 and 03 that this one builds on: no points here, but
# judged, so that a fault in one of them is not charged to those that call it.
_EARLIER = {
    "02-recurrent-cell": ("rnn_step_forward", "rnn_forward", "cross_entropy"),
    "03-bptt": ("rnn_step_backward", "rnn_backward"),
}
_earlier = [(load(slug), name) for slug, names in _EARLIER.items() for name in names]
globals().update({name: exercise.draws[name] for exercise, name in _earlier})

_PARAMETERS = ("W_xh", "W_hh", "b_h", "W_hy", "b_y")
_SHARED = ("dW_xh", "dW_hh", "db_h")

TASKS = (
    *(replace(exercise.tasks[name], points={}) for exercise, name in _earlier),
    Task(
        "sgd_step",
        "Exercise 4.1",
        args=("w", "dw", "lr"),
        returns=("w_new",),
        points={"values": 1, "purity": 1},
        read="chapter 4, Downhill",
        minutes=5,
        difficulty=1,
    ),
    Task(
        "momentum_step",
        "Exercise 4.2",
        args=("w", "dw", "m", "lr", "mu"),
        returns=("w_new", "m_new"),
        points={"values": 3, "purity": 1},
        read="chapter 4, Momentum",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "adam_step",
        "Exercise 4.3",
        args=("w", "dw", "m", "v", "n", "lr", "beta1", "beta2", "eps"),
        returns=("w_new", "m_new", "v_new"),
        points={"values": 5, "purity": 1},
        read="chapter 4, Adam",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "clip_global_norm",
        "Exercise 4.4",
        args=("grads", "c"),
        returns=("clipped", "norm"),
        points={"values": 3, "shapes": 1, "purity": 1},
        keys={"clipped": _SHARED},
        read="chapter 4, A gradient that is too long",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "stream_batches",
        "Exercise 4.5",
        args=("ids", "T", "B"),
        returns=("windows",),
        points={"values": 4, "shapes": 1, "purity": 1},
        read="chapter 4, A text as a stream",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "read_loaders",
        "Exercise 4.6",
        args=(),
        returns=("first",),
        points={"values": 3},
        quiz=True,
        read="chapter 4, A text as a stream",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "tbptt_window",
        "Exercise 4.7",
        args=("params", "ids", "h0", "k1"),
        returns=("loss", "grads", "h_next"),
        points={"values": 6, "shapes": 1, "purity": 1},
        keys={"grads": tuple(f"d{name}" for name in _PARAMETERS)},
        uses=tuple(name for _, name in _earlier),
        read="chapter 4, Walking back a little way",
        minutes=30,
        difficulty=3,
    ),
)


def sgd_step(rng, shape=(4, 3), lr=0.3):
    return {"w": rng.normal(size=shape), "dw": rng.normal(size=shape), "lr": lr}


def momentum_step(rng, shape=(4, 3), lr=0.3, mu=0.8):
    before = rng.normal(size=shape)
    return {**sgd_step(rng, shape, lr), "m": before, "mu": mu}


def adam_step(rng, shape=(4, 3), n=3, lr=0.3, beta2=0.99, eps=1e-8, small=1.0):
    """`small` scales the gradients: next to a large eps, its place can be seen."""
    m, v = small * rng.normal(size=shape), small**2 * rng.random(shape) * 2
    if n == 1:
        m, v = 0 * m, 0 * v
    step = sgd_step(rng, shape, lr)
    rates = {"beta1": 0.8, "beta2": beta2, "eps": eps}
    return {**step, "dw": small * step["dw"], "m": m, "v": v, "n": n, **rates}


def clip_global_norm(rng, D=3, H=4, gain=1.0, c=1.5):
    """Arrays of very different length; `gain` decides which side of c they are on."""
    grads = {
        "dW_xh": gain * rng.normal(size=(D, H)),
        "dW_hh": 3 * gain * rng.normal(size=(H, H)),
        "db_h": 0.2 * gain * rng.normal(size=H),
    }
    return {"grads": grads, "c": c}


def stream_batches(rng, N=47, T=4, B=3, V=29):
    return {"ids": rng.integers(V, size=N), "T": T, "B": B}


def read_loaders(rng):
    return {}


def tbptt_window(rng, T=6, B=3, H=4, V=7, k1=2):
    params = {
        "W_xh": rng.normal(size=(V, H)) * 0.6,
        "W_hh": rng.normal(size=(H, H)) * 0.6,
        "b_h": rng.normal(size=H) * 0.5,
        "W_hy": rng.normal(size=(H, V)) * 0.8,
        "b_y": rng.normal(size=V) * 0.5,
    }
    h0 = np.tanh(rng.normal(size=(B, H)))
    ids = rng.integers(V, size=(T + 1, B))
    return {"params": params, "ids": ids, "h0": h0, "k1": min(k1, T)}


_ARRAYS = (
    Vary("another shape", shape=(2, 3, 4)),
    Vary("shape (1,)", shape=(1,)),
    Vary("strided input", layout="strided"),
    Vary("float32", "purity", dtype=np.float32),
)

CASES = {
    **{name: exercise.varies[name] for exercise, name in _earlier},
    "sgd_step": (Vary("values"), *_ARRAYS),
    "momentum_step": (Vary("values"), Vary("other rates", lr=2.0, mu=0.3), *_ARRAYS),
    "adam_step": (
        Vary("values"),
        Vary("the first step", n=1),
        Vary("a late step", n=400),
        Vary("a large eps", eps=0.02, small=0.01),
        *_ARRAYS,
    ),
    "clip_global_norm": (
        Vary("values"),
        Vary("short enough", gain=0.05),
        Vary("all zero", gain=0.0),
        *batch_and_sizes(D=1, H=1),
    ),
    "stream_batches": (
        Vary("values"),
        Vary("another length", N=61, T=5, B=4),
        Vary("T=1", "shapes", T=1),
        Vary("B=1", "shapes", B=1),
        Vary("a text that comes out even", "shapes", N=39),
        Vary("one window", "shapes", N=17),
        Vary("strided input", "shapes", layout="strided"),
    ),
    "read_loaders": (Vary("values"),),
    "tbptt_window": (
        Vary("values"),
        Vary("k1 = k2", T=4, B=2, H=5, V=3, k1=4),
        *batch_and_sizes("V", T=1, B=1, H=1),
        Vary("k1=1", "shapes", k1=1),
    ),
}


def data(rng, reference):
    """Six loaders' windows over the text 0, 1, 2 ...; five of them break the stream."""
    T, B, windows = 5, 4, 9
    places = rng.permutation(windows - 3)[: len(_SLIPS)] + 2
    made = [
        slip(_rows(T * windows + 1, B), T, int(at))
        for slip, at in zip(_SLIPS, places, strict=True)
    ]
    return {"loaders": [made[i] for i in rng.permutation(len(made))]}


def _rows(rows, B):
    return np.arange(rows * B).reshape(B, rows).T


def _cut(columns, T, step):
    starts = range(0, len(columns) - T, step)
    return np.stack([columns[k : k + T + 1] for k in starts])


def _shuffled(columns, T, at):
    """From window `at` on in another order: backwards."""
    windows = _cut(columns, T, T)
    return np.concatenate([windows[:at], windows[at:][::-1]])


def _swapped(columns, T, at):
    """From window `at` on two columns have changed places."""
    windows = _cut(columns, T, T)
    windows[at:, :, [1, 2]] = windows[at:, :, [2, 1]]
    return windows


def _restarted(columns, T, at):
    """One column is at its end at window `at` and starts again from its beginning."""
    windows = _cut(columns, T, T)
    windows[at:, :, -1] = windows[: len(windows) - at, :, -1]
    return windows


_SLIPS = (
    lambda columns, T, at: _cut(columns, T, T),
    lambda columns, T, at: _cut(columns, T, T + 1),  # no overlap: a symbol is skipped
    # every B-th symbol: the windows follow each other, and none is a text
    lambda columns, T, at: _cut(np.sort(columns.ravel()).reshape(columns.shape), T, T),
    _shuffled,
    _swapped,
    _restarted,
)
