"""The gateway over HTTP, for clients in any language: the addresses and bodies of OpenAI and Anthropic.

    POST /v1/chat/completions         OpenAI chat completions
    POST /v1/responses                OpenAI responses
    POST /v1/messages                 Anthropic messages
    POST /v1/embeddings               OpenAI embeddings
    POST /v1/messages/count_tokens    about how many tokens a request has
    GET  /v1/models[/NAME]            what may be asked for

Raw ASGI: a framework's response costs three times the memory of an open stream. Of a request we take its body and our
own key; where a provider listens and which key it wants is never taken from it. A few headers say what a body can't:

    x-fairlead-cache: yes | no           x-fairlead-complexity: simple | medium | complex
    x-fairlead-metadata: team=blue,...   labels: budgets and stops of `metadata:team=blue` go by them

The official clients try again by themselves what has a status of 408, 409, 429 or 500 and above, unless
x-should-retry says no. It does where we have tried already and each further try would cost as much again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, assert_never, cast
from urllib.parse import quote

import orjson

from fairlead.access import Keyring, Scope, require
from fairlead.clock import Clock
from fairlead.errors import (
    ComeBackLater,
    DatabaseUnavailable,
    FairleadError,
    Forbidden,
    InvalidInput,
    MethodNotAllowed,
    ModelUnavailable,
    NotFound,
)
from fairlead.gateway import Caller, Choices, Format, Gateway, ModelReply, ModelRequest, Sink, bounds
from fairlead.gateway.complexity import Complexity
from fairlead.gateway.exchange import JSON, Exchange, Receive, Send
from fairlead.gateway.exchange import Scope as HttpScope
from fairlead.gateway.status import STATUSES
from fairlead.gateway.wire import WIRES
from fairlead.gateway.wire.wire import Wire
from fairlead.telemetry.emit import Emit
from fairlead.web.api.call import Headers, Visit, visit_of
from fairlead.web.api.caller import Callers, caller_of
from fairlead.web.api.problems import REDACTOR, status_of
from fairlead.web.barred import UntilBarred
from fairlead.web.gateway_endpoints import ENDPOINTS, Does, Endpoint, endpoint_at
from fairlead.web.gateway_models import ModelList

_EVENTS = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no"))
_NO_CHOICES = Choices()
_METADATA, _CACHE, _COMPLEXITY = b"x-fairlead-metadata", b"x-fairlead-cache", b"x-fairlead-complexity"
_MODELS: Final = Scope.MODELS  # found through its class it takes ten times as long
_ASK: Final = Does.ASK
_YES_OR_NO = {"yes": True, "no": False}
_TRY_AGAIN = timedelta(seconds=1)  # when the database is away
_MOST_LABELS = 20
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}")


def is_gateway(path: str) -> bool:
    return path.startswith("/v1/")


class GatewayEndpoints:
    """`timeout`: how long one call may take, waits and tries included."""

    def __init__(self, gateway: Gateway, *, keys: Keyring, clock: Clock, emit: Emit, timeout: timedelta) -> None:
        self._gateway = gateway
        self._models = ModelList(gateway)
        self._keys = keys
        self._callers = Callers()
        self._clock = clock
        self._emit = emit
        self._timeout = timeout

    async def __call__(self, scope: HttpScope, receive: Receive, send: Send) -> None:
        exchange, path = Exchange(scope, receive, send), scope["path"]
        visit, endpoint = visit_of(scope), endpoint_at(path)
        answer = _Answer(exchange, WIRES[_format_of(endpoint, visit.headers)], visit.request_id)
        try:
            visit.endpoint = endpoint.counted_as if endpoint else "/v1"
            visit.caller = await self._keys.identify(visit.headers)
            if endpoint is None:
                there = ", ".join(one.path for one in ENDPOINTS)
                raise NotFound(f"There is no {path}.", hint=f"There are {there}.")
            if scope["method"] != endpoint.method:
                raise MethodNotAllowed([endpoint.method])
            require(visit.caller, endpoint.role, _MODELS)
            await self._do(endpoint, exchange, path, visit, answer)
        except FairleadError as error:
            await answer.failed(error)

    def _do(
        self, endpoint: Endpoint, exchange: Exchange, path: str, visit: Visit, answer: _Answer
    ) -> Awaitable[None]:  # fmt: skip
        does = endpoint.does
        if does is _ASK:
            return self._ask(exchange, visit, answer)
        match does:
            case Does.COUNT:
                return self._count(exchange, visit, answer.wire)
            case Does.LIST:
                return exchange.json(self._models.answer(path, visit.caller))
            case _:
                assert_never(does)

    async def _count(self, exchange: Exchange, visit: Visit, wire: Wire) -> None:
        body, model = self._asked(await exchange.read(), visit, wire)
        self._gateway.check(model)
        await exchange.json({"input_tokens": bounds.expected_input(body)})

    def _asked(self, data: bytes, visit: Visit, wire: Wire) -> tuple[dict[str, Any], str]:
        """The body without its model, and the model."""
        body = wire.parse_request(data)
        model = body.pop("model")
        if not visit.caller.may_ask(model):
            raise Forbidden(f"{visit.caller.name} may not ask {model}.", hint="Use another key or model.")
        return body, model

    async def _ask(self, exchange: Exchange, visit: Visit, answer: _Answer) -> None:
        body, model = self._asked(await exchange.read(), visit, answer.wire)
        streamed = body.pop("stream", None)
        if not isinstance(streamed, bool | None):
            raise InvalidInput("`stream` is neither true nor false.")
        request = ModelRequest(
            model, body, self._timeout, self._caller(visit, body), answer.wire.FORMAT,
            Sink(on_data=answer.events) if streamed else None, _choices(visit.headers),
        )  # fmt: skip

        if self._keys.may_bar(visit.caller):
            with UntilBarred(self._keys, visit.caller):
                await exchange.until_gone(self._answered(request, answer))
        else:
            await exchange.until_gone(self._answered(request, answer))

    async def _answered(self, request: ModelRequest, answer: _Answer) -> None:
        reply = await self._gateway.complete(request)
        await (answer.whole(reply) if request.sink is None else answer.end())

    def _caller(self, visit: Visit, body: Mapping[str, Any]) -> Caller:
        """Both formats have a name for the end user."""
        user = _named(body)
        if user is None and _METADATA not in visit.headers.raw:
            return self._callers.of(visit.caller)
        labels = _labels(visit.headers.get("x-fairlead-metadata", ""))
        return caller_of(visit.caller, user=user, labels=labels)


def _format_of(endpoint: Endpoint | None, headers: Mapping[str, str]) -> Format:
    """Whose words an answer is given in. An address that both have is asked by Anthropic's clients with a version."""
    if endpoint is not None and endpoint.format is not None:
        return endpoint.format
    return Format.MESSAGES if "anthropic-version" in headers else Format.CHAT


