"""The mistakes that people make in 06-lstm, as edits of the solution.

Most were seen in public student code, in courses' own tests or in forum threads;
the sentence names the mistake and where to look, not the line to write.
"""

from itertools import permutations

from autograder.exercise import Edit

_IN_PLACE = "your values are right, but it is the caller's"

RIGHT = ("i", "f", "g", "o")
WRONG_ORDERS = [order for order in permutations(RIGHT) if order != RIGHT]
SEEN = {  # where a wrong order comes from
    "i, f, o, g": "That is the order of some courses and older papers.",
    "i, o, f, g": "That is the order of the ONNX format.",
    "i, g, f, o": "That is the order of TensorFlow's older cells.",
}
SWAPPED = {
    "f, i, g, o": "Or the two gates have changed places where they are used: f keeps "
    "the old state, i lets the candidate in.",
}


def _forward_orders():
    """All 23 ways to take the four blocks for one another."""
    for order in WRONG_ORDERS:
        told = ", ".join(order)
        yield Edit(
            f"order-{''.join(order)}",
            "a_i, a_f, a_g, a_o = np.split",
            f"{', '.join(f'a_{gate}' for gate in order)} = np.split",
            f"the blocks of W_x, W_h and b are read in the order {told}; here they "
            f"stand in the order i, f, g, o. {(SEEN | SWAPPED).get(told, '')}".rstrip(),
        )


def _backward_orders():
    for order in WRONG_ORDERS:
        told = ", ".join(order)
        yield Edit(
            f"order-{''.join(order)}",
            "[da_i, da_f, da_g, da_o]",
            f"[{', '.join(f'da_{gate}' for gate in order)}]",
            f"the blocks of da_t are put together in the order {told}; those of W_x, "
            f"W_h and b stand in the order i, f, g, o. {SEEN.get(told, '')}".rstrip(),
        )


_SUM = "x_t @ W_x + h_prev @ W_h + b"
_CELL = "f * c_prev + i * g"
_SHOWN = "o * np.tanh(c_t)"
_SPLIT = "a_i, a_f, a_g, a_o = np.split(a_t, 4, axis=1)"

