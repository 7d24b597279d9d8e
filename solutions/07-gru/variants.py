# %% [markdown]
# Right solutions in other people's styles. A header names the solution cell that is
# replaced, and what the style costs (never a value): see `Variant` in
# autograder/exercise.py. What is ugly here is ugly on purpose.

# %% variant="entry by entry" cell="gru_step_forward"
def gru_step_forward(x_t, h_prev, W_x, W_h, b_x, b_h, reset):
    if reset != "after" and reset != "before":
        raise ValueError(reset)
    B, H = h_prev.shape
    D = x_t.shape[1]
    r, z, n, q = (np.zeros_like(h_prev) for _ in range(4))
    for b in range(B):
        for k, gate in ((0, r), (1, z)):
            for i in range(H):
                a = b_x[k * H + i] + b_h[k * H + i]
                for d in range(D):
                    a += x_t[b, d] * W_x[d, k * H + i]
                for j in range(H):
                    a += h_prev[b, j] * W_h[j, k * H + i]
                gate[b, i] = stable_sigmoid(a)
        for i in range(H):
            for j in range(H):
                sent = h_prev[b, j] if reset == "after" else h_prev[b, j] * r[b, j]
                q[b, i] += sent * W_h[j, 2 * H + i]
            q[b, i] += b_h[2 * H + i]
            heard = q[b, i] * r[b, i] if reset == "after" else q[b, i]
            for d in range(D):
                heard += x_t[b, d] * W_x[d, 2 * H + i]
            n[b, i] = np.tanh(heard + b_x[2 * H + i])
    return h_prev * z + n * (1 - z), dict(
        x_t=x_t, h_prev=h_prev, r=r, z=z, n=n, q=q, W_x=W_x, W_h=W_h, reset=reset
    )

# %% variant="entry by entry" cell="gru_gate_gradients"
def gru_gate_gradients(dh_t, cache):
    h, r, z, n, q = [cache[k] for k in "h_prev r z n q".split()]
    B, H = h.shape
    out = {k: np.zeros_like(h) for k in ("da_r", "da_z", "da_n")}
    for b in range(B):
        for i in range(H):
            out["da_n"][b, i] = dh_t[b, i] * (1 - z[b, i]) * (1 - n[b, i] ** 2)
            out["da_z"][b, i] = dh_t[b, i] * (h[b, i] - n[b, i]) * z[b, i] * (1 - z[b, i])
        for i in range(H):
            if cache["reset"] == "after":
                dr = out["da_n"][b, i] * q[b, i]
            else:
                dr = 0
                for k in range(H):
                    dr += out["da_n"][b, k] * cache["W_h"][i, 2 * H + k] * h[b, i]
            out["da_r"][b, i] = dr * r[b, i] * (1 - r[b, i])
    return out

# %% variant="entry by entry" cell="gru_paths"
def gru_paths(dh_t, cache):
    a = gru_gate_gradients(dh_t, cache)
    B, H = dh_t.shape
    W, r = cache["W_h"], cache["r"]
    found = {k: np.zeros_like(dh_t) for k in ("skip", "update", "reset", "candidate")}
    for b in range(B):
        for j in range(H):
            found["skip"][b, j] = dh_t[b, j] * cache["z"][b, j]
            for i in range(H):
                found["reset"][b, j] += a["da_r"][b, i] * W[j, i]
                found["update"][b, j] += a["da_z"][b, i] * W[j, H + i]
                gate = r[b, i] if cache["reset"] == "after" else r[b, j]
                found["candidate"][b, j] += a["da_n"][b, i] * W[j, 2 * H + i] * gate
    return found

# %% variant="tuple caches, a matrix for each gate" cell="gru_step_forward"
def gru_step_forward(x_t, h_prev, W_x, W_h, b_x, b_h, reset):
    H = h_prev.shape[-1]
    Wxr, Wxz, Wxn = W_x[:, :H], W_x[:, H : 2 * H], W_x[:, 2 * H :]
    Whr, Whz, Whn = W_h[:, :H], W_h[:, H : 2 * H], W_h[:, 2 * H :]
    b = b_x + b_h
    r = stable_sigmoid(x_t.dot(Wxr) + h_prev.dot(Whr) + b[:H])
    z = stable_sigmoid(x_t.dot(Wxz) + h_prev.dot(Whz) + b[H : 2 * H])
    if reset == "after":
        m = h_prev.dot(Whn) + b_h[2 * H :]
        n = np.tanh(x_t.dot(Wxn) + b_x[2 * H :] + r * m)
    elif reset == "before":
        m = r * h_prev
        n = np.tanh(x_t.dot(Wxn) + m.dot(Whn) + b[2 * H :])
    else:
        raise ValueError("reset?")
    return n + z * (h_prev - n), (x_t, h_prev, r, z, n, m, W_x, (Whr, Whz, Whn), reset == "after")

