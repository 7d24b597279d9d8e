# %% [markdown]
# # Speed
#
# A courier has a fast car and a slow habit. Eight times per street he drives to
# the depot, fetches one parcel, and drives back. Nobody can make the streets
# shorter: each one begins where the last one ended. But he could fetch all that
# he needs for a street at once, and what does not depend on the way at all he
# could have loaded in the morning. And if his car is too small for the list of
# all the houses where he has been, he could write down every tenth one, and
# walk the rest again when somebody asks.
#
# In this notebook you make your LSTM fast in the same ways, without changing
# one of its numbers. First you work out what a step costs, and which of three
# things it waits for. Then one product takes the place of eight, the inputs'
# part leaves the loop, and memory is bought with time. At the end you put the
# three steps of mixed precision into the one right order.
#
# The checks count, they do not time: seconds depend on the machine, the number
# of products does not.
#
# The text behind it is chapter 11, *Speed*.
#
# **Letters.** As ever: `T` steps, `B` sequences, `D` inputs, `H` units. An
# LSTM's gates stand in the order `i, f, g, o`.

# %% given="imports"
import numpy as np
import torch

from unrolled import check

torch.set_num_threads(1)

# %% [markdown]
# ## What one step costs
#
# {task:step_cost}
#
# A product of an (m, k) with a (k, n) matrix takes m n k multiplications and as
# many additions: 2 m n k operations. In one forward step of an LSTM these are
# nearly all the work, so count only them.
#
# Then count what has to be *moved*, if nothing is left in the cache from the
# step before: `W_x`, `W_h` and `b` are read once, `x_t`, `h_prev` and `c_prev`
# are read once, `h_t` and `c_t` are written once. Each number has `itemsize`
# bytes. (What happens between, in the gates, may stay on the chip.)
#
# The quotient, operations per byte, is called the *intensity*. Ask yourself
# before you run it: what becomes of it if `B` doubles?

# %% solution="step_cost"
def step_cost(B, D, H, itemsize):
    """What one forward step of an LSTM costs.

    B sequences, D inputs, H units, itemsize bytes per number.
    Returns flops, the operations of its matrix products, and moved, the
    bytes that are read or written: weights, bias, input, and states, once.
    """
    ### BEGIN SOLUTION
    flops = 2 * B * (D + H) * 4 * H
    weights = (D + H) * 4 * H + 4 * H
    moved = itemsize * (weights + B * D + 2 * B * H + 2 * B * H)
    return flops, moved
    ### END SOLUTION

# %% check="step_cost"
check("step_cost", step_cost)

# %%
for B in (1, 8, 64, 512):
    flops, moved = step_cost(B, 512, 512, 4)
    print(f"B={B}: {flops:.2e} operations, {moved:.2e} bytes,"
          f" {flops / moved:.1f} per byte")

# %% [markdown]
# ## What it waits for
#
# {task:predict_bound}
#
# A machine has a greatest number of operations per second, a greatest number of
# bytes per second, and it takes a while to *start* anything at all. A step
# takes at least as long as the slowest of the three:
#
# * **0**, it waits for arithmetic: operations / (operations per second);
# * **1**, it waits for memory: bytes / (bytes per second);
# * **2**, it waits to be started: launches x (seconds per launch).
#
# Here is a GPU of our own making: 50e12 operations per second in float32, twice
# as many in bfloat16, 2e12 bytes per second, and 4e-6 seconds for each launch.
# Which of the three does one forward step of an LSTM wait for? Compute it with
# your `step_cost`; D is as large as H each time.
#
# | | B | H | numbers | launches per step | weights |
# |---|---|---|---|---|---|
# | 0 | 32 | 128 | float32 | 12 | read at each step |
# | 1 | 1 | 4096 | float32 | 12 | read at each step |
# | 2 | 1 | 1024 | bfloat16 | 12 | read at each step |
# | 3 | 512 | 4096 | float32 | 12 | read at each step |
# | 4 | 512 | 4096 | bfloat16 | 12 | read at each step |
# | 5 | 32 | 1024 | float32 | 1 | read at each step |
# | 6 | 32 | 1024 | float32 | a graph: 12 at 0.1e-6 seconds each | read at each step |
# | 7 | 32 | 1024 | float32 | one for all 100 steps | stay on the chip |
#
# In the last row the weights and the bias cost nothing: take their bytes off.

