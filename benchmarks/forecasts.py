"""Networks against forecasts that cost nothing, on three real series; and silence.

    python -m benchmarks.forecasts [series] [missing]

writes forecasts.json beside itself; chapter 14 shows it. Two measurements:

series   quantile forecasts of sunspots, El Nino and carbon dioxide, several steps
         ahead. Each forecast: its mean quantile loss in the test years, its share of
         targets below each quantile, its root mean square error by steps ahead.
         Networks over eight seeds: from nothing, and on top of the straight line.
missing  the sea off Peru with months taken out, at random or for a reason, and four
         ways for a GRU to read what is left. Root mean square error in degrees.

Everything that is fitted is fitted on the training years; when to stop is chosen in
the validation years; the test years are used once. About half an hour on one core.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import cells, machine
from unrolled import series
from unrolled.training import train

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
SEEDS, H, B = cells.SEEDS, 16, 32
UPDATES, EVERY, RATE, DECAY = 400, 20, 5e-3, 1e-2
MONTHS_AHEAD, WINDOW, LISTENED = 3, 24, 250  # updates with months missing
ORDERS = (1, 2, 3, 4, 6, 9, 12, 18, 24)  # of the straight line
PATTERNS = ("random", "outages", "when warm")
METHODS = ("mean", "last", "last, mask, gap", "GRU-D")
FILE = Path(__file__).with_name("forecasts.json")


@dataclass(frozen=True)
class Source:
    """One series, and how it is cut. Sizes in steps."""

    L: int
    K: int
    season: int
    n_train: int
    n_val: int
    relative: bool  # does it rise? Then only changes are foretold


SOURCES = {
    "sunspots": Source(22, 11, 11, 180, 50, False),
    "elnino": Source(24, 12, 12, 420, 120, False),
    "co2": Source(26, 26, 52, 1200, 400, True),
}


def loaded(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values (N,) with NaN, what is usual at the time of the year, and the angle.

    What is usual comes from the training rows: a mean for each month, or a curve of
    three harmonics beside a trend. Sunspots have no calendar.
    """
    times, values = getattr(series, name)()
    n = SOURCES[name].n_train
    if name == "sunspots":
        return values, np.full(len(values), values[:n].mean()), np.zeros(len(values))
    if name == "elnino":
        month = np.arange(len(values)) % 12
        usual = np.array([values[:n][month[:n] == m].mean() for m in range(12)])
        return values, usual[month], 2 * np.pi * month / 12
    day = (times - times.astype("datetime64[Y]")).astype(float)
    angle, t = 2 * np.pi * day / 365.25, np.arange(len(values)) / n
    waves = [f(k * angle) for k in (1, 2, 3) for f in (np.cos, np.sin)]
    columns = np.stack([t**0, t, t**2, *waves], axis=1)
    real = np.isfinite(values[:n])
    found = np.linalg.lstsq(columns[:n][real], values[:n][real], rcond=None)[0]
    return values, columns[:, 3:] @ found[3:], angle


def carried(values: np.ndarray) -> np.ndarray:
    """Missing values replaced by the last one before: never by a later one."""
    at = np.maximum.accumulate(np.where(np.isfinite(values), np.arange(len(values)), 0))
    return values[at]


def parts(name: str) -> dict[str, dict[str, np.ndarray]]:
    """Windows of training, validation and test, without what is usual.

    xs (L, B), ys (K, B) with NaN, angles (L, B), the raw windows and the usual values
    of what is foretold: all that any forecast may read, and the targets.
    """
    s = SOURCES[name]
    values, usual, angle = loaded(name)
    raw, off = carried(values), carried(values - usual)
    ends = (0, s.n_train, s.n_train + s.n_val, len(values))
    found = {}
    for part, first, last in zip(
        ("train", "val", "test"), ends, ends[1:], strict=False
    ):
        at = np.arange(max(first, s.L), last - s.K + 1)  # the past may be of any part
        before, after = at + np.arange(-s.L, 0)[:, None], at + np.arange(s.K)[:, None]
        found[part] = {
            "xs": off[before], "raw": raw[before], "angles": angle[before],
            "ys": (values - usual)[after], "usual": usual[after],
            "year ago": raw[np.maximum(after - s.season, 0)] if s.season > s.L else
            raw[before][np.arange(s.K) % s.season - s.season],
        }  # fmt: skip
    return found


# forecasts that cost nothing


def as_last(part: dict[str, np.ndarray], s: Source) -> np.ndarray:
    return part["raw"][-1] - part["usual"]


