# %% [markdown]
# # Backpropagation through time
#
# A network has just predicted the wrong letter. Who is to blame? Its output
# layer, a little. The state that the output layer read, too. But that state was
# made from the state before, and that one from the one before it. The slip may
# have happened thirty letters ago, and all the time since then the error was
# carried along in silence.
#
# Backpropagation through time sends the blame back along the road on which the
# error came, and tells every parameter what it did at every step. In this
# notebook you build it from nothing but the chain rule: first one step, then
# the sequence, then a language model that learns a sentence by heart. After that
# you compute the same derivatives in the opposite direction, and in the end you
# repair somebody else's backward pass.
#
# The text behind it is chapter 3, *Backpropagation through time*, of the book.
#
# **Letters.** `T` steps, `B` sequences, `D` inputs, `H` hidden units, `V`
# classes. The gradient of the loss with respect to a thing is called `d` and the
# name of the thing: `dh_t` is $\partial L / \partial h_t$, and it always has the
# shape of `h_t`. If you remember only one rule for finding slips, take that one.
#
# **House rules**, which the checks test: a function never modifies its inputs; a
# backward pass can be run twice on one cache; the float type follows the inputs;
# `T = 1` and `B = 1` work.

# %% given="imports"
import numpy as np

from unrolled import check

rng = np.random.default_rng(3)

# %% [markdown]
# ## What you bring along
#
# Paste your `rnn_step_forward`, `rnn_forward` and `cross_entropy` from notebook
# 02 into the next cell. There are no points for them here. If one of them is
# wrong, that is not held against what you write below: where it matters, the
# grader hands your backward pass a right cache. But everything is more fun on
# top of functions that work, so have them checked over there first.

# %% solution="earlier" include="02-recurrent-cell: rnn_step_forward rnn_forward cross_entropy"

# %% [markdown]
# ## One step back
#
# {task:rnn_step_backward}
#
# Forget the sequence for a moment. One step computed
#
# $$a_t = x_t W_{xh} + h_{t-1} W_{hh} + b_h, \qquad h_t = \tanh(a_t),$$
#
# and from somewhere you are given `dh_t`, of shape `(B, H)`: how much the loss
# changes with each entry of $h_t$. Walk back through the two formulas.
#
# *Through the tanh.* Each entry of $h_t$ depends on one entry of $a_t$ only,
# with the slope $1 - \tanh^2(a_t)$. You have $\tanh(a_t)$ already: it is in the
# cache. This gives `da_t`, of shape `(B, H)`.
#
# *Through the sum.* $a_t$ is a sum of three terms, and each gets all of `da_t`.
# For a product $x W$ of a `(B, D)` and a `(D, H)` matrix, the gradients are
# $\mathrm{d}a\,W^\top$ and $x^\top\,\mathrm{d}a$; there is no other way to make
# the shapes fit. The bias was added to each of the `B` rows, so it collects the
# blame of all of them.
#
# Return a dict with one entry for each input of the step.

# %% solution="rnn_step_backward"
def rnn_step_backward(dh_t, cache):
    """Backpropagate through one step of the cell.

    dh_t (B, H): gradient of the loss with respect to h_t.
    cache: what rnn_step_forward saved: x_t, h_prev, h_t, W_xh, W_hh.
    Returns a dict of gradients, each of the shape of its variable:
    dx_t (B, D), dh_prev (B, H), dW_xh (D, H), dW_hh (H, H), db_h (H,).
    """
    ### BEGIN SOLUTION
    da_t = dh_t * (1 - cache["h_t"] ** 2)  # (B, H), through the tanh
    return {
        "dx_t": da_t @ cache["W_xh"].T,
        "dh_prev": da_t @ cache["W_hh"].T,
        "dW_xh": cache["x_t"].T @ da_t,
        "dW_hh": cache["h_prev"].T @ da_t,
        "db_h": da_t.sum(axis=0),
    }
    ### END SOLUTION

# %% check="rnn_step_backward"
check("rnn_step_backward", rnn_step_backward)

