"""The pages of those who are not yet let in: the way to the provider, and back.

GET  /console/sign-in           a page with a button       GET  /console/sign-in/start      to the provider
GET  /console/sign-in/callback  back from it, with a code  POST /console/sign-out
GET  /console/key               the browser asks for a key: the way in when the provider is away
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fairlead.access import SignIn
from fairlead.access.attempt import LIVES, page_in, page_of
from fairlead.errors import FairleadError, Forbidden, Unauthorised
from fairlead.web import cookies
from fairlead.web.console import policy
from fairlead.web.console.addresses import CALLBACK, KEY, SIGN_IN, START
from fairlead.web.console.desk import Desk
from fairlead.web.cookies import Cookie


class SignInPages:
    def __init__(self, desk: Desk, sign_in: SignIn) -> None:
        self._desk = desk
        self._sign_in = sign_in

    async def page(self, request: Request) -> Response:
        return self._page(request, page_of(request.query_params.get("back", "")))

    async def start(self, request: Request) -> Response:
        secure, back = self._secure(request), request.query_params.get("back", "")
        held = cookies.read(request.headers.get("cookie", ""), Cookie.ATTEMPT, secure=secure)
        try:
            begun = await self._sign_in.begin(held, back, redirect_url=self._redirect_url(request))
        except FairleadError as error:
            return self._page(request, page_of(back), error)
        response = _see(begun.address)
        cookies.put(response, Cookie.ATTEMPT, begun.secret, lives=timedelta(seconds=LIVES), secure=secure)
        return response

    async def callback(self, request: Request) -> Response:
        """Whoever was signed in here before is not any more."""
        secure, header = self._secure(request), request.headers.get("cookie", "")
        held = cookies.read(header, Cookie.ATTEMPT, secure=secure)
        try:
            done = await self._sign_in.finish(held, request.query_params, redirect_url=self._redirect_url(request))
        except FairleadError as error:
            return self._page(request, page_in(request.query_params.get("state", "")), error)
        if before := cookies.read(header, Cookie.SESSION, secure=secure):
            await self._sign_in.end(before)
        response = _see(done.back)
        cookies.put(response, Cookie.SESSION, done.session, lives=self._sign_in.lives, secure=secure)
        return response

    async def sign_out(self, request: Request) -> Response:
        policy.check_own(request.headers, request.cookies, await policy.form_of(request))
        secure = self._secure(request)
        if session := cookies.read(request.headers.get("cookie", ""), Cookie.SESSION, secure=secure):
            await self._sign_in.end(session)
        response = _see(SIGN_IN)
        cookies.drop(response, Cookie.SESSION, secure=secure)
        return response

    async def key(self, request: Request) -> Response:
        """The front has asked the browser for a key, and taken it."""
        return _see(page_of(request.query_params.get("back", "")))

    def _page(self, request: Request, back: str, error: FairleadError | None = None) -> Response:
        query = urlencode({"back": back})
        return self._desk.page(
            request, "pages/sign_in.html", status=_status(error), error=error, provider=self._sign_in.provider_name,
            start=f"{START}?{query}", key=f"{KEY}?{query}",
        )  # fmt: skip

    def _secure(self, request: Request) -> bool:
        return cookies.is_secure(request.url.scheme, self._sign_in.redirect_url)

    def _redirect_url(self, request: Request) -> str:
        return self._sign_in.redirect_url or f"{request.url.scheme}://{request.headers.get('host', '')}{CALLBACK}"


def _see(address: str) -> Response:
    return RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store"})


def _status(error: FairleadError | None) -> int:
    match error:
        case None:
            return 200
        case Forbidden():
            return 403
        case Unauthorised():
            return 401
        case _:
            return 503
