# %% [markdown]
# # Training
#
# You own a gradient. It is right to ten digits, you have checked it. What now?
# In this notebook you turn it into a network that writes.
#
# The text it learns from is on your disk already: the reference of the Python
# language, nearly half a million characters, which comes with Python itself. No
# gradient can look at all of it at once. So you will cut it into a stream of
# windows, hand the state from one window to the next, walk back over a few steps
# only, shorten a gradient that is too long, and take the step with a method that
# remembers the steps before. Each of these is a few lines. At the end they run
# together, and you can watch the network go from noise to words.
#
# The text behind it is chapter 4, *Training*, of the book.
#
# **Letters.** `T` steps, `B` sequences, `H` hidden units, `V` symbols. `w` is
# any parameter and `dw` the gradient of the loss with respect to it. Updates are
# counted by `n`, because `t` is a step in time.
#
# **House rules**, which the checks test: a function never modifies its inputs
# and gives the same result when it is called twice; the float type follows the
# inputs. For an optimiser this means that it returns *new* parameters and a
# *new* state.

# %% given="imports"
import numpy as np

from unrolled import check, public_data

rng = np.random.default_rng(4)

# %% [markdown]
# ## Downhill
#
# {task:sgd_step}
#
# The gradient says in which direction the loss grows fastest. So go the other
# way, by the learning rate times its length:
#
# $$w_{n} = w_{n-1} - \eta\, \mathrm{d}w_n.$$
#
# One line. The one thing to take care of: `w -= ...` writes into the caller's
# array.

# %% solution="sgd_step"
def sgd_step(w, dw, lr):
    """One step of gradient descent.

    w, dw: float arrays of one shape; lr: the learning rate, a number.
    Returns the new w; the old one is left as it is.
    """
    ### BEGIN SOLUTION
    return w - lr * dw
    ### END SOLUTION

# %% check="sgd_step"
check("sgd_step", sgd_step)

# %% [markdown]
# ## With momentum
#
# {task:momentum_step}
#
# In a long narrow valley the gradient points mostly at the near wall, first at
# one, then at the other. Remember the gradients before, and the walls cancel
# while the way along the valley adds up:
#
# $$m_n = \mu\, m_{n-1} + \mathrm{d}w_n, \qquad w_n = w_{n-1} - \eta\, m_n.$$
#
# Other conventions are in use. This one is PyTorch's: the learning rate is *not*
# inside $m$, and the new gradient enters with its full weight. Return the new
# parameter and the new memory.

# %% solution="momentum_step"
def momentum_step(w, dw, m, lr, mu):
    """One step of gradient descent with momentum (as torch.optim.SGD has it).

    w, dw, m: float arrays of one shape; m is zero before the first step.
    lr: the learning rate; mu: the share of m that is kept, in [0, 1).
    Returns the new w and the new m.
    """
    ### BEGIN SOLUTION
    m_new = mu * m + dw
    return w - lr * m_new, m_new
    ### END SOLUTION

# %% check="momentum_step"
check("momentum_step", momentum_step)

# %% [markdown]
# ## Adam
#
# {task:adam_step}
#
# One learning rate has to do for all parameters, and they are very different:
# the row of a rare symbol gets a gradient once in a thousand steps, the output
# bias gets one always. Adam divides each entry by its own typical size. It keeps
# two running averages, of the gradient and of its square,
#
# $$m_n = \beta_1 m_{n-1} + (1 - \beta_1)\,\mathrm{d}w_n, \qquad
#   v_n = \beta_2 v_{n-1} + (1 - \beta_2)\,\mathrm{d}w_n^2.$$
#
# Both start at zero. So after $n$ steps the weights in the average $m_n$ do not
# add up to one, but only to $1 - \beta_1^n$ (add them up!), and those in $v_n$
# to $1 - \beta_2^n$. Divide by these sums and you have true averages, from the
# first step on:
#
# $$\hat m = \frac{m_n}{1 - \beta_1^n}, \qquad
#   \hat v = \frac{v_n}{1 - \beta_2^n}, \qquad
#   w_n = w_{n-1} - \eta\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}.$$
#
# What you return is $m_n$ and $v_n$, without the correction: it is made afresh
# at each step. `n` is 1 at the first step.

