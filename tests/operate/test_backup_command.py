"""`fairlead backup` as a person and a script use it, and what dies in the middle of it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from tests.cli.processes import fairlead, make_project, running

pytestmark = pytest.mark.journey


def rows(folder: Path) -> int:
    with closing(sqlite3.connect(folder / ".fairlead/fairlead.db")) as database:
        return database.execute("SELECT count(*) FROM kept").fetchone()[0]


def project(folder: Path, *, bytes: int = 10) -> Path:
    make_project(folder)
    (folder / ".fairlead").mkdir()
    with closing(sqlite3.connect(folder / ".fairlead/fairlead.db", isolation_level=None)) as database:
        database.execute("CREATE TABLE kept (value blob)")
        database.execute("INSERT INTO kept VALUES (randomblob(?))", (bytes,))
    return folder


def add(folder: Path) -> None:
    with closing(sqlite3.connect(folder / ".fairlead/fairlead.db", isolation_level=None)) as database:
        database.execute("INSERT INTO kept VALUES (1)")


def test_from_the_first_backup_to_the_way_back(tmp_path: Path) -> None:
    project(tmp_path)
    assert "There is no backup" in fairlead(tmp_path, "backup", "list").out
    assert fairlead(tmp_path, "backup", "verify").code == 3
    made = fairlead(tmp_path, "backup", "create", "--why", "before v2", "--json")
    assert made.code == 0, made.err
    *steps, taken = [orjson.loads(line) for line in made.out.splitlines()]
    assert [one["step"] for one in steps][:2] == ["database", "blobs"]
    assert (taken["event"], taken["verified"], taken["why"]) == ("backup_taken", True, "before v2")
    id = taken["id"]
    (listed,) = fairlead(tmp_path, "backup", "list", "--json").json
    assert (listed["id"], listed["state"], listed["manifest"]["contents"]["tables"]) == (id, "verified", {"kept": 1})
    assert "before v2" in fairlead(tmp_path, "backup", "show", "latest").out
    assert fairlead(tmp_path, "backup", "verify").code == 0
    add(tmp_path)
    asked = fairlead(tmp_path, "backup", "restore", id)
    assert asked.code == 2 and "--yes" in asked.err and rows(tmp_path) == 2
    done = fairlead(tmp_path, "backup", "restore", id, "--yes")
    assert done.code == 0 and "Start again" in done.out
    assert rows(tmp_path) == 1
    undo = done.out.partition("fairlead backup restore ")[2].split()[0]
    restored = fairlead(tmp_path, "backup", "restore", undo, "--yes", "--json").out.splitlines()[-1]
    assert orjson.loads(restored)["safety"] is not None
    assert rows(tmp_path) == 2


def test_a_damaged_backup_is_an_exit_code(tmp_path: Path) -> None:
    project(tmp_path)
    assert fairlead(tmp_path, "backup", "create", "--no-verify").code == 0
    (file,) = (tmp_path / ".fairlead/backups").glob("*/database.sqlite.gz")
    file.write_bytes(file.read_bytes()[:-3])
    id = file.parent.name
    told = fairlead(tmp_path, "backup", "verify", id)
    assert told.code == 1 and "cut or was changed" in told.err
    assert fairlead(tmp_path, "backup", "show", id).code == 1
    assert fairlead(tmp_path, "backup", "restore", id, "--yes").code == 1
    assert rows(tmp_path) == 1
    assert fairlead(tmp_path, "backup", "show", "backup_1").code == 3


def test_whoever_serves_is_in_the_way(tmp_path: Path) -> None:
    make_project(tmp_path)
    with running(tmp_path, "serve", "--port", "0") as server:
        server.until("listening")
        made = fairlead(tmp_path, "backup", "create", "--json")
        assert made.code == 0, made.err
        id = orjson.loads(made.out.splitlines()[-1])["id"]
        refused = fairlead(tmp_path, "backup", "restore", id, "--yes")
        assert refused.code == 4 and "serves" in refused.err
    assert fairlead(tmp_path, "backup", "restore", id, "--yes").code == 0


@pytest.mark.parametrize("step", ["database", "blobs", "verify"])
def test_a_backup_whose_maker_is_killed_is_never_offered_for_more_than_it_is(tmp_path: Path, step: str) -> None:
    project(tmp_path, bytes=20_000_000)
    kill_at(tmp_path, step, "create")
    (one,) = fairlead(tmp_path, "backup", "list", "--json").json
    assert one["state"] == ("unverified" if step == "verify" else "half")
    assert fairlead(tmp_path, "backup", "restore", "latest", "--yes").code == 3
    if one["state"] == "half":
        assert fairlead(tmp_path, "backup", "restore", one["id"], "--yes").code == 4
        assert fairlead(tmp_path, "backup", "prune", "--yes", "--json").json == [one["id"]]
    else:
        gone = fairlead(tmp_path, "backup", "prune", "--yes", "--json").json
        assert [name.startswith(".scratch-") for name in gone] == [True] * len(gone)
    assert fairlead(tmp_path, "backup", "create").code == 0


@pytest.mark.parametrize("step", ["check", "safety", "load"])
def test_a_restore_that_is_killed_has_changed_nothing(tmp_path: Path, step: str) -> None:
    project(tmp_path, bytes=20_000_000)
    assert fairlead(tmp_path, "backup", "create").code == 0
    add(tmp_path)
    kill_at(tmp_path, step, "restore", "latest", "--yes")
    assert rows(tmp_path) == 2
    assert fairlead(tmp_path, "backup", "restore", oldest(tmp_path), "--yes").code == 0
    assert rows(tmp_path) == 1
    assert list((tmp_path / ".fairlead").glob("*.restoring-*")) == []


def oldest(folder: Path) -> str:
    return fairlead(folder, "backup", "list", "--json").json[-1]["id"]


def kill_at(folder: Path, step: str, *words: str) -> None:
    """kill -9 as soon as it says that it is there."""
    with subprocess.Popen(
        (sys.executable, "-m", "fairlead", "backup", *words, "--json"), cwd=folder, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if orjson.loads(line).get("step") == step:
                process.kill()
                break
        process.stdout.read()
        assert process.wait() == -signal.SIGKILL
