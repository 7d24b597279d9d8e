"""What 05-vanishing-gradients asks for, and the inputs that it is tried on."""

from dataclasses import replace

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from autograder.exercise import load
from unrolled.task import Task

TITLE = "Vanishing and exploding gradients"

# Functions of notebooks 02 and 03 that the training builds on: no points here, but
# judged, so that a fault in one of them is not charged to it.
_EARLIER = {
    "02-recurrent-cell": ("rnn_step_forward", "rnn_forward", "cross_entropy"),
    "03-bptt": ("rnn_step_backward", "rnn_backward"),
}
_earlier = [(load(slug), name) for slug, names in _EARLIER.items() for name in names]
globals().update({name: exercise.draws[name] for exercise, name in _earlier})

_WEIGHTS = ("W_xh", "W_hh", "b_h", "W_hy")

TASKS = (
    *(replace(exercise.tasks[name], points={}) for exercise, name in _earlier),
    Task(  # given; wrong where an earlier function is, and then it can be stood in for
        "copy_loss",
        "The loss of a copy",
        args=("params", "ids", "targets", "mask"),
        returns=("loss", "grads"),
        keys={"grads": _WEIGHTS},
    ),
    Task(
        "step_jacobian",
        "Exercise 5.1",
        args=("h_t", "W_hh"),
        returns=("S_t",),
        points={"values": 3, "shapes": 1, "purity": 1},
        read="chapter 5, One number walks back",
        minutes=10,
        difficulty=2,
    ),
    Task(
        "jacobian_product",
        "Exercise 5.2",
        args=("hs", "W_hh"),
        returns=("J",),
        points={"values": 4, "shapes": 1, "purity": 1},
        uses=("step_jacobian",),
        read="chapter 5, One number walks back",
        minutes=20,
        difficulty=3,
    ),
    Task(
        "spectral_curves",
        "Exercise 5.3",
        args=("hs", "W_hh"),
        returns=("norms", "bounds"),
        points={"values": 4, "shapes": 1, "purity": 1},
        uses=("jacobian_product", "step_jacobian"),
        read="chapter 5, A bound, and when it is tight",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "sort_matrices",
        "Exercise 5.4",
        args=(),
        returns=("classes",),
        points={"values": 4},
        quiz=True,
        read="chapter 5, Necessary and sufficient",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "late_growth",
        "Exercise 5.5",
        args=("H", "growth"),
        returns=("W",),
        points={"values": 4},
        keys={
            "W": (
                "power_reaches_growth",
                "growth_from_norm_two",
                "growth_dies_out",
            )
        },
        measure="late_growth",
        read="chapter 5, Decay that grows first",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "orthogonal",
        "Exercise 5.6",
        args=("draws",),
        returns=("Q",),
        points={"values": 3, "shapes": 1, "purity": 1},
        read="chapter 5, Where to start",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "identity_init",
        "Exercise 5.7",
        args=("draws", "scale"),
        returns=("W_xh", "W_hh", "b_h"),
        points={"values": 2, "shapes": 1, "purity": 1},
        as_dict=True,
        read="chapter 5, Where to start",
        minutes=5,
        difficulty=1,
    ),
    Task(
        "adding_problem",
        "Exercise 5.8",
        args=("values", "first", "second"),
        returns=("xs", "target"),
        points={"values": 3, "shapes": 1, "purity": 1},
        over_time=("xs",),
        read="chapter 5, How far does it really reach?",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "copy_problem",
        "Exercise 5.9",
        args=("symbols", "lag", "V"),
        returns=("ids", "targets", "mask"),
        points={"values": 3, "shapes": 1, "purity": 1},
        over_time=("ids", "targets", "mask"),
        read="chapter 5, How far does it really reach?",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "bridged_lags",
        "Exercise 5.10",
        args=("lags", "errors", "threshold"),
        returns=("bridged",),
        points={"values": 3, "shapes": 1, "purity": 1},
        read="chapter 5, How far does it really reach?",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "train_copy",
        "Exercise 5.11",
        args=("params", "symbols", "lag", "lr"),
        returns=("new_params",),
        points={"values": 6, "purity": 1},
        keys={
            "new_params": (
                "fresh_symbols_copied",
                "weights_are_finite",
                "every_weight_trained",
                "loss_of_first_batch_fell",
                "more_than_one_batch_learned",
                "lag_is_that_of_the_task",
            )
        },
        uses=("copy_problem", "copy_loss", *(name for _, name in _earlier)),
        measure="trained_copy",
        trains=True,
        read="chapter 5, How far does it really reach?",
        minutes=25,
        difficulty=2,
    ),
)


