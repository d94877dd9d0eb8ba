"""What every page and stream needs: the door, the clock, who reads, and a template filled for him."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from fairlead.access import LOCAL_ADMIN, Principal, Role, may_for_all
from fairlead.clock import Clock
from fairlead.errors import FairleadError
from fairlead.runs.run import Status
from fairlead.web.console import look, policy
from fairlead.web.console.assets import SMALL, Assets
from fairlead.web.console.broadcast import Broadcasts
from fairlead.web.console.door import Door, Wanted
from fairlead.web.console.glances import Glances
from fairlead.web.console.reading import or_none
from fairlead.web.console.section import FAILED, failure, of_house
from fairlead.web.console.settings import ConsoleSettings
from fairlead.web.console.streamed import Streamed, in_turns, packed

MakeToken = Callable[[], str]
DoorOf = Callable[[Principal], Door]
T = TypeVar("T")
KEEPS_CASES = "/console/runs/{run_id}/case"
_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Mark:
    """A number beside a place of the side bar. `due`: somebody must act."""

    count: int
    due: bool = False


class Desk:
    def __init__(self, door_of: DoorOf, *, clock: Clock, settings: ConsoleSettings, make_token: MakeToken) -> None:
        self._door_of = door_of
        self.clock = clock
        self.settings = settings
        self.make_token = make_token
        self.broadcasts = Broadcasts(clock)
        self.glances = Glances(clock)
        self._shared: dict[Callable[[Clock], Any], Any] = {}
        self.assets = Assets("/console/static")
        self.templates = look.Pages(
            self.assets, environment_name=settings.environment, trace_url=settings.trace_url, locales=settings.locales
        )

    def door(self, request: Request) -> Door:
        """The door as it opens to whoever asks: their tenant's runs, and moves in their name."""
        return self._door_of(caller_of(request))

    def shared(self, make: Callable[[Clock], T]) -> T:
        """What some pages share, made for the first of them: a page that has none of it need not load it."""
        if make not in self._shared:
            self._shared[make] = make(self.clock)
        return self._shared[make]

    def serve(self, paths: Collection[str]) -> None:
        """What there are pages for: nothing else is led to."""
        self.templates.served = frozenset(paths)

    def _keeps_cases(self, caller: Principal) -> bool:
        return KEEPS_CASES in self.templates.served and caller.role.covers(Role.OPERATOR) and of_house(caller)

    async def count(self, request: Request) -> None:
        """What is under way and what waits for a person, for the side bar of the page that is about to be drawn."""
        door, tenant = self.door(request), caller_of(request).tenant
        request.state.marks = await self.glances.at(("marks", tenant), partial(self._count, door))

    async def _count(self, door: Door) -> dict[str, Mark]:
        counts, waiting, deploys = await asyncio.gather(
            or_none(door.counts(Wanted())), or_none(door.approvals()), or_none(door.deploys())
        )
        running = counts.by_status.get(Status.RUNNING, 0) if counts is not None else 0
        under_way = sum(one.outcome is None for one in deploys or ())
        marks = {"runs": Mark(running), "approvals": Mark(len(waiting or ()), due=True), "deploys": Mark(under_way)}
        return {name: mark for name, mark in marks.items() if mark.count}

    def reader(self, request: Request) -> look.Reader:
        accept = request.headers.get("accept-language", "")
        visit = getattr(request.state, "visit", None)
        return look.reader(
            request.cookies, accept, now=self.clock.now(), name=_shown(caller_of(request)),
            csrf=policy.masked(self._token(request)),
            signed_in=visit is not None and visit.signed_in, role=caller_of(request).role,
            locales=self.settings.locales,
            keeps_cases=self._keeps_cases(caller_of(request)), house=of_house(caller_of(request)),
            for_all=may_for_all(caller_of(request)),
        )  # fmt: skip

    def _token(self, request: Request) -> str:
        """Of the browser: its own, or the one it is given with this page."""
        token = request.cookies.get(policy.CSRF_COOKIE) or getattr(request.state, "csrf", "")
        if not token:
            token = request.state.csrf = self.make_token()
        return token

    def sight(self, request: Request) -> Hashable:
        """All that makes one address look different to two readers, but for what is theirs alone."""
        caller, reader = caller_of(request), self.reader(request)
        return (
            caller.tenant, caller.role, caller.scopes, caller.installation, may_for_all(caller),
            reader.language, reader.fmt.zone_name, reader.keeps_cases,
        )  # fmt: skip

    def page(self, request: Request, template: str, *, status: int = 200, **values: object) -> Response:
        html = self.templates.fill(template, self.reader(request), **self._of_page(request, values))
        headers, body = dict(policy.HEADERS), html.encode()
        if len(body) > SMALL and policy.may_pack(request.headers):
            headers["Content-Encoding"], body = "gzip", packed(body)
        return self._known(request, Response(body, status, headers, _HTML))

    def page_as_read(
        self, request: Request, template: str, read: Callable[[], Awaitable[Mapping[str, object]]], **values: object
    ) -> Response:
        """A page that takes long to read: what is around it is sent at once, and seen meanwhile. `values` are for that;
        the others are what was `read`. What then fails is told in the place of the page, and no more by its status."""
        pieces = self._as_read(request, template, read, values)
        return self._known(request, Streamed(pieces, policy.HEADERS, pack=policy.may_pack(request.headers)))

    async def _as_read(
        self, request: Request, template: str, read: Callable[[], Awaitable[Mapping[str, object]]],
        values: Mapping[str, object],
    ) -> AsyncIterator[str]:  # fmt: skip
        frame, rest = self.templates.begin(template, self.reader(request), **self._of_page(request, values))
        yield frame
        unforeseen: Exception | None = None
        try:
            pieces = rest(template, **await read())
        except FairleadError as error:
            pieces = rest(FAILED, **failure(error, self.clock.now()))
        except Exception as error:  # noqa: BLE001 whatever fails, the reader is told, and then the log
            unforeseen = error
            pieces = rest(FAILED, **failure(FairleadError("Something failed on our side."), self.clock.now()))
        async for part in in_turns(pieces, self.clock):
            yield part
        if unforeseen is not None:
            raise unforeseen

    def _of_page(self, request: Request, values: Mapping[str, object]) -> dict[str, object]:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return {"here": "", "path": path, "marks": getattr(request.state, "marks", {}), **values}

    def _known(self, request: Request, response: Response) -> Response:
        """The browser is given a token, if it has none."""
        if policy.CSRF_COOKIE not in request.cookies:
            secure = self.settings.secure_cookies or request.url.scheme == "https"
            response.set_cookie(
                policy.CSRF_COOKIE, self._token(request), samesite="strict", httponly=True, secure=secure
            )
        return response


def caller_of(request: Request) -> Principal:
    """Whom the front let in."""
    visit = getattr(request.state, "visit", None)
    return LOCAL_ADMIN if visit is None else visit.caller


def _shown(caller: Principal) -> str:
    return caller.user or caller.name
