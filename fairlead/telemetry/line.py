"""How an event becomes one safe line: our units in a reader's words, redacted, nothing forged.

Each step is a structlog processor, so that what agents and libraries say passes through the same ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any, cast

import orjson
from structlog.dev import ConsoleRenderer

from fairlead.clock import Clock
from fairlead.telemetry.catalogue import EVENTS
from fairlead.telemetry.redact import Redactor, Suspect, is_sensitive, preview

Fields = MutableMapping[str, Any]
Processor = Callable[[Any, str, Fields], Any]
PREVIEWS = {"task": 100, "input": 200, "output": 200}
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
# DEL, C1 controls, line and paragraph separators, and marks that turn the reading direction.
_UNSAFE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def translate(_logger: Any, _method: str, fields: Fields) -> Fields:
    """Durations in milliseconds, money in dollars, tokens in total; what is not there is left out."""
    line: Fields = {}
    for name, value in fields.items():
        if value is None:
            continue
        if value.__class__ is timedelta:
            line["latency_ms" if name == "took" else f"{name}_ms"] = round(value.total_seconds() * 1000, 3)
        elif name == "cost_nano":
            line["cost_usd"] = value / 1_000_000_000
        else:
            line[name] = value
    if "tokens_in" in line or "tokens_out" in line:
        line["tokens"] = line.get("tokens_in", 0) + line.get("tokens_out", 0)
    return line


def redacting(redactor: Redactor) -> Processor:
    """Take out secrets and personal data, and cut previews."""
    # Agent, tenant, release: from one line to the next the ordinary fields say the same.
    suspects_in = lru_cache(maxsize=256)(redactor.suspects)

    def redact(_logger: Any, _method: str, fields: Fields) -> Fields:
        texts = [
            value
            for name, value in fields.items()
            if value.__class__ is str and name not in _OUR_WORDS and len(value) <= _SHORT
        ]
        suspects = suspects_in("\n".join(texts)) if texts else []
        line: Fields = {}
        for name, value in fields.items():
            kind = value.__class__
            if name in _OUR_WORDS:
                line[name] = value
                continue
            plain = kind in _PLAIN or (kind is str and not suspects and len(value) <= _SHORT)
            if plain and name in _ORDINARY:
                line[name] = value
            else:
                line[name] = _redacted(redactor, name, value, suspects)
        return line

    return redact


def _redacted(redactor: Redactor, name: str, value: Any, suspects: list[Suspect]) -> Any:
    kind = value.__class__
    if is_sensitive(name):
        return "[secret]"
    if name in PREVIEWS:
        return preview(redactor, value if kind is str else _as_text(value), PREVIEWS[name])
    if kind is str:
        return redactor.strike(value, suspects) if len(value) <= _SHORT else redactor.text(value)
    if kind in _PLAIN:
        return redactor.value(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (str, Mapping, list, tuple)):
        return redactor.value(cast("Any", value))
    return redactor.text(str(value))


_SHORT = 1000
# Made by us, of letters we chose: an id is full of digits, and must not be taken for a card number.
_OUR_WORDS = frozenset(("event", "run_id", "child_run_id", "approval_id", "worker", "status", "reason", "kind"))
_OURS = {"event", "request_id", "latency_ms", "cost_usd", "tokens"}
_FIELDS = _OURS.union(*(spec.fields for spec in EVENTS.values())) - set(PREVIEWS)
_ORDINARY = frozenset(name for name in _FIELDS if not is_sensitive(name))
_PLAIN = frozenset((int, float, bool, datetime))


def _as_text(value: Any) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # a lone surrogate, a huge number
        return repr(value)


def stamping(clock: Clock, service: str) -> Processor:
    """When, and by which service; first in the line, where people look."""

    def stamp(_logger: Any, method: str, fields: Fields) -> Fields:
        return {
            "timestamp": clock.now(), "level": method, "event": fields.pop("event", ""), "service": service, **fields
        }  # fmt: skip

    return stamp


def as_json(_logger: Any, _method: str, fields: Fields) -> bytes:
    """One line of JSON; always valid UTF-8, always exactly one line."""
    try:
        line = orjson.dumps(fields, default=str, option=_OPTIONS)
    except TypeError:
        line = orjson.dumps(_encodable(fields), default=str, option=_OPTIONS)
    if line.isascii() and b"\x7f" not in line:
        return line
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", line.decode()).encode()


def _encodable(value: Any) -> Any:
    """The same with lone surrogates replaced and numbers beyond 64 bits as text."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_encodable(str(k)): _encodable(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_encodable(item) for item in cast("list[Any]", value)]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return value


def for_people(*, colours: bool) -> Processor:
    """For a developer's terminal. What others wrote can neither colour it nor move the cursor."""
    render = ConsoleRenderer(colors=colours, pad_event_to=18)

    def show(logger: Any, method: str, fields: Fields) -> bytes:
        safe: Fields = {_visible(name): _visible(value) for name, value in fields.items() if name != "service"}
        safe["timestamp"] = f"{fields['timestamp']:%H:%M:%S}"
        line = render(logger, method, safe)
        return (line + "\n").encode("utf-8", "replace")

    return show


def _visible(value: Any) -> Any:
    if isinstance(value, (Mapping, list)):
        value = _as_text(value)
    if not isinstance(value, str):
        return value
    return _CONTROL.sub(lambda match: match.group().encode("unicode_escape").decode(), value)
