"""What the gates of a trained torch layer do: all steps at once, after the run.

`nn.LSTM` and `nn.GRU` return their states and keep their gates to themselves. But a
gate is a function of one input and one state before it, and once all states are
known, the gates of all steps are a single product.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def gates(rnn: Any, xs: Any) -> dict[str, np.ndarray]:
    """The states and gates of a one-layer, time-major nn.RNN, nn.LSTM or nn.GRU.

    xs (T, B, D), a tensor; the state before it is zero. Returns arrays (T, B, H):
    "h", and for an LSTM "c", "i", "f", "g", "o", for a GRU "r", "z", "n".
    """
    import torch

    kind = rnn.mode.partition("_")[0]
    if rnn.num_layers > 1 or rnn.bidirectional or rnn.batch_first or not rnn.bias:
        raise ValueError(
            "gates() reads one layer in one direction, with biases and time first; "
            "build the nn.LSTM or nn.GRU that way."
        )
    with torch.no_grad():
        hs = rnn(xs)[0]
        before = torch.cat([torch.zeros_like(hs[:1]), hs[:-1]])
        from_x = xs @ rnn.weight_ih_l0.T + rnn.bias_ih_l0
        from_h = before @ rnn.weight_hh_l0.T + rnn.bias_hh_l0
        found = {"LSTM": _lstm, "GRU": _gru, "RNN": _none}[kind](from_x, from_h)
    return {"h": hs.numpy(), **{name: a.numpy() for name, a in found.items()}}


def _none(from_x: Any, from_h: Any) -> dict[str, Any]:
    return {}


def _lstm(from_x: Any, from_h: Any) -> dict[str, Any]:
    found = dict(zip("ifgo", (from_x + from_h).chunk(4, dim=-1), strict=True))
    found = {k: a.tanh() if k == "g" else a.sigmoid() for k, a in found.items()}
    written = found["i"] * found["g"]
    cells: list[Any] = []
    for kept, new in zip(found["f"], written, strict=True):
        cells.append(kept * cells[-1] + new if cells else new)
    return {**found, "c": _stack(cells)}


def _gru(from_x: Any, from_h: Any) -> dict[str, Any]:
    (xr, xz, xn), (hr, hz, hn) = from_x.chunk(3, dim=-1), from_h.chunk(3, dim=-1)
    r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
    return {"r": r, "z": z, "n": (xn + r * hn).tanh()}


def _stack(cells: list[Any]) -> Any:
    import torch

    return torch.stack(cells)
