"""How a student's class, or a function of torch tensors, is asked with arrays.

Only arrays cross the sandbox's border. A task with `probe="rnn_cell"` is not called
with its arguments: the probe of that name makes tensors of them, builds the class,
runs it, and gives arrays back. torch is imported where it is needed.

The argument `place` of most probes says where the run takes place: "cpu" in the
float type of the inputs, "twice" there with two backward passes through one graph,
"bfloat16" on the CPU, or "meta", on a device that has
shapes only; what comes back from there is zeros. With a CUDA device "meta" runs
there, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from unrolled import costs, device

Arrays = dict[str, Any]


class UnregisteredError(ValueError):
    """A weight that the module does not know as its parameter."""


class ShapeError(ValueError):
    """A parameter of another shape than asked for."""


class ReturnedError(TypeError):
    """Something else came back than was asked for."""


class InPlaceError(RuntimeError):
    """A tensor that the backward pass needs was written into."""


class GradientOrderError(RuntimeError):
    """A gradient of the wrong shape: mostly one of another argument."""


class GradientCountError(RuntimeError):
    """Not one gradient for each argument."""


class PlainTensorError(UnregisteredError):
    """A tensor that is an attribute, but no nn.Parameter."""


class HiddenInListError(UnregisteredError):
    """Parameters in a list or a dict, where the module does not look."""


class MadeInForwardError(UnregisteredError):
    """A parameter that forward makes: no optimiser has seen it."""


def probing(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` itself, or what asks it by the probe `name`."""
    return partial(PROBES[name], function) if name else function


# ------------------------------------------------------------------------- cells


def recurrent_cell(
    made: Any, xs: Any, h0: Any, params: Arrays, dhs: Any, place: str
) -> Arrays:
    """Unroll `made(D, H)`, a module with `h_t = cell(x_t, h_prev)`, and go back.

    xs (T, B, D), h0 (B, H) or None for a first call without a state, params the
    weights by name, dhs (T, B, H). Returns hs and the gradients, of params, too.
    """
    states, upstream = {"h0": h0}, {"hs": dhs}
    return _placed(partial(_unrolled, made), xs, states, params, upstream, place)


def lstm_cell(
    made: Any, xs: Any, h0: Any, c0: Any, params: Arrays, dhs: Any, dc_T: Any,
    place: str,
) -> Arrays:  # fmt: skip
    """The same for `h_t, c_t = cell(x_t, (h_prev, c_prev))`; c_T and dc0 besides."""
    states, upstream = {"h0": h0, "c0": c0}, {"hs": dhs, "c_T": dc_T}
    return _placed(partial(_unrolled, made), xs, states, params, upstream, place)


def lstm_function(
    made: Any, xs: Any, h0: Any, c0: Any, W_x: Any, W_h: Any, b: Any, dhs: Any,
    dc_T: Any, place: str,
) -> Arrays:  # fmt: skip
    """Ask an autograd.Function: `hs, c_T = made.apply(xs, h0, c0, W_x, W_h, b)`."""
    params = {"W_x": W_x, "W_h": W_h, "b": b}
    states, upstream = {"h0": h0, "c0": c0}, {"hs": dhs, "c_T": dc_T}
    run = partial(_applied, made, again=place == "twice")
    return _placed(run, xs, states, params, upstream, place)


def _placed(run: Any, xs: Any, states: Any, params: Any, upstream: Any, place: str):
    """The run's arrays from the CPU, or zeros of their shapes from "meta"."""
    import torch

    kind = torch.bfloat16 if place == "bfloat16" else torch.from_numpy(xs[:0]).dtype
    given = (xs, states, params, upstream)
    if place != "meta":
        here = run(*given, "cpu", kind)
        return {
            k: t.to(torch.from_numpy(xs[:0]).dtype).numpy() for k, t in here.items()
        }
    found = run(*given, "meta", kind)
    if torch.cuda.is_available():
        _same_on_cuda(partial(run, *given), kind)
    return {name: np.zeros(t.shape, xs.dtype) for name, t in found.items()}


def _same_on_cuda(run: Any, kind: Any) -> None:
    here, there = run("cpu", kind), run("cuda", kind)
    for name, want in here.items():
        apart = (there[name].cpu() - want).abs().max() if want.numel() else 0.0
        if not apart <= 1e-4 * max(1.0, float(want.abs().max()) if want.numel() else 0):
            raise device.DeviceError(f"{name} is another one on the CUDA device")


def _watched(where: str, module: Any) -> Any:
    return contextlib.nullcontext() if where == "cpu" else device.watch(where, module)


