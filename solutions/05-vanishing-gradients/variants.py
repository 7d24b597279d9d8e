"""Right solutions in other styles; the check must give each all its value points."""

# %% variant="sequence by sequence" cell="step_jacobian"
def step_jacobian(h_t, W_hh):
    found = []
    for h in h_t:
        found.append(np.diag(1 - h * h) @ W_hh.T)
    return np.array(found)

# %% variant="sequence by sequence" cell="jacobian_product"
def jacobian_product(hs, W_hh):
    T, B, H = hs.shape
    J = np.empty((T, B, H, H), hs.dtype)
    for b in range(B):
        product = np.eye(H, dtype=hs.dtype)
        for t in reversed(range(T)):
            J[t, b] = product
            product = product @ step_jacobian(hs[t, b : b + 1], W_hh)[0]
    return J

# %% variant="sequence by sequence" cell="spectral_curves"
def spectral_curves(hs, W_hh):
    T, B, _ = hs.shape
    J = jacobian_product(hs, W_hh)
    norms, bounds = np.ones((T, B), hs.dtype), np.ones((T, B), hs.dtype)
    for b in range(B):
        for t in range(T):
            norms[t, b] = np.linalg.svd(J[t, b], compute_uv=False)[0]
            for k in range(t + 1, T):
                S = step_jacobian(hs[k, b : b + 1], W_hh)[0]
                bounds[t, b] *= np.linalg.svd(S, compute_uv=False)[0]
    return norms, bounds

# %% variant="sequence by sequence" cell="orthogonal"
def orthogonal(draws):
    """Gram and Schmidt, twice for the digits."""
    Q = np.array(draws)
    for k in range(len(Q)):
        for _ in range(2):
            for j in range(k):
                Q[:, k] -= (Q[:, j] @ Q[:, k]) * Q[:, j]
        Q[:, k] /= np.sqrt(Q[:, k] @ Q[:, k])
    return Q

# %% variant="sequence by sequence" cell="adding_problem"
def adding_problem(values, first, second):
    T, B = values.shape
    xs = np.zeros((T, B, 2), dtype=values.dtype)
    xs[:, :, 0] = values
    target = []
    for b in range(B):
        xs[first[b], b, 1] = xs[second[b], b, 1] = 1
        target.append(values[first[b], b] + values[second[b], b])
    return xs, np.array(target)

# %% variant="sequence by sequence" cell="copy_problem"
def copy_problem(symbols, lag, V):
    K, B = len(symbols), len(symbols[0])
    rows = [list(row) for row in symbols] + [[V] * B] * lag + [[V + 1] * B] * K
    targets = [[0] * B] * (K + lag) + [list(row) for row in symbols]
    mask = [[t >= K + lag] * B for t in range(K + lag + K)]
    return np.array(rows), np.array(targets), np.array(mask)

# %% variant="sequence by sequence" cell="bridged_lags"
def bridged_lags(lags, errors, threshold):
    reach = []
    for run in errors.T:
        far = 0
        for lag, error in zip(lags, run):
            if not error < threshold:
                break
            far = lag
        reach.append(far)
    return np.array(reach)

# %% variant="sequence by sequence" cell="identity_init"
def identity_init(draws, scale):
    D, H = draws.shape
    W_hh = np.zeros((H, H), draws.dtype)
    np.fill_diagonal(W_hh, scale)
    return dict(W_xh=draws / 1000, W_hh=W_hh, b_h=draws[0] * 0)

# %% variant="einsum and lists" cell="step_jacobian"
def step_jacobian(h_t, W_hh):
    return np.einsum("bi,ji->bij", 1 - h_t**2, W_hh)

# %% variant="einsum and lists" cell="jacobian_product"
def jacobian_product(hs, W_hh):
    H = hs.shape[-1]
    found = [np.stack([np.eye(H, dtype=hs.dtype)] * hs.shape[1])]
    for h_t in hs[:0:-1]:
        S = step_jacobian(h_t, W_hh)
        found.insert(0, np.einsum("bij,bjk->bik", found[0], S))
    return found

# %% variant="einsum and lists" cell="spectral_curves"
def spectral_curves(hs, W_hh):
    J = np.asarray(jacobian_product(hs, W_hh))
    gram = np.einsum("tbij,tbik->tbjk", J, J)
    norms = np.sqrt(np.abs(np.linalg.eigvalsh(gram)[..., -1]))
    single = [
        np.linalg.svd(step_jacobian(h_t, W_hh), compute_uv=False)[:, 0]
        for h_t in hs[1:]
    ]
    bounds = [np.prod(single[t:], axis=0) for t in range(len(single))]
    return [norms, np.array([*bounds, np.ones(hs.shape[1], hs.dtype)])]

# %% variant="einsum and lists" cell="late_growth"
def late_growth(H, growth):
    W = np.diag(np.full(H, 0.95)) + np.diag(np.full(H - 1, 1.04), -1)
    return W.tolist()

# %% variant="einsum and lists" cell="identity_init"
def identity_init(draws, scale):
    H = draws.shape[-1]
    W_hh = np.array([[scale * (i == j) for j in range(H)] for i in range(H)])
    return [1e-3 * draws, W_hh.astype(draws.dtype), np.zeros_like(draws[0])]

