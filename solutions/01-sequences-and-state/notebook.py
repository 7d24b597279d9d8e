# %% [markdown]
# # Sequences and state
#
# Before there is a network there is a sequence, something that remembers it,
# and a way to turn symbols into numbers. In this notebook you build all
# three. In the first half you stand at the door of a library and count
# people. In the second you give each letter of the alphabet a place on a map,
# and let real text decide where.
#
# The text behind it is chapter 1, *Sequences and state*, of the book.
#
# **Letters.** `T` time steps, `B` sequences side by side, `D` numbers per
# step, `V` symbols in the vocabulary. Sequences are time-major: `xs[t]` is
# step `t` of every sequence, of shape `(B, D)`.
#
# **House rules**, which the checks test: a function never modifies its inputs,
# gives the same result when it is called twice, returns the float type that it
# was given, and works for `T = 1` and `B = 1`.

# %% given="imports"
import numpy as np

from unrolled import check

rng = np.random.default_rng(1)

# %% [markdown]
# ## The library door
#
# A sensor at the door sends one number a minute: how many people came in,
# less those who left. How many are inside? Add it up: $h_t = h_{t-1} + x_t$.
# You need not keep the record of the day, only the last sum.
#
# Now ask for something softer: how *busy* has it been lately? Let the old sum
# fade a little before the new number is added:
#
# $$h_t = a\, h_{t-1} + x_t, \qquad h_0 = 0 .$$
#
# With $a = 1$ it counts, with $a = 0$ it forgets at once, and in between it
# remembers for a while. It is called a **leaky integrator**, like a bucket
# with a hole.
#
# {task:leaky}
#
# Every one of the `D` numbers of a step has its own leak: `a` has the shape
# `(D,)`. Keep the state after *every* step.

# %% solution="leaky"
def leaky(xs, a):
    """Run D leaky integrators over a sequence, from zero.

    xs (T, B, D), a (D,)
    Returns hs (T, B, D), with hs[t] the state after xs[t].
    """
    ### BEGIN SOLUTION
    h_t = np.zeros_like(xs[0])
    states = []
    for x_t in xs:
        h_t = a * h_t + x_t
        states.append(h_t)
    return np.stack(states)
    ### END SOLUTION

# %% check="leaky"
check("leaky", leaky)

# %% [markdown]
# Look at it. One day at the door, seen by four integrators at once, each with
# its own idea of "lately". At minute 300 the sensor stutters and counts
# twenty-five people who are not there. Who forgets the mistake, and who never
# does?

# %%
import matplotlib.pyplot as plt

minutes, people = np.arange(600), 200
come = rng.normal(200, 60, size=people).clip(0, 500).astype(int)
go = (come + 1 + rng.exponential(90, size=people).astype(int)).clip(max=590)
door = 1.0 * np.bincount(come, minlength=600) - np.bincount(go, minlength=600)
door[300] += 25

leaks = np.array([0.0, 0.9, 0.99, 1.0])
fig, axes = plt.subplots(4, 1, figsize=(8, 5.2), sharex=True)
try:
    seen = leaky(np.tile(door[:, None, None], (1, 1, 4)), leaks)[:, 0]
    for ax, a, series in zip(axes, leaks, seen.T):
        ax.fill_between(minutes, series, step="mid", alpha=0.6)
        ax.set_ylabel(f"a = {a:g}")
    axes[-1].set_xlabel("minute")
    plt.show()
except NotImplementedError as missing:
    plt.close(fig)
    print("The picture comes when this is written:", missing)

# %% [markdown]
# ## The same thing without a loop
#
# Write the loop out for three steps and see what becomes of each input:
#
# $$h_3 = x_3 + a\,x_2 + a^2 x_1 .$$
#
# An input that is $k$ steps old counts $a^k$. A sum of *past inputs, weighted
# by their age*, has a name: it is a **convolution**, and the list of weights
# is its kernel.
#
# {task:causal_conv}
#
# First for any kernel. `kernel[k]` is the weight of an input that is `k` steps
# old, one for each of the `D` numbers:
#
# $$h_t = \sum_{k=0}^{K-1} \mathrm{kernel}_k \odot x_{t-k},$$
#
# where inputs before the first count as zero. "Causal" means that nothing from
# the future is used. The kernel may be longer than the sequence. Take care:
# `xs[t - k]` with `t - k = -1` is, for Python, the *last* step.

