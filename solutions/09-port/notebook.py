# %% [markdown]
# # The port
#
# Somewhere on your disk lie weights that you trained with your own NumPy, and
# on the other side of the room stands a machine with a GPU. Today the one moves
# to the other. A move is not difficult. It is only that small things get lost:
# a weight that nobody put on the list, a bias that was packed twice, a state
# that stayed behind on the old machine, two boxes whose contents changed
# places. Nothing crashes, and months later somebody asks why the network is so
# bad.
#
# In this notebook you carry the three cells over, with all their weights,
# forward and backward, equal to PyTorch's own to the last digits. You teach
# PyTorch the backward pass that you derived by hand. You take the last state of
# a padded batch without mixing up the samples. And at the end you find the
# fault in other people's modules.
#
# You need no GPU. The checks run your modules on a device called `meta`, which
# has shapes but no numbers: whatever would not work on a GPU does not work
# there either. If your machine has a GPU, they run there as well.
#
# The text behind it is chapter 9, *The port*, of the book.
#
# **Letters.** As ever: `T` steps, `B` sequences, `D` inputs, `H` units, time
# first, rows for samples. PyTorch's own names are `weight_ih_l0` and so on.

# %% given="imports"
import torch
from torch import nn

from unrolled import check

torch.set_num_threads(1)


def start(H, *shape):
    """A parameter as PyTorch starts it: uniform within 1 / sqrt(H)."""
    bound = H**-0.5
    return nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))

# %% [markdown]
# ## Weights on their way
#
# {task:numpy_to_torch}
#
# PyTorch keeps its matrices as (out, in) and multiplies by their transpose;
# yours are (in, out). PyTorch has two biases in every kind of layer; your
# vanilla cell and your LSTM have one. Put yours into `bias_ih_l0`, and zeros
# into `bias_hh_l0`. The order of the gates is the same on both sides, so
# nothing has to be permuted. (That is why it was chosen.)
#
# And one more thing. `torch.from_numpy(W)` does not copy: the tensor and your
# array are then one piece of memory, and an optimiser that trains the one
# changes the other. A transposed view is no copy either. What you return must
# be on its own.

# %% solution="numpy_to_torch"
def numpy_to_torch(params, kind):
    """Our weights in the layout of nn.RNN, nn.LSTM or nn.GRU (one layer).

    kind "rnn": params has W_xh (D, H), W_hh (H, H), b_h (H,).
    kind "lstm": W_x (D, 4H), W_h (H, 4H), b (4H,), gates i, f, g, o.
    kind "gru": W_x (D, 3H), W_h (H, 3H), b_x and b_h (3H,), gates r, z, n,
    reset after the product. ValueError for any other kind.
    Returns a dict of tensors that load_state_dict takes: weight_ih_l0,
    weight_hh_l0, bias_ih_l0, bias_hh_l0, of the float type of params, which
    share no memory with them.
    """
    ### BEGIN SOLUTION
    if kind not in ("rnn", "lstm", "gru"):
        raise ValueError(f'kind is "rnn", "lstm" or "gru", not {kind!r}')
    p = {name: torch.tensor(array) for name, array in params.items()}
    if kind == "rnn":
        W_x, W_h, b_ih = p["W_xh"], p["W_hh"], p["b_h"]
    else:
        bias = "b" if kind == "lstm" else "b_x"
        W_x, W_h, b_ih = p["W_x"], p["W_h"], p[bias]
    b_hh = torch.zeros_like(b_ih) if kind != "gru" else p["b_h"]
    return {
        "weight_ih_l0": W_x.T.contiguous(),
        "weight_hh_l0": W_h.T.contiguous(),
        "bias_ih_l0": b_ih,
        "bias_hh_l0": b_hh,
    }
    ### END SOLUTION

# %% check="numpy_to_torch"
check("numpy_to_torch", numpy_to_torch)

# %% [markdown]
# ## The vanilla cell as a module
#
# {task:RNNCell}
#
# An `nn.Module` is an object that knows its parameters. It finds them because
# you *assign* them: `self.W_xh = start(H, D, H)`. `start`, above, gives you an
# `nn.Parameter`. Whatever is a plain tensor, or hides in a list, is not found:
# no optimiser trains it, it is not saved, and it does not move to the GPU.
#
# Give the module your own names and shapes, `W_xh` `(D, H)`, `W_hh` `(H, H)`
# and `b_h` `(H,)`; then the port of your weights is a matter of names. There is
# no backward pass to write, autograd does that, as long as everything is done
# by torch's operations.
#
# If no state is given, it is zero. *Where*, and of which float type? You cannot
# know it when you write the line. The input knows.

