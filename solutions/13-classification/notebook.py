# %% [markdown]
# # Classification
#
# The complaints desk of a restaurant gets reviews by the hundred. Each is to be
# read and put on a pile: good or bad; about the food, the service, the room, the
# bill; and in each the words that say it are to be underlined. Somebody has tried
# it with a list of words that count for *good* and for *bad*, and since then the
# host answers "lovely rather than dull" with an apology.
#
# In this notebook you do it properly. Words become numbers, and those that nobody
# has seen before do not break anything. A network reads them in their order, its
# states are pooled, padding left out, and you train it until it tells apart what
# has the same words in another order. Then one review gets several labels, that
# may depend on each other, you find out what an F1 is worth and where to put a
# threshold, and finally every word gets a tag, by the best path of all.
#
# The text behind it is chapter 13, *Classification*.
#
# **Letters.** `T` steps, `B` reviews, `H` units, `V` words, `L` labels, `K` tags.
# Reviews are padded in time: what stands behind a review's length may be anything.
#
# **House rules**, which the checks test: a function never modifies its inputs, a
# backward pass can be run twice on one cache, the float type follows the inputs,
# and sizes of one are nothing special.

# %% given="imports"
import numpy as np

from unrolled import check

rng = np.random.default_rng(13)

# %% [markdown]
# ## Words become numbers
#
# {task:word_ids}
#
# A text is split at its white space, in lower case. The vocabulary is made of the
# *training* texts and of nothing else. A word is in it if it comes at least
# `least` times in them, all together. Number the words from 2 on, the most
# frequent first, and those that are equally frequent in alphabetical order.
#
# Two numbers are taken: 0 is padding, and 1 is *a word that is not in the
# vocabulary*. Those will come, there is no vocabulary without them. With `least`
# above 1 some come in the training texts, too. That is on purpose: the row of the
# embedding that stands for the unknown word gets something to learn from.

# %% solution="word_ids"
def word_ids(texts, train, least):
    """Texts as one time-major array of word numbers.

    texts: a list of B texts, none of them empty; train: the texts of which the
    vocabulary is made; least: how often a word has to come in those.
    Returns ids (T, B), integers, 0 behind the end of a text, T the number of
    words of the longest; and lengths (B,).
    """
    ### BEGIN SOLUTION
    count = {}
    for text in train:
        for word in text.lower().split():
            count[word] = count.get(word, 0) + 1
    kept = [word for word in count if count[word] >= least]
    kept.sort(key=lambda word: (-count[word], word))
    number = {word: n for n, word in enumerate(kept, start=2)}
    rows = [[number.get(w, 1) for w in text.lower().split()] for text in texts]
    lengths = np.array([len(row) for row in rows])
    ids = np.zeros((lengths.max(), len(texts)), dtype=int)
    for b, row in enumerate(rows):
        ids[: len(row), b] = row
    return ids, lengths
    ### END SOLUTION

# %% check="word_ids"
check("word_ids", word_ids)

# %% [markdown]
# ## What the states have in common
#
# {task:masked_pool}
#
# A network has read the review and left a state at every word. Pooling makes one
# row of them: the **mean** over the words, and the **top**, the largest value that
# each unit ever had. Blank paper is not a word. It does not count for the mean,
# neither above nor below the line, and it is never the largest, not even where all
# real values are negative, and not even where it holds a NaN.

# %% solution="masked_pool"
def masked_pool(hs, mask):
    """The mean and the largest of the states at the words of each review.

    hs (T, B, H); mask (T, B) booleans, at least one true in each column.
    Returns mean (B, H), top (B, H) and a cache dict: mask, and what you need.
    """
    ### BEGIN SOLUTION
    live = mask[:, :, None]
    count = live.sum(axis=0).astype(hs.dtype)  # (B, 1)
    mean = np.where(live, hs, 0).sum(axis=0) / count
    hidden = np.where(live, hs, -np.inf)
    top = hidden.max(axis=0)
    where = hidden.argmax(axis=0)  # (B, H): the step at which each was
    return mean, top, {"mask": mask, "count": count, "where": where}
    ### END SOLUTION

