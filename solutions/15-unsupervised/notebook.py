# %% [markdown]
# # Learning without labels
#
# A box of old index cards has come in from the attic of an observatory, and on
# each card somebody wrote a digit. Nobody is going to read the cards to you. But
# you have a scanner, and it moves over each card from top to bottom: eight rows,
# eight grey values in each. Can a network that merely *looks* at the cards, and
# is told nothing, find out that there are ten kinds?
#
# In this notebook you give it something to do: say again what you have read. You
# build its loss and train it. Then you look at the codes that it made up for
# itself, with four instruments: principal axes, clusters, an index that says how
# much two groupings agree, and probes that ask what a state knows. At the end you
# hold it against what needs no network at all.
#
# The text behind it is chapter 15, *Learning without labels*.
#
# **Letters.** `T` steps, `B` sequences, `D` numbers in each step, `H` units of the
# encoder, `S` of the decoder. In the second half codes are points: `N` of them in
# `H` dimensions, `K` clusters or axes, `V` classes.
#
# **House rules**, which the checks test: a function never modifies its inputs,
# gives the same result when it is called twice, returns the float type that it
# was given, and works for sizes of one.

# %% given="imports"
import numpy as np

from unrolled import check

rng = np.random.default_rng(15)

# %% [markdown]
# ## Something to do
#
# {task:pretext}
#
# Without labels, the task has to come from the data itself. Here are three; each
# says what the network *reads* and what it has to *tell*, given the sequences
# `xs` and some `noise` of the same shape.
#
# * `"rebuild"`: it reads `xs` and tells `xs`, *last step first*. What was read
#   last is freshest in a state, so the decoder begins with that.
# * `"denoise"`: it reads `xs` with the noise added and tells the *clean* `xs`,
#   last step first.
# * `"predict"`: at each step it tells the step that comes next; so both are one
#   step shorter than `xs`, and nothing is turned round.

# %% solution="pretext"
def pretext(xs, noise, goal):
    """What is read and what is to be told, made of the sequences alone.

    xs, noise (T, B, D); goal: "rebuild", "denoise" or "predict".
    Returns reads and tells, (T, B, D) each, or (T-1, B, D) for "predict".
    """
    ### BEGIN SOLUTION
    if goal == "predict":
        return xs[:-1], xs[1:]
    reads = xs + noise if goal == "denoise" else xs
    return reads, xs[::-1]
    ### END SOLUTION

# %% check="pretext"
check("pretext", pretext)

# %% [markdown]
# ## Two networks with a bottleneck between them
#
# Paste `rnn_step_forward`, `rnn_forward` and `mse` from notebook 02,
# `rnn_step_backward` and `rnn_backward` from notebook 03, and `adam_step` from
# notebook 04. They carry no points here, and a fault in one of them is not held
# against what follows.

# %% solution="from_02" include="02-recurrent-cell: rnn_step_forward rnn_forward mse"

# %% solution="from_03" include="03-bptt: rnn_step_backward rnn_backward"

# %% solution="from_04" include="04-training: adam_step"

# %% [markdown]
# {task:autoencoder_loss}
#
# The *encoder* is a vanilla network that starts from zero and reads. Its **last**
# state is the code, $e = h_T$, and all else that it has known is thrown away. The
# *decoder* is another vanilla network, with weights of its own. It starts from
# zero, and its input is the code, the same at **every** step:
#
# $$s_u = \tanh(e\, W_{es} + s_{u-1} W_{ss} + b_s), \qquad
# y_u = s_u W_{sy} + b_y .$$
#
# The loss is the mean squared error between $y$ and `tells`, which may be longer
# or shorter than `reads` and have another number of features. You need not derive
# anything anew: `rnn_backward` goes back through the decoder, and it also says the
# gradient at its inputs. Two questions are left. How do $U$ gradients at the
# copies of one code become the gradient of that code? And at which of the states
# of the encoder does it arrive?

