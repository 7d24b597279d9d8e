# %% [markdown]
# # Deep, bidirectional, padded
#
# A reading room opens the letters of one day. They are of all lengths, and they
# are laid side by side on one table, which is as long as the longest of them.
# Where a letter has ended, the table is covered with blank paper. Several
# readers go over it. The first reads words, the second reads what the first has
# noted; one walks from the left, another from the right. And there is one rule
# for all of them: *blank paper is not a word*. Nobody may note anything because
# of it, and nobody may learn anything from it.
#
# In this notebook you teach your LSTM that rule, forwards and backwards, and let
# it read in both directions. You lay the letters out without any blanks, as
# PyTorch does, and collect them again. Then you stack layers on each other, and
# put dropout and layer norm where they belong.
#
# The text behind it is chapter 10, *Deep, bidirectional, padded*.
#
# **Letters.** `T` steps, `B` sequences, `D` inputs, `H` units, `L` layers.
# `lengths (B,)` are integers from 1 to `T`: sequence `b` is `xs[:lengths[b], b]`,
# and what stands behind it is padding, which may hold *anything*.
#
# **House rules**, which the checks test: a function never modifies its inputs; a
# backward pass can be run twice on one cache; the float type follows the inputs;
# `T = 1` and `B = 1` work.

# %% given="imports"
import numpy as np

from unrolled import check

rng = np.random.default_rng(10)

# %% [markdown]
# ## What you bring along
#
# Paste your `stable_sigmoid` from notebook 02, and from notebook 06 your
# `lstm_step_forward`, `lstm_forward` and `lstm_step_backward`. There are no
# points for them here.

# %% solution="earlier" include="02-recurrent-cell: stable_sigmoid"

# %% solution="lstm" include="06-lstm: lstm_step_forward lstm_forward lstm_step_backward"

# %% [markdown]
# ## Which entries are real
#
# {task:valid_mask}
#
# The mask says at which steps which sequence is still there: `mask[t, b]` is
# true if step `t` belongs to sequence `b`. A comparison of a column with a row
# does it, without a loop.

# %% solution="valid_mask"
def valid_mask(lengths, T):
    """Which entries of a padded batch are real.

    lengths (B,): integers from 1 to T. T: the steps of the batch, a number.
    Returns mask (T, B), booleans.
    """
    ### BEGIN SOLUTION
    return np.arange(T)[:, None] < lengths
    ### END SOLUTION

# %% check="valid_mask"
check("valid_mask", valid_mask)

# %% [markdown]
# ## The last state of each
#
# {task:last_states}
#
# `hs[-1]` is the last row of the *table*. For a short letter that is blank
# paper. Take from each sequence the state after its own last step.

# %% solution="last_states"
def last_states(hs, lengths):
    """The state of every sequence after its own last step.

    hs (T, B, H), lengths (B,): integers from 1 to T.
    Returns h_T (B, H).
    """
    ### BEGIN SOLUTION
    return hs[lengths - 1, np.arange(len(lengths))]
    ### END SOLUTION

# %% check="last_states"
check("last_states", last_states)

# %% [markdown]
# ## A step that can be skipped
#
# {task:masked_step}
#
# Run one step of your LSTM for the whole batch. Then let the sequences that have
# ended keep *both* of their old states, exactly.
#
# There are two ways to write "new where the mask is true, old elsewhere". One
# multiplies by the mask and by one minus the mask. The other is `np.where`. If
# the padding holds a NaN, what is zero times it? The padding may hold anything.

# %% solution="masked_step"
def masked_step(x_t, h_prev, c_prev, mask_t, W_x, W_h, b):
    """One LSTM step; where the mask is false, both states stay as they are.

    x_t (B, D), h_prev (B, H), c_prev (B, H), mask_t (B,) booleans,
    W_x (D, 4H), W_h (H, 4H), b (4H,).
    Returns h_t (B, H), c_t (B, H) and a cache dict: step, the cache of
    lstm_step_forward, and mask_t.
    """
    ### BEGIN SOLUTION
    h_new, c_new, step = lstm_step_forward(x_t, h_prev, c_prev, W_x, W_h, b)
    live = mask_t[:, None]
    h_t = np.where(live, h_new, h_prev)
    c_t = np.where(live, c_new, c_prev)
    return h_t, c_t, {"step": step, "mask_t": mask_t}
    ### END SOLUTION

# %% check="masked_step"
check("masked_step", masked_step)

