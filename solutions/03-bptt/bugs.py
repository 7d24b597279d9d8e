"""The mistakes that people make in 03-bptt, as edits of the solution.

Most were seen in public student code, in courses' own tests or in forum threads;
the sentence names the mistake and where to look, not the line to write.
"""

from autograder.exercise import Edit

# The code-review lab: any of its mistakes may be left in, so all combinations are
# known, and the sentences are clauses that are strung together.
COMBINE = ("review_step",)

BUGS = {
    "rnn_step_backward": [
        Edit("no-tanh-slope", 'dh_t * (1 - cache["h_t"] ** 2)', "dh_t",
             "the gradient passes the tanh unchanged; on the way back it is multiplied "
             "by the slope of the tanh, entry by entry."),
        Edit("slope-one-minus-h", '(1 - cache["h_t"] ** 2)', '(1 - cache["h_t"])',
             "the slope of the tanh is taken as 1 - h: the square is missing."),
        Edit("tanh-of-h", 'cache["h_t"] ** 2', 'np.tanh(cache["h_t"]) ** 2',
             "the tanh is applied to h_t once more: the cache holds h_t, which is the "
             "tanh of the sum already."),
        Edit("divided-by-slope", "dh_t * (1 -", "dh_t / (1 -",
             "the gradient is divided by the slope of the tanh, as for its inverse; the "
             "chain rule multiplies."),
        Edit("slope-of-h_prev", 'cache["h_t"] ** 2', 'cache["h_prev"] ** 2',
             "the slope of the tanh is taken at h_prev; it belongs to the state that "
             "this step made."),
        Edit("slope-sign", '(1 - cache["h_t"] ** 2)', '(cache["h_t"] ** 2 - 1)',
             "the slope of the tanh has the wrong sign; tanh rises everywhere."),
        Edit("dh_prev-untransposed", 'da_t @ cache["W_hh"].T', 'da_t @ cache["W_hh"]',
             "dh_prev uses W_hh as it stands: on the way back the matrix is "
             "transposed, and a square one hides this from shapes."),
        Edit("dh_prev-before-tanh", 'da_t @ cache["W_hh"].T', 'dh_t @ cache["W_hh"].T',
             "dh_prev is computed from dh_t: the gradient has to pass the tanh first."),
        Edit("dx_t-before-tanh", 'da_t @ cache["W_xh"].T', 'dh_t @ cache["W_xh"].T',
             "dx_t is computed from dh_t: the gradient has to pass the tanh first."),
        Edit("dW_hh-from-h_t", 'cache["h_prev"].T @ da_t', 'cache["h_t"].T @ da_t',
             "dW_hh is made with the new state h_t: W_hh was multiplied with the state "
             "before the step."),
        Edit("dW_hh-transposed", 'cache["h_prev"].T @ da_t', 'da_t.T @ cache["h_prev"]',
             "dW_hh is transposed: its first axis is that of the state that goes in, "
             "its second that of the sum."),
        Edit("dW-averaged", 'cache["x_t"].T @ da_t', 'cache["x_t"].T @ da_t / len(dh_t)',
             "the weight gradients are averaged over the batch; the loss already "
             "decides about averaging, here the samples are summed.",
             (('cache["h_prev"].T @ da_t', 'cache["h_prev"].T @ da_t / len(dh_t)'),)),
        Edit("db_h-averaged", "da_t.sum(axis=0)", "da_t.mean(axis=0)",
             "db_h is averaged over the batch; the loss already decides about "
             "averaging, a bias gradient is a sum."),
        Edit("db_h-before-tanh", "da_t.sum(axis=0)", "dh_t.sum(axis=0)",
             "db_h sums dh_t: the bias sits inside the tanh, so the gradient has to "
             "pass the tanh first."),
        Edit("db_h-not-summed", "da_t.sum(axis=0)", "da_t",
             "db_h has a row for each sample: one bias was added to all rows, so its "
             "gradient is their sum, of shape (H,)."),
        Edit("db_h-over-units", "da_t.sum(axis=0)", "da_t.sum(axis=1)",
             "db_h is summed over the units instead of over the batch."),
        Edit("db_h-keeps-axis", "da_t.sum(axis=0)", "da_t.sum(axis=0, keepdims=True)",
             "db_h has shape (1, H) and right values; a gradient has the shape of its "
             "variable, and b_h is (H,)."),
        Edit("upstream-in-place", "da_t = dh_t * (1", "da_t = dh_t\n    da_t *= (1",
             "da_t is made by writing into dh_t: your values are right, but dh_t is "
             "the caller's."),
        Edit("cache-consumed", 'cache["h_t"] ** 2', 'cache.pop("h_t") ** 2',
             "something is taken out of the cache, so that a second call on it fails; "
             "a backward pass only reads."),
        Edit("cache-overwritten", 'cache["h_t"] ** 2',
             'np.square(cache["h_t"], out=cache["h_t"])',
             "an array of the cache is overwritten, so that a second call on it gives "
             "something else; a backward pass only reads."),
        Edit("float64-always", "da_t = dh_t *", "da_t = dh_t.astype(float) *",
             "the gradients are always float64: something in the step has a float "
             "type of its own instead of that of the inputs."),
        Edit("squeezed", "da_t.sum(axis=0)", "da_t.sum(axis=0).squeeze()",
             "axes of length one are dropped: with H = 1, db_h must still have its "
             "one axis."),
    ],
    "rnn_backward": [
        Edit("not-carried", "(dhs[t] + dh_next,", "(dhs[t],",
             "nothing is carried back from step t+1: each step sees its own upstream "
             "gradient only, so the last step is right and the others are not."),
        Edit("upstream-ignored", "np.zeros_like(dhs[0])", "dhs[-1]",
             "only what is carried is used: the upstream gradients dhs[t] of the "
             "steps before the last are ignored.",
             (("(dhs[t] + dh_next,", "(dh_next,"),)),
        Edit("starts-from-ones", "np.zeros_like(dhs[0])", "np.ones_like(dhs[0])",
             "the carried gradient starts from ones; after the last state there is "
             "nothing, and nothing comes back from there."),
        Edit("forwards-in-time", "reversed(range(len(dhs)))", "range(len(dhs))",
             "the loop runs forwards in time: what step t+1 sends back is not known "
             "yet when step t needs it.",
             (("dxs[::-1]", "dxs"),)),
        Edit("first-step-skipped", "range(len(dhs))", "range(1, len(dhs))",
             "the loop ends before step 0: the first step is missing everywhere."),
        Edit("dxs-reversed", "dxs[::-1]", "dxs",
             "dxs is in the order in which it was computed, from the last step to the "
             "first; it has to be turned round."),
        Edit("dxs-accumulated", 'dxs.append(step["dx_t"])',
             'dxs.append(step["dx_t"] + sum(dxs))',
             "dxs is summed up over the steps: every step has an input of its own, "
             "only the weights are shared."),
        Edit("weights-not-accumulated", 'dW_xh + step["dW_xh"]', 'step["dW_xh"]',
             "the weight gradients are replaced at each step, so that only those of "
             "step 0 are left; they are sums over the steps.",
             (('dW_hh + step["dW_hh"]', 'step["dW_hh"]'),
              ('db_h + step["db_h"]', 'step["db_h"]'))),
        Edit("dW_hh-not-accumulated", 'dW_hh + step["dW_hh"]', 'step["dW_hh"]',
             "dW_hh is replaced at each step, so that only that of step 0 is left; it "
             "is a sum over the steps."),
        Edit("db_h-not-accumulated", 'db_h + step["db_h"]', 'step["db_h"]',
             "db_h is replaced at each step, so that only that of step 0 is left; it "
             "is a sum over the steps."),
        Edit("weights-averaged", '"dW_xh": dW_xh', '"dW_xh": dW_xh / len(dhs)',
             "the weight gradients are averaged over the steps; each use of a weight "
             "counts in full, they are sums.",
             (('"dW_hh": dW_hh', '"dW_hh": dW_hh / len(dhs)'),
              ('"db_h": db_h', '"db_h": db_h / len(dhs)'))),
        Edit("carry-accumulated", 'dh_next = step["dh_prev"]',
             'dh_next = dh_next + step["dh_prev"]',
             "the carried gradient is summed up over the steps: it is replaced at each "
             "step, only the weight gradients accumulate."),
        Edit("dh0-zero", '"dh0": dh_next', '"dh0": np.zeros_like(dh_next)',
             "dh0 is left at zero: it is what step 0 carries back."),
        Edit("dh0-is-the-first-upstream", '"dh0": dh_next', '"dh0": dhs[0]',
             "dh0 is the upstream gradient of step 0, that is, the gradient after the "
             "step; h0 stands before it."),
        Edit("wrong-step-cache", 'cache["steps"][t]', 'cache["steps"][t - 1]',
             "step t is taken back with the cache of step t-1 (and step 0 with that "
             "of the last one)."),
        Edit("bias-keeps-axis", '"db_h": db_h', '"db_h": db_h[None]',
             "db_h has shape (1, H) and right values; a gradient has the shape of its "
             "variable, and b_h is (H,)."),
        Edit("upstream-in-place", "        step = rnn_step_backward(dhs[t] + dh_next,",
             "        dhs[t] += dh_next\n        step = rnn_step_backward(dhs[t],",
             "the carried gradient is added into dhs: your values are right, but dhs "
             "is the caller's."),
        Edit("cache-consumed", 'cache["steps"][t]', 'cache["steps"].pop()',
             "the step caches are taken out of the list, so that a second call on the "
             "cache fails; a backward pass only reads."),
        Edit("float64-always", "np.zeros_like(dhs[0])", "np.zeros(dhs.shape[1:])",
             "the gradients are always float64: an array of zeros has the default "
             "float type unless it is told that of dhs."),
        Edit("fails-at-T=1", "np.zeros_like(dhs[0])", "np.zeros_like(dhs[1])",
             "a sequence of one step fails: there is no second step to look at."),
    ],
    "rnn_lm_loss": [
        Edit("targets-not-shifted", "ids[:-1], ids[1:]", "ids[:-1], ids[:-1]",
             "the targets are the inputs themselves: each letter is to predict the "
             "next one."),
        Edit("inputs-and-targets-swapped", "ids[:-1], ids[1:]", "ids[1:], ids[:-1]",
             "the text is shifted the wrong way: each letter predicts the one before "
             "it."),
        Edit("reads-the-answer", "ids[:-1], ids[1:]", "ids[1:], ids[1:]",
             "the network is fed the letters that it has to predict."),
        Edit("no-output-bias", 'hs @ W_hy + params["b_y"]', "hs @ W_hy",
             "the bias b_y is left out of the logits."),
        Edit("output-reads-old-state", "logits = hs @ W_hy",
             "logits = np.concatenate([h0[None], hs[:-1]]) @ W_hy",
             "the output layer reads the state before the step instead of the one "
             "after it."),
        Edit("softmax-twice", "    mask = np.ones",
             "    logits = np.exp(logits)\n"
             "    logits = logits / logits.sum(axis=-1, keepdims=True)\n"
             "    mask = np.ones",
             "a softmax is applied before cross_entropy, which applies its own: the "
             "loss takes logits."),
        Edit("loss-of-last-step-only", "back = rnn_backward(dlogits @ W_hy.T, cache)",
             "dhs = dlogits @ W_hy.T\n    dhs[:-1] = 0\n"
             "    back = rnn_backward(dhs, cache)",
             "only the last step sends a gradient into the states, although every "
             "step has a loss."),
        Edit("divided-again", "back = rnn_backward(dlogits @ W_hy.T, cache)",
             "dlogits = dlogits / len(targets)\n"
             "    back = rnn_backward(dlogits @ W_hy.T, cache)",
             "the gradients are divided by T once more: cross_entropy has taken the "
             "mean already."),
        Edit("divided-by-batch-again", "back = rnn_backward(dlogits @ W_hy.T, cache)",
             "dlogits = dlogits / B\n    back = rnn_backward(dlogits @ W_hy.T, cache)",
             "the gradients are divided by B once more: cross_entropy has taken the "
             "mean already."),
        Edit("gradients-summed", "back = rnn_backward(dlogits @ W_hy.T, cache)",
             "dlogits = dlogits * targets.size\n"
             "    back = rnn_backward(dlogits @ W_hy.T, cache)",
             "the gradients are those of a summed loss: they are multiplied by T*B, "
             "and the loss is a mean."),
        Edit("loss-summed-over-time", "return loss, grads", "return loss * len(targets), grads",
             "the loss is summed over the steps; it is the mean over all T*B "
             "predictions, and so are the gradients."),
        Edit("dW_hy-of-last-step", 'np.einsum("tbh,tbv->hv", hs, dlogits)',
             "hs[-1].T @ dlogits[-1]",
             "dW_hy counts the last step only: the output layer is used at every step."),
        Edit("dW_hy-transposed", '"tbh,tbv->hv"', '"tbh,tbv->vh"',
             "dW_hy is transposed: a gradient has the shape of its variable, and W_hy "
             "is (H, V)."),
        Edit("db_y-averaged", "dlogits.sum(axis=(0, 1))", "dlogits.mean(axis=(0, 1))",
             "db_y is averaged over steps and batch; the loss has done that already, "
             "a bias gradient is a sum."),
        Edit("db_y-summed-over-time-only", "dlogits.sum(axis=(0, 1))", "dlogits.sum(axis=0)",
             "db_y is summed over the steps only: the samples of the batch share the "
             "bias too."),
        Edit("float64-always", "np.eye(V, dtype=W_xh.dtype)", "np.eye(V)",
             "the gradients are always float64: the one-hot rows have the default "
             "float type instead of that of the parameters."),
        Edit("targets-overwritten", "    return loss, grads",
             "    ids[:-1] = ids[1:]\n    return loss, grads",
             "the text in ids is shifted in place: your values are right, but ids is "
             "the caller's."),
    ],
    "tangent_jacobian": [
        Edit("no-tanh-slope", "slope * (W_hh.T @ J_t)", "W_hh.T @ J_t",
             "the slope of the tanh is missing: this is the Jacobian of a linear "
             "network."),
        Edit("untransposed", "W_hh.T @ J_t", "W_hh @ J_t",
             "W_hh is used as it stands: the sum over k runs over its first axis, "
             "because the states are rows."),
        Edit("slope-on-columns", "[:, :, None]", "[:, None, :]",
             "the slope of the tanh multiplies the columns j; it belongs to the rows "
             "i, the entries of the new state."),
        Edit("multiplied-from-the-right", "W_hh.T @ J_t", "J_t @ W_hh.T",
             "the step's matrix is multiplied from the right: the newest factor stands "
             "on the left."),
        Edit("one-step-only", "slope * (W_hh.T @ J_t)",
             "slope * (W_hh.T @ np.eye(H, dtype=h0.dtype))",
             "each J[t] is the Jacobian of one step: the product over all steps since "
             "h0 is asked for."),
        Edit("axes-swapped", "np.stack(Js)", "np.stack(Js).swapaxes(2, 3)",
             "the last two axes are swapped: i, the state that changes, comes first, "
             "then j, the entry of h0."),
        Edit("starts-from-ones", "np.eye(H, dtype=h0.dtype)", "np.ones((H, H), dtype=h0.dtype)",
             "the start is a matrix of ones; h0 depends on itself through the "
             "identity."),
        Edit("identity-among-the-steps", "    Js = []\n", "    Js = [J_t]\n",
             "the identity of h0 is kept as if it were a step: J has T entries, and "
             "J[0] belongs to hs[0]."),
        Edit("slope-of-the-state-before", "for h_t in hs:",
             "for h_t in np.concatenate([h0[None], hs[:-1]]):",
             "the slope of the tanh is taken at the state before the step; it belongs "
             "to the state that the step made."),
        Edit("float64-always", "np.eye(H, dtype=h0.dtype)", "np.eye(H)",
             "J is always float64: the identity has the default float type instead of "
             "that of h0."),
    ],
    "reverse_jacobian": [
        Edit("axes-swapped", "np.stack(rows, axis=1)", "np.stack(rows, axis=2)",
             "the last two axes are swapped: what comes back for unit i is the *row* "
             "i."),
        Edit("batch-second", "np.stack(rows, axis=1)", "np.stack(rows)",
             "the rows are stacked along the first axis: the batch comes first, "
             "J is (B, H, H)."),
        Edit("asks-at-every-step", "dhs[-1, :, i] = 1", "dhs[:, :, i] = 1",
             "the ones stand at every step: this is the derivative of the *sum* of all "
             "states."),
        Edit("asks-at-the-first-step", "dhs[-1, :, i] = 1", "dhs[0, :, i] = 1",
             "the ones stand at step 0: this is how the first state depends on h0, and "
             "the last one is asked for."),
        Edit("first-sequence-only", "dhs[-1, :, i] = 1", "dhs[-1, 0, i] = 1",
             "only the first sequence of the batch gets a gradient: the others stay "
             "zero."),
        Edit("ones-pile-up", "    rows = []\n", "    rows, dhs = [], np.zeros_like(hs)\n",
             "the ones of earlier units are still there: each call needs a gradient "
             "that is zero but for unit i.",
             (("        dhs = np.zeros_like(hs)\n", ""),)),
        Edit("asks-for-all-units", "dhs[-1, :, i] = 1", "dhs[-1] = 1",
             "all units of the last state get a one: every row is the sum of all rows."),
        Edit("float64-always", "np.zeros_like(hs)", "np.zeros(hs.shape)",
             "J is always float64: an array of zeros has the default float type unless "
             "it is told that of hs."),
    ],
    "review_step": [
        Edit("h[-1]-at-step-0", "hs[t - 1] if t > 0 else h0", "hs[t - 1]",
             "at step 0 the state before is taken from index -1, which is the last "
             "state"),
        Edit("not-carried", "dys[t] @ W_hy.T + dh_next", "dys[t] @ W_hy.T",
             "what step t+1 carries back is computed and never used"),
        Edit("no-tanh-slope", "dh_t * (1 - hs[t] ** 2)", "dh_t",
             "the gradient passes the tanh unchanged"),
        Edit("inner-for-outer-product", "h_prev.T @ da_t", "(h_prev * da_t).sum(axis=0)",
             "W_hh gets an inner product, the same in every row, where an outer "
             "product belongs"),
        Edit("ascent", "-= lr *", "+= lr *",
             "the step goes uphill"),
        Edit("callers-parameters", "{name: p.copy() for name, p in params.items()}",
             "dict(params)",
             "the caller's parameters are changed: a new dict holds the old arrays"),
    ],
}