# %% check="masked_pool"
check("masked_pool", masked_pool)

# %% [markdown]
# ## And back to the words
#
# {task:masked_pool_backward}
#
# A mean hands its gradient to all who took part, in equal shares. A maximum hands
# it to the one who was it, whole. (If two were equal, the first gets it.) What
# reaches the padding is exactly zero.

# %% solution="masked_pool_backward"
def masked_pool_backward(dmean, dtop, cache):
    """Backpropagate through masked_pool.

    dmean, dtop (B, H); cache: what masked_pool saved.
    Returns a dict: dhs (T, B, H).
    """
    ### BEGIN SOLUTION
    live = cache["mask"][:, :, None]
    share = dmean / cache["count"]
    dhs = np.where(live, share, np.zeros_like(share))
    steps = np.arange(len(live))[:, None, None]
    was_top = steps == cache["where"]
    return {"dhs": dhs + np.where(was_top, dtop, np.zeros_like(dtop))}
    ### END SOLUTION

# %% check="masked_pool_backward"
check("masked_pool_backward", masked_pool_backward)

# %% [markdown]
# ## The whole reader
#
# Paste `rnn_step_forward`, `rnn_forward` and `stable_sigmoid` from notebook 02,
# `rnn_step_backward` and `rnn_backward` from 03, and `adam_step` from 04. There are
# no points for them here, and a fault in one is not held against what follows.

# %% solution="from_02" include="02-recurrent-cell: rnn_step_forward rnn_forward stable_sigmoid"

# %% solution="from_03" include="03-bptt: rnn_step_backward rnn_backward"

# %% solution="from_04" include="04-training: adam_step"

# %% [markdown]
# {task:review_loss}
#
# From words to a verdict: look up the embeddings, run the cell from a zero state,
# pool the states at the words, put mean and top side by side, and say one number,
# `[mean, top] @ W_hy + b_y`. Above zero means *good*. The loss is the mean over
# the reviews of the sigmoid's cross-entropy,
# $\log(1 + e^{a}) - y a$, which `np.logaddexp` computes for any $a$.
#
# And back. A word may stand in many places, and each of them has something to say
# to its row of `E`.

# %% solution="review_loss"
def review_loss(params, ids, lengths, good):
    """The loss of a network that reads reviews, and its gradients.

    params: a dict of E (V, D), W_xh (D, H), W_hh (H, H), b_h (H,),
    W_hy (2H, 1) and b_y (1,). ids (T, B), lengths (B,): integers;
    good (B,): 1 or 0.
    Returns the loss and a dict: dE, dW_xh, dW_hh, db_h, dW_hy, db_y.
    """
    ### BEGIN SOLUTION
    E, W_hh, W_hy = params["E"], params["W_hh"], params["W_hy"]
    (T, B), H = ids.shape, len(W_hh)
    mask = np.arange(T)[:, None] < lengths
    h0 = np.zeros((B, H), dtype=E.dtype)
    hs, cache = rnn_forward(E[ids], h0, params["W_xh"], W_hh, params["b_h"])
    mean, top, pooled = masked_pool(hs, mask)
    features = np.concatenate([mean, top], axis=1)
    a = (features @ W_hy + params["b_y"])[:, 0]
    loss = np.mean(np.logaddexp(0, a) - good * a)
    da = ((stable_sigmoid(a) - good) / B).astype(E.dtype)[:, None]
    dmean, dtop = np.split(da @ W_hy.T, 2, axis=1)
    dhs = masked_pool_backward(dmean, dtop, pooled)["dhs"]
    back = rnn_backward(dhs, cache)
    dE = np.zeros_like(E)
    np.add.at(dE, ids, back["dxs"])
    grads = {f"d{name}": back[f"d{name}"] for name in ("W_xh", "W_hh", "b_h")}
    dW_hy = features.T @ da
    db_y = da.sum(axis=0)
    return loss, {"dE": dE, **grads, "dW_hy": dW_hy, "db_y": db_y}
    ### END SOLUTION

