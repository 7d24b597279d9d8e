# %% [markdown]
# # Looking inside
#
# A trained network is a heap of numbers that works. In this notebook you take one
# apart. You build the instruments: how often a gate is stuck, how long a cell
# keeps what it holds, how far back a gradient comes, which unit knows that a
# quotation is open, from which side a cloud of states is best looked at, and
# where the states come to rest. Then you train two networks of your own, with
# their curves moving before your eyes, and turn the instruments on them.
#
# The text behind it is chapter 8, *Looking inside*.
#
# **Letters.** `T` steps, `B` sequences, `H` hidden units, `hs` of shape
# `(T, B, H)` the states. Nothing is trained in the graded part: every function
# gets arrays and returns arrays, whatever network they come from.
#
# **House rules**, which the checks test: a function never modifies its inputs,
# gives the same result when it is called twice, returns the float type that it
# was given, and works for sizes of one.

# %% given="imports"
import numpy as np

from unrolled import check, public_data

rng = np.random.default_rng(8)

# %% [markdown]
# ## Stuck doors
#
# {task:gate_stats}
#
# A gate is a number between 0 and 1. Near 0 it is shut, near 1 it is open, and at
# both ends its sigmoid is flat: it hardly learns any more. For each unit, count
# over all steps of all sequences in which *share* of them the gate is below
# `edge`, and in which it is above `1 - edge`.

# %% solution="gate_stats"
def gate_stats(gates, edge):
    """How often each gate is nearly shut and nearly open.

    gates (T, B, H): values in (0, 1); edge: a number below 1/2.
    Returns low (H,), the share of steps with a value below edge, and
    high (H,), the share with a value above 1 - edge.
    """
    ### BEGIN SOLUTION
    low = (gates < edge).mean(axis=(0, 1), dtype=gates.dtype)
    high = (gates > 1 - edge).mean(axis=(0, 1), dtype=gates.dtype)
    return low, high
    ### END SOLUTION

# %% check="gate_stats"
check("gate_stats", gate_stats)

# %% [markdown]
# ## How long does it last?
#
# {task:memory_half_life}
#
# At each step a forget gate multiplies what its cell holds: after $n$ steps,
# $f_1 f_2 \cdots f_n$ of it is left. If $f$ were constant, the half would be left
# after $\ln \frac12 / \ln f$ steps. It is not constant, but a product has a mean
# too: the constant factor that would leave *the same* after all the steps. Which
# mean is that? Average over all steps of all sequences, and return the half-life
# of each unit.

# %% solution="memory_half_life"
def memory_half_life(f):
    """After how many steps half of a cell's content is left.

    f (T, B, H): forget gates, in (0, 1).
    Returns half_life (H,), from the factor that on the average leaves as much
    as the gates did.
    """
    ### BEGIN SOLUTION
    mean_log = np.log(f).mean(axis=(0, 1))
    half_life = np.log(0.5) / mean_log
    return half_life.astype(f.dtype)  # not the constant's
    ### END SOLUTION

# %% check="memory_half_life"
check("memory_half_life", memory_half_life)

# %% [markdown]
# Try it: one of these two gates is 0.9 always, the other is 1 most of the time
# and nearly shut now and then. Their means are nearly the same.

# %%
steady = np.full((1000, 1, 1), 0.9)
moody = np.where(rng.random((1000, 1, 1)) < 0.1, 0.009, 0.999)
for name, f in (("steady", steady), ("moody", moody)):
    print(name, "mean", f.mean().round(3), "half-life", memory_half_life(f))

# %% [markdown]
# ## The way back
#
# {task:gradient_flow}
#
# You are given `dhs`, the gradient of a loss with respect to the state at every
# step, from whatever backward pass. For each step, take the length of each
# sequence's gradient, $\|d h_t[b]\|$, and average these lengths over the batch.
#
# Then: how far back does it come? Walk from the last step towards the first, and
# count the steps for as long as the norm stays at `share` times that of the *last*
# step, or above. Stop at the first one that is below, even if later ones rise
# again. The last step itself does not count: if the step just before it is
# already too small, the reach is 0, and it is at most `T - 1`.

