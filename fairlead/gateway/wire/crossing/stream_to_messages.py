"""The stream of a chat.completion as the stream of an Anthropic message, event by event.

Anthropic tells one block after the other; chat completions may tell several tool calls at once. So one block is
live, what is said of others waits, and a block is closed when it is known that no more of it will come.
"""

from __future__ import annotations

from typing import Any

import orjson

from fairlead.errors import BrokenAnswer, ErrorWithin
from fairlead.gateway.usage import Usage
from fairlead.gateway.wire import checked, openai_chat_answer, sse
from fairlead.gateway.wire.crossing import ending, whole
from fairlead.gateway.wire.wire import Json

_MOST_CALLS = 1024


class StreamToMessages:
    def __init__(self) -> None:
        self._blocks: list[_Block] = []  # the first is live, the others wait
        self._calls: dict[int, _Block] = {}
        self._told = 0  # blocks that have been closed
        self._begun = False
        self._done = False
        self._finish_reason: Any = None
        self._sequence: Any = None
        self._refused = False
        self._usage: Usage | None = None

    def feed(self, data: bytes) -> list[bytes]:
        if data == sse.DONE:
            return self._close()
        chunk = checked.load(data)
        if chunk.get("error"):
            raise ErrorWithin(checked.said(chunk["error"]))
        out: list[bytes] = []
        if not self._begun:
            self._begun = True
            out.append(_start(chunk))
        if chunk.get("usage") is not None:
            self._usage = openai_chat_answer.usage_of(chunk)
        for choice in checked.objects(chunk.get("choices"), "The choices of a chunk"):
            if choice.get("index", 0) == 0:
                self._choice(choice, out)
        return out

    def finish(self) -> list[bytes]:
        if not self._done:
            raise BrokenAnswer("The stream was cut before its end.")
        return []

    def _choice(self, choice: Json, out: list[bytes]) -> None:
        delta = checked.an_object(choice.get("delta") or {}, "A delta")
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought:
            self._add_thought(checked.a_text(thought, "The reasoning of a delta"), out)
        for block in checked.objects(delta.get("thinking_blocks"), "The thinking blocks"):
            self._sign(block, out)
        for name in ("content", "refusal"):
            if delta.get(name):
                self._refused = self._refused or name == "refusal"
                self._add_text(checked.a_text(delta[name], "The text of a delta"), out)
        if delta.get("tool_calls"):
            for piece in checked.objects(delta["tool_calls"], "The tool calls of a chunk"):
                self._add_call(piece, out)
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        self._sequence = choice.get("stop_reason") or self._sequence

    def _add_text(self, text: str, out: list[bytes]) -> None:
        self._add(self._last("text") or self._new(_Block("text", {"type": "text", "text": ""}), out), _text(text), out)

    def _add_thought(self, text: str, out: list[bytes]) -> None:
        self._add(
            self._last("thinking") or self._new(_thinking(), out), {"type": "thinking_delta", "thinking": text}, out
        )

    def _sign(self, block: Json, out: list[bytes]) -> None:
        """A thought that is told whole, after its text or without."""
        sealed = whole.sealed(block)
        if sealed.get("type") == "redacted_thinking":
            self._new(_Block("redacted", sealed), out)
            return
        live = self._last("thinking")
        if live is None:
            live = self._new(_thinking(), out)
            self._add(live, {"type": "thinking_delta", "thinking": checked.word(sealed.get("thinking"))}, out)
        if sealed.get("signature"):
            self._add(live, {"type": "signature_delta", "signature": sealed["signature"]}, out)
        live.sealed = True

    def _add_call(self, piece: Json, out: list[bytes]) -> None:
        index = checked.an_index(piece, "index", _MOST_CALLS)
        if piece.get("type", "function") not in ("function", None):
            raise BrokenAnswer("A custom tool call can't be carried to the client's format.")
        function = checked.an_object(piece.get("function") or {}, "A tool call's function")
        block = self._calls.get(index)
        if block is None:
            begun: Json = {"type": "tool_use", "id": None, "name": "", "input": {}}
            block = self._calls[index] = self._new(_Block("tool", begun), out)
        block.name(piece.get("id"), function.get("name"))
        arguments = function.get("arguments")
        if arguments:
            block.arguments.append(checked.a_text(arguments, "The arguments of a tool call"))
            self._add(block, {"type": "input_json_delta", "partial_json": arguments}, out)
        elif block is self._blocks[0] if self._blocks else False:
            self._flush(out)

    def _last(self, kind: str) -> _Block | None:
        block = self._blocks[-1] if self._blocks else None
        return block if block is not None and block.kind == kind and not block.sealed else None

    def _new(self, block: _Block, out: list[bytes]) -> _Block:
        self._blocks.append(block)
        while len(self._blocks) > 1 and self._blocks[0].may_close():
            self._end_first(out)
        self._flush(out)
        return block

    def _add(self, block: _Block, delta: Json, out: list[bytes]) -> None:
        if block.closed:
            checked.out_of_order("a tool call goes on after its end")
        block.waiting.append(delta)
        if block is self._blocks[0]:
            self._flush(out)

    def _flush(self, out: list[bytes]) -> None:
        """Tells what waits of the first block, if it can be opened."""
        block = self._blocks[0]
        if not block.open:
            if not block.named:
                return
            block.open = True
            out.append(_event({"type": "content_block_start", "index": self._told, "content_block": block.begun}))
        for delta in block.waiting:
            out.append(_event({"type": "content_block_delta", "index": self._told, "delta": delta}))
        block.waiting.clear()

    def _end_first(self, out: list[bytes]) -> None:
        self._flush(out)
        block = self._blocks.pop(0)
        if not block.open:
            raise BrokenAnswer("A tool call has no id or name.")
        block.closed = True
        out.append(_event({"type": "content_block_stop", "index": self._told}))
        self._told += 1

    def _close(self) -> list[bytes]:
        if self._done or not self._begun or not self._finish_reason:
            raise BrokenAnswer("The stream was cut before its end.")
        out: list[bytes] = []
        while self._blocks:
            self._end_first(out)
        end = whole.end(self._finish_reason, self._sequence, refused=self._refused)
        out.append(_event({"type": "message_delta", "delta": end, "usage": ending.messages_usage(self._usage)}))
        out.append(_event({"type": "message_stop"}))
        self._done = True
        return out


