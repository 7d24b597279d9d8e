"""What a run costs, counted and not timed: products, steps made, steps kept.

Seconds depend on who else is on the machine. The number of matrix products does not,
nor does how much of a forward pass lies in memory at one time. The probes below (see
`unrolled.probes`) run a student's function and count; an error of its own says what
is too much. Their last argument says whether to count at all.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

PRODUCTS = {"mm", "addmm", "bmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "vdot"}


class ProductsError(ValueError):
    """Another number of matrix products than was asked for."""


class BorrowedError(ValueError):
    """A ready-made recurrent layer was called."""


class KeptError(ValueError):
    """Too many steps lie in memory at one time."""


class RepeatedError(ValueError):
    """Too many steps are computed again."""


@contextlib.contextmanager
def products() -> Iterator[list[str]]:
    """The names of torch's matrix products that run inside, one for each call.

    However they are written: `@`, `torch.matmul`, `F.linear`, `einsum` are all the
    same few operations underneath. BorrowedError at a ready-made recurrent layer.
    """
    from torch.utils._python_dispatch import TorchDispatchMode

    found: list[str] = []

    class Count(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            name = func.overloadpacket.__name__
            if any(kind in name for kind in ("lstm", "gru", "rnn")):
                raise BorrowedError(f"{name} is a layer of torch's own")
            if name in PRODUCTS:
                found.append(name)
            return func(*args, **(kwargs or {}))

    with Count():
        yield found


def counted(
    names: Sequence[str], outputs: Sequence[str], function: Any, *args: Any
) -> dict[str, Any]:
    """Run a function of tensors and go back through it.

    args: the arrays called `names`, one gradient for each of `outputs`, and how many
    matrix products the forward pass may have (0 for any number). Returns the outputs
    and d + name for each argument.
    """
    import torch

    *arrays, allowed = args
    tensors = [torch.from_numpy(a) for a in arrays]
    leaves = [t.requires_grad_() for t in tensors[: len(names)]]
    made: list[str] = []
    with contextlib.ExitStack() as stack:
        if allowed:  # only where asked for: torch takes seconds to set it up
            made = stack.enter_context(products())
        returned = function(*leaves)
    if not isinstance(returned, tuple) or len(returned) != len(outputs):
        raise TypeError(f"{' and '.join(outputs)} have to come back")
    if allowed and len(made) != allowed:
        raise ProductsError(f"{len(made)} matrix products, where {allowed} will do")
    grads = torch.autograd.grad(
        returned, leaves, tensors[len(names) :], allow_unused=True
    )
    found = dict(zip(outputs, returned, strict=True))
    for name, leaf, grad in zip(names, leaves, grads, strict=True):
        found[f"d{name}"] = torch.zeros_like(leaf) if grad is None else grad
    return {name: t.detach().numpy() for name, t in found.items()}


# ----------------------------------------------------------------- memory


class Kept(dict):
    """A cache whose end can be seen."""


class Ledger:
    """How many steps were made, and how many lay in memory at most."""

    def __init__(self) -> None:
        self.made = self.now = self.most = 0

    def enter(self, cache: Any, steps: int) -> Any:
        """The cache of a forward pass over `steps`, watched until it is let go."""
        self.made += steps
        if not isinstance(cache, dict):
            return cache
        kept = Kept(cache)
        self.now += steps
        self.most = max(self.most, self.now)
        weakref.finalize(kept, self._leave, steps)
        return kept

    def _leave(self, steps: int) -> None:
        self.now -= steps


def remembered(function: Callable[..., Any], *args: Any) -> Any:
    """Ask for gradients by checkpoints: (xs, ..., segments, counting).

    If counting, `rnn_forward`, by which `function` makes its steps, is watched: at
    most two segments may be in memory, and every step may be made twice.
    """
    *given, counting = args
    if not counting:
        return function(*given)
    ledger, names = Ledger(), function.__globals__
    forward = names["rnn_forward"]

    def watched(*args: Any, **kwargs: Any) -> Any:
        hs, cache = forward(*args, **kwargs)
        return hs, ledger.enter(cache, len(hs))

    names["rnn_forward"] = watched
    try:
        value = function(*given)
    finally:
        names["rnn_forward"] = forward
    T, segments = len(given[0]), given[-1]
    longest = -(-T // segments)
    if ledger.most > 2 * longest:
        raise KeptError(
            f"{ledger.most} steps are kept at one time; the segments have {longest}"
        )
    if ledger.made > 2 * T:
        raise RepeatedError(f"{ledger.made} steps forward for a sequence of {T}")
    return value


# ---------------------------------------------------------------- precision


def scaled(
    function: Callable[..., Any], W: Any, b: Any, xs: Any, wanted: Any,
    numbers: Mapping[str, float],
) -> dict[str, Any]:  # fmt: skip
    """Train a linear layer by `function(loss, params, optimizer, scaler, max_norm)`.

    W (D, V), b (V,), xs (N, B, D), wanted (N, B, V): N steps of gradient descent.
    numbers: "scale" of the loss at first, "rate", "max_norm". Returns W, b and the
    scale at the end, and the norms that came back, 0 where not finite.
    """
    import torch

    params = [torch.tensor(a).requires_grad_() for a in (W, b)]
    optimizer = torch.optim.SGD(params, lr=numbers["rate"])
    scaler = torch.amp.GradScaler("cpu", init_scale=numbers["scale"], growth_interval=2)
    norms = []
    for x, y in zip(torch.from_numpy(xs), torch.from_numpy(wanted), strict=True):
        loss = ((x @ params[0] + params[1] - y) ** 2).mean()
        norm = function(loss, params, optimizer, scaler, numbers["max_norm"])
        if not isinstance(norm, (float, torch.Tensor)):
            raise TypeError(f"a {type(norm).__name__} came back, not the norm")
        norms.append(float(norm))
    sizes = np.array(norms, dtype=W.dtype)
    return {
        "W": params[0].detach().numpy(),
        "b": params[1].detach().numpy(),
        "scale": np.array(scaler.get_scale()),
        "norms": np.where(np.isfinite(sizes), sizes, 0),
    }
