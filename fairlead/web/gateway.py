"""The gateway over HTTP, for clients in any language: the addresses and bodies of OpenAI and Anthropic.

    POST /v1/chat/completions         OpenAI chat completions
    POST /v1/responses                OpenAI responses
    POST /v1/messages                 Anthropic messages
    POST /v1/messages/count_tokens    about how many tokens a request has
    GET  /v1/models                   what may be asked for

Raw ASGI: a framework's response costs three times the memory of an open stream. Of a request we take its body and our
own key; where a provider listens and which key it wants is never taken from it. A few headers say what a body can't:

    x-fairlead-cache: yes | no           x-fairlead-complexity: simple | medium | complex
    x-fairlead-metadata: team=blue,...   labels for budgets and the cost report
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

import orjson

from fairlead.access import UNBOUNDED, Keyring, Principal, Role, Scope, require
from fairlead.clock import Clock
from fairlead.errors import ComeBackLater, FairleadError, Forbidden, InvalidInput, ModelUnavailable, NotFound
from fairlead.gateway import Caller, Choices, Format, Gateway, ModelReply, ModelRequest, Sink, bounds
from fairlead.gateway.exchange import JSON, Exchange, Receive, Send
from fairlead.gateway.exchange import Scope as HttpScope
from fairlead.gateway.wire import WIRES
from fairlead.gateway.wire.wire import Wire
from fairlead.telemetry.emit import Emit
from fairlead.web.api.call import Visit, visit_of
from fairlead.web.api.problems import status_of

BODY_LIMIT = 32 * 1024 * 1024  # images
_EVENTS = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no"))
_COUNT = "/v1/messages/count_tokens"
_MODELS = "/v1/models"
_FORMATS = {f"/v1{wire.PATH}": form for form, wire in WIRES.items()}
_YES_OR_NO = {"yes": True, "no": False}


def is_gateway(path: str) -> bool:
    return path.startswith("/v1/")


class GatewayEndpoints:
    """`timeout`: how long one call may take, waits and tries included."""

    def __init__(self, gateway: Gateway, *, keys: Keyring, clock: Clock, emit: Emit, timeout: timedelta) -> None:
        self._gateway = gateway
        self._keys = keys
        self._clock = clock
        self._emit = emit
        self._timeout = timeout

    async def __call__(self, scope: HttpScope, receive: Receive, send: Send) -> None:
        exchange, path = Exchange(scope, receive, send), scope["path"]
        visit, wire = visit_of(scope), WIRES[_FORMATS.get(path, Format.MESSAGES if path == _COUNT else Format.CHAT)]
        answer = _Answer(exchange, wire)
        try:
            visit.endpoint = path if path in (*_FORMATS, _COUNT, _MODELS) else "/v1"
            visit.caller = await self._keys.identify(visit.headers)
            await self._route(exchange, scope["method"], path, visit, answer)
        except FairleadError as error:
            await answer.failed(error)

    async def _route(self, exchange: Exchange, method: str, path: str, visit: Visit, answer: _Answer) -> None:
        match method:
            case "GET" if path == _MODELS:
                await exchange.json(self._models())
            case "POST" if path in _FORMATS:
                require(visit.caller, Role.OPERATOR, Scope.MODELS)
                await self._ask(exchange, visit, answer)
            case "POST" if path == _COUNT:
                body = answer.wire.parse_request(await exchange.read())
                await exchange.json({"input_tokens": bounds.expected_input(body)})
            case _:
                raise NotFound(f"There is no {method} {path}.", hint="See the manual page of the gateway.")

    async def _ask(self, exchange: Exchange, visit: Visit, answer: _Answer) -> None:
        body = answer.wire.parse_request(await exchange.read())
        model, streamed = body.pop("model"), bool(body.pop("stream", False))
        if not visit.caller.may_ask(model):
            raise Forbidden(f"The key `{visit.caller.key}` may not ask {model}.", hint="Use another key or model.")
        request = ModelRequest(
            model, body, self._timeout, _caller(visit.caller, visit.headers, body), answer.wire.FORMAT,
            Sink(on_data=answer.events) if streamed else None, _choices(visit.headers),
        )  # fmt: skip

        async def work() -> None:
            reply = await self._gateway.complete(request)
            await (answer.end() if streamed else answer.whole(reply))

        await exchange.until_gone(work())

    def _models(self) -> dict[str, Any]:
        """In the shape that clients of both kinds read."""
        listed = [
            {"id": name, "object": "model", "type": "model", "display_name": name, "created": 0, "owned_by": "fairlead"}
            for name in self._gateway.models()
        ]
        ends = {"first_id": listed[0]["id"], "last_id": listed[-1]["id"]} if listed else {}
        return {"object": "list", "data": listed, "has_more": False, **ends}


class _Answer:
    """One answer in its format: whole, or as events that begin with the first piece of it."""

    def __init__(self, exchange: Exchange, wire: Wire) -> None:
        self.wire = wire
        self._exchange = exchange
        self._started = False

    async def whole(self, reply: ModelReply) -> None:
        await self._exchange.whole(200, orjson.dumps(reply.body), JSON, *_told(reply))

    async def events(self, events: Sequence[bytes]) -> None:
        if not self._started:
            self._started = True
            await self._exchange.start(200, *_EVENTS)
        event = self.wire.event
        await self._exchange.piece(b"".join([event(data) for data in events]))

    async def end(self) -> None:
        await self._exchange.end()

    async def failed(self, error: FairleadError) -> None:
        """With a status while there is still one to give; after it, as the event that nobody takes for an end."""
        if self._started:
            await self._exchange.end(self.wire.event(self.wire.broken_off(error)))
            return
        status = gateway_status(error)
        headers: list[tuple[bytes, bytes]] = [JSON]
        wait = error.retry_after if isinstance(error, ModelUnavailable | ComeBackLater) else None
        if wait is not None:
            headers.append((b"retry-after", b"%d" % max(1, math.ceil(wait.total_seconds()))))
        await self._exchange.whole(status, self.wire.problem(status, error), *headers)


_STATUSES = {
    "budget": 402,
    "calls_stopped": 403,
    "model_refused": 400,
    "model_denied": 502,
    "model_limited": 429,
    "model_timeout": 504,
    "model_unavailable": 503,
    "broken_answer": 502,
    "error_within": 502,
    "circuit_open": 503,
    "all_providers_unavailable": 503,
    "all_providers_failed": 502,
    "configuration": 404,
    "invalid_input": 400,
    "not_json": 400,
}
"""Where clients of model providers expect another status than the API's, or the API never says it."""


