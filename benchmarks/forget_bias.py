"""How the forget bias at the start decides what an LSTM learns: recall, eight seeds.

    python benchmarks/forget_bias.py

writes forget-bias.json beside itself: for each lag and start the share of right
answers of each seed, over the last 20 batches of training (all fresh, 320 sequences).
The task: one of four symbols, then noise for `lag` steps, then say the symbol. All
starts share their weights, seed by seed, and differ in the bias only. The networks of
one lag are trained side by side and do not touch each other. Chapter 6 shows the file.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from benchmarks import machine

SEEDS, H, B, V = 8, 16, 16, 4
UPDATES, LAST, RATE, CLIP = 300, 20, 0.01, 1.0
LOUD, NOISE = 2.0, 0.3
LAGS = (10, 20, 40, 80, 160)
STARTS = ("0", "1", "2", "4", "6", "mirrored", "spread")  # forget biases
RUNS = len(STARTS) * SEEDS
FILE = Path(__file__).with_name("forget-bias.json")


def recall(lag: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs (T, RUNS, B, V) and the symbols (RUNS, B) to be named at the end."""
    symbols = torch.randint(V, (RUNS, B), generator=rng)
    xs = NOISE * torch.randn(lag + 1, RUNS, B, V, generator=rng)
    xs[0] += LOUD * one_hot(symbols, V)
    return xs, symbols


def biases(lag: int, rng: torch.Generator) -> Tensor:
    """b of all runs, (RUNS, 1, 4H): zero but for the forget gate's block. "mirrored"
    is 4 there and -4 in the input gate's block; "spread" draws the time scales of the
    units evenly up to the lag, and mirrors them in the same way."""
    b = torch.zeros(len(STARTS), SEEDS, 1, 4 * H)
    for k, start in enumerate(STARTS):
        if start == "spread":
            scales = 1 + (lag - 1) * torch.rand(SEEDS, 1, H, generator=rng)
            b[k, ..., H : 2 * H] = scales.log()
        else:
            b[k, ..., H : 2 * H] = 4.0 if start == "mirrored" else float(start)
        if start in ("mirrored", "spread"):
            b[k, ..., :H] = -b[k, ..., H : 2 * H]
    return b.reshape(RUNS, 1, 4 * H)


def weights(lag: int, rng: torch.Generator) -> list[Tensor]:
    """W_x, W_h, b, W_y of all runs; PyTorch's uniform start, alike in every start."""

    def uniform(*shape: int) -> Tensor:
        drawn = (2 * torch.rand(SEEDS, *shape, generator=rng) - 1) / math.sqrt(H)
        return drawn.repeat(len(STARTS), 1, 1)

    found = [uniform(V, 4 * H), uniform(H, 4 * H), biases(lag, rng), uniform(H, V)]
    return [w.requires_grad_() for w in found]


def logits(params: list[Tensor], xs: Tensor) -> Tensor:
    """What each run says at the end, (RUNS, B, V)."""
    W_x, W_h, b, W_y = params
    h = c = torch.zeros(RUNS, B, H)
    for a_x in (xs @ W_x + b).unbind(0):
        a = torch.baddbmm(a_x, h, W_h)
        i, f, o = a[..., :H].sigmoid(), a[..., H : 2 * H].sigmoid(), a[..., 3 * H :]
        c = f * c + i * a[..., 2 * H : 3 * H].tanh()
        h = o.sigmoid() * c.tanh()
    return h @ W_y


def clip(params: list[Tensor], grads: tuple[Tensor, ...]) -> None:
    """Set each run's gradient, scaled to a norm of at most CLIP."""
    norm = torch.stack([(g**2).sum((1, 2)) for g in grads]).sum(0).sqrt()
    scale = (CLIP / norm).clamp(max=1.0).reshape(RUNS, 1, 1)
    for p, g in zip(params, grads, strict=True):
        p.grad = g * scale


def train(lag: int) -> dict[str, list[float]]:
    """The share of right answers at the end, start by start, seed by seed."""
    rng = torch.Generator().manual_seed(lag)
    params = weights(lag, rng)
    adam, right = torch.optim.Adam(params, lr=RATE), []
    for _ in range(UPDATES):
        xs, symbols = recall(lag, rng)
        said = logits(params, xs)
        each = cross_entropy(said.flatten(0, 1), symbols.flatten(), reduction="none")
        losses = each.reshape(RUNS, B).mean(1)
        clip(params, torch.autograd.grad(losses.sum(), params))
        adam.step()
        right.append((said.argmax(-1) == symbols).float().mean(1))
    share = torch.stack(right[-LAST:]).mean(0).reshape(len(STARTS), SEEDS)
    pairs = zip(STARTS, share.tolist(), strict=True)
    return {start: [round(x, 4) for x in row] for start, row in pairs}


def main() -> None:
    torch.set_num_threads(1)
    shares: dict[int, dict[str, list[float]]] = {}
    settings = {
        "seeds": SEEDS, "H": H, "B": B, "V": V, "updates": UPDATES, "rate": RATE,
        "clip": CLIP, "noise": NOISE, "loud": LOUD, "last": LAST,
    }  # fmt: skip
    for lag in LAGS:
        begun = time.perf_counter()
        shares[lag] = train(lag)
        print(f"lag {lag}: {time.perf_counter() - begun:.0f} s", flush=True)
        found = {
            **machine.head(),
            "settings": settings,
            "shares": shares,
        }
        FILE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
