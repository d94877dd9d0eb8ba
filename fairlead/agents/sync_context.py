"""A run's context for sync callables: the same methods, blocking.

The callable runs in a thread; each method runs on the loop, where the engine lives. Not a twin of
Context: one generic wrapper of whatever it offers.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Bridge:
    """Carries calls from a thread to the loop, until it is closed."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._open: dict[concurrent.futures.Future[Any], None] = {}
        self._closed = False

    def call(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What `fn` gives on the loop, awaited if it must be. Raises CancelledError once closed."""
        return self.wait(_await(fn, args, kwargs))

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """The same for a coroutine."""
        try:
            return self.send(work).result()
        except concurrent.futures.CancelledError:
            # asyncio's is no Exception, so `except Exception` in the callable does not swallow it.
            raise asyncio.CancelledError("The run was stopped.") from None

    def send(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Lets the loop do the work, from whatever thread. Raises CancelledError once closed."""
        if self._closed:
            work.close()
            raise asyncio.CancelledError("The run no longer waits for this thread.")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._open[future] = None
        future.add_done_callback(lambda done: self._open.pop(done, None))
        if self._closed:  # closed since we looked
            future.cancel()
        return future

    def close(self) -> None:
        """Let an abandoned thread do nothing more: its open calls are cancelled, further ones refused."""
        self._closed = True
        for future in tuple(self._open):
            future.cancel()


class SyncContext:
    """Looks like what it wraps, but its methods block."""

    __slots__ = ("_bridge", "_wrapped")

    def __init__(self, wrapped: Any, bridge: Bridge) -> None:
        self._wrapped = wrapped
        self._bridge = bridge

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _blocking(getattr(self._wrapped, name), self._bridge)

    def __repr__(self) -> str:
        return f"SyncContext({self._wrapped!r})"


def _blocking(value: Any, bridge: Bridge) -> Any:
    if inspect.isroutine(value):

        def call(*args: Any, **kwargs: Any) -> Any:
            return _blocking(bridge.call(value, *args, **kwargs), bridge)

        return call
    return SyncContext(value, bridge) if _is_async(cast("type[Any]", type(value))) else value


def _is_async(kind: type) -> bool:
    """Whether it has methods that must be awaited, as a child run or the memory has."""
    return any(inspect.iscoroutinefunction(member) for name, member in vars(kind).items() if not name.startswith("_"))


async def _await(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    result = fn(*args, **kwargs)
    return await result if inspect.isawaitable(result) else result
