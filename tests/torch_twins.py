"""The graded functions once more, in torch, written from the formulas alone.

They share no line with the solutions and no idea of a backward pass: derivatives
come from autograd. All of it in float64, or in the dtype of what is put in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy, mse_loss, one_hot


def tensors(values: Mapping[str, Any], leaf: bool = True) -> dict[str, Any]:
    """Arrays as tensors; floats as leaves that collect gradients."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            tensor = torch.tensor(value)
            found[name] = tensor.requires_grad_(leaf and tensor.is_floating_point())
        else:
            found[name] = value
    return found


def states(xs, h0, W_xh, W_hh, b_h):
    """The states after each step, by the torch operations of one formula."""
    found, h = [], h0
    for x in xs.unbind(0):
        h = torch.tanh(torch.addmm(torch.addmm(b_h, h, W_hh), x, W_xh))
        found.append(h)
    return torch.stack(found)


def library_states(xs, h0, W_xh, W_hh, b_h):
    """The same by torch.nn.RNN, with our weights turned into its layout."""
    cell = torch.nn.RNN(len(W_xh), len(W_hh), dtype=xs.dtype)
    with torch.no_grad():
        cell.weight_ih_l0.copy_(W_xh.T)
        cell.weight_hh_l0.copy_(W_hh.T)
        cell.bias_ih_l0.copy_(b_h)
        cell.bias_hh_l0.zero_()
        return cell(xs, h0[None])[0]


def _grads(scalar, leaves: Mapping[str, Any]) -> dict[str, np.ndarray]:
    found = torch.autograd.grad(scalar, list(leaves.values()))
    pairs = zip(leaves, found, strict=True)
    return {f"d{name}": grad.detach().numpy() for name, grad in pairs}


def weights(t):
    return t["W_xh"], t["W_hh"], t["b_h"]


def step_backward(inputs):
    t = tensors(inputs)
    h_t = states(t["x_t"][None], t["h_prev"], *weights(t))[0]
    leaves = {n: t[n] for n in ("x_t", "h_prev", "W_xh", "W_hh", "b_h")}
    return _grads((h_t * t["dh_t"].detach()).sum(), leaves)


def backward(inputs):
    t = tensors(inputs)
    hs = states(t["xs"], t["h0"], *weights(t))
    leaves = {n: t[n] for n in ("xs", "h0", "W_xh", "W_hh", "b_h")}
    return _grads((hs * t["dhs"].detach()).sum(), leaves)


def softmax_loss(inputs):
    t = tensors(inputs)
    loss = cross_entropy(t["logits"][t["mask"]], t["targets"][t["mask"]])
    found = _grads(loss, {"logits": t["logits"]})
    return {"loss": loss.item(), **found}


def squared_loss(inputs):
    t = tensors(inputs)
    loss = mse_loss(t["pred"], t["target"].detach())
    return {"loss": loss.item(), **_grads(loss, {"pred": t["pred"]})}


def language_model(inputs):
    p, ids = tensors(inputs["params"]), torch.tensor(inputs["ids"])
    V, H = p["W_xh"].shape
    xs = one_hot(ids[:-1], V).to(p["W_xh"].dtype)
    hs = states(xs, xs.new_zeros(xs.shape[1], H), *weights(p))
    logits = hs @ p["W_hy"] + p["b_y"]
    loss = cross_entropy(logits.flatten(0, 1), ids[1:].flatten())
    return {"loss": loss.item(), **_grads(loss, p)}


def gradient_step(inputs):
    old = inputs["params"]
    p = tensors(old)
    xs, targets = torch.tensor(inputs["xs"]), torch.tensor(inputs["targets"])
    hs = states(xs, xs.new_zeros(xs.shape[1], len(p["W_hh"])), *weights(p))
    loss = mse_loss(hs @ p["W_hy"] + p["b_y"], targets)
    grads = _grads(loss, p)
    new = {name: v - inputs["lr"] * grads[f"d{name}"] for name, v in old.items()}
    return {"loss": loss.item(), **new}


def jacobians(inputs):
    """d hs[t, b, i] / d h0[b, j] for all t; (T, B, H, H)."""
    t = tensors(inputs, leaf=False)

    def of(h0):
        return states(t["xs"], h0, *weights(t))

    full = torch.autograd.functional.jacobian(of, t["h0"])  # (T, B, H, B, H)
    return torch.einsum("tbibj->tbij", full).numpy()


