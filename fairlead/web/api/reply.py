"""Answers, as small ASGI applications."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from starlette.types import Receive, Scope, Send

Headers = Sequence[tuple[bytes, bytes]]


class Reply(Protocol):
    """What a handler gives back."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


@dataclass(frozen=True, slots=True)
class JsonReply:
    """A whole answer."""

    body: bytes
    status: int = 200
    headers: Headers = ()
    media_type: bytes = b"application/json"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", self.media_type),
            (b"content-length", str(len(self.body)).encode()),
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def json_reply(value: Any, *, status: int = 200, headers: Headers = ()) -> JsonReply:
    """A status of 204 has no body."""
    return JsonReply(b"" if status == 204 else orjson.dumps(value), status=status, headers=headers)
