"""What 08-looking-inside asks for, and the inputs that it is tried on."""

import numpy as np

from autograder.cases import Vary
from unrolled.task import Task

TITLE = "Looking inside"

TASKS = (
    Task(
        "gate_stats",
        "Exercise 8.1",
        args=("gates", "edge"),
        returns=("low", "high"),
        points={"values": 2, "shapes": 1, "purity": 1},
        read="chapter 8, Gates that are stuck",
        minutes=10,
        difficulty=1,
    ),
    Task(
        "memory_half_life",
        "Exercise 8.2",
        args=("f",),
        returns=("half_life",),
        points={"values": 3, "shapes": 1, "purity": 1},
        read="chapter 8, How long a cell keeps",
        minutes=10,
        difficulty=2,
    ),
    Task(
        "gradient_flow",
        "Exercise 8.3",
        args=("dhs", "share"),
        returns=("norms", "reach"),
        points={"values": 3, "shapes": 1, "purity": 1},
        over_time=("norms",),
        read="chapter 8, The gradient, step by step and day by day",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "unit_contrast",
        "Exercise 8.4",
        args=("hs", "mask"),
        returns=("contrast",),
        points={"values": 3, "shapes": 1, "purity": 1},
        read="chapter 8, A unit that knows something",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "pca_states",
        "Exercise 8.5",
        args=("hs", "K"),
        returns=("points", "axes", "shares"),
        points={"values": 5, "shapes": 1, "purity": 1},
        over_time=("points",),
        read="chapter 8, The best side",
        minutes=25,
        difficulty=3,
    ),
    Task(
        "linearise",
        "Exercise 8.6",
        args=("h", "W_hh", "b_h"),
        returns=("J", "moduli"),
        points={"values": 4, "shapes": 1, "purity": 1},
        read="chapter 8, A small push",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "fixed_points",
        "Exercise 8.7",
        args=("starts", "W_hh", "b_h"),
        returns=("fixed",),
        points={"values": 5, "shapes": 1, "purity": 1},
        uses=("linearise",),
        read="chapter 8, Where the states come to rest",
        minutes=25,
        difficulty=3,
    ),
    Task(
        "read_portraits",
        "Exercise 8.8",
        args=(),
        returns=("kinds",),
        points={"values": 4},
        quiz=True,
        read="chapter 8, A small push",
        minutes=15,
        difficulty=2,
    ),
)


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gate_stats(rng, T=7, B=3, H=5):
    a = 2 * rng.normal(size=H) + 2.5 * rng.normal(size=(T, B, H))
    return {"gates": _sigmoid(a), "edge": float(rng.uniform(0.15, 0.25))}


def memory_half_life(rng, T=6, B=3, H=5):
    a = rng.uniform(0, 3, size=H) + 1.5 * rng.normal(size=(T, B, H))
    return {"f": _sigmoid(a)}


def gradient_flow(rng, T=9, B=3, H=5):
    """A gradient that fades, with a gap, a rise, and a last step that is not the
    largest; each part where there are steps enough for it."""
    share = 0.3
    back = np.arange(T)[::-1]
    size = np.exp(-0.05 * back)
    if T > 8:
        size[-4:-1] = (
            0.4,
            0.7,
            1.6,
        )  # above share of the last, below that of the largest
        gap = T - 1 - int(rng.integers(5, T - 2))
        size[gap] = 0.1
        size[:gap] = np.linspace(3.0, 0.9, gap)
    dhs = rng.normal(size=(T, B, H)) * rng.uniform(0.5, 2, size=(1, B, 1))
    flat = np.sqrt((dhs**2).sum(axis=-1)).mean(axis=-1)
    return {"dhs": dhs * (0.6 * size / flat)[:, None, None], "share": share}


def unit_contrast(rng, T=8, B=3, H=5):
    hs = rng.normal(size=(T, B, H)) * rng.uniform(0.4, 1.5, size=H)
    mask = rng.random((T, B)) < 0.4
    flat = mask.reshape(-1)
    flat[rng.permutation(flat.size)[:4]] = [True, True, False, False]
    hs[mask] = 0.6 * hs[mask] + rng.normal(size=H)
    return {"hs": hs, "mask": mask}


def pca_states(rng, T=6, B=4, H=5, K=3):
    turn = np.linalg.qr(rng.normal(size=(H, H)))[0]
    widths = 1.5 * 0.6 ** np.arange(H)
    cloud = rng.normal(size=(T, B, H)) * widths
    return {"hs": cloud @ turn + rng.normal(size=H), "K": K}


def linearise(rng, H=5):
    W_hh = 1.3 * rng.normal(size=(H, H)) / np.sqrt(H)
    return {
        "h": np.tanh(rng.normal(size=H)),
        "W_hh": W_hh,
        "b_h": 0.5 * rng.normal(size=H),
    }


