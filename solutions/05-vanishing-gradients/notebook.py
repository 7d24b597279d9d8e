# %% [markdown]
# # Vanishing and exploding gradients
#
# Children sit in a long row and whisper a sentence from ear to ear. At the tenth
# child it is a different sentence, at the thirtieth it is noise. A gradient that
# walks back through time plays the same game: each step multiplies it by a
# matrix, and after thirty matrices there is hardly anything left, or far too
# much.
#
# In this notebook you measure the whispering. You build the matrix of one step
# and the products of many, compare their size with a bound, sort nine matrices
# by what can be promised about them, and construct one that seems to grow and
# dies. Then you look for good starting points, and at the end you find out how
# many steps a small network really bridges. You trained it, you counted.
#
# The text behind it is chapter 5, *Vanishing and exploding gradients*.
#
# **Letters.** `T` steps, `B` sequences, `H` hidden units, `hs` of shape
# `(T, B, H)` the states, `W_hh` the recurrent matrix. The states are given in the
# first exercises: a Jacobian needs nothing else.
#
# **House rules**, which the checks test: a function never modifies its inputs,
# gives the same result when it is called twice, returns the float type that it
# was given, and works for sizes of one.

# %% given="imports"
import numpy as np

from unrolled import check, public_data

rng = np.random.default_rng(5)

# %% [markdown]
# ## One ear to the next
#
# {task:step_jacobian}
#
# If one entry $j$ of the old state moves a little, how does entry $i$ of the new
# state move? The cell computes $h_t = \tanh(\dots + h_{t-1} W_{hh} + \dots)$, so
#
# $$S_t[b, i, j] = \frac{\partial h_t[b, i]}{\partial h_{t-1}[b, j]}
# = (1 - h_t[b, i]^2)\, W_{hh}[j, i].$$
#
# Mind the two indices of $W_{hh}$: the path leads *from* `j` *to* `i`, and the
# slope is that of the unit at which it arrives.

# %% solution="step_jacobian"
def step_jacobian(h_t, W_hh):
    """How the state h_t depends on the state before it.

    h_t (B, H): the new states; W_hh (H, H).
    Returns S_t (B, H, H): S_t[b, i, j] is the derivative of h_t[b, i] with
    respect to entry j of the state before.
    """
    ### BEGIN SOLUTION
    slope = 1 - h_t**2  # (B, H), one for each row i
    return slope[:, :, None] * W_hh.T
    ### END SOLUTION

# %% check="step_jacobian"
check("step_jacobian", step_jacobian)

# %% [markdown]
# ## Down the whole row
#
# {task:jacobian_product}
#
# Now from any state to the *last* one. The chain rule multiplies:
#
# $$J[t] = \frac{\partial h_\text{last}}{\partial h_t}
# = S_\text{last}\, S_{\text{last}-1} \cdots S_{t+1}.$$
#
# The last state depends on itself by the identity. In arrays: `J[T-1]` is the
# identity, for each sequence, and `J[t]` has one factor more than `J[t+1]`. Which
# one, and on which side? Call your `step_jacobian`; never build a product twice.

# %% solution="jacobian_product"
def jacobian_product(hs, W_hh):
    """How the last state depends on every state.

    hs (T, B, H): the states; W_hh (H, H).
    Returns J (T, B, H, H): J[t, b, i, j] is the derivative of hs[-1, b, i]
    with respect to hs[t, b, j].
    """
    ### BEGIN SOLUTION
    T, B, H = hs.shape
    J = np.zeros((T, B, H, H), dtype=hs.dtype)
    J[-1] = np.eye(H)
    for t in range(T - 2, -1, -1):
        S_next = step_jacobian(hs[t + 1], W_hh)
        J[t] = J[t + 1] @ S_next
    return J
    ### END SOLUTION

# %% check="jacobian_product"
check("jacobian_product", jacobian_product)

# %% [markdown]
# Look at it. Below, one network of twelve units reads noise, and you see the
# matrix $J[t]$ from close to the end to far away, all in one scale of colours. The
# row above has a recurrent matrix of scale 0.8, the one below of scale 1.6.

# %%
import matplotlib.pyplot as plt


