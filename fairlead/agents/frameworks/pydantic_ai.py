"""Agents of pydantic-ai, served as they are.

    the agent's models  ──►  the openai or anthropic SDK  ──►  `sdk_transport`: recorded model calls
    the agent's tools   ──►  `RecordedTools`, a capability that is added to each run  ──►  recorded tool calls

The agent itself is not changed. A tool is not safe to repeat unless its metadata says so:
`@agent.tool(metadata={"safe_to_repeat": True})`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.capabilities import AbstractCapability, ReinjectSystemPrompt
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred, ModelRetry, ToolFailed
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    SystemPromptPart,
    TextPart,
    ToolReturn,
    ToolReturnContent,
    UserPromptPart,
)
from pydantic_ai.tools import DeferredToolRequests, DeferredToolResults, RunContext, ToolDenied
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset
from pydantic_core import to_jsonable_python

from fairlead.agents.context import Context
from fairlead.agents.conversation import as_messages, text_of
from fairlead.agents.frameworks import Adopted
from fairlead.agents.memory import MemoryBuffer, Message
from fairlead.agents.signature import Signature
from fairlead.agents.tool import Tool
from fairlead.errors import ConfigurationError, InvalidInput

SAFE = "safe_to_repeat"
_OWN_TIMEOUT = timedelta(days=1)  # pydantic-ai has its own for tools, and the run has one for all
_TEXTS = ("input", "message", "prompt")
_ANYTHING = TypeAdapter(dict[str, Any])
_RETURNED: TypeAdapter[Any] = TypeAdapter(ToolReturnContent)
_TOOL_RETURN: TypeAdapter[ToolReturn[Any]] = TypeAdapter(ToolReturn[Any])
_MARK = "pydantic_ai"  # of what is more than a plain result
_SIGNATURE = Signature("", {"type": "object"}, _ANYTHING, None, ())


def adopt(name: str, target: Any) -> Adopted | None:
    """None for what is no agent. Raises ConfigurationError for an agent that wants dependencies."""
    if not isinstance(target, AbstractAgent):
        return None
    agent = cast("AbstractAgent[Any, Any]", target)
    wanted: Any = agent.deps_type
    if wanted not in (object, type(None), Any):
        raise ConfigurationError(
            f"The agent `{name}` wants dependencies ({getattr(wanted, '__name__', wanted)}), which we can't make.",
            hint="Serve a function: async def f(input, ctx): "
            "return (await agent.run(input, deps=…, capabilities=[RecordedTools(ctx)])).output",
        )

    async def call(input: Any, ctx: Context) -> Any:
        return await _run(agent, input, ctx)

    described = agent.description
    return Adopted(call, described if isinstance(described, str) else "")


async def _run(agent: AbstractAgent[Any, Any], input: Any, ctx: Context) -> Any:
    prompt, before = _conversation(input, await ctx.memory.messages())
    result = await agent.run(
        prompt,
        message_history=before or None,
        # The same on every resume: tools make idempotency keys of it.
        run_id=ctx.run_id,
        conversation_id=ctx.run_id,
        event_stream_handler=_watch if _streams(agent) else None,
        capabilities=[RecordedTools(ctx), ReinjectSystemPrompt()],
        infer_name=False,
    )
    return to_jsonable_python(result.output)


async def _watch(_: RunContext[Any], events: AsyncIterable[Any]) -> None:
    """Asks the model for a stream: those who watch the run see the pieces, which the gateway hands them."""
    async for _event in events:
        pass


def _streams(agent: AbstractAgent[Any, Any]) -> bool:
    """A handler of the agent's own stays, and a test's FunctionModel may have no stream to give."""
    return agent.event_stream_handler is None and getattr(agent.model, "stream_function", True) is not None


def _conversation(input: Any, remembered: Sequence[Message]) -> tuple[Any, list[ModelMessage]]:
    """What is asked now, and what was said before, within the usual memory buffer."""
    if isinstance(input, dict):
        given = cast("dict[str, Any]", input)
        if len(given) == 1 and (said := next(iter(given.items())))[0] in _TEXTS and isinstance(said[1], str):
            input = said[1]
    messages = MemoryBuffer().trim([*remembered, *as_messages(input)])
    if messages[-1]["role"] != "user":
        raise InvalidInput("The last message must be the user's.")
    return text_of(messages[-1]), [one for message in messages[:-1] if (one := _as_theirs(message)) is not None]


def _as_theirs(message: Mapping[str, Any]) -> ModelMessage | None:
    text = text_of(message)
    match message["role"]:
        case "user":
            return ModelRequest([UserPromptPart(text)])
        case "system":
            return ModelRequest([SystemPromptPart(text)])
        case "assistant" if text:
            return ModelResponse([TextPart(text)])
        case _:  # tools of an earlier run: the answer that came of them says what they said
            return None


class RecordedTools(AbstractCapability[Any]):
    """Makes each tool call of one run of an agent a recorded step; tools that need approval ask a person.

    For those who call `agent.run` themselves: `await agent.run(…, capabilities=[RecordedTools(ctx)])`.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def get_wrapper_toolset(self, toolset: AbstractToolset[Any]) -> AbstractToolset[Any]:
        return _Recorded(toolset, self._ctx)

    async def handle_deferred_tool_calls(
        self, ctx: RunContext[Any], *, requests: DeferredToolRequests
    ) -> DeferredToolResults | None:
        results = DeferredToolResults()
        for call in requests.approvals:
            decision = await self._ctx.approve(f"May `{call.tool_name}` be used?", data=call.args_as_dict())
            no = ToolDenied(decision.comment) if decision.comment else False
            results.approvals[call.tool_call_id] = True if decision.approved else no
        return results if results.approvals else None


