"""Tokens: what a key, or a user, may do for an hour, to be handed to a browser or another service."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from fairlead.access import Principal, Role, Scope, Status, ensure_may_give, require
from fairlead.errors import Conflict, Forbidden
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.keys import Name, Text, tenant_of
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import Body
from fairlead.web.api.shape import Shape

_LONGEST_S = 24 * 3600


class TokenRequest(Body):
    scopes: Annotated[list[Literal["runs:read", "runs:write", "models", "admin", "*"]], Field(min_length=1)] | None = (
        Field(None, description="What it is for. Default: all that the caller is for.")
    )
    expires_after_seconds: Annotated[float, Field(ge=1, le=_LONGEST_S)] | None = Field(
        None, description="Default, and most: JWT_MAX_AGE, 3600 seconds."
    )
    user: Text | None = Field(None, description="For this user rather than the caller; needs an administrator.")
    tenant: Name | None = Field(None, description="Of that user. Default: the caller's own.")


class TokenMade(Shape):
    access_token: str = Field(description="To be sent as Authorization: Bearer.")
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds.")


class Auth:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    def operations(self) -> list[Operation]:
        return [
            Operation("POST", "/auth/token", self.issue, "Get a token that opens for an hour", whatever_scope=True,
                      body=TokenRequest, body_optional=True, gives=TokenMade, tag="keys", problems=(404, 409)),
        ]  # fmt: skip

    async def issue(self, call: Call) -> Reply:
        """It opens what the caller may, or less; it ends with the key or the user it stands for."""
        body, caller = await call.body(TokenRequest, optional=True), call.visit.caller
        tokens = self._doors.tokens
        if tokens is None:
            raise Conflict("There is no secret to sign tokens with.", hint="Set JWT_SECRET.")
        if caller.until is not None:
            raise Forbidden("A token gets no further token.", hint="Ask with the key.")
        bearer = caller if body.user is None else await self._user(call, body.user, body.tenant)
        scopes = bearer.scopes if body.scopes is None else frozenset(Scope(one) for one in body.scopes)
        ensure_may_give(caller, scopes)
        ensure_may_give(bearer, scopes)
        lives = None if body.expires_after_seconds is None else timedelta(seconds=body.expires_after_seconds)
        issued = tokens.issue(bearer, scopes=scopes, lives=lives)
        if body.user is not None:
            await self._doors.books.audit.record("token.issue", tenant=bearer.tenant, by=call.by, subject=body.user)
        made = {"access_token": issued.token, "token_type": "Bearer", "expires_in": round(issued.lives.total_seconds())}
        return json_reply(made)

    async def _user(self, call: Call, name: str, tenant: str | None) -> Principal:
        """Raises `Forbidden`, `NotFound`, `Conflict`."""
        caller = call.visit.caller
        require(caller, Role.ADMIN)
        user = await self._doors.books.users.get(name, tenant=tenant_of(call, tenant))
        if user.status is not Status.ACTIVE:
            raise Conflict(f"The user {name} is {user.status.value}.", hint="Enable them first.")
        return replace(user.principal, scopes=caller.scopes)
