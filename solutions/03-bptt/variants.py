# %% [markdown]
# Right solutions in other people's styles. A header names the solution cell that is
# replaced, and what the style costs (never a value): see `Variant` in
# autograder/exercise.py. What is ugly here is ugly on purpose.

# %% variant="entry by entry" cell="rnn_step_backward"
def rnn_step_backward(dh_t, cache):
    x, hp, h = cache["x_t"], cache["h_prev"], cache["h_t"]
    Wx, Wh = cache["W_xh"], cache["W_hh"]
    out = {
        "dx_t": np.zeros_like(x), "dh_prev": np.zeros_like(hp),
        "dW_xh": np.zeros_like(Wx), "dW_hh": np.zeros_like(Wh),
        "db_h": np.zeros_like(Wh[0]),
    }
    for b in range(x.shape[0]):
        for i in range(h.shape[1]):
            da = dh_t[b, i] * (1 - h[b, i] * h[b, i])
            out["db_h"][i] += da
            for j in range(x.shape[1]):
                out["dx_t"][b, j] += da * Wx[j, i]
                out["dW_xh"][j, i] += da * x[b, j]
            for j in range(h.shape[1]):
                out["dh_prev"][b, j] += da * Wh[j, i]
                out["dW_hh"][j, i] += da * hp[b, j]
    return out

# %% variant="einsum" cell="rnn_step_backward"
def rnn_step_backward(dh_t, cache):
    da = np.einsum("bh,bh->bh", dh_t, 1 - np.square(cache["h_t"]))
    return dict(
        db_h=np.einsum("bh->h", da),
        dW_hh=np.einsum("bk,bh->kh", cache["h_prev"], da),
        dW_xh=np.einsum("bd,bh->dh", cache["x_t"], da),
        dh_prev=np.einsum("bh,kh->bk", da, cache["W_hh"]),
        dx_t=np.einsum("bh,dh->bd", da, cache["W_xh"]),
    )

# %% variant="einsum" cell="rnn_backward"
def rnn_backward(dhs, cache):
    """Collects da over time, and makes all weight gradients at the end."""
    steps = cache["steps"]
    W_xh, W_hh = steps[0]["W_xh"], steps[0]["W_hh"]
    hs = np.stack([s["h_t"] for s in steps])
    before = np.stack([s["h_prev"] for s in steps])
    xs = np.stack([s["x_t"] for s in steps])
    das = np.empty_like(dhs)
    carry = 0.0
    for t in range(len(steps) - 1, -1, -1):
        das[t] = (dhs[t] + carry) * (1 - hs[t] ** 2)
        carry = das[t] @ W_hh.T
    return {
        "dxs": np.einsum("tbh,dh->tbd", das, W_xh),
        "dh0": carry,
        "dW_xh": np.einsum("tbd,tbh->dh", xs, das),
        "dW_hh": np.einsum("tbk,tbh->kh", before, das),
        "db_h": np.einsum("tbh->h", das),
    }

# %% variant="concatenated weights" cell="rnn_step_backward"
def rnn_step_backward(dh_t, cache):
    D = cache["W_xh"].shape[0]
    W = np.r_[cache["W_xh"], cache["W_hh"]]
    z = np.c_[cache["x_t"], cache["h_prev"]]
    da = (1.0 - cache["h_t"] ** 2) * dh_t
    dW, dz = np.matmul(z.T, da), np.matmul(da, W.T)
    return {
        "dx_t": dz[:, :D], "dh_prev": dz[:, D:],
        "dW_xh": dW[:D], "dW_hh": dW[D:],
        "db_h": np.ones_like(da[:, 0]) @ da,
    }

# %% variant="tuple caches" cell="earlier"
def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    h_t = np.tanh(x_t @ W_xh + h_prev @ W_hh + b_h)
    return h_t, (x_t, h_prev, h_t, W_xh, W_hh)


