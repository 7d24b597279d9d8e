# %% [markdown]
# # The GRU
#
# A writer keeps one sheet of paper on the desk. With every sentence that comes
# in, two decisions are made about each word on the sheet. How much of it stays,
# and how much is overwritten? And before the new words are chosen: how much of
# the old text is worth reading for it? There is no second sheet, no drawer, no
# separate memory. One state, two gates: that is the gated recurrent unit, GRU.
#
# In this notebook you build it, forwards and backwards, in *both* of the forms
# that go by this name. They differ in one place, the reset gate, and with the
# same weights they compute different things. Many a GRU gradient, printed ones
# included, goes wrong there, or in the four ways by which a state reaches the
# next one. You will take these four apart, name them, and watch the
# gradient travel on them.
#
# The text behind it is chapter 7, *The GRU*, of the book.
#
# **Letters.** `T` steps, `B` sequences, `D` inputs, `H` units. The three blocks
# of the weights stand side by side, always in the order `r, z, n`: `W_x` is `(D,
# 3H)`, `W_h` is `(H, 3H)`, and there are two biases, `b_x` and `b_h`, of shape
# `(3H,)`. You will see in a moment why one is not enough.
#
# **House rules**, which the checks test: a function never modifies its inputs; a
# backward pass can be run twice on one cache; the float type follows the inputs;
# `T = 1` and `B = 1` work.

# %% given="imports"
import numpy as np

from unrolled import check, public_data

rng = np.random.default_rng(7)

# %% [markdown]
# ## What you bring along
#
# Paste your `stable_sigmoid` from notebook 02 into the next cell. There are no
# points for it here.

# %% solution="earlier" include="02-recurrent-cell: stable_sigmoid"

# %% [markdown]
# ## One step, two conventions
#
# {task:gru_step_forward}
#
# The two gates are computed alike, from everything there is:
#
# $$r = \sigma(x_t W_{xr} + b_{xr} + h_{t-1} W_{hr} + b_{hr}), \qquad
# z = \sigma(x_t W_{xz} + b_{xz} + h_{t-1} W_{hz} + b_{hz}).$$
#
# Then comes the candidate, the new words. Its recurrent part is called $q$ here,
# and this is where the two conventions part:
#
# * `reset="after"` the product: $q = h_{t-1} W_{hn} + b_{hn}$ and
#   $n = \tanh(x_t W_{xn} + b_{xn} + r \odot q)$.
# * `reset="before"` the product: $q = (r \odot h_{t-1})\, W_{hn} + b_{hn}$ and
#   $n = \tanh(x_t W_{xn} + b_{xn} + q)$.
#
# At the end the two meet again. The update gate $z$ says how much of the old
# state *stays*:
#
# $$h_t = (1 - z) \odot n + z \odot h_{t-1}.$$
#
# Look where $b_{hn}$ is in the first form: inside of what $r$ multiplies. That
# is why it cannot be added to $b_{xn}$, and why there are two biases.
#
# `reset` has no default. A GRU that silently takes the other form is the error
# that this notebook is about, so a word that is neither of the two must end in a
# `ValueError`.

# %% solution="gru_step_forward"
def gru_step_forward(x_t, h_prev, W_x, W_h, b_x, b_h, reset):
    """One step of a GRU, for a whole batch.

    x_t (B, D), h_prev (B, H), W_x (D, 3H), W_h (H, 3H), b_x and b_h (3H,),
    blocks in the order r, z, n. reset: "after" or "before" the product of
    the state with W_hn; ValueError for anything else.
    Returns h_t (B, H) and a cache dict: x_t, h_prev, r, z, n, q (each gate
    and the recurrent part q of the candidate (B, H)), W_x, W_h, reset.
    """
    ### BEGIN SOLUTION
    if reset not in ("after", "before"):
        raise ValueError(f'reset is "after" or "before", not {reset!r}')
    x_r, x_z, x_n = np.split(x_t @ W_x + b_x, 3, axis=1)  # (B, H) each
    W_hr, W_hz, W_hn = np.split(W_h, 3, axis=1)  # (H, H) each
    b_hr, b_hz, b_hn = np.split(b_h, 3)
    r = stable_sigmoid(x_r + h_prev @ W_hr + b_hr)
    z = stable_sigmoid(x_z + h_prev @ W_hz + b_hz)
    if reset == "after":
        q = h_prev @ W_hn + b_hn
        n = np.tanh(x_n + r * q)
    else:
        q = (r * h_prev) @ W_hn + b_hn
        n = np.tanh(x_n + q)
    h_t = (1 - z) * n + z * h_prev
    cache = {"x_t": x_t, "h_prev": h_prev, "r": r, "z": z, "n": n, "q": q}
    return h_t, {**cache, "W_x": W_x, "W_h": W_h, "reset": reset}
    ### END SOLUTION

