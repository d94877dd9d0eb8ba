"""The door to whoever remembers answers (the journal of a run), so that the gateway need not know it."""

from __future__ import annotations

from typing import Protocol

from fairlead.gateway.provider import Complete
from fairlead.gateway.types import ModelReply, ModelRequest


class Recorder(Protocol):
    async def once(self, request: ModelRequest, call: Complete) -> ModelReply:
        """The recorded answer to this request, or what `call` gives in this same task, recorded."""
        ...
