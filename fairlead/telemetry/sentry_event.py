"""Our events as Sentry's, as plain values: https://develop.sentry.dev/sdk/data-model/event-payloads/

Nothing of what a run was given or answered is in them: names, figures and error texts only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import orjson

from fairlead.telemetry.catalogue import EVENTS, Heard, Level
from fairlead.telemetry.line import encodable
from fairlead.telemetry.redact import Redactor, is_sensitive

Fields = Mapping[str, Any]
SentryEvent = dict[str, Any]

CONTENT = frozenset(("task", "input", "output", "data", "question", "trace", "client"))
_TAGS = ("run_id", "request_id", "agent", "release", "tenant", "worker", "code", "where", "model", "tool")
_LONGEST, _LONGEST_TAG, _MOST_FRAMES = 500, 200, 100  # characters, characters (Sentry's limit), frames
_FRAME = re.compile(
    r'^  File "([^"\n]{1,1000})", line (\d{1,9}), in ([^\n]{1,300})(?:\n    ([^\n]{1,300}))?', re.MULTILINE
)
_LIBRARY = re.compile(r".*/(?:site-packages|dist-packages|lib/python[\d.]{1,6})/")
_OURS = frozenset(("event_id", "timestamp", "start_timestamp", "type", "level", "platform", "sdk", "environment"))
_NOBODY_ASKED = frozenset(("user", "request", "modules", "server_name"))
_FRAMES_WITHOUT = ("vars", "abs_path")


def failure_of(event: str, fields: Fields) -> tuple[str, str] | None:
    """Type and text of the error that an event tells of; None: it tells of none."""
    if event == "agent_completed":
        if str(fields.get("status")) not in ("error", "timeout"):
            return None
        error = cast("Mapping[str, Any]", fields.get("error") or {})
        return str(error.get("error", fields.get("status"))), str(error.get("message", ""))
    if event not in EVENTS or EVENTS[event].level is not Level.ERROR:
        return None
    return str(fields.get("code") or event), str(fields.get("message") or fields.get("error") or EVENTS[event].when)


def error_event(
    event: str, failure: tuple[str, str], fields: Fields, *, at: datetime, trace: str, tags: Mapping[str, Any]
) -> SentryEvent:
    kind, text = failure
    frames = frames_of(trace)
    exception: dict[str, Any] = {"type": kind, "value": text, "mechanism": {"type": "fairlead", "handled": True}}
    made: SentryEvent = {
        "level": "error",
        "timestamp": at,
        "logger": "fairlead",
        "transaction": fields.get("agent") or fields.get("where"),
        "exception": {"values": [exception]},
        "tags": {"event": event, **tags_of({**tags, **fields})},
        "contexts": {"fairlead": details_of(fields)},
    }
    if frames:
        exception["stacktrace"] = {"frames": frames}
    else:  # a text full of ids would make each a group of its own
        made["fingerprint"] = [event, kind, str(fields.get("where") or fields.get("agent") or "")]
    return made


def transaction(name: str, operation: str, fields: Fields, *, at: datetime, status: str) -> SentryEvent:
    took = cast("timedelta", fields.get("took") or timedelta(0))
    trace_id = uuid4().hex
    context = {"trace_id": trace_id, "span_id": trace_id[-16:], "op": operation, "status": status}
    return {
        "event_id": uuid4().hex,
        "type": "transaction",
        "transaction": name,
        "transaction_info": {"source": "route" if operation == "http.server" else "custom"},
        "start_timestamp": at - took,
        "timestamp": at,
        "spans": [],
        "tags": tags_of(fields),
        "contexts": {"trace": context, "fairlead": details_of(fields)},
    }


def crumb(event: str, fields: Fields, at: datetime) -> dict[str, Any] | None:
    """One line of what happened before; None: it is nothing for that."""
    spec = EVENTS.get(event)
    if spec is None or (spec.heard is not Heard.ALWAYS and spec.level not in (Level.WARNING, Level.ERROR)):
        return None
    kept = details_of(fields)
    return {"timestamp": at, "category": event, "level": spec.level.value, "type": "default", "data": kept}


def details_of(fields: Fields) -> dict[str, Any]:
    """The fields that are no content, in units that Sentry can show, none of them long."""
    details: dict[str, Any] = {}
    for name, value in fields.items():
        if value is None or name in CONTENT:
            continue
        if isinstance(value, timedelta):
            details[f"{name}_ms"] = round(value.total_seconds() * 1000, 3)
        elif isinstance(value, (bool, int, float)):
            details[name] = value
        elif isinstance(value, Mapping):
            details[name] = _short(str(cast("Mapping[str, Any]", value).get("error", "")))
        else:
            details[name] = _short(str(value))
    return details


def tags_of(fields: Fields) -> dict[str, str]:
    return {name: str(fields[name])[:_LONGEST_TAG] for name in _TAGS if fields.get(name)}


def frames_of(trace: str) -> list[dict[str, Any]]:
    """The last of the tracebacks in a text. Paths are cut: a home folder tells whose it is."""
    last = trace.rpartition("Traceback (most recent call last)")[2]
    frames: list[dict[str, Any]] = []
    for path, line, function, code in _FRAME.findall(last)[-_MOST_FRAMES:]:
        library = _LIBRARY.match(path)
        name = path[library.end() :] if library else "/".join(path.split("/")[-2:])
        frame = {"filename": name, "lineno": int(line), "function": function, "in_app": library is None}
        frames.append(frame | ({"context_line": code} if code else {}))
    return frames


def clean(event: Any, redactor: Redactor) -> Any:
    """The event as it may leave the house, whoever made it: nobody's address, no request, no locals, and every text
    without secrets and personal data."""
    cleaned = {
        name: value if name in _OURS else redactor.value(_trimmed(name, value))
        for name, value in event.items()
        if name not in _NOBODY_ASKED
    }
    trace = part(part(event, "contexts"), "trace")
    if trace:  # ids are full of digits; what else is in there may be anything
        ids = {name: trace[name] for name in ("trace_id", "span_id", "parent_span_id", "status") if trace.get(name)}
        cleaned["contexts"]["trace"] = {**cleaned["contexts"]["trace"], **ids}
    return cleaned


def clean_transaction(made: SentryEvent, redactor: Redactor) -> SentryEvent:
    """The same for one that `transaction` made, in a fifth of the time: its names are ours, and its texts in few
    places."""
    cleaned = {**made, "transaction": redactor.text(made["transaction"]), "release": redactor.text(made["release"])}
    cleaned["tags"] = _clean_texts(made["tags"], redactor)
    contexts = cast("dict[str, Any]", made["contexts"])
    cleaned["contexts"] = {**contexts, "fairlead": _clean_texts(contexts["fairlead"], redactor)}
    return cleaned


def _clean_texts(named: Mapping[str, Any], redactor: Redactor) -> dict[str, Any]:
    return {name: "[secret]" if value and is_sensitive(name) else redactor.value(value)
            for name, value in named.items()}  # fmt: skip


def as_json(event: SentryEvent) -> bytes:
    try:
        return orjson.dumps(event, default=str)
    except TypeError:  # a lone surrogate, a huge number
        return orjson.dumps(encodable(event), default=str)


def part(event: Any, name: str) -> dict[str, Any]:
    """A part of an event that may not be there."""
    return cast("dict[str, Any]", event.get(name) or {})


def _trimmed(name: str, value: Any) -> Any:
    if name not in ("exception", "threads", "stacktrace"):
        return value
    for holder in _stacks(value):
        for frame in cast("list[dict[str, Any]]", part(holder, "stacktrace").get("frames") or ()):
            for unwanted in _FRAMES_WITHOUT:
                frame.pop(unwanted, None)
    return value


def _stacks(value: Any) -> Iterable[dict[str, Any]]:
    if not isinstance(value, dict):
        return ()
    held = cast("dict[str, Any]", value)
    return cast("list[dict[str, Any]]", held["values"]) if "values" in held else ({"stacktrace": held}, held)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
