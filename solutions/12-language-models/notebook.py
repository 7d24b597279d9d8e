# %% [markdown]
# # Language models
#
# A parrot that has heard every line of a manual could go on from anywhere in it. It
# would know which letter follows which, which word likes to come after which, and
# nothing else. How good is such a parrot? You will put a number to it, beat it or
# not, and let it talk: soberly, wildly, and in between.
#
# You build the whole of it: the alphabet with a place for what was never seen, the
# number by which language models are compared, a rival that only counts, the dice
# with which a model writes and a test that finds loaded dice, a network that uses
# one table for reading and for writing, and its training.
#
# The text behind it is chapter 12, *Language models*.
#
# **Letters.** `T` steps, `B` columns, `H` hidden units, `D` numbers for each symbol,
# `V` symbols. `ids` are integers in `[0, V)`, time first.
#
# **House rules**, which the checks test: a function never modifies its inputs,
# gives the same result when it is called twice, returns the float type that it was
# given, and works for sizes of one.

# %% given="imports"
from collections import Counter

import numpy as np

from unrolled import check, public_data

rng = np.random.default_rng(12)
UNKNOWN = "\N{CURRENCY SIGN}"  # on the keyboards of old, it stood for any

# %% [markdown]
# ## An alphabet with a place for strangers
#
# {task:char_vocab}
#
# Which symbols are there? Those of the *training* text, and tomorrow somebody hands
# you a text with a symbol that is not among them. So number 0 is `UNKNOWN`, a
# symbol that stands for all others. To have it occur in training, and to learn
# something about it, leave out whatever is too rare: keep the symbols that occur at
# least `least` times. After `UNKNOWN` they come in sorted order, as `sorted` has it.
#
# A text may also be a list of words: `for s in text` goes over both.

# %% solution="char_vocab"
def char_vocab(text, least):
    """The symbols of a text that a model will know.

    text: a string, or a list of words; least: how often a symbol has to occur.
    Returns a list of symbols: UNKNOWN, then the others in sorted order.
    """
    ### BEGIN SOLUTION
    counts = Counter(text)
    kept = [s for s in counts if counts[s] >= least]
    return [UNKNOWN, *sorted(kept)]
    ### END SOLUTION

# %% check="char_vocab"
check("char_vocab", char_vocab)

# %% [markdown]
# {task:encode}
#
# And now any text in numbers: the place of each symbol in `letters`, and 0 for a
# symbol that is not there. Nothing may get lost on the way: as many numbers as
# symbols. The other direction is a look-up: `"".join(letters[i] for i in ids)`.

# %% solution="encode"
def encode(text, letters):
    """A text as numbers, also one that holds unknown symbols.

    text: a string, or a list of words; letters: list of V symbols, in any
    order but for UNKNOWN at its beginning.
    Returns ids (N,): integers in [0, V).
    """
    ### BEGIN SOLUTION
    place = {s: i for i, s in enumerate(letters)}
    ids = [place.get(s, 0) for s in text]
    return np.array(ids)
    ### END SOLUTION

# %% check="encode"
check("encode", encode)

# %%
text = "to be, or not to be, that is the question"
letters = char_vocab(text, 2)
print(f"{len(letters)} symbols:", "".join(letters))
for line in (text, "to bee, or not too bee?"):
    print("".join(letters[i] for i in encode(line, letters)))

# %% [markdown]
# ## How surprised, on average?
#
# {task:perplexity}
#
# A model gives the symbol that really came the probability $p$, and
# $-\log p$ is its surprise. Let $S$ be the sum of the surprises over the `N`
# positions that count, those with `mask` True. Two numbers are made of it:
#
# $$\text{perplexity} = e^{S / N}, \qquad
#   \text{bits} = \frac{S}{\ln 2} \Big/ C.$$
#
# Perplexity is *per symbol*: as if the model had to choose among so many equally
# likely ones each time. It cannot be compared with that of a model with other
# symbols. Bits per *character* can: $C$ is how many characters the symbols that
# count are spelled with. `spelled[v]` is that number for symbol `v`: one for each,
# if symbols are characters.
#
# Average the surprises, then take the exponential once. And the logits may be
# large: a thousand must not end in infinity.

