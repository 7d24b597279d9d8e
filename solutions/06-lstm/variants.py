# %% [markdown]
# Right solutions in other people's styles. A header names the solution cell that is
# replaced, and what the style costs (never a value): see `Variant` in
# autograder/exercise.py. What is ugly here is ugly on purpose.

# %% variant="entry by entry" cell="lstm_step_forward"
import math

def lstm_step_forward(x_t, h_prev, c_prev, W_x, W_h, b):
    (B, D), H = x_t.shape, h_prev.shape[1]
    gates = {k: np.zeros_like(c_prev) for k in "ifgo"}
    h_t, c_t = np.zeros_like(h_prev), np.zeros_like(c_prev)
    for n in range(B):
        for u in range(H):
            for k, name in enumerate("ifgo"):
                col = k * H + u
                a = float(b[col])
                for d in range(D):
                    a += x_t[n, d] * W_x[d, col]
                for v in range(H):
                    a += h_prev[n, v] * W_h[v, col]
                if name == "g":
                    gates[name][n, u] = math.tanh(a)
                else:
                    gates[name][n, u] = 0.5 + 0.5 * math.tanh(a / 2)
            i, f, g, o = (gates[k][n, u] for k in "ifgo")
            c_t[n, u] = f * c_prev[n, u] + i * g
            h_t[n, u] = o * math.tanh(c_t[n, u])
    return h_t, c_t, dict(x_t=x_t, h_prev=h_prev, c_prev=c_prev, c_t=c_t, W_x=W_x, W_h=W_h, **gates)

# %% variant="entry by entry" cell="lstm_step_backward"
def lstm_step_backward(dh_t, dc_next, cache):
    x, hp, cp, c = (cache[k] for k in ("x_t", "h_prev", "c_prev", "c_t"))
    Wx, Wh = cache["W_x"], cache["W_h"]
    (B, D), H = x.shape, hp.shape[1]
    out = {
        "dx_t": np.zeros_like(x), "dh_prev": np.zeros_like(hp), "dc_prev": np.zeros_like(cp),
        "dW_x": np.zeros_like(Wx), "dW_h": np.zeros_like(Wh), "db": np.zeros_like(Wh[0]),
    }
    for n in range(B):
        for u in range(H):
            i, f, g, o = (cache[k][n, u] for k in "ifgo")
            tc = np.tanh(c[n, u])
            dc = dc_next[n, u] + dh_t[n, u] * o * (1 - tc * tc)
            out["dc_prev"][n, u] = dc * f
            da = [dc * g * i * (1 - i), dc * cp[n, u] * f * (1 - f),
                  dc * i * (1 - g * g), dh_t[n, u] * tc * o * (1 - o)]
            for k in range(4):
                col = k * H + u
                out["db"][col] += da[k]
                out["dx_t"][n] += da[k] * Wx[:, col]
                out["dh_prev"][n] += da[k] * Wh[:, col]
                out["dW_x"][:, col] += da[k] * x[n]
                out["dW_h"][:, col] += da[k] * hp[n]
    return out

# %% variant="per-gate matrices" cell="lstm_step_forward"
def lstm_step_forward(x_t, h_prev, c_prev, W_x, W_h, b):
    H = h_prev.shape[1]
    W_xi, W_xf, W_xg, W_xo = W_x[:, :H], W_x[:, H:2*H], W_x[:, 2*H:3*H], W_x[:, 3*H:]
    W_hi, W_hf, W_hg, W_ho = W_h[:, :H], W_h[:, H:2*H], W_h[:, 2*H:3*H], W_h[:, 3*H:]
    b_i, b_f, b_g, b_o = b[:H], b[H:2*H], b[2*H:3*H], b[3*H:]
    i = stable_sigmoid(x_t @ W_xi + h_prev @ W_hi + b_i)
    f = stable_sigmoid(x_t @ W_xf + h_prev @ W_hf + b_f)
    o = stable_sigmoid(x_t @ W_xo + h_prev @ W_ho + b_o)
    c_tilde = np.tanh(x_t @ W_xg + h_prev @ W_hg + b_g)
    c = f * c_prev + i * c_tilde
    h = o * np.tanh(c)
    cache = {"x": x_t, "h": h_prev, "c_old": c_prev, "c": c, "gates": [i, f, c_tilde, o],
             "Wx": [W_xi, W_xf, W_xg, W_xo], "Wh": [W_hi, W_hf, W_hg, W_ho]}
    return h, c, cache

