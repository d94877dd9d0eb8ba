"""OpenAI responses for a model that speaks chat completions: what the simulated provider needs, and no more.

Real providers get requests in this format only where they speak it: what it keeps at the provider stays there.
"""

from __future__ import annotations

from typing import Any

from fairlead.errors import InvalidInput
from fairlead.gateway.wire import checked, openai_chat_answer
from fairlead.gateway.wire.crossing import ending
from fairlead.gateway.wire.wire import Json

_KEPT_THERE = ("previous_response_id", "conversation", "prompt")
_SAME = ("model", "stream", "temperature", "top_p", "parallel_tool_calls", "user", "metadata")
_TEXT = frozenset({"input_text", "output_text", "text"})


def request_to_chat(body: Json) -> Json:
    """The chat request that asks the same. InvalidInput for what only a provider that kept the past could answer."""
    for name in _KEPT_THERE:
        if body.get(name):
            raise InvalidInput(f"`{name}` is kept at another provider.", hint="Send the whole conversation as `input`.")
    made: Json = {name: body[name] for name in _SAME if body.get(name) is not None}
    if body.get("max_output_tokens"):
        made["max_completion_tokens"] = body["max_output_tokens"]
    effort = checked.an_object(body.get("reasoning") or {}, "`reasoning`", InvalidInput).get("effort")
    if effort is not None:
        made["reasoning_effort"] = effort
    instructed = [{"role": "system", "content": body["instructions"]}] if body.get("instructions") else []
    made["messages"] = [*instructed, *_messages(body.get("input"))]
    return made | _tools(body) | _format(body)


def _messages(asked: Any) -> list[Json]:
    if isinstance(asked, str):
        return [{"role": "user", "content": asked}]
    said: list[Json] = []
    for number, item in enumerate(checked.objects(asked, "`input`", InvalidInput)):
        at = f"input[{number}]"
        match item.get("type", "message"):
            case "message":
                role = checked.a_name(item.get("role"), f"`{at}.role`", InvalidInput)
                said.append({"role": role, "content": _content(item.get("content"), f"{at}.content")})
            case "function_call":
                _add_call(said, item, at)
            case "function_call_output":
                call = checked.a_name(item.get("call_id"), f"`{at}.call_id`", InvalidInput)
                said.append(
                    {"role": "tool", "tool_call_id": call, "content": _content(item.get("output"), f"{at}.output")}
                )
            case "reasoning":
                pass  # sealed: only the provider that thought it can read it
            case kind:
                raise InvalidInput(f"`{at}` ({kind}) can't be carried to a model of chat completions.")
    return said


def _add_call(said: list[Json], item: Json, at: str) -> None:
    """Calls that follow each other, or the text before them, are one message."""
    named = {name: checked.a_text(item.get(name), f"`{at}.{name}`", InvalidInput) for name in ("name", "arguments")}
    call_id = checked.a_name(item.get("call_id"), f"`{at}.call_id`", InvalidInput)
    if not said or said[-1]["role"] != "assistant":
        said.append({"role": "assistant", "content": None})
    said[-1].setdefault("tool_calls", []).append({"id": call_id, "type": "function", "function": named})


def _content(content: Any, at: str) -> str:
    if isinstance(content, str):
        return content
    texts: list[str] = []
    for number, part in enumerate(checked.objects(content, f"`{at}`", InvalidInput)):
        if checked.word(part.get("type")) not in _TEXT:
            raise InvalidInput(
                f"`{at}[{number}]` ({part.get('type')}) can't be carried to a model of chat completions."
            )
        texts.append(checked.a_text(part.get("text"), f"`{at}[{number}].text`", InvalidInput))
    return "".join(texts)


def _tools(body: Json) -> Json:
    made: list[Json] = []
    for number, tool in enumerate(checked.objects(body.get("tools"), "`tools`", InvalidInput)):
        if tool.get("type") != "function":
            raise InvalidInput(f"`tools[{number}]` ({tool.get('type')}) is run by OpenAI only.", hint="Use functions.")
        names = ("name", "description", "parameters", "strict")
        function = {name: tool[name] for name in names if tool.get(name) is not None}
        made.append({"type": "function", "function": function})
    if not made:
        return {}
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        named = checked.an_object(choice, "`tool_choice`")
        choice = {"type": "function", "function": {"name": named.get("name")}}
    return {"tools": made, **({} if choice is None else {"tool_choice": choice})}


def _format(body: Json) -> Json:
    text = checked.an_object(body.get("text") or {}, "`text`", InvalidInput)
    wanted = checked.an_object(text.get("format") or {"type": "text"}, "`text.format`", InvalidInput)
    if wanted.get("type") != "json_schema":
        return {} if wanted.get("type") == "text" else {"response_format": wanted}
    schema = {name: value for name, value in wanted.items() if name != "type"}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def answer_from_chat(completion: Json, request: Json) -> Json:
    """The response to `request` that says what this checked chat.completion says."""
    choice = completion["choices"][0]
    key = str(completion.get("id", "")).removeprefix("chatcmpl-")
    cut = choice["finish_reason"] == "length"
    used = openai_chat_answer.usage_of(completion)
    asked = ("instructions", "metadata", "temperature", "top_p", "max_output_tokens")
    return {
        "id": f"resp_{key}",
        "object": "response",
        "created_at": completion.get("created", 0),
        "status": "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        **{name: request.get(name) for name in asked},
        "model": completion.get("model"),
        "output": _output(choice["message"], key),
        "parallel_tool_calls": request.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "tool_choice": request.get("tool_choice", "auto"),
        "tools": request.get("tools") or [],
        "usage": None if used is None else ending.responses_usage(used),
    }


def _output(said: Json, key: str) -> list[Json]:
    made: list[Json] = []
    content: list[Json] = []
    if said.get("reasoning_content"):
        summary = [{"type": "summary_text", "text": said["reasoning_content"]}]
        made.append({"type": "reasoning", "id": f"rs_{key}", "summary": summary})
    if said.get("content"):
        content.append({"type": "output_text", "text": said["content"], "annotations": []})
    if said.get("refusal"):
        content.append({"type": "refusal", "refusal": said["refusal"]})
    calls: list[Json] = said.get("tool_calls") or []
    if content or not calls:
        message = {"type": "message", "id": f"msg_{key}", "status": "completed", "role": "assistant"}
        made.append({**message, "content": content})
    for number, call in enumerate(calls):
        head = {"type": "function_call", "id": f"fc_{key}_{number}", "call_id": call["id"], "status": "completed"}
        made.append({**head, **call["function"]})
    return made
