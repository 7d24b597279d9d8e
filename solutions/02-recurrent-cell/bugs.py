"""The mistakes that people make in 02-recurrent-cell, as edits of the solution.

Most were seen in public student code, in courses' own tests or in forum threads;
the sentence names the mistake and where to look, not the line to write.
"""

from autograder.exercise import Edit

BUGS = {
    "rnn_step_forward": [
        Edit("no-tanh", "np.tanh(a_t)", "a_t",
             "the tanh is missing: the state is the bare sum a_t."),
        Edit("sigmoid-for-tanh", "np.tanh(a_t)", "1 / (1 + np.exp(-a_t))",
             "the sum goes through the logistic function; this cell squashes it to "
             "(-1, 1), not to (0, 1)."),
        Edit("relu-for-tanh", "np.tanh(a_t)", "np.maximum(a_t, 0)",
             "the sum goes through a ReLU: this cell squashes with tanh, which keeps "
             "the sign and has a bound."),
        Edit("tanh-twice", "np.tanh(a_t)", "np.tanh(np.tanh(a_t))",
             "the tanh is applied twice."),
        Edit("W_hh-transposed", "h_prev @ W_hh", "h_prev @ W_hh.T",
             "W_hh is transposed. Rows are samples, so the state stands on the left "
             "and the matrix is used as it is; a square matrix hides this from shapes."),
        Edit("no-recurrence", " + h_prev @ W_hh", "",
             "the state before plays no part: the step sees only x_t."),
        Edit("no-bias", " + b_h  #", "  #",
             "the bias b_h is left out of the sum."),
        Edit("bias-after-tanh", " + b_h  #", "  #",
             "the bias is added after the tanh; it belongs inside, to the sum.",
             (("np.tanh(a_t)", "np.tanh(a_t) + b_h"),)),
        Edit("bias-subtracted", " + b_h  #", " - b_h  #",
             "the bias enters with the wrong sign."),
        Edit("state-outside-tanh", " + h_prev @ W_hh", "",
             "only the input and the bias are squashed: the part of the state is added "
             "after the tanh.",
             (("np.tanh(a_t)", "np.tanh(a_t) + h_prev @ W_hh"),)),
        Edit("tanh-by-exponentials", "np.tanh(a_t)",
             "(np.exp(a_t) - np.exp(-a_t)) / (np.exp(a_t) + np.exp(-a_t))",
             "tanh is written out with exponentials, which overflow for a large sum and "
             "leave infinity over infinity. NumPy's own tanh does not."),
        Edit("state-in-place", "np.tanh(a_t)", "np.tanh(a_t, out=h_prev)",
             "the new state is written over h_prev: your values are right, and the "
             "caller has lost its old state (and so has the cache)."),
        Edit("float64-always", "np.tanh(a_t)", "np.tanh(a_t.astype(float))",
             "the step always answers in float64: something in it has a float type of "
             "its own instead of that of the inputs."),
        Edit("squeezed", "np.tanh(a_t)", "np.tanh(a_t).squeeze()",
             "axes of length one are dropped, so that a batch of one sequence or a "
             "state of one unit comes back with the wrong shape."),
    ],
    "rnn_forward": [
        Edit("h0-ignored", "h_t = h0", "h_t = np.zeros_like(h0)",
             "the loop starts from zeros: h0 is not used, and every step after it is "
             "off, less and less."),
        Edit("state-not-carried", "(x_t, h_t, W_xh", "(x_t, h0, W_xh",
             "every step starts from h0: the state of the step before is not carried "
             "on, so step 0 is right and the others are not."),
        Edit("reads-backwards", "for x_t in xs:", "for x_t in xs[::-1]:",
             "the sequence is read from its end: hs[0] is the state after the last "
             "input."),
        Edit("first-step-skipped", "for x_t in xs:", "for x_t in xs[1:]:",
             "the loop starts at the second step: hs[0] is left at zero, and xs[0] is "
             "never read.",
             (("np.stack(states)", "np.stack([0 * h0, *states])"),)),
        Edit("first-input-only", "(x_t, h_t, W_xh", "(xs[0], h_t, W_xh",
             "every step reads the first input, xs[0]."),
        Edit("one-step-late", "    states, steps = [], []\n",
             "    states, steps = [h0], []\n",
             "the states are one step late: hs[t] has to be the state after step t, "
             "and h0 is not one of them.",
             (("np.stack(states)", "np.stack(states[:-1])"),)),
        Edit("h0-among-the-states", "states, steps = [], []", "states, steps = [h0], []",
             "h0 is kept as if it were the state after a step: hs has T entries, and "
             "the first is the state after xs[0]."),
        Edit("last-state-only", "np.stack(states)", "h_t",
             "only the last state comes back; hs holds the state after every step."),
        Edit("batch-first", "np.stack(states)", "np.stack(states, axis=1)",
             "the states are stacked along the second axis: hs is (B, T, H), and this "
             "course keeps time first."),
        Edit("one-array-for-all", "h_t = h0", "h_t = h0.copy()",
             "all steps show the last state: one array is written into at every step "
             "and kept T times. Each step needs an array of its own.",
             (("h_t, cache =", "h_t[...], cache ="),)),
        Edit("h0-overwritten-at-every-step", "h_t, cache =", "h_t[...], cache =",
             "each new state is written into the array h0: all kept states are that "
             "one array, and the caller's h0 is gone."),
        Edit("final-state-into-h0", "    return np.stack(states)",
             "    h0[...] = h_t\n    return np.stack(states)",
             "the final state is written over h0: your values are right, but h0 is the "
             "caller's."),
        Edit("float64-always", "np.stack(states)", "np.stack(states).astype(float)",
             "hs is always float64: an array made for the states has the default float "
             "type instead of that of the inputs."),
        Edit("squeezed", "np.stack(states)", "np.squeeze(np.stack(states))",
             "axes of length one are dropped: with T = 1, B = 1 or H = 1, hs must "
             "still have three axes."),
    ],
    "stable_sigmoid": [
        Edit("exp-over-one-plus-exp", "np.exp(-np.abs(a))", "np.exp(a)",
             "e^a / (1 + e^a) is used for all a: for a large one it is infinity over "
             "infinity.",
             (("np.where(a >= 0, 1 / (1 + e), e / (1 + e))", "e / (1 + e)"),)),
        Edit("sign-forgotten", "e / (1 + e))", "1 / (1 + e))",
             "negative inputs get the value that belongs to their absolute value: the "
             "two signs need the two forms."),
        Edit("branches-swapped", "a >= 0", "a < 0",
             "the two forms are swapped: this is the sigmoid of -a."),
        Edit("tanh-form-without-the-half", "return np.where(a >= 0, 1 / (1 + e), e / (1 + e))",
             "return 0.5 * (1 + np.tanh(a))",
             "the form through tanh takes half of the input; this is the sigmoid of 2a."),
        Edit("tanh-for-sigmoid", "return np.where(a >= 0, 1 / (1 + e), e / (1 + e))",
             "return np.tanh(a)",
             "this is tanh, which runs from -1 to 1; the sigmoid runs from 0 to 1."),
        Edit("derivative", "return np.where(a >= 0, 1 / (1 + e), e / (1 + e))",
             "return e / (1 + e) ** 2",
             "this is the derivative of the sigmoid, not the sigmoid."),
        Edit("in-place", "return np.where(a >= 0, 1 / (1 + e), e / (1 + e))",
             "a[...] = np.where(a >= 0, 1 / (1 + e), e / (1 + e))\n    return a",
             "the result is written over a: your values are right, but a is the "
             "caller's."),
        Edit("float64-always", "np.abs(a)", "np.abs(a.astype(float))",
             "the result is always float64: the float type has to follow a."),
    ],
    "cross_entropy": [
        Edit("no-shift", "logits - logits.max(axis=-1, keepdims=True)", "logits",
             "the logits are not shifted before the exponential, which overflows for "
             "large ones."),
        Edit("logarithm-of-probabilities",
             "shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))",
             "np.log(np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True))",
             "the logarithm is taken of finished probabilities: a small one has become "
             "zero by then, and its logarithm is infinite."),
        Edit("no-logarithm", "-(picked * mask)", "-(np.exp(picked) * mask)",
             "the loss adds up probabilities: it is minus the *logarithm* of the "
             "probability of the target."),
        Edit("loss-sign", "-(picked * mask)", "(picked * mask)",
             "the loss has lost its minus sign: it would fall as the network gets "
             "worse."),
        Edit("loss-summed", "-(picked * mask).sum() / count", "-(picked * mask).sum()",
             "the loss is the sum over the positions, not their mean."),
        Edit("loss-unmasked", "(picked * mask)", "(picked)",
             "the mask is missing in the loss: positions that do not count are added "
             "up too."),
        Edit("gradient-unmasked", " * mask[..., None] / count", " / count",
             "the mask is missing in the gradient: positions that do not count still "
             "push the logits."),
        Edit("gradient-summed", " * mask[..., None] / count", " * mask[..., None]",
             "the loss is a mean and the gradient is that of a sum: it lacks the same "
             "division."),
        Edit("all-positions-counted", "count = mask.sum()", "count = mask.size",
             "the mean is taken over all T*B positions; only those that the mask lets "
             "through count."),
        Edit("divided-by-batch", "count = mask.sum()", "count = mask.shape[1]",
             "the sum is divided by the batch size B; it has to be divided by the "
             "number of positions that count."),
        Edit("no-one-hot", "(dlogits - hot)", "dlogits",
             "the gradient is the softmax alone: the one of the target is not taken "
             "off."),
        Edit("gradient-sign", "(dlogits - hot)", "(hot - dlogits)",
             "the gradient points downhill: it is softmax minus one-hot, and the "
             "descent puts the minus later."),
        Edit("log-softmax-in-gradient", "dlogits = np.exp(log_p)", "dlogits = log_p",
             "the gradient uses the logarithm of the softmax where the softmax itself "
             "belongs."),
        Edit("softmax-over-time", "np.exp(shifted).sum(axis=-1", "np.exp(shifted).sum(axis=0",
             "the softmax is normalised over the time steps; the classes are the last "
             "axis."),
        Edit("softmax-over-batch", "np.exp(shifted).sum(axis=-1", "np.exp(shifted).sum(axis=1",
             "the softmax is normalised over the batch; the classes are the last axis."),
        Edit("in-place", "    shifted = logits - logits.max(axis=-1, keepdims=True)\n",
             "    shifted = logits\n    shifted -= logits.max(axis=-1, keepdims=True)\n",
             "the shift is written into logits itself: your values are right, but the "
             "logits are the caller's."),
        Edit("float64-always", "dlogits.astype(logits.dtype)", "dlogits",
             "dlogits is always float64: dividing by a NumPy integer, or starting from "
             "a float64 array, widens float32."),
    ],
    "mse": [
        Edit("no-two", "2 * diff", "diff",
             "the factor 2 of the derivative of a square is missing."),
        Edit("gradient-summed", "2 * diff / diff.size", "2 * diff",
             "the loss is a mean and the gradient is that of a sum: it lacks the "
             "division by the number of entries."),
        Edit("divided-by-length", "diff.size", "len(diff)",
             "the gradient is divided by the length of the first axis; the mean is "
             "over all entries."),
        Edit("sign", "diff = pred - target", "diff = target - pred",
             "the difference is taken the other way round: the square hides it in the "
             "loss, and the gradient has the wrong sign."),
        Edit("loss-summed", "(diff**2).mean()", "(diff**2).sum()",
             "the loss is the sum of the squares, not their mean."),
        Edit("halved", "(diff**2).mean()", "(diff**2).mean() / 2",
             "the loss is halved, as some books do; here it is the plain mean."),
        Edit("halved-with-its-gradient", "(diff**2).mean()", "(diff**2).mean() / 2",
             "half the mean square is used, whose gradient has no factor 2; here it is "
             "the plain mean.",
             (("2 * diff", "diff"),)),
        Edit("mean-over-the-first-axis", "(diff**2).mean()", "(diff**2).sum() / len(diff)",
             "the sum is divided by the length of the first axis; the mean is over all "
             "entries.",
             (("diff.size", "len(diff)"),)),
        Edit("absolute", "(diff**2).mean()", "np.abs(diff).mean()",
             "the loss is the mean of the absolute differences; they are to be "
             "squared."),
        Edit("root", "(diff**2).mean()", "np.sqrt((diff**2).mean())",
             "the root of the mean square is returned, whose gradient is another one."),
        Edit("mean-of-last-axis", "(diff**2).mean()", "(diff**2).mean(axis=-1)",
             "the mean runs over the last axis only: the loss is one number."),
        Edit("in-place", "diff = pred - target", "diff = pred\n    diff -= target",
             "the difference is written into pred: your values are right, but pred is "
             "the caller's."),
        Edit("float64-always", "2 * diff / diff.size", "np.float64(2) * diff / diff.size",
             "dpred is always float64: the float type has to follow the inputs."),
    ],
}
