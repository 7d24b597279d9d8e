"""Right solutions in other styles; the check must give each all its value points."""

# %% variant="loops" cell="split_and_scale"
def split_and_scale(values, n_train, n_val):
    N, D = values.shape
    mean, std = [], []
    for d in range(D):
        column = values[:n_train, d]
        column = column[~np.isnan(column)]
        mean.append(column.mean())
        std.append(np.sqrt(((column - column.mean()) ** 2).mean()))
    mean, std = np.array(mean), np.array(std)
    parts = np.split(values, [n_train, n_train + n_val])
    return *((part - mean) / std for part in parts), mean, std

# %% variant="loops" cell="windows"
def windows(values, L, K):
    xs, ys = [], []
    for start in range(len(values) - L - K + 1):
        xs.append(values[start : start + L])
        ys.append(values[start + L : start + L + K])
    return np.array(xs).T, np.array(ys).T

# %% variant="loops" cell="persistence"
def persistence(xs, K):
    return np.array([xs[-1] for _ in range(K)])

# %% variant="loops" cell="seasonal_naive"
def seasonal_naive(xs, K, season):
    known = [x for x in xs]
    for _ in range(K):
        known.append(known[-season])
    return np.array(known[len(xs) :])

# %% variant="loops" cell="fit_linear"
def fit_linear(xs, ys):
    """The normal equations, one step ahead after the other."""
    rows = np.vstack([xs, np.ones((1, xs.shape[1]), dtype=xs.dtype)])
    found = np.stack([np.linalg.solve(rows @ rows.T, rows @ y) for y in ys], axis=1)
    return found[:-1], found[-1]

# %% variant="loops" cell="recursive_forecast"
def recursive_forecast(xs, K, params):
    L, B = xs.shape
    found = np.zeros((K, B), dtype=xs.dtype)
    for b in range(B):
        h = np.zeros((1, params["W_hh"].shape[0]), dtype=xs.dtype)
        values = list(xs[:, b])
        for n in range(L + K - 1):
            x_t = np.array([[values[n]]], dtype=xs.dtype)
            h, _ = rnn_step_forward(
                x_t, h, params["W_xh"], params["W_hh"], params["b_h"]
            )
            if n >= L - 1:
                values.append((h @ params["W_hy"] + params["b_y"])[0, 0])
        found[:, b] = values[L:]
    return found

# %% variant="loops" cell="quantile_loss"
def quantile_loss(pred, target, levels, mask):
    K, B, Q = pred.shape
    loss, dpred, count = 0.0, np.zeros_like(pred), mask.sum() * Q
    for k in range(K):
        for b in range(B):
            if not mask[k, b]:
                continue
            for q in range(Q):
                if pred[k, b, q] < target[k, b]:
                    loss += levels[q] * (target[k, b] - pred[k, b, q])
                    dpred[k, b, q] = -levels[q] / count
                else:
                    loss += (1 - levels[q]) * (pred[k, b, q] - target[k, b])
                    dpred[k, b, q] = (1 - levels[q]) / count
    return pred.dtype.type(loss / count), dpred

# %% variant="loops" cell="coverage"
def coverage(pred, target, mask):
    hits = np.zeros(pred.shape[-1], dtype=pred.dtype)
    for k in range(len(mask)):
        for b in range(mask.shape[1]):
            if mask[k, b]:
                hits += pred[k, b] >= target[k, b]
    return hits / pred.dtype.type(mask.sum())

# %% variant="loops" cell="last_seen"
def last_seen(xs, mask, times, mean):
    T, B, D = xs.shape
    x_last, gap = np.empty_like(xs), np.empty_like(xs)
    for b in range(B):
        for d in range(D):
            value, since = mean[d], times[0, b]
            for t in range(T):
                x_last[t, b, d], gap[t, b, d] = value, times[t, b] - since
                if mask[t, b, d]:
                    value, since = xs[t, b, d], times[t, b]
    return x_last, gap

# %% variant="loops" cell="gru_d_step"
def gru_d_step(x_t, m_t, x_last, gap_t, mean, h_prev, params):
    B, D = x_t.shape
    H = h_prev.shape[1]
    read = np.zeros((B, 2 * D), dtype=x_t.dtype)
    gamma_x, gamma_h = np.ones_like(x_t), np.ones_like(h_prev)
    for b in range(B):
        for d in range(D):
            rate = gap_t[b, d] * params["w_gx"][d] + params["b_gx"][d]
            gamma_x[b, d] = np.exp(-rate) if rate > 0 else 1
            g = gamma_x[b, d]
            read[b, d] = x_t[b, d] if m_t[b, d] else g * x_last[b, d] + (1 - g) * mean[d]
            read[b, D + d] = 1 if m_t[b, d] else 0
        for i in range(H):
            rate = params["b_gh"][i] + sum(gap_t[b] * params["W_gh"][:, i])
            gamma_h[b, i] = np.exp(-rate) if rate > 0 else 1
    h_t, step = gru_step_forward(
        read, gamma_h * h_prev, params["W_x"], params["W_h"],
        params["b_x"], params["b_h"], "after",
    )
    return h_t, dict(
        m_t=m_t, x_last=x_last, gap_t=gap_t, mean=mean, h_prev=h_prev,
        gamma_x=gamma_x, gamma_h=gamma_h, step=step,
    )

