"""Vanilla RNN, LSTM and GRU side by side: what they bridge, forecast, and cost.

    python -m benchmarks.cells

writes cells.json beside itself; chapter 7 shows it. Three measurements:

bridged   copy and adding at several lengths, as in bridged_lags.py: the error of each
          of eight seeds every 250 updates, as a share of what guessing gives. All
          cells have about 3000 parameters. A length ends when all its seeds have
          solved it; a series ends after a length that no seed solved.
sunspots  one-step forecasts of the yearly numbers 1950 to 2008: root mean square
          error of each seed at its best year of validation, and what autoregression
          and "as last year" reach.
seconds   of the library's layers and of its cells in a Python loop, a step forward
          and back; taken in turns, so that the ratios can be trusted.

The networks of one setting are trained side by side, as one batch of matrices, and do
not touch each other. About a quarter of an hour on one core.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import bridged_lags as lags
from benchmarks import machine

SEEDS, B = lags.SEEDS, 32
UPDATES, EVERY, RATE, SOLVED = 2000, 250, 5e-3, lags.SOLVED
PARAMETERS = 3000  # of the recurrent layer, nearly
TASKS = {"copy": (5, 10, 20, 40), "adding": (10, 20, 40, 80)}
KINDS = ("even", "orthogonal", "lstm", "lstm+1", "gru", "gru+1")
BLOCKS = {"even": 1, "orthogonal": 1, "lstm": 4, "lstm+1": 4, "gru": 3, "gru+1": 3}
YEARS = {"train": 1900, "validate": 1950}  # the first year that is not in it
WINDOW, SUN_PARAMETERS, SUN_UPDATES, SUN_EVERY = 33, 500, 600, 20
FILE = Path(__file__).with_name("cells.json")


def parameters(kind: str, D: int, H: int) -> int:
    """Numbers that a layer learns; the GRU needs both of its biases."""
    biases = 6 * H if kind.startswith("gru") else BLOCKS[kind] * H
    return BLOCKS[kind] * (D * H + H * H) + biases


def width(kind: str, D: int, wanted: int) -> int:
    """The H whose number of parameters is nearest to `wanted`."""
    return min(range(1, 200), key=lambda H: abs(parameters(kind, D, H) - wanted))


def start(
    kind: str, D: int, H: int, outputs: int, rng: torch.Generator
) -> list[Tensor]:
    """W_x, W_h, b_x, b_h, W_y, b_y of all seeds, even between +-1/sqrt(H).

    "+1": the gate that keeps the state (f of the LSTM, z of the GRU) gets a bias of 1.
    """

    def even(*shape: int) -> Tensor:
        return (2 * torch.rand(SEEDS, *shape, generator=rng) - 1) / H**0.5

    n = BLOCKS[kind] * H
    W_x, W_h, W_y = even(D, n), even(H, n), even(H, outputs)
    b_x, b_h, b_y = (torch.zeros(SEEDS, 1, size) for size in (n, n, outputs))
    if kind == "orthogonal":
        Q, R = torch.linalg.qr(torch.randn(SEEDS, H, H, generator=rng))
        W_h = Q * R.diagonal(dim1=1, dim2=2).sign().unsqueeze(1)
    if kind.endswith("+1"):
        b_x[..., H : 2 * H] = 1.0  # second block: f of i, f, g, o and z of r, z, n
    return [w.requires_grad_() for w in (W_x, W_h, b_x, b_h, W_y, b_y)]


def states(kind: str, weights: list[Tensor], xs: Tensor, last: int) -> Tensor:
    """The last states of all seeds, (SEEDS, last, batch, H)."""
    W_x, W_h, b_x, b_h, *_ = weights
    _, T, batch, _ = xs.shape
    drive = (xs.flatten(1, 2) @ W_x + b_x).unflatten(1, (T, batch)).unbind(1)
    zero = torch.zeros(SEEDS, batch, W_h.shape[1])
    return torch.stack(STEPS[BLOCKS[kind]](drive, zero, W_h, b_h)[-last:], dim=1)


def vanilla(drive, h, W_h, _):
    kept = []
    for a in drive:
        h = torch.baddbmm(a, h, W_h).tanh()
        kept.append(h)
    return kept


def lstm(drive, h, W_h, _):
    c, kept = torch.zeros_like(h), []
    for a in drive:
        i, f, g, o = torch.baddbmm(a, h, W_h).chunk(4, dim=-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        kept.append(h)
    return kept


def gru(drive, h, W_h, b_h):
    """The reset after the product, as in the library."""
    H, kept = h.shape[-1], []
    for a in drive:
        u = torch.baddbmm(b_h, h, W_h)
        gates = (a[..., : 2 * H] + u[..., : 2 * H]).sigmoid()
        r, z = gates.chunk(2, dim=-1)
        n = torch.tanh(a[..., 2 * H :] + r * u[..., 2 * H :])
        h = n + z * (h - n)
        kept.append(h)
    return kept


STEPS: dict[int, Callable[..., list[Tensor]]] = {1: vanilla, 4: lstm, 3: gru}


def outputs(task: str, kind: str, weights: list[Tensor], xs: Tensor) -> Tensor:
    last = lags.ITEMS if task == "copy" else 1
    return states(kind, weights, xs, last).flatten(1, 2) @ weights[4] + weights[5]


def losses(task: str, answer: Tensor, wanted: Tensor) -> Tensor:
    """The loss of each seed, (SEEDS,)."""
    if task != "copy":
        return ((answer - wanted) ** 2).mean((1, 2))
    log_p = answer.log_softmax(-1)
    return -log_p.gather(-1, wanted.flatten(1, 2).unsqueeze(-1)).mean((1, 2))


@torch.no_grad()
def errors(task: str, length: int, kind: str, weights: list[Tensor]) -> list[float]:
    """Each seed's error on the same 500 fresh sequences; 1 is what guessing gives."""
    rng = torch.Generator().manual_seed(2000)
    xs, wanted = getattr(lags, task)(length, 500, rng)
    answer = outputs(task, kind, weights, xs)
    if task == "adding":
        share = 6 * losses(task, answer, wanted)
    else:
        wrong = answer.argmax(-1) != wanted.flatten(1, 2)
        share = wrong.float().mean(1) / (1 - 1 / lags.SYMBOLS)
    return [round(float(e), 4) for e in share]


