"""What outlives runs and threads: items that agents remember, found again by key, by filter, or by their words;
files; and documents, found by their words and by vectors. And for a short while what a conversation keeps.

Main path: `Items.put` writes a value and its words in one transaction; `Items.search` asks the database's own full
text. Who makes vectors is behind a door (`vectors.Embedder`).

May import: access, database, telemetry and below; knows neither agents nor runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.store.conversations import Conversations as Conversations
from fairlead.store.document import Document as Document
from fairlead.store.document import Found as Found
from fairlead.store.document import Mode as Mode
from fairlead.store.document import Search as Search
from fairlead.store.document import mode_of as mode_of
from fairlead.store.files import File as File
from fairlead.store.files import Files as Files
from fairlead.store.files import media_type_of as media_type_of
from fairlead.store.items import Item as Item
from fairlead.store.items import Items as Items
from fairlead.store.knowledge import Knowledge as Knowledge
from fairlead.store.knowledge import Vectors as Vectors
from fairlead.store.schema import MIGRATIONS as MIGRATIONS
from fairlead.store.schema import load_queries as load_queries


@dataclass(frozen=True, slots=True)
class Stores:
    """All of them, on one database; conversations in memory or Redis. Close them when done."""

    items: Items
    files: Files
    knowledge: Knowledge
    conversations: Conversations

    async def aclose(self) -> None:
        await self.conversations.aclose()

    @property
    def sweeps(self) -> Mapping[str, Callable[[], Awaitable[Any]]]:
        """What a worker does now and then."""
        sweeps: dict[str, Callable[[], Awaitable[Any]]] = {"store_retention": self.items.sweep}
        if self.knowledge.vectors is not None:
            sweeps["knowledge_embedding"] = self.knowledge.vectors.embedding.once
        return sweeps