def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    hs, caches, h = [], [], h0
    for x in xs:
        h, c = rnn_step_forward(x, h, W_xh, W_hh, b_h)
        hs.append(h)
        caches.append(c)
    return np.array(hs), caches


def cross_entropy(logits, targets, mask):
    shifted = logits - logits.max(-1, keepdims=True)
    p = np.exp(shifted)
    p /= p.sum(-1, keepdims=True)
    t, b = np.indices(targets.shape)
    n = int(mask.sum())
    loss = -np.log(p[t, b, targets])[mask].sum() / n
    p[t, b, targets] -= 1
    return loss, p * mask[:, :, None] / n

# %% variant="tuple caches" cell="rnn_step_backward"
def rnn_step_backward(dh_t, cache):
    x_t, h_prev, h_t, W_xh, W_hh = cache
    da = dh_t * (1 - h_t * h_t)
    return {"dx_t": da.dot(W_xh.T), "dh_prev": da.dot(W_hh.T), "dW_xh": x_t.T.dot(da),
            "dW_hh": h_prev.T.dot(da), "db_h": np.sum(da, 0)}

# %% variant="tuple caches" cell="rnn_backward"
def rnn_backward(dhs, cache):
    T = len(cache)
    _, B, H = dhs.shape
    D = cache[0][0].shape[1]
    dxs = np.zeros((T, B, D), dtype=dhs.dtype)
    dW_xh = np.zeros((D, H), dtype=dhs.dtype)
    dW_hh = np.zeros((H, H), dtype=dhs.dtype)
    db_h = np.zeros(H, dtype=dhs.dtype)
    dh_prev = np.zeros((B, H), dtype=dhs.dtype)
    for t in range(T)[::-1]:
        g = rnn_step_backward(dhs[t, :, :] + dh_prev, cache[t])
        dxs[t, :, :], dh_prev = g["dx_t"], g["dh_prev"]
        dW_xh += g["dW_xh"]
        dW_hh += g["dW_hh"]
        db_h += g["db_h"]
    return {"dxs": dxs, "dh0": dh_prev, "dW_xh": dW_xh, "dW_hh": dW_hh, "db_h": db_h}

# %% variant="objects as caches" cell="earlier"
class Step:
    def __init__(self, x_t, h_prev, W_xh, W_hh, b_h):
        self.x, self.hp, self.Wx, self.Wh = x_t, h_prev, W_xh, W_hh
        self.h = np.tanh(x_t @ W_xh + h_prev @ W_hh + b_h)

    def back(self, dh):
        da = dh * (1 - self.h**2)
        self.grads = {"dW_xh": self.x.T @ da, "dW_hh": self.hp.T @ da, "db_h": da.sum(0)}
        return {"dx_t": da @ self.Wx.T, "dh_prev": da @ self.Wh.T, **self.grads}


def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    step = Step(x_t, h_prev, W_xh, W_hh, b_h)
    return step.h, step


def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    tape = []
    for x in xs:
        tape.append(Step(x, tape[-1].h if tape else h0, W_xh, W_hh, b_h))
    return np.stack([s.h for s in tape]), {"tape": tape}


def cross_entropy(logits, targets, mask):
    y = np.eye(logits.shape[-1], dtype=logits.dtype)[targets]
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    w = (mask / mask.sum()).astype(logits.dtype)[..., None]
    return float(-(w * y * log_p).sum()), w * (np.exp(log_p) - y)

# %% variant="objects as caches" cell="rnn_step_backward"
def rnn_step_backward(dh_t, cache):
    return cache.back(dh_t)

# %% variant="objects as caches" cell="rnn_backward"
def rnn_backward(dhs, cache):
    tape, total, dxs = cache["tape"], {}, []
    dh = np.zeros_like(dhs[0])
    for step, direct in zip(reversed(tape), reversed(dhs)):
        g = step.back(direct + dh)
        dh = g["dh_prev"]
        dxs.insert(0, g["dx_t"])
        for k, v in step.grads.items():
            total[k] = total.get(k, 0) + v
    return {**total, "dxs": dxs, "dh0": dh}