# %% variant="tuple caches, a matrix for each gate" cell="gru_forward"
def gru_forward(xs, h0, W_x, W_h, b_x, b_h, reset):
    hs, tape, h = np.zeros((len(xs),) + h0.shape, h0.dtype), [], h0
    for t in range(len(xs)):
        h, saved = gru_step_forward(xs[t], h, W_x, W_h, b_x, b_h, reset)
        hs[t] = h
        tape.append(saved)
    return hs, tape

# %% variant="tuple caches, a matrix for each gate" cell="gru_gate_gradients"
def gru_gate_gradients(dh_t, cache):
    x, h, r, z, n, m, W_x, (Whr, Whz, Whn), after = cache
    dn = dh_t * (1 - z) * (1 - n * n)
    dz = (dh_t * h - dh_t * n) * (z - z * z)
    dr = dn * m if after else np.dot(dn, Whn.T) * h
    return {"da_n": dn, "da_z": dz, "da_r": dr * (r - r**2)}

# %% variant="tuple caches, a matrix for each gate" cell="gru_paths"
def gru_paths(dh_t, cache):
    x, h, r, z, n, m, W_x, (Whr, Whz, Whn), after = cache
    g = gru_gate_gradients(dh_t, cache)
    return {"candidate": np.dot(g["da_n"] * r, Whn.T) if after else r * np.dot(g["da_n"], Whn.T),
            "reset": np.dot(g["da_r"], Whr.T), "update": np.dot(g["da_z"], Whz.T), "skip": z * dh_t}

# %% variant="tuple caches, a matrix for each gate" cell="gru_step_backward"
def gru_step_backward(dh_t, cache):
    x, h, r, z, n, m, W_x, (Whr, Whz, Whn), after = cache
    g = gru_gate_gradients(dh_t, cache)
    ar, az, an = g["da_r"], g["da_z"], g["da_n"]
    a = np.hstack((ar, az, an))
    dh = z * dh_t + ar.dot(Whr.T) + az.dot(Whz.T)
    if after:
        u = np.hstack((ar, az, r * an))
        dh = dh + (r * an).dot(Whn.T)
        dW_h = h.T.dot(u)
    else:
        u = a
        dh = dh + r * an.dot(Whn.T)
        dW_h = np.hstack((h.T.dot(ar), h.T.dot(az), m.T.dot(an)))
    return {"dx_t": a.dot(W_x.T), "dh_prev": dh, "dW_x": x.T.dot(a), "dW_h": dW_h,
            "db_x": np.sum(a, 0), "db_h": np.sum(u, 0)}

# %% variant="tuple caches, a matrix for each gate" cell="gru_backward"
def gru_backward(dhs, cache):
    T = len(cache)
    carry, out = np.zeros_like(dhs[0]), {"dxs": [None] * T}
    for t in range(T)[::-1]:
        g = gru_step_backward(dhs[t] + carry, cache[t])
        carry = g.pop("dh_prev")
        out["dxs"][t] = g.pop("dx_t")
        for k, v in g.items():
            out[k] = out.get(k, 0) + v
    out["dxs"] = np.stack(out["dxs"])
    out["dh0"] = carry
    return out

# %% variant="objects as caches" cell="gru_step_forward"
class Unit:
    def __init__(self, x, h, W_x, W_h, b_x, b_h, reset):
        assert reset in ("after", "before") or _refuse(reset)
        self.x, self.h, self.W_x, self.W_h, self.after = x, h, W_x, W_h, reset == "after"
        H = h.shape[1]
        self.parts = [slice(0, H), slice(H, 2 * H), slice(2 * H, None)]
        R, Z, N = self.parts
        ax = x @ W_x + b_x
        gates = stable_sigmoid(ax[:, : 2 * H] + h @ W_h[:, : 2 * H] + b_h[: 2 * H])
        self.r, self.z = gates[:, R], gates[:, Z]
        self.read = h if self.after else self.r * h
        self.q = self.read @ W_h[:, N] + b_h[N]
        self.n = np.tanh(ax[:, N] + (self.r * self.q if self.after else self.q))
        self.out = (1 - self.z) * self.n + self.z * h