# %% solution="gradient_flow"
def gradient_flow(dhs, share):
    """The size of the gradient at each step, and how far back it reaches.

    dhs (T, B, H): the gradients at the states; share: a number in (0, 1).
    Returns norms (T,), the mean over the batch of the gradient's length, and
    reach, an integer: how many steps before the last one, without a gap, have
    at least share times the norm of the last.
    """
    ### BEGIN SOLUTION
    norms = np.sqrt((dhs**2).sum(axis=-1)).mean(axis=-1)
    strong = norms[:-1] >= share * norms[-1]
    back = strong[::-1]
    reach = int(np.logical_and.accumulate(back).sum())
    return norms, reach
    ### END SOLUTION

# %% check="gradient_flow"
check("gradient_flow", gradient_flow)

# %% [markdown]
# ## Who knows it?
#
# {task:unit_contrast}
#
# While a network reads, we can say at each step whether something is the case: a
# quotation is open, we are inside a number, the verb has been plural. Which unit
# knows? Compare the unit's values where `mask` is true, $m_1$ on average, with
# those where it is false, $m_0$ on average. A difference says little without a
# measure of how much the values scatter anyway:
#
# $$\text{contrast} = \frac{m_1 - m_0}
# {\sqrt{(s_1^2 + s_0^2) / 2}},$$
#
# with the variances $s_1^2$ and $s_0^2$ of the two groups (those that `np.var`
# gives). Keep the sign: a unit may know it by being low.

# %% solution="unit_contrast"
def unit_contrast(hs, mask):
    """How differently each unit behaves where the mask is true.

    hs (T, B, H): states; mask (T, B): booleans, both values occur.
    Returns contrast (H,): the difference of the two means in units of the
    scatter inside the groups.
    """
    ### BEGIN SOLUTION
    inside, outside = hs[mask], hs[~mask]  # (n, H) each
    difference = inside.mean(axis=0) - outside.mean(axis=0)
    scatter = (inside.var(axis=0) + outside.var(axis=0)) / 2
    return difference / np.sqrt(scatter)
    ### END SOLUTION

# %% check="unit_contrast"
check("unit_contrast", unit_contrast)

# %% [markdown]
# ## The best side
#
# {task:pca_states}
#
# States are points in `H` dimensions, and paper has two. Take all states of all
# steps and sequences as one cloud of `T * B` points, move its centre to zero, and
# find its principal axes: the direction in which it is widest, then the widest
# one at right angles to that, and so on. They are right singular vectors of the
# centred cloud, `np.linalg.svd(cloud, full_matrices=False)`.
#
# Return the coordinates of each state along the first `K` axes, the axes
# themselves as rows, and which share of the *whole* variance each of the `K` axes
# takes.
#
# If $v$ is an axis, so is $-v$, and libraries differ in which one they return. Let
# us agree: in each axis, the entry that is largest in absolute value is
# *positive*.

# %% solution="pca_states"
def pca_states(hs, K):
    """States in their K principal coordinates.

    hs (T, B, H): states; K: how many axes, at most H.
    Returns points (T, B, K), the coordinates of the centred states;
    axes (K, H), rows of length one, whose largest entry in absolute value is
    positive; and shares (K,), the part of the total variance along each.
    """
    ### BEGIN SOLUTION
    T, B, H = hs.shape
    cloud = hs.reshape(T * B, H)
    cloud = cloud - cloud.mean(axis=0)
    _, stretch, axes = np.linalg.svd(cloud, full_matrices=False)
    axes = axes[:K]
    largest = np.abs(axes).argmax(axis=1)
    signs = np.sign(axes[np.arange(len(axes)), largest])
    axes = axes * signs[:, None]
    shares = stretch[:K] ** 2 / (stretch**2).sum()
    points = (cloud @ axes.T).reshape(T, B, -1)
    return points, axes, shares
    ### END SOLUTION

# %% check="pca_states"
check("pca_states", pca_states)

