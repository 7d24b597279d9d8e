"""Right solutions in other styles; the check must give each all its value points."""

# %% variant="loops" cell="gate_stats"
def gate_stats(gates, edge):
    T, B, H = gates.shape
    low, high = np.zeros(H, gates.dtype), np.zeros(H, gates.dtype)
    for t in range(T):
        for b in range(B):
            for i in range(H):
                if gates[t, b, i] < edge:
                    low[i] += 1 / (T * B)
                elif gates[t, b, i] > 1 - edge:
                    high[i] += 1 / (T * B)
    return low, high

# %% variant="loops" cell="memory_half_life"
def memory_half_life(f):
    found = []
    for unit in np.moveaxis(f, -1, 0):
        total = sum(np.log(value) for value in unit.ravel())
        found.append(-np.log(2) * unit.size / total)
    return np.array(found, dtype=f.dtype)

# %% variant="loops" cell="gradient_flow"
def gradient_flow(dhs, share):
    norms = []
    for dh in dhs:
        norms.append(np.mean([np.linalg.norm(row) for row in dh]))
    reach = 0
    while reach < len(norms) - 1 and norms[-2 - reach] >= share * norms[-1]:
        reach += 1
    return np.array(norms, dtype=dhs.dtype), reach

# %% variant="loops" cell="unit_contrast"
def unit_contrast(hs, mask):
    contrast = np.empty(hs.shape[-1], hs.dtype)
    for i in range(hs.shape[-1]):
        yes, no = hs[..., i][mask], hs[..., i][np.logical_not(mask)]
        middle = np.mean(np.array([np.std(yes) ** 2, np.std(no) ** 2]))
        contrast[i] = (np.mean(yes) - np.mean(no)) / middle**0.5
    return contrast

# %% variant="loops" cell="pca_states"
def pca_states(hs, K):
    """By the eigenvectors of the covariance."""
    T, B, H = hs.shape
    centred = hs - hs.mean(axis=(0, 1))
    covariance = np.einsum("tbi,tbj->ij", centred, centred)
    values, vectors = np.linalg.eigh(covariance)
    axes = []
    for k in range(1, K + 1):
        axis = vectors[:, -k]
        axes.append(-axis if axis.max() < -axis.min() else axis)
    axes = np.array(axes)
    shares = values[::-1][:K] / np.trace(covariance)
    return np.einsum("tbi,ki->tbk", centred, axes), axes, shares

# %% variant="loops" cell="linearise"
def linearise(h, W_hh, b_h):
    H = len(h)
    J = np.zeros((H, H), W_hh.dtype)
    for i in range(H):
        after = np.tanh(sum(h[j] * W_hh[j, i] for j in range(H)) + b_h[i])
        for j in range(H):
            J[i, j] = (1 - after) * (1 + after) * W_hh[j, i]
    return J, np.array(sorted(abs(np.linalg.eig(J)[0]), reverse=True))

# %% variant="loops" cell="fixed_points"
def fixed_points(starts, W_hh, b_h):
    """All at once, and no more rounds than needed."""
    hs = np.array(starts)
    for _ in range(50):
        after = np.tanh(hs @ W_hh + b_h)
        J = (1 - after**2)[:, :, None] * W_hh.T - np.eye(len(b_h), dtype=hs.dtype)
        step = np.linalg.solve(J, (hs - after)[..., None])[..., 0]
        hs = hs + step
        if abs(step).max() < 1e-12:
            break
    return hs

# %% variant="loops" cell="read_portraits"
def read_portraits():
    """By running the cell from many states around."""
    answers = []
    for p in portraits:
        h, W, b = p["h"], p["W_hh"], p["b_h"]
        if np.abs(np.tanh(h @ W + b) - h).max() > 1e-4:
            answers.append(0)
            continue
        slope = np.diag(1 - h**2) @ W.T
        values = np.linalg.eigvals(slope)
        out = [abs(v) > 1 for v in values]
        answers.append(3 if all(out) else 2 if any(out) else 1)
    return np.array(answers)

# %% variant="scipy and lists" cell="gate_stats"
def gate_stats(gates, edge):
    flat = gates.reshape(-1, gates.shape[-1])
    below = np.count_nonzero(flat < edge, axis=0) / len(flat)
    above = np.count_nonzero(flat > 1 - edge, axis=0) / len(flat)
    return [below.astype(gates.dtype), above.astype(gates.dtype)]

# %% variant="scipy and lists" cell="memory_half_life"
def memory_half_life(f):
    geometric = np.exp(np.log(f).mean(axis=0).mean(axis=0))
    return -1 / np.log2(geometric)

# %% variant="scipy and lists" cell="pca_states"
def pca_states(hs, K):
    T, B, H = hs.shape
    cloud = hs.reshape(-1, H) - hs.reshape(-1, H).mean(0)
    U, s, Vt = np.linalg.svd(cloud, full_matrices=False)
    top = np.take_along_axis(Vt, abs(Vt).argmax(1)[:, None], axis=1)
    turn = np.where(top < 0, -1, 1).astype(hs.dtype)
    points = (U * s * turn.T)[:, :K].reshape(T, B, K)
    return points, (Vt * turn)[:K], (s**2 / np.square(s).sum())[:K]

# %% variant="scipy and lists" cell="fixed_points"
from scipy.optimize import root

def fixed_points(starts, W_hh, b_h):
    found = []
    for h in starts:
        found.append(root(lambda x: np.tanh(x @ W_hh + b_h) - x, h, tol=1e-12).x)
    return np.array(found).astype(starts.dtype)

# %% variant="torch" cell="linearise"
import torch

def linearise(h, W_hh, b_h):
    W, b = torch.from_numpy(W_hh.copy()), torch.from_numpy(b_h.copy())
    J = torch.autograd.functional.jacobian(
        lambda x: torch.tanh(x @ W + b), torch.from_numpy(h.copy())
    )
    return J, torch.linalg.eigvals(J).abs().sort(descending=True).values

# %% variant="torch" cell="gradient_flow"
def gradient_flow(dhs, share):
    norms = torch.tensor(dhs).norm(dim=-1).mean(dim=-1)
    weak = (norms[:-1].flip(0) < share * norms[-1]).nonzero()
    return norms, int(weak[0]) if len(weak) else len(norms) - 1

# %% variant="torch" cell="fixed_points"
def fixed_points(starts, W_hh, b_h):
    """By descending the squared gap, with curvature: Gauss and Newton."""
    found = []
    for h in starts.astype(float):
        W, b = W_hh.astype(float), b_h.astype(float)
        for _ in range(40):
            J, _ = linearise(h, W, b)
            A = np.asarray(J) - np.eye(len(h))
            gap = np.tanh(h @ W + b) - h
            h = h - np.linalg.lstsq(A, gap, rcond=None)[0]
        found.append(h.astype(starts.dtype))
    return np.stack(found)

# %% variant="writes into its input" cell="unit_contrast" loses="unit_contrast: purity"
def unit_contrast(hs, mask):
    hs -= hs.mean(axis=(0, 1))
    yes, no = hs[mask], hs[~mask]
    return (yes.mean(0) - no.mean(0)) / np.sqrt((yes.var(0) + no.var(0)) / 2)

# %% variant="writes into its input" cell="fixed_points" loses="fixed_points: purity"
def fixed_points(starts, W_hh, b_h):
    for h in starts:
        for _ in range(20):
            J, _ = linearise(h, W_hh, b_h)
            h -= np.linalg.solve(J - np.eye(len(h)), np.tanh(h @ W_hh + b_h) - h)
    return starts