# %% variant="dicts with other keys" cell="earlier"
def rnn_step_forward(x_t, h_prev, W_xh, W_hh, b_h):
    z = x_t @ W_xh + h_prev @ W_hh + b_h
    return np.tanh(z), {"in": (x_t, h_prev), "w": (W_xh, W_hh), "z": z}


def rnn_forward(xs, h0, W_xh, W_hh, b_h):
    states, saved = [h0], {}
    for t in range(xs.shape[0]):
        h, saved[t] = rnn_step_forward(xs[t], states[-1], W_xh, W_hh, b_h)
        states.append(h)
    return np.stack(states[1:]), saved


def cross_entropy(logits, targets, mask):
    e = np.exp(logits - logits.max(axis=2, keepdims=True))
    p = e / e.sum(axis=2, keepdims=True)
    n = mask.sum().astype(logits.dtype)
    picked = np.take_along_axis(p, targets[:, :, None], 2)[:, :, 0]
    one_hot = np.zeros_like(p)
    np.put_along_axis(one_hot, targets[:, :, None], 1, 2)
    return -np.log(picked[mask]).sum() / n, np.where(mask[:, :, None], p - one_hot, 0) / n

# %% variant="dicts with other keys" cell="rnn_step_backward"
def rnn_step_backward(dh_t, cache):
    (x, h0), (U, W) = cache["in"], cache["w"]
    delta = dh_t / np.cosh(cache["z"]) ** 2  # the slope of tanh, from z itself
    return {"dx_t": delta @ U.T, "dh_prev": delta @ W.T, "dW_xh": x.T @ delta,
            "dW_hh": h0.T @ delta, "db_h": delta.sum(axis=0)}

# %% variant="dicts with other keys" cell="rnn_backward"
def rnn_backward(dhs, cache):
    T = max(cache) + 1
    g = {T: {"dh_prev": 0 * dhs[0]}}
    for t in sorted(cache, reverse=True):
        g[t] = rnn_step_backward(cache=cache[t], dh_t=dhs[t] + g[t + 1]["dh_prev"])
    total = {k: sum(g[t][k] for t in range(T)) for k in ("dW_xh", "dW_hh", "db_h")}
    total.update(dxs=np.array([g[t]["dx_t"] for t in range(T)]), dh0=g[0]["dh_prev"])
    return total

# %% variant="tuples for dicts" cell="rnn_step_backward"
def rnn_step_backward(dh_t, cache):
    da = dh_t * (1 - cache["h_t"] ** 2)
    return da @ cache["W_xh"].T, da @ cache["W_hh"].T, cache["x_t"].T @ da, cache["h_prev"].T @ da, da.sum(0)

# %% variant="tuples for dicts" cell="rnn_backward"
def rnn_backward(dhs, cache):
    dh = np.zeros_like(dhs[-1])
    dxs, dWx, dWh, db = [], [], [], []
    for dh_t, c in zip(dhs[::-1], cache["steps"][::-1]):
        dx, dh, a, b, c = rnn_step_backward(dh_t + dh, c)
        dxs.append(dx), dWx.append(a), dWh.append(b), db.append(c)
    return np.stack(dxs)[::-1], dh, sum(dWx), sum(dWh), sum(db)

# %% variant="tuples for dicts" cell="rnn_lm_loss"
def rnn_lm_loss(params, ids):
    Wx, Wh, bh, Wy, by = (params[k] for k in ["W_xh", "W_hh", "b_h", "W_hy", "b_y"])
    xs = (ids[:-1, :, None] == np.arange(len(Wx))).astype(Wx.dtype)
    hs, cache = rnn_forward(xs, np.zeros_like(xs[0] @ Wx), Wx, Wh, bh)
    loss, d = cross_entropy(hs @ Wy + by, ids[1:], np.ones_like(ids[1:], dtype=bool))
    _, _, dWx, dWh, dbh = rnn_backward(d @ Wy.T, cache)
    V, H = Wx.shape
    return loss, (dWx, dWh, dbh, hs.reshape(-1, H).T @ d.reshape(-1, V), d.reshape(-1, V).sum(0))

