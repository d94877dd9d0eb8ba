"""Errors to Sentry, with what the run did before; and how long runs and requests took, of one in ten.

    event ──► breadcrumb of its run
    error, failed run, what a library logs as an error ──► event ──► clean ──► queue (a thread of the SDK) ──► Sentry

The SDK is for transport, and for agents that use it themselves: what they capture carries the ids of their run, and is
cleaned like ours. Nothing waits for Sentry: what finds the queue full is lost, and told once a minute. The same error
is sent five times a minute, and all of them sixty times; what was held back is counted in the next. Of durations, ten
a second are sent at most.
"""

from __future__ import annotations

import sys
import traceback
from collections import OrderedDict, deque
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from functools import partial
from random import random
from typing import Any, NamedTuple, cast

from fairlead.clock import Clock
from fairlead.errors import ConfigurationError
from fairlead.telemetry import sentry_event
from fairlead.telemetry.bound import ids_of_task
from fairlead.telemetry.catalogue import EVENTS, Heard, Level
from fairlead.telemetry.emit import Emit
from fairlead.telemetry.line import encodable
from fairlead.telemetry.redact import Redactor

_CRUMBS, _RUNS = 50, 1000  # kept of one run, runs
_SAME, _ALL, _MINUTE = 5, 60, 60.0
_LEFT = frozenset(("agent_completed", "run_parked", "run_interrupted", "run_cancelled", "worker_fenced"))
_POLLED = ("/health", "/ready", "/metrics")  # by machines, all day
_TOLD_BY_US = ("sentry_sdk", "urllib3")  # what they say of a Sentry that is down must not be sent to it
_QUEUE = 100
_PATIENCE = 2.0  # seconds at the end for what waits

Trail = deque[tuple[str, Mapping[str, Any], datetime]]
_run_here: ContextVar[str] = ContextVar("fairlead_sentry_run", default="")


class _Run(NamedTuple):
    """What was said when it began, and since."""

    about: Mapping[str, Any]
    trail: Trail


