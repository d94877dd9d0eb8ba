"""Finding `pg_dump`, and keeping the password from everybody."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fairlead.errors import ConfigurationError
from fairlead.operate.backup.postgres_tools import Address, Tools, find_tools, run

URL = "postgresql://ada:s%40cret@db.example:6432/main%20one?sslmode=require&sslpassword=second&search_path=x"


def install(folder: Path, version: str) -> Path:
    """Programs that say they are of that version."""
    folder.mkdir()
    for name in ("pg_dump", "pg_restore"):
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_the_password_is_in_the_environment_and_never_among_the_words() -> None:
    address = Address(URL)
    tools = Tools(Path("/bin"), 15)
    words = [*tools.dump(address, Path("/b/f"), snapshot="1"),
             *tools.restore(address, Path("/b/f"), into="other", scratch=True)]  # fmt: skip
    said = " ".join(words)
    assert "s%40cret" not in said and "s@cret" not in said and "second" not in said
    assert "--dbname=postgresql://ada@db.example:6432/main%20one?sslmode=require" in words
    assert "--dbname=postgresql://ada@db.example:6432/other?sslmode=require" in words
    assert address.secrets == {"PGPASSWORD": "s@cret", "PGSSLPASSWORD": "second"}
    assert address.database == "main one"
    assert address.of("other").startswith("postgresql://ada:s%40cret@db.example:6432/other?")


async def test_the_same_version_is_taken_before_a_newer_one(tmp_path: Path) -> None:
    folders = [install(tmp_path / name, name) for name in ("17.2", "15.4", "16.1", "14.0")]
    assert (await find_tools(15, folders=folders)).folder == tmp_path / "15.4"
    (tmp_path / "15.4" / "pg_restore").unlink()  # both are needed
    assert (await find_tools(15, folders=folders)).folder == tmp_path / "16.1"


async def test_without_one_that_is_new_enough_it_is_said_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="here is only 14") as refused:
        await find_tools(15, folders=[install(tmp_path / "old", "14.9")])
    assert "postgresql-client-15" in refused.value.hint
    with pytest.raises(ConfigurationError, match="there is none here"):
        await find_tools(15, folders=[tmp_path])


async def test_what_a_program_said_is_passed_on_only_when_it_failed() -> None:
    failing = "import sys; sys.stderr.write('it is so'); sys.exit(3)"
    assert await run([sys.executable, "-c", failing], {}) == "it is so"
    assert await run([sys.executable, "-c", "import sys; sys.stderr.write('a warning')"], {}) is None
    assert await run([sys.executable, "-c", "import sys; sys.exit(3)"], {}) == "it ended with 3"
