"""Blobs in an S3-compatible store: what every store of blobs must do, and what becomes of runs while it is away."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from fairlead import testing
from fairlead.agents import Context
from fairlead.database import Blobs, FolderBlobs
from fairlead.database.blobs_s3 import S3Blobs
from fairlead.errors import Damaged, DatabaseUnavailable, NotFound
from tests.servers import free_port

_buckets = itertools.count()
KEYS = {"region": "us-east-1", "access_key_id": "testing", "secret_access_key": "testing"}


class Store:
    """An S3-compatible server of our own, which forgets everything when it is stopped."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        logging.getLogger("werkzeug").setLevel(logging.ERROR)

    def start(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port)
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def client(self) -> Any:
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="testing",
                            aws_secret_access_key="testing")  # fmt: skip

    def bucket(self, name: str = "") -> str:
        name = name or f"bucket-{next(_buckets)}"
        self.client().create_bucket(Bucket=name)
        return name


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    made = Store()
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("behaves", testing.BLOBS, ids=lambda one: one.__name__)
async def test_blobs_in_a_bucket(store: Store, behaves: Callable[[Blobs], Awaitable[None]]) -> None:
    await behaves(S3Blobs(store.bucket(), prefix="some/where", config={**KEYS, "endpoint": store.url}))


async def test_what_comes_back_otherwise_is_damaged(store: Store, tmp_path: Path) -> None:
    bucket = store.bucket()
    blobs = S3Blobs(bucket, config={**KEYS, "endpoint": store.url})
    reference = await blobs.put("run", b"as it was")
    store.client().put_object(Bucket=bucket, Key=reference, Body=b"as it is!")
    with pytest.raises(Damaged):
        await blobs.get(reference)
    folder = FolderBlobs(tmp_path)
    reference = await folder.put("run", b"as it was")
    (path,) = [one for one in tmp_path.rglob("*") if one.is_file()]
    path.write_bytes(b"as it")
    with pytest.raises(Damaged):
        await folder.get(reference)
    assert await folder.put("run", b"as it was") == reference  # what a disk has cut is written again
    assert await folder.get(reference) == b"as it was"


async def test_a_store_that_is_away_or_refuses_is_told_apart_from_a_blob_that_is_gone(store: Store) -> None:
    there = S3Blobs(store.bucket(), config={**KEYS, "endpoint": store.url})
    with pytest.raises(NotFound):
        await there.get(f"run/{'0' * 64}")
    away = S3Blobs("bucket", config={**KEYS, "endpoint": f"http://127.0.0.1:{free_port()}"})
    no_bucket = S3Blobs("nowhere", config={**KEYS, "endpoint": store.url})
    for wrong in (away, no_bucket):
        with pytest.raises(DatabaseUnavailable, match="bucket"):
            await wrong.put("run", b"x")
    with pytest.raises(DatabaseUnavailable):
        await away.get(f"run/{'0' * 64}")
    with pytest.raises(DatabaseUnavailable):
        await away.delete_scope("run")


async def test_a_run_waits_for_a_store_that_is_away() -> None:
    store = Store()
    store.start()
    settings = {"aws_s3_bucket": store.bucket(), "aws_endpoint_url_s3": store.url, "aws_access_key_id": "testing",
                "aws_secret_access_key": "testing", "blob_threshold": 100}  # fmt: skip

    async def large(input: object, ctx: Context) -> str:
        return await ctx.step("make", lambda: "x" * 1000)

    async with testing.engine({"large": large}, **settings) as running:
        run = await running.run("large")
        assert run.output == "x" * 1000
        store.stop()
        waiting = await running.submit("large")
        while not any(name == "database_unreachable" for name, _ in running.said):
            await running.engine.clock.sleep(timedelta(milliseconds=20))
        store.start()
        store.bucket(settings["aws_s3_bucket"])
        assert (await running.ended(waiting.id)).output == "x" * 1000
    store.stop()