class _Answer:
    """One answer in its format: whole, or as events that begin with the first piece of it."""

    def __init__(self, exchange: Exchange, wire: Wire, request_id: str) -> None:
        self.wire = wire
        self._exchange = exchange
        self._request_id = request_id
        self._started = False

    def whole(self, reply: ModelReply) -> Awaitable[None]:
        return self._exchange.whole(200, orjson.dumps(reply.body), JSON, *_told(reply))

    async def events(self, events: Sequence[bytes]) -> None:
        if not self._started:
            self._started = True
            await self._exchange.start(200, *_EVENTS)
        event = self.wire.event
        await self._exchange.piece(b"".join([event(data) for data in events]))

    def end(self) -> Awaitable[None]:
        return self._exchange.end()

    async def failed(self, error: FairleadError) -> None:
        """With a status while there is still one to give; after it, as the event that nobody takes for an end."""
        status, headers = gateway_status(error), _further(error)
        if status == 500 or isinstance(error, DatabaseUnavailable):
            error = _for_outside(error, self._request_id)
        # It ends here. A provider quotes keys, and we quote what was sent.
        error.message, error.hint = REDACTOR.text(error.message), REDACTOR.text(error.hint)
        if self._started:
            await self._exchange.end(self.wire.event(self.wire.broken_off(error)))
            return
        await self._exchange.whole(status, self.wire.problem(status, error), JSON, *headers)


_TRIED_ENOUGH = frozenset({502, 504})


def gateway_status(error: FairleadError) -> int:
    return STATUSES.get(error.code) or status_of(error)


def _for_outside(error: FairleadError, request_id: str) -> FairleadError:
    """What nobody outside should read stays in the log."""
    if isinstance(error, DatabaseUnavailable):
        return DatabaseUnavailable("The database does not answer.", hint="Try again in a moment.")
    return FairleadError("Something failed on our side.", hint=f"The log has the rest under {request_id}.")


def _further(error: FairleadError) -> list[tuple[bytes, bytes]]:
    """Headers that say whether and when to try again."""
    wait = _TRY_AGAIN if isinstance(error, DatabaseUnavailable) else None
    if isinstance(error, ModelUnavailable | ComeBackLater):
        wait = error.retry_after
    headers: list[tuple[bytes, bytes]] = []
    if wait is not None:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(wait.total_seconds()))))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    if gateway_status(error) in _TRIED_ENOUGH:
        headers.append((b"x-should-retry", b"false"))
    return headers


def _told(reply: ModelReply) -> list[tuple[bytes, bytes]]:
    return [
        # A name comes from the caller, and must not begin a header of its own.
        (b"x-fairlead-model", _quoted(reply.model)),
        (b"x-fairlead-cost-usd", b"%.9f" % (reply.cost_nano / 1e9)),
        (b"x-fairlead-cached", b"yes" if reply.cached else b"no"),
    ]


@lru_cache(maxsize=1024)
def _quoted(model: str) -> bytes:
    return quote(model, safe="/:@+,;=()[]{}'!$&*~ ").encode()


def _named(body: Mapping[str, Any]) -> str | None:
    metadata: Any = body.get("metadata")
    user = body.get("user") or (cast("dict[str, Any]", metadata).get("user_id") if isinstance(metadata, dict) else None)
    return user if isinstance(user, str) and _TEXT.fullmatch(user) else None


def _labels(text: str) -> dict[str, str]:
    """ "team=blue, stage=test" """
    labels: dict[str, str] = {}
    if not text:
        return labels
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals or not _LABEL.fullmatch(name.strip()) or not _TEXT.fullmatch(value.strip()):
            raise InvalidInput(f"{pair[:50]!r} is no label.", hint="Write x-fairlead-metadata: name=value, name=value.")
        labels[name.strip()] = value.strip()
    if len(labels) > _MOST_LABELS:
        raise InvalidInput(f"x-fairlead-metadata has more than {_MOST_LABELS} labels.")
    return labels


def _choices(headers: Headers) -> Choices:
    raw = headers.raw
    if _CACHE not in raw and _COMPLEXITY not in raw:
        return _NO_CHOICES
    cache = headers.get("x-fairlead-cache")
    if cache is not None and cache not in _YES_OR_NO:
        raise InvalidInput("x-fairlead-cache is neither yes nor no.")
    complexity = headers.get("x-fairlead-complexity")
    if complexity is not None and complexity not in list(Complexity):
        raise InvalidInput(f"x-fairlead-complexity is none of {', '.join(Complexity)}.")
    return Choices(cache=None if cache is None else _YES_OR_NO[cache], complexity=complexity)