def _refuse(word):
    raise ValueError(f"no such convention: {word}")


def gru_step_forward(x_t, h_prev, W_x, W_h, b_x, b_h, reset):
    unit = Unit(x_t, h_prev, W_x, W_h, b_x, b_h, reset)
    return unit.out, unit

# %% variant="objects as caches" cell="gru_forward"
def gru_forward(xs, h0, W_x, W_h, b_x, b_h, reset):
    tape = []
    for x in xs:
        tape.append(Unit(x, tape[-1].out if tape else h0, W_x, W_h, b_x, b_h, reset))
    return np.stack([u.out for u in tape]), {"tape": tape}

# %% variant="objects as caches" cell="gru_gate_gradients"
def gru_gate_gradients(dh_t, u):
    da_n = dh_t * (1 - u.z) * (1 - u.n**2)
    back = u.q * da_n if u.after else u.h * (da_n @ u.W_h[:, u.parts[2]].T)
    return dict(da_r=back * u.r * (1 - u.r), da_n=da_n, da_z=dh_t * (u.h - u.n) * u.z * (1 - u.z))

# %% variant="objects as caches" cell="gru_paths"
def gru_paths(dh_t, u):
    a = gru_gate_gradients(dh_t, u)
    Wr, Wz, Wn = (u.W_h[:, p].T for p in u.parts)
    last = (u.r * a["da_n"]) @ Wn if u.after else u.r * (a["da_n"] @ Wn)
    return dict(skip=u.z * dh_t, update=a["da_z"] @ Wz, reset=a["da_r"] @ Wr, candidate=last)

# %% variant="objects as caches" cell="gru_step_backward"
def gru_step_backward(dh_t, u):
    a = gru_gate_gradients(dh_t, u)
    left = np.c_[a["da_r"], a["da_z"], a["da_n"]]
    right = left.copy()
    if u.after:
        right[:, u.parts[2]] *= u.r
    dW_h = u.h.T @ right
    dW_h[:, u.parts[2]] = u.read.T @ right[:, u.parts[2]]
    ones = np.ones(len(dh_t), dh_t.dtype)
    return {"dx_t": left @ u.W_x.T, "dh_prev": np.sum(list(gru_paths(dh_t, u).values()), axis=0),
            "dW_x": u.x.T @ left, "dW_h": dW_h, "db_x": ones @ left, "db_h": ones @ right}

# %% variant="objects as caches" cell="gru_backward"
def gru_backward(dhs, cache):
    total, dxs, dh = {}, [], np.zeros_like(dhs[0])
    for u, direct in zip(cache["tape"][::-1], dhs[::-1]):
        g = gru_step_backward(direct + dh, u)
        dh = g["dh_prev"]
        dxs.insert(0, g["dx_t"])
        for k in ("dW_x", "dW_h", "db_x", "db_h"):
            total[k] = total[k] + g[k] if k in total else g[k]
    return {**total, "dxs": dxs, "dh0": dh}

# %% variant="einsum" cell="gru_step_forward"
def gru_step_forward(x_t, h_prev, W_x, W_h, b_x, b_h, reset):
    D, H = len(W_x), len(W_h)
    Wx, Wh = W_x.reshape(D, 3, H), W_h.reshape(H, 3, H)
    bx, bh = b_x.reshape(3, 1, H), b_h.reshape(3, 1, H)
    ax = np.einsum("bd,dki->kbi", x_t, Wx) + bx
    ah = np.einsum("bj,jki->kbi", h_prev, Wh) + bh
    r, z = stable_sigmoid(ax[:2] + ah[:2])
    forms = {"after": lambda: (ah[2], r * ah[2]),
             "before": lambda: (np.einsum("bj,ji->bi", r * h_prev, Wh[:, 2]) + bh[2],) * 2}
    if reset not in forms:
        raise ValueError(f"{reset} is not among {list(forms)}")
    q, heard = forms[reset]()
    n = np.tanh(ax[2] + heard)
    h_t = h_prev + (1 - z) * (n - h_prev)
    return h_t, {"x_t": x_t, "h_prev": h_prev, "r": r, "z": z, "n": n, "q": q, "W_x": W_x, "W_h": W_h, "reset": reset}

