"""The mistakes that people make in 01-sequences-and-state, as edits of the solution."""

from autograder.exercise import Edit

_LOOP = "        hs[age:] += weight * xs[: len(xs) - age]\n"

BUGS = {
    "leaky": [
        Edit("nothing-carried", "a * h_t + x_t", "a * 0 + x_t",
             "each state is just its input: nothing is carried from step to step."),
        Edit("no-leak", "a * h_t + x_t", "h_t + x_t",
             "nothing leaks: this counts, whatever a is."),
        Edit("input-leaks-too", "a * h_t + x_t", "a * (h_t + x_t)",
             "the new input is multiplied by a as well; it counts in full at its own "
             "step and fades from the next one on."),
        Edit("weighted-mean", "a * h_t + x_t", "a * h_t + (1 - a) * x_t",
             "the input is weighted by 1 - a, as in a running mean; here it is added "
             "in full."),
        Edit("leak-on-the-input", "a * h_t + x_t", "h_t + a * x_t",
             "the leak is on the input instead of the state."),
        Edit("leak-subtracted", "a * h_t + x_t", "h_t - a * h_t + x_t",
             "the part a is taken away; a is what is *kept*."),
        Edit("one-step-late", "        h_t = a * h_t + x_t\n        states.append(h_t)\n",
             "        states.append(h_t)\n        h_t = a * h_t + x_t\n",
             "the states are one step late: hs[t] has to be the state after xs[t]."),
        Edit("starts-from-the-first-input", "np.zeros_like(xs[0])", "xs[0]",
             "the state starts from xs[0], which then is added again at step 0."),
        Edit("reads-backwards", "for x_t in xs:", "for x_t in xs[::-1]:",
             "the sequence is read from its end."),
        Edit("last-state-only", "np.stack(states)", "h_t",
             "only the last state comes back; hs holds the state after every step."),
        Edit("batch-first", "np.stack(states)", "np.stack(states, axis=1)",
             "the states are stacked along the second axis: hs is (B, T, D), and this "
             "course keeps time first."),
        Edit("one-array-for-all", "        h_t = a * h_t + x_t\n",
             "        h_t *= a\n        h_t += x_t\n",
             "all steps show the last state: one array is written into at every step "
             "and kept T times. Each step needs an array of its own."),
        Edit("into-the-input", "    h_t = np.zeros_like(xs[0])\n    states = []\n    for x_t in xs:\n"
             "        h_t = a * h_t + x_t\n        states.append(h_t)\n    return np.stack(states)",
             "    for t in range(1, len(xs)):\n        xs[t] += a * xs[t - 1]\n"
             "    return xs.copy()",
             "the states are written over xs: your values are right, but xs is the "
             "caller's."),
        Edit("float64-always", "np.stack(states)", "np.stack(states).astype(float)",
             "hs is always float64: an array made for the states has the default float "
             "type instead of that of xs."),
    ],
    "causal_conv": [
        Edit("looks-ahead", "hs[age:] += weight * xs[: len(xs) - age]",
             "hs[: len(xs) - age] += weight * xs[age:]",
             "it looks into the future: xs[t + k] is used where xs[t - k] belongs."),
        Edit("flipped", "in enumerate(kernel[: len(xs)])",
             "in enumerate(kernel[::-1][: len(xs)])",
             "the kernel is turned round: kernel[0] belongs to the newest input."),
        Edit("wraps-around", "    hs = np.zeros_like(xs)\n", "    hs = 0 * xs\n    T = len(xs)\n",
             "before the first step it wraps around to the end of the sequence: an "
             "index of -1 is the last step. Inputs before the first count as zero.",
             ((_LOOP, "        hs += weight * xs[(np.arange(T) - age) % T]\n"),)),
        Edit("newest-left-out", "hs[age:] += weight * xs[: len(xs) - age]",
             "hs[age + 1 :] += weight * xs[: len(xs) - age - 1]",
             "everything is one step late: kernel[0] belongs to xs[t] itself."),
        Edit("first-tap-dropped", "in enumerate(kernel[: len(xs)]):\n",
             "in list(enumerate(kernel[: len(xs)]))[1:]:\n",
             "the newest input, which belongs to kernel[0], is left out."),
        Edit("last-tap-dropped", "kernel[: len(xs)]", "kernel[:-1][: len(xs)]",
             "the last entry of the kernel is not used."),
        Edit("overwritten", "hs[age:] +=", "hs[age:] =",
             "the terms are not added up: each age overwrites the ones before."),
        Edit("centred", "    return hs", "    half = (len(kernel) - 1) // 2\n"
             "    return np.concatenate([hs[half:], 0 * hs[:half]])",
             "the kernel is centred on t, as in mode 'same': half of it looks into "
             "the future."),
        Edit("kernel-no-longer-than-sequence", "enumerate(kernel[: len(xs)])",
             "enumerate(kernel)",
             "where the kernel is longer than the sequence, it goes wrong: such old "
             "inputs do not exist.",
             (("xs[: len(xs) - age]", "xs[: len(hs[age:])]"), ("    hs = np.zeros_like(xs)\n",
              "    hs = np.zeros_like(xs)\n    np.empty(len(xs) - len(kernel))\n"))),
        Edit("one-kernel-for-all", "weight * xs", "weight[0] * xs",
             "the weights of the first of the D numbers are used for all of them."),
        Edit("normalised", "    return hs", "    return hs / kernel.sum(axis=0)",
             "the kernel is scaled to sum to one; use it as it is."),
        Edit("float64-always", "    return hs", "    return hs.astype(float)",
             "hs is always float64: the float type has to follow xs."),
    ],
    "leaky_conv": [
        Edit("kernel-starts-at-a", "np.arange(len(xs))", "np.arange(1, len(xs) + 1)",
             "the kernel starts with a; the newest input has age 0 and weight 1."),
        Edit("kernel-turned-round", "np.arange(len(xs))", "np.arange(len(xs))[::-1]",
             "the kernel is turned round: the oldest input gets the largest weight."),
        Edit("multiple-for-power", "a**ages", "a * ages",
             "the weight of age k is a times k; it has to be a to the power k."),
        Edit("exponential", "a**ages", "np.exp(-a * ages)",
             "the weight is the exponential of -a k; it has to be a to the power k."),
        Edit("three-entries", "np.arange(len(xs))", "np.arange(min(3, len(xs)))",
             "the kernel is cut off after a few entries; an input never quite "
             "disappears."),
        Edit("normalised", "a**ages", "a**ages / (a**ages).sum(axis=0)",
             "the kernel is scaled to sum to one; use the bare powers."),
        Edit("weighted-mean", "a**ages", "(1 - a) * a**ages",
             "the kernel has a factor 1 - a, as in a running mean."),
        Edit("absolute-leak", "a**ages", "np.abs(a) ** ages",
             "the sign of a is lost: with a negative one the weights alternate."),
        Edit("by-logarithms", "a**ages", "np.exp(ages * np.log(a))",
             "the powers are taken by way of a logarithm, which a leak of zero or "
             "less does not have."),
    ],
    "one_hot": [
        Edit("no-check", "    if ids.min() < 0 or ids.max() >= V:\n        raise ValueError(f\"ids must lie in 0 .. {V - 1}\")\n"
             "    return np.eye(V)[ids]",
             "    return (ids[..., None] == np.arange(V)) * 1.0",
             "an id outside of the vocabulary becomes a row of zeros, in silence: it "
             "must raise ValueError."),
        Edit("numpy-checks", "    if ids.min() < 0 or ids.max() >= V:\n        raise ValueError(f\"ids must lie in 0 .. {V - 1}\")\n",
             "", "ids are not checked. NumPy stops at an id of V, with an IndexError, but "
             "takes -1 for the last symbol: raise ValueError for both."),
        Edit("negative-ids-pass", "ids.min() < 0 or ids.max() >= V", "ids.max() >= V",
             "an id of -1 passes for the last symbol: it must raise ValueError."),
        Edit("V-passes", "ids.max() >= V", "ids.max() > V",
             "an id of V itself is not refused: the ids run from 0 to V - 1."),
        Edit("V-wraps", "ids.max() >= V", "ids.max() > V",
             "an id of V wraps around to 0: the ids run from 0 to V - 1.",
             (("np.eye(V)[ids]", "np.eye(V)[ids % V]"),)),
        Edit("refuses-the-last", "ids.max() >= V", "ids.max() >= V - 1",
             "the last symbol is refused: the id V - 1 is a valid one."),
        Edit("off-by-one", "np.eye(V)[ids]", "np.eye(V)[ids - 1]",
             "the one is a place too far left: ids count from 0."),
        Edit("assertion", "raise ValueError(f\"ids must lie in 0 .. {V - 1}\")",
             "raise AssertionError(\"ids\")",
             "ids outside of the vocabulary end in an AssertionError; the error to "
             "raise is a ValueError."),
        Edit("symbols-first", "np.eye(V)[ids]", "np.moveaxis(np.eye(V)[ids], -1, 0)",
             "the axis of the symbols comes first; it has to be the last."),
        Edit("flat", "np.eye(V)[ids]", "np.eye(V)[ids.ravel()]",
             "the axes of ids are run together: the result has the shape of ids and "
             "one axis more."),
        Edit("up-to-the-id", "np.eye(V)[ids]", "np.tri(V)[ids]",
             "all places up to the id are one; only its own may be."),
        Edit("inverted", "np.eye(V)[ids]", "1 - np.eye(V)[ids]",
             "zeros and ones are exchanged."),
    ],
    "embed": [
        Edit("columns", "return E[ids]", "return E.T[ids % E.shape[1]][..., : E.shape[1]]",
             "columns of E are looked up; a symbol is a row."),
        Edit("off-by-one", "E[ids]", "E[ids - 1]",
             "the row before is looked up: ids count from 0."),
        Edit("flat", "E[ids]", "E[ids.ravel()]",
             "the axes of ids are run together: the result has the shape of ids and "
             "one axis more, of length D."),
        Edit("symbols-by-position", "E[ids]", "E[np.arange(ids.size) % len(E)].reshape(*ids.shape, -1)",
             "the rows are taken in order, whatever the ids are."),
        Edit("summed", "E[ids]", "E[ids].sum(axis=0)",
             "the vectors of a sequence are added up: that is a bag of words; here "
             "each id keeps its vector."),
        Edit("scaled", "E[ids]", "E[ids] / np.linalg.norm(E[ids], axis=-1, keepdims=True)",
             "the vectors are scaled to length one; return the rows as they are."),
        Edit("float64-always", "E[ids]", "E[ids].astype(float)",
             "the result is always float64: the float type has to follow E."),
    ],
    "embed_backward": [
        Edit("duplicates-lost", "np.add.at(dE, ids, dout)", "dE[ids] += dout",
             "repeated ids are counted once: dE[ids] += dout, like dE[ids] = dout, reads "
             "all rows first and writes them afterwards, so that the last one wins."),
        Edit("averaged", "    return dE", "    return dE / np.maximum(np.bincount(ids.ravel(), minlength=V), 1)[:, None]",
             "the gradients of a repeated id are averaged; they add up."),
        Edit("first-sequence-only", "np.add.at(dE, ids, dout)",
             "np.add.at(dE, ids[:, :1], dout[:, :1])",
             "only the first sequence of the batch contributes."),
        Edit("last-step-only", "np.add.at(dE, ids, dout)", "np.add.at(dE, ids[-1], dout[-1])",
             "only the last step contributes."),
        Edit("off-by-one", "np.add.at(dE, ids, dout)", "np.add.at(dE, ids - 1, dout)",
             "the gradients go to the row before: ids count from 0."),
        Edit("batch-mean", "    return dE", "    return dE / dout.shape[1]",
             "it is divided by the batch size; a mean belongs to the loss, and has "
             "been taken there."),
        Edit("too-few-rows", "np.zeros((V, dout", "np.zeros((ids.max() + 1, dout",
             "dE has as many rows as ids occur; it needs V, also for symbols that do "
             "not occur."),
        Edit("transposed", "    return dE", "    return dE.T",
             "dE is (D, V); it has to have the shape of E, (V, D)."),
        Edit("sign", "np.add.at(dE, ids, dout)", "np.subtract.at(dE, ids, dout)",
             "the gradient has the wrong sign."),
        Edit("counts-only", "np.add.at(dE, ids, dout)", "np.add.at(dE, ids, np.ones_like(dout))",
             "it counts how often each id occurs; dout is not used."),
        Edit("one-more-axis-needed", "np.add.at(dE, ids, dout)",
             "for t in range(ids.shape[0]):\n        for b in range(ids.shape[1]):\n"
             "            dE[ids[t, b]] += dout[t, b]",
             "it only works for ids with axes for time and batch; ids may have any "
             "shape."),
        Edit("float64-always", ", dout.dtype)", ")",
             "dE is always float64: np.zeros has the default float type instead of "
             "that of dout."),
    ],
}
