"""What goes wrong, as HTTP says it (RFC 9457): codes become statuses here and nowhere else in the web."""

from __future__ import annotations

import math
from typing import Any

import orjson

from fairlead.errors import ComeBackLater, DatabaseUnavailable, FairleadError, MethodNotAllowed
from fairlead.telemetry.redact import Redactor
from fairlead.web.api.reply import JsonReply

_MEDIA_TYPE = b"application/problem+json"
_TRY_AGAIN = 1  # seconds, when the database is away
REDACTOR = Redactor()
"""Knows what everybody's secrets look like, and none of ours."""

STATUSES = {
    "invalid_input": 422,
    "not_json": 422,
    "unknown_agent": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "too_large": 413,
    "wrong_media_type": 415,
    "egress_refused": 422,
    "egress_error": 502,
    "egress_timeout": 504,
    "egress_unreachable": 502,
    "egress_broken": 502,
    "unauthorised": 401,
    "forbidden": 403,
    "queue_full": 429,
    "rate_limited": 429,
    "calls_stopped": 503,
    "database_unavailable": 503,
    "database_in_use": 503,
    "schema_too_new": 503,
    "issuer_unavailable": 503,
}
TITLES = {
    400: "No request",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Wrong media type",
    422: "Cannot be taken as it is",
    429: "Too much at once",
    500: "Our fault",
    502: "An address we called failed",
    503: "Not available now",
    504: "An address we called was too slow",
}


def status_of(error: FairleadError) -> int:
    """500 for what no caller can mend."""
    return STATUSES.get(error.code, 500)


def problem_reply(
    error: FairleadError, *, request_id: str = "", challenge: bytes = b'Bearer realm="fairlead"',
    headers: tuple[tuple[bytes, bytes], ...] = (), redactor: Redactor = REDACTOR,
) -> JsonReply:  # fmt: skip
    """The answer to a request that failed with one of our errors. Callers log what we answer: what they sent by
    mistake is not told back."""
    status = status_of(error)
    if status == 500:
        return internal_reply(request_id)
    if isinstance(error, ComeBackLater):
        headers += ((b"retry-after", str(max(1, math.ceil(error.retry_after.total_seconds()))).encode()),)
    elif isinstance(error, DatabaseUnavailable):
        headers += ((b"retry-after", str(_TRY_AGAIN).encode()),)
    elif isinstance(error, MethodNotAllowed):
        headers += ((b"allow", ", ".join(error.allowed).encode()),)  # RFC 9110 wants it
    elif status == 401:
        headers += ((b"www-authenticate", challenge),)
    message = "The database does not answer." if isinstance(error, DatabaseUnavailable) else error.message
    hint = "Try again in a moment." if isinstance(error, DatabaseUnavailable) else error.hint
    return _reply(status, error.code, redactor.text(message), redactor.text(hint), request_id, headers)


def internal_reply(request_id: str) -> JsonReply:
    """The answer to a request that failed for a reason nobody outside should read."""
    hint = "The log has the rest under this request id."
    return _reply(500, "internal", "Something failed on our side.", hint, request_id)


def _reply(
    status: int, code: str, detail: str, hint: str, request_id: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> JsonReply:
    body: dict[str, Any] = {
        "type": f"urn:fairlead:error:{code}",
        "title": TITLES[status],
        "status": status,
        "detail": detail,
        "code": code,
        "hint": hint,
    }
    if request_id:
        body["request_id"] = request_id
    # A message may quote what the caller sent, and that may be no text.
    safe = {k: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for k, v in body.items()}
    return JsonReply(orjson.dumps(safe), status=status, headers=headers, media_type=_MEDIA_TYPE)
