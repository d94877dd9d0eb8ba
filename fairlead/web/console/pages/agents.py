"""Agents and the assistants that are made of them.

GET  /console/agents  /console/agents/{name}  /console/agents/{name}/{assistant}  …/use
POST /console/agents/{name}/{assistant}/use
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Role
from fairlead.agents.spec import AgentSpec
from fairlead.errors import NotFound
from fairlead.runs.assistants import Assistant
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.pages import agent as agent_page
from fairlead.web.console.pages import agent_list
from fairlead.web.console.pages import assistant as assistant_page
from fairlead.web.console.section import Routes, is_fragment, own_form, see

PATH = agent_list.PATH
ASSISTANT = PATH + "/{name}/{assistant_id}"


class AgentsPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def pages(self) -> Routes:
        return [
            (PATH, self.list), (PATH + "/{name}", self.agent), (ASSISTANT, self.assistant),
            (ASSISTANT + "/use", self.ask),
        ]  # fmt: skip

    def writes(self) -> Routes:
        return [(ASSISTANT + "/use", self.use)]

    async def list(self, request: Request) -> Response:
        workers = await agent_list.workers_of(self._desk.door(request))
        view = agent_list.shape(self._doors.agents, workers, self._desk.reader(request).fmt)
        return self._desk.page(request, "pages/agents.html", view=view, here="agents")

    async def agent(self, request: Request) -> Response:
        spec, tenant = spec_of(self._doors, request), caller_of(request).tenant
        material = await agent_page.read(self._doors, self._desk.door(request), spec, tenant=tenant)
        release = self._doors.settings.engine.release
        view = agent_page.shape(material, self._desk.reader(request).fmt, release=release)
        return self._desk.page(
            request, "pages/agent.html", view=view, here="agents", path_of_assistant=agent_page.path_of_assistant,
            parameters_of=agent_page.parameters_of,
        )  # fmt: skip

    async def assistant(self, request: Request) -> Response:
        material = await self._material(request)
        before, after = assistant_page.parse(request.query_params, material)
        view = await asyncio.to_thread(assistant_page.shape, material, before, after)
        may = caller_of(request).role.covers(Role.OPERATOR)
        return self._desk.page(request, "pages/assistant.html", view=view, here="agents", may=may)

    async def ask(self, request: Request) -> Response:
        material = await self._material(request)
        version = assistant_page.wanted_version(request.query_params.get("version", ""), material)
        words = self._desk.reader(request).fmt.words.gettext
        question = assistant_page.question_of(material.now, version, words)
        template = "parts/_question.html" if is_fragment(request) else "pages/question.html"
        return self._desk.page(request, template, question=question, here="agents")

    async def use(self, request: Request) -> Response:
        form, caller = await own_form(request), caller_of(request)
        material = await self._material(request)
        version = assistant_page.wanted_version(form.get("version", ""), material)
        await self._doors.assistants.use(material.now.id, version, tenant=caller.tenant)
        await self._doors.books.audit.report(
            "assistant.latest", tenant=caller.tenant, by=caller.name, subject=material.now.id,
            detail={"version": version},
        )  # fmt: skip
        return see(agent_page.path_of_assistant(material.now))

    async def _material(self, request: Request) -> assistant_page.Material:
        one = await assistant_of(self._doors, request)
        return await assistant_page.read(self._doors.assistants, one, tenant=caller_of(request).tenant)


def spec_of(doors: Doors, request: Request) -> AgentSpec:
    """Of the agent in the address. Raises `NotFound`."""
    name = request.path_params["name"]
    if name not in doors.agents:
        raise NotFound(f"There is no agent {name}.", hint="It may have been declared by an earlier release.")
    return doors.agents[name]


async def assistant_of(doors: Doors, request: Request) -> Assistant:
    """The one in the address. Raises `NotFound`, also for an assistant of another agent."""
    one = await doors.assistants.get(request.path_params["assistant_id"], tenant=caller_of(request).tenant)
    if one.agent != request.path_params["name"]:
        raise NotFound(f"There is no assistant {one.id} of {request.path_params['name']}.")
    return one
