"""Assistants: an agent with a config and a context of its own, in versions that never change.

    create ──► 1 ──change──► 2 ──change──► 3
                             ▲              │
                             └────── use ───┘      which version new runs get

Each agent that the project declares is an assistant too, under an id that follows from its name; it has one version,
and nobody changes it but the project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from fairlead.agents.jsonable import decode, encode
from fairlead.agents.spec import AgentSpec
from fairlead.clock import Clock, from_micros
from fairlead.database import Database, Query, Row
from fairlead.errors import Conflict, InvalidInput, NotFound, UnknownAgent
from fairlead.runs.ids import Ids, derived_id
from fairlead.runs.run import Assignment

_TRIES = 5
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Assistant:
    """One version; `declared`: the project's own agent. `updated_at` is when this version was made."""

    id: str
    agent: str
    name: str
    description: str
    config: dict[str, Any]
    context: dict[str, Any]
    metadata: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime
    declared: bool


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes different; None: nothing. Metadata is added to, the others are replaced."""

    agent: str | None = None
    name: str | None = None
    description: str | None = None
    config: Object | None = None
    context: Object | None = None
    metadata: Object | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which assistants; None: any. `name` is a part of it."""

    agent: str | None = None
    name: str | None = None
    metadata: Object | None = None


@lru_cache(maxsize=1024)
def assistant_id_of(agent: str) -> str:
    """The id of the assistant that a declared agent is."""
    return derived_id("agent", agent)