# %% check="review_loss"
check("review_loss", review_loss)

# %% [markdown]
# ## Teach it
#
# {task:train_reviews}
#
# You are given the weights to start from, 400 reviews, and for each update the
# numbers of those that it reads: `order[n]` of shape `(B,)`. Half of the reviews
# are plain ones. The other half are pairs with *the same words*, "lovely rather
# than dull" and "dull rather than lovely".
#
# One update for each row of `order`: take these reviews, ask your `review_loss`,
# and let your `adam_step` move each array (0.9, 0.99 and 1e-8 do well; clipping
# does no harm). Begin each array's `m` and `v` with zeros, and count the steps
# from 1.
#
# As in notebook 05, nobody compares your weights with ours. They are given 400
# reviews that nobody has trained on, with words in combinations that are not in
# the training, and at most 15 in 100 of the verdicts may be wrong. Who counts
# words, however cleverly, has a quarter wrong: of each pair, one. And every one of
# the six arrays has to have been trained; those that you were given stay as they
# were.

# %% solution="train_reviews"
def train_reviews(params, ids, lengths, good, order, lr):
    """Train a network to read reviews, one update for each row of `order`.

    params: the weights at the start, as review_loss takes them
    ids (T, M), lengths (M,), good (M,): M reviews; order (N, B): the numbers
    of those that each update reads; lr: the learning rate
    Returns the trained weights, a dict of new arrays with the same keys.
    """
    ### BEGIN SOLUTION
    weights = {name: w.copy() for name, w in params.items()}
    m = {name: np.zeros_like(w) for name, w in params.items()}
    v = {name: np.zeros_like(w) for name, w in params.items()}
    for n, rows in enumerate(order, start=1):
        T = lengths[rows].max()
        batch = ids[:T, rows], lengths[rows], good[rows]
        _, grads = review_loss(weights, *batch)
        for name in weights:
            step = weights[name], grads[f"d{name}"], m[name], v[name]
            weights[name], m[name], v[name] = adam_step(
                *step, n, lr, 0.9, 0.99, 1e-8
            )
    return weights
    ### END SOLUTION

# %% check="train_reviews"
check("train_reviews", train_reviews)

# %% [markdown]
# Look over its shoulder. Below, a network of yours is trained, and then reads two
# reviews with the same words. The curve is what it would say if the review ended
# at that word. Where does it decide, and where does it change its mind?

# %%
import matplotlib.pyplot as plt

from unrolled.reviews import draw


def begin(V, rng, D=16, H=16):
    """Weights to start from."""
    Q = np.linalg.qr(rng.normal(size=(H, H)))[0]
    return {
        "E": 0.5 * rng.normal(size=(V, D)),
        "W_xh": rng.normal(size=(D, H)) / D**0.5,
        "W_hh": 0.9 * Q,
        "b_h": np.zeros(H),
        "W_hy": 0.1 * rng.normal(size=(2 * H, 1)),
        "b_y": np.zeros(1),
    }


def says(params, ids, lengths):
    """The number that decides, (B,): above zero for a good review."""
    h0 = np.zeros((ids.shape[1], len(params["W_hh"])))
    weights = params["W_xh"], params["W_hh"], params["b_h"]
    hs, _ = rnn_forward(params["E"][ids], h0, *weights)
    pools = masked_pool(hs, np.arange(len(ids))[:, None] < lengths)[:2]
    features = np.concatenate(pools, axis=1)
    return (features @ params["W_hy"] + params["b_y"])[:, 0]


