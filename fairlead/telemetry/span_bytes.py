"""A span as the bytes of OTLP's message, put together by us: to fill OpenTelemetry's own message takes twice as long.

The numbers of fields are those of https://github.com/open-telemetry/opentelemetry-proto (trace/v1, common/v1). Parts of
a message may come in any order, and parts that were encoded before are the message of the parts
(https://protobuf.dev/programming-guides/encoding/#last-one-wins): an attribute that says the same as before is taken
as it was.
"""

from __future__ import annotations

from datetime import timedelta
from struct import Struct
from typing import Any

from fairlead.telemetry.conventions import COST, ERROR_TYPE, NAMES
from fairlead.telemetry.span import Draft, Happening, Value, Wording

_REMEMBERED, _MOST_REMEMBERED = 150, 5000  # bytes, attributes
_KINDS = {"internal": 1, "server": 2, "client": 3}
_SAMPLED = 1
# The bits of `flags` beside those of W3C: whether the parent is known to be elsewhere, and whether it is.
_KNOWN, _REMOTE = 0x100, 0x200
_FAILED = b"\x18\x02"  # a Status: code (3) is ERROR
_I64, _U64 = 1 << 63, (1 << 64) - 1

# Of a Span: trace_id (1), span_id (2), start (7) and end (8) in nanoseconds, flags (16), kind (6).
_HEAD = Struct("<2s16s2s8sBQBQ2sIBB").pack
_TRACE_ID, _SPAN_ID, _START, _END, _FLAGS, _KIND = b"\x0a\x10", b"\x12\x08", 0x39, 0x41, b"\x85\x01", 0x30
_PARENT_ID = b"\x22\x08"
_NAME, _ATTRIBUTE, _EVENT, _STATUS = 5, 9, 11, 15
# Of an Event: time (1), name (2), attributes (3).
_AT, _EVENT_NAME, _EVENT_ATTRIBUTE = Struct("<BQ").pack, 2, 3
_DOUBLE = Struct("<d").pack


class SpanEncoder:
    def __init__(self, wording: Wording) -> None:
        self._wording = wording
        self._attributes: dict[tuple[str, Any, type], bytes] = {}
        self._names: dict[str, bytes] = {}

    def begin(self) -> None:
        """A batch: what was encoded before may hold a secret that is known only now."""
        if self._wording.has_learnt():
            self._attributes.clear()
            self._names.clear()

    def span(self, draft: Draft) -> bytes:
        """Raises whatever it can't be written for. What went wrong is in `error`, and no field."""
        (trace_id, span_id, parent, *_), kind = draft.context, draft.kind
        flags = _SAMPLED | _KNOWN | (_REMOTE if kind == "server" and parent is not None else 0)
        start, end = draft.start * 1000, max(draft.start, draft.end) * 1000
        parts = [
            _HEAD(_TRACE_ID, trace_id.to_bytes(16), _SPAN_ID, span_id.to_bytes(8), _START, start,
                  _END, end, _FLAGS, flags, _KIND, _KINDS[kind]),
            self._names.get(draft.name) or self._name(draft.name),
        ]  # fmt: skip
        if parent is not None:
            parts += (_PARENT_ID, parent.to_bytes(8))
        known, shown, add = self._attributes.get, NAMES.get, parts.append
        for ours, value in draft.fields.items():
            if not value or (name := shown(ours)) is None:
                continue
            form = value.__class__
            if form is timedelta:
                add(_MEASURED[name] + _DOUBLE(value.total_seconds()))
            elif form is int and name != COST and 0 < value < _I64:
                number = _varint(value)
                add(_COUNTED[name][len(number)] + number)
            else:  # by its class too, for 1 is True, and 1.0
                add(known((ours, value, form)) or self._attribute(ours, name, value))
        for name, value in draft.given.items():
            parts.append(known((name, value, value.__class__)) or self._given(name, value))
        for one in draft.happened:
            parts.append(self._event(one))
        if draft.error:
            parts += (attribute(ERROR_TYPE, self._wording.text(draft.error)),
                      field(_STATUS, field(2, self._wording.text(draft.message).encode()) + _FAILED))  # fmt: skip
        return b"".join(parts)

    def _name(self, text: str) -> bytes:
        return _kept(self._names, text, field(_NAME, self._wording.name(text).encode()))

    def _attribute(self, ours: str, name: str, value: Any) -> bytes:
        said = self._wording.value(ours, value)
        if said.__class__ is float:  # seldom the same again
            return _MEASURED[name] + _DOUBLE(said)
        return _kept(self._attributes, (ours, value, value.__class__), attribute(name, said))

    def _given(self, name: str, value: Value) -> bytes:
        return _kept(self._attributes, (name, value, value.__class__), attribute(name, value))

    def _event(self, one: Happening) -> bytes:
        said = (attribute(NAMES[ours], self._wording.value(ours, value), _EVENT_ATTRIBUTE)
                for ours, value in one.fields.items())  # fmt: skip
        return field(_EVENT, _AT(0x09, one.at * 1000) + field(_EVENT_NAME, one.name.encode()) + b"".join(said))


def _kept(known: dict[Any, bytes], key: Any, made: bytes) -> bytes:
    """Remembered, if it is short."""
    if len(made) <= _REMEMBERED:
        if len(known) >= _MOST_REMEMBERED:
            known.clear()
        known[key] = made
    return made


def attribute(name: str, value: Value, number: int = _ATTRIBUTE) -> bytes:
    """A KeyValue, as a field of what it is said of: key (1), value (2)."""
    return field(number, field(1, name.encode()) + field(2, _any(value)))


def _any(value: Value) -> bytes:
    """An AnyValue: string_value (1), bool_value (2), int_value (3), double_value (4)."""
    if isinstance(value, str):
        return field(1, value.encode())
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + _varint(value & _U64)
    return b"\x21" + _DOUBLE(value)


def field(number: int, message: bytes) -> bytes:
    """Bytes as a field of a message: its number and kind (2: so many bytes), its length, themselves."""
    length = len(message)
    if length < 0x80:
        return bytes((number << 3 | 2, length)) + message
    return bytes((number << 3 | 2,)) + _varint(length) + message


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    if number < 0x80:
        return bytes((number,))
    if number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)


# Attributes but for what is seldom the same again: a float, the last eight bytes; an integer, by how many bytes it has.
_MEASURED = {name: attribute(name, 0.0)[:-8] for name in NAMES.values()}
_COUNTED = {
    name: [b"", *(attribute(name, (1 << 7 * size) - 1)[:-size] for size in range(1, 10))] for name in NAMES.values()
}