# %% solution="autoencoder_loss"
def autoencoder_loss(params, reads, tells):
    """Rebuild a sequence from one code; the loss and its gradients.

    params: a dict of W_xh (D, H), W_hh (H, H), b_h (H,) for the encoder,
    W_es (H, S), W_ss (S, S), b_s (S,), W_sy (S, V), b_y (V,) for the decoder
    reads (T, B, D), tells (U, B, V)
    Returns the loss and a dict of the gradients, "dW_xh", ..., "db_y".
    """
    ### BEGIN SOLUTION
    encoder = [params[name] for name in ("W_xh", "W_hh", "b_h")]
    decoder = [params[name] for name in ("W_es", "W_ss", "b_s")]
    U, B = tells.shape[:2]
    h0 = np.zeros((B, len(params["W_hh"])), reads.dtype)
    s0 = np.zeros((B, len(params["W_ss"])), reads.dtype)
    hs, encoded = rnn_forward(reads, h0, *encoder)
    code = hs[-1]
    ss, decoded = rnn_forward(np.stack([code] * U), s0, *decoder)
    pred = ss @ params["W_sy"] + params["b_y"]
    loss, dpred = mse(pred, tells)
    back = rnn_backward(dpred @ params["W_sy"].T, decoded)
    dcode = back["dxs"].sum(axis=0)  # one code, read U times
    dhs = np.zeros_like(hs)
    dhs[-1] = dcode
    front = rnn_backward(dhs, encoded)
    grads = {
        "dW_xh": front["dW_xh"],
        "dW_hh": front["dW_hh"],
        "db_h": front["db_h"],
        "dW_es": back["dW_xh"],
        "dW_ss": back["dW_hh"],
        "db_s": back["db_h"],
        "dW_sy": np.einsum("ubs,ubv->sv", ss, dpred),
        "db_y": dpred.sum(axis=(0, 1)),
    }
    return loss, grads
    ### END SOLUTION

# %% check="autoencoder_loss"
check("autoencoder_loss", autoencoder_loss)

# %% [markdown]
# ## Let it practise
#
# {task:train_autoencoder}
#
# You are given the weights to start from, all training sequences, and for every
# update the numbers of the sequences in its batch: `order[n]`. For each batch in
# turn: make it a `pretext` with the goal `"rebuild"` (for the noise give the batch
# itself, nobody looks), let `autoencoder_loss` say the gradients, and move every
# array by your `adam_step`, with the learning rate `lr`, $\beta_1 = 0.9$,
# $\beta_2 = 0.99$ and $\varepsilon = 10^{-8}$. Its `m` and `v` begin with zero, one
# pair for each array, and its `n` begins with 1.
#
# This exercise is graded by what your network can do. It gets 200 digits that it
# has not seen, and has to rebuild them from their codes. Who always tells the mean
# digit has an error; yours may be at most three quarters of it. (Of 220 runs of
# ours the worst was at a half, and most were near a third.)

# %% solution="train_autoencoder"
def train_autoencoder(params, xs, order, lr):
    """Train an autoencoder, one update of Adam for each batch.

    params: the weights at the start, a dict as autoencoder_loss takes it
    xs (T, n, D): the sequences; order (N, B): which are in each batch
    Returns the trained weights, a dict of new arrays with the same keys.
    """
    ### BEGIN SOLUTION
    weights = {name: w.copy() for name, w in params.items()}
    m = {name: np.zeros_like(w) for name, w in params.items()}
    v = {name: np.zeros_like(w) for name, w in params.items()}
    rates = lr, 0.9, 0.99, 1e-8
    for n, chosen in enumerate(order, start=1):
        batch = xs[:, chosen]
        reads, tells = pretext(batch, batch, "rebuild")
        _, grads = autoencoder_loss(weights, reads, tells)
        for name, w in weights.items():
            state = m[name], v[name], n
            step = adam_step(w, grads[f"d{name}"], *state, *rates)
            weights[name], m[name], v[name] = step
    return weights
    ### END SOLUTION

# %% check="train_autoencoder"
check("train_autoencoder", train_autoencoder)

# %% [markdown]
# ## The cards themselves
#
# The digits are real. They come with scikit-learn, which most notebooks do not
# need: if the next cell complains, `pip install scikit-learn` and restart.
# No graded function needs it.
#
# The codes of 1200 cards are made by the network that has practised on them, those
# of the other 597 by the same network, which has never seen them.

# %%
import matplotlib.pyplot as plt

from unrolled import plots
from unrolled.strokes import digits

plots.use_book_style()


def begin(D, H, S, rng):
    """Weights to start from."""
    shapes = {"W_xh": (D, H), "W_hh": (H, H), "W_es": (H, S), "W_ss": (S, S)}
    shapes["W_sy"] = (S, D)
    params = {n: rng.normal(size=s) / s[0] ** 0.5 for n, s in shapes.items()}
    sizes = {"b_h": H, "b_s": S, "b_y": D}
    return params | {n: np.zeros(size) for n, size in sizes.items()}


def read_through(params, xs):
    """All states of the encoder, (T, B, H); the last ones are the codes."""
    h0 = np.zeros((xs.shape[1], len(params["W_hh"])))
    encoder = [params[name] for name in ("W_xh", "W_hh", "b_h")]
    return rnn_forward(xs, h0, *encoder)[0]


