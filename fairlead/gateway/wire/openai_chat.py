"""OpenAI chat completions as JSON: build a request, parse an answer, assemble a stream, emit one."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from fairlead.errors import BrokenAnswer, FairleadError, InvalidInput
from fairlead.gateway.types import Format
from fairlead.gateway.usage import OUTPUT_CAP, Usage
from fairlead.gateway.wire import checked, openai_chat_answer, openai_error, sse
from fairlead.gateway.wire.openai_chat_answer import Assembly, check
from fairlead.gateway.wire.wire import Json

FORMAT = Format.CHAT
PATH = "/chat/completions"

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_COST_THEIR_BYTES = frozenset({"text", "refusal", "input_audio"})


def parse_request(body: bytes) -> Json:
    """A request as a client sends it, checked as far as we rely on it."""
    request = checked.load_request(body)
    checked.a_name(request.get("model"), "`model`", InvalidInput)
    messages = checked.objects(request.get("messages"), "`messages`", InvalidInput)
    checked.expect(messages, "`messages` must be a list that is not empty.", InvalidInput)
    for message in messages:
        if checked.word(role := message.get("role")) not in _ROLES:
            raise InvalidInput(f"{role!r} is not a role.")
    for tool in checked.objects(request.get("tools"), "`tools`", InvalidInput):
        if tool.get("type", "function") == "function":
            function = checked.an_object(tool.get("function"), "A tool's `function`", InvalidInput)
            checked.a_name(function.get("name"), "The name of a tool", InvalidInput)
    output_cap(request)
    _stream_options(request)
    return request


def build(body: Json, *, model: str, streamed: bool, cap_name: str = "max_tokens") -> bytes:
    built: Json = {**body, "model": model, "stream": streamed}
    if not _cap(body):
        built[cap_name or "max_tokens"] = OUTPUT_CAP
    if streamed:
        built["stream_options"] = {**_stream_options(body), "include_usage": True}
    return checked.dump(built)


def _stream_options(body: Json) -> Json:
    options = body.get("stream_options")
    return {} if options is None else checked.an_object(options, "`stream_options`", InvalidInput)


def output_cap(body: Json) -> int:
    """Some servers obey one name of the limit, some the other: the larger one is what may come."""
    return _cap(body) or OUTPUT_CAP


def _cap(body: Json) -> int:
    if "max_completion_tokens" not in body:
        return checked.a_limit(body, "max_tokens") or 0
    new, old = checked.a_limit(body, "max_completion_tokens") or 0, checked.a_limit(body, "max_tokens") or 0
    return max(old, new)


def parts(body: Json) -> list[Json]:
    found: list[Json] = []
    for message in checked.dicts(body.get("messages")):
        if type(content := message.get("content")) is not str:  # most are
            found += [one for one in checked.dicts(content) if checked.word(one.get("type")) not in _COST_THEIR_BYTES]
    return found


def parse(body: bytes) -> Json:
    return check(checked.load(body))


def usage_of(answer: Json) -> Usage | None:
    return openai_chat_answer.usage_of(answer)


def assembly() -> Assembly:
    return Assembly()


def emit(answer: Json, *, piece: int = 16) -> Iterator[bytes]:
    head = {name: value for name, value in answer.items() if name not in ("choices", "usage", "object")}
    head["object"] = "chat.completion.chunk"
    for choice in answer["choices"]:
        for delta in _deltas(choice["message"], piece):
            yield _chunk(head, [{"index": choice["index"], "delta": delta, "finish_reason": None}])
        rest = {name: value for name, value in choice.items() if name != "message"}
        yield _chunk(head, [{**rest, "delta": {}}])
    if "usage" in answer:
        yield _chunk({**head, "usage": answer["usage"]}, [])
    yield sse.DONE


def _chunk(head: Json, choices: list[Json]) -> bytes:
    return checked.dump({**head, "choices": choices}, BrokenAnswer)


def _deltas(message: Json, piece: int) -> Iterator[Json]:
    texts = {name: value for name, value in message.items() if isinstance(value, str) and name != "role"}
    others = {name: value for name, value in message.items() if name not in texts and name != "tool_calls"}
    thoughts: list[Json] = others.pop("thinking_blocks", None) or []
    yield {"role": message.get("role", "assistant"), **others}
    yield from _thoughts(texts, thoughts, piece)
    # What was thought first is told first.
    for name, text in sorted(texts.items(), key=lambda item: not item[0].startswith("reasoning")):
        yield from _pieces(name, text, piece)
    for index, call in enumerate(message.get("tool_calls") or []):
        yield from _call_deltas(index, call, piece)


def _thoughts(texts: dict[str, str], thoughts: list[Json], piece: int) -> Iterator[Json]:
    """Each signed thought after its own text, as a provider that signs tells them."""
    if thoughts and "".join(thought.get("thinking", "") for thought in thoughts) != texts.get("reasoning_content"):
        yield {"thinking_blocks": thoughts}
        return
    for thought in thoughts:
        if thought.get("thinking"):
            yield from _pieces("reasoning_content", thought["thinking"], piece)
        yield {"thinking_blocks": [thought]}
    if thoughts:
        del texts["reasoning_content"]


def _pieces(name: str, text: str, piece: int) -> Iterator[Json]:
    for start in range(0, max(len(text), 1), piece):
        yield {name: text[start : start + piece]}


def _call_deltas(index: int, call: Json, piece: int) -> Iterator[Json]:
    kind = call.get("type") or "function"
    argued = "arguments" if kind == "function" else "input"
    called = call[kind]
    yield {"tool_calls": [{**call, "index": index, kind: {**called, argued: ""}}]}
    for start in range(0, len(called[argued]), piece):
        yield {"tool_calls": [{"index": index, kind: {argued: called[argued][start : start + piece]}}]}


def event(data: bytes) -> bytes:
    return sse.event(data)


def problem(status: int, error: FairleadError) -> bytes:
    return orjson.dumps(openai_error.body(status, error))


def broken_off(error: FairleadError) -> bytes:
    return orjson.dumps(openai_error.body(500, error))
