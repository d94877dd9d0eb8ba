"""Rows of the tables as values, and back. Large values go to blobs on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fairlead.agents.jsonable import decode, encode
from fairlead.clock import from_micros
from fairlead.database import Row
from fairlead.runs.body import Body, Messages
from fairlead.runs.run import Approval, Asker, Assignment, Event, Reason, Run, Status, Turn, Worker
from fairlead.telemetry.health import Component, Condition
from fairlead.telemetry.trace_context import of_stored


def run_of(row: Row, *, input: Any, output: Any) -> Run:
    return Run(
        id=row["id"],
        tenant=row["tenant"],
        agent=row["agent"],
        release=row["release"],
        status=Status(row["status"]),
        reason=Reason(row["reason"]) if row["reason"] else None,
        priority=row["priority"],
        input=input,
        output=output,
        error=decode(row["error"]) if row["error"] else None,
        metadata=decode(row["metadata"]),
        thread_id=row["thread_id"],
        parent_id=row["parent_id"],
        root_id=row["root_id"],
        owner=row["owner"],
        fence=row["fence"],
        deaths=row["deaths"],
        seq=row["seq"],
        wakes=row["wakes"],
        created_at=from_micros(row["created_at"]),
        started_at=_moment(row["started_at"]),
        finished_at=_moment(row["finished_at"]),
        wake_at=_moment(row["wake_at"]),
        deadline=_moment(row["deadline"]),
        executing=timedelta(microseconds=row["executing_us"]),
        cost_nano=row["cost_nano"],
        budget_nano=row["budget_nano"],
        tokens_in=row["tokens_in"],
        tokens_out=row["tokens_out"],
        steps=row["steps"],
        progress=row["progress"],
        cancel_requested=bool(row["cancel_requested"]),
        idempotency_key=row["idempotency_key"],
        user=row["user_id"],
        asker=asker_in(row["asker"]),
        terms=decode(row["terms"]) if row["terms"] else {},
        assignment=Assignment(**decode(row["assignment"])) if row["assignment"] else None,
        started_by=of_stored(decode(row["trace"])) if row["trace"] else None,
    )


def kept_asker(asker: Asker | None) -> str | None:
    """The column's text."""
    if asker is None:
        return None
    return encode({"key": asker.key, "key_id": asker.key_id, "labels": dict(asker.labels), "limited": asker.limited,
                   "rate": list(asker.rate)}).decode()  # fmt: skip


def asker_in(text: str | None) -> Asker | None:
    if not text:
        return None
    said = decode(text)
    return Asker(said["key"], said["key_id"], said["labels"], said["limited"], tuple(said["rate"]))


def event_of(row: Row, *, data: Any) -> Event:
    return Event(
        run_id=row["run_id"],
        seq=row["seq"],
        type=row["type"],
        at=from_micros(row["at"]),
        kind=row["kind"],
        name=row["name"],
        key=row["key"],
        branch=row["branch"],
        digest=row["digest"],
        started_at=_moment(row["started_at"]),
        fence=row["fence"],
        data=data,
    )


def told_of(row: Any, messages: Messages) -> Event:
    """A row of `told`, whose columns are in the order of the fields."""
    run_id, seq, type, at, kind, name, key, branch, digest, started_at, fence, text = row
    body = None if text is None else Body(text, messages if kind == "model" else None)
    return Event(
        run_id, seq, type, from_micros(at), kind, name, key, branch, digest, _moment(started_at), fence, body
    )  # fmt: skip


def approval_of(row: Row) -> Approval:
    return Approval(
        id=row["id"],
        run_id=row["run_id"],
        tenant=row["tenant"],
        question=row["question"],
        data=decode(row["data"]) if row["data"] else None,
        created_at=from_micros(row["created_at"]),
        expires_at=from_micros(row["expires_at"]),
        approved=None if row["approved"] is None else bool(row["approved"]),
        decided_at=_moment(row["decided_at"]),
        decided_by=row["decided_by"],
        comment=row["comment"],
        turns=tuple(Turn(place, from_micros(at), tuple(asked)) for place, at, asked in decode(row["turns"] or "[]")),
        kind=row["kind"],
        answer=decode(row["answer"]) if row["answer"] else None,
    )


def worker_of(row: Row) -> Worker:
    return Worker(
        id=row["id"],
        release=row["release"],
        agents=tuple(decode(row["agents"])),
        host=row["host"],
        pid=row["pid"],
        slots=row["slots"],
        started_at=from_micros(row["started_at"]),
        lease_until=from_micros(row["lease_until"]),
        lost_at=_moment(row["lost_at"]),
        draining=bool(row["draining"]),
        running=row["running"],
        alive=bool(row["alive"]),
        tool_servers={name: Component(Condition(one[0]), one[1]) for name, one in decode(row["tool_servers"]).items()},
    )


def _moment(micros: int | None) -> Any:
    # Beyond any calendar: "until somebody wakes it".
    return None if micros is None or micros >= NEVER else from_micros(micros)


NEVER = 2**62
