"""What a caller sends to start a run, and the run it asks for."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from fairlead.access import Principal
from fairlead.agents.spec import AgentSpec
from fairlead.errors import InvalidInput
from fairlead.runs.run import Assignment, Discard, Multitask, NewRun
from fairlead.runs.webhooks import callable_url
from fairlead.web.api.command import Command, Nodes, check_nodes, destination
from fairlead.web.api.shape import Shape
from fairlead.web.asking import SAFE_ID, asker_of, nano_of

Mode = Literal["values", "updates", "messages", "messages-tuple", "events", "tasks", "checkpoints", "custom", "debug"]
ScoreName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
_PRIORITY = 1_000_000
_DEAREST_USD = 1_000_000
_LATEST_S = 366 * 24 * 3600
ReleaseName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
SafeId = Annotated[str, Field(json_schema_extra={"pattern": f"^{SAFE_ID.pattern}$"})]
"""`SAFE_ID` says whether it is one."""


class WholeNumbers(Shape):
    """An integer may be written as 1.0."""

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, given: Any) -> Any:
        """To JSON 1.0 is an integer, and some clients write it so."""
        for name in _integers(cls) if isinstance(given, dict) else ():
            value: Any = cast("Any", given).get(name)
            if isinstance(value, float) and value.is_integer():
                given = cast("dict[str, Any]", {**given, name: int(value)})
        return cast("Any", given)


class Body(WholeNumbers):
    """Nothing is coerced, and a field we do not know is refused: a misspelt budget must not be no budget."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


def _as_text(given: Any) -> Any:
    if given is not None and not (isinstance(given, str) and _DATE.match(given)):
        raise ValueError("write it as 2026-11-01T14:00:00Z")
    return given


_DATE = re.compile(r"\d{4}-")
Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_as_text)]
"""A time as JSON has it: a text, with its zone. A number of seconds is taken for none."""


