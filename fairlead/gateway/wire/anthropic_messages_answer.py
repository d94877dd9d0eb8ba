"""An Anthropic message: checked, counted, and put together from the events of a stream."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic_core import from_json

from fairlead.errors import BrokenAnswer, ErrorWithin
from fairlead.gateway.usage import Usage
from fairlead.gateway.wire import checked
from fairlead.gateway.wire.wire import Json

_MOST_BLOCKS = 4096
_CUT = frozenset({"max_tokens", "model_context_window_exceeded", "refusal"})
_TOLD_AT_THE_END = frozenset({"stop_reason", "stop_sequence"})


def check(answer: Json) -> Json:
    """The answer, which code may now rely on."""
    checked.expect(type(answer.get("content")) is list, "The answer has no content.")
    for block in checked.objects(answer["content"], "The content"):
        _check_block(block)
    checked.a_name(answer.get("stop_reason"), "Why the answer ended")
    return answer


def _check_block(block: Json) -> None:
    match checked.a_name(block.get("type"), "The type of a block"):
        case "text":
            checked.a_text(block.get("text"), "The text of a block")
        case "thinking":
            checked.a_text(block.get("thinking"), "The thinking of a block")
            checked.a_text(block.get("signature", ""), "The signature of a thought")
        case "tool_use":
            checked.a_name(block.get("id"), "The id of a tool call")
            checked.a_name(block.get("name"), "The name of a tool call")
            checked.an_object(block.get("input"), "The input of a tool call")
        case _:
            pass  # blocks of kinds to come pass through


def usage_of(answer: Json) -> Usage | None:
    """What the provider says it used, None when it does not say, BrokenAnswer when it can't be true."""
    usage = answer.get("usage")
    return None if usage is None else _usage(checked.an_object(usage, "The usage"), estimated=False)


def _usage(usage: Json, *, estimated: bool) -> Usage:
    """`input_tokens` counts only what the cache had no part in: all three together are the input."""
    cached = checked.a_count(usage, "cache_read_input_tokens", missing=0)
    written = checked.a_count(usage, "cache_creation_input_tokens", missing=0)
    long = checked.a_detail(usage, "cache_creation", "ephemeral_1h_input_tokens")
    tokens_in = checked.a_count(usage, "input_tokens", missing=0 if estimated else None) + cached + written
    tokens_out = checked.a_count(usage, "output_tokens", missing=0 if estimated else None)
    reasoning = checked.a_detail(usage, "output_tokens_details", "thinking_tokens")
    checked.expect(tokens_in <= checked.MOST_TOKENS, "The usage has an impossible input.")
    checked.expect(reasoning <= tokens_out, "The usage counts more thinking than output.")
    checked.expect(long <= written, "The usage counts more tokens in the cache for long than in the cache.")
    return Usage(tokens_in, tokens_out, cached, reasoning, estimated, cache_written=written, cache_written_long=long)