BUGS = {
    "lstm_step_forward": [
        *_forward_orders(),
        Edit("gates-interleaved", _SPLIT,
             "a_i, a_f, a_g, a_o = (a_t[:, k::4] for k in range(4))",
             "the gates are taken as every fourth column; each is a block of H columns "
             "that stand side by side."),
        Edit("sigmoid-on-the-candidate", "g = np.tanh(a_g)", "g = stable_sigmoid(a_g)",
             "the candidate g is squashed by the sigmoid: then nothing negative can "
             "ever be added to the cell."),
        Edit("candidate-not-squashed", "g = np.tanh(a_g)", "g = a_g",
             "the candidate g is not squashed: it passes a tanh."),
        Edit("tanh-on-the-input-gate", "i = stable_sigmoid(a_i)", "i = np.tanh(a_i)",
             "the input gate passes a tanh: a gate is a share, between 0 and 1."),
        Edit("tanh-on-the-forget-gate", "f = stable_sigmoid(a_f)", "f = np.tanh(a_f)",
             "the forget gate passes a tanh: a gate is a share, between 0 and 1."),
        Edit("tanh-on-the-output-gate", "o = stable_sigmoid(a_o)", "o = np.tanh(a_o)",
             "the output gate passes a tanh: a gate is a share, between 0 and 1."),
        Edit("h-without-tanh", _SHOWN, "o * c_t",
             "h_t is made from c_t as it stands: what is shown passes a tanh."),
        Edit("h-without-output-gate", _SHOWN, "np.tanh(c_t)",
             "the output gate is computed and not used: h_t is the tanh of the whole "
             "cell."),
        Edit("h-from-the-old-cell", _SHOWN, "o * np.tanh(c_prev)",
             "h_t shows the cell state before the step, c_prev; the new one is shown."),
        Edit("tanh-outside-the-gate", _SHOWN, "np.tanh(o * c_t)",
             "the tanh stands around the product: it is applied to c_t, and the gate "
             "comes after it."),
        Edit("h-shows-the-candidate", _SHOWN, "o * np.tanh(g)",
             "h_t shows the candidate instead of the cell."),
        Edit("forget-gate-on-h", _CELL, "f * h_prev + i * g",
             "the forget gate multiplies h_prev: what is kept is the old cell state."),
        Edit("no-forget-gate", _CELL, "c_prev + i * g",
             "the old cell state is kept whole, without a forget gate: that is the "
             "cell of 1997."),
        Edit("no-input-gate", _CELL, "f * c_prev + g",
             "the candidate comes in whole: the input gate is not used."),
        Edit("coupled", _CELL, "(1 - i) * c_prev + i * g",
             "the old state is multiplied by 1 - i: in the coupled variant, yes; here "
             "the forget gate is computed by itself."),
        Edit("coupled-the-other-way", _CELL, "f * c_prev + (1 - f) * g",
             "the candidate is multiplied by 1 - f: in the coupled variant, yes; here "
             "the input gate is computed by itself."),
        Edit("forget-means-erase", _CELL, "(1 - f) * c_prev + i * g",
             "the forget gate is turned round: f = 1 keeps, whatever its name says."),
        Edit("matrix-product-for-entries", _CELL, "np.dot(f, c_prev) + np.dot(i, g)",
             "gates are multiplied as matrices: the products are entry by entry, and "
             "np.dot only runs where B happens to equal H."),
        Edit("input-order", _SUM,
             "np.hstack([h_prev, x_t]) @ np.vstack([W_x, W_h]) + b",
             "the stacked input is [h, x] and the stacked weights are [x, h]: they "
             "must stand in the same order."),
        Edit("no-bias", _SUM, "x_t @ W_x + h_prev @ W_h", "the bias b is left out."),
        Edit("bias-twice", _SUM, "x_t @ W_x + h_prev @ W_h + 2 * b",
             "the bias is added twice: PyTorch has two biases whose sum is our b."),
        Edit("no-recurrence", _SUM, "x_t @ W_x + b",
             "h_prev is not used: the gates have to hear what was shown last."),
        Edit("gates-from-c", _SUM, "x_t @ W_x + c_prev @ W_h + b",
             "the gates are computed from c_prev; W_h multiplies the hidden state."),
        Edit("forget-bias-inside", "stable_sigmoid(a_f)", "stable_sigmoid(a_f + 1)",
             "one is added to the forget gate's sum inside the cell: a large forget "
             "bias belongs into b, where it is set once and can be learned."),
        Edit("sigmoid-twice", "f = stable_sigmoid(a_f)",
             "f = stable_sigmoid(stable_sigmoid(a_f))",
             "the sigmoid is applied to the forget gate twice: it never closes, and "
             "never opens."),
        Edit("swapped", "return h_t, c_t, cache", "return c_t, h_t, cache",
             "h_t and c_t are returned in the wrong order: the hidden state is first."),
        Edit("tanh-in-the-cell", _CELL, "np.tanh(f * c_prev + i * g)",
             "c_t itself is squashed: no tanh may stand on the way from c_prev to c_t, "
             "or the highway is closed."),
        Edit("naive-tanh", _SHOWN,
             "o * (np.exp(c_t) - np.exp(-c_t)) / (np.exp(c_t) + np.exp(-c_t))",
             "something overflows at large sums: a tanh or a sigmoid that is written "
             "with exp of a large number gives NaN.",
             (("np.tanh(a_g)",
               "(np.exp(a_g) - np.exp(-a_g)) / (np.exp(a_g) + np.exp(-a_g))"),)),
        Edit("cell-in-place", f"c_t = {_CELL}", "c_t = c_prev\n    c_t *= f\n    c_t += i * g",
             f"the new cell state is written over c_prev: {_IN_PLACE}."),
        Edit("float64-always", f"a_t = {_SUM}", f"a_t = ({_SUM}).astype(float)",
             "the states are always float64: something in the step has a float type of "
             "its own instead of that of the inputs."),
        Edit("squeezed", "return h_t, c_t, cache",
             "return h_t.squeeze(), c_t.squeeze(), cache",
             "axes of length one are dropped: at B = 1 or H = 1 both states must still "
             "be (B, H)."),
    ],
    "lstm_forward": [
        Edit("h-not-carried", "lstm_step_forward(x_t, h_t, c_t,",
             "lstm_step_forward(x_t, h0, c_t,",
             "each step reads h0: the hidden state is not carried on."),
        Edit("c-not-carried", "lstm_step_forward(x_t, h_t, c_t,",
             "lstm_step_forward(x_t, h_t, c0,",
             "each step reads c0: the cell state is not carried on, so nothing is "
             "remembered beyond one step."),
        Edit("nothing-carried", "lstm_step_forward(x_t, h_t, c_t,",
             "lstm_step_forward(x_t, h0, c0,",
             "each step reads h0 and c0: no state is carried on."),
        Edit("c0-is-h0", "h_t, c_t = h0, c0", "h_t, c_t = h0, h0",
             "the cell starts from h0: it has a start of its own, c0."),
        Edit("starts-swapped", "h_t, c_t = h0, c0", "h_t, c_t = c0, h0",
             "h0 and c0 have changed places."),
        Edit("c0-ignored", "h_t, c_t = h0, c0", "h_t, c_t = h0, np.zeros_like(c0)",
             "c0 is ignored: the cell starts from zeros."),
        Edit("h0-ignored", "h_t, c_t = h0, c0", "h_t, c_t = np.zeros_like(h0), c0",
             "h0 is ignored: the hidden state starts from zeros."),
        Edit("both-starts-ignored", "h_t, c_t = h0, c0",
             "h_t, c_t = np.zeros_like(h0), np.zeros_like(c0)",
             "h0 and c0 are ignored: both states start from zeros."),
        Edit("states-swapped", "h_t, c_t, step = lstm", "c_t, h_t, step = lstm",
             "what the step returns is taken in the wrong order: the hidden state is "
             "first."),
        Edit("backwards", "for x_t in xs:", "for x_t in xs[::-1]:",
             "the sequence is read from its end."),
        Edit("returned-swapped", "return np.stack(hs), np.stack(cs)",
             "return np.stack(cs), np.stack(hs)",
             "hs and cs are returned in the wrong order: the hidden states are first."),
        Edit("cells-shown-as-hidden", "hs.append(h_t)", "hs.append(c_t)",
             "the cell states are stored in hs: the hidden states belong there."),
        Edit("hidden-kept-as-cells", "cs.append(c_t)", "cs.append(h_t)",
             "the hidden states are stored in cs: the cell states belong there."),
        Edit("states-before-the-step", "np.stack(cs), {", "np.stack([c0, *cs[:-1]]), {",
             "cs holds the cell states *before* each step, beginning with c0; it is "
             "cs[t] = c_t, after it."),
        Edit("hidden-before-the-step", "np.stack(hs), np", "np.stack([h0, *hs[:-1]]), np",
             "hs holds the hidden states *before* each step, beginning with h0; it is "
             "hs[t] = h_t, after it."),
        Edit("last-step-missing", "for x_t in xs:",
             "for x_t in [*xs[:-1], 0 * xs[-1]]:",
             "the last input is not read."),
        Edit("batch-first", "return np.stack(hs), np.stack(cs)",
             "return np.stack(hs, axis=1), np.stack(cs, axis=1)",
             "hs and cs are batch-first: in this course time comes first."),
        Edit("one-array-for-all", "hs.append(h_t)",
             "hs.append(h_t if not hs else hs[0])\n        hs[0][...] = h_t",
             "all rows of hs are the last state: the same array is stored at every "
             "step and overwritten."),
        Edit("float64-always", "return np.stack(hs), np.stack(cs)",
             "return np.stack(hs).astype(float), np.stack(cs).astype(float)",
             "the states are always float64: an array made by np.zeros or np.empty has "
             "the default float type unless it is told that of xs."),
        Edit("start-overwritten", "        cs.append(c_t)",
             "        cs.append(c_t)\n        c0[...] = c_t",
             f"the new cell state is written into c0: {_IN_PLACE}."),
        Edit("squeezed", "return np.stack(hs), np.stack(cs)",
             "return np.stack(hs).squeeze(), np.stack(cs).squeeze()",
             "axes of length one are dropped: hs and cs always have three."),
    ],
    "lstm_step_backward": [
        *_backward_orders(),
        # the cell's gradient
        Edit("h-path-missing", "dc_next + dh_t * o * (1 - shown**2)", "dc_next",
             "the way from c_t through h_t is missing: c_t has two uses, and dc_next "
             "holds only the one by the next step."),
        Edit("carried-cell-missing", "dc_next + dh_t * o * (1 - shown**2)",
             "dh_t * o * (1 - shown**2)",
             "dc_next is not used: what the next step sends back to the cell is lost, "
             "and with it all long memory."),
        Edit("slope-of-the-cell", "(1 - shown**2)", "(1 - c_t**2)",
             "the slope of the tanh is taken as 1 - c^2: c_t is what goes into the tanh; "
             "the square belongs to what comes out."),
        Edit("slope-at-the-old-cell", "(1 - shown**2)", "(1 - np.tanh(c_prev)**2)",
             "the slope of the tanh is taken at c_prev: the new cell state was shown."),
        Edit("slope-from-h", "(1 - shown**2)", "(1 - (o * shown)**2)",
             "the slope of the tanh is taken as 1 - h^2: in h_t the output gate is "
             "already a factor; the square is that of tanh(c_t) alone."),
        Edit("slope-without-square", "(1 - shown**2)", "(1 - shown)",
             "the slope of the tanh at the cell is taken as 1 - tanh: the square is "
             "missing."),
        Edit("no-slope", "dh_t * o * (1 - shown**2)", "dh_t * o",
             "the gradient passes the tanh between c_t and h_t unchanged: its slope is "
             "missing."),
        Edit("no-output-gate", "dh_t * o * (1 - shown**2)", "dh_t * (1 - shown**2)",
             "on the way from h_t to c_t the output gate is missing: h_t is o times "
             "the tanh."),
        Edit("h-path-twice", "df = dc_t * c_prev",
             "dc_t = dc_t + dh_t * o * (1 - shown**2)\n    df = dc_t * c_prev",
             "the way through h_t is added twice for some of the gates.",
             (("    di = dc_t * g\n", ""), ("    dg = dc_t * i\n", "    dg = dc_t * i\n    di = dc_t * g\n"))),
        # the four gates
        Edit("do-from-the-cell", "do = dh_t * shown", "do = dh_t * c_t",
             "do is made with c_t: what stood beside o is the tanh of c_t."),
        Edit("do-from-dc", "do = dh_t * shown", "do = dc_next * shown",
             "do is made from the cell's gradient: o stands in h_t only."),
        Edit("do-without-factor", "do = dh_t * shown", "do = dh_t",
             "do is dh_t itself: the factor that stood beside o is missing."),
        Edit("di-with-i", "di = dc_t * g", "di = dc_t * i",
             "di is multiplied by i: in i * g, what stands beside i is g."),
        Edit("dg-with-g", "dg = dc_t * i", "dg = dc_t * g",
             "dg is multiplied by g: in i * g, what stands beside g is i."),
        Edit("df-with-the-new-cell", "df = dc_t * c_prev", "df = dc_t * c_t",
             "df is made with c_t: f was multiplied with the old cell state, c_prev."),
        Edit("df-with-f", "df = dc_t * c_prev", "df = dc_t * f",
             "df is multiplied by f: what stands beside f is c_prev."),
        Edit("df-with-h", "df = dc_t * c_prev", 'df = dc_t * cache["h_prev"]',
             "df is made with h_prev: f was multiplied with the cell state."),
        Edit("gates-from-dh", "di = dc_t * g", "di = dh_t * g",
             "di, df and dg are made from dh_t: they stand in c_t, so they get all of "
             "its gradient.",
             (("df = dc_t * c_prev", "df = dh_t * c_prev"),
              ("dg = dc_t * i", "dg = dh_t * i"))),
        Edit("gates-from-dc_next", "di = dc_t * g", "di = dc_next * g",
             "di, df and dg are made from dc_next, which is only a part of the cell's "
             "gradient.",
             (("df = dc_t * c_prev", "df = dc_next * c_prev"),
              ("dg = dc_t * i", "dg = dc_next * i"))),
        # through the squashing functions
        Edit("da_i-without-slope", "di * i * (1 - i)", "di",
             "the input gate's gradient passes the sigmoid unchanged: its slope is "
             "missing."),
        Edit("da_f-without-slope", "df * f * (1 - f)", "df",
             "the forget gate's gradient passes the sigmoid unchanged: its slope is "
             "missing."),
        Edit("da_o-without-slope", "do * o * (1 - o)", "do",
             "the output gate's gradient passes the sigmoid unchanged: its slope is "
             "missing."),
        Edit("da_g-without-slope", "dg * (1 - g**2)", "dg",
             "the candidate's gradient passes the tanh unchanged: its slope is missing."),
        Edit("da_g-with-sigmoid-slope", "dg * (1 - g**2)", "dg * g * (1 - g)",
             "the candidate gets the slope of the sigmoid; it went through a tanh."),
        Edit("da_g-without-square", "dg * (1 - g**2)", "dg * (1 - g)",
             "the slope of the candidate's tanh is taken as 1 - g: the square is "
             "missing."),
        Edit("tanh-of-g", "(1 - g**2)", "(1 - np.tanh(g)**2)",
             "the tanh is applied to g once more: the cache holds g, which is a tanh "
             "already."),
        Edit("gates-with-tanh-slope", "di * i * (1 - i)", "di * (1 - i**2)",
             "the gates get the slope of the tanh; they went through a sigmoid.",
             (("df * f * (1 - f)", "df * (1 - f**2)"),
              ("do * o * (1 - o)", "do * (1 - o**2)"))),
        Edit("sigmoid-of-the-gates", "    da_i = di",
             "    i, f, o = (stable_sigmoid(gate) for gate in (i, f, o))\n    da_i = di",
             "the sigmoid is applied to the gates once more: the cache holds them "
             "squashed, and their slope is s * (1 - s)."),
        Edit("half-a-slope", "di * i * (1 - i)", "di * (1 - i)",
             "the gates' slope is taken as 1 - s: it is s * (1 - s).",
             (("df * f * (1 - f)", "df * (1 - f)"),
              ("do * o * (1 - o)", "do * (1 - o)"))),
        # what goes on backwards
        Edit("dc_prev-without-f", "dc_prev = dc_t * f", "dc_prev = dc_t",
             "dc_prev is the cell's gradient itself: on the way to c_prev stands the "
             "forget gate."),
        Edit("dc_prev-of-the-carried-only", "dc_prev = dc_t * f", "dc_prev = dc_next * f",
             "dc_prev is made from dc_next: what came through h_t goes on to c_prev, "
             "too."),
        Edit("dc_prev-with-i", "dc_prev = dc_t * f", "dc_prev = dc_t * i",
             "dc_prev is multiplied by the input gate; c_prev was multiplied by f."),
        Edit("dc_prev-through-h", "dc_prev = dc_t * f",
             "dc_prev = (dc_next + dh_t) * f",
             "dc_prev adds dh_t as it is: it has to pass the output gate and the tanh "
             "to become a gradient of c_t."),
        Edit("dh_prev-plus-dh", 'da_t @ cache["W_h"].T', 'da_t @ cache["W_h"].T + dh_t',
             "dh_t is added to dh_prev: h_{t-1} reaches h_t through the gates only, "
             "there is no straight way."),
        Edit("dh_prev-of-one-gate", 'da_t @ cache["W_h"].T',
             'da_o @ np.split(cache["W_h"], 4, axis=1)[3].T',
             "dh_prev counts the output gate only: h_{t-1} moves all four."),
        Edit("dh_prev-without-candidate", 'da_t @ cache["W_h"].T',
             'np.concatenate([da_i, da_f, 0 * da_g, da_o], axis=1) @ cache["W_h"].T',
             "dh_prev lacks the way through the candidate: h_{t-1} moves all four."),
        Edit("dh_prev-by-reshape", 'da_t @ cache["W_h"].T',
             'da_t @ cache["W_h"].reshape(-1, o.shape[1])',
             "dh_prev uses a W_h that is reshaped where it has to be transposed: the "
             "shapes fit, the numbers stand elsewhere."),
        # the parameters
        Edit("dW_h-from-h_t", 'cache["h_prev"].T @ da_t', "(o * shown).T @ da_t",
             "dW_h is made with the new hidden state: W_h was multiplied with the one "
             "before the step."),
        Edit("dW_h-from-the-cell", 'cache["h_prev"].T @ da_t', "c_prev.T @ da_t",
             "dW_h is made with c_prev: W_h was multiplied with the hidden state."),
        Edit("dW-transposed", 'cache["x_t"].T @ da_t', 'da_t.T @ cache["x_t"]',
             "dW_x and dW_h are transposed: a gradient has the shape of its variable, "
             "(D, 4H) and (H, 4H).",
             (('cache["h_prev"].T @ da_t', 'da_t.T @ cache["h_prev"]'),)),
        Edit("dW-averaged", 'cache["x_t"].T @ da_t', 'cache["x_t"].T @ da_t / len(dh_t)',
             "the weight gradients are averaged over the batch; the loss already "
             "decides about averaging, here the samples are summed.",
             (('cache["h_prev"].T @ da_t', 'cache["h_prev"].T @ da_t / len(dh_t)'),)),
        Edit("db-averaged", "da_t.sum(axis=0)", "da_t.mean(axis=0)",
             "db is averaged over the batch; the loss already decides about averaging, "
             "a bias gradient is a sum."),
        Edit("db-the-same-for-all", "da_t.sum(axis=0)", "np.tile(da_f.sum(axis=0), 4)",
             "all four blocks of db are those of the forget gate: each gate has its "
             "own."),
        Edit("db-not-summed", "da_t.sum(axis=0)", "da_t",
             "db has a row for each sample: one bias was added to all rows, so its "
             "gradient is their sum, of shape (4H,)."),
        Edit("db-keeps-axis", "da_t.sum(axis=0)", "da_t.sum(axis=0, keepdims=True)",
             "db has shape (1, 4H) and right values; a gradient has the shape of its "
             "variable, and b is (4H,)."),
        # side effects
        Edit("carried-cell-in-place", "dc_t = dc_next + dh_t * o * (1 - shown**2)",
             "dc_t = dc_next\n    dc_t += dh_t * o * (1 - shown**2)",
             "the way through h_t is added into dc_next: your values are right, but "
             "dc_next is the caller's."),
        Edit("upstream-in-place", "dc_t = dc_next + dh_t * o * (1 - shown**2)",
             "dh_t *= o * (1 - shown**2)\n    dc_t = dc_next + dh_t",
             "dh_t is multiplied in place: your values are right, but dh_t is the "
             "caller's."),
        Edit("cache-consumed", 'cache["c_prev"], cache["c_t"]',
             'cache.pop("c_prev"), cache["c_t"]',
             "something is taken out of the cache, so that a second call on it fails; "
             "a backward pass only reads."),
        Edit("cache-overwritten", "shown = np.tanh(c_t)",
             "shown = np.tanh(c_t, out=c_t)",
             "an array of the cache is overwritten, so that a second call on it gives "
             "something else; a backward pass only reads."),
        Edit("float64-always", "shown = np.tanh(c_t)", "shown = np.tanh(c_t.astype(float))",
             "the gradients are always float64: something in the step has a float type "
             "of its own instead of that of the inputs."),
        Edit("squeezed", "da_t.sum(axis=0)", "np.dot(da_t.T.squeeze(), np.ones(len(da_t), da_t.dtype))",
             "axes of length one are dropped on the way to db: at B = 1 the shapes do "
             "not come out."),
    ],
    "lstm_backward": [
        Edit("dh-not-carried", "dh_t = dhs[t] + dh_next", "dh_t = dhs[t]",
             "dh is not carried back from step t+1, only dc is: T = 1 comes out right, "
             "T = 2 does not."),
        Edit("dc-not-carried", 'dc_next = step["dc_prev"]',
             "dc_next = np.zeros_like(dc_T)",
             "dc is not carried back from step t+1, only dh is: T = 1 comes out right, "
             "and what is remembered gets no gradient.",
             (('"dc0": dc_next', '"dc0": step["dc_prev"]'),)),
        Edit("nothing-carried", "dh_t = dhs[t] + dh_next", "dh_t = dhs[t]",
             "neither dh nor dc is carried back: each step sees its own upstream "
             "gradient only.",
             (('dc_next = step["dc_prev"]', "dc_next = np.zeros_like(dc_T)"),
              ('"dc0": dc_next', '"dc0": step["dc_prev"]'))),
        Edit("dc_T-ignored", "np.zeros_like(dhs[0]), dc_T",
             "np.zeros_like(dhs[0]), np.zeros_like(dc_T)",
             "dc_T is ignored: the gradient of the last cell state starts from zeros."),
        Edit("dc_T-at-every-step", 'dc_next = step["dc_prev"]',
             'dc_next = step["dc_prev"] + (dc_T if t else 0)',
             "dc_T is added at every step: it reaches the last cell state only."),
        Edit("carries-swapped", 'dh_next = step["dh_prev"]',
             'dh_next = step["dc_prev"]',
             "the two carried gradients have changed places.",
             (('dc_next = step["dc_prev"]', 'dc_next = step["dh_prev"]'),)),
        Edit("starts-from-ones", "np.zeros_like(dhs[0]), dc_T",
             "np.ones_like(dhs[0]), dc_T",
             "the carried dh starts from ones; after the last state there is nothing, "
             "and nothing comes back from there."),
        Edit("upstream-of-the-last-only", "dh_t = dhs[t] + dh_next",
             "dh_t = dhs[t] * (t == len(dhs) - 1) + dh_next",
             "the upstream gradients dhs[t] of the steps before the last are ignored."),
        Edit("forwards-in-time", "reversed(range(len(dhs)))", "range(len(dhs))",
             "the loop runs forwards in time: what step t+1 sends back is not known "
             "yet when step t needs it.", (("dxs[::-1]", "dxs"),)),
        Edit("first-step-skipped", "range(len(dhs))", "range(1, len(dhs))",
             "the loop ends before step 0: the first step is missing everywhere."),
        Edit("dxs-reversed", "dxs[::-1]", "dxs",
             "dxs is in the order in which it was computed, from the last step to the "
             "first; it has to be turned round."),
        Edit("dxs-accumulated", 'dxs.append(step["dx_t"])',
             'dxs.append(step["dx_t"] + sum(dxs))',
             "dxs is summed up over the steps: every step has an input of its own, "
             "only the weights are shared."),
        Edit("weights-not-accumulated", 'dW_x + step["dW_x"]', 'step["dW_x"]',
             "the weight gradients are replaced at each step, so that only those of "
             "step 0 are left; they are sums over the steps.",
             (('dW_h + step["dW_h"]', 'step["dW_h"]'), ('db + step["db"]', 'step["db"]'))),
        Edit("dW_h-not-accumulated", 'dW_h + step["dW_h"]', 'step["dW_h"]',
             "dW_h is replaced at each step, so that only that of step 0 is left; it "
             "is a sum over the steps."),
        Edit("db-not-accumulated", 'db + step["db"]', 'step["db"]',
             "db is replaced at each step, so that only that of step 0 is left; it is "
             "a sum over the steps."),
        Edit("weights-averaged", '"dW_x": dW_x', '"dW_x": dW_x / len(dhs)',
             "the weight gradients are averaged over the steps; each use of a weight "
             "counts in full, they are sums.",
             (('"dW_h": dW_h', '"dW_h": dW_h / len(dhs)'), ('"db": db', '"db": db / len(dhs)'))),
        Edit("dh-carry-accumulated", 'dh_next = step["dh_prev"]',
             'dh_next = dh_next + step["dh_prev"]',
             "the carried dh is summed up over the steps: it is replaced at each step."),
        Edit("dc-carry-accumulated", 'dc_next = step["dc_prev"]',
             'dc_next = dc_next + step["dc_prev"]',
             "the carried dc is summed up over the steps: it is replaced at each step; "
             "the step has put both ways together already."),
        Edit("dh-leaks-into-dc", 'dc_next = step["dc_prev"]',
             'dc_next = step["dc_prev"] + step["dh_prev"]',
             "dh_prev is added to the carried dc: the step before does that itself, "
             "through its output gate and its tanh."),
        Edit("dh0-zero", '"dh0": dh_next', '"dh0": np.zeros_like(dh_next)',
             "dh0 is left at zero: it is what step 0 carries back."),
        Edit("dc0-zero", '"dc0": dc_next', '"dc0": np.zeros_like(dc_next)',
             "dc0 is left at zero: it is what step 0 carries back to the cell."),
        Edit("dc0-is-dh0", '"dc0": dc_next', '"dc0": dh_next',
             "dc0 is the same as dh0: each start has a gradient of its own."),
        Edit("starts-swapped", '"dh0": dh_next', '"dh0": dc_next',
             "dh0 and dc0 have changed places.", (('"dc0": dc_next', '"dc0": dh_next'),)),
        Edit("dc0-is-dc_T", '"dc0": dc_next', '"dc0": dc_T',
             "dc0 is dc_T, the gradient after the last step; c0 stands before the "
             "first."),
        Edit("wrong-step-cache", 'cache["steps"][t]', 'cache["steps"][t - 1]',
             "step t is taken back with the cache of step t-1 (and step 0 with that of "
             "the last one)."),
        Edit("c[-1]-at-step-0", 'dc_next, cache["steps"][t])',
             'dc_next, {**cache["steps"][t], "c_prev": cache["steps"][t - 1]["c_t"]})',
             "at step 0 the cell state before is taken from index -1, which is the last "
             "one: only the first step is wrong, and only what needs c0."),
        Edit("h[-1]-at-step-0", 'dc_next, cache["steps"][t])',
             'dc_next, {**cache["steps"][t], "h_prev": cache["steps"][t - 1]["o"] '
             '* np.tanh(cache["steps"][t - 1]["c_t"])})',
             "at step 0 the hidden state before is taken from index -1, which is the "
             "last one: only dW_h is wrong."),
        Edit("bias-keeps-axis", '"db": db', '"db": db[None]',
             "db has shape (1, 4H) and right values; a gradient has the shape of its "
             "variable, and b is (4H,)."),
        Edit("upstream-in-place", "        dh_t = dhs[t] + dh_next\n",
             "        dhs[t] += dh_next\n        dh_t = dhs[t]\n",
             "the carried gradient is added into dhs: your values are right, but dhs "
             "is the caller's."),
        Edit("dc_T-in-place", 'dc_next = step["dc_prev"]',
             'dc_next[...] = step["dc_prev"]',
             "the carried dc is written into dc_T: your values are right, but dc_T is "
             "the caller's."),
        Edit("cache-consumed", 'cache["steps"][t]', 'cache["steps"].pop()',
             "the step caches are taken out of the list, so that a second call on the "
             "cache fails; a backward pass only reads."),
        Edit("float64-always", "np.zeros_like(dhs[0])", "np.zeros(dhs.shape[1:])",
             "the gradients are always float64: an array of zeros has the default "
             "float type unless it is told that of dhs."),
        Edit("fails-at-T=1", "np.zeros_like(dhs[0])", "np.zeros_like(dhs[1])",
             "a sequence of one step fails: there is no second step to look at."),
    ],
    "cell_gradient_paths": [
        Edit("own-forget-gate", 'steps[t + 1]["f"]', 'steps[t]["f"]',
             "direct takes the forget gates one step early: from c_t to c_{t+1} leads "
             "the gate of step t+1."),
        Edit("last-gate-included", "direct = np.ones_like(cs)",
             'direct = np.ones_like(cs) * steps[-1]["f"]',
             "direct has one factor too many: the last cell state depends on itself by "
             "1."),
        Edit("from-the-start", "    return direct, total",
             "    direct[0] = 1\n    for t in range(1, T):\n"
             '        direct[t] = direct[t - 1] * steps[t]["f"]\n'
             "    return direct, total",
             "direct multiplies the gates from the first step on; it is how the *last* "
             "state depends on c_t, so the gates after step t count."),
        Edit("sum-of-gates", 'direct[t + 1] * steps[t + 1]["f"]',
             'direct[t + 1] + steps[t + 1]["f"]',
             "the forget gates are added up: steps that follow one another multiply."),
        Edit("input-gates", 'direct[t + 1] * steps[t + 1]["f"]',
             'direct[t + 1] * steps[t + 1]["i"]',
             "direct is made of input gates: what multiplies the old cell state is f."),
        Edit("one-gate-only", 'direct[t + 1] * steps[t + 1]["f"]', 'steps[t + 1]["f"]',
             "direct holds one forget gate: the product over all later steps is asked "
             "for."),
        Edit("dc_prev-as-total", "dc_next + dh_next * slope", "dc_next",
             "total is what is carried to the cell: the way from c_t through its own "
             "h_t is missing."),
        Edit("no-output-gate", 'now["o"] * (1 - np', "(1 - np",
             "on the way from c_t to h_t the output gate is missing."),
        Edit("no-slope", 'now["o"] * (1 - np.tanh(now["c_t"]) ** 2)', 'now["o"]',
             "on the way from c_t to h_t the slope of the tanh is missing."),
        Edit("slope-of-the-next-step", "now = steps[t - 1]", "now = steps[t]",
             "the output gate and the slope are those of the step after: c_t is shown "
             "at its own step."),
        Edit("direct-only", "total[t - 1, :, j] = dc_next + dh_next * slope",
             "total[t - 1, :, j, j] = direct[t - 1, :, j]",
             "total holds the straight way only, on its diagonal: the ways through the "
             "hidden state are missing."),
        Edit("h-not-carried", "lstm_step_backward(dh_next, dc_next,",
             "lstm_step_backward(0 * dh_next, dc_next,",
             "dh is not carried back: the ways that go through hidden states are lost."),
        Edit("c-not-carried", "lstm_step_backward(dh_next, dc_next,",
             "lstm_step_backward(dh_next, dc_next * (t == T - 1),",
             "dc is not carried back beyond the last step: the straight way is lost."),
        Edit("axes-swapped", "    return direct, total",
             "    return direct, np.swapaxes(total, -1, -2)",
             "the last two axes of total are swapped: the row is the unit of the last "
             "state, the column that of c_t."),
        Edit("of-the-last-hidden", "        dc_next[:, j] = 1\n",
             "        dh_next[:, j] = 1\n",
             "total is how the last *hidden* state depends on c_t; that of the last "
             "cell state is asked for.",
             (("    total[-1] = np.eye(H)\n",
               '    total[-1] = np.eye(H) * (steps[-1]["o"] * (1 - np.tanh(cs[-1]) ** 2))[:, None]\n'),)),
        Edit("asks-for-all-units", "dc_next[:, j] = 1", "dc_next[:] = 1",
             "all units of the last state get a one: every row is the sum of all rows."),
        Edit("first-sequence-only", "dc_next[:, j] = 1", "dc_next[0, j] = 1",
             "only the first sequence of the batch gets a gradient: the others stay "
             "zero."),
        Edit("last-is-zero", "    total[-1] = np.eye(H)\n", "",
             "the last entry of total is zero: c_T depends on itself by the identity."),
        Edit("last-is-ones", "np.eye(H)", "np.ones((H, H))",
             "the last entry of total is a matrix of ones; it is the identity."),
        Edit("time-reversed", "    return direct, total",
             "    return direct[::-1], total[::-1]",
             "both run backwards: entry t belongs to cs[t], and the last is 1."),
        Edit("swapped", "    return direct, total", "    return total, direct",
             "direct and total are swapped: direct comes first."),
        Edit("float64-always", "dtype=cs.dtype", "dtype=float",
             "total is always float64: the float type has to follow the inputs."),
        Edit("squeezed", "    return direct, total",
             "    return direct.squeeze(), total.squeeze()",
             "axes of length one are dropped: direct has three, total has four."),
    ],
}  # fmt: skip
