"""Why an answer ended and what it used, in both formats."""

from __future__ import annotations

from typing import Any

from fairlead.errors import BrokenAnswer
from fairlead.gateway.usage import Usage
from fairlead.gateway.wire import checked
from fairlead.gateway.wire.wire import Json

_TO_CHAT = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_TO_MESSAGES = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}


def finish_reason(stop_reason: Any) -> str:
    return _known(_TO_CHAT, stop_reason)


def stop_reason(finish_reason: Any) -> str:
    return _known(_TO_MESSAGES, finish_reason)


def _known(reasons: dict[str, str], reason: Any) -> str:
    known = reasons.get(checked.word(reason))
    if known is None:  # an answer that may not be whole is not called whole
        raise BrokenAnswer(f"The answer ended for a reason that is not known: {str(reason)[:40]!r}.")
    return known


def chat_usage(used: Usage) -> Json:
    return {
        "prompt_tokens": used.tokens_in,
        "completion_tokens": used.tokens_out,
        "total_tokens": used.tokens_in + used.tokens_out,
        "prompt_tokens_details": {"cached_tokens": used.cached_in, "cache_write_tokens": used.cache_written},
        "completion_tokens_details": {"reasoning_tokens": used.reasoning},
    }


def messages_usage(used: Usage | None) -> Json:
    """Anthropic's clients ask for numbers: zeros where nothing is known."""
    if used is None:
        return {"input_tokens": 0, "output_tokens": 0}
    made: Json = {
        "input_tokens": used.tokens_in - used.cached_in - used.cache_written,
        "cache_read_input_tokens": used.cached_in,
        "cache_creation_input_tokens": used.cache_written,
        "output_tokens": used.tokens_out,
    }
    return {**made, **({"output_tokens_details": {"thinking_tokens": used.reasoning}} if used.reasoning else {})}


def responses_usage(used: Usage) -> Json:
    return {
        "input_tokens": used.tokens_in,
        "input_tokens_details": {"cached_tokens": used.cached_in, "cache_write_tokens": used.cache_written},
        "output_tokens": used.tokens_out,
        "output_tokens_details": {"reasoning_tokens": used.reasoning},
        "total_tokens": used.tokens_in + used.tokens_out,
    }
