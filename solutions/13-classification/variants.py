# %% [markdown]
# Right solutions in other people's styles. A header names the solution cell that is
# replaced, and what the style costs (never a value): see `Variant` in
# autograder/exercise.py. What is ugly here is ugly on purpose.

# %% variant="entry by entry" cell="word_ids"
from collections import Counter


def word_ids(texts, train, least):
    seen = Counter(" ".join(train).lower().split())
    ranked = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    vocab = ["<pad>", "<unk>"] + [w for w, n in ranked if n >= least]
    split = [t.lower().split() for t in texts]
    ids = []
    for t in range(max(map(len, split))):
        row = []
        for words in split:
            if t >= len(words):
                row.append(0)
            elif words[t] in vocab[2:]:
                row.append(vocab.index(words[t]))
            else:
                row.append(1)
        ids.append(row)
    return ids, [len(words) for words in split]

# %% variant="entry by entry" cell="masked_pool"
def masked_pool(hs, mask):
    B, H = hs.shape[1:]
    mean, top = np.zeros((B, H), hs.dtype), np.zeros((B, H), hs.dtype)
    for b in range(B):
        words = hs[mask[:, b], b]
        mean[b] = sum(words) / len(words)
        for k in range(H):
            top[b, k] = max(words[:, k])
    return mean, top, dict(mask=mask, hs=hs, top=top)

# %% variant="entry by entry" cell="masked_pool_backward"
def masked_pool_backward(dmean, dtop, cache):
    mask, hs = cache["mask"], cache["hs"]
    dhs = np.zeros_like(hs)
    for b in range(mask.shape[1]):
        n = int(mask[:, b].sum())
        for k in range(hs.shape[2]):
            left = dtop[b, k]
            for t in range(n):
                dhs[t, b, k] = dmean[b, k] / n
                if hs[t, b, k] == cache["top"][b, k]:
                    dhs[t, b, k] += left
                    left = 0
    return dhs

# %% variant="entry by entry" cell="review_loss"
def review_loss(params, ids, lengths, good):
    """One review after the other, without any padding and without the pools."""
    grads = {f"d{name}": np.zeros_like(w) for name, w in params.items()}
    H, B, total = len(params["W_hh"]), len(lengths), 0.0
    weights = [params[n] for n in ("W_xh", "W_hh", "b_h")]
    for b, n in enumerate(lengths):
        word = ids[:n, b]
        x = params["E"][word][:, None]
        hs, cache = rnn_forward(x, np.zeros((1, H), x.dtype), *weights)
        h = hs[:, 0]
        row = np.concatenate([h.sum(0) / n, h.max(0)])
        a = (row @ params["W_hy"] + params["b_y"])[0]
        y = good[b]
        total += (np.logaddexp(0, -a) if y else np.logaddexp(0, a)) / B
        da = (np.exp(-np.logaddexp(0, -a)) - y) / B
        dhs = np.zeros_like(h)
        for k in range(H):
            dhs[:, k] += da * params["W_hy"][k, 0] / n
            dhs[h[:, k].argmax(), k] += da * params["W_hy"][H + k, 0]
        back = rnn_backward(dhs[:, None], cache)
        for name in ("W_xh", "W_hh", "b_h"):
            grads[f"d{name}"] += back[f"d{name}"]
        for t, w in enumerate(word):
            grads["dE"][w] += back["dxs"][t, 0]
        grads["dW_hy"] += (da * row)[:, None]
        grads["db_y"] += da
    return total, grads

# %% variant="entry by entry" cell="train_reviews"
def train_reviews(params, ids, lengths, good, order, lr):
    """RMSprop, and the gradients shortened; all of the table is read."""
    weights = dict(params)
    square = {name: 0.0 for name in params}
    for rows in order:
        _, grads = review_loss(weights, ids[:, rows], lengths[rows], good[rows])
        norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
        for name in weights:
            g = grads[f"d{name}"] * min(1.0, 1.0 / norm)
            square[name] = 0.95 * square[name] + 0.05 * g**2
            step = 0.5 * lr * g / (np.sqrt(square[name]) + 1e-6)
            weights[name] = weights[name] - step
    return weights

