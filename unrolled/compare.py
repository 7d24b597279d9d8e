"""Compare what came back with what the reference returned: arrays, by value.

A comparison that NaN, a wrong shape or a missing array could slip through would
be worse than none, so each is a fault of its own kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unrolled.seal import seal
from unrolled.task import Case, Task, Value

# kinds of faults that leave no arrays to compare
FORMLESS = ("structure", "missing", "not_an_array")


@dataclass(frozen=True)
class Fault:
    """The first thing that is wrong with one array.

    kind: "structure", "missing", "not_an_array", "shape", "nan", "value" or "refusal".
    `harmless` marks a fault of form only: the values are right.
    """

    kind: str
    array: str
    text: str
    index: tuple[int, ...] = ()
    step: int | None = None
    got: float | None = None
    expected: float | None = None
    harmless: bool = False


def arrays_of(task: Task, value: Value) -> tuple[dict[str, Value], Fault | None]:
    """The returned arrays by name; tuples for dicts and lists are read by value."""
    names, closed = task.arrays, _closed(task, value)
    if closed:
        return {}, closed
    value = _opened(task, value)
    if isinstance(value, dict) and "cache" in task.returns:
        return {}, _unless_array(names[0], value)
    if isinstance(value, dict):
        missing = [name for name in names if value.get(name) is None]
        if missing:
            return {}, Fault(
                "missing",
                missing[0],
                f"{missing[0]} is missing: what came back has "
                f"{_listed(value) or 'no keys'}",
            )
        return {name: value[name] for name in names}, None
    if len(names) == 1 and not (task.as_dict and isinstance(value, list)):
        return {names[0]: value}, _unless_array(names[0], value)
    if isinstance(value, list) and len(value) == len(names):
        found = dict(zip(names, value, strict=True))
        for name, item in found.items():
            fault = _unless_array(name, item)
            if fault:
                return {}, fault
        return found, None
    came = "nothing (None)" if value is None else _described(value)
    text = f"expected {task.form}, but {came} came back"
    return {}, Fault("structure", names[0], text)


def _closed(task: Task, value: Value) -> Fault | None:
    """A returned item that should be a dict and is none."""
    if not isinstance(value, list) or len(value) != len(task.returns):
        return None
    for name, item in zip(task.returns, value, strict=True):
        keys = task.keys.get(name, ())
        listed = isinstance(item, list) and len(item) == len(keys)
        if keys and not isinstance(item, dict) and not listed:
            wants = f"a dict with the keys {', '.join(keys)}"
            text = f"{name} is {_described(item)}, expected {wants}"
            return Fault("structure", keys[0], text)
    return None


def _opened(task: Task, value: Value) -> Value:
    """[loss, {"dW_xh": ...}] as one dict, where the task returns a dict inside."""
    if not task.keys or not isinstance(value, list):
        return value
    if len(value) != len(task.returns):
        return value
    found: dict[str, Value] = {}
    for name, item in zip(task.returns, value, strict=True):
        keys = task.keys.get(name)
        if keys and isinstance(item, list) and len(item) == len(keys):
            item = dict(zip(keys, item, strict=True))
        found.update(item if keys and isinstance(item, dict) else {name: item})
    return found


def _unless_array(name: str, value: Value) -> Fault | None:
    if value is None:
        return Fault("not_an_array", name, f"{name} is None, expected an array")
    if isinstance(value, (str, dict)):
        text = f"{name} is {_described(value)}, expected an array"
        return Fault("not_an_array", name, text)
    return None


def _listed(value: Mapping[str, Value]) -> str:
    return ", ".join(sorted(value)[:8])


def _described(value: Value) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, list):
        return f"{len(value)} items"
    if isinstance(value, dict):
        return f"a dict with the keys {_listed(value)}"
    return f"a {type(value).__name__}"


def compare(
    name: str, got: Value, expected: np.ndarray, rtol: float, task: Task
) -> Fault | None:
    """None if `got` equals `expected` to `rtol` of its largest entry."""
    expected = np.asarray(expected)
    try:
        array = np.asarray(got, dtype=None)
    except ValueError:
        return Fault("not_an_array", name, f"{name} is a ragged list, not an array")
    if array.dtype.kind not in "biuf":
        return Fault("not_an_array", name, f"{name} holds no numbers")
    if array.shape != expected.shape:
        return _shape_fault(name, array, expected, rtol, task)
    return _value_fault(name, array, expected, rtol, task)


def _shape_fault(
    name: str, array: np.ndarray, expected: np.ndarray, rtol: float, task: Task
) -> Fault:
    text = f"{name} has shape {array.shape}, expected {expected.shape}"
    same = array.size == expected.size and _squeezed(array) == _squeezed(expected)
    if same and not _value_fault(
        name, array.reshape(expected.shape), expected, rtol, task
    ):
        return Fault("shape", name, f"{text}; its values are right", harmless=True)
    return Fault("shape", name, text)


def _squeezed(array: np.ndarray) -> tuple[int, ...]:
    return tuple(n for n in array.shape if n != 1)


def close(got: np.ndarray, expected: np.ndarray, rtol: float) -> np.ndarray:
    """Elementwise; never True where `got` is not finite, but for the NaN of a value
    that is missing in `expected` as well.

    The scale is that of the whole array: an entry that nearly cancels is not
    held to more digits than its neighbours.
    """
    missing = np.isnan(expected)
    scale = np.max(np.abs(expected), initial=0.0, where=~missing)
    with np.errstate(all="ignore"):
        near = np.abs(got - expected) <= rtol * (scale if scale > 0 else 1.0)
    return (near & np.isfinite(got)) | (missing & np.isnan(got))


def _value_fault(
    name: str, array: np.ndarray, expected: np.ndarray, rtol: float, task: Task
) -> Fault | None:
    wide = array.astype(np.float64)
    wrong = ~close(wide, expected.astype(np.float64), rtol)
    if not wrong.any():
        return None
    if task.measure:
        lacks = f"what came back lacks a property: {name.replace('_', ' ')}"
        return Fault("value", name, lacks)
    index = _first(wrong, name, task)
    got, want = float(wide[index]), float(expected[index])
    step = int(index[0]) if name in task.over_time and index else None
    missing = np.isnan(expected.astype(np.float64))
    if not np.isfinite(wide[~missing]).all():
        bad = "NaN" if np.isnan(wide[~missing]).any() else "infinite numbers"
        return Fault("nan", name, f"{name} has {bad}", index, step, got, want)
    if not np.isnan(wide[missing]).all():
        text = f"{name} has numbers where a missing value stays NaN"
        return Fault("value", name, text, index, step, got, want)
    hint = _pattern(wide, expected)
    text = f"{name} is wrong" + (f": {hint}" if hint else "")
    return Fault("value", name, text, index, step, got, want)


def _first(wrong: np.ndarray, name: str, task: Task) -> tuple[int, ...]:
    """The first wrong index, in the order in which a run computes it."""
    if task.backward and name in task.over_time:
        back = np.argwhere(wrong[::-1])[0]
        return (len(wrong) - 1 - int(back[0]), *map(int, back[1:]))
    return tuple(int(i) for i in np.argwhere(wrong)[0])


def _pattern(got: np.ndarray, expected: np.ndarray) -> str:
    """A relation to the right array that says more than two numbers do."""
    if not got.any():
        return "all of it is zero" if got.ndim else ""
    square = got.ndim == 2 and got.shape[0] == got.shape[1] > 1
    if square and close(got.T, expected, 1e-9).all():
        return "it is the transpose of the right array"
    nonzero = np.abs(expected) > 1e-9 * np.max(np.abs(expected), initial=0.0)
    if nonzero.sum() < 2:
        return ""
    ratio = got[nonzero] / expected[nonzero]
    if not close(got, ratio.flat[0] * expected, 1e-9).all():
        return ""
    factor = float(ratio.flat[0])
    if abs(factor) < 1e-300:  # next to nothing, where all of it is not quite zero
        return ""
    if abs(factor + 1) < 1e-9:
        return "it has the wrong sign"
    inverse = 1 / factor
    if abs(inverse - round(inverse)) < 1e-7 and abs(inverse) > 1:
        return f"it is 1/{round(inverse)} of the right array"
    return f"it is {factor:.6g} times the right array"


def settled(case: Case, answer: Mapping[str, Value]) -> Mapping[str, Value]:
    """An error where one is asked for is an answer like others, right or wrong; and
    where the right answers are sealed, so is what came back."""
    if case.sealed and answer["status"] == "ok":
        return {
            **answer,
            "value": seal(answer["value"]),
            "again": seal(answer["again"]),
        }
    if not case.raises or answer["status"] != "error" or answer["where"] != "call":
        return answer
    kind = str(answer["error"]).partition(":")[0]
    return {**answer, "status": "ok", "raised": kind, "value": None, "after": {}}


def _refusal(task: Task, case: Case, answer: Mapping[str, Value]) -> dict[str, Fault]:
    """What is wrong with the answer to inputs that must be refused."""
    raised = answer.get("raised", "")
    if raised == case.raises:
        return {}
    did = "raises another error" if raised else "gives a result"
    text = f"{task.name} {did} where it must raise {case.raises}"
    return {task.arrays[0]: Fault("refusal", task.arrays[0], text)}


def faults(task: Task, case: Case, answer: Mapping[str, Value]) -> dict[str, Fault]:
    """The faulty arrays of an answer whose status is "ok", by name."""
    if case.raises:
        return _refusal(task, case, answer)
    arrays, fault = arrays_of(task, answer["value"])
    if fault:
        return {fault.array: fault}
    found = {
        name: compare(name, arrays[name], case.expected[name], case.rtol, task)
        for name in task.arrays
    }
    return {name: fault for name, fault in found.items() if fault}


def changed_inputs(case: Case, answer: Mapping[str, Value]) -> list[str]:
    """The inputs that the call modified, by name."""
    return [
        name
        for name, after in answer["after"].items()
        if name in case.inputs and after is not None
        if not _same(after, case.inputs[name])
    ]


def _same(one: Value, other: Value) -> bool:
    if isinstance(other, dict) and isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(other, list):
        same_length = isinstance(one, list) and len(one) == len(other)
        return same_length and all(map(_same, one, other))
    if not isinstance(other, np.ndarray):
        return True  # a number or a text: nothing that a call could change
    array = _numbers(one)  # a list of texts is not an array, and NumPy would raise
    return array is not None and np.array_equal(array, other, equal_nan=True)


def again_fault(task: Task, case: Case, answer: Mapping[str, Value]) -> str:
    """ "" if a second call gave the same, else "error" or "differs"."""
    if case.raises or task.trains:
        return ""
    if answer.get("again_error"):
        return "error"
    first, fault = arrays_of(task, answer["value"])
    second, fault2 = arrays_of(task, answer["again"])
    if fault or fault2:
        return "differs" if bool(fault) != bool(fault2) else ""
    for name in task.arrays:
        array = _numbers(first[name])
        if array is None or not np.isfinite(array).all():
            continue
        if compare(name, second[name], array, 1e-9, task):
            return "differs"
    return ""


def _numbers(value: Value) -> np.ndarray | None:
    """`value` as an array of numbers; None if it is none."""
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        return None
    return array if array.dtype.kind in "biuf" else None


def dtype_faults(task: Task, case: Case, answer: Mapping[str, Value]) -> dict[str, str]:
    """The arrays whose float dtype does not follow the inputs': name -> dtype."""
    wanted = {
        v.dtype
        for v in _leaves(dict(case.inputs))
        if isinstance(v, np.ndarray) and v.dtype.kind == "f"
    }
    arrays, fault = arrays_of(task, answer["value"])
    if fault or len(wanted) != 1:
        return {}
    dtype = wanted.pop()
    found = {name: _numbers(value) for name, value in arrays.items()}
    return {
        name: str(array.dtype)
        for name, array in found.items()
        # a Python float is a loss's natural form, whatever the arrays are
        if array is not None and array.ndim
        if array.dtype.kind == "f" and array.dtype != dtype
    }


