# %% [markdown]
# Right solutions in other people's styles. A header names the solution cell that is
# replaced, and what the style costs (never a value): see `Variant` in
# autograder/exercise.py. What is ugly here is ugly on purpose.

# %% variant="entry by entry" cell="valid_mask"
def valid_mask(lengths, T):
    B = len(lengths)
    m = np.zeros((T, B), dtype=bool)
    for b in range(B):
        for t in range(T):
            if t < lengths[b]:
                m[t, b] = True
    return m

# %% variant="entry by entry" cell="last_states"
def last_states(hs, lengths):
    out = np.empty_like(hs[0])
    for b, n in enumerate(lengths):
        out[b] = hs[n - 1, b]
    return out

# %% variant="entry by entry" cell="masked_step"
def masked_step(x_t, h_prev, c_prev, mask_t, W_x, W_h, b):
    h, c, saved = lstm_step_forward(x_t, h_prev, c_prev, W_x, W_h, b)
    h, c = h.copy(), c.copy()
    for k in range(len(mask_t)):
        if not mask_t[k]:
            h[k] = h_prev[k]
            c[k] = c_prev[k]
    return h, c, dict(step=saved, mask_t=mask_t)

# %% variant="entry by entry" cell="masked_step_backward"
def masked_step_backward(dh_t, dc_next, cache):
    dh, dc = dh_t.copy(), dc_next.copy()
    dead = [k for k in range(len(dh)) if not cache["mask_t"][k]]
    for k in dead:
        dh[k] = 0
        dc[k] = 0
    out = dict(lstm_step_backward(dh, dc, cache["step"]))
    out["dh_prev"], out["dc_prev"] = out["dh_prev"].copy(), out["dc_prev"].copy()
    for k in dead:
        out["dh_prev"][k] = dh_t[k]
        out["dc_prev"][k] = dc_next[k]
    return out

# %% variant="entry by entry" cell="birnn"
def birnn(xs, lengths, ahead, back):
    T, B, _ = xs.shape
    H = len(ahead["W_h"])
    hs = np.zeros((T, B, 2 * H), dtype=xs.dtype)
    last = np.zeros((B, 2 * H), dtype=xs.dtype)
    for b in range(B):
        n = lengths[b]
        for half, (w, steps) in enumerate(
            ((ahead, range(n)), (back, range(n - 1, -1, -1)))
        ):
            h = np.zeros((1, H), dtype=xs.dtype)
            c = np.zeros((1, H), dtype=xs.dtype)
            for t in steps:
                h, c, _ = lstm_step_forward(
                    xs[t, b : b + 1], h, c, w["W_x"], w["W_h"], w["b"]
                )
                hs[t, b, half * H : (half + 1) * H] = h[0]
            last[b, half * H : (half + 1) * H] = h[0]
    return hs, last

# %% variant="entry by entry" cell="pack"
def pack(xs, lengths):
    order = sorted(range(len(lengths)), key=lambda b: -lengths[b])
    data, sizes = [], []
    for t in range(max(lengths)):
        there = [b for b in order if lengths[b] > t]
        data += [xs[t, b] for b in there]
        sizes.append(len(there))
    return np.array(data), sizes, order

# %% variant="entry by entry" cell="unpack"
def unpack(data, batch_sizes, order):
    T, B = len(batch_sizes), len(order)
    xs = np.zeros((T, B, data.shape[1]), data.dtype)
    lengths, row = [0] * B, 0
    for t in range(T):
        for k in range(batch_sizes[t]):
            xs[t, order[k]] = data[row]
            lengths[order[k]] += 1
            row += 1
    return xs, lengths