def run(W_hh, T=40, B=1, loud=0.5):
    """States of a cell that reads noise through random weights."""
    H = len(W_hh)
    drive = loud * rng.normal(size=(T, B, H))
    hs, h_t = [], np.zeros((B, H))
    for a_t in drive:
        h_t = np.tanh(a_t + np.dot(h_t, W_hh))
        hs.append(h_t)
    return np.stack(hs)


H = 12
Q = np.linalg.qr(rng.normal(size=(H, H)))[0]
fig, axes = plt.subplots(2, 6, figsize=(9, 3.4))
for row, scale in zip(axes, (0.8, 1.6)):
    J = jacobian_product(run(scale * Q), scale * Q)
    for ax, back in zip(row, (0, 1, 2, 4, 8, 16)):
        ax.imshow(J[-1 - back, 0], cmap="RdBu", vmin=-1, vmax=1)
        ax.set(xticks=[], yticks=[], title=f"{back} back")
    row[0].set_ylabel(f"scale {scale}")
plt.show()

# %% [markdown]
# ## How loud is it, and how loud could it be?
#
# {task:spectral_curves}
#
# The size of a matrix is its largest singular value, $\|A\|$: by so much it
# stretches the vector that it stretches most. NumPy: `np.linalg.norm(A, 2, axis=(-2,
# -1))`, also for a stack of matrices. For products,
#
# $$\|S_\text{last} \cdots S_{t+1}\| \le
# \|S_\text{last}\| \cdots \|S_{t+1}\|.$$
#
# Return both sides for every `t`: `norms`, the size of the product, and `bounds`,
# the product of the sizes. At the last step both are 1.

# %% solution="spectral_curves"
def spectral_curves(hs, W_hh):
    """The norm of the Jacobian to the last state, and its bound.

    hs (T, B, H), W_hh (H, H)
    Returns norms (T, B): the largest singular value of d hs[-1] / d hs[t],
    and bounds (T, B): the product of the largest singular values of its steps.
    """
    ### BEGIN SOLUTION
    norms = np.linalg.norm(jacobian_product(hs, W_hh), 2, axis=(-2, -1))
    bounds = np.ones_like(norms)
    for t in range(len(hs) - 2, -1, -1):
        S_next = step_jacobian(hs[t + 1], W_hh)
        bounds[t] = bounds[t + 1] * np.linalg.norm(S_next, 2, axis=(-2, -1))
    return norms, bounds
    ### END SOLUTION

# %% check="spectral_curves"
check("spectral_curves", spectral_curves)

# %% [markdown]
# Five sequences each, for three scales of the same orthogonal matrix; solid is the
# norm, dashed the bound. At scale 1.3 the bound promises nothing, and yet the
# norm may sink. A bound above one is not an explosion.

# %%
fig, axes = plt.subplots(1, 3, figsize=(9.5, 3), sharey=True)
for ax, scale in zip(axes, (0.8, 1.0, 1.3)):
    norms, bounds = spectral_curves(run(scale * Q, B=5), scale * Q)
    back = np.arange(len(norms))[::-1]
    ax.semilogy(back, norms, color="C0")
    ax.semilogy(back, bounds, color="C1", ls="--", lw=1)
    ax.set(title=f"scale {scale}", xlabel="steps back")
axes[0].set_ylabel("largest singular value")
plt.show()

# %% [markdown]
# ## What can be promised?
#
# {task:sort_matrices}
#
# You are given nine recurrent matrices. For a cell with tanh, what is certain,
# *whatever the inputs and states will be*? The slopes of a tanh are at most 1.
#
# * **0**: the Jacobian products vanish, guaranteed.
# * **1**: nothing of the kind is guaranteed, but if all slopes were 1 for ever
#   (a linear cell), the products would die in the end.
# * **2**: with all slopes 1, the products would not die.
#
# Two numbers of each matrix decide. Return the nine classes, in order.

# %% given="matrices"
matrices = public_data("05-vanishing-gradients", "matrices")
len(matrices), matrices[0].shape