# %% check="gru_step_forward"
check("gru_step_forward", gru_step_forward)

# %% [markdown]
# ## The whole sequence
#
# {task:gru_forward}
#
# As for the vanilla cell: the `h_t` of one step is the `h_prev` of the next.
# Call your own `gru_step_forward`. The cache is a dict with the key `steps`, the
# list of the `T` step caches in order.

# %% solution="gru_forward"
def gru_forward(xs, h0, W_x, W_h, b_x, b_h, reset):
    """Run a GRU over a sequence.

    xs (T, B, D), h0 (B, H), W_x (D, 3H), W_h (H, 3H), b_x and b_h (3H,),
    reset "after" or "before".
    Returns hs (T, B, H), with hs[t] the state after step t, and a cache dict
    whose key "steps" is the list of the T step caches.
    """
    ### BEGIN SOLUTION
    h_t, states, steps = h0, [], []
    for x_t in xs:
        h_t, cache = gru_step_forward(x_t, h_t, W_x, W_h, b_x, b_h, reset)
        states.append(h_t)
        steps.append(cache)
    return np.stack(states), {"steps": steps}
    ### END SOLUTION

# %% check="gru_forward"
check("gru_forward", gru_forward)

# %% [markdown]
# Does it matter which form one has? Below, both run over the same noise with the
# same weights, and you see by how much their states differ, relative to the size
# of the states. Change `b_h` to zero and run it again. Then let `W_hn`, the last
# third of `W_h`, be diagonal as well.

# %%
import matplotlib.pyplot as plt


def random_gru(rng, D, H, scale=1.0):
    """Weights as PyTorch starts them, times `scale`."""
    shapes = (D, 3 * H), (H, 3 * H), (3 * H,), (3 * H,)
    return [scale * rng.uniform(-1, 1, s) / H**0.5 for s in shapes]


T, B, D, H = 60, 8, 5, 32
xs, h0 = rng.normal(size=(T, B, D)), np.zeros((B, H))
fig, ax = plt.subplots(figsize=(6.5, 3))
for scale in (0.5, 1, 2, 4):
    weights = random_gru(rng, D, H, scale)
    after, _ = gru_forward(xs, h0, *weights, "after")
    before, _ = gru_forward(xs, h0, *weights, "before")
    apart = np.linalg.norm(after - before, axis=(1, 2))
    size = np.linalg.norm(after, axis=(1, 2))
    ax.semilogy(apart / size, label=f"weights times {scale}")
ax.set(xlabel="time step", ylabel="relative difference")
ax.set_title("The same weights, the other convention")
ax.legend()
plt.show()

# %% [markdown]
# ## Back through the gates
#
# {task:gru_gate_gradients}
#
# Now the way back. Do not try it in one go: whatever gradient of a GRU step you
# want, it is made of the same three. Call what goes into a gate's squashing
# function its pre-activation: $r = \sigma(a_r)$, $z = \sigma(a_z)$, $n =
# \tanh(a_n)$. Find the gradients of these three sums.
#
# *Through the mix.* In $h_t = (1-z) \odot n + z \odot h_{t-1}$, what multiplies
# $n$? And by how much does $h_t$ rise if $z$ rises by a little? (Collect the
# terms with $z$. If $n$ is larger than the old state, more $z$ makes $h_t$
# *smaller*.)
#
# *Through the squashing.* The slopes are $z(1-z)$ and $1 - n^2$.
#
# *To the reset gate.* $r$ acts through the candidate only. In the `"after"` form
# it multiplies $q$, entry by entry. In the `"before"` form it multiplies
# $h_{t-1}$, and between it and $a_n$ stands the matrix $W_{hn}$: the gradient
# has to go back through it first.

