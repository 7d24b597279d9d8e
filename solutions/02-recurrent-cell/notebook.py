# %% [markdown]
# # The recurrent cell
#
# A network that reads one symbol at a time needs a place to keep what it has
# read. In this notebook you build that place: one step of a recurrent network,
# the loop that carries its state along a sequence, and the two losses that tell
# it how wrong it was. Everything is NumPy. Nothing is longer than ten lines.
#
# The text behind it is chapter 2, *The recurrent cell*, of the book. After each
# exercise there is a check: run it as often as you like. It compares your arrays
# with the course's, tells you which array is wrong and where, and knows many of
# the usual slips by name.
#
# **Letters.** `T` time steps, `B` sequences in a batch, `D` inputs, `H` hidden
# units, `V` classes. Vectors are rows and the batch is on the left, so that a
# step reads `x_t @ W_xh`. Sequences are time-major: `xs[t]` is step `t` of every
# sequence.
#
# **House rules**, which the checks test: a function never modifies its inputs,
# gives the same result when it is called twice, returns the float type that it
# was given, and works for `T = 1` and `B = 1`.

# %% given="imports"
import numpy as np

from unrolled import check, public_data

rng = np.random.default_rng(2)

# %% [markdown]
# ## One step
#
# {task:rnn_step_forward}
#
# The cell mixes what comes in with what it remembers and squashes the sum:
#
# $$a_t = x_t W_{xh} + h_{t-1} W_{hh} + b_h, \qquad h_t = \tanh(a_t).$$
#
# Return the new state and a `cache`: a dict with what the backward pass of
# chapter 3 will need, under the keys `x_t`, `h_prev`, `h_t`, `W_xh` and `W_hh`
# (more are allowed).

# %% solution="rnn_step_forward"
def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    """One step of a vanilla RNN (Elman, 1990), for a whole batch.

    x_t (B, D), h_prev (B, H), W_xh (D, H), W_hh (H, H), b_h (H,)
    Returns h_t (B, H) and a cache dict: x_t, h_prev, h_t, W_xh, W_hh.
    """
    ### BEGIN SOLUTION
    a_t = x_t @ W_xh + h_prev @ W_hh + b_h  # (B, H)
    h_t = np.tanh(a_t)
    cache = {"x_t": x_t, "h_prev": h_prev, "h_t": h_t}
    return h_t, {**cache, "W_xh": W_xh, "W_hh": W_hh}
    ### END SOLUTION

# %% check="rnn_step_forward"
check("rnn_step_forward", rnn_step_forward)

# %% [markdown]
# ## The whole sequence
#
# {task:rnn_forward}
#
# Now carry the state: the `h_t` of one step is the `h_prev` of the next, and all
# steps share the same three parameters. The first step starts from `h0`.
#
# Call your own `rnn_step_forward`. The cache is a dict with the key `steps`: the
# list of the `T` step caches, in order.

# %% solution="rnn_forward"
def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    """Run the cell over a sequence.

    xs (T, B, D), h0 (B, H), W_xh (D, H), W_hh (H, H), b_h (H,)
    Returns hs (T, B, H), with hs[t] the state after step t, and a cache dict
    whose key "steps" is the list of the T step caches.
    """
    ### BEGIN SOLUTION
    h_t = h0
    states, steps = [], []
    for x_t in xs:
        h_t, cache = rnn_step_forward(x_t, h_t, W_xh, W_hh, b_h)
        states.append(h_t)
        steps.append(cache)
    return np.stack(states), {"steps": steps}
    ### END SOLUTION

# %% check="rnn_forward"
check("rnn_forward", rnn_forward)

# %% [markdown]
# Look at what you built. Below, one input pulse at step 0 and then silence: the
# only thing that can keep the pulse alive is the recurrent matrix. Run the cell,
# then change `scale` and run it again. At which value does the echo stop dying?

# %%
import matplotlib.pyplot as plt

T, B, D, H = 40, 1, 3, 12
scale = 0.9
pulse = np.zeros((T, B, D))
pulse[0] = 1.0
Q, _ = np.linalg.qr(rng.normal(size=(H, H)))
W_xh = rng.normal(size=(D, H))
hs, _ = rnn_forward(pulse, np.zeros((B, H)), W_xh, scale * Q, np.zeros(H))

fig, ax = plt.subplots(figsize=(8, 2.6))
image = ax.imshow(hs[:, 0].T, aspect="auto", cmap="RdBu", vmin=-1, vmax=1)
ax.set(xlabel="time step t", ylabel="hidden unit", title="The echo of a pulse")
fig.colorbar(image, ax=ax, label="h_t")
plt.show()