# %% solution="RNNCell"
class RNNCell(nn.Module):
    """One step of a vanilla RNN.

    Parameters W_xh (D, H), W_hh (H, H), b_h (H,).
    h_t = cell(x_t, h_prev): x_t (B, D), h_prev and h_t (B, H); zeros where
    no h_prev is given.
    """

    def __init__(self, D, H):
        super().__init__()
        ### BEGIN SOLUTION
        self.W_xh = start(H, D, H)
        self.W_hh = start(H, H, H)
        self.b_h = start(H, H)
        ### END SOLUTION

    def forward(self, x_t, h_prev=None):
        ### BEGIN SOLUTION
        if h_prev is None:
            h_prev = x_t.new_zeros(len(x_t), len(self.W_hh))
        return torch.tanh(x_t @ self.W_xh + h_prev @ self.W_hh + self.b_h)
        ### END SOLUTION

# %% check="RNNCell"
check("RNNCell", RNNCell)

# %% [markdown]
# ## The LSTM as a module
#
# {task:LSTMCell}
#
# The same with a state of two parts. As in PyTorch's `nn.LSTMCell`, they come
# and go as a pair: `h_t, c_t = cell(x_t, (h_prev, c_prev))`. `chunk` cuts a
# tensor into blocks. The order is `i, f, g, o`.

# %% solution="LSTMCell"
class LSTMCell(nn.Module):
    """One step of an LSTM, gates in the order i, f, g, o.

    Parameters W_x (D, 4H), W_h (H, 4H), b (4H,).
    h_t, c_t = cell(x_t, (h_prev, c_prev)): x_t (B, D), all others (B, H);
    both are zeros where no pair is given.
    """

    def __init__(self, D, H):
        super().__init__()
        ### BEGIN SOLUTION
        self.W_x = start(H, D, 4 * H)
        self.W_h = start(H, H, 4 * H)
        self.b = start(H, 4 * H)
        ### END SOLUTION

    def forward(self, x_t, state=None):
        ### BEGIN SOLUTION
        if state is None:
            zeros = x_t.new_zeros(len(x_t), len(self.W_h))
            state = zeros, zeros
        h_prev, c_prev = state
        a_t = x_t @ self.W_x + h_prev @ self.W_h + self.b
        a_i, a_f, a_g, a_o = a_t.chunk(4, dim=1)
        i, f, o = a_i.sigmoid(), a_f.sigmoid(), a_o.sigmoid()
        c_t = f * c_prev + i * a_g.tanh()
        return o * c_t.tanh(), c_t
        ### END SOLUTION

# %% check="LSTMCell"
check("LSTMCell", LSTMCell)

# %% [markdown]
# ## The GRU as a module
#
# {task:GRUCell}
#
# In PyTorch's form: the reset gate acts *after* the product, so `b_h`'s block
# of the candidate stands inside of what `r` multiplies.

# %% solution="GRUCell"
class GRUCell(nn.Module):
    """One step of a GRU, gates in the order r, z, n, reset after the product.

    Parameters W_x (D, 3H), W_h (H, 3H), b_x and b_h (3H,).
    h_t = cell(x_t, h_prev): x_t (B, D), h_prev and h_t (B, H); zeros where
    no h_prev is given.
    """

    def __init__(self, D, H):
        super().__init__()
        ### BEGIN SOLUTION
        self.W_x = start(H, D, 3 * H)
        self.W_h = start(H, H, 3 * H)
        self.b_x = start(H, 3 * H)
        self.b_h = start(H, 3 * H)
        ### END SOLUTION

    def forward(self, x_t, h_prev=None):
        ### BEGIN SOLUTION
        if h_prev is None:
            h_prev = x_t.new_zeros(len(x_t), len(self.W_h))
        x_r, x_z, x_n = (x_t @ self.W_x + self.b_x).chunk(3, dim=1)
        h_r, h_z, q = (h_prev @ self.W_h + self.b_h).chunk(3, dim=1)
        r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
        n = (x_n + r * q).tanh()
        return (1 - z) * n + z * h_prev
        ### END SOLUTION

# %% check="GRUCell"
check("GRUCell", GRUCell)

# %% [markdown]
# Look at what the device says, line by line. Then spoil something in a cell of
# yours on purpose: make the zeros by `torch.zeros(...)`, say, and run this
# again.

# %%
from unrolled.device import report

for cell in (RNNCell(4, 5), LSTMCell(4, 5), GRUCell(4, 5)):
    print(type(cell).__name__, report(cell, torch.randn(3, 4)))

