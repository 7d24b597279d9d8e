"""What 15-unsupervised asks for, and the inputs that it is tried on."""

from dataclasses import replace

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from autograder.exercise import load
from unrolled.task import Task

TITLE = "Learning without labels"

# Functions of earlier notebooks that the autoencoder is made of: no points here, but
# judged, so that a fault in one of them is not charged to it.
_EARLIER = {
    "02-recurrent-cell": ("rnn_step_forward", "rnn_forward", "mse"),
    "03-bptt": ("rnn_step_backward", "rnn_backward"),
    "04-training": ("adam_step",),
}
_earlier = [(load(slug), name) for slug, names in _EARLIER.items() for name in names]
globals().update({name: exercise.draws[name] for exercise, name in _earlier})

_WEIGHTS = ("W_xh", "W_hh", "b_h", "W_es", "W_ss", "b_s", "W_sy", "b_y")
_CELLS = ("rnn_step_forward", "rnn_forward", "rnn_step_backward", "rnn_backward")

TASKS = (
    *(replace(exercise.tasks[name], points={}) for exercise, name in _earlier),
    Task(
        "pretext",
        "Exercise 15.1",
        args=("xs", "noise", "goal"),
        returns=("reads", "tells"),
        points={"values": 3, "shapes": 1, "purity": 1},
        over_time=("reads", "tells"),
        read="chapter 15, A task out of nothing",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "autoencoder_loss",
        "Exercise 15.2",
        args=("params", "reads", "tells"),
        returns=("loss", "grads"),
        points={"values": 6, "shapes": 1, "purity": 1},
        keys={"grads": tuple(f"d{name}" for name in _WEIGHTS)},
        uses=(*_CELLS, "mse"),
        read="chapter 15, Through the bottleneck",
        minutes=30,
        difficulty=3,
    ),
    Task(
        "train_autoencoder",
        "Exercise 15.3",
        args=("params", "xs", "order", "lr"),
        returns=("new_params",),
        points={"values": 6, "purity": 1},
        keys={
            "new_params": (
                "fresh_digits_rebuilt",
                "weights_are_finite",
                "every_weight_trained",
                "loss_of_first_batch_fell",
                "more_than_one_batch_learned",
                "last_step_told_first",
                "code_says_which",
            )
        },
        uses=("pretext", "autoencoder_loss", "adam_step", "mse", *_CELLS),
        measure="trained_autoencoder",
        trains=True,
        read="chapter 15, Through the bottleneck",
        minutes=25,
        difficulty=2,
    ),
    Task(
        "pca_codes",
        "Exercise 15.4",
        args=("codes", "held", "K", "whiten"),
        returns=("points", "held_points", "axes"),
        points={"values": 4, "shapes": 1, "purity": 1},
        read="chapter 15, A map of the codes",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "kmeans_step",
        "Exercise 15.5",
        args=("points", "centres"),
        returns=("clusters", "moved", "inertia"),
        points={"values": 4, "shapes": 1, "purity": 1},
        read="chapter 15, Ten heaps",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "kmeans",
        "Exercise 15.6",
        args=("points", "starts", "rounds"),
        returns=("clusters", "centres", "inertia"),
        points={"values": 3, "shapes": 1, "purity": 1},
        uses=("kmeans_step",),
        read="chapter 15, Ten heaps",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "adjusted_rand",
        "Exercise 15.7",
        args=("labels", "clusters"),
        returns=("index",),
        points={"values": 4, "shapes": 1, "purity": 1},
        read="chapter 15, Do two groupings agree?",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "linear_probe",
        "Exercise 15.8",
        args=("codes", "labels", "held", "V", "strength"),
        returns=("said", "W", "b"),
        points={"values": 5, "shapes": 1, "purity": 1},
        read="chapter 15, Probes",
        minutes=25,
        difficulty=2,
    ),
    Task(
        "probe_over_time",
        "Exercise 15.9",
        args=("hs", "labels", "train", "V", "strength"),
        returns=("right",),
        points={"values": 3, "shapes": 1, "purity": 1},
        uses=("linear_probe",),
        over_time=("right",),
        read="chapter 15, What does the state know after row t?",
        minutes=15,
        difficulty=2,
    ),
)


def pretext(rng, T=5, B=3, D=4, goal="rebuild"):
    xs, noise = rng.normal(size=(2, T, B, D))
    return {"xs": xs, "noise": 0.3 * noise, "goal": goal}


def _weights(rng, D, H, S, V):
    shapes = {"W_xh": (D, H), "W_hh": (H, H), "W_es": (H, S), "W_ss": (S, S)}
    shapes["W_sy"] = (S, V)
    return {name: rng.normal(size=s) / s[0] ** 0.5 for name, s in shapes.items()}


