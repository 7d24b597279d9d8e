"""Run one question on a student's functions and write down what came back.

The same code runs in the student's notebook and inside the grader's sandbox, so
both see a submission alike. It judges nothing: it calls, copies and reports.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import traceback
import warnings
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import numpy as np

from unrolled.functions import named
from unrolled.probes import probing
from unrolled.task import Value

StandIn = Callable[[str, list[Value]], Value]

MAX_TEXT = 500
MAX_DEPTH = 6
MAX_NODES = 20_000


class _Stop(Exception):
    """Ends a question early with the answer that says why."""

    def __init__(self, **answer: Value) -> None:
        super().__init__(answer.get("status"))
        self.answer = answer


def answer(
    question: Mapping[str, Value],
    namespace: MutableMapping[str, Any],
    stand_in: StandIn | None = None,
) -> dict[str, Value]:
    """Answer `question` with the functions in `namespace`.

    Returns a dict of wire values: `status` is "ok", "error", "stub" or "missing";
    `where` says in which part ("before", "call", "value"); `value` is what the
    function returned, `after` its array arguments after the call, `again` what a
    second call on the same cache returned (`again_error` if it raised).
    """
    for name in question.get("stand_ins", ()):
        namespace[name] = _Proxy(name, stand_in, namespace.get(name))
    with _quiet():
        try:
            return _answer(question, namespace)
        except _Stop as stop:
            return stop.answer


def _answer(question: Mapping[str, Value], namespace: Mapping[str, Any]) -> dict:
    inputs, layout = question["inputs"], question.get("layout", "contiguous")
    cache = _cache(question, namespace)

    def arguments() -> list:
        fresh = {name: copy(inputs[name], layout) for name in inputs}
        for name in question.get("functions", ()):
            fresh[name] = named(inputs[name])
        return [cache if name == "cache" else fresh[name] for name in question["args"]]

    args, probe = arguments(), question.get("probe", "")
    value = _call(question["call"], args, namespace, "call", probe)
    found: dict[str, Value] = {
        "status": "ok",
        "function": question["call"],
        "value": _kept(value, question, "value"),
        "after": {
            name: _safe(arg)
            for name, arg in zip(question["args"], args, strict=True)
            if name != "cache"
        },
        "again": None,
    }
    if question.get("twice"):
        try:
            again = _call(question["call"], arguments(), namespace, "again", probe)
            found["again"] = _kept(again, question, "again")
        except _Stop as stop:
            found["again_error"] = stop.answer.get("error", stop.answer["status"])
    return found


def _cache(question: Mapping[str, Value], namespace: Mapping[str, Any]) -> Any:
    """What the student's own forward returned, or the cache that was sent along."""
    before = question.get("before")
    if before is None:
        return copy(question["inputs"].get("cache"))
    args = [copy(question["inputs"][name]) for name in before["args"]]
    value = _call(before["call"], args, namespace, "before")
    if not isinstance(value, (tuple, list)) or len(value) < 2:
        raise _Stop(
            status="error",
            where="value",
            function=before["call"],
            error=f"TypeError: {_kind(value)} came back",
        )
    return value[-1]


def _call(
    name: str, args: list, namespace: Mapping[str, Any], where: str, probe: str = ""
) -> Any:
    function = namespace.get(name)
    if not callable(function):
        raise _Stop(status="missing", where=where, function=name)
    try:
        return probing(probe, function)(*args)
    except NotImplementedError as error:
        status = "stub" if not _callee(error, function) else "error"
        raise _Stop(status=status, where=where, function=name, **_told(error)) from None
    except Exception as error:  # whatever a student's code raises is an answer
        raise _Stop(
            status="error", where=where, function=name, **_told(error)
        ) from None


def _callee(error: BaseException, function: Any) -> bool:
    """Whether a stub deeper down raised, rather than `function` itself."""
    frames = traceback.extract_tb(error.__traceback__)
    a_class = isinstance(function, type)
    own = vars(function) if a_class else (getattr(function, "__name__", ""),)
    return frames[-1].name not in own


