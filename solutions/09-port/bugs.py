"""The mistakes that people make in 09-port, as edits of the solution.

Most were seen in public code and in issues of PyTorch; the sentence names the mistake
and where to look, not the line to write.
"""

from autograder.exercise import Edit


def _cell_bugs(zeros, first, last, product, weight, missing="if h_prev is None"):
    """What can be lost in any cell: `zeros` makes the missing state, `first` registers
    the recurrent weights `weight`, `product` uses them, `last` returns h_t."""
    size = zeros.removeprefix("x_t.new_zeros")
    parameter = first.split(" = ")[1]
    return [
        Edit("zeros-by-default", zeros, f"torch.zeros{size}",
             "the missing state is made by torch.zeros without more: that is float32 on "
             "the default device, wherever the input is."),
        Edit("zeros-on-the-default-device", zeros,
             f"torch.zeros{size}.to(x_t.dtype)",
             "the missing state has the input's float type, but is made on the default "
             "device: on a GPU the input is elsewhere."),
        Edit("zeros-of-the-default-type", zeros,
             f"torch.zeros{size[:-1]}, device=x_t.device)",
             "the missing state is made on the input's device, but is always float32."),
        Edit("zeros-kept-as-an-attribute", zeros, "self.zero.expand(len(x_t), -1)",
             "the zeros of the first state are a plain attribute: they stay on the old "
             "device, and in the old float type, when the module moves.",
             ((first, f"{first}\n        self.zero = torch.zeros(1, H)"),)),
        Edit("state-of-ones", zeros, f"x_t.new_ones{size}",
             "a state that is not given starts from ones: it has to be zero."),
        Edit("plain-tensor", first, f"{first}.detach()",
             f"{weight} is a plain tensor: an nn.Module finds its parameters by their "
             "type, and this one is no nn.Parameter."),
        Edit("kept-in-a-list", first, f"self.weights = [{parameter}]",
             f"{weight} is kept in a Python list: an nn.Module does not look into lists "
             "for its parameters, so nothing in there is trained or moved.",
             ((product, product.replace(f"self.{weight}", "self.weights[0]")),
              *(((zeros, zeros.replace(f"self.{weight}", "self.weights[0]")),)))),
        Edit("made-in-forward", first, "self.H = H",
             f"{weight} is made in forward: each call starts with new numbers, and no "
             "optimiser that was given the parameters knows them.",
             ((zeros, zeros.replace(f"len(self.{weight})", "self.H")),
              (product, product.replace(f"self.{weight}", "made")),
              (missing, f"made = {parameter.replace('H', 'self.H')}\n        "
               f"self.{weight} = made\n        {missing}"))),
        Edit("other-names", first, first.replace(weight, "weight_hh"),
             f"there is no parameter {weight}: your own names, those of the NumPy "
             "weights, belong to the parameters.",
             ((product, product.replace(weight, "weight_hh")),
              (zeros, zeros.replace(weight, "weight_hh")))),
        Edit("state-detached", product, product.replace("h_prev @", "h_prev.detach() @"),
             "the old state is detached in the product with the recurrent weights: the "
             "gradient does not reach earlier steps on that way."),
        Edit("weights-by-data", product, product.replace(weight, f"{weight}.data"),
             f"{weight} is used by .data: autograd does not see that, and its gradient "
             "is zero."),
        Edit("weights-transposed", product, product.replace(weight, f"{weight}.T")
             if weight == "W_hh" else f"({product}).flip(1)",
             "the recurrent matrix is used the wrong way round: it is (in, out) here, "
             "and stands on the right as it is." if weight == "W_hh" else
             "the blocks of the recurrent product are in reverse order."),
        Edit("a-number-is-fetched", last, f"assert x_t.sum().item() < 1e30\n        {last}",
             "a number is fetched by .item() at each step: a GPU has to be waited for "
             "each time."),
        Edit("saved-tensor-overwritten", last,
             last.replace("return ", "h_t = ", 1).replace(", c_t", "")
             + "\n        shown = h_t.tanh()\n        shown.clamp_(-0.5, 0.5)\n        "
             + ("return h_t + 0 * shown, c_t" if ", c_t" in last
                else "return h_t + 0 * shown"),
             "a tensor is written into in place that the backward pass still needs: "
             "autograd notices by its version, and stops."),
        Edit("through-numpy", last,
             (last.replace("return ", "h_t = ", 1).replace(", c_t", "")
              + "\n        h_t = torch.tensor(h_t.detach().numpy())\n        return "
              + ("h_t, c_t" if ", c_t" in last else "h_t")),
             "the new state goes through NumPy: the graph ends there, no gradient comes "
             "back, and a tensor on a GPU cannot go that way at all."),
        Edit("a-pair-for-one" if ", c_t" not in last else "one-for-a-pair", last,
             last.replace("return ", "h_t = ", 1).replace(", c_t", "")
             + ("\n        return h_t" if ", c_t" in last else "\n        return h_t, h_t"),
             "forward returns the wrong thing: one tensor h_t." if ", c_t" not in last
             else "forward returns h_t alone: the next step needs c_t as well."),
    ]  # fmt: skip