# %% solution="perplexity"
def perplexity(logits, targets, mask, spelled):
    """Perplexity per symbol, and bits per character.

    logits (T, B, V), targets (T, B) integers, mask (T, B) bool with at least
    one True, spelled (V,) integers: the characters of each symbol.
    Returns two numbers: the perplexity per symbol and the bits per character,
    over the positions where mask is True.
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_z = np.log(np.exp(shifted).sum(axis=-1))
    said = np.take_along_axis(shifted, targets[..., None], axis=-1)[..., 0]
    surprise = (log_z - said)[mask]
    characters = spelled[targets][mask].sum()
    return np.exp(surprise.mean()), surprise.sum() / np.log(2) / characters
    ### END SOLUTION

# %% check="perplexity"
check("perplexity", perplexity)

# %% [markdown]
# ## A rival that counts
#
# {task:witten_bell}
#
# Before any network: what does somebody achieve who looks up how often each symbol
# has followed the last few? The trouble is that most long contexts were seen once
# or never. Witten and Bell (1991) ask shorter contexts too, and mix. Let $P_k$ be
# the probability after a context of the last $k$ symbols,
#
# $$P_k(v) = \frac{c(v) + m\, P_{k-1}(v)}{n + m},$$
#
# where in the training text this context was followed by something $n$ times, of
# which $c(v)$ times by $v$, and $m$ counts the *different* symbols that have
# followed it. The more different ones, the likelier is yet another one. Where the
# context never occurred, $P_k = P_{k-1}$. It starts with $P_{-1} = 1 / V$, and
# $P_0$ has the empty context, which every symbol follows.
#
# Return $P_k$ of each symbol of `held` after the `k` before it, so for all but the
# first `k`. Count in `learn` alone.

# %% solution="witten_bell"
def witten_bell(learn, held, k, V):
    """Probabilities of held-out symbols by Witten and Bell's mixture.

    learn (N,), held (M,): integers in [0, V), to count in and to foretell;
    k: the longest context, 0 <= k < M.
    Returns probs (M - k,): of held[k], held[k + 1] ..., each after k symbols.
    """
    ### BEGIN SOLUTION
    learn, held = learn.tolist(), held.tolist()
    probs = np.full(len(held) - k, 1 / V)
    for size in range(k + 1):
        follows = {}
        for t in range(size, len(learn)):
            context = tuple(learn[t - size : t])
            follows.setdefault(context, Counter())[learn[t]] += 1
        for i, v in enumerate(held[k:]):
            seen = follows.get(tuple(held[i + k - size : i + k]))
            if seen:
                n, m = sum(seen.values()), len(seen)
                probs[i] = (seen[v] + m * probs[i]) / (n + m)
    return probs
    ### END SOLUTION

# %% check="witten_bell"
check("witten_bell", witten_bell)

# %% [markdown]
# Here it is on a real text, the reference of the Python language: contexts of no to
# six symbols, learned from 30,000 characters, asked about 3,000 others. The curve
# has a lowest point. Guess where it moves when the text is shorter, then try.

# %%
import matplotlib.pyplot as plt

from unrolled.corpus import reference_text

whole = reference_text()
learn_text, held_text = whole[:30_000], whole[30_000:33_000]
letters = char_vocab(learn_text, 3)
learn, held = encode(learn_text, letters), encode(held_text, letters)
bits = []
for k in range(7):
    probs = witten_bell(learn, held, k, len(letters))
    bits.append(-np.log2(probs).mean())
    print(f"{k} symbols of context: {bits[-1]:.2f} bits per character")

fig, ax = plt.subplots(figsize=(6, 2.8))
ax.plot(bits, "o-")
ax.set(xlabel="symbols of context", ylabel="bits per character")
plt.show()

# %% [markdown]
# ## Dice, shaped
#
# {task:next_probs}
#
# A model that writes throws dice. But which? Its own probabilities have a long tail
# of unlikely symbols, and one of them will be thrown before long. Three knobs shape
# the dice, and they are turned in this order:
#
# 1. **Temperature**: the softmax of `logits / temperature`. Below one, the likely
#    get likelier. At `temperature == 0` stands the limit: all the probability lies
#    on the largest logit, in equal shares if several are the largest.
# 2. **Top k**: only the `top_k` most probable symbols stay, the others get exactly
#    zero, and the rest is scaled to sum one. Exactly `top_k`, or all if there are
#    not so many: of equally large logits, the symbol with the smaller number goes
#    first.
# 3. **Top p**, the nucleus: go through what is left, from the most probable on (in
#    the same order). A symbol stays if the ones before it sum to less than
#    `top_p`. The first always stays. Zero for the others, and scale again.
#
# With `temperature = 1`, `top_k = V`, `top_p = 1.0` nothing is changed.

# %% solution="next_probs"
def next_probs(logits, temperature, top_k, top_p):
    """The probabilities with which the next symbol is drawn.

    logits (B, V); temperature: a number >= 0; top_k: an integer >= 1;
    top_p: a number in (0, 1].
    Returns probs (B, V), each row of sum 1.
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=-1, keepdims=True)
    if temperature == 0:
        weights = (shifted == 0).astype(logits.dtype)
    else:
        weights = np.exp(shifted / temperature)
    order = np.argsort(-logits, axis=-1, kind="stable")
    falling = np.take_along_axis(weights, order, axis=-1)
    falling[:, top_k:] = 0
    falling /= falling.sum(axis=-1, keepdims=True)
    before = np.cumsum(falling, axis=-1) - falling
    falling[before >= top_p] = 0
    falling /= falling.sum(axis=-1, keepdims=True)
    probs = np.zeros_like(falling)
    np.put_along_axis(probs, order, falling, axis=-1)
    return probs
    ### END SOLUTION

