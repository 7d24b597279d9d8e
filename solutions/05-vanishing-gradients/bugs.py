"""The mistakes that people make in 05-vanishing-gradients, as edits of the solution."""

from autograder.exercise import Edit

_IN_PLACE = "your values are right, but the caller's array is not what it was"

BUGS = {
    "step_jacobian": [
        Edit("W_hh-not-transposed", "* W_hh.T", "* W_hh",
             "the indices of W_hh are swapped: row i of the Jacobian is what unit i of the "
             "new state listens to, which is a column of W_hh."),
        Edit("slope-of-the-source", "slope[:, :, None]", "slope[:, None, :]",
             "the slope multiplies the columns: it belongs to the unit at which the path "
             "arrives, the row."),
        Edit("no-slope", "slope = 1 - h_t**2", "slope = 1 - 0 * h_t",
             "the slope of the tanh is missing: this is the Jacobian of a linear cell."),
        Edit("one-minus-h", "slope = 1 - h_t**2", "slope = 1 - h_t",
             "the slope is 1 - h: the derivative of tanh, from its output, has a square."),
        Edit("tanh-again", "1 - h_t**2", "1 - np.tanh(h_t)**2",
             "tanh is applied to h_t, which is a tanh already: the slope is taken at the "
             "wrong place."),
        Edit("slope-of-the-sigmoid", "slope = 1 - h_t**2", "slope = h_t * (1 - h_t)",
             "this is the slope of the logistic function; the cell squashes with tanh."),
        Edit("mean-over-the-batch", "slope = 1 - h_t**2",
             "slope = (1 - h_t**2).mean(axis=0) + 0 * h_t",
             "the slopes are averaged over the batch: every sequence has its own."),
        Edit("in-place", "slope = 1 - h_t**2", "slope = h_t\n    slope[...] = 1 - h_t**2",
             f"the slope is written over h_t: {_IN_PLACE}."),
        Edit("float64-always", "slope = 1 - h_t**2", "slope = 1 - h_t.astype(float)**2",
             "the Jacobian is always float64: the float type has to follow the inputs."),
    ],
    "jacobian_product": [
        Edit("order-reversed", "J[t + 1] @ S_next", "S_next @ J[t + 1]",
             "the new factor is put on the left: walking back in time, each earlier step "
             "is the one that acts first, and stands on the right."),
        Edit("elementwise", "J[t + 1] @ S_next", "J[t + 1] * S_next",
             "the Jacobians are multiplied entry by entry; the chain rule is a matrix "
             "product."),
        Edit("own-step", "hs[t + 1], W_hh", "hs[t], W_hh",
             "the factors are one step early: from state t to state t+1 leads the "
             "Jacobian that is built from hs[t+1]."),
        Edit("last-step-included", "J[-1] = np.eye(H)",
             "J[-1] = step_jacobian(hs[-1], W_hh)",
             "one factor too many: the last state depends on itself by the identity."),
        Edit("not-carried", "J[t + 1] @ S_next", "S_next",
             "only one step is taken: the product of the later steps is not carried on."),
        Edit("from-the-first-state", "return J", "return J[::-1]",
             "the order of time is reversed: J[t] belongs to hs[t], and the identity to "
             "the last."),
        Edit("transposed", "return J", "return np.swapaxes(J, -1, -2)",
             "every matrix is transposed: J[t, b, i, j] has the later state's unit in "
             "its row."),
        Edit("ones-for-identity", "np.eye(H)", "np.ones((H, H))",
             "the product begins with a matrix of ones; it has to begin with the "
             "identity."),
        Edit("summed-over-paths", "J[t + 1] @ S_next", "J[t + 1] @ S_next + np.eye(H)",
             "an identity is added at every step: that is the gradient of the sum of all "
             "states, not of the last one."),
        Edit("first-sequence-for-all", "S_next = step_jacobian(hs[t + 1], W_hh)",
             "S_next = step_jacobian(hs[t + 1], W_hh)[:1]",
             "the Jacobians of the first sequence are used for all of the batch."),
        Edit("float64-always", "dtype=hs.dtype", "dtype=float",
             "J is always float64: the float type has to follow the inputs."),
        Edit("squeezed", "return J", "return J.squeeze()",
             "axes of length one are dropped: J always has four."),
    ],
    "spectral_curves": [
        Edit("frobenius", "jacobian_product(hs, W_hh), 2, axis",
             "jacobian_product(hs, W_hh), 'fro', axis",
             "the norm is that of Frobenius, the root of the sum of all squares; asked "
             "for is the largest singular value."),
        Edit("smallest-singular-value", "jacobian_product(hs, W_hh), 2, axis",
             "jacobian_product(hs, W_hh), -2, axis",
             "the norm is the smallest singular value: how little the product stretches, "
             "where how much is asked."),
        Edit("spectral-radius",
             "norms = np.linalg.norm(jacobian_product(hs, W_hh), 2, axis=(-2, -1))",
             "norms = np.abs(np.linalg.eigvals(jacobian_product(hs, W_hh))).max(axis=-1)\n"
             "    norms = norms.astype(hs.dtype)",
             "the norm is the largest absolute eigenvalue: for a product of matrices "
             "that says little about how it stretches vectors."),
        Edit("sum-of-bounds", "bounds[t + 1] * np", "bounds[t + 1] + np",
             "the singular values of the steps are added up; the bound is their product."),
        Edit("one-step-bound", "bounds[t + 1] * np", "1 * np",
             "the bound is that of a single step: those of the later steps are not "
             "carried on."),
        Edit("bound-one-step-early", "hs[t + 1], W_hh)", "hs[t], W_hh)",
             "the bound takes the steps one too early: from state t to state t+1 leads "
             "the Jacobian built from hs[t+1]."),
        Edit("bound-without-slopes", "np.linalg.norm(S_next, 2, axis=(-2, -1))",
             "np.linalg.norm(W_hh, 2)",
             "the bound uses the singular value of W_hh itself, without the slopes: it "
             "holds too, but is looser than the one asked for."),
        Edit("bound-by-frobenius", "np.linalg.norm(S_next, 2, axis=(-2, -1))",
             "np.linalg.norm(S_next, axis=(-2, -1))",
             "the bound is made of Frobenius norms: it holds too, but is looser than the "
             "one asked for."),
        Edit("squared", "return norms, bounds", "return norms**2, bounds**2",
             "both are squared: the singular values themselves are asked for, not the "
             "eigenvalues of the matrix times its transpose."),
        Edit("swapped", "return norms, bounds", "return bounds, norms",
             "norms and bounds are swapped: norms come first."),
        Edit("time-reversed", "return norms, bounds", "return norms[::-1], bounds[::-1]",
             "both run backwards: entry t belongs to hs[t], and the last entries are 1."),
        Edit("float64-always", "bounds = np.ones_like(norms)",
             "bounds = np.ones(norms.shape)",
             "bounds is always float64: the float type has to follow the inputs."),
    ],
    "late_growth": [
        Edit("a-contraction", " + 1.0 * np.eye(H, k=1)", "",
             "no power of this matrix grows as far as it is asked to. Where the singular "
             "values are below one, or the eigenvectors at right angles, none can."),
        Edit("loud-from-the-start", "1.0 * np.eye(H, k=1)", "40.0 * np.eye(H, k=1)",
             "the matrix itself is too large: it stretches some vector by more than 2."),
        Edit("eigenvalue-above-one", "0.9 * np.eye(H)", "1.05 * np.eye(H)",
             "an eigenvalue reaches 1: the powers grow and never die.",
             (("1.0 * np.eye(H, k=1)", "0.9 * np.eye(H, k=1)"),)),
        Edit("symmetric", "return W", "return W + W.T",
             "it stretches by more than 2, and its powers never die. For a symmetric "
             "matrix, say, singular values are absolute eigenvalues: it cannot do both."),
        Edit("a-row", "return W", "return W[0]",
             "what came back has not the shape (H, H)."),
    ],
    "orthogonal": [
        Edit("signs-forgotten", "Q * signs", "Q",
             "the signs are those of LAPACK: multiply each column of Q by the sign of "
             "its entry on R's diagonal."),
        Edit("signs-on-rows", "Q * signs", "Q * signs[:, None]",
             "the signs multiply the rows of Q: a sign that goes into row k of R comes "
             "out of column k of Q."),
        Edit("R-for-Q", "Q, R = np.linalg.qr(draws)", "R, Q = np.linalg.qr(draws)",
             "the two factors are swapped: the triangular one came back.",
             (("np.diag(R)", "np.ones(len(Q), Q.dtype)"),)),
        Edit("negative-diagonal", "Q * signs", "-Q * signs",
             "the diagonal of R is negative: all signs are the other way round."),
        Edit("transposed", "Q * signs", "(Q * signs).T",
             "Q is transposed: it is orthogonal, but not the factor of draws."),
        Edit("normalised-columns", "Q * signs", "draws / np.linalg.norm(draws, axis=0)",
             "the columns have length one, and that is all: they are not at right "
             "angles."),
        Edit("polar-factor", "Q * signs",
             "np.linalg.svd(draws)[0] @ np.linalg.svd(draws)[2]",
             "this is the polar factor, U times V transposed: it is fair too, but the "
             "exercise asks for the Q of QR."),
        Edit("qr-of-the-transpose", "np.linalg.qr(draws)", "np.linalg.qr(draws.T)",
             "the rows of draws were made orthogonal instead of the columns."),
        Edit("in-place", "Q * signs", "np.multiply(Q, signs, out=draws)",
             f"Q is written over draws: {_IN_PLACE}."),
        Edit("float64-always", "np.linalg.qr(draws)", "np.linalg.qr(draws.astype(float))",
             "Q is always float64: the float type has to follow draws."),
    ],
    "identity_init": [
        Edit("ones", "np.eye(H, dtype=draws.dtype)", "np.ones((H, H), dtype=draws.dtype)",
             "W_hh is full of ones: then every unit hears all others, and the largest "
             "eigenvalue is H."),
        Edit("scale-forgotten", "scale * np.eye", "np.eye",
             "W_hh is the identity itself: scale is not used."),
        Edit("scale-on-inputs", "0.001 * draws", "scale * 0.001 * draws",
             "W_xh is multiplied by scale as well, which is W_hh's."),
        Edit("loud-inputs", "0.001 * draws", "draws",
             "W_xh is a thousand times too large: the factor 0.001 is missing."),
        Edit("variance-for-deviation", "0.001 * draws", "0.001**0.5 * draws",
             "W_xh has variance 0.001: that is the standard deviation asked for."),
        Edit("bias-of-ones", "np.zeros(H", "np.ones(H",
             "b_h is one; that belongs to the forget gate of later chapters. Here it is "
             "zero."),
        Edit("bias-as-a-row", "np.zeros(H, dtype", "np.zeros((1, H), dtype",
             "b_h has the shape (1, H): a bias is a vector."),
        Edit("in-place", '{"W_xh": 0.001 * draws', '{"W_xh": np.multiply(draws, 0.001, out=draws)',
             f"W_xh is written over draws: {_IN_PLACE}."),
        Edit("float64-always", "np.eye(H, dtype=draws.dtype)", "np.eye(H)",
             "W_hh is always float64, NumPy's default for eye: the float type has to "
             "follow draws."),
    ],
    "adding_problem": [
        Edit("one-mark-only", "    marks[second, columns] = 1\n", "",
             "only the first step is marked: the sum is that of one number."),
        Edit("whole-rows-marked", "marks[first, columns] = 1", "marks[first] = 1",
             "a step is marked in all sequences at once: each has its own, so the two "
             "indices go together."),
        Edit("mean-for-sum", "sum(axis=0)", "mean(axis=0)",
             "the target is the mean over the steps; it is the sum of the two marked "
             "values."),
        Edit("all-values-summed", "(values * marks).sum", "values.sum",
             "the target adds up all values: only the two marked ones count."),
        Edit("marks-first", "[values, marks]", "[marks, values]",
             "the two features are swapped: the value comes first, then the mark."),
        Edit("features-first", "axis=-1)", "axis=0)",
             "xs has the features as its first axis: it has to be (T, B, 2)."),
        Edit("batch-first", "np.stack([values, marks], axis=-1)",
             "np.stack([values.T, marks.T], axis=-1)",
             "xs is batch-first: in this course time comes first."),
        Edit("summed-over-the-batch", "sum(axis=0)", "sum(axis=1)",
             "the target is summed over the batch instead of over time."),
        Edit("target-as-a-column", "sum(axis=0)", "sum(axis=0)[:, None]",
             "target has an axis too many: it is (B,), one number for each sequence."),
        Edit("masked-values", "[values, marks]", "[values * marks, marks]",
             "the values that are not marked are set to zero: then the network would "
             "have nothing to ignore."),
        Edit("in-place", "target = (values * marks).sum(axis=0)",
             "shown = values.copy()\n    values *= marks\n    target = values.sum(axis=0)",
             f"values is multiplied by the marks in place: {_IN_PLACE}.",
             (("[values, marks]", "[shown, marks]"),)),
        Edit("float64-always", "np.zeros_like(values)", "np.zeros(values.shape)",
             "the result is always float64: marks made by np.zeros are."),
    ],
    "copy_problem": [
        Edit("blank-too-many", "np.full((lag, B), V)", "np.full((lag + 1, B), V)",
             "there is one blank too many: lag blanks stand between the last symbol and "
             "the first cue.",
             (("targets[K + lag :]", "targets[K + lag + 1 :]"),
              ("mask[K + lag :]", "mask[K + lag + 1 :]"))),
        Edit("blank-too-few", "np.full((lag, B), V)", "np.full((max(lag - 1, 0), B), V)",
             "there is one blank too few: lag blanks stand between the last symbol and "
             "the first cue.",
             (("targets[K + lag :]", "targets[-K:]"), ("mask[K + lag :]", "mask[-K:]"))),
        Edit("blank-is-a-symbol", "np.full((lag, B), V)", "np.full((lag, B), 0)",
             "a blank looks like symbol 0: it is the number V, which no symbol has."),
        Edit("cue-is-a-blank", "V + 1", "V",
             "a cue looks like a blank: it is the number V + 1, or the network cannot know "
             "when to answer."),
        Edit("one-cue", "np.full((K, B), V + 1)",
             "np.concatenate([np.full((1, B), V + 1), np.full((K - 1, B), V)])",
             "only the first of the K cues is one; here there is a cue for each symbol."),
        Edit("read-backwards", "targets[K + lag :] = symbols",
             "targets[K + lag :] = symbols[::-1]",
             "the symbols are to be repeated in the order in which they came; here it is "
             "reversed."),
        Edit("targets-at-the-symbols", "targets[K + lag :] = symbols",
             "targets[:K] = symbols",
             "the targets stand where the symbols are read: the answer is due at the "
             "cues."),
        Edit("blank-targets", "np.zeros_like(ids)", "np.full_like(ids, V)",
             "the targets are V where nobody looks: an output layer has only V classes, "
             "0 to V - 1, so 0 is asked for."),
        Edit("mask-everywhere", "np.zeros(ids.shape, dtype=bool)",
             "np.ones(ids.shape, dtype=bool)",
             "the mask is True everywhere: then most of the loss is about saying nothing."),
        Edit("mask-inverted", "return ids, targets, mask", "return ids, targets, ~mask",
             "the mask is inverted: True is where a position counts."),
        Edit("mask-starts-late", "mask[K + lag :]", "mask[K + lag + 1 :]",
             "the mask begins one step late: the first cue counts too."),
        Edit("batch-first", "return ids, targets, mask",
             "return ids.T, targets.T, mask.T",
             "all three are batch-first: in this course time comes first."),
    ],
    "bridged_lags": [
        Edit("gaps-ignored", "np.logical_and.accumulate(solved, axis=0)", "solved",
             "the largest solved lag is taken even if a shorter one failed: only an "
             "unbroken run of successes counts."),
        Edit("threshold-included", "errors < threshold", "errors <= threshold",
             "an error that equals the threshold counts as solved: it has to be below."),
        Edit("nan-is-success", "errors < threshold", "~(errors >= threshold)",
             "NaN counts as solved: a run that blew up has solved nothing, and every "
             "comparison with NaN is False."),
        Edit("above-the-threshold", "errors < threshold", "errors > threshold",
             "large errors count as solved: the comparison is the wrong way round."),
        Edit("counted", "np.where(unbroken, lags[:, None], 0)",
             "np.where(unbroken, np.arange(1, len(lags) + 1)[:, None], 0)",
             "lags are counted instead of read: the result is how many were solved, not "
             "how far they reach."),
        Edit("first-failure", "np.where(unbroken, lags[:, None], 0)",
             "np.where(~np.roll(unbroken, 1, 0) | (np.arange(len(lags)) == 0)[:, None],"
             " 0, lags[:, None])",
             "the lag of the first failure came back: asked for is the last success "
             "before it."),
        Edit("from-the-far-end", "accumulate(solved, axis=0)",
             "accumulate(solved[::-1], axis=0)[::-1]",
             "the run of successes is counted from the longest lag; it begins at the "
             "shortest."),
        Edit("over-the-runs", "accumulate(solved, axis=0)", "accumulate(solved, axis=1)",
             "successes are chained over the runs: each run is on its own, and the chain "
             "goes along the lags."),
        Edit("best-run", "reached.max(axis=0)", "reached.max()",
             "one number came back, that of the best run: every run has its own."),
        Edit("median", "np.where(unbroken, lags[:, None], 0)",
             "np.where(unbroken, lags[:, None], 0) * 0 + np.median("
             "np.where(unbroken, lags[:, None], 0).max(axis=0))",
             "the median over the runs came back for each of them: every run has its "
             "own."),
        Edit("mean-lag", "reached.max(axis=0)", "reached.mean(axis=0)",
             "the lags of a run are averaged: the largest is asked for."),
        Edit("in-place", "solved = errors < threshold",
             "errors[np.isnan(errors)] = np.inf\n    solved = errors < threshold",
             f"NaN is replaced in errors itself: {_IN_PLACE}."),
    ],
    "train_copy": [
        Edit("uphill", "-= lr * g", "+= lr * g",
             "the loss rises: the step goes along the gradient, uphill. It has to go "
             "against it."),
        Edit("untrained", "return weights", "return params",
             "the weights that came back are those that went in: none has been trained."),
        Edit("recurrence-frozen", "            weights[name] -=",
             '            if name != "W_hh":\n                weights[name] -=',
             "some array is as it was at the start: all four have to be trained. (That "
             "it copies nevertheless is worth a thought: see the puzzle below.)"),
        Edit("one-batch-for-ever", "copy_problem(batch, lag, V)",
             "copy_problem(symbols[0], lag, V)",
             "the first batch has been learned by heart, and nothing else: each update "
             "has to read a batch of its own."),
        Edit("one-update", "    return weights", "        return weights",
             "the loss has fallen a little, and that is all: the weights look as after "
             "a single update. Does the return stand inside the loop? Does every update "
             "go on from the weights of the one before? Is each gradient divided by the "
             "root of its mean square?"),
        Edit("lag-forgotten", "copy_problem(batch, lag, V)", "copy_problem(batch, 0, V)",
             "it copies at once, without the blanks, and cannot wait: the training has "
             "to be done at the lag that was asked for."),
        Edit("square-of-the-wrong-sign", "square[name] += 0.05", "square[name] -= 0.05",
             "there is NaN among the weights: the mean of the squares has become "
             "negative, or something has been divided by zero."),
        Edit("in-place", "{name: w.copy() for name, w in params.items()}", "params",
             f"the training writes into params: {_IN_PLACE}."),
    ],
}
