"""Loads named `.sql` files: one folder per dialect, one file per question.

A file may use

    :name       a parameter
    {now}       the database's clock, microseconds since 1970
    {rows}      a derived table of the rows handed in, whose columns the first line declares (the first is never null):
                `-- rows: run_id text, fence int, data text`
    {piece}     SQLite: a few of those rows as values, whose columns are column1, column2, …: the statement, which has
                no parameters, is run for one piece after the other. For setting many of them down: it takes a third of
                the time of {rows}, which are read from JSON

SQLite files may hold several statements; they run in one transaction and the last one that
returns rows is the answer. PostgreSQL files hold one statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PIECE = "{piece}"
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
_ROWS = re.compile(r"^-- rows: (.+)$", re.MULTILINE)
_POSTGRES_TYPES = {"text": "text", "int": "bigint", "bool": "boolean"}
_NOW = {
    "postgres": "(extract(epoch from clock_timestamp()) * 1000000)::bigint",
    "sqlite": "now_us()",
}


@dataclass(frozen=True, slots=True)
class Query:
    """A question with a name. `statements` are ready for the dialect's driver."""

    name: str
    statements: tuple[str, ...]
    parameters: tuple[str, ...]  # PostgreSQL: in the order of $1, $2, …; the rows' columns come last
    columns: tuple[str, ...]  # of {rows}; empty when it takes none


Queries = Mapping[str, Query]


@cache
def load(folder: Path, dialect: str) -> Queries:
    """Every `.sql` file of `folder/dialect`, by its name without the ending."""
    return {path.stem: parse(path.stem, path.read_text(), dialect) for path in sorted((folder / dialect).glob("*.sql"))}


def parse(name: str, text: str, dialect: str) -> Query:
    declared = _ROWS.search(text)
    columns = tuple((c.split()[0], c.split()[1]) for c in declared.group(1).split(",")) if declared else ()
    text = re.sub(r"--.*$", "", text, flags=re.MULTILINE).replace("{now}", _NOW[dialect])
    if dialect == "sqlite":
        return _sqlite(name, text, columns)
    return _postgres(name, text, columns)


def _sqlite(name: str, text: str, columns: tuple[tuple[str, str], ...]) -> Query:
    picked = ", ".join(f"value->>{i} AS {column}" for i, (column, _) in enumerate(columns))
    text = text.replace("{rows}", f"(SELECT {picked} FROM json_each(:rows))")
    statements = tuple(part.strip() for part in text.split(";") if part.strip())
    return Query(name, statements, (), tuple(column for column, _ in columns))


def _postgres(name: str, text: str, columns: tuple[tuple[str, str], ...]) -> Query:
    order: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match.group(1) not in order:
            order.append(match.group(1))
        return f"${order.index(match.group(1)) + 1}"

    text = _PARAMETER.sub(number, text)
    # Columns travel as one text each: the driver looks at every element of an array, which took longer (27 us a row of
    # 13 columns) than all the rest. Control characters divide; the last element of each is no row.
    arrays = ", ".join(
        f"string_to_array(${len(order) + 1 + i}, E'\\x1f', E'\\x1e')::{_POSTGRES_TYPES[t]}[]"
        for i, (_, t) in enumerate(columns)
    )
    names = ", ".join(column for column, _ in columns)
    text = text.replace(
        "{rows}",
        # The limit, which is never reached, has PostgreSQL expect few rows before it has seen them: then a plan made
        # once is as good as one made for these rows, and it stops planning anew each time (0.2 ms of 0.3).
        f"(SELECT * FROM unnest({arrays}) AS given({names}) WHERE {names.split(',')[0]} IS NOT NULL"
        f" LIMIT length(${len(order) + 1}))",
    )
    return Query(name, (text.strip().rstrip(";"),), tuple(order), tuple(column for column, _ in columns))