# %% solution="gru_gate_gradients"
def gru_gate_gradients(dh_t, cache):
    """The gradients of the three sums inside the gates.

    dh_t (B, H): gradient of the loss with respect to h_t.
    cache: what gru_step_forward saved: x_t, h_prev, r, z, n, q, W_x, W_h,
    reset.
    Returns a dict: da_r, da_z, da_n, each (B, H).
    """
    ### BEGIN SOLUTION
    h_prev, r, z, n = (cache[name] for name in ("h_prev", "r", "z", "n"))
    da_n = dh_t * (1 - z) * (1 - n**2)
    da_z = dh_t * (h_prev - n) * z * (1 - z)
    if cache["reset"] == "after":
        dr = da_n * cache["q"]
    else:
        W_hn = np.split(cache["W_h"], 3, axis=1)[2]
        dr = (da_n @ W_hn.T) * h_prev
    da_r = dr * r * (1 - r)
    return {"da_r": da_r, "da_z": da_z, "da_n": da_n}
    ### END SOLUTION

# %% check="gru_gate_gradients"
check("gru_gate_gradients", gru_gate_gradients)

# %% [markdown]
# ## Four ways to the old state
#
# {task:gru_paths}
#
# The old state is used four times in a step, so its gradient is a sum of four
# terms. Many a wrong GRU gradient has three. Give each one its name:
#
# * `skip`: straight through the mix, in $z \odot h_{t-1}$;
# * `update`: through $a_z$, of which $h_{t-1} W_{hz}$ is a part;
# * `reset`: through $a_r$, of which $h_{t-1} W_{hr}$ is a part;
# * `candidate`: as what the candidate reads, with $r$ held still. Here the two
#   conventions differ once more. Where does $r$ stand, on this side of
#   $W_{hn}^\top$ or on the other?
#
# Start from your `gru_gate_gradients`.

# %% solution="gru_paths"
def gru_paths(dh_t, cache):
    """The gradient of h_prev, taken apart into its four paths.

    dh_t (B, H); cache: what gru_step_forward saved.
    Returns a dict: skip, update, reset, candidate, each (B, H). Their sum is
    the gradient of the loss with respect to h_prev.
    """
    ### BEGIN SOLUTION
    da = gru_gate_gradients(dh_t, cache)
    W_hr, W_hz, W_hn = np.split(cache["W_h"], 3, axis=1)
    if cache["reset"] == "after":
        candidate = (da["da_n"] * cache["r"]) @ W_hn.T
    else:
        candidate = (da["da_n"] @ W_hn.T) * cache["r"]
    return {
        "skip": dh_t * cache["z"],
        "update": da["da_z"] @ W_hz.T,
        "reset": da["da_r"] @ W_hr.T,
        "candidate": candidate,
    }
    ### END SOLUTION

# %% check="gru_paths"
check("gru_paths", gru_paths)

# %% [markdown]
# Who carries the gradient? Below, a gradient of length one arrives at a random
# state of a network whose update gates are pushed open by a bias, more and more.
# With a large bias, $z$ is near one, the state is kept, and the whole gradient
# goes over the `skip` path, unharmed.

# %%
B, D, H = 64, 5, 32
W_x, W_h, b_x, b_h = random_gru(rng, D, H, 3.0)
x_t, h_prev = rng.normal(size=(B, D)), np.tanh(rng.normal(size=(B, H)))
dh_t = rng.normal(size=(B, H))
dh_t /= np.linalg.norm(dh_t, axis=1, keepdims=True)
biases = np.linspace(-4, 6, 21)
sizes = {"skip": [], "update": [], "reset": [], "candidate": []}
for bias in biases:
    moved = b_x.copy()
    moved[H : 2 * H] += bias  # the block of z
    _, cache = gru_step_forward(x_t, h_prev, W_x, W_h, moved, b_h, "after")
    for name, path in gru_paths(dh_t, cache).items():
        sizes[name].append(np.linalg.norm(path, axis=1).mean())

fig, ax = plt.subplots(figsize=(6.5, 3))
for name, curve in sizes.items():
    ax.semilogy(biases, curve, label=name)
ax.set(xlabel="bias of the update gate", ylabel="mean length of the path")
ax.legend()
plt.show()

# %% [markdown]
# ## One step back, all of it
#
# {task:gru_step_backward}
#
# The rest is bookkeeping, with one trap in it. `dx_t` and `dW_x` are easy: all
# three blocks of `W_x` got the same `x_t`, so put the three gradients of the
# pre-activations side by side, in the order `r, z, n`, and do as in chapter 3.
#
# For `W_h` and `b_h` ask what each block was multiplied with, and what its
# product was multiplied with afterwards. The blocks of $r$ and $z$ are as ever.
# In the block of $n$, one convention changes what goes *in*, the other what
# comes *out*. So `db_h` is not always equal to `db_x`.