# %% [markdown]
# The check compares you with the course. But how does anybody know that a
# gradient is right, when there is nobody to compare with? By going back to what
# a derivative *is*: move the parameter a little and see how the loss moves.
#
# The cell below does this for one direction `V` in the space of `W_hh`, with
# steps `h` from large to tiny, and plots the relative error of the difference
# quotient against your `dW_hh`. Before you run it: where will the error be
# smallest? At the smallest `h`?

# %%
import matplotlib.pyplot as plt

B, D, H = 3, 4, 5
x_t, h_prev = rng.normal(size=(B, D)), rng.normal(size=(B, H))
W_xh, b_h = rng.normal(size=(D, H)), rng.normal(size=H)
W_hh, V = rng.normal(size=(H, H)), rng.normal(size=(H, H))
dh_t = rng.normal(size=(B, H))


def L(W):
    """A loss whose gradient with respect to h_t is exactly dh_t."""
    h_t, _ = rnn_step_forward(x_t, h_prev, W_xh, W, b_h)
    return (h_t * dh_t).sum()


_, cache = rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h)
slope = (rnn_step_backward(dh_t, cache)["dW_hh"] * V).sum()
h = 10.0 ** np.arange(0, -14, -0.5)
central = np.array([(L(W_hh + k * V) - L(W_hh - k * V)) / (2 * k) for k in h])
forward = np.array([(L(W_hh + k * V) - L(W_hh)) / k for k in h])

fig, ax = plt.subplots(figsize=(6.5, 3.4))
one_sided, two_sided = np.abs(forward / slope - 1), np.abs(central / slope - 1)
ax.loglog(h, one_sided, "o-", label="(L(W + hV) - L(W)) / h")
ax.loglog(h, two_sided, "o-", label="(L(W + hV) - L(W - hV)) / 2h")
ax.invert_xaxis()
ax.set(xlabel="step h", ylabel="relative error")
ax.set_title("Is the gradient right?")
ax.legend()
plt.show()

# %% [markdown]
# Read the picture from left to right. At first a smaller step is a better step:
# the error falls like $h$ for the one-sided quotient and like $h^2$ for the
# two-sided one. Then it rises again, because two losses that are nearly equal
# are subtracted and only rounding is left of their difference. The bottom of the
# lower curve, near $h = 10^{-5}$, is as much as a gradient check can promise:
# about ten digits. A wrong gradient has no valley at all. Its curve comes down
# to the size of the mistake and stays there. Spoil your `rnn_step_backward` for
# a moment and look.

# %% [markdown]
# ## Back along the sequence
#
# {task:rnn_backward}
#
# Now the chain of steps. Every state is used *twice*: the loss may look at it
# directly, and the next step reads it. So two streams of blame arrive at $h_t$,
# and they add up:
#
# $$\mathrm{d}h_t = \underbrace{\mathrm{dhs}[t]}_{\text{from the loss, at this
# step}} + \underbrace{\mathrm{dh\_next}}_{\text{carried back from step }t+1}.$$
#
# What `rnn_step_backward` gives as `dh_prev` at step $t$ is the `dh_next` of
# step $t-1$. After the last state there is nothing, so the first `dh_next` is
# zero, and what is left at the end, when there is no step before, is `dh0`.
#
# The parameters are a different story. One and the same matrix was used at all
# `T` steps, and each use deserves its share of the blame: the gradients of the
# steps are **summed**. State gradients are *carried*, parameter gradients
# *accumulate*. Nearly every broken backward pass in the world confuses these two
# somewhere.
#
# Call your own `rnn_step_backward`. Step `t`'s cache is `cache["steps"][t]`.

