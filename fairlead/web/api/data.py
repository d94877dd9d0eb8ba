"""All that is held of a user or of a tenant: told, and erased.

GET /data   GET /data/tenant   POST, GET /data/erasures   GET /data/erasures/{erasure_id}
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field
from starlette.types import Receive, Scope, Send

from fairlead.access import Role
from fairlead.access import Scope as Purpose
from fairlead.access.personal import Piece, Subject
from fairlead.errors import FairleadError, InvalidInput
from fairlead.runs.erasing import Erasure
from fairlead.web.api.call import Call, visit_of
from fairlead.web.api.doors import Doors
from fairlead.web.api.keys import Name, OfTenant, Text, tenant_of
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import Reply, json_reply
from fairlead.web.api.run_body import Body, wants_one_of
from fairlead.web.api.shape import Shape
from fairlead.web.api.sse import PATIENCE

_PART = 64 * 1024  # bytes that are sent together


class OfUser(OfTenant):
    user: Text = Field(description="As keys call their owner, and runs their user.")


class ErasureCreate(Body):
    """One of `user` and `whole_tenant`."""

    model_config = wants_one_of("user", "whole_tenant", only=True)

    user: Text | None = Field(None, description="As keys call their owner, and runs their user.")
    whole_tenant: Literal[True] | None = Field(None, description="Everything of the tenant, its keys included.")
    tenant: Name | None = Field(None, description="Default: the caller's own.")


class ErasureQuery(OfTenant):
    user: Text | None = Field(None, description="Those of this user, also when they are finished.")
    before: str | None = Field(None, description="Older than the erasure of this id: the next page.")
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class ErasureView(Shape):
    id: str
    tenant: str
    user: str | None = Field(description="Forgotten when it is finished.")
    whole_tenant: bool
    requested_by: str
    requested_at: datetime
    erased: dict[str, int] = Field(description="How much so far, by kind.")
    waits_for: list[str] = Field(description="Kinds that are in use: runs that end, budgets that are leased.")
    finished_at: datetime | None


class Data:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._erasing = doors.erasing

    def operations(self) -> list[Operation]:
        admin: dict[str, Any] = {"role": Role.ADMIN, "scope": Purpose.ADMIN, "tag": "data"}
        return [
            Operation("GET", "/data", self.export, "All that is held of a user", query=OfUser, audit="data.export",
                      media_type="application/x-ndjson", **admin),
            Operation("GET", "/data/tenant", self.export_tenant, "All that is held of a tenant", query=OfTenant,
                      audit="data.export", media_type="application/x-ndjson", **admin),
            Operation("POST", "/data/erasures", self.erase, "Erase all data of a user or tenant", body=ErasureCreate,
                      gives=ErasureView, status=202, **admin),
            Operation("GET", "/data/erasures", self.list, "Erasures, newest first", query=ErasureQuery,
                      gives=list[ErasureView], **admin),
            Operation("GET", "/data/erasures/{erasure_id}", self.show, "How far an erasure is", query=OfTenant,
                      gives=ErasureView, problems=(404,), **admin),
        ]  # fmt: skip

    async def export(self, call: Call) -> Reply:
        """A line of JSON for each thing: `{"kind", "data"}`. The last line is of the kind `end` and counts those before
        it, by kind: without it the answer was cut off."""
        query = call.query(OfUser)
        return self._lines(call, Subject(tenant_of(call, query.tenant), query.user))

    async def export_tenant(self, call: Call) -> Reply:
        """The same of everybody, with what is nobody's in particular."""
        return self._lines(call, Subject(tenant_of(call, call.query(OfTenant).tenant)))

    async def erase(self, call: Call) -> Reply:
        """It goes on in the background, whatever dies; runs under way are cancelled, keys revoked at once. Who did what
        to others' data stays in the audit log, and costs stay, as nobody's."""
        body = await call.body(ErasureCreate)
        if (body.user is None) != bool(body.whole_tenant):
            raise InvalidInput("Say whose data is to go: a `user`, or `whole_tenant`.")
        of = Subject(tenant_of(call, body.tenant), body.user)
        made = await self._erasing.request(of, by=call.by)
        return json_reply(_view(made), status=202, headers=[(b"location", f"/data/erasures/{made.id}".encode())])

    async def list(self, call: Call) -> Reply:
        query = call.query(ErasureQuery)
        found = await self._erasing.list(
            tenant=tenant_of(call, query.tenant), user=query.user, before=query.before, limit=query.limit
        )
        return json_reply([_view(one) for one in found])

    async def show(self, call: Call) -> Reply:
        tenant = tenant_of(call, call.query(OfTenant).tenant)
        return json_reply(_view(await self._erasing.get(call.path["erasure_id"], tenant=tenant)))

    def _lines(self, call: Call, of: Subject) -> Reply:
        call.noted["subject"] = of.user or f"tenant {of.tenant}"
        return Lines(self._erasing.export(of), self._doors)


class Lines:
    """An answer of many lines, written as they come. Without its last line it was cut off: the reader was stuck or
    barred, the server was told to stop, or something failed."""

    def __init__(self, pieces: AsyncIterator[Piece], doors: Doors) -> None:
        self._pieces = pieces
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        visit, streams = visit_of(scope), self._doors.streams
        headers = [(b"content-type", b"application/x-ndjson"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.ensure_future(streams.until_gone(receive))
        try:
            with self._doors.keys.watch(visit.caller, lambda: streams.cut(gone)):
                async with aclosing(self._parts()) as parts:
                    async for part in parts:
                        if gone.done():
                            break
                        async with asyncio.timeout(PATIENCE):
                            await send({"type": "http.response.body", "body": part, "more_body": True})
                    else:
                        await send({"type": "http.response.body", "body": b""})
                        return
            if await gone:
                raise ConnectionAbortedError("the server stops, or its reader is barred")
        except TimeoutError:
            raise ConnectionAbortedError("its reader is stuck") from None
        except FairleadError as error:
            self._doors.emit("error", code=error.code, message=error.message, where=visit.endpoint)
            raise ConnectionAbortedError("an export broke off") from error
        finally:
            gone.cancel()
            await asyncio.wait((gone,))

    async def _parts(self) -> AsyncGenerator[bytes]:
        part, counts = bytearray(), Counter[str]()
        async for piece in self._pieces:
            counts[piece.kind] += 1
            part += orjson.dumps({"kind": piece.kind, "data": piece.data}) + b"\n"
            if len(part) >= _PART:
                yield bytes(part)
                part.clear()
        part += orjson.dumps({"kind": "end", "data": {"counts": counts, "at": self._doors.clock.now()}}) + b"\n"
        yield bytes(part)


def _view(erasure: Erasure) -> dict[str, Any]:
    return {
        "id": erasure.id, "tenant": erasure.tenant, "user": erasure.user, "whole_tenant": erasure.whole_tenant,
        "requested_by": erasure.requested_by, "requested_at": erasure.requested_at, "erased": erasure.erased,
        "waits_for": erasure.waits_for, "finished_at": erasure.finished_at,
    }  # fmt: skip