# %% solution="gru_step_backward"
def gru_step_backward(dh_t, cache):
    """Backpropagate through one step of a GRU.

    dh_t (B, H); cache: what gru_step_forward saved.
    Returns a dict: dx_t (B, D), dh_prev (B, H), dW_x (D, 3H), dW_h (H, 3H),
    db_x (3H,), db_h (3H,).
    """
    ### BEGIN SOLUTION
    da_r, da_z, da_n = gru_gate_gradients(dh_t, cache).values()
    dh_prev = sum(gru_paths(dh_t, cache).values())
    h_prev, r = cache["h_prev"], cache["r"]
    after = cache["reset"] == "after"
    dq = da_n * r if after else da_n  # (B, H), what q gets
    read = h_prev if after else r * h_prev  # what W_hn was multiplied with
    da = np.concatenate([da_r, da_z, da_n], axis=1)  # (B, 3H)
    dW_hn = read.T @ dq
    dW_h = np.concatenate([h_prev.T @ da_r, h_prev.T @ da_z, dW_hn], axis=1)
    db_h = np.concatenate([da_r, da_z, dq], axis=1).sum(axis=0)
    return {
        "dx_t": da @ cache["W_x"].T,
        "dh_prev": dh_prev,
        "dW_x": cache["x_t"].T @ da,
        "dW_h": dW_h,
        "db_x": da.sum(axis=0),
        "db_h": db_h,
    }
    ### END SOLUTION

# %% check="gru_step_backward"
check("gru_step_backward", gru_step_backward)

# %% [markdown]
# ## Back along the sequence
#
# {task:gru_backward}
#
# As in chapter 3: at each step, add what arrives to what is carried; replace
# what is carried; add up what is shared.

# %% solution="gru_backward"
def gru_backward(dhs, cache):
    """Backpropagation through time for a GRU.

    dhs (T, B, H): at every step, the gradient that reaches hs[t] directly
    from the loss. cache: what gru_forward saved.
    Returns a dict: dxs (T, B, D), dh0 (B, H), dW_x (D, 3H), dW_h (H, 3H),
    db_x (3H,), db_h (3H,).
    """
    ### BEGIN SOLUTION
    dh_next = np.zeros_like(dhs[0])  # nothing comes from after the end
    dW_x = dW_h = db_x = db_h = 0
    dxs = []
    for t in reversed(range(len(dhs))):
        step = gru_step_backward(dhs[t] + dh_next, cache["steps"][t])
        dxs.append(step["dx_t"])
        dh_next = step["dh_prev"]  # carried
        dW_x = dW_x + step["dW_x"]  # accumulated
        dW_h = dW_h + step["dW_h"]
        db_x = db_x + step["db_x"]
        db_h = db_h + step["db_h"]
    return {
        "dxs": np.stack(dxs[::-1]),
        "dh0": dh_next,
        "dW_x": dW_x,
        "dW_h": dW_h,
        "db_x": db_x,
        "db_h": db_h,
    }
    ### END SOLUTION

# %% check="gru_backward"
check("gru_backward", gru_backward)

# %% [markdown]
# The instrument is ready. Let the loss look at the last state only, and see how
# much of the gradient arrives at each earlier input, for biases of the update
# gate from 0 to 4. Chapter 5 would have given a lot for the upper curves.

# %%
T, B, D, H = 80, 4, 5, 32
xs, h0 = rng.normal(size=(T, B, D)), np.zeros((B, H))
dhs = np.zeros((T, B, H))
dhs[-1] = rng.normal(size=(B, H))
fig, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
for ax, reset in zip(axes, ("after", "before")):
    for bias in (0, 1, 2, 4):
        W_x, W_h, b_x, b_h = random_gru(np.random.default_rng(1), D, H)
        b_x[H : 2 * H] += bias
        _, cache = gru_forward(xs, h0, W_x, W_h, b_x, b_h, reset)
        dxs = gru_backward(dhs, cache)["dxs"]
        curve = np.linalg.norm(dxs, axis=(1, 2))
        ax.semilogy(curve, label=f"bias {bias}")
    ax.set(xlabel="time step t", title=f"reset {reset}")
axes[0].set_ylabel("size of dxs[t]")
axes[0].legend()
plt.show()