# %% variant="loops" cell="gru_d_step_backward"
def gru_d_step_backward(dh_t, cache):
    back = gru_step_backward(dh_t, cache["step"])
    m, gap, gx, gh = (cache[k] for k in ("m_t", "gap_t", "gamma_x", "gamma_h"))
    B, D = m.shape
    H = dh_t.shape[1]
    out = {k: np.zeros_like(gap) for k in ("dx_t", "dx_last")}
    out["dh_prev"] = np.zeros_like(dh_t)
    out |= {k: np.zeros(D, dtype=gap.dtype) for k in ("dw_gx", "db_gx")}
    out["dW_gh"], out["db_gh"] = np.zeros((D, H), gap.dtype), np.zeros(H, gap.dtype)
    for b in range(B):
        for d in range(D):
            dx = back["dx_t"][b, d]
            if m[b, d]:
                out["dx_t"][b, d] = dx
                continue
            out["dx_last"][b, d] = dx * gx[b, d]
            if gx[b, d] < 1:
                far = cache["x_last"][b, d] - cache["mean"][d]
                slope = -dx * far * gx[b, d]
                out["dw_gx"][d] += slope * gap[b, d]
                out["db_gx"][d] += slope
        for i in range(H):
            dh = back["dh_prev"][b, i]
            out["dh_prev"][b, i] = dh * gh[b, i]
            if gh[b, i] < 1:
                slope = -dh * cache["h_prev"][b, i] * gh[b, i]
                out["db_gh"][i] += slope
                for d in range(D):
                    out["dW_gh"][d, i] += slope * gap[b, d]
    for name in ("dW_x", "dW_h", "db_x", "db_h"):
        out[name] = back[name]
    return out

# %% variant="loops" cell="anomaly_scores"
def anomaly_scores(errors, calm):
    mu = sum(calm) / len(calm)
    cov = sum(np.outer(e - mu, e - mu) for e in calm) / len(calm)
    return np.array([(e - mu) @ np.linalg.inv(cov) @ (e - mu) for e in errors])

# %% variant="loops" cell="flag_anomalies"
def flag_anomalies(scores, calm_scores, window, share):
    means = [
        calm_scores[n : n + window].mean() for n in range(len(calm_scores) - window + 1)
    ]
    limits = np.quantile(calm_scores, 1 - share), np.quantile(means, 1 - share)
    points = np.array([s > limits[0] for s in scores])
    stretches = np.zeros(len(scores), bool)
    for n in range(window - 1, len(scores)):
        stretches[n] = scores[n - window + 1 : n + 1].mean() > limits[1]
    return points, stretches, np.array(limits)

# %% variant="loops" cell="train_forecaster"
def train_forecaster(params, xs, ys, xs_val, ys_val, levels, batches, lr):
    """Adam; every update looked at."""
    weights = dict(params)
    m, v = {n: 0.0 for n in params}, {n: 0.0 for n in params}
    seen = []
    for n, at in enumerate(batches, start=1):
        _, grads = forecast_loss(weights, xs[:, at], ys[:, at], levels)
        for name in weights:
            m[name] = 0.9 * m[name] + 0.1 * grads[name]
            v[name] = 0.999 * v[name] + 0.001 * grads[name] ** 2
            step = m[name] / (1 - 0.9**n) / (np.sqrt(v[name] / (1 - 0.999**n)) + 1e-8)
            weights[name] = weights[name] - lr * step
        if n % 5 == 0:
            reached = forecast_loss(weights, xs_val, ys_val, levels)[0]
            seen.append((reached, n, dict(weights)))
    return min(seen, key=lambda row: row[:2])[2]

