"""/v1 as the OpenAPI document tells it, made from the table of its endpoints."""

from __future__ import annotations

import re
from typing import Any

from fairlead.gateway import Format
from fairlead.gateway.complexity import Complexity
from fairlead.web import gateway_shapes as shapes
from fairlead.web.gateway_endpoints import ENDPOINTS, Does, Endpoint

_TAG = "models"
_NAMES = {
    Format.CHAT: "ChatCompletion",
    Format.RESPONSES: "Response",
    Format.MESSAGES: "Message",
    Format.EMBEDDINGS: "Embeddings",
}
_PROBLEMS = {
    400: "The request is wrong, for us or for the provider",
    401: "Who are you?",
    402: "The next call could cost more than what is left of a budget",
    403: "The key is not for this, or somebody has stopped these calls",
    404: "There is no such model",
    413: "Too large",
    429: "Come back after Retry-After",
    500: "Our fault",
    502: "The provider failed, as often as it was tried",
    503: "Not available now",
    504: "The provider was too slow",
}
_ALWAYS = (401, 403, 404, 500, 503)
_STREAM = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("event", "data")},
    "description": "Each event, as the format has it, where the request has `stream: true`. `data` is JSON.",
}
_HEADERS = (
    ("x-fairlead-metadata", "Labels, for budgets and stops: `team=search, stage=test`", {"type": "string"}),
    ("x-fairlead-cache", "Also for what asks for randomness, or not at all", {"enum": ["yes", "no"]}),
    ("x-fairlead-complexity", "Which tier of a tiered model answers", {"enum": [*Complexity]}),
)


def paths() -> dict[str, dict[str, Any]]:
    return {one.path: {one.method.lower(): _operation(one)} for one in ENDPOINTS}


def schemas() -> dict[str, dict[str, Any]]:
    named: dict[str, dict[str, Any]] = {
        "TokenCountRequest": shapes.TOKENS_REQUEST,
        "TokenCount": shapes.TOKENS_ANSWER,
        "Model": shapes.MODEL,
        "ModelList": shapes.model_list(_ref("Model")),
        "OpenAIProblem": shapes.OPENAI_PROBLEM,
        "AnthropicProblem": shapes.ANTHROPIC_PROBLEM,
    }
    for form, name in _NAMES.items():
        named |= {f"{name}Request": shapes.REQUESTS[form], f"{name}Answer": shapes.ANSWERS[form]}
    return named


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    described: dict[str, Any] = {
        "tags": [_TAG],
        "summary": endpoint.summary,
        "operationId": re.sub(r"[^a-z0-9]+", "_", f"{endpoint.method}_{endpoint.path}".lower()).strip("_"),
        "x-role": endpoint.role.value,
        "parameters": _parameters(endpoint),
        "responses": {"200": _answer(endpoint), **_problems(endpoint)},
    }
    if endpoint.does is not Does.LIST:
        described["requestBody"] = {"required": True, "content": _json(f"{_name_of(endpoint)}Request")}
    return described


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if "{name}" in endpoint.path:
        name = {"type": "string", "minLength": 1}
        return [{"name": "name", "in": "path", "required": True, "schema": name, "description": "`provider/model`"}]
    if endpoint.does is not Does.ASK:
        return []
    return [
        {"name": name, "in": "header", "required": False, "description": about, "schema": schema}
        for name, about, schema in _HEADERS
    ]


def _answer(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.does is Does.LIST:
        return {"description": "What there is", "content": _json("Model" if "{" in endpoint.path else "ModelList")}
    if endpoint.does is Does.COUNT:
        return {"description": "About so many", "content": _json(_name_of(endpoint))}
    content = _json(f"{_name_of(endpoint)}Answer")
    if endpoint.format is not Format.EMBEDDINGS:
        content["text/event-stream"] = {"schema": _STREAM}
    headers = {
        "x-fairlead-model": {"description": "Who answered", "schema": {"type": "string"}},
        "x-fairlead-cost-usd": {"description": "What it cost, failed tries included", "schema": {"type": "string"}},
        "x-fairlead-cached": {"description": "From Fairlead's cache", "schema": {"enum": ["yes", "no"]}},
    }
    return {"description": "The provider's answer; a stream has none of the headers", "headers": headers,
            "content": content}  # fmt: skip


def _problems(endpoint: Endpoint) -> dict[str, Any]:
    """In the words of the format; where clients of both kinds ask, in Anthropic's for who says its version."""
    content = _json("AnthropicProblem" if endpoint.format is Format.MESSAGES else "OpenAIProblem")
    if endpoint.format is None:
        content = {"application/json": {"schema": {"anyOf": [_ref("OpenAIProblem"), _ref("AnthropicProblem")]}}}
    listing = endpoint.does is Does.LIST
    told = _ALWAYS if listing else (*_ALWAYS, 400, 413) if endpoint.does is Does.COUNT else tuple(_PROBLEMS)
    return {str(status): {"description": _PROBLEMS[status], "content": content} for status in sorted(told)}


def _name_of(endpoint: Endpoint) -> str:
    if endpoint.does is Does.COUNT or endpoint.format is None:
        return "TokenCount"
    return _NAMES[endpoint.format]


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(name)}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