# %% [markdown]
# ## And back
#
# {task:masked_step_backward}
#
# Each state came from one of two places, so its gradient goes to one of two
# places, *all* of it. Where the sequence was there, it goes into your
# `lstm_step_backward`. Where it had ended, it goes straight to the old state,
# and nothing at all goes to the input and the weights. (The padding holds ordinary
# numbers here: zero times a NaN would still reach the weights, and a NaN has to be
# cleaned away before the cell.)

# %% solution="masked_step_backward"
def masked_step_backward(dh_t, dc_next, cache):
    """Backpropagate through one masked LSTM step.

    dh_t (B, H), dc_next (B, H): as in lstm_step_backward.
    cache: what masked_step saved.
    Returns a dict: dx_t (B, D), dh_prev (B, H), dc_prev (B, H), dW_x (D, 4H),
    dW_h (H, 4H), db (4H,).
    """
    ### BEGIN SOLUTION
    live = cache["mask_t"][:, None]
    none = np.zeros_like(dh_t)
    dh_new = np.where(live, dh_t, none)
    dc_new = np.where(live, dc_next, none)
    grads = lstm_step_backward(dh_new, dc_new, cache["step"])
    dh_kept = np.where(live, none, dh_t)
    dc_kept = np.where(live, none, dc_next)
    dh_prev = grads["dh_prev"] + dh_kept
    dc_prev = grads["dc_prev"] + dc_kept
    return {**grads, "dh_prev": dh_prev, "dc_prev": dc_prev}
    ### END SOLUTION

# %% check="masked_step_backward"
check("masked_step_backward", masked_step_backward)

# %% [markdown]
# ## From both ends
#
# {task:birnn}
#
# One LSTM reads from the left, another from the right; side by side, their
# states know the whole letter at every word. Both start from zeros.
#
# The reader from the right starts at the *end of the letter*, not at the end of
# the table. You need not turn every letter round for this. Walk from the last
# row of the table to the first with your `masked_step`: what does it do on the
# blank rows, which now come first?
#
# `hs` is zero at the padding, as in PyTorch. `h_T` holds what each reader knows
# when it is through: the left one after its last word, the right one after the
# first word of all.

# %% solution="birnn"
def birnn(xs, lengths, ahead, back):
    """A bidirectional LSTM over a padded batch, from zero states.

    xs (T, B, D), lengths (B,); ahead and back: the weights of the two LSTMs,
    dicts of W_x (D, 4H), W_h (H, 4H), b (4H,).
    Returns hs (T, B, 2H), forward states first, zero at the padding, and
    h_T (B, 2H), the state of each reader after its last step.
    """
    ### BEGIN SOLUTION
    mask = valid_mask(lengths, len(xs))
    found, ends = [], []
    for weights, turn in ((ahead, 1), (back, -1)):
        W_x, W_h, b = weights["W_x"], weights["W_h"], weights["b"]
        h_t = c_t = np.zeros((xs.shape[1], len(W_h)), dtype=xs.dtype)
        states = []
        for x_t, mask_t in zip(xs[::turn], mask[::turn]):
            h_t, c_t, _ = masked_step(x_t, h_t, c_t, mask_t, W_x, W_h, b)
            states.append(h_t)
        found.append(np.stack(states[::turn]))
        ends.append(h_t)
    hs = np.concatenate(found, axis=2)
    hs = np.where(mask[:, :, None], hs, np.zeros_like(hs))
    return hs, np.concatenate(ends, axis=1)
    ### END SOLUTION

# %% check="birnn"
check("birnn", birnn)

# %% [markdown]
# Who influences whom? Below, one entry of the input is moved at a time, and the
# picture shows which states move: of the same letter and of the others, for the
# reader from the left and for the one from the right. White is *exactly* zero.

# %%
import matplotlib.pyplot as plt


def random_lstm(rng, D, H):
    """Weights as PyTorch starts them."""
    shapes = {"W_x": (D, 4 * H), "W_h": (H, 4 * H), "b": (4 * H,)}
    return {n: rng.uniform(-1, 1, s) / H**0.5 for n, s in shapes.items()}


lengths = np.array([7, 4, 6])
T, B, D, H = 7, 3, 4, 5
xs = rng.normal(size=(T, B, D))
ahead, back = random_lstm(rng, D, H), random_lstm(rng, D, H)
hs, _ = birnn(xs, lengths, ahead, back)
moves = np.zeros((2, B * T, B * T))
for b in range(B):
    for t in range(T):
        nudged = xs.copy()
        nudged[t, b] += 0.1
        gap = np.abs(birnn(nudged, lengths, ahead, back)[0] - hs)
        for k, half in enumerate(np.split(gap, 2, axis=2)):
            moves[k, :, b * T + t] = half.sum(axis=2).T.ravel()

