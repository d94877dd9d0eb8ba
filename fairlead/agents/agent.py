"""An agent: a model, what it is told, and what it may use."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from fairlead.agents.memory import MemoryBuffer
from fairlead.agents.output import OutputShape
from fairlead.agents.tool import Tool, tool
from fairlead.errors import ConfigurationError, InvalidInput
from fairlead.gateway.types import Choices

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
NANO = 1_000_000_000
CONFIGURABLE = ("instructions", "model", "temperature", "max_tokens", "max_iterations")


@dataclass(frozen=True, slots=True, eq=False)
class Agent:
    """A native agent. Raises ConfigurationError when an argument makes no sense.

    `timeout` counts executing, not waiting. `output_schema` is a JSON schema, or a type that
    pydantic understands: the run's output is then an object of that shape.
    """

    name: str
    model: str  # "provider/model", or the name of a model that the project declares
    instructions: str = ""
    tools: Sequence[Tool] = ()
    mcp: Sequence[str] = ()  # MCP servers that the project declares: their tools are offered too
    max_iterations: int = 15  # model calls in one run
    timeout: timedelta = timedelta(minutes=3)
    model_timeout: timedelta = timedelta(minutes=2)
    memory: MemoryBuffer = field(default_factory=MemoryBuffer)
    output_schema: Any = None
    budget_usd: float = 5.0
    stream: bool = True
    temperature: float | None = None
    max_tokens: int | None = None  # of one reply
    description: str = ""
    configurable: Sequence[str] = ()  # what callers and assistants may set otherwise, of CONFIGURABLE
    choices: Choices = field(default_factory=Choices)  # cache, fallback, complexity ... of its model calls
    output: OutputShape | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        _check(self)
        object.__setattr__(self, "tools", _as_tools(self.name, self.tools))
        if self.output_schema is not None:
            object.__setattr__(self, "output", OutputShape.of(self.output_schema, f"agent `{self.name}`"))

    @property
    def budget_nano(self) -> int:
        return usd_to_nano(self.budget_usd)

    def configured(self, asked: Mapping[str, Any]) -> Agent:
        """This agent with what `asked` (a run's `config.configurable`) sets otherwise; other keys are for the author's
        own code. Raises `InvalidInput` for what the agent does not allow, or can't be."""
        wanted = {name: asked[name] for name in CONFIGURABLE if asked.get(name) is not None}
        if refused := [name for name in wanted if name not in self.configurable]:
            raise InvalidInput(
                f"The agent `{self.name}` lets nobody set {', '.join(f'`{name}`' for name in refused)}.",
                hint=f"Allow it: Agent(…, configurable={tuple(wanted)!r}).",
            )
        try:
            return replace(self, **wanted) if wanted else self
        except ConfigurationError as error:
            raise InvalidInput(error.message, hint=error.hint) from error

    def with_tools(self, more: Sequence[Tool]) -> Agent:
        return replace(self, tools=(*self.tools, *more))

    def tool(self, name: str) -> Tool | None:
        return next((one for one in self.tools if one.name == name), None)


def usd_to_nano(amount: float) -> int:
    return round(amount * NANO)


def check_limits(who: str, *, timeout: timedelta, model_timeout: timedelta, budget_usd: float) -> None:
    """Raises ConfigurationError when a limit is none."""
    for name, value in (("timeout", timeout), ("model_timeout", model_timeout)):
        if not isinstance(value, timedelta) or value <= timedelta(0):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"{who} has {name}={value!r}.", hint="Give a positive timedelta, such as timedelta(minutes=3)."
            )
    if not _is_number(budget_usd) or not math.isfinite(budget_usd) or budget_usd < 0:
        raise ConfigurationError(f"{who} has budget_usd={budget_usd!r}.", hint="Give dollars, such as 5.0.")


def _check(agent: Agent) -> None:
    who = f"The agent `{agent.name}`"
    if not isinstance(agent.name, str) or not NAME.fullmatch(agent.name):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"{agent.name!r} is no name for an agent.", hint="Use 1 to 64 letters, digits, `_` or `-`."
        )
    provider, slash, model = agent.model.partition("/") if isinstance(agent.model, str) else ("", "", "")  # pyright: ignore[reportUnnecessaryIsInstance]
    if not provider or (slash and not model):
        raise ConfigurationError(
            f"{who} has model={agent.model!r}.",
            hint='Write "provider/model", such as "openai/gpt-5-mini", or the name of a declared model.',
        )
    if not isinstance(agent.instructions, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{who} has instructions that are no text: {agent.instructions!r}.")
    if type(agent.max_iterations) is not int or agent.max_iterations < 1:
        raise ConfigurationError(f"{who} has max_iterations={agent.max_iterations!r}.", hint="It needs at least 1.")
    if not isinstance(agent.memory, MemoryBuffer):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{who} has memory={agent.memory!r}.", hint="Give a MemoryBuffer(messages, tokens).")
    if agent.temperature is not None and not (_is_number(agent.temperature) and 0 <= agent.temperature <= 2):
        raise ConfigurationError(f"{who} has temperature={agent.temperature!r}.", hint="Give 0 to 2, or None.")
    if agent.max_tokens is not None and (type(agent.max_tokens) is not int or agent.max_tokens < 1):
        raise ConfigurationError(f"{who} has max_tokens={agent.max_tokens!r}.", hint="It needs at least 1, or None.")
    if isinstance(agent.mcp, str) or not all(isinstance(name, str) for name in agent.mcp):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"{who} has mcp={agent.mcp!r}.", hint='Give a list of names, such as mcp=["github"].')
    if strange := [name for name in agent.configurable if name not in CONFIGURABLE]:
        raise ConfigurationError(
            f"{who} has configurable={strange[0]!r}.", hint=f"It may name {', '.join(CONFIGURABLE)}."
        )
    check_limits(who, timeout=agent.timeout, model_timeout=agent.model_timeout, budget_usd=agent.budget_usd)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _as_tools(agent: str, tools: Sequence[Any]) -> tuple[Tool, ...]:
    """Plain functions become tools that are not safe to repeat."""
    made = tuple(one if isinstance(one, Tool) else tool(one) for one in tools)
    seen: set[str] = set()
    for one in made:
        if one.name in seen:
            raise ConfigurationError(f"The agent `{agent}` has two tools named `{one.name}`.")
        seen.add(one.name)
    return made
