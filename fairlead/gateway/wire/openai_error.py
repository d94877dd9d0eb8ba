"""An error as OpenAI words it."""

from __future__ import annotations

from fairlead.errors import FairleadError
from fairlead.gateway.wire.wire import Json

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def body(status: int, error: FairleadError) -> Json:
    kind = _TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": str(error), "type": kind, "param": None, "code": error.code}}
