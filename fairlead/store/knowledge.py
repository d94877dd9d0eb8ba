"""Collections of documents that agents look things up in.

    put ──► unchanged (same digest, cut the same way)
        └─► text ──► chunks ──► one transaction: the old pieces go, the new ones come ──► their vectors

Whatever dies on the way, a document is there as it was or as it is, never half. Vectors, where they are switched on,
are made then or later (`vectors.Embedding`); until it has all of them, a document is found by its words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from fairlead.clock import Clock, from_micros
from fairlead.database import Call, Database, Query, Row
from fairlead.errors import Conflict, DatabaseUnavailable, FairleadError, NotFound
from fairlead.store.chunks import CHUNKING, chunks_of
from fairlead.store.document import Collection, Document, Found, Mode, Put, Search, VectorState, named, place_of
from fairlead.store.fusion import fused
from fairlead.store.reading import text_of
from fairlead.store.vectors import Embed, Embedder, Embedding, Nearest, Progress
from fairlead.store.vectors.embedding import AT_PUT
from fairlead.store.words import any_of
from fairlead.telemetry.emit import Emit

_MOST_COLLECTIONS = 10_000
_DEPTH = 50  # pieces of each way of searching that are put into one order, or as many as are asked for


@dataclass(frozen=True, slots=True)
class Vectors:
    """Who makes them, when, and what finds by them."""

    embedder: Embedder
    embedding: Embedding
    nearest: Nearest


class Knowledge:
    """The door to documents. `unavailable`: why there are no vectors, where they are wanted."""

    def __init__(
        self, database: Database, queries: Mapping[str, Query], *, vectors: Vectors | None = None,
        unavailable: str = "", clock: Clock, emit: Emit,
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = queries
        self._vectors = vectors
        self._unavailable = unavailable
        self._clock = clock
        self._emit = emit

    @property
    def vectors(self) -> Vectors | None:
        return self._vectors

    async def put(
        self, collection: str, id: str, data: bytes, *, media_type: str, title: str = "", tenant: str,
        user: str | None = None, embed: Embed | None = None,
    ) -> tuple[Document, Put]:  # fmt: skip
        """Instead of what is there under this id. Its vectors are made with `embed`; what can't be made now is made
        later, at the cost of `user`. Raises `InvalidInput`."""
        where = place_of(tenant, collection, id)
        digest, before = sha256(data).hexdigest(), await self._rows("document", where)
        same = before and (before[0]["digest"], before[0]["chunking"], before[0]["media_type"]) == (
            digest, CHUNKING, media_type,
        )  # fmt: skip
        if same and (not title or title == before[0]["title"]):
            return await self.get(collection, id, tenant=tenant), Put.UNCHANGED
        about: dict[str, Any] = {"title": title or id, "media_type": media_type, "digest": digest, "chunking": CHUNKING,
                 "now": self._clock.micros()}  # fmt: skip
        if same and await self._database.write(self._queries["retitle_document"], **where, **about):
            return await self.get(collection, id, tenant=tenant), Put.CHANGED
        text = await asyncio.to_thread(text_of, data, media_type, name=id)
        rows = await asyncio.to_thread(_rows_of, text)
        about |= {"characters": len(text), "chunks": len(rows)}
        kept = Call(self._queries["put_document"], {**where, **about})
        await self._database.write_all([kept, *self._pieces(where, rows, user)])
        put = Put.CHANGED if before else Put.ADDED
        self._emit("document_kept", tenant=tenant, collection=collection, document=id, chunks=len(rows), put=put)
        if self._vectors is not None and rows:
            await self._vectors.embedding.document(where, embed=embed, most=AT_PUT)
        return await self.get(collection, id, tenant=tenant), put

    async def get(self, collection: str, id: str, *, tenant: str) -> Document:
        """Raises `NotFound`."""
        rows = await self._rows("document", place_of(tenant, collection, id))
        if not rows:
            raise NotFound(f"There is no document {id} in {collection}.")
        return (await self._documents(rows, tenant, collection))[0]

    async def list(self, collection: str, *, tenant: str, after: str = "", limit: int = 100) -> list[Document]:
        """In order of their ids; page by `after`."""
        rows = await self._database.read(
            self._queries["documents"], tenant=tenant, collection=named(collection), after=after, limit=limit
        )
        return await self._documents(rows, tenant, collection)

    async def collections(self, *, tenant: str) -> list[Collection]:
        rows = await self._database.read(self._queries["collections"], tenant=tenant, limit=_MOST_COLLECTIONS)
        waiting = None if self._vectors is None else await self._vectors.embedding.waiting(tenant)
        return [
            Collection(
                row["collection"], row["documents"], int(row["chunks"]), int(row["characters"]),
                from_micros(row["updated_at"]), None if waiting is None else waiting.get(row["collection"], 0),
            )
            for row in rows
        ]  # fmt: skip

    async def remove(self, collection: str, id: str, *, tenant: str) -> None:
        """Raises `NotFound`."""
        if not await self._database.write(self._queries["remove_document"], **place_of(tenant, collection, id)):
            raise NotFound(f"There is no document {id} in {collection}.")

    async def remove_all(self, collection: str, *, tenant: str) -> int:
        """How many documents it had. Raises `NotFound`."""
        rows = await self._database.write(
            self._queries["remove_collection"], tenant=tenant, collection=named(collection)
        )
        if not rows:
            raise NotFound(f"There is no collection {collection}.", hint="GET /knowledge lists them.")
        return len(rows)

    async def embed(self, collection: str, *, tenant: str, embed: Embed | None = None, most: int = 10) -> Progress:
        """Make the vectors of up to so many documents that have none of the model in force. Raises `Conflict`
        where there are no vectors."""
        vectors = self._required()
        return await vectors.embedding.catch_up(
            tenant, named(collection), embed=embed or vectors.embedder.of(tenant), most=most
        )

    async def search(
        self, collection: str, query: str, *, tenant: str, limit: int = 5, mode: Mode = Mode.HYBRID,
        embed: Embed | None = None,
    ) -> Search:  # fmt: skip
        """Pieces with any of the words, or near in meaning, or both in one order: the best first. Where the question
        gets no vector, by words, and it says so. Raises `Conflict` for `VECTOR` where there are no vectors."""
        named(collection)
        if mode is Mode.VECTOR:
            self._required()
        vectors = self._vectors
        if mode is Mode.TEXT or vectors is None:
            found = await self._by_words(collection, query, tenant, limit)
            return Search(found, Mode.TEXT, self._unavailable if mode is not Mode.TEXT else "")
        depth = limit if mode is Mode.VECTOR else max(limit, _DEPTH)
        try:
            near = await self._by_vector(vectors, collection, query, tenant, depth, embed)
        except DatabaseUnavailable:
            raise
        except FairleadError as error:
            self._emit("knowledge_degraded", tenant=tenant, collection=collection, error=error.code,
                       message=error.message)  # fmt: skip
            found = await self._by_words(collection, query, tenant, limit)
            return Search(found, Mode.TEXT, f"{error.code}: {error.message}")
        if mode is Mode.VECTOR:
            return Search(near, mode)
        return Search(_in_one_order(near, await self._by_words(collection, query, tenant, depth))[:limit], mode)

    def _pieces(self, where: Mapping[str, str], rows: Sequence[Sequence[Any]], user: str | None) -> list[Call]:
        """The old ones go, the new ones come, and wait for their vectors."""
        calls = [Call(self._queries["clear_chunks"], dict(where))]
        if rows:
            calls.append(Call(self._queries["add_chunks"], dict(where), rows))
            if self._vectors is not None:
                calls.append(self._vectors.embedding.queue(where, user))
        return calls

    async def _by_words(self, collection: str, query: str, tenant: str, limit: int) -> list[Found]:
        words = any_of(query, self._database.dialect)
        if not words:
            return []
        rows = await self._database.read(
            self._queries["search_chunks"], tenant=tenant, collection=collection, query=words, limit=limit
        )
        return [_found(row) for row in rows]

    async def _by_vector(
        self, vectors: Vectors, collection: str, query: str, tenant: str, limit: int, embed: Embed | None
    ) -> list[Found]:
        if await vectors.nearest.known() is None:  # nothing is embedded yet: a vector of the question is for nothing
            return []
        [vector] = await (embed or vectors.embedder.of(tenant))([query])
        rows = await vectors.nearest.search(collection, vector, tenant=tenant, limit=limit)
        return [_found(row) for row in rows]

    def _required(self) -> Vectors:
        if self._vectors is None:
            raise Conflict(
                self._unavailable or "There are no vectors here.", hint="" if self._unavailable else _HOW_TO_SWITCH_ON
            )
        return self._vectors

    async def _documents(self, rows: Sequence[Row], tenant: str, collection: str) -> list[Document]:
        if self._vectors is None:
            return [_document(row) for row in rows]
        embedding = self._vectors.embedding
        states = await embedding.states(tenant, collection, [row["id"] for row in rows])
        return [_with_state(_document(row), states.get(row["id"]), embedding.model) for row in rows]

    async def _rows(self, name: str, where: Mapping[str, Any]) -> Any:
        return await self._database.read(self._queries[name], **where)


_HOW_TO_SWITCH_ON = "Name a model that makes them: FAIRLEAD_KNOWLEDGE_EMBEDDING_MODEL=openai/text-embedding-3-small."


def _in_one_order(near: Sequence[Found], worded: Sequence[Found]) -> list[Found]:
    pieces = {(one.document, one.start): one for one in (*near, *worded)}
    ranked = fused(*([(one.document, one.start) for one in found] for found in (near, worded)))
    return [replace(pieces[place], score=score) for place, score in ranked]


def _rows_of(text: str) -> list[tuple[str, int, int, int, str]]:
    return [
        (chunk.heading, place, chunk.start, chunk.stop, text[chunk.start : chunk.stop])
        for place, chunk in enumerate(chunks_of(text))
    ]


def _found(row: Row) -> Found:
    return Found(row["document"], row["title"], row["heading"], row["start"], row["stop"], row["body"], row["score"])


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


def _with_state(document: Document, state: Row | None, model: str) -> Document:
    """One without pieces has nothing to be found by."""
    if state is None or state["model"] != model:
        return replace(document, vectors=VectorState.WAITING if document.chunks else VectorState.READY)
    ready = state["done_at"] is not None
    return replace(document, vectors=VectorState.READY if ready else VectorState.WAITING, problem=state["problem"])
