"""Users: made, given a role, disabled, deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from fairlead.access import NewUser, Role, Scope, User
from fairlead.access.user import EMAIL
from fairlead.errors import InvalidInput
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.keys import Name, OfTenant, Text, tenant_of
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import Body, wants_one_of
from fairlead.web.api.shape import Shape

RoleName = Literal["viewer", "operator", "admin"]

_EMAIL = EMAIL.replace(r"\ud800-\udfff", "")  # JSON has none, and not every reader of a pattern knows them
Email = Annotated[str, Field(min_length=3, max_length=254, json_schema_extra={"pattern": f"^{_EMAIL}$"})]


class UserCreate(Body):
    name: Text = Field(description="What keys call their owner, and tokens and sign-ins their user.")
    tenant: Name | None = Field(None, description="Default: the caller's own.")
    role: RoleName = "viewer"
    email: Email | None = None


class UserChange(Body):
    """One of the two at least."""

    model_config = wants_one_of("role", "disabled")

    role: RoleName | None = None
    disabled: bool | None = Field(None, description="True: nothing of theirs opens; false: it does again.")


class UserQuery(OfTenant):
    before: str | None = Field(None, description="Older than the user of this id: the next page.")
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class UserView(Shape):
    id: str
    name: str
    tenant: str
    email: str | None
    role: RoleName
    status: Literal["active", "disabled"]
    signs_in: bool = Field(description="Whether they have signed in with the OpenID Connect provider.")
    created_at: datetime
    created_by: str
    last_seen_at: datetime | None


class Users:
    def __init__(self, doors: Doors) -> None:
        self._books = doors.books

    def operations(self) -> list[Operation]:
        admin: dict[str, Any] = {"role": Role.ADMIN, "scope": Scope.ADMIN, "tag": "users"}
        one: dict[str, Any] = {"query": OfTenant, "problems": (404,), **admin}
        return [
            Operation("POST", "/users", self.create, "Make a user", body=UserCreate, gives=UserView, status=201,
                      problems=(409,), **admin),
            Operation("GET", "/users", self.list, "Users, newest first", query=UserQuery, gives=list[UserView],
                      **admin),
            Operation("GET", "/users/{name}", self.show, "One user", gives=UserView, **one),
            Operation("PATCH", "/users/{name}", self.change, "Give a role, disable, enable", body=UserChange,
                      gives=UserView, **one),
            Operation("DELETE", "/users/{name}", self.delete, "Delete a user, and revoke their keys", status=204,
                      **one),
        ]  # fmt: skip

    async def create(self, call: Call) -> Reply:
        body = await call.body(UserCreate)
        new = NewUser(body.name, tenant_of(call, body.tenant), Role(body.role), body.email)
        return json_reply(_view(await self._books.users.create(new, by=call.by)), status=201)

    async def list(self, call: Call) -> Reply:
        query = call.query(UserQuery)
        found = await self._books.users.list(
            tenant=tenant_of(call, query.tenant), before=query.before, limit=query.limit
        )
        return json_reply([_view(user) for user in found])

    async def show(self, call: Call) -> Reply:
        tenant = tenant_of(call, call.query(OfTenant).tenant)
        return json_reply(_view(await self._books.users.get(call.path["name"], tenant=tenant)))

    async def change(self, call: Call) -> Reply:
        """A new role, or being disabled, ends the user's sessions and tokens at once."""
        tenant, body = tenant_of(call, call.query(OfTenant).tenant), await call.body(UserChange)
        name, users, of = call.path["name"], self._books.users, {"tenant": tenant, "by": call.by}
        if body.role is None and body.disabled is None:
            raise InvalidInput("Nothing is to be changed.", hint="Send `role` or `disabled`.")
        user = await users.get(name, tenant=tenant)
        if body.role is not None:
            user = await users.set_role(name, Role(body.role), **of)
        if body.disabled is not None:
            user = await (users.disable if body.disabled else users.enable)(name, **of)
        return json_reply(_view(user))

    async def delete(self, call: Call) -> Reply:
        """Their runs and messages stay: see `POST /data/erasures`."""
        tenant, name = tenant_of(call, call.query(OfTenant).tenant), call.path["name"]
        await self._books.users.get(name, tenant=tenant)
        await self._books.keys.revoke_owned(name, tenant=tenant, by=call.by)
        await self._books.users.delete(name, tenant=tenant, by=call.by)
        return json_reply(None, status=204)


def _view(user: User) -> dict[str, Any]:
    return {
        "id": user.id, "name": user.name, "tenant": user.tenant, "email": user.email, "role": user.role.value,
        "status": user.status.value, "signs_in": user.subject is not None, "created_at": user.created_at,
        "created_by": user.created_by, "last_seen_at": user.last_seen_at,
    }  # fmt: skip
