"""OpenAI chat completions as JSON: build a request, parse an answer, assemble a stream, emit one.

An answer is checked before anyone believes it: what is missing, of the wrong type or absurd is a BrokenAnswer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import orjson

from fairlead.errors import BrokenAnswer, InvalidInput, NotJson
from fairlead.gateway import bounds
from fairlead.gateway.types import ModelRequest, Usage, split_model

_MOST_TOKENS = 10_000_000  # several times the largest context window: more is nonsense, not usage
_MOST_CHOICES = 128
_MOST_CALLS = 1024
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


def build(request: ModelRequest, *, cap_name: str = "max_tokens") -> bytes:
    """The request as the provider wants it: its own model name, our cap on the answer, usage asked of streams."""
    _, model = split_model(request.model)
    body: dict[str, Any] = {**request.body, "model": model, "stream": request.on_delta is not None}
    if "max_tokens" not in body and "max_completion_tokens" not in body:
        body[cap_name] = bounds.OUTPUT_CAP
    if body["stream"]:
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    try:
        return orjson.dumps(body)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise NotJson(f"The request to the model is not JSON: {error}.", hint="Pass plain JSON values.") from error


def parse_request(body: bytes) -> dict[str, Any]:
    """A request as a client sends it, checked as far as we rely on it."""
    request = _object(_load(body, InvalidInput), "The body", InvalidInput)
    _expect(isinstance(request.get("model"), str) and request["model"], "`model` is missing.", InvalidInput)
    messages = request.get("messages")
    _expect(isinstance(messages, list) and messages != [], "`messages` must be a list that is not empty.", InvalidInput)
    for message in cast("list[Any]", messages):
        role = _object(message, "A message", InvalidInput).get("role")
        _expect(role in _ROLES, f"{role!r} is not a role.", InvalidInput)
    tools = request.get("tools")
    _expect(tools is None or isinstance(tools, list), "`tools` must be a list.", InvalidInput)
    for tool in cast("list[Any]", tools or []):
        function = _object(_object(tool, "A tool", InvalidInput).get("function"), "A tool's `function`", InvalidInput)
        _expect(isinstance(function.get("name"), str), "A tool's `function` has no name.", InvalidInput)
    return request


def parse(body: bytes) -> dict[str, Any]:
    """A whole answer, checked: a chat.completion that code may rely on."""
    return check(_load(body, BrokenAnswer))


def check(answer: Any) -> dict[str, Any]:
    completion = _object(answer, "The answer")
    choices = completion.get("choices")
    _expect(isinstance(choices, list) and choices != [], "The answer has no choices.")
    for choice in cast("list[Any]", choices):
        _check_choice(_object(choice, "A choice"))
    usage_of(completion)
    return completion


def _check_choice(choice: dict[str, Any]) -> None:
    message = _object(choice.get("message"), "A choice's message")
    content, calls = message.get("content"), message.get("tool_calls")
    _expect(content is None or isinstance(content, str), "The content of the answer is no text.")
    _expect(calls is None or isinstance(calls, list), "The tool calls of the answer are no list.")
    for item in cast("list[Any]", calls or []):
        call = _object(item, "A tool call")
        function = _object(call.get("function"), "A tool call's function")
        whole = all(isinstance(part, str) for part in (call.get("id"), function.get("name"), function.get("arguments")))
        _expect(whole and call["id"] and function["name"], "A tool call has no id, name or arguments.")
    _expect(isinstance(choice.get("finish_reason"), str), "The answer does not say why it ended.")


def usage_of(completion: dict[str, Any]) -> Usage | None:
    """What the provider says it used, None when it does not say, BrokenAnswer when it can't be true."""
    if completion.get("usage") is None:
        return None
    usage = _object(completion["usage"], "The usage")
    tokens_in, tokens_out = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    cached = _detail(usage, "prompt_tokens_details", "cached_tokens")
    reasoning = _detail(usage, "completion_tokens_details", "reasoning_tokens")
    _expect(cached <= tokens_in, "The usage counts more cached tokens than tokens.")
    return Usage(tokens_in, tokens_out, cached, reasoning)


def _detail(usage: dict[str, Any], group: str, name: str) -> int:
    details = usage.get(group)
    return 0 if details is None else _count(_object(details, f"The usage's {group}"), name, missing=0)


def _count(counts: dict[str, Any], name: str, missing: int | None = None) -> int:
    value = counts.get(name)
    if value is None and missing is not None:
        return missing
    sound = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS
    _expect(sound, f"The usage has an impossible {name}: {str(value)[:40]}.")
    return cast("int", value)


