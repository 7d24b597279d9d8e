"""Turn an exercise's case functions into cases with the reference's outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from unrolled.answer import copy, plain
from unrolled.functions import named
from unrolled.measures import measured
from unrolled.probes import probing
from unrolled.task import Case, Task, Value


@dataclass(frozen=True)
class Vary:
    """One case of a function: which sizes it has and what it is for.

    `zero` sets the named inputs to zero, `dtype` casts every float, `layout` is
    "contiguous" or "strided", `raises` names the error that the inputs must meet,
    `rtol` is how close is right where the usual bound is too narrow;
    `sizes` go to the case function as keywords.
    """

    name: str
    aspect: str
    zero: tuple[str, ...]
    dtype: Any
    layout: str
    raises: str
    rtol: float | None
    sizes: Mapping[str, Any] = field(default_factory=dict)

    def __init__(
        self,
        name: str,
        aspect: str = "values",
        zero: tuple[str, ...] = (),
        dtype: Any = None,
        layout: str = "contiguous",
        raises: str = "",
        rtol: float | None = None,
        **sizes: Any,
    ) -> None:
        for key, value in (
            ("name", name),
            ("aspect", aspect),
            ("zero", zero),
            ("dtype", dtype),
            ("layout", layout),
            ("raises", raises),
            ("rtol", rtol),
            ("sizes", sizes),
        ):
            object.__setattr__(self, key, value)


def batch_and_sizes(*others: str, **ones: int) -> tuple[Vary, ...]:
    """The odd shapes that every recurrent function must survive: each size of one,
    all sizes equal (`others` too), a non-contiguous input, and float32."""
    equal = dict.fromkeys((*others, *ones), 3)
    return (
        *(_sized(f"{name}={n}", {name: n}) for name, n in ones.items()),
        _sized("all sizes 3", equal),
        Vary("strided input", "shapes", layout="strided"),
        Vary("float32", "purity", dtype=np.float32),
    )


def _sized(name: str, sizes: dict[str, Any]) -> Vary:
    return Vary(name, "shapes", **sizes)


def build(
    task: Task,
    vary: Vary,
    draw: Callable[..., dict[str, Value]],
    rng: np.random.Generator,
    reference: Mapping[str, Callable[..., Any]],
    before: Task | None,
) -> Case:
    """Draw one case and ask the reference what is right."""
    inputs = draw(rng, **vary.sizes)
    inputs = {k: _cast(v, vary.dtype) for k, v in inputs.items()}
    for name in vary.zero:
        inputs[name] = np.zeros_like(inputs[name])
    arguments = {name: copy(value) for name, value in inputs.items()}
    arguments |= {name: named(inputs[name]) for name in task.functions}
    cache, before_expected = None, {}
    if before is not None:
        *outputs, cache = reference[before.name](*(arguments[a] for a in before.args))
        before_expected = dict(zip(before.arrays, outputs, strict=True))
        arguments["cache"] = cache
    asked = probing(task.probe, reference[task.name])
    call = partial(asked, *(arguments[name] for name in task.args))
    expected = _refused(vary, call) if vary.raises else _right(task, inputs, call())
    return Case(
        name=vary.name,
        aspect=vary.aspect,
        inputs=inputs,
        expected=expected,
        rtol=vary.rtol or (1e-6 if vary.dtype is None else 1e-4),
        layout=vary.layout,
        cache=plain(cache),
        before_expected=before_expected,
        raises=vary.raises,
    )


def _refused(vary: Vary, call: Callable[[], Any]) -> dict[str, np.ndarray]:
    """Nothing, if the reference raises what it must."""
    try:
        call()
    except Exception as error:
        if type(error).__name__ == vary.raises:
            return {}
    raise AssertionError(f"the reference does not raise {vary.raises}: {vary.name}")


def _right(task: Task, inputs: Mapping[str, Value], value: Any) -> dict[str, Any]:
    """What the reference returned, or the properties that it must have: all."""
    found = _expected(task, measured(task, inputs, value))
    if task.measure and not all(found.values()):
        raise ValueError(f"The reference of {task.name} lacks a property: {found}.")
    return found


def _expected(task: Task, value: Any) -> dict[str, np.ndarray]:
    if task.as_dict:
        return {name: np.asarray(value[name]) for name in task.arrays}
    items = value if isinstance(value, tuple) else (value,)
    found: dict[str, Any] = {}
    for name, item in zip(task.returns, items, strict=True):
        found.update(item if name in task.keys else {name: item})
    return {name: np.asarray(found[name]) for name in task.arrays}


def _cast(value: Value, dtype: Any) -> Value:
    if isinstance(value, dict):
        return {key: _cast(item, dtype) for key, item in value.items()}
    if isinstance(value, list):
        return [_cast(item, dtype) for item in value]
    floats = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value.astype(dtype) if dtype is not None and floats else value