# %% solution="predict_bound"
def predict_bound():
    """What a step waits for: 0 arithmetic, 1 memory, 2 to be started.

    Returns a list of eight numbers, for the rows 0 to 7 of the table.
    """
    ### BEGIN SOLUTION
    return [2, 1, 2, 0, 0, 1, 1, 0]
    ### END SOLUTION

# %% check="predict_bound"
check("predict_bound", predict_bound)

# %% [markdown]
# ## One product
#
# {task:fused_step}
#
# The equations of chapter 6 have eight products: four gates, each with an
# input's part and a state's part. Side by side, the four matrices are one: that
# is `W_x`, and `W_h`. On top of each other, the two are one again: here they
# come as `W`, the rows of `W_x` first, then those of `W_h`. So a step is *one*
# product. Put `x_t` and `h_prev` side by side to match it.
#
# This is torch, as in notebook 09; autograd writes the backward pass. The check
# compares values and gradients with `nn.LSTMCell`, and counts the products that
# reach the machine, however you write them. torch's ready-made layers do not
# count as written.

# %% solution="fused_step"
def fused_step(x_t, h_prev, c_prev, W, b):
    """One step of an LSTM with one matrix product, gates i, f, g, o.

    Tensors: x_t (B, D), h_prev and c_prev (B, H), W (D + H, 4H), the rows
    of W_x first, b (4H,).
    Returns h_t and c_t, both (B, H).
    """
    ### BEGIN SOLUTION
    joined = torch.cat([x_t, h_prev], dim=1)
    a_i, a_f, a_g, a_o = torch.addmm(b, joined, W).chunk(4, dim=1)
    c_t = a_f.sigmoid() * c_prev + a_i.sigmoid() * a_g.tanh()
    return a_o.sigmoid() * c_t.tanh(), c_t
    ### END SOLUTION

# %% check="fused_step"
check("fused_step", fused_step)

# %% [markdown]
# ## What need not wait
#
# {task:hoisted_forward}
#
# `h_prev` has to be waited for. `xs` does not: all of it is there before the
# first step. So the inputs' part of all `T` steps can be one large product in
# front of the loop, and `T` small ones remain inside: `T + 1` in all. Add the
# bias there, too.

# %% solution="hoisted_forward"
def hoisted_forward(xs, h0, c0, W_x, W_h, b):
    """An LSTM over a sequence with T + 1 matrix products.

    Tensors: xs (T, B, D), h0 and c0 (B, H), W_x (D, 4H), W_h (H, 4H),
    b (4H,), gates i, f, g, o.
    Returns hs (T, B, H) and c_T (B, H).
    """
    ### BEGIN SOLUTION
    drives = xs @ W_x + b  # (T, B, 4H)
    h_t, c_t, states = h0, c0, []
    for drive in drives:
        a_i, a_f, a_g, a_o = (drive + h_t @ W_h).chunk(4, dim=1)
        c_t = a_f.sigmoid() * c_t + a_i.sigmoid() * a_g.tanh()
        h_t = a_o.sigmoid() * c_t.tanh()
        states.append(h_t)
    return torch.stack(states), c_t
    ### END SOLUTION

# %% check="hoisted_forward"
check("hoisted_forward", hoisted_forward)

# %% [markdown]
# And what is it worth? That depends on the machine, so no check asks for it.
# The three ways take turns, and the shortest time of each counts.

# %%
import time

import matplotlib.pyplot as plt


def one_by_one(xs, h, c, W_x, W_h, b):
    """Eight products a step."""
    H = h.shape[1]
    for x in xs:
        i, f, g, o = (
            x @ W_x[:, k:k + H] + h @ W_h[:, k:k + H] + b[k:k + H]
            for k in range(0, 4 * H, H)
        )
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()


def step_by_step(xs, h, c, W_x, W_h, b):
    W = torch.cat([W_x, W_h])
    for x in xs:
        h, c = fused_step(x, h, c, W, b)


torch.manual_seed(11)
T, B, D, H = 50, 16, 64, 64
args = [torch.randn(*n) / 8 for n in
        ((T, B, D), (B, H), (B, H), (D, 4 * H), (H, 4 * H), (4 * H,))]
ways = {"eight products": one_by_one, "one product": step_by_step,
        "hoisted": hoisted_forward}
