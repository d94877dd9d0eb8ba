"""What an agent may ask of the run it is in. The run engine implements it; an agent only sees this.

Each of `step`, `model`, `use_tool`, `spawn`, `approve`, `sleep`, `now`, `uuid` and `random` is recorded:
when the run is resumed, it answers what it answered before. Code between them may run again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from fairlead.agents.files import InputFile
from fairlead.agents.memory import Message

if TYPE_CHECKING:
    from fairlead.agents.tool import Tool
    from fairlead.gateway.types import Choices, ModelReply


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said. Nobody answering in time is a no, with `expired` set."""

    approved: bool
    by: str | None = None
    comment: str | None = None
    expired: bool = False


@dataclass(frozen=True, slots=True)
class Escalation:
    """Whom a question goes to as well when nobody has answered it after that long: "user:ada", "role:admin". Nobody: a
    reminder for those who were asked."""

    after: timedelta
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Where bytes are kept; give this, not the bytes, to steps and results."""

    digest: str
    size: int
    name: str = ""


class Knowledge(Protocol):
    """Collections of documents: `fairlead knowledge add`."""

    async def search(
        self, collection: str, query: str, *, limit: int = 5, mode: str = "hybrid"
    ) -> list[dict[str, Any]]:
        """Pieces with any of the words, or near in meaning where vectors are switched on, the best first:
        {"document", "title", "heading", "start", "stop", "text", "score", "mode"}. `start` and `stop` say where in the
        document's text; `mode`, of "hybrid", "text" and "vector", how it was searched for: by text alone when the
        question got no vector."""
        ...


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a tool may know of the call it is in. Declare a parameter `ctx: ToolContext` to receive it."""

    idempotency_key: str  # the same however often this call is tried: hand it to the service you call
    run_id: str
    input: Any  # what the run was given: a tool can hold itself to it, whatever the model asks for
    log: Callable[..., None]  # log("charged", amount=3)
    knowledge: Knowledge | None = None  # None outside a run


class ChildRun(Protocol):
    """A run started by this one."""

    @property
    def run_id(self) -> str: ...

    async def result(self) -> Any:
        """Its output, when it has ended. Raises RunFailed when it ended badly."""
        ...


class Memory(Protocol):
    """What the thread remembers between its runs. Empty when the run has no thread."""

    async def messages(self) -> list[Message]:
        """The conversation before this run, oldest first, without instructions."""
        ...

    async def get(self, key: str, default: Any = None) -> Any: ...

    async def set(self, key: str, value: Any) -> None: ...


class Conversation(Protocol):
    """What the thread's runs keep for a short while (FAIRLEAD_CONVERSATION_TTL after the last `put`), in memory or
    Redis: it may be gone sooner. Values are JSON. Each use is a step. A run without a thread has none:
    `InvalidInput`."""

    async def get(self, key: str, default: Any = None) -> Any: ...

    async def all(self) -> dict[str, Any]: ...

    async def put(self, key: str, value: Any) -> None:
        """At once, whether or not the run succeeds. Raises `InvalidInput` beyond 100 keys, or 64 KiB in one value."""
        ...

    async def delete(self, key: str) -> None: ...


