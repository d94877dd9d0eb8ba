"""Collections of documents that agents look things up in.

GET /knowledge   POST, GET, DELETE /knowledge/{collection}/documents   DELETE /knowledge/{collection}
POST /knowledge/{collection}/search   POST /knowledge/{collection}/embed
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from fairlead.access import Role
from fairlead.errors import InvalidInput
from fairlead.store.document import COLLECTION, DOCUMENT, Mode, VectorState
from fairlead.store.vectors import Embed
from fairlead.web.api.call import Call
from fairlead.web.api.caller import caller_of
from fairlead.web.api.doors import Doors
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply, json_reply
from fairlead.web.api.run_body import Body, wants_one_of
from fairlead.web.api.shape import Shape

Name = Annotated[str, Field(json_schema_extra={"pattern": f"^{DOCUMENT}$"})]
_COLLECTION: dict[str, Any] = {
    "collection": Annotated[str, Field(json_schema_extra={"pattern": f"^{COLLECTION}$"})]
}  # fmt: skip


class DocumentPut(Body):
    model_config = wants_one_of("text", "file_id", only=True)

    id: Name = Field(description="Its name in the collection: a path.")
    text: str | None = Field(None, description="What it says; or `file_id`.")
    file_id: str | None = Field(None, description="An uploaded file, which may be larger than a body.")
    media_type: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="text/plain, text/markdown, text/html, application/json, text/csv, application/pdf."
    )
    title: Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f]*$")] = ""


class DocumentQuery(Shape):
    model_config = ConfigDict(extra="forbid")

    after: str = Field("", description="Behind the document of this id: the next page.")
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class DocumentOf(Shape):
    model_config = ConfigDict(extra="forbid")

    id: Name


class KnowledgeSearch(Body):
    query: Annotated[str, Field(min_length=1, max_length=10_000)]
    limit: Annotated[int, Field(ge=1, le=100)] = 5
    mode: Annotated[Mode, Field(strict=False)] = Field(
        Mode.HYBRID, description="By words and vectors in one order, or by one of them."
    )


class KnowledgeEmbed(Body):
    documents: Annotated[int, Field(ge=1, le=1000)] = Field(10, description="See to so many, and answer.")


class CollectionView(Shape):
    name: str
    documents: int
    chunks: int
    characters: int
    updated_at: datetime
    waiting: int | None = Field(description="Documents that have no vectors yet; null where there are none.")


class DocumentView(Shape):
    id: str
    collection: str
    title: str
    media_type: str
    digest: str
    characters: int
    chunks: int
    created_at: datetime
    updated_at: datetime
    vectors: VectorState = Field(description="Whether it is found by its vectors: off, waiting or ready.")
    problem: str = Field(description="Why its vectors could not be made when that was tried last.")


class DocumentKept(DocumentView):
    put: str = Field(description="added, changed or unchanged")


class FoundView(Shape):
    document: str
    title: str
    heading: str
    start: int = Field(description="Where in the text of the document.")
    stop: int
    text: str
    score: float


class SearchView(Shape):
    mode: Mode = Field(description="How it was searched for.")
    degraded: str = Field(description="Why by words only, where vectors were wanted; else empty.")
    found: list[FoundView]


class Embedded(Shape):
    model: str
    embedded: int = Field(description="Documents that have their vectors now.")
    waiting: int = Field(description="Documents that have none yet.")
    problem: str = Field(description="Why the last one could not be done; else empty.")


class Removed(Shape):
    documents: int


class Knowledge:
    def __init__(self, doors: Doors) -> None:
        self._knowledge = doors.stores.knowledge
        self._files = doors.stores.files
        self._embedder = doors.embedder

    def operations(self) -> list[Operation]:
        one = "/knowledge/{collection}"
        tag: dict[str, Any] = {"tag": "knowledge", "path_types": _COLLECTION}
        change: dict[str, Any] = {"role": Role.OPERATOR, **tag}
        return [
            Operation("GET", "/knowledge", self.collections, "Collections", gives=list[CollectionView], **tag),
            Operation("DELETE", one, self.remove_all, "Remove a collection", gives=Removed, problems=(404,),
                      audit="knowledge.remove", **change),
            Operation("POST", f"{one}/documents", self.put, "Add or replace a document", body=DocumentPut,
                      gives=DocumentKept, problems=(404,), **change),
            Operation("GET", f"{one}/documents", self.list, "Documents, by their ids", query=DocumentQuery,
                      gives=list[DocumentView], **tag),
            Operation("DELETE", f"{one}/documents", self.remove, "Remove a document", query=DocumentOf, status=204,
                      problems=(404,), **change),
            Operation("POST", f"{one}/search", self.search, "Pieces of documents, the best first",
                      body=KnowledgeSearch, gives=SearchView, problems=(409,), **tag),
            Operation("POST", f"{one}/embed", self.embed, "Make vectors of documents that have none",
                      body=KnowledgeEmbed, gives=Embedded, problems=(409,), **change),
        ]  # fmt: skip

    async def collections(self, call: Call) -> Reply:
        return json_reply([asdict(one) for one in await self._knowledge.collections(tenant=call.tenant)])

    async def put(self, call: Call) -> Reply:
        """One that is there with the same bytes stays as it is."""
        body = await call.body(DocumentPut)
        if (body.text is None) == (body.file_id is None):
            raise InvalidInput("Send `text`, or the `file_id` of an uploaded file.")
        if body.file_id is not None:
            file, data = await self._files.read(body.file_id, tenant=call.tenant)
            media_type = body.media_type or file.media_type
        else:
            data, media_type = (body.text or "").encode(), body.media_type or "text/markdown"
        document, put = await self._knowledge.put(
            call.path["collection"], body.id, data, media_type=media_type, title=body.title, tenant=call.tenant,
            user=call.visit.caller.user, embed=self._embed(call),
        )  # fmt: skip
        return json_reply({**asdict(document), "put": put})

    async def list(self, call: Call) -> Reply:
        query = call.query(DocumentQuery)
        found = await self._knowledge.list(
            call.path["collection"], tenant=call.tenant, after=query.after, limit=query.limit
        )
        return json_reply([asdict(one) for one in found])

    async def remove(self, call: Call) -> Reply:
        await self._knowledge.remove(call.path["collection"], call.query(DocumentOf).id, tenant=call.tenant)
        return JsonReply(b"", status=204)

    async def remove_all(self, call: Call) -> Reply:
        return json_reply({"documents": await self._knowledge.remove_all(call.path["collection"], tenant=call.tenant)})

    async def search(self, call: Call) -> Reply:
        body = await call.body(KnowledgeSearch)
        searched = await self._knowledge.search(
            call.path["collection"], body.query, tenant=call.tenant, limit=body.limit, mode=body.mode,
            embed=self._embed(call),
        )  # fmt: skip
        return json_reply(asdict(searched))

    async def embed(self, call: Call) -> Reply:
        """Those that wait longer after something went wrong too. Ask again while some are waiting."""
        body = await call.body(KnowledgeEmbed)
        progress = await self._knowledge.embed(
            call.path["collection"], tenant=call.tenant, embed=self._embed(call), most=body.documents
        )
        return json_reply(asdict(progress))

    def _embed(self, call: Call) -> Embed | None:
        """At the cost of who asks."""
        return None if self._embedder is None else self._embedder.by(caller_of(call.visit.caller))
