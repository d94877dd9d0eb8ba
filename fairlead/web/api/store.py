"""The store, by LangGraph's addresses: /store/items (PUT, GET, DELETE), /store/items/search, /store/namespaces."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from fairlead.access import Role
from fairlead.errors import NotFound
from fairlead.store import Item
from fairlead.store.namespace import KEY, LABEL, split
from fairlead.store.words import FIELD
from fairlead.web.api.call import Call
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply, json_reply
from fairlead.web.api.run_body import Body
from fairlead.web.api.shape import Shape

_LONGEST_TTL = 10 * 366 * 24 * 60  # minutes
Label = Annotated[str, Field(json_schema_extra={"pattern": f"^{LABEL}$"})]
Labels = Annotated[list[Label], Field(max_length=32)]
Namespace = Annotated[list[Label], Field(min_length=1, max_length=32)]
Dotted = Annotated[str, Field(json_schema_extra={"pattern": rf"^{LABEL}(\.{LABEL})*$"})]
Key = Annotated[str, Field(json_schema_extra={"pattern": f"^{KEY}$"})]
FieldPath = Annotated[str, Field(json_schema_extra={"pattern": f"^{FIELD}$", "maxLength": 500})]
Never = Annotated[Literal[False], BeforeValidator(lambda value: value if value is False else None)]
"""False, and not 0, which is equal to it."""
Offset = Annotated[int, Field(ge=0, le=1_000_000)]


class ItemPut(Body):
    namespace: Namespace
    key: Key
    value: dict[str, Any]
    index: Never | Annotated[list[FieldPath], Field(max_length=32)] | None = Field(
        None, description="Fields that a search looks into, such as `author.name`; false: none; null: all."
    )
    ttl: Annotated[float, Field(gt=0, le=_LONGEST_TTL)] | None = Field(None, description="Minutes to live.")


class ItemQuery(Shape):
    model_config = ConfigDict(extra="ignore")

    namespace: Dotted | Namespace = Field(description="Labels joined by dots, or given one by one.")
    key: Key
    refresh_ttl: bool | None = None


class ItemDelete(Body):
    namespace: Namespace
    key: Key


class ItemSearch(Body):
    namespace_prefix: Labels
    filter: dict[str, Any] | None = Field(None, description="$eq $ne $gt $gte $lt $lte, nested.")
    limit: Annotated[int, Field(ge=1, le=1000)] = 10
    offset: Offset = 0
    query: Annotated[str, Field(max_length=10_000)] | None = None
    refresh_ttl: bool | None = None


class NamespaceSearch(Body):
    prefix: Labels | None = None
    suffix: Labels | None = None
    max_depth: Annotated[int, Field(ge=1, le=32)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    offset: Offset = 0


class ItemView(Shape):
    namespace: list[str]
    key: str
    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class FoundItemView(ItemView):
    score: float | None


class FoundItems(Shape):
    items: list[FoundItemView]


class Namespaces(Shape):
    namespaces: list[list[str]]


class Store:
    def __init__(self, doors: Doors) -> None:
        self._items = doors.stores.items

    def operations(self) -> list[Operation]:
        tag: dict[str, Any] = {"tag": "store"}
        return [
            Operation("PUT", "/store/items", self.put, "Keep an item", role=Role.OPERATOR, body=ItemPut, status=204,
                      **tag),
            Operation("GET", "/store/items", self.get, "One item", query=ItemQuery, gives=ItemView, problems=(404,),
                      **tag),
            Operation("DELETE", "/store/items", self.delete, "Forget an item", role=Role.OPERATOR, body=ItemDelete,
                      status=204, **tag),
            Operation("POST", "/store/items/search", self.search, "Items by words and filter", body=ItemSearch,
                      gives=FoundItems, **tag),
            Operation("POST", "/store/namespaces", self.namespaces, "Namespaces in use", body=NamespaceSearch,
                      body_optional=True, gives=Namespaces, **tag),
        ]  # fmt: skip

    async def put(self, call: Call) -> Reply:
        body = await call.body(ItemPut)
        ttl = None if body.ttl is None else timedelta(minutes=body.ttl)
        await self._items.put(body.namespace, body.key, body.value, tenant=call.tenant, ttl=ttl, index=body.index)
        return JsonReply(b"", status=204)

    async def get(self, call: Call) -> Reply:
        query = call.query(ItemQuery)
        labels = split(query.namespace) if isinstance(query.namespace, str) else query.namespace
        item = await self._items.get(labels, query.key, tenant=call.tenant, refresh=query.refresh_ttl)
        if item is None:
            raise NotFound(f"There is no item {query.key} in {'.'.join(labels)}.", hint="It may have expired.")
        return json_reply(_view(item))

    async def delete(self, call: Call) -> Reply:
        body = await call.body(ItemDelete)
        await self._items.delete(body.namespace, body.key, tenant=call.tenant)
        return JsonReply(b"", status=204)

    async def search(self, call: Call) -> Reply:
        body = await call.body(ItemSearch)
        found = await self._items.search(
            body.namespace_prefix, tenant=call.tenant, query=body.query, filter=body.filter, limit=body.limit,
            offset=body.offset, refresh=body.refresh_ttl,
        )  # fmt: skip
        return json_reply({"items": [{**_view(item), "score": item.score} for item in found]})

    async def namespaces(self, call: Call) -> Reply:
        body = await call.body(NamespaceSearch, optional=True)
        found = await self._items.namespaces(
            tenant=call.tenant, beginning=body.prefix or (), ending=body.suffix or (), depth=body.max_depth,
            limit=body.limit, offset=body.offset,
        )  # fmt: skip
        return json_reply({"namespaces": found})


def _view(item: Item) -> dict[str, Any]:
    return {
        "namespace": item.namespace, "key": item.key, "value": item.value, "created_at": item.created_at,
        "updated_at": item.updated_at,
    }  # fmt: skip
