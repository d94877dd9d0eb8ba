"""An Anthropic messages request as a chat completions request."""

from __future__ import annotations

from typing import Any

from fairlead.errors import InvalidInput
from fairlead.gateway.wire import checked
from fairlead.gateway.wire.crossing import reasoning, tools
from fairlead.gateway.wire.crossing.content import part, parts
from fairlead.gateway.wire.crossing.losses import Losses
from fairlead.gateway.wire.wire import Json

_SAME = ("model", "stream", "temperature", "top_p")
_CARRIED = frozenset({
    *_SAME, "messages", "system", "max_tokens", "stop_sequences", "tools", "tool_choice", "thinking", "output_config",
    "output_format", "metadata", "service_tier",
})  # fmt: skip
_LEFT = frozenset({"cache_control", "diagnostics"})
_TIERS = {"auto": "auto", "standard_only": "default"}


def convert(body: Json, losses: Losses, *, cap_name: str) -> Json:
    said = {name: value for name, value in body.items() if (name, value) != ("speed", "standard")}
    losses.rest(said, "", carried=_CARRIED, left=_LEFT)
    made: Json = {name: body[name] for name in _SAME if body.get(name) is not None}
    if body.get("max_tokens") == 0:
        losses.lose("max_tokens (0)", "Only Anthropic's cache can be filled without an answer.")
    if checked.a_limit(body, "max_tokens"):
        made[cap_name] = body["max_tokens"]
    if body.get("stop_sequences"):
        made["stop"] = body["stop_sequences"]
    made["messages"] = [*_system(body, losses), *_conversation(body, losses)]
    made |= {**tools.to_chat(body, losses), **reasoning.to_chat(body, losses), **_format(body, losses)}
    made |= {**_user(body, losses), **_tier(body, losses)}
    return made


def _system(body: Json, losses: Losses) -> list[Json]:
    content = parts(body.get("system"), "system", losses)
    return [{"role": "system", "content": content}] if content else []


def _user(body: Json, losses: Losses) -> Json:
    metadata = checked.an_object(body.get("metadata") or {}, "`metadata`", InvalidInput)
    losses.rest(metadata, "metadata", carried={"user_id"})
    return {"user": metadata["user_id"]} if metadata.get("user_id") else {}


def _tier(body: Json, losses: Losses) -> Json:
    tier = body.get("service_tier")
    if tier is None:
        return {}
    if checked.word(tier) not in _TIERS:
        losses.lose("service_tier")
        return {}
    return {"service_tier": _TIERS[tier]}


def _format(body: Json, losses: Losses) -> Json:
    config = checked.an_object(body.get("output_config") or {}, "`output_config`", InvalidInput)
    losses.rest(config, "output_config", carried={"effort", "format"})
    wanted: Any = config.get("format") or body.get("output_format")
    if wanted is None:
        return {}
    given = checked.an_object(wanted, "`output_config.format`", InvalidInput)
    if given.get("type") != "json_schema":
        losses.lose(f"output_config.format ({given.get('type')})")
        return {}
    schema = checked.an_object(given.get("schema"), "`output_config.format.schema`", InvalidInput)
    named = {"name": "answer", "schema": schema, "strict": True}  # chat wants a name; Anthropic is always strict
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def _conversation(body: Json, losses: Losses) -> list[Json]:
    said: list[Json] = []
    messages = checked.objects(body.get("messages"), "`messages`", InvalidInput)
    for number, message in enumerate(messages):
        at = f"messages[{number}]"
        losses.rest(message, at, carried={"role", "content"})
        match message.get("role"):
            case "user":
                said += _user_turn(message.get("content"), at, losses)
            case "assistant":
                said.append(_assistant(message.get("content"), f"{at}.content", losses))
            case "system":
                said.append({"role": "system", "content": parts(message.get("content"), f"{at}.content", losses)})
            case role:
                raise InvalidInput(f"`{at}.role` {role!r} is not a role.")
    if messages and messages[-1].get("role") == "assistant":
        losses.lose(
            f"messages[{len(messages) - 1}] (prefill)", "Only Anthropic goes on with an answer that has been begun."
        )
        said.pop()
    return said


def _user_turn(content: Any, at: str, losses: Losses) -> list[Json]:
    """What tools answered first, each a message of its own, then what the user says."""
    if content is None or isinstance(content, str):
        return [{"role": "user", "content": content or ""}]
    answered: list[Json] = []
    made: list[Json] = []
    for number, block in enumerate(checked.objects(content, f"`{at}.content`", InvalidInput)):
        where = f"{at}.content[{number}]"
        if block.get("type") == "tool_result":
            answered.append(_result(block, where, losses))
            continue
        carried = part(block, where, losses)
        if carried is not None:
            made.append(carried)
    return [*answered, *([{"role": "user", "content": made}] if made else [])]


def _result(block: Json, at: str, losses: Losses) -> Json:
    """A chat request has no mark for a tool that failed: the model reads it in the text."""
    losses.rest(block, at, carried={"type", "tool_use_id", "content", "is_error"}, left={"cache_control"})
    content = parts(block.get("content"), f"{at}.content", losses)
    if isinstance(content, list):
        for number, it in enumerate(list(content)):
            if it["type"] != "text":
                losses.lose(f"{at}.content[{number}] ({it['type']})", "A tool's answer to a chat model is text only.")
                content.remove(it)
    if block.get("is_error") is True:
        content = f"Error: {content}" if isinstance(content, str) else [{"type": "text", "text": "Error:"}, *content]
    call = checked.a_name(block.get("tool_use_id"), f"`{at}.tool_use_id`", InvalidInput)
    return {"role": "tool", "tool_call_id": call, "content": content}


def _assistant(content: Any, at: str, losses: Losses) -> Json:
    if content is None or isinstance(content, str):
        return {"role": "assistant", "content": content or ""}
    texts: list[Json] = []
    calls: list[Json] = []
    thought: list[str] = []
    for number, block in enumerate(checked.objects(content, f"`{at}`", InvalidInput)):
        where = f"{at}[{number}]"
        match block.get("type"):
            case "tool_use":
                calls.append(tools.call_to_chat(block, where, losses))
            case "thinking" if not block.get("signature"):  # not Claude's: a chat model thought it
                thought.append(checked.a_text(block.get("thinking"), f"`{where}.thinking`", InvalidInput))
            case "thinking" | "redacted_thinking":
                losses.leave("thinking blocks")  # sealed: another provider can't read them and may refuse them
            case "text":
                texts.append(part(block, where, losses) or {})
            case kind:
                losses.lose(f"{where} ({kind})")
    message: Json = {"role": "assistant", "content": texts[0]["text"] if len(texts) == 1 else texts or None}
    if thought:
        message["reasoning_content"] = "".join(thought)
    if calls:
        message["tool_calls"] = calls
    return message