# %% solution="adam_step"
def adam_step(w, dw, m, v, n, lr, beta1, beta2, eps):
    """One step of Adam (Kingma and Ba, 2015), as torch.optim.Adam has it.

    w, dw, m, v: float arrays of one shape; m and v are zero before step 1.
    n: the number of this step, from 1; lr, beta1, beta2, eps: numbers.
    Returns the new w, the new m and the new v.
    """
    ### BEGIN SOLUTION
    m_new = beta1 * m + (1 - beta1) * dw
    v_new = beta2 * v + (1 - beta2) * dw**2
    m_hat = m_new / (1 - beta1**n)
    v_hat = v_new / (1 - beta2**n)
    w_new = w - lr * m_hat / (np.sqrt(v_hat) + eps)
    return w_new, m_new, v_new
    ### END SOLUTION

# %% check="adam_step"
check("adam_step", adam_step)

# %% [markdown]
# Let the three race. The loss is a valley, fifty times as steep across as along.
# All start at the same point; the rate of each is in the cell. Try others: which
# of the three forgives a bad choice, and what does it do at the end?

# %%
import matplotlib.pyplot as plt

steep = np.array([1.0, 50.0])  # along, across


def race(update, count=60):
    """The points that `update(w, dw, state, n)` visits."""
    w, state, points = np.array([-9.0, 1.2]), None, []
    for n in range(1, count + 1):
        points.append(w)
        w, state = update(w, steep * w, state, n)
    return np.array(points)


def plain(w, dw, state, n, lr=0.036):
    return sgd_step(w, dw, lr), None


def heavy(w, dw, state, n, lr=0.02, mu=0.8):
    m = np.zeros_like(w) if state is None else state
    return momentum_step(w, dw, m, lr, mu)


def scaled(w, dw, state, n, lr=0.5):
    m, v = (0 * w, 0 * w) if state is None else state
    w, m, v = adam_step(w, dw, m, v, n, lr, 0.9, 0.999, 1e-8)
    return w, (m, v)


x, y = np.meshgrid(np.linspace(-10, 4, 200), np.linspace(-2, 2, 120))
fig, ax = plt.subplots(figsize=(9, 3.2))
levels = 0.5 * (steep[0] * x**2 + steep[1] * y**2)
ax.contour(x, y, np.sqrt(levels), 12, colors="lightgrey", linewidths=0.8)
for update, name in ((plain, "SGD"), (heavy, "momentum"), (scaled, "Adam")):
    ax.plot(*race(update).T, "o-", ms=3, lw=1, label=name)
ax.plot(0, 0, "k*", ms=12)
ax.set(title="Sixty steps in a narrow valley", xlabel="along", ylabel="across")
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# ## A gradient that is too long
#
# {task:clip_global_norm}
#
# In chapter 3 you saw gradients that grow on their way back. Once in a while a
# recurrent network meets a window in which they grow a lot, and one such step
# can undo an hour of training. The remedy is blunt: if the gradient is longer
# than $c$, shorten it to $c$.
#
# The gradient is *all* arrays together, one long vector. So there is one norm,
#
# $$\lVert g \rVert
#   = \Big(\sum_{\text{arrays}} \sum_{\text{entries}} g^2\Big)^{1/2},$$
#
# and one factor for all of them, $\min(1, c / \lVert g \rVert)$. Then the step
# gets shorter and keeps its direction. Clipping each array for itself, or each
# entry as `np.clip` does, turns it.
#
# Return a *new* dict and the norm as it was *before* clipping, which is what one
# wants to plot. A gradient of zeros is possible; leave it alone.

# %% solution="clip_global_norm"
def clip_global_norm(grads, c):
    """Shorten a gradient to length c if it is longer (Pascanu et al., 2013).

    grads: dict of float arrays; c: the largest norm allowed, above zero.
    Returns a new dict of new arrays, under the same keys, and the norm that
    the gradient had before.
    """
    ### BEGIN SOLUTION
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    factor = c / norm if norm > c else 1.0
    clipped = {name: factor * g for name, g in grads.items()}
    return clipped, norm
    ### END SOLUTION

# %% check="clip_global_norm"
check("clip_global_norm", clip_global_norm)

# %% [markdown]
# What does turning mean? Below, gradients are drawn at random, with arrays of
# very different sizes, as in a real network. Each is shortened in three ways to
# the *same* length, and the angle to the true gradient is measured.

# %%
def angle(one, other):
    a = np.concatenate([g.ravel() for g in one.values()])
    b = np.concatenate([g.ravel() for g in other.values()])
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    return np.degrees(np.arccos(min(cosine, 1.0)))


angles = {"global norm": [], "each array": [], "each entry": []}
for _ in range(200):
    g = {
        "dW_hh": rng.standard_cauchy((20, 20)),
        "db_h": 30 * rng.normal(size=20),
    }
    each = {n: clip_global_norm({n: a}, 1.0)[0][n] for n, a in g.items()}
    entry = {n: np.clip(a, -1, 1) for n, a in g.items()}
    angles["global norm"].append(angle(g, clip_global_norm(g, 1.0)[0]))
    angles["each array"].append(angle(g, each))
    angles["each entry"].append(angle(g, entry))