best = dict.fromkeys(ways, float("inf"))
with torch.no_grad():
    for _ in range(10):
        for name, way in ways.items():
            start = time.perf_counter()
            way(*args)
            took = 1e3 * (time.perf_counter() - start)
            best[name] = min(best[name], took)

fig, ax = plt.subplots(figsize=(6.5, 1.8))
ax.barh(list(best), list(best.values()))
ax.set(xlabel=f"milliseconds for {T} steps forward")
ax.invert_yaxis()
plt.show()

# %% [markdown]
# ## How many checkpoints
#
# {task:best_segments}
#
# Backpropagation needs all states, from the last one back to the first, and so
# the forward pass keeps them: T steps. With *checkpoints* it keeps only the
# state at the start of each of `n` segments, and lets go of all the rest. When
# the backward pass comes to a segment, that segment is run once more. At one
# time there are then `n` states and the steps of one segment, the longest of
# which has T / n, rounded up:
#
# kept(n) = n + ceil(T / n).
#
# Which n is best? Try them all; there are only T.

# %% solution="best_segments"
def best_segments(T):
    """The number of segments that keeps the fewest steps.

    T: steps of the sequence, at least 1.
    Returns segments (the smaller number, where two are equally good) and
    kept, the states and steps in memory with so many segments.
    """
    ### BEGIN SOLUTION
    kept = [n + -(-T // n) for n in range(1, T + 1)]
    return kept.index(min(kept)) + 1, min(kept)
    ### END SOLUTION

# %% check="best_segments"
check("best_segments", best_segments)

# %%
for T in (16, 100, 1000, 10000):
    segments, kept = best_segments(T)
    print(f"{T} steps: {segments} segments, {kept} kept")

# %% [markdown]
# ## Memory for time
#
# Paste `rnn_step_forward` and `rnn_forward` from notebook 02, and from notebook
# 03 `rnn_step_backward` and `rnn_backward`. There are no points for them here.

# %% solution="earlier" include="02-recurrent-cell: rnn_step_forward rnn_forward"

# %% solution="backward" include="03-bptt: rnn_step_backward rnn_backward"

# %% [markdown]
# {task:checkpointed_bptt}
#
# Backpropagation through time for a vanilla RNN, with the memory of one segment
# in place of that of the whole sequence. Cut the T steps into segments of
# `ceil(T / segments)` steps (the last one may be shorter, and there may be one
# fewer). First walk forward, segment by segment, with `rnn_forward`, and keep
# nothing but the state at the start of each. Then walk back: for each segment,
# from the last to the first, run `rnn_forward` again from its saved state, and
# `rnn_backward` through what it saved. What is carried from one segment to the
# one before is `dh0` of the later one: it arrives at the earlier one's *last*
# state, besides what `dhs` brings there.
#
# The gradients must be the same as without checkpoints. The check also counts:
# never more than two segments in memory, and no step made more than twice.
# (Let go of a cache, by taking another one or by `del`, before you make the
# next.)

# %% solution="checkpointed_bptt"
def checkpointed_bptt(xs, h0, dhs, W_xh, W_hh, b_h, segments):
    """Gradients of a vanilla RNN, with the memory of a segment.

    xs (T, B, D), h0 (B, H), dhs (T, B, H): what reaches each state directly
    from the loss; W_xh (D, H), W_hh (H, H), b_h (H,); segments: from 1 to T.
    Returns a dict: dxs (T, B, D), dh0 (B, H), dW_xh (D, H), dW_hh (H, H),
    db_h (H,).
    """
    ### BEGIN SOLUTION
    shared = W_xh, W_hh, b_h
    length = -(-len(xs) // segments)
    starts = range(0, len(xs), length)
    saved, h_t = [], h0
    for start in starts:
        saved.append(h_t)
        h_t = rnn_forward(xs[start : start + length], h_t, *shared)[0][-1]
    dh_next, dxs = np.zeros_like(h0), []
    totals = {name: 0 for name in ("dW_xh", "dW_hh", "db_h")}
    for start, h_start in zip(reversed(starts), reversed(saved)):
        window = slice(start, start + length)
        upstream = dhs[window].copy()
        upstream[-1] += dh_next  # carried from the later segment
        _, cache = rnn_forward(xs[window], h_start, *shared)
        grads = rnn_backward(upstream, cache)
        del cache
        dh_next = grads["dh0"]
        dxs.append(grads["dxs"])
        for name in totals:
            totals[name] = totals[name] + grads[name]
    return {"dxs": np.concatenate(dxs[::-1]), "dh0": dh_next, **totals}
    ### END SOLUTION

# %% check="checkpointed_bptt"
check("checkpointed_bptt", checkpointed_bptt)

# %% [markdown]
# Python can tell how much memory was in use at most. Below, a sequence of 400
# steps, with more and more segments. Where is the bottom of the curve? Compare
# with `best_segments(400)`.

# %%
import tracemalloc

rng = np.random.default_rng(11)
T, B, D, H = 400, 8, 8, 64
xs, dhs = rng.normal(size=(T, B, D)), rng.normal(size=(T, B, H))
weights = (rng.normal(size=(D, H)) / 4, rng.normal(size=(H, H)) / 10,
           np.zeros(H))
counts, peaks = (1, 2, 4, 8, 20, 50, 100, 200, 400), []
for segments in counts:
    tracemalloc.start()
    checkpointed_bptt(xs, np.zeros((B, H)), dhs, *weights, segments)
    peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
    tracemalloc.stop()
fig, ax = plt.subplots(figsize=(6.5, 3))
ax.loglog(counts, peaks, "o-")
ax.set(xlabel="segments", ylabel="MiB at most", ylim=(0.1, None))
plt.show()

# %% [markdown]
# ## Unscale, clip, step
#
# {task:amp_step}
#
# In half precision small gradients become zero. So the loss is multiplied by a
# large number before the backward pass, and the gradients are divided by it
# after: a *scaler* does both, and looks whether anything overflowed. If it did,
# the step is left out and the number is made smaller.
#
# Between the backward pass and the optimiser's step stands clipping (chapter
# 4). It has to see the *true* gradients. The order decides, and each wrong
# order trains, only not as you think. The pieces, out of order:
#
# * `scaler.step(optimizer)`: the optimiser's step, unless something overflowed;
# * `scaler.scale(loss)`: the loss, multiplied;
# * `scaler.update()`: a smaller number after an overflow, a larger one after a
#   while without;
# * `optimizer.zero_grad()`;
# * `torch.nn.utils.clip_grad_norm_(params, max_norm)`, which clips the
#   gradients and returns their norm as it was before;
# * `scaler.unscale_(optimizer)`: divides the gradients;
# * `.backward()`.
#
# You need no GPU: the scaler works on the CPU as well.

# %% solution="amp_step"
def amp_step(loss, params, optimizer, scaler, max_norm):
    """One update in mixed precision, with clipping.

    loss: a tensor, not yet multiplied; params: the list of all parameters,
    which may still hold the gradients of the last update; optimizer and
    scaler: torch's; max_norm: the largest global norm.
    Returns the norm of the true gradients, as it was before clipping.
    """
    ### BEGIN SOLUTION
    optimizer.zero_grad()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    norm = torch.nn.utils.clip_grad_norm_(params, max_norm)
    scaler.step(optimizer)
    scaler.update()
    return norm
    ### END SOLUTION

# %% check="amp_step"
check("amp_step", amp_step)

# %% [markdown]
# Use it. Below, an LSTM adds up the marked numbers of a sequence, with its
# products in bfloat16 (`autocast`), on whatever device you have.

# %%
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(11)
lstm = torch.nn.LSTM(2, 32).to(device)
read = torch.nn.Linear(32, 1).to(device)
params = [*lstm.parameters(), *read.parameters()]
adam = torch.optim.Adam(params, lr=0.01)
scaler = torch.amp.GradScaler(device, init_scale=2.0**10)
losses = []
for _ in range(120):
    values = torch.rand(10, 32, device=device)
    marks = (torch.rand(10, 32, device=device) < 0.3).float()
    xs, total = torch.stack([values, marks], dim=2), (values * marks).sum(0)
    with torch.autocast(device, dtype=torch.bfloat16):
        said = read(lstm(xs)[0][-1])[:, 0]
    loss = ((said.float() - total) ** 2).mean()
    amp_step(loss, params, adam, scaler, 1.0)
    losses.append(loss.item())
fig, ax = plt.subplots(figsize=(6.5, 2.6))
ax.semilogy(losses)
ax.set(xlabel="update", ylabel="squared error")
plt.show()

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in the
# course's folder, `python -m unrolled check 11-speed`. The grader runs the
# same functions on numbers that nobody has seen.