# %% variant="tuples for dicts" cell="reverse_jacobian"
def reverse_jacobian(xs, h0, W_xh, W_hh, b_h):
    hs, cache = rnn_forward(xs, h0, W_xh, W_hh, b_h)
    J = np.empty(h0.shape + h0.shape[1:], h0.dtype)
    for i, one in enumerate(np.eye(h0.shape[1], dtype=h0.dtype)):
        dhs = hs * 0
        dhs[-1] += one
        J[:, i] = rnn_backward(dhs, cache)[1]
    return J

# %% variant="last step peeled" cell="rnn_backward"
def rnn_backward(dhs, cache):
    steps = cache["steps"]
    T = len(steps)
    grads = rnn_step_backward(dhs[T - 1], steps[T - 1])
    dxs = [grads["dx_t"]]
    dh = grads["dh_prev"]
    dW_xh, dW_hh, db_h = grads["dW_xh"], grads["dW_hh"], grads["db_h"]
    t = T - 2
    while t >= 0:
        grads = rnn_step_backward(dhs[t] + dh, steps[t])
        dxs = [grads["dx_t"]] + dxs
        dh = grads["dh_prev"]
        dW_xh = np.add(dW_xh, grads["dW_xh"])
        dW_hh = np.add(dW_hh, grads["dW_hh"])
        db_h = np.add(db_h, grads["db_h"])
        t -= 1
    return dict(dxs=np.array(dxs), dh0=dh, dW_xh=dW_xh, dW_hh=dW_hh, db_h=db_h)

# %% variant="recursion" cell="rnn_backward"
def rnn_backward(dhs, cache):
    def before(t):
        """Gradients of steps 0..t, given what step t carries back from t+1."""
        def go(carry):
            g = rnn_step_backward(dhs[t] + carry, cache["steps"][t])
            if t == 0:
                return [g]
            return before(t - 1)(g["dh_prev"]) + [g]
        return go

    all_steps = before(len(dhs) - 1)(np.zeros_like(dhs[0]))
    total = lambda k: np.sum([g[k] for g in all_steps], axis=0)
    return {
        "dxs": np.stack([g["dx_t"] for g in all_steps]),
        "dh0": all_steps[0]["dh_prev"],
        **{k: total(k) for k in ("dW_xh", "dW_hh", "db_h")},
    }

# %% variant="reversed views" cell="rnn_backward"
def rnn_backward(dhs, cache):
    upstream, steps = np.flip(dhs, axis=0), list(reversed(cache["steps"]))
    backwards = np.empty((len(steps),) + steps[0]["x_t"].shape, dhs.dtype)
    sums = {k: np.zeros_like(steps[0][k[1:]]) for k in ("dW_xh", "dW_hh")}
    sums["db_h"] = np.zeros_like(dhs[0, 0])
    carried = np.zeros_like(dhs[0])
    for out, up, step in zip(backwards, upstream, steps):
        grads = rnn_step_backward(up + carried, step)
        out[...], carried = grads.pop("dx_t"), grads.pop("dh_prev")
        for name, value in grads.items():
            sums[name] += value
    return {"dxs": backwards[::-1], "dh0": carried, **sums}

# %% variant="upstream in place" cell="rnn_step_backward" loses="rnn_step_backward: purity"
def rnn_step_backward(dh_t, cache):
    dh_t *= 1 - cache["h_t"] ** 2
    return {"dx_t": dh_t @ cache["W_xh"].T, "dh_prev": dh_t @ cache["W_hh"].T,
            "dW_xh": cache["x_t"].T @ dh_t, "dW_hh": cache["h_prev"].T @ dh_t,
            "db_h": dh_t.sum(axis=0)}

