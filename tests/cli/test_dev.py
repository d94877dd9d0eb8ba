from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

from fairlead.cli.client import Client
from fairlead.cli.following import events_of
from tests.cli.processes import AGENT, PATIENCE, make_project, notes, open_gate, running, start_gates


def test_a_run_survives_its_worker(tmp_path: Path) -> None:
    make_project(tmp_path)
    with running(tmp_path, "dev", "--port", "0", "--no-reload") as dev:
        client = Client(dev.until("listening")["url"])
        worker = dev.until("worker_ready")["pid"]
        run_id = start_gates(client, tmp_path)
        happened: list[str] = []
        for event in events_of(client, run_id):
            assert isinstance(event, dict)
            happened.append(event["type"])
            if event["type"] == "log" and "lost" not in happened:
                os.kill(worker, signal.SIGKILL)
            if event["type"] == "started" and "lost" in happened:
                open_gate(tmp_path)
        assert client.get(f"/runs/{run_id}")["output"] == ["first", "open", "second"]
        assert notes(tmp_path) == ["first", "second"]
        assert "lost" in happened
        assert dev.until("worker_died")["how"] == "SIGKILL"
        assert dev.until("worker_ready", times=2)["pid"] != worker
        assert dev.stop() == 0


def test_the_worker_ends_with_its_parent_even_when_that_is_killed(tmp_path: Path) -> None:
    make_project(tmp_path)
    with running(tmp_path, "dev", "--port", "0", "--no-reload") as dev:
        dev.until("worker_ready")
        children = psutil.Process(dev.process.pid).children()
        dev.process.kill()
        dev.process.wait()
        _, alive = psutil.wait_procs(children, PATIENCE)
        assert alive == []


def test_changed_code_is_used_without_a_restart_by_hand(tmp_path: Path) -> None:
    make_project(tmp_path)
    with running(tmp_path, "dev", "--port", "0") as dev:
        client = Client(dev.until("listening")["url"])
        dev.until("worker_ready")
        (tmp_path / "gates.py").write_text("this is no Python")
        assert "gates.py:1" in dev.until("broken")["error"]
        (tmp_path / "gates.py").write_text(AGENT.replace("VERSION", "two"))
        dev.until("worker_ready", times=2)
        open_gate(tmp_path)
        told = [one for one in events_of(client, start_gates(client, tmp_path)) if isinstance(one, dict)]
        assert any("two" in str(one["data"]) for one in told if one["type"] == "log")
        assert dev.until("changed")["files"] == ["gates.py"]


def test_a_worker_that_keeps_dying_is_said_to_and_tried_less_often(tmp_path: Path) -> None:
    make_project(tmp_path)
    deadly = "import os, sys\nif 'fairlead.wiring.child' in sys.orig_argv: os._exit(9)\n"
    (tmp_path / "gates.py").write_text(AGENT.replace("import asyncio\n", deadly + "import asyncio\n"))
    with running(tmp_path, "dev", "--port", "0", "--no-reload") as dev:
        pauses = [dev.until("worker_died", times=times)["pause"] for times in (1, 2, 3)]
        assert pauses == [0.0, 0.5, 1.0]
        assert dev.until("worker_died")["how"] == "exit code 9"
        assert Client(dev.until("listening")["url"]).alive()


def test_ctrl_c_stops_everything(tmp_path: Path) -> None:
    make_project(tmp_path)
    with running(tmp_path, "dev", "--port", "0", "--no-reload") as dev:
        dev.until("worker_ready")
        children = psutil.Process(dev.process.pid).children()
        assert dev.stop(signal.SIGINT) == 130
        _, alive = psutil.wait_procs(children, PATIENCE)
        assert alive == []
