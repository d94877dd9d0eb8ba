"""Run a tool once, bounded in time, and bring its result back as JSON.

Whatever the tool does, the caller sees a JSON value or ToolFailed.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from fairlead.agents.context import Knowledge, ToolContext
from fairlead.agents.jsonable import plain
from fairlead.agents.signature import read_signature
from fairlead.agents.thread import in_thread
from fairlead.agents.tool import Done, NotDone, Outcome, Tool, Unknown
from fairlead.errors import NotJson, ToolFailed, ToolTimeout


def _silent(event: str, /, **fields: Any) -> None: ...


async def invoke(
    tool: Tool,
    arguments: Mapping[str, Any],
    *,
    idempotency_key: str,
    run_id: str,
    input: Any,
    log: Callable[..., None] = _silent,
    knowledge: Knowledge | None = None,
) -> Any:
    """The tool's result as plain JSON.

    Raises InvalidInput (wrong arguments; nothing was run), ToolTimeout (it may still have had its
    effect) or ToolFailed (it raised, or its result is no JSON).
    """
    values = tool.validate(arguments)
    if tool.signature.context_parameter:
        values[tool.signature.context_parameter] = ToolContext(idempotency_key, run_id, input, log, knowledge)
    result = await _bounded(tool.name, tool.fn, values, tool.timeout)
    try:
        return plain(result)
    except NotJson as error:
        raise ToolFailed(f"The tool `{tool.name}` returned something that is no JSON. {error}") from error


async def check_outcome(
    tool: Tool,
    arguments: Mapping[str, Any],
    *,
    idempotency_key: str,
    run_id: str,
    input: Any,
    log: Callable[..., None] = _silent,
    knowledge: Knowledge | None = None,
) -> Outcome:
    """What the tool's own check says happened to an earlier try. Never raises: trouble is Unknown."""
    if tool.check is None:
        return Unknown(f"The tool `{tool.name}` has no check.")
    signature = read_signature(tool.check, name=f"check of {tool.name}")
    try:
        values = {k: v for k, v in tool.validate(arguments).items() if k in signature.names}
        if signature.context_parameter:
            values[signature.context_parameter] = ToolContext(idempotency_key, run_id, input, log, knowledge)
        outcome = await _bounded(f"check of {tool.name}", tool.check, values, tool.timeout)
        return _outcome(tool, outcome)
    except Exception as error:  # noqa: BLE001 could not tell, whatever the reason
        return Unknown(str(error))


def _outcome(tool: Tool, said: Any) -> Outcome:
    match said:
        case Done(result):
            return Done(plain(result))
        case NotDone() | Unknown():
            return said
        case _:
            return Unknown(f"The check of `{tool.name}` answered {said!r}, not Done, NotDone or Unknown.")


async def _bounded(name: str, fn: Callable[..., Any], values: Mapping[str, Any], limit: timedelta) -> Any:
    timer = asyncio.timeout(limit.total_seconds())
    try:
        async with timer:
            return await _run(fn, values)
    except ToolFailed:
        raise
    except Exception as error:
        if isinstance(error, TimeoutError) and timer.expired():
            raise ToolTimeout(
                f"The tool `{name}` did not return within {limit.total_seconds():g} s.",
                hint="It may still have had its effect. Give it more time with @tool(timeout=…).",
            ) from error
        raise ToolFailed(f"The tool `{name}` raised {type(error).__name__}: {error}") from error
    except (SystemExit, KeyboardInterrupt) as error:
        raise ToolFailed(f"The tool `{name}` tried to end the process ({type(error).__name__}).") from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise ToolFailed(f"The tool `{name}` awaited something that was cancelled.") from error


async def _run(fn: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    target = fn if inspect.isroutine(fn) else getattr(fn, "__call__", fn)  # noqa: B004
    if inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(target):
        return await fn(**values)
    result = await in_thread(fn, **values)
    return await result if inspect.isawaitable(result) else result
