"""Starting a run from a page: by the same doors, checks and limits as the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from fairlead.access import Principal
from fairlead.agents.jsonable import encode
from fairlead.runs.run import NewRun, Run
from fairlead.web.asking import asker_of, prepare_thread
from fairlead.web.console.doors import Doors


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader wants to have run. `given`: an agent or an assistant. `once`: names the form it was typed into, so
    that sending it twice starts one run."""

    given: str
    input: Any
    thread_id: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    context: Mapping[str, Any] = field(default_factory=dict[str, Any])
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    budget_nano: int | None = None
    once: str = ""


async def prepare(doors: Doors, caller: Principal, asked: Asked) -> NewRun:
    """The run that it would be. Raises `UnknownAgent`, `NotFound`, and `InvalidInput` for a config that the agent does
    not allow."""
    agent, assignment = await doors.assistants.assign(
        asked.given, tenant=caller.tenant, config=asked.config, context=asked.context
    )
    new = NewRun(
        agent, asked.input, assignment=assignment, tenant=caller.tenant, thread_id=asked.thread_id,
        release=doors.settings.engine.release, metadata=dict(asked.metadata), budget_nano=asked.budget_nano,
        user=caller.user, asker=asker_of(caller),
    )  # fmt: skip
    return replace(new, idempotency_key=_key(asked.once, new, caller)) if asked.once else new


async def start(doors: Doors, caller: Principal, *wanted: NewRun) -> list[Run]:
    """All of them, or none: what had begun when one was refused is cancelled. Raises `NotFound` (no such thread),
    `Conflict`, `InvalidInput`, `QueueFull`, `RateLimitError`."""
    for new in wanted:
        if new.thread_id is not None:
            await prepare_thread(doors.threads, new, new.thread_id)
    await doors.control.ensure_room(wanted[0], len(wanted))
    await doors.rate.take(caller, len(wanted))
    begun: list[tuple[Run, bool]] = []
    try:
        for new in wanted:
            begun.append(await doors.control.submit(new, watch=True))
    except BaseException:
        for run, fresh in begun:
            if fresh:
                by = f"{caller.name}: one of a group was refused"
                await doors.control.cancel(run.id, tenant=run.tenant, by=by)
        raise
    return [run for run, _ in begun]


def _key(once: str, new: NewRun, caller: Principal) -> str:
    """The same form with something else typed into it asks for another run."""
    said = [once, caller.name, new.agent, new.input, new.thread_id, new.assignment, new.metadata, new.budget_nano]
    return f"console {sha256(encode(said)).hexdigest()[:40]}"
