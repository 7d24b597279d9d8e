# %% [markdown]
# # The LSTM
#
# A basin in a river, with a keeper and three sluices. The inlet decides how much of
# what the river brings is let in. The drain decides how much of the old water
# stays. And a gate on the far side decides how much of it is shown to the mill
# below. The keeper sets all three anew at every stroke of the clock, and knows two
# things only: what the river brings just now, and what was shown to the mill a
# moment ago.
#
# Shut the inlet and the drain, and the water stays where it is, for an hour or for
# a year, whatever the river does. No tanh and no matrix touches it. And the
# gradient, which walks back through time, meets the same still water. That is the
# LSTM, and in this notebook you build it: one step, the sequence, both of them
# backwards with *two* gradients to carry, and then an instrument that measures by
# which way the gradient comes.
#
# The text behind it is chapter 6, *The LSTM*, of the book.
#
# **Letters.** `T` steps, `B` sequences, `D` inputs, `H` units. A unit has two
# numbers now: the *cell state* `c_t`, which is the water in the basin, and the
# *hidden state* `h_t`, which is what is shown of it. Four things are computed for
# each unit at each step: `i` (input gate), `f` (forget gate: what *stays*), `g`
# (candidate, what the river brings) and `o` (output gate). They share one product,
#
# $$a_t = x_t W_x + h_{t-1} W_h + b, \qquad
# W_x: (D, 4H), \quad W_h: (H, 4H), \quad b: (4H,),$$
#
# and the blocks of `H` columns stand in the order **i, f, g, o**, as in PyTorch.
#
# **House rules**, which the checks test: a function never modifies its inputs; a
# backward pass can be run twice on one cache; the float type follows the inputs;
# `T = 1`, `B = 1` and `H = 1` work.

# %% given="imports"
import numpy as np

from unrolled import check

rng = np.random.default_rng(6)

# %% [markdown]
# ## What you bring along
#
# Paste your `stable_sigmoid` and `cross_entropy` from notebook 02. There are no
# points for them here, and if one of them is wrong, that is not held against what
# you build on it.

# %% solution="earlier" include="02-recurrent-cell: stable_sigmoid cross_entropy"

# %% [markdown]
# ## One stroke of the clock
#
# {task:lstm_step_forward}
#
# Cut $a_t$ into its four blocks $a_i, a_f, a_g, a_o$, each of shape `(B, H)`. The
# gates are shares between 0 and 1, so they get the sigmoid; what the river brings
# may be negative, so it gets the tanh:
#
# $$i = \sigma(a_i), \quad f = \sigma(a_f), \quad g = \tanh(a_g), \quad
# o = \sigma(a_o).$$
#
# Then a share of the old water stays and a share of the new comes in, and a share
# of the level is shown, squashed once more:
#
# $$c_t = f \odot c_{t-1} + i \odot g, \qquad h_t = o \odot \tanh(c_t).$$
#
# All products here are entry by entry: each unit has a basin of its own. Keep what
# the way back will need. The checks know a cache with the keys `x_t, h_prev,
# c_prev, i, f, g, o, c_t, W_x, W_h`; yours may look different, as long as your own
# backward pass can read it.

# %% solution="lstm_step_forward"
def lstm_step_forward(x_t, h_prev, c_prev, W_x, W_h, b):
    """One step of an LSTM.

    x_t (B, D), h_prev (B, H), c_prev (B, H)
    W_x (D, 4H), W_h (H, 4H), b (4H,): blocks of H columns, i, f, g, o
    Returns h_t (B, H), c_t (B, H) and a cache for the backward pass.
    """
    ### BEGIN SOLUTION
    a_t = x_t @ W_x + h_prev @ W_h + b  # (B, 4H)
    a_i, a_f, a_g, a_o = np.split(a_t, 4, axis=1)
    i = stable_sigmoid(a_i)
    f = stable_sigmoid(a_f)
    g = np.tanh(a_g)
    o = stable_sigmoid(a_o)
    c_t = f * c_prev + i * g
    h_t = o * np.tanh(c_t)
    cache = {"x_t": x_t, "h_prev": h_prev, "c_prev": c_prev, "c_t": c_t}
    cache |= {"i": i, "f": f, "g": g, "o": o, "W_x": W_x, "W_h": W_h}
    return h_t, c_t, cache
    ### END SOLUTION