def autoencoder_loss(rng, T=4, B=3, D=2, H=5, S=6, U=7, V=8):
    biases = {
        n: 0.5 * rng.normal(size=k) for n, k in zip("hsy", (H, S, V), strict=True)
    }
    params = _weights(rng, D, H, S, V) | {f"b_{n}": b for n, b in biases.items()}
    reads, tells = rng.normal(size=(T, B, D)), rng.normal(size=(U, B, V))
    return {"params": params, "reads": reads, "tells": tells}


def train_autoencoder(rng, N=500, B=24, n=400, H=24, S=24):
    """`fresh` are the digits that are to be rebuilt, for those who measure."""
    from unrolled.strokes import digits

    xs = digits("rows")[0]
    chosen = rng.permutation(xs.shape[1])[: n + 200]
    D = xs.shape[2]
    biases = {"b_h": np.zeros(H), "b_s": np.zeros(S), "b_y": np.zeros(D)}
    return {
        "params": _weights(rng, D, H, S, D) | biases,
        "xs": xs[:, chosen[:n]],
        "order": rng.integers(n, size=(N, B)),
        "lr": 0.01,
        "fresh": xs[:, chosen[n:]],
    }


def pca_codes(rng, N=9, M=5, H=6, K=3, whiten=False):
    """Two clouds of different centre and width."""
    turn = np.linalg.qr(rng.normal(size=(H, H)))[0]
    widths = 1.5 * 0.6 ** np.arange(H)
    codes = rng.normal(size=(N, H)) * widths @ turn + rng.normal(size=H)
    held = 1.4 * rng.normal(size=(M, H)) * widths[::-1] @ turn + rng.normal(size=H)
    return {"codes": codes, "held": held, "K": K, "whiten": whiten}


def kmeans_step(rng, N=14, H=3, K=4, empty=0):
    """`empty` so many centres are too far away to get a point."""
    points = rng.normal(size=(N, H))
    centres = points[rng.permutation(N)[:K]] + 0.3 * rng.normal(size=(K, H))
    if empty:
        centres[1 : 1 + empty] += 40
    return {"points": points, "centres": centres}


def kmeans(rng, N=70, H=3, R=4, K=5, rounds=3):
    """The best of three or more runs is clear, neither the first nor the last, and
    none of them has come to rest."""
    while True:
        points = rng.normal(size=(N, H)) * rng.uniform(0.5, 2, size=H)
        starts = points[np.array([rng.permutation(N)[:K] for _ in range(R)])]
        starts = starts + 0.1 * rng.normal(size=starts.shape)
        inertia, later = (
            np.array([_inertia(points, start, n) for start in starts])
            for n in (rounds, rounds + 1)
        )
        first, second = np.argsort(inertia)[:2] if R > 2 else (0, 0)
        clear = inertia[first] < 0.99 * inertia[second]
        moving = (later < 0.999 * inertia).all()
        if R < 3 or N < 10 or (clear and moving and 0 < first < R - 1):
            return {"points": points, "starts": starts, "rounds": rounds}


def _inertia(points, centres, rounds):
    near = None
    for _ in range(rounds + 1):
        if near is not None:
            centres = np.array(
                [points[near == k].mean(0) if (near == k).any() else c
                 for k, c in enumerate(centres)]
            )  # fmt: skip
        apart = ((points[:, None] - centres) ** 2).sum(-1)
        near = apart.argmin(1)
    return apart.min(1).sum()


def adjusted_rand(rng, N=23, L=4, C=6, kind="related"):
    """Groupings that agree in part; names with gaps, some below zero."""
    names = rng.permutation(np.arange(-5, 3 * (L + C)))
    labels = rng.integers(L, size=N)
    moved = rng.random(N) < 0.4
    clusters = np.where(moved, rng.integers(C, size=N), labels)
    if kind == "same":
        clusters = labels
    if kind == "one cluster":
        clusters = 0 * labels
    if kind == "one group":
        labels = clusters = 0 * labels
    if kind == "all alone":
        labels, clusters = rng.permutation(N), rng.permutation(N)
        names = np.arange(-3, N)
    return {"labels": names[labels], "clusters": names[::-1][clusters]}