# %% variant="loops" cell="train_alarm"
def train_alarm(params, record, n_train, n_val, L, batches, lr, window, share):
    """Adam on single windows; the errors of validation reach back into training."""
    w, K = dict(params), len(params["b_y"])
    m, v = {n: 0.0 for n in w}, {n: 0.0 for n in w}
    for step, at in enumerate(batches, start=1):
        xs = np.array([record[b : b + L] for b in at]).T[..., None]
        ys = np.array([record[b + L : b + L + K] for b in at]).T
        _, grads = forecast_loss(w, xs, ys, np.array([0.5]))
        rate = lr * (1 - (step - 1) / len(batches))
        for name, g in grads.items():
            m[name] = 0.9 * m[name] + 0.1 * g
            v[name] = 0.99 * v[name] + 0.01 * g**2
            down = np.sqrt(v[name] / (1 - 0.99**step)) + 1e-8
            w[name] = w[name] - rate * m[name] / (1 - 0.9**step) / down
    before = n_train - L - K + 1
    calm = forecast_errors(w, record[before : n_train + n_val], L)
    apart = calm - calm.mean(axis=0)
    cov = apart.T @ apart / len(calm)
    scores = np.array([e @ np.linalg.inv(cov) @ e for e in apart])
    means = [scores[n : n + window].mean() for n in range(len(scores) - window + 1)]
    limits = [np.quantile(scores, 1 - share), np.quantile(means, 1 - share)]
    return dict(new_params=w, calm=calm, limits=limits)

# %% variant="torch" cell="quantile_loss"
import torch

def quantile_loss(pred, target, levels, mask):
    leaf = torch.tensor(pred, requires_grad=True)
    real = torch.tensor(mask)
    off = torch.tensor(target)[real][:, None] - leaf[real]
    q = torch.tensor(levels)
    loss = torch.where(off > 0, q * off, (q - 1) * off).mean()
    loss.backward()
    return loss.detach().numpy()[()], leaf.grad.numpy()

# %% variant="torch" cell="fit_linear"
def fit_linear(xs, ys):
    """Centred, by the pseudo-inverse."""
    middle_x, middle_y = xs.mean(axis=1), ys.mean(axis=1)
    W = np.linalg.pinv((xs - middle_x[:, None]).T) @ (ys - middle_y[:, None]).T
    return W, middle_y - middle_x @ W

# %% variant="torch" cell="anomaly_scores"
def anomaly_scores(errors, calm):
    """By the Cholesky factor."""
    seen = torch.tensor(calm)
    cov = torch.cov(seen.T, correction=0).reshape(seen.shape[1], -1)
    factor = torch.linalg.cholesky(cov)
    apart = (torch.tensor(errors) - seen.mean(0)).T
    return (torch.linalg.solve_triangular(factor, apart, upper=False) ** 2).sum(0).numpy()

# %% variant="torch" cell="last_seen"
def last_seen(xs, mask, times, mean):
    """The index of the last value, by a running maximum."""
    T, B, D = xs.shape
    at = np.where(mask, np.arange(1, T + 1)[:, None, None], 0)
    before = np.concatenate([np.zeros_like(at[:1]), at[:-1]])
    newest = np.maximum.accumulate(before)  # one more than the index; 0 if none
    filled = np.where(mask, xs, mean)
    stacked = np.concatenate([np.broadcast_to(mean, (1, B, D)).astype(xs.dtype), filled])
    clock = np.broadcast_to(times[..., None], xs.shape)
    clocks = np.concatenate([clock[:1], clock])
    return [
        np.take_along_axis(stacked, newest, 0),
        clock - np.take_along_axis(clocks, newest, 0),
    ]

# %% variant="torch" cell="train_forecaster"
def train_forecaster(params, xs, ys, xs_val, ys_val, levels, batches, lr):
    """Autograd and torch's own cell; what was brought along is not used."""
    torch.set_num_threads(1)
    D, H = params["W_xh"].shape
    cell = torch.nn.RNN(D, H).double()
    heads = [torch.tensor(params[n], requires_grad=True) for n in ("W_hy", "b_y")]
    with torch.no_grad():
        cell.weight_ih_l0.copy_(torch.tensor(params["W_xh"]).T)
        cell.weight_hh_l0.copy_(torch.tensor(params["W_hh"]).T)
        cell.bias_ih_l0.copy_(torch.tensor(params["b_h"]))
        cell.bias_hh_l0.zero_().requires_grad_(False)
    trained = [*(w for w in cell.parameters() if w.requires_grad), *heads]
    q, (K, _) = torch.tensor(levels), ys.shape

    def loss(xs, ys):
        seen, target = torch.tensor(xs), torch.tensor(ys)
        out = cell(seen)[0][-1] @ heads[0] + heads[1]
        pred = out.unflatten(1, (K, -1)).transpose(0, 1) + seen[-1, :, :1]
        off = target[..., None] - pred
        return torch.maximum(q * off, (q - 1) * off).mean()

    optimiser, lowest = torch.optim.Adam(trained, lr=lr), torch.inf
    for n, at in enumerate(batches):
        optimiser.zero_grad()
        loss(xs[:, at], ys[:, at]).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        if n % 10 == 9:
            with torch.no_grad():
                now = loss(xs_val, ys_val).item()
            if now < lowest:
                lowest, best = now, [w.detach().clone().numpy() for w in trained]
    W_xh, W_hh, b_h, W_hy, b_y = best
    return {"W_xh": W_xh.T, "W_hh": W_hh.T, "b_h": b_h, "W_hy": W_hy, "b_y": b_y}

