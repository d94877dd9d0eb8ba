"""Traces: a listener that makes spans of what is said, for `Emitter.subscribe(traces, events=traces.events)`.

    http_request ────────────────────────────────────► GET /runs/{run_id}                    (server)
    agent_started … agent_completed, run_interrupted ► run AGENT                             one for the whole run
                      waited for a worker ───────────►   queue
    run_resumed                ──────────────────────►   wait                              for a person, a time, a child
    agent_started … whatever ends the attempt ───────►   invoke_agent AGENT                  one for each attempt
    llm_call, llm_cache_hit ─────────────────────────►     chat MODEL                        (client)
    tool_call … tool_result ─────────────────────────►     execute_tool TOOL
    step_recorded, where steps are asked for ────────►     step NAME

An event is said where its work is done, on its task: what is entered here (our context, and OpenTelemetry's, for what
agents' own libraries trace) holds for the work that follows. Steps that are only recorded make no span by default:
there are thousands a second of them, and a span costs about as much as a step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from random import getrandbits
from typing import Any, cast

from opentelemetry import context as otel
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from fairlead.clock import Clock, to_micros
from fairlead.telemetry.conventions import (
    EXECUTE_TOOL,
    INVOKE_AGENT,
    OPERATION,
    OPERATIONS,
    TOOL_TYPE,
    method_of,
)
from fairlead.telemetry.span import Draft, Happening, Noted, Value, picked
from fairlead.telemetry.trace_context import TraceContext, current, enter, is_sampled, of_request, span_id_of

Fields = dict[str, Any]
_MOST_NOTES = 1000  # model calls under way of which something was said
_MOST_HAPPENINGS = 100  # within one attempt
_MICROS = 1_000_000
# Those who look whether we live, and the console's own pages, would fill any collector.
_UNTRACED = ("/health", "/ready", "/metrics", "/internal", "console")
_WITHIN_CALL = ("llm_retry", "llm_fallback", "llm_limited", "llm_dropped", "llm_over_bound")
_WITHIN_ATTEMPT = ("workflow_execution", "approval_requested", "approval_expired", "run_diverged",
                   "run_outcome_unknown", "budget_warning", "llm_ungoverned")  # fmt: skip
_FINE = ("success", "ok")
_NO_TIME = timedelta(0)
_FIXED = frozenset((str, int, bool, float, timedelta, type(None)))
_LONGEST_MODEL = 200  # characters


class _Open:
    """A span whose work is under way. Measured by the clock that never goes back."""

    __slots__ = ("above", "context", "fields", "happened", "since", "start", "started", "tools")

    def __init__(self, context: TraceContext, above: TraceContext, *, start: int, started: float) -> None:
        self.context = context
        self.above = above
        self.start = start
        self.started = started
        self.since = start  # of an attempt: since when its run is
        self.fields: Fields = {}
        self.happened: list[Happening] = []
        self.tools: set[tuple[str, str]] = set()


class Traces:
    def __init__(
        self, send: Callable[[Noted], None], *, clock: Clock, ratio: float = 1.0, previews: bool = False,
        steps: bool = False,
    ) -> None:  # fmt: skip
        self._send = send
        self._clock = clock
        self._ratio = ratio
        self._previews = previews
        self._attempts: dict[str, _Open] = {}  # by run
        self._tools: dict[tuple[str, str], _Open] = {}  # by run and step
        self._notes: dict[int, list[Happening]] = {}  # of model calls, by their task
        self._heard: dict[str, Callable[[str, Fields], None]] = {
            "http_request": self._request,
            "run_resumed": self._resumed,
            "agent_started": self._started,
            "agent_completed": self._over,
            "run_interrupted": self._over,
            "run_parked": self._left,
            "worker_fenced": self._dropped,
            "error": self._dropped,
            "tool_call": self._tool,
            "tool_result": self._tool_ended,
            "llm_call": self._call,
            "llm_cache_hit": self._call,
            **dict.fromkeys(_WITHIN_CALL, self._note_call),
            **dict.fromkeys(_WITHIN_ATTEMPT, self._note_attempt),
        }
        if steps:
            self._heard["step_recorded"] = self._step

    @property
    def events(self) -> tuple[str, ...]:
        return tuple(self._heard)

    def __call__(self, event: str, fields: Fields, /) -> None:
        self._heard[event](event, fields)

    # -- requests

    def _request(self, _event: str, fields: Fields) -> None:
        context, endpoint = current(), fields["endpoint"]
        if context is None or endpoint.startswith(_UNTRACED) or not self._wanted(context):
            return
        method, status = method_of(fields["method"]), fields["status_code"]
        shown = {**self._picked(fields), "method": method}
        unknown = endpoint == "unmatched"
        if unknown:
            del shown["endpoint"]
        self._draft(context, method if unknown else f"{method} {endpoint}", fields["took"], shown, kind="server",
                    error=str(status) if status >= 500 else "")  # fmt: skip

    # -- runs

    def _started(self, _event: str, fields: Fields) -> None:
        run = current()
        if run is None or not self._wanted(run):
            return
        run_id = fields["run_id"]
        now = self._clock.micros()
        context = run.beneath(span_id_of(run_id, fields["attempt"]))
        attempt = _Open(context, run, start=now, started=self._clock.monotonic())
        attempt.fields = self._picked(fields)
        since: datetime | None = fields.get("since")
        attempt.since = min(to_micros(since), now) if since is not None else now
        self._attempts[run_id] = attempt
        if fields["attempt"] == 1:
            about = {name: value for name, value in attempt.fields.items() if name in ("run_id", "agent", "tenant")}
            waiting = run.beneath(span_id_of(run_id, "queue"))
            self._send(Draft(waiting, "queue", "internal", attempt.since, now, about))
        self._within(context)

    def _resumed(self, _event: str, fields: Fields) -> None:
        """A worker that was killed could not say that its attempt had ended. What it had recorded tells when it was."""
        run, ended = current(), fields.get("ended")
        if run is None or not self._wanted(run):
            return
        if fields.get("reason") != "lost":
            if ended is not None:
                self._waited(run, ended, fields)
            return
        number, began = fields["attempt"] - 1, fields.get("began")
        end = to_micros(ended) if ended is not None else self._clock.micros()
        start = min(to_micros(began), end) if began is not None else end
        shown = {**self._picked(fields), "attempt": number}
        self._send(Draft(
            run.beneath(span_id_of(fields["run_id"], number)), f"{INVOKE_AGENT} {fields['agent']}", "internal", start,
            end, shown, {OPERATION: INVOKE_AGENT}, error="worker_lost", message="The worker died.",
        ))  # fmt: skip

    def _waited(self, run: TraceContext, since: datetime, fields: Fields) -> None:
        """For a person, a time or a child, and then for a worker."""
        now = self._clock.micros()
        context = run.beneath(span_id_of(fields["run_id"], "wait", fields["attempt"]))
        self._send(Draft(context, "wait", "internal", min(to_micros(since), now), now, self._picked(fields)))

    def _over(self, _event: str, fields: Fields) -> None:
        """The attempt has ended, and with it the run, unless somebody lets it go on."""
        attempt = self._attempts.get(fields["run_id"])
        if attempt is None:
            return
        ending, (error, message) = self._picked(fields), _failure(fields)
        self._close(fields["run_id"], ending, error, message)
        run = attempt.above
        asked = {} if run.request_id is None else {"request_id": run.request_id}
        end = max(attempt.since, attempt.start + self._elapsed(attempt))
        shown = _plain({**attempt.fields, **asked, **ending})
        self._send(Draft(run, f"run {fields['agent']}", "internal", attempt.since, end, shown, error=error,
                         message=message))  # fmt: skip

    def _left(self, _event: str, fields: Fields) -> None:
        error, message = _failure(fields)
        self._close(fields["run_id"], self._picked(fields), error, message)

    def _dropped(self, event: str, fields: Fields) -> None:
        run_id = fields.get("run_id")
        if run_id is not None and (event == "worker_fenced" or fields.get("code") == "run_dropped"):
            self._close(
                run_id, {}, event if event == "worker_fenced" else "run_dropped", str(fields.get("message", ""))
            )

    def _close(self, run_id: str, ending: Fields, error: str, message: str) -> None:
        attempt = self._attempts.pop(run_id, None)
        if attempt is None:
            return
        for key in tuple(attempt.tools):
            self._end_tool(self._tools.pop(key), {}, "cancelled", "")
        shown = _plain({**attempt.fields, **ending})
        self._send(Draft(
            attempt.context, f"{INVOKE_AGENT} {attempt.fields.get('agent', '')}", "internal", attempt.start,
            attempt.start + self._elapsed(attempt), shown, {OPERATION: INVOKE_AGENT}, tuple(attempt.happened),
            error, message,
        ))  # fmt: skip

    def _note_attempt(self, event: str, fields: Fields) -> None:
        attempt = self._attempts.get(fields.get("run_id") or "")
        if attempt is not None and len(attempt.happened) < _MOST_HAPPENINGS:
            attempt.happened.append(Happening(event, self._clock.micros(), self._picked(fields)))

    # -- steps

    def _tool(self, _event: str, fields: Fields) -> None:
        outer, run_id, step = current(), fields["run_id"], fields["step"]
        attempt = self._attempts.get(run_id)
        if outer is None or attempt is None:
            return
        context = outer.beneath(span_id_of(run_id, step, attempt.context.span_id))
        tool = _Open(context, outer, start=self._clock.micros(), started=self._clock.monotonic())
        tool.fields = self._picked(fields)
        self._tools[run_id, step] = tool
        attempt.tools.add((run_id, step))
        self._within(context)

    def _tool_ended(self, _event: str, fields: Fields) -> None:
        key = fields["run_id"], fields["step"]
        tool = self._tools.pop(key, None)
        if tool is None:
            return
        if (attempt := self._attempts.get(key[0])) is not None:
            attempt.tools.discard(key)
        status = fields.get("status") or "ok"
        self._end_tool(tool, self._picked(fields), "" if status in _FINE else status, str(fields.get("error") or ""))
        self._within(tool.above)

    def _end_tool(self, tool: _Open, ending: Fields, error: str, message: str) -> None:
        shown = _plain({**tool.fields, **ending})
        given: dict[str, Any] = {OPERATION: EXECUTE_TOOL, TOOL_TYPE: "function"}
        self._send(Draft(tool.context, f"{EXECUTE_TOOL} {tool.fields['tool']}", "internal", tool.start,
                         tool.start + self._elapsed(tool), shown, given, error=error, message=message))  # fmt: skip

    def _step(self, _event: str, fields: Fields) -> None:
        """Model calls and tools have their spans already."""
        outer = current()
        if fields["kind"] == "step" and outer is not None and self._wanted(outer):
            self._draft(outer.beneath(getrandbits(64) or 1), f"step {fields['name']}", fields["took"],
                        self._picked(fields))  # fmt: skip

    # -- model calls

    def _call(self, event: str, fields: Fields) -> None:
        happened = tuple(self._notes.pop(_task(), ())) if self._notes else ()
        outer = current() or of_request("")  # what nobody asked for (vectors of a document) is a trace of its own
        if not self._wanted(outer):
            return
        context, end = outer.beneath(getrandbits(64) or 1), self._clock.micros()
        if _is_brief(fields):
            self._send(partial(_draft_of_call, event, fields, fields, context, end, happened))
        else:
            self._send(_draft_of_call(event, fields, self._picked(fields), context, end, happened))

    def _note_call(self, event: str, fields: Fields) -> None:
        outer = current()
        if outer is not None and not self._wanted(outer):
            return
        if len(self._notes) >= _MOST_NOTES:  # calls that never ended: their processes' loops are gone
            self._notes.pop(next(iter(self._notes)))
        notes = self._notes.setdefault(_task(), [])
        if len(notes) < _MOST_HAPPENINGS:
            notes.append(Happening(event, self._clock.micros(), self._picked(fields)))

    # --

    def _wanted(self, context: TraceContext) -> bool:
        return is_sampled(context, self._ratio)

    def _picked(self, fields: Fields) -> Fields:
        return picked(fields, previews=self._previews)

    def _draft(
        self, context: TraceContext, name: str, took: timedelta, fields: Fields, *, kind: str = "internal",
        given: dict[str, Any] | None = None, happened: tuple[Happening, ...] = (), error: str = "", message: str = "",
    ) -> None:  # fmt: skip
        """Of work that has just ended."""
        end = self._clock.micros()
        start = end - round(took.total_seconds() * _MICROS)
        self._send(Draft(context, name, kind, start, end, fields, given or {}, happened, error, message))

    def _elapsed(self, one: _Open) -> int:
        return max(0, round((self._clock.monotonic() - one.started) * _MICROS))

    def _within(self, context: TraceContext) -> None:
        """From here on, this task works within that span; what its libraries trace by OpenTelemetry too."""
        enter(context)
        flags = TraceFlags(TraceFlags.SAMPLED if self._wanted(context) else TraceFlags.DEFAULT)
        span = NonRecordingSpan(SpanContext(context.trace_id, context.span_id, is_remote=False, trace_flags=flags))
        otel.attach(set_span_in_context(span))


def _draft_of_call(
    event: str, fields: Fields, shown: Fields, context: TraceContext, end: int, happened: tuple[Happening, ...]
) -> Draft:
    operation = OPERATIONS.get(fields.get("format") or "", "chat")
    name: str = fields["model"] or ""
    # Of a name that is no model's, half must not be cut off: the rest may hide a secret from who looks for one.
    model = name.removeprefix(f"{fields['provider']}/")
    took, status = fields.get("took") or _NO_TIME, fields.get("status") or "ok"
    given: dict[str, Value] = {OPERATION: operation}
    if event == "llm_cache_hit":
        given["fairlead.cache"] = "hit"
    return Draft(
        context, f"{operation} {model}", "client", end - round(took.total_seconds() * _MICROS), end,
        {**shown, "model": model, "message": None}, given, happened, "" if status in _FINE else status,
        fields.get("message") or "",
    )  # fmt: skip


def _is_brief(fields: Fields) -> bool:
    """Nothing in them is large, nothing may change: they may be looked at later, as they are."""
    return (
        fields.get("status") == "ok" and not fields.get("message") and len(fields["model"] or "") <= _LONGEST_MODEL
        and _FIXED.issuperset(map(type, fields.values()))
    )  # fmt: skip


def _task() -> int:
    """A call is made, tried again and told of on one task."""
    try:
        return id(asyncio.current_task())
    except RuntimeError:
        return 0


def _failure(fields: Fields) -> tuple[str, str]:
    """What is wrong with how it ended; nothing, when it only waits, or gave its place to another."""
    status = fields.get("status")
    if status is None:
        return (str(fields["reason"]), str(fields["message"])) if fields.get("message") else ("", "")
    if status in _FINE:
        return "", ""
    said: Any = fields.get("error")
    error = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    return str(error.get("error") or status), str(error.get("message") or "")


def _plain(fields: Fields) -> Fields:
    """Without what is said as the error of the span."""
    fields.pop("error", None)
    fields.pop("message", None)
    return fields
