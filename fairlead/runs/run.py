"""What a run is, and the moves it may make.

    submit ──► pending ──claim──► running ──► success | error | timeout
                 ▲  ▲                │
                 │  └─── lost, drained, parked (timer, child)
                 │                   ▼
                 └─resume, retry── interrupted (approval, cancelled, budget,
                   answer, move                 outcome_unknown, diverged)

Statuses are those of the LangGraph Agent Server; `reason` says why, in our words.
A run that waits (`wake_at` is set) holds no worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from fairlead.telemetry.health import Component
from fairlead.telemetry.trace_context import TraceContext, of_run

LONGEST_USER = 200


class Status(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"

    @property
    def finished(self) -> bool:
        return self in (Status.SUCCESS, Status.ERROR, Status.TIMEOUT)


class Reason(StrEnum):
    # of pending
    TIMER = "timer"
    CHILD = "child"
    THREAD = "thread"  # behind another run of its thread
    LATER = "later"  # submitted with a time to start
    DRAINED = "drained"
    LOST = "lost"  # its worker died
    # of interrupted
    APPROVAL = "approval"
    CANCELLED = "cancelled"
    OUTCOME_UNKNOWN = "outcome_unknown"
    DIVERGED = "diverged"
    # of error
    BUDGET = "budget"
    POISON = "poison"
    DEADLINE = "deadline"  # of timeout


@dataclass(frozen=True, slots=True)
class Asker:
    """The key that asked for a run, as it was when it did: what the run spends is spent by it."""

    key: str
    key_id: str
    labels: Mapping[str, Any] = field(default_factory=dict[str, Any])
    limited: bool = False  # it has a budget of its own
    rate: tuple[int | None, int | None] = (None, None)  # requests and tokens a minute


class Multitask(StrEnum):
    """What becomes of a run whose thread is at work."""

    ENQUEUE = "enqueue"  # it waits for its turn
    REJECT = "reject"  # it is refused
    INTERRUPT = "interrupt"  # the others stop, and keep what they have
    ROLLBACK = "rollback"  # the others stop, and are forgotten


class Discard(StrEnum):
    """A run that is not kept."""

    ENDED = "ended"  # it goes when its caller has had time to read what came of it
    ROLLBACK = "rollback"  # it goes as soon as it has stopped, and leaves nothing in its thread


@dataclass(frozen=True, slots=True)
class Assignment:
    """As which assistant a run runs, and with what it was configured: the assistant's, and over it the caller's own."""

    assistant_id: str
    version: int = 1
    config: dict[str, Any] = field(default_factory=dict[str, Any])
    context: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a caller asks for. `id` empty: one is made."""

    agent: str
    input: Any
    id: str = ""
    tenant: str = "default"
    thread_id: str | None = None
    release: str = "dev"
    priority: int = 0  # higher runs first
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    idempotency_key: str | None = None
    budget_nano: int | None = None  # nano-dollars; None: the agent's own
    start_at: datetime | None = None
    deadline: datetime | None = None
    parent_id: str | None = None
    root_id: str | None = None
    user: str | None = None  # on whose behalf
    asker: Asker | None = None
    terms: dict[str, Any] | None = None  # how it is to be run, beyond its input: see `terms`
    discard: Discard | None = None
    multitask: Multitask = Multitask.ENQUEUE
    assignment: Assignment | None = None  # None: the agent as it is declared
    webhook: str | None = None  # told when it has ended, or needs a person
    trace: TraceContext | None = None  # None: that of the request or run that starts it


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of an agent on one input. Money is in nano-dollars."""

    id: str
    tenant: str
    agent: str
    release: str
    status: Status
    reason: Reason | None
    priority: int
    input: Any
    output: Any
    error: dict[str, Any] | None  # {"error": code, "message": …}
    metadata: dict[str, Any]
    thread_id: str | None
    parent_id: str | None
    root_id: str
    owner: str | None  # the worker that holds it
    fence: int  # raised by every claim
    deaths: int  # workers that died holding it
    seq: int  # last event written when nobody held it
    wakes: int  # how often something it waits for has come
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    wake_at: datetime | None
    deadline: datetime | None
    executing: timedelta  # time spent executing, not waiting, when it was last put down
    cost_nano: int
    budget_nano: int | None
    tokens_in: int
    tokens_out: int
    steps: int
    progress: int  # 0-100; at most 99 until it has ended
    cancel_requested: bool
    idempotency_key: str | None
    user: str | None = None
    asker: Asker | None = None
    terms: dict[str, Any] = field(default_factory=dict[str, Any])
    assignment: Assignment | None = None
    started_by: TraceContext | None = None  # the span of the request or run that started it

    @property
    def trace(self) -> TraceContext:
        """The run's own span."""
        return of_run(self.id, self.root_id, self.started_by)


@dataclass(frozen=True, slots=True)
class Event:
    """One durable thing that happened to a run; `seq` orders them and is the SSE `id:`.

    type: accepted started step intent waiting woken progress log diverged lost drained
          parked resumed retried forked moved approval finished
    For `step`, `intent` and `waiting`, `kind` is one of model tool step timer child
    approval value, and `key` identifies it within the run.
    """

    run_id: str
    seq: int
    type: str
    at: datetime
    kind: str | None = None
    name: str | None = None
    key: str | None = None
    branch: str = ""
    digest: str = ""
    started_at: datetime | None = None
    fence: int = 0
    data: Any = None


@dataclass(frozen=True, slots=True)
class Turn:
    """Whom a question goes to, and when. `asked`: "user:ada", "role:admin"; nobody: a reminder. Place 0: from the
    beginning, and nobody else but those who are asked may answer."""

    place: int
    due_at: datetime
    asked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Approval:
    """A question put to a person. No answer by `expires_at` means no."""

    id: str
    run_id: str
    tenant: str
    question: str
    data: Any
    created_at: datetime
    expires_at: datetime
    approved: bool | None
    decided_at: datetime | None
    decided_by: str | None
    comment: str | None
    kind: str = "approval"  # or interrupt: any JSON answers it; or pause: somebody asked for it beforehand
    answer: Any = None  # of an interrupt
    turns: tuple[Turn, ...] = ()  # without one: every operator may answer


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that holds runs."""

    id: str
    release: str
    agents: tuple[str, ...]
    host: str
    pid: int
    slots: int
    started_at: datetime
    lease_until: datetime
    lost_at: datetime | None
    draining: bool
    running: int = 0
    alive: bool = True
    tool_servers: dict[str, Component] = field(default_factory=dict[str, Component])


def user_of(given: str | None, metadata: Mapping[str, Any]) -> str | None:
    """On whose behalf: a key speaks for its owner; who comes without one may name the user in the run's metadata."""
    named = metadata.get("user")
    return given or (named if isinstance(named, str) and 0 < len(named) <= LONGEST_USER else None)
