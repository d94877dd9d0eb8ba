"""Starting a run for a caller, whichever address was used: the thread is looked at, then the run is durable."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.errors import NotFound
from fairlead.runs.assistants import assistant_id_of
from fairlead.runs.run import NewRun, Run
from fairlead.runs.threads import Thread
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.reply import Headers
from fairlead.web.api.run_body import SAFE_ID, RunCreate, new_run_of


@dataclass(frozen=True, slots=True)
class Started:
    run: Run
    fresh: bool  # False: the idempotency key had started it before

    @property
    def path(self) -> str:
        return path_of(self.run)

    def headers(self, follow: str = "") -> Headers:
        """Where the run is, and where to go on listening to it (`follow`: stream?…, join)."""
        told = [(b"content-location", self.path.encode())]
        if follow:
            told.append((b"location", f"{self.path}/{follow}".encode()))
        if not self.fresh:
            told.append((b"idempotency-replayed", b"true"))
        return told


def path_of(run: Run) -> str:
    return f"/threads/{run.thread_id}/runs/{run.id}" if run.thread_id else f"/runs/{run.id}"


async def start_run(doors: Doors, call: Call, body: RunCreate, *, watch: bool = False) -> Started:
    """Raises `UnknownAgent`, `InvalidInput`, `NotFound` (no such thread), `Conflict`, `QueueFull`."""
    thread_id = call.path.get("thread_id")
    agent, assignment = await doors.assistants.assign(
        body.assistant_id, tenant=call.tenant, config=body.config, context=body.context
    )
    new = new_run_of(
        body, agent, assignment, now=doors.clock.now(), release=doors.release, caller=call.visit.caller,
        thread_id=thread_id, idempotency_key=call.header("idempotency-key"),
    )  # fmt: skip
    if thread_id is not None:
        await _prepare_thread(doors, new, body, thread_id)
    run, fresh = await doors.control.submit(new, watch=watch)
    return Started(run, fresh)


async def find_run(doors: Doors, call: Call) -> Run:
    """The run of the address. A run without a thread is found under its own id. Raises `NotFound`."""
    run = await doors.control.get(call.path["run_id"], tenant=call.tenant)
    thread_id = call.path.get("thread_id")
    if thread_id is not None and thread_id != (run.thread_id or run.id):
        raise NotFound(f"There is no run {run.id} in thread {thread_id}.")
    return run


async def _prepare_thread(doors: Doors, new: NewRun, body: RunCreate, thread_id: str) -> None:
    """LangGraph's clients look for threads by the graph that has run in them."""
    assistant_id = new.assignment.assistant_id if new.assignment else assistant_id_of(new.agent)
    graph = {"graph_id": new.agent, "assistant_id": assistant_id}
    thread = await _thread(doors, new, thread_id, create=body.if_not_exists == "create", metadata=graph)
    wanted = {key: value for key, value in graph.items() if thread.metadata.get(key) != value}
    if wanted:
        await doors.threads.describe(thread_id, wanted, tenant=new.tenant)


async def _thread(doors: Doors, new: NewRun, thread_id: str, *, create: bool, metadata: dict[str, str]) -> Thread:
    try:
        return await doors.threads.get(thread_id, tenant=new.tenant)
    except NotFound as error:
        if not create or not SAFE_ID.fullmatch(thread_id):
            raise NotFound(error.message, hint='Create it, or send if_not_exists="create".') from None
    return await doors.threads.create(thread_id, metadata=metadata, tenant=new.tenant, if_exists=True, user=new.user)