# %% check="lstm_step_forward"
check("lstm_step_forward", lstm_step_forward)

# %% [markdown]
# Be the keeper for a moment. One unit, no inputs worth mentioning, and biases of
# plus or minus ten, which set a gate to one or to zero. Mind the drain: $f$ is the
# share that *stays*, so $f = 1$ is a drain that is shut. There are 3 in the basin,
# the river brings 1. What is in it afterwards, and what does the mill see? Say it
# before you run the cell.

# %%
def keep(*shares):
    """c_t and h_t of one unit whose gates i, f, o are set to 0 or 1."""
    bias = [10.0 if share else -10.0 for share in shares]
    b = np.array([bias[0], bias[1], 10.0, bias[2]])  # i, f, g, o
    zero, level = np.zeros((1, 1)), np.array([[3.0]])
    weights = np.zeros((1, 4)), np.zeros((1, 4)), b
    h_t, c_t, _ = lstm_step_forward(zero, zero, level, *weights)
    return c_t.item(), h_t.item()


for setting in np.ndindex(2, 2, 2):
    level, shown = keep(*setting)
    i, f, o = setting
    print(f"i = {i}, f = {f}, o = {o}:  c = {level:5.2f}   h = {shown:5.2f}")

# %% [markdown]
# ## A day at the sluice
#
# {task:lstm_forward}
#
# The loop that you know from the plain cell, but now it carries two states. The
# cache of a step goes into a list; the checks know it as `cache["steps"]`. Call
# your own `lstm_step_forward`.

# %% solution="lstm_forward"
def lstm_forward(xs, h0, c0, W_x, W_h, b):
    """An LSTM over a sequence.

    xs (T, B, D), h0 (B, H), c0 (B, H), W_x (D, 4H), W_h (H, 4H), b (4H,)
    Returns hs (T, B, H), cs (T, B, H) and a cache whose entry "steps" is the
    list of the T step caches.
    """
    ### BEGIN SOLUTION
    h_t, c_t = h0, c0
    hs, cs, steps = [], [], []
    for x_t in xs:
        h_t, c_t, step = lstm_step_forward(x_t, h_t, c_t, W_x, W_h, b)
        hs.append(h_t)
        cs.append(c_t)
        steps.append(step)
    return np.stack(hs), np.stack(cs), {"steps": steps}
    ### END SOLUTION

# %% check="lstm_forward"
check("lstm_forward", lstm_forward)

# %% [markdown]
# Below, nobody trains anything: the weights of *one* unit are wired by hand. Its
# three inputs are a noisy value, a signal that says "store" and a signal that says
# "show". On "store" the inlet opens and the old water is drained; at all other
# times the inlet is shut and the water stays. On "show" the output gate opens.

# %%
import matplotlib.pyplot as plt

T = 60
value = rng.normal(size=T)
store, show = np.zeros(T), np.zeros(T)
store[[5, 35]], show[[15, 28, 50]] = 1, 1
xs = np.stack([value, store, show], axis=1)[:, None]  # (T, 1, 3)
#            i   f  g   o
W_x = np.array([
    [0.0, 0.0, 0.8, 0.0],  # the value reaches the candidate only
    [20.0, -20.0, 0.0, 0.0],  # "store" opens the inlet, empties the basin
    [0.0, 0.0, 0.0, 20.0],  # "show" opens the output gate
])
b = np.array([-10.0, 10.0, 0.0, -10.0])
zero = np.zeros((1, 1))
hs, cs, _ = lstm_forward(xs, zero, zero, W_x, np.zeros((1, 4)), b)

