"""An OpenAI response: checked, counted, and put together from the events of a stream."""

from __future__ import annotations

from typing import Any

from fairlead.errors import BrokenAnswer, ErrorWithin
from fairlead.gateway.usage import Usage
from fairlead.gateway.wire import checked, sse
from fairlead.gateway.wire.wire import Json

_MOST_ITEMS = 4096
_WHOLE = frozenset({"completed", "incomplete"})
_CLOSING = frozenset({"response.completed", "response.incomplete"})
_FAILING = frozenset({"response.failed", "response.cancelled"})


def check(answer: Json) -> Json:
    """The answer, which code may now rely on."""
    if answer.get("status") in ("failed", "cancelled"):
        raise ErrorWithin(checked.said(answer.get("error") or f"the response is {answer['status']}"))
    checked.expect(checked.word(answer.get("status")) in _WHOLE, "The response is not complete.")
    checked.expect(type(answer.get("output")) is list, "The response has no output.")
    for item in checked.objects(answer["output"], "The output"):
        _check_item(item)
    return answer


def _check_item(item: Json) -> None:
    match checked.a_name(item.get("type"), "The type of an item"):
        case "message":
            for part in checked.objects(item.get("content"), "The content"):
                kind = checked.a_name(part.get("type"), "The type of a part")
                name = {"output_text": "text", "refusal": "refusal"}.get(kind)
                if name is not None:
                    checked.a_text(part.get(name), "A part of the answer")
        case "function_call":
            checked.a_name(item.get("call_id"), "The id of a tool call")
            checked.a_name(item.get("name"), "The name of a tool call")
            checked.a_text(item.get("arguments"), "The arguments of a tool call")
        case "reasoning":
            checked.objects(item.get("summary"), "The summary of the reasoning")
        case _:
            pass  # what hosted tools did passes through


def usage_of(answer: Json) -> Usage | None:
    """What the provider says it used, None when it does not say, BrokenAnswer when it can't be true."""
    if answer.get("usage") is None:
        return None
    usage = checked.an_object(answer["usage"], "The usage")
    tokens_in, tokens_out = checked.a_count(usage, "input_tokens"), checked.a_count(usage, "output_tokens")
    cached = checked.a_detail(usage, "input_tokens_details", "cached_tokens")
    written = checked.a_detail(usage, "input_tokens_details", "cache_write_tokens")
    reasoning = checked.a_detail(usage, "output_tokens_details", "reasoning_tokens")
    checked.expect(cached + written <= tokens_in, "The usage counts more cached tokens than tokens.")
    checked.expect(reasoning <= tokens_out, "The usage counts more reasoning than output.")
    return Usage(
        tokens_in, tokens_out, cached, reasoning, cache_written=written, cache_written_long=_long(usage, written)
    )


def _long(usage: Json, written: int) -> int:
    details = checked.an_object(usage.get("input_tokens_details") or {}, "The usage's input_tokens_details")
    return min(checked.a_detail(details, "cache_write_tokens_details", "ttl_12h_tokens"), written)


class Assembly:
    """Waits for the closing event, which has the whole response, and counts what is said until then."""

    def __init__(self) -> None:
        self._response: Json | None = None
        self._items: dict[int, Json] = {}
        self._usage: Usage | None = None
        self._begun = False
        self.size = 0
        self.done = False

    def feed(self, data: bytes) -> str:
        if data == sse.DONE and self.done:
            return ""  # some servers close with it as chat completions do
        event = checked.load(data)
        if self.done:
            checked.out_of_order("it goes on after its end")
        kind = event.get("type")
        if type(kind) is not str:
            raise BrokenAnswer("An event of the stream has no type.") if not event.get("error") else _within(event)
        delta = event.get("delta")
        if delta is None:
            self._mark(kind, event)
            return ""
        text = delta if type(delta) is str else str(delta)
        self.size += len(text.encode())
        if kind != "response.output_text.delta":
            return ""
        return checked.a_text(delta, "The text of a delta")

    def _mark(self, kind: str, event: Json) -> None:
        if kind == "error":
            raise _within(event)
        if "response" in event:
            self._hear(kind, checked.an_object(event["response"], "The response"))
        elif kind == "response.output_item.done":
            index = checked.an_index(event, "output_index", _MOST_ITEMS)
            self._items[index] = checked.an_object(event.get("item"), "An item")

    def _hear(self, kind: str, response: Json) -> None:
        if kind == "response.created":
            if self._begun:
                checked.out_of_order("it begins twice")
            self._begun = True
        if response.get("usage") is not None:
            self._usage = usage_of(response)
        if kind in _FAILING:
            raise ErrorWithin(checked.said(response.get("error") or kind))
        if kind in _CLOSING:
            self._response, self.done = response, True

    def usage(self) -> Usage | None:
        return self._usage

    def finish(self) -> Json:
        if self._response is None:
            raise BrokenAnswer("The stream was cut before its end.")
        # Some servers leave the output out of the closing event: it was told item by item.
        output: Any = self._response.get("output") or [self._items[index] for index in sorted(self._items)]
        return check({**self._response, "output": output})


def _within(event: Json) -> ErrorWithin:
    return ErrorWithin(checked.said(event.get("error") or {"code": event.get("code"), "message": event.get("message")}))
