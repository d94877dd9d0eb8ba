"""Asking for a run, whoever the caller is and by whichever door: on whose behalf, in which thread, for how much."""

from __future__ import annotations

import re

from fairlead.access import UNBOUNDED, Principal
from fairlead.agents.agent import usd_to_nano
from fairlead.errors import NotFound
from fairlead.runs.assistants import assistant_id_of
from fairlead.runs.run import Asker, NewRun
from fairlead.runs.threads import Thread, Threads

SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
"""What callers may name a thread or an assistant."""


def asker_of(caller: Principal) -> Asker | None:
    """The caller's key and its owner go with the run. None: a key of the settings or somebody on this machine, whom no
    budget and no limit bounds."""
    if caller.key is None or caller.key_id is None:
        return None
    limits = caller.limits
    return Asker(
        caller.key, caller.key_id, caller.metadata, caller.allowance != UNBOUNDED,
        (limits.requests_per_minute, limits.tokens_per_minute),
    )  # fmt: skip


def nano_of(usd: float | None) -> int | None:
    return None if usd is None else max(1, usd_to_nano(usd))


async def prepare_thread(threads: Threads, new: NewRun, thread_id: str, *, create: bool = False) -> Thread:
    """The thread that a run is asked for in, told what will have run there: LangGraph's clients look for threads by
    their graph. Raises `NotFound`."""
    assistant_id = new.assignment.assistant_id if new.assignment else assistant_id_of(new.agent)
    graph = {"graph_id": new.agent, "assistant_id": assistant_id}
    thread = await _thread(threads, new, thread_id, create=create, metadata=graph)
    wanted = {key: value for key, value in graph.items() if thread.metadata.get(key) != value}
    if wanted:
        await threads.describe(thread_id, wanted, tenant=new.tenant)
    return thread


async def _thread(threads: Threads, new: NewRun, thread_id: str, *, create: bool, metadata: dict[str, str]) -> Thread:
    try:
        return await threads.get(thread_id, tenant=new.tenant)
    except NotFound as error:
        if not create or not SAFE_ID.fullmatch(thread_id):
            raise NotFound(error.message, hint='Create it, or send if_not_exists="create".') from None
    return await threads.create(thread_id, metadata=metadata, tenant=new.tenant, if_exists=True, user=new.user)
