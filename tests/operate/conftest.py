"""A project with a database of each kind, and what backs it up."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from fairlead import testing
from fairlead.agents import Context
from fairlead.config import load_settings
from fairlead.operate.backup import Subject
from fairlead.wiring.backing_up import backup_subject

LARGE = random.Random(7).randbytes(100_000).hex()  # nothing in it repeats: each bit of its packed form counts


async def large(input: str, ctx: Context) -> str:
    return await ctx.step("make", lambda: LARGE + input)


@dataclass(frozen=True)
class Project:
    root: Path
    url: str

    @property
    def subject(self) -> Subject:
        settings = load_settings(root=self.root, environ={}, database_url=self.url, blob_dir=str(self.root / "blobs"))
        return backup_subject(settings)

    def engine(self, **settings: Any) -> Any:
        return testing.engine({"large": large}, root=self.root, database_url=self.url, **settings)

    async def run(self, input: str = "") -> str:
        """A run with a large output; nobody serves afterwards. Answers its id."""
        async with self.engine() as running:
            return (await running.run("large", input)).id

    async def output(self, run: str) -> Any:
        async with self.engine(workers=0) as running:
            return (await running.engine.control.get(run)).output

    async def destroy(self) -> None:
        """The database and all blobs are gone, without a trace."""
        shutil.rmtree(self.root / "blobs", ignore_errors=True)
        if self.url.startswith("sqlite"):
            for path in self.root.glob("fairlead.db*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            return
        await execute(self.url, f"DROP DATABASE {self.url.rpartition('/')[2]} WITH (FORCE)")

    async def left_over(self) -> list[str]:
        """Of restores, under any name."""
        if self.url.startswith("sqlite"):
            return sorted(path.name for path in self.root.glob("*.restoring-*"))
        return await names(self.url, "fairlead_scratch_%")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/fairlead.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def project(database_url: str, tmp_path: Path) -> Project:
    return Project(tmp_path, database_url)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Project:
    return Project(tmp_path, f"sqlite:///{tmp_path}/fairlead.db")


async def execute(url: str, statement: str) -> None:
    """Beside the database, on its server."""
    connection = await asyncpg.connect(f"{url.rpartition('/')[0]}/postgres")
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def names(url: str, like: str) -> list[str]:
    connection = await asyncpg.connect(f"{url.rpartition('/')[0]}/postgres")
    try:
        return [
            name for (name,) in await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE $1", like)
        ]
    finally:
        await connection.close()
