"""An LSTM whose whole loop over time is one Triton kernel, forward and backward.

One program takes a few sequences of the batch from the first step to the last. States
and carried gradients never leave the chip; per step, the sums of the input come in,
and what the backward pass needs goes out. The products that do not depend on the
recurrence (of the inputs, and those for the weights' gradients) are left to the
library, all steps at once.

Needs Triton (`pip install triton`; the CUDA builds of torch bring it along). Without
a GPU it runs in Triton's interpreter, which is slow and right:

    TRITON_INTERPRET=1 python ...

The variable has to be set before this module is imported. Importing it imports torch
and Triton, so nothing else in `unrolled` does.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

ROWS = 16  # sequences of one program; tl.dot takes no fewer
MAX_UNITS = 128  # one gate's weights have to fit into the memory of a program


@triton.jit
def tanh(x):
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit
def ahead(
    drive, W_h, h0, hs, cs, gates, T, B, H,
    rows: tl.constexpr, width: tl.constexpr, precision: tl.constexpr,
):  # fmt: skip
    """drive (T, B, 4H) -> hs (T, B, H), cs[1:] of (T + 1, B, H), gates (T, B, 4H)."""
    row = tl.program_id(0) * rows + tl.arange(0, rows)
    unit = tl.arange(0, width)
    live = (row < B)[:, None] & (unit < H)[None, :]
    at = row[:, None] * H + unit[None, :]
    at_i = row[:, None] * (4 * H) + unit[None, :]
    square = (unit < H)[:, None] & (unit < H)[None, :]
    W_i = W_h + unit[:, None] * (4 * H) + unit[None, :]
    h = tl.load(h0 + at, mask=live, other=0.0)
    c = tl.load(cs + at, mask=live, other=0.0)
    for _ in range(T):
        w = tl.load(W_i, mask=square, other=0.0)
        i = tl.load(drive + at_i, mask=live, other=0.0)
        i = tl.sigmoid(i + tl.dot(h, w, input_precision=precision))
        w = tl.load(W_i + H, mask=square, other=0.0)
        f = tl.load(drive + at_i + H, mask=live, other=0.0)
        f = tl.sigmoid(f + tl.dot(h, w, input_precision=precision))
        w = tl.load(W_i + 2 * H, mask=square, other=0.0)
        g = tl.load(drive + at_i + 2 * H, mask=live, other=0.0)
        g = tanh(g + tl.dot(h, w, input_precision=precision))
        w = tl.load(W_i + 3 * H, mask=square, other=0.0)
        o = tl.load(drive + at_i + 3 * H, mask=live, other=0.0)
        o = tl.sigmoid(o + tl.dot(h, w, input_precision=precision))
        c = f * c + i * g
        h = o * tanh(c)
        tl.store(gates + at_i, i, mask=live)
        tl.store(gates + at_i + H, f, mask=live)
        tl.store(gates + at_i + 2 * H, g, mask=live)
        tl.store(gates + at_i + 3 * H, o, mask=live)
        drive += B * 4 * H
        gates += B * 4 * H
        cs += B * H
        tl.store(hs + at, h, mask=live)
        tl.store(cs + at, c, mask=live)
        hs += B * H


@triton.jit
def back(
    dhs, dc_T, W_h, gates, cs, da, dh0, dc0, T, B, H,
    rows: tl.constexpr, width: tl.constexpr, precision: tl.constexpr,
):  # fmt: skip
    """dhs (T, B, H), dc_T (B, H) -> da (T, B, 4H), dh0 and dc0 (B, H)."""
    row = tl.program_id(0) * rows + tl.arange(0, rows)
    unit = tl.arange(0, width)
    live = (row < B)[:, None] & (unit < H)[None, :]
    at = row[:, None] * H + unit[None, :]
    at_i = row[:, None] * (4 * H) + unit[None, :]
    square = (unit < H)[:, None] & (unit < H)[None, :]
    W_i = W_h + unit[None, :] * (4 * H) + unit[:, None]  # transposed
    dc = tl.load(dc_T + at, mask=live, other=0.0)
    dh = tl.zeros_like(dc)
    for step in range(T):
        t = T - 1 - step
        one, four = t * B * H, t * B * 4 * H
        i = tl.load(gates + four + at_i, mask=live, other=0.0)
        f = tl.load(gates + four + at_i + H, mask=live, other=0.0)
        g = tl.load(gates + four + at_i + 2 * H, mask=live, other=0.0)
        o = tl.load(gates + four + at_i + 3 * H, mask=live, other=0.0)
        c_prev = tl.load(cs + one + at, mask=live, other=0.0)
        shown = tanh(tl.load(cs + one + B * H + at, mask=live, other=0.0))
        dh += tl.load(dhs + one + at, mask=live, other=0.0)
        dc += dh * o * (1 - shown * shown)
        da_i = dc * g * i * (1 - i)
        da_f = dc * c_prev * f * (1 - f)
        da_g = dc * i * (1 - g * g)
        da_o = dh * shown * o * (1 - o)
        tl.store(da + four + at_i, da_i, mask=live)
        tl.store(da + four + at_i + H, da_f, mask=live)
        tl.store(da + four + at_i + 2 * H, da_g, mask=live)
        tl.store(da + four + at_i + 3 * H, da_o, mask=live)
        w = tl.load(W_i, mask=square, other=0.0)
        dh = tl.dot(da_i, w, input_precision=precision)
        w = tl.load(W_i + H, mask=square, other=0.0)
        dh += tl.dot(da_f, w, input_precision=precision)
        w = tl.load(W_i + 2 * H, mask=square, other=0.0)
        dh += tl.dot(da_g, w, input_precision=precision)
        w = tl.load(W_i + 3 * H, mask=square, other=0.0)
        dh += tl.dot(da_o, w, input_precision=precision)
        dc = dc * f
    tl.store(dh0 + at, dh, mask=live)
    tl.store(dc0 + at, dc, mask=live)


class _Loop(torch.autograd.Function):
    """hs, c_T from the sums of the input; weights' gradients by one product."""

    @staticmethod
    def forward(
        ctx: Any, drive: Tensor, h0: Tensor, c0: Tensor, W_h: Tensor
    ) -> tuple[Tensor, Tensor]:
        T, (B, H) = len(drive), h0.shape
        hs, cs = drive.new_empty(T, B, H), drive.new_empty(T + 1, B, H)
        cs[0], gates = c0, torch.empty_like(drive)
        given = (a.contiguous() for a in (drive, W_h, h0))
        ahead[_programs(B)](*given, hs, cs, gates, T, B, H, *_fixed(H))
        ctx.save_for_backward(h0, W_h, hs, cs, gates)
        return hs, cs[-1].clone()

    @staticmethod
    def backward(ctx: Any, dhs: Tensor, dc_T: Tensor) -> tuple[Tensor, ...]:
        h0, W_h, hs, cs, gates = ctx.saved_tensors
        T, B, H = hs.shape
        da, dh0, dc0 = (torch.empty_like(a) for a in (gates, hs[0], hs[0]))
        given = (a.contiguous() for a in (dhs, dc_T, W_h, gates, cs))
        back[_programs(B)](*given, da, dh0, dc0, T, B, H, *_fixed(H))
        before = torch.cat([h0[None], hs[:-1]]).flatten(0, 1)
        return da, dh0, dc0, before.T @ da.flatten(0, 1)


def _programs(B: int) -> tuple[int]:
    return (triton.cdiv(B, ROWS),)


def _fixed(H: int) -> tuple[int, int, str]:
    """What is known when the kernel is compiled. float32 is multiplied as TF32 only
    where torch may do so, too."""
    fast = torch.backends.cuda.matmul.allow_tf32
    return ROWS, max(16, triton.next_power_of_2(H)), "tf32" if fast else "ieee"


def lstm(
    xs: Tensor, h0: Tensor, c0: Tensor, W_x: Tensor, W_h: Tensor, b: Tensor
) -> tuple[Tensor, Tensor]:
    """xs (T, B, D), h0 and c0 (B, H), W_x (D, 4H), W_h (H, 4H), b (4H,), gates in the
    order i, f, g, o, all of one float type -> hs (T, B, H), c_T (B, H).

    ValueError for more than 128 units. Gradients go to all six.
    """
    if W_h.shape[0] > MAX_UNITS:
        raise ValueError(
            f"This kernel keeps a gate's weights on the chip: at most {MAX_UNITS} "
            f"units, not {W_h.shape[0]}."
        )
    return _Loop.apply(xs @ W_x + b, h0, c0, W_h)
