"""The stream of an Anthropic message as the stream of a chat.completion, event by event."""

from __future__ import annotations

from typing import Any

from fairlead.errors import BrokenAnswer, ErrorWithin
from fairlead.gateway.wire import anthropic_messages_answer, checked, sse
from fairlead.gateway.wire.crossing import ending, whole
from fairlead.gateway.wire.wire import Json

_MOST_BLOCKS = 4096


class StreamToChat:
    """`created`: the second that the answer is dated. `with_usage`: the client has asked for its usage."""

    def __init__(self, *, created: int, with_usage: bool) -> None:
        self._head: Json = {"id": None, "object": "chat.completion.chunk", "created": created, "model": None}
        self._with_usage = with_usage
        self._usage: Json = {}
        self._thoughts: dict[int, Json] = {}
        self._thought = 0  # how many thoughts are told
        self._calls: dict[int, int] = {}  # the block's index to the call's
        self._empty: set[int] = set()  # calls of which no argument has been told
        self._end: Json | None = None
        self._done = False

    def feed(self, data: bytes) -> list[bytes]:
        event = checked.load(data)
        match event.get("type"):
            case "content_block_delta":
                return self._delta(event)
            case "message_start":
                return self._start(event)
            case "content_block_start":
                return self._open(event)
            case "content_block_stop":
                return self._close(event)
            case "message_delta":
                return self._finish(event)
            case "message_stop":
                return self._stop()
            case "error":
                raise ErrorWithin(checked.said(event.get("error")))
            case _:
                return []

    def finish(self) -> list[bytes]:
        if not self._done:
            raise BrokenAnswer("The stream was cut before its end.")
        return []

    def _start(self, event: Json) -> list[bytes]:
        message = checked.an_object(event.get("message"), "The message")
        self._head["id"], self._head["model"] = message.get("id"), message.get("model")
        self._use(message.get("usage"))
        return [self._say({"role": "assistant"})]

    def _use(self, usage: Any) -> None:
        if usage is not None:
            said = checked.an_object(usage, "The usage")
            self._usage |= {name: value for name, value in said.items() if value is not None}

    def _open(self, event: Json) -> list[bytes]:
        index = checked.an_index(event, "index", _MOST_BLOCKS)
        block = checked.an_object(event.get("content_block"), "A block")
        match block.get("type"):
            case "text":
                return [self._say({"content": checked.a_text(block.get("text"), "The text of a block")})]
            case "thinking" | "redacted_thinking":
                self._thoughts[index] = dict(block)
                thought = checked.a_text(block.get("thinking", ""), "The thinking of a block")
                return [self._say({"reasoning_content": thought})] if thought else []
            case "tool_use":
                return [self._say(self._call(index, block))]
            case kind:
                raise BrokenAnswer(f"A block of the kind {kind!r} can't be carried to the client's format.")

    def _call(self, index: int, block: Json) -> Json:
        self._calls[index] = number = len(self._calls)
        given: Json = block.get("input") or {}
        if not given:
            self._empty.add(index)
        function = {"name": block.get("name"), "arguments": checked.dump(given, BrokenAnswer).decode() if given else ""}
        return {"tool_calls": [{"index": number, "id": block.get("id"), "type": "function", "function": function}]}

    def _delta(self, event: Json) -> list[bytes]:
        delta = checked.an_object(event.get("delta"), "A delta")
        match delta.get("type"):
            case "text_delta":
                return [self._say({"content": checked.a_text(delta.get("text"), "The text of a delta")})]
            case "thinking_delta":
                thought = checked.a_text(delta.get("thinking"), "The thinking of a delta")
                self._grow(event, "thinking", thought)
                return [self._say({"reasoning_content": thought})]
            case "signature_delta":
                self._grow(event, "signature", checked.a_text(delta.get("signature"), "The signature"))
                return []
            case "input_json_delta":
                return self._argue(event, checked.a_text(delta.get("partial_json"), "The input of a tool call"))
            case _:
                return []

    def _grow(self, event: Json, name: str, text: str) -> None:
        thought = self._thoughts.get(checked.an_index(event, "index", _MOST_BLOCKS))
        if thought is None:
            checked.out_of_order("a thought has not begun")
        thought[name] = checked.word(thought.get(name)) + text

    def _argue(self, event: Json, arguments: str) -> list[bytes]:
        index = checked.an_index(event, "index", _MOST_BLOCKS)
        number = self._calls.get(index)
        if number is None:
            checked.out_of_order("a tool call has not begun")
        if arguments:
            self._empty.discard(index)
        return [self._say({"tool_calls": [{"index": number, "function": {"arguments": arguments}}]})]

    def _close(self, event: Json) -> list[bytes]:
        index = checked.an_index(event, "index", _MOST_BLOCKS)
        if index in self._empty:
            self._empty.discard(index)
            return self._argue(event, "{}")
        thought = self._thoughts.pop(index, None)
        if thought is None:
            return []
        # The official client puts lists together by the index of their items, and fails without one.
        kept = {"index": self._thought, **whole.placed(thought, index, self._thought)}
        self._thought += 1
        return [self._say({"thinking_blocks": [kept]})]

    def _finish(self, event: Json) -> list[bytes]:
        self._use(event.get("usage"))
        delta = checked.an_object(event.get("delta") or {}, "The last delta")
        if delta.get("stop_reason") is None:
            return []
        reason = ending.finish_reason(delta["stop_reason"])
        said = whole.refusal(delta.get("stop_details"))
        self._end = {
            "index": 0,
            "delta": said,
            "finish_reason": reason,
            **whole.stopped_by(delta.get("stop_sequence")),
        }
        return [self._event([self._end])]

    def _stop(self) -> list[bytes]:
        if self._end is None:
            raise BrokenAnswer("The stream was cut before its end.")
        self._done = True
        used = anthropic_messages_answer.usage_of({"usage": self._usage}) if self._usage else None
        told = [self._event([], usage=ending.chat_usage(used))] if used is not None and self._with_usage else []
        return [*told, sse.DONE]

    def _say(self, delta: Json) -> bytes:
        return self._event([{"index": 0, "delta": delta, "finish_reason": None}])

    def _event(self, choices: list[Json], **more: Any) -> bytes:
        return checked.dump({**self._head, "choices": choices, **more}, BrokenAnswer)