class Store(Protocol):
    """What the tenant's agents remember beyond their threads. A namespace is labels in a row, or one text of them with
    dots: ("users", "ada") or "users.ada". Each use is a step."""

    async def get(self, namespace: str | Sequence[str], key: str, default: Any = None) -> Any:
        """The value, a JSON object; `default` when there is none."""
        ...

    async def put(
        self, namespace: str | Sequence[str], key: str, value: Mapping[str, Any], *, ttl: timedelta | None = None,
        index: Sequence[str] | bool = True,
    ) -> None:  # fmt: skip
        """Instead of what is there. `index`: the fields that a search looks into; True: all, False: none."""
        ...

    async def delete(self, namespace: str | Sequence[str], key: str) -> None: ...

    async def search(
        self, namespace: str | Sequence[str] = (), *, query: str | None = None,
        filter: Mapping[str, Any] | None = None, limit: int = 10, offset: int = 0,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Of the namespace and those below: {"namespace", "key", "value", "score", "updated_at"}, the best first."""
        ...


class ModelCall(Protocol):
    """Ask a model, once: the answer is recorded. This is `Context.model`, and the loop's `ask`."""

    async def __call__(
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
    ) -> ModelReply: ...


class ToolUse(Protocol):
    """Use a tool, recorded. This is `Context.use_tool`, and the loop's `use`. Raises ToolFailed."""

    async def __call__(self, tool: Tool, arguments: Mapping[str, Any], *, call_id: str | None = None) -> Any: ...


class Context(Protocol):
    @property
    def run_id(self) -> str: ...

    @property
    def agent(self) -> str: ...

    @property
    def attempt(self) -> int: ...

    @property
    def tenant(self) -> str: ...

    @property
    def input(self) -> Any: ...

    @property
    def metadata(self) -> Mapping[str, Any]: ...

    @property
    def config(self) -> Mapping[str, Any]:
        """What the assistant and the caller configured (LangGraph's `config`): `configurable`, `tags` and the like."""
        ...

    @property
    def context(self) -> Mapping[str, Any]:
        """What the assistant and the caller gave as static context."""
        ...

    @property
    def memory(self) -> Memory: ...

    @property
    def conversation(self) -> Conversation: ...

    @property
    def store(self) -> Store: ...

    @property
    def knowledge(self) -> Knowledge: ...

    async def step(self, name: str, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """What `fn(*args, **kwargs)` gave, as JSON, done once. `fn` may be async or sync (then in a thread)."""
        ...

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
        """Ask a model. `request_body` (agents.request) makes the wire body of these arguments."""
        ...

    async def use_tool(self, tool: Tool, arguments: Mapping[str, Any], *, call_id: str | None = None) -> Any:
        """The tool's result as JSON. Raises ToolFailed when the tool raised, timed out or gave no JSON."""
        ...

    async def mcp(self, *servers: str, taken: Sequence[str] = ()) -> list[Tool]:
        """The tools of MCP servers that the project declares, as this run first saw them: recorded. `taken`: names that
        they must not have. Raises ToolServerDown."""
        ...

    async def spawn(
        self, agent: str, input: Any, *, budget_usd: float | None = None, name: str | None = None
    ) -> ChildRun:
        """Start another agent as a child run. Cancelling this run cancels it; its cost counts here too."""
        ...

    async def call(self, agent: str, input: Any) -> Any:
        """Spawn and wait for the result."""
        ...

    async def approve(
        self, question: str, *, data: Any = None, expires: timedelta = timedelta(days=1), who: Sequence[str] = (),
        escalate: Sequence[Escalation] = (),
    ) -> Decision:  # fmt: skip
        """Ask a person. The run holds no worker while it waits.

        `who` may answer: "user:ada", "role:admin"; nobody in particular: every operator. Raises `InvalidInput`.
        """
        ...

    async def interrupt(self, value: Any, *, expires: timedelta = timedelta(days=30)) -> Any:
        """Show somebody a value and wait for theirs, any JSON. The run holds no worker while it waits.

        Raises Unanswered when nobody has answered by then.
        """
        ...

    async def edge(self, done: str | None, coming: str) -> None:
        """Between two parts of an agent: whoever asked for it beforehand looks at the run here before it goes on."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait without holding a worker."""
        ...

    async def now(self) -> datetime: ...

    async def uuid(self) -> str: ...

    async def random(self) -> float: ...

    async def file(self, given: Any) -> InputFile:
        """An uploaded file of the tenant, read: by its id, or by the block of the input that names it.

        Raises `NotFound` when it is not there (any more).
        """
        ...

    async def blob(self, name: str, data: bytes) -> BlobRef:
        """Keep bytes beside the run."""
        ...

    def log(self, event: str, /, **fields: Any) -> None: ...

    def progress(self, percent: float, text: str = "") -> None: ...
