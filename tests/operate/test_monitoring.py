"""What operators load: by the tools that load it, and by a real Prometheus that scrapes a real Fairlead."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from typer.main import get_command

from fairlead.cli import main
from fairlead.cli.client import Client
from fairlead.cli.exits import Exit
from fairlead.operate.monitoring import ALERTS, Profile, State, differences, monitoring_files, write_folder
from fairlead.operate.monitoring.dashboards import DASHBOARDS, dashboard_json
from fairlead.telemetry.emf import EmbeddedMetrics
from fairlead.telemetry.metrics import Metrics
from fairlead.testing import MovableClock
from tests.cli.processes import fairlead, running
from tests.operate.grafana import lost, read_by_grafana
from tests.servers import free_ports, prometheus, wait_until

OTHERS = re.compile(r"(pg|node|container|kube|redis|nginx)_\w+|up|ALERTS")
_NAME = re.compile(r"\b([a-z][a-z0-9_]*_[a-z0-9_]+|up)\b(?=[\[{ )]|$)")
_WORDS = {"histogram_quantile", "by", "sum"}
_OF_HISTOGRAMS = re.compile(r"_(bucket|sum|count)$")
PROJECT = '[project]\nname = "shop"\n\n[agents]\ngood = "shop.py:good"\nbad = "shop.py:bad"\nask = "shop.py:ask"\n'
AGENTS = '''
from fairlead.agents import Agent, tool

@tool(safe_to_repeat=True)
def look_up(word: str) -> str:
    """Look a word up."""
    return word

async def good(input, ctx):
    return await ctx.step("one", lambda: 1)

async def bad(input):
    raise ValueError("no such luck")

ask = Agent("ask", "simulated/echo", tools=[look_up])
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("monitoring")
    write_folder(root, monitoring_files(Profile.STANDARD))
    return root


def tool(*words: str, cwd: Path) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("profile", list(Profile))
def test_promtool_takes_the_rules_and_the_configuration(tmp_path: Path, profile: Profile) -> None:
    write_folder(tmp_path, monitoring_files(profile, ["prometheus"]))
    tool("promtool", "check", "config", "prometheus/prometheus.yml", cwd=tmp_path)
    tool("promtool", "check", "rules", *(str(one) for one in tmp_path.glob("prometheus/rules/*")), cwd=tmp_path)


def test_each_rule_fires_where_it_should_and_nowhere_else(folder: Path) -> None:
    tests = sorted((folder / "prometheus/tests").glob("*.yml"))
    tried = [case["name"] for file in tests for case in yaml.safe_load(file.read_text())["tests"]]
    for alert in ALERTS:
        assert {f"{alert.name} fires", f"{alert.name} is quiet"} <= set(tried)
    tool("promtool", "test", "rules", *map(str, tests), cwd=folder)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_a_rule_that_can_not_fire_is_caught(folder: Path, tmp_path: Path, alert: Any) -> None:
    shutil.copytree(folder / "prometheus", tmp_path / "prometheus")
    rules = tmp_path / f"prometheus/rules/{alert.exporters[0].value}.yml"
    broken = rules.read_text().replace(f"expr: {json.dumps(alert.expr)}", 'expr: "vector(0) > 1"')
    assert broken != rules.read_text()
    rules.write_text(broken)
    done = subprocess.run(("promtool", "test", "rules", str(tmp_path / f"prometheus/tests/{rules.name}")),
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode != 0 and alert.name in done.stdout + done.stderr


def test_amtool_takes_the_routes_and_they_lead_where_they_should(folder: Path) -> None:
    config = "alertmanager/alertmanager.yml"
    tool("amtool", "check-config", config, cwd=folder)
    for severity, receivers in (("critical", "webhook,pagerduty,slack"), ("warning", "webhook,email,slack")):
        words = ("amtool", "config", "routes", "test", f"--config.file={config}", "--verify.receivers", receivers)
        tool(*words, f"severity={severity}", "service=fairlead", cwd=folder)


def test_what_rules_and_panels_ask_for_is_told_by_somebody() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    told = {f"{one.name}_total" if one.type == "counter" else one.name for one in registry.collect()}
    asked = [alert.expression(profile) for alert in ALERTS for profile in Profile]
    asked += [query for board in DASHBOARDS for _, panels in board.rows for one in panels for query, _ in one.queries]
    for query in asked:
        names = set(_NAME.findall(re.sub(r"\{[^}]*\}|by \([^)]*\)", " ", query))) - _WORDS
        assert names, query
        for name in names:
            assert OTHERS.fullmatch(name) or {name, _OF_HISTOGRAMS.sub("", name)} & told, (name, query)


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_panels_stand_beside_each_other_and_ask_the_chosen_prometheus(board: Any) -> None:
    whole = json.loads(dashboard_json(board))
    panels = whole["panels"]
    assert len({one["id"] for one in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for one in panels:
        place = one["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and place["x"] + place["w"] <= 24, one["title"]
        taken |= cells
        assert all(target["datasource"]["uid"] == "${source}" for target in one.get("targets", ()))
    assert {one["name"] for one in whole["templating"]["list"]} == {"source", "console"}


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_grafana_reads_all_of_a_dashboard(board: Any) -> None:
    whole = json.loads(dashboard_json(board))
    assert lost(whole, read_by_grafana(whole)) == []
    whole["panels"][1]["gridPosition"] = whole["panels"][1].pop("gridPos")
    assert lost(whole, read_by_grafana(whole)) == ["panels.1.gridPosition"]


def test_files_of_other_tools_are_what_they_say(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".yml":
            yaml.safe_load(path.read_text())
        elif path.suffix == ".ndjson":
            found = [json.loads(line) for line in path.read_text().splitlines()]
            ids = {one["id"] for one in found}
            for one in found:
                assert {reference["id"] for reference in one["references"]} <= ids
    secrets = re.compile(r"(password|key|token)\s*[:=]\s*\S", re.IGNORECASE)
    for path in folder.rglob("*.yml"):
        assert not [line for line in path.read_text().splitlines() if secrets.search(line) and "_file" not in line
                    and "#" not in line], path  # fmt: skip


def test_what_somebody_has_edited_is_kept(tmp_path: Path) -> None:
    def generate(*words: str) -> Any:
        return fairlead(tmp_path, "generate", "monitoring", *words)

    assert generate().code == Exit.OK and generate("--check").code == Exit.OK
    mine = tmp_path / "monitoring/alertmanager/alertmanager.yml"
    mine.write_text("route: {receiver: mine}\n")
    looked = generate("--check")
    assert (looked.code, "edited" in looked.out) == (Exit.FAILED, True)
    refused = generate("--profile", "strict")
    assert (refused.code, "alertmanager/alertmanager.yml" in refused.err) == (Exit.CONFLICT, True)
    rules = tmp_path / "monitoring/prometheus/rules/fairlead.yml"
    assert "> 0.01" not in rules.read_text(), "nothing was written"
    assert generate("--profile", "strict", "--only", "prometheus").code == Exit.OK
    assert "> 0.01" in rules.read_text() and mine.read_text() == "route: {receiver: mine}\n"
    assert generate("--force").code == Exit.OK and "pagerduty" in mine.read_text()
    assert set(differences(tmp_path / "monitoring", monitoring_files(Profile.STANDARD)).values()) == {State.SAME}
    assert "runbook: runbooks/ServiceDown.md" in rules.read_text()
    assert generate("--runbooks", "https://wiki.example.com/r/").code == Exit.OK
    assert 'runbook_url: "https://wiki.example.com/r/ServiceDown.md"' in rules.read_text()
    assert generate("--runbooks", "wiki").code == Exit.USAGE
    unknown = generate("--only", "nagios")
    assert (unknown.code, "no part 'nagios'" in unknown.err) == (Exit.USAGE, True)


DYING = """
import os, sys
from pathlib import Path
from fairlead.operate.monitoring import write_folder