class _Block:
    """One block of the message. `begun` is how it opens; `waiting` what is to be told of it."""

    __slots__ = ("arguments", "begun", "closed", "kind", "open", "sealed", "waiting")

    def __init__(self, kind: str, begun: Json) -> None:
        self.kind = kind
        self.begun = begun
        self.waiting: list[Json] = []
        self.arguments: list[str] = []
        self.open = False
        self.sealed = False
        self.closed = False

    @property
    def named(self) -> bool:
        return self.kind != "tool" or bool(self.begun["id"] and self.begun["name"])

    def name(self, call: Any, name: Any) -> None:
        if self.open:
            if name:
                checked.out_of_order("a tool call is named twice")
            return
        self.begun["id"] = call or self.begun["id"]
        self.begun["name"] += checked.word(name)

    def may_close(self) -> bool:
        """Of a tool call no more comes when its arguments are whole JSON."""
        if self.kind != "tool":
            return True
        try:
            orjson.loads("".join(self.arguments))
        except orjson.JSONDecodeError:
            return False
        return self.named


def _thinking() -> _Block:
    return _Block("thinking", {"type": "thinking", "thinking": "", "signature": ""})


def _text(text: str) -> Json:
    return {"type": "text_delta", "text": text}


def _start(chunk: Json) -> bytes:
    message = {"id": chunk.get("id"), "type": "message", "role": "assistant", "model": chunk.get("model")}
    nothing: Json = {"content": [], "stop_reason": None, "stop_sequence": None}
    return _event({"type": "message_start", "message": {**message, **nothing, "usage": ending.messages_usage(None)}})


def _event(event: Json) -> bytes:
    return checked.dump(event, BrokenAnswer)