fig, axes = plt.subplots(1, 2, figsize=(9, 4.4), sharey=True)
for ax, image, name in zip(axes, moves, ("from the left", "from the right")):
    shown = np.log10(np.where(image > 0, image, np.nan))
    ax.imshow(shown, cmap="viridis")
    for edge in (T - 0.5, 2 * T - 0.5):
        ax.axhline(edge, color="grey", lw=0.8)
        ax.axvline(edge, color="grey", lw=0.8)
    ax.set(title=name, xlabel="input: letter by letter")
axes[0].set_ylabel("state: letter by letter")
plt.show()

# %% [markdown]
# ## A table without blanks
#
# {task:pack}
#
# Half of a padded batch may be blank paper, and your masked step computes on all
# of it, only to throw it away. The packed layout has no blanks. Sort the
# sequences by length, the longest first, equally long ones in the order in which
# they came. Now those that are still there at step `t` are simply the first few.
# Write these down, step after step, one below the other: that is `data`. How
# many there are at each step is `batch_sizes`, and it ends with the longest
# sequence, even if the table is longer. `order` says where each place of the
# sorted batch came from: `xs[:, order]` is sorted.

# %% solution="pack"
def pack(xs, lengths):
    """A padded batch without its padding, in PyTorch's layout.

    xs (T, B, D), lengths (B,): integers from 1 to T.
    Returns data (N, D), N the sum of the lengths; batch_sizes, one integer for
    each step of the longest sequence; and order (B,), longest first, ties as
    they came.
    """
    ### BEGIN SOLUTION
    order = np.argsort(-lengths, kind="stable")
    ranked = xs[:, order]
    longest = lengths.max()
    batch_sizes = (np.arange(longest)[:, None] < lengths).sum(axis=1)
    rows = [x_t[:n] for x_t, n in zip(ranked, batch_sizes)]
    data = np.concatenate(rows)
    return data, batch_sizes, order
    ### END SOLUTION

# %% check="pack"
check("pack", pack)

# %% [markdown]
# ## And laid out again
#
# {task:unpack}
#
# The way back, with zeros for the blanks and every letter at its old place. Where
# does row `n` of `data` go? The lengths are hidden in `batch_sizes`, too.

# %% solution="unpack"
def unpack(data, batch_sizes, order):
    """A packed batch as a padded one, with zeros.

    data (N, D), batch_sizes: integers, one a step; order (B,), as from pack.
    Returns xs (T, B, D), with T the number of batch_sizes, and lengths (B,).
    """
    ### BEGIN SOLUTION
    T, B = len(batch_sizes), len(order)
    xs = np.zeros((T, B, data.shape[1]), dtype=data.dtype)
    starts = np.cumsum(batch_sizes) - batch_sizes
    for t in range(T):
        n, start = batch_sizes[t], starts[t]
        xs[t, order[:n]] = data[start : start + n]
    lengths = np.zeros(B, dtype=int)
    ranked = (batch_sizes[:, None] > np.arange(B)).sum(axis=0)
    lengths[order] = ranked
    return xs, lengths
    ### END SOLUTION

# %% check="unpack"
check("unpack", unpack)

# %%
lengths = np.array([9, 3, 12, 5, 8, 2])
T, B = 12, len(lengths)
number = np.arange(B)[None, :, None] + np.zeros((T, B, 1))
data, batch_sizes, order = pack(number, lengths)
table = np.where(valid_mask(lengths, T), number[..., 0], np.nan)
fig, axes = plt.subplots(2, 1, figsize=(8, 3.2), height_ratios=(6, 1))
axes[0].imshow(table.T, cmap="viridis", aspect="auto")
axes[0].set(ylabel="sequence", title="padded, and packed")
axes[1].imshow(data.T, cmap="viridis", aspect="auto")
for edge in np.cumsum(batch_sizes)[:-1]:
    axes[1].axvline(edge - 0.5, color="white", lw=1.5)
axes[1].set(yticks=[], xlabel="rows of data; a white line ends a step")
fig.tight_layout()
plt.show()
print("batch_sizes", batch_sizes, "- blanks saved:", T * B - len(data))

# %% [markdown]
# ## Readers of notes
#
# {task:stack_forward}
#
# Layer 0 reads the inputs, each further layer the states of the layer below it.
# Each layer has its own `h0[k]` and `c0[k]`.
#
# In a stack, dropout has a place of its own: on what is handed *up*, from one
# layer to the next. `drops[k]` multiplies the states that layer `k` hands to
# layer `k + 1`. It is an array of zeros and of numbers above one, so nothing has
# to be drawn or scaled here. It does not touch what a layer hands to *itself* at
# the next step, nor what comes out on top. Call your `lstm_forward`.