# %% [markdown]
# ## Can it be rewritten?
#
# {task:can_be_rewritten}
#
# You have weights that were trained in one convention, and a library that knows
# only the other. Can the numbers be changed such that it computes the same?
#
# `cells` is a list of nine dicts with `W_x`, `W_h`, `b_x`, `b_h` and `reset`,
# the convention that each was made for. Let the update gate stay as it is. You
# may choose everything else anew, the blocks of $r$ and of $n$. Say for each
# cell whether a cell of the *other* convention, with as many units, can have the
# same candidate $n$ for *all* inputs and *all* old states:
#
# * **0**: no;
# * **1**: yes, and with the very same numbers;
# * **2**: yes, but some numbers have to be changed.
#
# Think of one unit $i$ that listens to a unit $j$ through the weight
# $(W_{hn})_{ji}$. In one convention the value that it hears is multiplied by the
# gate of the *sender* $j$, in the other by the gate of the *receiver* $i$. When
# can one be replaced by the other? And what becomes of $b_{hn}$? Then look at
# the nine cells: which units have the same reset gate, and which have one that
# is stuck at a constant, whatever comes in?

# %% given="cells"
cells = public_data("07-gru", "cells")
for k, cell in enumerate(cells):
    print(k, cell["reset"], *(f"{n} {cell[n].shape}" for n in ("W_x", "W_h")))

# %% solution="can_be_rewritten"
def can_be_rewritten():
    """0, 1 or 2 for each of the nine cells.

    Returns a list of nine integers.
    """
    ### BEGIN SOLUTION
    classes = []
    for cell in cells:
        (D, _), H = cell["W_x"].shape, len(cell["W_h"])
        weights = [cell[name] for name in ("W_x", "W_h", "b_x", "b_h")]
        noise = np.random.default_rng(0).normal(size=(9, 5, D))
        start = np.random.default_rng(1).normal(size=(5, H))
        one, _ = gru_forward(noise, start, *weights, "after")
        other, _ = gru_forward(noise, start, *weights, "before")

        W_hn, b_hn = cell["W_h"][:, 2 * H :], cell["b_h"][2 * H :]
        into = cell["W_x"], cell["W_h"], cell["b_x"] + cell["b_h"]
        gates = np.vstack(into)[:, :H]
        stuck = ~gates[:-1].any(axis=0)
        listens = W_hn if cell["reset"] == "after" else W_hn.T
        possible = cell["reset"] == "before" or stuck[b_hn != 0].all()
        for row in listens:  # all units at the other ends of j's connections
            met = gates[:, row != 0]
            alike = (met == met[:, :1]).all() or stuck[row != 0].all()
            possible = possible and alike
        same = np.allclose(one, other, rtol=1e-10)
        classes.append(1 if same else 2 if possible else 0)
    return classes
    ### END SOLUTION

# %% check="can_be_rewritten"
check("can_be_rewritten", can_be_rewritten)

# %% [markdown]
# ## Weights from elsewhere
#
# {task:from_elsewhere}
#
# Somebody sends you a trained GRU, as three arrays that were saved by another
# library. `kernel` is `(D, 3H)` and `recurrent` is `(H, 3H)`. `order` says in
# which order *their* blocks stand: Keras, for one, has `"zrn"`. `bias` has
# either two rows, `(2, 3H)`, one for the inputs and one for the state, or it is
# a single one of shape `(3H,)`, which belongs to the inputs.
#
# And `z_keeps` tells what their update gate means. If it is `True`, then their
# $z = 1$ keeps the old state, as ours does. If it is `False`, they mix as $h_t =
# z \odot n + (1 - z) \odot h_{t-1}$, as one of the first papers does. You need
# not change any formula for this: $1 - \sigma(a) = \sigma(?)$
#
# Return our four arrays.

# %% solution="from_elsewhere"
def from_elsewhere(kernel, recurrent, bias, order, z_keeps):
    """A GRU's weights in our layout.

    kernel (D, 3H), recurrent (H, 3H), bias (2, 3H) or (3H,); order: a string
    of the letters r, z, n; z_keeps: whether their z = 1 keeps the old state.
    Returns {"W_x": (D, 3H), "W_h": (H, 3H), "b_x": (3H,), "b_h": (3H,)},
    blocks in the order r, z, n, for a z that keeps.
    """
    ### BEGIN SOLUTION
    def ours(array):
        theirs = dict(zip(order, np.split(array, 3, axis=-1)))
        z = theirs["z"] if z_keeps else -theirs["z"]
        return np.concatenate([theirs["r"], z, theirs["n"]], axis=-1)

    b_x, b_h = bias if bias.ndim == 2 else (bias, np.zeros_like(bias))
    return {
        "W_x": ours(kernel),
        "W_h": ours(recurrent),
        "b_x": ours(b_x),
        "b_h": ours(b_h),
    }
    ### END SOLUTION

