"""What the codes of recurrent networks say about digits that nobody named, over seeds.

    python -m benchmarks.codes    # writes benchmarks/codes.json

A GRU reads the rows of 1200 digits of scikit-learn under one of several pretexts,
without labels. Its last state is the code. The other 597 digits are then clustered
and probed by their codes, and by what needs no network: the 64 numbers themselves,
their principal axes, and a GRU that was never trained. Each seed has its own split,
start and batches, the same for all ways. k-means, PCA, ridge and the adjusted Rand
index are scikit-learn's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifierCV
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import KNeighborsClassifier
from torch import nn
from torch.nn import functional as F

from benchmarks import machine
from unrolled.strokes import delayed, digits
from unrolled.training import shuffled, train

WHERE = Path(__file__).with_suffix(".json")
SETTINGS: dict[str, Any] = {
    "learn": 1200, "H": 64, "updates": 400, "B": 64, "rate": 0.01, "noise": 0.3,
    "axes": 16, "labels": [20, 50, 100, 300, 1200], "seeds": 5, "late": 4, "T": 12,
}  # fmt: skip
STRENGTHS = np.geomspace(1e-3, 10, 9)
Views = dict[str, np.ndarray]


class Autoencoder(nn.Module):
    """Reads rows, and tells them from the last state alone, the last row first."""

    def __init__(self, H: int, T: int) -> None:
        super().__init__()
        self.T = T
        self.encoder, self.decoder = nn.GRU(8, H), nn.GRU(H, H)
        self.head = nn.Linear(H, 8)

    def forward(self, reads: torch.Tensor) -> torch.Tensor:
        code = self.encoder(reads)[1]
        return self.head(self.decoder(code.expand(self.T, -1, -1))[0])


class Predictor(nn.Module):
    """Tells, after each row, the next one."""

    def __init__(self, H: int) -> None:
        super().__init__()
        self.encoder, self.head = nn.GRU(8, H), nn.Linear(H, 8)

    def forward(self, reads: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(reads)[0])


def practised(
    net: nn.Module,
    xs: torch.Tensor,
    seed: int,
    task: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
) -> nn.Module:
    """`net`, trained on task(batch) -> (what is read, what is to be told)."""
    batches = shuffled(xs.shape[1], SETTINGS["B"], np.random.default_rng(seed))

    def loss(_: int) -> torch.Tensor:
        reads, tells = task(xs[:, torch.tensor(next(batches))])
        return F.mse_loss(net(reads), tells)

    train(net, loss, SETTINGS["updates"], lr=SETTINGS["rate"])
    return net


def pretexts(T: int) -> dict[str, Callable[..., Any]]:
    noise = SETTINGS["noise"]
    return {
        "rebuild": lambda x: (x, x.flip(0)),
        "denoise": lambda x: (x + noise * torch.randn_like(x), x.flip(0)),
        "predict": lambda x: (x[:-1], x[1:]),
    }


@torch.no_grad()
def states(net: nn.Module, xs: torch.Tensor) -> np.ndarray:
    """(T, cards, H)"""
    return net.encoder(xs)[0].numpy()


# ------------------------------------------------------------------ what is measured


def heaps(codes: np.ndarray, names: np.ndarray, learn: np.ndarray, seed: int) -> float:
    """Ten clusters of the learned cards; the index of the others, by nearest centre."""
    means = KMeans(10, n_init=10, random_state=seed).fit(codes[learn])
    return float(adjusted_rand_score(names[~learn], means.predict(codes[~learn])))


def whitened(codes: np.ndarray, learn: np.ndarray) -> np.ndarray:
    axes = min(SETTINGS["axes"], codes.shape[1])
    return PCA(axes, whiten=True, random_state=0).fit(codes[learn]).transform(codes)


def probed(
    codes: np.ndarray, names: np.ndarray, learn: np.ndarray, fit: np.ndarray
) -> float:
    """The share right of a ridge probe of the cards `fit`; its strength is chosen on
    them, by leaving each out in turn."""
    centre, width = codes[fit].mean(axis=0), codes[fit].std(axis=0)
    Z = (codes - centre) / np.where(width > 1e-6, width, 1)
    probe = RidgeClassifierCV(alphas=len(fit) * STRENGTHS).fit(Z[fit], names[fit])
    return float(probe.score(Z[~learn], names[~learn]))


def nearest(raw: np.ndarray, names: np.ndarray, learn: np.ndarray) -> list[float]:
    """The share right of those who say the label of the nearest labelled card."""
    some, found = np.flatnonzero(learn), []
    for n in SETTINGS["labels"]:
        near = KNeighborsClassifier(1).fit(raw[some[:n]], names[some[:n]])
        found.append(float(near.score(raw[~learn], names[~learn])))
    return found


def measured(codes: np.ndarray, names: np.ndarray, learn: np.ndarray, seed: int):
    some = np.flatnonzero(learn)  # already in no order
    return {
        "ari": heaps(codes, names, learn, seed),
        "ari whitened": heaps(whitened(codes, learn), names, learn, seed),
        "right": [probed(codes, names, learn, some[:n]) for n in SETTINGS["labels"]],
    }


def over_time(steps: np.ndarray, names: np.ndarray, learn: np.ndarray) -> list[float]:
    fit = np.flatnonzero(learn)
    return [probed(step, names, learn, fit) for step in steps]


@torch.no_grad()
def lost(net: nn.Module, xs: torch.Tensor, learn: np.ndarray) -> float:
    """The share of the variance of new cards that is not rebuilt."""
    new = xs[:, torch.tensor(~learn)]
    error = (net(new).flip(0) - new).square().mean()
    return float(error / new.var(dim=1, correction=0).mean())


def lost_by_axes(raw: np.ndarray, learn: np.ndarray, K: int) -> float:
    axes, new = PCA(K, svd_solver="full").fit(raw[learn]), raw[~learn]
    again = axes.inverse_transform(axes.transform(new))
    return float(((again - new) ** 2).mean() / new.var(axis=0).mean())


# --------------------------------------------------------------------- the two studies


def cards(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Digits in the order of this seed, their names, and which are learned from."""
    xs, names = digits("rows")
    order = np.random.default_rng([15, seed]).permutation(len(names))
    return xs[:, order], names[order], np.arange(len(names)) < SETTINGS["learn"]


