"""A worker whose runs were taken may write nothing more, and must be told so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.agents.spec import spec_of
from fairlead.clock import SystemClock
from fairlead.config import load_settings
from fairlead.errors import Fenced
from fairlead.runs.journal import Entry, Journal, PutDown
from fairlead.runs.run import NewRun, Run
from fairlead.runs.takeover import Takeover
from fairlead.telemetry.emit import silent
from fairlead.wiring import Engine, open_engine


async def _agent(input: Any) -> Any:
    return input


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else "sqlite:///state.db"


@pytest.fixture
async def engine(url: str, tmp_path: Path) -> AsyncIterator[Engine]:
    settings = load_settings(root=tmp_path, environ={}, database_url=url)
    opened = await open_engine(
        settings, {"agent": spec_of("agent", _agent)}, providers={}, clock=SystemClock(), emit=silent
    )
    yield opened
    await opened.close()


async def _lost_run(engine: Engine) -> tuple[Journal, Run]:
    """A run that its worker still believes to hold, and nobody has claimed since it was taken."""
    await engine.database.write(
        engine.queries["register"], id="w-old", release="dev", agents='["agent"]', host="here", pid=1, slots=1,
        lease_us=15_000_000,
    )  # fmt: skip
    await engine.control.submit(NewRun("agent", 1))
    journal = Journal(
        engine.database, dict(engine.queries), engine.payloads, worker="w-old", clock=engine.clock, emit=silent
    )
    [(run, _)] = await journal.claim(release="dev", agents=["agent"], slots=1, total=0)
    takeover = Takeover(engine.database, dict(engine.queries), worker="w-new", max_deaths=5, emit=silent)
    assert await takeover.lose("w-old", fallen=True) == 1
    return journal, run


async def test_a_record_after_the_loss_is_refused_although_the_loss_took_its_number(engine: Engine) -> None:
    journal, run = await _lost_run(engine)
    written = await journal.record(
        Entry(run.tenant, run.id, run.fence, run.seq + 1, "intent", "tool", "charge", "k", "", "", None, 0, "{}")
    )
    assert not written


async def test_a_question_after_the_loss_is_refused_although_the_loss_took_its_number(engine: Engine) -> None:
    journal, run = await _lost_run(engine)
    written = await journal.record(
        Entry(run.tenant, run.id, run.fence, run.seq + 1, "intent", "model", "m", "k", "", "", None, 0, "{}"),
        [(run.tenant, run.id, "d", "{}")],
    )
    assert not written


async def test_a_run_cannot_be_put_down_after_the_loss_although_the_loss_took_its_number(engine: Engine) -> None:
    journal, run = await _lost_run(engine)
    down = PutDown(
        tenant=run.tenant, run_id=run.id, fence=run.fence, status="success", reason=None, output="1", error=None,
        seq=run.seq + 1, type="finished", data="{}", wake_at=None, wakes=run.wakes, finished=1, executing_us=0,
        cost_nano=0, tokens_in=0, tokens_out=0, steps=0, progress=100, at=0, thread_id=None, state=None,
    )  # fmt: skip
    with pytest.raises(Fenced):
        await journal.put_down(down)