class Sentry:
    """A listener for `Emitter.subscribe(sentry, events=sentry.events)`. Takes the SDK's global client, so one in a
    process. Raises `ConfigurationError`."""

    def __init__(
        self, dsn: str, *, environment: str, release: str, service: str, sample_rate: float, redactor: Redactor,
        clock: Clock, emit: Emit,
    ) -> None:  # fmt: skip
        try:
            import sentry_sdk  # extra
            from sentry_sdk.envelope import Envelope, Item  # extra
            from sentry_sdk.transport import HttpTransport  # extra
            from sentry_sdk.utils import BadDsn  # extra

            from fairlead.telemetry.sentry_transport import Losses, transport  # extra
        except ImportError as error:
            raise ConfigurationError(
                "SENTRY_DSN is set, and the package sentry-sdk is not installed.",
                hint="pip install 'fairlead[sentry]'",
            ) from error
        self._sdk: Any = sentry_sdk
        self._says = {
            "environment": environment, "release": release, "platform": "python",
            "sdk": {"name": "sentry.python", "version": sentry_sdk.VERSION},
        }  # fmt: skip
        self._envelopes: Any = Envelope
        self._item: Any = Item
        self._redactor = redactor
        self._rate = sample_rate
        self._clock = clock
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._house = _Run({}, deque(maxlen=_CRUMBS))  # of no run
        self._storm = Storm(clock)
        self._pace = Pace(clock)
        try:
            # `send_default_pii` is off where nobody sets it, and the SDK does not want it set any more.
            sentry_sdk.init(
                dsn=dsn, environment=environment, release=release, server_name=service,
                traces_sample_rate=sample_rate, transport=transport(HttpTransport, redactor, Losses(clock, emit)),
                transport_queue_size=_QUEUE, shutdown_timeout=_PATIENCE,
                default_integrations=False, auto_enabling_integrations=False, auto_session_tracking=False,
                include_local_variables=False, max_request_body_size="never",
                propagate_traces=False, enable_logs=False, enable_metrics=False, spotlight=False, debug=False,
                before_send=self._before_send, before_send_transaction=self._before_send,
                before_breadcrumb=self._before_breadcrumb,
                _experiments={"transport_compression_level": 0},  # of a kilobyte it costs more than it saves
            )  # fmt: skip
        except BadDsn as error:
            raise ConfigurationError(
                f"SENTRY_DSN is no address of a Sentry project: {error}.",
                hint="It is in Sentry under Settings, Projects, Client Keys: https://KEY@HOST/PROJECT",
            ) from None
        self._client: Any = sentry_sdk.get_client()  # an agent may put its own in its place

    @property
    def events(self) -> tuple[str, ...]:
        return tuple(name for name, spec in EVENTS.items() if _hears(name, spec.heard, spec.level))

    def __call__(self, event: str, fields: Mapping[str, Any], /) -> None:
        if event == "http_request":
            self._request(fields)
            return
        run_id, kept = fields.get("run_id"), _kept(event, fields)
        if event == "agent_started":
            self._enter(kept)
        self._runs.get(run_id or "", self._house).trail.append((event, kept, self._clock.now()))
        if failure := sentry_event.failure_of(event, fields):
            self._report(event, failure, fields)
        if event == "agent_completed":
            self._completed(fields)
        if event in _LEFT and run_id:
            self._runs.pop(run_id, None)

    def heard(self, level: str, fields: Mapping[str, Any], error: BaseException | None) -> None:
        """What a library, or an agent through structlog, logged."""
        logger = str(fields.get("logger", ""))
        if level not in ("error", "critical", "exception") or logger.startswith(_TOLD_BY_US):
            return
        kind = type(error).__name__ if error else logger
        said = {"where": logger, "message": fields.get("message"), "trace": fields.get("trace")}
        self._report("library_log", (kind, str(fields.get("message", ""))), said)

    def flush(self) -> None:
        """Send what waits now, and no later."""
        self._client.flush(timeout=_PATIENCE)

    def close(self) -> None:
        """Send what waits, for a short time at most."""
        self._client.close(timeout=_PATIENCE)
        scope = self._sdk.get_global_scope()
        if scope.client is self._client:
            scope.set_client(None)

    def _enter(self, fields: Mapping[str, Any]) -> None:
        """From here on, what this task and its own capture belongs to the run: it is told in the run's own task. What
        they set for Sentry is theirs: where there is no scope, the SDK makes one for a task that wants it."""
        run_id: str = fields["run_id"]
        self._runs[run_id] = _Run(fields, deque(maxlen=_CRUMBS))
        while len(self._runs) > _RUNS:
            self._runs.popitem(last=False)
        _run_here.set(run_id)
        self._sdk.Scope.set_isolation_scope(None)

    def _report(self, event: str, failure: tuple[str, str], fields: Mapping[str, Any]) -> None:
        held_back = self._storm.admit((event, failure[0], str(fields.get("where") or fields.get("agent"))))
        if held_back is None:
            return
        trace = fields.get("trace") or _trace_of(sys.exception())
        told = {**fields, "held_back": held_back} if held_back else fields
        made = sentry_event.error_event(
            event, failure, told, at=self._clock.now(), trace=trace, tags=_ids(ids_of_task())
        )
        self._client.capture_event(made, scope=self._sdk.Scope())

    def _completed(self, fields: Mapping[str, Any]) -> None:
        if random() < self._rate and self._pace.admit():
            status = str(fields["status"])
            self._time(str(fields["agent"]), "agent.run", fields, "ok" if status == "success" else "internal_error")

    def _request(self, fields: Mapping[str, Any]) -> None:
        endpoint = str(fields["endpoint"])
        if random() < self._rate and not endpoint.startswith(_POLLED) and self._pace.admit():
            status = "internal_error" if int(fields["status_code"]) >= 500 else "ok"
            self._time(f"{fields['method']} {endpoint}", "http.server", fields, status)

    def _time(self, name: str, operation: str, fields: Mapping[str, Any], status: str) -> None:
        self._client.transport.gather(partial(self._timed, name, operation, fields, self._clock.now(), status))

    def _timed(self, name: str, operation: str, fields: Mapping[str, Any], at: datetime, status: str) -> Any:
        """Past the SDK, which would take five times as long to make the same of it."""
        made = self._says | sentry_event.transaction(name, operation, fields, at=at, status=status)
        return self._envelope(sentry_event.clean_transaction(made, self._redactor))

    def _envelope(self, timed: sentry_event.SentryEvent) -> Any:
        about = {"event_id": timed["event_id"], "sent_at": self._clock.now().isoformat()}
        item = self._item(sentry_event.as_json(timed), type="transaction", content_type="application/json")
        return self._envelopes(about, [item])

    def _before_send(self, event: Any, _hint: Any) -> Any:
        """Of ours and of what agents capture by themselves, the last thing before it is queued."""
        tags = sentry_event.part(event, "tags")
        run_id = str(tags.get("run_id") or _run_here.get())
        run = self._runs.get(run_id, self._house)
        if run_id:
            event["tags"] = {"run_id": run_id, **sentry_event.tags_of(run.about), **tags}
        if event.get("type") != "transaction":
            crumbs = [crumb for said in tuple(run.trail) if (crumb := sentry_event.crumb(*said))]
            own = cast("list[Any]", sentry_event.part(event, "breadcrumbs").get("values") or [])
            written = [{**crumb, "timestamp": crumb["timestamp"].isoformat()} for crumb in crumbs]
            event["breadcrumbs"] = {"values": [*own, *written]}
        return encodable(sentry_event.clean(event, self._redactor))

    def _before_breadcrumb(self, crumb: Any, _hint: Any) -> Any:
        return self._redactor.value(crumb)


