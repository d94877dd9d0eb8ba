"""What a project offers to run: a name, one async call, and its limits.

Made from a native Agent, from an agent of a framework that we know, or from any callable: `f(input)` or
`f(input, ctx)`, sync or async, a method, a partial, an object with `__call__`.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast, get_type_hints

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema

from fairlead.agents.agent import NAME, Agent, check_limits, usd_to_nano
from fairlead.agents.context import Context
from fairlead.agents.conversation import as_messages
from fairlead.agents.files import files_in, with_files
from fairlead.agents.frameworks import adopt
from fairlead.agents.loop import converse
from fairlead.agents.memory import Message
from fairlead.agents.signature import describe
from fairlead.agents.sync_context import Bridge, SyncContext
from fairlead.agents.thread import in_thread
from fairlead.errors import ConfigurationError, InvalidInput

Call = Callable[[Any, Context], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a callable may use, as `Agent` has it. Timeouts count executing, not waiting."""

    timeout: timedelta = timedelta(minutes=3)
    model_timeout: timedelta = timedelta(minutes=2)
    budget_usd: float = 5.0


@dataclass(frozen=True, slots=True)
class AgentSpec:
    name: str
    call: Call = field(repr=False)
    timeout: timedelta
    model_timeout: timedelta
    budget_nano: int
    description: str = ""
    input_schema: Mapping[str, Any] | None = None  # None: any JSON
    native: Agent | None = field(default=None, repr=False)

    @property
    def mcp(self) -> Sequence[str]:
        """MCP servers that it is known to want; a callable may ask for others."""
        return self.native.mcp if self.native is not None else ()


def spec_of(name: str, target: Any, limits: Limits | None = None, *, description: str = "") -> AgentSpec:
    """Raises ConfigurationError when the target is nothing that can be run."""
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no name for an agent.", hint="Use 1 to 64 letters, digits, `_` or `-`.")
    if isinstance(target, Agent):
        return _of_native(name, target, limits, description)
    adopted = adopt(name, target)
    if adopted is None and (not callable(target) or isinstance(target, type)):
        raise ConfigurationError(
            f"The agent `{name}` is {_a(target)}, which cannot be called.",
            hint="Point to an Agent, or to a function of (input) or (input, ctx).",
        )
    limits = limits or Limits()
    _check_limits(name, limits)
    if adopted is not None:
        return AgentSpec(
            name, adopted.call, limits.timeout, limits.model_timeout, usd_to_nano(limits.budget_usd),
            description or adopted.description,
        )  # fmt: skip
    reader = _input_reader(target)
    return AgentSpec(
        name,
        _caller(name, target, reader),
        limits.timeout,
        limits.model_timeout,
        usd_to_nano(limits.budget_usd),
        description or _first_paragraph(target),
        _schema(reader),
    )


def _of_native(name: str, agent: Agent, limits: Limits | None, description: str) -> AgentSpec:
    if limits is not None:
        raise ConfigurationError(
            f"The agent `{name}` is an Agent and has limits in two places.", hint="Set them on the Agent itself."
        )

    async def call(input: Any, ctx: Context) -> Any:
        configured = agent.configured(ctx.config.get("configurable") or {})
        if agent.mcp:
            taken = [tool.name for tool in agent.tools]
            configured = configured.with_tools(await ctx.mcp(*agent.mcp, taken=taken))
        history = await ctx.memory.messages()
        if any(files_in([*history, input])):
            history, input = await _read_files(history, input, ctx)
        answer = await converse(configured, input, ask=ctx.model, use=ctx.use_tool, history=history, edge=ctx.edge)
        return answer.output

    text = description or agent.description
    return AgentSpec(name, call, agent.timeout, agent.model_timeout, agent.budget_nano, text, None, agent)


async def _read_files(history: list[Message], input: Any, ctx: Context) -> tuple[list[Message], Any]:
    """The conversation as a model reads it. The thread keeps what names the files, not what is in them."""
    read = await with_files([*history, *as_messages(input)], ctx.file, since=len(history))
    return read[: len(history)], {"messages": read[len(history) :]}