reviews = draw(rng, 800, kinds=["plain", "instead"])
train = [" ".join(review.words) for review in reviews]
good = np.array([review.good for review in reviews])
ids, lengths = word_ids(train, train, 2)
order = rng.integers(len(reviews), size=(200, 24))
start = begin(ids.max() + 1, rng)
trained = train_reviews(start, ids, lengths, good, order, 0.02)

twins = [
    "the soup was lovely rather than dull",
    "the soup was dull rather than lovely",
]
ids, lengths = word_ids(twins, train, 2)
fig, ax = plt.subplots(figsize=(7, 3))
for b, text in enumerate(twins):
    curve = [says(trained, ids[:t], np.full(2, t))[b] for t in range(1, 8)]
    ax.plot(curve, "o-")
    for t, word in enumerate(text.split()):
        ax.annotate(word, (t, curve[t]), (0, 6), textcoords="offset points")
ax.axhline(0, color="grey", lw=0.8)
ax.set(xlabel="word", ylabel="bad     good", xticks=[])
ax.margins(0.15)
plt.show()

# %% [markdown]
# ## Whose name is it?
#
# {task:train_names}
#
# Korhonen, Lefebvre, Bianchi, Kováč, Lindqvist, Dlamini: you hear where they are
# at home, and could hardly say by what. You are given family names of six
# languages, in small letters and without their accents, which would give half of
# them away. So it is the letters that count, and their order. The letters are
# numbered, `a` is 1 and `z` is 26, and 0 is padding.
#
# This time nobody hands you the batches, and no loss. What the network does is
# fixed: look up the letters in `E`, run the cell from a state of zeros, and say one
# number for each language, `h @ W_hy + b_y`, where `h` is the state **at the last
# letter of the name**. What stands behind it is not read. All the rest is yours: a
# softmax and its cross-entropy, the gradients of all six arrays, and your
# `adam_step`, as before.
#
# In each epoch every name is read once, `size` names at a time, and `size` divides
# their number. Mind that the names stand in a file's order, all of one language
# and then all of the next. Mix them anew in every epoch, and do not forget to take
# the labels along. `np.random.default_rng(seed)` has what you need.
#
# Your network is then asked about 450 names that it has not seen, none of which
# begins as one of its own language did. Who guesses is wrong five times in six, who
# counts single letters about once in three. Yours may be wrong on 28 in 100, and on
# 13 in 100 of the names that it has learned from. (Of 240 runs of ours all passed,
# the worst of them with 25 fresh names in 100 wrong, and most with 19.)

# %% solution="train_names"
def train_names(params, ids, lengths, language, size, epochs, lr, seed):
    """Train a network to tell the language of a name.

    params: a dict of E (27, D), W_xh (D, H), W_hh (H, H), b_h (H,),
    W_hy (H, K) and b_y (K,). ids (T, M), lengths (M,) and language (M,), from
    0 to K - 1: M names; size: how many of them an update reads; epochs: how
    often all are read; lr: the learning rate; seed: of what mixes the names.
    Returns the trained weights, a dict of new arrays with the same keys.
    """
    ### BEGIN SOLUTION
    w = {name: array.copy() for name, array in params.items()}
    m = {name: np.zeros_like(array) for name, array in params.items()}
    v = {name: np.zeros_like(array) for name, array in params.items()}
    rng, n = np.random.default_rng(seed), 0
    h0 = np.zeros((size, len(w["W_hh"])))
    for _ in range(epochs):
        mixed = rng.permutation(len(lengths))
        for rows in mixed.reshape(-1, size):
            n += 1
            x, y = ids[: lengths[rows].max(), rows], language[rows]
            cell = [w[name] for name in ("W_xh", "W_hh", "b_h")]
            hs, cache = rnn_forward(w["E"][x], h0, *cell)
            last = lengths[rows] - 1, np.arange(size)
            a = hs[last] @ w["W_hy"] + w["b_y"]
            p = np.exp(a - a.max(axis=1, keepdims=True))
            p = p / p.sum(axis=1, keepdims=True)
            da = (p - np.eye(a.shape[1])[y]) / size
            dhs = np.zeros_like(hs)
            dhs[last] = da @ w["W_hy"].T
            back = rnn_backward(dhs, cache)
            grads = {"dW_hy": hs[last].T @ da, "db_y": da.sum(axis=0), **back}
            grads["dE"] = np.zeros_like(w["E"])
            np.add.at(grads["dE"], x, back["dxs"])
            for name in w:
                step = w[name], grads[f"d{name}"], m[name], v[name]
                w[name], m[name], v[name] = adam_step(
                    *step, n, lr, 0.9, 0.99, 1e-8
                )
    return w
    ### END SOLUTION

