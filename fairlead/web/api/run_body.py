"""What a caller sends to start a run, and the run it asks for."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fairlead.access import Principal
from fairlead.agents.spec import AgentSpec
from fairlead.errors import InvalidInput
from fairlead.runs.run import Assignment, Discard, Multitask, NewRun
from fairlead.web.api.asking import asker_of
from fairlead.web.api.command import Command, Nodes, check_nodes, destination
from fairlead.web.api.views import NANO

Mode = Literal["values", "updates", "messages", "messages-tuple", "events", "tasks", "checkpoints", "custom", "debug"]
_PRIORITY = 1_000_000
_DEAREST_USD = 1_000_000
_LATEST_S = 366 * 24 * 3600
SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class Body(BaseModel):
    """Nothing is coerced, and a field we do not know is refused: a misspelt budget must not be no budget."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class Additions(Body):
    """What we add to every way of starting a run."""

    metadata: dict[str, Any] | None = Field(None, description="Kept with the run; `intent` counts in metrics.")
    budget_usd: Annotated[float, Field(gt=0, le=_DEAREST_USD)] | None = Field(
        None, description="The run may spend no more than this. Default: the agent's own."
    )
    priority: Annotated[int, Field(ge=-_PRIORITY, le=_PRIORITY)] = Field(0, description="Higher runs first.")
    release: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="The release to run on. Default: the one that serves."
    )


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
    stream_mode: Mode | list[Mode] | None = None
    stream_subgraphs: bool | None = None
    stream_resumable: bool | None = None
    feedback_keys: list[str] | None = None
    multitask_strategy: Literal["reject", "interrupt", "rollback", "enqueue"] = "enqueue"
    if_not_exists: Literal["create", "reject"] = "reject"
    on_disconnect: Literal["cancel", "continue"] = "continue"
    on_completion: Literal["delete", "keep"] | None = None
    after_seconds: Annotated[float, Field(ge=0, le=_LATEST_S)] | None = None
    durability: Literal["sync", "async", "exit"] | None = None
    strict_resume: bool | None = None
    langsmith_tracer: dict[str, Any] | None = None

    @field_validator("stream_mode")
    @classmethod
    def _some(cls, value: Any) -> Any:
        if value == []:
            raise ValueError("name at least one mode")
        return value

    @property
    def modes(self) -> tuple[Mode, ...]:
        if self.stream_mode is None:
            return ("values",)
        return (self.stream_mode,) if isinstance(self.stream_mode, str) else tuple(self.stream_mode)


def new_run_of(
    body: RunCreate, spec: AgentSpec, assignment: Assignment | None, *, now: datetime, release: str, caller: Principal,
    thread_id: str | None, idempotency_key: str | None,
) -> NewRun:  # fmt: skip
    """Raises `InvalidInput` for what LangGraph offers and we do not yet."""
    _refuse_unsupported(body)
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


def nano_of(usd: float | None) -> int | None:
    return None if usd is None else max(1, round(usd * NANO))


def _refuse_unsupported(body: RunCreate) -> None:
    """What would change the meaning of the run must not be passed over in silence."""
    asked = {
        "webhook": body.webhook is not None,
    }
    refused = [f"`{name}`" for name, given in asked.items() if given]
    if refused:
        raise InvalidInput(f"{', '.join(refused)}: not supported yet.", hint="Leave it out.")