fig, ax = plt.subplots(figsize=(7, 2.8))
for row, found in enumerate(angles.values()):
    ax.plot(found, row + 0.25 * rng.random(len(found)), ".", alpha=0.5)
ax.set_yticks(range(3), angles)
ax.set(xlabel="degrees between clipped and true gradient", xlim=(-2, 90))
plt.show()

# %% [markdown]
# ## A text as a stream
#
# {task:stream_batches}
#
# A text of `N` symbols is one long sequence. We want to read it `B` places at a
# time and `T` steps at a time, and never lose the thread. So:
#
# *Columns.* Cut the text into `B` pieces of `N // B` symbols. The first piece is
# column 0, the next one column 1, and so on; what is left at the end is dropped.
# Every column is read from top to bottom, and is a *contiguous* piece of text.
#
# *Windows.* Window `k` consists of the rows `k*T` to `k*T + T`, both included:
# `T + 1` rows, because inputs are `ids[:-1]` and targets `ids[1:]`. So the last
# row of a window is the first row of the next, once as a target and once as an
# input. A window that would not be complete is dropped.
#
# With `N = 23`, `T = 3`, `B = 2` and the text 0, 1, ... 22 the windows are
#
#     0 11    3 14    6 17
#     1 12    4 15    7 18
#     2 13    5 16    8 19
#     3 14    6 17    9 20
#
# and it pays to see why 10, 21 and 22 are not there.

# %% solution="stream_batches"
def stream_batches(ids, T, B):
    """Cut a text into windows whose columns continue from one to the next.

    ids (N,): integers, the text; T steps in a window, B columns.
    Returns windows (n, T+1, B): windows[k] holds the rows k*T to k*T + T of
    the B columns of N // B symbols; incomplete windows are dropped.
    """
    ### BEGIN SOLUTION
    rows = len(ids) // B
    columns = ids[: rows * B].reshape(B, rows).T  # (rows, B)
    starts = range(0, rows - T, T)
    return np.stack([columns[k : k + T + 1] for k in starts])
    ### END SOLUTION

# %% check="stream_batches"
check("stream_batches", stream_batches)

# %% [markdown]
# Look at it with letters. Each line below is one column; a bar marks the border
# between two windows. Reading on over the bars makes sense, and that is the
# whole point: the state that a column has reached at the end of a window is the
# right state for the beginning of the next.

# %%
saying = (
    "a window is a piece of a stream, and whoever reads it alone does not "
    "know what came before; so keep the state, and hand it over at the "
    "border. "
)
letters = sorted(set(saying))
ids = np.array([letters.index(s) for s in saying])
windows = stream_batches(ids, 8, 4)
for column in range(4):
    pieces = windows[:, 1:, column]
    print("|".join("".join(letters[i] for i in piece) for piece in pieces))

# %% [markdown]
# ## Six loaders
#
# {task:read_loaders}
#
# Six programs have cut a text into windows. The text was $0, 1, 2, \dots$, so
# each symbol is its own position, and you can see where everything comes from.
# One of the programs is sound. In each of the others there is a first window at
# which a carried state would be *wrong*: some column reads a symbol that is not
# the one after the last symbol it has read. (Remember which rows are read: the
# last row of a window is a target and is not.)
#
# `loaders` is a list of six arrays of shape `(n, T+1, B)`. For each find the
# first window that a carried state should not enter, or that is no piece of text
# by itself; -1 for the sound one.

# %% given="loaders"
loaders = public_data("04-training", "loaders")
[windows.shape for windows in loaders]

# %% solution="read_loaders"
def read_loaders():
    """The first window of each loader that breaks the stream; -1 if none does.

    Returns a list of six integers.
    """
    ### BEGIN SOLUTION
    found = []
    for windows in loaders:
        inside = (np.diff(windows, axis=1) == 1).all(axis=(1, 2))
        border = (windows[1:, 0] == windows[:-1, -1]).all(axis=1)
        good = inside & np.concatenate([[True], border])
        found.append(-1 if good.all() else int(np.argmin(good)))
    return found
    ### END SOLUTION

# %% check="read_loaders"
check("read_loaders", read_loaders)

# %% [markdown]
# ## What you bring along
#
# The next two cells are for your functions of notebooks 02 and 03. They carry no
# points here, and a fault in one of them is not held against what follows.

# %% solution="from_02" include="02-recurrent-cell: rnn_step_forward rnn_forward cross_entropy"