# %% variant="torch" cell="train_alarm"
def train_alarm(params, record, n_train, n_val, L, batches, lr, window, share):
    """Autograd; the absolute error is the loss at the level 0.5, but for a factor."""
    torch.set_num_threads(1)
    w = {n: torch.tensor(a, requires_grad=True) for n, a in params.items()}
    series = torch.tensor(record)
    every = series[:n_train].unfold(0, L + len(params["b_y"]), 1)

    def said(xs):
        h = torch.zeros(len(xs), len(w["W_hh"]), dtype=xs.dtype)
        for x_t in xs.T:
            h = torch.tanh(x_t[:, None] @ w["W_xh"] + h @ w["W_hh"] + w["b_h"])
        return xs[:, -1:] + h @ w["W_hy"] + w["b_y"]

    optimiser = torch.optim.Adam(w.values(), lr=lr)
    fall = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, len(batches))
    for at in batches:
        optimiser.zero_grad()
        off = every[at, L:] - said(every[at, :L])
        off.abs().mean().backward()
        torch.nn.utils.clip_grad_norm_(w.values(), 1.0)
        optimiser.step()
        fall.step()
    trained = {n: a.detach().numpy() for n, a in w.items()}
    calm = forecast_errors(trained, record[n_train : n_train + n_val], L)
    scores = anomaly_scores(calm, calm)
    limits = flag_anomalies(scores, scores, window, share)[2]
    return {"new_params": trained, "calm": calm, "limits": limits}

# %% variant="writes into its input" cell="split_and_scale" loses="split_and_scale: purity"
def split_and_scale(values, n_train, n_val):
    mean = np.nanmean(values[:n_train], axis=0)
    values -= mean
    std = np.sqrt(np.nanmean(values[:n_train] ** 2, axis=0))
    values /= std
    stop = n_train + n_val
    return [values[:n_train], values[n_train:stop], values[stop:], mean, std]

# %% variant="writes into its input" cell="last_seen" loses="last_seen: purity"
def last_seen(xs, mask, times, mean):
    xs[~mask] = 0
    x_last, gap = [np.zeros_like(xs[0]) + mean], [np.zeros_like(xs[0])]
    for x_t, m_t, passed in zip(xs, mask, np.diff(times, axis=0)):
        x_last.append(m_t * x_t + ~m_t * x_last[-1])
        gap.append(passed[:, None] + ~m_t * gap[-1])
    return x_last, gap

# %% variant="writes into its input" cell="quantile_loss" loses="quantile_loss: purity"
def quantile_loss(pred, target, levels, mask):
    target[~mask] = 0
    off = (target[..., None] - pred) * mask[..., None]
    n = np.count_nonzero(mask) * levels.size
    dpred = ((off < 0) - levels) * mask[..., None] / n
    return -(dpred * off).sum(), dpred

# %% variant="writes into its input" cell="train_forecaster" loses="train_forecaster: purity"
def train_forecaster(params, xs, ys, xs_val, ys_val, levels, batches, lr):
    square = {name: np.full_like(w, 1e-4) for name, w in params.items()}
    for at in batches:
        _, grads = forecast_loss(params, xs[:, at], ys[:, at], levels)
        for name, g in grads.items():
            square[name] = 0.9 * square[name] + 0.1 * g * g
            params[name] -= lr * g / np.sqrt(square[name] + 1e-8)
    return params

# %% variant="writes into its input" cell="train_alarm" loses="train_alarm: purity"
def train_alarm(params, record, n_train, n_val, L, batches, lr, window, share):
    """The rate falls in steps; the errors of validation with their history."""
    square = {name: np.full_like(w, 1e-4) for name, w in params.items()}
    every = np.lib.stride_tricks.sliding_window_view(record[:n_train], L + 3).T
    for n, at in enumerate(batches):
        xs, ys = every[:L, at, None], every[L:, at]
        _, grads = forecast_loss(params, xs, ys, np.full(1, 0.5))
        rate = lr * 0.5 ** (n // (len(batches) // 8))
        for name, g in grads.items():
            square[name] = 0.9 * square[name] + 0.1 * g * g
            params[name] -= rate * g / np.sqrt(square[name] + 1e-8)
    calm = forecast_errors(params, record[n_train:][:n_val], L)
    scores = anomaly_scores(calm, calm)
    limits = flag_anomalies(scores, scores, window, share)[2]
    return {"new_params": params, "calm": calm, "limits": limits}