# %% check="next_probs"
check("next_probs", next_probs)

# %% [markdown]
# The same dice, turned three ways. Which knob leaves the *order* of the bars alone?

# %%
logits = np.sort(rng.normal(size=(1, 16)) * 2)[:, ::-1]
knobs = {
    "temperature": [(t, 16, 1.0) for t in (0.3, 1.0, 3.0)],
    "top_k": [(1.0, k, 1.0) for k in (2, 5, 16)],
    "top_p": [(1.0, 16, p) for p in (0.5, 0.9, 1.0)],
}
fig, axes = plt.subplots(3, 3, figsize=(8.5, 4.5), sharex=True, sharey=True)
for row, (name, settings) in zip(axes, knobs.items()):
    for ax, setting in zip(row, settings):
        ax.bar(range(16), next_probs(logits, *setting)[0])
        at = ("temperature", "top_k", "top_p").index(name)
        ax.set_title(f"{name} = {setting[at]}", fontsize=9)
fig.tight_layout()
plt.show()

# %% [markdown]
# ## The throw
#
# {task:sample}
#
# One uniform number `u` in [0, 1) for each row decides. Lay the probabilities side
# by side on the line from 0 to 1, in the order of their numbers; the symbol is the
# one on whose piece `u` lies. In other words, the *first* symbol up to which,
# itself included, the probabilities sum to more than `u`.
#
# Two traps, both at the ends. If symbol 0 has probability zero and `u` is 0, it must
# not be thrown. And the sum of all probabilities may come out as
# 0.9999999999999999, with a `u` still above it: then too, a symbol has to come out
# that has a probability. In float32, this happens once in some ten million throws.

# %% solution="sample"
def sample(logits, temperature, top_k, top_p, u):
    """Throw the dice of next_probs.

    logits (B, V), temperature, top_k, top_p: as next_probs takes them;
    u (B,): numbers in [0, 1).
    Returns ids (B,): the first symbol with a cumulative probability above u.
    """
    ### BEGIN SOLUTION
    probs = next_probs(logits, temperature, top_k, top_p)
    reached = np.cumsum(probs, axis=-1)
    reached = reached / reached[:, -1:]
    return (reached <= u[:, None]).sum(axis=-1)
    ### END SOLUTION

# %% check="sample"
check("sample", sample)

# %% [markdown]
# ## Loaded dice
#
# {task:misfit}
#
# Are throws as they should be? Throw `N` times and count. If the dice are right,
# symbol `v` is expected $N p_v$ times, and by chance it comes a little more or less
# often. Pearson (1900) adds up
#
# $$\chi^2 = \sum_{v:\, p_v > 0} \frac{(n_v - N p_v)^2}{N p_v}.$$
#
# For right dice the sum is about as large as the number of its terms less one, the
# *degrees of freedom* $f$, give or take $\sqrt{2 f}$. What came although its
# probability is zero belongs into no sum; count it by itself. `N` is the number of
# all throws.

