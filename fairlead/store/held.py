"""What the tables of this part hold of people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from fairlead.access.personal import Batch, Held, HeldRows, Holding, Piece, Signed, Subject, pieces_of
from fairlead.database import Blobs, Database, Query
from fairlead.errors import NotFound
from fairlead.store.files import Files, scope_of
from fairlead.store.knowledge import Knowledge

# A label can't hold a dot. A user with one, such as an email address, is found all the same: it is several labels.
_OF_USER = "replace('.' || namespace || '.', '.' || :user || '.', '') <> '.' || namespace || '.'"
SIGNED = (Signed("store_files", ("id",), ("created_by",)),)
EXEMPT = {
    "store_words": "the index of the items, which goes with them",
    "knowledge_words": "the index of the documents, which goes with them",
    "knowledge_models": "which models have made vectors",
    "knowledge_vectors": "the index of the documents by meaning, which goes with them",
    "store_file_uses": "which run reads which file: goes with the file, or with the run",
}
_BATCH = 100


def holdings(
    database: Database, queries: Mapping[str, Query], blobs: Blobs, *, files: Files, knowledge: Knowledge
) -> list[Holding]:
    items = Held(
        "item", "store_items", ("namespace", "key"), _OF_USER, json=frozenset(("value",)),
        hidden=frozenset(("words", "number")), erase=queries["erase_items"],
    )  # fmt: skip
    return [HeldRows(items, database), HeldFiles(database, blobs, files), HeldKnowledge(database, knowledge)]


class HeldFiles:
    """What somebody has uploaded, with its bytes."""

    kind = "file"

    def __init__(self, database: Database, blobs: Blobs, files: Files) -> None:
        self._blobs = blobs
        self._files = files
        self._rows = HeldRows(Held("file", "store_files", ("id",), "user_id = :user"), database)

    @property
    def tables(self) -> frozenset[str]:
        return self._rows.tables

    async def export(self, of: Subject) -> AsyncIterator[Piece]:
        references: list[str] = []
        async for piece in self._rows.export(of):
            references.append(piece.data["blob"])
            yield piece
        for reference in references:
            async for part in pieces_of(self._blobs, reference):
                yield part

    async def erase(self, of: Subject) -> Batch:
        files = await self._files.list(tenant=of.tenant, user=of.user, limit=_BATCH)
        for file in files:
            # The bytes first: were it the row, and we died, nobody would know of them.
            await self._blobs.delete_scope(scope_of(of.tenant, file.id))
            with suppress(NotFound):  # it has expired meanwhile
                await self._files.delete(file.id, tenant=of.tenant)
        return Batch(len(files))


class HeldKnowledge:
    """Documents are a tenant's, and no user's; only who pays for the vectors of one is known until it has them."""

    kind = "document"

    def __init__(self, database: Database, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._documents = HeldRows(Held("document", "knowledge_documents", ("collection", "id")), database)
        chunks = Held(
            "chunk", "knowledge_chunks", ("collection", "document", "place"), hidden=frozenset(("words", "number"))
        )
        self._chunks = HeldRows(chunks, database)
        waiting = Held(
            "waiting_document", "knowledge_embedding", ("collection", "document", "place"), "user_id = :user",
            blank={"user_id": "NULL"}, told=False,
        )  # fmt: skip
        self._waiting = None if knowledge.vectors is None else HeldRows(waiting, database)

    @property
    def tables(self) -> frozenset[str]:
        tables = self._documents.tables | self._chunks.tables
        return tables if self._waiting is None else tables | self._waiting.tables

    async def export(self, of: Subject) -> AsyncIterator[Piece]:
        for rows in (self._documents, self._chunks):
            async for piece in rows.export(of):
                yield piece

    async def erase(self, of: Subject) -> Batch:
        if of.user is not None:
            return Batch() if self._waiting is None else await self._waiting.erase(of)
        collections = await self._knowledge.collections(tenant=of.tenant)
        return Batch(sum([await self._knowledge.remove_all(one.name, tenant=of.tenant) for one in collections]))
