"""An OpenAI chat.completion: checked, counted, and put together from the chunks of a stream."""

from __future__ import annotations

from typing import Any, cast

from fairlead.errors import BrokenAnswer, ErrorWithin
from fairlead.gateway.usage import Usage
from fairlead.gateway.wire import checked, sse
from fairlead.gateway.wire.wire import Json

_MOST_CHOICES = 128
_NOTHING_SAID: Json = {}
_MOST_CALLS = 1024
_NOT_HEAD = frozenset({"choices", "usage", "object", "obfuscation"})
_CALLS = {"function": ("name", "arguments"), "custom": ("name", "input")}
# Objects that come in pieces; of every other object the last one counts.
_IN_PIECES = {"function_call": ("name", "arguments"), "audio": ("data", "transcript")}


def check(answer: Json) -> Json:
    """The answer, which code may now rely on."""
    choices = checked.objects(answer.get("choices"), "The choices")
    if not choices:
        raise BrokenAnswer("The answer has no choices.")
    for choice in choices:
        _check_choice(choice)
    return answer


def _check_choice(choice: Json) -> None:
    message = checked.an_object(choice.get("message"), "A choice's message")
    for name in ("content", "refusal", "reasoning_content"):
        value = message.get(name)
        if value is not None and type(value) is not str:
            raise BrokenAnswer(f"The {name} of the answer is no text.")
    for call in checked.objects(message.get("tool_calls"), "The tool calls"):
        kind = checked.word(call.get("type") or "function")
        checked.expect(kind in _CALLS, "A tool call is of no kind that exists.")
        called = checked.an_object(call.get(kind), "What a tool call calls")
        checked.a_name(call.get("id"), "The id of a tool call")
        checked.a_name(called.get("name"), "The name of a tool call")
        checked.a_text(called.get(_CALLS[kind][1]), "What a tool call says")
    checked.a_text(choice.get("finish_reason"), "Why the answer ended")


def usage_of(answer: Json) -> Usage | None:
    """What the provider says it used, None when it does not say, BrokenAnswer when it can't be true."""
    usage = answer.get("usage")
    return None if usage is None else _usage(checked.an_object(usage, "The usage"))


def _usage(usage: Json) -> Usage:
    tokens_in, tokens_out, cached, written, reasoning = _at_once(usage) or _one_by_one(usage)
    if cached + written > tokens_in:
        raise BrokenAnswer("The usage counts more cached tokens than tokens.")
    # xAI and Gemini count reasoning beside the completion and bill it: only their total has it.
    beside = checked.a_count(usage, "total_tokens", 0) - tokens_in - tokens_out
    if beside > 0:
        tokens_out += beside
    if reasoning > tokens_out:
        raise BrokenAnswer("The usage counts more reasoning than output.")
    return Usage(tokens_in, tokens_out, cached, reasoning, False, written)


def _at_once(usage: Json) -> tuple[int, ...] | None:
    """The counts, where nothing is wrong with any: to look at all of them takes a third of looking at each."""
    asked: Any = usage.get("prompt_tokens_details", _NOTHING_SAID)
    said: Any = usage.get("completion_tokens_details", _NOTHING_SAID)
    if not type(asked) is type(said) is dict:
        return None
    counts: tuple[Any, ...] = (
        usage.get("prompt_tokens"), usage.get("completion_tokens"), asked.get("cached_tokens", 0),
        asked.get("cache_write_tokens", 0), said.get("reasoning_tokens", 0),
    )  # fmt: skip
    return counts if checked.are_counts(counts) else None


def _one_by_one(usage: Json) -> tuple[int, ...]:
    """The same; BrokenAnswer says which is wrong."""
    count = checked.a_count
    tokens_in, tokens_out = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    asked = checked.details(usage, "prompt_tokens_details")
    cached, written = count(asked, "cached_tokens", 0), count(asked, "cache_write_tokens", 0)
    reasoning = count(checked.details(usage, "completion_tokens_details"), "reasoning_tokens", 0)
    return tokens_in, tokens_out, cached, written, reasoning


class Assembly:
    """Puts the chunks of a stream together into the chat.completion that they tell of."""

    def __init__(self) -> None:
        self._head: Json = {}
        self._choices: dict[int, _Choice] = {}
        self._said_usage: Any = None
        self._usage: Usage | None = None
        self.size = 0
        self.done = False

    def feed(self, data: bytes) -> str:
        if self.done:
            checked.out_of_order("it goes on after its end")
        if data == sse.DONE:
            self.done = True
            return ""
        chunk = checked.load(data)
        for name, value in chunk.items():
            if name not in _NOT_HEAD:
                self._head[name] = value
        if chunk.get("error"):
            raise ErrorWithin(checked.said(chunk["error"]))
        usage = chunk.get("usage")
        if usage is not None:
            self._said_usage, self._usage = usage, usage_of(chunk)
        text = ""
        for piece in checked.objects(chunk.get("choices"), "The choices of a chunk"):
            text += self._feed_choice(piece)
        return text

    def _feed_choice(self, piece: Json) -> str:
        index = checked.an_index(piece, "index", _MOST_CHOICES)
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice(index)
        delta = piece.get("delta")
        if delta is not None:
            self.size += choice.add(checked.an_object(delta, "A delta"))
        choice.add_beside(piece)
        content = None if delta is None else delta.get("content")
        return content if index == 0 and type(content) is str else ""

    def usage(self) -> Usage | None:
        return self._usage

    def finish(self) -> Json:
        choices = [self._choices[index] for index in sorted(self._choices)]
        sound = self.done and choices and all(choice.end for choice in choices)
        checked.expect(sound, "The stream was cut before its end.")
        answer = {**self._head, "object": "chat.completion", "choices": [choice.whole() for choice in choices]}
        if self._said_usage is not None:
            answer["usage"] = self._said_usage
        return check(answer)


