"""The agents that the project declares: what each does, by which model, and who serves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fairlead.agents.spec import AgentSpec
from fairlead.errors import FairleadError
from fairlead.runs.run import Worker
from fairlead.web.console.door import Door
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_

PATH = "/console/agents"


@dataclass(frozen=True, slots=True)
class Row:
    """`serving` None: could not be read."""

    name: str
    path: str
    description: str
    kind: str
    models: tuple[str, ...]
    tools: int | None
    budget: str
    serving: int | None


@dataclass(frozen=True, slots=True)
class AgentsView:
    rows: tuple[Row, ...]
    workers_known: bool


async def workers_of(door: Door) -> Sequence[Worker] | None:
    """Those that work; None: they could not be read."""
    try:
        return [one for one in await door.workers() if one.lost_at is None and one.alive and not one.draining]
    except FairleadError:
        return None


def shape(agents: Mapping[str, AgentSpec], workers: Sequence[Worker] | None, fmt: Format) -> AgentsView:
    rows = [_row(spec, workers, fmt) for _, spec in sorted(agents.items())]
    return AgentsView(tuple(rows), workers is not None)


def _row(spec: AgentSpec, workers: Sequence[Worker] | None, fmt: Format) -> Row:
    native = spec.native
    return Row(
        name=spec.name,
        path=path_of(spec.name),
        description=spec.description,
        kind=kind_of(spec),
        models=(native.model,) if native is not None else (),
        tools=len(native.tools) if native is not None else None,
        budget=fmt.money(spec.budget_nano),
        serving=None if workers is None else sum(spec.name in one.agents for one in workers),
    )


def kind_of(spec: AgentSpec) -> str:
    return N_("model and tools") if spec.native is not None else N_("code")


def path_of(name: str) -> str:
    return f"{PATH}/{quote(name, safe='')}"