# %% check="train_names"
check("train_names", train_names)

# %% [markdown]
# Now ask it for a name of your own. The names of the check are at hand, and the
# network that learned from them reads yours letter by letter. Each row shows what
# it would say if the name ended there. Where does it make up its mind?

# %%
from unrolled import public_case

known = public_case("13-classification", "train_names").inputs
data = [known[name] for name in ("params", "ids", "lengths", "language")]
how = [known[name] for name in ("size", "epochs", "lr", "seed")]
hearing = train_names(*data, *how)

yours = "korhonen"  # letters from a to z
letters = np.array([[ord(c) - ord("a") + 1] for c in yours])
h0 = np.zeros((1, len(hearing["W_hh"])))
weights = [hearing[name] for name in ("W_xh", "W_hh", "b_h")]
hs, _ = rnn_forward(hearing["E"][letters], h0, *weights)
a = hs[:, 0] @ hearing["W_hy"] + hearing["b_y"]
p = np.exp(a - a.max(axis=1, keepdims=True))
p = p / p.sum(axis=1, keepdims=True)

print(" " * 14, *(f"{name:>8}" for name in known["spoken"]))
for t, row in enumerate(p, start=1):
    print(f"{yours[:t]:14}", *(f"{share:8.2f}" for share in row))

# %% [markdown]
# ## Several labels at once
#
# {task:multilabel_loss}
#
# A review may complain about the food *and* about the bill, or about nothing. So
# there are `L` yes-or-no questions and no softmax, which would make the labels
# compete. Each is asked with a sigmoid of its own, and the loss is the mean over
# all `B L` of them,
#
# $$\ell(a, y) = w\, y \log(1 + e^{-a}) + (1 - y) \log(1 + e^{a}).$$
#
# The weight $w$ belongs to the label, and counts its *yes* that many times: a rare
# label has few of them. Mind large logits: $e^{800}$ is no number.

# %% solution="multilabel_loss"
def multilabel_loss(logits, labels, weight):
    """The cross-entropy of L independent yes-or-no labels, and its gradient.

    logits (B, L); labels (B, L) of 0 and 1; weight (L,): of each label's yes.
    Returns the loss, a mean over all B * L, and dlogits (B, L).
    """
    ### BEGIN SOLUTION
    yes = weight * labels
    no = 1 - labels
    miss = np.logaddexp(0, -logits)  # -log sigmoid(a)
    alarm = np.logaddexp(0, logits)
    loss = np.mean(yes * miss + no * alarm)
    dlogits = no * stable_sigmoid(logits) - yes * stable_sigmoid(-logits)
    return loss, (dlogits / labels.size).astype(logits.dtype)
    ### END SOLUTION

# %% check="multilabel_loss"
check("multilabel_loss", multilabel_loss)

# %% [markdown]
# ## Labels that know of each other
#
# {task:chain_loss}
#
# "Either the soup or the waiter was dull." Each of the two complaints has a
# probability of one half, and yet *both* is impossible, and so is *none*. Two
# independent sigmoids cannot say that. A **chain** can: it decides the labels one
# after the other, and each decision knows those before it,
#
# $$z_{l} = a_{l} + \sum_{k < l} y_k W_{kl} , \qquad
# P(y_l = 1 \mid y_1, \dots, y_{l-1}) = \sigma(z_l) .$$
#
# Only the entries of `W` *above the diagonal* count; below it may stand anything.
# In the training, the true labels are known, so each step is given the true ones
# before it. The loss is minus the log-probability of the whole set of labels: a
# sum over `l`, and a mean over the reviews.

