"""A real Prometheus that scrapes, or does not; and the others by what they say over HTTP."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from fairlead.ship.checklist.checks.telemetry import ALERTS, netloc_of
from fairlead.ship.verdict import Verdict
from tests.servers import ServerMissing, free_port, wait_until
from tests.ship.checklist.asking import ask, facts_of, settings_of
from tests.ship.checklist.test_service import answering

RULES = "groups:\n- name: agents\n  rules:\n" + "".join(
    f"  - alert: {name}\n    expr: vector(1) > 2\n" for name in ALERTS
)


class Prometheus:
    """Scrapes one address, every second."""

    def __init__(self, folder: Path, target: str, rules: str) -> None:
        program = shutil.which("prometheus")
        if program is None:
            raise ServerMissing("Prometheus is not installed. Run `make system`.")
        self.url = f"http://127.0.0.1:{free_port()}"
        (folder / "rules.yml").write_text(rules)
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\n"
            f"scrape_configs:\n- job_name: shop\n  static_configs: [{{targets: ['{target}']}}]\n"
        )
        self._process = subprocess.Popen(
            (program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={netloc_of(self.url)}"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(lambda: self._health() in ("up", "down"), seconds=30)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _health(self) -> str:
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/targets?state=active", timeout=2) as answer:
                return orjson.loads(answer.read())["data"]["activeTargets"][0]["health"]
        except (OSError, IndexError):
            return ""


@pytest.fixture(scope="module")
def metrics_port() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def test_what_prometheus_scrapes_is_what_prometheus_says(tmp_path: Path) -> None:
    async with answering(lambda path: (200, "up_and_well 1\n") if path == "/metrics" else (404, "")) as url:
        prometheus = await asyncio.to_thread(Prometheus, tmp_path, netloc_of(url), RULES)
        try:
            given = {"declared": {"prometheus": prometheus.url}, "settings": settings_of(tmp_path)}
            found = await ask("metrics-scraped", facts_of(tmp_path, url=url, **given))
            assert found.result is Verdict.PASS and "1 scraped" in found.said
            spelt = facts_of(tmp_path, url=url.replace("127.0.0.1", "localhost"), **given)
            assert (await ask("metrics-scraped", spelt)).result is Verdict.PASS
            other = await ask("metrics-scraped", facts_of(tmp_path, url="http://127.0.0.1:9", **given))
            assert (other.result, other.said) == (
                Verdict.FAIL, "None of the 1 targets of Prometheus is 127.0.0.1:9."
            )  # fmt: skip
            rules = await ask("alert-rules", facts_of(tmp_path, **given))
            assert rules.said == f"{len(ALERTS)} are loaded"
            more = {**given, "declared": {"prometheus": prometheus.url, "alerts": ("ServiceDown", "OursAlone")}}
            missing = await ask("alert-rules", facts_of(tmp_path, **more))
            assert (missing.result, missing.said) == (Verdict.FAIL, "Not loaded: OursAlone.")
            budgets = await ask("budgets", facts_of(tmp_path, agents=("a",), **given))
            assert budgets.result is Verdict.PASS and "AgentCostExceeded is loaded" in budgets.said
        finally:
            prometheus.stop()
    gone = await ask("metrics-scraped", facts_of(tmp_path, url=url, **given))
    assert gone.result is Verdict.COULD_NOT_ASK


async def test_a_service_that_can_t_be_scraped_fails(tmp_path: Path, metrics_port: int) -> None:
    prometheus = await asyncio.to_thread(Prometheus, tmp_path, f"127.0.0.1:{metrics_port}", "groups: []\n")
    try:
        declared = {"prometheus": prometheus.url}
        url = f"http://127.0.0.1:{metrics_port}"
        found = await ask("metrics-scraped", facts_of(tmp_path, url=url, declared=declared))
        assert found.result is Verdict.FAIL and "connection refused" in found.said
        assert (await ask("alert-rules", facts_of(tmp_path, declared=declared))).result is Verdict.FAIL
    finally:
        prometheus.stop()


@pytest.mark.parametrize(
    "name", ["metrics-scraped", "alert-rules", "dashboard", "monitoring", "log-aggregation", "traces"]
)
async def test_where_no_address_is_known_it_says_what_to_set(tmp_path: Path, name: str) -> None:
    found = await ask(name, facts_of(tmp_path, url="http://127.0.0.1:9"))
    assert found.result is Verdict.COULD_NOT_ASK
    assert "under [checklist]" in found.said or "OTEL_EXPORTER_OTLP_ENDPOINT" in found.said


async def test_a_dashboard_is_one_that_grafana_finds(tmp_path: Path) -> None:
    found = '[{"title": "fairlead runs", "url": "/d/1/fairlead"}]'
    for status, body, result in (
        (200, found, Verdict.PASS), (200, "[]", Verdict.FAIL), (401, "{}", Verdict.COULD_NOT_ASK),
        (200, "<html>", Verdict.COULD_NOT_ASK), (500, "", Verdict.COULD_NOT_ASK),
    ):  # fmt: skip
        async with answering(lambda _, status=status, body=body: (status, body)) as url:
            assert (await ask("dashboard", facts_of(tmp_path, declared={"grafana": url}))).result is result


async def test_monitoring_wants_both_to_be_ready(tmp_path: Path) -> None:
    async with answering(lambda _: (200, "ready")) as well, answering(lambda _: (503, "starting")) as unwell:
        both = {"prometheus": well, "alertmanager": well}
        assert (await ask("monitoring", facts_of(tmp_path, declared=both))).result is Verdict.PASS
        one = await ask("monitoring", facts_of(tmp_path, declared={**both, "alertmanager": unwell}))
        assert (one.result, one.said) == (Verdict.FAIL, "alertmanager is not ready: it answers 503.")


async def test_traces_are_on_where_something_takes_them(tmp_path: Path) -> None:
    async with answering(lambda _: (200, "")) as url:
        on = await ask("traces", facts_of(tmp_path, ship_settings={"OTEL_EXPORTER_OTLP_ENDPOINT": url}))
        assert on.result is Verdict.PASS
        services = await ask(
            "external-services", facts_of(tmp_path, declared={"services": (url, f"tcp://{netloc_of(url)}")})
        )
        assert services.result is Verdict.PASS and services.said.endswith("take connections")
        broken = facts_of(tmp_path, declared={"services": (url, "tcp://127.0.0.1:9")})
        found = await ask("external-services", broken)
        assert found.result is Verdict.FAIL and found.said.startswith("1 of 2: 127.0.0.1:9 takes no connection")
    off = await ask("traces", facts_of(tmp_path, environ={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}))
    assert off.result is Verdict.COULD_NOT_ASK
