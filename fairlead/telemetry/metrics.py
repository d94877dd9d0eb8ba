"""Prometheus metrics, counted from events. The names are those of people's dashboards.

Labels are bounded: beyond a number of values of one label the rest counts as "other". A registry is handed in;
each process counts what it saw itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from fairlead.telemetry.tally import Spread, Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LATENCY = (1, 5, 10, 30, 60, 120, 300)
_STEPS = (1, 3, 5, 10, 15, 20, 30)
_HTTP = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_QUERY = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))

# None of their fields is large.
_OFTEN = ("database_query", "llm_call", "step_recorded", "http_request")
_MOST_NOTED = 200

Fields = dict[str, Any]


class Metrics:
    """A listener for `Emitter.subscribe(metrics, events=metrics.events)`; `render()` is the body of /metrics.

    What is told most often is only noted, and counted when somebody looks, or when many have been noted: in one go that
    is a third of the work."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._noted = _Noted(registry)  # first: what others tell is counted by then
        listeners = (_Agents(registry), _Models(registry), _Http(registry), _Database(registry), _Webhooks(registry),
                     _Installation(registry))  # fmt: skip
        self._heard: dict[str, Callable[[Fields], None]] = {k: v for part in listeners for k, v in part.heard.items()}
        self._often = {event: self._heard[event] for event in _OFTEN}

    @property
    def events(self) -> tuple[str, ...]:
        return tuple(self._heard)

    def __call__(self, event: str, fields: Fields, /) -> None:
        if count := self._often.get(event):
            self._noted.add(count, fields)
        elif count := self._heard.get(event):
            count(fields)

    def render(self) -> bytes:
        return generate_latest(self._registry)