def wants_one_of(*names: str, only: bool = False) -> ConfigDict:
    """Says in the description of a body that one of these must be there, and not null; `only`: and no other."""
    given: list[Any] = [{"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in names]
    return ConfigDict(json_schema_extra={"oneOf" if only else "anyOf": given})


@lru_cache(maxsize=256)
def _integers(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(one.alias or name for name, one in model.model_fields.items() if _is_integer(one.annotation))


def _is_integer(annotation: Any) -> bool:
    """Also `Annotated[int, …] | None`."""
    if get_origin(annotation) not in (Annotated, Union, UnionType):
        return annotation is int
    return _is_integer(next(one for one in get_args(annotation) if one is not type(None)))


class Additions(Body):
    """What we add to every way of starting a run."""

    metadata: dict[str, Any] | None = Field(None, description="Kept with the run; `intent` counts in metrics.")
    budget_usd: Annotated[float, Field(gt=0, le=_DEAREST_USD)] | None = Field(
        None, description="The run may spend no more than this. Default: the agent's own."
    )
    priority: Annotated[int, Field(ge=-_PRIORITY, le=_PRIORITY)] = Field(0, description="Higher runs first.")
    release: ReleaseName | None = Field(None, description="The release to run on. Default: the one that serves.")


class AgentRun(Additions):
    agent: Annotated[str, Field(min_length=1, max_length=200)]
    input: Any = None


class RunCreate(Additions):
    """LangGraph's RunCreate, and our additions."""

    assistant_id: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="An agent's name, or its id.")
    input: Any = None
    command: Command | None = None
    config: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    checkpoint: dict[str, Any] | None = None
    checkpoint_id: str | None = None
    checkpoint_during: bool | None = None
    webhook: str | None = None
    interrupt_before: Nodes = None
    interrupt_after: Nodes = None
    stream_mode: Mode | Annotated[list[Mode], Field(min_length=1)] | None = None
    stream_subgraphs: bool | None = None
    stream_resumable: bool | None = None
    feedback_keys: Annotated[list[ScoreName], Field(max_length=20)] | None = Field(
        None, description="The stream tells a link for each, where its reader may leave a score."
    )
    multitask_strategy: Literal["reject", "interrupt", "rollback", "enqueue"] = "enqueue"
    if_not_exists: Literal["create", "reject"] = "reject"
    on_disconnect: Literal["cancel", "continue"] = "continue"
    on_completion: Literal["delete", "keep"] | None = None
    after_seconds: Annotated[float, Field(ge=0, le=_LATEST_S)] | None = None
    durability: Literal["sync", "async", "exit"] | None = None
    strict_resume: bool | None = None
    langsmith_tracer: dict[str, Any] | None = None

    @property
    def modes(self) -> tuple[Mode, ...]:
        if self.stream_mode is None:
            return ("values",)
        return (self.stream_mode,) if isinstance(self.stream_mode, str) else tuple(self.stream_mode)


_NOTHING: dict[str, Any] = {
    "resume": {"type": "null"},
    "update": {"type": "null"},
    "goto": {"enum": [None, "", [], {}]},
}
_NO_COMMAND: dict[str, Any] = {
    "anyOf": [{"type": "null"}, {"type": "object", "properties": _NOTHING, "additionalProperties": False}]
}


class RunWithoutThread(RunCreate):
    """As it is described: a command is told to a thread, a checkpoint is one of a thread. Read as `RunCreate`, which
    says so in words."""

    command: Annotated[Command | None, WithJsonSchema(_NO_COMMAND)] = None
    checkpoint: Annotated[dict[str, Any] | None, WithJsonSchema({"type": "null"})] = None
    checkpoint_id: Annotated[str | None, WithJsonSchema({"type": "null"})] = None


class RunInThread(RunCreate):
    """As it is described: a thread keeps its runs."""

    on_completion: Annotated[
        Literal["delete", "keep"] | None, WithJsonSchema({"anyOf": [{"const": "keep"}, {"type": "null"}]})
    ] = None


def new_run_of(
    body: RunCreate, spec: AgentSpec, assignment: Assignment | None, *, now: datetime, release: str, caller: Principal,
    thread_id: str | None, idempotency_key: str | None,
) -> NewRun:  # fmt: skip
    """Raises `InvalidInput`."""
    if body.on_completion == "delete" and thread_id is not None:
        raise InvalidInput('`on_completion`: "delete" is for runs without a thread.', hint="Delete the thread instead.")
    terms, input = _terms_of(body, spec, thread_id), body.input
    if terms is not None and body.command is not None:
        node, sent = destination(spec, body.command)
        if sent is not None:
            input = sent
        if node is not None:
            terms["goto"] = node
    start_at = now + timedelta(seconds=body.after_seconds) if body.after_seconds else None
    return NewRun(
        spec.name, input, assignment=assignment, terms=terms, tenant=caller.tenant, thread_id=thread_id,
        release=body.release or release, priority=body.priority, metadata=body.metadata or {},
        idempotency_key=idempotency_key, budget_nano=nano_of(body.budget_usd), start_at=start_at,
        user=caller.user, asker=asker_of(caller), multitask=Multitask(body.multitask_strategy),
        discard=Discard.ENDED if body.on_completion == "delete" else None,
        webhook=callable_url(body.webhook) if body.webhook is not None else None,
    )  # fmt: skip


def _terms_of(body: RunCreate, spec: AgentSpec, thread_id: str | None) -> dict[str, Any] | None:
    """How the run is to be run, beyond its input; None for a plain one. Raises `InvalidInput`."""
    command = body.command if body.command is not None and body.command.asks else None
    if command is None and not body.interrupt_before and not body.interrupt_after:
        return None
    if command is not None and thread_id is None:
        raise InvalidInput("`command` is for a thread.", hint="Send it to /threads/THREAD/runs.")
    check_nodes(spec, "interrupt_before", body.interrupt_before)
    check_nodes(spec, "interrupt_after", body.interrupt_after)
    said = {
        "interrupt_before": body.interrupt_before, "interrupt_after": body.interrupt_after,
        "update": command.update if command is not None else None,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value}