def fixed_points(rng, N=3, H=5):
    """A cell with N fixed points or more, well apart from any bifurcation, of which
    the first is not stable; each start is near one of them."""
    while True:
        W_hh = 2.2 * rng.normal(size=(H, H)) / np.sqrt(H)
        b_h = 0.3 * rng.normal(size=H)
        found, radius = _at_rest(W_hh, b_h, rng)
        if len(found) >= N and radius.max() > 1:
            break
    chosen = rng.permutation(len(found))[:N]
    if N > 1 and radius[chosen].max() < 1:
        chosen[0] = radius.argmax()
    chosen = chosen[np.argsort(-radius[chosen], kind="stable")]
    starts = found[chosen] + 0.01 * rng.normal(size=(N, H))
    return {"starts": starts, "W_hh": W_hh, "b_h": b_h}


def _at_rest(W_hh, b_h, rng):
    """Some fixed points that are far from a bifurcation, and their spectral radii."""
    hs, eye = rng.uniform(-1, 1, size=(24, len(b_h))), np.eye(len(b_h))
    for _ in range(12):
        after = np.tanh(hs @ W_hh + b_h)
        J = (1 - after**2)[:, :, None] * W_hh.T
        with np.errstate(all="ignore"):
            hs = hs + np.einsum("nij,nj->ni", np.linalg.pinv(J - eye), hs - after)
    gap = np.abs(np.tanh(hs @ W_hh + b_h) - hs).max(axis=1)
    hs = np.unique(hs[gap < 1e-9].round(7), axis=0)
    J = (1 - hs**2)[:, :, None] * W_hh.T
    radius = np.abs(np.linalg.eigvals(J)).max(axis=-1)
    away = np.linalg.svd(J - eye, compute_uv=False).min(axis=-1)
    clear = (away > 0.15) & (np.abs(radius - 1) > 0.05)
    return hs[clear], radius[clear]


def read_portraits(rng):
    return {}


def _floats(**ones):
    equal = dict.fromkeys(ones, 3)
    return (
        *(Vary(f"{name}=1", "shapes", **{name: 1}) for name in ones),
        Vary("all sizes 3", "shapes", **equal),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
    )


CASES = {
    "gate_stats": (
        Vary("values"),
        Vary("another draw", T=11, B=2, H=4),
        *_floats(T=1, B=1, H=1),
    ),
    "memory_half_life": (
        Vary("values"),
        Vary("another draw", T=9, B=2, H=4),
        *_floats(T=1, B=1, H=1),
    ),
    "gradient_flow": (
        Vary("values"),
        Vary("another draw", T=11, B=2, H=4),
        Vary("no gap", T=5, B=4, H=3),
        *_floats(T=1, B=1, H=1),
    ),
    "unit_contrast": (
        Vary("values"),
        Vary("another draw", T=10, B=2, H=4),
        Vary("B=1", "shapes", B=1),
        Vary("H=1", "shapes", H=1),
        Vary("all sizes 3", "shapes", T=3, B=3, H=3),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
    ),
    "pca_states": (
        Vary("values"),
        Vary("another draw", T=7, B=3, H=6, K=4),
        Vary("a third draw", T=5, B=6, H=7, K=4),  # each axis has one sign of two
        Vary("T=1", "shapes", T=1, K=2),
        Vary("B=1", "shapes", B=1),
        Vary("H=1", "shapes", H=1, K=1),
        Vary("all axes", "shapes", H=4, K=4),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
    ),
    "linearise": (
        Vary("values"),
        Vary("another draw", H=4),
        Vary("H=1", "shapes", H=1),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
    ),
    "fixed_points": (
        Vary("values"),
        Vary("another draw", N=2, H=6),
        Vary("one start", "shapes", N=1, H=4),
        Vary("H=1", "shapes", N=1, H=1),
        Vary("as many starts as units", "shapes", N=3, H=3),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
    ),
    "read_portraits": (Vary("values"),),
}


def data(rng, reference):
    """Eight small networks, each with a state whose linear part was chosen."""

    def turned(*rows):
        """The same eigenvalues, seen from a slanted side."""
        J = np.array(rows, dtype=float)
        slant = np.eye(len(J)) + 0.3 * rng.normal(size=J.shape)
        return slant @ J @ np.linalg.inv(slant)

    spiral = 0.6 * np.array([[1, -1], [1, 1]])  # 0.85 e^(+-i 45 deg)
    out = 0.8 * np.array([[1, -1], [1, 1]])  # 1.13, and real part 0.8
    chosen = [
        (turned([0.7, 0], [0, -0.8]), 0.0),  # 1
        (turned([0.5, 0], [0, -1.3]), 0.0),  # 2, by a sign that flips
        (turned(*spiral), 0.0),  # 1
        (turned(*out), 0.0),  # 3, though all real parts are below one
        (np.array([[0.8, 2.5], [0.0, 0.7]]), 0.0),  # 1, though it stretches
        (turned([1.3, 0, 0], [0, 0.4, 0], [0, 0, 0.9]), 0.0),  # 2
        (turned([0.95, 0], [0, 0.3]), 0.01),  # 0: slow, but it moves
        (turned([1.4, 0], [0, -1.1]), 0.0),  # 3
    ]
    portraits = []
    for J, drift in chosen:
        h = rng.uniform(-0.5, 0.5, size=len(J))
        W_hh = (J / (1 - h**2)[:, None]).T
        b_h = np.arctanh(h) - h @ W_hh + drift
        portraits.append({"W_hh": W_hh, "b_h": b_h, "h": h})
    return {"portraits": [portraits[i] for i in rng.permutation(len(portraits))]}