# %% solution="sort_matrices"
def sort_matrices():
    """The class, 0, 1 or 2, of each of the nine matrices.

    Returns a list of nine integers.
    """
    ### BEGIN SOLUTION
    classes = []
    for W in matrices:
        stretch = np.linalg.svd(W, compute_uv=False).max()
        radius = np.abs(np.linalg.eigvals(W)).max()
        classes.append(0 if stretch < 1 else 1 if radius < 1 else 2)
    return classes
    ### END SOLUTION

# %% check="sort_matrices"
check("sort_matrices", sort_matrices)

# %% [markdown]
# ## A matrix that changes its mind
#
# {task:late_growth}
#
# Class 1 is the strange one. Build a specimen: an `(H, H)` matrix `W` whose
# eigenvalues are all smaller than 1 in absolute value, so that its powers die;
# which never stretches a vector by more than 2; and one of whose powers
# nevertheless reaches the norm `growth`. There are many right answers, and yours
# is judged by these properties alone.
#
# A hint: what do the powers of $\begin{pmatrix} 0.9 & c \\ 0 & 0.9 \end{pmatrix}$
# look like? Multiply out two of them, then guess the rule. What could come after
# $2 \times 2$?

# %% solution="late_growth"
def late_growth(H, growth):
    """A matrix whose powers grow before they die.

    H: its size, at least 2. growth: what the norm of some power must reach,
    at most 3 for H = 2, and at most 3 (H - 2) from H = 4 on.
    Returns W (H, H) with all eigenvalues below 1 in absolute value, with a
    largest singular value of at most 2, and max over k of ||W^k|| >= growth.
    """
    ### BEGIN SOLUTION
    diagonal = 0.9 * np.eye(H)
    W = diagonal + 1.0 * np.eye(H, k=1)
    return W
    ### END SOLUTION

# %% check="late_growth"
check("late_growth", late_growth)

# %% [markdown]
# A gradient that walks through your matrix first looks like an explosion.
# Somebody who reads only the eigenvalues will not believe you.

# %%
fig, ax = plt.subplots(figsize=(6.5, 3))
for H in (2, 4, 8):
    W = late_growth(H, 3.0)
    powers = [np.linalg.matrix_power(W, k) for k in range(90)]
    ax.semilogy([np.linalg.norm(P, 2) for P in powers], label=f"H = {H}")
ax.axhline(1, color="grey", lw=0.8)
ax.set(xlabel="power k", ylabel="norm of W to the k")
ax.legend()
plt.show()

# %% [markdown]
# ## Where to start: rotations
#
# {task:orthogonal}
#
# All singular values equal to one: no direction is favoured, nothing grows and
# nothing shrinks. Such a matrix is orthogonal, and a fair one, no rotation more
# likely than another, comes out of normal numbers: take the QR decomposition of
# `draws`. Its Q is not unique, since the sign of a column can be moved into R.
# LAPACK decides it by a rule of its own, and that rule is not fair. Choose the
# signs such that the diagonal of R is *positive*: that Q is unique, and fair.

# %% solution="orthogonal"
def orthogonal(draws):
    """The orthogonal factor of draws = Q R with a positive diagonal of R.

    draws (H, H): normal random numbers. Returns Q (H, H).
    """
    ### BEGIN SOLUTION
    Q, R = np.linalg.qr(draws)
    signs = np.sign(np.diag(R))
    return Q * signs
    ### END SOLUTION

# %% check="orthogonal"
check("orthogonal", orthogonal)

# %% [markdown]
# ## Where to start: do nothing
#
# {task:identity_init}
#
# The simplest orthogonal matrix is the identity: a unit that hears nothing keeps
# its value. Le, Jaitly and Hinton (2015) started from it, with input weights so
# small that they hardly disturb: normal with standard deviation 0.001. Return a
# dict: `W_xh`, a thousandth of `draws`; `W_hh`, `scale` times the identity; and
# `b_h`, zero.

# %% solution="identity_init"
def identity_init(draws, scale):
    """Start from a state that keeps itself.

    draws (D, H): standard normal numbers; scale: a number, at most 1.
    Returns {"W_xh": (D, H), "W_hh": (H, H), "b_h": (H,)}.
    """
    ### BEGIN SOLUTION
    H = draws.shape[1]
    W_hh = scale * np.eye(H, dtype=draws.dtype)
    b_h = np.zeros(H, dtype=draws.dtype)
    return {"W_xh": 0.001 * draws, "W_hh": W_hh, "b_h": b_h}
    ### END SOLUTION

