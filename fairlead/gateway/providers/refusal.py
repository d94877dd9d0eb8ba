"""Our error for a provider's answer that is none: by its status, and by its own word for what is wrong."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

import orjson

from fairlead.errors import ModelDenied, ModelError, ModelLimited, ModelRefused, ModelUnavailable
from fairlead.gateway.rate_headers import retry_after
from fairlead.gateway.transport import Answer

_MAY_SUCCEED_LATER = frozenset({408, 409, 425})
_DENIED = frozenset({401, 402, 403, 404})
_OUT_OF_MONEY = frozenset({"insufficient_quota", "billing_error", "billing_hard_limit_reached"})


def refusal(provider: str, answer: Answer, *, secret: str, now: datetime) -> ModelError:
    """`secret` is taken out of whatever the provider says: some repeat the key they were given."""
    message, code = _words(answer.body)
    if secret:
        message = message.replace(secret, "***")
    said = f"{provider} answered {answer.status}: {message}"
    wait = retry_after(answer.headers, now=now)
    return _by_status(answer.status, code, said, wait)


def _by_status(status: int, code: str, said: str, wait: timedelta | None) -> ModelError:
    if code in _OUT_OF_MONEY:
        return ModelDenied(said, hint="Look at the account's credit and limits with the provider.")
    if status == 429:
        return ModelLimited(said, retry_after=wait, hint="The provider is up and limits us.")
    if status >= 500 or status in _MAY_SUCCEED_LATER:
        return ModelUnavailable(said, retry_after=wait)
    if status in _DENIED:
        return ModelDenied(said, hint="Check the provider's key, and that it has this model.")
    if status == 413:
        return ModelRefused(said, hint="Shorten the conversation, or send smaller images.")
    if status < 400:
        return ModelDenied(said, hint="This is no endpoint of that kind: check base_url.")
    return ModelRefused(said)


def _words(body: bytes) -> tuple[str, str]:
    """What the provider says about its refusal, and its code for it: all formats put both into `error`."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[:300].decode("utf-8", "replace"), ""
    error: Any = cast("dict[str, Any]", said).get("error", said) if isinstance(said, dict) else said
    if not isinstance(error, dict):
        return str(error)[:300], ""
    error = cast("dict[str, Any]", error)
    return str(error.get("message") or error)[:500], str(error.get("code") or error.get("type") or "")