# %% variant="einsum" cell="gru_gate_gradients"
def gru_gate_gradients(dh_t, cache):
    h, r, z, n = cache["h_prev"], cache["r"], cache["z"], cache["n"]
    H = h.shape[1]
    da_n = np.einsum("bi,bi,bi->bi", dh_t, 1 - z, 1 - n * n)
    da_z = np.einsum("bi,bi,bi,bi->bi", dh_t, h - n, z, 1 - z)
    if cache["reset"] == "before":
        da_r = np.einsum("bi,ji,bj,bj,bj->bj", da_n, cache["W_h"][:, -H:], h, r, 1 - r)
    else:
        da_r = np.einsum("bi,bi,bi,bi->bi", da_n, cache["q"], r, 1 - r)
    return {"da_r": da_r, "da_z": da_z, "da_n": da_n}

# %% variant="einsum" cell="gru_step_backward"
def gru_step_backward(dh_t, cache):
    """All in one place: no helper is called."""
    x, h, r, z, n, q = (cache[k] for k in ("x_t", "h_prev", "r", "z", "n", "q"))
    H, after = h.shape[1], cache["reset"] == "after"
    Wr, Wz, Wn = (cache["W_h"][:, k * H : k * H + H] for k in range(3))
    dn = dh_t * (1 - z)
    dz = dh_t * h - dh_t * n
    an, az = dn * (1 - n**2), dz * z * (1 - z)
    if after:
        dq = an * r
        ar = an * q * r * (1 - r)
        through = np.einsum("bi,ji->bj", dq, Wn)
        dWn = np.einsum("bj,bi->ji", h, dq)
    else:
        dq = an
        s = np.einsum("bi,ji->bj", dq, Wn)
        ar = s * h * r * (1 - r)
        through = s * r
        dWn = np.einsum("bj,bj,bi->ji", r, h, dq)
    dh = z * dh_t + through + np.einsum("bi,ji->bj", ar, Wr) + np.einsum("bi,ji->bj", az, Wz)
    a, u = np.concatenate((ar, az, an), 1), np.concatenate((ar, az, dq), 1)
    dW_h = np.einsum("bj,bi->ji", h, u)
    dW_h[:, 2 * H :] = dWn
    return dict(dx_t=np.einsum("bi,di->bd", a, cache["W_x"]), dh_prev=dh, dW_h=dW_h,
                dW_x=np.einsum("bd,bi->di", x, a), db_x=np.einsum("bi->i", a), db_h=np.einsum("bi->i", u))

# %% variant="einsum" cell="gru_backward"
def gru_backward(dhs, cache):
    """A list of dicts first, sums at the end."""
    steps, dh, found = cache["steps"], 0 * dhs[0], []
    for t in range(len(steps) - 1, -1, -1):
        found.insert(0, gru_step_backward(np.add(dhs[t], dh), steps[t]))
        dh = found[0]["dh_prev"]
    sums = {k: np.sum([g[k] for g in found], axis=0) for k in ("dW_x", "dW_h", "db_x", "db_h")}
    return {"dxs": np.stack([g["dx_t"] for g in found]), "dh0": dh, **sums}

# %% variant="tuples for dicts" cell="gru_gate_gradients"
def gru_gate_gradients(dh_t, cache):
    z, n, r = cache["z"], cache["n"], cache["r"]
    an = (1 - z) * dh_t * (1 - n**2)
    az = z * (1 - z) * (cache["h_prev"] - n) * dh_t
    H = z.shape[1]
    back = an * cache["q"] if cache["reset"] == "after" else an @ cache["W_h"][:, 2 * H :].T * cache["h_prev"]
    return back * r * (1 - r), az, an

# %% variant="tuples for dicts" cell="gru_paths"
def gru_paths(dh_t, cache):
    ar, az, an = gru_gate_gradients(dh_t, cache)
    H, W = ar.shape[1], cache["W_h"].T
    c = (an * cache["r"]) @ W[2 * H :] if cache["reset"] == "after" else (an @ W[2 * H :]) * cache["r"]
    return dh_t * cache["z"], az @ W[H : 2 * H], ar @ W[:H], c

