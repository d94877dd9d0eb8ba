"""Which requests may be answered from the cache, which answers may be kept, and what tells them apart. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from fairlead.gateway.types import Format, ModelRequest

# What changes nothing in the answer: how it is sent, and who asks.
_NOT_THE_QUESTION = frozenset(
    {
        "model",
        "stream",
        "stream_options",
        "user",
        "metadata",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "service_tier",
        "store",
    }
)
# The answer depends on what the provider remembers, or comes later.
_ELSEWHERE = frozenset({"previous_response_id", "conversation", "background", "container"})
_OF_RANDOMNESS = frozenset({"temperature", "top_p", "n"})
_WHOLE_CHAT = frozenset({"stop", "tool_calls", "function_call"})
_WHOLE_MESSAGE = frozenset({"end_turn", "tool_use", "stop_sequence"})

_AT_ONCE = 2047  # bytes


def key_of(request: ModelRequest) -> str | None:
    """The same for the same question of the same tenant; None when it can't be told (it is not JSON)."""
    body = request.body
    if not _NOT_THE_QUESTION.isdisjoint(body):
        body = {name: value for name, value in body.items() if name not in _NOT_THE_QUESTION}
    try:
        said = orjson.dumps(
            [request.caller.tenant, request.format, request.model, body, dict(request.headers)],
            option=orjson.OPT_SORT_KEYS,
        )
    except (TypeError, orjson.JSONEncodeError):
        return None
    return _digest(said)


def _digest(said: bytes) -> str:
    """Of more bytes at once hashlib lets go of the interpreter's lock: to get it back from a thread that logs or writes
    to the database took up to thirty times as long as the hash."""
    digest, view = hashlib.sha256(), memoryview(said)
    for start in range(0, len(said), _AT_ONCE):
        digest.update(view[start : start + _AT_ONCE])
    return digest.hexdigest()


def may_ask(request: ModelRequest, *, switched_on: bool) -> bool:
    """Whether the cache may answer. Told so by the request itself, it may also answer what asks for randomness."""
    told = request.choices.cache
    if told is False or (told is None and not switched_on):
        return False
    body = request.body
    if not _ELSEWHERE.isdisjoint(body) and any(body.get(name) for name in _ELSEWHERE):
        return False
    return told is True or not asks_for_randomness(body)


def asks_for_randomness(body: dict[str, Any]) -> bool:
    """It names a temperature, a top_p or a number of choices that make its answers differ."""
    if _OF_RANDOMNESS.isdisjoint(body):
        return False
    temperature, top_p, n = body.get("temperature"), body.get("top_p"), body.get("n")
    return bool(
        (temperature is not None and temperature != 0)
        or (top_p is not None and top_p != 1)
        or (n is not None and n != 1)
    )


def may_keep(format: Format, body: dict[str, Any]) -> bool:
    """Only a whole answer: one that was cut short or refused may be better next time."""
    match format:
        case Format.CHAT:
            choices: Any = body.get("choices")
            return bool(choices) and _WHOLE_CHAT.issuperset([choice.get("finish_reason") for choice in choices])
        case Format.MESSAGES:
            return body.get("stop_reason") in _WHOLE_MESSAGE
        case Format.RESPONSES:
            return body.get("status") == "completed" and not body.get("error")
        case Format.EMBEDDINGS:
            return bool(body.get("data"))