# %% [markdown]
# ## A sigmoid that does not overflow
#
# {task:stable_sigmoid}
#
# $\sigma(a) = 1 / (1 + e^{-a})$ is right on paper and overflows in the machine.
# For $a = -800$, $e^{-a}$ is infinite; NumPy complains, and the result is saved
# by luck, because $1/\infty$ happens to be the right limit. The other form,
# $\sigma(a) = e^{a} / (1 + e^{a})$, has no such luck: for $a = 800$ it gives
# $\infty/\infty$, which is NaN. Use each where it is safe, and never take the
# exponential of anything positive. Do not write into `a`; accept any shape.

# %% solution="stable_sigmoid"
def stable_sigmoid(a):
    """The logistic function, without overflow for any finite input.

    a: array of any shape, float. Returns an array of the same shape and dtype.
    """
    ### BEGIN SOLUTION
    e = np.exp(-np.abs(a))  # in (0, 1], whatever the sign of a
    return np.where(a >= 0, 1 / (1 + e), e / (1 + e))
    ### END SOLUTION

# %% check="stable_sigmoid"
check("stable_sigmoid", stable_sigmoid)

# %% [markdown]
# ## How wrong was it? Classes
#
# {task:cross_entropy}
#
# At every step the output layer gives `V` logits, and just one class is right.
# With $p = \mathrm{softmax}(\text{logits})$ the loss of one position is
# $-\log p_{\text{target}}$. Sequences have different lengths, so a boolean
# `mask` says which positions count; the loss is the mean over those.
#
# Return the loss and its gradient with respect to the logits. A masked-out
# position contributes to neither. Shift the logits by their maximum before the
# exponential, or a logit of 1000 will turn everything into NaN.

# %% solution="cross_entropy"
def cross_entropy(logits, targets, mask):
    """Mean softmax cross-entropy over the positions that count.

    logits (T, B, V) float, targets (T, B) integers in [0, V),
    mask (T, B) bool, with at least one True.
    Returns loss (a number) and dlogits (T, B, V), zero where mask is False.
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    picked = np.take_along_axis(log_p, targets[..., None], axis=-1)[..., 0]
    count = mask.sum()
    loss = -(picked * mask).sum() / count
    dlogits = np.exp(log_p)  # softmax minus one-hot, (T, B, V)
    hot = targets[..., None] == np.arange(logits.shape[-1])
    dlogits = (dlogits - hot) * mask[..., None] / count
    return loss, dlogits.astype(logits.dtype)
    ### END SOLUTION

# %% check="cross_entropy"
check("cross_entropy", cross_entropy)

# %% [markdown]
# ## How wrong was it? Numbers
#
# {task:mse}
#
# For outputs that are numbers, the mean of the squared differences over *all*
# entries. Return the loss and its gradient with respect to `pred`.

# %% solution="mse"
def mse(pred, target):
    """Mean squared error over all entries.

    pred, target: float arrays of the same shape.
    Returns loss (a number) and dpred, of the shape of pred.
    """
    ### BEGIN SOLUTION
    diff = pred - target
    loss = (diff**2).mean()
    dpred = 2 * diff / diff.size
    return loss, dpred
    ### END SOLUTION

# %% check="mse"
check("mse", mse)

# %% [markdown]
# ## Read six traces
#
# {task:read_traces}
#
# Six recordings of a recurrent network were left on a disk. In five of them the
# program that ran it slipped at one single step: it forgot the bias, used
# $W_{hh}^\top$, left out the tanh, read the state of another step, or mixed up
# its batch. From the step after the slip on, it carried on correctly. One
# recording is sound.
#
# `traces` is a list of six dicts with the keys `xs`, `h0`, `W_xh`, `W_hh`, `b_h`
# and `hs`. You have a cell that you trust. For each recording, find the time
# step at which the slip happened, and -1 for the sound one. Look first, then
# compute: a step is right if it follows from the *recorded* state before it.

# %% given="traces"
traces = public_data("02-recurrent-cell", "traces")
len(traces), traces[0]["hs"].shape

# %% solution="read_traces"
def read_traces():
    """The time step of the slip in each of the six traces, -1 if sound.

    Returns a list of six integers.
    """
    ### BEGIN SOLUTION
    steps = []
    for trace in traces:
        parameters = trace["W_xh"], trace["W_hh"], trace["b_h"]
        h_prev, found = trace["h0"], -1
        for t, (x_t, h_t) in enumerate(zip(trace["xs"], trace["hs"])):
            right, _ = rnn_step_forward(x_t, h_prev, *parameters)
            if not np.allclose(right, h_t):
                found = t
                break
            h_prev = h_t
        steps.append(found)
    return steps
    ### END SOLUTION

# %% check="read_traces"
check("read_traces", read_traces)

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in the
# course's folder, `python -m unrolled check 02-recurrent-cell`. The grader runs
# the same functions on numbers that nobody has seen.
