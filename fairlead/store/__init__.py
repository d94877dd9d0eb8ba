"""What outlives runs and threads: items that agents remember, found again by key, by filter, or by their words.

Main path: `Items.put` writes a value and its words in one transaction; `Items.search` asks the database's own full
text.

May import: gateway, access, database, telemetry and below; knows neither agents nor runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.store.files import File as File
from fairlead.store.files import Files as Files
from fairlead.store.items import Item as Item
from fairlead.store.items import Items as Items
from fairlead.store.knowledge import Document as Document
from fairlead.store.knowledge import Found as Found
from fairlead.store.knowledge import Knowledge as Knowledge
from fairlead.store.schema import MIGRATIONS as MIGRATIONS
from fairlead.store.schema import load_queries as load_queries


@dataclass(frozen=True, slots=True)
class Stores:
    """All of them, on one database."""

    items: Items
    files: Files
    knowledge: Knowledge

    @property
    def sweeps(self) -> Mapping[str, Callable[[], Awaitable[Any]]]:
        """What a worker does now and then."""
        return {"store_retention": self.items.sweep}
