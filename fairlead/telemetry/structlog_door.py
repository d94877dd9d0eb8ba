"""What agents say through structlog. It is made ours when somebody loads it, and not loaded for that: with rich, which
it brings, it took 4 MB of every process and 40 ms of its start.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from fairlead.telemetry.bound import shared_with

_NAME = "structlog"


def hand_over_structlog(hand_over: Callable[..., Any], level: int) -> None:
    """Every line of structlog's from `level` on goes to `hand_over`, which takes what a processor of structlog does."""

    def configure() -> None:
        structlog: Any = import_module(_NAME)
        theirs = structlog.contextvars
        theirs._CONTEXT_VARS = shared_with(theirs._CONTEXT_VARS)

        def processor(logger: Any, method: str, fields: Any) -> Any:
            hand_over(method, fields)
            raise structlog.DropEvent

        structlog.configure(
            processors=[processor],
            wrapper_class=structlog.make_filtering_bound_logger(level),
            cache_logger_on_first_use=False,
        )

    if _NAME in sys.modules:
        configure()
    else:
        sys.meta_path.insert(0, _Waiting(configure))


class _Waiting(MetaPathFinder):
    """For whoever imports structlog. It stays: some only ask whether structlog is there."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _NAME:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Then(spec.loader, self._then)
        return spec


class _Then(Loader):
    """Loads as another does, and then does something."""

    def __init__(self, loader: Loader, then: Callable[[], None]) -> None:
        self._loader = loader
        self._then = then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader  # who looks for its files finds them
        self._loader.exec_module(module)
        self._then()
