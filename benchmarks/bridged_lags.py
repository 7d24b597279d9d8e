"""How long a gap a vanilla RNN learns to bridge: copy and adding, eight seeds each.

    python benchmarks/bridged_lags.py

writes bridged-lags.json beside itself: for each task, initialisation and length the
error of each seed after every 250 updates (a share of what guessing gives). A length
ends early once all its seeds have solved it; a series ends after two lengths that no
seed solved. The networks of one length are trained side by side, as one batch of
matrices, and do not touch each other. Chapter 5 shows the file.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from benchmarks import machine

SEEDS, H, B = 8, 32, 32
UPDATES, EVERY = 4000, 250
RATE, CLIP, SOLVED = 2e-3, 1.0, 0.1
ITEMS, SYMBOLS = 3, 4  # the copy problem: three symbols out of four
TASKS = {
    "copy": (3, 5, 8, 12, 18, 27, 40, 60, 90),  # blanks between last symbol and cue
    "adding": (6, 8, 12, 18, 27, 40, 60, 90),  # length of the sequence
}
SIZES = {"copy": (SYMBOLS + 2, SYMBOLS), "adding": (2, 1)}  # D, outputs
KINDS = ("uniform", "orthogonal", "identity")
FILE = Path(__file__).with_name("bridged-lags.json")


def copy(length: int, batch: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs (SEEDS, T, batch, D) and the symbols (SEEDS, ITEMS, batch) to repeat."""
    shape = (SEEDS, ITEMS, batch)
    symbols = torch.randint(SYMBOLS, shape, generator=rng)
    blanks = torch.full((SEEDS, length, batch), SYMBOLS)
    cues = torch.full(shape, SYMBOLS + 1)
    ids = torch.cat([symbols, blanks, cues], dim=1)
    return one_hot(ids, SYMBOLS + 2).float(), symbols


