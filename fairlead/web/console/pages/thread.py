"""One thread as a conversation: a turn for each of its runs, the newest first read; what it keeps; what to say next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fairlead.agents.spec import AgentSpec
from fairlead.errors import FairleadError
from fairlead.runs.run import Event, Run
from fairlead.runs.threads import Thread, ThreadStatus
from fairlead.web.console import conversation, headline, reading, state
from fairlead.web.console.door import Delta, Door
from fairlead.web.console.doors import Doors
from fairlead.web.console.format import Format
from fairlead.web.console.pages.thread_list import path_of
from fairlead.web.console.turns import Told, Turn, tell, tell_again, turn

TURNS = 10


@dataclass(frozen=True, slots=True)
class Material:
    """`told`: the oldest first. `problem`: what was said could not be read."""

    thread: Thread
    told: tuple[Told, ...]
    before: str = ""  # the run that these come before; empty: they are the latest
    older: bool = False
    problem: FairleadError | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """What the next message goes to. `agents`: to choose from, when none has run here. `barred`: why there is none."""

    given: str = ""
    name: str = ""
    agents: tuple[str, ...] = ()
    playground: str = ""  # where to go on when words are not enough
    waits: bool = False


@dataclass(frozen=True, slots=True)
class ThreadView:
    thread: Thread
    path: str
    title: str
    state: state.State
    turns: tuple[Turn, ...]
    tail: tuple[Turn, ...]  # may still change
    tail_from: str  # the id of its first run
    kept: tuple[conversation.Said, ...]  # what it keeps and no run here said
    messages: int
    values: dict[str, Any]
    older: str
    newest: str
    next: Next
    live: str
    problem: FairleadError | None


async def read(doors: Doors, door: Door, thread_id: str, *, tenant: str, before: str = "") -> Material:
    """The thread, or an error; what was said in it as far as it can be had."""
    thread = await doors.threads.get(thread_id, tenant=tenant)
    try:
        runs = await doors.control.list(tenant=tenant, thread_id=thread_id, before=before or None, limit=TURNS + 1)
        told = await asyncio.gather(*(tell(door, run) for run in reversed(runs[:TURNS])))
    except FairleadError as error:
        return Material(thread, (), before, problem=error)
    return Material(thread, tuple(told), before, older=len(runs) > TURNS)


async def since(doors: Doors, door: Door, thread: Thread, first: str, known: Mapping[str, Told]) -> list[Told]:
    """What was said in a run and those after it, the oldest first. What has ended is not read again."""
    runs = await doors.control.list(tenant=thread.tenant, thread_id=thread.id, limit=TURNS)
    wanted = [run for run in reversed(runs) if run.id >= first]
    return [await tell_again(door, run, known.get(run.id)) for run in wanted]


def shape(
    material: Material, agents: Mapping[str, AgentSpec], fmt: Format, *, texts: Mapping[str, Mapping[str, str]] = {}
) -> ThreadView:
    thread = material.thread
    turns = tuple(turn(one, fmt, texts.get(one.run.id)) for one in material.told)
    latest = not material.before
    place = (
        next((at for at, one in enumerate(turns) if one.run.finished_at is None), len(turns)) if latest else len(turns)
    )
    tail_from = turns[place].run.id if place < len(turns) else ""
    messages = reading.items(thread.state, "messages")
    title = headline.one_line(reading.text(thread.metadata, "title")) or (
        headline.headline(turns[0].run) if turns and not material.older and latest else ""
    )
    path = path_of(thread.id)
    busy = thread.status is ThreadStatus.BUSY
    return ThreadView(
        thread=thread,
        path=path,
        title=title or thread.id,
        state=state.of_thread(thread.status),
        turns=turns[:place],
        tail=turns[place:],
        tail_from=tail_from,
        kept=() if material.older or material.problem else tuple(_unsaid(messages, turns)),
        messages=len(messages),
        values={name: value for name, value in reading.mapping(thread.state).items() if name != "messages"},
        older=f"{path}?{urlencode({'before': turns[0].run.id})}" if material.older and turns else "",
        newest=path if material.before else "",
        next=following(thread, material.told[-1].run if material.told else None, agents),
        live=f"{path}/live?{urlencode({'from': tail_from})}" if latest and (busy or tail_from) else "",
        problem=material.problem,
    )


def _unsaid(messages: Sequence[Any], turns: Sequence[Turn]) -> list[conversation.Said]:
    """What somebody wrote into the thread, or said in runs that are gone: it comes before all that is here."""
    here = {(one.who, one.text) for each in turns for one in each.said}
    first: list[conversation.Said] = []
    for one in conversation.kept(messages):
        if (one.who, one.text) in here:
            break
        first.append(one)
    return first


def following(thread: Thread, last: Run | None, agents: Mapping[str, AgentSpec]) -> Next:
    """Who answers the next message: whoever ran last, as the same assistant."""
    waits = thread.status in (ThreadStatus.BUSY, ThreadStatus.INTERRUPTED)
    name = last.agent if last else reading.text(thread.metadata, "graph_id")
    given = reading.text(thread.metadata, "assistant_id") or name
    if last is not None:
        given = last.assignment.assistant_id if last.assignment else last.agent
    if not name:
        return Next(agents=tuple(sorted(one for one, spec in agents.items() if takes_words(spec, None))), waits=waits)
    if name not in agents:
        return Next(name=name)
    spec = agents[name]
    playground = f"/console/playground?{urlencode({'a': given, 'thread': thread.id})}"
    return Next(given if takes_words(spec, last) else "", name, playground=playground, waits=waits)


def takes_words(spec: AgentSpec, last: Run | None) -> bool:
    return input_of(spec, last, "") is not None


def input_of(spec: AgentSpec, last: Run | None, text: str) -> Any:
    """The message as this agent takes it: as its last run was asked, or as its schema has it. None: it takes more."""
    if last is not None and reading.items(last.input, "messages"):
        return {"messages": [{"role": "user", "content": text}]}
    schema = spec.input_schema
    if spec.native is not None or (schema is None and (last is None or isinstance(last.input, str))):
        return text
    if schema is None:
        return None
    if schema.get("type") == "string":
        return text
    return _only_field(schema, text)


def _only_field(schema: Mapping[str, Any], text: str) -> dict[str, str] | None:
    properties = reading.mapping(schema, "properties")
    name = next(iter(properties)) if len(properties) == 1 else ""
    return {name: text} if reading.text(properties.get(name), "type") == "string" else None


async def happenings(doors: Doors, thread_id: str, *, tenant: str) -> AsyncIterator[Event | Delta]:
    """What happens to the run that holds the thread, and to those after it, until the thread is free."""
    before = None
    while (run_id := (await doors.threads.get(thread_id, tenant=tenant)).active_run_id) not in (None, before):
        before = run_id or ""
        async for one in doors.feed.follow(before, tenant=tenant, deltas=True, until_end=False):
            yield one
            if isinstance(one, Event) and one.type == "finished":
                break
