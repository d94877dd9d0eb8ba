"""Documents found by vectors, on SQLite with sqlite-vec and PostgreSQL with pgvector."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from fairlead.clock import SystemClock
from fairlead.database import Database, Postgres, Sqlite, migrate
from fairlead.database.sql import parse
from fairlead.errors import (
    BrokenAnswer,
    BudgetExceededError,
    ConfigurationError,
    Conflict,
    ModelUnavailable,
    NotFound,
)
from fairlead.store import MIGRATIONS, Knowledge, Mode, Vectors, load_queries
from fairlead.store.document import VectorState
from fairlead.store.vectors import Embedding, Nearest, prepare
from fairlead.store.vectors.tables import load_queries as load_vector_queries
from tests.gateway.loopback import Heard
from tests.store.embedders import Simulated

REFUNDS = b"# Refunds\n\nRefunds take ten days.\n\n# Shipping\n\nShipping is free above 50 euros."
OTHER = b"Our office is closed on Sundays."
LONG = "\n\n".join(f"# Part {n}\n\nWhat part {n} says of number{n}." for n in range(150)).encode()
_names = itertools.count(1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{tmp_path}/test.db" if request.param == "sqlite" else request.getfixturevalue("vectors_url")


async def open_it(url: str, *, vectors: bool = True) -> Database:
    if not url.startswith("postgresql:"):
        return await Sqlite.open(Path(url), clock=SystemClock(), vectors=vectors)
    return await Postgres.open(url, clock=SystemClock(), connections=4)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_it(database_url)
    await migrate(opened, (MIGRATIONS,))
    await prepare(opened)
    yield opened
    await opened.close()


class Made:
    """Knowledge with vectors, as one process has it."""

    def __init__(self, database: Database, model: Simulated) -> None:
        self.model, self.heard = model, Heard()
        self.nearest = Nearest(database, model.model)
        self.embedding = Embedding(
            database, model, self.nearest, new_claim=lambda: f"claim-{next(_names)}", clock=SystemClock(),
            emit=self.heard,
        )  # fmt: skip
        self.knowledge = Knowledge(
            database, load_queries(database.dialect), vectors=Vectors(model, self.embedding, self.nearest),
            clock=SystemClock(), emit=self.heard,
        )  # fmt: skip

    async def put(
        self, id: str, data: bytes, *, tenant: str = "t", collection: str = "faq", **more: Any
    ) -> VectorState:
        given = {"media_type": "text/markdown", **more}
        return (await self.knowledge.put(collection, id, data, tenant=tenant, **given))[0].vectors

    async def found(self, query: str, mode: Mode = Mode.VECTOR, *, tenant: str = "t", limit: int = 5) -> list[str]:
        searched = await self.knowledge.search("faq", query, tenant=tenant, mode=mode, limit=limit)
        return [one.text.split("\n")[0] for one in searched.found]

    async def state(self, id: str, tenant: str = "t") -> tuple[VectorState, str]:
        document = await self.knowledge.get("faq", id, tenant=tenant)
        return document.vectors, document.problem


Make = Callable[..., Made]


@pytest.fixture
def make(database: Database) -> Make:
    return lambda model=None: Made(database, model or Simulated())


async def count(database: Database, table: str) -> int:
    return (await database.read(parse("count", f"SELECT count(*) AS n FROM {table}", database.dialect)))[0]["n"]


# -- searching


async def test_pieces_are_found_by_what_they_are_near_to(make: Make) -> None:
    it = make()
    assert await it.put("faq.md", REFUNDS) is VectorState.READY
    assert await it.put("other.md", OTHER) is VectorState.READY
    assert await it.found("refunding", Mode.VECTOR, limit=1) == ["# Refunds"]  # shares no word with it, but letters
    [best, *_] = (await it.knowledge.search("faq", "shipping free", tenant="t", mode=Mode.VECTOR)).found
    assert REFUNDS.decode()[best.start : best.stop] == best.text and 0 < best.score <= 1
    assert it.heard.of("document_embedded")[0]["chunks"] == 2


async def test_words_and_vectors_come_to_one_order(make: Make) -> None:
    it = make()
    await it.put("faq.md", REFUNDS)
    await it.put("other.md", OTHER)
    searched = await it.knowledge.search("faq", "are refunds free?", tenant="t")
    assert (searched.mode, searched.degraded) == (Mode.HYBRID, "")
    assert len(searched.found) == 3  # the third by its vector alone
    assert {one.text.split("\n")[0] for one in searched.found[:2]} == {"# Refunds", "# Shipping"}
    assert searched.found[0].score == pytest.approx(2 / 61, rel=0.02)
    assert len((await it.knowledge.search("faq", "refunds", tenant="t", limit=1)).found) == 1
    assert await it.found("refunds", Mode.TEXT) == ["# Refunds"]
    assert it.model.calls == 2 + 2  # two documents, two questions: by words none is needed


async def test_nobody_finds_what_is_anothers(make: Make, database: Database) -> None:
    it = make()
    for tenant in ("t", "u"):
        await it.put("faq.md", REFUNDS if tenant == "t" else b"Theirs about refunds.", tenant=tenant)
    await it.put("faq.md", b"Refunds in another collection.", collection="more")
    assert await it.found("refunds", tenant="u") == ["Theirs about refunds."]
    assert set(await it.found("refunds", limit=100)) == {"# Refunds", "# Shipping"}
    assert await it.found("refunds", tenant="v") == []
    assert {tenant for tenant, _, text in it.model.paid if "Theirs" in text} == {"u"}
    await it.knowledge.remove("faq", "faq.md", tenant="u")
    assert await it.found("refunds", tenant="u") == [] and len(await it.found("refunds", limit=100)) == 2


async def test_a_tenant_finds_its_own_among_thousands_that_are_nearer(make: Make) -> None:
    it = make()
    theirs = "\n\n".join(f"# {n}\n\nRefunds refunds refunds {n}" for n in range(1500)).encode()
    await it.put("big.md", theirs, tenant="u")
    while (await it.state("big.md", "u"))[0] is not VectorState.READY:
        await it.embedding.once()
    await it.put("mine.md", b"Refunds, now and then, among other words that nobody asked for.")
    assert await it.found("refunds refunds") == ["Refunds, now and then, among other words that nobody asked for."]


# -- keeping


async def test_what_has_not_changed_is_not_paid_for_again(make: Make) -> None:
    it = make()
    await it.put("faq.md", REFUNDS)
    paid = len(it.model.paid)
    await it.put("faq.md", REFUNDS)
    await it.put("faq.md", REFUNDS, title="A title is in no piece")
    assert len(it.model.paid) == paid == 2
    assert await it.state("faq.md") == (VectorState.READY, "")
    assert (await it.knowledge.get("faq", "faq.md", tenant="t")).title == "A title is in no piece"


async def test_vectors_go_with_their_pieces(make: Make, database: Database) -> None:
    it = make()
    await it.put("faq.md", REFUNDS)
    await it.put("other.md", OTHER)
    await it.put("faq.md", b"Something else.")
    assert await count(database, "knowledge_vectors") == 2 and "# Refunds" not in await it.found("refunds")
    await it.knowledge.remove("faq", "faq.md", tenant="t")
    assert await count(database, "knowledge_vectors") == await count(database, "knowledge_embedding") == 1
    await it.knowledge.remove_all("faq", tenant="t")
    assert await count(database, "knowledge_vectors") == await count(database, "knowledge_embedding") == 0
    assert await it.put("empty.md", b"") is VectorState.READY  # there is nothing to find
    assert await it.embedding.once() == timedelta(seconds=5)


async def test_they_go_also_where_vectors_were_switched_off(make: Make, database_url: str, database: Database) -> None:
    it = make()
    await it.put("faq.md", REFUNDS)
    without = await open_it(database_url, vectors=False)
    plain = Knowledge(without, load_queries(without.dialect), clock=SystemClock(), emit=Heard())
    assert (await plain.get("faq", "faq.md", tenant="t")).vectors is VectorState.OFF
    await plain.put("faq", "faq.md", OTHER, media_type="text/markdown", tenant="t")
    await without.close()
    assert await count(database, "knowledge_vectors") == 0
    again = make()  # switched on again: what came meanwhile is seen to
    assert await again.state("faq.md") == (VectorState.WAITING, "")
    await again.embedding.once()
    assert await again.state("faq.md") == (VectorState.READY, "")
    assert await again.found("office sundays", limit=1) == ["Our office is closed on Sundays."]


# -- when it can't be done


async def test_a_document_is_kept_when_its_vectors_can_not_be_made(make: Make) -> None:
    it = make()
    await it.put("other.md", OTHER)
    it.model.failing = ModelUnavailable("out of order")
    assert await it.put("faq.md", REFUNDS, user="ada") is VectorState.WAITING
    assert await it.state("faq.md") == (VectorState.WAITING, "model_unavailable: out of order")
    [told] = it.heard.of("document_not_embedded")
    assert (told["document"], told["error"]) == ("faq.md", "model_unavailable") and told["again_in"] == timedelta(
        seconds=5
    )
    [collection] = await it.knowledge.collections(tenant="t")
    assert (collection.documents, collection.waiting) == (2, 1)
    assert await it.found("refunds", Mode.TEXT) == ["# Refunds"]
    await it.embedding.once()  # not at once again: a worker waits
    assert it.model.calls == 2
    it.model.failing = None
    progress = await it.knowledge.embed("faq", tenant="t")  # whoever asks for it does not
    assert (progress.embedded, progress.waiting, progress.problem) == (1, 0, "")
    assert await it.state("faq.md") == (VectorState.READY, "")


async def test_what_is_made_later_is_at_the_cost_of_whoever_handed_it_in(make: Make, database: Database) -> None:
    it = make()
    it.model.failing = BudgetExceededError("used up")
    await it.put("faq.md", REFUNDS, user="ada", tenant="acme")
    it.model.failing = None
    await database.write(parse("due", "UPDATE knowledge_embedding SET not_before = 0", database.dialect))
    await it.embedding.once()
    assert {(tenant, user) for tenant, user, _ in it.model.paid} == {("acme", "ada")}


async def test_a_question_without_a_vector_is_searched_for_by_its_words_and_says_so(make: Make) -> None:
    it = make()
    await it.put("faq.md", REFUNDS)
    it.model.failing = ModelUnavailable("out of order")
    for mode in (Mode.HYBRID, Mode.VECTOR):
        searched = await it.knowledge.search("faq", "refunds", tenant="t", mode=mode)
        assert [one.heading for one in searched.found] == ["Refunds"]
        assert (searched.mode, searched.degraded) == (Mode.TEXT, "model_unavailable: out of order")
    assert [told["error"] for told in it.heard.of("knowledge_degraded")] == ["model_unavailable"] * 2


async def test_who_dies_in_the_middle_leaves_what_is_paid_for_and_another_goes_on(
    make: Make, database: Database
) -> None:
    it = make()
    it.model.hang_at = 2
    putting = asyncio.create_task(it.put("long.md", LONG))
    await it.model.hanging.wait()
    putting.cancel()
    await asyncio.wait([putting])
    assert await count(database, "knowledge_vectors") == 64
    assert await it.state("long.md") == (VectorState.WAITING, "")
    assert await it.found("number7") == []  # never half
    assert await it.found("number7", Mode.TEXT) == ["# Part 7"]
    other = make()
    await other.embedding.once()  # the claim of the dead holds still
    assert other.model.calls == 0
    await database.write(parse("late", "UPDATE knowledge_embedding SET not_before = 0", database.dialect))
    await other.embedding.once()
    assert len(other.model.paid) == 150 - 64
    assert await other.state("long.md") == (VectorState.READY, "")
    assert await other.found("part 7 says number7", limit=1) == ["# Part 7"]


async def test_whoever_lost_its_claim_or_its_document_keeps_nothing(make: Make, database: Database) -> None:
    it, other = make(), make()
    it.model.hang_at = 1
    putting = asyncio.create_task(it.put("faq.md", REFUNDS))
    await it.model.hanging.wait()
    await other.put("faq.md", OTHER)  # replaced meanwhile: its own claim goes with its pieces
    assert await other.state("faq.md") == (VectorState.READY, "")
    putting.cancel()
    await asyncio.wait([putting])
    where = {"tenant": "t", "collection": "faq", "id": "faq.md"}
    kept = await database.write(
        load_vector_queries(database.dialect)["keep_vectors"], [(0, "[1]")], **where, number=1, claim="of-the-dead",
        lease=1,
    )  # fmt: skip
    assert not kept and await count(database, "knowledge_vectors") == 1


async def test_many_who_embed_at_once_pay_once(make: Make, database: Database) -> None:
    first = make()
    first.model.failing = ModelUnavailable("not yet")
    for n in range(12):
        await first.put(f"{n}.md", f"# Number {n}\n\nSays number{n}.".encode())
    await database.write(parse("due", "UPDATE knowledge_embedding SET not_before = 0", database.dialect))
    workers = [make() for _ in range(4)]
    await asyncio.gather(*(one.embedding.once() for one in workers))
    assert sum(len(one.model.paid) for one in workers) == 12
    assert (await workers[0].embedding.waiting("t")) == {}


async def test_a_large_document_is_not_waited_for(make: Make) -> None:
    it = make()
    data = "\n\n".join(f"# Part {n}\n\nnumber{n}" for n in range(400)).encode()
    assert await it.put("big.md", data) is VectorState.WAITING
    assert len(it.model.paid) == 256 and await it.state("big.md") == (VectorState.WAITING, "")
    await it.embedding.once()
    assert len(it.model.paid) == 400 and await it.state("big.md") == (VectorState.READY, "")


# -- models


async def test_another_model_embeds_everything_anew_and_nothing_is_mixed(make: Make, database: Database) -> None:
    old, new = make(), make(Simulated("others", 32))
    await old.put("faq.md", REFUNDS)
    await old.put("other.md", OTHER)
    assert await new.state("faq.md") == (VectorState.WAITING, "")
    searched = await new.knowledge.search("faq", "refunds", tenant="t")
    assert [one.heading for one in searched.found] == ["Refunds"] and new.model.calls == 0  # there are no vectors of it
    progress = await new.knowledge.embed("faq", tenant="t", most=1)
    assert (progress.model, progress.embedded, progress.waiting) == ("others", 1, 1)
    assert len(await new.found("refunds", limit=100)) in (1, 2)  # of the one document that has them
    assert (await new.knowledge.embed("faq", tenant="t")).waiting == 0
    assert len(await new.found("refunds", limit=100)) == 3
    assert await count(database, "knowledge_vectors") == 3  # those of the old one are gone


async def test_vectors_of_other_dimensions_are_refused_and_told(make: Make, database: Database) -> None:
    it, changed = make(), make(Simulated("words", 65))
    await it.put("faq.md", REFUNDS)
    assert await changed.put("other.md", OTHER) is VectorState.WAITING
    state, problem = await changed.state("other.md")
    assert (
        state is VectorState.WAITING
        and "65 dimensions" in problem
        and "FAIRLEAD_KNOWLEDGE_EMBEDDING_DIMENSIONS" in problem
    )
    searched = await changed.knowledge.search("faq", "refunds", tenant="t")
    assert searched.mode is Mode.TEXT and "65 dimensions" in searched.degraded
    with pytest.raises(BrokenAnswer):
        await changed.nearest.search("faq", [1.0] * 65, tenant="t", limit=1)
    assert await count(database, "knowledge_vectors") == 2


@pytest.mark.parametrize("numbers", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0], [1e300, 1.0]])
async def test_a_vector_that_points_nowhere_is_not_kept(make: Make, database: Database, numbers: list[float]) -> None:
    it = make(Simulated("words", 2))
    await it.put("faq.md", REFUNDS)

    async def embed(texts: Any) -> list[list[float]]:
        return [numbers for _ in texts]

    assert await it.put("other.md", OTHER, embed=embed) is VectorState.WAITING
    assert (await it.state("other.md"))[1].startswith("broken_answer")
    assert await count(database, "knowledge_vectors") == 2
    searched = await it.knowledge.search("faq", "refunds", tenant="t", embed=embed)
    assert searched.mode is Mode.TEXT and searched.degraded


@pytest.mark.parametrize("dimensions", [3, 1536, 3072, 5000])
async def test_vectors_of_any_size_are_kept_and_found(make: Make, dimensions: int) -> None:
    it = make(Simulated("words", dimensions))
    await it.put("faq.md", REFUNDS)
    assert len(await it.found("refunds")) == 2


# -- without


async def test_without_a_model_documents_are_found_by_words(database: Database) -> None:
    plain = Knowledge(database, load_queries(database.dialect), clock=SystemClock(), emit=Heard())
    document, _ = await plain.put("faq", "faq.md", REFUNDS, media_type="text/markdown", tenant="t")
    assert document.vectors is VectorState.OFF and (await plain.collections(tenant="t"))[0].waiting is None
    searched = await plain.search("faq", "refunds", tenant="t")
    assert (searched.mode, searched.degraded, len(searched.found)) == (Mode.TEXT, "", 1)
    for asked in (plain.search("faq", "refunds", tenant="t", mode=Mode.VECTOR), plain.embed("faq", tenant="t")):
        with pytest.raises(Conflict, match="FAIRLEAD_KNOWLEDGE_EMBEDDING_MODEL"):
            await asked
    with pytest.raises(NotFound):
        await plain.get("faq", "no.md", tenant="t")


_WITHOUT = """
import asyncio, pathlib, sys
from fairlead.clock import SystemClock
from fairlead.database import Sqlite
from fairlead.errors import ConfigurationError
from fairlead.store.vectors import prepare