# %% variant="entry by entry" cell="stack_forward"
def stack_forward(xs, layers, h0, c0, drops):
    L, T = len(layers), len(xs)
    h, c = [a.copy() for a in h0], [a.copy() for a in c0]
    top = []
    for t in range(T):  # all layers at one step, then the next
        x = xs[t]
        for k in range(L):
            w = layers[k]
            h[k], c[k], _ = lstm_step_forward(x, h[k], c[k], w["W_x"], w["W_h"], w["b"])
            x = h[k]
            if k < L - 1:
                x = x * drops[k, t]
        top.append(x)
    return np.array(top), np.array(h), np.array(c)

# %% variant="entry by entry" cell="dropout_forward"
def dropout_forward(xs, h0, c0, W_x, W_h, b, drop_x, drop_h):
    h, c, out_h, out_c = h0, c0, [], []
    for t in range(xs.shape[0]):
        h, c = lstm_step_forward(xs[t] * drop_x, h * drop_h, c, W_x, W_h, b)[:2]
        out_h += [h]
        out_c += [c]
    return np.array(out_h), np.array(out_c)

# %% variant="entry by entry" cell="norm_step_forward"
def norm_step_forward(x_t, h_prev, W_xh, W_hh, b_h, gain):
    B, H = h_prev.shape
    a = np.dot(x_t, W_xh) + np.dot(h_prev, W_hh)
    n, s, h = np.empty_like(a), np.empty_like(a[:, :1]), np.empty_like(a)
    for k in range(B):
        mean = sum(a[k]) / H
        s[k] = (sum((v - mean) ** 2 for v in a[k]) / H + 1e-5) ** 0.5
        n[k] = (a[k] - mean) / s[k]
        h[k] = np.tanh(n[k] * gain + b_h)
    return h, dict(x_t=x_t, h_prev=h_prev, h_t=h, n=n, s=s, W_xh=W_xh, W_hh=W_hh, gain=gain)

# %% variant="entry by entry" cell="norm_step_backward"
def norm_step_backward(dh_t, cache):
    n, s, h = cache["n"], cache["s"], cache["h_t"]
    B, H = n.shape
    e = dh_t * (1 - h * h)
    da = np.zeros_like(n)
    for k in range(B):
        for i in range(H):
            for j in range(H):
                jac = (i == j) - 1 / H - n[k, i] * n[k, j] / H
                da[k, j] += e[k, i] * cache["gain"][i] * jac / s[k, 0]
    return {
        "dx_t": da.dot(cache["W_xh"].T), "dh_prev": da.dot(cache["W_hh"].T),
        "dW_xh": cache["x_t"].T.dot(da), "dW_hh": cache["h_prev"].T.dot(da),
        "db_h": e.sum(0), "dgain": (e * n).sum(0),
    }

# %% variant="tuples and masks that multiply" cell="valid_mask"
def valid_mask(lengths, T):
    return np.stack([t < np.asarray(lengths) for t in range(T)])

# %% variant="tuples and masks that multiply" cell="last_states"
def last_states(hs, lengths):
    where = (np.asarray(lengths) - 1)[None, :, None]
    return np.take_along_axis(hs, where, axis=0)[0]

# %% variant="tuples and masks that multiply" cell="masked_step" loses="masked_step: shapes"
def masked_step(x_t, h_prev, c_prev, mask_t, W_x, W_h, b):
    m = mask_t[:, None].astype(h_prev.dtype)
    h, c, cache = lstm_step_forward(x_t, h_prev, c_prev, W_x, W_h, b)
    return m * h + (1 - m) * h_prev, m * c + (1 - m) * c_prev, (cache, m)

# %% variant="tuples and masks that multiply" cell="masked_step_backward"
def masked_step_backward(dh_t, dc_next, cache):
    step, m = cache if isinstance(cache, tuple) else (cache["step"], cache["mask_t"])
    m = np.reshape(m, (-1, 1)).astype(dh_t.dtype)
    g = lstm_step_backward(dh_t * m, dc_next * m, step)
    return (g["dx_t"], g["dh_prev"] + dh_t * (1 - m), g["dc_prev"] + dc_next * (1 - m),
            g["dW_x"], g["dW_h"], g["db"])