def adding(length: int, batch: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Inputs (SEEDS, T, batch, 2) and the sums (SEEDS, batch, 1)."""
    values = torch.rand(SEEDS, length, batch, generator=rng)
    half, shape = length // 2, (SEEDS, 1, batch)
    first = torch.randint(half, shape, generator=rng)
    second = half + torch.randint(length - half, shape, generator=rng)
    marks = torch.zeros_like(values).scatter_(1, first, 1.0).scatter_(1, second, 1.0)
    return torch.stack([values, marks], -1), (values * marks).sum(1).unsqueeze(-1)


def start(kind: str, D: int, outputs: int, rng: torch.Generator) -> list[Tensor]:
    """W_xh, W_hh, b_h, W_hy, b_y of all seeds; all but W_hh alike in every kind."""

    def uniform(*shape: int) -> Tensor:
        return (2 * torch.rand(SEEDS, *shape, generator=rng) - 1) / math.sqrt(H)

    W_xh, W_hh, W_hy = uniform(D, H), uniform(H, H), uniform(H, outputs)
    if kind == "orthogonal":
        Q, R = torch.linalg.qr(torch.randn(SEEDS, H, H, generator=rng))
        W_hh = Q * R.diagonal(dim1=1, dim2=2).sign().unsqueeze(1)
    elif kind == "identity":
        W_hh = torch.eye(H).repeat(SEEDS, 1, 1)
    zero = [torch.zeros(SEEDS, 1, n) for n in (H, outputs)]
    weights = [W_xh, W_hh, zero[0], W_hy, zero[1]]
    return [w.clone().requires_grad_() for w in weights]


def states(weights: list[Tensor], xs: Tensor, last: int) -> Tensor:
    """The last states of all seeds, (SEEDS, last, batch, H)."""
    W_xh, W_hh, b_h, *_ = weights
    _, T, batch, D = xs.shape
    drive = (xs.reshape(SEEDS, T * batch, D) @ W_xh + b_h).reshape(SEEDS, T, batch, H)
    h_t, kept = torch.zeros(SEEDS, batch, H), []
    for a_t in drive.unbind(1):
        h_t = torch.baddbmm(a_t, h_t, W_hh).tanh()
        kept.append(h_t)
    return torch.stack(kept[-last:], dim=1)


def losses(task: str, weights: list[Tensor], xs: Tensor, wanted: Tensor) -> Tensor:
    """The loss of each seed, (SEEDS,)."""
    answer = outputs(task, weights, xs)
    if task == "adding":
        return ((answer - wanted) ** 2).mean((1, 2))
    log_p = answer.log_softmax(-1)
    return -log_p.gather(-1, wanted.flatten(1, 2).unsqueeze(-1)).mean((1, 2))


def outputs(task: str, weights: list[Tensor], xs: Tensor) -> Tensor:
    last = ITEMS if task == "copy" else 1
    return states(weights, xs, last).flatten(1, 2) @ weights[3] + weights[4]


@torch.no_grad()
def errors(task: str, length: int, weights: list[Tensor]) -> list[float]:
    """Each seed's error on the same 2000 fresh sequences; 1 is what guessing gives."""
    rng = torch.Generator().manual_seed(2000)
    xs, wanted = globals()[task](length, 2000, rng)
    answer = outputs(task, weights, xs)
    if task == "adding":  # 1/6: the variance of a sum of two uniform numbers
        share = 6 * ((answer - wanted) ** 2).mean((1, 2))
    else:
        wrong = answer.argmax(-1) != wanted.flatten(1, 2)
        share = wrong.float().mean(1) / (1 - 1 / SYMBOLS)
    return [round(float(e), 4) for e in share]


def clip(weights: list[Tensor]) -> None:
    """Scale each seed's whole gradient to a norm of at most CLIP."""
    grads = [w.grad for w in weights if w.grad is not None]
    norm = torch.stack([(g**2).sum((1, 2)) for g in grads]).sum(0).sqrt()
    scale = (CLIP / norm).clamp(max=1.0).reshape(SEEDS, 1, 1)
    for g in grads:
        g *= scale


def train(task: str, kind: str, length: int) -> list[list[float]]:
    """The errors after every EVERY updates, a list of SEEDS numbers each."""
    rng = torch.Generator().manual_seed(1000 * length + KINDS.index(kind))
    weights = start(kind, *SIZES[task], rng)
    adam = torch.optim.Adam(weights, lr=RATE)
    seen: list[list[float]] = []
    for update in range(1, UPDATES + 1):
        xs, wanted = globals()[task](length, B, rng)
        adam.zero_grad()
        losses(task, weights, xs, wanted).sum().backward()
        clip(weights)
        adam.step()
        if update % EVERY == 0:
            seen.append(errors(task, length, weights))
            best = [min(e) for e in zip(*seen, strict=True)]
            if max(best) < SOLVED:
                break
    return seen


def series(task: str, kind: str) -> Iterator[tuple[int, list[list[float]]]]:
    """Length by length, until two in a row were solved by no seed."""
    failed = 0
    for length in TASKS[task]:
        seen = train(task, kind, length)
        yield length, seen
        failed = 0 if min(map(min, seen)) < SOLVED else failed + 1
        if failed == 2:
            return


def main(tasks: tuple[str, ...] = tuple(TASKS)) -> None:
    torch.set_num_threads(1)
    found: dict = {
        **machine.head(),
        "settings": {
            "seeds": SEEDS, "H": H, "B": B, "updates": UPDATES, "every": EVERY,
            "rate": RATE, "clip": CLIP, "solved": SOLVED, "items": ITEMS,
            "symbols": SYMBOLS, "lengths": TASKS,
        },
        "errors": {},
    }  # fmt: skip
    for task in tasks:
        for kind in KINDS:
            began = time.perf_counter()
            for length, seen in series(task, kind):
                runs = found["errors"].setdefault(task, {}).setdefault(kind, {})
                runs[str(length)] = seen
                solved = sum(min(e) < SOLVED for e in zip(*seen, strict=True))
                print(task, kind, length, f"{solved} of {SEEDS} solved", flush=True)
                FILE.write_text(json.dumps(found) + "\n")
            print(f"{time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
