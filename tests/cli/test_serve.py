from __future__ import annotations

import signal
import socket
from pathlib import Path

from fairlead.cli.client import Client
from fairlead.cli.exits import Exit
from fairlead.cli.following import events_of
from tests.cli.processes import fairlead, gates_input, make_project, notes, open_gate, running, start_gates


def test_a_second_server_on_the_same_file_is_refused_and_told_where_the_first_is(tmp_path: Path) -> None:
    make_project(tmp_path)
    with running(tmp_path, "serve", "--port", "0") as serve:
        url = serve.until("listening")["url"]
        second = fairlead(tmp_path, "serve", "--port", "0")
        assert second.code == Exit.CONFLICT
        assert str(serve.process.pid) in second.err
        assert url in second.err
        assert "Traceback" not in second.err


def test_the_command_line_finds_the_server_of_its_project(tmp_path: Path) -> None:
    make_project(tmp_path)
    open_gate(tmp_path)
    with running(tmp_path, "serve", "--port", "0") as serve:
        url = serve.until("listening")["url"]
        done = fairlead(tmp_path, "run", "gates", "--input", '{"notes": "notes", "gate": "gate"}')
        assert done.code == Exit.OK, done.err
        assert '"second"' in done.out
        assert f"{url}/console/runs/" in done.err
        listed = fairlead(tmp_path, "runs", "list", "--json").json
        assert [run["status"] for run in listed] == ["success"]
        shown = fairlead(tmp_path, "runs", "show", listed[0]["run_id"][:20])
        assert "gate" in shown.out
        workers = fairlead(tmp_path, "workers", "--json").json
        assert [one["pid"] for one in workers] == [serve.process.pid]


def test_sigterm_hands_runs_back_and_they_go_on_elsewhere(tmp_path: Path) -> None:
    make_project(tmp_path)
    with running(tmp_path, "serve", "--port", "0", FAIRLEAD_DRAIN_TIMEOUT="1s") as serve:
        client = Client(serve.until("listening")["url"])
        run_id = start_gates(client, tmp_path)
        for event in events_of(client, run_id):
            if isinstance(event, dict) and event["type"] == "log":
                break
        assert serve.stop() == 0
    found = fairlead(tmp_path, "runs", "show", run_id, "--json").json
    assert (found["status"], found["reason"]) == ("pending", "drained")
    open_gate(tmp_path)
    with running(tmp_path, "serve", "--port", "0") as serve:
        client = Client(serve.until("listening")["url"])
        list(events_of(client, run_id))
        assert client.get(f"/runs/{run_id}")["status"] == "success"
    assert notes(tmp_path) == ["first", "second"]


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    make_project(tmp_path)
    with running(tmp_path, "serve", "--port", "0") as serve:
        client = Client(serve.until("listening")["url"])
        run_id = start_gates(client, tmp_path)
        for event in events_of(client, run_id):
            if isinstance(event, dict) and event["type"] == "log":
                break
        serve.process.send_signal(signal.SIGTERM)
        while client.alive():
            pass
        assert serve.stop() == 128 + signal.SIGTERM


def test_listening_beyond_this_machine_needs_a_key(tmp_path: Path) -> None:
    make_project(tmp_path)
    for words in (("serve",), ("dev",)):
        done = fairlead(tmp_path, *words, "--host", "0.0.0.0", "--port", "0")
        assert done.code == Exit.CONFIGURATION
        assert "API_KEY_WHITELIST" in done.err


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    make_project(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = fairlead(tmp_path, "serve", "--port", str(port))
        assert done.code == Exit.CONFIGURATION
        assert f"127.0.0.1:{port}" in done.err


def test_a_key_is_asked_for_and_the_command_line_has_it(tmp_path: Path) -> None:
    make_project(tmp_path)
    open_gate(tmp_path)
    (tmp_path / ".env").write_text("API_KEY_WHITELIST=fl_the-key-of-this-test\n")
    with running(tmp_path, "serve", "--port", "0") as serve:
        url = serve.until("listening")["url"]
        assert fairlead(tmp_path, "runs", "list").code == Exit.OK
        refused = fairlead(tmp_path, "runs", "list", FAIRLEAD_URL=url, FAIRLEAD_API_KEY="fl_another")
        assert refused.code == Exit.REFUSED
        assert "Traceback" not in refused.err


def test_detached_runs_can_be_followed_and_cancelled(tmp_path: Path) -> None:
    make_project(tmp_path)
    with running(tmp_path, "serve", "--port", "0") as serve:
        serve.until("listening")
        started = fairlead(tmp_path, "run", "gates", "-d", "--input", str(gates_input(tmp_path)).replace("'", '"'))
        run_id = started.out.strip()
        assert fairlead(tmp_path, "runs", "cancel", run_id).code == Exit.OK
        followed = fairlead(tmp_path, "runs", "follow", run_id)
        assert followed.code == Exit.FAILED
        assert "cancelled" in followed.err
        again = fairlead(tmp_path, "runs", "approve", run_id)
        assert again.code == Exit.CONFLICT