# %% variant="per-gate matrices" cell="lstm_step_backward"
def lstm_step_backward(dh_t, dc_next, cache):
    x, hp, cp = cache["x"], cache["h"], cache["c_old"]
    i, f, g, o = cache["gates"]
    th = np.tanh(cache["c"])
    delta = dc_next + dh_t * o / np.cosh(cache["c"]) ** 2
    di, df = delta * g * i * (1 - i), delta * cp * f * (1 - f)
    dg, do = delta * i * (1 - g ** 2), dh_t * th * o * (1 - o)
    ds = di, df, dg, do
    return {
        "dx_t": sum(d @ W.T for d, W in zip(ds, cache["Wx"])),
        "dh_prev": sum(d @ W.T for d, W in zip(ds, cache["Wh"])),
        "dc_prev": f * delta,
        "dW_x": np.hstack([x.T @ d for d in ds]),
        "dW_h": np.hstack([hp.T @ d for d in ds]),
        "db": np.hstack([d.sum(0) for d in ds]),
    }

# %% variant="per-gate matrices" cell="cell_gradient_paths"
def cell_gradient_paths(xs, h0, c0, W_x, W_h, b):
    """Forward mode: a tangent of c and one of h for each unit that was moved."""
    T, B, H = len(xs), *h0.shape
    hs, cs, cache = lstm_forward(xs, h0, c0, W_x, W_h, b)
    gates = [[np.asarray(v) for v in s["gates"]] for s in cache["steps"]]
    total = np.zeros((T, B, H, H), dtype=xs.dtype)
    direct = np.zeros((T, B, H), dtype=xs.dtype)
    for t in range(T):
        direct[t] = np.prod([gates[k][1] for k in range(t + 1, T)], axis=0) if t < T - 1 else 1
        for j in range(H):
            cdot = np.zeros_like(h0)
            cdot[:, j] = 1
            hdot = gates[t][3] * (1 - np.tanh(cs[t]) ** 2) * cdot
            for k in range(t + 1, T):
                i, f, g, o = gates[k]
                ai, af, ag, ao = np.hsplit(hdot @ W_h, 4)
                cdot = f * cdot + f * (1 - f) * af * cs[k - 1] + i * (1 - i) * ai * g + i * (1 - g**2) * ag
                tc = np.tanh(cs[k])
                hdot = o * (1 - o) * ao * tc + o * (1 - tc**2) * cdot
            total[t, :, :, j] = cdot
    return direct, total

# %% variant="einsum" cell="lstm_step_forward"
def lstm_step_forward(x_t, h_prev, c_prev, W_x, W_h, b):
    B, H = h_prev.shape
    a = np.einsum("bd,dgh->gbh", x_t, W_x.reshape(-1, 4, H))
    a = a + np.einsum("bk,kgh->gbh", h_prev, W_h.reshape(H, 4, H)) + b.reshape(4, 1, H)
    i, f, o = (stable_sigmoid(a[k]) for k in (0, 1, 3))
    g = np.tanh(a[2])
    c_t = f * c_prev + i * g
    return o * np.tanh(c_t), c_t, {
        "x_t": x_t, "h_prev": h_prev, "c_prev": c_prev, "c_t": c_t,
        "i": i, "f": f, "g": g, "o": o, "W_x": W_x, "W_h": W_h,
    }

# %% variant="einsum" cell="lstm_step_backward"
def lstm_step_backward(dh_t, dc_next, cache):
    i, f, g, o = (cache[k] for k in "ifgo")
    B, H = i.shape
    tc = np.tanh(cache["c_t"])
    dc = dh_t * o * (1.0 - tc * tc) + dc_next
    da = np.stack([dc * g * (i - i**2), dc * cache["c_prev"] * (f - f**2),
                   dc * i * (1 - g) * (1 + g), dh_t * tc * (o - o**2)])
    W_x, W_h = cache["W_x"].reshape(-1, 4, H), cache["W_h"].reshape(H, 4, H)
    return dict(
        db=np.einsum("gbh->gh", da).ravel(),
        dW_h=np.einsum("bk,gbh->kgh", cache["h_prev"], da).reshape(H, 4 * H),
        dW_x=np.einsum("bd,gbh->dgh", cache["x_t"], da).reshape(-1, 4 * H),
        dc_prev=np.einsum("bh,bh->bh", dc, f),
        dh_prev=np.einsum("gbh,kgh->bk", da, W_h),
        dx_t=np.einsum("gbh,dgh->bd", da, W_x),
    )