# %% check="identity_init"
check("identity_init", identity_init)

# %% [markdown]
# Perfect matrices, and then comes the tanh. The louder the input, the flatter the
# slopes at which the units work, and each flat slope shrinks a row of the step.
# Below, 32 units start with your `orthogonal`, and the norm after 30 steps is
# drawn over the loudness of what they read. At which loudness have nine tenths
# been lost?

# %%
H, loudness = 32, np.linspace(0, 1.5, 16)
starts = [orthogonal(rng.normal(size=(H, H))) for _ in range(3)]
fig, ax = plt.subplots(figsize=(6.5, 3))
for W in starts:
    sizes = []
    for loud in loudness:
        norms, _ = spectral_curves(run(W, T=31, loud=loud), W)
        sizes.append(norms[0, 0])
    ax.semilogy(loudness, sizes, "o-", ms=3)
ax.axhline(0.1, color="grey", lw=0.8)
ax.set(xlabel="loudness of the input", ylabel="norm after 30 steps")
plt.show()

# %% [markdown]
# ## A test of memory: adding
#
# {task:adding_problem}
#
# Enough of matrices. What can the network *do*? In the adding problem of
# Hochreiter and Schmidhuber (1997) it reads `T` numbers, two of which are marked,
# and in the end it has to say their sum. The input has two features: the value,
# and a mark that is 1 at the two marked steps and 0 at all others. Assemble it,
# time first.

# %% solution="adding_problem"
def adding_problem(values, first, second):
    """The adding problem from its random numbers.

    values (T, B) float; first, second (B,) integers: the two marked steps of
    each sequence, first[b] < second[b].
    Returns xs (T, B, 2), the values and the marks, and target (B,), the sums.
    """
    ### BEGIN SOLUTION
    marks = np.zeros_like(values)
    columns = np.arange(values.shape[1])
    marks[first, columns] = 1
    marks[second, columns] = 1
    target = (values * marks).sum(axis=0)
    return np.stack([values, marks], axis=-1), target
    ### END SOLUTION

# %% check="adding_problem"
check("adding_problem", adding_problem)

# %% [markdown]
# ## A test of memory: copying
#
# {task:copy_problem}
#
# Here the distance is exact. The network reads `K` symbols, then `lag` blanks,
# then `K` cues, and at the cues it has to say the symbols again, in order. Symbols
# are the numbers from 0 to `V - 1`; a blank is `V` and a cue is `V + 1`. The
# targets are the symbols at the cues and 0 elsewhere, where the mask is False and
# nobody looks.

# %% solution="copy_problem"
def copy_problem(symbols, lag, V):
    """The copy problem from its random symbols.

    symbols (K, B) integers in [0, V); lag: the number of blanks, at least 0.
    Returns ids (T, B) with T = K + lag + K, targets (T, B) integers, and
    mask (T, B), True at the cues.
    """
    ### BEGIN SOLUTION
    K, B = symbols.shape
    blanks = np.full((lag, B), V)
    cues = np.full((K, B), V + 1)
    ids = np.concatenate([symbols, blanks, cues])
    targets = np.zeros_like(ids)
    targets[K + lag :] = symbols
    mask = np.zeros(ids.shape, dtype=bool)
    mask[K + lag :] = True
    return ids, targets, mask
    ### END SOLUTION

# %% check="copy_problem"
check("copy_problem", copy_problem)

# %%
ids, targets, mask = copy_problem(rng.integers(4, size=(3, 6)), 8, 4)
fig, ax = plt.subplots(figsize=(6.5, 2.2))
ax.imshow(ids.T, cmap="viridis", aspect="auto")
ax.set(xlabel="time step", ylabel="sequence", title="Read, wait, repeat")
plt.show()

# %% [markdown]
# ## How far does it reach?
#
# {task:bridged_lags}
#
# Train several networks, each from its own random start, for each of several
# lags, and write down how wrong each is in the end. How far does a run reach? A
# run that solves lag 40 by luck and fails at 20 has not bridged 40. So count only
# what is unbroken: for each run, the largest lag such that it *and all shorter
# ones* were solved, that is, have an error *below* the threshold. It is 0 for a
# run that fails at the first. Training may explode: an error may be NaN, and NaN
# is no success.

