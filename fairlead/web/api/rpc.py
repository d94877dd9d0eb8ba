"""JSON-RPC 2.0 over HTTP, as MCP and A2A speak it: one request in a body, one answer or a stream of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from fairlead.errors import FairleadError
from fairlead.web.api.call import told_of
from fairlead.web.api.problems import REDACTOR, status_of
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import WholeNumbers
from fairlead.web.api.shape import Shape

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL = -32700, -32600, -32601, -32602, -32603
Id = str | int | None
M = TypeVar("M", bound=BaseModel)


class RpcError(Exception):
    """What is told instead of a result."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class RpcBody(Shape):
    """One request. For the description of the API: bodies are read by `read_request`, which answers in JSON-RPC."""

    jsonrpc: Literal["2.0"]
    method: str
    id: str | int | None = None
    params: dict[str, Any] | None = None


class RpcAnswer(Shape):
    jsonrpc: Literal["2.0"]
    id: str | int | None
    result: Any = None
    error: dict[str, Any] | None = None


class Params(WholeNumbers):
    """What a method takes. Other fields are let pass: protocols add some from version to version."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True, strict=True)


@dataclass(frozen=True, slots=True)
class RpcRequest:
    method: str
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    id: Id = None
    notification: bool = False  # nobody waits for an answer

    def read(self, model: type[M]) -> M:
        """Raises `RpcError`."""
        try:
            return model.model_validate(dict(self.params))
        except ValidationError as error:
            raise RpcError(INVALID_PARAMS, told_of(error)) from None


def read_request(value: Any) -> RpcRequest:
    """Raises `RpcError` for what is no request."""
    if isinstance(value, list):
        raise RpcError(INVALID_REQUEST, "Batches are not taken. Send one request.")
    if not isinstance(value, dict):
        raise RpcError(INVALID_REQUEST, "A request is an object.")
    given = cast("dict[str, Any]", value)
    method, params, number = given.get("method"), given.get("params"), given.get("id")
    if given.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, 'A request has "jsonrpc": "2.0" and a method.')
    if isinstance(number, bool) or not isinstance(number, str | int | None):
        raise RpcError(INVALID_REQUEST, "An id is a string or an integer.")
    if not isinstance(params, dict | None):
        raise RpcError(INVALID_REQUEST, "`params` must be an object.")
    return RpcRequest(method, cast("dict[str, Any]", params or {}), number, "id" not in given)


def id_of(value: Any) -> Id:
    """Of whatever was sent, as far as there is one."""
    number: Any = cast("dict[str, Any]", value).get("id") if isinstance(value, dict) else None
    return number if isinstance(number, str | int) and not isinstance(number, bool) else None


def result(number: Id, value: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "result": value}


def failure(number: Id, error: RpcError) -> dict[str, Any]:
    # A message may quote what the caller sent, and that may be no text.
    message = REDACTOR.text(error.message).encode("utf-8", "replace").decode()
    said: dict[str, Any] = {"code": error.code, "message": message}
    return {"jsonrpc": "2.0", "id": number, "error": said if error.data is None else {**said, "data": error.data}}


def refusal(number: Id, error: RpcError) -> Reply:
    """What is no request of JSON-RPC is none of HTTP either: MCP wants it said by the status. All else is an answer."""
    return json_reply(failure(number, error), status=400 if error.code in (PARSE_ERROR, INVALID_REQUEST) else 200)


def rpc_error(error: FairleadError) -> RpcError:
    """One of ours, in the codes that every protocol over JSON-RPC has."""
    status = status_of(error)
    if status == 500:
        return RpcError(INTERNAL, "Something failed on our side.")
    code = INVALID_PARAMS if status in (404, 409, 422) else INTERNAL if status == 503 else INVALID_REQUEST
    return RpcError(code, str(error))