def _told(error: BaseException) -> dict[str, Value]:
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if f.filename != __file__]
    cells = [f for f in theirs if f.filename[:1] == "<" or "ipykernel_" in f.filename]
    text = str(error)[:MAX_TEXT]
    if not theirs:  # the call itself failed, and its line is not the student's
        return {"error": f"{type(error).__name__}: {text}"}
    last = (cells or theirs)[-1]
    return {
        "error": f"{type(error).__name__}: {text}",
        "line": last.lineno,
        "code": (last.line or "")[:MAX_TEXT],
        "inside": last.name[:MAX_TEXT],
    }


def _kept(value: Any, question: Mapping[str, Value], where: str) -> Value:
    """The returned items that are compared, as wire values."""
    keep = question["keep"]
    try:
        listed = len(keep) > 1 and isinstance(value, (tuple, list))
        if listed and len(value) == len(keep):
            kept = [v for v, k in zip(value, keep, strict=True) if k]
            value = kept if len(kept) > 1 else kept[0]
        elif not all(keep):  # what is dropped has to be there, too
            raise TypeError(f"{_kind(value)} came back")
        return plain(value)
    except TypeError as error:
        raise _Stop(
            status="error",
            where=where,
            function=question["call"],
            error=f"TypeError: {error}",
        ) from None


def plain(value: Any, depth: int = 0) -> Value:
    """`value` as a wire value: arrays copied, tuples as lists; TypeError if it is
    anything else."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (list, tuple, dict)) and depth < MAX_DEPTH:
        if len(value) > MAX_NODES:
            raise TypeError(f"a {type(value).__name__} of {len(value)} items came back")
        if isinstance(value, dict):
            return {str(key): plain(item, depth + 1) for key, item in value.items()}
        return [plain(item, depth + 1) for item in value]
    if type(value).__module__.split(".")[0] == "torch" and hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.array(value, copy=True, order="C", subok=False)
        if array.dtype.kind in "biuf":
            return array
        raise TypeError(f"an array of dtype {array.dtype} came back")
    raise TypeError(f"{_kind(value)} came back where an array belongs")


def _safe(value: Any) -> Value:
    try:
        return plain(value)
    except TypeError:
        return None


def copy(value: Value, layout: str = "contiguous") -> Value:
    """A deep copy; layout "strided" puts each array into a non-contiguous view."""
    if isinstance(value, dict):
        return {key: copy(item, layout) for key, item in value.items()}
    if isinstance(value, list):
        return [copy(item, layout) for item in value]
    if not isinstance(value, np.ndarray):
        return value
    if layout == "strided" and value.ndim:
        roomy = np.zeros((*value.shape[:-1], 2 * value.shape[-1]), value.dtype)
        roomy[..., ::2] = value
        return roomy[..., ::2]
    return value.copy()


def _kind(value: Any) -> str:
    """What it is, with its article."""
    if isinstance(value, np.ndarray):
        return "an array"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)} items"
    return "nothing (None)" if value is None else f"a {type(value).__name__}"


class _Proxy:
    """Stands in for a function that the grader answers for."""

    def __init__(self, name: str, stand_in: StandIn | None, own: Any = None) -> None:
        self.__name__ = name
        self._stand_in = stand_in
        # the student's function: it knows its arguments' names
        self._own: Any = own._own if isinstance(own, _Proxy) else own

    def __call__(self, *args: Any, **kwargs: Any) -> Value:
        if self._stand_in is None:
            raise NotImplementedError(self.__name__)
        if kwargs and callable(self._own):
            args = inspect.signature(self._own).bind(*args, **kwargs).args
            kwargs = {}
        values = [plain(a) for a in (*args, *kwargs.values())]
        value = self._stand_in(self.__name__, values)
        return tuple(value) if isinstance(value, list) else value


@contextlib.contextmanager
def _quiet():
    """Prints and warnings of a student's code never cost a mark."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            yield