def step_jacobian(rng, B=3, H=5):
    h_t = np.tanh(rng.normal(size=(B, H)))
    return {"h_t": h_t, "W_hh": rng.normal(size=(H, H)) * 0.6}


def jacobian_product(rng, T=5, B=3, H=4):
    hs = np.tanh(rng.normal(size=(T, B, H)))
    return {"hs": hs, "W_hh": rng.normal(size=(H, H)) * 0.9}


def spectral_curves(rng, T=6, B=3, H=4):
    return jacobian_product(rng, T, B, H)


def sort_matrices(rng):
    return {}


def late_growth(rng, H=5, growth=8.0):
    return {"H": H, "growth": growth}


def orthogonal(rng, H=5):
    return {"draws": rng.normal(size=(H, H))}


def identity_init(rng, D=3, H=5):
    return {"draws": rng.normal(size=(D, H)), "scale": float(rng.uniform(0.8, 0.99))}


def adding_problem(rng, T=7, B=4):
    half = T // 2
    first = rng.integers(half, size=B)
    second = half + rng.integers(T - half, size=B)
    if B > 1:  # one pair at the ends, one in the middle
        first[:2], second[:2] = (0, half - 1), (T - 1, half)
    return {"values": rng.random(size=(T, B)), "first": first, "second": second}


def copy_problem(rng, K=3, B=4, lag=5, V=6):
    return {"symbols": rng.integers(V, size=(K, B)), "lag": lag, "V": V}


def bridged_lags(rng, L=6, S=5):
    """Runs with a gap, with NaN, on the threshold, and without any success."""
    lags = np.cumsum(rng.integers(2, 6, size=L))
    errors = 0.2 + 0.7 * rng.random(size=(L, S))
    for s in range(S):
        errors[: rng.integers(L + 1), s] *= 0.1
    if S > 3 and L > 3:
        errors[:, 0] = 0.9
        errors[:2, 1], errors[2, 1], errors[3, 1] = 0.05, 0.9, 0.02
        errors[:2, 2], errors[2, 2], errors[3:, 2] = 0.05, 0.2, 0.9
        errors[0, 3], errors[1, 3], errors[2:, 3] = 0.05, np.nan, 0.9
    return {"lags": lags, "errors": errors, "threshold": 0.2}


def _weights(rng, H, V, W_hh):
    return {
        "W_xh": 0.3 * rng.normal(size=(V + 2, H)),
        "W_hh": W_hh,
        "b_h": np.zeros(H),
        "W_hy": 0.3 * rng.normal(size=(H, V)),
    }


def copy_loss(rng, T=5, B=3, H=4, V=6):
    return {
        "params": _weights(rng, H, V, rng.normal(size=(H, H))),
        "ids": rng.integers(V + 2, size=(T, B)),
        "targets": rng.integers(V, size=(T, B)),
        "mask": np.arange(T)[:, None] > 1 + np.arange(B) % 2,
    }