class Last(str):
    asked = 0

    def encode(self, *given):
        Last.asked += 1
        if Last.asked == 3:  # it was compared and its digest noted: now it is to be written
            os._exit(9)
        return super().encode(*given)

write_folder(Path(sys.argv[1]), {"a": "2", "b/c": Last("2")})
"""


def test_who_dies_in_the_middle_leaves_no_file_that_looks_like_a_persons(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": "1", "b/c": "1"})
    assert subprocess.run((sys.executable, "-c", DYING, str(tmp_path)), check=False).returncode == 9
    assert ((tmp_path / "a").read_text(), (tmp_path / "b/c").read_text()) == ("2", "1")
    newer = {"a": "3", "b/c": "3"}
    assert set(differences(tmp_path, newer).values()) == {State.OLD}
    write_folder(tmp_path, newer)
    assert (tmp_path / "b/c").read_text() == "3"


def test_every_command_of_a_runbook_is_one() -> None:
    for alert in ALERTS:
        for line in alert.first:
            words = line.split()
            if words[0] != "fairlead":
                continue
            command: Any = get_command(main)
            for word in words[1:]:
                if not hasattr(command, "commands") or word.startswith("-"):
                    break
                assert word in command.commands, line
                command = command.commands[word]
            options = {one for parameter in command.params for one in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= options, line


@dataclass
class Scraped:
    url: str

    def ask(self, query: str) -> list[Any]:
        asked = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{asked}", timeout=10) as answer:
            return json.loads(answer.read())["data"]["result"]

    def rules(self) -> dict[str, dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/api/v1/rules", timeout=10) as answer:
            groups = json.loads(answer.read())["data"]["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}


@pytest.fixture
def scraped(folder: Path, tmp_path: Path, postgres_url: str) -> Iterator[tuple[Scraped, Client]]:
    """A Prometheus with our rules, and the Fairlead that it scrapes: an API and a worker."""
    (tmp_path / "fairlead.toml").write_text(PROJECT)
    (tmp_path / "shop.py").write_text(AGENTS)
    settings = {"DATABASE_URL": postgres_url}
    port = free_ports(1)
    with (
        running(tmp_path, "serve", "--no-worker", "--port", "0", **settings) as serve,
        running(tmp_path, "work", "--port", "0", **settings) as work,
    ):
        api, worker = (urllib.parse.urlsplit(one.until("listening")["url"]).netloc for one in (serve, work))
        config = yaml.safe_load((folder / "prometheus/prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "250ms"}
        for job in config["scrape_configs"]:
            job["static_configs"][0]["targets"] = {"fairlead-api": [api], "fairlead-worker": [worker]}.get(
                job["job_name"], []
            )
        config["rule_files"] = [str(folder / "prometheus/rules/*.yml")]
        (tmp_path / "prometheus.yml").write_text(json.dumps(config))
        argv = (prometheus(), f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
                f"--web.listen-address=127.0.0.1:{port}")  # fmt: skip
        process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
        one = Scraped(f"http://127.0.0.1:{port}")
        try:
            wait_until(lambda: _up(one), seconds=30)
            yield one, Client(f"http://{api}")
        finally:
            process.kill()
            process.wait()


def _up(one: Scraped) -> bool:
    try:
        return len(one.ask("up == 1")) == 2
    except OSError:
        return False


@pytest.mark.journey
def test_prometheus_gets_from_a_running_fairlead_what_rules_and_panels_ask_for(scraped: tuple[Scraped, Client]) -> None:
    one, client = scraped
    until = time.monotonic() + 12
    while time.monotonic() < until:
        for agent in ("good", "bad", "ask"):
            given: Any = [{"role": "user", "content": "hello"}] if agent == "ask" else {}
            client.post(
                "/runs/wait", {"assistant_id": agent, "input": {"messages": given} if agent == "ask" else given}
            )
    wait_until(lambda: float(one.ask("sum(rate(agent_requests_total[1m]))")[0]["value"][1]) > 0, seconds=20)
    quiet = {"Tools", "Tool calls that failed", "Webhooks", "Open streams"}  # nobody called one
    for board in DASHBOARDS:
        for _, panels in board.rows:
            for panel in panels:
                found = [one.ask(query.replace("$__rate_interval", "1m").replace("$__range", "1h"))
                         for query, _ in panel.queries]  # fmt: skip
                assert panel.title in quiet or all(found), (board.uid, panel.title)
    rules = one.rules()
    assert {alert.name for alert in ALERTS} == set(rules)
    assert {name: rule["lastError"] for name, rule in rules.items() if rule.get("lastError")} == {}
    assert rules["AgentHighErrorRate"]["state"] == "pending", "a third of the runs fail, for less than five minutes"
    fine = ("AgentHighLatency", "AllLLMProvidersDown", "ServiceDown", "AgentQueueDepthHigh", "HighResponseTime")
    assert {name: rules[name]["state"] for name in fine} == dict.fromkeys(fine, "inactive")


def test_cloudwatch_gets_a_line_a_minute_for_each_release() -> None:
    lines: list[bytes] = []
    clock = MovableClock()
    emf = EmbeddedMetrics(lines.append, clock=clock, service="shop")

    def ended(release: str, status: str, seconds: float) -> None:
        emf("agent_completed", {"release": release, "status": status, "took": timedelta(seconds=seconds)})

    for number in range(150):
        ended("v1", "error" if number < 15 else "success", 0.25)
    ended("v2", "success", 2)
    assert lines == []
    clock.move(timedelta(seconds=61))
    ended("v2", "timeout", 3)
    first, second = map(json.loads, lines)
    assert (first["Version"], first["ErrorRate"], first["Latency"]) == ("v1", 10.0, [250.0] * 100)
    assert (second["Version"], second["ErrorRate"], second["Latency"]) == ("v2", 0.0, [2000.0])
    (directive,) = first["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("AgentService", [["Version"]])
    assert [one["Name"] for one in directive["Metrics"]] == ["ErrorRate", "Latency"]
    assert isinstance(first["_aws"]["Timestamp"], int)
    emf.flush()
    assert json.loads(lines[2])["ErrorRate"] == 100.0
    emf.flush()
    assert len(lines) == 3, "a minute without a run has no line"
