"""The gateway's tables and questions, on either database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fairlead.database import Migrations, Query
from fairlead.database import sql as named_sql

_HERE = Path(__file__).parent

MIGRATIONS = Migrations("gateway", _HERE / "migrations")


def load_queries(dialect: str) -> Mapping[str, Query]:
    return named_sql.load(_HERE / "queries", dialect)