# %% solution="chain_loss"
def chain_loss(a, W, labels):
    """The loss of a chain of L dependent labels, and its gradients.

    a (B, L), W (L, L) of which only what is above the diagonal counts;
    labels (B, L) of 0 and 1.
    Returns the loss and a dict: da (B, L), dW (L, L).
    """
    ### BEGIN SOLUTION
    above = np.triu(np.ones_like(W), 1)
    z = a + labels @ (W * above)
    B = len(a)
    loss = np.sum(np.logaddexp(0, z) - labels * z) / B
    da = ((stable_sigmoid(z) - labels) / B).astype(a.dtype)
    dW = (labels.T @ da) * above
    return loss, {"da": da, "dW": dW.astype(W.dtype)}
    ### END SOLUTION

# %% check="chain_loss"
check("chain_loss", chain_loss)

# %% [markdown]
# ## The best set
#
# {task:best_set}
#
# Which set of labels does the chain think most probable? To take at each label
# what is more probable is *greedy*, and can go wrong: a first step that is a little
# better may lead to where everything after it is unlikely. With `L` labels there
# are $2^L$ sets; for a handful of labels, try them all.

# %% solution="best_set"
def best_set(a, W):
    """The most probable set of labels of a chain, out of all 2**L.

    a (B, L), W (L, L), as in chain_loss.
    Returns labels (B, L), integers 0 and 1, and log_p (B,), the
    log-probability of this set.
    """
    ### BEGIN SOLUTION
    B, L = a.shape
    sets = (np.arange(2**L)[:, None] >> np.arange(L)) & 1  # (2**L, L)
    z = a[:, None] + sets @ np.triu(W, 1)  # (B, 2**L, L)
    log_p = (sets * z - np.logaddexp(0, z)).sum(axis=2)
    best = log_p.argmax(axis=1)
    return sets[best], log_p[np.arange(B), best].astype(a.dtype)
    ### END SOLUTION

# %% check="best_set"
check("best_set", best_set)

# %% [markdown]
# Here is that sentence, 400 times, once with the soup and once with the waiter.
# Both models are fitted by plain gradient descent. What do they give to the four
# sets, and to what does the loss fall? The best that can be said of a fair coin is
# $\log 2 = 0.693$.

# %%
def fitted(chain, labels, updates=600, lr=2.0):
    """One row of a, and W, for labels that all have the same input."""
    a, W = np.zeros((1, 2)), np.zeros((2, 2))
    for _ in range(updates):
        loss, grads = chain_loss(np.repeat(a, len(labels), 0), W, labels)
        a = a - lr * grads["da"].sum(axis=0, keepdims=True)
        W = W - lr * grads["dW"] * chain
    return loss, a, W


soup = rng.integers(2, size=400)
labels = np.stack([soup, 1 - soup], axis=1)
print("the last four: none, the waiter, the soup, both")
for chain, name in ((False, "independent"), (True, "a chain")):
    loss, a, W = fitted(chain, labels)
    sets = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    p = [np.exp(-chain_loss(a, W, s[None])[0]) for s in sets]
    print(f"{name:12} loss {loss:.3f};", *np.round(p, 2))

# %% [markdown]
# ## How good is it, really?
#
# {task:f1_scores}
#
# Where one review in twenty complains about the bill, "nobody complains" is right
# 95 times in a hundred, and of no use. So one counts, for each label, the hits
# `tp`, the false alarms `fp` and the misses `fn`, and
#
# $$F_1 = \frac{2\,tp}{2\,tp + fp + fn} ,$$
#
# which is 0 where there is no hit at all. A label is *predicted* where its score
# is at least its threshold. The **macro** F1 is the mean over the labels. The
# **micro** F1 adds up the counts of all labels first. They can differ a lot, so a
# report that says "F1" without a word says nothing.

