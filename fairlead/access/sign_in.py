"""How people sign in to the console with an OpenID Connect provider.

    begin ──► the provider's page ──► finish: state, code, token ──► a person ──► a user ──► a session
                                                                                     │
    a user of this subject; else one whom an administrator made with this verified address; else a new one, where
    a role is known for them. A name that is somebody else's is never taken over.

Where a claim says roles, the provider has the last word: another role than last time is set, which ends what the user
holds from before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from fairlead.access import attempt
from fairlead.access.books import Books
from fairlead.access.person import Person, person_of
from fairlead.access.roles import Role
from fairlead.access.sessions import Session
from fairlead.access.user import NewUser, Status, User
from fairlead.clock import Clock
from fairlead.config import SignInSettings
from fairlead.errors import Conflict, Forbidden, Unauthorised
from fairlead.telemetry.emit import Emit

if TYPE_CHECKING:
    from fairlead.access.provider import Provider  # with Authlib, which only those have who need it

_BY = "sign-in"
_ERROR = re.compile(r"[a-z_]{1,50}")
_NOT_LET_IN = "Ask an administrator to make a user for you."


@dataclass(frozen=True, slots=True)
class Begun:
    """`secret` is the browser's to keep until it comes back; it goes to `address` now."""

    secret: str
    address: str


@dataclass(frozen=True, slots=True)
class Finished:
    """`session` is what the cookie holds."""

    session: str
    back: str


class SignIn:
    def __init__(
        self, settings: SignInSettings, *, provider: Provider, books: Books, clock: Clock, emit: Emit
    ) -> None:  # fmt: skip
        self._settings = settings
        self._provider = provider
        self._books = books
        self._clock = clock
        self._emit = emit

    @property
    def provider_name(self) -> str:
        return self._settings.provider_name

    @property
    def redirect_url(self) -> str | None:
        return self._settings.redirect_url

    @property
    def lives(self) -> timedelta:
        """A session, at most."""
        return self._books.sessions.lives

    async def begin(self, secret: str, back: str, *, redirect_url: str) -> Begun:
        """`secret`: what the browser holds from another tab; empty: nothing. Raises `IssuerUnavailable`."""
        one = attempt.begin(secret or attempt.new_secret(), back, now=self._clock.micros())
        return Begun(one.secret, await self._provider.address(one, redirect_url=redirect_url))

    async def finish(self, secret: str, query: Mapping[str, str], *, redirect_url: str) -> Finished:
        """Raises `Unauthorised`, `Forbidden`, `IssuerUnavailable`."""
        try:
            code = self._code_of(query)
            one = attempt.of_state(secret, query.get("state", ""), now=self._clock.micros())
            claims = await self._provider.claims(code, one, redirect_url=redirect_url)
            user = await self._user_of(person_of(claims, self._settings))
        except Unauthorised as error:
            self._emit("sign_in_refused", reason=error.message)
            raise
        return Finished(await self._books.sessions.open(user, user.role), one.back)

    async def find(self, session: str) -> Session | None:
        return await self._books.sessions.find(session)

    async def end(self, session: str) -> None:
        await self._books.sessions.close(session)

    def _code_of(self, query: Mapping[str, str]) -> str:
        """RFC 6749, 4.1.2; RFC 9207 (`iss`)."""
        if error := query.get("error"):
            why = f": {error}" if _ERROR.fullmatch(error) else ""  # not the words of whoever made the link
            raise Unauthorised(f"The provider did not sign you in{why}.", hint="Sign in again.")
        if query.get("iss", self._provider.issuer) != self._provider.issuer:
            raise Unauthorised("This answer is another provider's.", hint="Sign in again.")
        if not (code := query.get("code")):
            raise Unauthorised("The provider sent you back without a code.", hint="Sign in again.")
        return code

    async def _user_of(self, person: Person) -> User:
        users = self._books.users
        user = await users.of_subject(person.subject) or await self._expected(person) or await self._new(person)
        if user.status is not Status.ACTIVE:
            raise Forbidden(f"The user {user.name} is {user.status.value}.", hint="Ask an administrator.")
        if person.tenant not in (None, user.tenant):
            raise Forbidden(f"{user.name} is a user of another tenant.", hint="Ask an administrator.")
        if self._settings.role_claim is not None:
            user = await users.set_role(user.name, self._role_of(person), tenant=user.tenant, by=_BY)
        return await users.bind(user, subject=person.subject, email=person.email)

    async def _expected(self, person: Person) -> User | None:
        """Whom an administrator made with the address that they now show."""
        if person.email is None:
            return None
        found = await self._books.users.of_email(person.email)
        fit = [user for user in found if person.tenant in (None, user.tenant)]
        return fit[0] if len(fit) == 1 else None

    async def _new(self, person: Person) -> User:
        role = self._role_of(person)
        new = NewUser(person.name, person.tenant or "default", role, person.email, person.subject)
        try:
            return await self._books.users.create(new, by=_BY)
        except Conflict as error:
            # Their other tab was faster; or the name is somebody else's.
            if (user := await self._books.users.of_subject(person.subject)) is not None:
                return user
            raise Forbidden(
                f"There is a user {person.name} already, who is not known to be you.",
                hint="An administrator can give that user your email address, or delete them.",
            ) from error

    def _role_of(self, person: Person) -> Role:
        role = person.role or self._settings.default_role
        if role is None:
            raise Forbidden(f"{person.name} has no role here.", hint=_NOT_LET_IN)
        return Role(role.value)
