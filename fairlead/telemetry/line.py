"""How an event becomes one safe line: our units in a reader's words, redacted, nothing forged.

    fields ──► compose (what is said, in one pass) ──► render (as JSON, or for people)

What agents and libraries say takes the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from importlib import import_module
from typing import Any, cast

import orjson

from fairlead.telemetry.catalogue import EVENTS
from fairlead.telemetry.redact import Redactor, is_sensitive, preview, previewed

Fields = MutableMapping[str, Any]
Render = Callable[[Fields], bytes]
PREVIEWS = {"task": 100, "input": 200, "output": 200}
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
# DEL, C1 controls, line and paragraph separators, and marks that turn the reading direction.
_UNSAFE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class _Settled:
    """What has been redacted already."""

    value: Any


class Composer:
    """What goes into the line of an event, in one pass over its fields:

    durations in milliseconds, money in dollars, tokens in total; what is not there left out; secrets and personal data
    taken out, previews cut. When, and by which service, comes first, where people look.
    """

    def __init__(self, redactor: Redactor, *, service: str) -> None:
        self._redactor = redactor
        self._service = service

    def settled(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The same, in which nothing can change any more: it may be composed later, by another thread."""
        if _FIXED.issuperset(map(type, fields.values())):
            return fields
        return {name: self._settled(name, value) for name, value in fields.items()}

    def _settled(self, name: str, value: Any) -> Any:
        if value.__class__ in _FIXED or isinstance(value, Enum) or _KNOWN.get(name) is _OURS:
            return value
        if name in PREVIEWS:
            return previewed(_as_text(value), PREVIEWS[name])
        return _Settled(self._redacted(name, value))

    def __call__(self, at: datetime, level: str, event: str, fields: Mapping[str, Any]) -> Fields:
        line: Fields = {"timestamp": at, "level": level, "event": event, "service": self._service}
        known, clean = _KNOWN.get, self._redactor.clean
        for name, value in fields.items():
            if value is None:
                continue
            how = known(name)
            kind = value.__class__
            if how is _OURS or (how is _ORDINARY and (value in clean if kind is str else kind in _PLAIN)):
                line[name] = value
            elif kind is timedelta:
                name = _in_ms(name)
                line[name] = self._redacted(name, round(value.total_seconds() * 1000, 3))
            elif kind is _Settled:
                line[name] = value.value
            elif how is _MONEY:
                line["cost_usd"] = value / 1_000_000_000
            elif how is not _EVENT:
                line[name] = self._redacted(name, value)
        if "tokens_in" in line or "tokens_out" in line:
            line["tokens"] = line.get("tokens_in", 0) + line.get("tokens_out", 0)
        return line

    def _redacted(self, name: str, value: Any) -> Any:
        kind = value.__class__
        if is_sensitive(name):
            return "[secret]"
        if name in PREVIEWS:
            return preview(self._redactor, value if kind is str else _as_text(value), PREVIEWS[name])
        if kind is str:
            return self._redactor.text(value)
        if kind in _PLAIN:
            return value if name in _KNOWN else self._redactor.value(value)
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, (str, Mapping, list, tuple)):
            return self._redactor.value(cast("Any", value))
        return self._redactor.text(str(value))


def _in_ms(name: str) -> str:
    return "latency_ms" if name == "took" else f"{name}_ms"


_PLAIN = frozenset((int, float, bool, datetime))
_FIXED = _PLAIN | {str, timedelta, type(None)}
# What to do with a field by its name.
_EVENT = "event"  # said already
_MONEY = "money"
_ORDINARY = "ordinary"  # of ours, and not the name of a secret
_OURS = "ours"  # made by us, of letters we chose: an id is full of digits, and must not be taken for a card number
_FIELDS = {"request_id", "latency_ms", "cost_usd", "tokens"}.union(*(spec.fields for spec in EVENTS.values()))
_KNOWN = {
    **{name: _ORDINARY for name in _FIELDS if name not in PREVIEWS and not is_sensitive(name)},
    **dict.fromkeys(("run_id", "child_run_id", "approval_id", "worker", "status", "reason", "kind", "trace_id"), _OURS),
    "cost_nano": _MONEY,
    "event": _EVENT,
}


def _as_text(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # a lone surrogate, a huge number
        return repr(value)


def as_json(fields: Fields) -> bytes:
    """One line of JSON; always valid UTF-8, always exactly one line."""
    try:
        line = orjson.dumps(fields, default=str, option=_OPTIONS)
    except TypeError:
        line = orjson.dumps(encodable(fields), default=str, option=_OPTIONS)
    if line.isascii() and b"\x7f" not in line:
        return line
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", line.decode()).encode()


def encodable(value: Any) -> Any:
    """The same with lone surrogates replaced and numbers beyond 64 bits as text."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {encodable(str(k)): encodable(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [encodable(item) for item in cast("list[Any]", value)]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return value


def for_people(*, colours: bool) -> Render:
    """For a developer's terminal. What others wrote can neither colour it nor move the cursor."""
    made = import_module("structlog.dev").ConsoleRenderer  # with rich, for those alone who sit before it
    render = made(colors=colours, pad_event_to=18)

    def show(fields: Fields) -> bytes:
        safe: Fields = {_visible(name): _visible(value) for name, value in fields.items() if name != "service"}
        safe["timestamp"] = f"{fields['timestamp']:%H:%M:%S}"
        line = render(None, str(fields["level"]), safe)
        return (line + "\n").encode("utf-8", "replace")

    return show


def _visible(value: Any) -> Any:
    if isinstance(value, (Mapping, list)):
        value = _as_text(value)
    if not isinstance(value, str):
        return value
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), value)