# %% solution="stack_forward"
def stack_forward(xs, layers, h0, c0, drops):
    """Several LSTM layers on each other, with dropout between them.

    xs (T, B, D); layers: a list of L dicts of W_x, W_h, b, where W_x is
    (D, 4H) in layer 0 and (H, 4H) above; h0, c0 (L, B, H);
    drops (L-1, T, B, H): factors for what layer k hands to layer k + 1.
    Returns hs (T, B, H) of the top layer, h_T (L, B, H) and c_T (L, B, H), the
    last states of every layer.
    """
    ### BEGIN SOLUTION
    last_h, last_c = [], []
    read = xs
    for k, w in enumerate(layers):
        W_x, W_h, b = w["W_x"], w["W_h"], w["b"]
        hs, cs, _ = lstm_forward(read, h0[k], c0[k], W_x, W_h, b)
        read = hs * drops[k] if k < len(drops) else None
        last_h.append(hs[-1])
        last_c.append(cs[-1])
    return hs, np.stack(last_h), np.stack(last_c)
    ### END SOLUTION

# %% check="stack_forward"
check("stack_forward", stack_forward)

# %% [markdown]
# ## Dropout on the recurrence
#
# {task:dropout_forward}
#
# To drop a part of the state anew at every step is to make the network forget at
# every step: after twenty of them, next to nothing is left. What works is *one*
# mask for a whole sequence. `drop_x (B, D)` multiplies every input, and `drop_h
# (B, H)` every old state, *where it is read* by the step. The state that is
# handed out is not dropped, and the cell state is left alone.

# %% solution="dropout_forward"
def dropout_forward(xs, h0, c0, W_x, W_h, b, drop_x, drop_h):
    """An LSTM with the same dropout masks at every step.

    xs (T, B, D), h0, c0 (B, H), W_x (D, 4H), W_h (H, 4H), b (4H,);
    drop_x (B, D), drop_h (B, H): factors for what a step reads.
    Returns hs (T, B, H) and cs (T, B, H).
    """
    ### BEGIN SOLUTION
    h_t, c_t = h0, c0
    hs, cs = [], []
    for x_t in xs:
        x_in, h_in = x_t * drop_x, h_t * drop_h
        h_t, c_t, _ = lstm_step_forward(x_in, h_in, c_t, W_x, W_h, b)
        hs.append(h_t)
        cs.append(c_t)
    return np.stack(hs), np.stack(cs)
    ### END SOLUTION

# %% check="dropout_forward"
check("dropout_forward", dropout_forward)

# %% [markdown]
# How long does a memory live? The forget gate is held open by a bias, a value is
# put into the cells, and no input comes. Below, how much of it is left, if the
# cell state is not dropped, and if a tenth of it is dropped anew at each step.

# %%
T, B, D, H = 40, 100, 2, 8
w = random_lstm(rng, D, H)
w["b"][:H], w["b"][H : 2 * H] = -6.0, 6.0  # i shut, f open
xs, h0, c0 = np.zeros((T, B, D)), np.zeros((B, H)), np.ones((B, H))
drop_x = np.ones((B, D))
drop_h = (rng.random((B, H)) < 0.9) / 0.9
_, cs = dropout_forward(xs, h0, c0, *w.values(), drop_x, drop_h)
left, c_t, h_t = [], c0, h0
for x_t in xs:
    c_t = c_t * (rng.random((B, H)) < 0.9)  # anew at every step
    h_t, c_t, _ = lstm_step_forward(x_t, h_t, c_t, *w.values())
    left.append((np.abs(c_t) > 0.5).mean())
fig, ax = plt.subplots(figsize=(6.5, 3))
alive = (np.abs(cs) > 0.5).mean(axis=(1, 2))
ax.plot(alive, label="one mask, on what is read")
ax.plot(left, label="the cell state, anew at every step")
ax.set(xlabel="time step", ylabel="share of values still there")
ax.legend()
plt.show()

# %% [markdown]
# ## A cell that is normalised
#
# {task:norm_step_forward}
#
# Layer norm takes the sums of *one* sequence at *one* step, over its `H` units,
# and gives them mean zero and variance one. So it needs no other sequence and no
# other step, and padding cannot disturb it. In a vanilla cell:
#
# $$a_t = x_t W_{xh} + h_{t-1} W_{hh}, \qquad
# n = \frac{a_t - \mu}{s}, \qquad h_t = \tanh(\gamma \odot n + b_h),$$
#
# with the mean $\mu$ over the units and $s = \sqrt{v + 10^{-5}}$, where $v$ is
# the mean of the squared deviations. $\gamma$ is `gain (H,)`, which is learned.