# %% [markdown]
# ## A small push
#
# {task:linearise}
#
# When nothing comes in, a vanilla cell applies the same map over and over,
# $F(h) = \tanh(h W_{hh} + b_h)$. What becomes of a small push $\delta$ to the
# state? To first order, $F(h + \delta) \approx F(h) + J \delta$ with
#
# $$J_{ij} = \frac{\partial F_i}{\partial h_j}
# = (1 - F_i(h)^2)\, W_{hh}[j, i].$$
#
# Return $J$ at the given state, which may be any, and the absolute values of its
# eigenvalues, the largest first. Where the state stays in place, these say
# whether a push dies out or grows.

# %% solution="linearise"
def linearise(h, W_hh, b_h):
    """The cell without input, near one state.

    h (H,): a state; W_hh (H, H), b_h (H,).
    Returns J (H, H): J[i, j] is the derivative of entry i of the next state
    with respect to entry j of this one; and moduli (H,), the absolute
    values of the eigenvalues of J, descending.
    """
    ### BEGIN SOLUTION
    after = np.tanh(h @ W_hh + b_h)
    slope = 1 - after**2
    J = slope[:, None] * W_hh.T
    moduli = np.abs(np.linalg.eigvals(J))
    return J, np.sort(moduli)[::-1]
    ### END SOLUTION

# %% check="linearise"
check("linearise", linearise)

# %% [markdown]
# ## Where it comes to rest
#
# {task:fixed_points}
#
# A *fixed point* is a state with $F(h) = h$. Running the cell finds some of them,
# those to which it is drawn. The others, from which it is pushed away, decide
# which way it goes, and to find them one has to *solve* the equation. Newton's
# method does: near $h$ the gap $F(h) - h$ changes by $(J - I)\,\delta$, so choose
# $\delta$ such that the gap closes,
#
# $$(J - I)\, \delta = -(F(h) - h), \qquad h \leftarrow h + \delta,$$
#
# and repeat. From a good start some five rounds reach the last digit; allow
# twenty. Each start leads to one fixed point; return them in the order of the
# starts, even if two are the same.

# %% solution="fixed_points"
def fixed_points(starts, W_hh, b_h):
    """States that stay where they are when nothing comes in.

    starts (N, H): a guess for each; W_hh (H, H), b_h (H,).
    Returns fixed (N, H): F(h) = h to full precision, close to each start.
    """
    ### BEGIN SOLUTION
    fixed = []
    for h in starts:
        for _ in range(20):
            gap = np.tanh(h @ W_hh + b_h) - h
            J, _ = linearise(h, W_hh, b_h)
            eye = np.eye(len(h), dtype=J.dtype)
            h = h + np.linalg.solve(J - eye, -gap)
        fixed.append(h)
    return np.array(fixed)
    ### END SOLUTION

# %% check="fixed_points"
check("fixed_points", fixed_points)

# %% [markdown]
# ## Read eight portraits
#
# {task:read_portraits}
#
# Each portrait is a small network (`W_hh` and `b_h`) and one state `h` of it. What
# happens to a state that starts *near* `h`, when nothing comes in?
#
# * **0**: `h` itself does not stay. It may drift slowly, but it is no fixed point
#   (say, if the gap is above $10^{-6}$).
# * **1**: it comes back to `h`, whatever the direction of the push.
# * **2**: it depends: pushes in some directions die out, in others they grow.
# * **3**: it goes away, whatever the direction of the push.
#
# Return the eight numbers, in order. You may compute them, and you may also just
# look and think.

# %% given="portraits"
portraits = public_data("08-looking-inside", "portraits")
len(portraits), portraits[0]["W_hh"].shape

# %% solution="read_portraits"
def read_portraits():
    """What happens near each of the eight states.

    Returns a list of eight integers, each 0, 1, 2 or 3.
    """
    ### BEGIN SOLUTION
    kinds = []
    for portrait in portraits:
        h, W_hh, b_h = (portrait[name] for name in ("h", "W_hh", "b_h"))
        _, moduli = linearise(h, W_hh, b_h)
        stays = np.allclose(np.tanh(h @ W_hh + b_h), h, rtol=0, atol=1e-6)
        growing = (moduli > 1).sum()
        kind = 1 if growing == 0 else 3 if growing == len(h) else 2
        kinds.append(kind if stays else 0)
    return kinds
    ### END SOLUTION

