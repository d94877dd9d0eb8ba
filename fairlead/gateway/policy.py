"""What a simulated model says: a function from (messages, tools) to a reply, kept beside the agent that uses it."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from fairlead.errors import ConfigurationError

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    arguments: Json = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says: text, or the tools it wants used, or both."""

    text: str = ""
    tool_calls: Sequence[ToolCall] = ()


Policy = Callable[[list[Json], list[Json]], Reply | str]
"""Must give the same reply to the same messages and tools: recorded answers are compared with it."""


def default_policy(messages: list[Json], tools: list[Json]) -> Reply:
    """Uses each tool once whose arguments can be made up from its schema, then sums up. Deterministic."""
    calls = [_function(call) for message in messages for call in _list(message.get("tool_calls"))]
    called = [call["name"] for call in calls if call]
    asked = _last_text(messages, "user")
    for tool in tools:
        function = _function(tool)
        if function and function["name"] not in called:
            arguments = _sample(function.get("parameters") or {"type": "object"}, asked)
            if isinstance(arguments, dict):
                return Reply(tool_calls=[ToolCall(function["name"], cast("Json", arguments))])
    if called:
        return Reply(f"Simulated answer after {len(called)} tool calls. Last result: {_last_text(messages, 'tool')}")
    return Reply(f"Simulated answer to: {asked}")


def load_policy(where: str, root: Path) -> Policy:
    """The policy at "policy.py:triage" (a file, relative to `root`) or "package.module:attribute"."""
    path, colon, attribute = where.partition(":")
    if not colon or not path or not attribute:
        raise ConfigurationError(f"{where!r} names no policy.", hint='Write "policy.py:name" or "package.module:name".')
    module = _load_file(root / path) if path.endswith(".py") else _import(path)
    policy = getattr(module, attribute, None)
    if not callable(policy):
        raise ConfigurationError(f"There is no function {attribute!r} in {path}.", hint="See [providers.simulated].")
    return cast("Policy", policy)


def _load_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        raise ConfigurationError(f"There is no file {path}.", hint="See policy in [providers.simulated].")
    # By the path, so that two projects' policy.py do not meet.
    name = f"_fairlead_policy_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigurationError(f"{path.name} could not be loaded: {type(error).__name__}: {error}") from error
    return module


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigurationError(f"{name} could not be imported: {error}.") from error


def _last_text(messages: list[Json], role: str) -> str:
    for message in reversed(messages):
        if message.get("role") == role and isinstance(message.get("content"), str):
            return message["content"][:80]
    return ""


def _function(named: Any) -> Json:
    """Of a tool or a call of one; empty where it is of another kind."""
    function: Any = cast("Json", named).get("function") if isinstance(named, dict) else None
    return cast("Json", function) if isinstance(function, dict) and isinstance(function.get("name"), str) else {}  # pyright: ignore[reportUnknownMemberType]


def _list(value: Any) -> list[Any]:
    return value or []


_UNKNOWN = object()


def _sample(schema: Json, asked: str) -> Any:
    """A value that fits a JSON schema, or _UNKNOWN where making one up would be silly."""
    for name in ("default", "const"):
        if name in schema:
            return schema[name]
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return _sample_object(schema, asked)
        case "string":
            return asked
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case "array":
            return []
        case "null":
            return None
        case _:
            return _UNKNOWN


def _sample_object(schema: Json, asked: str) -> Any:
    properties: Json = schema.get("properties") or {}
    required: list[str] = _list(schema.get("required"))
    value = {name: _sample(properties.get(name) or {}, asked) for name in required}
    return _UNKNOWN if any(part is _UNKNOWN for part in value.values()) else value