class Assembly:
    """Puts the chunks of a stream together into the chat.completion they tell of.

    `feed` each chunk, in order; `finish` gives the whole, or BrokenAnswer when the end never came.
    """

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._usage: Any = None
        self.size = 0  # bytes of text and arguments so far

    def feed(self, chunk: Any) -> str:
        """Takes one chunk and returns the text it adds to the first choice."""
        chunk = _object(chunk, "A chunk of the stream")
        for name, value in chunk.items():
            if name not in ("choices", "usage", "object"):
                self._head[name] = value
        if chunk.get("usage") is not None:
            self._usage = chunk["usage"]
        choices = chunk.get("choices")
        _expect(choices is None or isinstance(choices, list), "The choices of a chunk are no list.")
        return "".join([self._feed_choice(_object(choice, "A choice")) for choice in cast("list[Any]", choices or [])])

    def _feed_choice(self, piece: dict[str, Any]) -> str:
        index = _index(piece, _MOST_CHOICES)
        choice = self._choices.setdefault(index, {"index": index, "texts": {}, "extra": {}, "calls": {}, "end": None})
        delta = _object(piece.get("delta") or {}, "A delta")
        for name, value in delta.items():
            if name == "tool_calls":
                for call in _list(value):
                    self._feed_call(choice["calls"], _object(call, "A tool call"))
            elif isinstance(value, str) and name != "role":
                choice["texts"].setdefault(name, []).append(value)
                self.size += len(value.encode())
            elif value is not None or name not in choice["texts"]:
                choice["extra"][name] = value
        for name, value in piece.items():
            if name not in ("index", "delta", "finish_reason"):
                choice[f"+{name}"] = value
        choice["end"] = piece.get("finish_reason") or choice["end"]
        content = delta.get("content")
        return content if index == 0 and isinstance(content, str) else ""

    def _feed_call(self, calls: dict[int, dict[str, Any]], piece: dict[str, Any]) -> None:
        index = _index(piece, _MOST_CALLS)
        call = calls.setdefault(index, {"id": None, "type": "function", "name": [], "arguments": []})
        call["id"] = piece.get("id") or call["id"]
        call["type"] = piece.get("type") or call["type"]
        function = _object(piece.get("function") or {}, "A tool call's function")
        for name in ("name", "arguments"):
            value = function.get(name)
            _expect(value is None or isinstance(value, str), f"The {name} of a tool call is no text.")
            if value:
                call[name].append(value)
                self.size += len(value.encode())

    def finish(self, *, done: bool) -> dict[str, Any]:
        """The whole answer. `done`: the provider said that this was all."""
        choices = [self._choices[index] for index in sorted(self._choices)]
        _expect(done and choices and all(c["end"] for c in choices), "The stream was cut before its end.")
        completion = {**self._head, "object": "chat.completion", "choices": [_whole_choice(c) for c in choices]}
        if self._usage is not None:
            completion["usage"] = self._usage
        return check(completion)


def _whole_choice(choice: dict[str, Any]) -> dict[str, Any]:
    texts = {name: "".join(pieces) for name, pieces in choice["texts"].items()}
    message: dict[str, Any] = {"role": "assistant", "content": None, **choice["extra"], **texts}
    if choice["calls"]:
        message["tool_calls"] = [_whole_call(choice["calls"][index]) for index in sorted(choice["calls"])]
    extra = {name[1:]: value for name, value in choice.items() if name.startswith("+")}
    return {"index": choice["index"], "message": message, "finish_reason": choice["end"], **extra}


def _whole_call(call: dict[str, Any]) -> dict[str, Any]:
    function = {"name": "".join(call["name"]), "arguments": "".join(call["arguments"])}
    return {"id": call["id"], "type": call["type"], "function": function}


def emit(completion: dict[str, Any], *, piece: int = 16) -> Iterator[dict[str, Any]]:
    """The chunks of a stream that tell of this answer: text in pieces of so many characters, usage last."""
    head = {name: value for name, value in completion.items() if name not in ("choices", "usage", "object")}
    head["object"] = "chat.completion.chunk"
    for choice in completion["choices"]:
        for delta in _deltas(choice["message"], piece):
            yield {**head, "choices": [{"index": choice["index"], "delta": delta, "finish_reason": None}]}
        rest = {name: value for name, value in choice.items() if name != "message"}
        yield {**head, "choices": [{**rest, "delta": {}}]}
    if "usage" in completion:
        yield {**head, "choices": [], "usage": completion["usage"]}


def _deltas(message: dict[str, Any], piece: int) -> Iterator[dict[str, Any]]:
    whole = {name: value for name, value in message.items() if name != "tool_calls" and not isinstance(value, str)}
    yield {"role": message.get("role", "assistant"), **whole}
    for name, text in message.items():
        if isinstance(text, str) and name != "role":
            for start in range(0, max(len(text), 1), piece):
                yield {name: text[start : start + piece]}
    for index, call in enumerate(message.get("tool_calls") or []):
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        opening = {"index": index, "id": call["id"], "type": call["type"], "function": {"name": name, "arguments": ""}}
        yield {"tool_calls": [opening]}
        for start in range(0, len(arguments), piece):
            yield {"tool_calls": [{"index": index, "function": {"arguments": arguments[start : start + piece]}}]}


def _load(body: bytes, error: type[InvalidInput | BrokenAnswer]) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise error(f"That is not JSON: {problem}.") from problem


def _object(value: Any, what: str, error: type[InvalidInput | BrokenAnswer] = BrokenAnswer) -> dict[str, Any]:
    _expect(isinstance(value, dict), f"{what} is not a JSON object.", error)
    return value


def _list(value: Any) -> list[Any]:
    _expect(value is None or isinstance(value, list), "The tool calls of a chunk are no list.")
    return cast("list[Any]", value or [])


def _index(piece: dict[str, Any], most: int) -> int:
    index = piece.get("index", 0)
    _expect(isinstance(index, int) and 0 <= index < most, "A chunk has an impossible index.")
    return index


def _expect(sound: object, message: str, error: type[InvalidInput | BrokenAnswer] = BrokenAnswer) -> None:
    if not sound:
        raise error(message)