def flat(xs: np.ndarray) -> np.ndarray:
    return xs.transpose(1, 0, 2).reshape(xs.shape[1], -1)


def aligned(seed: int) -> dict[str, Any]:
    """All ways with the cards as they are."""
    xs, names, learn = cards(seed)
    rows = torch.tensor(xs, dtype=torch.float32)
    known = rows[:, torch.tensor(learn)]
    torch.manual_seed(seed)
    nets = {"untrained": Autoencoder(SETTINGS["H"], 8)}
    for goal, task in pretexts(8).items():
        torch.manual_seed(seed)
        net = (
            Predictor(SETTINGS["H"])
            if goal == "predict"
            else Autoencoder(SETTINGS["H"], 8)
        )
        nets[goal] = practised(net, known, seed, task)
    hs = {name: states(net, rows) for name, net in nets.items()}
    views = {"raw": flat(xs), "last row": xs[-1]}
    views |= {name: steps[-1] for name, steps in hs.items()}
    found = {name: measured(v, names, learn, seed) for name, v in views.items()}
    for name, steps in hs.items():
        found[name]["over time"] = over_time(steps, names, learn)
    found["last row"]["over time"] = over_time(xs, names, learn)
    so_far = [flat(xs[: t + 1]) for t in range(8)]
    found["raw"]["nearest"] = nearest(flat(xs), names, learn)
    found["raw"]["over time"] = over_time(so_far, names, learn)
    for name in ("rebuild", "denoise"):
        found[name]["lost"] = lost(nets[name], rows, learn)
    found["raw"]["lost"] = {
        str(K): lost_by_axes(flat(xs), learn, K) for K in (4, 8, 16, 32)
    }
    return found


def late(seed: int) -> dict[str, Any]:
    """Every card begins after 0 to 4 blank rows."""
    xs, names, learn = cards(seed)
    T, rng = SETTINGS["T"], np.random.default_rng([16, seed])
    most = T - len(xs) + 1
    read = delayed(xs, rng.integers(most, size=xs.shape[1]), T)
    rows, known = (torch.tensor(a, dtype=torch.float32) for a in (read, xs[:, learn]))

    def undelay(x):
        moved = delayed(x.numpy(), rng.integers(most, size=x.shape[1]), T)
        return torch.tensor(moved), x.flip(0)

    nets = {}
    for goal in ("untrained", "rebuild", "undelay"):
        torch.manual_seed(seed)
        net = Autoencoder(SETTINGS["H"], 8 if goal == "undelay" else T)
        if goal == "rebuild":
            mine = rows[:, torch.tensor(learn)]
            practised(net, mine, seed, pretexts(T)["rebuild"])
        elif goal == "undelay":
            practised(net, known, seed, undelay)
        nets[goal] = net
    views = {"raw": flat(read), "put in place": flat(xs)}
    views |= {name: states(net, rows)[-1] for name, net in nets.items()}
    return {name: measured(v, names, learn, seed) for name, v in views.items()}


def main() -> None:
    torch.set_num_threads(1)
    found: dict[str, Any] = {
        **machine.head(),
        "scikit-learn": sklearn.__version__,
        "settings": SETTINGS,
        "aligned": [],
        "late": [],
    }
    for seed in range(SETTINGS["seeds"]):
        found["aligned"].append(aligned(seed))
        if seed < SETTINGS["late"]:
            found["late"].append(late(seed))
        for study in ("aligned", "late"):
            for name, got in found[study][-1].items():
                right = np.round(got["right"], 2)
                print(f"{seed} {study:8}{name:13}", f"{got['ari']:.2f}",
                      f"{got['ari whitened']:.2f}", right, flush=True)  # fmt: skip
        short = json.loads(json.dumps(found), parse_float=lambda x: round(float(x), 4))
        WHERE.write_text(json.dumps(short, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