# %% [markdown]
# And the proof of the move: your weights in your cell, and in PyTorch's layer.

# %%
torch.manual_seed(9)
cell = GRUCell(4, 5).double()
layer = nn.GRU(4, 5).double()
arrays = {n: p.detach().numpy() for n, p in cell.named_parameters()}
layer.load_state_dict(numpy_to_torch(arrays, "gru"))
xs, h_t = torch.randn(50, 3, 4, dtype=torch.float64), None
with torch.no_grad():
    for x_t in xs:
        h_t = cell(x_t, h_t)
    print("apart:", (layer(xs)[1][0] - h_t).abs().max().item())

# %% [markdown]
# ## Your own backward pass inside PyTorch
#
# {task:LSTMFunction}
#
# Autograd records every operation of every step. Your derivation of chapter 6
# does not need all that: the gates, the cells and the states are enough. An
# `autograd.Function` is the place to put it. `forward` computes and saves what
# it needs; `backward` gets the gradients of the outputs and returns one for
# *each* argument of `forward`, in their order.
#
# * Save tensors by `ctx.save_for_backward(...)` and take them from
#   `ctx.saved_tensors`. What is kept in other ways may live for ever.
# * What arrives in `backward` is not yours: another branch of the graph may be
#   waiting for the same tensor. Do not write into it.
# * Whoever wants to go through the graph twice (`retain_graph=True`) may.
#
# `W_x` `(D, 4H)` and the others are as in chapter 6. The gradients with respect
# to the weights need not be added up step by step: put the `da_t` of all steps
# together and make one product.

# %% solution="LSTMFunction"
class LSTMFunction(torch.autograd.Function):
    """An LSTM over a sequence, with the backward pass written by hand.

    hs, c_T = LSTMFunction.apply(xs, h0, c0, W_x, W_h, b): xs (T, B, D),
    h0, c0 and c_T (B, H), W_x (D, 4H), W_h (H, 4H), b (4H,), hs (T, B, H).
    """

    @staticmethod
    def forward(ctx, xs, h0, c0, W_x, W_h, b):
        ### BEGIN SOLUTION
        h_t, c_t = h0, c0
        hs, cs, gates = [], [], []
        for x_t in xs:
            a_i, a_f, a_g, a_o = (x_t @ W_x + h_t @ W_h + b).chunk(4, dim=1)
            i, f, o = a_i.sigmoid(), a_f.sigmoid(), a_o.sigmoid()
            g = a_g.tanh()
            c_t = f * c_t + i * g
            h_t = o * c_t.tanh()
            hs.append(h_t)
            cs.append(c_t)
            gates.append(torch.stack([i, f, g, o]))
        hs, cs, gates = (torch.stack(found) for found in (hs, cs, gates))
        ctx.save_for_backward(xs, h0, c0, W_x, W_h, hs, cs, gates)
        return hs, c_t
        ### END SOLUTION

    @staticmethod
    def backward(ctx, dhs, dc_T):
        """dhs (T, B, H), dc_T (B, H). Returns the gradients of xs, h0, c0,
        W_x, W_h and b."""
        ### BEGIN SOLUTION
        xs, h0, c0, W_x, W_h, hs, cs, gates = ctx.saved_tensors
        h_before = torch.cat([h0[None], hs[:-1]])  # (T, B, H)
        c_before = torch.cat([c0[None], cs[:-1]])
        dh_next, dc_next = torch.zeros_like(h0), dc_T
        das = []
        for t in reversed(range(len(xs))):
            i, f, g, o = gates[t]
            dh_t, shown = dhs[t] + dh_next, cs[t].tanh()
            dc_t = dc_next + dh_t * o * (1 - shown**2)
            da_i = dc_t * g * i * (1 - i)
            da_f = dc_t * c_before[t] * f * (1 - f)
            da_g = dc_t * i * (1 - g**2)
            da_o = dh_t * shown * o * (1 - o)
            da_t = torch.cat([da_i, da_f, da_g, da_o], dim=1)  # (B, 4H)
            dh_next, dc_next = da_t @ W_h.T, dc_t * f
            das.append(da_t)
        da = torch.stack(das[::-1])  # (T, B, 4H)
        dW_x = torch.einsum("tbd,tbk->dk", xs, da)
        dW_h = torch.einsum("tbh,tbk->hk", h_before, da)
        return da @ W_x.T, dh_next, dc_next, dW_x, dW_h, da.sum(dim=(0, 1))
        ### END SOLUTION

# %% check="LSTMFunction"
check("LSTMFunction", LSTMFunction)