# %% variant="stacked input and weights" cell="lstm_step_forward"
def lstm_step_forward(x_t, h_prev, c_prev, W_x, W_h, b):
    z, W = np.hstack((x_t, h_prev)), np.vstack((W_x, W_h))
    A = z @ W + b
    N = A.shape[1] // 4
    sig = stable_sigmoid(A)
    i, f, o = sig[:, :N], sig[:, N:2 * N], sig[:, -N:]
    g = np.tanh(A[:, 2 * N:3 * N])
    c_t = np.add(np.multiply(f, c_prev), np.multiply(i, g))
    t = np.tanh(c_t)
    return t * o, c_t, [z, W, i, f, g, o, t, c_prev, x_t.shape[1]]

# %% variant="stacked input and weights" cell="lstm_step_backward"
def lstm_step_backward(dh_t, dc_next, cache):
    z, W, i, f, g, o, t, c_prev, D = cache
    dc = dc_next + dh_t * o * (1 - t**2)
    dA = np.zeros((len(z), W.shape[1]), dtype=z.dtype)
    N = W.shape[1] // 4
    dA[:, :N] = dc * g * i * (1 - i)
    dA[:, N:2 * N] = dc * c_prev * f * (1 - f)
    dA[:, 2 * N:3 * N] = dc * i * (1 - g**2)
    dA[:, 3 * N:] = dh_t * t * o * (1 - o)
    dz, dW = dA.dot(W.T), z.T.dot(dA)
    return {"dx_t": dz[:, :D], "dh_prev": dz[:, D:], "dc_prev": dc * f,
            "dW_x": dW[:D], "dW_h": dW[D:], "db": np.ones(len(z), dtype=z.dtype) @ dA}

# %% variant="stacked input and weights" cell="cell_gradient_paths"
def cell_gradient_paths(xs, h0, c0, W_x, W_h, b):
    """One long batch: every sequence is repeated H times, each asks for one unit."""
    T, B, H = len(xs), *h0.shape
    many = lambda a, axis: np.repeat(a, H, axis=axis)
    hs, cs, cache = lstm_forward(many(xs, 1), many(h0, 0), many(c0, 0), W_x, W_h, b)
    dc = np.tile(np.eye(H, dtype=xs.dtype), (B, 1))
    dh = 0 * dc
    out = [dc.reshape(B, H, H)]
    direct = [np.ones((B, H), dtype=xs.dtype)]
    for t in range(T - 1, 0, -1):
        f = cache["steps"][t][3][::H]
        direct.append(direct[-1] * f)
        grads = lstm_step_backward(dh, dc, cache["steps"][t])
        dh, dc = grads["dh_prev"], grads["dc_prev"]
        z, W, i, f, g, o, tc, *_ = cache["steps"][t - 1]
        out.append((dc + dh * o * (1 - tc**2)).reshape(B, H, H))
    return np.stack(direct[::-1]), np.stack(out[::-1])

# %% variant="tuple caches" cell="lstm_step_forward"
def lstm_step_forward(x_t, h_prev, c_prev, W_x, W_h, b):
    n = h_prev.shape[1]
    act = x_t.dot(W_x) + h_prev.dot(W_h) + b
    i = stable_sigmoid(act[:, 0:n])
    f = stable_sigmoid(act[:, n:2*n])
    g = np.tanh(act[:, 2*n:3*n])
    o = stable_sigmoid(act[:, 3*n:4*n])
    next_c = f * c_prev + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c, (i, f, o, g, act, x_t, h_prev, c_prev, W_x, W_h, next_c)

# %% variant="tuple caches" cell="lstm_forward"
def lstm_forward(xs, h0, c0, W_x, W_h, b):
    T, B, D = xs.shape
    H = h0.shape[1]
    hs = np.zeros((T, B, H), dtype=xs.dtype)
    cs = np.zeros((T, B, H), dtype=xs.dtype)
    cache = []
    prev_h, prev_c = h0, c0
    for t in range(T):
        hs[t], cs[t], step = lstm_step_forward(xs[t], prev_h, prev_c, W_x, W_h, b)
        prev_h, prev_c = hs[t], cs[t]
        cache.append(step)
    return hs, cs, cache

