"""Right solutions in other styles; the check must give each all its value points."""

# %% variant="entry by entry" cell="char_vocab"
def char_vocab(text, least):
    found = []
    for s in sorted(set(text)):
        if sum(1 for other in text if other == s) >= least:
            found += [s]
    return (UNKNOWN, *found)

# %% variant="entry by entry" cell="encode"
def encode(text, letters):
    ids = []
    for s in text:
        try:
            ids.append(letters.index(s))
        except ValueError:
            ids.append(0)
    return ids

# %% variant="entry by entry" cell="perplexity"
def perplexity(logits, targets, mask, spelled):
    T, B, V = logits.shape
    bits = symbols = characters = 0
    for t in range(T):
        for b in range(B):
            if mask[t, b]:
                row = logits[t, b]
                top = max(row)
                log_p = row[targets[t, b]] - top - np.log(np.exp(row - top).sum())
                bits = bits - log_p / np.log(2)
                symbols += 1
                characters += spelled[targets[t, b]]
    return 2 ** (bits / symbols), bits / characters

# %% variant="entry by entry" cell="witten_bell"
def witten_bell(learn, held, k, V):
    def after(context):
        """How often each symbol follows the context, slowly."""
        size, counts = len(context), np.zeros(V, dtype=int)
        for t in range(size, len(learn)):
            if list(learn[t - size : t]) == context:
                counts[learn[t]] += 1
        return counts

    def p(v, context):
        shorter = p(v, context[1:]) if context else 1 / V
        counts = after(context)
        if counts.sum() == 0:
            return shorter
        kinds = np.count_nonzero(counts)
        weight = counts.sum() / (counts.sum() + kinds)
        return weight * counts[v] / counts.sum() + (1 - weight) * shorter

    places = range(k, len(held))
    return np.array([p(held[t], list(held[t - k : t])) for t in places])

# %% variant="entry by entry" cell="next_probs"
def next_probs(logits, temperature, top_k, top_p):
    rows = []
    for row in np.asarray(logits, dtype=float):
        if temperature == 0:
            p = np.array([float(y == max(row)) for y in row])
            p = p / p.sum()
        else:
            p = np.exp(row / temperature - max(row) / temperature)
            p = p / p.sum()
        order = sorted(range(len(row)), key=lambda v: (-row[v], v))
        kept = order[:top_k]
        total = sum(p[v] for v in kept)
        nucleus, mass = [], 0.0
        for v in kept:
            nucleus.append(v)
            mass += p[v] / total
            if mass >= top_p:
                break
        out = np.zeros(len(row))
        for v in nucleus:
            out[v] = p[v] / sum(p[w] for w in nucleus)
        rows.append(out)
    return np.array(rows).astype(logits.dtype)

# %% variant="entry by entry" cell="sample"
def sample(logits, temperature, top_k, top_p, u):
    thrown = []
    for p, x in zip(next_probs(logits, temperature, top_k, top_p), u):
        total, last = 0.0, None
        for v in range(len(p)):
            if p[v] == 0:
                continue
            total, last = total + p[v], v
            if total > x:
                break
        thrown.append(last)
    return thrown

# %% variant="entry by entry" cell="misfit"
def misfit(counts, probs):
    N, chi2, terms, impossible = sum(counts), 0.0, 0, 0
    for n, p in zip(counts, probs):
        if p == 0:
            impossible += n
        else:
            chi2 += n * n / (N * p) - 2 * n + N * p
            terms += 1
    return chi2, terms - 1, impossible

# %% variant="entry by entry" cell="tied_lm_loss"
def tied_lm_loss(params, ids, h0):
    E, W_hd, b_y = (params[n] for n in ("E", "W_hd", "b_y"))
    hs, cache = rnn_forward(
        E[ids[:-1]], h0, params["W_xh"], params["W_hh"], params["b_h"]
    )
    T, B, _ = hs.shape
    dE, dhs = np.zeros_like(E), np.zeros_like(hs)
    dW_hd, db_y, loss = np.zeros_like(W_hd), np.zeros_like(b_y), 0.0
    for t in range(T):
        said = hs[t] @ W_hd
        y = said @ E.T + b_y
        p = np.exp(y - y.max(axis=1, keepdims=True))
        p = p / p.sum(axis=1, keepdims=True)
        for b in range(B):
            loss -= np.log(p[b, ids[t + 1, b]]) / (T * B)
            p[b, ids[t + 1, b]] -= 1
        dy = p / (T * B)
        dE += dy.T @ said
        db_y += dy.sum(axis=0)
        dW_hd += hs[t].T @ (dy @ E)
        dhs[t] = dy @ E @ W_hd.T
    grads = dict(rnn_backward(dhs, cache))
    for t in range(T):
        for b in range(B):
            dE[ids[t, b]] += grads["dxs"][t, b]
    kept = {n: grads[n] for n in ("dW_xh", "dW_hh", "db_h")}
    return loss, {**kept, "dE": dE, "dW_hd": dW_hd, "db_y": db_y}, hs[-1].copy()

# %% variant="entry by entry" cell="generate"
def generate(params, prefix, temperature, top_k, top_p, us):
    E = params["E"]
    h, seen = np.zeros((1, params["W_hh"].shape[0]), E.dtype), list(prefix)
    for i in range(len(prefix) + len(us) - 1):
        x = E[seen[i] : seen[i] + 1]
        h = rnn_step_forward(x, h, params["W_xh"], params["W_hh"], params["b_h"])[0]
        if i >= len(prefix) - 1:
            y = np.dot(np.dot(h, params["W_hd"]), E.T) + params["b_y"]
            u = us[i - len(prefix) + 1]
            seen.append(int(sample(y, temperature, top_k, top_p, np.array([u]))[0]))
    return np.array(seen[len(prefix) :])