# %% variant="tuples for dicts" cell="gru_step_backward"
def gru_step_backward(dh_t, cache):
    ar, az, an = gru_gate_gradients(dh_t, cache)
    h, r, x = cache["h_prev"], cache["r"], cache["x_t"]
    a = np.hstack([ar, az, an])
    if cache["reset"] == "after":
        u = np.hstack([ar, az, an * r])
        dW_h = h.T @ u
    else:
        u = a
        dW_h = np.hstack([h.T @ ar, h.T @ az, (h * r).T @ an])
    return a @ cache["W_x"].T, sum(gru_paths(dh_t, cache)), x.T @ a, dW_h, a.sum(0), u.sum(0)

# %% variant="tuples for dicts" cell="gru_backward"
def gru_backward(dhs, cache):
    dh, lists = np.zeros_like(dhs[-1]), [[], [], [], [], []]
    for up, step in zip(dhs[::-1], cache["steps"][::-1]):
        dx, dh, *rest = gru_step_backward(up + dh, step)
        for kept, g in zip(lists, [dx, *rest]):
            kept.append(g)
    dxs, *weights = lists
    return (np.stack(dxs)[::-1], dh, *(sum(w) for w in weights))

# %% variant="tuples for dicts" cell="from_elsewhere"
def from_elsewhere(kernel, recurrent, bias, order, z_keeps):
    H = recurrent.shape[0]
    columns = np.concatenate([np.arange(H) + H * order.index(g) for g in "rzn"])
    sign = np.ones(3 * H, kernel.dtype)
    if not z_keeps:
        sign[H : 2 * H] = -1
    both = np.stack([bias, bias * 0]) if bias.ndim == 1 else bias
    both = both[:, columns] * sign
    return kernel[:, columns] * sign, recurrent[:, columns] * sign, both[0], both[1]

# %% variant="slices" cell="from_elsewhere"
def from_elsewhere(kernel, recurrent, bias, order, z_keeps):
    H = len(recurrent)
    new = {"W_x": kernel.copy(), "W_h": recurrent.copy()}
    if len(bias.shape) == 1:
        new["b_x"], new["b_h"] = bias.copy(), np.zeros_like(bias)
    else:
        new["b_x"], new["b_h"] = bias[0].copy(), bias[1].copy()
    for key in new:
        old = new[key].copy()
        for place, gate in enumerate(("r", "z", "n")):
            start = H * order.find(gate)
            new[key][..., place * H : (place + 1) * H] = old[..., start : start + H]
        if z_keeps is False:
            new[key][..., H : 2 * H] *= -1
    return new

# %% variant="in place" cell="gru_gate_gradients" loses="gru_gate_gradients: purity"
def gru_gate_gradients(dh_t, cache):
    z, n, r = cache["z"], cache["n"], cache["r"]
    da_z = dh_t * (cache["h_prev"] - n) * z * (1 - z)
    dh_t *= (1 - z) * (1 - n**2)
    W = np.split(cache["W_h"], 3, 1)[2]
    dr = dh_t * cache["q"] if cache["reset"] == "after" else dh_t @ W.T * cache["h_prev"]
    return {"da_r": dr * r * (1 - r), "da_z": da_z, "da_n": dh_t}

# %% variant="in place" cell="gru_step_backward" loses="gru_step_backward: purity"
def gru_step_backward(dh_t, cache):
    a = gru_gate_gradients(dh_t.copy(), cache)
    paths = gru_paths(dh_t.copy(), cache)
    dh_t *= 0
    for path in paths.values():
        dh_t += path
    left = np.concatenate([a["da_r"], a["da_z"], a["da_n"]], axis=1)
    dq = a["da_n"] * cache["r"] if cache["reset"] == "after" else a["da_n"]
    read = cache["h_prev"] if cache["reset"] == "after" else cache["h_prev"] * cache["r"]
    dW_h = np.concatenate([cache["h_prev"].T @ left[:, : 2 * len(dq[0])], read.T @ dq], axis=1)
    db_h = np.concatenate([a["da_r"], a["da_z"], dq], axis=1).sum(0)
    return {"dx_t": left @ cache["W_x"].T, "dh_prev": dh_t, "dW_x": cache["x_t"].T @ left,
            "dW_h": dW_h, "db_x": left.sum(0), "db_h": db_h}

