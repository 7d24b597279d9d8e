"""Right solutions in other styles; the check must give each all its value points."""

# %% variant="one by one" cell="pretext"
def pretext(xs, noise, goal):
    if goal == "predict":
        return np.delete(xs, -1, axis=0), np.delete(xs, 0, axis=0)
    reads = [x_t + (goal == "denoise") * n_t for x_t, n_t in zip(xs, noise)]
    return np.array(reads, xs.dtype), np.flip(xs, axis=0)

# %% variant="one by one" cell="autoencoder_loss"
def autoencoder_loss(params, reads, tells):
    """Step by step, without the sequence functions."""
    p, (U, B, V) = params, tells.shape
    h = np.zeros((B, p["W_hh"].shape[0]), reads.dtype)
    s = np.zeros((B, p["W_ss"].shape[0]), reads.dtype)
    read, told, wrong = [], [], []
    for x_t in reads:
        h, cache = rnn_step_forward(x_t, h, p["W_xh"], p["W_hh"], p["b_h"])
        read.append(cache)
    for target in tells:
        s, cache = rnn_step_forward(h, s, p["W_es"], p["W_ss"], p["b_s"])
        told.append((s, cache))
        wrong.append(s @ p["W_sy"] + p["b_y"] - target)
    grads = {f"d{name}": np.zeros_like(w) for name, w in p.items()}
    ds, dcode = np.zeros_like(s), np.zeros_like(h)
    for (s_u, cache), w_u in zip(told[::-1], wrong[::-1]):
        dpred = 2 * w_u / (U * B * V)
        grads["dW_sy"] += s_u.T @ dpred
        grads["db_y"] += dpred.sum(0)
        back = rnn_step_backward(dpred @ p["W_sy"].T + ds, cache)
        ds, dcode = back["dh_prev"], dcode + back["dx_t"]
        for old, new in (("W_xh", "W_es"), ("W_hh", "W_ss"), ("b_h", "b_s")):
            grads[f"d{new}"] += back[f"d{old}"]
    dh = dcode
    for cache in read[::-1]:
        back = rnn_step_backward(dh, cache)
        dh = back["dh_prev"]
        for name in ("dW_xh", "dW_hh", "db_h"):
            grads[name] += back[name]
    return np.mean(np.square(wrong), dtype=reads.dtype), grads

# %% variant="one by one" cell="train_autoencoder"
def train_autoencoder(params, xs, order, lr):
    """Adam by hand, its moments in one pair of long vectors."""
    names = list(params)
    cuts = np.cumsum([params[n].size for n in names])[:-1]
    w = np.concatenate([params[n].ravel() for n in names])
    m, v = np.zeros_like(w), np.zeros_like(w)
    for n in range(len(order)):
        parts = np.split(w, cuts)
        now = {k: a.reshape(params[k].shape) for k, a in zip(names, parts)}
        batch = xs[:, order[n]]
        _, grads = autoencoder_loss(now, batch, batch[::-1])
        g = np.concatenate([grads[f"d{k}"].ravel() for k in names])
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        up, down = m / (1 - 0.9 ** (n + 1)), v / (1 - 0.99 ** (n + 1))
        w = w - lr * up / (np.sqrt(down) + 1e-8)
    parts = np.split(w, cuts)
    return {k: a.reshape(params[k].shape) for k, a in zip(names, parts)}

# %% variant="one by one" cell="pca_codes"
def pca_codes(codes, held, K, whiten):
    """By the eigenvectors of the covariance."""
    middle = sum(codes) / len(codes)
    away = codes - middle
    size, vectors = np.linalg.eigh(away.T @ away / codes.dtype.type(len(codes)))
    axes = vectors.T[::-1][:K].copy()
    for axis in axes:
        if axis[np.argmax(abs(axis))] < 0:
            axis *= -1
    width = np.sqrt(size[::-1][:K]) if whiten else np.ones(K, codes.dtype)
    return away @ axes.T / width, (held - middle) @ axes.T / width, axes

# %% variant="one by one" cell="kmeans_step"
def kmeans_step(points, centres):
    clusters, inertia = [], points.dtype.type(0)
    for point in points:
        squares = [((point - centre) ** 2).sum() for centre in centres]
        clusters.append(squares.index(min(squares)))
        inertia += min(squares)
    moved = []
    for k, centre in enumerate(centres):
        own = [p for p, c in zip(points, clusters) if c == k]
        moved.append(np.mean(own, axis=0) if own else centre)
    return clusters, np.array(moved), inertia

# %% variant="one by one" cell="kmeans"
def kmeans(points, starts, rounds):
    best = None
    for start in starts:
        centres = start.copy()
        for _ in range(rounds):
            centres = kmeans_step(points, centres)[1]
        clusters, _, inertia = kmeans_step(points, centres)
        if best is None or inertia < best[2]:
            best = clusters, centres, inertia
    return list(best)

# %% variant="one by one" cell="adjusted_rand"
def adjusted_rand(labels, clusters):
    """All pairs, two by two."""
    both = one = other = pairs = 0
    for i in range(len(labels)):
        for j in range(i):
            same, near = labels[i] == labels[j], clusters[i] == clusters[j]
            both, one, other = both + (same and near), one + same, other + near
            pairs += 1
    if one == other == both and one in (0, pairs):
        return 1
    chance = one * other / pairs
    return (both - chance) / (0.5 * (one + other) - chance)