# %% variant="tuple caches" cell="lstm_step_backward"
def lstm_step_backward(dh_t, dc_next, cache):
    i, f, o, g, act, x, prev_h, prev_c, Wx, Wh, next_c = cache
    n = i.shape[1]
    dc = dc_next + dh_t * o * (1 - np.tanh(next_c)**2)
    dact = np.zeros_like(act)
    dact[:, 0:n] = dc * g * i * (1 - i)
    dact[:, n:2*n] = dc * prev_c * f * (1 - f)
    dact[:, 2*n:3*n] = dc * i * (1 - g**2)
    dact[:, 3*n:4*n] = dh_t * np.tanh(next_c) * o * (1 - o)
    return {"dx_t": dact.dot(Wx.T), "dh_prev": dact.dot(Wh.T), "dc_prev": f * dc,
            "dW_x": x.T.dot(dact), "dW_h": prev_h.T.dot(dact), "db": np.sum(dact, axis=0)}

# %% variant="tuple caches" cell="lstm_backward"
def lstm_backward(dhs, dc_T, cache):
    T, B, H = dhs.shape
    D = cache[0][5].shape[1]
    kind = dhs.dtype
    dxs = np.zeros((T, B, D), dtype=kind)
    dWx, dWh = np.zeros((D, 4*H), dtype=kind), np.zeros((H, 4*H), dtype=kind)
    db, dprev_h = np.zeros(4*H, dtype=kind), np.zeros((B, H), dtype=kind)
    dprev_c = dc_T.copy()
    for t in range(T)[::-1]:
        g = lstm_step_backward(dhs[t] + dprev_h, dprev_c, cache[t])
        dxs[t], dprev_h, dprev_c = g["dx_t"], g["dh_prev"], g["dc_prev"]
        dWx += g["dW_x"]
        dWh += g["dW_h"]
        db += g["db"]
    return {"dxs": dxs, "dh0": dprev_h, "dc0": dprev_c, "dW_x": dWx, "dW_h": dWh, "db": db}

# %% variant="tuple caches" cell="cell_gradient_paths"
def cell_gradient_paths(xs, h0, c0, W_x, W_h, b):
    """Products of the (2H, 2H) Jacobians of [h, c], one sequence at a time."""
    T, B, H = len(xs), *h0.shape
    _, cs, cache = lstm_forward(xs, h0, c0, W_x, W_h, b)
    direct, total = np.ones_like(cs), np.empty((T, B, H, H), dtype=cs.dtype)
    for n in range(B):
        walk = np.hstack([np.zeros((H, H)), np.eye(H)])  # d c_T / d [h_t, c_t]
        gates = np.ones(H)
        for t in range(T - 1, -1, -1):
            i, f, o, g, _, _, _, prev_c, _, _, c = (np.asarray(v)[n] if k < 8 or k > 9 else v for k, v in enumerate(cache[t]))
            direct[t, n] = gates
            tc = np.tanh(c)
            total[t, n] = walk[:, H:] + walk[:, :H] * (o * (1 - tc**2))
            gates = gates * f
            Wi, Wf, Wg, Wo = np.split(W_h, 4, axis=1)
            c_h = (g * i * (1 - i))[:, None] * Wi.T + (prev_c * f * (1 - f))[:, None] * Wf.T + (i * (1 - g**2))[:, None] * Wg.T
            h_h = (tc * o * (1 - o))[:, None] * Wo.T + (o * (1 - tc**2))[:, None] * c_h
            h_c = np.diag(o * (1 - tc**2) * f)
            walk = walk @ np.block([[h_h, h_c], [c_h, np.diag(f)]])
    return direct, total