def text_window(inputs):
    """Mean loss over the last k1 predictions of a window, its gradients, a state."""
    p, ids = tensors(inputs["params"]), torch.tensor(inputs["ids"])
    k1, h0 = inputs["k1"], torch.tensor(inputs["h0"])
    xs = one_hot(ids[:-1], len(p["W_xh"])).to(h0.dtype)
    hs = states(xs, h0, *weights(p))
    late = torch.addmm(p["b_y"], hs[-k1:].flatten(0, 1), p["W_hy"])
    loss = cross_entropy(late, ids[-k1:].flatten())
    h_next = hs[k1 - 1].detach().numpy()
    return {"loss": loss.item(), **_grads(loss, p), "h_next": h_next}


# ------------------------------------------------------------------------- LSTM


def gated(x, h, c, W_x, W_h, b):
    """One LSTM step from the formulas, gates in the order i, f, g, o."""
    i, f, g, o = torch.addmm(torch.addmm(b, h, W_h), x, W_x).chunk(4, dim=1)
    c = torch.lerp(torch.zeros_like(c), c, f.sigmoid()) + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def lstm_weights(t):
    return t["W_x"], t["W_h"], t["b"]


def library_lstm(W_x, W_h, b, one_step=False):
    """torch.nn.LSTM, or its LSTMCell, as a function of our weights."""
    D, H = len(W_x), len(W_h)
    kind = torch.nn.LSTMCell if one_step else torch.nn.LSTM
    module, layer = kind(D, H, dtype=W_x.dtype), "" if one_step else "_l0"
    given = {
        f"weight_ih{layer}": W_x.T,
        f"weight_hh{layer}": W_h.T,
        f"bias_ih{layer}": b,
        f"bias_hh{layer}": torch.zeros_like(b),
    }

    def run(*args):
        return torch.func.functional_call(module, given, args)

    return run


def lstm_step(inputs):
    t = tensors(inputs, leaf=False)
    cell = library_lstm(*lstm_weights(t), one_step=True)
    h_t, c_t = cell(t["x_t"], (t["h_prev"], t["c_prev"]))
    return {"h_t": h_t.numpy(), "c_t": c_t.numpy()}


def lstm_states(inputs):
    """hs by torch.nn.LSTM; it shows no cell state but the last, so cs by formula."""
    t = tensors(inputs, leaf=False)
    hs, (_, last) = library_lstm(*lstm_weights(t))(
        t["xs"], (t["h0"][None], t["c0"][None])
    )
    cs, h, c = [], t["h0"], t["c0"]
    for x in t["xs"].unbind(0):
        h, c = gated(x, h, c, *lstm_weights(t))
        cs.append(c)
    assert torch.allclose(last[0], c, rtol=1e-12)
    return {"hs": hs.numpy(), "cs": torch.stack(cs).numpy()}


def lstm_step_grads(inputs):
    t = tensors(inputs)
    cell = library_lstm(*lstm_weights(t), one_step=True)
    h_t, c_t = cell(t["x_t"], (t["h_prev"], t["c_prev"]))
    leaves = {n: t[n] for n in ("x_t", "h_prev", "c_prev", "W_x", "W_h", "b")}
    upstream = t["dh_t"].detach(), t["dc_next"].detach()
    return _grads((h_t * upstream[0]).sum() + (c_t * upstream[1]).sum(), leaves)


def lstm_grads(inputs):
    t = tensors(inputs)
    hs, (_, last) = library_lstm(*lstm_weights(t))(
        t["xs"], (t["h0"][None], t["c0"][None])
    )
    leaves = {n: t[n] for n in ("xs", "h0", "c0", "W_x", "W_h", "b")}
    seen = (hs * t["dhs"].detach()).sum() + (last[0] * t["dc_T"].detach()).sum()
    return _grads(seen, leaves)