# %% variant="one by one" cell="linear_probe"
def linear_probe(codes, labels, held, V, strength):
    """Least squares with extra rows for the penalty."""
    (N, H), kind = codes.shape, codes.dtype
    middle, width = codes.mean(0), codes.std(0)
    width[width == 0] = 1
    Y = np.array([[label == k for k in range(V)] for label in labels], kind)
    b = Y.sum(0) / kind.type(N)
    rows = np.concatenate([(codes - middle) / width, (N * strength) ** 0.5 * np.eye(H)])
    wanted = np.concatenate([Y - b, np.zeros((H, V))])
    W = np.linalg.lstsq(rows, wanted, rcond=None)[0].astype(kind)
    return np.argmax((held - middle) / width @ W + b, -1), W, b

# %% variant="one by one" cell="probe_over_time"
def probe_over_time(hs, labels, train, V, strength):
    right = np.zeros(len(hs), hs.dtype)
    for t in range(len(hs)):
        fit = np.flatnonzero(train)
        test = np.setdiff1d(np.arange(len(labels)), fit)
        said = linear_probe(hs[t][fit], labels[fit], hs[t][test], V, strength)[0]
        right[t] = sum(s == l for s, l in zip(said, labels[test])) / len(test)
    return right

# %% variant="einsum and broadcasting" cell="autoencoder_loss"
def autoencoder_loss(params, reads, tells):
    U, B, V = tells.shape
    H, S = params["W_es"].shape
    zero = np.zeros_like(reads[0, :, :1])
    hs, front = rnn_forward(
        reads, zero + np.zeros(H, zero.dtype),
        params["W_xh"], params["W_hh"], params["b_h"],
    )
    copies = np.repeat(hs[-1:], U, axis=0)
    ss, back = rnn_forward(
        copies, zero + np.zeros(S, zero.dtype),
        params["W_es"], params["W_ss"], params["b_s"],
    )
    wrong = np.einsum("ubs,sv->ubv", ss, params["W_sy"]) + params["b_y"] - tells
    loss = np.einsum("ubv,ubv->", wrong, wrong) / wrong.size
    dy = wrong * reads.dtype.type(2 / wrong.size)
    second = rnn_backward(np.einsum("ubv,sv->ubs", dy, params["W_sy"]), back)
    first = rnn_backward(
        np.concatenate([0 * hs[:-1], second["dxs"].sum(0, keepdims=True)]), front
    )
    grads = {"dW_es": second["dW_xh"], "dW_ss": second["dW_hh"]}
    grads |= {"db_s": second["db_h"], "db_y": np.einsum("ubv->v", dy)}
    grads["dW_sy"] = np.tensordot(ss, dy, axes=[(0, 1), (0, 1)])
    return loss, {**{k: first[k] for k in ("dW_xh", "dW_hh", "db_h")}, **grads}

# %% variant="einsum and broadcasting" cell="pca_codes"
def pca_codes(codes, held, K, whiten):
    middle = np.mean(codes, 0)
    axes = np.linalg.svd(codes - middle)[2][:K]
    peak = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)
    axes = axes * np.sign(peak)
    near = np.einsum("nh,kh->nk", codes - middle, axes)
    far = np.einsum("nh,kh->nk", held - middle, axes)
    scale = 1 / np.sqrt((near**2).mean(0)) if whiten else 1
    return [near * scale, far * scale, axes]

# %% variant="einsum and broadcasting" cell="kmeans_step"
def kmeans_step(points, centres):
    square = ((points[:, None] - centres) ** 2).sum(-1)
    clusters = square.argmin(1)
    member = (clusters[:, None] == np.arange(len(centres))).astype(points.dtype)
    count = member.sum(0)[:, None]
    total = member.T @ points
    moved = np.where(count > 0, total / np.maximum(count, 1), centres)
    return clusters, moved, np.take_along_axis(square, clusters[:, None], 1).sum()

# %% variant="einsum and broadcasting" cell="adjusted_rand"
def adjusted_rand(labels, clusters):
    same = labels[:, None] == labels
    near = clusters[:, None] == clusters
    upper = np.triu(np.ones(same.shape, bool), 1)
    tp = (same & near & upper).sum()
    fp, fn = (~same & near & upper).sum(), (same & ~near & upper).sum()
    tn = (~same & ~near & upper).sum()
    below = (tp + fn) * (fn + tn) + (tp + fp) * (fp + tn)
    return 2 * (tp * tn - fn * fp) / below if below else 1.0

# %% variant="einsum and broadcasting" cell="kmeans"
def kmeans(points, starts, rounds):
    ends = np.array(starts)
    for _ in range(rounds):
        ends = np.array([kmeans_step(points, end)[1] for end in ends])
    looks = [kmeans_step(points, end) for end in ends]
    r = int(np.argmin([look[2] for look in looks]))
    return looks[r][0], ends[r], looks[r][2]

# %% variant="torch" cell="linear_probe"
import torch

def linear_probe(codes, labels, held, V, strength):
    given, asked = torch.tensor(codes), torch.tensor(held)
    width, centre = torch.std_mean(given, dim=0, correction=0)
    width[width == 0] = 1
    Z = (given - centre) / width
    Y = torch.nn.functional.one_hot(torch.tensor(labels), V).to(Z)
    b = Y.mean(0)
    gram = Z.T @ Z + len(Z) * strength * torch.eye(Z.shape[1]).to(Z)
    W = torch.linalg.solve(gram, Z.T @ (Y - b))
    said = ((asked - centre) / width @ W + b).argmax(1)
    return said.numpy(), W.numpy(), b.numpy()

# %% variant="writes into its input" cell="pca_codes" loses="pca_codes: purity"
def pca_codes(codes, held, K, whiten):
    middle = codes.mean(0)
    codes -= middle
    held -= middle
    axes = np.linalg.svd(codes, full_matrices=False)[2][:K]
    axes *= np.sign([[axis[np.abs(axis).argmax()]] for axis in axes])
    near, far = codes @ axes.T, held @ axes.T
    if whiten:
        far /= near.std(0)
        near /= near.std(0)
    return near, far, axes
