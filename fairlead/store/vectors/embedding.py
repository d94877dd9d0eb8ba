"""Make the vectors of documents: one at a time, in batches, by whoever holds the claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fairlead.clock import Clock
from fairlead.database import Call, Database, Row
from fairlead.errors import DatabaseUnavailable, FairleadError
from fairlead.store.vectors.door import Embed, Embedder
from fairlead.store.vectors.nearest import Nearest, written
from fairlead.store.vectors.tables import load_queries
from fairlead.telemetry.emit import Emit

BATCH = 64  # pieces in one call: some 25 000 tokens
AT_PUT = 256  # pieces of a document that whoever hands it in waits for; the others come soon after
_LEASE = timedelta(seconds=120)  # of a claim, from the last batch on: as long as one call may take, and as long again
_IDLE = timedelta(seconds=5)
_MOST_TURNS = 20  # documents that one turn of the role embeds
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=10)
_MOST_SAID = 500
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Progress:
    """`embedded`: documents that this has seen to; `waiting`: those that have no vectors yet."""

    model: str
    embedded: int
    waiting: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Claim:
    where: Mapping[str, str]
    token: str
    user: str | None
    tries: int


class Embedding:
    def __init__(
        self, database: Database, embedder: Embedder, nearest: Nearest, *, new_claim: Callable[[], str], clock: Clock,
        emit: Emit,
    ) -> None:  # fmt: skip
        self._database = database
        self._queries = load_queries(database.dialect)
        self._embedder = embedder
        self._nearest = nearest
        self._new_claim = new_claim
        self._clock = clock
        self._emit = emit
        self._seen_all = False

    @property
    def model(self) -> str:
        return self._embedder.model

    def queue(self, where: Mapping[str, str], user: str | None) -> Call:
        """For the transaction that keeps a document's pieces: from then on it waits for its vectors."""
        return Call(self._queries["queue"], {**where, "model": self.model, "user_id": user})

    async def document(self, where: Mapping[str, str], *, embed: Embed | None = None, most: int | None = None) -> bool:
        """Make the vectors of one that waits, now. False when it waits still: it can't be done at the moment, it is in
        work elsewhere, or it has more than `most` pieces. Whatever a model or a budget says is kept with it."""
        claim = await self._claim(**where, hurry=True)
        return claim is not None and await self._carry_out(claim, embed, most)

    async def once(self) -> timedelta | None:
        """A worker's turn: see to documents that wait. At first also to those that nobody has queued."""
        if not self._seen_all:
            await self._queue_all(None, None)
            self._seen_all = True
        for _ in range(_MOST_TURNS):
            claim = await self._claim()
            if claim is None:
                return _IDLE
            if not await self._carry_out(claim, None, None):
                return _IDLE  # the next would fare no better, if it is the provider: and it is told once for each
        return timedelta(0)

    async def catch_up(self, tenant: str, collection: str, *, embed: Embed, most: int) -> Progress:
        """See to up to so many documents that wait, also to those that would wait longer. Stops at the first that can't
        be done: the next would fare no better."""
        await self._queue_all(tenant, collection)
        embedded, problem = 0, ""
        for _ in range(most):
            claim = await self._claim(tenant=tenant, collection=collection, hurry=True)
            if claim is None:
                break
            if not await self._carry_out(claim, embed, None):
                problem = await self._problem(claim.where)
                break
            embedded += 1
        return Progress(self.model, embedded, (await self.waiting(tenant)).get(collection, 0), problem)

    async def waiting(self, tenant: str) -> dict[str, int]:
        """How many documents of each collection have no vectors yet."""
        rows = await self._database.read(self._queries["count_waiting"], tenant=tenant, model=self.model)
        return {row["collection"]: row["documents"] for row in rows}

    async def states(self, tenant: str, collection: str, ids: Sequence[str]) -> dict[str, Row]:
        rows = await self._database.read(
            self._queries["states"], [(id,) for id in ids], tenant=tenant, collection=collection
        )
        return {row["document"]: row for row in rows}

    async def _queue_all(self, tenant: str | None, collection: str | None) -> None:
        await self._database.write(self._queries["queue_all"], tenant=tenant, collection=collection, model=self.model)

    async def _claim(
        self, tenant: str | None = None, collection: str | None = None, id: str | None = None, *, hurry: bool = False
    ) -> _Claim | None:
        token = self._new_claim()
        rows = await self._database.write(
            self._queries["claim"], tenant=tenant, collection=collection, id=id, model=self.model, claim=token,
            lease=_LEASE // _MICROSECOND, hurry=hurry,
        )  # fmt: skip
        if not rows:
            return None
        row = rows[0]
        where = {"tenant": row["tenant"], "collection": row["collection"], "id": row["document"]}
        return _Claim(where, token, row["user_id"], row["tries"])

    async def _carry_out(self, claim: _Claim, embed: Embed | None, most: int | None) -> bool:
        embed = embed or self._embedder.of(claim.where["tenant"], claim.user)
        started = self._clock.monotonic()
        try:
            made, whole = await self._make(claim, embed, most)
        except DatabaseUnavailable:
            raise  # the claim runs out, and somebody goes on from there
        except FairleadError as error:
            await self._give_back(claim, error)
            return False
        if whole:
            took = timedelta(seconds=self._clock.monotonic() - started)
            self._emit("document_embedded", **_said(claim), model=self.model, chunks=made, took=took)
        return whole

    async def _make(self, claim: _Claim, embed: Embed, most: int | None) -> tuple[int, bool]:
        """How many vectors, and whether the document has all of its own now."""
        made = 0
        while most is None or made < most:
            known = await self._nearest.known()
            chunks = await self._database.read(
                self._queries["bare_chunks"], **claim.where, number=known.number if known else -1, limit=BATCH
            )
            if not chunks:
                return made, await self._finish(claim)
            vectors = await embed([_text(chunk) for chunk in chunks])
            known = await self._nearest.learn(vectors[0])
            for vector in vectors:
                self._nearest.check(known, vector)
            kept = await self._database.write(
                self._queries["keep_vectors"],
                [(chunk["place"], written(vector)) for chunk, vector in zip(chunks, vectors, strict=True)],
                **claim.where, number=known.number, claim=claim.token, lease=_LEASE // _MICROSECOND,
            )  # fmt: skip
            if not kept:
                return made, False  # it has been replaced or removed, or somebody took over
            made += len(chunks)
        await self._put_down(claim, timedelta(0), "")
        return made, False

    async def _finish(self, claim: _Claim) -> bool:
        known = await self._nearest.known()
        if known is None:
            return False
        rows = await self._database.write(
            self._queries["finish"], **claim.where, model=self.model, number=known.number, claim=claim.token
        )
        return bool(rows)

    async def _give_back(self, claim: _Claim, error: FairleadError) -> None:
        pause = min(_FIRST_PAUSE * 2 ** min(claim.tries - 1, 10), _LONGEST_PAUSE)
        await self._put_down(claim, pause, f"{error.code}: {error}"[:_MOST_SAID])
        self._emit(
            "document_not_embedded", **_said(claim), model=self.model, error=error.code, message=error.message,
            again_in=pause,
        )  # fmt: skip

    async def _put_down(self, claim: _Claim, pause: timedelta, problem: str) -> None:
        await self._database.write(
            self._queries["give_back"], **claim.where, claim=claim.token, pause=pause // _MICROSECOND, problem=problem
        )

    async def _problem(self, where: Mapping[str, str]) -> str:
        states = await self.states(where["tenant"], where["collection"], [where["id"]])
        return states[where["id"]]["problem"] if where["id"] in states else ""


def _said(claim: _Claim) -> dict[str, Any]:
    where = claim.where
    return {"tenant": where["tenant"], "collection": where["collection"], "document": where["id"]}


def _text(chunk: Row) -> str:
    """The same words that the full text has."""
    return f"{chunk['heading']}\n{chunk['body']}" if chunk["heading"] else chunk["body"]