# %% solution="from_03" include="03-bptt: rnn_step_backward rnn_backward"

# %% [markdown]
# ## Back over a window only
#
# {task:tbptt_window}
#
# Truncated backpropagation through time has two numbers. Every `k1` steps it
# updates the parameters, and for that it walks back `k2` steps, `k2 >= k1`. One
# turn of it looks like this:
#
# - A window has `k2 + 1` rows; `k2` is not an argument, the rows of `ids` say
#   it.
# - Read all of its `k2` inputs, starting from the state `h0`, which the turn
#   before has handed over.
# - The loss is the mean over the **last `k1`** predictions of the window: the
#   earlier ones had their turn already. (Your `cross_entropy` takes a mask.)
# - The gradient goes back from these over all `k2` steps, and there it ends.
#   `h0` is treated as a constant.
# - The next window starts `k1` steps later. So what is handed over is the state
#   *there*: the one after `k1` steps. With `k1 == k2` that is the last state.
#
# When the window covers the whole text and `h0` is zero, this is your
# `rnn_lm_loss` of notebook 03. Everything that was said there about means and
# sums still holds.

# %% solution="tbptt_window"
def tbptt_window(params, ids, h0, k1):
    """One turn of truncated BPTT (Williams and Peng, 1990) on a window.

    params: dict of W_xh (V, H), W_hh (H, H), b_h (H,), W_hy (H, V), b_y (V,)
    ids (k2+1, B): integers in [0, V); h0 (B, H): the state before them.
    k1: how many of the k2 predictions, the last ones, are in the loss.
    Returns the mean cross-entropy over these k1*B predictions, a dict of its
    gradients through k2 steps (dW_xh, dW_hh, db_h, dW_hy, db_y), and
    h_next (B, H), the state after the first k1 steps.
    """
    ### BEGIN SOLUTION
    W_xh, W_hh, W_hy = params["W_xh"], params["W_hh"], params["W_hy"]
    inputs, targets = ids[:-1], ids[1:]

    xs = np.eye(len(W_xh), dtype=W_xh.dtype)[inputs]  # (k2, B, V)
    hs, cache = rnn_forward(xs, h0, W_xh, W_hh, params["b_h"])
    logits = hs @ W_hy + params["b_y"]  # (k2, B, V)
    mask = np.zeros(targets.shape, dtype=bool)
    mask[-k1:] = True
    loss, dlogits = cross_entropy(logits, targets, mask)

    back = rnn_backward(dlogits @ W_hy.T, cache)
    grads = {name: back[name] for name in ("dW_xh", "dW_hh", "db_h")}
    grads["dW_hy"] = np.einsum("tbh,tbv->hv", hs, dlogits)
    grads["db_y"] = dlogits.sum(axis=(0, 1))
    return loss, grads, hs[k1 - 1]
    ### END SOLUTION

# %% check="tbptt_window"
check("tbptt_window", tbptt_window)

# %% [markdown]
# What does truncation cost? Take one prediction, the last of a long text, and
# its gradient through 60 steps. Then walk back less far, from the *same* state,
# and see how much of the gradient of `W_hh` is missing. The recurrent matrix is
# a rotation times `scale`: the larger it is, the longer a state echoes.

# %%
def start(rng, V, H, scale=1.0):
    return {
        "W_xh": rng.normal(size=(V, H)) * 0.3,
        "W_hh": scale * np.linalg.qr(rng.normal(size=(H, H)))[0],
        "b_h": np.zeros(H),
        "W_hy": rng.normal(size=(H, V)) / np.sqrt(H),
        "b_y": np.zeros(V),
    }


V, H, B, most = 12, 24, 16, 60
text = rng.integers(V, size=(most + 1, B))
back = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48])
fig, ax = plt.subplots(figsize=(6.5, 3.4))
for scale in (0.6, 0.9, 1.0, 1.1):
    params = start(rng, V, H, scale)
    cell = params["W_xh"], params["W_hh"], params["b_h"]
    zero = np.zeros((B, H))
    hs, _ = rnn_forward(np.eye(V)[text[:-1]], zero, *cell)
    full = tbptt_window(params, text, zero, 1)[1]["dW_hh"]
    lost = []
    for k2 in back:
        piece = text[most - k2 :]
        near = tbptt_window(params, piece, hs[most - k2 - 1], 1)[1]["dW_hh"]
        lost.append(np.linalg.norm(near - full) / np.linalg.norm(full))
    ax.semilogy(back, lost, "o-", label=f"scale {scale}")