fig, axes = plt.subplots(3, 1, figsize=(7, 4.6), sharex=True)
axes[0].plot(value, color="grey")
axes[0].set_ylabel("the river")
axes[1].step(np.arange(T), cs[:, 0, 0], where="post")
for at in np.flatnonzero(store):
    axes[1].axvline(at, ls="--", color="grey")
axes[1].set_ylabel("c")
axes[2].bar(np.arange(T), hs[:, 0, 0])
axes[2].set(ylabel="h", xlabel="time step")
axes[0].set_title("A value is stored, kept through the noise, and shown")
plt.show()

# %% [markdown]
# The line in the middle is flat. Compare that with a tanh unit, which can keep a
# value only by pressing it against its ceiling, where it keeps one bit and lets no
# gradient through.

# %% [markdown]
# ## One step back
#
# {task:lstm_step_backward}
#
# Two gradients arrive at a step. `dh_t` is that of what was shown, complete: from
# the loss at this step and from the next step together. `dc_next` is what the next
# step sends back to the water itself, the part that does *not* come by way of
# $h_t$. Walk backwards through the formulas, last one first, and write down each
# gradient with the factor that stood beside its variable:
#
# 1. $h_t = o \odot \tanh(c_t)$ has two factors. This gives $\mathrm{d}o$, and a
#    part of $\mathrm{d}c_t$.
# 2. $c_t$ is used twice, for $h_t$ and by the next step. So its whole gradient is
#    the part you just found *plus* `dc_next`. Everything that follows needs the
#    whole.
# 3. $c_t = f \odot c_{t-1} + i \odot g$ has four variables: $\mathrm{d}f$,
#    $\mathrm{d}c_{t-1}$, $\mathrm{d}i$, $\mathrm{d}g$.
# 4. Through the sigmoids, with slope $s(1 - s)$, and the tanh, with slope $1 -
#    g^2$, to $\mathrm{d}a_t$, whose four blocks stand in the order i, f, g, o.
# 5. From here on it is the plain cell: $a_t$ is a sum of two products and a bias.
#
# Return a dict with one entry for each of the six inputs of the step.

# %% solution="lstm_step_backward"
def lstm_step_backward(dh_t, dc_next, cache):
    """Backpropagate through one step of an LSTM.

    dh_t (B, H): gradient with respect to h_t.
    dc_next (B, H): what the next step carries back to c_t; the way from c_t
    through h_t is not in it.
    cache: what lstm_step_forward saved.
    Returns a dict: dx_t (B, D), dh_prev (B, H), dc_prev (B, H), dW_x (D, 4H),
    dW_h (H, 4H), db (4H,).
    """
    ### BEGIN SOLUTION
    c_prev, c_t = cache["c_prev"], cache["c_t"]
    i, f, g, o = cache["i"], cache["f"], cache["g"], cache["o"]
    shown = np.tanh(c_t)  # h_t = o * shown
    do = dh_t * shown
    dc_t = dc_next + dh_t * o * (1 - shown**2)  # both ways into c_t
    di = dc_t * g
    df = dc_t * c_prev
    dg = dc_t * i
    dc_prev = dc_t * f

    da_i = di * i * (1 - i)
    da_f = df * f * (1 - f)
    da_g = dg * (1 - g**2)
    da_o = do * o * (1 - o)
    da_t = np.concatenate([da_i, da_f, da_g, da_o], axis=1)  # (B, 4H)
    return {
        "dx_t": da_t @ cache["W_x"].T,
        "dh_prev": da_t @ cache["W_h"].T,
        "dc_prev": dc_prev,
        "dW_x": cache["x_t"].T @ da_t,
        "dW_h": cache["h_prev"].T @ da_t,
        "db": da_t.sum(axis=0),
    }
    ### END SOLUTION

# %% check="lstm_step_backward"
check("lstm_step_backward", lstm_step_backward)

# %% [markdown]
# The same without the course as a witness. Every input of the step is moved a
# little in a random direction, forwards and backwards, and the slope of a loss
# that looks at both states is compared with your gradient.

