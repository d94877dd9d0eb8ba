"""What a process sees, counted by the minute, from events. A listener: it must be quick, and keeps no event.

What fails a request is a status of 500 and more. What fails a run is an error or a timeout; not that somebody cancelled
it, nor that its budget was used up: then it did what it was told.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from fairlead.clock import Clock
from fairlead.operate.levels.level import BAD, OK, bucket_of

_MINUTE_US = 60_000_000
_SUBMITS = frozenset({"/runs", "/runs/batch", "/threads/{thread_id}/runs", "/agent/run"})
# Monitors ask these all day, and would hide how callers fare; what is no address of ours is a scanner's.
_NOT_COUNTED = frozenset({"/ok", "/info", "/version", "/health", "/health/live", "/health/ready", "/ready", "/metrics",
                          "/openapi.json", "/docs", "unmatched"})  # fmt: skip
_LASTING = ("/stream", "/join", "/wait", "/events")  # they last as long as a run
_OTHERS_TIME = ("/v1", "/mcp", "/a2a")  # a model's, or an agent's
_CALLERS_OWN = frozenset({"budget", "cancelled"})
_MOST_NOTED = 200  # queries
_MOST_MINUTES = 24 * 60  # kept while the database is away


class Counts:
    """`Emitter.subscribe(counts, events=counts.events)`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minutes: dict[int, dict[tuple[str, int], int]] = {}
        self._queries: deque[tuple[int, timedelta]] = (
            deque()
        )  # when and how long; there are many, and they are counted together
        self._heard: Mapping[str, Callable[[dict[str, Any]], None]] = {
            "http_request": self._request, "database_query": self._query, "agent_completed": self._run,
        }  # fmt: skip

    @property
    def events(self) -> tuple[str, ...]:
        return tuple(self._heard)

    def __call__(self, event: str, fields: dict[str, Any], /) -> None:
        self._heard[event](fields)

    def rows(self) -> list[tuple[int, str, int, int]]:
        """All that is kept: minute, kind, bucket, and how many in all. To be written over what was written before."""
        self._count_queries()
        return [(at, kind, bucket, n) for at, of in self._minutes.items() for (kind, bucket), n in of.items()]

    def forget(self, before: int) -> None:
        """Minutes that are over and written."""
        for at in [at for at in self._minutes if at < before]:
            del self._minutes[at]

    @property
    def minute(self) -> int:
        return self._clock.micros() // _MINUTE_US

    def _add(self, kind: str, bucket: int, at: int | None = None) -> None:
        at = self.minute if at is None else at
        of = self._minutes.get(at)
        if of is None:
            if len(self._minutes) >= _MOST_MINUTES:
                del self._minutes[min(self._minutes)]
            of = self._minutes[at] = defaultdict(int)
        of[kind, bucket] += 1

    def _request(self, fields: dict[str, Any]) -> None:
        endpoint: str = fields["endpoint"]
        if endpoint in _NOT_COUNTED:
            return
        failed = fields["status_code"] >= 500
        self._add("requests", BAD if failed else OK)
        if failed:
            return
        if fields["method"] == "POST" and endpoint in _SUBMITS:
            self._add("submit", bucket_of(fields["took"].total_seconds()))
        elif fields["method"] == "GET" and _is_read(endpoint):
            self._add("read", bucket_of(fields["took"].total_seconds()))

    def _query(self, fields: dict[str, Any]) -> None:
        self._queries.append((self._clock.micros(), fields["took"]))
        if len(self._queries) >= _MOST_NOTED:
            self._count_queries()

    def _count_queries(self) -> None:
        while self._queries:
            at, took = self._queries.popleft()
            self._add("query", bucket_of(took.total_seconds()), at // _MINUTE_US)

    def _run(self, fields: dict[str, Any]) -> None:
        status, reason = fields["status"], fields["reason"]
        if reason not in _CALLERS_OWN and status in ("success", "error", "timeout"):
            self._add("runs", OK if status == "success" else BAD)


def _is_read(endpoint: str) -> bool:
    return endpoint.startswith("/") and not endpoint.startswith(_OTHERS_TIME) and not endpoint.endswith(_LASTING)
