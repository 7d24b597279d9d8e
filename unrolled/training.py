"""The loop that trains a torch network, and what stands around it.

    run = train(net, lambda n: loss(net, batch(n)), 600, validate=error)
    run.losses, run.best

One loop for all chapters and benchmarks: Adam, the gradients clipped by their global
norm (chapter 4), the learning rate falling to nothing, and the weights of the best
validation kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unrolled.progress import Progress


@dataclass
class Run:
    """What one training left behind.

    losses       the loss of every update
    gradients    the global norm of every gradient, before clipping
    validations  (updates done, value of `validate`), in order
    seconds      of the whole loop, validations included
    """

    losses: list[float] = field(default_factory=list)
    gradients: list[float] = field(default_factory=list)
    validations: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def best(self) -> tuple[int, float]:
        """(updates done, value) of the lowest validation."""
        if not self.validations:
            raise ValueError("This run has no validations: give train a `validate`.")
        return min(self.validations, key=lambda point: point[1])


def train(
    net: Any,
    loss: Callable[[int], Any],
    updates: int,
    *,
    lr: float = 3e-3,
    clip: float = 1.0,
    weight_decay: float = 0.0,
    fall: bool = True,
    validate: Callable[[], float] | None = None,
    every: int = 50,
    bar: Iterable[int] | None = None,
) -> Run:
    """Train the parameters of `net` in place and return the Run.

    loss      update number -> scalar tensor, with a graph
    lr        of AdamW; with `fall` it follows half a cosine down to zero
    clip      the global norm of the gradients at most; math.inf for none
    validate  -> float, lower is better; called every `every` updates and at the end,
              without a graph and with net.eval(). `net` ends with the best weights.
    bar       what counts the updates, such as a Monitor(updates, "training"), which
              also gets every loss; by default nothing is shown

    ValueError at a loss that is not finite: it names the update. Sources: Loshchilov
    and Hutter (2019), arXiv:1711.05101 (AdamW) and arXiv:1608.03983 (the cosine).
    """
    import torch

    weights = [p for p in net.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr, weight_decay=weight_decay)
    run, kept, start = Run(), _Kept(net, validate), time.monotonic()
    for n in range(updates) if bar is None else bar:
        if fall:
            share = 0.5 * (1 + math.cos(math.pi * n / updates))
            optimiser.param_groups[0]["lr"] = lr * share
        net.train()
        optimiser.zero_grad()
        value = loss(n)
        value.backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, clip)
        optimiser.step()
        _record(run, n, value.item(), norm.item(), bar)
        if (n + 1) % every == 0 or n + 1 == updates:
            kept.look(run, n + 1)
    kept.restore(run)
    run.seconds = time.monotonic() - start
    return run


def _record(run: Run, n: int, loss: float, norm: float, bar: Any) -> None:
    if not math.isfinite(loss):
        text = f"The loss of update {n} is {loss}: try a smaller lr or a smaller clip."
        raise ValueError(text)
    run.losses.append(loss)
    run.gradients.append(norm)
    if hasattr(bar, "record"):
        bar.record(loss=loss, gradient=norm)
    elif isinstance(bar, Progress):
        bar.note = f"loss {loss:.3g}"


class _Kept:
    """The weights of the best validation so far."""

    def __init__(self, net: Any, validate: Callable[[], float] | None) -> None:
        self.net, self.validate = net, validate
        self.weights: dict[str, Any] | None = None

    def look(self, run: Run, done: int) -> None:
        import torch

        if self.validate is None:
            return
        self.net.eval()
        with torch.no_grad():
            run.validations.append((done, float(self.validate())))
        if run.best[0] == done:
            state = self.net.state_dict()
            self.weights = {name: w.clone() for name, w in state.items()}

    def restore(self, run: Run) -> None:
        self.net.eval()
        if self.weights is not None:
            self.net.load_state_dict(self.weights)


def shuffled(count: int, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Index arrays of batches, without end: each pass in a new order.

    Every example comes once in a pass; the last batch of a pass may be smaller.
    """
    if size < 1 or count < 1:
        raise ValueError(f"count and size must be positive, got {count} and {size}.")
    while True:
        order = rng.permutation(count)
        yield from (order[n : n + size] for n in range(0, count, size))


def padded(
    sequences: Sequence[np.ndarray], value: float = 0
) -> tuple[np.ndarray, np.ndarray]:
    """One time-major array of sequences of different lengths, and the lengths.

    sequences  B arrays (T_b, ...), of one dtype; none of them empty
    returns    (T, B, ...) with T = max T_b, filled up with `value`; (B,) ints
    """
    lengths = np.array([len(s) for s in sequences], dtype=int)
    if not len(lengths) or not lengths.all():
        raise ValueError("padded needs at least one sequence, and no empty one.")
    shape = (lengths.max(), len(sequences), *np.shape(sequences[0])[1:])
    out = np.full(shape, value, dtype=np.asarray(sequences[0]).dtype)
    for b, sequence in enumerate(sequences):
        out[: len(sequence), b] = sequence
    return out, lengths


def over_seeds(run: Callable[[int], float], seeds: Iterable[int]) -> np.ndarray:
    """`run(seed)` for every seed, with torch's global generator set to it: (seeds,)."""
    import torch

    values = []
    for seed in seeds:
        torch.manual_seed(seed)
        values.append(float(run(seed)))
    return np.array(values)


def spread(values: Sequence[float] | np.ndarray, digits: int = 3) -> str:
    """ "0.912 (0.904 to 0.921)": the median and the range of some runs."""
    low, middle, high = (f"{np.quantile(values, q):.{digits}f}" for q in (0, 0.5, 1))
    return f"{middle} ({low} to {high})"