def rebuild(params, xs):
    """What the decoder tells, first step first again."""
    code = read_through(params, xs)[-1]
    s0 = np.zeros((len(code), len(params["W_ss"])))
    decoder = [params[name] for name in ("W_es", "W_ss", "b_s")]
    ss, _ = rnn_forward(np.stack([code] * len(xs)), s0, *decoder)
    return (ss @ params["W_sy"] + params["b_y"])[::-1]


xs, labels = digits("rows")
mixed = rng.permutation(xs.shape[1])
xs, labels = xs[:, mixed], labels[mixed]
seen = np.arange(len(labels)) < 1200
start = begin(8, 32, 32, rng)
order = rng.integers(1200, size=(1500, 32))
params = train_autoencoder(start, xs[:, seen], order, 3e-3)
hs = read_through(params, xs)
codes, new = hs[-1][seen], hs[-1][~seen]

fig, axes = plt.subplots(2, 12, figsize=(9, 1.8))
told = rebuild(params, xs[:, ~seen][:, :12])
for n in range(12):
    axes[0, n].imshow(xs[:, ~seen][:, n], cmap="Greys", vmin=0, vmax=1)
    axes[1, n].imshow(told[:, n], cmap="Greys", vmin=0, vmax=1)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("read")
axes[1, 0].set_ylabel("told")
plt.show()

# %% [markdown]
# ## A side to look from
#
# {task:pca_codes}
#
# Find the `K` principal axes of the codes, as in notebook 8: move their mean to
# zero, and take the first right singular vectors of what is left. There are two
# differences. The axes are found on `codes` alone, and then *both* sets are seen
# from there, `codes` and `held`: nothing about `held` may influence where the
# centre is or which way an axis points. And with `whiten`, each coordinate is
# divided by its standard deviation over `codes` (with `N` below the root), so that
# all axes count the same.
#
# For the sign, the same rule: in each axis, the entry that is largest in absolute
# value is positive.

# %% solution="pca_codes"
def pca_codes(codes, held, K, whiten):
    """Two sets of codes in the principal coordinates of the first.

    codes (N, H), held (M, H); K: how many axes; whiten: True or False.
    Returns points (N, K), held_points (M, K), and axes (K, H), rows of
    length one, whose largest entry in absolute value is positive.
    """
    ### BEGIN SOLUTION
    centre = codes.mean(axis=0)
    _, _, axes = np.linalg.svd(codes - centre, full_matrices=False)
    axes = axes[:K]
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(K), largest])[:, None]
    points = (codes - centre) @ axes.T
    held_points = (held - centre) @ axes.T
    if whiten:
        width = points.std(axis=0)
        points, held_points = points / width, held_points / width
    return points, held_points, axes
    ### END SOLUTION

# %% check="pca_codes"
check("pca_codes", pca_codes)

# %% [markdown]
# Look at them. The colours are the labels, which the network has never been told;
# they are for you.

# %%
points, new_points, _ = pca_codes(codes, new, 2, False)
fig, ax = plt.subplots(figsize=(6, 5))
for digit in range(10):
    of = labels[~seen] == digit
    ax.scatter(*new_points[of].T, s=8, color=plt.cm.tab10(digit))
    middle = np.median(new_points[of], axis=0)
    ax.text(*middle, str(digit), fontsize=16, weight="bold")
ax.set(xlabel="first axis", ylabel="second axis")
plt.show()

# %% [markdown]
# ## Ten heaps
#
# {task:kmeans_step}
#
# K-means takes `K` centres and does two things in turn. Each point goes to its
# nearest centre (the first of them, if two are equally near). Then each centre
# moves to the mean of its points; a centre without points stays where it is. The
# *inertia* is the sum of the squared distances of all points to the centres that
# they were given to, *before* these move.

# %% solution="kmeans_step"
def kmeans_step(points, centres):
    """One round of k-means.

    points (N, H), centres (K, H).
    Returns clusters (N,), the number of each point's nearest centre;
    moved (K, H), the means; and inertia, a number, at the old centres.
    """
    ### BEGIN SOLUTION
    apart = points[:, None] - centres  # (N, K, H)
    distance = (apart**2).sum(axis=2)
    clusters = distance.argmin(axis=1)
    moved = centres.copy()
    for k in np.unique(clusters):
        moved[k] = points[clusters == k].mean(axis=0)
    inertia = distance.min(axis=1).sum()
    return clusters, moved, inertia
    ### END SOLUTION

