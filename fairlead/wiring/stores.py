"""What outlives runs and threads, put together from the settings."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from fairlead.clock import Clock
from fairlead.config import Settings
from fairlead.database import Blobs, Database
from fairlead.errors import ConfigurationError
from fairlead.gateway import Embedder
from fairlead.store import Conversations, Files, Items, Knowledge, Stores, Vectors, load_queries
from fairlead.store.conversations import ConversationStore, MemoryConversations
from fairlead.store.vectors import Embedding, Nearest, prepare
from fairlead.telemetry.emit import Emit
from fairlead.wiring.redis import open_redis


async def open_stores(
    settings: Settings, database: Database, blobs: Blobs, *, embedder: Embedder | None, new_id: Callable[[], str],
    clock: Clock, emit: Emit,
) -> Stores:  # fmt: skip
    queries = load_queries(database.dialect)
    vectors, unavailable = await _open_vectors(database, embedder, new_id=new_id, clock=clock, emit=emit)
    return Stores(
        items=Items(database, queries, settings.store, clock=clock, emit=emit),
        knowledge=Knowledge(database, queries, vectors=vectors, unavailable=unavailable, clock=clock, emit=emit),
        files=Files(database, queries, blobs, settings.store, new_id=new_id, clock=clock),
        conversations=Conversations(_conversations(settings, clock), ttl=settings.store.conversation_ttl),
    )


def _conversations(settings: Settings, clock: Clock) -> ConversationStore:
    if settings.database.redis_url is None:
        return MemoryConversations(clock=clock)
    return import_module("fairlead.store.conversations_redis").RedisConversations(open_redis(settings))


async def _open_vectors(
    database: Database, embedder: Embedder | None, *, new_id: Callable[[], str], clock: Clock, emit: Emit
) -> tuple[Vectors | None, str]:
    """Or why there are none, where they are wanted. What is missing for them keeps nobody from all the rest."""
    if embedder is None:
        return None, ""
    try:
        for name in await prepare(database):
            emit("migration_applied", database=database.dialect, migration=name)
    except ConfigurationError as error:
        emit("vectors_unavailable", database=database.dialect, message=error.message, hint=error.hint)
        return None, str(error)
    nearest = Nearest(database, embedder.model)
    embedding = Embedding(database, embedder, nearest, new_claim=new_id, clock=clock, emit=emit)
    return Vectors(embedder, embedding, nearest), ""