# %% variant="entry by entry" cell="train_lm"
def train_lm(params, windows, epochs, lr):
    w = {k: np.array(v) for k, v in params.items()}
    m = {k: np.zeros_like(v) for k, v in params.items()}
    s = {k: np.zeros_like(v) for k, v in params.items()}
    h, losses = None, []
    for n in range(epochs * len(windows)):
        k = n % len(windows)
        if k == 0:
            h = np.zeros((windows.shape[2], w["W_hh"].shape[0]))
        loss, g, h = tied_lm_loss(w, windows[k], h)
        losses.append(float(loss))
        norm = sum(float((a**2).sum()) for a in g.values()) ** 0.5
        for name in w:
            d = g["d" + name] * min(1.0, 1.0 / norm)
            m[name] = 0.9 * m[name] + 0.1 * d
            s[name] = 0.999 * s[name] + 0.001 * d * d
            step = m[name] / (1 - 0.9 ** (n + 1))
            w[name] -= lr * step / (np.sqrt(s[name] / (1 - 0.999 ** (n + 1))) + 1e-8)
    return {"new_params": w, "losses": losses}

# %% variant="in one go" cell="perplexity"
def perplexity(logits, targets, mask, spelled):
    """All in natural logarithms, by logaddexp, over what counts."""
    y, v = logits[mask], targets[mask]
    surprise = np.logaddexp.reduce(y, axis=-1) - y[np.arange(len(v)), v]
    bits = surprise.sum() / np.log(2)
    return np.exp(np.mean(surprise)), bits / np.sum(spelled[v])

# %% variant="in one go" cell="char_vocab"
def char_vocab(text, least):
    symbols, counts = np.unique(list(text), return_counts=True)
    return [UNKNOWN] + [str(s) for s in symbols[counts >= least]]

# %% variant="in one go" cell="next_probs"
def next_probs(logits, temperature, top_k, top_p):
    """By ranks: the place of every symbol in falling order."""
    B, V = logits.shape
    ahead = logits[:, None, :] > logits[:, :, None]
    tied = logits[:, None, :] == logits[:, :, None]
    ahead |= tied & (np.arange(V)[None, :] < np.arange(V)[:, None])  # (B, V, V)
    cold = temperature if temperature > 0 else 1e-300
    with np.errstate(all="ignore"):
        gap = (logits - logits.max(axis=1, keepdims=True)) / logits.dtype.type(cold)
    weights = np.where(gap == 0, 1, np.exp(np.where(gap == 0, 0, gap)))
    p = weights * (ahead.sum(axis=2) < top_k)
    p = p / p.sum(axis=1, keepdims=True)
    before = (ahead * p[:, None, :]).sum(axis=2)
    p = p * ((before < top_p) | (ahead.sum(axis=2) == 0))
    return (p / p.sum(axis=1, keepdims=True)).astype(logits.dtype)

# %% variant="in one go" cell="sample"
def sample(logits, temperature, top_k, top_p, u):
    probs = next_probs(logits, temperature, top_k, top_p)
    places = [np.flatnonzero(p) for p in probs]
    return np.array([
        at[min(np.searchsorted(np.cumsum(p[at]), x, side="right"), len(at) - 1)]
        for p, at, x in zip(probs, places, u)
    ])

# %% variant="a class for each" cell="witten_bell"
class _Node:
    """A context and what followed it: a tree, the nearest symbol first."""

    def __init__(self):
        self.counts, self.children = Counter(), {}


def witten_bell(learn, held, k, V):
    root = _Node()
    for t, v in enumerate(learn):
        node = root
        node.counts[v] += 1
        for back in range(1, min(k, t) + 1):
            node = node.children.setdefault(learn[t - back], _Node())
            node.counts[v] += 1
    probs = []
    for t in range(k, len(held)):
        p, node = 1 / V, root
        for back in range(k + 1):
            if back:
                node = node.children.get(held[t - back])
                if node is None:
                    break
            total = node.counts.total()
            kinds = len(node.counts)
            p = (node.counts[held[t]] + kinds * p) / (total + kinds)
        probs.append(p)
    return np.array(probs)

# %% variant="a class for each" cell="generate"
class _Writer:
    """Keeps the state and the last symbol."""

    def __init__(self, params):
        self.w = params
        self.h = np.zeros((1, len(params["b_h"])), params["E"].dtype)

    def read(self, v):
        x = self.w["E"][[v]]
        cell = (self.w[n] for n in ("W_xh", "W_hh", "b_h"))
        self.h, _ = rnn_step_forward(x, self.h, *cell)

    def scores(self):
        return np.einsum("bh,hd,vd->bv", self.h, self.w["W_hd"], self.w["E"])


def generate(params, prefix, temperature, top_k, top_p, us):
    writer, knobs, written = _Writer(params), (temperature, top_k, top_p), []
    for v in prefix:
        writer.read(v)
    for u in us:
        logits = writer.scores() + params["b_y"]
        written.append(sample(logits, *knobs, np.full(1, u)).item())
        writer.read(written[-1])
    return np.array(written)