# %% variant="entry by entry" cell="train_names"
def train_names(params, ids, lengths, language, size, epochs, lr, seed):
    """Batches by a random draw, RMSprop, the last states one by one."""
    w, rng = dict(params), np.random.RandomState(seed)
    square = {name: 0.0 for name in w}
    for _ in range(epochs * len(lengths) // size):
        rows = rng.choice(len(lengths), size, replace=False)
        x, g = ids[:, rows], {}
        h0 = np.zeros((size, len(w["b_h"])))
        cell = w["W_xh"], w["W_hh"], w["b_h"]
        hs, cache = rnn_forward(w["E"][x], h0, *cell)
        dhs = np.zeros_like(hs)
        g["W_hy"], g["b_y"] = np.zeros_like(w["W_hy"]), np.zeros_like(w["b_y"])
        for b in range(size):
            t = lengths[rows[b]] - 1
            e = np.exp(hs[t, b] @ w["W_hy"] + w["b_y"])
            da = e / e.sum() / size
            da[language[rows[b]]] -= 1 / size
            dhs[t, b] = w["W_hy"] @ da
            g["W_hy"] += np.outer(hs[t, b], da)
            g["b_y"] += da
        back = rnn_backward(dhs, cache)
        for name in ("W_xh", "W_hh", "b_h"):
            g[name] = back["d" + name]
        g["E"] = np.array([back["dxs"][x == v].sum(0) for v in range(27)])
        for name in w:
            square[name] = 0.95 * square[name] + 0.05 * g[name] ** 2
            w[name] = w[name] - lr * g[name] / (np.sqrt(square[name]) + 1e-6)
    return w

# %% variant="entry by entry" cell="multilabel_loss"
def multilabel_loss(logits, labels, weight):
    B, L = logits.shape
    total, dlogits = 0.0, np.zeros_like(logits)
    for b in range(B):
        for k in range(L):
            a, n = float(logits[b, k]), B * L
            small = np.exp(-abs(a))
            p = 1 / (1 + small) if a >= 0 else small / (1 + small)
            if labels[b, k]:
                total += weight[k] * (max(-a, 0) + np.log1p(small)) / n
                dlogits[b, k] = weight[k] * (p - 1) / n
            else:
                total += (max(a, 0) + np.log1p(small)) / n
                dlogits[b, k] = p / n
    return total, dlogits

# %% variant="entry by entry" cell="chain_loss"
def chain_loss(a, W, labels):
    B, L = a.shape
    loss, da, dW = 0.0, np.zeros_like(a), np.zeros_like(W)
    for b in range(B):
        for j in range(L):
            z = a[b, j]
            for k in range(j):
                z = z + labels[b, k] * W[k, j]
            p = 1 / (1 + np.exp(-z))
            loss -= np.log(p if labels[b, j] else 1 - p) / B
            da[b, j] = (p - labels[b, j]) / B
            for k in range(j):
                dW[k, j] += da[b, j] * labels[b, k]
    return loss, (da, dW)

# %% variant="entry by entry" cell="best_set"
from itertools import product


def best_set(a, W):
    B, L = a.shape
    found, values = [], []
    for b in range(B):
        ranked = []
        for labels in product((0, 1), repeat=L):
            log_p = 0.0
            for j in range(L):
                z = a[b, j] + sum(W[k, j] for k in range(j) if labels[k])
                log_p -= np.log1p(np.exp(-z if labels[j] else z))
            ranked.append((log_p, labels))
        log_p, labels = max(ranked)
        found.append(labels)
        values.append(log_p)
    return np.array(found), np.array(values, dtype=a.dtype)

# %% variant="entry by entry" cell="f1_scores"
def f1_scores(scores, labels, thresholds):
    L = scores.shape[1]
    tp, fp, fn = [0] * L, [0] * L, [0] * L
    for row, truth in zip(scores, labels):
        for k in range(L):
            said = row[k] >= thresholds[k]
            tp[k] += bool(said and truth[k])
            fp[k] += bool(said and not truth[k])
            fn[k] += bool(not said and truth[k])

    def f1(hit, alarm, miss):
        return 2 * hit / (2 * hit + alarm + miss) if hit else 0.0

    each = [f1(*counts) for counts in zip(tp, fp, fn)]
    return each, f1(sum(tp), sum(fp), sum(fn)), sum(each) / L

# %% variant="entry by entry" cell="average_precision"
def average_precision(scores, labels):
    found = []
    for s, y in zip(scores.T, labels.T):
        total, before = 0.0, 0.0
        for stop in sorted(set(s), reverse=True):
            said = [v for u, v in zip(s, y) if u >= stop]
            recall = sum(said) / sum(y) if sum(y) else 0.0
            total += (recall - before) * sum(said) / len(said)
            before = recall
        found.append(total)
    return np.array(found)

# %% variant="entry by entry" cell="best_thresholds"
def best_thresholds(scores, labels):
    found = []
    for s, y in zip(scores.T, labels.T):
        best, where = -1.0, 0.0
        for x in sorted(s):
            hits = np.sum((s >= x) & (y == 1))
            f1 = 2 * hits / (np.sum(s >= x) + np.sum(y))
            if f1 >= best:
                best, where = f1, x
        found.append(where)
    return found

# %% variant="entry by entry" cell="viterbi"
def viterbi(scores, moves, first, lengths):
    """From the right: the best that can still come after a tag."""
    T, B, K = scores.shape
    tags, best = -np.ones((T, B), dtype=int), []
    for b in range(B):
        n = int(lengths[b])
        ahead = np.zeros((n, K), scores.dtype)
        for t in range(n - 2, -1, -1):
            for i in range(K):
                ahead[t, i] = max(
                    moves[i, j] + scores[t + 1, b, j] + ahead[t + 1, j]
                    for j in range(K)
                )
        here = first + scores[0, b] + ahead[0]
        tags[0, b] = here.argmax()
        best.append(here.max())
        for t in range(1, n):
            ways = moves[tags[t - 1, b]] + scores[t, b] + ahead[t]
            tags[t, b] = ways.argmax()
    return tags, np.array(best, dtype=scores.dtype)

# %% variant="whole arrays" cell="word_ids"
def word_ids(texts, train, least):
    def split(text):
        return text.casefold().split()

    words, counts = np.unique([w for t in train for w in split(t)], return_counts=True)
    words, counts = words[counts >= least], counts[counts >= least]
    ranked = words[np.argsort(-counts, kind="stable")]
    number = dict(zip(ranked.tolist(), range(2, 2 + len(ranked))))
    rows = [[number.get(w, 1) for w in split(t)] for t in texts]
    T = max(map(len, rows))
    table = np.array([row + [0] * (T - len(row)) for row in rows])
    return table.T, np.array(list(map(len, rows)))

# %% variant="whole arrays" cell="masked_pool"
def masked_pool(hs, mask):
    parts = [hs[m, b] for b, m in enumerate(mask.T)]
    mean = np.stack([p.mean(axis=0) for p in parts])
    top = np.stack([p.max(axis=0) for p in parts])
    place = np.stack([p.argmax(axis=0) for p in parts])
    return mean, top, {"mask": mask, "place": place}

# %% variant="whole arrays" cell="masked_pool_backward"
def masked_pool_backward(dmean, dtop, cache):
    mask = cache["mask"]
    m = mask[..., None].astype(dmean.dtype)
    dhs = m * dmean / m.sum(axis=0)
    place = cache["place"][None]
    there = np.take_along_axis(dhs, place, 0)
    np.put_along_axis(dhs, place, there + dtop[None], 0)
    return {"dhs": dhs}

# %% variant="whole arrays" cell="multilabel_loss"
def multilabel_loss(logits, labels, weight):
    sign = 1 - 2 * labels
    factor = np.where(labels == 1, weight, 1)
    loss = np.average(factor * np.logaddexp(0, sign * logits))
    slope = factor * sign * stable_sigmoid(sign * logits) / logits.size
    return loss, slope.astype(logits.dtype)

# %% variant="whole arrays" cell="chain_loss"
def chain_loss(a, W, labels):
    y = labels.astype(a.dtype)
    z = a + np.einsum("bk,kl->bl", y, np.triu(W, k=1))
    p = stable_sigmoid(z)
    loss = np.logaddexp(0, np.where(labels == 1, -z, z)).sum(axis=1).mean()
    da = (p - y) / a.shape[0]
    return loss, {"da": da, "dW": np.triu(np.einsum("bk,bl->kl", y, da), k=1)}

# %% variant="whole arrays" cell="average_precision"
def average_precision(scores, labels):
    found = np.zeros(scores.shape[1])
    for k, (s, y) in enumerate(zip(scores.T, labels.T)):
        order = np.argsort(s)[::-1]
        s, y = s[order], y[order]
        last = np.append(s[1:] != s[:-1], True)
        hits = np.cumsum(y)[last]
        said = np.flatnonzero(last) + 1
        if y.any():
            found[k] = np.dot(np.diff(hits, prepend=0) / y.sum(), hits / said)
    return found

# %% variant="whole arrays" cell="viterbi"
def viterbi(scores, moves, first, lengths):
    T, B, K = scores.shape
    ends, came = first + scores[0], np.zeros((T, B, K), dtype=int)
    for t in range(1, T):
        ways = ends[:, :, None] + moves
        live = (t < lengths)[:, None]
        came[t] = np.where(live, ways.argmax(axis=1), np.arange(K))
        ends = np.where(live, ways.max(axis=1) + scores[t], ends)
    tag, rows = ends.argmax(axis=1), []
    for t in range(T - 1, -1, -1):
        rows.append(np.where(t < lengths, tag, -1))
        tag = came[t][np.arange(B), tag]
    return np.array(rows[::-1]), ends.max(axis=1)

# %% variant="torch" cell="review_loss"
import torch


def review_loss(params, ids, lengths, good):
    w = {n: torch.tensor(a, requires_grad=True) for n, a in params.items()}
    xs = w["E"][torch.tensor(ids, dtype=torch.long)]
    h, hs = torch.zeros(len(good), len(w["W_hh"]), dtype=xs.dtype), []
    for x in xs:
        h = torch.tanh(x @ w["W_xh"] + h @ w["W_hh"] + w["b_h"])
        hs.append(h)
    hs, n = torch.stack(hs), torch.tensor(lengths)
    live = (torch.arange(len(hs))[:, None] < n)[..., None]
    mean = torch.where(live, hs, 0).sum(0) / n[:, None]
    top = torch.where(live, hs, -torch.inf).amax(0)
    a = (torch.cat([mean, top], 1) @ w["W_hy"] + w["b_y"])[:, 0]
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        a, torch.tensor(good, dtype=a.dtype)
    )
    loss.backward()
    return loss.item(), {f"d{n}": v.grad.numpy() for n, v in w.items()}

