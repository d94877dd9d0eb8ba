"""The bodies under /v1 as JSON Schema. Of a request it is what `parse_request` of its format asks of it, of an answer
what is checked of a provider's: all else passes through as it is, and no more than that is said."""

from __future__ import annotations

from typing import Any

from fairlead.gateway import Format
from fairlead.gateway.wire.checked import MOST_ASKED
from fairlead.gateway.wire.openai_embeddings import MOST_DIMENSIONS, MOST_TOKEN

Shape = dict[str, Any]

_NAME: Shape = {"type": "string", "minLength": 1}
_NULL: Shape = {"type": "null"}
_ANY_OBJECT: Shape = {"type": "object"}
_COUNT: Shape = {"type": "integer", "minimum": 0}
_TRUTH: Shape = {"type": ["boolean", "null"]}


def _object(required: dict[str, Any] | None = None, /, **more: Any) -> Shape:
    required = required or {}
    return {"type": "object", "properties": {**required, **more}, **({"required": [*required]} if required else {})}


def _list(items: Shape, least: int = 0) -> Shape:
    return {"type": "array", "items": items, **({"minItems": least} if least else {})}


def _or_none(shape: Shape) -> Shape:
    return {"anyOf": [shape, _NULL]}


_CAP = _or_none({**_COUNT, "maximum": MOST_ASKED})
_PART = _object({"type": _NAME})
_TEXT_OR_PARTS: Shape = {"anyOf": [{"type": "string"}, _list(_PART)]}


def _of_roles(*roles: str, **more: Any) -> Shape:
    return _list(_object({"role": {"enum": [*roles]}, **more}), 1)


_CHAT_TOOL: Shape = {
    "type": "object",
    "anyOf": [
        _object({"function": _object({"name": _NAME})}),
        _object({"type": {"not": {"const": "function"}}}),
    ],
}
_MESSAGES_TOOL: Shape = {
    "type": "object",
    "anyOf": [
        _object({"name": _NAME}),
        _object({"type": _NAME}, name=_NULL),
        _object({"type": {"const": "mcp_toolset"}}),
    ],
}
_MESSAGES = {
    "model": _NAME,
    "messages": _of_roles("user", "assistant", "system", content=_TEXT_OR_PARTS),
}
_MESSAGES_MORE = {"system": _or_none(_TEXT_OR_PARTS), "tools": _or_none(_list(_MESSAGES_TOOL)), "max_tokens": _CAP}
_TOKENS = _list({"type": "integer", "minimum": 0, "maximum": MOST_TOKEN}, 1)

REQUESTS: dict[Format, Shape] = {
    Format.CHAT: _object(
        {"model": _NAME, "messages": _of_roles("system", "developer", "user", "assistant", "tool", "function")},
        tools=_or_none(_list(_CHAT_TOOL)), max_tokens=_CAP, max_completion_tokens=_CAP, stream=_TRUTH,
        stream_options=_or_none(_ANY_OBJECT),
    ),
    Format.RESPONSES: {
        **_object(
            {"model": _NAME},
            input={"anyOf": [{"type": "string"}, _list(_ANY_OBJECT), _NULL]}, prompt=_or_none(_ANY_OBJECT),
            tools=_or_none(_list(_object({"type": _NAME}))), max_output_tokens=_CAP, stream=_TRUTH,
            background={"enum": [False, None]},
        ),
        "anyOf": [
            _object({"input": {"anyOf": [_NAME, _list(_ANY_OBJECT, 1)]}}),
            _object({"prompt": {"type": "object", "minProperties": 1}}),
        ],
    },
    Format.MESSAGES: _object(_MESSAGES, **_MESSAGES_MORE, stream=_TRUTH),
    Format.EMBEDDINGS: _object(
        {"model": _NAME, "input": {"anyOf": [_NAME, _TOKENS, _list({"anyOf": [_NAME, _TOKENS]}, 1)]}},
        encoding_format={"enum": ["float", "base64", None]},
        dimensions=_or_none({"type": "integer", "minimum": 1, "maximum": MOST_DIMENSIONS}),
        stream={"enum": [False, None]},
    ),
}  # fmt: skip
TOKENS_REQUEST = _object(_MESSAGES, **_MESSAGES_MORE)

ANSWERS: dict[Format, Shape] = {
    Format.CHAT: _object(
        {"choices": _list(_object({"message": _ANY_OBJECT, "finish_reason": {"type": "string"}}), 1)},
        usage=_or_none(_ANY_OBJECT),
    ),
    Format.RESPONSES: _object({"status": _NAME, "output": _list(_PART)}, usage=_or_none(_ANY_OBJECT)),
    Format.MESSAGES: _object({"content": _list(_PART), "stop_reason": _NAME}, usage=_or_none(_ANY_OBJECT)),
    Format.EMBEDDINGS: _object(
        {"data": _list(_object({"index": _COUNT, "embedding": {"type": ["array", "string"]}}), 1)},
        usage=_or_none(_ANY_OBJECT),
    ),
}
TOKENS_ANSWER = _object({"input_tokens": _COUNT})
_ENDS: Shape = {"type": ["string", "null"]}
MODEL = _object(
    {
        "id": _NAME, "object": {"const": "model"}, "created": _COUNT, "owned_by": _NAME, "type": {"const": "model"},
        "display_name": _NAME, "created_at": _NAME,
    }
)  # fmt: skip


def model_list(model: Shape) -> Shape:
    return _object(
        {
            "object": {"const": "list"}, "data": _list(model), "has_more": {"type": "boolean"}, "first_id": _ENDS,
            "last_id": _ENDS,
        }
    )  # fmt: skip


OPENAI_PROBLEM = _object(
    {
        "error": _object(
            {"message": {"type": "string"}, "type": _NAME, "param": {"type": ["string", "null"]}, "code": _NAME}
        )
    }
)
ANTHROPIC_PROBLEM = _object(
    {"type": {"const": "error"}, "error": _object({"type": _NAME, "message": {"type": "string"}, "code": _NAME})}
)