def _tensor(value: Any, where: str, kind: Any, leaf: bool = False) -> Any:
    """On the CPU a tensor that shares the array's memory: who writes is seen."""
    import torch

    if value is None:
        return None
    return torch.from_numpy(value).to(where, kind).requires_grad_(leaf)


def _unrolled(
    made: Any, xs: Any, states: Any, params: Any, upstream: Any, where: str, kind: Any
) -> Arrays:
    import torch

    module = _module(made, xs, params).to(kind).to(where)
    weights = dict(module.named_parameters())
    x = _tensor(xs, where, kind, leaf=True)
    start = {n: _tensor(s, where, kind, leaf=True) for n, s in states.items()}
    after = {n: _tensor(d, where, kind) for n, d in upstream.items()}
    with _watched(where, module):
        state = tuple(start.values()) if len(start) > 1 else start["h0"]
        empty = start["h0"] is None
        hs = []
        for t, x_t in enumerate(x.unbind(0)):
            state = module(x_t) if empty and t == 0 else module(x_t, state)
            hs.append(_pair(state, len(start))[0])
        out = {"hs": torch.stack(hs)}
        if len(start) > 1:
            out["c_T"] = _pair(state, 2)[1]
        now = dict(module.named_parameters())
        changed = [n for n in params if now.get(n) is not weights[n]]
        if changed:
            raise MadeInForwardError(f"forward makes {changed[0]} anew at each call")
        leaves = {"xs": x, **start, **{n: weights[n] for n in params}}
        grads = _gradients(out, leaves, after)
    device.same_dtype(kind, *out.values(), *grads.values())
    return {n: t.detach() for n, t in (out | grads).items()}


def _pair(state: Any, count: int) -> Any:
    if count == 1 and hasattr(state, "shape"):
        return (state,)
    if count == 2 and isinstance(state, tuple) and len(state) == 2:
        return state
    wants = "h_t" if count == 1 else "the pair h_t, c_t"
    raise ReturnedError(f"forward has to return {wants}, not a {type(state).__name__}")


def _applied(
    made: Any, xs: Any, states: Any, params: Any, upstream: Any, where: str, kind: Any,
    again: bool = False,
) -> Arrays:  # fmt: skip
    import torch

    if not (isinstance(made, type) and issubclass(made, torch.autograd.Function)):
        raise TypeError("a subclass of torch.autograd.Function is needed")
    arrays = {"xs": xs, **states, **params}
    leaves = {n: _tensor(a, where, kind, leaf=True) for n, a in arrays.items()}
    after = {n: _tensor(d, where, kind) for n, d in upstream.items()}
    with _watched(where, None):
        returned = made.apply(*leaves.values())  # type: ignore[attr-defined]
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise ReturnedError("forward has to return hs and c_T")
        out = dict(zip(("hs", "c_T"), returned, strict=True))
        grads = _gradients(out, leaves, after, again)
    device.same_dtype(kind, *out.values(), *grads.values())
    return {n: t.detach() for n, t in (out | grads).items()}


def _gradients(out: Any, leaves: Any, upstream: Any, again: bool = False) -> Arrays:
    """d + name: the gradients of all leaves, zeros where none arrives."""
    import torch

    kept = {n: t for n, t in leaves.items() if t is not None}
    live = {n: t for n, t in out.items() if t.requires_grad}
    found = [None] * len(kept)
    if live:
        back = partial(
            torch.autograd.grad, list(live.values()), list(kept.values()),
            retain_graph=again, allow_unused=True,
        )  # fmt: skip
        fresh = [upstream[n].clone() for n in live]
        with _told_apart():
            found = list(back([upstream[n] for n in live]))
        if again and not _agree(found, back(fresh)):
            raise RuntimeError("a second backward gives something else than the first")
    grads = {
        f"d{n}": torch.zeros_like(t) if g is None else g
        for (n, t), g in zip(kept.items(), found, strict=True)
    }
    nothing = upstream["hs"].new_zeros(1)  # of a state that was not given
    return {f"d{n}": grads.get(f"d{n}", nothing) for n in leaves}


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    """Autograd's complaints, which are all of one kind, as errors of their own."""
    kinds = {
        "inplace operation": InPlaceError,
        "incorrect number of gradients": GradientCountError,
        "returned an invalid gradient": GradientOrderError,
    }
    try:
        yield
    except RuntimeError as error:
        for words, kind in kinds.items():
            if words in str(error):
                text = str(error).partition(": [")[0]
                raise kind(text).with_traceback(error.__traceback__) from None
        raise


def _agree(one: Sequence[Any], other: Sequence[Any]) -> bool:
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a is not None]
    return all(a.is_meta or bool(a.isclose(b).all()) for a, b in pairs)