# %% solution="rnn_backward"
def rnn_backward(dhs, cache):
    """Backpropagation through time.

    dhs (T, B, H): at every step, the gradient that reaches hs[t] directly
    from the loss, not through later states.
    cache: what rnn_forward saved; cache["steps"] are the T step caches.
    Returns a dict: dxs (T, B, D), dh0 (B, H), dW_xh (D, H), dW_hh (H, H),
    db_h (H,).
    """
    ### BEGIN SOLUTION
    dh_next = np.zeros_like(dhs[0])  # nothing comes from after the end
    dW_xh = dW_hh = db_h = 0
    dxs = []
    for t in reversed(range(len(dhs))):
        step = rnn_step_backward(dhs[t] + dh_next, cache["steps"][t])
        dxs.append(step["dx_t"])
        dh_next = step["dh_prev"]  # carried
        dW_xh = dW_xh + step["dW_xh"]  # accumulated
        dW_hh = dW_hh + step["dW_hh"]
        db_h = db_h + step["db_h"]
    return {
        "dxs": np.stack(dxs[::-1]),
        "dh0": dh_next,
        "dW_xh": dW_xh,
        "dW_hh": dW_hh,
        "db_h": db_h,
    }
    ### END SOLUTION

# %% check="rnn_backward"
check("rnn_backward", rnn_backward)

# %% [markdown]
# Now use it as a measuring instrument. Let the loss look at the last state only
# and ask how much blame arrives at each earlier input. The recurrent matrix is a
# random rotation times `scale`, so `scale` is the factor by which one step back
# stretches the gradient, as long as the tanh stays in its straight part.

# %%
T, B, H = 60, 4, 24
rotation, _ = np.linalg.qr(rng.normal(size=(H, H)))
mixing, _ = np.linalg.qr(rng.normal(size=(H, H)))
noise = rng.normal(size=(T, B, H))
dhs = np.zeros((T, B, H))
dhs[-1] = rng.normal(size=(B, H))

fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
for ax, loud in zip(axes, (0.01, 0.5)):
    for scale in (0.8, 0.95, 1.0, 1.05, 1.2):
        weights = mixing, scale * rotation, np.zeros(H)
        _, cache = rnn_forward(loud * noise, np.zeros((B, H)), *weights)
        dxs = rnn_backward(dhs, cache)["dxs"]
        ax.semilogy(np.linalg.norm(dxs, axis=(1, 2)), label=f"scale {scale}")
    ax.set(xlabel="time step t", title=f"inputs of size {loud}")
axes[0].set_ylabel("size of dxs[t]")
axes[0].legend()
plt.show()

# %% [markdown]
# Read the curves from right to left, as the gradient travels. On the left the
# inputs are whispers, the tanh is straight, and so are the curves on the
# logarithmic axis: one factor per step. (With scale 1.2 even whispers grow, and
# the late states are loud; only the early steps show the full factor.) On the
# right the inputs are loud from the start. Every tanh takes its own part of the
# gradient away, and even a rotation, which loses nothing by itself, forgets. How
# many steps can the network with scale 1.0 look back before less than a
# hundredth of the gradient is left? Keep that number in mind. Chapter 5 is about
# it.

# %% [markdown]
# ## A network that learns a sentence
#
# {task:rnn_lm_loss}
#
# A language model reads a text letter by letter and predicts, at each letter,
# the next one. Letters are numbers below `V`. `ids` has one row more than there
# are predictions: the inputs are `ids[:-1]` and the targets are `ids[1:]`, the
# same text one letter later.
#
# Put the pieces together. The inputs go in as one-hot rows. Your `rnn_forward`,
# from `h0 = 0`, gives the states; the output layer turns each into logits,
#
# $$\mathrm{logits}_t = h_t W_{hy} + b_y,$$
#
# and your `cross_entropy`, with a mask that lets all positions through, gives
# the loss and `dlogits`. Then all the way back: through the output layer at
# *every* step, which gives `dW_hy`, `db_y` and the `dhs`, and through time.
#
# `cross_entropy` has already taken the mean over the `T * B` positions. Nothing
# else needs to be divided by anything.