# %% variant="upstream in place, over time" cell="rnn_backward" loses="rnn_backward: purity"
def rnn_backward(dhs, cache):
    out = {"dxs": [], "dW_xh": 0, "dW_hh": 0, "db_h": 0}
    for t in range(len(dhs) - 1, -1, -1):
        g = rnn_step_backward(dhs[t], cache["steps"][t])
        out["dxs"].insert(0, g["dx_t"])
        for k in ("dW_xh", "dW_hh", "db_h"):
            out[k] = out[k] + g[k]
        if t > 0:
            dhs[t - 1] += g["dh_prev"]
        else:
            out["dh0"] = g["dh_prev"]
    out["dxs"] = np.stack(out["dxs"])
    return out

# %% variant="consumed cache" cell="rnn_backward" loses="rnn_backward: purity"
def rnn_backward(dhs, cache):
    dh, dxs, sums = np.zeros_like(dhs[0]), [], {"dW_xh": 0.0, "dW_hh": 0.0, "db_h": 0.0}
    t = len(dhs)
    while cache["steps"]:
        t -= 1
        g = rnn_step_backward(dhs[t] + dh, cache["steps"].pop())
        dxs.append(g["dx_t"])
        dh = g["dh_prev"]
        sums = {k: v + g[k] for k, v in sums.items()}
    return {"dxs": np.stack(dxs[::-1]), "dh0": dh, **sums}

# %% variant="bias with two axes" cell="rnn_step_backward" loses="rnn_step_backward: shapes"
def rnn_step_backward(dh_t, cache):
    da = dh_t * (1 - cache["h_t"] ** 2)
    return {"dx_t": da @ cache["W_xh"].T, "dh_prev": da @ cache["W_hh"].T,
            "dW_xh": cache["x_t"].T @ da, "dW_hh": cache["h_prev"].T @ da,
            "db_h": np.sum(da, axis=0, keepdims=True)}

# %% variant="bias with two axes" cell="rnn_backward"
def rnn_backward(dhs, cache):
    dh, dxs, sums = np.zeros_like(dhs[0]), [], {"dW_xh": 0, "dW_hh": 0, "db_h": 0}
    for t in reversed(range(len(dhs))):
        g = rnn_step_backward(dhs[t] + dh, cache["steps"][t])
        dxs.append(g["dx_t"])
        dh = g["dh_prev"]
        sums = {k: sums[k] + g[k] for k in sums}
    return {"dxs": np.stack(dxs[::-1]), "dh0": dh, **sums}

# %% variant="bias with two axes" cell="rnn_lm_loss"
def rnn_lm_loss(params, ids):
    V, H = params["W_xh"].shape
    xs = np.eye(V, dtype=params["W_xh"].dtype)[ids[:-1]]
    h0 = np.zeros((ids.shape[1], H), dtype=xs.dtype)
    hs, cache = rnn_forward(xs, h0, params["W_xh"], params["W_hh"], params["b_h"])
    loss, d = cross_entropy(hs @ params["W_hy"] + params["b_y"], ids[1:], np.full(ids[1:].shape, True))
    g = rnn_backward(d @ params["W_hy"].T, cache)
    g["dW_hy"] = sum(h.T @ e for h, e in zip(hs, d))
    g["db_y"] = d.sum((0, 1))
    return loss, g

# %% variant="float64 always" cell="rnn_step_backward" loses="rnn_step_backward: purity"
def rnn_step_backward(dh_t, cache):
    c = {k: np.asarray(v, dtype=np.float64) for k, v in cache.items()}
    da = np.asarray(dh_t, dtype=np.float64) * (1 - c["h_t"] ** 2)
    return {"dx_t": da @ c["W_xh"].T, "dh_prev": da @ c["W_hh"].T,
            "dW_xh": c["x_t"].T @ da, "dW_hh": c["h_prev"].T @ da, "db_h": da.sum(0)}

