"""A chat completions request as an Anthropic messages request."""

from __future__ import annotations

from typing import Any

from fairlead.errors import InvalidInput
from fairlead.gateway.wire import checked
from fairlead.gateway.wire.crossing import reasoning, tools
from fairlead.gateway.wire.crossing.content import as_blocks, blocks, text_block
from fairlead.gateway.wire.crossing.losses import Losses
from fairlead.gateway.wire.crossing.whole import sealed
from fairlead.gateway.wire.wire import Json

_SAME = ("model", "stream", "temperature", "top_p", "top_k")
_CARRIED = frozenset({
    *_SAME, "stream_options", "messages", "max_tokens", "max_completion_tokens", "stop", "tools", "tool_choice",
    "parallel_tool_calls", "reasoning_effort", "response_format", "user", "safety_identifier", "service_tier",
})  # fmt: skip
_LEFT = frozenset({"prediction", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"})
_SAYS_NOTHING: dict[str, Any] = {
    "n": 1,
    "logprobs": False,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "store": False,
    "modalities": ["text"],
    "verbosity": "medium",
}
_TIERS = {"auto": "auto", "default": "standard_only"}


def convert(body: Json, losses: Losses) -> Json:
    said = {name: value for name, value in body.items() if name not in _SAYS_NOTHING or value != _SAYS_NOTHING[name]}
    losses.rest(said, "", carried=_CARRIED, left=_LEFT)
    made: Json = {name: body[name] for name in _SAME if body.get(name) is not None}
    if not _fits(made.get("temperature")):
        losses.lose("temperature", "Anthropic takes 0 to 1.")
        del made["temperature"]
    cap = _cap(body)
    if cap is not None:
        made["max_tokens"] = cap
    thinking, config = reasoning.to_messages(body, cap, losses)
    config |= _format(body.get("response_format"), losses)
    system, messages = _conversation(body, losses)
    made |= {**system, "messages": messages, **_stop(body), **tools.to_messages(body, losses), **thinking}
    made |= {**({"output_config": config} if config else {}), **_user(body), **_tier(body, losses)}
    return made


def _fits(temperature: Any) -> bool:
    return temperature is None or (isinstance(temperature, int | float) and 0 <= temperature <= 1)


def _cap(body: Json) -> int | None:
    limits = [checked.a_limit(body, name) for name in ("max_completion_tokens", "max_tokens")]
    return max((limit for limit in limits if limit), default=None)


def _stop(body: Json) -> Json:
    stop = body.get("stop")
    if not stop:
        return {}
    return {"stop_sequences": [stop] if isinstance(stop, str) else stop}


def _user(body: Json) -> Json:
    user = body.get("user") or body.get("safety_identifier")
    return {"metadata": {"user_id": user}} if user else {}


def _tier(body: Json, losses: Losses) -> Json:
    tier = body.get("service_tier")
    if tier is None:
        return {}
    if checked.word(tier) not in _TIERS:
        losses.lose("service_tier")
        return {}
    return {"service_tier": _TIERS[tier]}


def _format(wanted: Any, losses: Losses) -> Json:
    if wanted is None:
        return {}
    given = checked.an_object(wanted, "`response_format`", InvalidInput)
    match given.get("type"):
        case "text":
            return {}
        case "json_schema":
            named = checked.an_object(given.get("json_schema"), "`response_format.json_schema`", InvalidInput)
            schema = checked.an_object(named.get("schema") or {}, "`response_format.json_schema.schema`", InvalidInput)
            if named.get("description") and "description" not in schema:
                schema = {**schema, "description": named["description"]}
            return {"format": {"type": "json_schema", "schema": schema}}
        case kind:
            losses.lose(f"response_format ({kind})", "Anthropic takes a schema: use the type json_schema.")
            return {}


def _conversation(body: Json, losses: Losses) -> tuple[Json, list[Json]]:
    """`system`, and the turns. What tools answered is one turn with what the user says then, as Anthropic wants it."""
    system: list[str | list[Json]] = []
    turns: list[Json] = []
    answered = False  # the last turn is made of what tools answered
    for number, message in enumerate(checked.objects(body.get("messages"), "`messages`", InvalidInput)):
        at = f"messages[{number}]"
        match message.get("role"):
            case "system" | "developer":
                losses.rest(message, at, carried={"role", "content"})
                content = blocks(message.get("content"), f"{at}.content", losses)
                if turns:
                    turns.append({"role": "system", "content": content})
                else:
                    system.append(content)
            case "user":
                losses.rest(message, at, carried={"role", "content"})
                content = blocks(message.get("content"), f"{at}.content", losses)
                if answered:
                    turns[-1]["content"] += as_blocks(content)
                else:
                    turns.append({"role": "user", "content": content})
            case "assistant":
                turns.append({"role": "assistant", "content": _assistant(message, at, losses)})
            case "tool":
                if not answered:
                    turns.append({"role": "user", "content": []})
                turns[-1]["content"].append(_result(message, at, losses))
            case role:
                losses.lose(f"{at} ({role})", "Use tools and the role `tool`.")
                continue
        answered = message["role"] == "tool" or (answered and message["role"] == "user")
    return _system(system), turns


def _system(said: list[str | list[Json]]) -> Json:
    if not said:
        return {}
    if len(said) == 1:
        return {"system": said[0]}
    return {"system": [block for content in said for block in as_blocks(content)]}


def _result(message: Json, at: str, losses: Losses) -> Json:
    losses.rest(message, at, carried={"role", "content", "tool_call_id", "is_error", "cache_control"})
    answer: Json = {
        "type": "tool_result",
        "tool_use_id": checked.a_name(message.get("tool_call_id"), f"`{at}.tool_call_id`", InvalidInput),
        "content": blocks(message.get("content"), f"{at}.content", losses),
    }
    if message.get("is_error") is True:
        answer["is_error"] = True
    if isinstance(message.get("cache_control"), dict):
        answer["cache_control"] = message["cache_control"]
    return answer


_ASSISTANT = frozenset({"role", "content", "refusal", "tool_calls", "thinking_blocks"})
_ECHOED = frozenset({"reasoning_content", "reasoning", "reasoning_details", "annotations"})


def _assistant(message: Json, at: str, losses: Losses) -> str | list[Json]:
    thoughts = checked.objects(message.get("thinking_blocks"), f"`{at}.thinking_blocks`", InvalidInput)
    # With the blocks their text is carried. Without, it is not signed: Anthropic would not take it for Claude's.
    losses.rest(message, at, carried=_ASSISTANT | _ECHOED if thoughts else _ASSISTANT, left=_ECHOED)
    content = blocks(message.get("content"), f"{at}.content", losses)
    calls = checked.objects(message.get("tool_calls"), f"`{at}.tool_calls`", InvalidInput)
    if isinstance(content, str) and not (calls or thoughts or message.get("refusal")):
        return content
    made = as_blocks(content)
    if message.get("refusal"):
        made.append(text_block(checked.a_text(message["refusal"], f"`{at}.refusal`", InvalidInput)))
    for number, call in enumerate(calls):
        block = tools.call_to_messages(call, f"{at}.tool_calls[{number}]", losses)
        if block is not None:
            made.append(block)
    for number, thought in enumerate(thoughts):
        place = thought.get("position", number)
        made.insert(
            place if isinstance(place, int) and place >= 0 else number,
            sealed(thought),
        )
    return made