# %% check="read_portraits"
check("read_portraits", read_portraits)

# %% [markdown]
# ## Your own network: two bits of memory
#
# Now the instruments are ready. Paste `rnn_step_forward` and `rnn_forward` from
# notebook 02, and `rnn_step_backward` and `rnn_backward` from notebook 03. There
# are no points for what follows; there is a network of yours to be looked at.
#
# It has two inputs. Now and then a pulse comes in on one of them, up or down, and
# each of the two outputs has to show the *last* pulse of its input, until the
# next one. Two bits, to be kept for a while that nobody knows.

# %% solution="earlier" include="02-recurrent-cell: rnn_step_forward rnn_forward"

# %% solution="backward" include="03-bptt: rnn_step_backward rnn_backward"

# %%
import matplotlib.pyplot as plt

from unrolled import plots, views
from unrolled.monitor import Monitor

plots.use_book_style()


def flip_flop(T, B, rng, often=0.15):
    """Pulses xs (T, B, 2), and the last pulse so far, target (T, B, 2)."""
    signs = rng.choice([-1.0, 1.0], size=(T, B, 2))
    xs = np.where(rng.random((T, B, 2)) < often, signs, 0.0)
    xs[0] = signs[0]
    held = [xs[0]]
    for x_t in xs[1:]:
        held.append(np.where(x_t != 0, x_t, held[-1]))
    return xs, np.stack(held)


def train(H=16, T=25, B=24, updates=400, rate=6e-3, seed=0):
    """Train on two bits under the monitor; the weights at the end."""
    rng = np.random.default_rng([8, seed])
    params = {
        "W_xh": rng.normal(size=(2, H)),
        "W_hh": 0.9 * rng.normal(size=(H, H)) / np.sqrt(H),
        "b_h": np.zeros(H),
        "W_hy": rng.normal(size=(H, 2)) / np.sqrt(H),
    }
    cell = "W_xh", "W_hh", "b_h"
    square = {name: np.zeros_like(p) for name, p in params.items()}
    for _ in (watch := Monitor(updates, "two bits")):
        xs, target = flip_flop(T, B, rng)
        weights = [params[name] for name in cell]
        hs, cache = rnn_forward(xs, np.zeros((B, H)), *weights)
        wrong = hs @ params["W_hy"] - target
        dpred = 2 * wrong / wrong.size
        back = rnn_backward(dpred @ params["W_hy"].T, cache)
        grads = {name: back[f"d{name}"] for name in cell}
        grads["W_hy"] = np.einsum("tbh,tbv->hv", hs, dpred)
        length = np.sqrt(sum(np.vdot(g, g) for g in grads.values()))
        for name, g in grads.items():
            g = g / max(1.0, length)
            square[name] += 0.05 * (g**2 - square[name])
            params[name] -= rate * g / (np.sqrt(square[name]) + 1e-6)
        flat = (np.abs(hs) > 0.9).mean()
        watch.record(loss=(wrong**2).mean(), gradient=length, saturated=flat)
    return params


params = train()

# %% [markdown]
# Look at its states from their best side, with the four pairs of bits in four
# colours, and put the fixed points in: one search from each of many states that
# the network has visited, and from points between them. How many are there? Which
# of them hold a memory, and what do the others do?

# %%
xs, target = flip_flop(40, 60, rng)
weights = params["W_xh"], params["W_hh"], params["b_h"]
hs, _ = rnn_forward(xs, np.zeros((60, 16)), *weights)
points, axes, shares = pca_states(hs, 2)

visited = hs.reshape(-1, 16)
pairs = visited[rng.integers(len(visited), size=(2, 150))]
starts = np.concatenate([pairs[0], pairs.mean(axis=0)])
fixed = fixed_points(starts, params["W_hh"], params["b_h"])
still = np.tanh(fixed @ params["W_hh"] + params["b_h"])
rests = np.abs(still - fixed).max(axis=1) < 1e-9  # some searches fail
fixed = np.unique(fixed[rests].round(6), axis=0)
unstable = [(linearise(h, *weights[1:])[1] > 1).sum() for h in fixed]