# %% variant="in place" cell="gru_paths"
def gru_paths(dh_t, cache):
    a = gru_gate_gradients(dh_t.copy(), cache)
    blocks = np.split(cache["W_h"], 3, axis=1)
    out = {"reset": a["da_r"] @ blocks[0].T, "update": a["da_z"] @ blocks[1].T}
    if cache["reset"] == "after":
        out["candidate"] = (cache["r"] * a["da_n"]) @ blocks[2].T
    if cache["reset"] == "before":
        out["candidate"] = cache["r"] * (a["da_n"] @ blocks[2].T)
    out["skip"] = cache["z"] * dh_t
    return out

# %% variant="in place" cell="gru_backward" loses="gru_backward: purity"
def gru_backward(dhs, cache):
    T, total, dxs = len(dhs), {}, []
    for t in range(T - 1, -1, -1):
        g = gru_step_backward(dhs[t].copy(), cache["steps"][t])
        dxs.append(g["dx_t"])
        if t:
            dhs[t - 1] += g["dh_prev"]
        for k in ("dW_x", "dW_h", "db_x", "db_h"):
            total[k] = total.get(k, 0) + g[k]
    return {**total, "dh0": g["dh_prev"], "dxs": np.stack(dxs[::-1])}

# %% variant="float64 always" cell="gru_step_forward" loses="gru_step_forward: purity; gru_forward: purity"
def gru_step_forward(x_t, h_prev, W_x, W_h, b_x, b_h, reset):
    if not (reset == "after" or reset == "before"):
        raise ValueError
    x, h, Wx, Wh, bx, bh = (np.asarray(a, dtype=np.float64) for a in (x_t, h_prev, W_x, W_h, b_x, b_h))
    xr, xz, xn = np.hsplit(x @ Wx + bx, 3)
    Wr, Wz, Wn = np.hsplit(Wh, 3)
    br, bz, bn = np.split(bh, 3)
    r, z = stable_sigmoid(xr + h @ Wr + br), stable_sigmoid(xz + h @ Wz + bz)
    q = h @ Wn + bn if reset == "after" else (r * h) @ Wn + bn
    n = np.tanh(xn + r * q) if reset == "after" else np.tanh(xn + q)
    return (1 - z) * n + z * h, {"x_t": x_t, "h_prev": h_prev, "r": r, "z": z, "n": n, "q": q,
                                 "W_x": W_x, "W_h": W_h, "reset": reset}

# %% variant="float64 always" cell="gru_forward" loses="gru_forward: purity"
def gru_forward(xs, h0, W_x, W_h, b_x, b_h, reset):
    hs, steps, h = np.zeros((xs.shape[0], *h0.shape)), [], h0
    for t, x in enumerate(xs):
        hs[t], step = gru_step_forward(x, h, W_x, W_h, b_x, b_h, reset)
        h = hs[t]
        steps.append(step)
    return hs, {"steps": steps}

# %% variant="bias with two axes" cell="gru_step_backward" loses="gru_step_backward: shapes"
def gru_step_backward(dh_t, cache):
    a = gru_gate_gradients(dh_t, cache)
    r, h = cache["r"], cache["h_prev"]
    after = cache["reset"] == "after"
    dq = r * a["da_n"] if after else a["da_n"]
    left = np.concatenate([a["da_r"], a["da_z"], a["da_n"]], axis=-1)
    right = np.concatenate([a["da_r"], a["da_z"], dq], axis=-1)
    H = h.shape[1]
    dW_h = h.T @ right
    if not after:
        dW_h = np.concatenate([dW_h[:, : 2 * H], (r * h).T @ dq], axis=-1)
    p = gru_paths(dh_t, cache)
    return {"dx_t": left @ cache["W_x"].T, "dW_x": cache["x_t"].T @ left, "dW_h": dW_h,
            "dh_prev": p["skip"] + p["reset"] + p["update"] + p["candidate"],
            "db_x": left.sum(axis=0, keepdims=True), "db_h": right.sum(axis=0, keepdims=True)}

