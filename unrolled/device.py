"""Is a torch module at home on any device? Found out without having one.

The device "meta" holds shapes and no numbers. A module that makes a tensor on the
default device, leaves one behind when it moves, goes through NumPy or fetches a
number fails there as it would on a GPU, or where a GPU would only be slow; `watch`
stops it at that operation and names what it did.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any


class DeviceError(RuntimeError):
    """A module that is not at home on the device that it was moved to."""


class DefaultDeviceError(DeviceError):
    """A tensor was made on the default device, and used without being moved."""


class LeftBehindError(DeviceError):
    """An attribute did not move with the module."""


class TripError(DeviceError):
    """A tensor was moved to the CPU, or handed to NumPy."""


class ItemError(DeviceError):
    """A number was fetched from the device: the GPU has to be waited for."""


class DtypeError(DeviceError):
    """A result is of another float type than the inputs and the parameters."""


@contextlib.contextmanager
def watch(device: str, module: Any = None) -> Iterator[None]:
    """Run torch code that has to stay on `device`, "meta" or "cuda"; DeviceError says
    at which operation it does not. Numbers (tensors of no axis) may lie anywhere.

    `module` is whose attributes are searched for a tensor that was left behind.
    """
    try:
        with _mode(device, module):
            yield
    except DeviceError:
        raise
    except (TypeError, RuntimeError) as error:  # NotImplementedError is one of these
        if "meta" not in str(error):
            raise
        text = "values are asked of a tensor, for NumPy or Python, that has none here"
        raise TripError(text).with_traceback(error.__traceback__) from None


def _mode(device: str, module: Any) -> Any:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    aten = torch.ops.aten
    fetches = (aten._local_scalar_dense.default, aten.is_nonzero.default)

    def strangers(*values: Any) -> list[Any]:
        tensors = [t for t in tree_leaves(values) if isinstance(t, torch.Tensor)]
        return [t for t in tensors if t.device.type != device and t.dim()]

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            to = kwargs.get("device")
            here = any(
                t.device.type == device
                for t in tree_leaves(args)
                if isinstance(t, torch.Tensor)
            )
            if func in fetches and here:
                raise ItemError("a number is fetched from the device")
            moves = func is aten._to_copy.default and to is not None
            if moves and here and torch.device(to).type != device:
                raise TripError(f"a tensor is moved to the device {torch.device(to)}")
            if not moves:
                for tensor in strangers(args, kwargs):
                    raise _stranger(tensor, module)
            return func(*args, **kwargs)

    return Watch()


def _stranger(tensor: Any, module: Any) -> DeviceError:
    """What to say of a tensor on another device: whose it is, or that it is new."""
    for name, value in _attributes(module):
        held = value if isinstance(value, (list, tuple)) else [value]
        if any(item is tensor for item in held):
            text = f"the attribute {name} stayed on {tensor.device} when the module"
            return LeftBehindError(f"{text} moved: it is no parameter and no buffer")
    shape = tuple(tensor.shape)
    return DefaultDeviceError(
        f"a tensor of shape {shape} is on {tensor.device}: it was made there and "
        "not where the inputs are"
    )


def _attributes(module: Any) -> Iterator[tuple[str, Any]]:
    if hasattr(module, "named_modules"):
        for prefix, part in module.named_modules():
            for name, value in vars(part).items():
                yield f"{prefix}.{name}".strip("."), value


def report(module: Any, *inputs: Any) -> dict[str, str]:
    """What `module(*inputs)` says on each device and in each float type.

    inputs: tensors, or None. Keys "meta", "float32", "float64", "bfloat16" and
    "cuda"; values "clean", or a sentence, or "no CUDA device here". The module is
    copied first, and a gradient is taken each time.
    """
    import torch

    found = {"meta": _tried(module, inputs, "meta", torch.float32)}
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        found[str(dtype).removeprefix("torch.")] = _tried(module, inputs, "cpu", dtype)
    found["cuda"] = "no CUDA device here"
    if torch.cuda.is_available():
        found["cuda"] = _tried(module, inputs, "cuda", torch.float32)
    return found


def _tried(module: Any, inputs: Any, device: str, dtype: Any) -> str:
    import torch
    from torch.utils._pytree import tree_leaves

    there = copy.deepcopy(module).to(dtype).to(device)
    moved = [_moved(x, device, dtype) for x in inputs]
    watched = watch(device, there) if device != "cpu" else contextlib.nullcontext()
    try:
        with watched:
            out = [t for t in tree_leaves(there(*moved)) if torch.is_tensor(t)]
            same_dtype(dtype, *out)
            live = [t.sum() for t in out if t.requires_grad]
            if not live:
                return "no gradient: the graph is cut before the results"
            torch.stack(live).sum().backward()
    except Exception as error:  # whatever it is, it is what there is to report
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return "clean"


def _moved(x: Any, device: str, dtype: Any) -> Any:
    if x is None:
        return None
    return x.to(device, dtype) if x.is_floating_point() else x.to(device)


def same_dtype(dtype: Any, *tensors: Any) -> None:
    """DtypeError if a tensor of floats is of another type than `dtype`."""
    for tensor in tensors:
        if tensor.is_floating_point() and tensor.dtype != dtype:
            raise DtypeError(f"{tensor.dtype} comes back where all else is {dtype}")
