"""One module for each wire format: parse, build, assemble, emit; and `cross`, from one format to another.

Main path: bytes or JSON of a provider in, values out, and back. `WIRES` has them all, each of the shape `Wire`.

May import: gateway.types and below.
"""

from fairlead.gateway.types import Format
from fairlead.gateway.wire import anthropic_messages, openai_chat, openai_embeddings, openai_responses
from fairlead.gateway.wire.wire import Assembly, Wire, Wires

__all__ = ["WIRES", "Assembly", "Wire", "Wires"]

WIRES: Wires = {
    Format.CHAT: openai_chat,
    Format.RESPONSES: openai_responses,
    Format.MESSAGES: anthropic_messages,
    Format.EMBEDDINGS: openai_embeddings,
}