# %% solution="misfit"
def misfit(counts, probs):
    """Pearson's test of throws against probabilities.

    counts (V,) integers: how often each symbol came; probs (V,): of sum 1,
    with at least one above zero.
    Returns three numbers: chi2, over the symbols of positive probability; the
    degrees of freedom; how often an impossible symbol came.
    """
    ### BEGIN SOLUTION
    possible = probs > 0
    due = counts.sum() * probs[possible]
    chi2 = ((counts[possible] - due) ** 2 / due).sum()
    return chi2, possible.sum() - 1, counts[~possible].sum()
    ### END SOLUTION

# %% check="misfit"
check("misfit", misfit)

# %% [markdown]
# Try it on your own dice. A hundred times, four thousand throws each: the histogram
# is that of your sums, the line is what theory says. Then load the dice: put
# `u ** 1.05` in place of `u`.

# %%
logits = np.tile(rng.normal(size=(1, 12)), (4_000, 1))
probs = next_probs(logits[:1], 0.8, 8, 1.0)[0]
found = []
for _ in range(100):
    ids = sample(logits, 0.8, 8, 1.0, rng.random(4_000))
    found.append(misfit(np.bincount(ids, minlength=12), probs))
chi2, freedom, impossible = np.array(found).T
f = freedom[0]
x = np.linspace(0.1, 30, 200)
density = x ** (f / 2 - 1) * np.exp(-x / 2)
fig, ax = plt.subplots(figsize=(6, 2.6))
ax.hist(chi2, 25, range=(0, 30), density=True, alpha=0.5)
ax.plot(x, density / density.sum() / (x[1] - x[0]))
ax.set(xlabel="chi squared", yticks=[])
plt.show()
print(f"{f} degrees of freedom, mean {chi2.mean():.2f}")

# %% [markdown]
# {task:judge_samplers}
#
# Nine programs have thrown the dice `true_probs`, 20,000 times each. What came is in
# `thrown[i]`. Some are sound. Some have a slip. Say of each
#
# * **2** if it has thrown what is impossible,
# * **1** if not, but its throws do not fit the probabilities,
# * **0** if nothing is to be said against it.
#
# Where to draw the line? At six times $\sqrt{2 f}$ above $f$, a sound program is
# accused about once in a hundred thousand tests.

# %% given="samplers"
true_probs = public_data("12-language-models", "true_probs")
thrown = public_data("12-language-models", "thrown")
print(true_probs.shape, thrown.shape)

# %% solution="judge_samplers"
def judge_samplers():
    """The verdict on each of the nine programs: 0, 1 or 2.

    Returns a list of nine integers.
    """
    ### BEGIN SOLUTION
    verdicts = []
    for counts in thrown:
        chi2, freedom, impossible = misfit(counts, true_probs)
        loaded = chi2 > freedom + 6 * np.sqrt(2 * freedom)
        verdicts.append(2 if impossible else int(loaded))
    return verdicts
    ### END SOLUTION

# %% check="judge_samplers"
check("judge_samplers", judge_samplers)

# %% [markdown]
# ## What you bring along
#
# The next four cells are for your functions of notebooks 01 to 04. They carry no
# points here, and a fault in one of them is not held against what follows.

# %% solution="from_01" include="01-sequences-and-state: embed_backward"

# %% solution="from_02" include="02-recurrent-cell: rnn_step_forward rnn_forward cross_entropy"

# %% solution="from_03" include="03-bptt: rnn_step_backward rnn_backward"

# %% solution="from_04" include="04-training: stream_batches clip_global_norm adam_step"

# %% [markdown]
# ## One table for two jobs
#
# {task:tied_lm_loss}
#
# Row $v$ of the table $E$ is what the network *reads* for symbol $v$. The output
# layer has a row for each symbol as well: what the network must *say* for it. Tied
# weights (Press and Wolf, 2017) make these one table:
#
# $$x_t = E[\text{ids}_t], \qquad
#   y_t = (h_t W_{hd})\, E^\top + b_y .$$
#
# $W_{hd}$ leads from the `H` numbers of the state to the `D` of the table. The loss
# is the mean cross-entropy over all `T * B` predictions; inputs are `ids[:-1]` and
# targets `ids[1:]`.
#
# What is new is the gradient of $E$. The table acts in two places, so its gradient
# is a sum of two. One part comes from the inputs, and your `embed_backward` knows
# it. The other you have to work out: $y_t = s_t E^\top + b_y$ with
# $s_t = h_t W_{hd}$.

