"""All the console needs from the run engine: read some values, follow what happens, make six moves.
And from the ledger of deploys: read them, and say a word of the one that is under way.

`wiring` puts the engine behind it; the tests put hand-made values behind it. Every method may raise a
`FairleadError`: `NotFound` for an id that is not there, `Conflict` for a move the run cannot make now.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from fairlead.operate.levels import Report
from fairlead.runs.following import Delta
from fairlead.runs.run import Approval, Event, Reason, Run, Status, Worker
from fairlead.runs.scores import NewScore, Score
from fairlead.ship.evaluation.book import OfRun
from fairlead.ship.ledger import Deploy, LookRecord, StepRecord
from fairlead.ship.strategy import Word


class Standing(StrEnum):
    """What the status of a run does not tell."""

    RETRYING = "retrying"  # silently: its model call fails and is tried again
    STUCK = "stuck"  # a worker holds it, and for long nothing has been recorded


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs a list shows. Nothing given: all of them."""

    status: Status | None = None
    reason: Reason | None = None
    agent: str | None = None
    release: str | None = None
    thread_id: str | None = None
    parent_id: str | None = None
    text: str = ""  # an id, a part of one, or words of the input
    user: str | None = None
    since: datetime | None = None  # when it was accepted
    until: datetime | None = None
    least_cost_nano: int | None = None
    least_duration: timedelta | None = None
    standing: Standing | None = None
    model: str | None = None  # that was asked
    tool: str | None = None  # that was used


@dataclass(frozen=True, slots=True)
class RunPage:
    """Runs, newest first. `older` and `newer` say whether there is more on that side; `looked_to`: the last that was
    looked at, where what is behind it was not."""

    runs: tuple[Run, ...]
    older: bool = False
    newer: bool = False
    looked_to: str | None = None


@dataclass(frozen=True, slots=True)
class Standings:
    """Runs that somebody should look at: how often the calls of each have failed; since when each has stood still."""

    retrying: Mapping[str, int]
    stuck: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many runs there are by status, whatever status was wanted. Not `exact`: an estimate."""

    by_status: Mapping[Status, int]
    at: datetime
    exact: bool = True


class Outcome(StrEnum):
    """What became of an effect nobody knew of, as found out by a person."""

    DONE = "done"
    FAILED = "failed"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Shipped:
    """A deploy with all that came of it, in order."""

    deploy: Deploy
    steps: tuple[StepRecord, ...] = ()
    looks: tuple[LookRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Forking:
    """`step`: its key. `input` and `result`: a tuple of one, where they are to be others than were recorded."""

    step: str
    input: tuple[Any] | None = None
    result: tuple[Any] | None = None


SILENT = timedelta(minutes=5)  # after which a run that is held stands still


class Door(Protocol):
    async def runs(
        self, wanted: Wanted, *, before: str | None = None, after: str | None = None, limit: int = 50
    ) -> RunPage:
        """The newest runs, or those next to an id: `before` it (older) or `after` it (newer)."""
        ...

    async def counts(self, wanted: Wanted) -> Counts: ...

    async def standings(self) -> Standings: ...

    async def run(self, run_id: str) -> Run: ...

    async def named(self, run_ids: Collection[str]) -> Sequence[Run]:
        """Those that are there, in no order."""
        ...

    async def events(self, run_id: str, *, after: int = 0) -> Sequence[Event]: ...

    async def children(self, run_id: str) -> Sequence[Run]: ...

    async def approvals(self, *, run_id: str | None = None, waiting: bool = True) -> Sequence[Approval]:
        """The oldest first; `waiting` leaves out those that are answered or expired."""
        ...

    async def workers(self) -> Sequence[Worker]: ...

    async def levels(self, length: timedelta) -> Report:
        """Service levels of the time until now; of the installation, whoever's the caller is."""
        ...

    def follow(self, run_id: str | None = None, *, after: int = 0) -> AsyncIterator[Event | Delta]:
        """What happens to one run after a sequence number, with the text of its open calls; or, with no id, to any.

        It never ends by itself. A door that cannot tell of all runs may stay silent: lists look again by themselves.
        """
        ...

    async def cancel(self, run_id: str) -> None: ...

    async def retry(self, run_id: str) -> Run: ...

    async def fork(self, run_id: str, forking: Forking) -> Run:
        """A new run from a step of this one. Raises `InvalidInput` for a result that the step can't have."""
        ...

    async def scores(self, run_id: str) -> Sequence[Score]:
        """The newest first."""
        ...

    async def evaluated(self, run: Run) -> OfRun:
        """What evaluations have to do with it; nothing, where they are not the caller's to see."""
        ...

    async def score(self, run_id: str, new: NewScore) -> None:
        """In the caller's name."""
        ...

    async def resume(self, run_id: str, *, outcome: Outcome | None = None) -> Run:
        """`outcome` when, and only when, the run stopped as `outcome_unknown`."""
        ...

    async def move(self, run_id: str, *, release: str) -> Run: ...

    async def answer(self, approval_id: str, *, approved: bool, by: str, comment: str) -> None: ...

    async def deploys(self) -> Sequence[Deploy]:
        """The newest first; of the environment, whoever's the caller is."""
        ...

    async def deploy(self, deploy_id: str) -> Shipped: ...

    async def say(self, deploy_id: str, word: Word) -> None:
        """Whoever carries the deploy out hears it at their next look."""
        ...