# %% variant="tuples and masks that multiply" cell="birnn"
def birnn(xs, lengths, ahead, back):
    T, B, _ = xs.shape
    mask = valid_mask(lengths, T)

    def run(seq, w):
        h = np.zeros((B, len(w["W_h"])), xs.dtype)
        c = h.copy()
        out = np.zeros((T, *h.shape), xs.dtype)
        for t in range(T):
            x = np.where(mask[t][:, None], seq[t], 0)
            h, c, _ = masked_step(x, h, c, mask[t], w["W_x"], w["W_h"], w["b"])
            out[t] = h * mask[t][:, None]
        return out, h

    def turned(seq):
        out = seq.copy()
        for b, n in enumerate(lengths):
            out[:n, b] = seq[:n, b][::-1]
        return out

    f, hf = run(xs, ahead)
    r, hr = run(turned(xs), back)
    return np.dstack((f, turned(r))), np.hstack((hf, hr))

# %% variant="tuples and masks that multiply" cell="pack"
def pack(xs, lengths):
    order = np.lexsort((np.arange(len(lengths)), -lengths))
    mask = np.arange(len(xs))[:, None] < lengths[order]
    sizes = mask.sum(1)
    return xs[:, order][mask], sizes[sizes > 0], order

# %% variant="tuples and masks that multiply" cell="unpack"
def unpack(data, batch_sizes, order):
    mask = np.arange(len(order)) < np.asarray(batch_sizes)[:, None]
    ranked = np.zeros((*mask.shape, data.shape[1]), data.dtype)
    ranked[mask] = data
    back = np.argsort(order)
    return ranked[:, back], mask.sum(0)[back]

# %% variant="tuples and masks that multiply" cell="stack_forward"
def stack_forward(xs, layers, h0, c0, drops):
    def up(x, k):
        w = layers[k]
        hs, cs, _ = lstm_forward(x, h0[k], c0[k], w["W_x"], w["W_h"], w["b"])
        if k == len(layers) - 1:
            return hs, [hs[-1]], [cs[-1]]
        top, h, c = up(hs * drops[k], k + 1)
        return top, [hs[-1]] + h, [cs[-1]] + c

    top, h, c = up(xs, 0)
    return [top, h, c]

# %% variant="tuples and masks that multiply" cell="dropout_forward"
def dropout_forward(xs, h0, c0, W_x, W_h, b, drop_x, drop_h):
    """The masks put into the weights' place: each sequence by itself."""
    T, B, _ = xs.shape
    hs, cs = np.zeros((T, *h0.shape), xs.dtype), np.zeros((T, *c0.shape), xs.dtype)
    for k in range(B):
        V_x, V_h = drop_x[k][:, None] * W_x, drop_h[k][:, None] * W_h
        h, c = h0[k : k + 1], c0[k : k + 1]
        for t in range(T):
            h, c, _ = lstm_step_forward(xs[t, k : k + 1], h, c, V_x, V_h, b)
            hs[t, k], cs[t, k] = h[0], c[0]
    return hs, cs

# %% variant="tuples and masks that multiply" cell="norm_step_forward"
def norm_step_forward(x_t, h_prev, W_xh, W_hh, b_h, gain):
    a = np.hstack([x_t, h_prev]) @ np.vstack([W_xh, W_hh])
    mu, var = a.mean(-1)[:, None], a.var(-1)[:, None]
    n = (a - mu) / (var + 1e-5) ** 0.5
    h = np.tanh(n * gain + b_h)
    return h, (x_t, h_prev, a, h, W_xh, W_hh, gain)

