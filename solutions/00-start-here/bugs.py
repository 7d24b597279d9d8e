"""The mistakes that people make in 00-start-here, as edits of the solution."""

from autograder.exercise import Edit

_CHECK = "    if a.shape != b.shape:\n        raise ValueError(f\"cannot compare shapes {a.shape} and {b.shape}\")\n"

_COPIES = "up, down = x.copy(), x.copy()"

BUGS = {
    "rel_error": [
        Edit("absolute", "np.abs(a - b).max() / scale", "np.abs(a - b).max()",
             "this is the absolute difference: it has to be divided by the size of the "
             "numbers. And then there are the shapes.", ((_CHECK, ""),)),
        Edit("absolute-of-equal-shapes", "np.abs(a - b).max() / scale",
             "np.abs(a - b).max()",
             "this is the absolute difference: it has to be divided by the size of the "
             "numbers."),
        Edit("second-array-only-any-shape",
             "max(np.abs(a).max(), np.abs(b).max())", "np.abs(b).max()",
             "it is divided by the largest entry of b alone: swap the two arrays and "
             "the error changes (and where all is zero, it is 0/0).",
             ((_CHECK, ""), ("if scale == 0", "if False"))),
        Edit("second-array-only", "max(np.abs(a).max(), np.abs(b).max())",
             "np.abs(b).max()",
             "it is divided by the largest entry of b alone: swap the two arrays and "
             "the error changes."),
        Edit("first-array-only", "max(np.abs(a).max(), np.abs(b).max())",
             "np.abs(a).max()",
             "it is divided by the largest entry of a alone: swap the two arrays and "
             "the error changes."),
        Edit("sum-of-both", "max(np.abs(a).max(), np.abs(b).max())",
             "np.abs(a).max() + np.abs(b).max()",
             "it is divided by the sum of the two largest entries; that halves every "
             "error. Take the larger of the two."),
        Edit("entry-by-entry", "np.abs(a - b).max() / scale",
             "(np.abs(a - b) / np.maximum(np.abs(a), np.abs(b))).max()",
             "each difference is divided by its own entry: one entry that happens to be "
             "near zero then decides everything. Divide by the largest of the array."),
        Edit("no-absolute-value", "np.abs(a - b).max()", "(a - b).max()",
             "the difference has lost its absolute value: entries of a that are too "
             "small are not seen."),
        Edit("scale-without-absolute-value", "max(np.abs(a).max(), np.abs(b).max())",
             "max(a.max(), b.max())",
             "the largest entry is taken without its absolute value: an array of large "
             "negative numbers is not small."),
        Edit("mean-difference", "np.abs(a - b).max()", "np.abs(a - b).mean()",
             "the differences are averaged: one wrong entry in a million would not be "
             "seen. Take the largest."),
        Edit("floor-under-the-scale", "    if scale == 0:\n        return 0.0\n",
             "    scale = max(scale, 1e-8)\n",
             "a floor is put under the scale, so that tiny numbers all look equal. "
             "Only two arrays of zeros need to be treated apart."),
        Edit("zero-over-zero", "    if scale == 0:\n        return 0.0\n", "",
             "two arrays of zeros give 0/0, which is NaN; their error is 0."),
        Edit("broadcasts", _CHECK, "",
             "the shapes are not compared: where they differ, NumPy broadcasts, and "
             "every entry is subtracted from every other."),
        Edit("sizes-only", "a.shape != b.shape", "a.size != b.size",
             "only the numbers of entries are compared: (4, 1) and (4,) have as many, "
             "and are not the same shape."),
        Edit("axes-only", "a.shape != b.shape", "a.ndim != b.ndim",
             "only the numbers of axes are compared, not their lengths."),
        Edit("assertion", "raise ValueError(f\"cannot compare shapes {a.shape} and {b.shape}\")",
             "raise AssertionError(\"shapes\")",
             "different shapes end in an AssertionError; the error to raise is a "
             "ValueError (assertions are for what cannot happen, and can be switched "
             "off)."),
        Edit("infinite-for-other-shapes", "raise ValueError(f\"cannot compare shapes {a.shape} and {b.shape}\")",
             "return np.inf",
             "for different shapes a number comes back. They are not far apart, they "
             "cannot be compared: raise ValueError."),
        Edit("difference-in-place", "    return np.abs(a - b).max() / scale",
             "    a -= b\n    return np.abs(a).max() / scale",
             "the difference is written into a: your values are right, but a is the "
             "caller's."),
    ],
    "numeric_grad": [
        Edit("one-sided", "(f(up) - f(down)) * dout) / (2 * eps)",
             "(f(up) - f(x)) * dout) / eps",
             "the difference goes to one side only: its error falls with eps, that of "
             "the difference to both sides with eps squared."),
        Edit("one-sided-down", "(f(up) - f(down)) * dout) / (2 * eps)",
             "(f(x) - f(down)) * dout) / eps",
             "the difference goes down only; take it to both sides."),
        Edit("no-two", "/ (2 * eps)", "/ eps",
             "it is divided by eps, but the two points are 2 eps apart."),
        Edit("precedence", "/ (2 * eps)", "/ 2 * eps",
             "/ 2 * eps divides by 2 and then multiplies by eps; brackets are missing."),
        Edit("own-eps", "dx = np.zeros_like(x)", "dx, eps = np.zeros_like(x), 1e-5",
             "the eps that is given is not used, but one of your own."),
        Edit("sign", "(f(up) - f(down))", "(f(down) - f(up))",
             "the difference is taken the wrong way round."),
        Edit("dout-ignored", " * dout) / (2 * eps)", ") / (2 * eps)",
             "dout is not used: every output counts as if its weight were 1."),
        Edit("mean-for-sum", "np.sum((f(up)", "np.mean((f(up)",
             "the outputs are averaged; their contributions add up."),
        Edit("all-entries-at-once", "up[index] += eps", "up += eps",
             "all entries of x are moved at once: each entry of dx then is the sum of "
             "all of them.", (("down[index] -= eps", "down -= eps"),)),
        Edit("never-moved-back", "    for index in np.ndindex(x.shape):\n        " + _COPIES,
             "    " + _COPIES + "\n    for index in np.ndindex(x.shape):\n        pass",
             "the entries that were moved stay moved: each step begins where the last "
             "one ended, instead of at x."),
        Edit("moved-twice-in-one-array", "        " + _COPIES + "\n        up[index] += eps\n"
             "        down[index] -= eps\n",
             "        up = x.copy()\n        up[index] += eps\n        above = f(up)\n"
             "        up[index] -= 2 * eps\n        below = f(up)\n",
             "one array is moved up and then down, and the first result is kept. If f "
             "returns a view of its argument, that result moves along: use two copies.",
             (("f(up) - f(down)", "above - below"),)),
        Edit("copy-by-ravel", _COPIES, "up, down = x, x",
             "x.ravel() or x.reshape(-1) gives a view only where the memory is "
             "contiguous; elsewhere it is a copy, and moving its entries moves nothing.",
             (("up[index] += eps", "up, down = _flat_moves(x, index, eps)"),
              ("        down[index] -= eps\n", ""),
              ("    dx = np.zeros_like(x)\n",
               "    def _flat_moves(x, index, eps):\n"
               "        at = np.ravel_multi_index(index, x.shape)\n"
               "        up, down = x[...], x[...]\n"
               "        if x.flags.c_contiguous:\n"
               "            up, down = x.copy(), x.copy()\n"
               "        up.ravel()[at] += eps\n"
               "        down.ravel()[at] -= eps\n"
               "        return up, down\n\n"
               "    dx = np.zeros_like(x)\n"))),
        Edit("moved-in-place", "        " + _COPIES + "\n        up[index] += eps\n"
             "        down[index] -= eps\n",
             "        x[index] += eps\n        above = np.array(f(x))\n"
             "        x[index] -= 2 * eps\n        below = np.array(f(x))\n"
             "        x[index] += eps\n",
             "x itself is moved and moved back. (x + eps) - eps is not quite x: after "
             "the call the caller's array is off in its last digits.",
             (("f(up) - f(down)", "above - below"),)),
        Edit("float64-always", "np.zeros_like(x)", "np.zeros(x.shape)",
             "dx is always float64: np.zeros has the default float type, "
             "np.zeros_like(x) that of x."),
        Edit("flat", "return dx", "return dx.ravel()",
             "dx comes back flat: it has to have the shape of x."),
    ],
    "complex_step_grad": [
        Edit("real-part", "np.imag(f(moved))", "np.real(f(moved))",
             "the real part is taken, which is f itself; the derivative is in the "
             "imaginary part."),
        Edit("real-step", "1j * eps", "eps",
             "the step is real, so the imaginary part stays zero: move by 1j * eps."),
        Edit("undivided", " * dout) / eps", " * dout)",
             "the imaginary part is not divided by eps."),
        Edit("divided-by-two-eps", " * dout) / eps", " * dout) / (2 * eps)",
             "it is divided by 2 eps; there is one step here, of length eps."),
        Edit("absolute-value", "np.imag(f(moved))", "np.abs(f(moved))",
             "the absolute value is taken instead of the imaginary part."),
        Edit("own-eps", "dx = np.zeros_like(x)", "dx, eps = np.zeros_like(x), 1e-30",
             "the eps that is given is not used, but one of your own."),
        Edit("dout-ignored", " * dout) / eps", ") / eps",
             "dout is not used: every output counts as if its weight were 1."),
        Edit("mean-for-sum", "np.sum(np.imag", "np.mean(np.imag",
             "the outputs are averaged; their contributions add up."),
        Edit("all-entries-at-once", "moved[index] += 1j", "moved += 1j",
             "all entries of x are moved at once: each entry of dx then is the sum of "
             "all of them."),
        Edit("never-moved-back", "    for index in np.ndindex(x.shape):\n        moved = x.astype(complex)\n",
             "    moved = x.astype(complex)\n    for index in np.ndindex(x.shape):\n",
             "the entries that were moved stay moved: each step begins where the last "
             "one ended, instead of at x."),
        Edit("conjugated", "moved[index] += 1j", "moved[index] -= 1j",
             "the step goes down the imaginary axis, so the sign is the wrong one."),
        Edit("float64-always", "np.zeros_like(x)", "np.zeros(x.shape)",
             "dx is always float64: np.zeros has the default float type, "
             "np.zeros_like(x) that of x."),
        Edit("complex-result", "np.zeros_like(x)", "np.zeros(x.shape)",
             "dx comes back as complex numbers; a gradient is real.",
             (("return dx", "return dx.astype(complex)"),)),
        Edit("flat", "return dx", "return dx.ravel()",
             "dx comes back flat: it has to have the shape of x."),
    ],
    "choose_eps": [
        Edit("smallest-step", "int(np.argmin(curve))", "len(steps) - 1",
             "the smallest step is not the best one: look where each curve is lowest."),
        Edit("positive-exponents", "round(np.log10(steps[lowest]))",
             "-round(np.log10(steps[lowest]))",
             "the exponents have lost their sign: the answer for a step of 0.0001 is "
             "-4."),
        Edit("largest-step", "int(np.argmin(curve))", "0",
             "the largest step is not the best one: look where each curve is lowest."),
        Edit("number-of-the-column", "round(np.log10(steps[lowest]))", "lowest",
             "these are places in the list of steps. The exponent of the step at such a "
             "place is asked for."),
        Edit("natural-logarithm", "np.log10(steps[lowest])", "np.log(steps[lowest])",
             "the exponents are those of e: a step of 0.0001 has the exponent -4 in "
             "powers of ten."),
        Edit("wrong-gradient-not-seen", "curve[lowest] > 1e-3", "False",
             "one curve is flat far above the others, whatever the step: there the "
             "gradient is wrong, and the answer is 0."),
    ],
}