# %% [markdown]
# PyTorch has an examiner of its own. `gradcheck` compares your backward with
# finite differences, in float64, and is strict about the small things: second
# calls, missing gradients, strides.

# %%
def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


sizes = (3, 2, 2), (2, 2), (2, 2), (2, 8), (2, 8), (8,)
inputs = [random(*size) for size in sizes]
print("gradcheck:", torch.autograd.gradcheck(LSTMFunction.apply, inputs))

# %% [markdown]
# ## The last state, of the right sample
#
# {task:select_last}
#
# Four sentences of different lengths were padded to one length and went
# through a layer of PyTorch's as a packed sequence. To classify each sentence
# you want *one* vector for it: what the layer knew at the end. There are two
# places to take it from, and in both of them people take the wrong thing.
#
# `output` holds the states of the *last layer* at every step, zeros in the
# padding. Where the layer reads in both directions, the two halves of its last
# axis belong to the forward and to the backward reading. The forward one has
# read everything at the last step of the sentence. And the backward one?
#
# `h_n` holds the final states of all layers and directions, `(L K, B, H)`: layer
# by layer, and within a layer forward, then backward. **It is never
# batch-first**, whatever `batch_first` says.
#
# Return both, forward half first. They are the same numbers, if you have it
# right. `lengths` lies on the device: `lengths.tolist()` would stop the GPU,
# an index does not.

# %% solution="select_last"
def select_last(output, h_n, lengths, batch_first):
    """What a packed layer knows at the end of each sequence.

    output (T, B, K H), or (B, T, K H) if batch_first: the last layer's
    states, zeros from lengths[b] on; h_n (L K, B, H): L layers, K
    directions (1 or 2); lengths (B,), integers, at least 1.
    Returns last_output and last_state, both (B, K H), the first one taken
    from output, the second one from h_n.
    """
    ### BEGIN SOLUTION
    if batch_first:
        output = output.transpose(0, 1)
    B, H = h_n.shape[1:]
    K = output.shape[-1] // H
    samples = torch.arange(B, device=output.device)
    ahead = output[lengths - 1, samples, :H]
    last_output = torch.cat([ahead, output[0, :, H:]], dim=1)
    last_state = h_n[-K:].transpose(0, 1).flatten(1)
    return last_output, last_state
    ### END SOLUTION

# %% check="select_last"
check("select_last", select_last)

# %% [markdown]
# Try it on a real layer. Change one sample, and see which of the results move:
# only its own may.

# %%
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(1)
lstm = nn.LSTM(4, 5, num_layers=2, bidirectional=True)
lengths = torch.tensor([7, 3, 5, 1])


def run(xs):
    packed = pack_padded_sequence(xs, lengths, enforce_sorted=False)
    output, (h_n, _) = lstm(packed)
    return pad_packed_sequence(output)[0], h_n


with torch.no_grad():
    xs = torch.randn(7, 4, 4)
    one, two = select_last(*run(xs), lengths, False)
    print("the two ways apart:", (one - two).abs().max().item())
    xs[:, 2] += 1
    moved = (select_last(*run(xs), lengths, False)[0] - one).abs().amax(dim=1)
    print("moved by a change of sample 2:", moved.numpy().round(3))

# %% [markdown]
# ## Twelve modules
#
# {task:find_the_bug}
#
# Each of the twelve modules below is meant to turn a batch of sequences into
# one vector for each: `module(xs)` with `xs` of shape `(T, B, D)` (`M10`: ids,
# `(T, B)`), time first, all of the same length. One of them is sound. Each of
# the others has one fault, the one that matters most:
#
# * **0**: sound.
# * **1**: weights are not trained, because the module does not know them.
# * **2**: a tensor is not where the inputs are, once the module is on a GPU.
# * **3**: the gradient is cut: it does not reach earlier steps.
# * **4**: a sample's result depends on the other samples of the batch.
# * **5**: it does not see the whole sequence where it claims to.
# * **6**: time and batch are taken for each other.
# * **7**: the backward pass raises an error.
# * **8**: two calls in evaluation mode give two results, though its weights are all
#   known to it and stay the same.
#
# Return the twelve numbers, in order. Reading is enough, but nobody forbids you
# to run them, on `meta` too, to take gradients, to change a sample.