ax.set(xlabel="k2, steps walked back", ylabel="share of the gradient lost")
ax.legend()
plt.show()

# %% [markdown]
# ## The reward
#
# Everything together, on a real text: the stream, the carried state, the window,
# the clipping and Adam. All of it is yours. The first numbers to know are those
# of somebody who has not understood anything: who takes all symbols for equally
# likely, who knows how frequent each symbol is, and who knows how frequent it is
# *after the one before*. Whoever is better than that last one has remembered
# more than one symbol.

# %%
from unrolled.corpus import reference_text

text = reference_text()  # or: open("a text of your own.txt").read()
letters, ids = np.unique(list(text), return_inverse=True)
V, split = len(letters), int(0.9 * len(ids))
learn, held = ids[:split], ids[split:]

pairs = np.full((V, V), 0.1)  # a little of everything: no pair is impossible
np.add.at(pairs, (learn[:-1], learn[1:]), 1)
single = pairs.sum(axis=0) / pairs.sum()
after = pairs / pairs.sum(axis=1, keepdims=True)
baselines = {
    "all alike": np.log(V),
    "frequencies": -np.log(single[held[1:]]).mean(),
    "pairs": -np.log(after[held[:-1], held[1:]]).mean(),
}
print(f"{len(text)} characters, {V} different ones")
for name, value in baselines.items():
    print(f"{name:12s} {value:.3f}")

# %% [markdown]
# `write` lets the network speak: it draws a symbol from the probabilities that
# it has computed, reads it, and goes on.

# %%
def write(params, count, first="T", seed=0):
    draw = np.random.default_rng(seed)
    cell = params["W_xh"], params["W_hh"], params["b_h"]
    h_t, symbol, written = np.zeros((1, len(params["W_hh"]))), first, [first]
    for _ in range(count):
        x_t = (letters == symbol)[None].astype(float)
        h_t, _ = rnn_step_forward(x_t, h_t, *cell)
        logits = (h_t @ params["W_hy"] + params["b_y"])[0]
        p = np.exp(logits - logits.max())
        symbol = draw.choice(letters, p=p / p.sum())
        written.append(symbol)
    return "".join(written)

# %% [markdown]
# And train. `UPDATES = 1000` takes some seconds. For yourself, try 5000 and get
# a coffee. The grader runs the cells that you have changed, for twenty seconds
# at most; so set the number back before you hand in.

# %%
from unrolled.progress import Progress

UPDATES, T, B, H, c = 1000, 24, 24, 96, 1.0
params = start(rng, V, H)
moments = {name: (0 * p, 0 * p) for name, p in params.items()}
windows = stream_batches(learn, T, B)
h, losses, norms = np.zeros((B, H)), [], []

bar = Progress(UPDATES, "training")
for n in bar:
    k = n % len(windows)
    if k == 0:
        h = np.zeros((B, H))  # back at the beginning of every column
    loss, grads, h = tbptt_window(params, windows[k], h, T)
    grads, norm = clip_global_norm(grads, c)
    for name, w in params.items():
        w, *both = adam_step(
            w, grads["d" + name], *moments[name], n + 1, 0.01, 0.9, 0.999, 1e-8
        )
        params[name], moments[name] = w, both
    losses.append(loss)
    norms.append(norm)
    bar.note = f"loss {loss:.2f}"
    if n + 1 in (1, 30, 200, UPDATES):
        bar.print(f"--- after {n + 1} updates, loss {loss:.2f}")
        bar.print(write(params, 160))

# %%
fig, (ax, below) = plt.subplots(
    2, 1, figsize=(7.5, 5), sharex=True, height_ratios=(3, 1)
)
ax.plot(losses, lw=1)
for name, value in baselines.items():
    ax.axhline(value, ls="--", color="grey", lw=1)
    ax.text(UPDATES, value, f" {name}", va="center", color="grey")
ax.set(ylabel="loss", title="A network reads Python's reference")
below.semilogy(norms, lw=1)
below.axhline(c, ls="--", color="grey", lw=1)
below.set(xlabel="update", ylabel="gradient norm")
plt.show()

# %% [markdown]
# Below the line of the pairs, the network uses more than one symbol of memory.
# Every piece of that came through code that you wrote: a state carried over the
# border of a window, a gradient carried back to it, a step that was kept at bay.
#
# Some things to try, and to guess before: train without the carried state (`h`
# zero in every window); with the windows in random order but `h` carried on all
# the same; with `sgd_step` in place of Adam, at the best rate that you can find;
# with `c` a hundred times as large.
#
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in the
# course's folder, `python -m unrolled check 04-training`. The grader runs the
# same functions on numbers that nobody has seen.
