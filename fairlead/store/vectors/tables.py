"""The tables of vectors: made when they are switched on, and not before."""

from __future__ import annotations

from pathlib import Path

from fairlead.database import Database, Migrations, Queries, migrate
from fairlead.database import sql as named_sql
from fairlead.database.sql import parse
from fairlead.errors import ConfigurationError

_HERE = Path(__file__).parent
_TEMPLATES = _HERE / "templates"
MIGRATIONS = Migrations("vectors", _HERE / "migrations")
_LEAST_PGVECTOR = (0, 8)  # from there on a search looks on until enough of what it finds is of the tenant that asks


def load_queries(dialect: str) -> Queries:
    return named_sql.load(_HERE / "queries", dialect)


def template(name: str, dialect: str) -> str:
    """A statement that says the model's number and dimensions itself: an index is made for one model, and used only by
    statements that say it as the index does."""
    return (_TEMPLATES / dialect / f"{name}.sql").read_text()


async def prepare(database: Database) -> list[str]:
    """Make them; the names of what was applied. Raises ConfigurationError with what to install."""
    await require(database)
    return await migrate(database, (MIGRATIONS,))


async def require(database: Database) -> None:
    """Raises ConfigurationError with what to install, where vectors can't be kept."""
    if database.dialect == "sqlite":
        await _require_sqlite_vec(database)
    else:
        await _require_pgvector(database)


async def _require_sqlite_vec(database: Database) -> None:
    text = "SELECT 1 FROM pragma_function_list WHERE name = 'vec_distance_cosine'"
    if not await database.read(parse("has_vec", text, "sqlite")):
        raise ConfigurationError(
            "SQLite has no sqlite-vec, so there are no vectors.", hint="Install it: pip install 'fairlead[vectors]'."
        )


async def _require_pgvector(database: Database) -> None:
    text = (
        "SELECT coalesce(installed_version, default_version) AS version FROM pg_available_extensions"
        " WHERE name = 'vector'"
    )
    rows = await database.read(parse("has_vector", text, "postgres"))
    if not rows:
        raise ConfigurationError(
            "This PostgreSQL has no pgvector, so there are no vectors.",
            hint="Install it beside the server (Debian: postgresql-17-pgvector), or choose a service that has it.",
        )
    version: str = rows[0]["version"]
    if tuple(int(part) for part in version.split(".")[:2]) < _LEAST_PGVECTOR:
        raise ConfigurationError(
            f"pgvector {version} is too old, so there are no vectors.",
            hint="Install 0.8 or newer; then: ALTER EXTENSION vector UPDATE.",
        )
