"""What a user has left in files and scores: told to them, and forgotten."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from fairlead.runs.scores import NewScore
from tests.api.serving import serving


async def greet(input: Any) -> Any:
    return "hello"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else None


async def test_a_users_files_and_scores_are_exported_and_forgotten(database_url: str | None) -> None:
    async with serving({"greet": greet}, workers=0, database_url=database_url) as api:
        engine = api.running.engine
        files, scores = engine.stores.files, engine.scores
        run = await api.running.submit("greet")
        for user, tenant in (("ada", "default"), ("bob", "default"), ("ada", "other")):
            await files.add(
                BytesIO(b"text"), name=user, media_type="text/plain", size=4, tenant=tenant, by="key", user=user
            )
        for author in ("ada", "bob"):
            await scores.put(run, NewScore("good", True, author=author))
        assert [file.name for file in await files.export_of("ada", tenant="default")] == ["ada"]
        assert [score.author for score in await scores.export_of("ada", tenant="default")] == ["ada"]
        assert await files.forget("ada", tenant="default") == 1
        assert await scores.forget("ada", tenant="default") == 1
        assert [file.user for file in await files.list(tenant="default")] == ["bob"]
        assert len(await files.list(tenant="other")) == 1
        assert [score["author"] for score in await api.json("GET", f"/runs/{run.id}/scores")] == ["bob"]
