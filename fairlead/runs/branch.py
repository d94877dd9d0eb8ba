"""Where in an agent's code a step happens: the lineage of tasks, not the order in which they ran.

    root ""  ──gather──►  "fetch.0"  ──TaskGroup──►  "fetch.0/parse.0", "fetch.0/parse.1"
                          "fetch.1"

A task factory gives each new task its parent's path and the count of that parent's children of the same name so far.
Branches running side by side have paths of their own, so equal steps in them are never mistaken for each other.
Counting by name keeps a library's own tasks from shifting the author's.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Generator
from hashlib import blake2b
from typing import Any

_CURRENT: contextvars.ContextVar[Branch] = contextvars.ContextVar("fairlead_branch")
INSIDE = "in:"


class Branch:
    """One line of execution of one run; counts its children and its equal steps."""

    __slots__ = ("_children", "_living", "_ordinals", "path")

    def __init__(self, path: str = "", living: dict[str, int] | None = None) -> None:
        self.path = path
        self._children: dict[str, int] | None = None
        self._ordinals: dict[str, int] | None = None
        self._living = {} if living is None else living

    def child(self, name: str) -> Branch:
        if self._children is None:
            self._children = {}
        number = self._children.get(name, 0)
        self._children[name] = number + 1
        path = f"{self.path}/{name}.{number}" if self.path else f"{name}.{number}"
        self._living[path] = 1
        return Branch(path, self._living)

    def inside(self, key: str) -> Branch:
        """Where the steps within a step happen: a tool that asks a model, say. They go with it when it is replayed."""
        path = f"{self.path}/{INSIDE}{key}" if self.path else f"{INSIDE}{key}"
        self._living[path] = 1
        return Branch(path, self._living)

    def ended(self, path: str) -> None:
        self._living.pop(path, None)

    def lives(self, path: str) -> bool:
        """Whether a task below us is still at work on `path`, or may yet start it."""
        below = f"{self.path}/" if self.path else ""
        return any(one.startswith(below) and (path == one or path.startswith(f"{one}/")) for one in self._living)

    def key(self, kind: str, name: str, digest: str) -> str:
        """The key of the next step that is exactly this one, in this branch."""
        what = f"{kind}|{name}|{digest}"
        if self._ordinals is None:
            self._ordinals = {}
        ordinal = self._ordinals.get(what, 0)
        self._ordinals[what] = ordinal + 1
        return blake2b(f"{self.path}|{what}|{ordinal}".encode(), digest_size=12).hexdigest()


def current() -> Branch | None:
    return _CURRENT.get(None)


def enter(branch: Branch) -> None:
    """From here on, this task and its children work in `branch`."""
    _CURRENT.set(branch)


def install(loop: asyncio.AbstractEventLoop) -> None:
    """Let every task that a run starts know its branch. Tasks outside runs are left alone."""
    if loop.get_task_factory() is not _task:
        loop.set_task_factory(_task)  # pyright: ignore[reportArgumentType]


def _task(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    *,
    context: contextvars.Context | None = None,
    **options: Any,
) -> asyncio.Task[Any]:
    parent = _CURRENT.get(None) if context is None else context.get(_CURRENT)
    if parent is None:
        return asyncio.Task(coro, loop=loop, context=context, **options)
    branch = parent.child(getattr(coro, "__name__", "task"))
    context = contextvars.copy_context() if context is None else context.copy()
    context.run(_CURRENT.set, branch)
    options.pop("eager_start", None)  # an eager task would run before its branch is known to its parent
    task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, context=context, **options)
    task.add_done_callback(lambda _: branch.ended(branch.path))
    return task
