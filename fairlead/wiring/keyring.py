"""The keys that a serving process takes: those of its settings, and those of its database."""

from __future__ import annotations

from fairlead.access import Keyring, KeyTable, ensure_safe_to_listen
from fairlead.wiring.engine import Engine


async def open_keyring(engine: Engine, *, host: str) -> Keyring:
    """For a server that will be reached at `host`. Close it before the engine.

    Raises `DatabaseUnavailable`, and `ConfigurationError` when others could reach us and nobody would be asked for a
    key.
    """
    table = KeyTable(engine.key_book, signals=engine.database.signals, clock=engine.clock, emit=engine.emit)
    await table.open()
    keys = Keyring(engine.settings.access.api_keys, table=table, clock=engine.clock, emit=engine.emit)
    ensure_safe_to_listen(host, keys)
    return keys