class _Choice:
    """One choice, as far as it has been told."""

    __slots__ = ("_beside", "_calls", "_index", "_logprobs", "_rest", "_texts", "end")

    def __init__(self, index: int) -> None:
        self._index = index
        self._texts: dict[str, list[str]] = {}
        self._rest: Json = {}
        self._calls: dict[int, _Call] = {}
        self._logprobs: Json = {}
        self._beside: Json = {}
        self.end: Any = None

    def add(self, delta: Json) -> int:
        """Takes a delta of its message; how many bytes it says."""
        size = 0
        for name, value in delta.items():
            if type(value) is str and name != "role":
                pieces = self._texts.get(name)
                if pieces is None:
                    pieces = self._texts[name] = []
                pieces.append(value)
                size += len(value.encode())
            elif name == "tool_calls":
                for piece in checked.objects(value, "The tool calls of a chunk"):
                    size += self._add_call(piece)
            elif name == "role":
                self._rest[name] = value or "assistant"  # says nothing yet
            elif value is not None or name not in self._texts:
                size += self._add_other(name, value)
        return size

    def _add_call(self, piece: Json) -> int:
        index = checked.an_index(piece, "index", _MOST_CALLS)
        call = self._calls.get(index)
        if call is None:
            call = self._calls[index] = _Call()
        return call.add(piece)

    def _add_other(self, name: str, value: Any) -> int:
        if value is None:
            self._rest.setdefault(name, None)
            return 0
        before = self._rest.get(name)
        if name in _IN_PIECES and type(value) is dict and type(before) is dict:
            self._rest[name] = _joined(cast("Json", before), cast("Json", value), _IN_PIECES[name])
        else:
            self._rest[name] = _both(before, value)
        return 0 if name == "role" else len(repr(cast("object", value)))

    def add_beside(self, piece: Json) -> None:
        """What a chunk says of the choice beside its message."""
        for name, value in piece.items():
            if name in ("index", "delta"):
                continue
            if name == "finish_reason":
                self.end = value or self.end
            elif name == "logprobs" and type(value) is dict:
                self._logprobs = _joined(self._logprobs, cast("Json", value), ("content", "refusal"))
            elif value is not None or name not in self._beside:
                self._beside[name] = value

    def whole(self) -> Json:
        texts = {name: "".join(pieces) for name, pieces in self._texts.items()}
        message: Json = {"role": "assistant", "content": None, **self._rest, **texts}
        for thought in checked.dicts(message.get("thinking_blocks")):
            thought.pop("index", None)  # only a stream has it
        if self._calls:
            message["tool_calls"] = [self._calls[index].whole() for index in sorted(self._calls)]
        logprobs = {"logprobs": self._logprobs} if self._logprobs else {}
        return {"index": self._index, "message": message, "finish_reason": self.end, **self._beside, **logprobs}


class _Call:
    """One tool call, as far as it has been told."""

    __slots__ = ("_arguments", "_head", "_name")

    def __init__(self) -> None:
        self._head: Json = {"id": None, "type": "function"}
        self._name: list[str] = []
        self._arguments: list[str] = []

    def add(self, piece: Json) -> int:
        for name, value in piece.items():
            if value and name not in ("index", "function", "custom"):
                self._head[name] = value
        kind = checked.word(self._head["type"])
        if kind not in _CALLS:
            raise BrokenAnswer("A tool call is of no kind that exists.")
        called = piece.get(kind)
        if called is None:
            return 0
        said, arguments = checked.an_object(called, "What a tool call calls"), _CALLS[kind][1]
        size = 0
        for pieces, name in ((self._name, "name"), (self._arguments, arguments)):
            value = said.get(name)
            if value:
                pieces.append(checked.a_text(value, f"The {name} of a tool call"))
                size += len(value.encode())
        return size

    def whole(self) -> Json:
        kind = self._head["type"]
        return {**self._head, kind: {"name": "".join(self._name), _CALLS[kind][1]: "".join(self._arguments)}}


def _joined(known: Json, more: Json, in_pieces: tuple[str, ...]) -> Json:
    """Both objects in one: texts and lists with these names are joined, of others the last that says something."""
    whole = dict(known)
    for name, value in more.items():
        before = whole.get(name)
        if name in in_pieces and type(before) is str and type(value) is str:
            whole[name] = before + value
        elif value is not None or name not in whole:
            whole[name] = _both(before, value)
    return whole


def _both(before: Any, value: Any) -> Any:
    """Lists come in pieces; of everything else the last one counts."""
    if type(before) is list and type(value) is list:
        cast("list[Any]", before).extend(cast("list[Any]", value))
        return cast("list[Any]", before)
    return value
