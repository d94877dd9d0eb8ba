"""API keys: made, shown, rotated, revoked. A key's secret is in the answer that makes it, and in no other."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from fairlead.access import Allowance, Issued, Key, Limits, NewKey, Role, Scope, ensure_may_give, tenant_for
from fairlead.access.key import MODEL, MOST, MOST_LABELS, MOST_MODELS, NAME
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import Body
from fairlead.web.api.shape import Shape
from fairlead.web.api.views import NANO
from fairlead.web.asking import nano_of

_DEAREST_USD = 1_000_000
_LONGEST_S = 10 * 366 * 24 * 3600
_LONGEST_OVERLAP_S = 90 * 24 * 3600
Usd = Annotated[float, Field(gt=0, le=_DEAREST_USD)]
Count = Annotated[int, Field(ge=1, le=MOST)]
Name = Annotated[str, Field(pattern=f"^{NAME}$")]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class KeyBudget(Body):
    day: Usd | None = None
    month: Usd | None = None
    total: Usd | None = None


class KeyCreate(Body):
    name: Name = Field(description="What it is called in lists, logs and cost reports; no two living keys share one.")
    owner: Text | None = Field(None, description="The user on whose behalf it asks.")
    tenant: Name | None = Field(None, description="Default: the caller's own.")
    role: Literal["viewer", "operator", "admin"] = "operator"
    scopes: Annotated[list[Literal["runs:read", "runs:write", "models", "admin", "*"]], Field(min_length=1)] = Field(
        ["*"], description="What it is for; `*`: all that its role may do."
    )
    models: Annotated[list[Annotated[str, Field(pattern=f"^{MODEL}$")]], Field(max_length=MOST_MODELS)] = Field(
        [], description="The models it may ask, such as `openai/*`; none: all."
    )
    budget_usd: KeyBudget | None = Field(None, description="What its model calls may cost.")
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    expires_after_seconds: Annotated[float, Field(gt=0, le=_LONGEST_S)] | None = None
    metadata: Annotated[
        dict[Name, Text], Field(max_length=MOST_LABELS, json_schema_extra={"additionalProperties": False})
    ] = Field({}, description="Labels of what it spends.")


class KeyRotate(Body):
    overlap_seconds: Annotated[float, Field(ge=0, le=_LONGEST_OVERLAP_S)] = Field(
        0, description="How long the secrets before this one still open."
    )
    expires_after_seconds: Annotated[float, Field(gt=0, le=_LONGEST_S)] | None = Field(
        None, description="Moves the end of the key itself."
    )


class OfTenant(Shape):
    tenant: Name | None = Field(None, description="Default: the caller's own.")


class KeyQuery(OfTenant):
    owner: str | None = None
    revoked: bool = Field(False, description="Those that were revoked, too.")
    before: str | None = Field(None, description="Older than the key of this id: the next page.")
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class BudgetView(Shape):
    day: float | None
    month: float | None
    total: float | None


class KeyView(Shape):
    id: str
    name: str
    tenant: str
    owner: str | None
    standing: str = Field(description="valid, expired or revoked")
    role: str
    scopes: list[str]
    models: list[str]
    budget_usd: BudgetView
    requests_per_minute: int | None
    tokens_per_minute: int | None
    metadata: dict[str, Any]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    rotated_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None = Field(description="To the minute.")


class KeyMade(KeyView):
    key: str = Field(description="What to send as X-API-Key or Authorization: Bearer. It is not shown again.")


class Keys:
    def __init__(self, doors: Doors) -> None:
        self._book = doors.books.keys
        self._clock = doors.clock

    def operations(self) -> list[Operation]:
        admin: dict[str, Any] = {"role": Role.ADMIN, "scope": Scope.ADMIN, "tag": "keys"}
        return [
            Operation("POST", "/keys", self.create, "Make a key", body=KeyCreate, gives=KeyMade, status=201,
                      problems=(409,), **admin),
            Operation("GET", "/keys", self.list, "Keys, newest first", query=KeyQuery, gives=list[KeyView], **admin),
            Operation("GET", "/keys/{name}", self.show, "One key", query=OfTenant, gives=KeyView, problems=(404,),
                      **admin),
            Operation("DELETE", "/keys/{name}", self.revoke, "Revoke a key, for good", query=OfTenant, gives=KeyView,
                      problems=(404,), **admin),
            Operation("POST", "/keys/{name}/rotate", self.rotate, "Give a key a new secret", query=OfTenant,
                      body=KeyRotate, body_optional=True, gives=KeyMade, problems=(404, 409), **admin),
        ]  # fmt: skip

    async def create(self, call: Call) -> Reply:
        """Once there is a key, nobody gets in without one; so the first must be an administrator's."""
        body = await call.body(KeyCreate)
        asked, caller = _new_key(body, tenant=tenant_of(call, body.tenant), now=self._clock.now()), call.visit.caller
        ensure_may_give(caller, asked.scopes)
        return self._made(await self._book.create(asked, by=call.by), status=201)

    async def list(self, call: Call) -> Reply:
        query = call.query(KeyQuery)
        found = await self._book.list(
            tenant=tenant_of(call, query.tenant), owner=query.owner, revoked=query.revoked, before=query.before,
            limit=query.limit,
        )  # fmt: skip
        return json_reply([self._view(key) for key in found])

    async def show(self, call: Call) -> Reply:
        tenant = tenant_of(call, call.query(OfTenant).tenant)
        return json_reply(self._view(await self._book.get(call.path["name"], tenant=tenant)))

    async def rotate(self, call: Call) -> Reply:
        """The secrets before it end after the overlap, or at once."""
        tenant, body = tenant_of(call, call.query(OfTenant).tenant), await call.body(KeyRotate, optional=True)
        key = await self._book.get(call.path["name"], tenant=tenant)
        ensure_may_give(call.visit.caller, key.scopes)
        issued = await self._book.rotate(
            key.name, tenant=tenant, by=call.by, overlap=timedelta(seconds=body.overlap_seconds),
            expires_at=_later(self._clock.now(), body.expires_after_seconds),
        )  # fmt: skip
        return self._made(issued, status=200)

    async def revoke(self, call: Call) -> Reply:
        """Every process refuses it within a second. Again: it stays as it is."""
        tenant = tenant_of(call, call.query(OfTenant).tenant)
        return json_reply(self._view(await self._book.revoke(call.path["name"], tenant=tenant, by=call.by)))

    def _made(self, issued: Issued, *, status: int) -> Reply:
        return json_reply({**self._view(issued.key), "key": issued.secret}, status=status)

    def _view(self, key: Key) -> dict[str, Any]:
        spend = key.allowance
        return {
            "id": key.id, "name": key.name, "tenant": key.tenant, "owner": key.owner,
            "standing": key.standing(self._clock.now()).value, "role": key.role.value, "scopes": sorted(key.scopes),
            "models": key.models,
            "budget_usd": {
                "day": _usd(spend.day_nano), "month": _usd(spend.month_nano), "total": _usd(spend.total_nano),
            },
            "requests_per_minute": key.limits.requests_per_minute, "tokens_per_minute": key.limits.tokens_per_minute,
            "metadata": key.metadata, "created_at": key.created_at, "created_by": key.created_by,
            "expires_at": key.expires_at, "rotated_at": key.rotated_at, "revoked_at": key.revoked_at,
            "revoked_by": key.revoked_by, "last_used_at": key.last_used_at,
        }  # fmt: skip


def _new_key(body: KeyCreate, *, tenant: str, now: datetime) -> NewKey:
    spend = body.budget_usd or KeyBudget()
    return NewKey(
        name=body.name, owner=body.owner, tenant=tenant, role=Role(body.role),
        scopes=frozenset(Scope(one) for one in body.scopes), models=tuple(dict.fromkeys(body.models)),
        allowance=Allowance(nano_of(spend.day), nano_of(spend.month), nano_of(spend.total)),
        limits=Limits(body.requests_per_minute, body.tokens_per_minute), metadata=body.metadata,
        expires_at=_later(now, body.expires_after_seconds),
    )  # fmt: skip


def tenant_of(call: Call, asked: str | None) -> str:
    """Raises `Forbidden`."""
    return tenant_for(call.visit.caller, asked)


def _later(now: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)


def _usd(nano: int | None) -> float | None:
    return None if nano is None else nano / NANO
