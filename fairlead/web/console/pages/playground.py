"""The playground: try an agent with a form made from its schema, or two side by side, and say which did better.

GET  /console/playground  /console/playground/live
POST /console/playground  /console/playground/scores/{run_id}
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import Principal, Role
from fairlead.errors import FairleadError, InvalidInput, NotFound
from fairlead.runs.assistants import Assistant, Wanted
from fairlead.runs.run import Event, Run
from fairlead.runs.scores import NewScore, Score
from fairlead.runs.scores import Wanted as ScoresWanted
from fairlead.web.console import form, live, streams
from fairlead.web.console.addresses import PLAYGROUND
from fairlead.web.console.desk import Desk, caller_of
from fairlead.web.console.door import Delta
from fairlead.web.console.doors import Doors
from fairlead.web.console.form import Layout, Problem
from fairlead.web.console.pages import playground_form as asked
from fairlead.web.console.pages.playground_form import KEYS, Choice, Side
from fairlead.web.console.pages.playground_result import Results, results
from fairlead.web.console.section import Routes, own_form, see, status_of
from fairlead.web.console.starting import Asked, prepare, start
from fairlead.web.console.turns import Texts, Told, tell, tell_again
from fairlead.web.console.upload import Sent, keep, own_upload

SCORE = "thumb"
_MOST_ASSISTANTS = 200
_LONGEST_COMMENT = 2000


@dataclass(slots=True)
class Form:
    """What stands in the form, and what is wrong with it. `files`: (id, name) by field."""

    typed: dict[str, str]
    problems: dict[str, Problem] = field(default_factory=dict[str, Problem])
    files: dict[str, list[tuple[str, str]]] = field(default_factory=dict[str, "list[tuple[str, str]]"])


@dataclass(frozen=True, slots=True)
class PlaygroundView:
    choice: Choice
    groups: Sequence[tuple[str, Sequence[Assistant]]]  # by agent
    sides: tuple[Side, ...]
    layout: Layout
    form: Form
    results: Results
    scores: Mapping[str, Score]
    live: str
    readable: bool  # the input can also be asked field by field
    missing: str  # a run that the address names and that is not there


class PlaygroundPages:
    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def pages(self) -> Routes:
        return [(PLAYGROUND, self.page), (f"{PLAYGROUND}/live", self.live)]

    def writes(self) -> Routes:
        return [(PLAYGROUND, self.start), (f"{PLAYGROUND}/scores/{{run_id}}", self.score)]

    # -- looking

    async def page(self, request: Request) -> Response:
        choice, told, missing = await self._told(request, asked.parse(request.query_params))
        groups = await self._assistants(caller_of(request).tenant)
        if not groups:
            return self._desk.page(request, "pages/playground.html", view=None, here="playground")
        choice = self._chosen(choice, told, groups)
        sides = await self._sides(choice, caller_of(request))
        layout, written = await self._written(choice, sides, told, caller_of(request))
        return await self._show(request, choice, groups, sides, layout, written, told=told, missing=missing)

    async def live(self, request: Request) -> Response:
        choice = asked.parse(request.query_params)
        _, first, missing = await self._told(request, choice)
        if missing or not first:
            raise NotFound(f"There is no run {missing}." if missing else "There is nothing to follow.")
        door, tenant, texts = self._desk.door(request), caller_of(request).tenant, Texts()
        known = {one.run.id: one for one in first}

        async def draw(pending: list[Event | Delta]) -> tuple[live.Parts, bool]:
            texts.hear(pending)
            runs = [await self._doors.control.get(run_id, tenant=tenant) for run_id in choice.runs]
            told = [await tell_again(door, run, known.get(run.id)) for run in runs]
            known.update({one.run.id: one for one in told})
            reader = self._desk.reader(request)
            found = await asyncio.to_thread(results, told, reader.fmt, texts.of)
            return {
                "results": self._desk.templates.fill("parts/_playground_results.html", reader, found=found, path="")
            }, found.over

        follow = [
            self._doors.feed.follow(run_id, tenant=tenant, deltas=True, until_end=False) for run_id in choice.runs
        ]
        return streams.of_happenings(self._desk, request, draw, streams.together(*follow))  # type: ignore[arg-type]

    # -- doing

    async def start(self, request: Request) -> Response:
        caller, limit = caller_of(request), self._doors.files.limit
        async with own_upload(request, limit=limit) as sent:
            choice = asked.parse(sent.fields)
            choice = Choice(choice.a, choice.b, thread=choice.thread, raw=choice.raw)
            sides = await self._sides(choice, caller)
            layout = form.layout_of(sides[0].spec, raw=choice.raw)
            written = Form(dict(sent.fields))
            await self._keep_files(layout, sent, written, caller)
        runs: list[Run] = []
        problem: FairleadError | None = None
        try:
            runs = await self._start(choice, sides, layout, written, caller)
        except FairleadError as error:
            problem = error
        if runs:
            ids = [run.id for run in runs]
            return see(choice.address(run=ids[0], other=ids[1] if len(ids) > 1 else "", raw=False) + "#results")
        if problem is not None:
            written.problems[""] = asked.refused(problem)
        groups = await self._assistants(caller.tenant)
        status = status_of(problem) if problem is not None else 422
        return await self._show(request, choice, groups, sides, layout, written, status=status)

    async def _start(
        self, choice: Choice, sides: Sequence[Side], layout: Layout, written: Form, caller: Principal
    ) -> list[Run]:
        """Nothing, when something typed is wrong: then `written` says so. Raises what starting a run raises."""
        blocks = {name: [{"type": "file", "file_id": id} for id, _ in files] for name, files in written.files.items()}
        found = form.read(layout, written.typed, blocks)
        options, problems = asked.read_options(written.typed)
        written.problems |= {**found.problems, **problems}
        wanted: list[Any] = []
        for side in sides:
            config, context, wrong = asked.read_side(side, written.typed)
            written.problems |= wrong
            if not wrong and side.spec is not sides[0].spec:
                for one in form.problems_of(side.spec, found.value)[:1]:
                    written.problems[side.key] = one
            once = f"{written.typed.get('once', '')} {side.key}" if written.typed.get("once") else ""
            try:
                wanted.append(await prepare(self._doors, caller, Asked(
                    side.given, found.value, options.thread_id, config, context, options.metadata or {},
                    options.budget_nano, once,
                )))  # fmt: skip
            except InvalidInput as error:
                written.problems[side.key] = asked.refused(error)
        return [] if written.problems else await start(self._doors, caller, *wanted)

    async def score(self, request: Request) -> Response:
        """A thumb of whoever looks, and why. Said again, it is changed."""
        sent, caller = await own_form(request), caller_of(request)
        run = await self._doors.control.get(request.path_params["run_id"], tenant=caller.tenant)
        if sent.get("value") not in ("up", "down"):
            raise InvalidInput("The score is neither up nor down.")
        comment = sent.get("comment", "").strip()[:_LONGEST_COMMENT] or None
        await self._doors.scores.put(run, NewScore(SCORE, sent["value"] == "up", author=caller.name, comment=comment))
        back = sent.get("back", "")
        return see(back if back.startswith(PLAYGROUND) else PLAYGROUND)

    # -- reading

    async def _told(self, request: Request, choice: Choice) -> tuple[Choice, list[Told], str]:
        """The runs that the address names; the id of one that is not there."""
        door, tenant = self._desk.door(request), caller_of(request).tenant
        told: list[Told] = []
        for run_id in choice.runs:
            try:
                told.append(await tell(door, await self._doors.control.get(run_id, tenant=tenant)))
            except NotFound:
                return choice, told, run_id
        return choice, told, ""

    async def _assistants(self, tenant: str) -> list[tuple[str, Sequence[Assistant]]]:
        found, _ = await self._doors.assistants.search(Wanted(), tenant=tenant, sort="graph_id", limit=_MOST_ASSISTANTS)
        known = [one for one in found if one.agent in self._doors.agents]
        order = sorted(known, key=lambda one: (one.agent, not one.declared, one.name))
        return [(agent, list(some)) for agent, some in groupby(order, key=lambda one: one.agent)]

    def _chosen(self, choice: Choice, told: Sequence[Told], groups: Sequence[tuple[str, Any]]) -> Choice:
        """Who answers, where the address leaves it open: as the runs that it names were asked, else the first."""
        given = [one.run.assignment.assistant_id if one.run.assignment else one.run.agent for one in told]
        a = choice.a or (given[0] if given else groups[0][0])
        b = choice.b or (given[1] if len(given) > 1 else "")
        return Choice(a, b, choice.run, choice.other, choice.thread, choice.of, choice.version, choice.raw)

    async def _sides(self, choice: Choice, caller: Principal) -> list[Side]:
        """Raises `NotFound`, `UnknownAgent`."""
        sides: list[Side] = []
        for key, given in zip(KEYS, choice.given, strict=False):
            assistant = await self._doors.assistants.get(given, tenant=caller.tenant)
            agent = self._doors.assistants.agent_named(assistant.agent)
            sides.append(asked.side_of(key, assistant, self._doors.agents[agent]))
        return sides

    async def _written(
        self, choice: Choice, sides: Sequence[Side], told: Sequence[Told], caller: Principal
    ) -> tuple[Layout, Form]:
        """The form as the runs were asked for that the address names; else as nobody has typed yet."""
        layout = form.layout_of(sides[0].spec, raw=choice.raw)
        typed, options = form.fresh(layout), {"thread": choice.thread}
        if told:
            filled = form.fill(layout, told[0].run.input)
            if filled is None:
                layout = form.layout_of(sides[0].spec, raw=True)
                filled = form.fill(layout, told[0].run.input)
            typed, options = filled or {}, asked.options_of(told[0].run)
        written = Form(typed | options)
        origin = await self._origin(choice, caller)
        for place, side in enumerate(sides):
            assignment = told[place].run.assignment if place < len(told) else None
            if assignment is not None:
                written.typed |= asked.fresh(side, assignment.config, assignment.context)
            elif origin is not None and place == 0:
                written.typed |= asked.fresh(side, origin.config, origin.context)
            else:
                written.typed |= asked.fresh(side)
        for one in asked.fields_with_files(layout):
            written.files[one.name] = await self._named(typed.get(one.name, "").split(), caller)
        return layout, written

    async def _origin(self, choice: Choice, caller: Principal) -> Assistant | None:
        if not choice.of or not choice.version:
            return None
        versions = await self._doors.assistants.versions(choice.of, tenant=caller.tenant, limit=1000)
        return next((one for one in versions if one.version == choice.version), None)

    async def _named(self, ids: Sequence[str], caller: Principal) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for id in ids[:20]:
            try:
                found.append((id, (await self._doors.files.get(id, tenant=caller.tenant)).name))
            except NotFound:  # it has expired
                continue
        return found

    async def _keep_files(self, layout: Layout, sent: Sent, written: Form, caller: Principal) -> None:
        """Those kept before and not taken away, and those that came now: typed is typed, whatever else is wrong."""
        for one in asked.fields_with_files(layout):
            before = [id for id in sent.fields.get(one.name, "").split() if f"{one.name}.drop.{id}" not in sent.fields]
            now = await self._named(before, caller)
            for upload in sent.files.get(one.name, []):
                try:
                    file = await keep(self._doors.files, upload, caller=caller)
                    now.append((file.id, file.name))
                except InvalidInput as error:
                    written.problems[one.name] = asked.refused(error)
            written.files[one.name] = now[-1:] if one.kind is form.Kind.FILE else now

    async def _show(
        self, request: Request, choice: Choice, groups: Sequence[tuple[str, Sequence[Assistant]]],
        sides: Sequence[Side], layout: Layout, written: Form, *, told: Sequence[Told] = (), missing: str = "",
        status: int = 200,
    ) -> Response:  # fmt: skip
        fmt, caller = self._desk.reader(request).fmt, caller_of(request)
        found = await asyncio.to_thread(results, told, fmt)  # two long answers take a while to compare
        view = PlaygroundView(
            choice=choice, groups=groups, sides=tuple(sides), layout=layout, form=written, results=found,
            scores=await self._scores(told, caller), missing=missing,
            live=choice.address(f"{PLAYGROUND}/live") if told and not missing and not found.over else "",
            readable=form.layout_of(sides[0].spec).shape is not form.Shape.JSON,
        )  # fmt: skip
        return self._desk.page(
            request, "pages/playground.html", status=status, view=view, found=found, here="playground",
            may=caller.role.covers(Role.OPERATOR), once=self._desk.make_token(), score_of=view.scores.get,
        )  # fmt: skip

    async def _scores(self, told: Sequence[Told], caller: Principal) -> dict[str, Score]:
        """What this reader has said of them."""
        said: dict[str, Score] = {}
        for one in told:
            wanted = ScoresWanted(run_id=one.run.id, name=SCORE, author=caller.name)
            try:
                found = await self._doors.scores.list(wanted, tenant=caller.tenant, limit=1)
            except FairleadError:
                continue  # the form is empty then; the page stays
            if found:
                said[one.run.id] = found[0]
        return said
