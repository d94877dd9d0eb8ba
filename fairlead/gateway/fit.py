"""Fit a conversation into a token limit: the instructions and the latest turns stay, what is older becomes a summary.

The summary is a model call like any other: recorded, budgeted, told. Where the older part ends moves rarely and by
leaps, so that a conversation that grows is not summarised anew at every turn; each summary builds on the one before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import orjson

from fairlead.errors import InvalidInput
from fairlead.gateway.history import Message, head_and_groups, tokens_of
from fairlead.gateway.types import Format, ModelReply, ModelRequest
from fairlead.gateway.way import Way

Ask = Callable[[ModelRequest], Awaitable[ModelReply]]

_LEAST = 256  # tokens: below it there is no room for a summary and a turn
_SUMMARY_SHARE = 4  # a quarter of the limit
_KEPT_SHARE = 2  # after a leap the turns that are kept take at most half of it
_TASK = (
    "Summarise the conversation below for the assistant that will carry it on. Keep every fact, decision, number, "
    "name, id and open question that later turns may need; leave out courtesies. Write plain sentences."
)
_INTRODUCTION = "Summary of the conversation so far:\n"


def cuts(groups: Sequence[Sequence[Message]], limit: int) -> list[int]:
    """Where older parts end: indexes of groups, ascending, the last one in force. Empty when everything fits.

    The cuts of a conversation are also the first cuts of every longer one that begins with it.
    """
    found: list[int] = []
    since, kept = 0, 0
    sizes = [tokens_of(group) for group in groups]
    for index, size in enumerate(sizes):
        kept += size
        room = limit - (limit // _SUMMARY_SHARE if found else 0)
        if kept <= room or index == since:
            continue
        while since < index and kept > limit // _KEPT_SHARE:
            kept -= sizes[since]
            since += 1
        found.append(since)
    return found


async def fitted(request: ModelRequest, ask: Ask) -> ModelRequest:
    """The request with a history of at most `choices.fit` tokens, as far as whole turns allow. `ask` is called once for
    each summary that is needed. Raises InvalidInput for a limit that holds nothing."""
    limit = request.choices.fit or 0
    if limit < _LEAST:
        raise InvalidInput(f"A history can't be fitted into {limit} tokens.", hint=f"Give {_LEAST} or more.")
    if request.format is Format.EMBEDDINGS:
        raise InvalidInput("Embeddings have no history that could be fitted.")
    if request.format is Format.RESPONSES:
        raise InvalidInput("A responses request can't be fitted.", hint="Set its own `truncation` instead.")
    head, groups = head_and_groups(request.body["messages"])
    found = cuts(groups, limit)
    if not found:
        return request
    summary, begin = "", 0
    for end in found:
        summary = await _summary(request, ask, summary, [m for group in groups[begin:end] for m in group], limit)
        begin = end
    rest = [message for group in groups[begin:] for message in group]
    return replace(request, body=_with_summary(request, head, summary, rest))


async def _summary(request: ModelRequest, ask: Ask, before: str, older: list[Message], limit: int) -> str:
    told = f"{_INTRODUCTION}{before}\n\n" if before else ""
    transcript = told + "\n".join(orjson.dumps(message).decode() for message in older)
    body = {
        "messages": [{"role": "system", "content": _TASK}, {"role": "user", "content": transcript}],
        "max_tokens": limit // _SUMMARY_SHARE,
    }
    choices = replace(request.choices, fit=None, complexity="simple")
    asked = replace(request, body=body, format=Format.CHAT, sink=None, choices=choices, way=Way(request.way.own))
    return (await ask(asked)).message.get("content") or ""


def _with_summary(request: ModelRequest, head: list[Message], summary: str, rest: list[Message]) -> dict[str, Any]:
    said = _INTRODUCTION + summary
    if request.format is Format.CHAT:
        return {**request.body, "messages": [*head, {"role": "system", "content": said}, *rest]}
    system: Any = request.body.get("system") or []
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else list(system)
    return {**request.body, "system": [*blocks, {"type": "text", "text": said}], "messages": rest}
