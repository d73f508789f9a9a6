"""Modules of libraries that are run only where something in them is used.

To import a module is to run it, and libraries import much that most pictures never need: texts of
documentation, tags of formats that are not read. A lazy module is found when it is imported, but
run at the first look at anything in it, if ever. What is set in it before that is lost.

Source: PEP 810, explicit lazy imports; importlib.util.LazyLoader, which runs a module when it is
imported again, and before Python 3.12 shows one half run to a second thread.
"""

import sys
from collections.abc import Collection, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType
from typing import Any


def imports(names: Collection[str]) -> None:
    """Make the imports of some modules lazy, for the rest of the process.

    Args:
        names: Full names, of modules that others do without until they look into them.
    """
    sys.meta_path.insert(0, _Finder(names))


class _Finder:
    """Finds modules of these names where Python does, and makes them lazy."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module is; None for any other, and where Python has it elsewhere."""
        if name not in self._names:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            # Loader, the base of all others, would do nothing, and is one import more.
            spec.loader = _Once(spec.loader)  # type: ignore[assignment]
        return spec


class _Once:
    """Loads a module without running it, and later runs it once.

    Args:
        loader: Its own.
    """

    def __init__(self, loader: Any) -> None:
        self.create_module = loader.create_module
        self._loader = loader
        self._lock = RLock()
        self._begun = False

    def exec_module(self, module: ModuleType) -> None:
        """Leave a module to be run at the first look."""
        spec = module.__spec__
        assert spec is not None  # it was found by one
        spec.loader = module.__loader__ = self._loader
        spec.loader_state = self
        module.__class__ = _Lazy

    def run(self, module: ModuleType) -> None:
        """Run a module unless it has been; threads wait for the one that does."""
        with self._lock:
            if self._begun:  # it has ended, or this very thread is in it
                return
            self._begun = True
            try:
                self._loader.exec_module(module)
            except BaseException:
                self._begun = False
                raise
            module.__class__ = ModuleType


class _Lazy(ModuleType):
    """A module that has not been run."""

    def __getattribute__(self, name: str) -> Any:
        """Run the module, unless it is only being imported; return what it has."""
        # Of no `super()`: another thread may have run the module, so that it is lazy no more.
        if name != "__spec__":  # which every import looks at
            ModuleType.__getattribute__(self, "__spec__").loader_state.run(self)
        return ModuleType.__getattribute__(self, name)
