"""Webhooks: who is told of what becomes of runs, and what they were told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from fairlead.access import Role
from fairlead.runs.webhook import TYPES, Attempt, Delivery, DeliveryStatus, Webhook
from fairlead.runs.webhooks import WebhookChange
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply, json_reply
from fairlead.web.api.run_body import Body, Moment, wants_one_of
from fairlead.web.api.shape import Shape

Url = Annotated[str, Field(min_length=1, max_length=8192, description="Called with POST when it happens.")]
Type = Annotated[str, Field(json_schema_extra={"enum": [*TYPES, "run.*", "approval.*", "*"]})]
Types = Annotated[list[Type], Field(min_length=1, max_length=20)]
Text = Annotated[str, Field(max_length=1000)]
Agent = Annotated[str, Field(max_length=200)]
_LONGEST_OVERLAP_S = 30 * 24 * 3600


class WebhookCreate(Body):
    url: Url
    types: Types = Field(["*"], description="run.success, run.*, approval.requested, …; * is all.")
    agent: Agent | None = Field(None, description="Only of this agent's runs.")
    description: Text = ""


class WebhookPatch(Body):
    url: Url | None = None
    types: Types | None = None
    agent: Agent | None = Field(None, description="Empty: of all agents.")
    description: Text | None = None
    enabled: bool | None = None


class Rotate(Body):
    overlap_seconds: Annotated[float, Field(ge=0, le=_LONGEST_OVERLAP_S)] = Field(
        24 * 3600, description="How long the secret before it signs too."
    )


class Replay(Body):
    model_config = wants_one_of("delivery_id", "since", only=True)

    delivery_id: str | None = None
    since: Moment | None = Field(None, description="All that happened since.")


class DeliveryQuery(Shape):
    status: DeliveryStatus | None = None
    run_id: str | None = None
    before: Annotated[int, Field(ge=1, lt=2**62)] | None = Field(None, description="The `number` of the last you have.")
    limit: Annotated[int, Field(ge=1, le=1000)] = 50


class WebhookView(Shape):
    id: str
    url: str
    types: list[str]
    agent: str | None
    description: str
    enabled: bool
    failing_since: datetime | None
    disabled_reason: str | None
    created_at: datetime
    created_by: str
    secret: str | None = Field(None, description="Only when it was just made.")


class AttemptView(Shape):
    number: int
    at: datetime
    took_ms: float
    status: int | None
    error: str | None
    answer: str | None


class DeliveryView(Shape):
    id: str
    number: int
    type: str
    run_id: str
    url: str | None
    status: DeliveryStatus
    attempts: list[AttemptView]
    created_at: datetime
    next_at: datetime | None
    finished_at: datetime | None
    error: str | None


class Replayed(Shape):
    deliveries: list[str]


class Webhooks:
    def __init__(self, doors: Doors) -> None:
        self._book = doors.webhooks

    def operations(self) -> list[Operation]:
        one = "/webhooks/{webhook_id}"
        look: dict[str, Any] = {"tag": "webhooks", "problems": (404,), "role": Role.OPERATOR}
        change: dict[str, Any] = {"tag": "webhooks", "problems": (404, 409), "role": Role.ADMIN}
        return [
            Operation("POST", "/webhooks", self.add, "Be told of what becomes of runs", body=WebhookCreate, status=201,
                      gives=WebhookView, audit="webhook.create", **change),
            Operation("GET", "/webhooks", self.list, "Webhooks", gives=list[WebhookView], tag="webhooks",
                      role=Role.OPERATOR),
            Operation("GET", one, self.get, "One webhook", gives=WebhookView, **look),
            Operation("PATCH", one, self.patch, "Change a webhook", body=WebhookPatch, gives=WebhookView,
                      audit="webhook.change", **change),
            Operation("DELETE", one, self.remove, "Remove a webhook", status=204, audit="webhook.remove", **change),
            Operation("POST", f"{one}/rotate", self.rotate, "Give a webhook a new secret", body=Rotate,
                      body_optional=True, gives=WebhookView, audit="webhook.rotate", **change),
            Operation("GET", f"{one}/deliveries", self.deliveries, "What a webhook was told", query=DeliveryQuery,
                      gives=list[DeliveryView], **look),
            Operation("POST", f"{one}/replay", self.replay, "Tell a webhook again", body=Replay, gives=Replayed,
                      audit="webhook.replay", **change),
            Operation("POST", f"{one}/test", self.test, "Try a webhook", gives=DeliveryView, audit="webhook.test",
                      **change),
        ]  # fmt: skip

    async def add(self, call: Call) -> Reply:
        """Its secret is in this answer and in no other."""
        body = await call.body(WebhookCreate)
        made = await self._book.add(
            body.url, types=body.types, agent=body.agent, description=body.description, tenant=call.tenant, by=call.by
        )
        call.noted["subject"] = made.id
        return json_reply(_view(made, secret=True), status=201)

    async def list(self, call: Call) -> Reply:
        return json_reply([_view(one) for one in await self._book.all(tenant=call.tenant)])

    async def get(self, call: Call) -> Reply:
        return json_reply(_view(await self._book.get(call.path["webhook_id"], tenant=call.tenant)))

    async def patch(self, call: Call) -> Reply:
        body = await call.body(WebhookPatch)
        change = WebhookChange(body.url, body.agent, body.types, body.description, body.enabled)
        changed = await self._book.change(call.path["webhook_id"], change, tenant=call.tenant, by=call.by)
        return json_reply(_view(changed))

    async def remove(self, call: Call) -> Reply:
        await self._book.remove(call.path["webhook_id"], tenant=call.tenant, by=call.by)
        return JsonReply(b"", status=204)

    async def rotate(self, call: Call) -> Reply:
        """The new secret is in this answer and in no other."""
        body = await call.body(Rotate, optional=True)
        overlap = timedelta(seconds=body.overlap_seconds)
        made = await self._book.rotate(call.path["webhook_id"], overlap=overlap, tenant=call.tenant, by=call.by)
        return json_reply(_view(made, secret=True))

    async def deliveries(self, call: Call) -> Reply:
        """Newest first, each with its attempts."""
        query = call.query(DeliveryQuery)
        found = await self._book.deliveries(
            call.path["webhook_id"], tenant=call.tenant, status=query.status, run_id=query.run_id,
            before=query.before, limit=query.limit,
        )  # fmt: skip
        return json_reply([_delivery(one, attempts) for one, attempts in found])

    async def replay(self, call: Call) -> Reply:
        """One delivery, or all since a time, under the ids they had."""
        body = await call.body(Replay)
        again = await self._book.replay(
            call.path["webhook_id"], delivery_id=body.delivery_id, since=body.since, tenant=call.tenant, by=call.by
        )
        return json_reply({"deliveries": again})

    async def test(self, call: Call) -> Reply:
        made = await self._book.test(call.path["webhook_id"], tenant=call.tenant, by=call.by)
        return json_reply(_delivery(made, []))


def _view(webhook: Webhook, *, secret: bool = False) -> dict[str, Any]:
    shown = {name: getattr(webhook, name) for name in WebhookView.model_fields if name != "secret"}
    return {**shown, "secret": webhook.secrets[0].value if secret else None}


def _delivery(one: Delivery, attempts: list[Attempt]) -> dict[str, Any]:
    tried = [
        {"number": a.number, "at": a.at, "took_ms": round(a.took.total_seconds() * 1000, 1), "status": a.status,
         "error": a.error, "answer": a.answer}
        for a in attempts
    ]  # fmt: skip
    return {
        "id": one.id, "number": one.number, "type": one.type, "run_id": one.run_id, "url": one.url,
        "status": one.status, "attempts": tried, "created_at": one.created_at,
        "next_at": one.next_at if one.status is DeliveryStatus.PENDING else None, "finished_at": one.finished_at,
        "error": one.error,
    }  # fmt: skip