# %% variant="objects as caches" cell="lstm_step_forward"
class Moment:
    def __init__(self, x, h, c, Wx, Wh, b):
        self.x, self.h0, self.c0, self.Wx, self.Wh = x, h, c, Wx, Wh
        a = (x @ Wx + h @ Wh + b).reshape(len(x), 4, -1)
        self.i, self.f, self.o = (1 / (1 + np.exp(-a[:, k])) for k in (0, 1, 3))
        self.g = np.tanh(a[:, 2])
        self.c = self.f * c + self.i * self.g

    @property
    def h(self):
        return self.o * np.tanh(self.c)

    def back(self, dh, dc):
        tc = np.tanh(self.c)
        dc = dc + dh * self.o * (1 - tc * tc)
        parts = (dc * self.g * self.i * (1 - self.i), dc * self.c0 * self.f * (1 - self.f),
                 dc * self.i * (1 - self.g**2), dh * tc * self.o * (1 - self.o))
        da = np.hstack(parts)
        return dict(dx_t=da @ self.Wx.T, dh_prev=da @ self.Wh.T, dc_prev=dc * self.f,
                    dW_x=self.x.T @ da, dW_h=self.h0.T @ da, db=da.sum(0))


def lstm_step_forward(x_t, h_prev, c_prev, W_x, W_h, b):
    m = Moment(x_t, h_prev, c_prev, W_x, W_h, b)
    return m.h, m.c, m

# %% variant="objects as caches" cell="lstm_step_backward"
def lstm_step_backward(dh_t, dc_next, cache):
    return cache.back(dh_t, dc_next)

# %% variant="objects as caches" cell="cell_gradient_paths"
def cell_gradient_paths(xs, h0, c0, W_x, W_h, b):
    """By the whole backward pass, on sequences that are cut at t."""
    T, B, H = len(xs), *h0.shape
    hs, cs, cache = lstm_forward(xs, h0, c0, W_x, W_h, b)
    tape = cache["steps"]
    direct, total = np.ones_like(cs), np.zeros((T, B, H, H), cs.dtype)
    for t in range(T - 1):
        direct[t] = np.prod(np.stack([m.f for m in tape[t + 1:]]), axis=0)
        for i in range(H):
            dc = np.zeros_like(c0)
            dc[:, i] = 1
            cut = {"steps": tape[t + 1:]}
            g = lstm_backward(np.zeros_like(hs[t + 1:]), dc, cut)
            total[t, :, i] = g["dc0"] + g["dh0"] * tape[t].o * (1 - np.tanh(tape[t].c) ** 2)
    total[T - 1] += np.identity(H)
    return direct, total

# %% variant="the whole sequence at once" cell="lstm_forward"
def lstm_forward(xs, h0, c0, W_x, W_h, b):
    """No step function: the input's part of all steps is one product."""
    T, B, _ = xs.shape
    H = h0.shape[-1]
    ax = xs @ W_x + b
    i, f, g, o, c = (np.empty((T, B, H), xs.dtype) for _ in range(5))
    h = np.empty((T + 1, B, H), xs.dtype)
    h[0] = h0
    for t in range(T):
        a = ax[t] + h[t] @ W_h
        i[t], f[t], o[t] = (stable_sigmoid(a[:, k * H:(k + 1) * H]) for k in (0, 1, 3))
        g[t] = np.tanh(a[:, 2 * H:3 * H])
        c[t] = f[t] * (c[t - 1] if t else c0) + i[t] * g[t]
        h[t + 1] = o[t] * np.tanh(c[t])
    return h[1:], c, {"xs": xs, "h": h, "c": np.concatenate([c0[None], c]), "ifgo": (i, f, g, o), "W": (W_x, W_h)}

# %% variant="the whole sequence at once" cell="lstm_backward"
def lstm_backward(dhs, dc_T, cache):
    i, f, g, o = cache["ifgo"]
    c, h, (W_x, W_h) = cache["c"], cache["h"], cache["W"]
    T, B, H = dhs.shape
    das = np.empty((T, B, 4 * H), dhs.dtype)
    dh, dc = 0, dc_T
    for t in range(T - 1, -1, -1):
        dh = dh + dhs[t]
        tc = np.tanh(c[t + 1])
        dc = dc + dh * o[t] * (1 - tc**2)
        das[t] = np.concatenate([
            dc * g[t] * i[t] * (1 - i[t]), dc * c[t] * f[t] * (1 - f[t]),
            dc * i[t] * (1 - g[t]**2), dh * tc * o[t] * (1 - o[t])], 1)
        dh, dc = das[t] @ W_h.T, dc * f[t]
    return {"dxs": das @ W_x.T, "dh0": dh, "dc0": dc, "db": das.sum((0, 1)),
            "dW_x": np.einsum("tbd,tba->da", cache["xs"], das),
            "dW_h": np.einsum("tbh,tba->ha", h[:-1], das)}