def train_copy(rng, N=300, K=3, B=6, H=24, V=5, lag=10):
    """`example` is what the network reads for one sequence, for those who measure."""
    W_hh = np.linalg.qr(rng.normal(size=(H, H)))[0]
    symbols = rng.integers(V, size=(N, K, B))
    blanks, cues = np.full(lag, V), np.full(K, V + 1)
    return {
        "params": _weights(rng, H, V, W_hh),
        "symbols": symbols,
        "lag": lag,
        "lr": 3e-3,
        "example": np.concatenate([symbols[0, :, 0], blanks, cues]),
    }


_STEP = (
    Vary("B=1", "shapes", B=1),
    Vary("H=1", "shapes", H=1),
    Vary("B=H=3", "shapes", B=3, H=3),
    Vary("strided input", "shapes", layout="strided"),
    Vary("float32", "purity", dtype=np.float32),
)

CASES = {
    "step_jacobian": (Vary("values"), Vary("another draw", B=4, H=3), *_STEP),
    "jacobian_product": (
        Vary("values"),
        Vary("another draw", T=3, B=2, H=5),
        *batch_and_sizes(T=1, B=1, H=1),
    ),
    "spectral_curves": (
        Vary("values"),
        Vary("another draw", T=4, B=2, H=5),
        *batch_and_sizes(T=1, B=1, H=1),
    ),
    "sort_matrices": (Vary("values"),),
    "late_growth": (
        Vary("values"),
        Vary("two units", H=2, growth=3.0),
        Vary("twelve units", H=12, growth=30.0),
    ),
    "orthogonal": (
        Vary("values"),
        Vary("another draw", H=4),
        Vary("H=1", "shapes", H=1),
        Vary("H=2", "shapes", H=2),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
    ),
    "identity_init": (
        Vary("values"),
        Vary("D=1", "shapes", D=1),
        Vary("H=1", "shapes", H=1),
        Vary("D=H=3", "shapes", D=3, H=3),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
    ),
    "adding_problem": (
        Vary("values"),
        Vary("another draw", T=9, B=3),
        Vary("T=2", "shapes", T=2),
        Vary("B=1", "shapes", B=1),
        Vary("T=B=4", "shapes", T=4, B=4),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
    ),
    "copy_problem": (
        Vary("values"),
        Vary("another draw", K=2, B=3, lag=4, V=5),
        Vary("lag=0", "shapes", lag=0),
        Vary("one symbol", "shapes", K=1),
        Vary("B=1", "shapes", B=1),
        Vary("K=B=lag=V=3", "shapes", K=3, B=3, lag=3, V=3),
    ),
    "bridged_lags": (
        Vary("values"),
        Vary("another draw", L=4, S=6),
        Vary("one lag", "shapes", L=1),
        Vary("one run", "shapes", S=1),
        Vary("as many runs as lags", "shapes", L=4, S=4),
    ),
    "copy_loss": (Vary("values"),),
    "train_copy": (Vary("values"),),
    **{name: exercise.varies[name] for exercise, name in _earlier},
}


def data(rng, reference):
    """Nine recurrent matrices, three of each class, in no order."""
    H = 4
    free = rng.normal(size=(5, H, H))
    Q = [np.linalg.qr(A)[0] for A in free[:3]]
    chain = np.triu(rng.uniform(0.5, 1.2, size=(H, H)), 1)
    matrices = [
        0.9 * Q[0],
        0.97 * free[3] / np.linalg.norm(free[3], 2),
        Q[1] @ np.diag([0.95, 0.8, 0.3, 0.1]) @ Q[2],
        0.7 * np.eye(H) + chain,
        Q[0].T @ (2 * np.eye(H, k=1) + 0.5 * np.eye(H)) @ Q[0],
        0.9 * free[4] / np.abs(np.linalg.eigvals(free[4])).max(),
        1.02 * Q[1],
        Q[2] @ np.diag([1.1, 0.2, 0.2, -0.4]) @ Q[2].T,
        1.3 * free[3] / np.abs(np.linalg.eigvals(free[3])).max(),
    ]
    return {"matrices": [matrices[i] for i in rng.permutation(len(matrices))]}