class Storm:
    """The same error only so often, and all together only so often."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.monotonic()
        self._sent: dict[tuple[str, str, str], int] = {}
        self._all = 0
        self._held_back = 0

    def admit(self, which: tuple[str, str, str]) -> int | None:
        """How many were held back since the last that was sent; None: hold this one back too."""
        if self._clock.monotonic() - self._since >= _MINUTE:
            self._since, self._all = self._clock.monotonic(), 0
            self._sent.clear()
        sent = self._sent.get(which, 0)
        if sent >= _SAME or self._all >= _ALL:
            self._held_back += 1
            return None
        self._sent[which], self._all = sent + 1, self._all + 1
        held_back, self._held_back = self._held_back, 0
        return held_back


class Pace:
    """So many a second: sending one costs a millisecond, whatever a busy service may have to tell."""

    def __init__(self, clock: Clock, most: int = 10) -> None:
        self._clock = clock
        self._most = most
        self._since = clock.monotonic()
        self._sent = 0

    def admit(self) -> bool:
        now = self._clock.monotonic()
        if now - self._since >= 1.0:
            self._since, self._sent = now, 0
        self._sent += 1
        return self._sent <= self._most


def _hears(name: str, heard: Heard, level: Level) -> bool:
    if name in ("sentry_unreachable", "library_log"):
        return False
    return heard is Heard.ALWAYS or level in (Level.WARNING, Level.ERROR) or name in ("http_request", "error")


_WITH_CONTENT = frozenset(name for name, spec in EVENTS.items() if sentry_event.CONTENT.intersection(spec.fields))


def _kept(event: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what may be large; what is shown of it is made when something fails."""
    if event in _WITH_CONTENT:
        return {name: value for name, value in fields.items() if name not in sentry_event.CONTENT}
    return fields


def _ids(bound: Mapping[str, Any]) -> dict[str, Any]:
    return {name: bound[name] for name in ("request_id", "run_id") if name in bound}


def _trace_of(error: BaseException | None) -> str:
    return "".join(traceback.format_exception(error)) if error is not None else ""