# %%
def by_differences(eps=1e-5, B=3, D=4, H=5):
    """Relative error of each gradient of a step, in one random direction."""
    shapes = {
        "x_t": (B, D), "h_prev": (B, H), "c_prev": (B, H),
        "W_x": (D, 4 * H), "W_h": (H, 4 * H), "b": (4 * H,),
    }
    at = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    dh_t, dc_next = rng.normal(size=(2, B, H))

    def loss(moved):
        h_t, c_t, _ = lstm_step_forward(*moved.values())
        return (h_t * dh_t).sum() + (c_t * dc_next).sum()

    _, _, cache = lstm_step_forward(*at.values())
    grads = lstm_step_backward(dh_t, dc_next, cache)
    for name in at:
        way = rng.normal(size=shapes[name])
        ahead = loss({**at, name: at[name] + eps * way})
        behind = loss({**at, name: at[name] - eps * way})
        want = (ahead - behind) / (2 * eps)
        got = (grads[f"d{name}"] * way).sum()
        print(f"d{name:7s} relative error {abs(got - want) / abs(want):.0e}")


by_differences()

# %% [markdown]
# ## Back along the day
#
# {task:lstm_backward}
#
# The loop backwards, with two gradients in its hands. What a step gives as
# `dh_prev` and `dc_prev` is the `dh_next` and the `dc_next` of the step before it.
# The loss looks at the hidden states, so `dhs[t]` joins the first of the two. The
# second is joined by nothing on its way: nobody but the next step ever sees a cell
# state. Only behind the last step somebody may go on with it, the next piece of a
# long text or a decoder, and what that somebody sends back is `dc_T`.
#
# What is left at the front is `dh0` and `dc0`. The parameters collect, as always.

# %% solution="lstm_backward"
def lstm_backward(dhs, dc_T, cache):
    """Backpropagation through time for an LSTM.

    dhs (T, B, H): at every step, the gradient that reaches hs[t] directly
    from the loss, not through later states.
    dc_T (B, H): the gradient that reaches the last cell state from outside.
    cache: what lstm_forward saved; cache["steps"] are the T step caches.
    Returns a dict: dxs (T, B, D), dh0 (B, H), dc0 (B, H), dW_x (D, 4H),
    dW_h (H, 4H), db (4H,).
    """
    ### BEGIN SOLUTION
    dh_next, dc_next = np.zeros_like(dhs[0]), dc_T
    dW_x = dW_h = db = 0
    dxs = []
    for t in reversed(range(len(dhs))):
        dh_t = dhs[t] + dh_next
        step = lstm_step_backward(dh_t, dc_next, cache["steps"][t])
        dxs.append(step["dx_t"])
        dh_next = step["dh_prev"]  # both are carried
        dc_next = step["dc_prev"]
        dW_x = dW_x + step["dW_x"]  # accumulated
        dW_h = dW_h + step["dW_h"]
        db = db + step["db"]
    return {
        "dxs": np.stack(dxs[::-1]),
        "dh0": dh_next,
        "dc0": dc_next,
        "dW_x": dW_x,
        "dW_h": dW_h,
        "db": db,
    }
    ### END SOLUTION

# %% check="lstm_backward"
check("lstm_backward", lstm_backward)

# %% [markdown]
# Point it at the question of the last chapter. The loss looks at the last state
# only; how much of the gradient arrives at the inputs before it? The weights are
# small and random, and the four curves differ in one thing, the bias of the forget
# gate.

# %%
def random_lstm(D, H, forget_bias, scale=1.0):
    """Random weights; `scale` is that of the recurrent ones."""
    W_x = rng.normal(size=(D, 4 * H)) / np.sqrt(D)
    W_h = scale * rng.normal(size=(H, 4 * H)) / np.sqrt(H)
    b = np.zeros(4 * H)
    b[H : 2 * H] = forget_bias  # the second block is f
    return W_x, W_h, b


T, B, D, H = 80, 4, 8, 24
noise, start = 0.5 * rng.normal(size=(T, B, D)), np.zeros((B, H))
dhs = np.zeros((T, B, H))
dhs[-1] = rng.normal(size=(B, H))

