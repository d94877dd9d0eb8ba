"""The list of threads: those with the latest activity first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from fairlead.errors import NotFound
from fairlead.runs.activity import ActiveThread, Place, ThreadPage, ThreadsWanted
from fairlead.runs.threads import Thread, Threads, ThreadStatus
from fairlead.web.console import reading, state
from fairlead.web.console.format import Format
from fairlead.web.console.headline import asked, one_line
from fairlead.web.console.state import State

PATH = "/console/threads"
PAGE = 50
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Query:
    """`text`: a thread's id or the beginning of one. `metadata`: what it must have."""

    text: str = ""
    user: str = ""
    status: ThreadStatus | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    after: Place | None = None

    @property
    def narrowed(self) -> bool:
        return bool(self.text or self.user or self.status or self.metadata)

    @property
    def line(self) -> str:
        """The search line that asks for the same; a status is chosen beside it."""
        words = [self.text, f"user:{self.user}" if self.user else ""]
        return " ".join(filter(None, [*words, *(f"{name}:{value}" for name, value in self.metadata)]))

    def address(self, *, status: ThreadStatus | str | None = "", after: Place | None = None) -> str:
        chosen = self.status if status == "" else status
        found = {"q": self.line, "status": chosen or "", "after": f"{after.at}.{after.id}" if after else ""}
        return f"{PATH}?{urlencode({name: value for name, value in found.items() if value})}".rstrip("?")


@dataclass(frozen=True, slots=True)
class StatusLink:
    state: State
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class Row:
    thread: ActiveThread
    state: State
    title: str
    agent: str
    path: str


@dataclass(frozen=True, slots=True)
class ThreadsView:
    query: Query
    rows: tuple[Row, ...]
    statuses: tuple[StatusLink, ...]
    further: str  # an address; empty: there is no more
    enough: bool  # it stopped because the page is full


def parse(params: Mapping[str, str]) -> Query:
    """`user:ada` and `status:busy` in the search line are filters, any other `name:value` is of the metadata. Nonsense
    is no filter."""
    text, user, status = "", params.get("user", "").strip(), params.get("status", "").strip()
    metadata: dict[str, str] = {}
    for word in params.get("q", "")[:500].split():
        name, colon, value = word.partition(":")
        match name if colon and value else "":
            case "user":
                user = value
            case "status":
                status = value
            case "":
                text = word
            case _:
                metadata[name[:_LONGEST]] = value[:_LONGEST]
    wanted = next((one for one in ThreadStatus if one.value == status), None)
    return Query(text[:_LONGEST], user[:_LONGEST], wanted, tuple(metadata.items()), _place(params.get("after", "")))


def _place(given: str) -> Place | None:
    at, dot, id = given.partition(".")
    return Place(int(at), id[:300]) if dot and at.isdecimal() and len(at) < 19 else None


async def read(threads: Threads, query: Query, *, tenant: str) -> ThreadPage:
    if query.text:
        return await _by_id(threads, query, tenant)
    wanted = ThreadsWanted(query.user or None, query.status, dict(query.metadata))
    return await threads.activity.latest(wanted, tenant=tenant, after=query.after, limit=PAGE)


async def _by_id(threads: Threads, query: Query, tenant: str) -> ThreadPage:
    """Few threads begin so: what else is asked for is held to those that do."""
    ids = await threads.activity.beginning(query.text, tenant=tenant, limit=PAGE)
    found: list[ActiveThread] = []
    for id in ids:
        try:
            found.append(_active(await threads.get(id, tenant=tenant)))
        except NotFound:  # gone between the two questions
            continue
    fitting = [one for one in found if _fits(one, query)]
    return ThreadPage(tuple(sorted(fitting, key=lambda one: one.updated_at, reverse=True)))


def _active(thread: Thread) -> ActiveThread:
    return ActiveThread(
        thread.id, thread.user, thread.metadata, thread.status, None, thread.created_at, thread.updated_at
    )


def _fits(one: ActiveThread, query: Query) -> bool:
    return (
        (not query.user or one.user == query.user)
        and (query.status is None or one.status is query.status)
        and all(one.metadata.get(name) == value for name, value in query.metadata)
    )


def shape(query: Query, page: ThreadPage, fmt: Format) -> ThreadsView:
    return ThreadsView(
        query=query,
        rows=tuple(_row(one, fmt) for one in page.threads),
        statuses=tuple(
            StatusLink(state.of_thread(one), query.address(status=one), query.status is one) for one in ThreadStatus
        ),
        further=query.address(after=page.further) if page.further else "",
        enough=page.enough,
    )


def _row(one: ActiveThread, fmt: Format) -> Row:
    told = reading.text(one.metadata, "title") or (asked(one.last_run.input) if one.last_run else "")
    agent = one.last_run.agent if one.last_run else reading.text(one.metadata, "graph_id")
    return Row(one, state.of_thread(one.status), one_line(told) or one.id, agent, path_of(one.id))


def path_of(thread_id: str) -> str:
    return f"{PATH}/{quote(thread_id, safe='')}"
