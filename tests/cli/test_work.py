from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from fairlead.cli.client import Client
from fairlead.cli.following import events_of
from tests.cli.processes import fairlead, make_project, notes, open_gate, running, start_gates


def status(url: str, method: str = "GET") -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_worker_is_watched_drained_and_followed_by_another(tmp_path: Path, postgres_url: str) -> None:
    make_project(tmp_path)
    settings = {"DATABASE_URL": postgres_url, "FAIRLEAD_DRAIN_TIMEOUT": "500ms"}
    with (
        running(tmp_path, "serve", "--port", "0", **settings) as serve,
        running(tmp_path, "work", "--port", "0", **settings) as work,
    ):
        client = Client(serve.until("listening")["url"])
        door = work.until("listening")["url"]
        run_id = start_gates(client, tmp_path)
        for event in events_of(client, run_id):
            if isinstance(event, dict) and event["type"] == "log":
                break
        assert status(f"{door}/health/live") == 200
        assert status(f"{door}/health/ready") == 200
        assert b"active_agents 1.0" in urllib.request.urlopen(f"{door}/metrics", timeout=5).read()
        assert status(f"{door}/runs") == 404
        assert status(f"{door}/internal/drain", "POST") == 202
        assert work.process.wait(30) == 0
        assert client.get(f"/runs/{run_id}")["reason"] == "drained"
        assert client.get("/workers", alive="true") == [] or not any(one["alive"] for one in client.get("/workers"))
        open_gate(tmp_path)
        with running(tmp_path, "work", "--port", "0", **settings):
            list(events_of(client, run_id))
            assert client.get(f"/runs/{run_id}")["output"] == ["first", "open", "second"]
        assert notes(tmp_path) == ["first", "second"]


def test_without_a_server_commands_ask_postgresql_themselves(tmp_path: Path, postgres_url: str) -> None:
    make_project(tmp_path)
    open_gate(tmp_path)
    settings = {"DATABASE_URL": postgres_url, "FAIRLEAD_PORT": "1"}
    done = fairlead(tmp_path, "run", "gates", "--input", '{"notes": "notes", "gate": "gate"}', **settings)
    assert done.code == 0, done.err
    assert [run["status"] for run in fairlead(tmp_path, "runs", "list", "--json", **settings).json] == ["success"]
