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
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import orjson

from fairlead.telemetry.catalogue import EVENTS
from fairlead.telemetry.redact import Redactor, is_sensitive, preview, previewed

Fields = MutableMapping[str, Any]
Render = Callable[[Fields], bytes]
PREVIEWS = {"task": 100, "input": 200, "output": 200}
_MICROSECOND = timedelta(microseconds=1)
_MOST_PLANS = 500  # agents may name fields as they like
_MOST_IDS = 1000
_NO_IDS: Mapping[str, Any] = MappingProxyType({})
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
# DEL, C1 controls, line and paragraph separators, and marks that turn the reading direction.
_UNSAFE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_DEL = 0x7F  # a number: for `bytes in bytes` Python first raises, and drops, that bytes are no number
_CUT = "…".encode()  # by ourselves
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class _Settled:
    """What has been redacted already."""

    value: Any


class _Plan(NamedTuple):
    """What becomes of fields of such names and kinds. The rest is said as it is."""

    gone: tuple[str, ...] = ()
    """Not said under their names: those below, and those that are nothing."""
    durations: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()
    texts: Callable[[Mapping[str, Any]], tuple[str, ...]] | None = None
    """Of fields, what is said as it is where it is known to be clean. None: there is no short way for these fields."""


class Composer:
    """What goes into the line of an event, in one pass over its fields:

    durations in milliseconds, money in dollars, tokens in total; what is not there left out; secrets and personal data
    taken out, previews cut. When, and by which service, comes first, where people look.
    """

    def __init__(self, redactor: Redactor, *, service: str) -> None:
        self._redactor = redactor
        self._service = service
        self._plans: dict[tuple[Any, ...], _Plan] = {}
        self._ids: dict[str, str] = {}
        self._clean = redactor.clean

    def settled(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """The same, in which nothing can change any more: it may be composed later, by another thread."""
        if _FIXED.issuperset(map(type, fields.values())):
            return fields
        return {
            name: value if value.__class__ in _FIXED else self._settled(name, value) for name, value in fields.items()
        }

    def _settled(self, name: str, value: Any) -> Any:
        if isinstance(value, Enum) or _KNOWN.get(name) is _OURS:
            return value
        if name in PREVIEWS:
            return previewed(_as_text(value), PREVIEWS[name])
        return _Settled(self._redacted(name, value))

    def __call__(
        self, at: datetime, level: str, event: str, fields: Mapping[str, Any], ids: Mapping[str, Any] = _NO_IDS
    ) -> Fields:  # fmt: skip
        """`ids` are those of the task; what `fields` name again is theirs."""
        clean = self._redactor.clean
        if clean is not self._clean:
            self._clean = clean
            self._ids.clear()
        line: Fields = {"timestamp": at, "level": level, "event": event, "service": self._service}
        for name, value in ids.items():
            if name not in fields and value is not None:
                self._put(line, name, value)
        shape = (*fields, *map(type, fields.values()))
        plan = self._plans.get(shape) or self._planned(shape, fields)
        if plan.texts is not None and clean.issuperset(plan.texts(fields)):
            line.update(fields)
            for name in plan.gone:
                del line[name]
            for name, in_ms in plan.durations:
                line[in_ms] = fields[name] // _MICROSECOND / 1000
            for name in plan.others:
                self._put(line, name, fields[name])
        else:
            for name, value in fields.items():
                if value is not None:
                    self._put(line, name, value)
        if "tokens_in" in line or "tokens_out" in line:
            line["tokens"] = line.get("tokens_in", 0) + line.get("tokens_out", 0)
        return line

    def _planned(self, shape: tuple[Any, ...], fields: Mapping[str, Any]) -> _Plan:
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        made = self._plans[shape] = _plan(fields)
        return made

    def _put(self, line: Fields, name: str, value: Any) -> None:
        how, kind = _KNOWN.get(name), value.__class__
        if how is _OURS or (how is _ORDINARY and kind in _PLAIN):
            line[name] = value
        elif how is _ID and kind is str:
            line[name] = self._id(value)
        elif kind is timedelta:
            name = _in_ms(name)
            line[name] = self._redacted(name, value // _MICROSECOND / 1000)
        elif kind is _Settled:
            line[name] = value.value
        elif how is _MONEY:
            line["cost_usd"] = value / 1_000_000_000
        elif how is not _EVENT:
            line[name] = self._redacted(name, value)

    def _id(self, text: str) -> str:
        """The lines of a request come close together."""
        known = self._ids.get(text)
        if known is None:
            if len(self._ids) >= _MOST_IDS:
                self._ids.clear()
            known = self._ids[text] = self._redactor.id(text)
        return known

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
_ID = "id"  # ours or its caller's
_ORDINARY = "ordinary"  # of ours, and not the name of a secret
_OURS = "ours"  # made by us, of letters we chose: an id is full of digits, and must not be taken for a card number
_FIELDS = {"request_id", "latency_ms", "cost_usd", "tokens"}.union(*(spec.fields for spec in EVENTS.values()))
_KNOWN = {
    **{name: _ORDINARY for name in _FIELDS if name not in PREVIEWS and not is_sensitive(name)},
    **dict.fromkeys(("run_id", "child_run_id", "approval_id", "worker", "status", "reason", "kind", "trace_id"), _OURS),
    "request_id": _ID,
    "cost_nano": _MONEY,
    "event": _EVENT,
}
_HEAD = ("timestamp", "level", "event", "service")


def _plan(fields: Mapping[str, Any]) -> _Plan:
    """By their names and kinds alone."""
    kinds = {name: (_KNOWN.get(name), value.__class__) for name, value in fields.items() if value is not None}
    durations = {
        name: _in_ms(name)
        for name, (how, kind) in kinds.items()
        if kind is timedelta and how is not _OURS and not is_sensitive(_in_ms(name))
    }
    texts = [name for name, (how, kind) in kinds.items() if kind is str and how is _ORDINARY]
    said = [name for name, (how, kind) in kinds.items() if how is _OURS or (how is _ORDINARY and kind in _PLAIN)]
    others = [name for name in kinds if name not in durations and name not in texts and name not in said]
    named = [*_HEAD, "cost_usd", "tokens", *fields, *durations.values()]
    if len(set(named)) < len(named) or not texts:  # what has two names of ours: the last one counts, and is seldom
        return _Plan()
    gone = (name for name in fields if name not in texts and name not in said)
    return _Plan(tuple(gone), tuple(durations.items()), tuple(others), itemgetter(*texts, texts[0]))


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
    if _DEL not in line and (line.isascii() or line.replace(_CUT, b"").isascii()):
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
