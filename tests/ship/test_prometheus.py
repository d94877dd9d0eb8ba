"""Figures of releases by a real Prometheus, which scrapes two processes as `scrape.json` tells it."""

from __future__ import annotations

import asyncio
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, start_http_server

from fairlead.errors import TargetUnavailable
from fairlead.ship.host.instances import Instances, Wanted
from fairlead.ship.prometheus import Prometheus, Questions
from fairlead.telemetry.metrics import Metrics
from tests.servers import free_ports, prometheus, wait_until

CONFIG = """\
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
- job_name: releases
  file_sd_configs: [{{files: [{path}], refresh_interval: 1s}}]
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Of one that scrapes v1 (90 answers and 10 errors) and v2 (all well, and slower)."""
    ports, instances = free_ports(3), Instances(tmp_path)
    servers = []
    for number, (build, errors, seconds) in enumerate((("v1", 10, 0.02), ("v2", 0, 1.5)), 1):
        registry = CollectorRegistry()
        metrics = Metrics(registry)
        for place in range(100):
            metrics("http_request", answered("/runs", 500 if place < errors else 200, seconds))
        metrics("http_request", answered("/health/ready", 200, 0.001))
        servers.append(start_http_server(ports + number, "127.0.0.1", registry))
        instances.want(build, number, Wanted(("true",), "/", ports + number))
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(path=tmp_path / "scrape.json"))
    argv = (prometheus(), f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{ports}")  # fmt: skip
    running = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{ports}"
    try:
        wait_until(lambda: all(_knows(url, build) for build in ("v1", "v2")), seconds=30)
        yield url
    finally:
        running.kill()
        running.wait()
        for server, thread in servers:
            server.shutdown()
            server.server_close()
            thread.join()


def answered(endpoint: str, status: int, seconds: float) -> dict[str, Any]:
    return {"method": "GET", "endpoint": endpoint, "status_code": status, "took": timedelta(seconds=seconds)}


def _knows(url: str, build: str) -> bool:
    try:
        asked = urllib.parse.urlencode({"query": f'http_requests_total{{release="{build}"}}'})
        with urllib.request.urlopen(f"{url}/api/v1/query?{asked}", timeout=2) as answer:
            return build in answer.read().decode()
    except OSError:
        return False


async def test_what_a_release_did_is_what_prometheus_counted(url: str) -> None:
    asked = Prometheus(url)
    first, second = await asked.figures("v1"), await asked.figures("v2")
    assert first is not None and second is not None
    assert (first.requests, first.errors) == (100, 10), "without what asks after its health"
    assert (second.requests, second.errors) == (100, 0)
    assert (sum(first.latency.values()), max(first.latency), min(second.latency)) == (100, 0.025, 2.5)
    assert await asked.figures("v3") is None


async def test_who_does_not_answer_or_understand_is_told_of(url: str) -> None:
    with pytest.raises(TargetUnavailable, match="answers 400"):
        await Prometheus(url, Questions(requests="sum(")).figures("v1")
    nobody = free_ports(1)
    with pytest.raises(TargetUnavailable, match="does not answer"):
        await Prometheus(f"http://127.0.0.1:{nobody}").figures("v1")
    async with asyncio.timeout(10):
        odd = Prometheus(url, Questions(requests='sum(no_such_metric{release="{build}"})'))
        assert await odd.figures("v1") is None
