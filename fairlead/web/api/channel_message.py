"""One reply of a model on the channel `messages`: begun, piece by piece, whole.

What is told while the model speaks is told again to whoever comes later, and cut at the same places: each such event
has an id that follows from the message and the place, so that a reader who has it already passes it by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fairlead.web.api.frame import Frame
from fairlead.web.api.message import Message

PIECE = 16  # characters
"""What is left of a text is told when the next piece is whole, or with the end."""


class ChannelMessage:
    """What was told of one message on one connection."""

    __slots__ = ("_begun", "_block", "_id", "_node", "_text", "_told")

    def __init__(self, id: str, node: str) -> None:
        self._id = id
        self._node = node
        self._begun = self._block = False
        self._text = ""
        self._told = 0

    @property
    def begun(self) -> bool:
        return self._begun

    def begin(self) -> list[Frame]:
        if self._begun:
            return []
        self._begun = True
        start = self._passing("start", {"event": "message-start", "role": "ai", "metadata": {}})
        return [start, *self._whole_pieces()]

    def add(self, offset: int, text: str) -> list[Frame]:
        """A piece that begins at character `offset`. One before it may be lost: then the end tells it. What is heard
        before the message has begun waits: what came before it must be told first."""
        if offset <= len(self._text):
            self._text += text[len(self._text) - offset :]
        return self._whole_pieces() if self._begun else []

    def end(self, message: Message, usage: Mapping[str, int] | None) -> list[Frame]:
        self._text = message["content"] if isinstance(message["content"], str) else ""
        frames = [*self.begin(), *self._pieces(len(self._text))]
        blocks = [{"type": "text", "text": self._text}] if self._text else []
        calls = [{"type": call["type"], "id": call["id"], "name": call["name"], "args": call["args"],
                  **({"error": call["error"]} if "error" in call else {})}
                 for call in (*message["tool_calls"], *message["invalid_tool_calls"])]  # fmt: skip
        for index, block in enumerate([*blocks, *calls]):
            if block["type"] != "text":
                chunk = {"type": "tool_call_chunk", "id": block["id"], "name": block["name"], "args": ""}
                frames.append(self._frame({"event": "content-block-start", "index": index, "content": chunk}))
            frames.append(self._frame({"event": "content-block-finish", "index": index, "content": block}))
        reason = "tool_use" if calls else "stop"
        told = {"usage": dict(usage)} if usage else {}
        return [*frames, self._frame({"event": "message-finish", "reason": reason, **told})]

    def drop(self) -> list[Frame]:
        """Whoever was saying it is gone; it will be said again, as another message."""
        return [self._passing("error", {"event": "error", "code": "aborted", "message": "It is begun again."})]

    def _whole_pieces(self) -> list[Frame]:
        return list(self._pieces(len(self._text) - len(self._text) % PIECE))

    def _pieces(self, until: int) -> Iterator[Frame]:
        if self._told < until and not self._block:
            self._block = True
            content = {"type": "text", "text": ""}
            yield self._passing("text", {"event": "content-block-start", "index": 0, "content": content})
        while self._told < until:
            piece = self._text[self._told : min(self._told + PIECE, until)]
            delta = {"type": "text-delta", "text": piece}
            yield self._passing(str(self._told), {"event": "content-block-delta", "index": 0, "delta": delta})
            self._told += len(piece)

    def _passing(self, place: str, data: dict[str, Any]) -> Frame:
        return Frame("messages", self._params(data), f"{self._id}:{place}", passing=True)

    def _frame(self, data: dict[str, Any]) -> Frame:
        return Frame("messages", self._params(data))

    def _params(self, data: dict[str, Any]) -> dict[str, Any]:
        # Clients tell messages that are said side by side apart by one or the other.
        return {"node": self._node, "data": {**data, "id": self._id, "run_id": self._id}}
