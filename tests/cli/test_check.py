"""`fairlead check` and `fairlead slo` on running systems."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import asyncpg
import httpx
import pytest

from fairlead.gateway.simulate import Simulator
from tests.api.serving import listening
from tests.cli.processes import Done, fairlead, make_project, open_gate, running
from tests.servers import RedisServer, free_port, wait_until

QUICK = ("--retries", "0")


def results(done: Done) -> dict[str, str]:
    return {one["name"]: one["result"] for one in done.json["checks"]}


def check(folder: Path, *words: str, **settings: str) -> Done:
    return fairlead(folder, "check", "--json", *words, **settings)


def only(*names: str) -> tuple[str, ...]:
    return tuple(word for name in names for word in ("--only", name))


OURS = only("application", "workers", "queue", "database", "slow-queries", "cache", "disk", "memory", "backup")


def test_a_running_project_is_well_and_what_is_told_has_a_stable_shape(tmp_path: Path) -> None:
    make_project(tmp_path)
    with running(tmp_path, "dev", "--port", "0") as dev:
        dev.until("worker_ready")
        done = check(tmp_path, *OURS)
        assert done.code == 0, done.out
        assert set(done.json) == {"verdict", "at", "checks"} and done.json["verdict"] == "pass"
        for one in done.json["checks"]:
            assert set(one) == {"name", "result", "said", "reference", "mend", "tries", "took_ms"}
        assert results(done) == {
            "application": "pass", "workers": "pass", "queue": "pass", "database": "pass",
            "slow-queries": "not_applicable", "cache": "not_applicable", "memory": "pass", "disk": "pass",
            "backup": "not_applicable",
        }  # fmt: skip
        shown = fairlead(tmp_path, "check", *only("application", "database"))
        assert "✓ application" in shown.out and "All is well." in shown.out
        url = dev.until("listening")["url"]
        assert check(tmp_path, url, *only("application")).json["checks"][0]["reference"] == url


def test_what_is_not_there_fails_or_could_not_be_told_and_the_exit_code_says_which(tmp_path: Path) -> None:
    make_project(tmp_path)
    nothing = check(tmp_path, *QUICK, *only("application", "database"))
    assert nothing.code == 1 and results(nothing) == {"application": "fail", "database": "could_not_ask"}
    untold = check(tmp_path, *QUICK, *only("database"))
    assert untold.code == 9 and untold.json["verdict"] == "could_not_ask"
    assert check(tmp_path, *only("backup"), ENVIRONMENT="staging").code == 1
    assert check(tmp_path, *only("nonsense")).code == 2
    assert check(tmp_path, "ftp://x").code == 2
    assert check(tmp_path, f"http://127.0.0.1:{free_port()}", *QUICK, *only("application")).code == 1


def test_a_service_that_is_killed_is_seen(tmp_path: Path) -> None:
    make_project(tmp_path)
    with running(tmp_path, "serve", "--port", "0") as serve:
        url = serve.until("listening")["url"]
        assert check(tmp_path, *only("application")).code == 0
        serve.process.send_signal(signal.SIGSTOP)
        hung = check(tmp_path, url, "--timeout", "1", *QUICK, *only("application"))
        assert hung.code == 1 and hung.json["checks"][0]["result"] == "fail"
        serve.process.kill()
        serve.process.wait()
        assert check(tmp_path, *QUICK, *only("application")).code == 1


def test_a_slow_query_and_a_database_that_is_away_are_seen_and_no_password_is_told(
    tmp_path: Path, postgres_url: str
) -> None:
    make_project(tmp_path)
    assert fairlead(tmp_path, "runs", "list", DATABASE_URL=postgres_url, FAIRLEAD_PORT="1").code == 0
    well = check(tmp_path, *only("database", "queue"), DATABASE_URL=postgres_url)
    assert well.code == 0 and "connections" in well.json["checks"][1]["said"]

    async def look_while_one_sleeps() -> Done:
        connection = await asyncpg.connect(postgres_url)
        sleeping = asyncio.ensure_future(connection.execute("SELECT pg_sleep(60)"))
        await asyncio.sleep(6)
        try:
            return await asyncio.to_thread(check, tmp_path, *QUICK, *only("slow-queries"), DATABASE_URL=postgres_url)
        finally:
            sleeping.cancel()
            connection.terminate()
            await asyncio.gather(sleeping, return_exceptions=True)

    slow = asyncio.run(look_while_one_sleeps())
    assert slow.code == 1 and "run for over 5 s" in slow.json["checks"][0]["said"]
    away = f"postgresql://fairlead:hunter2secret@127.0.0.1:{free_port()}/none"
    gone = check(tmp_path, "--timeout", "5", *QUICK, *only("database", "queue", "workers"), DATABASE_URL=away)
    assert set(results(gone).values()) == {"fail"} and gone.code == 1
    assert "hunter2secret" not in gone.out + gone.err


def test_a_redis_that_stopped_in_the_middle_is_seen(tmp_path: Path) -> None:
    make_project(tmp_path)
    server = RedisServer(tmp_path)
    url = server.start()
    process = server._process  # pyright: ignore[reportPrivateUsage]
    assert process is not None
    try:
        well = check(tmp_path, *only("cache"), REDIS_URL=url)
        assert well.code == 0 and "MB used" in well.json["checks"][0]["said"]
        os.kill(process.pid, signal.SIGSTOP)
        assert check(tmp_path, *QUICK, *only("cache"), REDIS_URL=url).code == 1
        os.kill(process.pid, signal.SIGCONT)
        with_secret = f"redis://user:hunter2secret@127.0.0.1:{free_port()}/0"
        away = check(tmp_path, *QUICK, *only("cache"), REDIS_URL=with_secret)
        assert away.code == 1 and "hunter2secret" not in away.out + away.err
    finally:
        os.kill(process.pid, signal.SIGCONT)
        server.stop()


class Provider(BaseHTTPRequestHandler):
    status = 200
    heard: ClassVar[list[tuple[str, str]]] = []
    held = threading.Event()

    def do_GET(self) -> None:
        self.heard.append((self.path, self.headers.get("authorization", "")))
        if self.status == 0:
            self.held.wait(10)
        self.send_response(self.status or 200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def provider() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        Provider.held.set()
        server.shutdown()
        thread.join()
        server.server_close()


def declare(folder: Path, url: str) -> None:
    make_project(folder)
    with (folder / "fairlead.toml").open("a") as file:
        file.write(f'\n[providers.acme]\nbase_url = "{url}"\napi_key_env = "ACME_KEY"\n')


def test_a_provider_is_asked_for_its_models_and_nothing_that_costs(tmp_path: Path) -> None:
    named = only("provider acme")
    with provider() as url:
        declare(tmp_path, url)
        assert "ACME_KEY" in check(tmp_path, *QUICK, *named, ACME_KEY="").json["checks"][0]["mend"]
        told: dict[int, tuple[int, str]] = {}
        for status in (200, 429, 401, 500, 404, 0):
            Provider.status = status
            done = check(tmp_path, "--timeout", "1", *QUICK, *named, ACME_KEY="hunter2secret")
            told[status] = done.code, done.json["checks"][0]["result"]
            assert "hunter2secret" not in done.out + done.err
        assert told == {200: (0, "pass"), 429: (0, "pass"), 401: (1, "fail"), 500: (1, "fail"),
                        404: (9, "could_not_ask"), 0: (1, "fail")}  # fmt: skip
        assert set(Provider.heard) == {("/v1/models", "Bearer hunter2secret")}
    gone = check(tmp_path, *QUICK, *named, ACME_KEY="x")
    assert gone.code == 1 and "down" in gone.json["checks"][0]["said"]


async def test_a_simulated_provider_that_asks_for_a_key_refuses_another(tmp_path: Path) -> None:
    async with listening(Simulator(api_key="right")) as url:  # type: ignore[arg-type]
        declare(tmp_path, f"{url}/v1")
        told = [
            (await asyncio.to_thread(check, tmp_path, *QUICK, *only("provider acme"), ACME_KEY=key)).code
            for key in ("right", "wrong")
        ]
    assert told == [0, 1]


def test_a_full_disk_is_seen(tmp_path: Path) -> None:
    make_project(tmp_path)
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False
    ).returncode:  # fmt: skip
        pytest.skip("only root may mount a small disk")
    try:
        settings = {"BACKUP_DIR": str(folder)}
        assert check(tmp_path, *only("disk"), **settings).code == 0
        (folder / "large").write_bytes(bytes(1_900_000))
        full = check(tmp_path, *QUICK, *only("disk"), **settings)
        assert full.code == 1 and "backups 9" in full.json["checks"][0]["said"]
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def objectives(done: Done) -> dict[str, dict[str, Any]]:
    return {one["of"]: one for one in done.json["objectives"]}


def test_service_levels_are_those_of_what_happened_and_a_kill_is_no_planned_stop(tmp_path: Path) -> None:
    make_project(tmp_path)
    open_gate(tmp_path)
    nothing = fairlead(tmp_path, "slo", "--json")
    assert nothing.code == 9 and set(nothing.json["levels"].values()) == {"no_data"}
    with running(tmp_path, "serve", "--port", "0") as serve:
        serve.until("listening")
        ran = fairlead(tmp_path, "run", "gates", "--input", '{"notes": "notes", "gate": "gate"}')
        assert ran.code == 0, ran.err
        told = httpx.get(f"{serve.until('listening')['url']}/metrics").text
        assert 'slo_error_budget_remaining_ratio{of="api",slo="availability"}' in told
        serve.stop()
    after = fairlead(tmp_path, "slo", "--json", "--window", "1h")
    assert after.code == 0, after.out
    told = objectives(after)
    assert {one["state"] for one in told.values()} == {"met"}
    assert told["runs"]["total"] == 1 and told["submit"]["total"] == 1 and told["query"]["total"] > 10
    assert after.json["processes_died"] == 0 and told["api"]["bad"] == 0
    with running(tmp_path, "serve", "--port", "0") as serve:
        serve.until("listening")
        wait_until(lambda: objectives(fairlead(tmp_path, "slo", "--json"))["api"]["total"] > told["api"]["total"])
        serve.process.kill()
        serve.process.wait()
    with sqlite3.connect(tmp_path / ".fairlead/fairlead.db") as database:  # a minute later
        database.execute("UPDATE service_spans SET began_at = began_at - 60000000, last_at = last_at - 60000000")
    assert fairlead(tmp_path, "slo", "--json").json["processes_died"] == 1
    dead = fairlead(tmp_path, "slo", "--json")
    assert dead.code == 1 and dead.json["levels"]["availability"] == "missed"
    shown = fairlead(tmp_path, "slo").out
    assert "✗ availability" in shown and "1 process has died" in shown
    assert fairlead(tmp_path, "slo", "--window", "soon").code == 2
