"""torch's compiler, imported by those who compile.

An optimiser's first step imports `torch._dynamo` (100 MB, a second or more) only to ask
that the step not be compiled. Where nothing is compiled, that is answered here; for any
other name, or a module below it, the real one is imported and takes its place.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

NAME = "torch._dynamo"
KEPT = "__dynamo_disable"  # where torch keeps the answer to `disable`, on the function


def put_off() -> None:
    """From now on `torch._dynamo` is imported when somebody compiles."""
    if NAME not in sys.modules:
        sys.modules[NAME] = absent = _Absent(NAME)
        sys.meta_path.insert(0, _Below(absent))


class _Absent(ModuleType):
    """Stands for `torch._dynamo`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []
        self._answered: list[Callable[..., Any]] = []

    def disable(self, fn: Any = None, recursive: bool = True, **how: Any) -> Any:
        if fn is None or not recursive:
            return self._real().disable(fn, recursive, **how)
        self._answered.append(fn)
        return fn

    def graph_break(self, msg: str = "") -> None:
        """Nothing is being compiled."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system's own questions
            raise AttributeError(name)
        return getattr(self._real(), name)

    def _real(self) -> ModuleType:
        if sys.modules.get(NAME) is self:
            del sys.modules[NAME]
            for fn in self._answered:
                vars(fn).pop(KEPT, None)
        return importlib.import_module(NAME)


class _Below(MetaPathFinder):
    """Finds a module below `torch._dynamo`: first comes the real package."""

    def __init__(self, absent: _Absent) -> None:
        self._absent = absent

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if not name.startswith(f"{NAME}."):
            return None
        sys.meta_path.remove(self)
        self._absent._real()
        there = sys.modules.get(name)
        return ModuleSpec(name, _There(there)) if there else find_spec(name)


class _There(Loader):
    """Loads what is loaded."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, _: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