# %% solution="causal_conv"
def causal_conv(xs, kernel):
    """Weigh the inputs by their age and add them up.

    xs (T, B, D), kernel (K, D), K may be larger than T
    Returns hs (T, B, D).
    """
    ### BEGIN SOLUTION
    hs = np.zeros_like(xs)
    for age, weight in enumerate(kernel[: len(xs)]):
        hs[age:] += weight * xs[: len(xs) - age]
    return hs
    ### END SOLUTION

# %% check="causal_conv"
check("causal_conv", causal_conv)

# %% [markdown]
# {task:leaky_conv}
#
# Now build the kernel of the leaky integrator, $1, a, a^2, \dots$, as long as
# the sequence, and call your `causal_conv`. There is no state and no step
# that has to wait for the one before. And yet it must give what `leaky`
# gives.

# %% solution="leaky_conv"
def leaky_conv(xs, a):
    """The same as leaky(xs, a), as one convolution.

    xs (T, B, D), a (D,)
    Returns hs (T, B, D).
    """
    ### BEGIN SOLUTION
    ages = np.arange(len(xs))[:, None]  # (T, 1)
    return causal_conv(xs, a**ages)
    ### END SOLUTION

# %% check="leaky_conv"
check("leaky_conv", leaky_conv)

# %% [markdown]
# Two views of one thing. Now bend the loop with a tanh, $h_t =
# \tanh(a\,h_{t-1} + x_t)$, and give both the same pulse once in silence and
# once in the middle of a loud passage. If a loop is a convolution, then the
# *difference* that the pulse makes must look the same both times. Which of
# them is one?

# %%
def bent(xs, a):
    h_t, states = np.zeros_like(xs[0]), []
    for x_t in xs:
        h_t = np.tanh(a * h_t + x_t)
        states.append(h_t)
    return np.stack(states)


quiet, loud = np.zeros((40, 1, 1)), np.full((40, 1, 1), 0.8)
pulse = np.zeros((40, 1, 1))
pulse[10] = 1.0
fig, axes = plt.subplots(1, 2, figsize=(8, 2.6), sharey=True)
try:
    for ax, loop, name in zip(axes, (leaky, bent), ("linear", "with tanh")):
        for ground, label in ((quiet, "in silence"), (loud, "loud passage")):
            a = np.array([0.85])
            made = loop(ground + pulse, a) - loop(ground, a)
            ax.plot(made[:, 0, 0], label=label, lw=2, alpha=0.7)
        ax.set(title=name, xlabel="step")
    axes[1].legend()
    plt.show()
except NotImplementedError as missing:
    plt.close(fig)
    print("The picture comes when this is written:", missing)

# %% [markdown]
# ## Letters are not numbers
#
# `ids` such as `a = 0, b = 1, c = 2` are names, not amounts: `c` is not twice
# `b`, and nothing lies halfway between them. A **one-hot** vector gives each
# symbol an axis of its own: all zeros and a single one.
#
# {task:one_hot}
#
# The ids may come in any shape; the one-hots get one more axis, the last, of
# length `V`. An id that is not in `0 .. V-1` is a mistake that must not pass
# in silence: `raise ValueError(...)`. Beware of -1, which NumPy takes for the
# last.

# %% solution="one_hot"
def one_hot(ids, V):
    """Symbols as vectors with a single one.

    ids: integers in [0, V), any shape (...); others raise ValueError
    Returns hot (..., V), floats.
    """
    ### BEGIN SOLUTION
    if ids.min() < 0 or ids.max() >= V:
        raise ValueError(f"ids must lie in 0 .. {V - 1}")
    return np.eye(V)[ids]
    ### END SOLUTION

# %% check="one_hot"
check("one_hot", one_hot)

# %% [markdown]
# ## A place for every letter
#
# A network does not compute with the `V` zeros and ones. It multiplies them
# with a matrix `E` of shape `(V, D)`, and a one-hot times a matrix is *a row
# of that matrix*. So nobody multiplies: one looks the row up. The rows are
# called **embeddings**, and they are learned.
#
# {task:embed}
#
# Return the rows that belong to the ids: the same as `one_hot(ids, V) @ E`,
# without the product.