_SUM = "a_t = x_t @ self.W_x + h_prev @ self.W_h + self.b"
_OUT = "dxs, dh_next, dc_next, dW_x, dW_h"

BUGS = {
    "numpy_to_torch": [
        Edit("not-transposed", "W_x.T.contiguous()", "W_x",
             "the matrices are not transposed: PyTorch keeps them as (out, in).",
             (("W_h.T.contiguous()", "W_h"),)),
        Edit("input-weights-not-transposed", "W_x.T.contiguous()", "W_x",
             "W_x, or W_xh, is not transposed: PyTorch keeps it as (out, in)."),
        Edit("recurrent-weights-not-transposed", "W_h.T.contiguous()", "W_h",
             "W_h, or W_hh, is not transposed: for a vanilla RNN it is square, and nothing "
             "complains."),
        Edit("reshaped", "W_x.T.contiguous()", "W_x.reshape(W_x.T.shape)",
             "a matrix is reshaped to (out, in): that keeps the order in memory and mixes "
             "up the weights; it has to be transposed.",
             (("W_h.T.contiguous()", "W_h.reshape(W_h.T.shape)"),)),
        Edit("memory-shared", "torch.tensor(array) for", "torch.from_numpy(array) for",
             "a tensor shares its memory with your array: training the one changes the "
             "other. torch.from_numpy does not copy, nor does a transpose.",
             (("W_x.T.contiguous()", "W_x.T"), ("W_h.T.contiguous()", "W_h.T"))),
        Edit("bias-doubled", "b_hh = torch.zeros_like(b_ih)", "b_hh = b_ih.clone()",
             "the one bias is put into both places: PyTorch adds them, so it counts "
             "twice."),
        Edit("bias-in-the-other-place", '    return {\n        "weight_ih_l0": W_x',
             "    if kind != 'gru':\n        b_ih, b_hh = b_hh, b_ih\n"
             '    return {\n        "weight_ih_l0": W_x',
             "the one bias is in bias_hh_l0: it belongs into bias_ih_l0, with zeros in "
             "the other."),
        Edit("biases-swapped", '"bias_ih_l0": b_ih', '"bias_ih_l0": b_hh',
             "bias_ih_l0 and bias_hh_l0 have changed places: in a GRU's candidate only "
             "one of them is gated.",
             (('"bias_hh_l0": b_hh', '"bias_hh_l0": b_ih'),)),
        Edit("gru-biases-merged", '    return {\n        "weight_ih_l0": W_x',
             "    if kind == 'gru':\n"
             "        b_ih, b_hh = b_ih + b_hh, torch.zeros_like(b_hh)\n"
             '    return {\n        "weight_ih_l0": W_x',
             "the two biases of a GRU are added up: b_h's block of the candidate stands "
             "inside of what r multiplies, and cannot be moved."),
        Edit("lstm-gates-permuted", '    return {\n        "weight_ih_l0": W_x',
             "    if kind == 'lstm':\n"
             "        W_x, W_h, b_ih = (torch.cat([a[..., :-2 * len(W_h)],"
             " a[..., -len(W_h):], a[..., -2 * len(W_h):-len(W_h)]], -1)"
             " for a in (W_x, W_h, b_ih))\n"
             '    return {\n        "weight_ih_l0": W_x',
             "the gates of the LSTM are permuted to i, f, o, g: PyTorch has i, f, g, o, "
             "as you have."),
        Edit("gru-gates-permuted", '    return {\n        "weight_ih_l0": W_x',
             "    if kind == 'gru':\n"
             "        W_x, W_h, b_ih, b_hh = (torch.cat([a[..., len(W_h):2 * len(W_h)],"
             " a[..., :len(W_h)], a[..., 2 * len(W_h):]], -1)"
             " for a in (W_x, W_h, b_ih, b_hh))\n"
             '    return {\n        "weight_ih_l0": W_x',
             "the gates of the GRU are permuted to z, r, n: PyTorch has r, z, n, as you "
             "have."),
        Edit("float32-always", "torch.tensor(array) for",
             "torch.tensor(array, dtype=torch.float32) for",
             "the weights become float32, whatever they were: the digits that they had "
             "are lost."),
        Edit("any-kind", 'if kind not in ("rnn", "lstm", "gru"):', "if False:",
             "an unknown kind does not end in a ValueError."),
    ],
    "RNNCell": [
        *_cell_bugs(
            "x_t.new_zeros(len(x_t), len(self.W_hh))",
            "self.W_hh = start(H, H, H)",
            "return torch.tanh(x_t @",
            "h_prev @ self.W_hh",
            "W_hh",
        )[:12],
        Edit("a-number-is-fetched", "return torch.tanh(",
             "assert x_t.sum().item() < 1e30\n        return torch.tanh(",
             "a number is fetched by .item() at each step: a GPU has to be waited for "
             "each time."),
        Edit("saved-tensor-overwritten", "+ self.b_h)", "+ self.b_h).clamp_(-0.5, 0.5)",
             "the outcome of the tanh is written into in place: the backward pass needs "
             "it as it was, and autograd stops."),
        Edit("through-numpy", "self.b_h)", "self.b_h).detach().numpy()\n"
             "        return torch.tensor(h_t)",
             "the new state goes through NumPy: the graph ends there, no gradient comes "
             "back, and a tensor on a GPU cannot go that way at all.",
             (("return torch.tanh(x_t", "h_t = torch.tanh(x_t"),)),
        Edit("bias-missing", " + self.b_h)", ")", "the bias is not added."),
        Edit("bias-twice", " + self.b_h)", " + 2 * self.b_h)",
             "the bias counts twice: it stands for the sum of PyTorch's two."),
        Edit("sigmoid", "torch.tanh(", "torch.sigmoid(",
             "the cell squashes by a sigmoid: a vanilla cell has a tanh."),
        Edit("stored-as-out-in", "self.W_xh = start(H, D, H)", "self.W_xh = start(H, H, D)",
             "W_xh is stored as (out, in): here it is (D, H), as in NumPy.",
             (("x_t @ self.W_xh", "x_t @ self.W_xh.T"),)),
        Edit("pair-returned", "return torch.tanh(", "return None, torch.tanh(",
             "forward returns a tuple: one tensor h_t is asked for."),
    ],
    "LSTMCell": [
        *_cell_bugs(
            "x_t.new_zeros(len(x_t), len(self.W_h))",
            "self.W_h = start(H, H, 4 * H)",
            "return o * c_t.tanh(), c_t",
            "h_prev @ self.W_h",
            "W_h",
            "if state is None",
        ),
        Edit("gates-in-the-order-ifog", "a_i, a_f, a_g, a_o =", "a_i, a_f, a_o, a_g =",
             "the blocks are read in the order i, f, o, g: ours, and PyTorch's, is i, f, "
             "g, o."),
        Edit("gates-in-the-order-fiog", "a_i, a_f, a_g, a_o =", "a_f, a_i, a_g, a_o =",
             "the first two blocks are read as f, i: the order is i, f, g, o."),
        Edit("cell-shown-without-tanh", "return o * c_t.tanh(), c_t", "return o * c_t, c_t",
             "h_t shows the cell without its tanh."),
        Edit("candidate-through-sigmoid", "i * a_g.tanh()", "i * a_g.sigmoid()",
             "the candidate g goes through a sigmoid: it is no gate, it takes a tanh."),
        Edit("nothing-forgotten", "f * c_prev", "c_prev",
             "the forget gate is not used: the old cell is kept as it is."),
        Edit("cell-detached", "f * c_prev", "f * c_prev.detach()",
             "the old cell is detached: the gradient's highway is closed."),
        Edit("states-swapped", "return o * c_t.tanh(), c_t", "return c_t, o * c_t.tanh()",
             "h_t and c_t come back in the wrong order."),
        Edit("pair-read-as-c-h", "h_prev, c_prev = state", "c_prev, h_prev = state",
             "the pair is read as (c, h): PyTorch's order, and ours, is (h, c)."),
        Edit("bias-twice", " + self.b\n", " + 2 * self.b\n",
             "the bias counts twice: it stands for the sum of PyTorch's two."),
    ],
    "GRUCell": [
        *_cell_bugs(
            "x_t.new_zeros(len(x_t), len(self.W_h))",
            "self.W_h = start(H, H, 3 * H)",
            "return (1 - z) * n + z * h_prev",
            "h_prev @ self.W_h",
            "W_h",
        ),
        Edit("z-swapped", "(1 - z) * n + z * h_prev", "z * n + (1 - z) * h_prev",
             "z and 1 - z are swapped in the mix: z = 1 keeps the old state."),
        Edit("bias-outside-the-gate", "n = (x_n + r * q).tanh()",
             "b_n = self.b_h.chunk(3)[2]\n        n = (x_n + r * (q - b_n) + b_n).tanh()",
             "b_h's block of the candidate is added outside of what r multiplies."),
        Edit("reset-before-the-product", "n = (x_n + r * q).tanh()",
             "W_n, b_n = self.W_h.chunk(3, dim=1)[2], self.b_h.chunk(3)[2]\n"
             "        n = (x_n + (r * h_prev) @ W_n + b_n).tanh()",
             "the reset gate acts before the product: PyTorch's acts after it."),
        Edit("gates-in-the-order-zrn", "h_r, h_z, q =", "h_z, h_r, q =",
             "the blocks are read in the order z, r, n: ours, and PyTorch's, is r, z, n.",
             (("x_r, x_z, x_n =", "x_z, x_r, x_n ="),)),
        Edit("reset-not-used", "x_n + r * q", "x_n + q",
             "the reset gate is computed, but the candidate does not use it."),
        Edit("skip-detached", "+ z * h_prev", "+ z * h_prev.detach()",
             "the old state is detached in the mix: that is the path on which most of "
             "the gradient travels."),
        Edit("one-bias", "self.W_h + self.b_h)", "self.W_h)",
             "b_h is not added: a GRU has two biases."),
    ],
    "LSTMFunction": [
        Edit("cell-gradient-not-carried", "dh_next, dc_next = da_t @ W_h.T, dc_t * f",
             "dh_next, dc_next = da_t @ W_h.T, 0 * dc_t",
             "the gradient of the cell is not carried to the step before."),
        Edit("state-gradient-not-carried", "dh_next, dc_next = da_t @ W_h.T, dc_t * f",
             "dh_next, dc_next = 0 * dh_t, dc_t * f",
             "the gradient of the state is not carried to the step before."),
        Edit("carried-without-f", "da_t @ W_h.T, dc_t * f", "da_t @ W_h.T, dc_t",
             "what the cell carries back misses the forget gate."),
        Edit("recurrent-weights-untransposed-blocks", "da_t @ W_h.T, dc_t * f",
             "(da_t @ W_h.T).flip(1), dc_t * f",
             "the gradient of the old state has its units in reverse order."),
        Edit("dc_T-ignored", "torch.zeros_like(h0), dc_T", "torch.zeros_like(h0), torch.zeros_like(c0)",
             "dc_T is ignored: c_T is an output too, and what arrives there counts."),
        Edit("dc_T-at-every-step", "dc_t = dc_next + dh_t", "dc_t = dc_next + (t < len(xs) - 1) * dc_T + dh_t",
             "dc_T is added at every step: it arrives at the last one only."),
        Edit("upstream-only-last", "dhs[t] + dh_next, cs[t].tanh()",
             "(t == len(xs) - 1) * dhs[t] + dh_next, cs[t].tanh()",
             "only the last row of dhs is used: a gradient can arrive at every step."),
        Edit("no-way-through-the-state", "dc_t = dc_next + dh_t * o * (1 - shown**2)", "dc_t = dc_next + 0 * dh_t",
             "the cell gets no gradient through h_t: h_t shows the cell."),
        Edit("no-slope-of-the-shown", "* (1 - shown**2)", "",
             "the slope of the tanh that shows the cell is missing."),
        Edit("states-after", "h_before = torch.cat([h0[None], hs[:-1]])", "h_before = hs",
             "dW_h is made with the states after the steps: the product saw those "
             "before."),
        Edit("h0-as-zero", "torch.cat([h0[None], hs[:-1]])", "torch.cat([0 * h0[None], hs[:-1]])",
             "dW_h misses h0: the first step read it."),
        Edit("cells-after", "c_before = torch.cat([c0[None], cs[:-1]])", "c_before = cs",
             "the forget gate's gradient is made with the cell after the step; it "
             "multiplied the one before."),
        Edit("time-not-turned-back", "torch.stack(das[::-1])", "torch.stack(das)",
             "the da_t are in the order of the backward pass: turn them round before "
             "they meet the inputs."),
        Edit("candidate-with-sigmoid-slope", "i * (1 - g**2)", "i * g * (1 - g)",
             "the candidate gets the slope of a sigmoid; it comes out of a tanh."),
        Edit("bias-averaged", "da.sum(dim=(0, 1))", "da.mean(dim=(0, 1))",
             "db is a mean over steps and samples: a gradient is a sum."),
        Edit("starts-swapped", "return da @ W_x.T, dh_next, dc_next,", "return da @ W_x.T, dc_next, dh_next,",
             "the gradients of h0 and c0 come back in the wrong order: one for each "
             "argument of forward, as they stand there."),
        Edit("weights-swapped", "dW_x, dW_h, da.sum", "dW_h, dW_x, da.sum",
             "the gradients of the weights come back in the wrong order: one for each "
             "argument of forward, as they stand there."),
        Edit("one-gradient-short", "dW_x, dW_h, da.sum(dim=(0, 1))", "dW_x, dW_h",
             "backward returns too few gradients: one for each argument of forward."),
        Edit("bias-without-gradient", "dW_x, dW_h, da.sum(dim=(0, 1))", "dW_x, dW_h, None",
             "backward returns None for b: that says that b needs no gradient."),
        Edit("states-only-returned", "return hs, c_t", "return hs",
             "forward returns hs alone: c_T is the second output."),
        Edit("upstream-overwritten", "dhs[t] + dh_next, cs", "dhs[t].add_(dh_next), cs",
             "your gradients are right, but dhs is written into: it may be waited for "
             "elsewhere in the graph."),
        Edit("cell-upstream-overwritten", "dc_t = dc_next + dh_t * o * (1 - shown**2)",
             "dc_t = dc_next.add_(dh_t * o * (1 - shown**2))",
             "your gradients are right, but dc_T is written into: it may be waited for "
             "elsewhere in the graph."),
        Edit("saved-tensors-consumed", "ctx.save_for_backward(xs, h0, c0, W_x, W_h, hs, cs, gates)",
             "ctx.kept = [xs, h0, c0, W_x, W_h, hs, cs, gates]",
             "what was saved is used up: a second backward through the same graph finds "
             "nothing. ctx.saved_tensors can be read again.",
             (("= ctx.saved_tensors", "= [ctx.kept.pop(0) for _ in range(8)]"),)),
        Edit("zeros-on-the-default-device", "torch.zeros_like(h0), dc_T",
             "torch.zeros(h0.shape, dtype=h0.dtype), dc_T",
             "backward makes zeros on the default device: on a GPU the others are "
             "elsewhere."),
        Edit("a-number-is-fetched", "dh_next, dc_next = da_t @ W_h.T, dc_t * f",
             "assert da_t.sum().item() < 1e30\n            dh_next, dc_next = da_t @ W_h.T, dc_t * f",
             "a number is fetched by .item() at each step of the backward pass: a GPU has "
             "to be waited for each time."),
    ],
    "select_last": [
        Edit("last-row", "output[lengths - 1, samples, :H]", "output[-1, :, :H]",
             "the forward half is taken from the last row: for the shorter sequences "
             "that is padding."),
        Edit("both-at-the-last-step", "output[0, :, H:]", "output[lengths - 1, samples, H:]",
             "the backward half is taken at the end of the sequence: there the backward "
             "reading has seen one element. It is complete at step 0."),
        Edit("everything-from-the-last-row", "output[lengths - 1, samples, :H]", "output[-1, :, :H]",
             "both halves are taken from the last row of output: for the shorter "
             "sequences that is padding, and the backward reading ends at step 0.",
             (("output[0, :, H:]", "output[-1, :, H:]"),)),
        Edit("one-step-too-early", "output[lengths - 1, samples, :H]",
             "output[lengths - 2, samples, :H]",
             "the forward half is taken one step too early: a sequence of length n ends "
             "at step n - 1."),
        Edit("batch-first-ignored", "if batch_first:\n", "if False:\n",
             "batch_first is ignored: output is then (B, T, K H)."),
        Edit("batch-first-by-view", "output.transpose(0, 1)\n", "output.reshape(output.shape[1], output.shape[0], -1)\n",
             "a batch-first output is reshaped to time first: that mixes up samples and "
             "steps; it has to be transposed."),
        Edit("h_n-as-batch-first", "if batch_first:\n", "if batch_first:\n        h_n = h_n.reshape(-1, output.shape[0], h_n.shape[-1]).flip(1)\n",
             "h_n is turned as if it were batch-first: it never is."),
        Edit("h_n-by-view", "h_n[-K:].transpose(0, 1).flatten(1)", "h_n[-K:].reshape(B, -1)",
             "h_n is reshaped without turning its axes: a row then holds the states of "
             "two different samples."),
        Edit("h_n-last-only", "h_n[-K:].transpose(0, 1).flatten(1)", "torch.cat([h_n[-1]] * K, dim=1)",
             "last_state holds h_n[-1] only: with two directions that is the backward "
             "one; the forward one is h_n[-2]."),
        Edit("first-layer", "h_n[-K:]", "h_n[:K]",
             "last_state is that of the first layer; the last layer's states are at the "
             "end of h_n."),
        Edit("backward-half-first", "torch.cat([ahead, output[0, :, H:]], dim=1)",
             "torch.cat([output[0, :, H:], ahead], dim=1)",
             "the halves are in the wrong order: forward first.",
             (("h_n[-K:].transpose", "h_n[-K:].flip(0).transpose"),)),
        Edit("index-on-the-default-device", "torch.arange(B, device=output.device)", "torch.arange(B)",
             "the index of the samples is made on the default device: on a GPU the "
             "others are elsewhere."),
        Edit("lengths-fetched", "output[lengths - 1, samples, :H]",
             "torch.stack([output[n - 1, b, :H] for b, n in enumerate(lengths.tolist())])",
             "the lengths are fetched from the device, number by number: a GPU has to "
             "be waited for. An index with the tensor does the same there."),
        Edit("float32-always", "last_state = h_n[-K:].transpose(0, 1).flatten(1)",
             "last_state = h_n[-K:].transpose(0, 1).flatten(1).float()",
             "last_state is always float32."),
    ],
}  # fmt: skip