# %% variant="keywords, prints and warnings" cell="rnn_backward"
import sys
import warnings

def rnn_backward(dhs, cache):
    warnings.warn("this loop is slow", DeprecationWarning)
    print("T =", len(dhs), file=sys.stderr)
    result = dict.fromkeys(["dW_xh", "dW_hh", "db_h"], 0)
    result["dxs"], nxt = [None] * len(dhs), np.zeros_like(dhs[0])
    for t, step in reversed(list(enumerate(cache["steps"]))):
        back = rnn_step_backward(cache=step, dh_t=np.add(dhs[t], nxt))
        print(t, np.abs(nxt).max())
        result["dxs"][t], nxt = back["dx_t"], back["dh_prev"]
        for key in ("dW_xh", "dW_hh", "db_h"):
            result[key] = result[key] + back[key]
    result["dh0"] = nxt
    result["note"] = "done"  # one key too many does no harm
    result["dxs"] = np.array(result["dxs"])
    return result

# %% variant="written out, with np.add.at" cell="rnn_lm_loss"
H0 = 0.0  # where every text starts

def rnn_lm_loss(params, ids):
    """No one-hot rows: W_xh[ids] picks the row, np.add.at puts its gradient back."""
    Wx, Wh, bh, Wy, by = [params[k] for k in ("W_xh", "W_hh", "b_h", "W_hy", "b_y")]
    T, B = len(ids) - 1, ids.shape[1]
    hs, ps, loss = {-1: np.full((B, len(Wh)), H0, Wx.dtype)}, {}, 0
    for t in range(T):
        hs[t] = np.tanh(Wx[ids[t]] + hs[t - 1] @ Wh + bh)
        z = hs[t] @ Wy + by
        e = np.exp(z - z.max(1, keepdims=True))
        ps[t] = e / e.sum(1, keepdims=True)
        loss -= np.log(ps[t][np.arange(B), ids[t + 1]]).sum()
    g = {"d" + k: np.zeros_like(v) for k, v in params.items()}
    carry = np.zeros_like(hs[0])
    for t in reversed(range(T)):
        dz = ps[t].copy()
        dz[np.arange(B), ids[t + 1]] -= 1
        dz /= T * B
        g["dW_hy"] += hs[t].T @ dz
        g["db_y"] += dz.sum(0)
        da = (dz @ Wy.T + carry) * (1 - hs[t] * hs[t])
        np.add.at(g["dW_xh"], ids[t], da)
        g["dW_hh"] += hs[t - 1].T @ da
        g["db_h"] += da.sum(0)
        carry = da @ Wh.T
    return [loss / (T * B), g]

# %% variant="column by column" cell="tangent_jacobian"
def tangent_jacobian(xs, h0, W_xh, W_hh, b_h):
    T, B, H = len(xs), *h0.shape
    J = np.zeros((T, B, H, H), h0.dtype)
    for j in range(H):
        h, dot = h0, np.zeros_like(h0)
        dot[:, j] = 1  # the direction of unit j
        for t in range(T):
            h = np.tanh(xs[t] @ W_xh + h @ W_hh + b_h)
            dot = (1 - h**2) * (dot @ W_hh)
            J[t, :, :, j] = dot
    return J

# %% variant="a diagonal matrix for each sample" cell="tangent_jacobian"
def tangent_jacobian(xs, h0, W_xh, W_hh, b_h):
    hs = rnn_forward(xs, h0, W_xh, W_hh, b_h)[0]
    out = []
    for b in range(hs.shape[1]):
        J, own = np.identity(hs.shape[2], hs.dtype), []
        for h in hs[:, b]:
            J = np.diag(1 - h**2) @ W_hh.T @ J
            own.append(J)
        out.append(own)
    return np.moveaxis(np.array(out), 0, 1)