fig, ax = plt.subplots(figsize=(6.5, 3.4))
for bias in (0, 1, 3, 5):
    weights = random_lstm(D, H, bias, scale=0.5)
    _, _, cache = lstm_forward(noise, start, start, *weights)
    dxs = lstm_backward(dhs, start, cache)["dxs"]
    sizes = np.linalg.norm(dxs, axis=(1, 2))
    ax.semilogy(sizes, label=f"forget bias {bias}")
ax.set(xlabel="time step t", ylabel="size of dxs[t]")
ax.set_title("What is left of the gradient of the last step")
ax.legend()
plt.show()

# %% [markdown]
# With a bias of zero the drain is half open, and after eighty steps next to nothing
# is left. It is not the *architecture* that carries the gradient but a forget gate
# near one, and whoever starts with a bias of zero starts with a gate that halves
# everything at every step.

# %% [markdown]
# ## By which way?
#
# {task:cell_gradient_paths}
#
# How does the last cell state depend on an earlier one, $c_t$? There is the straight
# way along the water: each step multiplies by its forget gate and nothing else. For
# one unit that is the product of $f_{t+1}, \dots, f_T$; the units do not mix. And
# there are all the others: $c_t$ is shown in $h_t$, the shown moves the gates of
# the next step, and these move the water. Everything together is the Jacobian
#
# $$J_t[b, i, j] = \frac{\partial c_T[b, i]}{\partial c_t[b, j]},$$
#
# the total derivative: $c_t$ is moved, and whatever follows from it is counted,
# its own $h_t$ too. For the last step it is the identity.
#
# Return both: `direct` of shape `(T, B, H)`, the products of forget gates, and
# `total` of shape `(T, B, H, H)`. You have what you need: one `dc_T` for each unit
# and your step backward. What a step returns as `dc_prev` is *not yet* the total
# gradient of $c_{t-1}$; what is missing comes through `dh_prev`. (You may read your
# own cache. Whoever wants to can also walk forwards, with tangents.)

# %% solution="cell_gradient_paths"
def cell_gradient_paths(xs, h0, c0, W_x, W_h, b):
    """How the last cell state depends on each cell state, by both ways.

    xs (T, B, D), h0 (B, H), c0 (B, H), W_x (D, 4H), W_h (H, 4H), b (4H,)
    Returns direct (T, B, H): the product of the forget gates after step t, and
    total (T, B, H, H): total[t, b, i, j] is the total derivative of
    cs[-1, b, i] with respect to cs[t, b, j].
    """
    ### BEGIN SOLUTION
    _, cs, cache = lstm_forward(xs, h0, c0, W_x, W_h, b)
    steps, (T, B, H) = cache["steps"], cs.shape
    direct = np.ones_like(cs)
    total = np.zeros((T, B, H, H), dtype=cs.dtype)
    total[-1] = np.eye(H)
    for t in reversed(range(T - 1)):
        direct[t] = direct[t + 1] * steps[t + 1]["f"]
    for j in range(H):  # the gradient of unit j of the last cell state
        dh_next, dc_next = np.zeros_like(h0), np.zeros_like(c0)
        dc_next[:, j] = 1
        for t in reversed(range(1, T)):
            back = lstm_step_backward(dh_next, dc_next, steps[t])
            dh_next, dc_next = back["dh_prev"], back["dc_prev"]
            now = steps[t - 1]
            slope = now["o"] * (1 - np.tanh(now["c_t"]) ** 2)  # of h_t in c_t
            total[t - 1, :, j] = dc_next + dh_next * slope
    return direct, total
    ### END SOLUTION

# %% check="cell_gradient_paths"
check("cell_gradient_paths", cell_gradient_paths)

# %% [markdown]
# Now look. Solid: the size of everything. Dashed: the straight way alone. On the
# left the recurrent weights are tiny, in the middle a little larger than one
# usually starts, on the right larger still, as they may become in training.

