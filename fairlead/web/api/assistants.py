"""Agents, as LangGraph's clients know them: each is one assistant, and its name is accepted as its id."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from fairlead.agents.spec import AgentSpec
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import Body, agent_named
from fairlead.web.api.views import AssistantView, Chosen, assistant_view, selected


class AssistantSearch(Body):
    metadata: dict[str, Any] | None = None
    graph_id: str | None = None
    name: str | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    offset: Annotated[int, Field(ge=0, le=1000)] = 0
    sort_by: Literal["assistant_id", "graph_id", "name", "created_at", "updated_at"] | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[str] | None = None


class Assistants:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._at = doors.clock.now()

    def operations(self) -> list[Operation]:
        return [
            Operation("POST", "/assistants/search", self.search, "Agents that can be run", body=AssistantSearch,
                      body_optional=True, gives=list[AssistantView | Chosen], tag="assistants"),
            Operation("GET", "/assistants/search", self.all, "Agents that can be run", gives=list[AssistantView],
                      tag="assistants"),
            Operation("GET", "/assistants/{assistant_id}", self.get, "One agent", gives=AssistantView,
                      tag="assistants", problems=(404,)),
            Operation("GET", "/assistants/{assistant_id}/schemas", self.schemas, "What an agent takes", gives=Any,
                      tag="assistants", problems=(404,)),
        ]  # fmt: skip

    async def all(self, call: Call) -> Reply:
        return json_reply([assistant_view(spec, self._at) for spec in self._specs()])

    async def search(self, call: Call) -> Reply:
        body = await call.body(AssistantSearch, optional=True)
        views = [assistant_view(spec, self._at) for spec in self._specs()]
        found = [
            view
            for view in views
            if (body.graph_id is None or view["graph_id"] == body.graph_id)
            and (body.name is None or body.name.lower() in view["name"].lower())
            and all(view["metadata"].get(key) == value for key, value in (body.metadata or {}).items())
        ]
        found.sort(key=lambda view: view[body.sort_by or "name"], reverse=body.sort_order == "desc")
        page = found[body.offset : body.offset + body.limit]
        return json_reply(selected(page, body.select))

    async def get(self, call: Call) -> Reply:
        return json_reply(assistant_view(self._spec(call), self._at))

    async def schemas(self, call: Call) -> Reply:
        spec = self._spec(call)
        nothing = dict.fromkeys(("output_schema", "state_schema", "config_schema", "context_schema"))
        return json_reply({"graph_id": spec.name, "input_schema": spec.input_schema, **nothing})

    def _spec(self, call: Call) -> AgentSpec:
        return self._doors.agents[agent_named(call.path["assistant_id"], self._doors.agents)]

    def _specs(self) -> list[AgentSpec]:
        return sorted(self._doors.agents.values(), key=lambda spec: spec.name)
