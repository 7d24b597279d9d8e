"""What 09-port asks for, and the inputs that it is tried on."""

import numpy as np

from autograder.cases import Vary, batch_and_sizes
from unrolled.task import Task

TITLE = "The port"

_RNN, _LSTM = ("W_xh", "W_hh", "b_h"), ("W_x", "W_h", "b")
_GRU = ("W_x", "W_h", "b_x", "b_h")


def _grads(*names):
    return tuple(f"d{name}" for name in names)


def _cell(name, label, weights, lstm=False, **more):
    states = ("h0", "c0") if lstm else ("h0",)
    after = ("dhs", "dc_T") if lstm else ("dhs",)
    out = ("hs", "c_T") if lstm else ("hs",)
    return Task(
        name,
        label,
        args=("xs", *states, "params", *after, "place"),
        returns=(*out, *_grads("xs", *states, *weights)),
        points={"values": 4, "shapes": 1, "purity": 3},
        as_dict=True,
        over_time=("hs",),
        probe="lstm_cell" if lstm else "recurrent_cell",
        **more,
    )


TASKS = (
    Task(
        "numpy_to_torch",
        "Exercise 9.1",
        args=("params", "kind"),
        returns=("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"),
        points={"values": 3, "shapes": 1, "purity": 1},
        as_dict=True,
        probe="ported",
        read="chapter 9, Weights on their way",
        minutes=15,
        difficulty=1,
    ),
    _cell(
        "RNNCell",
        "Exercise 9.2",
        _RNN,
        read="chapter 9, An object that knows its weights",
        minutes=20,
        difficulty=2,
    ),
    _cell(
        "LSTMCell",
        "Exercise 9.3",
        _LSTM,
        lstm=True,
        read="chapter 9, Three cells",
        minutes=15,
        difficulty=2,
    ),
    _cell(
        "GRUCell",
        "Exercise 9.4",
        _GRU,
        read="chapter 9, Three cells",
        minutes=15,
        difficulty=2,
    ),
    Task(
        "LSTMFunction",
        "Exercise 9.5",
        args=("xs", "h0", "c0", *_LSTM, "dhs", "dc_T", "place"),
        returns=("hs", "c_T", *_grads("xs", "h0", "c0", *_LSTM)),
        points={"values": 6, "shapes": 1, "purity": 3},
        as_dict=True,
        over_time=("hs", "dxs"),
        probe="lstm_function",
        read="chapter 9, A backward pass of one's own",
        minutes=40,
        difficulty=3,
    ),
    Task(
        "select_last",
        "Exercise 9.6",
        args=("output", "h_n", "lengths", "batch_first", "place"),
        returns=("last_output", "last_state"),
        points={"values": 4, "shapes": 1, "purity": 2},
        probe="with_tensors",
        read="chapter 9, The last state",
        minutes=20,
        difficulty=2,
    ),
    Task(
        "find_the_bug",
        "Exercise 9.7",
        args=(),
        returns=("bugs",),
        points={"values": 6},
        quiz=True,
        read="chapter 9, What gets lost",
        minutes=35,
        difficulty=3,
    ),
)


def _weights(rng, kind, D, H):
    count, names = {"rnn": (1, _RNN), "lstm": (4, _LSTM), "gru": (3, _GRU)}[kind]
    shapes = (D, count * H), (H, count * H), (count * H,), (count * H,)
    scale = 0.6, 0.6, 0.5, 0.5
    made = (s * rng.normal(size=n) for s, n in zip(scale, shapes, strict=True))
    return dict(zip(names, made, strict=False))


def numpy_to_torch(rng, D=4, H=5, kind="rnn"):
    params = _weights(rng, kind if kind in ("rnn", "lstm") else "gru", D, H)
    return {"params": params, "kind": kind}


def _run(rng, kind, T, B, D, H, place, given):
    def state():
        return np.tanh(rng.normal(size=(B, H))) if given else None

    lstm = kind == "lstm"
    return {
        "xs": rng.normal(size=(T, B, D)),
        "h0": state(),
        **({"c0": state()} if lstm else {}),
        "params": _weights(rng, kind, D, H),
        "dhs": rng.normal(size=(T, B, H)),
        **({"dc_T": rng.normal(size=(B, H))} if lstm else {}),
        "place": place,
    }