# %% solution="f1_scores"
def f1_scores(scores, labels, thresholds):
    """The F1 of each label, and of all.

    scores (B, L): numbers, the larger the surer; labels (B, L) of 0 and 1;
    thresholds (L,). Returns f1 (L,), micro and macro, two numbers.
    """
    ### BEGIN SOLUTION
    said = scores >= thresholds
    true = labels == 1
    tp = (said & true).sum(axis=0)
    fp = (said & ~true).sum(axis=0)
    fn = (~said & true).sum(axis=0)
    f1 = 2 * tp / np.maximum(2 * tp + fp + fn, 1)
    micro = 2 * tp.sum() / max((2 * tp + fp + fn).sum(), 1)
    macro = f1.mean()
    return f1, micro, macro
    ### END SOLUTION

# %% check="f1_scores"
check("f1_scores", f1_scores)

# %% [markdown]
# ## Without a threshold
#
# {task:average_precision}
#
# Move the threshold from above the largest score down to the smallest. At each
# stop there is a **precision** $P$, the share of the predicted that are true, and a
# **recall** $R$, the share of the true that are predicted. The average precision
# is the area of the steps,
#
# $$AP = \sum_n (R_n - R_{n-1}) P_n , \qquad R_0 = 0 .$$
#
# It stops only *between different scores*. Two reviews with the same score come
# together, or the result would depend on which stands first in the file.

# %% solution="average_precision"
def average_precision(scores, labels):
    """The average precision of each label; 0 for one that is never true.

    scores (B, L), labels (B, L) of 0 and 1. Returns ap (L,).
    """
    ### BEGIN SOLUTION
    ap = np.zeros(labels.shape[1])
    for k in range(len(ap)):
        stops = np.unique(scores[:, k])[::-1]  # from the largest down
        said = scores[:, k] >= stops[:, None]  # (stops, B)
        hits = (said & (labels[:, k] == 1)).sum(axis=1)
        precision = hits / said.sum(axis=1)
        recall = hits / max(labels[:, k].sum(), 1)
        ap[k] = np.sum(np.diff(recall, prepend=0) * precision)
    return ap
    ### END SOLUTION

# %% check="average_precision"
check("average_precision", average_precision)

# %% [markdown]
# ## Where to put the threshold
#
# {task:best_thresholds}
#
# One half is the right threshold for a cost that counts both errors alike, and if
# the probabilities can be trusted. For the best F1 it is another one, for each
# label. Try every score that occurs, and take the one with the best F1. Where
# several are equally good, take the largest.
#
# On *which* reviews, then? On validation data. A threshold that was chosen on the
# test set has seen the answers.

# %% solution="best_thresholds"
def best_thresholds(scores, labels):
    """For each label the score that is best for its F1 as a threshold.

    scores (B, L), labels (B, L) of 0 and 1. Returns thresholds (L,).
    """
    ### BEGIN SOLUTION
    L = scores.shape[1]
    thresholds = np.zeros(L, dtype=scores.dtype)
    for k in range(L):
        tried = np.unique(scores[:, k])[::-1]  # the largest first
        f1 = [f1_scores(scores, labels, np.full(L, x))[0][k] for x in tried]
        thresholds[k] = tried[np.argmax(f1)]
    return thresholds
    ### END SOLUTION

# %% check="best_thresholds"
check("best_thresholds", best_thresholds)

# %% [markdown]
# What is it worth? A label of which one in ten is true, and scores that know
# something about it: the threshold of one half, the one that is best on validation
# data, and the best on the test data themselves, which nobody may use.