class _Noted(Collector):
    """Tells nothing itself: whoever collects metrics has it count what was noted."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._waiting: deque[tuple[Callable[[Fields], None], Fields]] = deque()
        self._failed: Exception | None = None
        registry.register(self)

    def add(self, count: Callable[[Fields], None], fields: Fields) -> None:
        """Raises what went wrong with one that was noted before: the emitter reports it."""
        self._waiting.append((count, fields))
        if len(self._waiting) >= _MOST_NOTED:
            self._catch_up()
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed

    def collect(self) -> Iterator[GaugeMetricFamily]:
        self._catch_up()
        return iter(())

    def _catch_up(self) -> None:
        with suppress(IndexError):  # none is left; another thread may have taken it
            while True:
                count, fields = self._waiting.popleft()
                try:
                    count(fields)
                except Exception as error:  # noqa: BLE001 - the others are counted
                    self._failed = error


class Bounded:
    """The first `limit` values of a label as they are; any further one is "other"."""

    def __init__(self, limit: int = 100) -> None:
        self._limit = limit
        self._seen: dict[str, str] = {}

    def __call__(self, value: Any) -> str:
        if value.__class__ is str and (known := self._seen.get(value)) is not None:
            return known
        text = str(value)[:100] if value else "unknown"
        if text in self._seen:
            return self._seen[text]
        if len(self._seen) >= self._limit:
            return "other"
        # A lone surrogate would break every later scrape.
        self._seen[text] = text.encode("utf-8", "replace").decode()
        return self._seen[text]


class _Agents:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.heard = {
            "agent_started": self._started,
            "agent_completed": self._completed,
            "run_parked": self._left,
            "run_interrupted": self._left,
            "run_cancelled": self._left,
            "worker_fenced": self._left,
            "tool_result": self._tool_result,
            "queue_depth": self._queue_depth,
            "step_recorded": self._step_recorded,
        }
        self._intent, self._tool = Bounded(50), Bounded(100)
        self._executing: set[str] = set()  # by run: some ends are told twice
        self._requests = Tally("agent_requests_total", "Runs that ended.", ("status", "intent"), registry=registry)
        self._latency = Spread("agent_latency_seconds", "Time a run executed.", buckets=_LATENCY, registry=registry)
        self._steps = Spread("agent_steps_count", "Steps of a run.", buckets=_STEPS, registry=registry)
        active = Gauge("active_agents", "Runs executing now.", registry=registry)
        active.set_function(lambda: len(self._executing))
        self._tools = Tally(
            "agent_tool_calls_total", "Tool calls that ended.", ("tool_name", "status"), registry=registry
        )
        self._depth = Gauge("agent_queue_depth", "Runs waiting for a worker.", registry=registry)
        self._recorded = Tally("agent_steps_recorded_total", "Steps written to the journal.", registry=registry)

    def _started(self, fields: Fields) -> None:
        self._executing.add(fields["run_id"])

    def _left(self, fields: Fields) -> None:
        self._executing.discard(fields["run_id"])

    def _completed(self, fields: Fields) -> None:
        self._left(fields)
        self._requests.add(fields["status"], self._intent(fields.get("intent") or "general"))
        if took := fields.get("took"):
            self._latency.note(took.total_seconds())
        if (steps := fields.get("steps")) is not None:
            self._steps.note(steps)

    def _tool_result(self, fields: Fields) -> None:
        self._tools.add(self._tool(fields["tool"]), fields.get("status") or "ok")

    def _queue_depth(self, fields: Fields) -> None:
        self._depth.set(fields["depth"])

    def _step_recorded(self, _fields: Fields) -> None:
        self._recorded.add()


class _Models:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.heard = {"llm_call": self._call, "provider_health": self._health}
        self._provider, self._model = Bounded(50), Bounded(100)
        self._cost = _Cost(registry)
        self._calls = Tally("ai_requests_total", "Model calls that ended.", ("service", "status"), registry=registry)
        self._tokens = Tally("ai_tokens_used_total", "Tokens in and out.", ("service", "model"), registry=registry)
        self._healthy = Gauge("llm_provider_healthy", "1: usable, 0: not.", ("provider",), registry=registry)

    def _call(self, fields: Fields) -> None:
        provider = self._provider(fields.get("provider"))
        self._calls.add(provider, fields.get("status") or "ok")
        tokens = (fields.get("tokens_in") or 0) + (fields.get("tokens_out") or 0)
        if tokens:
            self._tokens.add(provider, self._model(fields.get("model")), count=tokens)
        self._cost.nano += fields.get("cost_nano") or 0

    def _health(self, fields: Fields) -> None:
        self._healthy.labels(self._provider(fields["provider"])).set(1 if fields["healthy"] else 0)


class _Cost(Collector):
    """What models cost, under both names that dashboards ask for: `agent_cost_usd` and `agent_cost_usd_total`.
    (The library's own Counter exports only the second, and refuses a second metric of the first name.)"""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.nano = 0
        registry.register(self)

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        dollars = self.nano / 1_000_000_000
        yield CounterMetricFamily("agent_cost_usd", "US dollars spent on models.", value=dollars)
        yield GaugeMetricFamily("agent_cost_usd", "US dollars spent on models.", value=dollars)


class _Http:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.heard = {
            "http_request": self._request,
            "connection_opened": self._opened,
            "connection_closed": self._closed,
        }
        self._endpoint = Bounded(200)
        self._requests = Tally(
            "http_requests_total", "Requests answered.", ("method", "endpoint", "status_code"), registry=registry
        )
        self._took = Spread(
            "http_request_duration_seconds", "Time to answer.", ("method", "endpoint"), buckets=_HTTP,
            registry=registry,
        )  # fmt: skip
        self._connections = Gauge("active_connections", "Streams open to watchers.", registry=registry)

    def _request(self, fields: Fields) -> None:
        method = fields["method"] if fields["method"] in _METHODS else "other"
        endpoint = self._endpoint(fields["endpoint"])
        self._requests.add(method, endpoint, str(fields["status_code"]))
        self._took.note(fields["took"].total_seconds(), method, endpoint)

    def _opened(self, _fields: Fields) -> None:
        self._connections.inc()

    def _closed(self, _fields: Fields) -> None:
        self._connections.dec()


class _Database:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.heard = {"database_query": self._query}
        self._name = Bounded(100)
        self._took = Spread("database_query_seconds", "Time of a query.", ("query",), buckets=_QUERY, registry=registry)

    def _query(self, fields: Fields) -> None:
        self._took.note(fields["took"].total_seconds(), self._name(fields["query"]))


class _Installation:
    """What holds for all processes, as one of them has looked it up. What is not known has no value."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.heard = {"error_budget": self._budget, "backup_seen": self._backup}
        self._left = Gauge(
            "slo_error_budget_remaining_ratio", "Share of the error budget of 30 days that is left.", ("slo", "of"),
            registry=registry,
        )  # fmt: skip
        self._verified = Gauge(
            "backup_last_verified_timestamp_seconds", "When the last verified backup was taken.", (), registry=registry
        )
        self._verified.set(float("nan"))

    def _budget(self, fields: Fields) -> None:
        labels = (fields["level"], fields["of"])
        if fields["left"] is None:
            self._left.labels(*labels).set(float("nan"))
        else:
            self._left.labels(*labels).set(fields["left"])

    def _backup(self, fields: Fields) -> None:
        self._verified.set(fields["taken_at"].timestamp())


class _Webhooks:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.heard = {"webhook_delivered": self._delivered, "webhook_failed": self._failed}
        self._type = Bounded(30)
        self._attempts = Tally("webhook_attempts_total", "Attempts to deliver.", ("type", "result"), registry=registry)

    def _delivered(self, fields: Fields) -> None:
        self._attempts.add(self._type(fields["type"]), "delivered")

    def _failed(self, fields: Fields) -> None:
        self._attempts.add(self._type(fields["type"]), "retried" if fields.get("again_at") else "failed")
