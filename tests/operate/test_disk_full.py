"""A disk that is full: nothing is left half-written, and what is there stays."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.cli.exits import Exit
from fairlead.errors import BackupFailed
from fairlead.operate.backup import restore, take
from tests.cli.processes import fairlead
from tests.operate.conftest import Project


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Of 2 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder = tmp_path / "small"
    folder.mkdir()
    told = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False)
    if told.returncode != 0:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(folder: Path, *, leave: int) -> Path:
    state = os.statvfs(folder)
    filler = folder / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, state.f_bavail * state.f_frsize - leave)
    return filler


@pytest.mark.parametrize("leave", [16_384, 60_000, 200_000], ids=["folder", "database", "blobs"])
async def test_a_backup_that_does_not_fit_leaves_nothing(project: Project, small_disk: Path, leave: int) -> None:
    await project.run()
    archive = project.root / ".fairlead" / "backups"
    archive.parent.mkdir(exist_ok=True)
    archive.symlink_to(small_disk)
    filler = fill(small_disk, leave=leave)
    with pytest.raises(BackupFailed, match="is full"):
        await take(project.subject)
    assert sorted(path.name for path in small_disk.iterdir()) == ["filler"]
    filler.unlink()
    await take(project.subject)


async def test_a_restore_that_does_not_fit_leaves_the_database_as_it_is(tmp_path: Path, small_disk: Path) -> None:
    project = Project(tmp_path, f"sqlite:///{small_disk}/fairlead.db")
    made_of = Project(tmp_path, f"sqlite:///{tmp_path}/fairlead.db")
    await made_of.run("1")
    made = await take(made_of.subject)
    shutil.copy(tmp_path / "fairlead.db", small_disk / "fairlead.db")
    size = (small_disk / "fairlead.db").stat().st_size
    fill(small_disk, leave=100_000)
    with pytest.raises(BackupFailed, match="is full"):
        await restore(project.subject, made.id)
    assert sorted(path.name for path in small_disk.iterdir() if path.is_file()) == [
        "fairlead.db", "fairlead.db.serving", "filler"
    ]  # fmt: skip
    (small_disk / "filler").unlink()
    assert (small_disk / "fairlead.db").stat().st_size == size
    await restore(project.subject, made.id)


def test_logs_that_are_unpacked_where_there_is_no_room_are_told_where_room_is_needed(
    tmp_path: Path, small_disk: Path
) -> None:
    (tmp_path / "app.log.gz").write_bytes(gzip.compress(b'{"event": "http_request", "status_code": 200}\n' * 100_000))
    done = fairlead(tmp_path, "logs", "analyse", "app.log.gz", TMPDIR=str(small_disk))
    assert (done.code, "takes no files: No space left" in done.err, "TMPDIR" in done.err) == (Exit.USAGE, True, True)
    assert list(small_disk.iterdir()) == []
