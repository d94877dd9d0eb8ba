"""`fairlead ship` as a user types it: a project with a service of its own, on this host."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead.cli.client import Client
from fairlead.cli.exits import Exit
from fairlead.ship.host.instances import Instances
from tests.cli.processes import Done, fairlead, make_project, open_gate, start_gates
from tests.servers import free_ports, haproxy, wait_until

pytestmark = pytest.mark.journey
SERVICE = str(Path(__file__).parent / "service")
PROJECT = """\
[project]
name = "shop"

[ship]
ready_within = "8s"
watch = "3s"
every = "1s"
hold = "1s"
bake = "{bake}"
least_requests = 30
smoke = [{{ path = "/" }}]
[ship.settings]
BEHAVIOUR = "{behaviour}"
[ship.host]
folder = "host"
listen = "127.0.0.1:{port}"
first_port = {first}
slots = 4
command = ["{python}", "serve.py"]
health = "/health"
grace = "2s"
front = "{front}"
"""


class Shop:
    def __init__(self, folder: Path, front: str = "haproxy") -> None:
        self.folder, self.front = folder, front
        self.port = free_ports(6)
        self.say()

    def say(self, behaviour: str = "", bake: str = "0s") -> None:
        given = {"behaviour": behaviour, "bake": bake, "port": self.port, "first": self.port + 1, "front": self.front}
        (self.folder / "fairlead.toml").write_text(PROJECT.format(**given, python=sys.executable))

    def ship(self, *words: str) -> Done:
        return fairlead(self.folder, "ship", *words, PATH=self.path)

    @property
    def path(self) -> str:
        return f"{Path(haproxy()).parent}:{os.environ['PATH']}"

    def served(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
            return answer.read().decode()

    def clean(self) -> None:
        root = self.folder / "host"
        lock = root / "supervisor.lock"
        if lock.exists() and lock.read_text().isdecimal():
            try:
                os.kill(int(lock.read_text()), signal.SIGKILL)
            except ProcessLookupError:
                pass
        for one in Instances(root).all():
            if one.alive:
                os.killpg(one.status.pid, signal.SIGKILL)


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    one = Shop(tmp_path, getattr(request, "param", "haproxy"))
    yield one
    one.clean()


def deploy(shop: Shop, build: str, *words: str) -> Done:
    return shop.ship("deploy", build, "--source", SERVICE, *words)


@pytest.mark.parametrize("shop", ["haproxy", "envoy"], indirect=True)
def test_releases_follow_each_other_and_a_bad_one_is_rolled_back(shop: Shop) -> None:
    planned = shop.ship("plan", "v1", "--source", SERVICE, "--dry-run", "--json").json
    assert planned["steps"][-1] == "route 100 % to v1"
    assert not (shop.folder / "host").exists()
    first = deploy(shop, "v1")
    assert (first.code, shop.served()) == (Exit.OK, "v1"), first.out + first.err
    assert "✓ try v1" in first.out and "v1 is served." in first.out
    assert deploy(shop, "v2").code == Exit.OK and shop.served() == "v2"
    for behaviour in ("crash", "unhealthy"):
        shop.say(behaviour)
        bad = deploy(shop, f"v3-{behaviour}")
        assert (bad.code, shop.served()) == (Exit.FAILED, "v2"), bad.out
        assert "was rolled back" in bad.out
    shop.say()
    status = shop.ship("status", "--dry-run", "--json").json
    assert (status["served"], status["under_way"]) == ("v2", None)
    assert {arm["build"]: arm["weight"] for arm in status["releases"]}["v2"] == 100
    listed = shop.ship("history", "--json").json
    assert [(one["release"], one["outcome"]) for one in listed] == [
        ("v3-unhealthy", "rolled_back"), ("v3-crash", "rolled_back"), ("v2", "succeeded"), ("v1", "succeeded"),
    ]  # fmt: skip
    shown = shop.ship("show", listed[1]["id"])
    assert "does not stay up" in shown.out and "back: route 100 % to v2" in shown.out


def test_a_rollback_restores_the_release_with_its_settings(shop: Shop) -> None:
    none = shop.ship("rollback", "--yes")
    assert (none.code, "no release to go back to" in none.err) == (Exit.CONFLICT, True)
    assert deploy(shop, "v1").code == Exit.OK
    shop.say("errors")
    assert deploy(shop, "v2").code == Exit.OK
    asked = shop.ship("rollback")
    assert (asked.code, "--yes" in asked.err) == (Exit.USAGE, True)
    dry = shop.ship("rollback", "--dry-run", "--json").json
    assert (dry["release"], dry["from"], shop.served()) == ("v1", "v2", "v2")
    began = time.monotonic()
    back = shop.ship("rollback", "--yes")
    assert (back.code, shop.served()) == (Exit.OK, "v1"), back.out + back.err
    assert time.monotonic() - began < 20
    for _ in range(9):
        assert shop.served() == "v1", "with the settings it had"


def test_a_killed_deployer_is_gone_on_with(shop: Shop) -> None:
    assert deploy(shop, "v1").code == Exit.OK
    shop.say(bake="600s")
    words = (sys.executable, "-m", "fairlead", "ship", "deploy", "v2", "--source", SERVICE, "--json")
    env = {**os.environ, "PATH": shop.path}
    dying = subprocess.Popen(words, cwd=shop.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wait_until(lambda: _bakes(shop), seconds=40)
    dying.kill()
    dying.communicate()
    refused = deploy(shop, "v3")
    assert (refused.code, "under way: v2" in refused.err) == (Exit.CONFLICT, True)
    status = shop.ship("status", "--json").json
    assert status["under_way"]["release"] == "v2" and shop.served() == "v2"
    _lease(shop, "lease_until + 600000000")  # however slow the machine is
    early = shop.ship("resume")
    assert (early.code, "somebody is at it" in early.err) == (Exit.CONFLICT, True), early.out + early.err
    assert shop.ship("rollback", "--yes").code == Exit.OK
    assert shop.served() == "v2", "nobody has heard it yet"
    assert shop.ship("status", "--json").json["under_way"]["held"] is True
    _lease(shop, "0")  # as half a minute does
    assert "Nobody carries it out: fairlead ship resume" in shop.ship("status").out
    back = shop.ship("resume")
    assert (back.code, shop.served()) == (Exit.FAILED, "v1"), back.out + back.err
    assert "wants it back" in back.out


def _bakes(shop: Shop) -> bool:
    with sqlite3.connect(shop.folder / ".fairlead" / "fairlead.db") as database:
        return bool(database.execute("SELECT 1 FROM deploy_steps WHERE kind = 'bake' AND ended_at IS NULL").fetchone())


def _lease(shop: Shop, until: str) -> None:
    with sqlite3.connect(shop.folder / ".fairlead" / "fairlead.db") as database:
        database.execute(f"UPDATE deploys SET lease_until = {until}")


def test_whoever_watches_sees_the_canary_and_may_halt_it(shop: Shop) -> None:
    assert deploy(shop, "v1").code == Exit.OK
    toml = shop.folder / "fairlead.toml"
    toml.write_text(toml.read_text().replace('watch = "3s"', 'watch = "600s"\nstrategy = "canary"\nsteps = [30]'))
    words = (sys.executable, "-m", "fairlead", "ship", "deploy", "v2", "--source", SERVICE, "--json")
    env = {**os.environ, "PATH": shop.path}
    deploying = subprocess.Popen(words, cwd=shop.folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    watching = None
    try:
        wait_until(lambda: (shop.ship("status", "--json").json["under_way"] or {}).get("step") == "watch v2 for 600 s",
                   seconds=40)  # fmt: skip
        watch = (*words[:4], "watch", "--json")
        watching = subprocess.Popen(watch, cwd=shop.folder, env=env, stdout=subprocess.PIPE)
        assert watching.stdout is not None
        first = watching.stdout.readline()  # it looks on
        for _ in range(40):
            shop.served()
        before = _looks(shop)
        wait_until(lambda: _looks(shop) > before + 1, seconds=30)
        dry = shop.ship("halt", "--dry-run")
        assert (dry.code, "would be told: halt" in dry.out) == (Exit.OK, True)
        halted = shop.ship("halt")
        assert halted.code == Exit.OK, halted.err
        told, complaint = deploying.communicate(timeout=60)
        assert deploying.returncode == Exit.FAILED, complaint
        seen = [json.loads(line) for line in (first + watching.communicate(timeout=30)[0]).splitlines()]
        assert watching.returncode == Exit.FAILED
    finally:
        for one in (deploying, watching):
            if one is not None and one.poll() is None:
                one.kill()
                one.communicate()
    for lines in ([json.loads(line) for line in told.splitlines()], seen):
        assert lines[-1]["event"] == "deploy_ended" and lines[-1]["outcome"] == "frozen"
        looks = [one for one in lines if one["event"] == "look"]
        assert len(looks) > 1 and sum(one["canary"]["requests"] + one["stable"]["requests"] for one in looks) >= 40
        ends = [(one["step"], one["verdict"]) for one in lines if one["event"] == "step_ended"]
        assert ends[-1] == ("watch v2 for 600 s", "unclear")
    arms = {arm["build"]: arm["weight"] for arm in shop.ship("status", "--json").json["releases"]}
    assert arms == {"v1": 70, "v2": 30}, "everything is as it was"
    shown = shop.ship("show", lines[-1]["id"])
    assert "errors" in shown.out and "p95" in shown.out and "halted by" in shown.out
    back = shop.ship("rollback", "--yes")
    assert back.code == Exit.OK and "v1 is served" in back.out, "to what is served by the ledger, and not one further"
    arms = {arm["build"]: arm["weight"] for arm in shop.ship("status", "--json").json["releases"]}
    assert arms["v1"] == 100
    shop.say()
    assert deploy(shop, "v3").code == Exit.OK and shop.served() == "v3"


def _looks(shop: Shop) -> int:
    with sqlite3.connect(shop.folder / ".fairlead" / "fairlead.db") as database:
        return database.execute("SELECT count(*) FROM deploy_looks").fetchone()[0]


def test_a_gradual_rollback_goes_in_steps(shop: Shop) -> None:
    assert deploy(shop, "v1").code == Exit.OK and deploy(shop, "v2").code == Exit.OK
    toml = shop.folder / "fairlead.toml"
    toml.write_text(toml.read_text().replace("[ship]\n", '[ship]\npaces = 3\npace = "1s"\n'))
    back = shop.ship("rollback", "--gradual", "--yes")
    assert (back.code, shop.served()) == (Exit.OK, "v1"), back.out + back.err
    lines = back.out.splitlines()
    assert [line for line in lines if "route" in line] == [
        "✓ route 33 % to v1, 67 % to v2", "✓ route 67 % to v1, 33 % to v2", "✓ route 100 % to v1",
    ]  # fmt: skip
    assert sum("see that v1 is well" in line for line in lines) == 2


def test_a_migration_is_done_by_the_new_code_and_one_that_cant_go_back_freezes_what_fails(shop: Shop) -> None:
    assert deploy(shop, "v1").code == Exit.OK
    wrote = f"import os, pathlib; pathlib.Path(r'{shop.folder}/migrated').write_text(os.environ['FAIRLEAD_RELEASE'])"
    toml = shop.folder / "fairlead.toml"
    declared = f'[ship]\nmigrate = ["{sys.executable}", "-c", "{wrote}"]\none_way = true\n'
    shop.say("unhealthy")
    toml.write_text(toml.read_text().replace("[ship]\n", declared))
    frozen = deploy(shop, "v2")
    assert (frozen.code, (shop.folder / "migrated").read_text(), shop.served()) == (Exit.FAILED, "v2", "v1")
    assert "is frozen" in frozen.out and "back:" not in frozen.out
    assert shop.ship("history", "--json").json[0]["outcome"] == "frozen"
    toml.write_text(toml.read_text().replace(wrote, "raise SystemExit('no such column')").replace("unhealthy", ""))
    failed = deploy(shop, "v3")
    assert failed.code == Exit.FAILED and "no such column" in failed.out and shop.served() == "v1"


def test_a_rollback_may_take_the_data_back_as_well(shop: Shop, database_url: str) -> None:
    (shop.folder / ".env").write_text(f"DATABASE_URL={database_url}\n")

    def keys() -> list[str]:
        return [one["name"] for one in fairlead(shop.folder, "keys", "list", "--json").json]

    def key(name: str) -> None:
        made = fairlead(shop.folder, "keys", "create", name, "--role", "admin", "--scope", "admin")
        assert made.code == Exit.OK, made.err

    assert deploy(shop, "v1").code == Exit.OK
    none = shop.ship("rollback", "--restore-database", "--yes")
    assert (none.code, "no release to go back to" in none.err) == (Exit.CONFLICT, True), none.err
    toml = shop.folder / "fairlead.toml"
    toml.write_text(toml.read_text().replace("[ship]\n", "[ship]\nbackup = true\n"))
    key("before")
    second = deploy(shop, "v2")
    assert second.code == Exit.OK and "✓ back up the data" in second.out, second.out + second.err
    key("after")
    assert (sorted(keys()), shop.served()) == (["after", "before"], "v2")
    asked = shop.ship("rollback", "--restore-database")
    assert (asked.code, "--yes" in asked.err, shop.served()) == (Exit.USAGE, True, "v2")
    back = shop.ship("rollback", "--restore-database", "--yes")
    assert (back.code, shop.served(), keys()) == (Exit.OK, "v1", ["before"]), back.out + back.err
    status = shop.ship("status", "--json").json
    assert (status["served"], status["under_way"], [one["build"] for one in status["releases"]]) == ("v1", None, ["v1"])
    assert deploy(shop, "v3").code == Exit.OK and shop.served() == "v3"


RETURNS = """
import asyncio
from fairlead.wiring.project import open_setup
from fairlead.wiring.returning import find_return, restore_database
from fairlead.wiring.shipping import open_shipping

