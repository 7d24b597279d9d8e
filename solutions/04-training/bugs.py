"""The mistakes that people make in 04-training, as edits of the solution.

Most were seen in public student code, in courses' own tests or in forum threads;
the sentence names the mistake and where to look, not the line to write.
"""

from autograder.exercise import Edit

BUGS = {
    "sgd_step": [
        Edit("uphill", "w - lr * dw", "w + lr * dw",
             "the step goes uphill: the gradient points to where the loss grows."),
        Edit("no-rate", "w - lr * dw", "w - dw",
             "the learning rate is not used."),
        Edit("rate-divides", "lr * dw", "dw / lr",
             "the gradient is divided by the learning rate."),
        Edit("step-only", "return w - lr * dw", "return -lr * dw",
             "this is the step; add it to w."),
        Edit("sign-only", "lr * dw", "lr * np.sign(dw)",
             "only the sign of the gradient is used, not its size."),
        Edit("averaged", "lr * dw", "lr * dw / len(dw)",
             "the step is divided by the length of the first axis: if the loss is a "
             "mean, its gradient has that factor already."),
        Edit("in-place", "return w - lr * dw", "w -= lr * dw\n    return w",
             "the step is written into w: your values are right, but a cache or a "
             "copy that somebody kept changes with it."),
        Edit("float64-always", "lr * dw", "np.float64(lr) * dw",
             "the result is always float64: the float type has to follow w."),
    ],
    "momentum_step": [
        Edit("rate-inside", "mu * m + dw", "mu * m + lr * dw",
             "the learning rate is inside m. Many books write it so; here, as in "
             "PyTorch, m is a sum of gradients and the rate comes in the step.",
             (("w - lr * m_new", "w - m_new"),)),
        Edit("rate-twice", "mu * m + dw", "mu * m + lr * dw",
             "the learning rate is applied twice, in m and in the step."),
        Edit("dampened", "mu * m + dw", "mu * m + (1 - mu) * dw",
             "the new gradient is weighted with 1 - mu, as in Adam's average; this "
             "momentum takes it with its full weight."),
        Edit("no-memory", "mu * m + dw", "dw",
             "m before plays no part: this is plain gradient descent."),
        Edit("shares-swapped", "mu * m + dw", "m + mu * dw",
             "mu is at the gradient: it is the share of m that is kept."),
        Edit("nothing-forgotten", "mu * m + dw", "m + dw",
             "all of m is kept, so that nothing is ever forgotten."),
        Edit("step-with-the-old", "w - lr * m_new, m_new", "w - lr * m, m_new",
             "the step is taken with m as it was before this gradient."),
        Edit("old-memory-returned", "w - lr * m_new, m_new", "w - lr * m_new, m",
             "the m that comes back is the old one: the next step would not know of "
             "this gradient."),
        Edit("nesterov", "w - lr * m_new", "w - lr * (dw + mu * m_new)",
             "this is Nesterov's momentum, which looks one step ahead; asked is the "
             "plain one."),
        Edit("uphill", "w - lr * m_new", "w + lr * m_new",
             "the step goes uphill."),
        Edit("memory-sign", "mu * m + dw", "mu * m - dw",
             "m collects the gradients with a minus, and the step takes one off "
             "again: two signs, and uphill."),
        Edit("memory-written-into", "m_new = mu * m + dw", "m *= mu\n    m += dw\n    m_new = m",
             "m is updated in place: your values are right, but m is the caller's, "
             "and a state that was saved for later changes with it."),
        Edit("parameter-written-into", "return w - lr * m_new, m_new",
             "w -= lr * m_new\n    return w, m_new",
             "the step is written into w: your values are right, but w is the "
             "caller's."),
        Edit("order-swapped", "w - lr * m_new, m_new", "m_new, w - lr * m_new",
             "m comes back first and w second; it is the other way round."),
        Edit("float64-always", "mu * m + dw", "np.float64(mu) * m + dw",
             "the results are always float64: the float type has to follow w."),
    ],
    "adam_step": [
        Edit("no-correction", "m_new / (1 - beta1**n)", "m_new",
             "neither average is corrected for its start at zero.",
             (("v_new / (1 - beta2**n)", "v_new"),)),
        Edit("m-not-corrected", "m_new / (1 - beta1**n)", "m_new",
             "the average of the gradient is not corrected for its start at zero."),
        Edit("v-not-corrected", "v_new / (1 - beta2**n)", "v_new",
             "the average of the squares is not corrected for its start at zero."),
        Edit("corrected-once", "(1 - beta1**n)", "(1 - beta1)",
             "the corrections lack the power n: they are right at the first step only.",
             (("(1 - beta2**n)", "(1 - beta2)"),)),
        Edit("counts-from-zero", "(1 - beta1**n)", "(1 - beta1 ** (n - 1))",
             "the corrections count from zero: at the first step they divide by "
             "nothing at all.",
             (("(1 - beta2**n)", "(1 - beta2 ** (n - 1))"),)),
        Edit("one-step-late", "(1 - beta1**n)", "(1 - beta1 ** (n + 1))",
             "the corrections are one step ahead: n counts this step already.",
             (("(1 - beta2**n)", "(1 - beta2 ** (n + 1))"),)),
        Edit("corrections-returned", "return w_new, m_new, v_new", "return w_new, m_hat, v_hat",
             "the corrected averages come back and would be corrected once more in "
             "the next step."),
        Edit("shares-swapped-in-m", "beta1 * m + (1 - beta1) * dw",
             "(1 - beta1) * m + beta1 * dw",
             "the shares in m are swapped: beta1 is what is kept."),
        Edit("shares-swapped-in-v", "beta2 * v + (1 - beta2) * dw**2",
             "(1 - beta2) * v + beta2 * dw**2",
             "the shares in v are swapped: beta2 is what is kept."),
        Edit("betas-swapped", "beta1 * m + (1 - beta1) * dw", "beta2 * m + (1 - beta2) * dw",
             "the two betas have changed places.",
             (("beta2 * v + (1 - beta2) * dw**2", "beta1 * v + (1 - beta1) * dw**2"),
              ("(1 - beta1**n)", "(1 - beta_**n)"), ("(1 - beta2**n)", "(1 - beta1**n)"),
              ("(1 - beta_**n)", "(1 - beta2**n)"))),
        Edit("full-gradient-in-m", "(1 - beta1) * dw", "dw",
             "the gradient enters m with its full weight, as in momentum; Adam takes "
             "an average."),
        Edit("no-square", "dw**2", "dw",
             "v averages the gradient, not its square, and has negative roots."),
        Edit("absolute", "dw**2", "np.abs(dw)",
             "v averages the absolute gradient, not its square."),
        Edit("square-of-m", "dw**2", "m_new**2",
             "v averages the square of m; it is the square of the gradient."),
        Edit("no-root", "np.sqrt(v_hat)", "v_hat",
             "the root is missing: the step is divided by a square."),
        Edit("eps-under-the-root", "(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat + eps)",
             "eps stands under the root, where it is a far larger number; it is "
             "added to the root."),
        Edit("no-eps", "(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat)",
             "eps is left out: where all gradients have been zero, this is zero over "
             "zero."),
        Edit("eps-before-the-correction", "(np.sqrt(v_hat) + eps)",
             "(np.sqrt(v_new) + eps) * np.sqrt(1 - beta2**n)",
             "eps is added before the correction of v and is scaled with it. Some "
             "libraries do that; here it comes last."),
        Edit("gradient-for-m", "lr * m_hat", "lr * dw",
             "the step uses this gradient alone, divided by its size: without the "
             "average m it is RMSProp."),
        Edit("uphill", "w - lr * m_hat", "w + lr * m_hat",
             "the step goes uphill."),
        Edit("states-written-into", "m_new = beta1 * m + (1 - beta1) * dw",
             "m *= beta1\n    m += (1 - beta1) * dw\n    m_new = m",
             "m is updated in place: your values are right, but the state is the "
             "caller's."),
        Edit("parameter-written-into", "w_new = w - lr * m_hat / (np.sqrt(v_hat) + eps)",
             "w -= lr * m_hat / (np.sqrt(v_hat) + eps)\n    w_new = w",
             "the step is written into w: your values are right, but w is the "
             "caller's."),
        Edit("float64-always", "lr * m_hat", "np.float64(lr) * m_hat",
             "the new w is always float64: the float type has to follow w."),
    ],
    "clip_global_norm": [
        Edit("each-array", "factor * g for name", "min(1.0, c / max(np.linalg.norm(g), 1e-30)) * g for name",
             "each array is clipped by its own norm: that turns the gradient. There is "
             "one norm for all, and one factor."),
        Edit("each-entry", "factor * g for name", "np.clip(g, -c, c) for name",
             "each entry is clipped by itself: that turns the gradient."),
        Edit("always", "c / norm if norm > c else 1.0", "c / norm if norm > 0 else 1.0",
             "short gradients are stretched to length c; only long ones are to be "
             "changed."),
        Edit("zero-over-zero", "c / norm if norm > c else 1.0", "c / norm",
             "every gradient is brought to length c, the short ones too, and a "
             "gradient of zeros becomes NaN."),
        Edit("never", "c / norm if norm > c else 1.0", "1.0",
             "nothing is clipped: the result of the clipping is not used."),
        Edit("factor-upside-down", "c / norm if", "norm / c if",
             "the factor is upside down: long gradients get longer."),
        Edit("no-root", "np.sqrt(sum((g**2).sum() for g in grads.values()))",
             "sum((g**2).sum() for g in grads.values())",
             "this is the square of the norm: the root is missing."),
        Edit("norms-added", "np.sqrt(sum((g**2).sum() for g in grads.values()))",
             "sum(np.linalg.norm(g) for g in grads.values())",
             "the norms of the arrays are added; it is their squares that add up."),
        Edit("largest-norm", "np.sqrt(sum((g**2).sum() for g in grads.values()))",
             "max(np.linalg.norm(g) for g in grads.values())",
             "the norm is that of the longest array alone."),
        Edit("largest-entry", "np.sqrt(sum((g**2).sum() for g in grads.values()))",
             "max(np.abs(g).max() for g in grads.values())",
             "the norm is the largest entry; asked is the Euclidean length."),
        Edit("mean-square", "(g**2).sum()", "(g**2).mean()",
             "the squares are averaged within each array instead of added up."),
        Edit("absolute", "np.sqrt(sum((g**2).sum() for g in grads.values()))",
             "sum(np.abs(g).sum() for g in grads.values())",
             "the norm adds up absolute values; asked is the Euclidean length."),
        Edit("norm-after", "return clipped, norm", "return clipped, norm * factor",
             "the norm that comes back is the one after clipping; before is asked."),
        Edit("factor-returned", "return clipped, norm", "return clipped, factor",
             "the factor comes back in place of the norm."),
        Edit("set-to-c", "factor * g for name", "(c * g / np.abs(g).max() if norm > c else g) for name",
             "each array is brought to a largest entry of c."),
        Edit("in-place", "    clipped = {name: factor * g for name, g in grads.items()}\n",
             "    clipped = grads\n    for g in grads.values():\n        g *= factor\n",
             "the caller's gradients are changed: your values are right, but whoever "
             "plots them afterwards plots something else. Make a new dict of new "
             "arrays."),
        Edit("float64-always", "factor * g for name", "np.float64(factor) * g for name",
             "the arrays are always float64: the float type has to follow the "
             "gradients."),
    ],
    "stream_batches": [
        Edit("every-Bth-symbol", "reshape(B, rows).T", "reshape(rows, B)",
             "the columns are not contiguous: column 0 has every B-th symbol. Cut the "
             "text into B long pieces and stand them side by side."),
        Edit("no-overlap", "range(0, rows - T, T)", "range(0, rows - T, T + 1)",
             "a window starts T+1 rows after the one before, and the symbol at each "
             "border is never read: the last target is the next first input."),
        Edit("step-of-one", "range(0, rows - T, T)", "range(0, rows - T)",
             "a window starts one row after the one before; the state that is carried "
             "over has read T rows already."),
        Edit("no-row-for-the-targets", "columns[k : k + T + 1]", "columns[k : k + T]",
             "a window has T rows: the last input has no target."),
        Edit("one-row-late", "columns[k : k + T + 1]", "columns[k + 1 : k + T + 1]",
             "a window starts one row late, and its first input is missing."),
        Edit("batch-first", "columns[k : k + T + 1] for", "columns[k : k + T + 1].T for",
             "the windows are (n, B, T+1): time is the first axis of a window."),
        Edit("columns-first", "np.stack([columns[k : k + T + 1] for k in starts])",
             "np.stack([columns[k : k + T + 1] for k in starts], axis=1)",
             "the windows are stacked along the second axis: windows[k] is window k."),
        Edit("last-window-lost", "range(0, rows - T, T)", "range(0, rows - T - 1, T)",
             "the last window is lost where the rows come out even: T+1 rows are "
             "enough for one."),
        Edit("rest-dropped-in-front", "ids[: rows * B]", "ids[len(ids) - rows * B :]",
             "the symbols that are left over are dropped in front, not at the end."),
        Edit("one-symbol-held-back", "rows = len(ids) // B", "rows = (len(ids) - 1) // B",
             "one symbol is held back before the text is cut into columns; the targets "
             "come out of the columns themselves."),
        Edit("rows-by-windows", "rows = len(ids) // B", "rows = len(ids) // (B * T) * T",
             "the columns are cut to a whole number of times T; they need one row more, "
             "for the last target."),
        Edit("columns-backwards", "reshape(B, rows).T", "reshape(B, rows)[::-1].T",
             "the columns stand in the wrong order: column 0 is the beginning of the "
             "text."),
        Edit("windows-shuffled", "range(0, rows - T, T)", "[*range(0, rows - T, T)][::-1]",
             "the windows come in another order: a state cannot be carried from one to "
             "the next."),
        Edit("windows-of-B", "np.stack([columns[k : k + T + 1] for k in starts])",
             "np.stack([ids[k : k + T + 1] for k in range(0, rows * B - T, T)][: len(starts) * B])"
             ".reshape(len(starts), B, T + 1).swapaxes(1, 2)",
             "neighbouring windows of the text stand side by side in a batch: then the "
             "state of a column belongs T*(B-1) symbols before what it reads next."),
    ],
    "tbptt_window": [
        Edit("state-not-taken-over", "rnn_forward(xs, h0,", "rnn_forward(xs, np.zeros_like(h0),",
             "the window starts from zeros: the state h0 that was handed over is not "
             "used."),
        Edit("last-state-handed-over", "hs[k1 - 1]", "hs[-1]",
             "the last state is handed over. The next window starts after k1 steps, and "
             "would read k2 - k1 symbols twice."),
        Edit("one-state-late", "hs[k1 - 1]", "hs[k1 % len(hs)]",
             "the state handed over is one step late: hs[t] is the state after step t, "
             "and t counts from zero."),
        Edit("state-from-the-end", "hs[k1 - 1]", "hs[-k1]",
             "the state handed over is k1 steps before the end; asked is the one k1 "
             "steps after the beginning."),
        Edit("h0-handed-on", "hs[k1 - 1]", "h0",
             "the state handed over is the one that came in."),
        Edit("reset-at-the-border", "hs[k1 - 1]", "np.zeros_like(h0)",
             "the state handed over is zero: the next window would know nothing of this "
             "one."),
        Edit("first-k1-predictions", "mask[-k1:]", "mask[:k1]",
             "the loss looks at the first k1 predictions; they had their turn already. "
             "The last k1 are new."),
        Edit("all-predictions", "mask[-k1:]", "mask[:]",
             "all k2 predictions are in the loss, so that some are counted in several "
             "windows; only the last k1 are new."),
        Edit("last-prediction-only", "mask[-k1:]", "mask[-1:]",
             "only the last prediction is in the loss, not the last k1."),
        Edit("back-k1-steps-only",
             "    back = rnn_backward(dlogits @ W_hy.T, cache)\n",
             "    late = {'steps': cache['steps'][-k1:]}\n"
             "    back = rnn_backward((dlogits @ W_hy.T)[-k1:], late)\n",
             "the gradient walks back k1 steps only: k1 says which predictions count, "
             "and the walk goes over the whole window."),
        Edit("targets-not-shifted", "inputs, targets = ids[:-1], ids[1:]",
             "inputs, targets = ids[:-1], ids[:-1]",
             "the targets are the inputs: the network is asked for the symbol that it "
             "has just read."),
        Edit("mean-over-k2", "    return loss, grads, hs",
             "    grads = {n: g * k1 / len(hs) for n, g in grads.items()}\n"
             "    return loss * k1 / len(hs), grads, hs",
             "loss and gradients are divided by all k2 steps; the mean is over the k1 "
             "that count."),
        Edit("divided-again", "    return loss, grads, hs",
             "    grads = {n: g / ids.shape[1] for n, g in grads.items()}\n"
             "    return loss, grads, hs",
             "the gradients are divided by B once more: the loss is a mean already."),
        Edit("output-bias-last-step", "dlogits.sum(axis=(0, 1))", "dlogits[-1].sum(axis=0)",
             "db_y collects the last step only; every step that counts used the bias."),
        Edit("old-states-for-the-output", 'np.einsum("tbh,tbv->hv", hs, dlogits)',
             'np.einsum("tbh,tbv->hv", np.concatenate([h0[None], hs[:-1]]), dlogits)',
             "dW_hy is made with the states before each step; the output layer reads "
             "the new one."),
        Edit("h0-written-into", "    return loss, grads, hs[k1 - 1]",
             "    h0[...] = hs[k1 - 1]\n    return loss, grads, h0",
             "the state handed over is written into h0: your values are right, but h0 "
             "is the caller's, and what was computed from it is not valid any more."),
        Edit("float64-always", "np.eye(len(W_xh), dtype=W_xh.dtype)", "np.eye(len(W_xh))",
             "the results are float64 whatever comes in: the one-hot rows are, and all "
             "that is computed from them."),
    ],
}  # fmt: skip