def _leaves(value: Value) -> list[Value]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [value]


def deviation(task: Task, case: Case, answer: Mapping[str, Value]) -> dict[str, Value]:
    """How an answer differs from the right one: {} if it does not.

    Known bugs are stored as deviations, and a student's are matched with them. In
    a case of aspect "values" wrong arrays are kept whole; elsewhere their names do.
    """
    answer = settled(case, answer)
    if answer["status"] != "ok":
        kind = answer.get("error", answer["status"]).split(":")[0]
        return {"error": kind, "where": answer.get("where", "")}
    found: dict[str, Value] = {}
    wrong = faults(task, case, answer)
    if any(f.kind in FORMLESS for f in wrong.values()):
        return {"structure": sorted(wrong)}
    if wrong and case.raises:
        found["wrong"] = answer.get("raised", "a result")
    elif wrong and case.aspect == "values":
        arrays, _ = arrays_of(task, answer["value"])
        found["wrong"] = {n: np.asarray(arrays[n], dtype=float) for n in wrong}
    elif wrong:
        found["wrong"] = sorted(wrong)
    if changed := changed_inputs(case, answer):
        found["changed"] = changed
    if again := again_fault(task, case, answer):
        found["again"] = again
    if case.aspect == "purity" and (kinds := dtype_faults(task, case, answer)):
        found["dtype"] = kinds
    return found


def same_deviation(one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    if one.keys() != other.keys():
        return False
    return all(_alike(one[key], other[key]) for key in one)


def _alike(one: Value, other: Value) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[k], other[k]) for k in one)
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.shape != other.shape:
            return False
        finite = np.isfinite(other)
        if not np.array_equal(finite, np.isfinite(one)):
            return False
        return bool(close(one[finite], other[finite], 1e-5).all())
    return bool(one == other)