# %% solution="embed"
def embed(ids, E):
    """Look up the embedding of each id.

    ids: integers in [0, V), any shape (...), E (V, D)
    Returns xs (..., D).
    """
    ### BEGIN SOLUTION
    return E[ids]
    ### END SOLUTION

# %% check="embed"
check("embed", embed)

# %% [markdown]
# {task:embed_backward}
#
# To learn the rows, we need their gradient. `dout[t, b]` says how the loss
# changes with the vector that was looked up at step `t` of sequence `b`. That
# vector *was* a row of `E`, so this gradient belongs to that row. And if a
# letter occurs several times, its row was used several times: **everything
# that arrives at a row adds up.** A row that was never looked up gets zeros.
#
# One line that looks right is wrong: `dE[ids] += dout` counts a repeated id
# once. Find out how NumPy does it properly, or use a loop, or a product.

# %% solution="embed_backward"
def embed_backward(dout, ids, V):
    """The gradient of the embeddings from that of what was looked up.

    dout (..., D), ids: integers in [0, V) of shape (...)
    Returns dE (V, D).
    """
    ### BEGIN SOLUTION
    dE = np.zeros((V, dout.shape[-1]), dout.dtype)
    np.add.at(dE, ids, dout)
    return dE
    ### END SOLUTION

# %% check="embed_backward"
check("embed_backward", embed_backward)

# %% [markdown]
# ## A map of the alphabet
#
# What you have is enough to learn something. Take a long English text (the
# reference of the Python language, which comes with Python). Give every
# letter a random place in the plane, `E` of shape `(27, 2)`, and let a single
# layer guess the *next* letter from the place of this one. Where a guess is
# too high, push it down, where it is too low, push it up, and pass the push
# on to the places: that is your `embed_backward`. Nobody tells the program
# what a vowel is.

# %%
from pydoc_data.topics import topics

LETTERS = "_abcdefghijklmnopqrstuvwxyz"  # _ is the gap between words
words = "".join(c if c.isalpha() else " " for c in " ".join(topics.values()))
text = [c for c in "_".join(words.lower().split()) if c in LETTERS]
text = np.array([LETTERS.index(c) for c in text])
print(len(text), "letters:", "".join(LETTERS[i] for i in text[:60]))

# %%
def learn_a_map(steps=500, rate=8.0, batch=2000, seed=0):
    rng = np.random.default_rng(seed)
    E, W, b = 0.1 * rng.normal(size=(27, 2)), np.zeros((2, 27)), np.zeros(27)
    W += 0.1 * rng.normal(size=W.shape)
    for _ in range(steps):
        at = rng.integers(len(text) - 1, size=batch)
        xs = embed(text[at], E)
        guess = np.exp(xs @ W + b)
        guess /= guess.sum(axis=1, keepdims=True)
        push = (guess - one_hot(text[at + 1], 27)) / batch  # too high, too low
        dE = embed_backward(push @ W.T, text[at], 27)
        W -= rate * xs.T @ push
        b -= rate * push.sum(axis=0)
        E -= rate * dE
    return E


fig, ax = plt.subplots(figsize=(6, 5))
try:
    E = learn_a_map()
    for letter, (across, up) in zip(LETTERS, E):
        vowel = letter in "aeiou"
        ax.text(
            across, up, letter, size=15, color="crimson" if vowel else "black"
        )
    ax.set(
        xlim=(E[:, 0].min() - 0.3, E[:, 0].max() + 0.3),
        ylim=(E[:, 1].min() - 0.3, E[:, 1].max() + 0.3),
        title="Letters that are followed by similar letters lie together",
    )
    plt.show()
except NotImplementedError as missing:
    plt.close(fig)
    print("The map comes when this is written:", missing)

# %% [markdown]
# The vowels, in red, have gathered on one side, and the gap between words
# keeps to itself. Which letter sits among the wrong ones, and why? Change
# `seed` and look again: the map turns and flips, the neighbourhoods remain.
#
# This program guesses from *one* letter. It would guess better if it
# remembered the letters before. You have something that remembers; the next
# notebook puts the two together.
#
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in
# the course's folder, `python -m unrolled check 01-sequences-and-state`. The
# grader runs the same functions on numbers that nobody has seen.
