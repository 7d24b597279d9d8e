# %% [markdown]
# Right solutions in other people's styles. A header names the solution cell that is
# replaced, and what the style costs (never a value): see `Variant` in
# autograder/exercise.py. What is ugly here is ugly on purpose.

# %% variant="plus minus" cell="sgd_step"
def sgd_step(w, dw, lr):
    step = np.multiply(dw, -lr)
    return np.add(step, w)

# %% variant="copy and subtract" cell="sgd_step"
def sgd_step(w, dw, lr):
    new = w.copy()
    new -= lr * dw
    return new

# %% variant="in place" cell="sgd_step" loses="sgd_step: purity"
def sgd_step(w, dw, lr):
    w -= lr * dw
    return w

# %% variant="entry by entry" cell="sgd_step"
def sgd_step(w, dw, lr):
    new = np.empty_like(w)
    for index in np.ndindex(w.shape):
        new[index] = w[index] - lr * dw[index]
    return new

# %% variant="list of two" cell="momentum_step"
def momentum_step(w, dw, m, lr, mu):
    m = dw + m * mu
    return [w - m * lr, m]

# %% variant="velocity downhill" cell="momentum_step"
def momentum_step(w, dw, m, lr, mu):
    """The velocity points downhill and has the rate inside, until the end."""
    velocity = -lr * mu * m - lr * dw
    return w + velocity, velocity / -lr

# %% variant="momentum in place" cell="momentum_step" loses="momentum_step: purity"
def momentum_step(w, dw, m, lr, mu):
    m *= mu
    m += dw
    w -= lr * m
    return w, m

# %% variant="one rate" cell="adam_step"
def adam_step(w, dw, m, v, n, lr, beta1, beta2, eps):
    """As PyTorch computes it: the corrections go into the rate and the root."""
    m = m + (dw - m) * (1 - beta1)
    v = beta2 * v + (1 - beta2) * dw * dw
    root = np.sqrt(v) / (1 - beta2**n) ** 0.5 + eps
    return w - lr / (1 - beta1**n) * m / root, m, v

# %% variant="as in the paper" cell="adam_step"
def adam_step(w, dw, m, v, n, lr, beta1, beta2, eps):
    """The paper's faster form, with its eps made to match."""
    m, v = beta1 * m + (1 - beta1) * dw, beta2 * v + (1 - beta2) * np.square(dw)
    rate = lr * (1 - beta2**n) ** 0.5 / (1 - beta1**n)
    hat = eps * (1 - beta2**n) ** 0.5
    return w - rate * m / (v**0.5 + hat), m, v

# %% variant="flat" cell="adam_step"
def adam_step(w, dw, m, v, n, lr, beta1, beta2, eps):
    news = np.empty_like(w), np.empty_like(w), np.empty_like(w)
    for i in np.ndindex(w.shape):
        news[1][i] = beta1 * m[i] + (1 - beta1) * dw[i]
        news[2][i] = beta2 * v[i] + (1 - beta2) * dw[i] * dw[i]
        a, b = news[1][i] / (1 - beta1**n), news[2][i] / (1 - beta2**n)
        news[0][i] = w[i] - lr * a / (b**0.5 + eps)
    return news

# %% variant="state in place" cell="adam_step" loses="adam_step: purity"
def adam_step(w, dw, m, v, n, lr, beta1, beta2, eps):
    m *= beta1
    m += (1 - beta1) * dw
    v *= beta2
    v += (1 - beta2) * dw**2
    w -= lr * (m / (1 - beta1**n)) / (np.sqrt(v / (1 - beta2**n)) + eps)
    return w, m, v

# %% variant="one long vector" cell="clip_global_norm"
def clip_global_norm(grads, c):
    norm = np.linalg.norm(np.concatenate([g.ravel() for g in grads.values()]))
    if norm <= c:
        return {k: g.copy() for k, g in grads.items()}, norm
    return {k: g * (c / norm) for k, g in grads.items()}, norm

# %% variant="as torch does" cell="clip_global_norm"
def clip_global_norm(grads, c):
    """With 1e-6 in the denominator, so that no case is special."""
    norm = np.linalg.norm([np.linalg.norm(g) for g in grads.values()])
    factor = min(c / (norm + 1e-6), 1.0)
    return {k: (g * factor).astype(g.dtype) for k, g in grads.items()}, float(norm)

# %% variant="the same arrays" cell="clip_global_norm"
def clip_global_norm(grads, c):
    """Nothing to clip: the caller gets its own arrays back, in a new dict."""
    total = 0.0
    for g in grads.values():
        total += float(np.vdot(g, g))
    norm = total**0.5
    return (dict(grads) if norm <= c else {k: c * g / norm for k, g in grads.items()}), norm

# %% variant="scaled in place" cell="clip_global_norm" loses="clip_global_norm: purity"
def clip_global_norm(grads, c):
    norm = np.sqrt(sum(np.sum(g * g) for g in grads.values()))
    if norm > c:
        for g in grads.values():
            g *= c / norm
    return grads, norm

# %% variant="column by column" cell="stream_batches"
def stream_batches(ids, T, B):
    rows = len(ids) // B
    n = (rows - 1) // T
    out = np.zeros((n, T + 1, B), dtype=ids.dtype)
    for k in range(n):
        for b in range(B):
            out[k, :, b] = ids[b * rows + k * T : b * rows + k * T + T + 1]
    return out

