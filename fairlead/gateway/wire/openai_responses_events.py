"""The events of a stream that tells of an OpenAI response, in the documented order."""

from __future__ import annotations

from collections.abc import Iterator

from fairlead.gateway.wire.wire import Json


def events(answer: Json, piece: int) -> Iterator[Json]:
    """Each without its sequence number; text in pieces of so many letters."""
    begun: Json = {**answer, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(answer["output"]):
        yield from _item(item, index, piece)
    yield {"type": f"response.{answer['status']}", "response": answer}


def _item(item: Json, index: int, piece: int) -> Iterator[Json]:
    at = {"output_index": index}
    within = {"item_id": item.get("id", ""), **at}
    begun: Json = {}  # what is not yet told when the item begins
    match item["type"]:
        case "message":
            begun["status"], begun["content"] = "in_progress", []
            told = _parts(item, within, piece)
        case "function_call":
            begun["status"], begun["arguments"] = "in_progress", ""
            told = _arguments(item, within, piece)
        case "reasoning":
            begun["summary"] = []
            told = _summary(item, within, piece)
        case _:
            told = iter(())
    yield {"type": "response.output_item.added", "item": {**item, **begun}, **at}
    yield from told
    yield {"type": "response.output_item.done", "item": item, **at}


def _parts(item: Json, within: Json, piece: int) -> Iterator[Json]:
    for index, part in enumerate(item.get("content") or []):
        at = {**within, "content_index": index}
        name = "refusal" if part["type"] == "refusal" else "text"
        text = part.get(name) or ""
        yield {"type": "response.content_part.added", "part": {**part, name: ""}, **at}
        more: Json = {} if name == "refusal" else {"logprobs": []}
        yield from _text(f"response.{part['type']}", name, text, {**at, **more}, piece)
        yield {"type": "response.content_part.done", "part": part, **at}


def _arguments(item: Json, within: Json, piece: int) -> Iterator[Json]:
    at = {**within, "name": item["name"]}
    for event in _text("response.function_call_arguments", "arguments", item["arguments"], at, piece):
        if "delta" in event:
            del event["name"]
        yield event


def _summary(item: Json, within: Json, piece: int) -> Iterator[Json]:
    for index, part in enumerate(item.get("summary") or []):
        at = {**within, "summary_index": index}
        text = part.get("text") or ""
        yield {"type": "response.reasoning_summary_part.added", "part": {**part, "text": ""}, **at}
        yield from _text("response.reasoning_summary_text", "text", text, at, piece)
        yield {"type": "response.reasoning_summary_part.done", "part": part, **at}


def _text(kind: str, name: str, text: str, at: Json, piece: int) -> Iterator[Json]:
    for start in range(0, len(text), piece):
        yield {"type": f"{kind}.delta", "delta": text[start : start + piece], **at}
    yield {"type": f"{kind}.done", name: text, **at}
