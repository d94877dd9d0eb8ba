"""Backup, verification and restore on both databases."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from fairlead.errors import BackupFailed, Conflict, Damaged, DatabaseInUse, DatabaseUnavailable, NotFound
from fairlead.operate.backup import Manifest, State, prunable, prune, restore, take, verify
from fairlead.operate.backup.manifest import write_manifest
from tests.operate.conftest import LARGE, Project, execute


async def test_a_run_and_its_large_output_survive_the_loss_of_everything(project: Project) -> None:
    run = await project.run("!")
    subject = project.subject
    made = await take(subject, why="before v2")
    assert made.contents.tables["runs"] == 1
    assert made.contents.schema.keys() == {"runs", "access", "gateway", "store", "ship", "levels"}
    assert (made.blobs.count, made.blobs.missing, made.blobs.damaged) == (2, (), ())
    assert [entry.state for entry in subject.archive.list()] == [State.VERIFIED]
    await project.destroy()
    done = await restore(subject, made.id)
    assert (done.safety, done.kept_as, done.blobs) == (None, None, 2)
    assert await project.output(run) == LARGE + "!"
    assert await project.left_over() == []


async def test_what_was_there_before_is_backed_up_and_kept(project: Project) -> None:
    first = await project.run("1")
    subject = project.subject
    made = await take(subject)
    second = await project.run("2")
    done = await restore(subject, made.id)
    assert done.safety is not None and done.kept_as is not None
    with pytest.raises(NotFound):
        await project.output(second)
    await restore(subject, done.safety)
    assert await project.output(first) == LARGE + "1"
    assert await project.output(second) == LARGE + "2"


async def test_nothing_is_restored_while_a_worker_serves(project: Project) -> None:
    async with project.engine() as running:
        run = await running.run("large", "")
        made = await take(project.subject)  # beside it, a backup may be taken
        with pytest.raises(DatabaseInUse):
            await restore(project.subject, made.id)
        assert (await running.engine.control.get(run.id)).output == LARGE
        assert (await running.run("large", "again")).output == LARGE + "again"
    assert await project.left_over() == []
    await restore(project.subject, made.id)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def remove(path: Path) -> None:
    path.unlink()


async def test_what_harms_a_backup_is_found_and_nothing_is_restored_from_it(project: Project) -> None:
    run = await project.run()
    subject = project.subject
    made = await take(subject)
    shutil.rmtree(project.root / "blobs")  # so that a restore needs those of the backup
    folder, good = subject.archive.folder / made.id, project.root / "good"
    shutil.copytree(folder, good)
    for which in ("database.*", "blobs.jsonl.gz", "blobs/*/*.gz"):
        for harm in (flip, cut, remove):
            harm(next(folder.glob(which)))
            with pytest.raises(Damaged):
                await restore(subject, made.id)
            with pytest.raises(Damaged):
                await verify(subject, made.id)
            entry = subject.archive.find(made.id)
            assert entry.state is State.DAMAGED and entry.said
            shutil.rmtree(folder)
            shutil.copytree(good, folder)
    assert await project.left_over() == []
    async with project.engine(workers=0) as running:
        assert (await running.engine.control.get(run)).id == run
    await verify(subject, made.id)  # it was the harm, and nothing else


async def forge(project: Project, made: Manifest, **changed: object) -> None:
    """Somebody rewrites the manifest, and its digest with it."""
    path = project.subject.archive.folder / made.id / "manifest.json"
    path.write_bytes(write_manifest(replace(made, **changed)))  # type: ignore[arg-type]


async def test_rows_and_schema_are_compared_with_what_is_restored(project: Project) -> None:
    await project.run()
    subject = project.subject
    made = await take(subject)
    contents = made.contents
    await forge(project, made, contents=replace(contents, tables={**contents.tables, "runs": 2}))
    assert subject.archive.find(made.id).state is State.UNVERIFIED  # the verification is of another manifest
    with pytest.raises(Damaged, match="table runs has 1 rows, not 2"):
        await verify(subject, made.id)
    with pytest.raises(Damaged, match="table runs has 1 rows, not 2"):
        await restore(subject, made.id)
    await forge(project, made, contents=replace(contents, schema={**contents.schema, "runs": 99}))
    with pytest.raises(Damaged, match="schema runs"):
        await verify(subject, made.id)


async def test_a_restore_that_fails_in_the_middle_changes_nothing(project: Project) -> None:
    """Where the large values go there is no room for them; the database was loaded by then."""
    await project.run("1")
    subject = project.subject
    made = await take(subject)
    second = await project.run("2")
    (project.root / "blobs").rename(project.root / "away")
    (project.root / "blobs").write_text("a file, where a folder should be")
    with pytest.raises(DatabaseUnavailable):
        await restore(subject, made.id)
    assert await project.left_over() == []
    (project.root / "blobs").unlink()
    (project.root / "away").rename(project.root / "blobs")
    assert await project.output(second) == LARGE + "2"


async def test_a_database_that_cannot_be_asked_says_nothing_about_the_backup(project: Project) -> None:
    await project.run()
    made = await take(project.subject)
    if project.url.startswith("sqlite"):
        other = replace(made, kind="postgres")
        await forge(project, made, kind="postgres")
        with pytest.raises(Conflict):
            await verify(project.subject, other.id)
        return
    away = Project(project.root, "postgresql://postgres@127.0.0.1:1/nowhere")
    with pytest.raises(DatabaseUnavailable):
        await verify(away.subject, made.id)
    with pytest.raises(DatabaseUnavailable):
        await take(away.subject)
    assert [entry.state for entry in project.subject.archive.list()] == [State.VERIFIED]


async def test_whatever_is_written_meanwhile_no_row_of_the_copy_lacks_its_blob(on_sqlite: Project) -> None:
    """At each step somebody keeps a value, and then a row that names it: as runs do all the time."""
    await on_sqlite.run()
    subject = on_sqlite.subject

    def keep(step: str) -> None:
        reference = asyncio.run(subject.blobs.put("run-1", step.encode()))
        with closing(sqlite3.connect(on_sqlite.root / "fairlead.db", isolation_level=None)) as database:
            database.execute("CREATE TABLE IF NOT EXISTS kept (value text)")
            database.execute("INSERT INTO kept VALUES (?)", (f"@blob:{reference}",))

    def tell(step: str, said: str) -> None:
        thread = threading.Thread(target=keep, args=(step,))
        thread.start()
        thread.join()

    made = await take(subject, tell=tell)
    assert made.contents.tables["kept"] == 1
    assert made.blobs.missing == ()


async def test_who_may_use_a_database_and_how_it_is_set_stay_as_they_were(tmp_path: Path, postgres_url: str) -> None:
    project, name = Project(tmp_path, postgres_url), postgres_url.rpartition("/")[2]
    await project.run()
    for change in ("SET work_mem TO '8MB'", "SET search_path TO public, pg_catalog"):
        await execute(postgres_url, f"ALTER DATABASE {name} {change}")
    await execute(postgres_url, f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    before = await about(postgres_url)
    await restore(project.subject, (await take(project.subject)).id)
    assert await about(postgres_url) == before
    assert "work_mem=8MB" in before[0] and not any(right.startswith("=") and "c" in right for right in before[1])


async def about(url: str) -> tuple[list[str], list[str]]:
    """Settings and rights of the database itself."""
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(
            "SELECT setconfig, datacl::text[] FROM pg_database d JOIN pg_db_role_setting s ON s.setdatabase = d.oid"
            " WHERE datname = current_database()"
        )
        assert row is not None
        return sorted(row[0]), sorted(row[1])
    finally:
        await connection.close()


async def test_a_blob_is_copied_once_for_all_backups(on_sqlite: Project) -> None:
    await on_sqlite.run()
    subject = on_sqlite.subject
    first, second = await take(subject), await take(subject)
    files = [sorted((subject.archive.folder / made.id / "blobs").glob("*/*.gz")) for made in (first, second)]
    assert [path.stat().st_ino for path in files[0]] == [path.stat().st_ino for path in files[1]]
    subject.archive.remove(first.id)
    await verify(subject, second.id)


async def test_blobs_that_are_gone_or_damaged_are_said(on_sqlite: Project) -> None:
    await on_sqlite.run("1")
    there = sorted(path for path in (on_sqlite.root / "blobs").rglob("*") if path.is_file())
    there[0].unlink()
    flip(there[1])
    made = await take(on_sqlite.subject)
    assert made.blobs.count == 0
    assert [one.rpartition("/")[2] for one in made.blobs.missing] == [there[0].name]
    assert [one.rpartition("/")[2] for one in made.blobs.damaged] == [there[1].name]


async def test_a_damaged_database_is_no_reason_not_to_restore_it(on_sqlite: Project) -> None:
    run = await on_sqlite.run()
    made = await take(on_sqlite.subject)
    path = on_sqlite.root / "fairlead.db"
    path.write_bytes(b"this was a database" * 1000)
    with pytest.raises(Damaged):
        await take(on_sqlite.subject)
    done = await restore(on_sqlite.subject, made.id)
    assert done.safety is None and done.kept_as is not None
    assert Path(done.kept_as).read_bytes().startswith(b"this was a database")
    assert await on_sqlite.output(run) == LARGE


async def test_what_a_backup_left_half_done_is_never_offered(on_sqlite: Project) -> None:
    await on_sqlite.run()
    subject = on_sqlite.subject
    made = await take(subject)
    (subject.archive.folder / made.id / "manifest.json").unlink()
    assert [entry.state for entry in subject.archive.list()] == [State.HALF]
    with pytest.raises(Conflict):
        await restore(subject, made.id)
    with pytest.raises(NotFound):
        subject.archive.find("latest")
    assert prunable(subject, timedelta(days=7)).forsaken == (made.id,)
    assert await prune(subject, prunable(subject, timedelta(days=7))) == [made.id]
    assert subject.archive.list() == []


async def test_one_being_made_is_not_taken_for_half(on_sqlite: Project) -> None:
    await on_sqlite.run()
    subject = on_sqlite.subject
    seen: list[State] = []

    def tell(step: str, said: str) -> None:
        if step == "blobs":
            seen.extend(entry.state for entry in subject.archive.list())
            assert prunable(subject, timedelta(days=7)).forsaken == ()

    await take(subject, tell=tell)
    assert set(seen) == {State.BEING_MADE}


@pytest.mark.parametrize("name", ["../../etc", "backup_1", "", ".", "backup_20261127T020000_314159"])
def test_a_name_that_is_no_backup(on_sqlite: Project, name: str) -> None:
    with pytest.raises(NotFound):
        on_sqlite.subject.archive.whole(name)


async def test_there_is_nothing_to_back_up(on_sqlite: Project) -> None:
    with pytest.raises(DatabaseUnavailable, match="There is no database"):
        await take(on_sqlite.subject)
    assert on_sqlite.subject.archive.list() == []


async def test_a_folder_that_cannot_be_used(on_sqlite: Project) -> None:
    await on_sqlite.run()
    (on_sqlite.root / ".fairlead").mkdir(exist_ok=True)
    (on_sqlite.root / ".fairlead/backups").write_text("a file")
    with pytest.raises(BackupFailed):
        await take(on_sqlite.subject)