# %% solution="bridged_lags"
def bridged_lags(lags, errors, threshold):
    """How far each run reaches without a gap.

    lags (L,) integers, rising; errors (L, S): the error at each lag of each of
    S runs, possibly NaN; threshold: a number.
    Returns bridged (S,): the largest lag up to which all errors of the run are
    below the threshold; 0 if there is none.
    """
    ### BEGIN SOLUTION
    solved = errors < threshold  # (L, S); NaN is not
    unbroken = np.logical_and.accumulate(solved, axis=0)
    reached = np.where(unbroken, lags[:, None], 0)
    return reached.max(axis=0)
    ### END SOLUTION

# %% check="bridged_lags"
check("bridged_lags", bridged_lags)

# %% [markdown]
# ## Your own network
#
# Paste `rnn_step_forward`, `rnn_forward` and `cross_entropy` from notebook 02, and
# `rnn_step_backward` and `rnn_backward` from notebook 03. They carry no points
# here, and a fault in one of them is not held against what follows.

# %% solution="earlier" include="02-recurrent-cell: rnn_step_forward rnn_forward cross_entropy"

# %% solution="backward" include="03-bptt: rnn_step_backward rnn_backward"

# %% [markdown]
# From these, the loss of a network that copies, and the gradients of its four
# arrays of weights. The mask sees to it that only the cues count.

# %% given="copy_loss"
def copy_loss(params, ids, targets, mask):
    """The loss of a network on the copy problem, and its gradients.

    params: a dict of W_xh (V+2, H), W_hh (H, H), b_h (H,) and W_hy (H, V);
    ids, targets, mask (T, B). Returns the loss and a dict with the same keys.
    """
    W_xh, W_hh = params["W_xh"], params["W_hh"]
    xs = np.eye(len(W_xh))[ids]
    h0 = np.zeros((ids.shape[1], len(W_hh)))
    hs, cache = rnn_forward(xs, h0, W_xh, W_hh, params["b_h"])
    logits = hs @ params["W_hy"]
    loss, dlogits = cross_entropy(logits, targets, mask)
    back = rnn_backward(dlogits @ params["W_hy"].T, cache)
    grads = {name: back[f"d{name}"] for name in ("W_xh", "W_hh", "b_h")}
    grads["W_hy"] = np.einsum("tbh,tbv->hv", hs, dlogits)
    return loss, grads


# %% [markdown]
# ## Teach it
#
# {task:train_copy}
#
# Now you train. You are given the weights to start from, and fresh symbols for
# every update: `symbols[n]`, of shape `(K, B)`, is the batch of update `n`. For
# each batch in turn:
#
# 1. Make it a copy problem, and let `copy_loss` say the loss and the gradients.
# 2. If all gradients *together*, as one long vector, are longer than 1, shorten
#    them to length 1.
# 3. Keep a running mean of the square of each gradient,
#    $s \leftarrow s + 0.05\,(g^2 - s)$, beginning with zero, one for each array.
# 4. Step: $W \leftarrow W - \mathrm{lr} \cdot g / (\sqrt{s} + 10^{-6})$.
#
# Steps 3 and 4 are called RMSprop: every entry moves by about `lr`, however
# small its gradient is. Your `adam_step` of notebook 04 does as well.
#
# This exercise is graded in another way than all before it. Nobody compares your
# weights with ours. They are given 500 new sequences to copy, three symbols out of
# five each, and at most a quarter of the symbols may come out wrong. (Who guesses
# has four fifths wrong; of four hundred runs of ours the worst had a tenth.) The
# lag is ten blanks, a number that you will hear again. And all four arrays have to
# have been trained; the ones that you were given stay as they were.

