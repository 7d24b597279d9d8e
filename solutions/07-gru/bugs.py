"""The mistakes that people make in 07-gru, as edits of the solution.

Most were seen in public student code, in forum threads or in printed derivations; the
sentence names the mistake and where to look, not the line to write.
"""

from autograder.exercise import Edit

_PATHS = "sum(gru_paths(dh_t, cache).values())"
_SPLIT = "da_r, da_z, da_n = gru_gate_gradients(dh_t, cache).values()"
_BLOCKS = 'W_hr, W_hz, W_hn = np.split(cache["W_h"], 3, axis=1)'


def _wrong_gates(change, path):
    """One function does it all: what is wrong in a gate is wrong in its path too."""
    new = f"{_SPLIT}\n    {_BLOCKS}\n    {change}"
    return {"old": _SPLIT, "new": new, "more": ((_PATHS, f"{_PATHS} + {path}"),)}


BUGS = {
    "gru_step_forward": [
        Edit("before-for-after", "q = h_prev @ W_hn + b_hn\n        n = np.tanh(x_n + r * q)",
             "q = (r * h_prev) @ W_hn + b_hn\n        n = np.tanh(x_n + q)",
             'reset="after" gives the form in which r multiplies the state before the '
             "product; here it multiplies what comes out of it."),
        Edit("after-for-before", "q = (r * h_prev) @ W_hn + b_hn\n        n = np.tanh(x_n + q)",
             "q = h_prev @ W_hn + b_hn\n        n = np.tanh(x_n + r * q)",
             'reset="before" gives the form in which r multiplies the product; here it '
             "multiplies the state that goes into it."),
        Edit("conventions-swapped", 'if reset == "after"', 'if reset == "before"',
             '"after" and "before" are the wrong way round: the word says where the '
             "reset gate stands, relative to the product with W_hn."),
        Edit("bias-outside-the-gate", "q = h_prev @ W_hn + b_hn\n        n = np.tanh(x_n + r * q)",
             "q = h_prev @ W_hn\n        n = np.tanh(x_n + r * q + b_hn)",
             "with the reset after the product, b_hn is added outside of what r "
             "multiplies: it belongs to q, so r switches it off as well."),
        Edit("bias-inside-the-gate", "q = (r * h_prev) @ W_hn + b_hn\n        n = np.tanh(x_n + q)",
             "q = (r * h_prev) @ W_hn + r * b_hn\n        n = np.tanh(x_n + q)",
             "with the reset before the product, b_hn is multiplied by r: there only "
             "the state is."),
        Edit("z-swapped", "(1 - z) * n + z * h_prev", "z * n + (1 - z) * h_prev",
             "z and 1 - z are swapped in the mix: our z = 1 keeps the old state."),
        Edit("reset-unused", "n = np.tanh(x_n + r * q)", "n = np.tanh(x_n + q)",
             "the reset gate is computed, but the candidate does not use it.",
             (("(r * h_prev) @ W_hn", "h_prev @ W_hn"),)),
        Edit("r-and-z-swapped", "h_t = (1 - z) * n", "r, z = z, r\n    h_t = (1 - z) * n",
             "the gates of the first two blocks are taken in the order z, r; ours is "
             "r, z, n.",
             (("n = np.tanh(x_n + r * q)", "n = np.tanh(x_n + z * q)"),
              ("(r * h_prev) @ W_hn", "(z * h_prev) @ W_hn"))),
        Edit("input-blocks-in-another-order", "x_r, x_z, x_n = np.split(", "x_z, x_r, x_n = np.split(",
             "the blocks of W_x and b_x are read in the order z, r, n; those of W_h are "
             "in ours."),
        Edit("state-blocks-in-another-order", "W_hr, W_hz, W_hn = np.split(", "W_hz, W_hr, W_hn = np.split(",
             "the blocks of W_h are read in the order z, r, n; all weights have r, z, n."),
        Edit("no-tanh", "n = np.tanh(x_n + r * q)", "n = x_n + r * q",
             "the candidate is not squashed: a tanh is missing.",
             (("n = np.tanh(x_n + q)", "n = x_n + q"),)),
        Edit("sigmoid-candidate", "n = np.tanh(x_n + r * q)", "n = stable_sigmoid(x_n + r * q)",
             "the candidate goes through a sigmoid: it is no gate, it takes a tanh.",
             (("n = np.tanh(x_n + q)", "n = stable_sigmoid(x_n + q)"),)),
        Edit("gates-through-tanh", "r = stable_sigmoid(x_r", "r = np.tanh(x_r",
             "the gates go through a tanh: a gate is a share between 0 and 1, and takes "
             "a sigmoid.",
             (("z = stable_sigmoid(x_z", "z = np.tanh(x_z"),)),
        Edit("no-state-bias-in-the-gates", "h_prev @ W_hr + b_hr)", "h_prev @ W_hr)",
             "b_h is left out of the gates: both biases go into r and z.",
             (("h_prev @ W_hz + b_hz)", "h_prev @ W_hz)"),)),
        Edit("no-state-bias-in-r", "h_prev @ W_hr + b_hr)", "h_prev @ W_hr)",
             "b_hr is left out of the reset gate: both biases go into it."),
        Edit("no-state-bias-in-the-candidate", "q = h_prev @ W_hn + b_hn", "q = h_prev @ W_hn",
             "b_hn is left out of the candidate; it is part of q in both forms.",
             (("(r * h_prev) @ W_hn + b_hn", "(r * h_prev) @ W_hn"),)),
        Edit("no-input-bias", "np.split(x_t @ W_x + b_x,", "np.split(x_t @ W_x,",
             "b_x is left out."),
        Edit("candidate-kept-from-n", "+ z * h_prev\n", "+ z * n\n",
             "the mix has the candidate in both terms: what z keeps is the old state."),
        Edit("reset-in-the-mix", "+ z * h_prev\n", "+ z * r * h_prev\n",
             "the reset gate acts on the old state in the mix as well; it acts on the "
             "candidate only."),
        Edit("W_h-transposed", "h_prev @ W_hr + b_hr", "h_prev @ W_hr.T + b_hr",
             "the blocks of W_h are transposed: the state is a row and stands on the "
             "left of the matrix as it is.",
             (("h_prev @ W_hz + b_hz", "h_prev @ W_hz.T + b_hz"),
              ("q = h_prev @ W_hn", "q = h_prev @ W_hn.T"),
              ("(r * h_prev) @ W_hn", "(r * h_prev) @ W_hn.T"))),
        Edit("third-word-accepted", 'if reset not in ("after", "before"):', "if False:",
             "a reset that is neither of the two words gets an answer: it has to end in "
             "a ValueError."),
        Edit("float64-always", "h_t = (1 - z) * n", "h_t = np.ones(z.shape) * (1 - z) * n",
             "h_t is always float64: something in the step has a float type of its own "
             "instead of that of the inputs."),
        Edit("h_prev-overwritten", "h_t = (1 - z) * n + z * h_prev",
             "h_t = (1 - z) * n + z * h_prev\n    h_prev[...] = h_t",
             "the new state is written into h_prev: your values are right, but h_prev "
             "is the caller's."),
    ],
    "gru_forward": [
        Edit("state-not-carried", "gru_step_forward(x_t, h_t,", "gru_step_forward(x_t, h0,",
             "each step starts from h0 again: the state of one step goes into the next."),
        Edit("h0-ignored", "h_t, states, steps = h0, [], []",
             "h_t, states, steps = np.zeros_like(h0), [], []",
             "h0 is ignored, and the sequence starts from zeros."),
        Edit("always-after", "b_x, b_h, reset)\n        states", 'b_x, b_h, "after")\n        states',
             'the argument reset is not handed on: all is computed as "after".'),
        Edit("always-before", "b_x, b_h, reset)\n        states", 'b_x, b_h, "before")\n        states',
             'the argument reset is not handed on: all is computed as "before".'),
        Edit("reversed", "for x_t in xs:", "for x_t in xs[::-1]:",
             "the sequence is read from its end."),
        Edit("states-before-the-steps", "states.append(h_t)", "states.append(cache['h_prev'])",
             "hs holds the states before the steps; hs[t] is the one after step t."),
        Edit("last-state-only", "return np.stack(states)", "return np.stack([h_t] * len(states))",
             "all rows of hs are the last state."),
        Edit("biases-swapped", "W_x, W_h, b_x, b_h, reset)\n        states",
             "W_x, W_h, b_h, b_x, reset)\n        states",
             "b_x and b_h change places on the way into the step; in the candidate that "
             "makes a difference."),
        Edit("candidate-carried", "h_t, cache = gru_step_forward(x_t, h_t,",
             'carried = steps[-1]["n"] if steps else h_t\n'
             "        h_t, cache = gru_step_forward(x_t, carried,",
             "what goes into the next step is the candidate n, not the state."),
        Edit("float64-always", "np.stack(states)", "np.array(states, dtype=float)",
             "hs is always float64: its float type has to be that of the inputs."),
    ],
    "gru_gate_gradients": [
        Edit("z-sign", "(h_prev - n)", "(n - h_prev)",
             "da_z has the wrong sign: more z means more of the old state and less of "
             "the candidate."),
        Edit("z-swapped-in-the-gradient", "da_n = dh_t * (1 - z) *", "da_n = dh_t * z *",
             "da_n has z where 1 - z belongs: the candidate enters the mix times 1 - z."),
        Edit("z-misses-the-old-state", "(h_prev - n)", "(-n)",
             "da_z misses the term with the old state: z multiplies h_prev in the mix."),
        Edit("z-misses-the-candidate", "(h_prev - n)", "h_prev",
             "da_z misses the candidate: 1 - z multiplies n in the mix, and its slope in "
             "z is not zero."),
        Edit("one-minus-a-gradient", "da_z = dh_t * (h_prev - n) *", "da_z = (1 - dh_t * h_prev + dh_t * n) *",
             "in da_z the gradient is taken from 1, as if 1 - z had a gradient of one "
             "minus that of z; it is minus that of z."),
        Edit("no-z-slope", "(h_prev - n) * z * (1 - z)", "(h_prev - n)",
             "da_z misses the slope z (1 - z): it is the gradient of the gate, not of "
             "the sum in it."),
        Edit("no-r-slope", "da_r = dr * r * (1 - r)", "da_r = dr",
             "da_r misses the slope r (1 - r): it is the gradient of the gate, not of "
             "the sum in it."),
        Edit("no-tanh-slope", "* (1 - n**2)", "",
             "da_n misses the slope of the tanh, and what is made from it does, too."),
        Edit("slope-one-minus-n", "(1 - n**2)", "(1 - n)",
             "the slope of the tanh is taken as 1 - n: the square is missing."),
        Edit("sigmoid-slope-for-n", "(1 - n**2)", "n * (1 - n)",
             "n gets the slope of a sigmoid; it comes out of a tanh."),
        Edit("slopes-of-slopes", "* z * (1 - z)", "* np.exp(-z) / (1 + np.exp(-z)) ** 2",
             "the slope of the sigmoid is taken at z and r: they come out of the sigmoid "
             "already, so its slope is z (1 - z).",
             (("dr * r * (1 - r)", "dr * np.exp(-r) / (1 + np.exp(-r)) ** 2"),)),
        Edit("r-by-r", 'dr = da_n * cache["q"]', "dr = da_n * r",
             "the gradient of r is multiplied by r itself: its factor is what r stands "
             "beside in the formula.",
             (("(da_n @ W_hn.T) * h_prev", "(da_n @ W_hn.T) * r"),)),
        Edit("r-by-h_prev-after", 'dr = da_n * cache["q"]', "dr = da_n * h_prev",
             "with the reset after the product, the gradient of r is multiplied by the "
             "state: what r stands beside there is q."),
        Edit("before-treated-as-after", "dr = (da_n @ W_hn.T) * h_prev", 'dr = da_n * cache["q"]',
             "with the reset before the product, the gradient of r is that of the other "
             "form: it has to go back through W_hn first."),
        Edit("after-treated-as-before", 'dr = da_n * cache["q"]',
             'W_hn = np.split(cache["W_h"], 3, axis=1)[2]\n        dr = (da_n @ W_hn.T) * h_prev',
             "with the reset after the product, the gradient of r is that of the other "
             "form: there the matrix does not stand between r and the sum."),
        Edit("b_hn-missing-in-dr", 'dr = da_n * cache["q"]',
             'dr = da_n * (h_prev @ np.split(cache["W_h"], 3, axis=1)[2])',
             "with the reset after the product, b_hn is missing in the gradient of r: r "
             "multiplies the bias as well."),
        Edit("not-through-the-matrix", "dr = (da_n @ W_hn.T) * h_prev", "dr = da_n * h_prev",
             "with the reset before the product, the gradient of r skips the matrix: W_hn "
             "stands between r and the sum."),
        Edit("W_hn-untransposed", "(da_n @ W_hn.T) * h_prev", "(da_n @ W_hn) * h_prev",
             "the gradient of r goes through W_hn as it stands; on the way back the "
             "matrix is transposed."),
        Edit("wrong-block", 'np.split(cache["W_h"], 3, axis=1)[2]\n        dr = (',
             'np.split(cache["W_h"], 3, axis=1)[1]\n        dr = (',
             "the gradient of r goes through the block of z; the candidate's is the "
             "third."),
        Edit("dh_t-overwritten", "da_n = dh_t * (1 - z) * (1 - n**2)\n    da_z = dh_t * (h_prev - n) * z * (1 - z)",
             "da_z = dh_t * (h_prev - n) * z * (1 - z)\n    dh_t *= (1 - z) * (1 - n**2)\n    da_n = dh_t",
             "da_n is made by writing into dh_t: your values are right, but dh_t is the "
             "caller's."),
        Edit("cache-consumed", 'cache["reset"] == "after"', 'cache.pop("reset") == "after"',
             "something is taken out of the cache, so that a second call on it fails; a "
             "backward pass only reads."),
        Edit("float64-always", "da_r = dr * r * (1 - r)", "da_r = dr.astype(float) * r * (1 - r)",
             "a gradient is always float64: something has a float type of its own "
             "instead of that of the inputs."),
    ],
    "gru_paths": [
        Edit("skip-by-1-z", 'dh_t * cache["z"]', 'dh_t * (1 - cache["z"])',
             "skip has 1 - z: what stays of the old state is z."),
        Edit("skip-without-z", 'dh_t * cache["z"]', "dh_t",
             "skip is dh_t itself: the old state enters the mix times z."),
        Edit("update-and-reset-swapped", '"update": da["da_z"] @ W_hz.T', '"update": da["da_r"] @ W_hr.T',
             "update and reset have changed their names: z is the update gate.",
             (('"reset": da["da_r"] @ W_hr.T', '"reset": da["da_z"] @ W_hz.T'),)),
        Edit("update-untransposed", 'da["da_z"] @ W_hz.T', 'da["da_z"] @ W_hz',
             "update uses W_hz as it stands: on the way back the matrix is transposed."),
        Edit("reset-untransposed", 'da["da_r"] @ W_hr.T', 'da["da_r"] @ W_hr',
             "reset uses W_hr as it stands: on the way back the matrix is transposed."),
        Edit("candidate-untransposed", '(da["da_n"] * cache["r"]) @ W_hn.T', '(da["da_n"] * cache["r"]) @ W_hn',
             "candidate uses W_hn as it stands: on the way back the matrix is "
             "transposed.",
             (('(da["da_n"] @ W_hn.T)', '(da["da_n"] @ W_hn)'),)),
        Edit("reset-lost", '"reset": da["da_r"] @ W_hr.T', '"reset": 0 * dh_t',
             "the path through the reset gate is zero: the gate is computed from the old "
             "state, and the candidate from the gate."),
        Edit("update-lost", '"update": da["da_z"] @ W_hz.T', '"update": 0 * dh_t',
             "the path through the update gate is zero: the gate is computed from the "
             "old state."),
        Edit("candidate-without-r", '(da["da_n"] * cache["r"]) @ W_hn.T', 'da["da_n"] @ W_hn.T',
             "candidate misses the reset gate: the candidate hears the old state through "
             "it.",
             (('(da["da_n"] @ W_hn.T) * cache["r"]', 'da["da_n"] @ W_hn.T'),)),
        Edit("before-treated-as-after", '(da["da_n"] @ W_hn.T) * cache["r"]',
             '(da["da_n"] * cache["r"]) @ W_hn.T',
             "with the reset before the product, candidate is that of the other form: r "
             "stands on the state's side of the matrix."),
        Edit("after-treated-as-before", '(da["da_n"] * cache["r"]) @ W_hn.T',
             '(da["da_n"] @ W_hn.T) * cache["r"]',
             "with the reset after the product, candidate is that of the other form: r "
             "stands on the candidate's side of the matrix."),
        Edit("blocks-in-another-order", "W_hr, W_hz, W_hn =", "W_hz, W_hr, W_hn =",
             "the blocks of W_h are read in the order z, r, n; ours is r, z, n."),
        Edit("from-h-not-from-a", '"update": da["da_z"] @ W_hz.T', '"update": dh_t @ W_hz.T',
             "the paths through the gates start from dh_t: they start from the gradients "
             "of the sums in the gates.",
             (('"reset": da["da_r"] @ W_hr.T', '"reset": dh_t @ W_hr.T'),)),
        Edit("skip-in-place", '"skip": dh_t * cache["z"]', '"skip": np.multiply(dh_t, cache["z"], out=dh_t)',
             "skip is made by writing into dh_t: your values are right, but dh_t is the "
             "caller's."),
        Edit("float64-always", 'dh_t * cache["z"]', 'dh_t.astype(float) * cache["z"]',
             "a path is always float64: something has a float type of its own instead "
             "of that of the inputs."),
    ],
    "gru_step_backward": [
        Edit("skip-path-lost", _PATHS, f'{_PATHS} - dh_t * cache["z"]',
             "dh_prev misses the skip path: z times the old state is in the mix itself."),
        Edit("update-path-lost", _PATHS, f'{_PATHS} - da_z @ {_BLOCKS.split(" = ")[1]}[1].T',
             "dh_prev misses the path through the update gate: z is computed from the "
             "old state."),
        Edit("reset-path-lost", _PATHS, f'{_PATHS} - da_r @ {_BLOCKS.split(" = ")[1]}[0].T',
             "dh_prev misses the path through the reset gate: r is computed from the old "
             "state."),
        Edit("candidate-path-lost", _PATHS, f'{_PATHS} - gru_paths(dh_t, cache)["candidate"]',
             "dh_prev misses the path through the candidate, which reads the old state."),
        Edit("gate-paths-lost", _PATHS,
             'sum(v for k, v in gru_paths(dh_t, cache).items() if k in ("skip", "candidate"))',
             "dh_prev misses both paths through the gates: they are computed from the "
             "old state."),
        Edit("skip-path-only", _PATHS, 'dh_t * cache["z"]',
             "dh_prev is the skip path alone: the gates and the candidate read the old "
             "state, too."),
        Edit("skip-by-1-z", _PATHS, f'{_PATHS} + dh_t * (1 - 2 * cache["z"])',
             "dh_prev has 1 - z on the skip path: what stays of the old state is z."),
        Edit("z-sign", **_wrong_gates("da_z = -da_z", "2 * da_z @ W_hz.T"),
             says="the gradient of z has the wrong sign: more z means more of the old "
             "state and less of the candidate."),
        Edit("no-z-slope", **_wrong_gates(
                 'slope = cache["z"] * (1 - cache["z"])\n    da_z = da_z / slope',
                 "(1 - slope) * da_z @ W_hz.T"),
             says="the gradient of z misses its slope z (1 - z)."),
        Edit("no-r-slope", **_wrong_gates(
                 'slope = cache["r"] * (1 - cache["r"])\n    da_r = da_r / slope',
                 "(1 - slope) * da_r @ W_hr.T"),
             says="the gradient of r misses its slope r (1 - r)."),
        Edit("r-by-r", **_wrong_gates(
                 'off = (da_n if cache["reset"] == "after" else da_n @ W_hn.T) * cache["r"]\n'
                 '    right, da_r = da_r, off * cache["r"] * (1 - cache["r"])',
                 "(da_r - right) @ W_hr.T"),
             says="the gradient of r is multiplied by r itself: its factor is what r "
             "stands beside in the formula."),
        Edit("before-treated-as-after", "after = cache[\"reset\"] == \"after\"", "after = True",
             'for reset="before" the block of n is treated as in the other form: the '
             "product was with r * h_prev, and its gradient is da_n."),
        Edit("after-treated-as-before", "after = cache[\"reset\"] == \"after\"", "after = False",
             'for reset="after" the block of n is treated as in the other form: the '
             "product was with h_prev, and its gradient is r * da_n."),
        Edit("biases-merged", "np.concatenate([da_r, da_z, dq], axis=1).sum(axis=0)", "da.sum(axis=0)",
             "db_h is db_x: in the block of n, with the reset after the product, r stands "
             "between the bias and the sum."),
        Edit("dW_hn-without-r", "dW_hn = read.T @ dq", "dW_hn = h_prev.T @ da_n",
             "the block of n in dW_h misses the reset gate: it is on one of the two "
             "sides of the product."),
        Edit("dW_h-from-n", "dW_hn = read.T @ dq", "dW_hn = n.T @ dq",
             "the block of n in dW_h is made with the candidate: it is the old state that "
             "was multiplied.",
             (("h_prev, r = cache[\"h_prev\"], cache[\"r\"]",
               'h_prev, r, n = cache["h_prev"], cache["r"], cache["n"]'),)),
        Edit("dW_h-transposed", "[h_prev.T @ da_r, h_prev.T @ da_z, dW_hn]",
             "[da_r.T @ h_prev, da_z.T @ h_prev, dW_hn.T]",
             "the blocks of dW_h are transposed: the first axis is that of the state "
             "that goes in."),
        Edit("dx-misses-the-gates", 'da @ cache["W_x"].T', 'da_n @ np.split(cache["W_x"], 3, axis=1)[2].T',
             "dx_t has the path through the candidate only: both gates read the input "
             "as well."),
        Edit("blocks-in-another-order", "np.concatenate([da_r, da_z, da_n], axis=1)  #",
             "np.concatenate([da_z, da_r, da_n], axis=1)  #",
             "the three gradients stand side by side in the order z, r, n; the blocks of "
             "W_x are in the order r, z, n."),
        Edit("bias-averaged", "\"db_x\": da.sum(axis=0)", "\"db_x\": da.mean(axis=0)",
             "the bias gradients are averaged over the batch; the loss decides about "
             "averaging, here the samples are summed.",
             (("dq], axis=1).sum(axis=0)", "dq], axis=1).mean(axis=0)"),)),
        Edit("bias-keeps-axis", "\"db_x\": da.sum(axis=0)", "\"db_x\": da.sum(axis=0, keepdims=True)",
             "the bias gradients have shape (1, 3H) and right values; a gradient has the "
             "shape of its variable.",
             (("dq], axis=1).sum(axis=0)", "dq], axis=1).sum(axis=0, keepdims=True)"),)),
        Edit("upstream-in-place", "    return {\n", "    dh_t *= 1 - cache[\"z\"]\n    return {\n",
             "something is written into dh_t: your values are right, but dh_t is the "
             "caller's."),
        Edit("cache-overwritten", "else r * h_prev", "else np.multiply(r, h_prev, out=h_prev)",
             "an array of the cache is overwritten, so that a second call on it gives "
             "something else; a backward pass only reads.",
             (('"h_prev"], cache["r"]\n', '"h_prev"], cache["r"]\n    old = h_prev.copy()\n'),
              ("[h_prev.T @ da_r, h_prev.T @ da_z, dW_hn]", "[old.T @ da_r, old.T @ da_z, dW_hn]"))),
        Edit("float64-always", "da = np.concatenate([da_r, da_z, da_n], axis=1)",
             "da = np.concatenate([da_r, da_z, da_n], axis=1).astype(float)",
             "gradients are always float64: something has a float type of its own "
             "instead of that of the inputs."),
    ],
    "gru_backward": [
        Edit("not-carried", "(dhs[t] + dh_next,", "(dhs[t],",
             "nothing is carried back from step t+1: each step sees its own upstream "
             "gradient only, so the last step is right and the others are not."),
        Edit("upstream-ignored", "np.zeros_like(dhs[0])", "dhs[-1]",
             "only what is carried is used: the upstream gradients dhs[t] of the steps "
             "before the last are ignored.",
             (("(dhs[t] + dh_next,", "(dh_next,"),)),
        Edit("skip-carried-only", 'dh_next = step["dh_prev"]',
             'dh_next = (dhs[t] + dh_next) * cache["steps"][t]["z"]',
             "only z times the gradient is carried: the state reaches the next one by "
             "three more paths."),
        Edit("forwards-in-time", "reversed(range(len(dhs)))", "range(len(dhs))",
             "the loop runs forwards in time: what step t+1 sends back is not known yet "
             "when step t needs it.",
             (("dxs[::-1]", "dxs"),)),
        Edit("first-step-skipped", "range(len(dhs))", "range(1, len(dhs))",
             "the loop ends before step 0: the first step is missing everywhere."),
        Edit("dxs-reversed", "dxs[::-1]", "dxs",
             "dxs is in the order in which it was computed, from the last step to the "
             "first; it has to be turned round."),
        Edit("weights-not-accumulated", 'dW_x + step["dW_x"]', 'step["dW_x"]',
             "the weight gradients are replaced at each step, so that only those of step "
             "0 are left; they are sums over the steps.",
             (('dW_h + step["dW_h"]', 'step["dW_h"]'),
              ('db_x + step["db_x"]', 'step["db_x"]'),
              ('db_h + step["db_h"]', 'step["db_h"]'))),
        Edit("dW_h-not-accumulated", 'dW_h + step["dW_h"]', 'step["dW_h"]',
             "dW_h is replaced at each step, so that only that of step 0 is left; it is "
             "a sum over the steps."),
        Edit("one-bias-for-both", 'db_h + step["db_h"]', 'db_h + step["db_x"]',
             "db_h adds up the gradients of the other bias; in the block of n they "
             "differ."),
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
             "step t is taken back with the cache of step t-1 (and step 0 with that of "
             "the last one)."),
        Edit("weights-averaged", '"dW_x": dW_x', '"dW_x": dW_x / len(dhs)',
             "the weight gradients are averaged over the steps; each use of a weight "
             "counts in full, they are sums.",
             (('"dW_h": dW_h', '"dW_h": dW_h / len(dhs)'),
              ('"db_x": db_x', '"db_x": db_x / len(dhs)'),
              ('"db_h": db_h', '"db_h": db_h / len(dhs)'))),
        Edit("upstream-in-place", "        step = gru_step_backward(dhs[t] + dh_next,",
             "        dhs[t] += dh_next\n        step = gru_step_backward(dhs[t],",
             "the carried gradient is added into dhs: your values are right, but dhs is "
             "the caller's."),
        Edit("cache-consumed", 'cache["steps"][t]', 'cache["steps"].pop()',
             "the step caches are taken out of the list, so that a second call on the "
             "cache fails; a backward pass only reads."),
        Edit("float64-always", "np.zeros_like(dhs[0])", "np.zeros(dhs.shape[1:])",
             "the gradients are always float64: an array of zeros has the default float "
             "type unless it is told that of dhs."),
        Edit("fails-at-T=1", "np.zeros_like(dhs[0])", "np.zeros_like(dhs[1])",
             "a sequence of one step fails: there is no second step to look at."),
    ],
    "from_elsewhere": [
        Edit("order-ignored", "dict(zip(order,", 'dict(zip("rzn",',
             "the order of their blocks is ignored: they are taken for r, z, n."),
        Edit("always-keras", "dict(zip(order,", 'dict(zip("zrn",',
             "their blocks are always taken for z, r, n, whatever order says."),
        Edit("recurrent-not-reordered", 'ours(recurrent)', "recurrent",
             "the recurrent weights are passed on as they are: their blocks have to be "
             "put in our order, too."),
        Edit("biases-not-reordered", '"b_x": ours(b_x)', '"b_x": b_x',
             "the biases are passed on as they are: their blocks have to be put in our "
             "order, too.",
             (('"b_h": ours(b_h)', '"b_h": b_h'),)),
        Edit("z-not-turned", 'theirs["z"] if z_keeps else -theirs["z"]', 'theirs["z"]',
             "z_keeps is ignored: where their z overwrites, ours has to be one minus "
             "theirs."),
        Edit("z-always-turned", 'theirs["z"] if z_keeps else -theirs["z"]', '-theirs["z"]',
             "z is turned round always; where theirs keeps as ours does, it stays."),
        Edit("z-turned-the-wrong-way", 'if z_keeps else -theirs["z"]', 'if not z_keeps else -theirs["z"]',
             "z is turned round where it has to stay, and stays where it has to be "
             "turned round."),
        Edit("one-minus-the-weights", 'else -theirs["z"]', 'else 1 - theirs["z"]',
             "the weights of z are taken from one: it is the gate that has to become "
             "1 - z, and another change of the sum does that."),
        Edit("z-bias-not-turned", '"b_x": ours(b_x)', '"b_x": unturned(b_x)',
             "the biases of z are not turned round with its weights.",
             (('"b_h": ours(b_h)', '"b_h": unturned(b_h)'),
              ("    b_x, b_h = bias if",
               "    def unturned(array):\n"
               "        theirs = dict(zip(order, np.split(array, 3, axis=-1)))\n"
               '        return np.concatenate([theirs[g] for g in "rzn"], axis=-1)\n\n'
               "    b_x, b_h = bias if"))),
        Edit("r-turned", '[theirs["r"], z,', '[theirs["r"] if z_keeps else -theirs["r"], z,',
             "the reset gate is turned round as well; only z means something else "
             "there."),
        Edit("bias-rows-swapped", "b_x, b_h = bias if", "b_h, b_x = bias if",
             "the rows of bias are swapped: the first is that of the inputs.",
             (("else (bias, np.zeros_like(bias))", "else (np.zeros_like(bias), bias)"),)),
        Edit("single-bias-to-the-state", "else (bias, np.zeros_like(bias))",
             "else (np.zeros_like(bias), bias)",
             "a single bias is given to the state; it belongs to the inputs."),
        Edit("bias-doubled", "else (bias, np.zeros_like(bias))", "else (bias, bias)",
             "a single bias is used twice: the two are added, so that it counts double."),
        Edit("biases-merged", "b_x, b_h = bias if bias.ndim == 2 else",
             "b_x, b_h = (bias.sum(axis=0), 0 * bias[0]) if bias.ndim == 2 else",
             "the two biases are added into one; in the block of n that is another "
             "cell."),
        Edit("float64-always", "np.zeros_like(bias)", "np.zeros(bias.shape)",
             "b_h is always float64 where there is one bias: zeros have the default "
             "float type unless they are told that of bias."),
        Edit("kernel-in-place", 'z = theirs["z"] if z_keeps else -theirs["z"]',
             'z = theirs["z"]\n        z *= 1 if z_keeps else -1',
             "the block of z is turned round in their array: your values are right, but "
             "the arrays are the caller's."),
    ],
}
