"""Assistants: agents with a config of their own, as LangGraph's clients know them.

POST /assistants  /assistants/search  /assistants/count
GET|PATCH|DELETE /assistants/{id}     GET …/graph  …/schemas  …/subgraphs     POST …/versions  …/latest

Each agent that the project declares is one, and its name is accepted as its id.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from fairlead.access import Role
from fairlead.agents.interface import schemas_of
from fairlead.errors import Conflict, InvalidInput
from fairlead.runs.assistants import Change, Wanted
from fairlead.runs.threads import ThreadStatus
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.graph import graph_of
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply, json_reply
from fairlead.web.api.run_body import Body, SafeId
from fairlead.web.api.shape import Shape
from fairlead.web.api.views import AssistantView, Chosen, assistant_view, selected
from fairlead.web.asking import SAFE_ID

_AT_ONCE = 100
Name = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=10_000)]
Sort = Literal["assistant_id", "graph_id", "name", "created_at", "updated_at"]


class AssistantConfigured(Body):
    config: dict[str, Any] | None = Field(None, description="`configurable` sets what the agent allows.")
    context: dict[str, Any] | None = Field(None, description="Static context: agents read it as `ctx.context`.")
    metadata: dict[str, Any] | None = None
    name: Name | None = None
    description: Text | None = None


class AssistantCreate(AssistantConfigured):
    graph_id: Name = Field(description="The agent.")
    assistant_id: SafeId | None = None
    if_exists: Literal["raise", "do_nothing"] = "raise"


class AssistantPatch(AssistantConfigured):
    graph_id: Name | None = None


class AssistantWanted(Body):
    metadata: dict[str, Any] | None = None
    graph_id: str | None = None
    name: str | None = Field(None, description="Part of the name, in any case.")


class AssistantSearch(AssistantWanted):
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    sort_by: Sort | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[str] | None = None


class VersionSearch(Body):
    metadata: dict[str, Any] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class LatestVersion(Body):
    version: Annotated[int, Field(ge=1, lt=2**31)]


class DeleteQuery(Shape):
    model_config = ConfigDict(extra="ignore")

    delete_threads: bool = Field(False, description="Its threads too; refused while one of them is busy.")


class Assistants:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._book = doors.assistants

    def operations(self) -> list[Operation]:
        one = "/assistants/{assistant_id}"
        look: dict[str, Any] = {"tag": "assistants", "problems": (404,)}
        change: dict[str, Any] = {"role": Role.OPERATOR, "tag": "assistants", "problems": (404, 409)}
        return [
            Operation("POST", "/assistants", self.create, "Make an assistant of an agent", body=AssistantCreate,
                      gives=AssistantView, audit="assistant.create", **change),
            Operation("POST", "/assistants/search", self.search, "Assistants", body=AssistantSearch,
                      body_optional=True, gives=list[AssistantView | Chosen], tag="assistants"),
            Operation("GET", "/assistants/search", self.all, "Assistants", gives=list[AssistantView],
                      tag="assistants"),
            Operation("POST", "/assistants/count", self.count, "How many assistants", body=AssistantWanted,
                      body_optional=True, gives=int, tag="assistants"),
            Operation("GET", one, self.get, "One assistant", gives=AssistantView, **look),
            Operation("PATCH", one, self.patch, "Make the next version", body=AssistantPatch, gives=AssistantView,
                      audit="assistant.change", **change),
            Operation("DELETE", one, self.delete, "Delete an assistant and its versions", query=DeleteQuery, status=204,
                      audit="assistant.delete", **change),
            Operation("GET", f"{one}/graph", self.graph, "What an agent consists of", gives=Any, **look),
            Operation("GET", f"{one}/schemas", self.schemas, "What an agent takes and gives", gives=Any, **look),
            Operation("GET", f"{one}/subgraphs", self.subgraphs, "Graphs within the graph: none", gives=Any, **look),
            Operation("GET", f"{one}/subgraphs/{{namespace}}", self.subgraphs, "A graph within the graph: none",
                      gives=Any, **look),
            Operation("POST", f"{one}/versions", self.versions, "Versions, newest first", body=VersionSearch,
                      body_optional=True, gives=list[AssistantView], **look),
            Operation("POST", f"{one}/latest", self.latest, "Say which version new runs get", body=LatestVersion,
                      gives=AssistantView, audit="assistant.latest", **change),
        ]  # fmt: skip

    async def create(self, call: Call) -> Reply:
        body = await call.body(AssistantCreate)
        if body.assistant_id is not None and not SAFE_ID.fullmatch(body.assistant_id):
            raise InvalidInput("An assistant id has 1 to 128 letters, digits, `.`, `_`, `:` or `-`.")
        made = await self._book.create(
            body.graph_id, _change(body), id=body.assistant_id, tenant=call.tenant, by=call.by,
            if_exists=body.if_exists == "do_nothing",
        )  # fmt: skip
        call.noted["subject"] = made.id
        return json_reply(assistant_view(made))

    async def all(self, call: Call) -> Reply:
        found, _ = await self._book.search(Wanted(), tenant=call.tenant, limit=_AT_ONCE)
        return json_reply([assistant_view(one) for one in found])

    async def search(self, call: Call) -> Reply:
        body = await call.body(AssistantSearch, optional=True)
        found, total = await self._book.search(
            _wanted(body), tenant=call.tenant, sort=body.sort_by or "name", limit=body.limit, offset=body.offset,
            descending=body.sort_order == "desc",
        )  # fmt: skip
        after = body.offset + len(found)
        headers = [(b"x-pagination-next", str(after).encode())] if after < total else []
        return json_reply(selected([assistant_view(one) for one in found], body.select), headers=headers)

    async def count(self, call: Call) -> Reply:
        body = await call.body(AssistantWanted, optional=True)
        return json_reply((await self._book.search(_wanted(body), tenant=call.tenant, limit=1))[1])

    async def get(self, call: Call) -> Reply:
        return json_reply(assistant_view(await self._book.get(call.path["assistant_id"], tenant=call.tenant)))

    async def patch(self, call: Call) -> Reply:
        """Metadata is added to; config, context, name and description are replaced."""
        body = await call.body(AssistantPatch)
        given = call.path["assistant_id"]
        changed = await self._book.change(given, _change(body, body.graph_id), tenant=call.tenant, by=call.by)
        return json_reply(assistant_view(changed))

    async def delete(self, call: Call) -> Reply:
        given = call.path["assistant_id"]
        if call.query(DeleteQuery).delete_threads:
            await self._delete_threads((await self._book.get(given, tenant=call.tenant)).id, call.tenant)
        await self._book.delete(given, tenant=call.tenant)
        return JsonReply(b"", status=204)

    async def graph(self, call: Call) -> Reply:
        """A native agent is a model and its tools; a callable is one node."""
        return json_reply(graph_of(await self._spec(call)))

    async def schemas(self, call: Call) -> Reply:
        return json_reply(schemas_of(await self._spec(call)))

    async def subgraphs(self, call: Call) -> Reply:
        await self._spec(call)
        return json_reply({})

    async def versions(self, call: Call) -> Reply:
        body = await call.body(VersionSearch, optional=True)
        found = await self._book.versions(
            call.path["assistant_id"], tenant=call.tenant, metadata=body.metadata, limit=body.limit, offset=body.offset
        )
        return json_reply([assistant_view(one) for one in found])

    async def latest(self, call: Call) -> Reply:
        body = await call.body(LatestVersion)
        return json_reply(
            assistant_view(await self._book.use(call.path["assistant_id"], body.version, tenant=call.tenant))
        )

    async def _spec(self, call: Call) -> Any:
        assistant = await self._book.get(call.path["assistant_id"], tenant=call.tenant)
        return self._doors.agents[self._book.agent_named(assistant.agent)]

    async def _delete_threads(self, assistant_id: str, tenant: str) -> None:
        threads, wanted = self._doors.threads, {"assistant_id": assistant_id}
        if await threads.search(tenant=tenant, metadata=wanted, status=ThreadStatus.BUSY, limit=1):
            raise Conflict(f"A thread of assistant {assistant_id} has a run that has not ended.",
                           hint="Cancel the run first.")  # fmt: skip
        while found := await threads.search(tenant=tenant, metadata=wanted, limit=_AT_ONCE):
            for thread in found:
                await threads.delete(thread.id, tenant=tenant)


def _change(body: AssistantConfigured, agent: str | None = None) -> Change:
    return Change(agent, body.name, body.description, body.config, body.context, body.metadata)


def _wanted(body: AssistantWanted) -> Wanted:
    return Wanted(body.graph_id, body.name, body.metadata)