def linear_probe(rng, N=15, M=9, H=4, V=3, strength=0.05, flat=False):
    """Classes that can be told apart in part; held-out codes from another place."""
    labels = rng.integers(V, size=N)
    middles = rng.normal(size=(V, H))
    widths = rng.uniform(0.3, 3, size=H)
    codes = middles[labels] + 0.8 * rng.normal(size=(N, H))
    held = middles[rng.integers(V, size=M)] + 1.2 * rng.normal(size=(M, H)) + 0.5
    codes, held = codes * widths + 2, held * widths + 2
    if flat:
        codes[:, 0] = held[:, 0] = 0.75
    return {
        "codes": codes, "labels": labels, "held": held, "V": V, "strength": strength
    }  # fmt: skip


def probe_over_time(rng, T=5, B=40, H=4, V=3, strength=0.05):
    labels = rng.integers(V, size=B)
    clear = np.linspace(0.2, 2, T)[:, None, None]
    middles = rng.normal(size=(T, V, H))
    hs = clear * middles[:, labels] + 0.9 * rng.normal(size=(T, B, H))
    train = (np.arange(B) % 5 < 3) & (np.arange(B) < B - 1)
    rng.shuffle(train)
    return {
        "hs": hs, "labels": labels, "train": train, "V": V, "strength": strength
    }  # fmt: skip


_STRIDED = Vary("strided input", "shapes", layout="strided")
_FLOAT32 = Vary("float32", "purity", dtype=np.float32)

CASES = {
    "pretext": (
        Vary("rebuild"),
        Vary("denoise", goal="denoise"),
        Vary("predict", goal="predict"),
        Vary("B=1", "shapes", B=1, goal="denoise"),
        Vary("two steps", "shapes", T=2, goal="predict"),
        Vary("all sizes 3", "shapes", T=3, B=3, D=3),
        Vary("strided input", "shapes", layout="strided", goal="denoise"),
        Vary("float32", "purity", dtype=np.float32, goal="denoise"),
    ),
    "autoencoder_loss": (
        Vary("values"),
        Vary("another draw", T=6, B=2, D=4, H=3, S=5, U=1, V=2),
        *batch_and_sizes("S", "U", T=1, B=1, D=1, H=1, V=1),
    ),
    "train_autoencoder": (Vary("values"),),
    "pca_codes": (
        Vary("values"),
        Vary("whitened", whiten=True),
        Vary("another draw", N=12, M=7, H=8, K=5, whiten=True),
        Vary("one held-out code", "shapes", M=1),
        Vary("H=1", "shapes", H=1, K=1),
        Vary("all sizes 4", "shapes", N=4, M=4, H=4, K=3),
        _STRIDED,
        Vary("float32", "purity", dtype=np.float32, whiten=True),
    ),
    "kmeans_step": (
        Vary("values"),
        Vary("empty clusters", empty=2),
        Vary("another draw", N=21, H=2, K=5),
        Vary("one point", "shapes", N=1, K=1),
        Vary("one cluster", "shapes", K=1),
        Vary("H=1", "shapes", H=1),
        Vary("all sizes 3", "shapes", N=3, H=3, K=3),
        _STRIDED,
        _FLOAT32,
    ),
    "kmeans": (
        Vary("values"),
        Vary("another draw", N=60, H=2, R=5, K=6, rounds=4),
        Vary("one run", "shapes", R=1),
        Vary("one cluster", "shapes", K=1, R=2),
        Vary("no rounds", "shapes", rounds=0),
        Vary("all sizes 3", "shapes", N=5, H=3, R=3, K=3, rounds=3),
        _STRIDED,
        _FLOAT32,
    ),
    "adjusted_rand": (
        Vary("values"),
        Vary("another draw", N=31, L=6, C=3),
        Vary("the same grouping", kind="same"),
        Vary("one cluster", kind="one cluster"),
        Vary("one group in both", "shapes", kind="one group"),
        Vary("all alone in both", "shapes", N=6, kind="all alone"),
        Vary("one point", "shapes", N=1),
        Vary("two points", "shapes", N=2),
        _STRIDED,
    ),
    "linear_probe": (
        Vary("values"),
        Vary("another draw", N=20, M=7, H=5, V=4, strength=0.3),
        Vary("a class that is absent", N=3, M=11, H=4, V=5),
        Vary("a flat entry", flat=True),
        Vary("one held-out code", "shapes", M=1),
        Vary("H=1", "shapes", H=1),
        Vary("more entries than codes", "shapes", N=4, H=7),
        _STRIDED,
        _FLOAT32,
    ),
    "probe_over_time": (
        Vary("values"),
        Vary("another draw", T=4, B=60, H=3, V=5),
        Vary("T=1", "shapes", T=1),
        Vary("H=1", "shapes", H=1),
        Vary("two sequences", "shapes", B=2),
        _STRIDED,
        _FLOAT32,
    ),
    **{name: exercise.varies[name] for exercise, name in _earlier},
}