# %% variant="einsum and lists" cell="sort_matrices"
def sort_matrices():
    classes = np.zeros(len(matrices))
    for n, W in enumerate(matrices):
        classes[n] += np.linalg.norm(W, ord=2) >= 1
        classes[n] += max(abs(np.linalg.eigvals(W))) >= 1
    return classes

# %% variant="torch" cell="jacobian_product"
import torch

def jacobian_product(hs, W_hh):
    states, W = torch.tensor(hs), torch.tensor(W_hh)
    slopes = 1 - states**2
    J = [torch.eye(len(W), dtype=W.dtype).expand(len(states[0]), -1, -1)]
    for slope in slopes[1:].flip(0):
        J.append((J[-1] * slope[:, None, :]) @ W.T)
    return torch.stack(J[::-1])

# %% variant="torch" cell="late_growth"
def late_growth(H, growth):
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(H, H)))[0]
    plain = 0.9 * np.eye(H) + 1.05 * np.eye(H, k=1)
    return turn @ plain @ turn.T

# %% variant="writes into its input" cell="orthogonal" loses="orthogonal: purity"
def orthogonal(draws):
    Q, R = np.linalg.qr(draws)
    draws[...] = Q * np.sign(R.diagonal())
    return draws

# %% variant="writes into its input" cell="bridged_lags" loses="bridged_lags: purity"
def bridged_lags(lags, errors, threshold):
    errors[np.isnan(errors)] = np.inf
    failed = np.vstack([errors >= threshold, np.ones((1, errors.shape[1]), bool)])
    far = np.concatenate([[0], lags])
    return far[failed.argmax(axis=0)]

# %% variant="sequence by sequence" cell="train_copy"
def train_copy(params, symbols, lag, rate):
    """Adam, and nothing shortened."""
    weights = dict(params)
    m = {name: 0.0 for name in params}
    v = {name: 0.0 for name in params}
    for n, batch in enumerate(symbols, start=1):
        ids, targets, mask = copy_problem(batch, lag, params["W_hy"].shape[-1])
        _, grads = copy_loss(weights, ids, targets, mask)
        for name in weights:
            m[name] = 0.9 * m[name] + 0.1 * grads[name]
            v[name] = 0.999 * v[name] + 0.001 * grads[name] ** 2
            step = m[name] / (1 - 0.9**n) / (np.sqrt(v[name] / (1 - 0.999**n)) + 1e-8)
            weights[name] = weights[name] - rate * step
    return weights

# %% variant="einsum and lists" cell="train_copy"
def train_copy(params, symbols, lag, rate):
    """All weights as one long vector."""
    shapes = {name: np.shape(w) for name, w in params.items()}
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes.values()])

    def unfolded(vector):
        parts = np.split(vector, ends[:-1])
        return {n: p.reshape(s) for (n, s), p in zip(shapes.items(), parts)}

    theta = np.concatenate([np.ravel(w) for w in params.values()])
    square = np.zeros(len(theta))
    for batch in list(symbols):
        now = unfolded(theta)
        _, grads = copy_loss(now, *copy_problem(batch, lag, now["W_hy"].shape[1]))
        g = np.concatenate([np.ravel(grads[name]) for name in params])
        g = g * min(1.0, 1 / np.linalg.norm(g))
        square = 0.95 * square + 0.05 * g * g
        theta = theta - rate * g / (1e-6 + square**0.5)
    return {name: w.tolist() for name, w in unfolded(theta).items()}

# %% variant="torch" cell="train_copy"
def train_copy(params, symbols, lag, rate):
    """Autograd and torch's own cell; what was brought along is not used."""
    D, H = params["W_xh"].shape
    torch.set_num_threads(1)
    cell, out = torch.nn.RNN(D, H).double(), torch.tensor(params["W_hy"])
    with torch.no_grad():
        cell.weight_ih_l0.copy_(torch.tensor(params["W_xh"]).T)
        cell.weight_hh_l0.copy_(torch.tensor(params["W_hh"]).T)
        cell.bias_ih_l0.copy_(torch.tensor(params["b_h"]))
        cell.bias_hh_l0.zero_().requires_grad_(False)
    trained = [w for w in (*cell.parameters(), out.requires_grad_()) if w.requires_grad]
    optimiser = torch.optim.RMSprop(trained, lr=rate, alpha=0.95)
    for batch in symbols:
        ids, targets, mask = copy_problem(batch, lag, out.shape[1])
        logits = cell(torch.eye(D).double()[torch.tensor(ids)])[0] @ out
        loss = torch.nn.functional.cross_entropy(
            logits[torch.tensor(mask)], torch.tensor(targets[mask])
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
    W_xh, W_hh, b_h, W_hy = (w.detach().numpy() for w in trained)
    return {"W_xh": W_xh.T, "W_hh": W_hh.T, "b_h": b_h, "W_hy": W_hy}

# %% variant="writes into its input" cell="train_copy" loses="train_copy: purity"
def train_copy(params, symbols, lag, rate):
    square = {name: np.ones_like(w) * 1e-4 for name, w in params.items()}
    for batch in symbols:
        _, grads = copy_loss(params, *copy_problem(batch, lag, len(params["W_hy"].T)))
        for name, g in grads.items():
            square[name] = 0.9 * square[name] + 0.1 * g * g
            params[name] -= rate * g / np.sqrt(square[name] + 1e-8)
    return params
