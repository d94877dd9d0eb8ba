"""The peer: DBOS Transact, as its manual has it (async workflows and steps, a queue with a worker concurrency)."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import asyncpg
from dbos import DBOSClient

from bench import workers
from bench.dbos_worker import QUEUE, VERSION
from bench.place import Place
from bench.throughput import SLOTS, Pace
from bench.workers import Member

POLL = 0.02  # seconds; its default is 1
ROOT = Path(__file__).resolve().parent.parent


async def start(url: str, folder: Path) -> Member:
    log = folder / f"dbos-{len(list(folder.iterdir()))}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.dbos_worker", url, str(SLOTS), str(POLL)], cwd=ROOT, stdout=out, stderr=out,
            env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
    member = Member(process, log)

    async def ready() -> bool:
        return "ready" in log.read_text()

    await workers.until(ready, [member])
    return member


def enqueue(client: DBOSClient, workflow: str, *arguments: object) -> None:
    client.enqueue({"workflow_name": workflow, "queue_name": QUEUE, "app_version": VERSION}, *arguments)


async def postgres(place: Place, workflow: str, runs: int, *, processes: int = 2) -> Pace:
    url = await place.new_database()
    folder = place.new_folder()
    (await start(url, folder)).stop()  # makes its schema
    await asyncio.to_thread(_fill, url, workflow, runs)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
        members = list(await asyncio.gather(*[start(url, folder) for _ in range(processes)]))
        cpu = -sum(member.cpu() for member in members)
        await workers.until(lambda: connection.fetchval(_DRAINED), members)
        cpu += sum(member.cpu() for member in members)
        for member in members:
            member.stop()
        row = await connection.fetchrow(_PACE)
    finally:
        await connection.close()
    await place.drop(url)
    assert row["good"] == runs, dict(row)
    return Pace(row["took"] / 1000, runs, row["steps"], cpu)


async def sqlite(place: Place, workflow: str, runs: int) -> Pace:
    """One process."""
    folder = place.new_folder()
    url = f"sqlite:///{folder}/dbos.db"
    (await start(url, folder)).stop()
    await asyncio.to_thread(_fill, url, workflow, runs)
    member = await start(url, folder)

    async def drained() -> bool:
        return bool((await asyncio.to_thread(_ask, folder, _DRAINED.replace("dbos.", "")))[0])

    await workers.until(drained, [member])
    member.stop()
    took, good, steps = _ask(folder, _PACE.replace("dbos.", ""))
    assert good == runs
    return Pace(took / 1000, runs, steps, 0.0)


def _fill(url: str, workflow: str, runs: int) -> None:
    client = DBOSClient(system_database_url=url)
    try:
        for number in range(runs):
            enqueue(client, workflow, number)
    finally:
        client.destroy()


_DRAINED = "SELECT NOT EXISTS (SELECT 1 FROM dbos.workflow_status WHERE status IN ('ENQUEUED', 'PENDING'))"
_PACE = """
SELECT max(completed_at) - min(started_at_epoch_ms) AS took, count(*) FILTER (WHERE status = 'SUCCESS') AS good,
       (SELECT count(*) FROM dbos.operation_outputs) AS steps FROM dbos.workflow_status
"""


def _ask(folder: Path, question: str) -> tuple[int, ...]:
    with closing(sqlite3.connect(f"file:{folder}/dbos.db?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute(question).fetchone()