# %% solution="train_copy"
def train_copy(params, symbols, lag, lr):
    """Train a network to copy, one update for each batch.

    params: the weights at the start, a dict as copy_loss takes it
    symbols (N, K, B): those of N batches; lag: blanks; lr: the learning rate
    Returns the trained weights, a dict of new arrays with the same keys.
    """
    ### BEGIN SOLUTION
    weights = {name: w.copy() for name, w in params.items()}
    square = {name: np.zeros_like(w) for name, w in params.items()}
    V = params["W_hy"].shape[1]
    for batch in symbols:
        _, grads = copy_loss(weights, *copy_problem(batch, lag, V))
        length = np.sqrt(sum(np.vdot(g, g) for g in grads.values()))
        for name, g in grads.items():
            g = g / max(1.0, length)
            square[name] += 0.05 * (g**2 - square[name])
            weights[name] -= lr * g / (np.sqrt(square[name]) + 1e-6)
    return weights
    ### END SOLUTION

# %% check="train_copy"
check("train_copy", train_copy)

# %% [markdown]
# Watch it learn. Below, networks that have seen more and more batches are asked
# to copy, at a lag of ten. At first they guess. Then, within a few dozen updates,
# it clicks.

# %%
def begin(W_hh, rng, V=4):
    """Weights to start from, around a given recurrent matrix."""
    H, D = len(W_hh), V + 2
    return {
        "W_xh": 0.3 * rng.normal(size=(D, H)),
        "W_hh": W_hh,
        "b_h": np.zeros(H),
        "W_hy": 0.3 * rng.normal(size=(H, V)),
    }


def wrong_share(params, lag, rng, K=3):
    """The share of wrong symbols in 400 fresh sequences."""
    V = params["W_hy"].shape[1]
    symbols = rng.integers(V, size=(K, 400))
    ids, targets, mask = copy_problem(symbols, lag, V)
    weights = params["W_xh"], params["W_hh"], params["b_h"]
    start = np.zeros((400, len(params["W_hh"])))
    hs, _ = rnn_forward(np.eye(V + 2)[ids], start, *weights)
    said = (hs @ params["W_hy"]).argmax(axis=-1)
    return (said != targets)[mask].mean()


seen = np.array([0, 10, 20, 40, 60, 100, 150, 200, 300])
fig, ax = plt.subplots(figsize=(6.5, 3))
for kind in ("orthogonal", "small Gaussian"):
    draws = rng.normal(size=(24, 24))
    W_hh = orthogonal(draws) if kind == "orthogonal" else 0.6 * draws / 24**0.5
    params = begin(W_hh, rng)
    symbols = rng.integers(4, size=(seen[-1], 3, 8))
    trained = [train_copy(params, symbols[:n], 10, 3e-3) for n in seen]
    errors = [wrong_share(weights, 10, rng) for weights in trained]
    ax.plot(seen, errors, "o-", label=kind)
ax.axhline(0.75, color="grey", lw=0.8)
ax.set(xlabel="batches seen", ylabel="wrong symbols", ylim=(-0.03, 1))
ax.legend()
plt.show()

# %% [markdown]
# A puzzle on the side. Freeze `W_hh`, so that only the other three arrays are
# trained (the check will refuse it, this is for you). With the orthogonal start,
# is the copy any worse? What does that say about who did the remembering?

# %% [markdown]
# ## Your own measurement
#
# How far does each start reach? Several networks for each lag, every one with a
# random start of its own.

# %%
def measure(start, H=24, runs=3, lags=(1, 3, 6, 10, 15)):
    """How far each of several runs reaches that begins with start(draws)."""
    errors = np.zeros((len(lags), runs))
    for row, lag in enumerate(lags):
        for s in range(runs):
            own = np.random.default_rng([5, s, lag])
            params = begin(start(own.normal(size=(H, H))), own)
            symbols = own.integers(4, size=(200, 3, 8))
            trained = train_copy(params, symbols, lag, 3e-3)
            errors[row, s] = wrong_share(trained, lag, own)
        bar = "#" * (row + 1) + "." * (len(lags) - row - 1)
        print(f"[{bar}] lag {lag:2d}: wrong", *errors[row].round(2))
    return bridged_lags(np.array(lags), errors, 0.1)


print("reach:", *measure(lambda draws: draws * 0.6 / len(draws) ** 0.5))

# %% [markdown]
# That was a matrix of normal numbers with a spectral radius of about 0.6. And now
# your `orthogonal`, with everything else as it was:

# %%
print("reach:", *measure(orthogonal))