# %% variant="einsum for the Jacobian" cell="tangent_jacobian" loses="tangent_jacobian: purity"
def tangent_jacobian(xs, h0, W_xh, W_hh, b_h):
    T, B, H = len(xs), *h0.shape
    J = np.zeros((T + 1, B, H, H))
    J[0] = np.eye(H)
    h = h0
    for t in range(T):
        h, _ = rnn_step_forward(xs[t], h, W_xh, W_hh, b_h)
        J[t + 1] = np.einsum("bi,ki,bkj->bij", 1 - h**2, W_hh, J[t])
    return J[1:]

# %% variant="sequence by sequence" cell="reverse_jacobian"
def reverse_jacobian(xs, h0, W_xh, W_hh, b_h):
    T, B, H = len(xs), *h0.shape
    J = np.zeros((B, H, H), dtype=h0.dtype)
    for b in range(B):
        one = slice(b, b + 1)
        hs, cache = rnn_forward(xs[:, one], h0[one], W_xh, W_hh, b_h)
        for i in range(H):
            dhs = np.zeros_like(hs)
            dhs[-1, 0, i] = 1.0
            J[b, i, :] = rnn_backward(dhs, cache)["dh0"][0]
    return J

# %% variant="one long batch" cell="reverse_jacobian"
def reverse_jacobian(xs, h0, W_xh, W_hh, b_h):
    """All units at once: every sequence is repeated H times."""
    B, H = h0.shape
    hs, cache = rnn_forward(np.repeat(xs, H, axis=1), np.repeat(h0, H, axis=0), W_xh, W_hh, b_h)
    dhs = np.zeros_like(hs)
    dhs[-1] = np.tile(np.eye(H), (B, 1))
    return rnn_backward(dhs, cache)["dh0"].reshape(B, H, H)

# %% variant="from one's own parts" cell="review_step"
def review_step(params, xs, targets, lr):
    h0 = np.zeros((xs.shape[1], len(params["b_h"])), xs.dtype)
    hs, cache = rnn_forward(xs, h0, params["W_xh"], params["W_hh"], params["b_h"])
    error = hs @ params["W_hy"] + params["b_y"] - targets
    dys = error * (2 / error.size)
    grads = rnn_backward(dys @ params["W_hy"].T, cache)
    grads["dW_hy"] = np.tensordot(hs, dys, axes=([0, 1], [0, 1]))
    grads["db_y"] = dys.sum(axis=0).sum(axis=0)
    return np.mean(error**2), {k: v - lr * grads["d" + k] for k, v in params.items()}

# %% variant="caller's parameters" cell="review_step" loses="review_step: purity"
def review_step(params, xs, targets, lr):
    T, B, D = xs.shape
    h = [np.zeros((B, params["W_hh"].shape[0]), xs.dtype)]
    for t in range(T):
        h.append(np.tanh(xs[t] @ params["W_xh"] + h[t] @ params["W_hh"] + params["b_h"]))
    ys = np.stack([h[t + 1] @ params["W_hy"] + params["b_y"] for t in range(T)])
    dys = 2 * (ys - targets) / targets.size
    g = {k: np.zeros_like(v) for k, v in params.items()}
    carried = 0
    for t in range(T - 1, -1, -1):
        g["W_hy"] += h[t + 1].T @ dys[t]
        g["b_y"] += dys[t].sum(0)
        da = (1 - h[t + 1] ** 2) * (carried + dys[t] @ params["W_hy"].T)
        g["W_xh"] += xs[t].T @ da
        g["W_hh"] += h[t].T @ da
        g["b_h"] += da.sum(0)
        carried = da @ params["W_hh"].T
    loss = ((ys - targets) ** 2).mean()
    for k in params:
        params[k] -= lr * g[k]
    return loss, params