# %% solution="tied_lm_loss"
def tied_lm_loss(params, ids, h0):
    """Loss of a language model with tied weights, and its gradients.

    params: dict of E (V, D), W_xh (D, H), W_hh (H, H), b_h (H,), W_hd (H, D)
    and b_y (V,); ids (T+1, B): integers in [0, V); h0 (B, H): the state
    before them, a constant.
    Returns the mean cross-entropy over T*B predictions, a dict of its
    gradients (dE, dW_xh, dW_hh, db_h, dW_hd, db_y), and the last state
    h_T (B, H).
    """
    ### BEGIN SOLUTION
    E, W_hd = params["E"], params["W_hd"]
    inputs, targets = ids[:-1], ids[1:]

    cell = params["W_xh"], params["W_hh"], params["b_h"]
    hs, cache = rnn_forward(E[inputs], h0, *cell)
    said = hs @ W_hd  # (T, B, D)
    logits = said @ E.T + params["b_y"]
    everywhere = np.ones(targets.shape, dtype=bool)
    loss, dlogits = cross_entropy(logits, targets, everywhere)

    dsaid = dlogits @ E
    back = rnn_backward(dsaid @ W_hd.T, cache)
    grads = {name: back[name] for name in ("dW_xh", "dW_hh", "db_h")}
    read = embed_backward(back["dxs"], inputs, len(E))
    grads["dE"] = read + np.einsum("tbv,tbd->vd", dlogits, said)
    grads["dW_hd"] = np.einsum("tbh,tbd->hd", hs, dsaid)
    grads["db_y"] = dlogits.sum(axis=(0, 1))
    return loss, grads, hs[-1]
    ### END SOLUTION

# %% check="tied_lm_loss"
check("tied_lm_loss", tied_lm_loss)

# %% [markdown]
# ## Write on
#
# {task:generate}
#
# You are given the beginning of a text, and the network is to go on. It has to read
# the beginning, all of it, from a state of zeros, and then, again and again, throw
# a symbol and *read it*. Each throw has its own number in `us`. One symbol at a
# time, so the batch has size one.
#
# How often does the network read what? With a prefix of three symbols and five to
# be written, it takes 3 + 4 steps: the last symbol that it writes, it need not
# read.

# %% solution="generate"
def generate(params, prefix, temperature, top_k, top_p, us):
    """Go on from a beginning.

    params: as tied_lm_loss takes them; prefix (P,): integers, P >= 1;
    temperature, top_k, top_p: as next_probs takes them; us (N,): one number in
    [0, 1) for each symbol to be written.
    Returns ids (N,): what was written, without the prefix.
    """
    ### BEGIN SOLUTION
    E, b_y = params["E"], params["b_y"]
    cell = params["W_xh"], params["W_hh"], params["b_h"]
    h_t = np.zeros((1, len(params["W_hh"])), dtype=E.dtype)
    for v in prefix[:-1]:
        h_t, _ = rnn_step_forward(E[v][None], h_t, *cell)
    v, written = prefix[-1], []
    for u in us:
        h_t, _ = rnn_step_forward(E[v][None], h_t, *cell)
        logits = h_t @ params["W_hd"] @ E.T + b_y
        v = sample(logits, temperature, top_k, top_p, np.array([u]))[0]
        written.append(v)
    return np.array(written)
    ### END SOLUTION

# %% check="generate"
check("generate", generate)