# %%
gain = []
for _ in range(20):
    y = (rng.random((2, 300, 1)) < 0.1).astype(int)
    s = 1 / (1 + np.exp(2.2 - 1.6 * y - rng.normal(size=y.shape)))
    for_test = [np.array([0.5]), best_thresholds(s[0], y[0])]
    for_test.append(best_thresholds(s[1], y[1]))
    gain.append([f1_scores(s[1], y[1], x)[2] for x in for_test])
tried = "one half", "validation", "test itself"
for name, f1 in zip(tried, np.array(gain).T):
    low, high = f1.min(), f1.max()
    print(f"{name:12} F1 {f1.mean():.2f}, from {low:.2f} to {high:.2f}")

# %% [markdown]
# ## A tag for every word
#
# {task:viterbi}
#
# A tagger gives each word a score for each of `K` tags. To take the best at each
# word is not to take the best *sequence*: some tags do not follow each other, an
# "inside" never without a "begin". So a move from tag `i` to tag `j` has a score,
# too, `moves[i, j]`, which may be `-inf` for *never*, and `first[j]` is the score
# of beginning with `j`. The score of a whole sequence is the sum of all of these,
# and there are $K^T$ sequences.
#
# You need not try them all. For each tag `j` at step `t`, keep only the best way
# that *ends* there, and where it came from. At the last word, take the best end,
# and walk back. For a shorter review, the last word is its own; behind it, the
# tag is -1.

# %% solution="viterbi"
def viterbi(scores, moves, first, lengths):
    """The sequences of tags with the largest sums of scores.

    scores (T, B, K); moves (K, K): from the tag in the row to that in the
    column, perhaps -inf; first (K,); lengths (B,).
    Returns tags (T, B), integers, -1 behind the end, and best (B,), the sums.
    """
    ### BEGIN SOLUTION
    T, B, _ = scores.shape
    tags = np.full((T, B), -1)
    best = np.zeros(B, dtype=scores.dtype)
    for b in range(B):
        ends = first + scores[0, b]  # (K,): of the best way to each tag
        came = []
        for t in range(1, lengths[b]):
            ways = ends[:, None] + moves  # (K, K): from, to
            came.append(ways.argmax(axis=0))
            ends = ways.max(axis=0) + scores[t, b]
        tag = ends.argmax()
        best[b] = ends[tag]
        tags[lengths[b] - 1, b] = tag
        for t in range(lengths[b] - 1, 0, -1):
            tag = came[t - 1][tag]
            tags[t - 1, b] = tag
    return tags, best
    ### END SOLUTION

# %% check="viterbi"
check("viterbi", viterbi)

# %% [markdown]
# Underline the praise and the blame. Below, the scores are those of a poor tagger,
# the truth and a lot of noise, on real tags of our reviews. The moves are counted
# in other reviews, as logarithms. How much does it help to take the best sequence
# instead of the best tags?

# %%
from unrolled.reviews import TAGS

known = [[TAGS.index(tag) for tag in r.tags] for r in draw(rng, 400)]
count = np.zeros((len(TAGS), len(TAGS)))
for tags in known:
    np.add.at(count, (tags[:-1], tags[1:]), 1)
with np.errstate(divide="ignore"):
    moves = np.log(count / count.sum(axis=1, keepdims=True))
    begins = [tags[0] for tags in known]
    first = np.log(np.bincount(begins, minlength=len(TAGS)))

review = draw(rng, 20, "test")[4]
truth = np.array([TAGS.index(tag) for tag in review.tags])
noise = rng.normal(size=(len(truth), len(TAGS)))
scores = 2.0 * np.eye(len(TAGS))[truth] + noise
best, _ = viterbi(scores[:, None], moves, first, np.array([len(truth)]))
print(f"{'word':12}{'truth':10}{'best tag':10}best sequence")
for word, *row in zip(review.words, truth, scores.argmax(axis=1), best[:, 0]):
    print(f"{word:12}" + "".join(f"{TAGS[k]:10}" for k in row))

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in the
# course's folder, `python -m unrolled check 13-classification`. The grader asks
# the same functions with numbers that nobody has seen.