# %% variant="list of windows" cell="stream_batches"
def stream_batches(ids, T, B):
    columns = np.stack(np.split(ids[: len(ids) // B * B], B), axis=-1)
    windows, k = [], 0
    while k + T < len(columns):
        windows.append(columns[k : k + T + 1])
        k += T
    return windows

# %% variant="index arithmetic" cell="stream_batches"
def stream_batches(ids, T, B):
    rows = len(ids) // B
    k, t, b = np.ogrid[: (rows - 1) // T, : T + 1, :B]
    return ids[b * rows + k * T + t]

# %% variant="sliding windows" cell="stream_batches"
def stream_batches(ids, T, B):
    columns = ids[: B * (len(ids) // B)].reshape(B, -1)
    views = np.lib.stride_tricks.sliding_window_view(columns, T + 1, axis=1)
    return views[:, ::T].transpose(1, 2, 0)

# %% variant="late logits only" cell="tbptt_window"
def tbptt_window(params, ids, h0, k1):
    """The output layer looks at the last k1 states only; no mask."""
    V, dtype = params["W_xh"].shape[0], h0.dtype
    cell = params["W_xh"], params["W_hh"], params["b_h"]
    hs, cache = rnn_forward(np.eye(V, dtype=dtype)[ids[:-1]], h0, *cell)
    late = hs[-k1:]
    logits = late @ params["W_hy"] + params["b_y"]
    every = np.ones(logits.shape[:2], dtype=bool)
    loss, dlogits = cross_entropy(logits, ids[-k1:], every)
    dhs = np.zeros_like(hs)
    dhs[-k1:] = dlogits @ params["W_hy"].T
    grads = rnn_backward(dhs, cache)
    grads["dW_hy"] = sum(h.T @ dy for h, dy in zip(late, dlogits))
    grads["db_y"] = dlogits.sum((0, 1))
    return loss, grads, hs[:k1][-1]

# %% variant="two pieces" cell="tbptt_window"
def tbptt_window(params, ids, h0, k1):
    """Reads the window in two pieces: up to the state that is handed over, and on."""
    V = len(params["b_y"])
    cell = [params[name] for name in ("W_xh", "W_hh", "b_h")]
    xs = (ids[:-1, :, None] == np.arange(V)).astype(h0.dtype)
    first, one = rnn_forward(xs[:k1], h0, *cell)
    h_next = first[-1]
    steps, hs = one["steps"], first
    if k1 < len(xs):
        second, two = rnn_forward(xs[k1:], h_next, *cell)
        steps, hs = steps + two["steps"], np.concatenate([first, second])
    logits = hs @ params["W_hy"] + params["b_y"]
    counts = np.arange(len(xs))[:, None] + 0 * ids[1:] >= len(xs) - k1
    loss, dlogits = cross_entropy(logits, ids[1:], counts)
    found = rnn_backward(dlogits @ params["W_hy"].T, {"steps": steps})
    found["dW_hy"] = np.tensordot(hs, dlogits, ([0, 1], [0, 1]))
    found["db_y"] = dlogits.reshape(-1, V).sum(0)
    return loss, found, h_next

# %% variant="step by step" cell="tbptt_window"
def tbptt_window(params, ids, h0, k1):
    """Its own loops; of the earlier functions only the two steps."""
    W_hy, k2, h, h_next = params["W_hy"], len(ids) - 1, h0, h0
    grads = {"d" + name: np.zeros_like(p) for name, p in params.items()}
    caches, dys, loss, B = [], [], 0.0, ids.shape[1]
    for t in range(k2):
        x = np.eye(len(W_hy.T), dtype=h.dtype)[ids[t]]
        h, cache = rnn_step_forward(x, h, params["W_xh"], params["W_hh"], params["b_h"])
        caches.append(cache)
        y = h @ W_hy + params["b_y"]
        y = y - y.max(1, keepdims=True)
        p = np.exp(y) / np.exp(y).sum(1, keepdims=True)
        dy = p.copy()
        dy[np.arange(B), ids[t + 1]] -= 1
        late = t >= k2 - k1
        dys.append(dy * late / (k1 * B))
        loss -= late * np.log(p[np.arange(B), ids[t + 1]]).sum() / (k1 * B)
        h_next = h if t == k1 - 1 else h_next
    dh = np.zeros_like(h)
    for t in range(k2)[::-1]:
        grads["dW_hy"] += caches[t]["h_t"].T @ dys[t]
        grads["db_y"] += dys[t].sum(0)
        step = rnn_step_backward(dys[t] @ W_hy.T + dh, caches[t])
        dh = step["dh_prev"]
        for name in ("dW_xh", "dW_hh", "db_h"):
            grads[name] += step[name]
    return loss, grads, h_next

# %% variant="h0 overwritten" cell="tbptt_window" loses="tbptt_window: purity"
def tbptt_window(params, ids, h0, k1):
    cell = params["W_xh"], params["W_hh"], params["b_h"]
    hs, cache = rnn_forward(np.eye(len(cell[0]), dtype=h0.dtype)[ids[:-1]], h0, *cell)
    mask = np.zeros(ids[1:].shape, dtype=bool)
    mask[len(mask) - k1 :] = True
    loss, dys = cross_entropy(hs @ params["W_hy"] + params["b_y"], ids[1:], mask)
    grads = dict(rnn_backward(dys @ params["W_hy"].T, cache))
    grads["dW_hy"] = np.einsum("tbh,tbv->hv", hs, dys)
    grads["db_y"] = dys.sum(axis=(0, 1))
    h0[:] = hs[k1 - 1]
    return loss, grads, h0.copy()