# %% variant="torch" cell="multilabel_loss"
def multilabel_loss(logits, labels, weight):
    a = torch.tensor(np.ascontiguousarray(logits), requires_grad=True)
    y = torch.tensor(labels.tolist(), dtype=a.dtype)
    lift = torch.tensor(weight.tolist(), dtype=a.dtype)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(a, y, pos_weight=lift)
    loss.backward()
    return loss.item(), a.grad.numpy()

# %% variant="torch" cell="train_reviews"
def train_reviews(params, ids, lengths, good, order, lr):
    """torch's Adam on the gradients of the loss that is there."""
    w = {n: torch.tensor(a, requires_grad=True) for n, a in params.items()}
    optimiser = torch.optim.Adam(w.values(), lr=lr)
    for rows in order:
        now = {n: v.detach().numpy() for n, v in w.items()}
        _, grads = review_loss(now, ids[:, rows], lengths[rows], good[rows])
        for name, v in w.items():
            v.grad = torch.tensor(grads[f"d{name}"])
        optimiser.step()
    return {n: v.detach().numpy() for n, v in w.items()}

# %% variant="torch" cell="train_names"
def train_names(params, ids, lengths, language, size, epochs, lr, seed):
    """Autograd through a loop of tanh, no function of earlier notebooks."""
    torch.manual_seed(seed)
    w = {n: torch.tensor(a, requires_grad=True) for n, a in params.items()}
    optimiser = torch.optim.Adam(w.values(), lr=lr)
    ids = torch.tensor(ids, dtype=torch.long)
    lengths, y = torch.tensor(lengths), torch.tensor(language)
    for _ in range(epochs):
        for rows in torch.randperm(len(y)).split(size):
            h = torch.zeros(len(rows), len(w["b_h"]), dtype=torch.double)
            for t, x in enumerate(ids[:, rows]):
                new = torch.tanh(w["E"][x] @ w["W_xh"] + h @ w["W_hh"] + w["b_h"])
                h = torch.where((t < lengths[rows])[:, None], new, h)
            a = h @ w["W_hy"] + w["b_y"]
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(a, y[rows]).backward()
            optimiser.step()
    return {n: v.detach().numpy() for n, v in w.items()}