class Assistants:
    """The door to assistants for the API."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], *, agents: Mapping[str, AgentSpec], ids: Ids,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = queries
        self._agents = agents
        self._ids = ids
        self._since = clock.micros()
        declared = [_declared(spec, from_micros(self._since)) for spec in agents.values()]
        self._declared = {given: one for one in declared for given in (one.agent, one.id)}

    async def create(
        self, agent: str, change: Change, *, id: str | None = None, tenant: str, by: str, if_exists: bool = False
    ) -> Assistant:
        """Raises `UnknownAgent`, `InvalidInput`, or `Conflict` when there is one of that id and not `if_exists`."""
        agent = self.agent_named(agent)
        id = id or self._ids.new()
        columns = self._columns(agent, change)
        taken = id in self._agents or self._declared.get(id) is not None
        query = self._queries["create_assistant"]
        fresh = not taken and bool(await self._database.write(query, tenant=tenant, id=id, actor=by, **columns))
        if not fresh and not if_exists:
            raise Conflict(f"There is an assistant {id} already.", hint='Send if_exists="do_nothing" to use it.')
        return await self.get(id, tenant=tenant)

    async def get(self, given: str, *, tenant: str) -> Assistant:
        """By its id; a declared agent by its name too. Raises `NotFound`."""
        if (declared := self._declared.get(given)) is not None:
            return declared
        rows = await self._database.read(self._queries["assistant"], tenant=tenant, id=given)
        if not rows:
            raise self._unknown(given)
        return _assistant(rows[0])

    async def search(
        self, wanted: Wanted, *, tenant: str, sort: str = "name", descending: bool = False, limit: int = 10,
        offset: int = 0,
    ) -> tuple[list[Assistant], int]:  # fmt: skip
        """A page of them, and how many there are in all. Of an empty page, the count is 0."""
        declared = [(assistant_id_of(name), name, spec.description) for name, spec in self._agents.items()]
        rows = await self._database.read(
            self._queries["search_assistants"], declared, tenant=tenant, agent=wanted.agent, name=wanted.name,
            metadata=_object(wanted.metadata, "metadata") if wanted.metadata else None, since=self._since, sort=sort,
            descending=int(descending), limit=limit, offset=offset,
        )  # fmt: skip
        return [_assistant(row) for row in rows], rows[0]["total"] if rows else 0

    async def change(self, given: str, change: Change, *, tenant: str, by: str) -> Assistant:
        """Make the next version, which new runs get. Raises `NotFound`, `UnknownAgent`, `InvalidInput`, `Conflict`."""
        for _ in range(_TRIES):
            now = await self._changeable(given, tenant)
            columns = self._columns(self.agent_named(change.agent or now.agent), change, now)
            query = self._queries["change_assistant"]
            if await self._database.write(query, tenant=tenant, id=now.id, expected=now.version, actor=by, **columns):
                return await self.get(given, tenant=tenant)
        raise Conflict(f"Others keep changing assistant {given}.", hint="Try again.")

    async def versions(
        self, given: str, *, tenant: str, metadata: Object | None = None, limit: int = 10, offset: int = 0
    ) -> list[Assistant]:
        """Newest first. Raises `NotFound`."""
        now = await self.get(given, tenant=tenant)
        if now.declared:
            fits = not offset and all(now.metadata.get(key) == value for key, value in (metadata or {}).items())
            return [now] if fits else []
        rows = await self._database.read(
            self._queries["assistant_versions"], tenant=tenant, id=now.id, limit=limit, offset=offset,
            metadata=_object(metadata, "metadata") if metadata else None,
        )  # fmt: skip
        return [_assistant(row) for row in rows]

    async def use(self, given: str, version: int, *, tenant: str) -> Assistant:
        """New runs get this version. Raises `NotFound`, `Conflict`."""
        now = await self.get(given, tenant=tenant)
        if now.declared and version == now.version:
            return now
        query = self._queries["use_assistant_version"]
        if now.declared or not await self._database.write(query, tenant=tenant, id=now.id, version=version):
            raise NotFound(f"Assistant {given} has no version {version}.", hint="POST …/versions lists them.")
        return await self.get(given, tenant=tenant)

    async def delete(self, given: str, *, tenant: str) -> None:
        """With all its versions; runs that have begun keep what they were given. Raises `NotFound`, `Conflict`."""
        now = await self._changeable(given, tenant)
        await self._database.write(self._queries["delete_assistant"], tenant=tenant, id=now.id)

    async def assign(
        self, given: str, *, tenant: str, config: Object | None = None, context: Object | None = None
    ) -> tuple[str, Assignment | None]:
        """The agent of a run that is asked for by an assistant or an agent, and what the run is to know of that.

        Raises `UnknownAgent`, and `InvalidInput` for a config that the agent does not allow.
        """
        assistant = await self.get(given, tenant=tenant)
        agent = self.agent_named(assistant.agent)
        if assistant.declared and not config and not context:
            return agent, None
        merged = _merged(assistant.config, config or {})
        self._check(agent, merged)
        return agent, Assignment(assistant.id, assistant.version, merged, {**assistant.context, **(context or {})})

    def agent_named(self, given: str) -> str:
        """A declared agent by its name or its assistant id. Raises `UnknownAgent`."""
        declared = self._declared.get(given)
        if declared is None:
            raise self._unknown(given)
        return declared.agent

    def _unknown(self, given: str) -> UnknownAgent:
        listed = ", ".join(f"`{name}`" for name in sorted(self._agents)) or "none"
        return UnknownAgent(
            f"There is no agent or assistant `{given}`; there is: {listed}.",
            hint="Declare it in fairlead.toml, or create an assistant: POST /assistants.",
        )

    async def _changeable(self, given: str, tenant: str) -> Assistant:
        now = await self.get(given, tenant=tenant)
        if now.declared:
            raise Conflict(
                f"`{now.agent}` is declared by the project, and changes with its code alone.",
                hint=f'Create an assistant of your own: POST /assistants {{"graph_id": "{now.agent}"}}.',
            )
        return now

    def _columns(self, agent: str, change: Change, now: Assistant | None = None) -> dict[str, Any]:
        config = change.config if change.config is not None else now.config if now else {}
        context = change.context if change.context is not None else now.context if now else {}
        self._check(agent, config)
        described = change.description if change.description is not None else now.description if now else ""
        return {
            "agent": agent,
            "name": change.name if change.name is not None else now.name if now else agent,
            "description": described,
            "config": _object(config, "config"),
            "context": _object(context, "context"),
            "metadata": _object({**(now.metadata if now else {}), **(change.metadata or {})}, "metadata"),
        }

    def _check(self, agent: str, config: Object) -> None:
        """Now, not when the run has begun."""
        configurable = config.get("configurable")
        if configurable is not None and not isinstance(configurable, dict):
            raise InvalidInput("`config.configurable` must be an object.")
        native = self._agents[agent].native
        if native is not None and configurable:
            native.configured(configurable)  # pyright: ignore[reportUnknownArgumentType]


def _merged(below: Object, above: Object) -> dict[str, Any]:
    """`above` counts where both speak; keys of `configurable` one by one."""
    inner: dict[str, Any] = {**(below.get("configurable") or {}), **(above.get("configurable") or {})}
    return {**below, **above} | ({"configurable": inner} if inner else {})


def _object(value: Object, what: str) -> str:
    text = encode(dict(value)).decode()
    if "\\u0000" in text:
        raise InvalidInput(f"{what} must not hold NUL characters.")
    return text


def _declared(spec: AgentSpec, since: datetime) -> Assistant:
    """The assistant that a declared agent is."""
    return Assistant(
        assistant_id_of(spec.name), spec.name, spec.name, spec.description, {}, {}, {"created_by": "system"}, 1, since,
        since, declared=True,
    )  # fmt: skip


def _assistant(row: Row) -> Assistant:
    return Assistant(
        id=row["id"],
        agent=row["agent"],
        name=row["name"],
        description=row["description"],
        config=decode(row["config"]),
        context=decode(row["context"]),
        metadata=decode(row["metadata"]),
        version=row["version"],
        created_at=from_micros(row["created_at"]),
        updated_at=from_micros(row["updated_at"]),
        declared=bool(row["declared"]),
    )