@dataclass
class _Recorded(WrapperToolset[Any]):
    run: Context

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        async def use(**_: Any) -> Any:
            return await _noted(self.wrapped.call_tool(name, tool_args, ctx, tool))

        safe = bool((tool.tool_def.metadata or {}).get(SAFE))
        recorded = Tool(name, "", use, _SIGNATURE, safe_to_repeat=safe, timeout=_OWN_TIMEOUT)
        given = cast("dict[str, Any]", to_jsonable_python(tool_args, fallback=repr))
        return _come_of(await self.run.use_tool(recorded, given, call_id=ctx.tool_call_id))


async def _noted(using: Awaitable[Any]) -> Any:
    """What came of it, as JSON: what a tool returned, or marked, what it has to say to the model or to pydantic-ai."""
    try:
        result = await using
    except ModelRetry as error:
        return _marked("retry", error.message)
    except ToolFailed as error:
        return _marked("failed", error.message)
    except ApprovalRequired as error:
        return _marked("approval", to_jsonable_python(error.metadata))
    except CallDeferred as error:
        return _marked("deferred", to_jsonable_python(error.metadata))
    if isinstance(result, ToolReturn):
        return _marked("return", _TOOL_RETURN.dump_python(cast("ToolReturn[Any]", result), mode="json"))
    value: Any = _RETURNED.dump_python(result, mode="json")
    return _marked("value", value) if _is_marked(value) else value


def _come_of(outcome: Any) -> Any:
    """The same for a first time, for a replay, and for what a person says came of it: the model is told the same."""
    if not _is_marked(outcome):
        return _RETURNED.validate_python(outcome)
    marked = cast("dict[str, Any]", outcome)
    content: Any = marked.get("content")
    match marked[_MARK]:
        case "retry":
            raise ModelRetry(content)
        case "failed":
            raise ToolFailed(content)
        case "approval":
            raise ApprovalRequired(content)
        case "deferred":
            raise CallDeferred(content)
        case "return":
            return _TOOL_RETURN.validate_python(content)
        case _:
            return _RETURNED.validate_python(content)


def _is_marked(value: Any) -> bool:
    return isinstance(value, dict) and _MARK in value


def _marked(kind: str, content: Any) -> dict[str, Any]:
    return {_MARK: kind, "content": content}