# %%
T, B, D, H = 60, 3, 6, 16
noise, start = 0.5 * rng.normal(size=(T, B, D)), np.zeros((B, H))
fig, axes = plt.subplots(1, 3, figsize=(9, 3.2), sharey=True)
for ax, scale in zip(axes, (0.05, 1.0, 4.0)):
    for bias, colour in ((1, "tab:blue"), (4, "tab:orange")):
        weights = random_lstm(D, H, bias, scale)
        direct, total = cell_gradient_paths(noise, start, start, *weights)
        everything = np.linalg.norm(total, 2, axis=(-2, -1)).mean(axis=1)
        straight = direct.max(axis=-1).mean(axis=1)
        label = f"forget bias {bias}"
        ax.semilogy(everything, color=colour, label=label)
        ax.semilogy(straight, "--", color=colour)
    ax.set(xlabel="time step t", title=f"weights of scale {scale}")
axes[0].set_ylabel("size of d c_T / d c_t")
axes[0].legend()
plt.show()

# %% [markdown]
# Where the weights are tiny, the straight way is nearly all there is. Where they
# are not, the other ways take over, and they can do what the straight one never
# can: grow. An LSTM protects against vanishing as far as its forget gates are open.
# Against exploding it protects nobody; that is why one clips.

# %% [markdown]
# ## Does it help?
#
# No points from here on. The network reads one of four symbols, then 40 steps of
# nothing but noise, and then it has to say which symbol it was. It learns with your
# gradients, once with a forget bias of 0 and once with one of 4.

# %%
def recall(B, lag, V=4):
    """One symbol, then noise; what to say at the end is the symbol."""
    symbols = rng.integers(V, size=B)
    xs = 0.3 * rng.normal(size=(lag + 1, B, V))
    xs[0] += 2 * np.eye(V)[symbols]
    return xs, symbols


def train(forget_bias, lag=40, updates=250, B=24, V=4, H=16, rate=0.01):
    """The share of right answers after each update."""
    W_x, W_h, b = random_lstm(V, H, forget_bias, scale=0.5)
    W_y = rng.normal(size=(H, V)) / np.sqrt(H)
    params = {"W_x": W_x, "W_h": W_h, "b": b, "W_y": W_y}
    square = {name: np.zeros_like(p) for name, p in params.items()}
    start, right = np.zeros((B, H)), []
    for _ in range(updates):
        xs, symbols = recall(B, lag)
        weights = params["W_x"], params["W_h"], params["b"]
        hs, _, cache = lstm_forward(xs, start, start, *weights)
        logits = hs[-1:] @ params["W_y"]
        everywhere = np.ones((1, B), dtype=bool)
        _, dlogits = cross_entropy(logits, symbols[None], everywhere)
        dhs = np.zeros_like(hs)
        dhs[-1] = dlogits[0] @ params["W_y"].T
        back = lstm_backward(dhs, start, cache)
        grads = {name: back[f"d{name}"] for name in ("W_x", "W_h", "b")}
        grads["W_y"] = hs[-1].T @ dlogits[0]
        length = np.sqrt(sum((g**2).sum() for g in grads.values()))
        for name, g in grads.items():  # RMSprop, after clipping to length 1
            g = g / max(1.0, length)
            square[name] += 0.05 * (g**2 - square[name])
            params[name] -= rate * g / (np.sqrt(square[name]) + 1e-6)
        right.append((logits[0].argmax(-1) == symbols).mean())
    return np.array(right)


fig, ax = plt.subplots(figsize=(6.5, 3))
for bias in (0, 4):
    right = train(bias)
    smooth = np.convolve(right, np.ones(10) / 10, mode="valid")
    ax.plot(smooth, label=f"forget bias {bias}")
ax.axhline(0.25, ls="--", color="grey")
ax.set(xlabel="update", ylabel="share of right answers")
ax.set_title("Which symbol was it, forty steps ago?")
ax.legend()
plt.show()

# %% [markdown]
# The dashed line is guessing. Change the lag, the bias and the seed and see how
# reliable the difference is; the chapter does it over many runs.

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in the
# course's folder, `python -m unrolled check 06-lstm`. The grader runs the same
# functions on numbers that nobody has seen.
