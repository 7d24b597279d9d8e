"""09-port in other styles: each is right, and has to get every value point."""

# ---------------------------------------------------------------------- functional

# %% variant="functional" cell="numpy_to_torch"
import numpy as np


def numpy_to_torch(params, kind):
    names = {
        "rnn": ("W_xh", "W_hh", "b_h"),
        "lstm": ("W_x", "W_h", "b"),
        "gru": ("W_x", "W_h", "b_x", "b_h"),
    }
    if kind not in names:
        raise ValueError(kind)
    arrays = [np.array(params[n].T, order="C") for n in names[kind]]
    if len(arrays) == 3:
        arrays.append(np.zeros_like(arrays[2]))
    keys = "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"
    return {k: torch.from_numpy(a) for k, a in zip(keys, arrays)}


# %% variant="functional" cell="RNNCell"
import torch.nn.functional as F


class RNNCell(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        for name, shape in {"W_xh": (D, H), "W_hh": (H, H), "b_h": (H,)}.items():
            self.register_parameter(name, nn.Parameter(0.1 * torch.randn(shape)))

    def forward(self, x_t, h_prev=None):
        a = F.linear(x_t, self.W_xh.T, self.b_h)
        if h_prev is not None:
            a = a + F.linear(h_prev, self.W_hh.T)
        else:
            a = a + 0 * self.W_hh.sum()
        return a.tanh()


# %% variant="functional" cell="LSTMCell"
import torch.nn.functional as F


class LSTMCell(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W_x = nn.Parameter(torch.randn(D, 4 * H))
        self.W_h = nn.Parameter(torch.randn(H, 4 * H))
        self.b = nn.Parameter(torch.randn(4 * H))

    def forward(self, x_t, state=None):
        if state is None:
            size = x_t.size(0), self.H
            h = torch.zeros(size, device=x_t.device, dtype=x_t.dtype)
            c = torch.zeros_like(h)
        else:
            h, c = state
        a = F.linear(x_t, self.W_x.mT, self.b) + F.linear(h, self.W_h.mT)
        i, f, g, o = torch.split(a, self.H, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


# %% variant="functional" cell="GRUCell"
import torch.nn.functional as F


class GRUCell(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.W_x = nn.Parameter(torch.randn(D, 3 * H))
        self.W_h = nn.Parameter(torch.randn(H, 3 * H))
        self.b_x = nn.Parameter(torch.zeros(3 * H))
        self.b_h = nn.Parameter(torch.zeros(3 * H))

    def forward(self, x_t, h_prev=None):
        if h_prev is None:
            h_prev = torch.zeros_like(x_t[:, :1]).expand(-1, self.W_h.shape[0])
        gi = F.linear(x_t, self.W_x.T, self.b_x).split(self.W_h.shape[0], 1)
        gh = F.linear(h_prev, self.W_h.T, self.b_h).split(self.W_h.shape[0], 1)
        r = torch.sigmoid(gi[0] + gh[0])
        z = torch.sigmoid(gi[1] + gh[1])
        n = torch.tanh(gi[2] + r * gh[2])
        return n + z * (h_prev - n)


# %% variant="functional" cell="LSTMFunction"
class LSTMFunction(torch.autograd.Function):
    @staticmethod
    def run(xs, h, c, W_x, W_h, b):
        hs = []
        for x in xs.unbind():
            i, f, g, o = (x @ W_x + h @ W_h + b).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            hs.append(h)
        return torch.stack(hs), c

    @staticmethod
    def forward(ctx, *inputs):
        ctx.save_for_backward(*inputs)
        return LSTMFunction.run(*inputs)

    @staticmethod
    def backward(ctx, dhs, dc_T):
        """Nothing saved but the inputs: all of it is computed once more."""
        inputs = [t.detach().requires_grad_() for t in ctx.saved_tensors]
        with torch.enable_grad():
            out = LSTMFunction.run(*inputs)
        return torch.autograd.grad(out, inputs, (dhs, dc_T))


# %% variant="functional" cell="select_last"
def select_last(output, h_n, lengths, batch_first):
    if not batch_first:
        output = output.permute(1, 0, 2)
    B, T, width = output.shape
    H = h_n.shape[2]
    where = (lengths - 1).view(B, 1, 1).expand(B, 1, width)
    last = output.gather(1, where).squeeze(1)
    if width == H:
        return last, h_n[-1]
    last = torch.cat([last[:, :H], output[:, 0, H:]], 1)
    return last, torch.cat([h_n[-2], h_n[-1]], 1)


# ------------------------------------------------------------------------ one product

# %% variant="one product" cell="numpy_to_torch"
def numpy_to_torch(params, kind):
    def turned(W):
        return torch.as_tensor(W).t().clone()

    if kind == "rnn":
        W_x, W_h, *b = params["W_xh"], params["W_hh"], params["b_h"]
    elif kind == "lstm":
        W_x, W_h, *b = params["W_x"], params["W_h"], params["b"]
    elif kind == "gru":
        W_x, W_h, *b = params["W_x"], params["W_h"], params["b_x"], params["b_h"]
    else:
        raise ValueError(f"unknown {kind}")
    b = [torch.as_tensor(x).clone() for x in b]
    return {
        "weight_ih_l0": turned(W_x),
        "weight_hh_l0": turned(W_h),
        "bias_ih_l0": b[0],
        "bias_hh_l0": b[1] if len(b) > 1 else torch.zeros_like(b[0]),
    }


# %% variant="one product" cell="RNNCell"
class RNNCell(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.W_xh, self.W_hh = start(H, D, H), start(H, H, H)
        self.b_h = nn.Parameter(torch.zeros(H))

    def forward(self, x_t, h_prev=None):
        W = torch.cat([self.W_xh, self.W_hh])
        if h_prev is None:
            h_prev = torch.zeros(x_t.shape[0], W.shape[1]).to(x_t)
        return torch.addmm(self.b_h, torch.cat([x_t, h_prev], 1), W).tanh()


# %% variant="one product" cell="LSTMCell"
class LSTMCell(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.W_x, self.W_h = start(H, D, 4 * H), start(H, H, 4 * H)
        self.b = nn.Parameter(torch.zeros(4 * H))

    def forward(self, x_t, state=None):
        H = self.W_h.size(0)
        if state is None:
            state = [x_t.new_full((x_t.size(0), H), 0.0)] * 2
        both = torch.cat([x_t, state[0]], dim=1)
        a = both @ torch.cat([self.W_x, self.W_h]) + self.b
        i, f, o = (a[:, k * H : (k + 1) * H].sigmoid() for k in (0, 1, 3))
        c_t = torch.addcmul(f * state[1], i, a[:, 2 * H : 3 * H].tanh())
        return o * c_t.tanh(), c_t


# %% variant="one product" cell="GRUCell"
class GRUCell(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.W_x, self.W_h = start(H, D, 3 * H), start(H, H, 3 * H)
        self.b_x, self.b_h = start(H, 3 * H), start(H, 3 * H)

    def forward(self, x_t, h_prev=None):
        H = self.H
        if h_prev is None:
            h_prev = x_t.new_zeros((x_t.shape[0], H))
        from_x = x_t @ self.W_x + self.b_x
        from_h = torch.matmul(h_prev, self.W_h).add(self.b_h)
        gates = torch.sigmoid(from_x[:, : 2 * H] + from_h[:, : 2 * H])
        r, z = gates[:, :H], gates[:, H:]
        n = torch.tanh(from_x[:, 2 * H :] + r * from_h[:, 2 * H :])
        return torch.lerp(n, h_prev, z)


# %% variant="one product" cell="LSTMFunction"
class LSTMFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, xs, h0, c0, W_x, W_h, b):
        T, B, _ = xs.shape
        H = h0.shape[1]
        hs, cs = xs.new_empty(T + 1, B, H), xs.new_empty(T + 1, B, H)
        acts = xs.new_empty(T, B, 4 * H)
        hs[0], cs[0] = h0, c0
        ahead = xs @ W_x + b
        for t in range(T):
            a = ahead[t] + hs[t] @ W_h
            act = a.sigmoid()
            act[:, 2 * H : 3 * H] = a[:, 2 * H : 3 * H].tanh()
            acts[t] = act
            i, f, g, o = act.chunk(4, 1)
            cs[t + 1] = f * cs[t] + i * g
            hs[t + 1] = o * cs[t + 1].tanh()
        ctx.save_for_backward(xs, W_x, W_h, hs, cs, acts)
        return hs[1:].clone(), cs[T].clone()

    @staticmethod
    def backward(ctx, dhs, dc_T):
        xs, W_x, W_h, hs, cs, acts = ctx.saved_tensors
        dxs, dW_x, dW_h = torch.empty_like(xs), 0 * W_x, 0 * W_h
        db, dh, dc = 0 * W_x[0], 0 * hs[0], dc_T
        for t in range(len(xs) - 1, -1, -1):
            i, f, g, o = acts[t].chunk(4, 1)
            dh = dh + dhs[t]
            tanh_c = cs[t + 1].tanh()
            dc = dc + dh * o * (1 - tanh_c * tanh_c)
            da = torch.cat(
                [
                    dc * g * i * (1 - i),
                    dc * cs[t] * f * (1 - f),
                    dc * i * (1 - g * g),
                    dh * tanh_c * o * (1 - o),
                ],
                1,
            )
            dxs[t] = da @ W_x.T
            dW_x = dW_x + xs[t].T @ da
            dW_h = dW_h + hs[t].T @ da
            db = db + da.sum(0)
            dh, dc = da @ W_h.T, dc * f
        return dxs, dh, dc, dW_x, dW_h, db


# %% variant="one product" cell="select_last"
def select_last(output, h_n, lengths, batch_first):
    if batch_first:
        output = output.movedim(1, 0)
    T, B, H = *output.shape[:2], h_n.shape[-1]
    steps = torch.arange(T, device=lengths.device)[:, None]
    end = (steps == lengths - 1)[..., None]
    ahead = torch.where(end, output[..., :H], 0).sum(dim=0)
    ways = output.shape[2] // H
    if ways == 1:
        return ahead, h_n[-1].clone()
    top = h_n.reshape(-1, 2, B, H)[-1]
    return torch.hstack((ahead, output[0][:, H:])), torch.hstack(tuple(top))


# -------------------------------------------------------------------------- in steps

# %% variant="in steps" cell="numpy_to_torch" loses="numpy_to_torch: purity"
def numpy_to_torch(params, kind):
    """The biases are still the caller's memory."""
    if kind == "gru":
        W_x, W_h, b_x, b_h = (params[k] for k in ("W_x", "W_h", "b_x", "b_h"))
        b_x, b_h = torch.from_numpy(b_x), torch.from_numpy(b_h)
    elif kind in ("rnn", "lstm"):
        W_x, W_h, b_x = params.values()
        b_x = torch.from_numpy(b_x)
        b_h = b_x * 0
    else:
        raise ValueError("kind")
    W_x, W_h = torch.tensor(W_x.T), torch.tensor(W_h.T)
    found = {"weight_ih_l0": W_x, "weight_hh_l0": W_h}
    found["bias_ih_l0"], found["bias_hh_l0"] = b_x, b_h
    return found


# %% variant="in steps" cell="RNNCell" loses="RNNCell: purity"
class RNNCell(nn.Module):
    """Its first state is made where nobody asked for it."""

    def __init__(self, D, H):
        super().__init__()
        self.W_xh = nn.Parameter(torch.rand(D, H) - 0.5)
        self.W_hh = nn.Parameter(torch.rand(H, H) - 0.5)
        self.b_h = nn.Parameter(torch.zeros(H))

    def forward(self, x_t, h_prev=None):
        if h_prev is None:
            h_prev = torch.zeros(x_t.shape[0], self.W_hh.shape[0])
        a_x = torch.einsum("bd,dh->bh", x_t, self.W_xh)
        a_h = torch.einsum("bk,kh->bh", h_prev, self.W_hh)
        return torch.tanh(a_x + a_h + self.b_h)


# %% variant="in steps" cell="LSTMCell"
class LSTMCell(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.params = nn.ParameterDict()
        self.W_x = nn.Parameter(torch.rand(D, 4 * H) - 0.5)
        self.W_h = nn.Parameter(torch.rand(H, 4 * H) - 0.5)
        self.b = nn.Parameter(torch.zeros(4 * H))
        self.register_buffer("zero", torch.zeros(1, H))

    def forward(self, x_t, state=None):
        B = x_t.shape[0]
        if state is None:
            state = self.zero.repeat(B, 1), self.zero.repeat(B, 1)
        h, c = state
        a = (x_t.mm(self.W_x) + h.mm(self.W_h) + self.b).view(B, 4, -1)
        i, f, g, o = a[:, 0], a[:, 1], a[:, 2], a[:, 3]
        c = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()))
        h = o.sigmoid().mul(c.tanh())
        return h, c


# %% variant="in steps" cell="GRUCell"
class GRUCell(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        shapes = {"W_x": (D, 3 * H), "W_h": (H, 3 * H), "b_x": 3 * H, "b_h": 3 * H}
        for name, shape in shapes.items():
            setattr(self, name, nn.Parameter(torch.zeros(shape)))

    def forward(self, x_t, h_prev=None):
        if h_prev is None:
            h_prev = self.W_h.new_zeros(x_t.shape[0], self.W_h.shape[0])
        W_xr, W_xz, W_xn = self.W_x.chunk(3, 1)
        W_hr, W_hz, W_hn = self.W_h.chunk(3, 1)
        b_xr, b_xz, b_xn = self.b_x.chunk(3)
        b_hr, b_hz, b_hn = self.b_h.chunk(3)
        r = torch.sigmoid(x_t @ W_xr + b_xr + h_prev @ W_hr + b_hr)
        z = torch.sigmoid(x_t @ W_xz + b_xz + h_prev @ W_hz + b_hz)
        n = torch.tanh(x_t @ W_xn + b_xn + r * (h_prev @ W_hn + b_hn))
        return z * h_prev + (1 - z) * n


# %% variant="in steps" cell="LSTMFunction" loses="LSTMFunction: purity"
class LSTMFunction(torch.autograd.Function):
    """Adds what is carried into the upstream gradient."""

    @staticmethod
    def forward(ctx, xs, h0, c0, W_x, W_h, b):
        h, c, saved, hs = h0, c0, [], []
        for x in xs:
            i, f, g, o = torch.split(x @ W_x + h @ W_h + b, h0.shape[1], 1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            saved += [i, f, g, o, h, c]
            c = f * c + i * g
            h = o * c.tanh()
            hs.append(h)
        ctx.save_for_backward(xs, W_x, W_h, *saved)
        return torch.stack(hs), c

    @staticmethod
    def backward(ctx, dhs, dc_T):
        xs, W_x, W_h, *saved = ctx.saved_tensors
        dW_x, dW_h = torch.zeros_like(W_x), torch.zeros_like(W_h)
        db, dxs, dc = torch.zeros_like(W_x[0]), [], dc_T
        for t in range(len(xs))[::-1]:
            i, f, g, o, h, c = saved[6 * t : 6 * t + 6]
            dh, shown = dhs[t], (f * c + i * g).tanh()
            dc = dc + dh * o * (1 - shown**2)
            parts = dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2)
            da = torch.cat([*parts, dh * shown * o * (1 - o)], 1)
            dW_x += xs[t].T @ da
            dW_h += h.T @ da
            db += da.sum(0)
            dxs.insert(0, da @ W_x.T)
            dc = dc * f
            before = da @ W_h.T
            if t:
                dhs[t - 1] += before
        return torch.stack(dxs), before, dc, dW_x, dW_h, db


# %% variant="in steps" cell="select_last" loses="select_last: purity"
def select_last(output, h_n, lengths, batch_first):
    """Asks for the lengths one by one, which a GPU has to wait for."""
    if batch_first:
        output = output.transpose(1, 0)
    H, rows = h_n.shape[-1], []
    for b in range(output.shape[1]):
        n = int(lengths[b])
        rows.append(torch.cat([output[n - 1, b, :H], output[0, b, H:]]))
    K = output.shape[-1] // H
    states = [torch.cat([h_n[k - K, b] for k in range(K)]) for b in range(len(rows))]
    return torch.stack(rows), torch.stack(states)
