"""Anthropic messages as JSON: build a request, parse an answer, assemble a stream, emit one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from fairlead.errors import BrokenAnswer, FairleadError, InvalidInput
from fairlead.gateway.types import Format
from fairlead.gateway.usage import OUTPUT_CAP, Usage
from fairlead.gateway.wire import anthropic_messages_answer, checked, sse
from fairlead.gateway.wire.anthropic_messages_answer import Assembly, check
from fairlead.gateway.wire.wire import Json

FORMAT = Format.MESSAGES
PATH = "/messages"

_ROLES = frozenset({"user", "assistant", "system"})
_COST_THEIR_BYTES = frozenset({"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use"})
# Tools that the provider runs: what they find is input too, and has no bytes here.
_FETCHING = ("web_search", "web_fetch", "code_execution", "mcp_toolset", "tool_search")
_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_TEXTS = {"text": ("text", "text_delta"), "thinking": ("thinking", "thinking_delta")}


def parse_request(body: bytes) -> Json:
    """A request as a client sends it, checked as far as we rely on it."""
    request = checked.load_request(body)
    checked.a_name(request.get("model"), "`model`", InvalidInput)
    messages = checked.objects(request.get("messages"), "`messages`", InvalidInput)
    checked.expect(messages, "`messages` must be a list that is not empty.", InvalidInput)
    for message in messages:
        checked.expect(
            checked.word(message.get("role")) in _ROLES, f"{message.get('role')!r} is not a role.", InvalidInput
        )
        _blocks(message.get("content"), "`content`")
    if request.get("system") is not None:
        _blocks(request["system"], "`system`")
    for tool in checked.objects(request.get("tools"), "`tools`", InvalidInput):
        if tool.get("type") != "mcp_toolset":
            name = tool.get("name")
            checked.a_name(tool.get("type") if name is None else name, "The name of a tool", InvalidInput)
    output_cap(request)
    return request


def _blocks(content: Any, what: str) -> list[Json]:
    if isinstance(content, str):
        return []
    checked.expect(isinstance(content, list), f"{what} must be a text or a list of blocks.", InvalidInput)
    blocks = checked.objects(content, what, InvalidInput)
    for block in blocks:
        checked.a_name(block.get("type"), "The type of a block", InvalidInput)
    return blocks


def build(body: Json, *, model: str, streamed: bool, cap_name: str = "") -> bytes:
    built: Json = {**body, "model": model, "stream": streamed}
    if checked.a_limit(body, "max_tokens") is None:
        built["max_tokens"] = OUTPUT_CAP
    return checked.dump(built)


def output_cap(body: Json) -> int:
    """0 is a limit too: it fills the provider's cache and asks for no answer."""
    limit = checked.a_limit(body, "max_tokens")
    return OUTPUT_CAP if limit is None else limit


def parts(body: Json) -> Iterator[Json]:
    for message in checked.dicts(body.get("messages")):
        yield from _beyond_bytes(message.get("content"))
    for tool in checked.dicts(body.get("tools")):
        if str(tool.get("type") or "").startswith(_FETCHING):
            yield tool
    yield from checked.dicts(body.get("mcp_servers"))


def _beyond_bytes(content: Any) -> Iterator[Json]:
    for block in checked.dicts(content):
        if block.get("type") == "tool_result":
            yield from _beyond_bytes(block.get("content"))
        elif checked.word(block.get("type")) not in _COST_THEIR_BYTES:
            yield block


def parse(body: bytes) -> Json:
    return check(checked.load(body))


def usage_of(answer: Json) -> Usage | None:
    return anthropic_messages_answer.usage_of(answer)


def assembly() -> Assembly:
    return Assembly()


def emit(answer: Json, *, piece: int = 16) -> Iterator[bytes]:
    end = {name: answer[name] for name in ("stop_reason", "stop_sequence") if name in answer}
    begun: Json = {**answer, "content": [], **dict.fromkeys(end)}
    last: Json = {"type": "message_delta", "delta": end}
    if isinstance(answer.get("usage"), dict):
        begun["usage"], last["usage"] = {**answer["usage"], "output_tokens": 0}, answer["usage"]
        begun["usage"].pop("output_tokens_details", None)
    yield checked.dump({"type": "message_start", "message": begun}, BrokenAnswer)
    for index, block in enumerate(answer["content"]):
        yield from _emit_block(index, block, piece)
    yield checked.dump(last, BrokenAnswer)
    yield checked.dump({"type": "message_stop"}, BrokenAnswer)


def _emit_block(index: int, block: Json, piece: int) -> Iterator[bytes]:
    begun, deltas = _block_deltas(block, piece)
    yield checked.dump({"type": "content_block_start", "index": index, "content_block": begun}, BrokenAnswer)
    for delta in deltas:
        yield checked.dump({"type": "content_block_delta", "index": index, "delta": delta}, BrokenAnswer)
    yield checked.dump({"type": "content_block_stop", "index": index}, BrokenAnswer)


def _block_deltas(block: Json, piece: int) -> tuple[Json, list[Json]]:
    """How a block begins, and what is then told of it."""
    match block["type"]:
        case "text" | "thinking":
            name, kind = _TEXTS[block["type"]]
            begun: Json = {**block, name: ""}
            deltas = [{"type": kind, name: text} for text in _pieces(block[name], piece)]
            if block.get("signature"):
                begun["signature"] = ""
                deltas.append({"type": "signature_delta", "signature": block["signature"]})
            if block.get("citations"):
                begun["citations"] = []
                deltas += [{"type": "citations_delta", "citation": citation} for citation in block["citations"]]
            return begun, deltas
        case "tool_use" | "server_tool_use" if block["input"]:
            said = checked.dump(block["input"], BrokenAnswer).decode()
            told = [{"type": "input_json_delta", "partial_json": text} for text in _pieces(said, piece)]
            return {**block, "input": {}}, told
        case _:
            return block, []


def _pieces(text: str, piece: int) -> Iterator[str]:
    return (text[start : start + piece] for start in range(0, len(text), piece))


def event(data: bytes) -> bytes:
    return sse.named(data)


def problem(status: int, error: FairleadError) -> bytes:
    return orjson.dumps(_error(status, error))


def broken_off(error: FairleadError) -> bytes:
    return orjson.dumps(_error(500, error))


def _error(status: int, error: FairleadError) -> Json:
    kind = _TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": str(error), "code": error.code}}