async def main():
    setup = open_setup()
    async with open_shipping(setup) as shipping:
        wanted = await find_return(shipping)
    await restore_database(setup, wanted, tell=lambda *_: None)

asyncio.run(main())
"""


def test_whoever_takes_data_back_may_die_and_is_gone_on_with(shop: Shop) -> None:
    toml = shop.folder / "fairlead.toml"
    toml.write_text(toml.read_text().replace("[ship]\n", "[ship]\nbackup = true\n"))
    assert deploy(shop, "v1").code == Exit.OK and deploy(shop, "v2").code == Exit.OK
    env = {**os.environ, "PATH": shop.path}
    subprocess.run((sys.executable, "-c", RETURNS), cwd=shop.folder, env=env, check=True)  # and there it ends
    status = shop.ship("status", "--json").json
    assert (status["served"], status["releases"], status["returning"]["restored"]) == ("v1", [], True)
    for words in (("resume",), ("rollback", "--yes"), ("deploy", "v3", "--source", SERVICE)):
        refused = shop.ship(*words)
        assert (refused.code, "being taken back" in refused.err) == (Exit.CONFLICT, True), words
    again = shop.ship("rollback", "--restore-database", "--yes")
    assert (again.code, shop.served()) == (Exit.OK, "v1"), again.out + again.err
    assert "restored" not in again.out, "once is enough"
    assert shop.ship("status", "--json").json["returning"] is None
    assert deploy(shop, "v3").code == Exit.OK and shop.served() == "v3"


def test_other_code_of_the_same_name_is_another_release(shop: Shop) -> None:
    source = shop.folder / "source"
    shutil.copytree(SERVICE, source)
    good = (source / "serve.py").read_text()
    (source / "serve.py").write_text("raise SystemExit('not yet')\n")
    bad = shop.ship("deploy", "v1", "--source", str(source))
    assert bad.code == Exit.FAILED, bad.out + bad.err
    (source / "serve.py").write_text(good)
    same = shop.ship("deploy", "v1", "--source", str(source))
    assert (same.code, "other code" in same.err, "another name" in same.err) == (Exit.CONFLICT, True, True), same.err
    other = shop.ship("deploy", "v2", "--source", str(source))
    assert (other.code, shop.served()) == (Exit.OK, "v2"), other.out + other.err


def test_data_that_can_not_be_taken_back_leaves_all_that_serves(shop: Shop) -> None:
    toml = shop.folder / "fairlead.toml"
    toml.write_text(toml.read_text().replace("[ship]\n", "[ship]\nbackup = true\n"))
    assert deploy(shop, "v1").code == Exit.OK and deploy(shop, "v2").code == Exit.OK
    for path in (shop.folder / ".fairlead" / "backups").rglob("*.gz"):
        path.write_bytes(path.read_bytes()[:-20])
    failed = shop.ship("rollback", "--restore-database", "--yes")
    assert failed.code not in (Exit.OK, Exit.USAGE), failed.out
    wait_until(lambda: _served(shop) == "v2", seconds=30)
    assert shop.ship("status", "--json").json["served"] == "v2"


def test_a_deploy_of_which_no_backup_can_be_taken_touches_nothing(shop: Shop) -> None:
    assert deploy(shop, "v1").code == Exit.OK
    toml = shop.folder / "fairlead.toml"
    toml.write_text(toml.read_text().replace("[ship]\n", "[ship]\nbackup = true\n"))
    (shop.folder / ".fairlead" / "backups").write_text("this is no folder")
    refused = deploy(shop, "v2")
    assert (refused.code, shop.served()) == (Exit.FAILED, "v1"), refused.out + refused.err
    assert "✗ back up the data" in refused.out and "was not begun" in refused.out
    assert [one["build"] for one in shop.ship("status", "--json").json["releases"]] == ["v1"]


def test_of_the_last_releases_the_code_is_kept(shop: Shop) -> None:
    toml = shop.folder / "fairlead.toml"
    toml.write_text(toml.read_text().replace("[ship]\n", "[ship]\nkeep = 2\n"))
    for build in ("v1", "v2", "v3"):
        assert deploy(shop, build).code == Exit.OK
    folders = {path.name for path in (shop.folder / "host" / "releases").iterdir()}
    assert folders == {"v2", "v3", ".v2.digest", ".v3.digest"}


def _served(shop: Shop) -> str:
    try:
        return shop.served()
    except OSError:
        return ""


@pytest.mark.parametrize(("words", "code", "says"), [
    (("deploy", "no/name"), Exit.USAGE, "names no release"),
    (("deploy", "v1", "--source", "nowhere"), Exit.USAGE, "no folder"),
    (("show", "dpl_none"), Exit.NOT_FOUND, "no deploy"),
    (("rollback", "v9", "--yes"), Exit.CONFLICT, "no release to go back to"),
    (("resume",), Exit.CONFLICT, "No deploy is under way"),
])  # fmt: skip
def test_what_is_typed_wrongly_is_told(shop: Shop, words: tuple[str, ...], code: Exit, says: str) -> None:
    done = shop.ship(*words)
    assert (done.code, says in done.err + done.out, "Traceback" in done.err) == (code, True, False), done.err + done.out


def test_a_declaration_that_makes_no_sense_is_told_with_its_place(shop: Shop) -> None:
    def told(table: str) -> str:
        (shop.folder / "fairlead.toml").write_text(table)
        done = shop.ship("plan", "v1")
        assert done.code == Exit.CONFIGURATION
        return done.err

    assert "`ship.strategy`" in told('[ship]\nstrategy = "yolo"')
    assert "`ship.stratgy`" in told('[ship]\nstratgy = "canary"')
    assert "larger than the one before" in told("[ship]\nsteps = [50, 10]")
    assert "there are no cases" in told('[ship]\nfill = "cases"')
    assert "`ship.host.slots`" in told("[ship.host]\nslots = 1")
    assert "`ship.host.front`" in told('[ship.host]\nfront = "nginx"')


def test_what_our_environment_holds_is_written_nowhere(shop: Shop) -> None:
    done = fairlead(shop.folder, "ship", "deploy", "v1", "--source", SERVICE, PATH=shop.path, MY_TOKEN="s3cr3t-of-ours")
    assert done.code == Exit.OK, done.out + done.err
    files = [path for path in shop.folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if b"s3cr3t-of-ours" in path.read_bytes()] == []


def test_a_deploy_that_finds_no_room_goes_back_and_blocks_nobody(shop: Shop) -> None:
    assert deploy(shop, "v1").code == Exit.OK
    toml = shop.folder / "fairlead.toml"
    toml.write_text(toml.read_text().replace("[ship]\n", "[ship]\ninstances = 9\n"))
    full = deploy(shop, "v2")
    assert (full.code, shop.served()) == (Exit.FAILED, "v1"), full.out + full.err
    assert "no room" in full.out
    shop.say()
    assert deploy(shop, "v3").code == Exit.OK and shop.served() == "v3"


def test_any_service_is_tried_with_the_smoke_suite(shop: Shop) -> None:
    assert deploy(shop, "v1").code == Exit.OK
    url = f"http://127.0.0.1:{shop.port}"
    good = shop.ship("smoke", url)
    assert (good.code, "✓ /: GET /" in good.out, "PASS  1 of 1" in good.out) == (Exit.OK, True, True), good.out
    toml = shop.folder / "fairlead.toml"
    declared = toml.read_text()
    toml.write_text(
        declared.replace('smoke = [{ path = "/" }]', 'smoke = [{ path = "/" }, { path = "/", holds = "v9" }]')
    )
    bad = shop.ship("smoke", url, "--json")
    assert (bad.code, bad.json["passed"]) == (Exit.FAILED, False)
    assert "'v9' is not in the answer" in bad.json["findings"][2]["said"]
    assert shop.ship("smoke", url, "--at-least", "0.5").code == Exit.OK
    nobody = shop.ship("smoke", f"http://127.0.0.1:{free_ports(1)}")
    assert (nobody.code, "Connection refused" in nobody.out) == (Exit.FAILED, True), nobody.out


def test_a_disk_that_takes_nothing_fails_the_step_and_is_told(shop: Shop) -> None:
    (shop.folder / "host").mkdir()
    (shop.folder / "host" / "releases").write_text("no folder")
    failed = deploy(shop, "v1")
    assert failed.code == Exit.FAILED and "Traceback" not in failed.err, failed.err
    assert "✗ have 1 of v1" in failed.out and "releases" in failed.out, failed.out
    (shop.folder / "host" / "releases").unlink()
    again = deploy(shop, "v1")
    assert (again.code, shop.served()) == (Exit.OK, "v1"), again.out + again.err


def test_a_unit_for_systemd_is_printed(shop: Shop) -> None:
    unit = shop.ship("unit").out
    assert f"WorkingDirectory={shop.folder}" in unit and "KillMode=process" in unit


def test_a_run_ends_on_the_release_it_began_on_while_the_next_one_is_served(tmp_path: Path, postgres_url: str) -> None:
    """A Fairlead service: API and worker of each release, on one PostgreSQL."""
    project, port = make_project(tmp_path), free_ports(6)
    (project / "fairlead.toml").write_text(
        (project / "fairlead.toml").read_text()
        + '[ship]\nbake = "0s"\nready_within = "40s"\n[ship.host]\nfolder = "host"\nworkers = 1\nslots = 4\n'
        + f'listen = "127.0.0.1:{port}"\nfirst_port = {port + 1}\n'
    )
    shop = Shop.__new__(Shop)
    shop.folder, shop.port = project, port
    settings = {"PATH": shop.path, "FAIRLEAD_DATABASE_URL": postgres_url}
    try:
        first = fairlead(project, "ship", "deploy", "v1", **settings)
        assert first.code == Exit.OK, first.out + first.err
        client = Client(f"http://127.0.0.1:{port}")
        old = start_gates(client, project)
        _until(client, old, "running")
        second = fairlead(project, "ship", "deploy", "v2", **settings)
        assert second.code == Exit.OK, second.out + second.err
        assert "12 of 12" in second.out
        assert "ends once its runs and requests have" in second.out
        assert client.get("/version")["release"] == "v2"
        assert (client.get(f"/runs/{old}")["status"], client.get(f"/runs/{old}")["release"]) == ("running", "v1")
        new = start_gates(client, project)
        open_gate(project)
        for run, release in ((old, "v1"), (new, "v2")):
            _until(client, run, "success")
            assert client.get(f"/runs/{run}")["release"] == release
        wait_until(lambda: "v1" in fairlead(project, "ship", "tidy", **settings).out, seconds=30)
        wait_until(lambda: not Instances(project / "host").all("v1"), seconds=30)
        assert client.get("/version")["release"] == "v2"
    finally:
        shop.clean()


def _until(client: Client, run: str, status: str) -> None:
    wait_until(lambda: client.get(f"/runs/{run}")["status"] == status, seconds=30)


SUITE = """\
agent: doubles
cases:
- {name: one, inputs: 1, expected_output: 2}
- {name: many, inputs: 21, expected_output: 42}
evaluators: [Exact]
"""


def test_answers_that_are_not_good_enough_get_no_request(tmp_path: Path, postgres_url: str) -> None:
    """A Fairlead service, whose next release is well in all but what it says."""
    port = free_ports(6)
    (tmp_path / "fairlead.toml").write_text(
        '[project]\nname = "doubles"\n[agents]\ndoubles = "doubles.py:doubles"\n'
        '[ship]\nbake = "0s"\nready_within = "40s"\n[ship.evaluation]\nsuite = "smoke"\n'
        '[ship.host]\nfolder = "host"\nworkers = 1\nslots = 4\n'
        f'listen = "127.0.0.1:{port}"\nfirst_port = {port + 1}\n'
    )
    (tmp_path / "evaluations").mkdir()
    (tmp_path / "evaluations" / "smoke.yaml").write_text(SUITE)
    shop = Shop.__new__(Shop)
    shop.folder, shop.port = tmp_path, port
    settings = {"PATH": shop.path, "FAIRLEAD_DATABASE_URL": postgres_url}

    def ship(build: str, factor: int) -> Done:
        (tmp_path / "doubles.py").write_text(f"async def doubles(input, ctx):\n    return {factor} * input\n")
        return fairlead(tmp_path, "ship", "deploy", build, **settings)

    try:
        good = ship("v1", 2)
        assert good.code == Exit.OK and "✓ evaluate v1" in good.out, good.out + good.err
        toml = tmp_path / "fairlead.toml"
        canary = 'strategy = "canary"\nsteps = [10]\nwatch = "4s"\nevery = "1s"\nleast_requests = 12\nfill = "cases"\n'
        toml.write_text(toml.read_text().replace("[ship]\n", f"[ship]\n{canary}"))
        filled = ship("v1b", 2)
        assert filled.code == Exit.OK and re.search(r"error_rate: 0.0% of 1[2-5],", filled.out), filled.out
        bad = ship("v2", 3)
        assert bad.code == Exit.FAILED and "✗ evaluate v2" in bad.out, bad.out + bad.err
        assert "route 10" not in bad.out.partition("evaluate v2")[0]
        assert Client(f"http://127.0.0.1:{port}").get("/version")["release"] == "v1b"
        kept = fairlead(tmp_path, "evaluations", "list", "--json", **settings).json
        assert [(one["release"], one["verdict"]) for one in kept] == [("v2", "fail"), ("v1b", "pass"), ("v1", "pass")]
    finally:
        shop.clean()
