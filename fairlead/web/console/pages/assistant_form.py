"""An assistant is made, changed and deleted: the form, and what is asked before it is gone.

GET|POST /console/agents/{name}/new  /console/agents/{name}/{assistant}/{edit|delete}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Role, require
from fairlead.agents.spec import AgentSpec
from fairlead.errors import Conflict, FairleadError, InvalidInput
from fairlead.runs.assistants import Assistant, Change
from fairlead.runs.schedules import ScheduleWanted
from fairlead.web.console import form, reading
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.doors import Doors
from fairlead.web.console.form import Problem
from fairlead.web.console.language import N_
from fairlead.web.console.pages import agent_list, ask
from fairlead.web.console.pages.agent import path_of_assistant
from fairlead.web.console.pages.agents import ASSISTANT, assistant_of, spec_of
from fairlead.web.console.pages.ask import Question
from fairlead.web.console.pages.playground_form import Side, fresh, read_side, refused, side_of
from fairlead.web.console.reading import or_none
from fairlead.web.console.section import Routes, own_form, see, status_of

LONGEST_NAME, LONGEST_DESCRIPTION = 200, 10_000
_NEW = agent_list.PATH + "/{name}/new"
_KEY = "s"


@dataclass(frozen=True, slots=True)
class Sheet:
    """The form: of a new assistant, or of one that there is."""

    side: Side
    typed: Mapping[str, str]
    problems: Mapping[str, Problem]
    assistant: Assistant | None = None

    @property
    def back(self) -> str:
        return agent_list.path_of(self.side.spec.name) if self.assistant is None else path_of_assistant(self.assistant)

    @property
    def action(self) -> str:
        return f"{self.back}/{'new' if self.assistant is None else 'edit'}"


def typed_of(side: Side, assistant: Assistant | None) -> dict[str, str]:
    if assistant is None:
        return {**fresh(side), "name": "", "description": "", "metadata": ""}
    return {
        **fresh(side, assistant.config, assistant.context), "name": assistant.name,
        "description": assistant.description,
        "metadata": form.dump(assistant.metadata, pretty=True) if assistant.metadata else "",
        "version": str(assistant.version),
    }  # fmt: skip


def read(side: Side, typed: Mapping[str, str], assistant: Assistant | None) -> tuple[Change, dict[str, Problem]]:
    config, context, problems = read_side(side, typed)
    metadata, wrong = form.read_object(typed.get("metadata", ""))
    if wrong is not None:
        problems["metadata"] = wrong
    name, description = typed.get("name", "").strip(), typed.get("description", "").strip()
    if not name:
        problems["name"] = Problem(N_("Give it a name."))
    for field, text, most in (("name", name, LONGEST_NAME), ("description", description, LONGEST_DESCRIPTION)):
        if len(text) > most:
            problems[field] = Problem(N_("At most %(most)s characters."), {"most": str(most)})
    if assistant is not None:
        config = _pinned(side, typed, assistant.config, config)
    return Change(side.spec.name, name, description, config, context, metadata), problems


def _pinned(side: Side, typed: Mapping[str, str], before: Mapping[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """What the version before says stays said, also where the agent has the same by itself today."""
    said = reading.mapping(before, "configurable")
    kept = {
        one.key: said[one.key] for one in side.layout.fields
        if one.key in said and said[one.key] == side.effective.get(one.key) and typed.get(one.name, "").strip()
    }  # fmt: skip
    inner = kept | reading.mapping(config, "configurable")
    return config | ({"configurable": inner} if inner else {})


def question_of(assistant: Assistant, schedules: int | None, words: Any) -> Question:
    """`schedules`: that start it; None where they could not be counted."""
    path = path_of_assistant(assistant)
    text = words.gettext(N_("With all its versions. Runs that have begun keep what they were given."))
    if schedules:
        more = words.ngettext(
            "%(num)s schedule starts it, and will start nothing any more.",
            "%(num)s schedules start it, and will start nothing any more.", schedules,
        )  # fmt: skip
        text = f"{text} {more % {'num': schedules}}"
    return Question(
        title=words.gettext(N_("Delete the assistant %(name)s?")) % {"name": assistant.name}, text=text,
        detail=assistant.name, confirm=words.gettext(N_("Delete the assistant")), action=f"{path}/delete", back=path,
        danger=True,
    )  # fmt: skip


class AssistantForms:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def pages(self) -> Routes:
        return [(_NEW, self.new), (f"{ASSISTANT}/edit", self.edit), (f"{ASSISTANT}/delete", self.ask)]

    def writes(self) -> Routes:
        return [(_NEW, self.create), (f"{ASSISTANT}/edit", self.change), (f"{ASSISTANT}/delete", self.delete)]

    async def new(self, request: Request) -> Response:
        require(caller_of(request), Role.OPERATOR)
        side = await self._side(request, spec_of(self._doors, request))
        return self._page(request, Sheet(side, typed_of(side, None), {}))

    async def create(self, request: Request) -> Response:
        typed, caller, spec = await own_form(request), caller_of(request), spec_of(self._doors, request)
        side = await self._side(request, spec)
        change, problems = read(side, typed, None)
        sheet = Sheet(side, typed, problems)
        if problems:
            return self._page(request, sheet, status=422)
        try:
            made = await self._doors.assistants.create(spec.name, change, tenant=caller.tenant, by=caller.name)
        except (InvalidInput, Conflict) as error:
            return self._refused(request, sheet, error)
        await self._note(request, "assistant.create", made)
        return see(path_of_assistant(made))

    async def edit(self, request: Request) -> Response:
        require(caller_of(request), Role.OPERATOR)
        side, one = await self._changeable(request)
        return self._page(request, Sheet(side, typed_of(side, one), {}, one))

    async def change(self, request: Request) -> Response:
        typed, caller = await own_form(request), caller_of(request)
        side, one = await self._changeable(request)
        change, problems = read(side, typed, one)
        sheet = Sheet(side, typed, problems, one)
        if problems:
            return self._page(request, sheet, status=422)
        try:
            _ensure_seen(one, typed.get("version", ""))
            made = await self._doors.assistants.change(one.id, change, tenant=caller.tenant, by=caller.name)
        except (InvalidInput, Conflict) as error:
            return self._refused(request, sheet, error)
        await self._note(request, "assistant.change", made)
        return see(path_of_assistant(made))

    async def ask(self, request: Request) -> Response:
        require(caller_of(request), Role.OPERATOR)
        one = await self._own(request)
        wanted = ScheduleWanted(assistant_id=one.id)
        found = await or_none(self._doors.schedules.search(wanted, tenant=caller_of(request).tenant, limit=1))
        question = question_of(one, None if found is None else found[1], self._desk.reader(request).fmt.words)
        return ask.answer_question(self._desk, request, question, here="agents")

    async def delete(self, request: Request) -> Response:
        await own_form(request)
        one = await self._own(request)
        await self._doors.assistants.delete(one.id, tenant=caller_of(request).tenant)
        await self._note(request, "assistant.delete", one)
        return see(agent_list.path_of(one.agent) if one.agent in self._doors.agents else agent_list.PATH)

    async def _side(self, request: Request, spec: AgentSpec) -> Side:
        """The agent as the project declares it: the form tells how an assistant differs from that."""
        declared = await self._doors.assistants.get(spec.name, tenant=caller_of(request).tenant)
        return side_of(_KEY, declared, spec)

    async def _changeable(self, request: Request) -> tuple[Side, Assistant]:
        one = await self._own(request)
        return await self._side(request, spec_of(self._doors, request)), one

    async def _own(self, request: Request) -> Assistant:
        """Raises `NotFound`, and `Conflict` for what the project declares."""
        one = await assistant_of(self._doors, request)
        if one.declared:
            raise Conflict(f"{one.agent} is declared by the project, and changes with its code alone.")
        return one

    async def _note(self, request: Request, action: str, one: Assistant) -> None:
        caller = caller_of(request)
        await self._doors.books.audit.report(action, tenant=caller.tenant, by=caller.name, subject=one.id)

    def _refused(self, request: Request, sheet: Sheet, error: FairleadError) -> Response:
        return self._page(request, replace(sheet, problems={"": refused(error)}), status=status_of(error))

    def _page(self, request: Request, sheet: Sheet, *, status: int = 200) -> Response:
        return self._desk.page(request, "pages/assistant_form.html", status=status, sheet=sheet, here="agents")


def _ensure_seen(one: Assistant, version: str) -> None:
    """Raises `Conflict` when the form shows another version than the one that would be replaced."""
    if version != str(one.version):
        raise Conflict(
            f"Somebody else changed it meanwhile: version {one.version} is the current one.",
            hint="Open the page again to see it; what you have written stands below.",
        )
