"""Who is told over A2A of what becomes of a task: the book, and what a receiver is shown so that it knows us.

A delivery is written by the transaction that ends the run, or lets it wait, and sent as those of webhooks are
(`Delivering`): in order, signed, tried again for a day, never to a private address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fairlead.database import Database, Query, Row
from fairlead.errors import Conflict, InvalidInput, NotFound
from fairlead.runs.ids import Ids
from fairlead.runs.webhook import Delivery
from fairlead.runs.webhooks import callable_url

PUSHES = "a2a"
"""The id under which deliveries of this kind stand, for each tenant."""

_MOST = 10  # of a task
HEADER = r"[\x21-\x7e]([\x20-\x7e]{0,1998}[\x21-\x7e])?"
"""What may stand in a header, as a pattern."""

_SCHEME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


@dataclass(frozen=True, slots=True)
class Push:
    """`token` and `credentials` are the receiver's; nobody is shown them again."""

    run_id: str
    id: str
    url: str
    token: str = ""
    scheme: str = ""
    credentials: str = ""

    def __repr__(self) -> str:
        return f"Push({self.run_id}, {self.id}, {self.url})"

    @property
    def headers(self) -> dict[str, str]:
        shown = {"x-a2a-notification-token": self.token} if self.token else {}
        return {**shown, "authorization": f"{self.scheme} {self.credentials}"} if self.credentials else shown


class TaskPushes:
    def __init__(self, database: Database, queries: Mapping[str, Query], *, ids: Ids) -> None:
        self._database = database
        self._queries = queries
        self._ids = ids

    async def put(self, push: Push, *, tenant: str) -> Push:
        """New, or instead of the one of this id. A task that has ended, or waits, is told of at once.

        Raises `InvalidInput`, `NotFound`, `Conflict`.
        """
        url, push_id = callable_url(push.url), push.id or self._ids.new()
        for what, value in (("token", push.token), ("credentials", push.credentials)):
            if value and not re.fullmatch(HEADER, value):
                raise InvalidInput(f"The {what} must fit into a header: printable ASCII, 2000 characters at most.")
        if push.credentials and not _SCHEME.fullmatch(push.scheme):
            raise InvalidInput("Credentials need the scheme that they are for, such as Bearer.")
        there = await self.list(push.run_id, tenant=tenant)
        if len(there) >= _MOST and push_id not in {one.id for one in there}:
            raise Conflict(f"The task has {_MOST} push notification configs already.", hint="Delete one of them.")
        rows = await self._database.write(
            self._queries["put_push"], tenant=tenant, run_id=push.run_id, id=push_id, url=url, token=push.token,
            scheme=push.scheme, credentials=push.credentials,
        )  # fmt: skip
        if not rows:
            raise NotFound(f"There is no task {push.run_id}.")
        return _push(rows[0])

    async def list(self, run_id: str, *, tenant: str) -> list[Push]:
        rows = await self._database.read(self._queries["pushes"], tenant=tenant, run_id=run_id, id=None)
        return [_push(row) for row in rows]

    async def get(self, run_id: str, push_id: str, *, tenant: str) -> Push:
        """Raises `NotFound`."""
        rows = await self._database.read(self._queries["pushes"], tenant=tenant, run_id=run_id, id=push_id)
        if not rows:
            raise NotFound(f"The task has no push notification config {push_id}.")
        return _push(rows[0])

    async def remove(self, run_id: str, push_id: str, *, tenant: str) -> None:
        """What was not yet told is not told any more. One that is not there is gone already."""
        await self._database.write(self._queries["remove_push"], tenant=tenant, run_id=run_id, id=push_id)

    async def headers_of(self, delivery: Delivery) -> Mapping[str, str]:
        """By which the receiver knows us. Raises `NotFound` when it wants no more."""
        push = await self.get(delivery.run_id, delivery.data["push"], tenant=delivery.tenant)
        return push.headers


def _push(row: Row) -> Push:
    return Push(row["run_id"], row["id"], row["url"], row["token"], row["scheme"], row["credentials"])