def _caller(name: str, target: Callable[..., Any], reader: TypeAdapter[Any] | None) -> Call:
    pass_context = _context_passer(name, target)
    if inspect.isasyncgenfunction(target) or inspect.isgeneratorfunction(target):
        raise ConfigurationError(
            f"The agent `{name}` is a generator.", hint="Return the output; report on the way with ctx.progress()."
        )

    async def call_async(input: Any, ctx: Context) -> Any:
        return await target(_read(name, reader, input), **pass_context(ctx))

    async def call_sync(input: Any, ctx: Context) -> Any:
        value = _read(name, reader, input)
        bridge = Bridge(asyncio.get_running_loop())
        try:
            result = await in_thread(target, value, **pass_context(cast("Context", SyncContext(ctx, bridge))))
        finally:
            bridge.close()
        return await result if inspect.isawaitable(result) else result

    return call_async if _is_async(target) else call_sync


def _context_passer(name: str, target: Callable[..., Any]) -> Callable[[Context], dict[str, Context]]:
    """How the target wants its context: as which parameter, if any."""
    parameters = _parameters(target)
    if parameters is None:  # a builtin that does not say
        return lambda ctx: {}
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if not positional and not takes_any:
        raise ConfigurationError(f"The agent `{name}` takes no input.", hint="Write it as f(input) or f(input, ctx).")
    chosen = next((p for p in parameters if p not in positional[:1] and _is_context(p, target)), None)
    if chosen is None:
        chosen = next((p for p in positional[1:] if p.default is p.empty), None)
    wanted = [p for p in (*positional[1:], *parameters) if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    left = [p for p in wanted if p not in positional[:1] and p is not chosen and p.kind is not p.VAR_KEYWORD]
    if left or (chosen is not None and chosen.kind is chosen.POSITIONAL_ONLY):
        raise ConfigurationError(
            f"The agent `{name}` takes more than an input and a context: {inspect.signature(target)}.",
            hint="Write it as f(input) or f(input, ctx), or bind the rest with functools.partial.",
        )
    key = chosen.name if chosen else None
    return (lambda ctx: {key: ctx}) if key else (lambda ctx: {})


def _is_context(parameter: inspect.Parameter, target: Callable[..., Any]) -> bool:
    return parameter.name in ("ctx", "context") or _hints(target).get(parameter.name) is Context


def _parameters(target: Callable[..., Any]) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(target).parameters.values())
    except (ValueError, TypeError):
        return None


def _is_async(target: Callable[..., Any]) -> bool:
    # A partial and a bound method are seen through by inspect; an object is asked for its __call__.
    called = target if inspect.isroutine(target) else getattr(type(target), "__call__", target)  # noqa: B004
    return inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(called)


def _function(target: Callable[..., Any]) -> Any:
    while isinstance(target, functools.partial):
        target = cast("functools.partial[Any]", target).func
    return target if inspect.isroutine(target) else getattr(type(target), "__call__", target)  # noqa: B004


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(_function(target), include_extras=True)
    except (NameError, TypeError):
        return {}  # a hint imported for the type checker only: take any JSON


def _input_reader(target: Callable[..., Any]) -> TypeAdapter[Any] | None:
    parameters = _parameters(target) or []
    hint = _hints(target).get(parameters[0].name) if parameters else None
    if hint is None or hint is Any:
        return None
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hint)
        adapter.json_schema()
    except (PydanticUserError, PydanticInvalidForJsonSchema):
        return None  # a type of the author's own, which JSON cannot fill: hand the input over as it is
    return adapter


def _read(name: str, reader: TypeAdapter[Any] | None, input: Any) -> Any:
    if reader is None:
        return input
    try:
        return reader.validate_python(input)
    except ValidationError as error:
        raise InvalidInput(
            f"The input does not fit the agent `{name}`: {describe(error)}.",
            hint="See the agent's input schema.",
        ) from error


def _schema(reader: TypeAdapter[Any] | None) -> Mapping[str, Any] | None:
    return reader.json_schema() if reader else None


def _check_limits(name: str, limits: Limits) -> None:
    check_limits(
        f"The agent `{name}`",
        timeout=limits.timeout,
        model_timeout=limits.model_timeout,
        budget_usd=limits.budget_usd,
    )


def _first_paragraph(target: Any) -> str:
    doc = inspect.getdoc(_function(target)) or "" if not isinstance(target, functools.partial) else ""
    return doc.split("\n\n")[0].strip()


def _a(target: Any) -> str:
    return f"the class {target.__name__}" if isinstance(target, type) else f"{target!r}"
