"""The fastest LSTM that we can write in NumPy, forward and backward.

What it does that the exercises' LSTM does not:

* One `tanh` makes all four gates, as sigmoid(a) = 1/2 + tanh(a/2)/2. The halves are
  in the weights.
* `h`, `x` and a 1 lie side by side, so that one product makes all sums of a step,
  bias included, and one product gives all weights their gradients. (The input's part
  could be done for all steps at once. For matrices as small as these it does not pay:
  reading the sums back costs what was won.)
* The product is made gate by gate, backward for h and x apart, and for the weights'
  gradients in columns: such matrices are small enough for the kernels that OpenBLAS
  keeps for small ones, and every gate is then one piece of memory.
* No array is made in a loop, nor a view of one: all have their places from the start,
  each at the beginning of a line of the cache (a vector that lies across two lines is
  read twice), and the arrays that come back are overwritten by the next call.
* Backward goes by blocks of a few steps, which stay in the cache: first the slopes of
  a whole block, then step by step what depends on the step after it, then the
  block's part of the weights' gradients.

A step's gates are kept in the order i, f, o, g, followed by c_{t-1} and tanh(c_t): what
is multiplied, forward and backward, then stands side by side.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray
KEPT = [0, 1, 3, 2]  # i f o g, as places of i f g o
STEPS = 5  # of a block of the backward pass
SMALL = 10**6  # multiplications of a product that OpenBLAS takes for a small one
LINE = 64  # bytes of a line of the cache


class NumpyLSTM:
    """An LSTM for sequences of one size: T steps, B sequences, D inputs, H units."""

    def __init__(self, T: int, B: int, D: int, H: int, dtype: Any) -> None:
        def room(*shape: int) -> Array:
            return _aligned(shape, np.dtype(dtype))

        self.T, self.D, self.H, self.steps = T, D, H, min(STEPS, T)
        line = LINE // np.dtype(dtype).itemsize
        self.z = room(T + 1, B, -(-(H + D + 1) // line) * line)  # h, x, 1, unused
        self.z[..., H + D] = 1
        self.s = room(T + 1, 6, B, H)  # i, f, o, g, c_prev, tanh c
        self.pair, self.tmp = room(2, B, H), room(B, H)
        self.dh, self.dc = room(B, H), room(B, H)
        self.da = room(5, self.steps, B, H)  # of i, f, g, o; the slope of h by c
        self.dh_by, self.dx_by = room(4, B, H), room(4, B, D)  # by way of each gate
        self.w = room(4, H + D + 1, H)
        wide = _divisor(H, SMALL // (self.steps * B * (H + D + 1)))  # columns at once
        self.dw, self.part = (room(4, H // wide, H + D + 1, wide) for _ in range(2))
        self.w_h, self.w_x = room(4, H, H), room(4, H, D)
        self.dxs = room(T, B, D)
        self.ahead = [self._views_ahead(t) for t in range(T)]
        self.back = [(d[:4], d[3], d[:3], d[4]) for d in self.da.swapaxes(0, 1)]

    def _views_ahead(self, t: int) -> tuple[Array, ...]:
        """What step t works on, with as few axes as possible."""
        s, c, h = self.s[t], self.s[t + 1, 4], self.z[t + 1, :, : self.H]
        flat = s.reshape(6, -1)
        return (
            self._read(t, t + 1), s[:4], flat[:4].reshape(-1), flat[:3].reshape(-1),
            flat[:2].reshape(-1), flat[3:5].reshape(-1), c.reshape(-1), flat[5],
            s[2], s[5], h,
        )  # fmt: skip

    def _read(self, start: int, stop: int) -> Array:
        """h, x and 1, as steps start to stop read them, a row for each sequence."""
        rows = self.z[start:stop].reshape(-1, self.z.shape[2])
        return rows[:, : self.H + self.D + 1]

    def load(self, W_x: Array, W_h: Array, b: Array) -> None:
        """The weights W_x (D, 4H), W_h (H, 4H), b (4H,), gates i, f, g, o."""
        whole = np.concatenate([W_h, W_x, b[None]]).reshape(-1, 4, self.H)
        half = np.array([0.5, 0.5, 0.5, 1], whole.dtype)[:, None]
        self.w[...] = (whole[:, KEPT] * half).transpose(1, 0, 2)
        self.w_h[...] = whole[: self.H].transpose(1, 2, 0)
        self.w_x[...] = whole[self.H : -1].transpose(1, 2, 0)

    def forward(self, xs: Array, h0: Array, c0: Array) -> tuple[Array, Array]:
        """xs (T, B, D), h0 and c0 (B, H) -> hs (T, B, H), c_T (B, H)."""
        T, D, H, w = self.T, self.D, self.H, self.w
        pair, half = self.pair.reshape(-1), self.z.dtype.type(0.5)
        new, kept = self.pair.reshape(2, -1)
        matmul, tanh, multiply, add = np.matmul, np.tanh, np.multiply, np.add
        self.z[0, :, :H], self.z[:T, :, H : H + D], self.s[0, 4] = h0, xs, c0
        for z, sums, gates, sigmoids, i_f, g_c, c, bent, o, tanh_c, h in self.ahead:
            matmul(z, w, sums)
            tanh(gates, gates)
            multiply(sigmoids, half, sigmoids)
            add(sigmoids, half, sigmoids)
            multiply(i_f, g_c, pair)  # i g, f c_prev
            add(new, kept, c)
            tanh(c, bent)
            multiply(o, tanh_c, h)
        return self.z[1:, :, :H], self.s[T, 4]

    def backward(self, dhs: Array, dc_T: Array) -> dict[str, Array]:
        """dhs (T, B, H), dc_T (B, H) -> the gradients, of what forward read last."""
        T, H = self.T, self.H
        self.dc[...] = dc_T
        self.dh[...] = 0
        self.dw[...] = 0
        for start in range((T - 1) // self.steps * self.steps, -1, -self.steps):
            stop = min(T, start + self.steps)
            self._slopes(start, stop)
            self._steps_back(start, stop, dhs)
            rows = (stop - start) * self.dh.shape[0]
            da = self.da[:4, : stop - start].reshape(4, rows, -1, self.dw.shape[3])
            read = self._read(start, stop).T
            np.matmul(read, da.swapaxes(1, 2), self.part)
            np.add(self.dw, self.part, self.dw)
        grads = self.dw.transpose(2, 0, 1, 3).reshape(-1, 4 * H)
        return {
            "dxs": self.dxs, "dh0": self.dh, "dc0": self.dc,
            "dW_x": grads[H:-1], "dW_h": grads[:H], "db": grads[-1],
        }  # fmt: skip

    def _slopes(self, start: int, stop: int) -> None:
        """What multiplies the gradients that arrive, for all steps of a block."""
        s, slope = self.s[start:stop].swapaxes(0, 1), self.da[:, : stop - start]
        for slopes, sigmoids, others in (
            (slope[:2], s[:2], s[3:5]),  # of i and f: by g, c_prev
            (slope[3], s[2], s[5]),  # of o: by tanh c
        ):
            np.subtract(1, sigmoids, slopes)
            np.multiply(slopes, sigmoids, slopes)
            np.multiply(slopes, others, slopes)
        bent = slope[2::2]  # of g: by i; of c: by o
        np.multiply(s[3::2], s[3::2], bent)
        np.subtract(1, bent, bent)
        np.multiply(bent, s[:3:2], bent)

    def _steps_back(self, start: int, stop: int, dhs: Array) -> None:
        dh, dc, tmp, dh_by, dx_by = self.dh, self.dc, self.tmp, self.dh_by, self.dx_by
        matmul, multiply, add = np.matmul, np.multiply, np.add
        h_left, h_right, h_first, h_second = _halves(dh_by)
        x_left, x_right, x_first, x_second = _halves(dx_by)
        f = list(self.s[start:stop, 1])
        for k in range(stop - start - 1, -1, -1):
            da, of_o, of_ifg, by_c = self.back[k]
            add(dh, dhs[start + k], dh)
            multiply(dh, by_c, tmp)
            add(dc, tmp, dc)
            multiply(dh, of_o, of_o)
            multiply(dc, of_ifg, of_ifg)
            multiply(dc, f[k], dc)
            matmul(da, self.w_h, dh_by)
            add(h_left, h_right, h_left)
            add(h_first, h_second, dh)
            matmul(da, self.w_x, dx_by)
            add(x_left, x_right, x_left)
            add(x_first, x_second, self.dxs[start + k])


def _halves(four: Array) -> tuple[Array, ...]:
    """Two and two to be added, and then one and one: sooner done than a sum of four."""
    return four[:2], four[2:], four[0], four[1]


def _divisor(number: int, limit: int) -> int:
    """The largest divisor up to a limit, or 1."""
    return max(d for d in range(1, max(1, limit) + 1) if number % d == 0)


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """Zeros that begin where a line of the cache begins."""
    bytes_ = math.prod(shape) * dtype.itemsize
    memory = np.zeros(bytes_ + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + bytes_].view(dtype).reshape(shape)
