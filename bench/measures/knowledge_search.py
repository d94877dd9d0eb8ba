"""How long a search takes among ten thousand pieces: by words, by vectors, by both."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.figure import Figure, at_most, percentile
from bench.place import Place
from fairlead.clock import SystemClock
from fairlead.database import Database, Postgres, Sqlite, migrate
from fairlead.store import MIGRATIONS, Knowledge, Mode, Vectors, load_queries
from fairlead.store.vectors import Embed, Embedding, Nearest, prepare
from tests.servers import PostgresServer, postgres_with_vectors

PIECES, OF_A_DOCUMENT, DIMENSIONS = 10_000, 100, 1536
TITLE = "A search among ten thousand pieces of documents"
WORK = (
    f"{PIECES} pieces of 120 words out of 5000, in one collection, each with a vector of {DIMENSIONS} random numbers: "
    "the worst case for an index. Questions of five words, the best five pieces. Without the model's own time: its "
    "vectors come at once. On PostgreSQL without fsync, which a search does not wait for."
)
_WORDS = [f"word{number}" for number in range(5000)]
_numbers = itertools.count()


class Dice:
    """Implements `Embedder`."""

    model = "dice"

    def of(self, tenant: str, user: str | None = None) -> Embed:
        async def embed(texts: Sequence[str]) -> Sequence[Sequence[float]]:
            return [[random.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in texts]

        return embed


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    random.seed(1)
    server = PostgresServer(durable=False, binaries=postgres_with_vectors(place.new_folder()))
    place.folder.chmod(0o755)  # the server may not run as root, and must find its own programs
    figures: list[Figure] = []
    filled: list[str] = []
    try:
        for url in (str(place.new_folder() / "knowledge.db"), server.start()):
            database = await _open(url)
            pieces, seconds = await _fill(database, place)
            filled.append(f"{pieces} pieces put into {database.dialect} in {seconds:.0f} s")
            for mode in Mode:
                took = [await _times(database, mode, place.amount(200)) for _ in range(place.repeats)]
                figures.append(
                    Figure(
                        f"{database.dialect}, {mode}, p95", "ms", [percentile(one, 95) for one in took], at_most(250)
                    )
                )
            await database.close()
    finally:
        server.remove()
    return figures, [f"{'; '.join(filled)}."]


async def _open(url: str) -> Database:
    if url.startswith("postgresql:"):
        database: Database = await Postgres.open(url, clock=SystemClock())
    else:
        database = await Sqlite.open(Path(url), clock=SystemClock(), vectors=True)
    await migrate(database, (MIGRATIONS,))
    await prepare(database)
    return database


def _knowledge(database: Database) -> Knowledge:
    model, clock, nearest = Dice(), SystemClock(), Nearest(database, Dice.model)
    embedding = Embedding(database, model, nearest, new_claim=lambda: str(next(_numbers)), clock=clock, emit=_nobody)
    vectors = Vectors(model, embedding, nearest)
    return Knowledge(database, load_queries(database.dialect), vectors=vectors, clock=clock, emit=_nobody)


async def _fill(database: Database, place: Place) -> tuple[int, float]:
    knowledge, began = _knowledge(database), time.perf_counter()
    documents = place.amount(PIECES // OF_A_DOCUMENT)
    for number in range(documents):
        said = (" ".join(random.choices(_WORDS, k=120)) for _ in range(OF_A_DOCUMENT))
        text = "\n\n".join(f"# Part {part}\n\n{words}" for part, words in enumerate(said))
        await knowledge.put("all", f"{number}.md", text.encode(), media_type="text/markdown", tenant="t")
    return documents * OF_A_DOCUMENT, time.perf_counter() - began


async def _times(database: Database, mode: Mode, count: int) -> list[float]:
    """Milliseconds of each."""
    knowledge, took = _knowledge(database), list[float]()
    for _ in range(count):
        question, began = " ".join(random.choices(_WORDS, k=5)), time.perf_counter()
        searched = await knowledge.search("all", question, tenant="t", mode=mode)
        took.append(1000 * (time.perf_counter() - began))
        assert searched.mode is mode and len(searched.found) == 5
    return took


def _nobody(event: str, /, **fields: Any) -> None:
    """Listens."""
