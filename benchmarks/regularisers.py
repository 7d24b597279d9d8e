"""Which regulariser helps a small LSTM on a small text, over seeds.

Character-level language models on 4,000 characters of Python's manual. Each method
has one strength, not tuned; the losses on three texts are written down as it learns.
All seeds of a setting are trained side by side by batched products.

    python -m benchmarks.regularisers    # writes benchmarks/regularisers.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks import machine
from unrolled.corpus import reference_text

WHERE = Path(__file__).with_suffix(".json")
SETTINGS: dict[str, Any] = {
    "characters": 4_000, "others": 8_000, "H": 64, "T": 24, "B": 16,
    "updates": 900, "every": 50, "seeds": 5, "rate": 0.015, "clip": 1.0,
}  # fmt: skip
METHODS = {
    "none": 0.0,
    "weight decay": 0.1,
    "readout": 0.25,
    "recurrent, one mask": 0.25,
    "recurrent, anew": 0.25,
    "cell, anew": 0.1,
    "zoneout": 0.1,
    "layer norm": 0.0,
}


def texts() -> tuple[list[torch.Tensor], int]:
    """Three texts as ids, training, validation and test, far apart, and V."""
    whole, n, more = reference_text(), SETTINGS["characters"], SETTINGS["others"]
    starts = {0: n, 100_000: more, 200_000: more}
    parts = [whole[k : k + size] for k, size in starts.items()]
    place = {c: i for i, c in enumerate(sorted(set("".join(parts))))}
    return [torch.tensor([place[c] for c in part]) for part in parts], len(place)


def start(V: int, H: int, rng: torch.Generator) -> dict[str, torch.Tensor]:
    """Weights of all seeds, the seed first."""
    S = SETTINGS["seeds"]

    def even(*shape):
        return (2 * torch.rand(S, *shape, generator=rng) - 1) / H**0.5

    found = {"W_x": even(V, 4 * H), "W_h": even(H, 4 * H), "b": torch.zeros(S, 4 * H)}
    found["b"][:, H : 2 * H] = 1.0
    found |= {"gain": torch.ones(S, 4 * H), "W_y": even(H, V), "b_y": torch.zeros(S, V)}
    return {name: w.requires_grad_() for name, w in found.items()}


def dropped(p: float, like: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    return (torch.rand(like.shape, generator=rng) >= p) / (1 - p)


def logits(
    w: dict[str, torch.Tensor],
    ids: torch.Tensor,
    method: str,
    p: float,
    rng: torch.Generator | None = None,
) -> torch.Tensor:
    """(T, S, B, V) for ids (T, S, B); without `rng` nothing is random."""
    (_, S, B), H = ids.shape, w["W_h"].shape[1]
    h = c = torch.zeros(S, B, H)
    noise, fixed, hs = rng is not None, None, []
    if noise and method == "recurrent, one mask":
        fixed = dropped(p, h, rng)
    which = torch.arange(S)[:, None]
    for x in ids:
        read = h if fixed is None else h * fixed
        if noise and method == "recurrent, anew":
            read = h * dropped(p, h, rng)
        a = w["W_x"][which, x] + read @ w["W_h"]
        if method == "layer norm":
            a = F.layer_norm(a, a.shape[-1:]) * w["gain"][:, None]
        i, f, g, o = (a + w["b"][:, None]).chunk(4, dim=-1)
        if noise and method == "cell, anew":
            c = c * dropped(p, c, rng)
        c_new = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h_new = o.sigmoid() * c_new.tanh()
        if method == "zoneout" and noise:
            keep_c, keep_h = (torch.rand(2, *h.shape, generator=rng) < p).unbind(0)
            h_new = torch.where(keep_h, h, h_new)
            c_new = torch.where(keep_c, c, c_new)
        elif method == "zoneout":
            h_new, c_new = p * h + (1 - p) * h_new, p * c + (1 - p) * c_new
        h, c = h_new, c_new
        hs.append(h * dropped(p, h, rng) if noise and method == "readout" else h)
    return torch.stack(hs) @ w["W_y"] + w["b_y"][:, None]


def losses(out: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The mean cross-entropy of every seed."""
    per = F.cross_entropy(out.permute(0, 3, 1, 2), targets, reduction="none")
    return per.mean(dim=(0, 2))


@torch.no_grad()
def tested(w: dict[str, torch.Tensor], text: torch.Tensor, method: str, p: float):
    """The loss of every seed on a whole text, in windows of 64, the first 16 unread."""
    windows = text[: (len(text) - 1) // 64 * 64].view(-1, 64).T
    after = text[1 : windows.numel() + 1].view(-1, 64).T
    S = SETTINGS["seeds"]
    ids, want = (a[:, None].expand(-1, S, -1) for a in (windows, after))
    return losses(logits(w, ids, method, p)[16:], want[16:]).tolist()


def clip(weights: list[torch.Tensor]) -> None:
    """Every seed by its own norm."""
    squares = [v.grad.flatten(1).square().sum(1) for v in weights]
    scale = (SETTINGS["clip"] / torch.stack(squares).sum(0).sqrt()).clamp(max=1.0)
    for v in weights:
        v.grad *= scale.view(-1, *[1] * (v.ndim - 1))


def train(method: str, p: float) -> dict[str, list[list[float]]]:
    """Losses on the three texts, one row for every `every` updates."""
    (text, *others), V = texts()
    s, rng = SETTINGS, torch.Generator().manual_seed(1)
    w = start(V, s["H"], rng)
    matrices = [w[n] for n in ("W_x", "W_h", "W_y")]
    rest = [v for n, v in w.items() if n not in ("W_x", "W_h", "W_y")]
    decay = p if method == "weight decay" else 0.0
    groups = [{"params": matrices, "weight_decay": decay}, {"params": rest}]
    adam = torch.optim.AdamW(groups, lr=s["rate"], weight_decay=0.0)
    steps = torch.arange(s["T"] + 1)[:, None, None]
    found: dict[str, list[list[float]]] = {
        name: [] for name in ("training", "validation", "test")
    }
    for n in range(1, s["updates"] + 1):
        at = torch.randint(len(text) - s["T"], (s["seeds"], s["B"]), generator=rng)
        ids = text[at + steps]
        adam.zero_grad()
        losses(logits(w, ids[:-1], method, p, rng), ids[1:]).sum().backward()
        clip([v for v in w.values() if v.grad is not None])
        adam.step()
        if n % s["every"] == 0:
            for name, part in zip(found, (text, *others), strict=True):
                found[name].append(tested(w, part, method, p))
    return found


def main() -> None:
    torch.set_num_threads(1)
    runs: dict[str, dict[str, Any]] = {method: {} for method in METHODS}
    found = {
        **machine.head(),
        "settings": SETTINGS,
        "runs": runs,
    }
    for method, p in METHODS.items():
        seen = runs[method][str(p)] = train(method, p)
        means = np.mean(seen["validation"], axis=1)
        print(method, p, means.round(3), flush=True)
        short = json.loads(json.dumps(found), parse_float=lambda x: round(float(x), 4))
        WHERE.write_text(json.dumps(short, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