def _module(made: Any, xs: Any, params: Arrays) -> Any:
    """The module, with the given weights in its parameters; an error says what is
    not registered, and why."""
    import torch

    recurrent = params["W_hh" if "W_hh" in params else "W_h"]
    module = made(xs.shape[-1], len(recurrent))
    if not isinstance(module, torch.nn.Module):
        raise TypeError("the class has to be a torch.nn.Module")
    for name, value in params.items():
        parameter = dict(module.named_parameters()).get(name)
        if parameter is None:
            raise _unregistered(module, name, xs)
        if tuple(parameter.shape) != value.shape:
            shape = tuple(parameter.shape)
            raise ShapeError(f"{name} has shape {shape}, expected {value.shape}")
    module.to(torch.from_numpy(xs[:0]).dtype)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name in params:
                parameter.copy_(torch.from_numpy(params[name]))
    return module


def _unregistered(module: Any, name: str, xs: Any) -> UnregisteredError:
    import torch

    if name in dict(module.named_buffers()):
        return PlainTensorError(f"{name} is a buffer: it moves, but is not trained")
    if isinstance(vars(module).get(name), torch.Tensor):
        text = f"{name} is a plain tensor: the module does not know it as its own"
        return PlainTensorError(text)
    for held, value in vars(module).items():
        inside = value.values() if isinstance(value, dict) else value
        if held.startswith("_") or not isinstance(value, (list, tuple, dict)):
            continue
        if any(isinstance(item, torch.Tensor) for item in inside):
            text = f"weights lie in the {type(value).__name__} {held}, where the module"
            return HiddenInListError(f"{text} does not look for parameters")
    with contextlib.suppress(Exception):
        module(torch.zeros(xs.shape[1:], dtype=torch.get_default_dtype()))
    if hasattr(module, name):
        return MadeInForwardError(f"{name} is not there before forward makes it")
    known = ", ".join(dict(module.named_parameters())) or "none"
    return UnregisteredError(f"there is no parameter {name}; there are: {known}")


# --------------------------------------------------------------- other functions


def ported(function: Any, params: Mapping[str, Any], kind: str) -> Any:
    """Ask for torch weights, and write into them: the arrays must not change."""
    import torch

    found = function(params, kind)
    if not isinstance(found, dict):
        return found
    if odd := [n for n, t in found.items() if not isinstance(t, torch.Tensor)]:
        raise TypeError(f"{odd[0]} is no tensor")
    copies = {n: t.detach().numpy().copy() for n, t in found.items()}
    for tensor in found.values():
        tensor.detach().add_(1)
    return copies


def with_tensors(
    function: Any, output: Any, h_n: Any, lengths: Any, batch_first: bool, place: str
) -> Any:
    """Ask `function` with tensors; from "meta" come zeros."""
    import torch

    where = "meta" if place == "meta" else "cpu"
    arrays = (output, h_n, lengths)
    given = [torch.from_numpy(a).to(where) for a in arrays]
    with _watched(where, None):
        found = function(*given, batch_first)
    if where == "cpu" or not isinstance(found, (tuple, list)):
        return found
    if torch.cuda.is_available():
        with device.watch("cuda"):
            function(*(tensor.cuda() for tensor in _copies(arrays)), batch_first)
    return tuple(np.zeros(t.shape, output.dtype) for t in found)


def texts(function: Any, *args: Any) -> Any:
    """Ask for a list of texts: as numbers, a row of code points each, filled up."""
    found = function(*args)
    if not isinstance(found, (list, tuple, str)):
        return found
    if odd := [s for s in found if not isinstance(s, str)]:
        raise ReturnedError(f"a {type(odd[0]).__name__} is among the texts")
    rows = np.zeros((len(found), max(map(len, found), default=0)), dtype=int)
    for row, text in zip(rows, found, strict=True):
        row[: len(text)] = [*map(ord, text)]
    return rows


def _copies(arrays: Sequence[Any]) -> list[Any]:
    import torch

    return [torch.tensor(array) for array in arrays]


PROBES: Mapping[str, Callable[..., Any]] = {
    "recurrent_cell": recurrent_cell,
    "lstm_cell": lstm_cell,
    "lstm_function": lstm_function,
    "ported": ported,
    "with_tensors": with_tensors,
    "fused_step": partial(
        costs.counted, ("x_t", "h_prev", "c_prev", "W", "b"), ("h_t", "c_t")
    ),
    "hoisted": partial(
        costs.counted, ("xs", "h0", "c0", "W_x", "W_h", "b"), ("hs", "c_T")
    ),
    "remembered": costs.remembered,
    "scaled": costs.scaled,
    "texts": texts,
}