def as_a_season_ago(part: dict[str, np.ndarray], s: Source) -> np.ndarray:
    return part["year ago"] - part["usual"]


def as_usual(part: dict[str, np.ndarray], s: Source) -> np.ndarray:
    """The usual season; where the series rises, on top of the last value."""
    return (part["xs"][-1] if s.relative else 0) + 0 * part["usual"]


def straight(found: dict[str, dict[str, np.ndarray]], s: Source, order: int) -> Any:
    """Least squares on the last `order` values, for each step ahead."""

    def rows(part: dict[str, np.ndarray]) -> np.ndarray:
        xs = part["xs"][-order:] - (part["xs"][-1] if s.relative else 0)
        return np.vstack([xs, np.ones(xs.shape[1])]).T

    def base(part: dict[str, np.ndarray]) -> np.ndarray:
        return part["xs"][-1] if s.relative else np.zeros(part["xs"].shape[1])

    x, targets = rows(found["train"]), found["train"]["ys"] - base(found["train"])
    fits = []
    for y in targets:
        real = np.isfinite(y)
        fits.append(np.linalg.lstsq(x[real], y[real], rcond=None)[0])
    W = np.stack(fits, axis=1)
    return lambda part, s: (rows(part) @ W).T + base(part)


def best_order(found: dict[str, dict[str, np.ndarray]], s: Source) -> int:
    """The order whose quantile loss is lowest in validation."""

    def loss(order: int) -> float:
        line = straight(found, s, order)
        spread = spread_of(found["train"]["ys"] - line(found["train"], s))
        said = line(found["val"], s)[..., None] + spread[:, None]
        return judged(said, found["val"])["loss"]

    return min((order for order in ORDERS if order <= s.L), key=loss)


def spread_of(errors: np.ndarray) -> np.ndarray:
    """(K, Q): the quantiles of training errors (K, B), for each step ahead."""
    return np.nanquantile(errors, LEVELS, axis=1).T