def RNNCell(rng, T=4, B=3, D=4, H=5, place="cpu", given=True):
    return _run(rng, "rnn", T, B, D, H, place, given)


def LSTMCell(rng, T=4, B=3, D=4, H=5, place="cpu", given=True):
    return _run(rng, "lstm", T, B, D, H, place, given)


def GRUCell(rng, T=4, B=3, D=4, H=5, place="cpu", given=True):
    return _run(rng, "gru", T, B, D, H, place, given)


def LSTMFunction(rng, T=4, B=3, D=4, H=5, place="cpu"):
    inputs = LSTMCell(rng, T, B, D, H, place)
    return {**inputs.pop("params"), **inputs}


def select_last(
    rng, T=6, B=4, H=3, layers=2, directions=2, batch_first=False, place="cpu"
):
    """An output of a packed layer, and the h_n that belongs to it."""
    lengths = rng.integers(1, T + 1, size=B)
    if B > 1:
        lengths[rng.permutation(B)[:2]] = T, max(1, T - 2)
    output = rng.normal(size=(T, B, directions * H))
    output[np.arange(T)[:, None] >= lengths] = 0.0
    h_n = rng.normal(size=(layers * directions, B, H))
    h_n[-directions] = output[lengths - 1, np.arange(B), :H]
    if directions == 2:
        h_n[-1] = output[0, :, H:]
    if batch_first:
        output = np.ascontiguousarray(output.transpose(1, 0, 2))
    return {
        "output": output,
        "h_n": h_n,
        "lengths": lengths,
        "batch_first": batch_first,
        "place": place,
    }


def find_the_bug(rng):
    return {}


_SIZES = batch_and_sizes("D", T=1, B=1, H=1)
_DEVICE = (
    Vary("on the meta device", "purity", place="meta"),
    Vary("in bfloat16", "purity", place="bfloat16", rtol=0.2),
)
_CELL = (
    Vary("values"),
    Vary("no state given", T=3, B=4, D=5, H=3, dtype=np.float32, given=False),
    *_SIZES,
    Vary("no state given, float64", "purity", given=False),
    Vary("no state given, on the meta device", "purity", place="meta", given=False),
    *_DEVICE,
)

CASES = {
    "numpy_to_torch": (
        Vary("values"),
        Vary("an LSTM", D=3, H=4, kind="lstm"),
        Vary("a GRU", D=5, H=2, kind="gru"),
        Vary('kind="elman"', "shapes", kind="elman", raises="ValueError"),
        Vary("D=1", "shapes", D=1),
        Vary("H=1, an LSTM", "shapes", H=1, kind="lstm"),
        Vary("D=H=3, a GRU", "shapes", D=3, H=3, kind="gru"),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
        Vary("float32, an LSTM", "purity", dtype=np.float32, kind="lstm"),
        Vary("float32, a GRU", "purity", dtype=np.float32, kind="gru"),
    ),
    "RNNCell": _CELL,
    "LSTMCell": _CELL,
    "GRUCell": _CELL,
    "LSTMFunction": (
        Vary("values"),
        Vary("other sizes", T=6, B=2, D=3, H=4),
        *_SIZES,
        Vary("a second backward through one graph", "purity", place="twice"),
        *_DEVICE,
    ),
    "select_last": (
        Vary("values"),
        Vary("batch first", T=5, B=3, H=4, batch_first=True),
        Vary("one direction", T=7, B=5, H=2, layers=3, directions=1),
        Vary("T=1", "shapes", T=1),
        Vary("B=1", "shapes", B=1),
        Vary("H=1", "shapes", H=1),
        Vary("one layer, T=B=H=3", "shapes", T=3, B=3, H=3, layers=1),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
        Vary("on the meta device", "purity", place="meta"),
        Vary(
            "batch first, on the meta device", "purity", place="meta", batch_first=True
        ),
    ),
    "find_the_bug": (Vary("values"),),
}
