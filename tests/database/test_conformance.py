"""What every database and every store of blobs must do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fairlead import testing
from fairlead.database import Blobs, Database, FolderBlobs


@pytest.mark.parametrize("behaves", testing.DATABASE, ids=lambda one: one.__name__)
async def test_a_database(database: Database, behaves: Callable[[Database], Awaitable[None]]) -> None:
    await behaves(database)


@pytest.mark.parametrize("behaves", testing.BLOBS, ids=lambda one: one.__name__)
async def test_blobs_in_a_folder(tmp_path: Path, behaves: Callable[[Blobs], Awaitable[None]]) -> None:
    await behaves(FolderBlobs(tmp_path / "blobs"))
