"""What a process sees, counted by the minute, from events. A listener: it must be quick, and keeps no event.

What fails a request is a status of 500 and more. What fails a run is an error or a timeout; not that somebody cancelled
it, nor that its budget was used up: then it did what it was told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from fairlead.clock import Clock
from fairlead.operate.levels.level import BAD, OK, bucket_of
from fairlead.telemetry.notes import Note

_MINUTE_US = 60_000_000
_SUBMITS = frozenset({"/runs", "/runs/batch", "/threads/{thread_id}/runs", "/agent/run"})
# Monitors ask these all day, and would hide how callers fare; what is no address of ours is a scanner's.
_NOT_COUNTED = frozenset({"/ok", "/info", "/version", "/health", "/health/live", "/health/ready", "/ready", "/metrics",
                          "/openapi.json", "/docs", "unmatched"})  # fmt: skip
_LASTING = ("/stream", "/join", "/wait", "/events")  # they last as long as a run
_OTHERS_TIME = ("/v1", "/mcp", "/a2a")  # a model's, or an agent's
_CALLERS_OWN = frozenset({"budget", "cancelled"})
_MOST_MINUTES = 24 * 60  # kept while the database is away


class Counts:
    """`Emitter.subscribe(counts, events=counts.events)`, or `later` is told by `Notes`, whose `catch_up` is then asked
    before anybody sees a figure."""

    def __init__(self, clock: Clock, *, catch_up: Callable[[], None] = lambda: None) -> None:
        self._clock = clock
        self._catch_up = catch_up
        self._minutes: dict[int, dict[tuple[str, int], int]] = {}
        self._heard: Mapping[str, Callable[[dict[str, Any], int], None]] = {
            "http_request": self._request, "database_query": self._query, "agent_completed": self._run,
        }  # fmt: skip

    @property
    def events(self) -> tuple[str, ...]:
        return tuple(self._heard)

    def __call__(self, event: str, fields: dict[str, Any], /) -> None:
        self._heard[event](fields, self.minute)

    def later(self, one: Note) -> None:
        self._heard[one[0]](one[1], one[3] // _MINUTE_US)

    def rows(self) -> list[tuple[int, str, int, int]]:
        """All that is kept: minute, kind, bucket, and how many in all. To be written over what was written before."""
        self._catch_up()
        minutes = tuple(self._minutes.items())  # another thread may count on
        return [(at, kind, bucket, n) for at, of in minutes for (kind, bucket), n in tuple(of.items())]

    def forget(self, before: int) -> None:
        """Minutes that are over and written."""
        for at in [at for at in tuple(self._minutes) if at < before]:
            del self._minutes[at]

    @property
    def minute(self) -> int:
        return self._clock.micros() // _MINUTE_US

    def _add(self, at: int, kind: str, bucket: int) -> None:
        of = self._minutes.get(at)
        if of is None:
            if len(self._minutes) >= _MOST_MINUTES:
                del self._minutes[min(self._minutes)]
            of = self._minutes[at] = defaultdict(int)
        of[kind, bucket] += 1

    def _request(self, fields: dict[str, Any], at: int) -> None:
        endpoint: str = fields["endpoint"]
        if endpoint in _NOT_COUNTED:
            return
        failed = fields["status_code"] >= 500
        self._add(at, "requests", BAD if failed else OK)
        if failed:
            return
        if fields["method"] == "POST" and endpoint in _SUBMITS:
            self._add(at, "submit", bucket_of(fields["took"].total_seconds()))
        elif fields["method"] == "GET" and _is_read(endpoint):
            self._add(at, "read", bucket_of(fields["took"].total_seconds()))

    def _query(self, fields: dict[str, Any], at: int) -> None:
        self._add(at, "query", bucket_of(fields["took"].total_seconds()))

    def _run(self, fields: dict[str, Any], at: int) -> None:
        status, reason = fields["status"], fields["reason"]
        if reason not in _CALLERS_OWN and status in ("success", "error", "timeout"):
            self._add(at, "runs", OK if status == "success" else BAD)


def _is_read(endpoint: str) -> bool:
    return endpoint.startswith("/") and not endpoint.startswith(_OTHERS_TIME) and not endpoint.endswith(_LASTING)
