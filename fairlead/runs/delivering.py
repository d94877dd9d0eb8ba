"""A role: deliver what webhooks are to be told. Claimed under a lease, so that two never send the same at once; what a
process had in hand when it died is sent again under the same id when the lease has run out."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from datetime import timedelta
from typing import Any

from fairlead.agents.jsonable import encode
from fairlead.clock import Clock, from_micros, to_micros
from fairlead.database import Database, Query
from fairlead.egress import Egress
from fairlead.errors import EgressError, EgressRefused, NotFound
from fairlead.gateway.rate_headers import retry_after
from fairlead.runs.task_pushes import PUSHES, TaskPushes
from fairlead.runs.webhook import (
    DAY,
    RUNS,
    Delivery,
    DeliveryStatus,
    Outcome,
    Verdict,
    Webhook,
    judge,
    signed_headers,
)
from fairlead.runs.webhooks import Webhooks, delivery_of
from fairlead.telemetry.emit import Emit

Render = Callable[[Delivery], Awaitable[Mapping[str, Any]]]
"""The body of a delivery, as callers of the API know runs. Raises `NotFound` when the run is not there any more."""

_TIMEOUT = timedelta(seconds=15)
_LEASE = timedelta(seconds=60)  # far beyond the timeout: whoever takes over is alone
_SLOTS = 32
_OF_ONE = 4  # a slow target takes no more of them
_ANSWER = 2000  # bytes of an answer that are kept for a person to read
_OF_ONE_RUN = (RUNS, PUSHES)  # signed with one secret of the tenant; each delivery has its own address
_SWEEP_EVERY = timedelta(minutes=10)
_BATCH = 1000
_MICROSECOND = timedelta(microseconds=1)


class Delivering:
    """`once` takes what is due, as far as there is room, and does not wait for it."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], *, webhooks: Webhooks, pushes: TaskPushes,
        egress: Egress, render: Render, keep: timedelta, clock: Clock, emit: Emit,
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = queries
        self._webhooks = webhooks
        self._pushes = pushes
        self._egress = egress
        self._render = render
        self._keep = keep
        self._clock = clock
        self._emit = emit
        self._sending: dict[asyncio.Task[None], str] = {}

    async def once(self) -> timedelta | None:
        free = _SLOTS - len(self._sending)
        if free <= 0:
            return None
        lanes = Counter(self._sending.values())
        busy = [lane for lane, count in lanes.items() if count >= _OF_ONE]
        rows = await self._database.write(
            self._queries["claim_deliveries"], slots=free, each=_OF_ONE, busy=encode(busy).decode(),
            lease_us=_LEASE // _MICROSECOND,
        )  # fmt: skip
        loop = asyncio.get_running_loop()
        for row in rows:
            delivery = delivery_of(row)
            task = loop.create_task(self._deliver(delivery), name=delivery.id, context=Context())
            self._sending[task] = delivery.lane
            task.add_done_callback(self._done)
        return timedelta(0) if rows and len(rows) == free else None

    async def sweep(self) -> timedelta | None:
        """What was delivered or given up goes after a while."""
        before = to_micros(self._clock.now() - self._keep)
        rows = await self._database.write(self._queries["sweep_deliveries"], before=before, batch=_BATCH)
        return timedelta(0) if len(rows) >= _BATCH else _SWEEP_EVERY

    async def settled(self) -> None:
        """Wait for what is under way."""
        while self._sending:
            await asyncio.wait(list(self._sending))

    async def stop(self) -> None:
        """Leave what is under way: its lease runs out, and another sends it again."""
        tasks = list(self._sending)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._sending.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._emit("error", code="delivery_failed", message=repr(error), where="webhooks")

    async def _deliver(self, delivery: Delivery) -> None:
        """The whole of one attempt."""
        started = self._clock.monotonic()
        try:
            webhook = await self._webhook(delivery)
            headers = await self._headers(delivery)
            body = await self._body(delivery)
        except NotFound as error:
            outcome = Outcome(None, error.message, refused=True)
        else:
            outcome = await self._send(delivery, webhook, body, headers)
        took = timedelta(seconds=self._clock.monotonic() - started)
        verdict = judge(delivery, outcome, now=self._clock.now(), luck=random.random())
        await self._settle(delivery, outcome, verdict, took)

    async def _webhook(self, delivery: Delivery) -> Webhook:
        if delivery.webhook_id in _OF_ONE_RUN:
            return await self._webhooks.for_runs(delivery.tenant)
        return await self._webhooks.get(delivery.webhook_id, tenant=delivery.tenant)

    async def _headers(self, delivery: Delivery) -> Mapping[str, str]:
        """Beside the signature."""
        return await self._pushes.headers_of(delivery) if delivery.webhook_id == PUSHES else dict[str, str]()

    async def _body(self, delivery: Delivery) -> bytes:
        """Written down before it is first sent: what is sent again under an id is the same."""
        if delivery.body is not None:
            return delivery.body.encode()
        body = encode(dict(await self._render(delivery))).decode()
        rows = await self._database.write(
            self._queries["keep_delivery_body"], tenant=delivery.tenant, id=delivery.id, body=body
        )
        if not rows:
            raise NotFound("The delivery was removed.")
        return rows[0]["body"].encode()

    async def _send(self, delivery: Delivery, webhook: Webhook, body: bytes, headers: Mapping[str, str]) -> Outcome:
        signed = signed_headers(delivery.id, body, webhook.secrets, now=self._clock.micros())
        try:
            answer = await self._egress.request(
                "POST", delivery.url or webhook.url, headers={**signed, **headers}, content=body, timeout=_TIMEOUT,
                max_bytes=_ANSWER, cut=True,
            )  # fmt: skip
        except EgressError as error:
            return Outcome(None, str(error), refused=isinstance(error, EgressRefused))
        said = answer.body.decode("utf-8", "replace").replace("\0", "")
        error = None if 200 <= answer.status < 300 else f"answered {answer.status}"
        return Outcome(answer.status, error, said, retry_after(answer.headers, self._clock.now()))

    async def _settle(self, delivery: Delivery, outcome: Outcome, verdict: Verdict, took: timedelta) -> None:
        delivered = verdict.status is DeliveryStatus.DELIVERED
        rows = await self._database.write(
            self._queries["settle_delivery"], tenant=delivery.tenant, id=delivery.id, attempt=delivery.attempts,
            status=verdict.status, next_at=to_micros(verdict.next_at), error=outcome.error,
            answer_status=outcome.status, took_us=took // _MICROSECOND, answer=outcome.answer, delivered=delivered,
        )  # fmt: skip
        self._tell(delivery, outcome, verdict, took)
        if rows and not delivered:
            await self._perhaps_disable(delivery, verdict, rows[0]["failing_since"])

    def _tell(self, delivery: Delivery, outcome: Outcome, verdict: Verdict, took: timedelta) -> None:
        said: dict[str, Any] = {
            "webhook": delivery.webhook_id, "tenant": delivery.tenant, "delivery": delivery.id, "type": delivery.type,
            "run_id": delivery.run_id, "attempt": delivery.attempts, "status": outcome.status, "took": took,
        }  # fmt: skip
        if verdict.status is DeliveryStatus.DELIVERED:
            self._emit("webhook_delivered", **said)
        else:
            again = verdict.next_at if verdict.status is DeliveryStatus.PENDING else None
            self._emit("webhook_failed", **said, error=outcome.error, again_at=again)

    async def _perhaps_disable(self, delivery: Delivery, verdict: Verdict, failing_since: int) -> None:
        """A receiver that is gone, or has taken nothing for a day, is asked no more."""
        dead = self._clock.now() - from_micros(failing_since) >= DAY
        if delivery.webhook_id in _OF_ONE_RUN or not (verdict.gone or dead):
            return
        reason = "it answered 410 Gone" if verdict.gone else "nothing was taken for a day"
        off = await self._database.write(
            self._queries["disable_webhook"], tenant=delivery.tenant, id=delivery.webhook_id, reason=reason
        )
        if off:
            self._emit("webhook_disabled", webhook=delivery.webhook_id, tenant=delivery.tenant, reason=reason)