# %% [markdown]
# ## Train it
#
# {task:train_lm}
#
# `windows` are the windows of a stream, as your `stream_batches` cuts them: column
# `b` of a window goes on in column `b` of the next. So, `epochs` times: begin with a
# state of zeros, go through the windows in order, and for each
#
# 1. let `tied_lm_loss` say loss, gradients and last state, which is the state that
#    the *next* window starts from;
# 2. clip the gradients to a global norm of 1;
# 3. let Adam take its step with every array, with the rate `lr` and 0.9, 0.999,
#    1e-8. Its count of steps goes on through all epochs, and so do its memories.
#
# Return the trained weights, and the loss of every window in the order of training.
# The weights that you were given stay as they were.
#
# How it is graded: the windows come from a small language, a dozen made-up words,
# thrown one after the other. Whoever knows the words can do no better than a certain
# number of bits per character. Your network is asked about a text that nobody has
# seen, and may be an eighth of a bit worse than that at most. (Of four hundred runs of
# ours the worst was a twelfth worse; the frequencies alone are two bits worse.) Then the
# same with a rate of zero: nothing is learned, and the losses show which state each window was entered with.

# %% solution="train_lm"
def train_lm(params, windows, epochs, lr):
    """Train a tied language model on a stream, by truncated backpropagation.

    params: the weights at the start, a dict as tied_lm_loss takes it
    windows (n, T+1, B): integers; epochs: passes over them; lr: Adam's rate
    Returns a dict: "new_params", the trained weights, new arrays under the
    same names, and "losses" (epochs * n,), the loss of every window when it
    was read.
    """
    ### BEGIN SOLUTION
    weights = {name: w.copy() for name, w in params.items()}
    moments = {name: (0 * w, 0 * w) for name, w in params.items()}
    B, H = windows.shape[2], len(params["W_hh"])
    losses, n = [], 0
    for _ in range(epochs):
        h = np.zeros((B, H))
        for ids in windows:
            loss, grads, h = tied_lm_loss(weights, ids, h)
            grads, _ = clip_global_norm(grads, 1.0)
            losses.append(loss)
            n += 1
            for name, w in weights.items():
                dw, (m, v) = grads["d" + name], moments[name]
                new = adam_step(w, dw, m, v, n, lr, 0.9, 0.999, 1e-8)
                weights[name], *moments[name] = new
    return {"new_params": weights, "losses": np.array(losses)}
    ### END SOLUTION

# %% check="train_lm"
check("train_lm", train_lm)

# %% [markdown]
# ## Let it talk
#
# Everything together, on the manual of Python. The network learns for some seconds,
# and between passes it writes. (For yourself: more passes, a larger `H`, a text of
# your own in place of `whole`. Set it back before you hand in, the grader runs the
# cells that you have changed.)

# %%
def begin(V, D, H, rng):
    """Weights to start from."""
    return {
        "E": 0.3 * rng.normal(size=(V, D)),
        "W_xh": 0.5 * rng.normal(size=(D, H)),
        "W_hh": np.linalg.qr(rng.normal(size=(H, H)))[0],
        "b_h": np.zeros(H),
        "W_hd": rng.normal(size=(H, D)) / H**0.5,
        "b_y": np.zeros(V),
    }


def held_bits(params):
    """Bits per character on the held-out text, read in one go."""
    ids = held[:, None]
    loss, _, _ = tied_lm_loss(params, ids, np.zeros((1, len(params["W_hh"]))))
    return loss / np.log(2)


def write(params, count, temperature=0.7, top_p=0.95, start="The "):
    us = np.random.default_rng(0).random(count)
    prefix, V = encode(start, letters), len(letters)
    ids = generate(params, prefix, temperature, V, top_p, us)
    return start + "".join(letters[i] for i in ids)


params = begin(len(letters), 24, 64, rng)
windows, scores = stream_batches(learn, 20, 16), []
for epoch in range(6):
    params = train_lm(params, windows, 1, 0.006)["new_params"]
    scores.append(held_bits(params))
    print(f"--- pass {epoch + 1}: {scores[-1]:.2f} bits a held-out character")
    print(write(params, 150), "\n")

# %% [markdown]
# Compare its bits with those of the rival that counts, a few cells above. Who wins,
# after these few seconds? Chapter 12 lets both go on for longer. And now the knobs:

# %%
for knobs in ((0.0, 1.0), (0.5, 1.0), (1.0, 0.9), (1.0, 1.0), (1.7, 1.0)):
    print("--- temperature {}, top p {}".format(*knobs))
    print(write(params, 150, *knobs), "\n")

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in the
# course's folder, `python -m unrolled check 12-language-models`. The grader runs the
# same functions on numbers that nobody has seen.
