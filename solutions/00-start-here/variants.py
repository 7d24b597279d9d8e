# %% [markdown]
# Right solutions of 00-start-here in other styles: each must get every point,
# except where `loses` says otherwise.

# %% variant="any array-like" cell="rel_error"
def rel_error(a, b):
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError("different shapes")
    top = np.abs(a - b).max(initial=0.0)
    return float(top / max(np.abs(a).max(), np.abs(b).max())) if top else 0.0


# %% variant="by norms" cell="rel_error"
def rel_error(a, b):
    if np.shape(a) == np.shape(b):
        sizes = [np.linalg.norm(v.ravel(), np.inf) for v in (a - b, a, b)]
        return sizes[0] / max(*sizes[1:], np.finfo(float).tiny)
    raise ValueError


# %% variant="unit arrays" cell="numeric_grad"
def numeric_grad(f, x, dout, eps=1e-5):
    dx = []
    for i in range(x.size):
        unit = np.zeros(x.size, x.dtype)
        unit[i] = eps
        unit = unit.reshape(x.shape)
        slope = (np.array(f(x + unit)) - np.array(f(x - unit))) / eps / 2
        dx.append(np.vdot(slope, dout))
    return np.array(dx, x.dtype).reshape(x.shape)


# %% variant="unit arrays" cell="complex_step_grad"
def complex_step_grad(f, x, dout, eps=1e-30):
    eye = np.eye(x.size).reshape(x.size, *x.shape)
    slopes = [np.imag(f(x + 1j * eps * unit)) / eps for unit in eye]
    found = np.array([np.vdot(slope, dout) for slope in slopes])
    return found.reshape(x.shape).astype(x.dtype)


# %% variant="loss first" cell="numeric_grad"
def numeric_grad(f, x, dout, eps=1e-5):
    def loss(z):
        return float((np.asarray(f(z)) * dout).sum())

    x, dx = np.array(x), np.empty_like(x)
    for i, value in np.ndenumerate(x):
        moved = np.array(x)
        moved[i] = value + eps
        dx[i] = loss(moved)
        moved = np.array(x)
        moved[i] = value - eps
        dx[i] = (dx[i] - loss(moved)) / (2 * eps)
    return dx


# %% variant="in place and set back" cell="numeric_grad"
def numeric_grad(f, x, dout, eps=1e-5):
    dx = np.zeros_like(x)
    with np.nditer(x, flags=["multi_index"]) as entries:
        for entry in entries:
            i, kept = entries.multi_index, float(entry)
            x[i] = kept + eps
            above = np.sum(f(x) * dout)
            x[i] = kept - eps
            below = np.sum(f(x) * dout)
            x[i] = kept
            dx[i] = (above - below) / (2 * eps)
    return dx


# %% variant="by hand" cell="choose_eps"
def choose_eps():
    best = [min(zip(curve, range(-1, -16, -1))) for curve in curves]
    return np.array([k * (error < 0.01) for error, k in best])