def gateway_status(error: FairleadError) -> int:
    return _STATUSES.get(error.code) or status_of(error)


def _told(reply: ModelReply) -> list[tuple[bytes, bytes]]:
    return [
        (b"x-fairlead-model", reply.model.encode("ascii", "replace")),
        (b"x-fairlead-cost-usd", b"%.9f" % (reply.cost_nano / 1e9)),
        (b"x-fairlead-cached", b"yes" if reply.cached else b"no"),
    ]


def _caller(principal: Principal, headers: Mapping[str, str], body: Mapping[str, Any]) -> Caller:
    """A key speaks for its owner. Who comes without an owner may name the end user, as both formats have it. What a key
    is labelled with can't be said otherwise by a header."""
    labels = {**_labels(headers.get("x-fairlead-metadata", "")), **principal.metadata}
    limits = principal.limits
    return Caller(
        principal.tenant, principal.user or _named(body), key=principal.key_id, metadata=labels,
        key_limited=principal.allowance != UNBOUNDED,
        key_rate=(limits.requests_per_minute, limits.tokens_per_minute),
    )  # fmt: skip


def _named(body: Mapping[str, Any]) -> str | None:
    metadata: Any = body.get("metadata")
    user = body.get("user") or (cast("dict[str, Any]", metadata).get("user_id") if isinstance(metadata, dict) else None)
    return user if isinstance(user, str) else None


def _labels(text: str) -> dict[str, str]:
    """ "team=blue, stage=test" """
    labels: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise InvalidInput(f"{pair[:50]!r} is no label.", hint="Write x-fairlead-metadata: name=value, name=value.")
        labels[name.strip()] = value.strip()
    return labels


def _choices(headers: Mapping[str, str]) -> Choices:
    cache = headers.get("x-fairlead-cache")
    if cache is not None and cache not in _YES_OR_NO:
        raise InvalidInput("x-fairlead-cache is neither yes nor no.")
    return Choices(cache=None if cache is None else _YES_OR_NO[cache], complexity=headers.get("x-fairlead-complexity"))
