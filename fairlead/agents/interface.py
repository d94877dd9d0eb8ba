"""What an agent takes and gives, as JSON schemas: for clients that ask, and for forms that are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairlead.agents.agent import CONFIGURABLE, Agent
from fairlead.agents.spec import AgentSpec

_CONFIGURABLE: Mapping[str, Mapping[str, Any]] = {
    "instructions": {"type": "string"},
    "model": {"type": "string"},
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "max_tokens": {"type": "integer", "minimum": 1},
    "max_iterations": {"type": "integer", "minimum": 1},
}
_MESSAGES: Mapping[str, Any] = {
    "type": "object",
    "title": "Messages",
    "properties": {"messages": {"type": "array", "items": {"type": "object"}}},
}


def schemas_of(spec: AgentSpec) -> dict[str, Any]:
    native = spec.native
    return {
        "graph_id": spec.name,
        "input_schema": spec.input_schema if native is None else _MESSAGES,
        "output_schema": native.output.schema if native is not None and native.output is not None else None,
        "state_schema": _MESSAGES,
        "config_schema": config_schema(native),
        "context_schema": None,
    }


def config_schema(native: Agent | None) -> dict[str, Any]:
    names = [name for name in CONFIGURABLE if native is not None and name in native.configurable]
    return {"type": "object", "title": "Configurable", "properties": {name: _CONFIGURABLE[name] for name in names}}
