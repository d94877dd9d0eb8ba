"""What a section of the console is: some pages and writes about one thing; and what its handlers share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fairlead.access import HOUSE, Principal
from fairlead.errors import (
    Conflict,
    DatabaseUnavailable,
    FairleadError,
    Forbidden,
    InvalidInput,
    NotFound,
    QueueFull,
    RateLimitError,
    TooLarge,
    Unauthorised,
    UnknownAgent,
)
from fairlead.web.console import policy
from fairlead.web.console.language import N_

# The head of a page for an error that the reader's language has no words for.
WHAT_FAILED = {
    403: N_("You may not do this"), 404: N_("There is nothing here"), 409: N_("This can't be done now"),
    413: N_("This is too large"), 422: N_("This could not be taken"), 429: N_("That was too much at once"),
    503: N_("The database does not answer"),
}  # fmt: skip
SOMETHING_FAILED = N_("Something went wrong")
FAILED = "pages/error.html"

Handler = Callable[[Request], Awaitable[Response]]
Routes = list[tuple[str, Handler]]


class Section(Protocol):
    """Handlers by path. Whoever reads is at least a viewer, whoever writes an operator: a handler that is for others
    says so itself, by `require`."""

    def pages(self) -> Routes: ...

    def writes(self) -> Routes: ...


def is_fragment(request: Request) -> bool:
    """Whether a part of the page is asked for."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


async def own_form(request: Request) -> dict[str, str]:
    """The fields of a form of ours. Raises `Unauthorised` when another site sent it."""
    form = await policy.form_of(request)
    policy.check_own(request.headers, request.cookies, form)
    return form


def of_house(caller: Principal) -> bool:
    """Whether what is of the installation, such as evaluations, is theirs to see."""
    return caller.installation or caller.tenant == HOUSE


def ensure_house(caller: Principal) -> None:
    """Raises `Forbidden`."""
    if not of_house(caller):
        raise Forbidden(
            f"This is for the tenant {HOUSE}, which runs the installation.", hint="Use a key of that tenant."
        )


def see(path: str) -> Response:
    """After a write: the page to look at."""
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


def failure(error: FairleadError, now: datetime) -> dict[str, object]:
    """What the page `FAILED` shows."""
    return {"error": error, "what": WHAT_FAILED.get(status_of(error), SOMETHING_FAILED), "at": now}


def status_of(error: FairleadError) -> int:
    """What a page that shows this error is answered with."""
    match error:
        case NotFound() | UnknownAgent():
            return 404
        case Conflict():
            return 409
        case Unauthorised():
            return 403
        case TooLarge():
            return 413
        case InvalidInput():
            return 422
        case RateLimitError() | QueueFull():
            return 429
        case DatabaseUnavailable():
            return 503
        case _:
            return 500