# %% variant="the whole sequence at once" cell="cell_gradient_paths"
def cell_gradient_paths(xs, h0, c0, W_x, W_h, b):
    """Chain rule, step after step, on [c, h] with a matrix of ways for each b."""
    hs, cs, cache = lstm_forward(xs, h0, c0, W_x, W_h, b)
    i, f, g, o = cache["ifgo"]
    T, B, H = cs.shape
    before = cache["c"]
    ones = np.ones_like(cs[:1])
    direct = np.concatenate([np.cumprod(f[:0:-1], axis=0)[::-1], ones])
    C, Hh = np.zeros((B, H, H), cs.dtype) + np.eye(H, dtype=cs.dtype), np.zeros((B, H, H), cs.dtype)
    found = []
    for t in range(T)[::-1]:
        tc = np.tanh(cs[t])
        all_c = C + Hh * (o[t] * (1 - tc**2))[:, None]
        found.append(all_c)
        ways = [all_c * (g[t] * i[t] * (1 - i[t]))[:, None], all_c * (before[t] * f[t] * (1 - f[t]))[:, None],
                all_c * (i[t] * (1 - g[t]**2))[:, None], Hh * (tc * o[t] * (1 - o[t]))[:, None]]
        Hh = np.concatenate(ways, axis=2) @ W_h.T
        C = all_c * f[t][:, None]
    return direct, np.array(found[::-1])

# %% variant="last step peeled" cell="lstm_backward"
def lstm_backward(dhs, dc_T, cache):
    steps = cache["steps"]
    t = len(steps) - 1
    grads = lstm_step_backward(dhs[t], dc_T, steps[t])
    dxs, dh, dc = [grads["dx_t"]], grads["dh_prev"], grads["dc_prev"]
    dW_x, dW_h, db = grads["dW_x"], grads["dW_h"], grads["db"]
    while t > 0:
        t -= 1
        grads = lstm_step_backward(dhs[t] + dh, dc, steps[t])
        dxs = [grads["dx_t"]] + dxs
        dh, dc = grads["dh_prev"], grads["dc_prev"]
        dW_x, dW_h, db = dW_x + grads["dW_x"], dW_h + grads["dW_h"], db + grads["db"]
    return dict(dxs=np.array(dxs), dh0=dh, dc0=dc, dW_x=dW_x, dW_h=dW_h, db=db)

# %% variant="recursion" cell="lstm_forward"
def lstm_forward(xs, h0, c0, W_x, W_h, b):
    h, c, step = lstm_step_forward(xs[0], h0, c0, W_x, W_h, b)
    if len(xs) == 1:
        return h[None], c[None], {"steps": [step]}
    hs, cs, rest = lstm_forward(xs[1:], h, c, W_x, W_h, b)
    return np.vstack([h[None], hs]), np.vstack([c[None], cs]), {"steps": [step] + rest["steps"]}

# %% variant="recursion" cell="lstm_backward"
def lstm_backward(dhs, dc_T, cache):
    def before(t, dh, dc):
        g = lstm_step_backward(dhs[t] + dh, dc, cache["steps"][t])
        return ([] if t == 0 else before(t - 1, g["dh_prev"], g["dc_prev"])) + [g]

    gs = before(len(dhs) - 1, np.zeros_like(dc_T), dc_T)
    total = {k: np.sum([g[k] for g in gs], axis=0) for k in ("dW_x", "dW_h", "db")}
    return {"dxs": np.stack([g["dx_t"] for g in gs]), "dh0": gs[0]["dh_prev"], "dc0": gs[0]["dc_prev"], **total}

# %% variant="tuples for dicts" cell="lstm_step_backward"
def lstm_step_backward(dh_t, dc_next, cache):
    i, f, g, o = cache["i"], cache["f"], cache["g"], cache["o"]
    tc = np.tanh(cache["c_t"])
    dc = dc_next + dh_t * o * (1 - tc**2)
    da = np.hstack([dc * g * i * (1 - i), dc * cache["c_prev"] * f * (1 - f), dc * i * (1 - g**2), dh_t * tc * o * (1 - o)])
    return da @ cache["W_x"].T, da @ cache["W_h"].T, dc * f, cache["x_t"].T @ da, cache["h_prev"].T @ da, da.sum(0)

