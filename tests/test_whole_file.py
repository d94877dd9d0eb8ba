from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.whole_file import PRIVATE, PUBLIC, write_whole


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_a_reader_has_the_one_before_or_this_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"before", mode=PUBLIC)
    with path.open("rb") as reading:
        write_whole(path, b"after", mode=PUBLIC)
        assert reading.read() == b"before"
    assert path.read_bytes() == b"after"


def test_who_may_read_it_is_said_or_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for mode in (PUBLIC, PRIVATE, 0o640):
        write_whole(path, b"x", mode=mode)
        write_whole(path, b"y")
        assert mode_of(path) == mode


def test_where_the_path_is_a_link_it_stays_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "file", tmp_path / "link"
    real.write_bytes(b"before")
    link.symlink_to(real)
    write_whole(link, b"after")
    assert link.is_symlink()
    assert real.read_bytes() == b"after"


def test_what_can_not_be_written_leaves_all_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(OSError):
        write_whole(path, b"x", mode=PUBLIC)
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "file", b"x", mode=PUBLIC)
    assert list(tmp_path.iterdir()) == [path]
