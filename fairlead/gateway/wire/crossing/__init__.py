"""From one wire format to another: chat completions and Anthropic messages, both ways.

Main path: `request` on the way to the provider, `answer` or `stream` on the way back. What can't be carried is
refused, or left out and named. Responses are not converted, but for the simulated model: a request to chat
completions, and a whole answer back, though `can` says no.

May import: gateway.wire and below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fairlead.errors import InvalidInput
from fairlead.gateway.types import Format
from fairlead.gateway.wire.crossing import request_to_chat, request_to_messages, responses, whole
from fairlead.gateway.wire.crossing.losses import Losses
from fairlead.gateway.wire.crossing.stream_to_chat import StreamToChat
from fairlead.gateway.wire.crossing.stream_to_messages import StreamToMessages
from fairlead.gateway.wire.wire import Json

__all__ = ["Crossed", "StreamCrossing", "answer", "can", "request", "stream"]


_CONVERTED = frozenset((Format.CHAT, Format.MESSAGES))


@dataclass(frozen=True, slots=True)
class Crossed:
    """A request in the provider's format. `dropped`: the fields that were left out, for a warning."""

    body: Json
    dropped: tuple[str, ...] = ()


class StreamCrossing(Protocol):
    """Turns the events of a provider's stream into those of the client's, one by one."""

    def feed(self, data: bytes) -> list[bytes]:
        """Takes the data of one event; gives the data of the events that tell the same.

        Raises BrokenAnswer for what is no event, ErrorWithin for an error in the provider's own words.
        """
        ...

    def finish(self) -> list[bytes]:
        """What is left to tell when the provider has told all; BrokenAnswer when the end never came."""
        ...


def can(source: Format, target: Format) -> bool:
    """Whether a request in one format can be answered by any provider of the other."""
    return source is target or {source, target} <= _CONVERTED


def request(
    body: Json, source: Format, target: Format, *, lossy: bool, cap_name: str = "max_completion_tokens"
) -> Crossed:
    """The request in the provider's format. InvalidInput for what is wrong in it, and for what can't be carried
    unless it is `lossy`. `cap_name`: what a chat provider calls the limit on the answer."""
    losses = Losses(lossy=lossy)
    match source, target:
        case _ if source is target:
            made = body
        case Format.CHAT, Format.MESSAGES:
            made = request_to_messages.convert(body, losses)
        case Format.MESSAGES, Format.CHAT:
            made = request_to_chat.convert(body, losses, cap_name=cap_name)
        case Format.RESPONSES, Format.CHAT:
            made = responses.request_to_chat(body)
        case _:
            raise _no_way(source, target)
    return Crossed(made, tuple(losses.dropped))


def answer(said: Json, source: Format, target: Format, *, created: int = 0) -> Json:
    """A provider's whole answer, checked before, in the client's format. `created`: the second that it is dated,
    for a format that has a date. BrokenAnswer for what a client of that format could not be told."""
    match source, target:
        case _ if source is target:
            return said
        case Format.MESSAGES, Format.CHAT:
            return whole.to_chat(said, created=created)
        case Format.CHAT, Format.MESSAGES:
            return whole.to_messages(said)
        case Format.CHAT, Format.RESPONSES:
            return responses.answer_from_chat(said, {})
        case _:
            raise _no_way(source, target)


def stream(source: Format, target: Format, *, created: int = 0, with_usage: bool = True) -> StreamCrossing:
    """One for each stream. `with_usage`: whether the client of a chat stream has asked for its usage."""
    match source, target:
        case Format.MESSAGES, Format.CHAT:
            return StreamToChat(created=created, with_usage=with_usage)
        case Format.CHAT, Format.MESSAGES:
            return StreamToMessages()
        case _:
            raise _no_way(source, target)


def _no_way(source: Format, target: Format) -> InvalidInput:
    return InvalidInput(
        f"There is no way from the format {source.value!r} to {target.value!r}.",
        hint="Use a model of a provider that speaks the format of the request, or ask in chat completions.",
    )
