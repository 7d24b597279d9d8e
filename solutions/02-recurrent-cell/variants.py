# %% [markdown]
# Right solutions in other people's styles. A header names the solution cell that is
# replaced, and what the style costs (never a value): see `Variant` in
# autograder/exercise.py. What is ugly here is ugly on purpose.

# %% variant="element by element" cell="rnn_step_forward"
import math

def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    B, D = x_t.shape
    H = b_h.shape[0]
    h_t = np.empty_like(h_prev)
    for b in range(B):
        for i in range(H):
            a = float(b_h[i])
            for j in range(D):
                a += x_t[b, j] * W_xh[j, i]
            for j in range(H):
                a += h_prev[b, j] * W_hh[j, i]
            h_t[b, i] = math.tanh(a)
    return h_t, dict(x_t=x_t, h_prev=h_prev, h_t=h_t, W_xh=W_xh, W_hh=W_hh)

# %% variant="concatenated weights" cell="rnn_step_forward"
def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    both = np.hstack([x_t, h_prev])
    W = np.vstack([W_xh, W_hh])
    h_t = np.tanh(np.dot(both, W) + b_h.reshape(1, -1))
    cache = {'x_t': x_t, 'h_prev': h_prev, 'h_t': h_t, 'W_xh': W_xh, 'W_hh': W_hh, 'both': both, 'W': W}
    return [h_t, cache]

# %% variant="einsum" cell="rnn_step_forward"
def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    a_t = np.einsum("bd,dh->bh", x_t, W_xh, optimize=True)
    a_t += np.einsum("bk,kh->bh", h_prev, W_hh)
    a_t += b_h[np.newaxis]
    h_t = np.tanh(a_t, out=np.empty_like(a_t))
    return (h_t, locals())

# %% variant="tuple caches" cell="rnn_step_forward"
def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    h_t = np.tanh(x_t.dot(W_xh) + h_prev.dot(W_hh) + b_h)
    return h_t, (x_t, h_prev, h_t, W_xh, W_hh)

# %% variant="tuple caches" cell="rnn_forward"
def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    hs, caches = (), ()
    for t in range(len(xs)):
        h, c = rnn_step_forward(xs[t], hs[-1] if t else h0, W_xh, W_hh, b_h)
        hs += (h,)
        caches += (c,)
    return np.array(hs), caches

# %% variant="a class for the cell" cell="rnn_step_forward"
class Cell:
    """The caches are objects of this class."""

    def __init__(self, W_xh, W_hh, b_h):
        self.W_xh, self.W_hh, self.b_h = W_xh, W_hh, b_h

    def __call__(self, x_t, h_prev):
        self.x_t, self.h_prev = x_t, h_prev
        self.h_t = np.tanh(x_t @ self.W_xh + h_prev @ self.W_hh + self.b_h)
        return self.h_t


def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    cell = Cell(W_xh, W_hh, b_h)
    return cell(x_t, h_prev), cell

# %% variant="float64 always" cell="rnn_step_forward" loses="rnn_step_forward: purity"
def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    x_t, h_prev, W_xh, W_hh, b_h = (np.array(v, dtype=np.float64) for v in (x_t, h_prev, W_xh, W_hh, b_h))
    h_t = np.tanh(x_t @ W_xh + h_prev @ W_hh + b_h)
    return h_t, {"x_t": x_t, "h_prev": h_prev, "h_t": h_t, "W_xh": W_xh, "W_hh": W_hh}

# %% variant="prints and warnings" cell="rnn_step_forward"
import warnings

def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    print("x_t", x_t.shape, "h_prev", h_prev.shape)
    warnings.warn("still testing", UserWarning)
    a_t = np.add(np.add(np.matmul(x_t, W_xh), np.matmul(h_prev, W_hh)), b_h)
    np.log(np.zeros(1))  # a division-by-zero warning
    h_t = np.tanh(a_t)
    assert h_t.shape == h_prev.shape
    return h_t, {"x_t": x_t, "h_prev": h_prev, "h_t": h_t, "W_xh": W_xh, "W_hh": W_hh}

