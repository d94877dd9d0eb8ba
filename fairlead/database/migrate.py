"""Our own numbered migrations, expand-only, applied once, under a lock.

Each part that owns tables has a folder of `NNNN_name.sql` files per dialect. The first line says the oldest code that
still works with the schema the file leaves behind:

    -- oldest_reader: 1

Old workers live on beside a newer schema (a run ends on the release it began on), so files only add. A file that takes
something away raises `oldest_reader`, and code older than that refuses to start: `SchemaTooNew`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fairlead.database.door import Database
from fairlead.database.sql import parse
from fairlead.errors import ConfigurationError, Conflict, SchemaTooNew

_OLDEST = re.compile(r"^-- oldest_reader: (\d+)$", re.MULTILINE)
_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    part text NOT NULL, number integer NOT NULL, name text NOT NULL, oldest_reader integer NOT NULL,
    applied_at bigint NOT NULL, PRIMARY KEY (part, number)
)"""


@dataclass(frozen=True, slots=True)
class Migrations:
    """The migrations of one part: `folder/<dialect>/NNNN_name.sql`."""

    part: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    oldest_reader: int
    text: str


async def migrate(database: Database, parts: tuple[Migrations, ...]) -> list[str]:
    """Bring the schema up to this code's; answers the names of what was applied.

    Raises `SchemaTooNew` when a newer Fairlead has taken away what this code needs.
    """
    await _unless_raced(database, _LEDGER)
    applied: list[str] = []
    for part in parts:
        known = _load(part, database.dialect)
        there, oldest_reader = await _state(database, part.part)
        mine = known[-1].number
        if mine < oldest_reader:
            raise SchemaTooNew(
                f"The database is at {part.part} schema {max(there)}, which needs code of schema {oldest_reader} or "
                f"newer; this Fairlead is at {mine}.",
                hint="Start a newer Fairlead, or restore the database from before its upgrade.",
            )
        for migration in known:
            # By number, not beyond the newest: work that was done side by side is not released in the order of numbers.
            if migration.number not in there and await _unless_raced(
                database, _guarded(database.dialect, part.part, migration)
            ):
                applied.append(f"{part.part} {migration.number:04} {migration.name}")
    return applied


async def _unless_raced(database: Database, text: str) -> bool:
    """False when another process has just done the same."""
    try:
        await database.script(text)
    except Conflict:
        return False
    return True


def _load(part: Migrations, dialect: str) -> list[Migration]:
    return [_read(path) for path in sorted((part.folder / dialect).glob("[0-9]*.sql"))]


def _read(path: Path) -> Migration:
    text = path.read_text()
    oldest = _OLDEST.search(text)
    if oldest is None:
        raise ConfigurationError(f"{path.name} does not say its oldest reader.")
    number, _, name = path.stem.partition("_")
    return Migration(int(number), name, int(oldest.group(1)), text)


async def _state(database: Database, part: str) -> tuple[set[int], int]:
    """The numbers of what has been applied, and the oldest code that can live with all of it."""
    query = parse(
        "schema_state", "SELECT number, oldest_reader FROM schema_migrations WHERE part = :part", database.dialect
    )
    rows = await database.read(query, part=part)
    return {row["number"] for row in rows}, max((row["oldest_reader"] for row in rows), default=0)


def _guarded(dialect: str, part: str, migration: Migration) -> str:
    """The file and its ledger row in one transaction; two who start at once take turns, and the second does nothing."""
    now = parse("now", "{now}", dialect).statements[0]
    # The ledger row goes first: who comes second runs into it and applies nothing.
    ledger = (
        "INSERT INTO schema_migrations (part, number, name, oldest_reader, applied_at) VALUES "
        f"('{part}', {migration.number}, '{migration.name}', {migration.oldest_reader}, {now});\n"
    )
    text = re.sub(r"--.*$", "", migration.text, flags=re.MULTILINE)
    return ledger + text