# %% variant="consumed cache" cell="gru_backward" loses="gru_backward: purity"
def gru_backward(dhs, cache):
    dh, dxs = np.zeros_like(dhs[0]), []
    sums = dict.fromkeys(("dW_x", "dW_h", "db_x", "db_h"), 0.0)
    t = len(dhs) - 1
    while cache["steps"]:
        g = gru_step_backward(dhs[t] + dh, cache["steps"].pop())
        dxs.append(g["dx_t"])
        dh = g["dh_prev"]
        sums = {k: v + g[k] for k, v in sums.items()}
        t -= 1
    return {"dxs": np.stack(dxs[::-1]), "dh0": dh, **sums}

# %% variant="keywords, prints and warnings" cell="gru_forward"
import warnings

def gru_forward(xs, h0, W_x, W_h, b_x, b_h, reset):
    warnings.warn("slow")
    all_h, out = [], []
    for t, x in enumerate(xs):
        h, c = gru_step_forward(reset=reset, b_h=b_h, b_x=b_x, W_h=W_h, W_x=W_x, x_t=x,
                                h_prev=all_h[t - 1] if t > 0 else h0)
        print("step", t, h.mean())
        all_h.append(h)
        out.append(c)
    return [h for h in all_h], {"steps": out, "note": "a list does as well"}

# %% variant="by trying it out" cell="can_be_rewritten"
def can_be_rewritten():
    """Write the other cell down and see whether it does the same."""
    found = []
    for c in cells:
        W_x, W_h, b_x, b_h = (c[k].copy() for k in ("W_x", "W_h", "b_x", "b_h"))
        H, D = len(W_h), len(W_x)
        xs = np.random.default_rng(3).normal(size=(7, 4, D))
        h0 = np.random.default_rng(4).normal(size=(4, H))
        other = "before" if c["reset"] == "after" else "after"
        want, cache = gru_forward(xs, h0, W_x, W_h, b_x, b_h, c["reset"])
        if np.allclose(want, gru_forward(xs, h0, W_x, W_h, b_x, b_h, other)[0]):
            found.append(1)
            continue
        r = cache["steps"][0]["r"]
        W, b = W_h[:, 2 * H :].copy(), b_h[2 * H :].copy()
        if np.ptp(np.stack([s["r"] for s in cache["steps"]]), axis=(0, 1)).max() < 1e-9:
            keep = r[0] if other == "before" else 1 / r[0]
            W_h[:, 2 * H :] = W * keep / keep[:, None]
            b_h[2 * H :] = b * (r[0] if other == "before" else 1 / r[0])
        else:
            if other == "after":
                b_x[2 * H :], b_h[2 * H :] = b_x[2 * H :] + b, 0
            partner = [int(np.argmax(np.abs(v))) for v in (W.T if other == "after" else W)]
            for A in (W_x, W_h, b_x, b_h):
                A[..., :H] = A[..., partner]
        got, _ = gru_forward(xs, h0, W_x, W_h, b_x, b_h, other)
        found.append(2 if np.allclose(want, got) else 0)
    return np.array(found)

# %% variant="a matrix that permutes" cell="from_elsewhere"
def from_elsewhere(kernel, recurrent, bias, order, z_keeps):
    H = len(recurrent)
    P = np.zeros((3, 3), kernel.dtype)
    for new, gate in enumerate("rzn"):
        P[order.index(gate), new] = -1 if gate == "z" and not z_keeps else 1
    P = np.kron(P, np.eye(H, dtype=kernel.dtype))
    rows = np.vstack([bias, np.zeros_like(bias)]) if bias.ndim == 1 else bias
    b_x, b_h = rows @ P
    return {"b_h": b_h, "b_x": b_x, "W_h": recurrent @ P, "W_x": kernel @ P}

# %% variant="turned in their array" cell="from_elsewhere" loses="from_elsewhere: purity"
def from_elsewhere(kernel, recurrent, bias, order, z_keeps):
    at = {g: k for k, g in enumerate(order)}
    H = recurrent.shape[0]
    if not z_keeps:
        for array in (kernel, recurrent, bias):
            array[..., at["z"] * H : at["z"] * H + H] *= -1
    if bias.ndim == 1:
        bias = np.array([bias, [0] * len(bias)])
    pick = lambda a: np.concatenate([np.split(a, 3, -1)[at[g]] for g in ("r", "z", "n")], -1)
    return {"W_x": pick(kernel), "W_h": pick(recurrent), "b_x": pick(bias[0]), "b_h": pick(bias[1])}