# %% solution="rnn_lm_loss"
def rnn_lm_loss(params, ids):
    """Loss of a recurrent language model on a text, and its gradients.

    params: dict of W_xh (V, H), W_hh (H, H), b_h (H,), W_hy (H, V), b_y (V,)
    ids (T+1, B): integers in [0, V), a letter in each row.
    Returns the mean cross-entropy over the T*B predictions, and a dict with
    the keys dW_xh, dW_hh, db_h, dW_hy, db_y.
    """
    ### BEGIN SOLUTION
    W_xh, W_hh, W_hy = params["W_xh"], params["W_hh"], params["W_hy"]
    (V, H), B = W_xh.shape, ids.shape[1]
    inputs, targets = ids[:-1], ids[1:]

    xs = np.eye(V, dtype=W_xh.dtype)[inputs]  # (T, B, V)
    h0 = np.zeros((B, H), dtype=W_xh.dtype)
    hs, cache = rnn_forward(xs, h0, W_xh, W_hh, params["b_h"])
    logits = hs @ W_hy + params["b_y"]  # (T, B, V)
    mask = np.ones(targets.shape, dtype=bool)
    loss, dlogits = cross_entropy(logits, targets, mask)

    back = rnn_backward(dlogits @ W_hy.T, cache)
    grads = {name: back[name] for name in ("dW_xh", "dW_hh", "db_h")}
    grads["dW_hy"] = np.einsum("tbh,tbv->hv", hs, dlogits)
    grads["db_y"] = dlogits.sum(axis=(0, 1))
    return loss, grads
    ### END SOLUTION

# %% check="rnn_lm_loss"
check("rnn_lm_loss", rnn_lm_loss)

# %% [markdown]
# The reward. Below, a network with 48 hidden units learns one sentence by heart,
# with your loss and your gradients and plain gradient descent, in a few seconds.
# The batch holds the sentence six times, begun at six different places and
# closed to a circle. Before each step the gradient is shortened to length 1 if
# it is longer; the picture above has shown how long it can become.

