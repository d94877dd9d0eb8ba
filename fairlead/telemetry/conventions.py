"""Our words as OpenTelemetry's: the one table. GenAI names are those of the semantic conventions for generative AI
(https://github.com/open-telemetry/semantic-conventions-genai, v0.1.0; in development there, so they may change), those
of HTTP and errors the stable ones. What has no name there is ours, beneath `fairlead.`.
"""

from __future__ import annotations

from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.45.0"

OPERATION: Final = "gen_ai.operation.name"
INVOKE_AGENT: Final = "invoke_agent"
EXECUTE_TOOL: Final = "execute_tool"
OPERATIONS: Final = {"embeddings": "embeddings"}  # by the format of the request; all others are `chat`

ERROR_TYPE: Final = "error.type"
ERROR_MESSAGE: Final = "fairlead.error.message"
REQUEST_MODEL: Final = "gen_ai.request.model"
TOOL_TYPE: Final = "gen_ai.tool.type"
COST: Final = "fairlead.cost_usd"

NAMES: Final = {
    "agent": "gen_ai.agent.name",
    "release": "gen_ai.agent.version",
    "thread_id": "gen_ai.conversation.id",
    "provider": "gen_ai.provider.name",
    "streamed": "gen_ai.request.stream",
    "first_token": "gen_ai.response.time_to_first_chunk",
    "tokens_in": "gen_ai.usage.input_tokens",
    "tokens_out": "gen_ai.usage.output_tokens",
    "cached_in": "gen_ai.usage.cache_read.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
    "tool": "gen_ai.tool.name",
    "call_id": "gen_ai.tool.call.id",
    "method": "http.request.method",
    "endpoint": "http.route",
    "status_code": "http.response.status_code",
    "request_id": "fairlead.request.id",
    "run_id": "fairlead.run.id",
    "child_run_id": "fairlead.child_run.id",
    "child_agent": "fairlead.child_run.agent",
    "approval_id": "fairlead.approval.id",
    "tenant": "fairlead.tenant",
    "worker": "fairlead.worker",
    "attempt": "fairlead.attempt",
    "intent": "fairlead.intent",
    "reason": "fairlead.reason",
    "steps": "fairlead.steps",
    "step": "fairlead.step",
    "kind": "fairlead.step.kind",
    "name": "fairlead.step.name",
    "tries": "fairlead.tries",
    "estimated": "fairlead.usage.estimated",
    "from_flight": "fairlead.cache.shared_call",
    "percent": "fairlead.budget.percent",
    "scope": "fairlead.budget.scope",
    # Of what happens within a span
    "error": ERROR_TYPE,
    "message": ERROR_MESSAGE,
    "model": REQUEST_MODEL,
    "instead": "fairlead.fallback.model",
    "delay": "fairlead.delay",  # seconds
    "wait": "fairlead.wait",  # seconds
    "why": "fairlead.why",
    "cost_nano": COST,
    # Only where previews are asked for
    "input": "gen_ai.tool.call.arguments",
    "output": "gen_ai.tool.call.result",
    "task": "fairlead.task",
}
PREVIEWED: Final = frozenset(("input", "output", "task"))

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"))


def method_of(given: str) -> str:
    """A method that nobody knows is no name for a span: callers choose it."""
    return given if given in _METHODS else "_OTHER"
