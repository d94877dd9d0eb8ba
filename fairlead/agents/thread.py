"""Run a sync function without blocking the loop.

A daemon thread for each call: a function that never returns is abandoned, not waited for, and
neither fills a pool nor keeps the process from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar

T = TypeVar("T")


async def in_thread(fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """What `fn(*args, **kwargs)` returns or raises, with the caller's context variables.

    When the caller is cancelled the thread is abandoned: it goes on, and its result is dropped.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()
    context = copy_context()

    def work() -> None:
        try:
            result = context.run(fn, *args, **kwargs)
        except BaseException as error:  # noqa: BLE001 the caller's error, whatever it is: hand it over
            _deliver(loop, _fail, answer, error)
        else:
            _deliver(loop, _succeed, answer, result)

    threading.Thread(target=work, daemon=True, name=f"fairlead {getattr(fn, '__name__', 'call')}").start()
    return await answer


def _deliver(loop: asyncio.AbstractEventLoop, how: Callable[..., None], *args: Any) -> None:
    try:
        loop.call_soon_threadsafe(how, *args)
    except RuntimeError:
        pass  # the loop is closed: nobody waits any more


def _succeed(answer: asyncio.Future[T], result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: asyncio.Future[T], error: BaseException) -> None:
    if answer.done():
        return
    if isinstance(error, StopIteration):  # a future refuses to carry one
        wrapped = RuntimeError("The function raised StopIteration.")
        wrapped.__cause__ = error
        error = wrapped
    answer.set_exception(error)
