"""Who is told of what became of runs: the book of webhooks, and of what was delivered to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fairlead.agents.jsonable import decode, encode
from fairlead.clock import Clock, from_micros, to_micros
from fairlead.database import Database, Query, Row
from fairlead.egress import check_url
from fairlead.errors import Conflict, EgressRefused, InvalidInput, NotFound
from fairlead.runs.ids import Ids
from fairlead.runs.webhook import (
    DAY,
    RUNS,
    Attempt,
    Delivery,
    DeliveryStatus,
    Secret,
    Webhook,
    check_types,
    new_secret,
    rotated,
)
from fairlead.telemetry.emit import Emit

_DAY_US = DAY // timedelta(microseconds=1)
_MOST = 100  # webhooks of a tenant: each is looked at whenever one of its runs ends


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """None: as it is."""

    url: str | None = None
    agent: str | None = None
    types: Sequence[str] | None = None
    description: str | None = None
    enabled: bool | None = None


class Webhooks:
    """Of one database; a tenant sees its own."""

    def __init__(self, database: Database, queries: Mapping[str, Query], *, ids: Ids, clock: Clock, emit: Emit) -> None:
        self._database = database
        self._queries = queries
        self._ids = ids
        self._clock = clock
        self._emit = emit

    async def add(self, url: str, *, types: Sequence[str] = ("*",), agent: str | None = None, description: str = "",
                  tenant: str, by: str) -> Webhook:  # fmt: skip
        """Raises `InvalidInput`, and `Conflict` when there are too many."""
        kept, chosen = callable_url(url), check_types(types)
        if len(await self.all(tenant=tenant)) >= _MOST:
            raise Conflict(f"There are {_MOST} webhooks already.", hint="Remove one: fairlead webhooks remove ID.")
        made = await self._add(
            f"wh_{self._ids.new()}", kept, types=chosen, agent=agent, description=description, tenant=tenant, by=by
        )
        assert made is not None
        self._emit("webhook_added", webhook=made.id, tenant=tenant, by=by)
        return made

    async def for_runs(self, tenant: str) -> Webhook:
        """What signs the `webhook` of single runs; made when it is first needed."""
        try:
            return await self.get(RUNS, tenant=tenant)
        except NotFound:
            made = await self._add(RUNS, "", types=("run.*",), agent=None, description="the `webhook` of single runs",
                                   tenant=tenant, by="fairlead")  # fmt: skip
            return made or await self.get(RUNS, tenant=tenant)

    async def all(self, *, tenant: str) -> list[Webhook]:
        return [webhook_of(row) for row in await self._database.read(self._queries["webhooks"], tenant=tenant, id=None)]

    async def get(self, webhook_id: str, *, tenant: str) -> Webhook:
        """Raises `NotFound`."""
        rows = await self._database.read(self._queries["webhooks"], tenant=tenant, id=webhook_id)
        if not rows:
            raise NotFound(f"There is no webhook {webhook_id}.")
        return webhook_of(rows[0])

    async def change(self, webhook_id: str, change: WebhookChange, *, tenant: str, by: str) -> Webhook:
        """Raises `NotFound`, `InvalidInput`, `Conflict`."""
        now = await self.get(webhook_id, tenant=tenant)
        if now.id == RUNS:
            raise Conflict("This one signs the `webhook` of single runs; only its secret can be changed.")
        wanted = replace(
            now,
            url=now.url if change.url is None else callable_url(change.url),
            agent=now.agent if change.agent is None else change.agent or None,
            types=now.types if change.types is None else check_types(change.types),
            description=now.description if change.description is None else change.description,
            enabled=now.enabled if change.enabled is None else change.enabled,
        )
        return await self._store(now, wanted, reason=f"disabled by {by}")

    async def rotate(self, webhook_id: str, *, overlap: timedelta = DAY, tenant: str, by: str) -> Webhook:
        """A new secret; the one before it signs as well for `overlap`. Raises `NotFound`, `Conflict`."""
        now = await (self.for_runs(tenant) if webhook_id == RUNS else self.get(webhook_id, tenant=tenant))
        fresh = rotated(now.secrets, now=self._clock.micros(), overlap_us=overlap // timedelta(microseconds=1))
        changed = await self._store(now, replace(now, secrets=fresh), reason=None)
        self._emit("webhook_rotated", webhook=webhook_id, tenant=tenant, by=by, overlap=overlap)
        return changed

    async def remove(self, webhook_id: str, *, tenant: str, by: str) -> None:
        """What it was not yet told, it is not told any more. Raises `NotFound`."""
        if not await self._database.write(self._queries["remove_webhook"], tenant=tenant, id=webhook_id):
            raise NotFound(f"There is no webhook {webhook_id}.")
        self._emit("webhook_removed", webhook=webhook_id, tenant=tenant, by=by)

    async def deliveries(
        self, webhook_id: str, *, tenant: str, status: DeliveryStatus | None = None, run_id: str | None = None,
        before: int | None = None, limit: int = 50,
    ) -> list[tuple[Delivery, list[Attempt]]]:  # fmt: skip
        """Newest first, each with its attempts. Raises `NotFound`."""
        await self.get(webhook_id, tenant=tenant)
        rows = await self._database.read(
            self._queries["deliveries"], tenant=tenant, webhook_id=webhook_id, status=status, run_id=run_id, id=None,
            before=before, limit=limit,
        )  # fmt: skip
        tried = await self._database.read(
            self._queries["delivery_attempts"], tenant=tenant, ids=encode([row["id"] for row in rows]).decode()
        )
        found: dict[str, list[Attempt]] = {}
        for row in tried:
            found.setdefault(row["delivery_id"], []).append(_attempt(row))
        return [(delivery_of(row), found.get(row["id"], [])) for row in rows]

    async def replay(self, webhook_id: str, *, tenant: str, by: str, delivery_id: str | None = None,
                     since: datetime | None = None) -> list[str]:  # fmt: skip
        """Send again what was delivered or given up, under the same ids: one, or all since a time.

        Raises `InvalidInput`, `NotFound`, and `Conflict` for a webhook that is disabled.
        """
        if (delivery_id is None) == (since is None):
            raise InvalidInput("Say which to replay: `delivery_id`, or all since a time.")
        webhook = await self.get(webhook_id, tenant=tenant)
        if not webhook.enabled:
            raise Conflict(f"Webhook {webhook_id} is disabled.", hint="Enable it first.")
        rows = await self._database.write(
            self._queries["replay_deliveries"], tenant=tenant, webhook_id=webhook_id, id=delivery_id,
            since=to_micros(since) if since else None, day_us=_DAY_US,
        )  # fmt: skip
        if delivery_id is not None and not rows:
            raise NotFound(f"Webhook {webhook_id} has no delivery {delivery_id} that has ended.")
        self._emit("webhook_replayed", webhook=webhook_id, tenant=tenant, by=by, count=len(rows))
        return [row["id"] for row in rows]

    async def test(self, webhook_id: str, *, tenant: str, by: str) -> Delivery:
        """Something to deliver that stands for nothing. Raises `NotFound`, `Conflict`."""
        webhook = await self.get(webhook_id, tenant=tenant)
        if not webhook.enabled or webhook.id == RUNS:
            raise Conflict(f"Webhook {webhook_id} is {'no address' if webhook.id == RUNS else 'disabled'}.")
        rows = await self._database.write(
            self._queries["test_delivery"], tenant=tenant, id=f"msg_{self._ids.new().replace('-', '')}",
            webhook_id=webhook_id, data=encode({"by": by}).decode(), day_us=_DAY_US,
        )  # fmt: skip
        return delivery_of(rows[0])

    async def _add(self, webhook_id: str, url: str, *, types: Sequence[str], agent: str | None, description: str,
                   tenant: str, by: str) -> Webhook | None:  # fmt: skip
        rows = await self._database.write(
            self._queries["add_webhook"], tenant=tenant, id=webhook_id, url=url, agent=agent, actor=by,
            types=encode(list(types)).decode(), description=description, secrets=_secrets((Secret(new_secret()),)),
        )  # fmt: skip
        return webhook_of(rows[0]) if rows else None

    async def _store(self, now: Webhook, wanted: Webhook, *, reason: str | None) -> Webhook:
        rows = await self._database.write(
            self._queries["change_webhook"], tenant=now.tenant, id=now.id, url=wanted.url, agent=wanted.agent,
            types=encode(list(wanted.types)).decode(), description=wanted.description,
            secrets=_secrets(wanted.secrets), enabled=wanted.enabled, reason=reason, expected=_secrets(now.secrets),
        )  # fmt: skip
        if not rows:
            raise Conflict(f"Somebody else has just changed webhook {now.id}.", hint="Look at it and try again.")
        return webhook_of(rows[0])


def callable_url(url: str) -> str:
    """Raises `InvalidInput` for what is no address at all. What it stands for is looked at when it is called: a name
    may stand for another address by then."""
    try:
        return check_url(url)
    except EgressRefused as error:
        raise InvalidInput(error.message, hint=error.hint) from None


def webhook_of(row: Row) -> Webhook:
    return Webhook(
        tenant=row["tenant"], id=row["id"], url=row["url"], agent=row["agent"], types=tuple(decode(row["types"])),
        description=row["description"], secrets=tuple(Secret(**one) for one in decode(row["secrets"])),
        enabled=bool(row["enabled"]), failing_since=_moment(row["failing_since"]),
        disabled_reason=row["disabled_reason"], created_at=from_micros(row["created_at"]),
        created_by=row["created_by"],
    )  # fmt: skip


def delivery_of(row: Row) -> Delivery:
    return Delivery(
        number=row["number"], tenant=row["tenant"], id=row["id"], webhook_id=row["webhook_id"], lane=row["lane"],
        url=row["url"], run_id=row["run_id"], type=row["type"], data=decode(row["data"]), body=row["body"],
        status=DeliveryStatus(row["status"]), attempts=row["attempts"], created_at=from_micros(row["created_at"]),
        give_up_at=from_micros(row["give_up_at"]), next_at=from_micros(row["next_at"]),
        finished_at=_moment(row["finished_at"]), answer_status=row["answer_status"], error=row["error"],
    )  # fmt: skip


def _attempt(row: Row) -> Attempt:
    took = timedelta(microseconds=row["took_us"])
    return Attempt(row["number"], from_micros(row["at"]), took, row["status"], row["error"], row["answer"])


def _secrets(held: Sequence[Secret]) -> str:
    kept: list[dict[str, Any]] = [{"value": one.value, "until": one.until} for one in held]
    return encode(kept).decode()


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