# %% check="kmeans_step"
check("kmeans_step", kmeans_step)

# %% [markdown]
# {task:kmeans}
#
# Where it ends depends on where it began, so one begins several times. `starts`
# holds `R` sets of centres. Move each set `rounds` times. Then look once more,
# without moving: which point belongs to which of the centres that you have *now*,
# and with what inertia? Return the answer of the set with the smallest one. You
# may look at the inertia as much as you like: it knows no labels.

# %% solution="kmeans"
def kmeans(points, starts, rounds):
    """The best of several runs of k-means.

    points (N, H); starts (R, K, H): the centres of R runs; rounds: how
    often the centres move.
    Returns clusters (N,), centres (K, H) and inertia of the best run, the
    clusters and the inertia those at these centres.
    """
    ### BEGIN SOLUTION
    runs = []
    for centres in starts:
        for _ in range(rounds):
            _, centres, _ = kmeans_step(points, centres)
        clusters, _, inertia = kmeans_step(points, centres)
        runs.append((clusters, centres, inertia))
    best = min(range(len(runs)), key=lambda r: runs[r][2])
    return runs[best]
    ### END SOLUTION

# %% check="kmeans"
check("kmeans", kmeans)

# %% [markdown]
# ## Do two groupings agree?
#
# {task:adjusted_rand}
#
# The clusters have numbers, the digits have names, and no number belongs to a
# name. So count *pairs* of points. A pair may be together in both groupings; let
# $n_{lc}$ be the number of points with label $l$ in cluster $c$, then this
# happens $\sum_{lc} \binom{n_{lc}}{2}$ times. It would happen by chance, too: of
# all $\binom{N}{2}$ pairs, $P = \sum_l \binom{n_l}{2}$ have the same label and
# $Q = \sum_c \binom{n_c}{2}$ the same cluster, and for groups of these sizes drawn
# at random one expects $PQ / \binom{N}{2}$. The adjusted Rand index takes off what
# chance gives, and calls perfect agreement 1:
#
# $$\mathrm{ARI} = \frac{\sum_{lc} \binom{n_{lc}}{2} - PQ / \binom{N}{2}}
# {\tfrac12 (P + Q) - PQ / \binom{N}{2}} .$$
#
# Two cases leave $0/0$: all points in one group in *both*, or every point by
# itself in both. They agree perfectly; return 1. The names are any integers.

# %% solution="adjusted_rand"
def adjusted_rand(labels, clusters):
    """How much two groupings of the same points agree, beyond chance.

    labels, clusters (N,): integers, N at least 1; any names.
    Returns a number: 1 for the same grouping, about 0 for an unrelated one.
    """
    ### BEGIN SOLUTION
    _, rows = np.unique(labels, return_inverse=True)
    _, columns = np.unique(clusters, return_inverse=True)
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), 1)

    def pairs(counts):
        return (counts * (counts - 1) / 2).sum()

    P, Q = pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    expected = P * Q / max(pairs(table.sum()), 1)
    most = (P + Q) / 2
    if most == expected:
        return 1.0
    return (pairs(table) - expected) / (most - expected)
    ### END SOLUTION

# %% check="adjusted_rand"
check("adjusted_rand", adjusted_rand)

# %% [markdown]
# Now the question of this notebook. Ten clusters in the codes; ten clusters in the
# raw 64 numbers, without any network; ten clusters in the codes of the network
# *before* it practised. And what do principal axes do for each, with and without
# whitening?

# %%
raw = xs.transpose(1, 0, 2).reshape(-1, 64)[seen]
untrained = read_through(start, xs)[-1][seen]
for name, cloud in (("raw", raw), ("codes", codes), ("untrained", untrained)):
    seen_from = {
        "as it is": cloud,
        "16 axes": pca_codes(cloud, cloud, 16, False)[0],
        "16 axes, whitened": pca_codes(cloud, cloud, 16, True)[0],
    }
    for how, given in seen_from.items():
        picked = rng.integers(len(given), size=(8, 10))
        clusters, _, _ = kmeans(given, given[picked], 25)
        index = adjusted_rand(labels[seen], clusters)
        print(f"{name:10} {how:18} adjusted Rand {index:.2f}")

