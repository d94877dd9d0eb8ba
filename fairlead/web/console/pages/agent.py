"""One agent: what it takes, what it may use and spend, its latest runs, and the assistants made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from fairlead.agents.spec import AgentSpec
from fairlead.agents.tool import Tool
from fairlead.runs.assistants import Assistant, Wanted
from fairlead.runs.run import Worker
from fairlead.web.console import form, reading
from fairlead.web.console.door import Door, RunPage
from fairlead.web.console.door import Wanted as Runs
from fairlead.web.console.doors import Doors
from fairlead.web.console.form import Kind
from fairlead.web.console.format import NOTHING, Format
from fairlead.web.console.language import N_
from fairlead.web.console.pages import runs as runs_page
from fairlead.web.console.pages.agent_list import kind_of, path_of, workers_of
from fairlead.web.console.reading import or_none

RUNS = 8
ASSISTANTS = 50
_KINDS = {
    Kind.LINE: N_("text"), Kind.LONG: N_("text"), Kind.INTEGER: N_("whole number"), Kind.NUMBER: N_("number"),
    Kind.SWITCH: N_("yes or no"), Kind.CHOICE: N_("one of"), Kind.JSON: N_("JSON"), Kind.FILES: N_("files"),
    Kind.FILE: N_("file"),
}  # fmt: skip
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Material:
    """What could not be read is None."""

    spec: AgentSpec
    workers: Sequence[Worker] | None
    runs: RunPage | None
    assistants: Sequence[Assistant] | None
    total: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """A field of the input."""

    name: str
    kind: str
    choices: str
    required: bool
    default: str
    description: str
    hint: str


@dataclass(frozen=True, slots=True)
class AgentView:
    spec: AgentSpec
    path: str
    kind: str
    models: tuple[str, ...]
    budget: str
    timeout: str
    release: str
    serving: int | None
    takes: str  # in words, where there are no fields
    fields: tuple[Taken, ...]
    schema: Mapping[str, Any] | None
    tools: tuple[Tool, ...]
    servers: tuple[str, ...]
    configurable: tuple[str, ...]
    instructions: str
    runs: tuple[runs_page.Row, ...] | None
    all_looked: bool  # at, for runs of it
    assistants: tuple[Assistant, ...] | None
    total: int
    playground: str


async def read(doors: Doors, door: Door, spec: AgentSpec, *, tenant: str) -> Material:
    """Each of them as far as it can be had."""
    workers, runs, found = await asyncio.gather(
        workers_of(door),
        or_none(door.runs(Runs(agent=spec.name), limit=RUNS)),
        or_none(doors.assistants.search(
            Wanted(agent=spec.name), tenant=tenant, sort="updated_at", descending=True, limit=ASSISTANTS
        )),
    )  # fmt: skip
    own = None if found is None else [one for one in found[0] if not one.declared]
    return Material(spec, workers, runs, own, max(0, found[1] - 1) if found else 0)


def shape(material: Material, fmt: Format, *, release: str) -> AgentView:
    spec, native = material.spec, material.spec.native
    workers = material.workers
    return AgentView(
        spec=spec,
        path=path_of(spec.name),
        kind=kind_of(spec),
        models=(native.model,) if native is not None else (),
        budget=fmt.money(spec.budget_nano),
        timeout=fmt.duration(spec.timeout),
        release=release,
        serving=None if workers is None else sum(spec.name in one.agents for one in workers),
        takes=_takes(spec),
        fields=tuple(fields_of(spec.input_schema, fmt)) if spec.input_schema is not None else (),
        schema=spec.input_schema,
        tools=tuple(native.tools) if native is not None else (),
        servers=tuple(spec.mcp),
        configurable=tuple(native.configurable) if native is not None else (),
        instructions=native.instructions if native is not None else "",
        runs=None if material.runs is None else tuple(runs_page.row(run, fmt) for run in material.runs.runs),
        all_looked=material.runs is None or material.runs.looked_to is None,
        assistants=None if material.assistants is None else tuple(material.assistants),
        total=material.total,
        playground=f"/console/playground?{urlencode({'a': spec.name})}",
    )


def _takes(spec: AgentSpec) -> str:
    if spec.native is not None:
        return N_("A message, or a list of messages; files may go with it.")
    return N_("Any JSON: the code says no more of it.") if spec.input_schema is None else ""


def fields_of(schema: Mapping[str, Any], fmt: Format) -> list[Taken]:
    """What the input is made of; of what is no object, one line without a name."""
    return [
        Taken(
            name=field.key,
            kind=fmt.words.gettext(_KINDS[field.kind]),
            choices=", ".join(field.choices),
            required=field.required,
            default=field.given or NOTHING,
            description=field.description,
            hint=field.hint,
        )
        for field in form.layout_of_schema(schema, "in").fields
    ]


def path_of_assistant(assistant: Assistant) -> str:
    return f"{path_of(assistant.agent)}/{quote(assistant.id, safe='')}"


def parameters_of(tool: Tool) -> str:
    """The names of what a tool takes, on one line."""
    return ", ".join(reading.mapping(tool.signature.schema, "properties"))
