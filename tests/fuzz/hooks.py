"""What a description can't say: small languages that are written in a text, names that depend on the agent, and that a
run which begins in a year is waited for a year, by whoever follows it. In a case that means to be right, a value of
such a kind is replaced by one that is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import schemathesis
from schemathesis.generation import GenerationMode


def _soon(value: Any) -> Any:
    return min(value, 0.01) if isinstance(value, int | float) else value


def _text(right: str) -> Callable[[Any], Any]:
    return lambda value: right if isinstance(value, str) else value


def _of_the_agent(value: Any) -> Any:
    return "*" if value else value


_ID = "01a2202c-cf12-78d0-a9b8-e2d02e81ae21"
_BODY: dict[str, Callable[[Any], Any]] = {
    "after_seconds": _soon,
    "webhook": _text("https://93.184.215.14/hook"),  # what it may call is looked up
    "url": _text("https://93.184.215.14/hook"),
    "media_type": _text("text/markdown"),
    "filter": lambda value: {"author": "ada"} if isinstance(value, dict) else value,
    "schedule": _text("0 6 * * *"),
    "timezone": _text("Europe/Berlin"),
    "start_time": lambda value: None,  # before `end_time`
    "interrupt_before": _of_the_agent,
    "interrupt_after": _of_the_agent,
    "as_node": lambda value: None,
    "goto": lambda value: None,
    "authentication": lambda value: {"scheme": "Bearer", "credentials": "t"} if isinstance(value, dict) else value,
}
# A period begins before it ends, and is said in words: today, 7d. What a server gave is given back as it was.
_QUERY = {"from": "7d", "to": "today", "window": "7d", "contextId": _ID, "pageToken": _ID}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if (right := _mapped(case.body)) != case.body:
        case.body = right
    if case.operation.path.startswith("/v1/"):
        case.body = _asked(case.body)
        if case.headers and "x-fairlead-metadata" in case.headers:
            case.headers["x-fairlead-metadata"] = "team=blue"
    if case.query:
        if case.operation.path == "/costs" and "by" in case.query:
            case.query["by"] = "model,Agent"
        for name in _QUERY.keys() & case.query.keys():
            case.query[name] = _QUERY[name]
        if case.operation.path == "/files" and "name" in case.query:
            case.query["name"] = "a.txt"  # without control characters
        if case.operation.path == "/audit" and "after" in case.query:  # no filter goes with it
            case.query = {name: case.query[name] for name in ("after", "limit") if name in case.query}


_CAPS = frozenset({"max_tokens", "max_completion_tokens", "max_output_tokens"})
_MOST_TOKENS = 1000  # with which the budget of a day outlives the attack


def _asked(body: Any) -> Any:
    """Of a model that is there, not for too much, and only what it can do: prompts are kept at another provider, and
    tools that are no functions are run there."""
    if not isinstance(body, dict) or "model" not in body:
        return body
    asked = {**_whole(body), "model": "simulated/small"}
    for name in _CAPS & asked.keys():
        asked[name] = asked[name] and min(asked[name], _MOST_TOKENS)
    if asked.pop("prompt", None) is not None or _has_objects(asked.get("input")):
        asked["input"] = "What is a duck?"
    if "input" in asked:
        asked.pop("tools", None)
    return asked


def _has_objects(value: Any) -> bool:
    """Parts of a conversation, which the model has to understand; of embeddings there are none."""
    return isinstance(value, list) and any(isinstance(one, dict) for one in value)


def _whole(value: Any) -> Any:
    """Of a whole number JSON Schema doesn't say whether it is written with a point."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return {name: _whole(one) for name, one in value.items()} if isinstance(value, dict) else value


def _mapped(body: Any) -> Any:
    if isinstance(body, list):
        return [_mapped(one) for one in body]
    if not isinstance(body, dict):
        return body
    return {name: _BODY[name](value) if name in _BODY else _mapped(value) for name, value in body.items()}