# %% solution="norm_step_forward"
def norm_step_forward(x_t, h_prev, W_xh, W_hh, b_h, gain):
    """One step of a vanilla cell with layer norm.

    x_t (B, D), h_prev (B, H), W_xh (D, H), W_hh (H, H), b_h (H,), gain (H,).
    Returns h_t (B, H) and a cache dict: x_t, h_prev, h_t, n (B, H), s (B, 1),
    W_xh, W_hh, gain.
    """
    ### BEGIN SOLUTION
    a_t = x_t @ W_xh + h_prev @ W_hh
    centred = a_t - a_t.mean(axis=1, keepdims=True)
    v = (centred**2).mean(axis=1, keepdims=True)
    s = np.sqrt(v + 1e-5)
    n = centred / s
    h_t = np.tanh(gain * n + b_h)
    cache = {"x_t": x_t, "h_prev": h_prev, "h_t": h_t, "n": n, "s": s}
    return h_t, {**cache, "W_xh": W_xh, "W_hh": W_hh, "gain": gain}
    ### END SOLUTION

# %% check="norm_step_forward"
check("norm_step_forward", norm_step_forward)

# %% [markdown]
# ## And its gradient
#
# {task:norm_step_backward}
#
# Every sum moves its own $n_i$, and it moves the mean and the spread, and thus
# the $n$ of *all* units. Take it in three pieces: directly; through $\mu$;
# through $s$. Each of the last two is a mean over the units. What comes out has
# to be blind to two things that $n$ does not notice: adding the same number to
# all sums, and (nearly) stretching them.

# %% solution="norm_step_backward"
def norm_step_backward(dh_t, cache):
    """Backpropagate through one step of the normalised cell.

    dh_t (B, H); cache: what norm_step_forward saved.
    Returns a dict: dx_t (B, D), dh_prev (B, H), dW_xh (D, H), dW_hh (H, H),
    db_h (H,), dgain (H,).
    """
    ### BEGIN SOLUTION
    n, s, gain = cache["n"], cache["s"], cache["gain"]
    dout = dh_t * (1 - cache["h_t"] ** 2)
    dn = dout * gain
    through_mean = dn.mean(axis=1, keepdims=True)
    through_s = n * (dn * n).mean(axis=1, keepdims=True)
    da_t = (dn - through_mean - through_s) / s
    return {
        "dx_t": da_t @ cache["W_xh"].T,
        "dh_prev": da_t @ cache["W_hh"].T,
        "dW_xh": cache["x_t"].T @ da_t,
        "dW_hh": cache["h_prev"].T @ da_t,
        "db_h": dout.sum(axis=0),
        "dgain": (dout * n).sum(axis=0),
    }
    ### END SOLUTION

# %% check="norm_step_backward"
check("norm_step_backward", norm_step_backward)

# %% [markdown]
# Chapter 5 showed what a vanilla cell makes of a matrix that is too small or too
# large. Below, how much gradient comes back over fifty steps, for recurrent
# weights of different size, with layer norm. It does not notice if all sums are
# multiplied by eight. Why do the curves differ all the same? (Think of the input.)

# %%
T, B, D, H = 50, 4, 3, 32
fig, ax = plt.subplots(figsize=(6.5, 3))
for size in (0.5, 1.0, 2.0, 8.0):
    W_xh = rng.normal(size=(D, H)) / D**0.5
    W_hh = size * rng.normal(size=(H, H)) / H**0.5
    b_h, gain, h_t, steps = np.zeros(H), np.ones(H), np.zeros((B, H)), []
    for x_t in rng.normal(size=(T, B, D)):
        h_t, step = norm_step_forward(x_t, h_t, W_xh, W_hh, b_h, gain)
        steps.append(step)
    dh_t, norms = rng.normal(size=(B, H)), []
    for step in steps[::-1]:
        norms.append(np.linalg.norm(dh_t))
        dh_t = norm_step_backward(dh_t, step)["dh_prev"]
    ax.semilogy(norms, label=f"weights times {size:g}")
ax.set(xlabel="steps back", ylabel="size of the gradient")
ax.legend()
plt.show()

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in the
# course's folder, `python -m unrolled check 10-deep-padded`. The grader runs the
# same functions on numbers that nobody has seen.