# %% variant="prints and warnings" cell="rnn_forward"
def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    print("running", len(xs), "steps")
    out = {"h": [h0], "steps": []}
    for t, x in enumerate(xs):
        h, c = rnn_step_forward(b_h=b_h, W_hh=W_hh, W_xh=W_xh, h_prev=out["h"][-1], x_t=x)
        out["h"].append(h)
        out["steps"].append(c)
    return np.asarray(out["h"][1:]), out

# %% variant="first step peeled" cell="rnn_forward"
def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    T = xs.shape[0]
    first, cache = rnn_step_forward(xs[0], h0, W_xh, W_hh, b_h)
    hs = np.zeros((T,) + first.shape, dtype=first.dtype)
    hs[0] = first
    steps = [cache]
    for t in range(1, T):
        hs[t], cache = rnn_step_forward(xs[t], hs[t - 1], W_xh, W_hh, b_h)
        steps.append(cache)
    return hs, dict(steps=steps, T=T)

# %% variant="recursion" cell="rnn_forward"
def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    def rest(t, h):
        if t == len(xs):
            return [], []
        h, c = rnn_step_forward(xs[t], h, W_xh, W_hh, b_h)
        states, caches = rest(t + 1, h)
        return [h] + states, [c] + caches

    states, caches = rest(0, h0)
    return np.concatenate([s[np.newaxis] for s in states], axis=0), {"steps": caches}

# %% variant="one array with h0 in front" cell="rnn_forward"
def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    h = np.empty((len(xs) + 1, *h0.shape), h0.dtype)
    h[0] = h0
    caches = []
    t = 0
    while t < len(xs):
        h[t + 1], c = rnn_step_forward(xs[t], h[t], W_xh, W_hh, b_h)
        caches.append(c)
        t += 1
    return h[1:], {"steps": caches}

# %% variant="without the step function" cell="rnn_forward"
def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    from_input = np.tensordot(xs, W_xh, axes=1) + b_h  # all steps at once
    h_t, hs, steps = h0, np.zeros_like(from_input), []
    for t in range(len(xs)):
        h_prev, h_t = h_t, np.tanh(from_input[t] + h_t @ W_hh)
        hs[t] = h_t
        steps += [{"x_t": xs[t], "h_prev": h_prev, "h_t": h_t, "W_xh": W_xh, "W_hh": W_hh}]
    return hs, {"steps": steps}

# %% variant="functools.reduce" cell="rnn_forward"
from functools import reduce

def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    step = lambda so_far, x: so_far + [rnn_step_forward(x, so_far[-1][0], W_xh, W_hh, b_h)]
    pairs = reduce(step, xs, [(h0, None)])[1:]
    hs, steps = zip(*pairs)
    return np.stack(hs), {"steps": list(steps)}

# %% variant="state in place" cell="rnn_forward" loses="rnn_forward: purity"
def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    h = h0
    hs, steps = [], []
    for x in xs:
        new, c = rnn_step_forward(x, h.copy(), W_xh, W_hh, b_h)
        h[:] = new
        hs.append(h.copy())
        steps.append(c)
    return np.stack(hs), {"steps": steps}

# %% variant="default floats" cell="rnn_forward" loses="rnn_forward: purity"
def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    T, B, H = xs.shape[0], xs.shape[1], W_hh.shape[0]
    hs = np.zeros((T, B, H))
    cache = {"steps": []}
    for t in range(T):
        h_prev = h0 if t == 0 else hs[t - 1]
        hs[t], c = rnn_step_forward(xs[t], h_prev, W_xh, W_hh, b_h)
        cache["steps"].append(c)
    return hs, cache

