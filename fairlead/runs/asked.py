"""Who is asked a question, in which turn, and so who may answer it; and the role that tells of the turns that came.

A turn adds people and takes nobody away: who was asked first may still answer. No turn for the beginning: every
operator may. Names are `user:NAME` (the owner of a key) and `role:ROLE` (and those above it).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from fairlead.access import Principal, Role
from fairlead.agents.context import Escalation
from fairlead.agents.jsonable import decode, encode
from fairlead.clock import to_micros
from fairlead.database import Call, Database, Query
from fairlead.errors import Forbidden, InvalidInput
from fairlead.runs.run import Approval, Turn
from fairlead.telemetry.emit import Emit

_BATCH = 200
_MOST_TURNS, _MOST_NAMES = 20, 50
_ROLES = tuple(f"role:{role.value}" for role in (Role.OPERATOR, Role.ADMIN))  # a viewer answers nothing


def check_turns(who: Sequence[str], escalate: Sequence[Escalation], expires: timedelta) -> None:
    """Raises `InvalidInput`."""
    if isinstance(who, str) or any(isinstance(one.to, str) for one in escalate):
        raise InvalidInput("Who may answer is a list of names.", hint='Such as ["user:ada", "role:admin"].')
    if len(escalate) > _MOST_TURNS or any(len(names) > _MOST_NAMES for names in (who, *(one.to for one in escalate))):
        raise InvalidInput(f"A question has at most {_MOST_TURNS} turns of {_MOST_NAMES} names.")
    for name in (*who, *(name for one in escalate for name in one.to)):
        if name not in _ROLES and not (name.startswith("user:") and len(name) > len("user:")):
            raise InvalidInput(f"{name!r} names nobody who can answer.", hint="user:NAME, role:operator or role:admin.")
    if any(not timedelta(0) < one.after < expires for one in escalate):
        raise InvalidInput("A question escalates after it was asked and before it expires.")


def turns_of(who: Sequence[str], escalate: Sequence[Escalation], asked_at: datetime) -> tuple[Turn, ...]:
    first = (Turn(0, asked_at, tuple(who)),) if who else ()
    later = (Turn(place, asked_at + one.after, tuple(one.to)) for place, one in enumerate(escalate, 1))
    return (*first, *later)


def calls_of(approval: Approval, query: Query) -> list[Call]:
    """What writes the turns down. Place 0 is the beginning: it was told when the question was."""
    return [
        Call(query, {
            "tenant": approval.tenant, "run_id": approval.run_id, "approval_id": approval.id, "place": turn.place,
            "due_at": to_micros(turn.due_at), "asked": encode(list(turn.asked)).decode(),
            "told_at": to_micros(turn.due_at) if turn.place == 0 else None,
        })
        for turn in approval.turns
    ]  # fmt: skip


def asked_of(approval: Approval, now: datetime) -> list[str]:
    """Who has been asked by now, in turn; of one that every operator may answer, those who were told of it."""
    return [name for turn in approval.turns if turn.due_at <= now for name in turn.asked]


def names_of(caller: Principal) -> list[str]:
    """Under which names a caller is asked."""
    user = [f"user:{caller.user}"] if caller.user else []
    return [*user, *(f"role:{role.value}" for role in (Role.OPERATOR, Role.ADMIN) if caller.role.covers(role))]


def check_may_answer(approval: Approval, caller: Principal | None, now: datetime) -> None:
    """Whoever runs the installation may always: they could make themselves any key. Raises `Forbidden`."""
    limited = any(turn.place == 0 for turn in approval.turns)
    if not limited or (caller is not None and caller.installation):
        return
    asked = set(asked_of(approval, now))
    if caller is None or asked.isdisjoint(names_of(caller)):
        name = caller.name if caller else "Who is not known"
        raise Forbidden(
            f"{name} may not answer approval {approval.id}.", hint=f"Those who may: {', '.join(sorted(asked))}."
        )


class Escalating:
    """Any number of processes may do `once` at the same time: each turn is told once."""

    def __init__(self, database: Database, queries: Mapping[str, Query], *, emit: Emit) -> None:
        self._database = database
        self._queries = queries
        self._emit = emit

    async def once(self) -> timedelta | None:
        rows = await self._database.write(self._queries["escalate"], limit=_BATCH)
        for row in rows:
            said = {"run_id": row["run_id"], "tenant": row["tenant"], "approval_id": row["approval_id"]}
            if asked := decode(row["asked"]):
                self._emit("approval_escalated", **said, asked=asked)
            else:
                self._emit("approval_reminded", **said)
        if len(rows) == _BATCH:
            return timedelta(0)
        await self._database.write(self._queries["drop_turns"])
        return None
