from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import pytest

from fairlead.agents import Done, NotDone, Tool, ToolContext, Unknown, check_outcome, invoke, tool
from fairlead.errors import InvalidInput, ToolFailed, ToolTimeout

SOON = timedelta(milliseconds=20)


async def run(one: Tool, **arguments: Any) -> Any:
    return await invoke(one, arguments, idempotency_key="key-1", run_id="run-1", input={"path": "/x"})


async def test_sync_and_async_tools_give_their_result_as_plain_json() -> None:
    @tool
    def in_a_thread(a: int) -> Any:
        return (a, threading.current_thread() is threading.main_thread())

    @tool
    async def on_the_loop(a: int) -> Any:
        return {"a": (a,)}

    assert await run(in_a_thread, a=1) == [1, False]
    assert await run(on_the_loop, a=1) == {"a": [1]}


async def test_a_tool_may_know_the_call_it_is_in() -> None:
    logged: list[Any] = []

    @tool
    def look(a: int, ctx: ToolContext) -> Any:
        ctx.log("looked", a=a)
        return [ctx.idempotency_key, ctx.run_id, ctx.input]

    arguments = {"a": 1}
    given = {"idempotency_key": "k", "run_id": "r", "input": 5}
    result = await invoke(look, arguments, **given, log=lambda event, **fields: logged.append((event, fields)))
    assert result == ["k", "r", 5]
    assert logged == [("looked", {"a": 1})]
    assert arguments == {"a": 1}


async def test_a_sync_tool_does_not_block_the_loop() -> None:
    go = threading.Event()

    @tool
    def wait() -> bool:
        return go.wait(5)

    task = asyncio.create_task(run(wait))
    await asyncio.sleep(0)  # the loop is free while the thread waits
    go.set()
    assert await task is True


async def test_a_thread_sees_the_context_variables_of_its_caller() -> None:
    name: ContextVar[str] = ContextVar("name")
    name.set("caller")
    assert await run(tool(name="read", description="")(lambda: name.get())) == "caller"


def raises(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


async def stop_from_inside() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("fn", "words"),
    [
        (raises(ValueError("bad")), "raised ValueError: bad"),
        (raises(StopIteration()), "StopIteration"),
        (raises(SystemExit(1)), "tried to end the process"),
        (lambda: sys.exit(3), "tried to end the process"),
        (raises(TimeoutError("its own")), "raised TimeoutError: its own"),
        (lambda: {"a": [float("nan")]}, "$.a[0] is nan"),
        (lambda: object(), "is no JSON"),
        (stop_from_inside, "something that was cancelled"),
    ],
)
async def test_whatever_a_tool_does_is_a_failure_that_can_be_told(fn: Any, words: str) -> None:
    with pytest.raises(ToolFailed) as caught:
        await run(tool(name="bad", description="")(fn))
    assert "`bad`" in str(caught.value)
    assert words in str(caught.value)
    assert not isinstance(caught.value, ToolTimeout)


async def test_a_tool_that_never_returns_is_left_behind() -> None:
    never = threading.Event()

    @tool(timeout=SOON)
    def hang() -> None:
        never.wait()

    @tool(timeout=SOON)
    async def hang_on_the_loop() -> None:
        await asyncio.Event().wait()

    for one in (hang, hang_on_the_loop):
        with pytest.raises(ToolTimeout, match="may still have had its effect") as caught:
            await run(one)
        assert caught.value.code == "tool_timeout"
    never.set()


async def test_wrong_arguments_run_nothing() -> None:
    ran: list[int] = []
    with pytest.raises(InvalidInput):
        await run(tool(name="f", description="")(lambda a: ran.append(a)), b=1)
    assert not ran


async def test_cancelling_the_caller_is_no_failure_of_the_tool() -> None:
    started, never = threading.Event(), threading.Event()

    @tool
    def hang() -> None:
        started.set()
        never.wait(5)

    task = asyncio.create_task(run(hang))
    await asyncio.to_thread(started.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    never.set()


def with_check(check: Any) -> Tool:
    @tool(check=check)
    def pay(order: str, cents: int) -> int:
        return cents

    return pay


async def ask(check: Any) -> Any:
    arguments = {"order": "o", "cents": "5"}
    return await check_outcome(with_check(check), arguments, idempotency_key="k", run_id="r", input=None)


async def test_a_check_says_what_happened() -> None:
    async def by_key(ctx: ToolContext) -> Done:
        return Done({"key": ctx.idempotency_key})

    assert await ask(lambda cents: Done(cents)) == Done(5)
    assert await ask(by_key) == Done({"key": "k"})
    assert await ask(lambda: NotDone()) == NotDone()


@pytest.mark.parametrize(
    "check", [None, lambda: True, lambda: None, lambda: 1 / 0, lambda: Done(object()), lambda: Unknown("?")]
)
async def test_a_check_that_cannot_tell_is_unknown(check: Any) -> None:
    assert isinstance(await ask(check), Unknown)
