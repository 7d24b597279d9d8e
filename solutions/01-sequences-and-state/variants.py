# %% [markdown]
# Right solutions of 01-sequences-and-state in other styles: each must get every
# point, except where `loses` says otherwise.

# %% variant="filled array" cell="leaky"
def leaky(xs, a):
    hs = np.empty_like(xs)
    hs[0] = xs[0]
    for t in range(1, xs.shape[0]):
        hs[t] = hs[t - 1] * a + xs[t]
    return hs


# %% variant="age by age" cell="causal_conv"
def causal_conv(xs, kernel):
    T, K = len(xs), len(kernel)
    padded = np.concatenate([np.zeros((K - 1, *xs.shape[1:]), xs.dtype), xs])
    return sum(kernel[k] * padded[K - 1 - k : K - 1 - k + T] for k in range(K))


# %% variant="age by age" cell="leaky_conv"
def leaky_conv(xs, a):
    kernel = np.cumprod(np.concatenate([np.ones((1, len(a))), [a] * (len(xs) - 1)])
                        if len(xs) > 1 else np.ones((1, len(a))), axis=0)
    return causal_conv(xs, kernel)


# %% variant="numpy's convolve" cell="causal_conv"
def causal_conv(xs, kernel):
    T, B, D = xs.shape
    hs = np.zeros_like(xs)
    for b in range(B):
        for d in range(D):
            hs[:, b, d] = np.convolve(xs[:, b, d], kernel[:, d])[:T]
    return hs


# %% variant="a matrix of ages" cell="leaky_conv"
def leaky_conv(xs, a):
    t = np.arange(len(xs))
    age = t[:, None] - t
    weights = np.where(age[..., None] >= 0, a ** np.maximum(age, 0)[..., None], 0)
    return np.einsum("tsd,sbd->tbd", weights, xs)


# %% variant="a list of steps" cell="leaky"
def leaky(xs, a):
    hs = [xs[0]]
    for x_t in xs[1:]:
        hs += [a * hs[-1] + x_t]
    return hs


# %% variant="by comparison" cell="one_hot"
def one_hot(ids, V):
    hot = (ids[..., None] == np.arange(V)).astype(int)
    if not hot.any(axis=-1).all():
        raise ValueError("an id is not in the vocabulary")
    return hot


# %% variant="by product" cell="embed"
def embed(ids, E):
    hot = np.eye(len(E), dtype=E.dtype)[ids]
    return hot @ E


# %% variant="by product" cell="embed_backward"
def embed_backward(dout, ids, V):
    hot = np.eye(V, dtype=dout.dtype)[ids.reshape(-1)]
    return hot.T @ dout.reshape(-1, dout.shape[-1])


# %% variant="a loop" cell="embed_backward"
def embed_backward(dout, ids, V):
    dE = np.zeros((V, dout.shape[-1]), dtype=dout.dtype)
    for index, symbol in np.ndenumerate(ids):
        dE[symbol] += dout[index]
    return dE


# %% variant="take" cell="embed"
def embed(ids, E):
    return np.take(E, ids, axis=0)