# %% variant="masks" cell="stable_sigmoid"
def stable_sigmoid(a):
    s = np.zeros_like(a)
    positive = a > 0
    s[positive] = 1 / (1 + np.exp(-a[positive]))
    z = np.exp(a[~positive])
    s[~positive] = z / (1 + z)
    return s

# %% variant="logaddexp" cell="stable_sigmoid"
stable_sigmoid = lambda a: np.exp(-np.logaddexp(np.zeros((), a.dtype), -a))

# %% variant="through tanh" cell="stable_sigmoid"
def stable_sigmoid(a):
    return (np.tanh(a / 2) + 1) / 2

# %% variant="clipped" cell="stable_sigmoid"
def stable_sigmoid(a):
    return 1.0 / (1.0 + np.exp(-np.clip(a, -80, 80)))

# %% variant="entry by entry" cell="stable_sigmoid" loses="stable_sigmoid: purity"
import math

def stable_sigmoid(a):
    out = np.zeros(a.shape)
    for index, value in np.ndenumerate(a):
        value = float(value)
        if value >= 0:
            out[index] = 1 / (1 + math.exp(-value))
        else:
            out[index] = math.exp(value) / (1 + math.exp(value))
    return out

# %% variant="position by position" cell="cross_entropy"
def cross_entropy(logits, targets, mask):
    T, B, V = logits.shape
    count = int(mask.sum())
    loss, dlogits = 0.0, np.zeros_like(logits)
    for t in range(T):
        for b in range(B):
            if not mask[t][b]:
                continue
            row = logits[t, b] - max(logits[t, b])
            p = np.exp(row) / np.sum(np.exp(row))
            y = targets[t, b]
            loss -= row[y] - np.log(np.sum(np.exp(row)))
            dlogits[t, b] = p
            dlogits[t, b, y] -= 1
    return loss / count, dlogits / count

# %% variant="only what counts" cell="cross_entropy"
def cross_entropy(logits, targets, mask):
    kept, y = logits[mask], targets[mask]  # (N, V), (N,)
    N = len(y)
    log_z = np.logaddexp.reduce(kept, axis=1)
    loss = np.mean(log_z - kept[np.arange(N), y])
    d = np.exp(kept - log_z[:, None])
    d[np.arange(N), y] -= 1
    dlogits = np.zeros_like(logits)
    dlogits[mask] = d / N
    return loss, dlogits

# %% variant="np.add.at and a flat view" cell="cross_entropy" loses="cross_entropy: purity"
def cross_entropy(logits, targets, mask):
    T, B, V = logits.shape
    x = np.reshape(logits, (T * B, V)).astype("float64")
    x = x - x.max(1, keepdims=True)
    p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    w = mask.reshape(-1) / mask.sum()
    y = targets.reshape(-1)
    safe = x[range(T * B), y] - np.log(np.exp(x).sum(1))
    loss = -np.sum(w * safe)
    np.add.at(p, (np.arange(T * B), y), -1.0)
    return np.array(loss), (p * w[:, None]).reshape(T, B, V)

# %% variant="dot product" cell="mse"
def mse(pred, target):
    r = (pred - target).ravel()
    return float(r @ r) / r.size, (2 / r.size * r).reshape(np.shape(pred))

# %% variant="a number and a list" cell="mse" loses="mse: purity"
def mse(pred, target):
    """The list is read by value; it has no float type of its own to keep."""
    error = np.subtract(pred, target)
    loss = sum(float(e) ** 2 for e in error.flat) / error.size
    return [loss, (error * (2.0 / error.size)).tolist()]

# %% variant="vectorised search" cell="read_traces"
def read_traces():
    answers = []
    for tr in traces:
        before = np.concatenate([tr["h0"][None], tr["hs"][:-1]])
        want = np.tanh(tr["xs"] @ tr["W_xh"] + before @ tr["W_hh"] + tr["b_h"])
        off = np.abs(want - tr["hs"]).max(axis=(1, 2)) > 1e-9
        answers.append(np.argmax(off) if off.any() else -1)
    return np.array(answers)
