"""The context that agents get: each of its methods is a step of the run."""

from __future__ import annotations

import asyncio
import random as randomness
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from fairlead.agents import guest
from fairlead.agents.agent import usd_to_nano
from fairlead.agents.context import BlobRef, ChildRun, Decision, Escalation
from fairlead.agents.files import InputFile, file_id_of
from fairlead.agents.invoke import check_outcome, invoke
from fairlead.agents.jsonable import encode, plain
from fairlead.agents.mcp.declared import ToolServers
from fairlead.agents.mcp.tools import tools_of
from fairlead.agents.memory import Message
from fairlead.agents.request import request_body
from fairlead.agents.tool import Done, NotDone, Tool, Unknown
from fairlead.errors import ConfigurationError, InvalidInput
from fairlead.gateway import Caller, Choices, Embedder, Gateway, ModelReply, ModelRequest, Sink
from fairlead.runs.asked import check_turns
from fairlead.runs.asking import Asking
from fairlead.runs.book import Record
from fairlead.runs.conversation_steps import ConversationSteps
from fairlead.runs.deltas import Deltas
from fairlead.runs.ending import outcome_unknown
from fairlead.runs.knowledge_steps import KnowledgeOfTenant, KnowledgeSteps
from fairlead.runs.recorded import EMPTY, Recording, digest_of
from fairlead.runs.run import Run, user_of
from fairlead.runs.step import Step
from fairlead.runs.store_steps import StoreSteps
from fairlead.runs.thread_memory import ThreadMemory
from fairlead.runs.waiting import Waiting
from fairlead.store import Stores
from fairlead.telemetry.emit import Emit

_HIGHEST_PROGRESS = 99  # 100 is for runs that have ended


