"""A tool: a function that a model may ask for.

    @tool(safe_to_repeat=True)
    def search(pattern: str, limit: int = 20) -> list[str]:
        \"\"\"Find lines that match.\"\"\"

A tool that is not safe to repeat (the default) is never run again after a crash unless a person, or
its `check`, says what happened. `check` takes the tool's parameters, or some of them, and answers
Done(result), NotDone() or Unknown(why).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, overload

from fairlead.agents.signature import Signature, read_signature
from fairlead.errors import ConfigurationError

DEFAULT_TIMEOUT = timedelta(seconds=60)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Done:
    """The effect took place, and this is what the tool would have returned."""

    result: Any = None


@dataclass(frozen=True, slots=True)
class NotDone:
    """The effect did not take place: the tool may be run."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Could not tell. The run waits for a person."""

    why: str = ""


Outcome = Done | NotDone | Unknown


@dataclass(frozen=True, slots=True, eq=False)
class Tool:
    """Made by `@tool`. Calling it calls the function."""

    name: str
    description: str
    fn: Callable[..., Any]
    signature: Signature = field(repr=False)
    safe_to_repeat: bool = False
    check: Callable[..., Any] | None = field(default=None, repr=False)
    timeout: timedelta = DEFAULT_TIMEOUT

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.fn(*args, **kwargs)

    @property
    def spec(self) -> dict[str, Any]:
        """The tool as OpenAI's chat completions want it."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.signature.schema)}
        return {"type": "function", "function": function}

    def validate(self, arguments: Any) -> dict[str, Any]:
        """The arguments as the function wants them. Raises InvalidInput, in words for the model."""
        return self.signature.validate(arguments)


@overload
def tool(fn: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    *,
    safe_to_repeat: bool = False,
    check: Callable[..., Any] | None = None,
    timeout: timedelta | None = None,
    name: str | None = None,
    description: str | None = None,
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    safe_to_repeat: bool = False,
    check: Callable[..., Any] | None = None,
    timeout: timedelta | None = None,
    name: str | None = None,
    description: str | None = None,
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Offer a function, sync or async, to models. Bare or with arguments.

    Its parameters become the JSON schema, its docstring the description. A parameter
    `ctx: ToolContext` is filled in by the run and hidden from the model.
    """

    def make(fn: Callable[..., Any]) -> Tool:
        return _make(fn, name, description, safe_to_repeat=safe_to_repeat, check=check, timeout=timeout)

    return make if fn is None else make(fn)


def _make(
    fn: Callable[..., Any],
    name: str | None,
    description: str | None,
    *,
    safe_to_repeat: bool,
    check: Callable[..., Any] | None,
    timeout: timedelta | None,
) -> Tool:
    if isinstance(fn, Tool) or not callable(fn):
        raise ConfigurationError(f"@tool wants a function and was given {fn!r}.")
    chosen = name or getattr(fn, "__name__", "")
    if not _NAME.fullmatch(chosen):
        raise ConfigurationError(
            f"`{chosen}` is no name for a tool.", hint="Use 1 to 64 letters, digits, `_` or `-`: @tool(name=…)."
        )
    if inspect.isasyncgenfunction(fn) or inspect.isgeneratorfunction(fn):
        raise ConfigurationError(f"The tool `{chosen}` is a generator.", hint="Return one value, a list for example.")
    if timeout is not None and timeout <= timedelta(0):
        raise ConfigurationError(f"The tool `{chosen}` has a timeout of {timeout}.", hint="Give it some time.")
    signature = read_signature(fn, name=chosen)
    _refuse_wrong_check(chosen, signature, check)
    text = signature.description if description is None else description
    return Tool(chosen, text, fn, signature, safe_to_repeat, check, timeout or DEFAULT_TIMEOUT)


def _refuse_wrong_check(name: str, signature: Signature, check: Callable[..., Any] | None) -> None:
    if check is None:
        return
    theirs = read_signature(check, name=f"check of {name}")
    if strange := sorted(set(theirs.names) - set(signature.names)):
        raise ConfigurationError(
            f"The check of the tool `{name}` wants `{strange[0]}`, which the tool does not take.",
            hint="A check takes the tool's own parameters, or some of them, and `ctx: ToolContext`.",
        )