# %% variant="tuples and masks that multiply" cell="norm_step_backward"
def norm_step_backward(dh_t, cache):
    if isinstance(cache, dict):
        x, h_prev, h, W, U, gain = (
            cache[k] for k in ("x_t", "h_prev", "h_t", "W_xh", "W_hh", "gain")
        )
        n, s = cache["n"], cache["s"]
    else:
        x, h_prev, a, h, W, U, gain = cache
        s = np.sqrt(a.var(-1) + 1e-5)[:, None]
        n = (a - a.mean(-1)[:, None]) / s
    H = n.shape[1]
    e = dh_t * (1 - h**2)
    g = e * gain
    da = (H * g - g.sum(1)[:, None] - n * (g * n).sum(1)[:, None]) / (H * s)
    return da @ W.T, da @ U.T, x.T @ da, h_prev.T @ da, e.sum(0), (e * n).sum(0)

# %% variant="in place, on its own copies" cell="masked_step"
def masked_step(x_t, h_prev, c_prev, mask_t, W_x, W_h, b):
    there = np.flatnonzero(mask_t)
    h_t, c_t = h_prev.copy(), c_prev.copy()
    h, c, step = lstm_step_forward(
        x_t[there], h_prev[there], c_prev[there], W_x, W_h, b
    )
    h_t[there], c_t[there] = h, c
    return h_t, c_t, {"step": step, "there": there, "D": x_t.shape[1]}

# %% variant="in place, on its own copies" cell="masked_step_backward"
def masked_step_backward(dh_t, dc_next, cache):
    if "there" not in cache:  # a cache of the course's own
        m = cache["mask_t"][:, None]
        g = lstm_step_backward(dh_t * m, dc_next * m, cache["step"])
        g["dh_prev"] = np.where(m, g["dh_prev"], dh_t)
        g["dc_prev"] = np.where(m, g["dc_prev"], dc_next)
        return g
    there = cache["there"]
    g = dict(lstm_step_backward(dh_t[there], dc_next[there], cache["step"]))
    full = np.zeros((len(dh_t), cache["D"]), dh_t.dtype)
    full[there] = g["dx_t"]
    dh_prev, dc_prev = dh_t.copy(), dc_next.copy()
    dh_prev[there], dc_prev[there] = g["dh_prev"], g["dc_prev"]
    g.update(dx_t=full, dh_prev=dh_prev, dc_prev=dc_prev)
    return g

# %% variant="in place, on its own copies" cell="birnn"
def birnn(xs, lengths, ahead, back):
    """Packed: only those that are there are computed at all."""
    T, B = xs.shape[:2]
    H = len(ahead["W_h"])
    hs = np.zeros((T, B, 2 * H), xs.dtype)
    last = np.zeros((B, 2 * H), xs.dtype)
    for w, steps, half in (
        (ahead, range(T), slice(0, H)), (back, reversed(range(T)), slice(H, None))
    ):
        h, c = np.zeros((B, H), xs.dtype), np.zeros((B, H), xs.dtype)
        for t in steps:
            on = np.flatnonzero(lengths > t)
            if len(on):
                h[on], c[on], _ = lstm_step_forward(
                    xs[t, on], h[on], c[on], w["W_x"], w["W_h"], w["b"]
                )
                hs[t, on, half] = h[on]
        last[:, half] = h
    return hs, last

# %% variant="in place, on its own copies" cell="norm_step_backward"
def norm_step_backward(dh_t, cache):
    """By projections: off the constant vector, off n."""
    n, s = cache["n"], cache["s"]
    d = dh_t * (1 - cache["h_t"] ** 2)
    db_h, dgain = d.sum(0), (d * n).sum(0)
    d = d * cache["gain"]
    d -= n * np.einsum("bi,bi->b", d, n)[:, None] / n.shape[1]
    d -= d.mean(1, keepdims=True)
    d /= s
    return dict(
        dx_t=d @ cache["W_xh"].T, dh_prev=d @ cache["W_hh"].T,
        dW_xh=np.einsum("bd,bh->dh", cache["x_t"], d),
        dW_hh=np.einsum("bd,bh->dh", cache["h_prev"], d), db_h=db_h, dgain=dgain,
    )