def judged(quantiles: np.ndarray, part: dict[str, np.ndarray]) -> dict[str, Any]:
    """What is reported of forecasts (K, B, Q)."""
    ys, q = part["ys"], np.array(LEVELS)
    real, off = np.isfinite(ys), ys[..., None] - quantiles
    losses = np.maximum(q * off, (q - 1) * off)[real]
    wrong = np.sqrt(np.nanmean((ys - quantiles[..., len(q) // 2]) ** 2, axis=1))
    below = (ys[..., None] <= quantiles)[real].mean(axis=0)
    return {
        "loss": round(float(losses.mean()), 5),
        "below": below.round(4).tolist(),
        "rmse": wrong.round(4).tolist(),
    }


# networks


class Forecaster(nn.Module):
    """A GRU or RNN that says K steps ahead at once, Q quantiles each."""

    def __init__(self, kind: str, s: Source, start: np.ndarray) -> None:
        super().__init__()
        self.cell = getattr(nn, kind)(3, H)
        self.out = nn.Linear(H, start.size)
        self.shape = start.shape
        nn.init.zeros_(self.out.weight)  # it begins as the baseline, spread and all
        with torch.no_grad():
            self.out.bias.copy_(torch.tensor(start.ravel()))

    def forward(self, xs: Tensor) -> Tensor:
        out = self.out(self.cell(xs)[0][-1]).unflatten(-1, self.shape)
        return out.transpose(0, 1)  # (K, B, Q)


def features(part: dict[str, np.ndarray], s: Source, scale: float) -> Tensor:
    seen = part["xs"] - (part["xs"][-1] if s.relative else 0)
    columns = [seen / scale, np.cos(part["angles"]), np.sin(part["angles"])]
    return torch.tensor(np.stack(columns, axis=-1), dtype=torch.float32)


def pinball(quantiles: Tensor, ys: Tensor) -> Tensor:
    q, real = torch.tensor(LEVELS), torch.isfinite(ys)
    off = ys[real][:, None] - quantiles[real]
    return torch.maximum(q * off, (q - 1) * off).mean()


def network(
    kind: str,
    base: Callable[..., np.ndarray],
    found: dict[str, dict[str, np.ndarray]],
    s: Source,
    seed: int,
    updates: int = UPDATES,
) -> np.ndarray:
    """Quantiles (K, B, Q) in the test, by a network on top of `base`."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    errors = {name: part["ys"] - base(part, s) for name, part in found.items()}
    scale = float(np.nanstd(errors["train"]))
    seen = float((found["train"]["xs"] - s.relative * found["train"]["xs"][-1]).std())
    xs = {name: features(part, s, seen) for name, part in found.items()}
    ys = {
        name: torch.tensor(e / scale, dtype=torch.float32) for name, e in errors.items()
    }
    net = Forecaster(kind, s, spread_of(errors["train"]) / scale)
    count = ys["train"].shape[1]

    def loss(_: int) -> Tensor:
        at = rng.integers(count, size=B)
        return pinball(net(xs["train"][:, at]), ys["train"][:, at])

    def validate() -> float:
        return pinball(net(xs["val"]), ys["val"]).item()

    train(
        net, loss, updates, lr=RATE, weight_decay=DECAY, validate=validate, every=EVERY
    )
    with torch.no_grad():
        said = np.sort(net(xs["test"]).double().numpy(), axis=-1)
    return said * scale + base(found["test"], s)[..., None]


def by_series(name: str) -> dict[str, Any]:
    s, found = SOURCES[name], parts(name)
    order = best_order(found, s)
    line = straight(found, s, order)
    free = {
        "as last": as_last, "as a season ago": as_a_season_ago, "as usual": as_usual,
        "straight": line,
    }  # fmt: skip
    row: dict[str, Any] = {
        "windows": {part: w["ys"].shape[1] for part, w in found.items()},
        "sizes": vars(s) | {"order": order}, "free": {}, "networks": {},
    }  # fmt: skip
    for title, forecast in free.items():
        spread = spread_of(found["train"]["ys"] - forecast(found["train"], s))
        said = forecast(found["test"], s)[..., None] + spread[:, None]
        row["free"][title] = judged(said, found["test"])
        print(f"{name:9s} {title:22s} {row['free'][title]['loss']:.4f}", flush=True)
    alone = as_usual if s.relative else lambda part, s: part["xs"][-1] + 0 * part["ys"]
    for title, kind, base in (
        ("GRU from nothing", "GRU", alone),
        ("RNN on the line", "RNN", line),
        ("GRU on the line", "GRU", line),
    ):
        runs = [
            judged(network(kind, base, found, s, seed), found["test"])
            for seed in range(SEEDS)
        ]
        row["networks"][title] = runs
        losses = np.array([run["loss"] for run in runs])
        print(f"{name:9s} {title:22s}", *losses.round(4), flush=True)
    return row


# silence


def silent(pattern: str, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """True where a month was measured; about half of them are."""
    if pattern == "random":
        return rng.random(len(values)) > 0.5
    if pattern == "outages":  # on and off, for half a year or so each
        return np.cumsum(rng.random(len(values)) < 1 / 6) % 2 == 0
    warm = values > np.median(values[: SOURCES["elnino"].n_train])
    return ~(warm & (rng.random(len(values)) < 0.9))


def last_known(values: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each step the newest value before it (0 if none), and how long ago."""
    n = np.arange(len(values))
    at = np.maximum.accumulate(np.where(mask, n, -1))
    before = np.concatenate([[-1], at[:-1]])
    last = np.where(before >= 0, values[before], 0.0)
    return last, np.where(before >= 0, n - before, n).astype(float)


class Listeners(nn.Module):
    """GRUs of all seeds, side by side; they read a value with holes and the month."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.method = method
        rng = torch.Generator().manual_seed(METHODS.index(method))
        weights = cells.start("gru", 5, H, MONTHS_AHEAD, rng)
        self.weights = nn.ParameterList(w.detach() for w in weights)
        self.fade_x = nn.Parameter(torch.tensor([0.1, 0.01]).repeat(SEEDS, 1))
        self.fade_h = nn.Parameter(torch.full((2, SEEDS, 1, 1, H), 0.01))

    def forward(self, x: Tensor) -> Tensor:
        """x (SEEDS, T, n, 6): value, mask, last, gap, cos, sin -> (SEEDS, n, K)"""
        value, mask, last, gap, *month = x.unbind(-1)
        none = torch.zeros_like(value)
        keep = torch.ones(SEEDS, x.shape[1], 1, 1)
        if self.method == "mean":
            read = [value * mask, none, none]
        elif self.method == "GRU-D":
            rate, bias = self.fade_x.T[..., None, None]
            gamma = torch.exp(-torch.relu(gap * rate + bias))
            read = [torch.where(mask > 0, value, gamma * last), mask, none]
            rates, biases = self.fade_h
            keep = torch.exp(-torch.relu(gap[..., None] * rates + biases))
        else:
            filled = torch.where(mask > 0, value, last)
            told = self.method == "last, mask, gap"
            read = [filled, *([mask, gap / 12] if told else [none, none])]
        return self._states(torch.stack([*read, *month], dim=-1), keep)

    def _states(self, xs: Tensor, keep: Tensor) -> Tensor:
        W_x, W_h, b_x, b_h, W_y, b_y = self.weights
        _, T, n, _ = xs.shape
        drive = (xs.flatten(1, 2) @ W_x + b_x).unflatten(1, (T, n)).unbind(1)
        h = torch.zeros(SEEDS, n, H)
        for a_t, keep_t in zip(drive, keep.unbind(1), strict=True):
            h = cells.gru([a_t], h * keep_t, W_h, b_h)[0]
        return h @ W_y + b_y


def listening(pattern: str) -> dict[str, Any]:
    """Error in degrees of every method, seed by seed: each its own holes and start."""
    s = SOURCES["elnino"]
    values, usual, angle = loaded("elnino")
    mean, scale = values[: s.n_train].mean(), values[: s.n_train].std()
    z = (values - mean) / scale
    masks = [silent(pattern, values, np.random.default_rng(n)) for n in range(SEEDS)]
    known = [last_known(z, mask) for mask in masks]
    month = np.cos(angle), np.sin(angle)
    columns = [
        np.stack([z, m, *k, *month], -1) for m, k in zip(masks, known, strict=True)
    ]
    heard, ends = np.array(columns, dtype=np.float32), (0, s.n_train)
    ends = (*ends, s.n_train + s.n_val, len(values))
    cuts = {}
    for part, a, b in zip(("train", "val", "test"), ends, ends[1:], strict=False):
        at = np.arange(max(a, WINDOW), b - MONTHS_AHEAD + 1)
        after = at[:, None] + np.arange(MONTHS_AHEAD)
        seen = heard[:, at + np.arange(-WINDOW, 0)[:, None]]  # (SEEDS, T, n, 6)
        cuts[part] = torch.tensor(seen), torch.tensor(z[after], dtype=torch.float32)
    truth, first = values[after], after[:, 0] - 1  # those of the test
    rows: dict[str, Any] = {"measured": [float(mask.mean()) for mask in masks]}
    newest = [
        np.where(m, z, k[0])[first] * scale + mean
        for m, k in zip(masks, known, strict=True)
    ]
    rows["as usual"] = [rms(usual[after] - truth)] * SEEDS
    rows["last seen"] = [rms(last[:, None] - truth) for last in newest]
    for method in METHODS:
        rows[method] = [scale * e for e in listened(method, cuts)]
    return {way: np.round(row, 4).tolist() for way, row in rows.items()}


def rms(wrong: np.ndarray) -> float:
    return float(np.sqrt((wrong**2).mean()))


def listened(method: str, cuts: dict[str, Any]) -> list[float]:
    """The error of each seed, where their validation was best together."""
    net, rng = Listeners(method), np.random.default_rng(METHODS.index(method))
    (x, y), (x_val, y_val), (x_test, y_test) = cuts.values()

    def errors(xs: Tensor, ys: Tensor) -> Tensor:
        return ((net(xs) - ys) ** 2).mean(dim=(1, 2))

    def loss(_: int) -> Tensor:
        at = rng.integers(len(y), size=B)
        return errors(x[:, :, at], y[at]).sum()

    def validate() -> float:
        return errors(x_val, y_val).sum().item()

    train(
        net, loss, LISTENED, lr=RATE, weight_decay=DECAY, validate=validate,
        every=EVERY, clip=math.inf,
    )  # fmt: skip
    with torch.no_grad():
        return errors(x_test, y_test).sqrt().tolist()


def main(only: list[str]) -> None:
    torch.set_num_threads(1)
    began = time.perf_counter()
    found: dict[str, Any] = json.loads(FILE.read_text()) if only else {}
    found |= {
        **machine.head(),
        "settings": {
            "levels": LEVELS, "seeds": SEEDS, "H": H, "B": B, "updates": UPDATES,
            "every": EVERY, "rate": RATE, "decay": DECAY, "listened": LISTENED,
        },
    }  # fmt: skip
    jobs = {"series": (by_series, SOURCES), "missing": (listening, PATTERNS)}
    for title, (job, names) in jobs.items():
        if only and title not in only:
            continue
        found[title] = {}
        for name in names:
            found[title][name] = job(name)
            print(name, round(time.perf_counter() - began), "s", flush=True)
            found[f"{title} took"] = round(time.perf_counter() - began)
            FILE.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