# %% check="from_elsewhere"
check("from_elsewhere", from_elsewhere)

# %% [markdown]
# ## Your GRU learns
#
# Here is a task for a cell that decides for itself what to keep. Numbers come
# in, one a step. Now and then one of them is marked, and from then on, until the
# next mark, the network has to say the marked one at every step. A vanilla RNN
# has to hold a value in a state that every step disturbs. A GRU can close its
# gate.
#
# The networks are trained with your gradients and RMSprop, for a quarter of a
# minute. Both conventions start from the same weights.

# %%
def latch_task(rng, T=24, B=24):
    """Inputs (T, B, 2), value and mark; targets (T, B, 1), the last marked."""
    values = rng.uniform(-1, 1, size=(T, B))
    marks = rng.random(size=(T, B)) < 0.15
    marks[0] = True
    held, targets = values[0], []
    for value, mark in zip(values, marks):
        held = np.where(mark, value, held)
        targets.append(held)
    return np.stack([values, marks], axis=-1), np.stack(targets)[..., None]


def train(reset, H=16, updates=250, rate=0.01):
    rng = np.random.default_rng(3)
    names = "W_x", "W_h", "b_x", "b_h"
    params = dict(zip(names, random_gru(rng, 2, H)))
    params["W_y"] = rng.normal(size=(H, 1)) / H**0.5
    square = {name: np.zeros_like(p) for name, p in params.items()}
    losses = []
    for _ in range(updates):
        xs, targets = latch_task(rng)
        h0 = np.zeros((xs.shape[1], H))
        hs, cache = gru_forward(xs, h0, *(params[n] for n in names), reset)
        diff = hs @ params["W_y"] - targets
        dys = 2 * diff / diff.size
        back = gru_backward(dys @ params["W_y"].T, cache)
        grads = {name: back[f"d{name}"] for name in names}
        grads["W_y"] = np.einsum("tbh,tbv->hv", hs, dys)
        for name, g in grads.items():
            square[name] += 0.05 * (g**2 - square[name])
            params[name] -= rate * g / (np.sqrt(square[name]) + 1e-6)
        losses.append((diff**2).mean())
    return params, losses


fig, ax = plt.subplots(figsize=(6.5, 3))
trained = {}
for reset in ("after", "before"):
    trained[reset], losses = train(reset)
    ax.semilogy(losses, label=f"reset {reset}")
ax.axhline(1 / 3, ls="--", color="grey")  # the variance of the targets
ax.set(xlabel="update", ylabel="mean squared error")
ax.legend()
plt.show()

# %% [markdown]
# And now look inside. Above, the marked values and what the network says; below,
# its update gates. White is $z = 1$, keep; dark is $z = 0$, overwrite. Nobody
# told the gates what a mark is.

# %%
xs, targets = latch_task(np.random.default_rng(12), T=60, B=1)
p = trained["after"]
weights = p["W_x"], p["W_h"], p["b_x"], p["b_h"]
hs, cache = gru_forward(xs, np.zeros((1, len(p["W_h"]))), *weights, "after")
z = np.stack([step["z"][0] for step in cache["steps"]])

fig, axes = plt.subplots(2, 1, figsize=(8, 4.2), sharex=True)
axes[0].step(range(60), targets[:, 0, 0], where="mid", color="grey")
axes[0].plot((hs @ p["W_y"])[:, 0, 0], color="C0")
for t in np.flatnonzero(xs[:, 0, 1]):
    axes[0].axvline(t, color="C1", lw=0.8)
axes[0].set_ylabel("held, and said")
by_marks = z[xs[:, 0, 1] == 1].mean(axis=0).argsort()
axes[1].imshow(z[:, by_marks].T, aspect="auto", cmap="gray", vmin=0, vmax=1)
axes[1].set(xlabel="time step", ylabel="unit")
plt.show()

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in the
# course's folder, `python -m unrolled check 07-gru`. The grader runs the same
# functions on numbers that nobody has seen.
