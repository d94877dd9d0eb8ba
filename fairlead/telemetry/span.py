"""A span as it is noted while its work goes on, and as what may be sent: redacted, bounded, in OpenTelemetry's words.

Noted on the speaker's thread, in microseconds; made fit to be sent on another, where time is no matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any, NamedTuple

from fairlead.telemetry.conventions import NAMES, PREVIEWED
from fairlead.telemetry.line import PREVIEWS
from fairlead.telemetry.redact import Redactor, preview
from fairlead.telemetry.trace_context import TraceContext

Value = str | bool | int | float
_LONGEST_NAME = 200
_NANO = 1_000_000_000
_REMEMBERED, _MOST_REMEMBERED = 100, 2000  # characters, texts
# C0 but for tabs and line ends (which a value may have, and a name not), DEL, C1, separators, changes of direction.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_LINES = re.compile(r"[\t\r\n]")
# Made by us, of letters we chose: an id is full of digits, and must not be taken for a card number.
_OURS = frozenset(("run_id", "child_run_id", "approval_id", "worker", "step", "kind", "reason"))


class Happening(NamedTuple):
    """Something within a span."""

    name: str
    at: int  # microseconds since 1970
    fields: dict[str, Any]


class Draft(NamedTuple):
    """A span that has ended. `fields` are ours; only those that the table names are shown, and nothing of those that
    are nothing. `error` is what went wrong."""

    context: TraceContext
    name: str
    kind: str  # internal, client, server
    start: int  # microseconds since 1970
    end: int
    fields: dict[str, Any]
    given: dict[str, Value] = {}  # noqa: RUF012 - of a tuple: nobody changes it. Attributes by their own names
    happened: tuple[Happening, ...] = ()
    error: str = ""
    message: str = ""


Noted = Draft | Callable[[], Draft]
"""A draft, or what makes it, which is asked on the thread that sends."""

_PLAIN = frozenset((int, bool, float, timedelta))
_LONGEST_TEXT = 4000  # characters


def picked(fields: Mapping[str, Any], *, previews: bool) -> dict[str, Any]:
    """Those of an event's fields that a span shows. What is nothing (0, no, empty) is left out, as it is half of what
    an event has; nothing large is kept, nothing that may change later."""
    kept: dict[str, Any] = {}
    for name, value in fields.items():
        if not value or name not in NAMES:
            continue
        kind = value.__class__
        if name in PREVIEWED:
            if previews:
                kept[name] = _short(value)
        elif kind in _PLAIN:
            kept[name] = value
        elif kind is str:
            kept[name] = value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT]
        else:  # a word of an enumeration; an error as JSON
            kept[name] = value if isinstance(value, Enum) else _short(value)
    return kept


def _short(value: Any) -> str:
    return (value if isinstance(value, str) else repr(value))[:_LONGEST_TEXT]


class Wording:
    """What may be sent of a draft."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._clean = redactor.clean
        self._known: dict[str, str] = {}  # agents, tools, models: from span to span the same

    def has_learnt(self) -> bool:
        """Of a secret, since it was last asked: what was put into words before may hold it."""
        if self._clean is self._redactor.clean:
            return False
        self._clean = self._redactor.clean
        self._known.clear()
        return True

    def name(self, text: str) -> str:
        return _LINES.sub(" ", self.text(text))[:_LONGEST_NAME]

    def text(self, text: str) -> str:
        """Without secrets, personal data and control characters; always valid UTF-8."""
        known = self._known.get(text)
        if known is not None:
            return known
        clean = self._redactor.text(text).encode("utf-8", "replace").decode()
        clean = _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), clean)
        if len(text) <= _REMEMBERED:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[text] = clean
        return clean

    def value(self, ours: str, value: Any) -> Value:
        """Of a field that the table names."""
        if ours == "cost_nano":
            return value / _NANO
        if ours in PREVIEWED:
            return self.text(preview(self._redactor, value, PREVIEWS[ours]))
        if isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            return value if -(2**63) <= value < 2**63 else str(value)
        if isinstance(value, timedelta):
            return value.total_seconds()
        if isinstance(value, Enum):
            value = value.value
        text = str(value)
        plain = ours in _OURS and text.isascii() and text.isprintable() and len(text) < 100
        return text if plain else self.text(text)