class RunContext:
    """Implements `fairlead.agents.Context` on a recording."""

    def __init__(
        self,
        recording: Recording,
        waiting: Waiting,
        *,
        gateway: Gateway,
        memory: ThreadMemory,
        stores: Stores,
        embedder: Embedder | None,
        deltas: Deltas,
        tool_servers: ToolServers,
        emit: Emit,
    ) -> None:
        self._recording = recording
        self._waiting = waiting
        self._gateway = gateway
        self._deltas = deltas
        self._tool_servers = tool_servers
        self._emit = emit
        self._held = recording.held
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._edges = 0
        self._summaries: dict[bytes, ModelReply] = {}
        self._caller: Caller | None = None
        self.memory = memory
        self._stores = stores
        self._embedder = embedder

    # Made when they are asked for: thousands of runs wait, and few of them look anything up.

    @property
    def store(self) -> StoreSteps:
        return StoreSteps(self._recording, self._stores.items)

    @property
    def conversation(self) -> ConversationSteps:
        return ConversationSteps(self._recording, self._stores.conversations)

    @property
    def knowledge(self) -> KnowledgeSteps:
        return KnowledgeSteps(self._recording, self._knowledge_of_tenant())

    @property
    def run_id(self) -> str:
        return self._held.run.id

    @property
    def agent(self) -> str:
        return self._held.run.agent

    @property
    def attempt(self) -> int:
        return self._held.fence

    @property
    def tenant(self) -> str:
        return self._held.run.tenant

    @property
    def input(self) -> Any:
        return self._held.run.input

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self._held.run.metadata

    @property
    def config(self) -> Mapping[str, Any]:
        assignment = self._held.run.assignment
        return assignment.config if assignment is not None else {}

    @property
    def context(self) -> Mapping[str, Any]:
        assignment = self._held.run.assignment
        return assignment.context if assignment is not None else {}

    async def step(self, name: str, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await self._recording.once(name, fn, args, kwargs)

    async def model(
        self,
        messages: Sequence[Message],
        *,
        model: str | None = None,
        tools: Sequence[Tool | Mapping[str, Any]] = (),
        response_format: Mapping[str, Any] | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        timeout: timedelta | None = None,
        stream: bool = True,
        on_delta: Callable[[str], None] | None = None,
        choices: Choices | None = None,
    ) -> ModelReply:
        body = request_body(
            messages, tools=tools, response_format=response_format, temperature=temperature, max_tokens=max_tokens
        )
        request = ModelRequest(
            self._model(model), body, timeout or self._held.spec.model_timeout,
            sink=Sink(on_delta) if stream else None, choices=choices or self._choices(),
        )  # fmt: skip
        return await self.ask(request)

    async def ask(self, request: ModelRequest) -> ModelReply:
        """A model call in any wire format as a step of this run: what clients of other libraries come to."""
        if self._caller is None:
            self._caller = _caller(self._held.run)
        request = request.by(self._caller)
        bound = self._gateway.upper_bound_nano
        asking = Asking(self._recording, request, bound=bound, deltas=self._deltas)
        token = guest.leave()  # what the gateway sends is no guest's
        try:
            return await self._gateway.complete(
                request, recorder=asking, budget=self._held.budget, summaries=self._summaries
            )
        finally:
            guest.come_back(token)

    async def use_tool(self, tool: Tool, arguments: Mapping[str, Any], *, call_id: str | None = None) -> Any:
        recording = self._recording
        given = encode(arguments)
        identity = digest_of(given + (call_id or "").encode())
        step, record = await recording.enter("tool", tool.name, identity, effect=not tool.safe_to_repeat)
        if record is not None and record.settled is not None and not _may_repeat(record):
            return recording.replay(record)
        # From the intent on: a run handed back between its intent and its tool could only ask what became of nothing.
        self._held.begin()
        try:
            if not tool.safe_to_repeat:
                if record is not None and record.begun is not None and record.settled is None:
                    known = await self._find_out(tool, step, arguments, retried=record.retried)
                    if known is not None:
                        return known.result
                await recording.begin(step, b'{"arguments":%b}' % given)
            return await recording.perform(step, lambda: self._use(tool, step, arguments), given=given)
        finally:
            self._held.end()

    async def mcp(self, *servers: str, taken: Sequence[str] = ()) -> list[Tool]:
        said = {name: await self.step(f"mcp:{name}", self._tool_servers.listing, name) for name in servers}
        return tools_of(said, self._tool_servers, taken=taken)

    async def spawn(
        self, agent: str, input: Any, *, budget_usd: float | None = None, name: str | None = None
    ) -> ChildRun:
        budget = None if budget_usd is None else usd_to_nano(budget_usd)
        child = await self._waiting.spawn(agent, input, budget_nano=budget, name=name)
        run = self._held.run
        self._emit("workflow_execution", run_id=run.id, agent=run.agent, child_run_id=child.run_id, child_agent=agent)
        return child

    async def call(self, agent: str, input: Any) -> Any:
        child = await self.spawn(agent, input)
        return await child.result()

    async def approve(
        self, question: str, *, data: Any = None, expires: timedelta = timedelta(days=1), who: Sequence[str] = (),
        escalate: Sequence[Escalation] = (),
    ) -> Decision:  # fmt: skip
        check_turns(who, escalate, expires)
        return await self._waiting.approve(question, data=data, expires=expires, who=who, escalate=escalate)

    async def interrupt(self, value: Any, *, expires: timedelta = timedelta(days=30)) -> Any:
        return await self._waiting.interrupt(value, expires=expires)

    async def edge(self, done: str | None, coming: str) -> None:
        number, terms = self._edges, self._held.run.terms
        self._edges += 1
        wanted = _among(coming, terms.get("interrupt_before")) or _among(done, terms.get("interrupt_after"))
        if wanted or (self._held.fence > 1 and self._waiting.has_paused(number, done, coming)):
            await self._waiting.pause(number, done, coming)

    async def sleep(self, duration: timedelta) -> None:
        await self._waiting.sleep(duration)

    async def now(self) -> datetime:
        return datetime.fromisoformat(await self._value("now", lambda: self._held.clock.now().isoformat()))

    async def uuid(self) -> str:
        return await self._value("uuid", lambda: str(uuid4()))

    async def random(self) -> float:
        return await self._value("random", randomness.random)

    async def file(self, given: Any) -> InputFile:
        """A file never changes, so there is nothing to record."""
        file_id = given if isinstance(given, str) else file_id_of(given)
        if file_id is None:
            raise InvalidInput("ctx.file() wants the id of a file, or a block that names one.")
        reading = lambda: self._stores.files.read(file_id, tenant=self.tenant)  # noqa: E731
        file, data = await self._held.journal.until_answered(reading)
        return InputFile(file.id, file.name, file.media_type, data)

    async def blob(self, name: str, data: bytes) -> BlobRef:
        """Content-addressed: kept twice, it is one blob; so there is nothing to record."""
        journal = self._held.journal
        reference = await journal.until_answered(lambda: journal.payloads.blobs.put(self.run_id, data))
        return BlobRef(reference, len(data), name)

    def log(self, event: str, /, **fields: Any) -> None:
        said = plain({"event": event, **fields})  # raises here, where it is said, when JSON can't carry it
        if threading.get_ident() == self._thread:
            self._log(said)
        else:  # a sync tool says it, in a thread of its own
            self._loop.call_soon_threadsafe(self._log, said)

    def progress(self, percent: float, text: str = "") -> None:
        self._held.progress = max(0, min(_HIGHEST_PROGRESS, round(percent)))
        self._held.note("progress", None, {"percent": self._held.progress, "text": text})

    def _log(self, said: dict[str, Any]) -> None:
        if self._held.left:  # a thread that outlived its run
            return
        fields = {name: value for name, value in said.items() if name != "event"}
        self._emit("log", run_id=self.run_id, agent=self.agent, message=said["event"], data=fields)
        self._held.note("log", None, said)

    async def _use(self, tool: Tool, step: Step, arguments: Mapping[str, Any]) -> Any:
        run = self._held.run
        who = {"run_id": run.id, "agent": run.agent, "tenant": run.tenant, "tool": tool.name, "step": step.key}
        self._emit("tool_call", **who, input=arguments)
        started = self._held.clock.monotonic()
        try:
            result = await invoke(tool, arguments, **self._tool_needs(step), knowledge=self._knowledge_of_tenant())
        except Exception as error:
            self._emit("tool_result", **who, status="error", took=self._since(started), error=str(error))
            raise
        except asyncio.CancelledError:
            self._emit("tool_result", **who, status="cancelled", took=self._since(started))
            raise
        self._emit("tool_result", **who, status="success", took=self._since(started), output=result)
        return result

    async def _find_out(self, tool: Tool, step: Step, arguments: Mapping[str, Any], *, retried: bool) -> Done | None:
        """An earlier worker began this and died, or the tool failed and somebody wants the run retried. Its result,
        or None when it may be run; else the run stops."""
        outcome = await check_outcome(tool, arguments, **self._tool_needs(step))
        if isinstance(outcome, Unknown) and retried:
            return None  # who retries a run wants done again what nobody can tell of
        if isinstance(outcome, Unknown):
            run = self._held.run
            self._emit("run_outcome_unknown", run_id=run.id, agent=run.agent, tool=tool.name, step=step.key)
            self._recording.halt(outcome_unknown(tool.name, step.key, outcome.why))
        if isinstance(outcome, NotDone):
            return None
        await self._recording.done(step, b'{"found_by":"check","result":' + encode(outcome.result) + b"}")
        return outcome

    def _tool_needs(self, step: Step) -> dict[str, Any]:
        return {"idempotency_key": f"{self.run_id}:{step.key}", "run_id": self.run_id, "input": self.input,
                "log": self.log}  # fmt: skip

    async def _value(self, name: str, make: Callable[[], Any]) -> Any:
        """What the world said. Recorded before the agent sees it: it may be the key under which somebody is paid."""
        step, record = await self._recording.enter("value", name, EMPTY)
        if record is not None and record.settled is not None:
            return self._recording.replay(record)
        value = make()
        await self._recording.done(step, encode({"result": value}))
        return value

    def _model(self, asked: str | None) -> str:
        native = self._held.spec.native
        if asked or native is not None:
            return asked or (native.model if native is not None else "")
        raise ConfigurationError(
            f"The agent `{self.agent}` did not say which model to ask.",
            hint='Give one: ctx.model(…, model="provider/model").',
        )

    def _knowledge_of_tenant(self) -> KnowledgeOfTenant:
        embed = None if self._embedder is None else self._embedder.through(self.ask)
        until_answered = self._held.journal.until_answered
        return KnowledgeOfTenant(self._stores.knowledge, self.tenant, until_answered, embed=embed)

    def _choices(self) -> Choices:
        native = self._held.spec.native
        if native is None:
            return Choices()
        return replace(native.choices, fit=native.memory.tokens) if native.memory.summarise else native.choices

    def _since(self, started: float) -> timedelta:
        return timedelta(seconds=self._held.clock.monotonic() - started)


def _caller(run: Run) -> Caller:
    """What the run spends is spent by the key that asked for it. What a key is labelled with can't be said otherwise
    by the run's metadata."""
    asker = run.asker
    if asker is None:
        return Caller(
            run.tenant, user_of(run.user, run.metadata), run.agent, run.id, run.thread_id, run.release,
            metadata=run.metadata, priority=run.priority,
        )  # fmt: skip
    return Caller(
        run.tenant, user_of(run.user, run.metadata), run.agent, run.id, run.thread_id, run.release, asker.key_id,
        metadata={**run.metadata, **asker.labels}, priority=run.priority, key_limited=asker.limited,
        key_rate=asker.rate,
    )  # fmt: skip


def _among(node: str | None, wanted: Any) -> bool:
    return bool(node and wanted) and (wanted == "*" or node in wanted)


def _may_repeat(record: Record) -> bool:
    """A person said: run it again."""
    settled = record.settled
    return settled is not None and settled.type == "outcome" and bool(settled.data and settled.data.get("repeat"))