def train(task: str, kind: str, length: int) -> list[list[float]]:
    """The errors after every EVERY updates, a list of SEEDS numbers each."""
    rng = torch.Generator().manual_seed(1000 * length + KINDS.index(kind))
    D, out = lags.SIZES[task]
    weights = start(kind, D, width(kind, D, PARAMETERS), out, rng)
    adam = torch.optim.Adam(weights, lr=RATE)
    seen: list[list[float]] = []
    for update in range(1, UPDATES + 1):
        xs, wanted = getattr(lags, task)(length, B, rng)
        adam.zero_grad()
        losses(task, outputs(task, kind, weights, xs), wanted).sum().backward()
        lags.clip(weights)
        adam.step()
        if update % EVERY == 0:
            seen.append(errors(task, length, kind, weights))
            if max(map(min, zip(*seen, strict=True))) < SOLVED:
                break
    return seen


def bridged(task: str, kind: str) -> dict[str, list[list[float]]]:
    """Length by length, until one was solved by no seed."""
    found = {}
    for length in TASKS[task]:
        found[str(length)] = seen = train(task, kind, length)
        solved = sum(min(e) < SOLVED for e in zip(*seen, strict=True))
        print(f"{task} {kind} {length}: {solved} of {SEEDS} solved", flush=True)
        if not solved:
            break
    return found


# a real series


def sunspots() -> tuple[np.ndarray, np.ndarray]:
    from statsmodels.datasets import sunspots as source

    table = source.load_pandas().data
    return table["YEAR"].to_numpy(int), table["SUNACTIVITY"].to_numpy(float)