# %% variant="tuples for dicts" cell="lstm_backward"
def lstm_backward(dhs, dc_T, cache):
    dh, dc, dxs, sums = np.zeros_like(dc_T), dc_T, [], [0, 0, 0]
    for up, step in zip(dhs[::-1], cache["steps"][::-1]):
        dx, dh, dc, *weights = lstm_step_backward(up + dh, dc, step)
        dxs.append(dx)
        sums = [s + w for s, w in zip(sums, weights)]
    return (np.stack(dxs)[::-1], dh, dc, *sums)

# %% variant="tuples for dicts" cell="cell_gradient_paths"
def cell_gradient_paths(xs, h0, c0, W_x, W_h, b):
    hs, cs, cache = lstm_forward(xs, h0, c0, W_x, W_h, b)
    steps = cache["steps"]
    fs = np.array([s["f"] for s in steps])
    T, B, H = cs.shape
    direct, total = np.ones_like(cs), np.zeros(cs.shape + (H,), cs.dtype)
    for t in range(T):
        for k in range(t + 1, T):
            direct[t] *= fs[k]
    for i in range(H):
        dh, dc = np.zeros_like(h0), np.zeros_like(h0)
        dc[:, i] += 1
        for t in range(T - 1, -1, -1):
            total[t, :, i] = dc + dh * steps[t]["o"] * (1 - np.tanh(cs[t])**2)
            _, dh, dc, *_ = lstm_step_backward(dh, dc, steps[t])
    return [direct, total]

# %% variant="carried cell in place" cell="lstm_step_backward" loses="lstm_step_backward: purity"
def lstm_step_backward(dh_t, dc_next, cache):
    i, f, g, o = (cache[k] for k in "ifgo")
    tc = np.tanh(cache["c_t"])
    dc_next += dh_t * o * (1 - tc**2)
    da = np.hstack([dc_next * g * i * (1 - i), dc_next * cache["c_prev"] * f * (1 - f),
                    dc_next * i * (1 - g**2), dh_t * tc * o * (1 - o)])
    return {"dx_t": da @ cache["W_x"].T, "dh_prev": da @ cache["W_h"].T, "dc_prev": dc_next * f,
            "dW_x": cache["x_t"].T @ da, "dW_h": cache["h_prev"].T @ da, "db": da.sum(axis=0)}

# %% variant="upstream in place, over time" cell="lstm_backward" loses="lstm_backward: purity"
def lstm_backward(dhs, dc_T, cache):
    out = {"dxs": [], "dW_x": 0, "dW_h": 0, "db": 0}
    dc = dc_T
    for t in range(len(dhs) - 1, -1, -1):
        g = lstm_step_backward(dhs[t], dc, cache["steps"][t])
        out["dxs"].insert(0, g["dx_t"])
        for k in ("dW_x", "dW_h", "db"):
            out[k] = out[k] + g[k]
        dc = g["dc_prev"]
        if t > 0:
            dhs[t - 1] += g["dh_prev"]
    out.update(dxs=np.stack(out["dxs"]), dh0=g["dh_prev"], dc0=dc)
    return out

# %% variant="consumed cache" cell="lstm_backward" loses="lstm_backward: purity"
def lstm_backward(dhs, dc_T, cache):
    dh, dc, dxs, sums = np.zeros_like(dc_T), dc_T, [], {"dW_x": 0.0, "dW_h": 0.0, "db": 0.0}
    t = len(dhs)
    while cache["steps"]:
        t -= 1
        g = lstm_step_backward(dhs[t] + dh, dc, cache["steps"].pop())
        dxs.append(g["dx_t"])
        dh, dc = g["dh_prev"], g["dc_prev"]
        sums = {k: v + g[k] for k, v in sums.items()}
    return {"dxs": np.stack(dxs[::-1]), "dh0": dh, "dc0": dc, **sums}

