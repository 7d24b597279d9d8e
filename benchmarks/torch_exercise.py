"""An exercise in torch that is only measured: a copy of the course, with it added.

`solutions/99-torch` is written into the copy, derived there, and thrown away with it.
Three functions: one LSTM step with torch's weights, a sequence of them, and a few steps
of training; right solutions, and some with one of three bugs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from autograder.exercise import ROOT

SLUG = "99-torch"
COPIED = ("autograder", "unrolled", "benchmarks", "solutions", "exercises")
FILES = ("nbgrader_config.py", "pyproject.toml")

NOTEBOOK = '''\
# %% [markdown]
# # An LSTM in torch

# %% given="imports"
import numpy as np
import torch

from unrolled import check

# %% [markdown]
# {task:lstm_step}

# %% solution="lstm_step"
def lstm_step(x_t, h_prev, c_prev, W_x, W_h, b):
    """One step; gates in torch's order i, f, g, o."""
    ### BEGIN SOLUTION
    x_t, h_prev, c_prev, W_x, W_h, b = (
        torch.as_tensor(a) for a in (x_t, h_prev, c_prev, W_x, W_h, b)
    )
    i, f, g, o = (x_t @ W_x + h_prev @ W_h + b).chunk(4, dim=-1)
    c_t = torch.sigmoid(f) * c_prev + torch.sigmoid(i) * torch.tanh(g)
    h_t = torch.sigmoid(o) * torch.tanh(c_t)
    return h_t, c_t
    ### END SOLUTION

# %% check="lstm_step"
check("lstm_step", lstm_step)

# %% [markdown]
# {task:lstm_states}

# %% solution="lstm_states"
def lstm_states(xs, h0, c0, W_x, W_h, b):
    """The states of a whole sequence, from nn.LSTMCell with these weights."""
    ### BEGIN SOLUTION
    cell = torch.nn.LSTMCell(W_x.shape[0], W_h.shape[0], dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.as_tensor(W_x).T)
        cell.weight_hh.copy_(torch.as_tensor(W_h).T)
        cell.bias_ih.copy_(torch.as_tensor(b))
        cell.bias_hh.zero_()
        state, hs = (torch.as_tensor(h0), torch.as_tensor(c0)), []
        for x_t in torch.as_tensor(xs):
            state = cell(x_t, state)
            hs.append(state[0])
    return torch.stack(hs)
    ### END SOLUTION

# %% check="lstm_states"
check("lstm_states", lstm_states)

# %% [markdown]
# {task:fit}

# %% solution="fit"
def fit(xs, ys, W, lr, steps):
    """Gradient descent on the mean squared error of tanh(xs @ W)."""
    ### BEGIN SOLUTION
    W = torch.nn.Parameter(torch.tensor(W))
    optimiser = torch.optim.SGD([W], lr=lr)
    for _ in range(steps):
        optimiser.zero_grad()
        error = torch.tanh(torch.as_tensor(xs) @ W) - torch.as_tensor(ys)
        (error**2).mean().backward()
        optimiser.step()
    return W.detach()
    ### END SOLUTION

# %% check="fit"
check("fit", fit)

# %%
rng = np.random.default_rng(0)
xs, W = rng.normal(size=(200, 4)), rng.normal(size=(4, 2))
print(fit(xs, np.tanh(xs @ W), 0 * W, 1.0, 100), W)
'''

CASES = '''\
"""What 99-torch asks for."""

from autograder.cases import Vary
from unrolled.task import Task

TITLE = "An LSTM in torch"
_POINTS = {"values": 3, "shapes": 1}
_W = ("W_x", "W_h", "b")

TASKS = (
    Task("lstm_step", "Exercise 99.1", args=("x_t", "h_prev", "c_prev", *_W),
         returns=("h_t", "c_t"), points=_POINTS, read="nowhere"),
    Task("lstm_states", "Exercise 99.2", args=("xs", "h0", "c0", *_W),
         returns=("hs",), points=_POINTS, read="nowhere"),
    Task("fit", "Exercise 99.3", args=("xs", "ys", "W", "lr", "steps"),
         returns=("W",), points=_POINTS, read="nowhere"),
)


def _weights(rng, D, H):
    shapes = {"W_x": (D, 4 * H), "W_h": (H, 4 * H), "b": (4 * H,)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def lstm_step(rng, B=3, D=4, H=5):
    states = {name: rng.normal(size=(B, H)) for name in ("h_prev", "c_prev")}
    return {"x_t": rng.normal(size=(B, D)), **states, **_weights(rng, D, H)}


def lstm_states(rng, T=7, B=3, D=4, H=5):
    states = {name: rng.normal(size=(B, H)) for name in ("h0", "c0")}
    return {"xs": rng.normal(size=(T, B, D)), **states, **_weights(rng, D, H)}


def fit(rng, N=40, D=4, M=2, steps=20):
    found = {"xs": rng.normal(size=(N, D)), "ys": rng.uniform(-0.5, 0.5, size=(N, M))}
    return {**found, "W": rng.normal(size=(D, M)), "lr": 0.5, "steps": steps}


CASES = {
    "lstm_step": (Vary("two inputs"), Vary("B=1", "shapes", B=1)),
    "lstm_states": (Vary("seven steps"), Vary("T=1", "shapes", T=1)),
    "fit": (Vary("twenty steps"), Vary("one step", "shapes", steps=1)),
}
'''

BUGS = '''\
"""A few mistakes."""

from autograder.exercise import Edit

BUGS = {
    "lstm_step": [
        Edit("no-cell-tanh", "torch.tanh(c_t)", "c_t", "the tanh is missing."),
    ],
    "lstm_states": [
        Edit("untransposed", "hs.append(state[0])", "hs.append(state[1])",
             "these are the cells, not the states."),
    ],
    "fit": [
        Edit("gradients-add", "        optimiser.zero_grad()\\n", "",
             "the gradients of earlier steps were never cleared."),
    ],
}
'''


def add(folder: Path) -> None:
    """A copy of the course in `folder`, with the exercise added and derived."""
    for name in COPIED:
        skip = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    place = folder / "solutions" / SLUG
    place.mkdir()
    for name, text in (("notebook", NOTEBOOK), ("cases", CASES), ("bugs", BUGS)):
        (place / f"{name}.py").write_text(text, "utf-8")
    derive = [sys.executable, "-m", "autograder", "derive", SLUG]
    subprocess.run(derive, cwd=folder, check=True, capture_output=True)