def windows(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(WINDOW, n) values before, and (n,) the value that follows."""
    seen = np.lib.stride_tricks.sliding_window_view(values, WINDOW + 1)
    return seen[:, :-1].T, seen[:, -1]


def split(years: np.ndarray, values: np.ndarray) -> dict[str, tuple]:
    """Windows by the year that is to be foretold."""
    before, after = windows(values)
    target = years[WINDOW:]
    train = target < YEARS["train"]
    validate = ~train & (target < YEARS["validate"])
    test = target >= YEARS["validate"]
    named = {"train": train, "validate": validate, "test": test}
    return {name: (before[:, at], after[at]) for name, at in named.items()}


def autoregression(parts: dict[str, tuple], order: int) -> float:
    """Least squares on the last `order` years; the error on the test years."""

    def rows(before):
        return np.vstack([before[-order:], np.ones(before.shape[1])]).T

    (x, y), (x_test, y_test) = parts["train"], parts["test"]
    weights = np.linalg.lstsq(rows(x), y, rcond=None)[0]
    return float(np.sqrt(((rows(x_test) @ weights - y_test) ** 2).mean()))


def forecasts(kind: str, parts: dict[str, tuple], scale: float) -> list[float]:
    """Error on the test years, of each seed, where its validation was best."""

    def batch(name, at=slice(None)):
        x, y = (np.asarray(part, np.float32) / scale for part in parts[name])
        xs = torch.tensor(x[:, at])[None, :, :, None].repeat(SEEDS, 1, 1, 1)
        return xs, torch.tensor(y[at])[None, :, None].repeat(SEEDS, 1, 1)

    rng = torch.Generator().manual_seed(22 + KINDS.index(kind))
    weights = start(kind, 1, width(kind, 1, SUN_PARAMETERS), 1, rng)
    adam = torch.optim.Adam(weights, lr=RATE)
    best, kept = torch.full((SEEDS,), torch.inf), torch.zeros(SEEDS)
    everything = batch("train")
    for update in range(1, SUN_UPDATES + 1):
        at = torch.randint(everything[1].shape[1], (B,), generator=rng)
        xs, wanted = everything[0][:, :, at], everything[1][:, at]
        adam.zero_grad()
        losses(
            "sunspots", outputs("sunspots", kind, weights, xs), wanted
        ).sum().backward()
        lags.clip(weights)
        adam.step()
        if update % SUN_EVERY == 0:
            with torch.no_grad():
                now, test = (
                    losses("sunspots", outputs("sunspots", kind, weights, x), y)
                    for x, y in (batch("validate"), batch("test"))
                )
            kept = torch.where(now < best, test, kept)
            best = torch.minimum(now, best)
    return [round(scale * float(e) ** 0.5, 3) for e in kept]


def real_series() -> dict:
    parts = split(*sunspots())
    scale = 100.0
    found: dict = {"test years": len(parts["test"][1]), "rmse": {}}
    x, y = parts["test"]
    found["as last year"] = round(float(np.sqrt(((x[-1] - y) ** 2).mean())), 3)
    for order in (2, 9, WINDOW):
        found[f"autoregression {order}"] = round(autoregression(parts, order), 3)
    for kind in KINDS:
        found["rmse"][kind] = forecasts(kind, parts, scale)
        print("sunspots", kind, np.round(found["rmse"][kind], 1), flush=True)
    return found


# time


def layer(kind: str, D: int, H: int, xs: Tensor, looped: bool) -> Callable[[], None]:
    """One pass forward and back over a sequence."""
    if not looped:
        whole = {"vanilla": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind](D, H)

        def once() -> None:
            whole.zero_grad()
            whole(xs)[0].sum().backward()

        return once

    cell = {"vanilla": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}[kind](D, H)

    def stepwise() -> None:
        cell.zero_grad()
        state, kept = None, []
        for x in xs:
            state = cell(x, state)
            kept.append(state[0] if kind == "lstm" else state)
        torch.stack(kept).sum().backward()

    return stepwise


def seconds(T: int = 50, batch: int = 32, D: int = 32, rounds: int = 9) -> list[dict]:
    """Per step: the three kinds in turns, `rounds` times; all times are kept."""
    found = []
    for looped in (False, True):
        for H in (32, 128, 512):
            xs = torch.randn(T, batch, D)
            passes = {
                kind: layer(kind, D, H, xs, looped)
                for kind in ("vanilla", "lstm", "gru")
            }
            times: dict[str, list[float]] = {kind: [] for kind in passes}
            for turn in range(rounds + 1):
                for kind, once in passes.items():
                    began = time.perf_counter()
                    once()
                    if turn:  # the first one warms up
                        taken = (time.perf_counter() - began) / T
                        times[kind].append(round(1e6 * taken, 1))
            form = "cells in a loop" if looped else "one layer"
            found.append({"form": form, "H": H, "microseconds": times})
            print(form, H, {k: min(v) for k, v in times.items()}, flush=True)
    return found


def main() -> None:
    torch.set_num_threads(1)
    began = time.perf_counter()
    found: dict = {
        **machine.head(),
        "settings": {
            "seeds": SEEDS, "B": B, "updates": UPDATES, "every": EVERY, "rate": RATE,
            "clip": lags.CLIP, "solved": SOLVED, "parameters": PARAMETERS,
            "lengths": TASKS, "window": WINDOW, "sun parameters": SUN_PARAMETERS,
            "sun updates": SUN_UPDATES, "years": YEARS,
            "H": {
                task: {k: width(k, lags.SIZES[task][0], PARAMETERS) for k in KINDS}
                for task in TASKS
            },
            "sun H": {k: width(k, 1, SUN_PARAMETERS) for k in KINDS},
        },
    }  # fmt: skip
    found["seconds"] = seconds()
    found["sunspots"] = real_series()
    for task in TASKS:
        for kind in KINDS:
            runs = bridged(task, kind)
            found.setdefault("bridged", {}).setdefault(task, {})[kind] = runs
            found["took"] = round(time.perf_counter() - began)
            FILE.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
