"""Scores: what a person, a rule or a model thinks of a run, or of one of its steps. Each author has one of a name.

A score is compared by agent, release and assistant version, which are noted beside it. It goes when its run goes.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from fairlead.clock import Clock, from_micros, to_micros
from fairlead.database import Database, Query, Row
from fairlead.errors import NotFound
from fairlead.runs.assistants import assistant_id_of
from fairlead.runs.ids import derived_id
from fairlead.runs.run import Assignment, Run
from fairlead.telemetry.emit import Emit

_END = 2**62
_MOST_GROUPS = 5000
_PAGE = 500
_LINK_LIVES = timedelta(days=7)
Value = bool | float | str


class Source(StrEnum):
    PERSON = "person"
    RULE = "rule"
    MODEL = "model"


class By(StrEnum):
    """What scores are summed by; a version is an assistant's."""

    AGENT = "agent"
    RELEASE = "release"
    ASSISTANT = "assistant"
    VERSION = "version"
    SOURCE = "source"
    AUTHOR = "author"
    DAY = "day"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class NewScore:
    """`value`: a number, yes or no, or a category."""

    name: str
    value: Value
    source: Source = Source.PERSON
    author: str = ""
    comment: str | None = None
    step: str | None = None  # the key of a step


@dataclass(frozen=True, slots=True)
class Score:
    id: str
    run_id: str
    name: str
    value: Value
    kind: str  # number, bool or category
    comment: str | None
    source: Source
    author: str
    step: str | None
    agent: str
    release: str
    assistant_id: str
    assistant_version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which scores; None: any. `until` is not part of the time."""

    run_id: str | None = None
    name: str | None = None
    source: Source | None = None
    author: str | None = None
    agent: str | None = None
    release: str | None = None
    assistant_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def parameters(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id, "name": self.name, "source": self.source, "author": self.author,
            "agent": self.agent, "release": self.release, "assistant_id": self.assistant_id,
            "since": to_micros(self.since) if self.since else 0, "until": to_micros(self.until) if self.until else _END,
        }  # fmt: skip


@dataclass(slots=True)
class Sum:
    """Scores of one name and kind. Of yes and no, `mean` is the share of yes; of categories, there are counts alone."""

    part: str | None
    name: str
    kind: str
    count: int = 0
    mean: float | None = None
    least: float | None = None
    most: float | None = None
    categories: dict[str, int] = field(default_factory=dict[str, int])


class Scores:
    """The door to scores for the API."""

    def __init__(self, database: Database, queries: Mapping[str, Query], *, clock: Clock, emit: Emit) -> None:
        self._database = database
        self._queries = queries
        self._clock = clock
        self._emit = emit

    async def put(self, run: Run, new: NewScore) -> Score:
        """Raises `NotFound` when the run has no such step. Said again by the same author, it is changed."""
        if new.step is not None:
            asked = {"tenant": run.tenant, "run_id": run.id, "key": new.step}
            if not await self._database.read(self._queries["has_step"], **asked):
                raise NotFound(f"Run {run.id} has no step {new.step}.", hint="GET /runs/{id}/events tells the keys.")
        assigned = run.assignment or Assignment(assistant_id_of(run.agent))
        rows = await self._database.write(
            self._queries["put_score"], tenant=run.tenant, run_id=run.id,
            id=derived_id(run.id, "score", new.name, new.source, new.author, new.step or ""), name=new.name,
            source=new.source, author=new.author, step_key=new.step, agent=run.agent, release=run.release,
            assistant_id=assigned.assistant_id, assistant_version=assigned.version, comment=new.comment,
            now=self._clock.micros(), **_columns(new.value),
        )  # fmt: skip
        self._emit("run_scored", run_id=run.id, agent=run.agent, tenant=run.tenant, release=run.release,
                   score=new.name, value=new.value, source=new.source, by=new.author)  # fmt: skip
        return _score(rows[0])

    async def change(
        self, run_id: str, score_id: str, *, tenant: str, value: Value | None = None, comment: str | None = None,
        comment_given: bool = False,
    ) -> Score:  # fmt: skip
        """Raises `NotFound`."""
        columns: dict[str, Any] = dict.fromkeys(("kind", "number", "category")) if value is None else _columns(value)
        rows = await self._database.write(
            self._queries["change_score"], tenant=tenant, run_id=run_id, id=score_id, comment=comment,
            comment_given=int(comment_given), now=self._clock.micros(), **columns,
        )  # fmt: skip
        return _score(_found(rows, run_id, score_id))

    async def get(self, run_id: str, score_id: str, *, tenant: str) -> Score:
        """Raises `NotFound`."""
        rows = await self._database.read(self._queries["score"], tenant=tenant, run_id=run_id, id=score_id)
        return _score(_found(rows, run_id, score_id))

    async def delete(self, run_id: str, score_id: str, *, tenant: str) -> None:
        """Raises `NotFound`."""
        rows = await self._database.write(self._queries["delete_score"], tenant=tenant, run_id=run_id, id=score_id)
        _found(rows, run_id, score_id)

    async def list(self, wanted: Wanted, *, tenant: str, limit: int = 100, offset: int = 0) -> list[Score]:
        """Newest first."""
        rows = await self._database.read(
            self._queries["scores"], tenant=tenant, limit=limit, offset=offset, **wanted.parameters()
        )
        return [_score(row) for row in rows]

    async def sums(self, wanted: Wanted, *, tenant: str, by: By | None = None) -> list[Sum]:
        """One for each part, name and kind."""
        rows = await self._database.read(
            self._queries["sum_scores"], tenant=tenant, by=by, limit=_MOST_GROUPS, **wanted.parameters()
        )
        found: dict[tuple[str | None, str, str], Sum] = {}
        for row in rows:
            key = (row["part"], row["name"], row["kind"])
            one = found.setdefault(key, Sum(*key, mean=row["mean"], least=row["least"], most=row["most"]))
            one.count += row["count"]
            if row["category"] is not None:
                one.categories[row["category"]] = row["count"]
        return list(found.values())

    # -- links that take a score without a key

    async def open_links(self, run: Run, names: Sequence[str]) -> dict[str, str]:
        """A secret for each name; whoever has it may leave one score, for a week."""
        made = {name: secrets.token_urlsafe(24) for name in names}
        until = self._clock.micros() + _LINK_LIVES // timedelta(microseconds=1)
        rows = [(_digest(secret), run.tenant, run.id, name, until) for name, secret in made.items()]
        await self._database.write(self._queries["add_score_links"], rows)
        return made

    async def link(self, secret: str) -> tuple[str, str, str]:
        """Tenant, run and name that it is for. Raises `NotFound`."""
        rows = await self._database.read(self._queries["score_link"], digest=_digest(secret), now=self._clock.micros())
        if not rows:
            raise NotFound("There is no such feedback link.", hint="It may have expired.")
        return rows[0]["tenant"], rows[0]["run_id"], rows[0]["name"]

    async def sweep(self) -> None:
        """A role: links that have expired go."""
        await self._database.write(self._queries["forget_score_links"], now=self._clock.micros())


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _columns(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"kind": "bool", "number": float(value), "category": None}
    if isinstance(value, str):
        return {"kind": "category", "number": None, "category": value}
    return {"kind": "number", "number": float(value), "category": None}


def _found(rows: Sequence[Row], run_id: str, score_id: str) -> Row:
    if not rows:
        raise NotFound(f"Run {run_id} has no score {score_id}.", hint="GET /runs/{id}/scores lists them.")
    return rows[0]


def _score(row: Row) -> Score:
    kind = row["kind"]
    return Score(
        id=row["id"],
        run_id=row["run_id"],
        name=row["name"],
        value=row["category"] if kind == "category" else bool(row["number"]) if kind == "bool" else row["number"],
        kind=kind,
        comment=row["comment"],
        source=Source(row["source"]),
        author=row["author"],
        step=row["step_key"],
        agent=row["agent"],
        release=row["release"],
        assistant_id=row["assistant_id"],
        assistant_version=row["assistant_version"],
        created_at=from_micros(row["created_at"]),
        updated_at=from_micros(row["updated_at"]),
    )
