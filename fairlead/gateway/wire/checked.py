"""Values out of JSON that somebody else wrote, each checked before it is believed.

What a client sent wrong is its own fault (InvalidInput); what a provider sent wrong is a BrokenAnswer.
"""

from __future__ import annotations

from typing import Any, NoReturn, cast

import orjson

from fairlead.errors import BrokenAnswer, InvalidInput, NotJson
from fairlead.gateway.wire.repeated_key import ensure_keys_once

Json = dict[str, Any]
Fault = type[InvalidInput | BrokenAnswer]

MOST_ASKED = 2**31 - 1  # some programs write this for "as many as you like"
MOST_TOKENS = 10_000_000  # several times the largest context window: more is nonsense, not usage
_MOST_SAID = 500
_NUMBER = frozenset({int})


def expect(sound: object, message: str, fault: Fault = BrokenAnswer) -> None:
    if not sound:
        raise fault(message)


def load(body: bytes, fault: Fault = BrokenAnswer) -> Json:
    """The JSON object in these bytes."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise fault(f"That is not JSON: {problem}.") from problem
    if type(value) is not dict:
        raise fault("That is not a JSON object.")
    return value  # pyright: ignore[reportUnknownVariableType] as in `an_object`


def load_request(body: bytes) -> Json:
    """What a client sends. Of an answer a repeated key harms nobody: what is done with a request, its sender and those
    it passed must agree about."""
    request = load(body, InvalidInput)
    ensure_keys_once(body, request)
    return request


def an_object(value: Any, what: str, fault: Fault = BrokenAnswer) -> Json:
    if type(value) is not dict:
        raise fault(f"{what} is not a JSON object.")
    return value  # pyright: ignore[reportUnknownVariableType] a `cast` is a call, and each answer needs many


def objects(value: Any, what: str, fault: Fault = BrokenAnswer) -> list[Json]:
    """A list of objects; what is missing or null is an empty one."""
    if value is None:
        return []
    if type(value) is not list:
        raise fault(f"{what} is not a list.")
    items: list[Any] = value  # pyright: ignore[reportUnknownVariableType] as in `an_object`
    for item in items:  # pyright: ignore[reportUnknownVariableType]
        if type(item) is not dict:
            raise fault(f"An item of {what} is not a JSON object.")
    return items


def a_text(value: Any, what: str, fault: Fault = BrokenAnswer) -> str:
    if type(value) is not str:
        raise fault(f"{what} is not a text.")
    return value


def a_name(value: Any, what: str, fault: Fault = BrokenAnswer) -> str:
    """A text that is not empty."""
    if type(value) is not str or not value:
        raise fault(f"{what} is missing.")
    return value


def word(value: Any) -> str:
    """The value where it is a text, else "": for looking up what may be anything."""
    return value if type(value) is str else ""


def an_index(piece: Json, name: str, most: int) -> int:
    index = piece.get(name, 0)
    if type(index) is not int or not 0 <= index < most:
        raise BrokenAnswer(f"The stream has an impossible {name}: {str(index)[:40]}.")
    return index


def a_count(counts: Json, name: str, missing: int | None = None) -> int:
    """A number of tokens that can be true."""
    value = counts.get(name)
    if type(value) is int and 0 <= value <= MOST_TOKENS:
        return value
    if value is None and missing is not None:
        return missing
    raise BrokenAnswer(f"The usage has an impossible {name}: {str(value)[:40]}.")


def are_counts(values: tuple[Any, ...]) -> bool:
    """Whether each is what `a_count` takes: to look at all at once takes a third of looking at each."""
    return _NUMBER.issuperset(map(type, values)) and min(values) >= 0 and max(values) <= MOST_TOKENS


def details(counts: Json, group: str) -> Json:
    """A group of counts, which need not be there."""
    found = counts.get(group)
    if found is None:
        return {}
    if type(found) is not dict:
        raise BrokenAnswer(f"The usage's {group} is not a JSON object.")
    return found  # pyright: ignore[reportUnknownVariableType] as in `an_object`


def a_detail(counts: Json, group: str, name: str) -> int:
    """A count in a group that need not be there."""
    return a_count(details(counts, group), name, missing=0)


def a_limit(body: Json, name: str) -> int | None:
    """A limit that the caller has set on the answer; None when it has set none."""
    value = body.get(name)
    if value is not None and (type(value) is not int or not 0 <= value <= MOST_ASKED):
        raise InvalidInput(f"`{name}` is no number of tokens.", hint="Give a whole number, or leave it out.")
    return value


def dump(value: Json, fault: Fault = NotJson) -> bytes:
    """As JSON. What cannot be: a request with other values, and an answer that is nested absurdly deep."""
    try:
        return orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise fault(f"That can't be written as JSON: {error}.", hint="Pass plain JSON values.") from error


def said(error: Any) -> str:
    """A provider's own words about what went wrong, in any of the shapes they have."""
    if type(error) is not dict:
        return str(error)[:_MOST_SAID]
    words = cast("Json", error)
    kind, message = words.get("type") or words.get("code"), words.get("message")
    if not message:
        return str(words)[:_MOST_SAID]
    return f"{kind}: {message}"[:_MOST_SAID] if kind and kind != "error" else str(message)[:_MOST_SAID]


def out_of_order(what: str) -> NoReturn:
    raise BrokenAnswer(f"The stream is out of order: {what}.")


def dicts(value: Any) -> list[Json]:
    """The objects in what may be a list: for looking at what nobody has checked."""
    items = cast("list[Any]", value) if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]