class Assembly:
    """Puts the events of a stream together into the message that they tell of."""

    def __init__(self) -> None:
        self._message: Json | None = None
        self._said_usage: Json = {}
        self._usage: Usage | None = None
        self._blocks: dict[int, _Block] = {}
        self.size = 0
        self.done = False

    def feed(self, data: bytes) -> str:
        event = checked.load(data)
        kind = event.get("type")
        if kind == "content_block_delta":
            return self._delta(event)
        if kind == "ping":
            return ""
        if kind == "error" or "error" in event:
            raise ErrorWithin(checked.said(event.get("error")))
        self._mark(kind, event)
        return ""

    def _mark(self, kind: Any, event: Json) -> None:
        if self.done:
            checked.out_of_order("it goes on after its end")
        match kind:
            case "message_start":
                self._start(event)
            case "content_block_start":
                self._open(event)
            case "content_block_stop":
                self._block(event).stop()
            case "message_delta":
                self._end(event)
            case "message_stop":
                self._stop()
            case str():
                pass  # "new event types may be added": their documentation asks to pass over them
            case _:
                raise BrokenAnswer("An event of the stream has no type.")

    def _start(self, event: Json) -> None:
        if self._message is not None:
            checked.out_of_order("it begins twice")
        self._message = dict(checked.an_object(event.get("message"), "The message"))
        self._use(self._message.pop("usage", None), estimated=True)

    def _open(self, event: Json) -> None:
        index = checked.an_index(event, "index", _MOST_BLOCKS)
        if self._message is None or index in self._blocks:
            checked.out_of_order(f"block {index} begins twice, or before the message")
        block = checked.an_object(event.get("content_block"), "A block")
        checked.a_name(block.get("type"), "The type of a block")
        self._blocks[index] = _Block(block)
        self.size += sum(len(value.encode()) for name, value in block.items() if type(value) is str and name != "type")

    def _delta(self, event: Json) -> str:
        if self.done:
            checked.out_of_order("it goes on after its end")
        block, delta = self._block(event), checked.an_object(event.get("delta"), "A delta")
        self.size += block.add(delta)
        return delta["text"] if delta["type"] == "text_delta" else ""

    def _block(self, event: Json) -> _Block:
        index = checked.an_index(event, "index", _MOST_BLOCKS)
        block = self._blocks.get(index)
        if block is None or block.closed:
            checked.out_of_order(f"block {index} is not open")
        return block

    def _end(self, event: Json) -> None:
        if self._message is None:
            checked.out_of_order("it ends before it began")
        delta = checked.an_object(event.get("delta") or {}, "The last delta")
        for name, value in delta.items():
            if value is not None or name in _TOLD_AT_THE_END or name not in self._message:
                self._message[name] = value
        self._use(event.get("usage"), estimated=self._message.get("stop_reason") is None)

    def _use(self, usage: Any, *, estimated: bool) -> None:
        """What comes later counts from the beginning of the message, so it replaces what came before."""
        if usage is None:
            return
        more = checked.an_object(usage, "The usage")
        self._said_usage = {**self._said_usage, **{name: value for name, value in more.items() if value is not None}}
        self._usage = _usage(self._said_usage, estimated=estimated)

    def _stop(self) -> None:
        if self._message is None or any(not block.closed for block in self._blocks.values()):
            checked.out_of_order("it ends within a block")
        self.done = True

    def usage(self) -> Usage | None:
        return self._usage

    def finish(self) -> Json:
        message = self._message
        if not self.done or message is None or not message.get("stop_reason"):
            raise BrokenAnswer("The stream was cut before its end.")
        cut = checked.word(message["stop_reason"]) in _CUT
        answer = {**message, "content": [self._blocks[index].whole(cut=cut) for index in sorted(self._blocks)]}
        if self._said_usage:
            answer["usage"] = self._said_usage
            usage_of(answer)
        return check(answer)


class _Block:
    """One block of the content, as far as it has been told."""

    __slots__ = ("_begun", "_lists", "_texts", "closed")

    def __init__(self, begun: Json) -> None:
        self._begun = begun
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, list[Any]] = {}
        self.closed = False

    def add(self, delta: Json) -> int:
        """Takes one delta; how many bytes it says."""
        size = 0
        checked.a_name(delta.get("type"), "The type of a delta")
        for name, value in delta.items():
            if type(value) is str:
                if name != "type":
                    self._texts.setdefault(name, []).append(value)
                    size += len(value.encode())
            elif name == "citation":
                self._lists.setdefault("citations", []).append(value)
                size += len(str(value))
            elif value is not None:
                self._begun[name] = value
        if delta["type"] == "text_delta":
            checked.a_text(delta.get("text"), "The text of a delta")
        return size

    def stop(self) -> None:
        self.closed = True

    def whole(self, *, cut: bool) -> Json:
        block = dict(self._begun)
        for name, pieces in self._texts.items():
            if name != "partial_json":
                block[name] = str(block.get(name) or "") + "".join(pieces)
        for name, items in self._lists.items():
            known: Any = block.get(name)
            block[name] = [*known, *items] if isinstance(known, list) else items
        arguments = "".join(self._texts.get("partial_json", ()))
        if arguments:
            block["input"] = tool_input(arguments, cut=cut)
        return block


def tool_input(arguments: str, *, cut: bool) -> Json:
    """The input of a tool call. When the answer was cut at its limit, as much of it as was said."""
    try:
        value = orjson.loads(arguments)
    except orjson.JSONDecodeError as error:
        if not cut:
            raise BrokenAnswer("The input of a tool call is not JSON.") from error
        value = _said_so_far(arguments)
    return checked.an_object(value, "The input of a tool call")


def _said_so_far(arguments: str) -> Any:
    try:
        return from_json(arguments, allow_partial=True)
    except ValueError as error:
        raise BrokenAnswer("The input of a tool call is not JSON.") from error