# %% [markdown]
# Were you surprised? Chapter 15 has the same table over ten networks each, and
# with better ones. Do not draw a conclusion from one run.
#
# ## Ask it a plain question
#
# {task:linear_probe}
#
# Clusters ask what a code shows *by itself*. A probe asks what it *contains*: with
# a few labels, can a linear map read the digit off? For `V` classes:
#
# 1. Standardise: take off the mean and divide by the standard deviation of each
#    entry, both over `codes`; where the deviation is zero, divide by 1. Do *the
#    same* to `held`.
# 2. Find `W` and `b` that minimise, over the `N` training codes $z_n$ with one-hot
#    labels $y_n$,
#    $$\frac1N \sum_n \|z_n W + b - y_n\|^2 + \lambda \|W\|^2 .$$
#    The codes $z$ have mean zero. So $b$ is the mean of the $y_n$, and
#    $$(Z^\top Z + N \lambda I)\, W = Z^\top (Y - b) .$$
# 3. The class of a held-out code is that of its largest score.
#
# Nothing about `held` may enter the fit, not even its mean.

# %% solution="linear_probe"
def linear_probe(codes, labels, held, V, strength):
    """A linear map that reads classes off codes, by ridge regression.

    codes (N, H), labels (N,) integers in [0, V); held (M, H);
    strength: the lambda above, positive.
    Returns said (M,), the classes of the held-out codes; W (H, V) and
    b (V,), for standardised codes.
    """
    ### BEGIN SOLUTION
    N, H = codes.shape
    centre, width = codes.mean(axis=0), codes.std(axis=0)
    width = np.where(width > 0, width, 1).astype(codes.dtype)
    Z = (codes - centre) / width
    Y = np.eye(V, dtype=codes.dtype)[labels]
    b = Y.mean(axis=0)
    penalty = N * strength * np.eye(H, dtype=codes.dtype)
    W = np.linalg.solve(Z.T @ Z + penalty, Z.T @ (Y - b))
    scores = (held - centre) / width @ W + b
    return scores.argmax(axis=1), W, b
    ### END SOLUTION

# %% check="linear_probe"
check("linear_probe", linear_probe)

# %% [markdown]
# ## What does it know, and when?
#
# {task:probe_over_time}
#
# The encoder has a state after every row. Fit one probe for **each** step, on the
# sequences of which `train` is true, and say which share of the *others* it gets
# right. Call your `linear_probe`.

# %% solution="probe_over_time"
def probe_over_time(hs, labels, train, V, strength):
    """How well the class can be read off the state, after every step.

    hs (T, B, H), labels (B,) integers; train (B,) booleans, both values
    occur; V, strength: as in linear_probe.
    Returns right (T,): the share of right answers where train is false.
    """
    ### BEGIN SOLUTION
    right = []
    for h_t in hs:
        known, held = h_t[train], h_t[~train]
        said, _, _ = linear_probe(known, labels[train], held, V, strength)
        right.append(np.mean(said == labels[~train]))
    return np.array(right, dtype=hs.dtype)
    ### END SOLUTION

# %% check="probe_over_time"
check("probe_over_time", probe_over_time)

# %% [markdown]
# The picture has two controls, and without them it would say nothing. One is the
# same network before it practised: random weights know a good deal, too. The
# other reads no state at all, only the row that has just come in.

# %%
fig, ax = plt.subplots(figsize=(6.5, 3.2))
asked = {
    "trained": hs,
    "untrained": read_through(start, xs),
    "the row alone": xs,
}
for name, states in asked.items():
    right = probe_over_time(states, labels, seen, 10, 1e-3)
    ax.plot(np.arange(1, 9), right, "o-", ms=4, label=name)
ax.set(xlabel="rows read", ylabel="share right", ylim=(0, 1))
ax.legend()
plt.show()

# %% [markdown]
# Labels are dear. How many do you need, if the codes are already there? Compare
# the codes with the raw numbers for 30, 100 and 1000 labels. Choose the strength
# of each probe on cards that you do not count afterwards, or the comparison is
# decided by your choice.

# %%
flat = xs.transpose(1, 0, 2).reshape(-1, 64)
choose = np.arange(len(labels)) >= 1500
count = ~seen & ~choose
for name, cloud in (("raw", flat), ("codes", hs[-1])):
    for n in (30, 100, 1000):
        fit = np.arange(len(labels)) < n
        best, score = -1.0, 0.0
        for strength in (1e-3, 1e-2, 1e-1, 1.0):
            probe = cloud[fit], labels[fit], cloud, 10, strength
            said, _, _ = linear_probe(*probe)
            chosen = np.mean(said[choose] == labels[choose])
            if chosen > best:
                best, score = chosen, np.mean(said[count] == labels[count])
        print(f"{name:6} {n:5} labels: {score:.2f} right")

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in the
# course's folder, `python -m unrolled check 15-unsupervised`. The grader runs
# the same functions on numbers that nobody has seen.
