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