# %% variant="writes into its input" cell="masked_pool_backward" loses="masked_pool_backward: purity"
def masked_pool_backward(dmean, dtop, cache):
    live = cache["mask"][:, :, None]
    dmean /= cache["count"]
    dhs = np.where(live, dmean, np.zeros_like(dmean))
    for t in range(len(dhs)):
        dhs[t] += np.where(cache["where"] == t, dtop, np.zeros_like(dtop))
    return {"dhs": dhs}

# %% variant="writes into its input" cell="train_reviews" loses="train_reviews: purity"
def train_reviews(params, ids, lengths, good, order, lr):
    m = {name: np.zeros_like(w) for name, w in params.items()}
    v = {name: np.zeros_like(w) for name, w in params.items()}
    for n, rows in enumerate(order):
        _, grads = review_loss(params, ids[:, rows], lengths[rows], good[rows])
        for name, w in params.items():
            g = grads["d" + name]
            new, m[name], v[name] = adam_step(
                w, g, m[name], v[name], n + 1, lr, 0.9, 0.99, 1e-8
            )
            w[...] = new
    return params

# %% variant="writes into its input" cell="train_names" loses="train_names: purity"
def train_names(params, ids, lengths, language, size, epochs, lr, seed):
    """Reads in fixed length, and every update is written into params."""
    rng, n = np.random.default_rng(seed), 0
    moments = {k: [np.zeros_like(a), np.zeros_like(a)] for k, a in params.items()}
    E, W_hy = params["E"], params["W_hy"]
    for _ in range(epochs):
        order = rng.permutation(ids.shape[1])
        for i in range(0, len(order), size):
            rows = order[i : i + size]
            B, n = len(rows), n + 1
            xs, h0 = E[ids[:, rows]], np.zeros((B, len(W_hy)))
            cell = [params[k] for k in ("W_xh", "W_hh", "b_h")]
            hs, cache = rnn_forward(xs, h0, *cell)
            is_last = np.arange(len(ids))[:, None] == lengths[rows] - 1
            h = (hs * is_last[..., None]).sum(axis=0)
            a = h @ W_hy + params["b_y"]
            log_p = a - np.logaddexp.reduce(a, axis=1, keepdims=True)
            da = np.exp(log_p) / B
            da[range(B), language[rows]] -= 1 / B
            back = rnn_backward(is_last[..., None] * (da @ W_hy.T), cache)
            one_hot = (ids[:, rows, None] == np.arange(len(E))).astype(float)
            back["dE"] = np.einsum("tbv,tbd->vd", one_hot, back["dxs"])
            back["dW_hy"], back["db_y"] = h.T @ da, da.sum(0)
            for k, array in params.items():
                step = array, back["d" + k], *moments[k], n, lr, 0.9, 0.99, 1e-8
                array[...], *moments[k] = adam_step(*step)
    return params