def lstm_paths(inputs):
    """d c_T / d c_t by autograd, each c_t a leaf from which h_t is shown again."""
    t = tensors(inputs, leaf=False)
    T, H = len(t["xs"]), t["h0"].shape[1]
    total, gates, shown = [], [], []
    h, c = t["h0"], t["c0"]
    for x in t["xs"].unbind(0):
        sums = x @ t["W_x"] + h @ t["W_h"] + t["b"]
        gates.append(sums[:, H : 2 * H].sigmoid())
        shown.append(sums[:, 3 * H :].sigmoid())
        h, c = gated(x, h, c, *lstm_weights(t))
        total.append(c)
    jacobians = []
    for k, c_k in enumerate(total):

        def last(c, k=k):
            h = shown[k] * c.tanh()
            for x in t["xs"][k + 1 :].unbind(0):
                h, c = gated(x, h, c, *lstm_weights(t))
            return c.sum(dim=0)  # the sequences do not know of each other

        J = torch.autograd.functional.jacobian(last, c_k)  # (H, B, H)
        jacobians.append(J.permute(1, 0, 2))
    ahead = [torch.stack([torch.ones_like(c), *gates[k + 1 :]]) for k in range(T)]
    direct = torch.stack([f.prod(dim=0) for f in ahead])
    return {"direct": direct.numpy(), "total": torch.stack(jacobians).numpy()}


def gru_states(xs, h0, W_x, W_h, b_x, b_h, reset):
    """The states of a GRU, from the formulas: sums over units, gates by chunks."""
    found, h = [], h0
    for x in xs.unbind(0):
        (x_r, x_z, x_n), (w_r, w_z, w_n) = (
            torch.addmm(b_x, x, W_x).chunk(3, dim=1),
            W_h.chunk(3, dim=1),
        )
        c_r, c_z, c_n = b_h.chunk(3)
        r = torch.sigmoid(torch.addmm(x_r + c_r, h, w_r))
        z = torch.sigmoid(torch.addmm(x_z + c_z, h, w_z))
        heard = (
            r * torch.addmm(c_n, h, w_n)
            if reset == "after"
            else torch.addmm(c_n, r * h, w_n)
        )
        h = torch.lerp(torch.tanh(x_n + heard), h, z)  # n + z (h - n)
        found.append(h)
    return torch.stack(found)


def library_gru(xs, h0, W_x, W_h, b_x, b_h, reset="after"):
    """The same by torch.nn.GRU, which knows one convention only."""
    assert reset == "after"
    cell = torch.nn.GRU(len(W_x), len(W_h), dtype=xs.dtype)
    names = "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"
    given = dict(zip(names, (W_x.T, W_h.T, b_x, b_h), strict=True))
    return torch.func.functional_call(cell, given, (xs, h0[None]))[0]


GRU_WEIGHTS = ("W_x", "W_h", "b_x", "b_h")


def gru_step_backward(inputs, by=gru_states):
    t = tensors(inputs)
    leaves = {n: t[n] for n in ("x_t", "h_prev", *GRU_WEIGHTS)}
    xs, h_prev, *rest = leaves.values()
    h_t = by(xs[None], h_prev, *rest, t["reset"])[0]
    return _grads((h_t * t["dh_t"].detach()).sum(), leaves)


def gru_backward(inputs, by=gru_states):
    t = tensors(inputs)
    leaves = {n: t[n] for n in ("xs", "h0", *GRU_WEIGHTS)}
    hs = by(*leaves.values(), t["reset"])
    return _grads((hs * t["dhs"].detach()).sum(), leaves)


def gru_in_parts(inputs):
    """Gradients of the three sums, and of the old state by where it is read.

    The old state goes in as four separate leaves, one for each place that reads it.
    """
    t = tensors(inputs, leaf=False)
    places = ("skip", "update", "reset", "candidate")
    h = {n: t["h_prev"].clone().requires_grad_() for n in places}
    a_r, a_z, x_n = (t["x_t"] @ t["W_x"] + t["b_x"]).chunk(3, dim=1)
    (w_r, w_z, w_n), (c_r, c_z, c_n) = t["W_h"].chunk(3, dim=1), t["b_h"].chunk(3)
    a_r = a_r + h["reset"] @ w_r + c_r
    a_z = a_z + h["update"] @ w_z + c_z
    r, z = torch.sigmoid(a_r), torch.sigmoid(a_z)
    if t["reset"] == "after":
        a_n = x_n + r * (h["candidate"] @ w_n + c_n)
    else:
        a_n = x_n + (r * h["candidate"]) @ w_n + c_n
    h_t = (1 - z) * torch.tanh(a_n) + z * h["skip"]
    leaves = {**h, "da_r": a_r, "da_z": a_z, "da_n": a_n}
    found = torch.autograd.grad((h_t * t["dh_t"]).sum(), list(leaves.values()))
    return {n: g.numpy() for n, g in zip(leaves, found, strict=True)}
