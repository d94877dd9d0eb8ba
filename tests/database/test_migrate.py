from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fairlead.database import Database, Migrations, migrate
from fairlead.errors import ConfigurationError, SchemaTooNew
from fairlead.runs.journal import MIGRATIONS
from tests.database.conftest import open_one


def part(folder: Path, **files: str) -> Migrations:
    for dialect in ("sqlite", "postgres"):
        (folder / dialect).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / dialect / f"{name[1:]}.sql").write_text(text)
    return Migrations("probe", folder)


ONE = "-- oldest_reader: 1\nCREATE TABLE one (id text);"
TWO = "-- oldest_reader: 1\nCREATE TABLE two (id text);"


async def test_each_is_applied_once_in_order(database: Database, tmp_path: Path) -> None:
    mine = part(tmp_path, _0001_one=ONE)
    assert await migrate(database, (mine,)) == ["probe 0001 one"]
    mine = part(tmp_path, _0002_two=TWO)
    assert await migrate(database, (mine,)) == ["probe 0002 two"]
    assert await migrate(database, (mine,)) == []


async def test_one_that_comes_after_a_later_number_is_applied_too(database: Database, tmp_path: Path) -> None:
    await migrate(database, (part(tmp_path, _0001_one=ONE, _0008_two=TWO),))
    mine = part(tmp_path, _0005_three="-- oldest_reader: 1\nCREATE TABLE three (id text);")
    assert await migrate(database, (mine,)) == ["probe 0005 three"]
    assert await migrate(database, (mine,)) == []


async def test_many_that_start_at_once_apply_it_once(database_url: str) -> None:
    databases = [await open_one(database_url) for _ in range(4)]
    applied = await asyncio.gather(*(migrate(one, (MIGRATIONS,)) for one in databases))
    for one in databases:
        await one.close()
    names = [name for one in applied for name in one]
    assert names and len(names) == len(set(names))


async def test_a_migration_that_fails_leaves_nothing_behind(database: Database, tmp_path: Path) -> None:
    broken = "-- oldest_reader: 1\nCREATE TABLE half (id text);\nCREATE TABEL oops;"
    with pytest.raises(Exception, match="TABEL"):
        await migrate(database, (part(tmp_path, _0001_one=broken),))
    mended = part(tmp_path, _0001_one="-- oldest_reader: 1\nCREATE TABLE half (id text);")
    assert await migrate(database, (mended,)) == ["probe 0001 one"]


async def test_older_code_goes_on_beside_a_newer_schema_until_that_takes_something_away(
    database: Database, tmp_path: Path
) -> None:
    old, new = part(tmp_path / "old", _0001_one=ONE), part(tmp_path / "new", _0001_one=ONE, _0002_two=TWO)
    await migrate(database, (new,))
    assert await migrate(database, (old,)) == []
    part(tmp_path / "new", _0003_three="-- oldest_reader: 2\nDROP TABLE one;")
    await migrate(database, (new,))
    with pytest.raises(SchemaTooNew, match="this Fairlead is at 1"):
        await migrate(database, (old,))


async def test_a_migration_must_say_its_oldest_reader(database: Database, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="0001_one"):
        await migrate(database, (part(tmp_path, _0001_one="CREATE TABLE one (id text);"),))


@pytest.mark.parametrize(
    "path", sorted(MIGRATIONS.folder.glob("*/*.sql")), ids=lambda path: f"{path.parent.name} {path.stem}"
)
def test_ours_only_add(path: Path) -> None:
    text = path.read_text().upper()
    assert not any(word in text for word in ("DROP TABLE", "DROP COLUMN", "RENAME", "ALTER COLUMN")), path
