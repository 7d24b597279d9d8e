"""The mistakes that people make in 11-speed, as edits of the solution."""

from autograder.exercise import Edit

_FUSED = "torch.addmm(b, joined, W)"
_CELL = "a_f.sigmoid() * c_prev + a_i.sigmoid() * a_g.tanh()"
_OUT = "a_o.sigmoid() * c_t.tanh()"
_DRIVES = "drives = xs @ W_x + b"
_SUM = "drive + h_t @ W_h"
_LOOP_CELL = "a_f.sigmoid() * c_t + a_i.sigmoid() * a_g.tanh()"
_UNSCALE = "    scaler.unscale_(optimizer)\n"
_CLIP = "    norm = torch.nn.utils.clip_grad_norm_(params, max_norm)\n"
_ORDER = _UNSCALE + _CLIP + "    scaler.step(optimizer)\n"
_KEPT = "kept = [n + -(-T // n) for n in range(1, T + 1)]"
_LENGTH = "length = -(-len(xs) // segments)"

BUGS = {
    "step_cost": [
        Edit("additions-forgotten", "2 * B * (D + H) * 4 * H", "B * (D + H) * 4 * H",
             "each multiplication has an addition with it: two operations."),
        Edit("one-gate", "2 * B * (D + H) * 4 * H", "2 * B * (D + H) * H",
             "the operations are those of one gate; there are four."),
        Edit("state-product-forgotten", "2 * B * (D + H) * 4 * H", "2 * B * D * 4 * H",
             "the product with W_h is missing in the operations."),
        Edit("input-product-forgotten", "2 * B * (D + H) * 4 * H", "2 * B * H * 4 * H",
             "the product with W_x is missing in the operations."),
        Edit("batch-forgotten", "2 * B * (D + H)", "2 * (D + H)",
             "the operations do not grow with B; each sequence has its own."),
        Edit("weights-for-each-sequence", "weights + B * D", "B * weights + B * D",
             "the weights are read once for each sequence; they are read once for all."),
        Edit("bias-forgotten", "(D + H) * 4 * H + 4 * H", "(D + H) * 4 * H",
             "the bias is not moved."),
        Edit("cell-states-forgotten", "2 * B * H + 2 * B * H", "2 * B * H",
             "two of the four states are missing: h and c are both read and written."),
        Edit("input-not-read", "weights + B * D + ", "weights + ",
             "x_t is not read."),
        Edit("weights-not-read", "weights + B * D", "B * D",
             "the weights are not moved: nothing is left in the cache here."),
        Edit("numbers-for-bytes", "itemsize * (weights", "1 * (weights",
             "moved counts numbers; it has to be in bytes."),
        Edit("bits-for-bytes", "itemsize * (weights", "8 * itemsize * (weights",
             "moved is in bits; it has to be in bytes."),
        Edit("swapped", "return flops, moved", "return moved, flops",
             "the two results have changed places."),
    ],
    "fused_step": [
        Edit("state-first", "[x_t, h_prev]", "[h_prev, x_t]",
             "the state stands in front of the input: the rows of W_x come first in W."),
        Edit("several-products", _FUSED,
             "torch.cat([x_t @ w_x + h_prev @ w_h for w_x, w_h in"
             " zip(W[: x_t.shape[1]].chunk(4, 1), W[x_t.shape[1] :].chunk(4, 1))],"
             " dim=1).add(b)",
             "your values are right, but more than one product reaches the machine. The gates "
             "stand side by side in W, the input's rows on the state's: with x_t and "
             "h_prev side by side, it needs one."),
        Edit("bias-forgotten", _FUSED, "(joined @ W + 0 * b)", "the bias is not added."),
        Edit("gates-i-f-o-g", "a_i, a_f, a_g, a_o =", "a_i, a_f, a_o, a_g =",
             "the last two blocks have changed places: the order is i, f, g, o."),
        Edit("gates-f-i-g-o", "a_i, a_f, a_g, a_o =", "a_f, a_i, a_g, a_o =",
             "the first two blocks have changed places: the order is i, f, g, o."),
        Edit("interleaved", _FUSED,
             f"{_FUSED}.unflatten(1, (-1, 4)).transpose(1, 2).flatten(1)",
             "the sums are cut with a stride, every fourth one to a gate: the gates are "
             "blocks, one after the other."),
        Edit("sigmoid-for-all", _CELL, _CELL.replace("a_g.tanh()", "a_g.sigmoid()"),
             "the candidate goes through the sigmoid as the gates do; it needs tanh."),
        Edit("tanh-for-all", _CELL, _CELL.replace("a_i.sigmoid()", "a_i.tanh()"),
             "the input gate goes through tanh; a gate is a sigmoid."),
        Edit("no-tanh-of-c", _OUT, "a_o.sigmoid() * c_t", "h_t misses the tanh of c_t."),
        Edit("old-cell-shown", _OUT, "a_o.sigmoid() * c_prev.tanh()",
             "h_t is made of the old cell state."),
        Edit("cell-not-kept", _CELL, "a_f.sigmoid() + a_i.sigmoid() * a_g.tanh()"
             " + 0 * c_prev",
             "the forget gate is added by itself; it has to multiply c_prev."),
        Edit("state-detached", "[x_t, h_prev]", "[x_t, h_prev.detach()]",
             "h_prev is detached: no gradient reaches the step before through it."),
        Edit("cell-detached", _CELL, _CELL.replace("c_prev", "c_prev.detach()"),
             "c_prev is detached: no gradient reaches the step before through the cell."),
        Edit("weights-by-data", _FUSED, "torch.addmm(b, joined, W.data)",
             "W is used by .data: its gradient is zero."),
        Edit("c-first", "return a_o.sigmoid() * c_t.tanh(), c_t",
             "return c_t, a_o.sigmoid() * c_t.tanh()",
             "c_t comes back first; h_t has to."),
    ],
    "hoisted_forward": [
        Edit("not-hoisted", _DRIVES, "drives = xs",
             "your values are right, but it is not T + 1 products that reach the machine: one "
             "large one for all inputs, in front of the loop, and one for the state at "
             "each step.",
             ((_SUM, "drive @ W_x + h_t @ W_h + b"),)),
        Edit("bias-forgotten", _DRIVES, "drives = xs @ W_x + 0 * b",
             "the bias is not added."),
        Edit("bias-twice", _SUM, "drive + h_t @ W_h + b",
             "the bias is added twice: in front of the loop, and in it."),
        Edit("state-not-carried", _SUM, "drive + h0 @ W_h",
             "every step starts from h0: the state is not carried."),
        Edit("cell-not-carried", _LOOP_CELL, _LOOP_CELL.replace("c_t", "c0"),
             "every step starts from c0: the cell state is not carried."),
        Edit("h0-ignored", "h_t, c_t, states = h0, c0, []",
             "h_t, c_t, states = 0 * h0, c0, []", "h0 is ignored: it starts from zeros."),
        Edit("c0-ignored", "h_t, c_t, states = h0, c0, []",
             "h_t, c_t, states = h0, 0 * c0, []", "c0 is ignored: it starts from zeros."),
        Edit("shifted", "states.append(h_t)", "states.append(h_t)\n    states = "
             "[h0, *states[:-1]]",
             "hs is shifted by one: hs[t] is the state after step t."),
        Edit("backwards", "for drive in drives:", "for drive in drives.flip(0):",
             "the sums are read from the last to the first."),
        Edit("gates-i-f-o-g", "a_i, a_f, a_g, a_o =", "a_i, a_f, a_o, a_g =",
             "the last two blocks have changed places: the order is i, f, g, o."),
        Edit("detached", "h_t = a_o.sigmoid() * c_t.tanh()",
             "h_t = a_o.sigmoid() * c_t.tanh()\n        h_t = h_t.detach() + 0 * h_t",
             "the state is detached at each step: nothing is carried back through it."),
        Edit("cell-detached", _LOOP_CELL, _LOOP_CELL.replace("c_t", "c_t.detach()"),
             "the cell state is detached at each step: nothing is carried back by it."),
        Edit("last-h-for-c", "return torch.stack(states), c_t",
             "return torch.stack(states), h_t",
             "the last hidden state comes back in the place of c_T."),
    ],
    "best_segments": [
        Edit("rounded-down", "-(-T // n)", "T // n",
             "the longest segment is rounded down; steps that are left over have to be "
             "in one, too."),
        Edit("square-root", _KEPT, _KEPT + "\n    n = max(1, round(T**0.5))\n"
             "    return n, n + -(-T // n)",
             "that is the square root, rounded: it is near, and for some T another "
             "number keeps as few, or fewer."),
        Edit("square-root-up", _KEPT, _KEPT + "\n    n = -int(-(T**0.5) // 1)\n"
             "    return n, n + -(-T // n)",
             "that is the square root, rounded up: for some T a smaller number keeps as "
             "few."),
        Edit("square-root-down", _KEPT, _KEPT + "\n    n = int(T**0.5)\n"
             "    return n, n + -(-T // n)",
             "that is the square root, rounded down: for some T another number keeps "
             "fewer."),
        Edit("the-larger-one", "kept.index(min(kept)) + 1",
             "len(kept) - kept[::-1].index(min(kept))",
             "where two numbers are equally good, the smaller one is asked for."),
        Edit("counted-from-zero", "kept.index(min(kept)) + 1", "kept.index(min(kept))",
             "segments is one too few: it is the place in a list that starts at 0."),
        Edit("starts-only", "n + -(-T // n) for", "n + T - T for",
             "kept counts the states at the starts only; the steps of one segment are in "
             "memory, too."),
        Edit("segment-only", "n + -(-T // n) for", "-(-T // n) for",
             "kept counts the steps of one segment only; the states at the starts are "
             "kept, too."),
        Edit("from-two-on", "for n in range(1, T + 1)]",
             "for n in range(2, T + 2)]",
             "the numbers are tried from 2 on, and counted from 1: one segment is "
             "possible, too."),
        Edit("swapped", "return kept.index(min(kept)) + 1, min(kept)",
             "return min(kept), kept.index(min(kept)) + 1",
             "the two results have changed places."),
    ],
    "checkpointed_bptt": [
        Edit("all-kept", "del cache", "everything.append(cache)",
             "your gradients are right, but more than two segments are in memory at one time: "
             "caches are kept that nobody needs any more, or not yet, or all is one "
             "segment.",
             (("dh_next, dxs = np", "everything = []\n    dh_next, dxs = np"),)),
        Edit("from-the-start-each-time", "        _, cache = rnn_forward(xs[window],"
             " h_start, *shared)",
             "        for again in starts:\n            if again < start:\n"
             "                rnn_forward(xs[again : again + length], h0, *shared)\n"
             "        _, cache = rnn_forward(xs[window], h_start, *shared)",
             "your gradients are right, but for each segment you walk from the very "
             "start: the saved states are there so that you need not."),
        Edit("nothing-carried", "upstream[-1] += dh_next", "pass",
             "nothing is carried from the later segment: each is differentiated by "
             "itself, as in truncated backpropagation."),
        Edit("carried-to-the-first-step", "upstream[-1] += dh_next",
             "upstream[0] += dh_next",
             "what is carried arrives at the segment's first state; it belongs to its "
             "last."),
        Edit("carried-to-all-steps", "upstream[-1] += dh_next", "upstream += dh_next",
             "what is carried arrives at every state of the segment; it belongs to its "
             "last."),
        Edit("carried-in-place-of", "upstream[-1] += dh_next",
             "upstream[-1] = dh_next if len(dxs) else upstream[-1]",
             "what is carried takes the place of dhs at the segment's last state; they "
             "add up."),
        Edit("carried-twice", "upstream[-1] += dh_next", "upstream[-1] += 2 * dh_next",
             "what is carried is added twice."),
        Edit("never-updated", 'dh_next = grads["dh0"]\n', "first = grads\n",
             "what is carried stays zero: dh0 of a segment is never taken on."),
        Edit("last-segment-only", "totals[name] = totals[name] + grads[name]",
             "totals[name] = grads[name]",
             "the weights' gradients are those of the first segment only; they add up "
             "over all."),
        Edit("order-of-dxs", "np.concatenate(dxs[::-1])", "np.concatenate(dxs)",
             "dxs is put together from the last segment to the first."),
        Edit("started-at-h0", "        _, cache = rnn_forward(xs[window], h_start,",
             "        _, cache = rnn_forward(xs[window], h0,",
             "each segment is run again from h0; it has to start from its saved state."),
        Edit("started-at-zero", "        _, cache = rnn_forward(xs[window], h_start,",
             "        _, cache = rnn_forward(xs[window], 0 * h0,",
             "each segment is run again from zeros; it has to start from its saved "
             "state."),
        Edit("saved-too-late", "        saved.append(h_t)\n        h_t = rnn_forward"
             "(xs[start : start + length], h_t, *shared)[0][-1]",
             "        h_t = rnn_forward(xs[start : start + length], h_t, *shared)[0][-1]"
             "\n        saved.append(h_t)",
             "the states at the ends are saved, and used as starts."),
        Edit("rest-dropped", "starts = range(0, len(xs), length)",
             "starts = range(0, len(xs) - len(xs) % length, length)",
             "steps that do not fill a segment are left out."),
        Edit("written-into-dhs", "upstream = dhs[window].copy()", "upstream = dhs[window]",
             "what is carried is written into dhs: your gradients are right, but dhs is "
             "the caller's."),
        Edit("zeros-of-float64", "dh_next, dxs = np.zeros_like(h0), []",
             "dh_next, dxs = np.zeros(h0.shape), []",
             "the gradients are float64 for float32 input: zeros of a type of their own "
             "are added.",
             (("upstream = dhs[window].copy()", "upstream = dhs[window].astype(float)"),)),
    ],
    "amp_step": [
        Edit("clip-before-unscale", _ORDER,
             _CLIP + _UNSCALE + "    scaler.step(optimizer)\n",
             "the gradients are clipped while they are still multiplied: unscale_ is missing, "
             "or comes too late. Nearly all are clipped, and then divided, to next to "
             "nothing."),
        Edit("no-clip", _CLIP,
             "    norm = torch.nn.utils.clip_grad_norm_(params, float('inf'))\n",
             "nothing is clipped when the optimiser makes its step."),
        Edit("optimiser-directly", "scaler.step(optimizer)", "optimizer.step()",
             "the optimiser steps by itself: the scaler cannot leave out a step whose "
             "gradients overflowed."),
        Edit("no-update", "    scaler.update()\n",
             "    scaler._per_optimizer_states.clear()\n",
             "the scale never changes: scaler.update() is missing."),
        Edit("not-scaled", "scaler.scale(loss).backward()",
             "scaler.scale(loss)\n    loss.backward()",
             "the loss is not multiplied before the backward pass, but the gradients are "
             "divided after it."),
        Edit("gradients-pile-up", "    optimizer.zero_grad()\n", "",
             "gradients of the updates before are still there: they add up."),
        Edit("zeroed-after-backward", "    optimizer.zero_grad()\n"
             "    scaler.scale(loss).backward()\n",
             "    scaler.scale(loss).backward()\n    optimizer.zero_grad(False)\n",
             "the gradients are set to zero after the backward pass, and nothing is "
             "learned."),
        Edit("clip-each", _CLIP,
             "    norm = torch.nn.utils.clip_grad_norm_(params, float('inf'))\n"
             "    for p in params:\n"
             "        torch.nn.utils.clip_grad_norm_([p], max_norm)\n",
             "each parameter is clipped by itself; the global norm is meant."),
        Edit("clip-values", _CLIP,
             "    norm = torch.nn.utils.clip_grad_norm_(params, float('inf'))\n"
             "    torch.nn.utils.clip_grad_value_(params, max_norm)\n",
             "each entry is clipped by itself; the global norm is meant."),
        Edit("norm-after", "    return norm\n",
             "    return torch.linalg.vector_norm(torch.cat("
             "[p.grad.flatten() for p in params]))\n",
             "the norm that comes back is the one after clipping."),
        Edit("max-norm-scaled", _CLIP,
             "    norm = torch.nn.utils.clip_grad_norm_(params, max_norm *"
             " scaler.get_scale())\n",
             "the bound is multiplied by the scale, but the gradients are not any more."),
    ],
}  # fmt: skip