# %% given="modules"
class M1(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.rnn = nn.GRU(D, H, bidirectional=True)

    def forward(self, xs):
        h_n = self.rnn(xs)[1]
        return h_n.view(xs.shape[1], -1)


class M2(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H, self.cell = H, nn.RNNCell(D, H)

    def forward(self, xs):
        h_t = torch.zeros(xs.shape[1], self.H)
        for x_t in xs:
            h_t = self.cell(x_t, h_t)
        return h_t


class M3(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.cells = [nn.GRUCell(D, H), nn.GRUCell(H, H)]
        self.out = nn.Linear(H, H)

    def forward(self, xs):
        low = high = xs.new_zeros(xs.shape[1], self.out.in_features)
        for x_t in xs:
            low = self.cells[0](x_t, low)
            high = self.cells[1](low, high)
        return self.out(high)


class M4(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.rnn = nn.LSTM(D, H, num_layers=2, bidirectional=True)

    def forward(self, xs):
        h_n = self.rnn(xs)[1][0]
        return h_n[-2:].permute(1, 0, 2).reshape(xs.shape[1], -1)


class M5(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.rnn = nn.RNN(D, H)

    def forward(self, xs):
        last = self.rnn(xs)[0][-1]
        return nn.functional.dropout(last, 0.3)


class M6(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.cell = nn.LSTMCell(D, H)

    def forward(self, xs):
        h_t = c_t = xs.new_zeros(xs.shape[1], self.cell.hidden_size)
        for x_t in xs:
            h_t, c_t = self.cell(x_t, (h_t.detach(), c_t.detach()))
        return h_t


class M7(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.rnn = nn.GRU(D, H, batch_first=True)

    def forward(self, xs):
        return self.rnn(xs)[0][-1]


class M8(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.cell = nn.GRUCell(D, H)
        self.first = torch.full((1, H), 0.1)

    def forward(self, xs):
        h_t = self.first.expand(xs.shape[1], -1)
        for x_t in xs:
            h_t = self.cell(x_t, h_t)
        return h_t


class M9(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.W_xh, self.W_hh = start(H, D, H), start(H, H, H)

    def forward(self, xs):
        T, B, _ = xs.shape
        hs = xs.new_zeros(T + 1, B, len(self.W_hh))
        for t in range(T):
            hs[t + 1] = torch.tanh(xs[t] @ self.W_xh + hs[t] @ self.W_hh)
        return hs[T]


class M10(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.D, self.rnn = D, nn.LSTM(D, H)

    def forward(self, ids):
        table = nn.Embedding(50, self.D).to(ids.device)
        return self.rnn(table(ids))[1][0][-1]


class M11(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.rnn = nn.LSTM(D, H, bidirectional=True)

    def forward(self, xs):
        return self.rnn(xs)[0][-1]


class M12(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.cell = nn.RNNCell(D, H)

    def forward(self, xs):
        h_t = xs.new_zeros(xs.shape[1], self.cell.hidden_size)
        for x_t in xs:
            h_t = self.cell(x_t, h_t)
            h_t = h_t - h_t.mean(dim=0)
        return h_t


MODULES = [M1, M2, M3, M4, M5, M6, M7, M8, M9, M10, M11, M12]

# %% solution="find_the_bug"
def find_the_bug():
    """What is wrong with each of the twelve modules.

    Returns a list of twelve integers from 0 to 8.
    """
    ### BEGIN SOLUTION
    return [4, 2, 1, 0, 8, 3, 6, 2, 7, 1, 5, 4]
    ### END SOLUTION

# %% check="find_the_bug"
check("find_the_bug", find_the_bug)

# %% [markdown]
# ## Your network on the new machine
#
# A last thing, without points: the whole of it on whatever device there is.
# The task is to say at the end whether the number of marks was even, from a
# sequence of zeros and ones. The line that chooses the device is the only one
# that knows about it.

# %%
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(0)
cell, head = LSTMCell(1, 16).to(device), nn.Linear(16, 1).to(device)
weights = [*cell.parameters(), *head.parameters()]
optimiser = torch.optim.Adam(weights, 2e-2)
for update in range(400):
    bits = torch.randint(2, (8, 64, 1), device=device).float()
    state = None
    for x_t in bits:
        state = cell(x_t, state)
    logits = head(state[0])
    odd = bits.sum(dim=0) % 2
    loss = nn.functional.binary_cross_entropy_with_logits(logits, odd)
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(weights, 1.0)
    optimiser.step()
    if update % 50 == 49:
        right = ((logits > 0) == (odd > 0)).float().mean()
        print(f"{device}, update {update + 1}: {right:.0%} right")

# %% [markdown]
# ## Before you hand in
#
# Restart the kernel and run everything from the top, or, from a terminal in the
# course's folder, `python -m unrolled check 09-port`. The grader runs the same
# classes on numbers that nobody has seen, and needs no GPU for it.