# %%
text = "a river has no memory of the rain, "
text += "and yet it knows the way to the sea. "
letters = sorted(set(text))
V, H = len(letters), 48
starts = range(0, len(text), len(text) // 6)
turned = [text[s:] + text[: s + 1] for s in starts]
ids = np.array([[letters.index(c) for c in line] for line in turned]).T

params = {
    "W_xh": rng.normal(size=(V, H)) * 0.3,
    "W_hh": np.linalg.qr(rng.normal(size=(H, H)))[0],
    "b_h": np.zeros(H),
    "W_hy": rng.normal(size=(H, V)) * 0.1,
    "b_y": np.zeros(V),
}
losses = []
for _ in range(600):
    loss, grads = rnn_lm_loss(params, ids)
    length = np.sqrt(sum((g**2).sum() for g in grads.values()))
    rate = 0.3 / max(1.0, length)
    params = {name: p - rate * grads[f"d{name}"] for name, p in params.items()}
    losses.append(loss)

fig, ax = plt.subplots(figsize=(6.5, 3))
ax.semilogy(losses)
ax.axhline(np.log(V), ls="--", color="grey")
ax.set(xlabel="gradient step", ylabel="loss", title="Learning one sentence")
plt.show()

# %% [markdown]
# The dashed line is $\log V$: the loss of somebody who knows the alphabet and
# nothing else. Let the network write. It gets the first letter, draws the next
# one from the probabilities that it gives, reads it, and so on.

# %%
def write(params, first, count, sharpness=1.0):
    """Sample `count` letters after `first`; sharper is less surprising."""
    h_t, letter, written = np.zeros((1, len(params["W_hh"]))), first, [first]
    for _ in range(count):
        x_t = np.eye(V)[[letters.index(letter)]]
        weights = params["W_xh"], params["W_hh"], params["b_h"]
        h_t, _ = rnn_step_forward(x_t, h_t, *weights)
        logits = sharpness * (h_t @ params["W_hy"] + params["b_y"])[0]
        p = np.exp(logits - logits.max())
        letter = letters[rng.choice(V, p=p / p.sum())]
        written.append(letter)
    return "".join(written)


print(write(params, "a", 71))
print(write(params, "t", 71))

# %% [markdown]
# Started as in training, it recites. Started with a letter that was at none of
# the six beginnings, it has to find its way into the sentence, and when it slips
# it has to find its way back. Look at the word "the", which is followed by three
# different words: to know which one is due, the network has to remember what it
# wrote several letters ago. Nothing but your `dh_next` has taught it that.

# %% [markdown]
# ## The same derivative, forwards
#
# {task:tangent_jacobian}
#
# The chain rule is a product of matrices, and a product can be multiplied out
# from either end. Backpropagation starts at the loss. One can also start at the
# beginning: move the first state $h_0$ a little, and follow what this does to
# $h_1$, to $h_2$, and so on, *while* the sequence is read. Let
#
# $$J_t[b, i, j] = \frac{\partial h_t[b, i]}{\partial h_0[b, j]}, \qquad J_0 =
# \text{the identity for every sequence } b.$$
#
# From the two formulas of the cell: how does $J_t$ follow from $J_{t-1}$? Mind
# the order of the axes. In row vectors, $h_{t-1}[b, k]$ reaches $a_t[b, i]$
# through `W_hh[k, i]`, and the slope of the tanh belongs to the *output* $i$.
#
# Return the `T` matrices stacked, so that `J[t]` belongs to `hs[t]`. No cache
# and no backward pass is needed.

# %% solution="tangent_jacobian"
def tangent_jacobian(xs, h0, W_xh, W_hh, b_h):
    """How every state depends on h0, computed along with the states.

    xs (T, B, D), h0 (B, H), W_xh (D, H), W_hh (H, H), b_h (H,)
    Returns J (T, B, H, H): J[t, b, i, j] is the derivative of hs[t, b, i]
    with respect to h0[b, j].
    """
    ### BEGIN SOLUTION
    hs, _ = rnn_forward(xs, h0, W_xh, W_hh, b_h)
    B, H = h0.shape
    J_t = np.broadcast_to(np.eye(H, dtype=h0.dtype), (B, H, H))
    Js = []
    for h_t in hs:
        slope = (1 - h_t**2)[:, :, None]  # (B, H, 1), one for each row i
        J_t = slope * (W_hh.T @ J_t)  # (B, H, H)
        Js.append(J_t)
    return np.stack(Js)
    ### END SOLUTION

# %% check="tangent_jacobian"
check("tangent_jacobian", tangent_jacobian)

# %% [markdown]
# ## And backwards again
#
# {task:reverse_jacobian}
#
# The same matrix for the last step, $\partial h_T / \partial h_0$, from your
# backward pass. A backward pass answers one question at a time: give it the
# gradient with respect to the last state, and it returns the one with respect to
# `h0`. Which `dhs` makes it return the row `i` of the Jacobian? The sequences of
# a batch do not know of each other, so one call answers for all of them: `H`
# calls in all.

# %% solution="reverse_jacobian"
def reverse_jacobian(xs, h0, W_xh, W_hh, b_h):
    """How the last state depends on h0, by one backward pass for each unit.

    xs (T, B, D), h0 (B, H), W_xh (D, H), W_hh (H, H), b_h (H,)
    Returns J (B, H, H): J[b, i, j] is the derivative of hs[-1, b, i] with
    respect to h0[b, j].
    """
    ### BEGIN SOLUTION
    hs, cache = rnn_forward(xs, h0, W_xh, W_hh, b_h)
    rows = []
    for i in range(hs.shape[-1]):
        dhs = np.zeros_like(hs)
        dhs[-1, :, i] = 1
        rows.append(rnn_backward(dhs, cache)["dh0"])  # (B, H)
    return np.stack(rows, axis=1)
    ### END SOLUTION

# %% check="reverse_jacobian"
check("reverse_jacobian", reverse_jacobian)

# %% [markdown]
# Two programs that share hardly a line, one running with time and one against
# it, have to agree to the last digits. They also have very different prices.

# %%
from time import perf_counter

T, B, D = 30, 8, 5
for H in (4, 16, 64):
    xs, h0 = rng.normal(size=(T, B, D)), rng.normal(size=(B, H))
    W_hh = np.linalg.qr(rng.normal(size=(H, H)))[0]
    case = xs, h0, 0.3 * rng.normal(size=(D, H)), W_hh, np.zeros(H)
    start = perf_counter()
    ahead = tangent_jacobian(*case)[-1]
    middle = perf_counter()
    back = reverse_jacobian(*case)
    end = perf_counter()
    apart = np.abs(ahead - back).max() / np.abs(back).max()
    print(
        f"H = {H:2d}: forward mode equals reverse mode to {apart:.0e};"
        f" {1e3 * (middle - start):6.1f} ms and {1e3 * (end - middle):6.1f} ms"
    )

# %% [markdown]
# For a full matrix the two compete. But a *loss* is one number. Reverse mode
# gets its gradient with respect to all parameters in one pass; forward mode
# would have to push a direction through the sequence for every single parameter.
# That, and nothing deeper, is why training runs backwards. Forward mode has one
# advantage in return: it needs no cache. When the last input has been read, the
# last Jacobian is there, and no state had to be kept on the way.

# %% [markdown]
# ## Code review
#
# {task:review_step}
#
# The function below does one step of gradient descent for a network that reads a
# sequence and predicts a vector of numbers at every step, with the mean squared
# error over all entries as its loss. It was found in a drawer. It runs without a
# complaint, and the longer it learns, the less it knows.
#
# It contains **six mistakes**. Each has been published, more than once, in
# tutorials that people have learned from. The forward pass and the loss can be
# trusted.
#
# Write the repaired function. Keep its interface: it returns the loss *before*
# the step and a dict with the *new* parameters. You may mend the snippet line by
# line or write your own from scratch; only what it does counts. Once you have
# repaired one mistake, the check tells you which ones are left, so find as many
# as you can before you ask.

# %% given="review_me"
def review_me(params, xs, targets, lr):
    """One step of gradient descent for a vanilla RNN. Tested, works."""
    W_xh, W_hh, W_hy = params["W_xh"], params["W_hh"], params["W_hy"]
    (T, B, _), H = xs.shape, len(W_hh)
    h0 = np.zeros((B, H), dtype=xs.dtype)

    # forward
    hs = np.zeros((T, B, H), dtype=xs.dtype)
    h_t = h0
    for t in range(T):
        h_t = np.tanh(xs[t] @ W_xh + h_t @ W_hh + params["b_h"])
        hs[t] = h_t
    diff = hs @ W_hy + params["b_y"] - targets  # (T, B, V)
    loss = (diff**2).mean()

    # backward
    dys = 2 * diff / diff.size
    grads = {name: np.zeros_like(p) for name, p in params.items()}
    dh_next = np.zeros_like(h0)
    for t in reversed(range(T)):
        h_prev = hs[t - 1]
        dh_t = dys[t] @ W_hy.T
        da_t = dh_t
        grads["W_hy"] += hs[t].T @ dys[t]
        grads["b_y"] += dys[t].sum(axis=0)
        grads["W_xh"] += xs[t].T @ da_t
        grads["W_hh"] += (h_prev * da_t).sum(axis=0)
        grads["b_h"] += da_t.sum(axis=0)
        dh_next = da_t @ W_hh.T

    # update
    new_params = dict(params)
    for name in new_params:
        new_params[name] += lr * grads[name]
    return loss, new_params

# %% [markdown]
# First the symptoms. The task: at every step, say what the input was two steps
# ago. `examine` is a tool for the search: it takes one step with a tiny learning
# rate, reads off which gradient the function must have used, and compares it
# with difference quotients, one parameter at a time. Point it at your own
# version while you work.

# %%
def echo_task(rng, T=12, B=16, V=2):
    xs = rng.normal(size=(T, B, V))
    targets = np.concatenate([np.zeros((2, B, V)), xs[:-2]])
    return xs, targets


def start(rng, D=2, H=16, V=2):
    sizes = {"W_xh": (D, H), "W_hh": (H, H), "b_h": H}
    sizes = {**sizes, "W_hy": (H, V), "b_y": V}
    return {name: 0.3 * rng.normal(size=n) for name, n in sizes.items()}


def learning_curve(step, count=300, lr=0.2):
    rng = np.random.default_rng(0)
    params, losses = start(rng), []
    for _ in range(count):
        loss, params = step(params, *echo_task(rng), lr)
        losses.append(loss)
    return losses


def examine(step, lr=1e-3, h=1e-6):
    rng = np.random.default_rng(1)
    params, (xs, targets) = start(rng), echo_task(rng)
    kept = {name: p.copy() for name, p in params.items()}
    _, new = step(params, xs, targets, lr)
    for name in kept:
        used = (kept[name] - new[name]) / lr
        right = np.zeros_like(used)
        for index in np.ndindex(used.shape):
            ends = []
            for sign in (1, -1):
                moved = {n: p.copy() for n, p in kept.items()}
                moved[name][index] += sign * h
                ends.append(step(moved, xs, targets, 0.0)[0])
            right[index] = (ends[0] - ends[1]) / (2 * h)
        error = np.abs(used - right).max() / np.abs(right).max()
        print(f"{name:5s} relative error of the gradient used: {error:.1e}")


examine(review_me)
plt.figure(figsize=(6.5, 3))
plt.semilogy(learning_curve(review_me, count=40))
plt.xlabel("gradient step")
plt.ylabel("loss")
plt.title("review_me")
plt.show()

# %% solution="review_step"
def review_step(params, xs, targets, lr):
    """One step of gradient descent on the mean squared error, repaired.

    params: dict of W_xh (D, H), W_hh (H, H), b_h (H,), W_hy (H, V), b_y (V,)
    xs (T, B, D), targets (T, B, V), lr the learning rate; h0 is zero.
    Returns the loss before the step and a dict of the new parameters, which
    shares no array with params.
    """
    ### BEGIN SOLUTION
    W_xh, W_hh, W_hy = params["W_xh"], params["W_hh"], params["W_hy"]
    (T, B, _), H = xs.shape, len(W_hh)
    h0 = np.zeros((B, H), dtype=xs.dtype)

    # forward
    hs = np.zeros((T, B, H), dtype=xs.dtype)
    h_t = h0
    for t in range(T):
        h_t = np.tanh(xs[t] @ W_xh + h_t @ W_hh + params["b_h"])
        hs[t] = h_t
    diff = hs @ W_hy + params["b_y"] - targets  # (T, B, V)
    loss = (diff**2).mean()

    # backward
    dys = 2 * diff / diff.size
    grads = {name: np.zeros_like(p) for name, p in params.items()}
    dh_next = np.zeros_like(h0)
    for t in reversed(range(T)):
        h_prev = hs[t - 1] if t > 0 else h0
        dh_t = dys[t] @ W_hy.T + dh_next
        da_t = dh_t * (1 - hs[t] ** 2)
        grads["W_hy"] += hs[t].T @ dys[t]
        grads["b_y"] += dys[t].sum(axis=0)
        grads["W_xh"] += xs[t].T @ da_t
        grads["W_hh"] += h_prev.T @ da_t
        grads["b_h"] += da_t.sum(axis=0)
        dh_next = da_t @ W_hh.T

    # update
    new_params = {name: p.copy() for name, p in params.items()}
    for name in new_params:
        new_params[name] -= lr * grads[name]
    return loss, new_params
    ### END SOLUTION

# %% check="review_step"
check("review_step", review_step)

# %% [markdown]
# The proof of the pudding. The dashed line is the loss of a network that always
# answers with zero. To get below it, the network has to hold on to an input for
# two steps, and it can learn to do so only if the gradient is carried.

# %%
examine(review_step)
curve = learning_curve(review_step, count=800)
fig, ax = plt.subplots(figsize=(6.5, 3))
ax.semilogy(curve)
ax.axhline(10 / 12, ls="--", color="grey")  # the first two targets are zero
ax.set(xlabel="gradient step", ylabel="loss", title="review_step")
plt.show()

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in the
# course's folder, `python -m unrolled check 03-bptt`. The grader runs the same
# functions on numbers that nobody has seen.
