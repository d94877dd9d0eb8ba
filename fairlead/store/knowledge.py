"""Collections of documents that agents look things up in.

    put ──► unchanged (same digest, cut the same way)
        └─► text ──► chunks ──► one transaction: the old pieces go, the new ones come

Whatever dies on the way, a document is there as it was or as it is, never half.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from fairlead.clock import Clock, from_micros
from fairlead.database import Call, Database, Query, Row
from fairlead.errors import InvalidInput, NotFound
from fairlead.store.chunks import CHUNKING, chunks_of
from fairlead.store.reading import text_of
from fairlead.store.words import any_of
from fairlead.telemetry.emit import Emit

# Of four bytes each, beside a tenant, they are what an index of PostgreSQL holds.
_LONGEST_COLLECTION, _LONGEST_ID = 128, 500
_PLAIN = r"[^\x00-\x1f\x7f-\x9f]"
COLLECTION, DOCUMENT = f"{_PLAIN}{{1,{_LONGEST_COLLECTION}}}", f"{_PLAIN}{{1,{_LONGEST_ID}}}"
_MOST_COLLECTIONS = 10_000


class Put(StrEnum):
    """What became of a document that was handed in."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Document:
    """`digest` is the SHA-256 of the bytes that were handed in; `characters` counts its text."""

    id: str
    collection: str
    title: str
    media_type: str
    digest: str
    characters: int
    chunks: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Collection:
    name: str
    documents: int
    chunks: int
    characters: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of a document: its text, and where it is in the document's text."""

    document: str
    title: str
    heading: str
    start: int
    stop: int
    text: str
    score: float


class Knowledge:
    """The door to documents."""

    def __init__(self, database: Database, queries: Mapping[str, Query], *, clock: Clock, emit: Emit) -> None:
        self._database = database
        self._queries = queries
        self._clock = clock
        self._emit = emit

    async def put(
        self, collection: str, id: str, data: bytes, *, media_type: str, title: str = "", tenant: str
    ) -> tuple[Document, Put]:  # fmt: skip
        """Instead of what is there under this id. Raises `InvalidInput`."""
        where = _where(tenant, collection, id)
        digest, before = sha256(data).hexdigest(), await self._rows("document", where)
        same = before and (before[0]["digest"], before[0]["chunking"], before[0]["media_type"]) == (
            digest, CHUNKING, media_type,
        )  # fmt: skip
        if same and (not title or title == before[0]["title"]):
            return _document(before[0]), Put.UNCHANGED
        text = await asyncio.to_thread(text_of, data, media_type, name=id)
        rows = await asyncio.to_thread(_rows_of, text)
        about = {"title": title or id, "media_type": media_type, "digest": digest, "chunking": CHUNKING,
                 "characters": len(text), "chunks": len(rows), "now": self._clock.micros()}  # fmt: skip
        calls = [
            Call(self._queries["put_document"], {**where, **about}), Call(self._queries["clear_chunks"], where),
            *([Call(self._queries["add_chunks"], where, rows)] if rows else []),
        ]  # fmt: skip
        await self._database.write_all(calls)
        put = Put.CHANGED if before else Put.ADDED
        self._emit("document_kept", tenant=tenant, collection=collection, document=id, chunks=len(rows), put=put)
        return await self.get(collection, id, tenant=tenant), put

    async def get(self, collection: str, id: str, *, tenant: str) -> Document:
        """Raises `NotFound`."""
        rows = await self._rows("document", _where(tenant, collection, id))
        if not rows:
            raise NotFound(f"There is no document {id} in {collection}.")
        return _document(rows[0])

    async def list(self, collection: str, *, tenant: str, after: str = "", limit: int = 100) -> list[Document]:
        """In order of their ids; page by `after`."""
        rows = await self._database.read(
            self._queries["documents"], tenant=tenant, collection=collection, after=after, limit=limit
        )
        return [_document(row) for row in rows]

    async def collections(self, *, tenant: str) -> list[Collection]:
        rows = await self._database.read(self._queries["collections"], tenant=tenant, limit=_MOST_COLLECTIONS)
        return [
            Collection(
                row["collection"], row["documents"], int(row["chunks"]), int(row["characters"]),
                from_micros(row["updated_at"]),
            )
            for row in rows
        ]  # fmt: skip

    async def remove(self, collection: str, id: str, *, tenant: str) -> None:
        """Raises `NotFound`."""
        if not await self._database.write(self._queries["remove_document"], **_where(tenant, collection, id)):
            raise NotFound(f"There is no document {id} in {collection}.")

    async def remove_all(self, collection: str, *, tenant: str) -> int:
        """How many documents it had. Raises `NotFound`."""
        rows = await self._database.write(self._queries["remove_collection"], tenant=tenant, collection=collection)
        if not rows:
            raise NotFound(f"There is no collection {collection}.", hint="GET /knowledge lists them.")
        return len(rows)

    async def search(self, collection: str, query: str, *, tenant: str, limit: int = 5) -> list[Found]:
        """Pieces with any of the words, the best first."""
        words = any_of(query, self._database.dialect)
        if not words:
            return []
        rows = await self._database.read(
            self._queries["search_chunks"], tenant=tenant, collection=collection, query=words, limit=limit
        )
        return [
            Found(row["document"], row["title"], row["heading"], row["start"], row["stop"], row["body"], row["score"])
            for row in rows
        ]

    async def _rows(self, name: str, where: Mapping[str, Any]) -> Any:
        return await self._database.read(self._queries[name], **where)


def _where(tenant: str, collection: str, id: str) -> dict[str, str]:
    for what, text, form, most in (
        ("collection", collection, COLLECTION, _LONGEST_COLLECTION), ("document", id, DOCUMENT, _LONGEST_ID)
    ):  # fmt: skip
        if not re.fullmatch(form, text):
            raise InvalidInput(f"The name of a {what} has 1 to {most} characters, and no control characters.")
    return {"tenant": tenant, "collection": collection, "id": id}


def _rows_of(text: str) -> list[tuple[str, int, int, int, str]]:
    return [
        (chunk.heading, place, chunk.start, chunk.stop, text[chunk.start : chunk.stop])
        for place, chunk in enumerate(chunks_of(text))
    ]


def _document(row: Row) -> Document:
    return Document(
        id=row["id"],
        collection=row["collection"],
        title=row["title"],
        media_type=row["media_type"],
        digest=row["digest"],
        characters=row["characters"],
        chunks=row["chunks"],
        created_at=from_micros(row["created_at"]),
        updated_at=from_micros(row["updated_at"]),
    )