fig, ax = plt.subplots(figsize=(5.5, 5))
views.trajectories(ax, points)
views.state_cloud(ax, points, (target > 0) @ [1, 2])
centre = hs.mean(axis=(0, 1))
views.fixed_points(ax, (fixed - centre) @ axes.T, unstable)
ax.legend()
print("shares of the variance:", shares.round(3))
for h, count in zip(fixed, unstable):
    output = (h @ params["W_hy"]).round(2)
    print(f"{count} directions grow; the outputs are", output)

# %% [markdown]
# Now change something: another `seed`, three bits instead of two, fewer updates.
# Do you still find the same picture?
#
# ## Your own network: text
#
# The second network is an LSTM of PyTorch's that learns to predict Python's
# manual. You need not know PyTorch for it: the cell trains, and hands you arrays.

# %%
import torch
from torch.nn import functional as F

from unrolled.corpus import reference_text
from unrolled.gates import gates

torch.set_num_threads(1)
torch.manual_seed(0)
text = reference_text()
letters, ids = np.unique(list(text), return_inverse=True)
V, H, T, B = len(letters), 48, 40, 32
learn = torch.tensor(ids[: len(ids) // B * B]).reshape(B, -1).T.contiguous()
embedding, lstm = torch.nn.Embedding(V, 16), torch.nn.LSTM(16, H)
head = torch.nn.Linear(H, V)
with torch.no_grad():
    lstm.bias_ih_l0[H : 2 * H] = 1  # forget gates start open
weights = [*embedding.parameters(), *lstm.parameters(), *head.parameters()]
optimiser = torch.optim.Adam(weights, 2e-2)

state = None
for n in (watch := Monitor(350, "reading Python's manual")):
    window = learn[n * T : (n + 1) * T + 1]
    out, state = lstm(embedding(window[:-1]), state)
    state = tuple(s.detach() for s in state)
    loss = F.cross_entropy(head(out).flatten(0, 1), window[1:].flatten())
    optimiser.zero_grad()
    loss.backward()
    gradient = torch.nn.utils.clip_grad_norm_(weights, 1.0)
    optimiser.step()
    watch.record(loss=loss, gradient=gradient)

passage = "".join(text[-9000:])
read = torch.tensor(ids[-9000:])[:, None]
with torch.no_grad():
    inside = gates(lstm, embedding(read))  # arrays (9000, 1, H)

# %%
fig, axes = plt.subplots(1, 3, figsize=(10, 3.2))
for ax, name in zip(axes, "if"):
    views.saturation(ax, *gate_stats(inside[name], 0.1))
    ax.set_title(f"gate {name}")
views.half_lives(axes[2], memory_half_life(inside["f"]))
plt.show()

# %% [markdown]
# Is there a unit that knows when a quotation is open? Find the one with the
# largest contrast, and look at it on the text. Then be strict with yourself: you
# have picked the best of 48. What would the best of 48 have reached for a mask
# that means nothing? (Shift the mask by a thousand characters and try.)

# %%
open_quote = np.cumsum([c == '"' for c in passage]) % 2 == 1
contrast = unit_contrast(inside["c"], open_quote[:, None])
shifted = unit_contrast(inside["c"], np.roll(open_quote, 1000)[:, None])
best = np.abs(contrast).argmax()
print(f"unit {best}: {contrast[best]:.2f}")
print(f"the best for the shifted mask: {np.abs(shifted).max():.2f}")

at = passage.index('"', 3000) - 60
fig, ax = plt.subplots(figsize=(9, 2.6))
values = np.tanh(inside["c"][at : at + 420, 0, best])
views.neuron_over_text(ax, passage[at : at + 420], values)
plt.show()

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in the
# course's folder, `python -m unrolled check 08-looking-inside`. The grader runs
# the same functions on numbers that nobody has seen.
