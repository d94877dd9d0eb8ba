"""A new run that has already done what another did before one of its steps: nothing of that is done or paid again.

    records before the step ──► settled ones, at no cost ──► the journal of the new run ──► submitted with it
                                │  what only had begun stays behind: the fork begins it itself
                                └─ the step too, when somebody says what is to have come of it

The journal only grows, so a run that is under way can be forked from any step that it has behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from fairlead.agents.jsonable import encode
from fairlead.clock import to_micros
from fairlead.database import Call, Database, Query
from fairlead.errors import Conflict, InvalidInput, NotFound
from fairlead.runs.book import Book, Record
from fairlead.runs.payload import GONE, Payloads
from fairlead.runs.rows import event_of
from fairlead.runs.run import Event, Run

_EDITABLE = ("step", "tool")
_FIRST = 3  # `accepted` and `forked` stand before what is taken over
_KEPT_TERMS = ("update", "goto")
FORK_TERMS = ("forked_from", "fork_result")


@dataclass(frozen=True, slots=True)
class Fork:
    """`step`: its key, or the `seq` of what came of it. `result`: a tuple of one, in place of what came of it."""

    step: str | int
    result: tuple[Any] | None = None
    other_path: bool = False  # another input, agent or release may ask for other steps

    @property
    def digest(self) -> str:
        """Of what is to have come of the step: with another result it is another fork."""
        return hashlib.sha256(encode(self.result)).hexdigest()


class Forking:
    def __init__(self, database: Database, queries: Mapping[str, Query], payloads: Payloads) -> None:
        self._database = database
        self._queries = queries
        self._payloads = payloads

    async def prepare(self, run: Run, fork: Fork) -> tuple[dict[str, Any], list[Event]]:
        """What the new run is told of where it comes from, and what it takes over. Raises `NotFound` (no such step),
        `InvalidInput` (a result that this step can't have)."""
        rows = await self._database.read(self._queries["records"], [(run.tenant, run.id)])
        events = [event_of(row, data=await self._payloads.load(row["data"])) for row in rows]
        chosen = step_of(run, events, fork.step)
        taken = taken_over(events, chosen)
        if fork.result is not None:
            taken.append(_edited(chosen, fork.result[0]))
        return {"run_id": run.id, "step": chosen.seq, "name": chosen.name}, taken

    async def calls(
        self, run: Run, new_id: str, origin: Mapping[str, Any], taken: Sequence[Event], *, fork: Fork, by: str
    ) -> list[Call]:
        """What writes the journal of the new run, beside the run itself."""
        told = encode({**origin, "by": by, "other_path": fork.other_path}).decode()
        rows = [(run.tenant, new_id, _FIRST - 1, "forked", None, None, None, "", "", None, None, told)]
        for seq, event in enumerate(taken, _FIRST):
            rows.append(await self._row(run.tenant, new_id, seq, event))
        whose = {"tenant": run.tenant, "id": new_id}
        return [
            Call(self._queries["fork_events"], rows=rows),
            Call(self._queries["fork_messages"], {**whose, "of": run.id}),
            Call(self._queries["fork_run"], {**whose, "seq": len(taken) + _FIRST - 1}),
        ]

    async def _row(self, tenant: str, new_id: str, seq: int, event: Event) -> tuple[Any, ...]:
        data = None if event.data is None else await self._payloads.keep(new_id, free_of_charge(event))
        started = None if event.started_at is None else to_micros(event.started_at)
        return (tenant, new_id, seq, event.type, event.kind, event.name, event.key, event.branch, event.digest, started,
                to_micros(event.at), data)  # fmt: skip


def check_kept(run: Run, taken: Iterable[Event]) -> None:
    """Raises `Conflict` when retention has taken what would be needed."""
    if any(one.data is None or one.data == GONE for one in taken if one.type in ("step", "failed")):
        raise Conflict(f"What run {run.id} recorded is gone.", hint="Retention took it: fork a newer run.")


def kept_terms(run: Run) -> dict[str, Any]:
    """What the fork is to do as the run did. Where the run paused is not among it."""
    return {name: run.terms[name] for name in _KEPT_TERMS if name in run.terms}


def step_of(run: Run, events: Iterable[Event], wanted: str | int) -> Event:
    """What came of the step last. Raises `NotFound`."""
    found = [
        one for one in events
        if one.type in ("step", "failed", "outcome") and wanted in (one.key, one.seq, str(one.seq))
    ]  # fmt: skip
    if not found:
        hint = "Give a step's key, or the number of its event: fairlead runs show RUN --events."
        raise NotFound(f"Run {run.id} has no step {wanted} behind it.", hint=hint)
    return found[-1]


def taken_over(events: Sequence[Event], chosen: Event) -> list[Event]:
    """What had been recorded before the chosen step, in order."""
    earlier = [one for one in events if one.seq < chosen.seq]
    settled = [one for one in Book(earlier).known() if one.settled is not None and one.key != chosen.key]
    awaited = {_waited_for(one) for one in settled}
    kept = [one for one in settled if (child := _started(one)) is None or child in awaited]
    taken = [event for one in kept for event in (one.begun, one.settled) if event is not None]
    named = {one.key for one in kept}
    taken += [one for one in earlier if one.type == "alias" and one.data["of"] in named]
    return sorted(taken, key=lambda one: one.seq)


def _started(record: Record) -> str | None:
    """The child that this record started: one that nobody has waited for yet belongs to the other run."""
    data = record.settled.data if record.settled is not None else None
    if record.kind != "child" or not isinstance(data, dict) or "arguments" not in data:
        return None
    result: Any = cast("Any", data).get("result")
    return cast("Any", result).get("run_id") if isinstance(result, dict) else None


def _waited_for(record: Record) -> str | None:
    data: Any = record.begun.data if record.kind == "child" and record.begun is not None else None
    return data.get("child_id") if data else None


def _edited(step: Event, result: Any) -> Event:
    if step.kind not in _EDITABLE:
        raise InvalidInput(
            f"The result of a {step.kind} step can't be set.", hint="Set that of a tool or a plain step, or the input."
        )
    data: Any = step.data
    given = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    kept = {name: value for name, value in given.items() if name not in ("error", "result")}
    return replace(step, type="step", data={**kept, "result": result})


def free_of_charge(event: Event) -> Any:
    """What it cost, the other run has paid."""
    given: Any = event.data
    if event.kind not in ("model", "child") or not isinstance(given, dict):
        return event.data
    given = cast("dict[str, Any]", given)
    free = {**given, "cost_nano": 0} if "cost_nano" in given else given
    result = free.get("result")
    if event.kind == "model" and isinstance(result, dict) and "cost_nano" in result:
        return {**free, "result": {**cast("dict[str, Any]", result), "cost_nano": 0}}
    return free