# %% variant="bias with two axes" cell="lstm_step_backward" loses="lstm_step_backward: shapes"
def lstm_step_backward(dh_t, dc_next, cache):
    i, f, g, o = (cache[k] for k in "ifgo")
    tc = np.tanh(cache["c_t"])
    dc = dc_next + dh_t * o * (1 - tc**2)
    da = np.hstack([dc * g * i * (1 - i), dc * cache["c_prev"] * f * (1 - f), dc * i * (1 - g**2), dh_t * tc * o * (1 - o)])
    return {"dx_t": da @ cache["W_x"].T, "dh_prev": da @ cache["W_h"].T, "dc_prev": dc * f,
            "dW_x": cache["x_t"].T @ da, "dW_h": cache["h_prev"].T @ da, "db": np.sum(da, axis=0, keepdims=True)}

# %% variant="float64 always" cell="lstm_forward" loses="lstm_forward: purity"
def lstm_forward(xs, h0, c0, W_x, W_h, b):
    T, B, H = len(xs), *h0.shape
    hs, cs, steps = np.zeros((T + 1, B, H)), np.zeros((T + 1, B, H)), []
    hs[0], cs[0] = h0, c0
    for t in range(T):
        hs[t + 1], cs[t + 1], step = lstm_step_forward(xs[t], hs[t], cs[t], W_x, W_h, b)
        steps.append(step)
    return hs[1:], cs[1:], {"steps": steps}

# %% variant="keywords, prints and warnings" cell="lstm_forward"
import sys
import warnings

def lstm_forward(xs, h0, c0, W_x, W_h, b):
    warnings.warn("one gate at a time is slow", DeprecationWarning)
    states, tape = [(h0, c0)], []
    for n, x in enumerate(xs):
        h, c, s = lstm_step_forward(c_prev=states[-1][1], h_prev=states[-1][0], x_t=x, b=b, W_h=W_h, W_x=W_x)
        print("step", n, np.abs(c).max(), file=sys.stderr)
        states.append((h, c))
        tape.append(s)
    hs, cs = zip(*states[1:])
    return list(hs), np.array(cs), {"steps": tape, "T": len(tape)}

# %% variant="keywords, prints and warnings" cell="lstm_backward"
def lstm_backward(dhs, dc_T, cache):
    result = dict.fromkeys(["dW_x", "dW_h", "db"], 0)
    result["dxs"], dh, dc = [None] * len(dhs), np.zeros_like(dhs[0]), np.array(dc_T)
    for t, step in reversed(list(enumerate(cache["steps"]))):
        back = lstm_step_backward(cache=step, dc_next=dc, dh_t=np.add(dhs[t], dh))
        print(t, np.abs(dc).max())
        result["dxs"][t], dh, dc = back["dx_t"], back["dh_prev"], back["dc_prev"]
        for key in ("dW_x", "dW_h", "db"):
            result[key] = result[key] + back[key]
    result["dh0"], result["dc0"], result["note"] = dh, dc, "done"
    result["dxs"] = np.array(result["dxs"])
    return result

# %% variant="by differences of the states" cell="cell_gradient_paths"
def cell_gradient_paths(xs, h0, c0, W_x, W_h, b):
    """Central differences: the right numbers to nine digits, in float64 at least."""
    up = [np.asarray(v, dtype=float) for v in (xs, h0, c0, W_x, W_h, b)]
    X, weights = up[0], up[3:]
    hs, cs, _ = lstm_forward(*up)
    T, B, H = cs.shape
    H_prev, C_prev = [up[1], *hs], [up[2], *cs]
    total = np.zeros((T, B, H, H))
    direct = np.ones((T, B, H))
    sig = lambda a: 1 / (1 + np.exp(-a))
    for t in range(T):
        for k in range(t + 1, T):
            direct[t] *= sig((X[k] @ weights[0] + H_prev[k] @ weights[1] + weights[2])[:, H:2 * H])
        a_o = (X[t] @ weights[0] + H_prev[t] @ weights[1] + weights[2])[:, 3 * H:]
        for j in range(H):
            ends = []
            for eps in (1e-5, -1e-5):
                c = C_prev[t + 1].copy()
                c[:, j] += eps
                h = sig(a_o) * np.tanh(c)
                if t < T - 1:
                    _, moved, _ = lstm_forward(X[t + 1:], h, c, *weights)
                    c = moved[-1]
                ends.append(c)
            total[t, :, :, j] = (ends[0] - ends[1]) / 2e-5
    return direct.astype(xs.dtype), total.astype(xs.dtype)