async def main():
    database = await Sqlite.open(pathlib.Path(sys.argv[1]), clock=SystemClock())
    try:
        await prepare(database)
    except ConfigurationError as error:
        print(error)
    await database.close()

asyncio.run(main())
"""


def test_sqlite_without_sqlite_vec_says_what_to_install(tmp_path: Path) -> None:
    """In a process of its own: where Python can't load it for one connection, it is there for all."""
    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT, str(tmp_path / "plain.db")], capture_output=True, text=True, check=True
    )
    assert "sqlite-vec" in ran.stdout and "pip install 'fairlead[vectors]'" in ran.stdout


@pytest.mark.postgres
async def test_postgres_without_pgvector_says_what_to_install(postgres_url: str) -> None:
    database = await Postgres.open(postgres_url, clock=SystemClock(), connections=2)
    there = await database.read(parse("has", "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'", "postgres"))
    if there:
        assert await prepare(database)
    else:
        with pytest.raises(ConfigurationError, match="pgvector"):
            await prepare(database)
    await database.close()


@pytest.mark.postgres
async def test_who_may_not_make_the_extension_is_told(vectors_url: str) -> None:
    connection = await asyncpg.connect(vectors_url)
    await connection.execute("DROP ROLE IF EXISTS nobody_much")
    await connection.execute("CREATE ROLE nobody_much LOGIN; GRANT CREATE ON SCHEMA public TO nobody_much")
    url = vectors_url.replace("postgres@", "nobody_much@")
    database = await Postgres.open(url, clock=SystemClock(), connections=2)
    await migrate(database, (MIGRATIONS,))
    with pytest.raises(ConfigurationError, match="does not let us"):
        await prepare(database)
    await database.close()
    await connection.execute("DROP OWNED BY nobody_much; DROP ROLE nobody_much")
    await connection.close()


# -- statements


def test_both_databases_answer_the_same_questions() -> None:
    assert load_vector_queries("sqlite").keys() == load_vector_queries("postgres").keys()


@pytest.mark.postgres
async def test_postgres_searches_by_its_index(vectors_url: str) -> None:
    database = await open_it(vectors_url)
    await migrate(database, (MIGRATIONS,))
    await prepare(database)
    it = Made(database, Simulated())
    await it.put("faq.md", REFUNDS)
    connection = await asyncpg.connect(vectors_url)
    for query in load_vector_queries("postgres").values():
        await connection.prepare(query.statements[0])
    await connection.execute("SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off")
    await it.found("refunds")
    statement = it.nearest._search  # the very one that was asked
    assert statement is not None
    prepared = await connection.prepare(statement.statements[0])
    given = {"tenant": "t", "collection": "faq", "model": "words", "query": str([0.5] * 512), "limit": 3}
    plan = str(await prepared.explain(*(given[name] for name in statement.parameters)))
    assert "knowledge_vectors_near_1" in plan
    await connection.close()
    await database.close()
