"""Releases on a host: real processes, a real supervisor, a real HAProxy, and callers that never try again."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fairlead.errors import Conflict, FairleadError, InvalidInput, ReleaseBroken
from fairlead.ship.host.front import FrontKind
from fairlead.ship.host.instances import Instances
from fairlead.ship.release import Release
from tests.servers import free_ports
from tests.ship.hosting import SERVICE, Host, Load, ask


@pytest.fixture(params=list(FrontKind))
async def host(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Host]:
    one = Host(tmp_path / "h", free_ports(8), request.param)
    yield one
    one.clean()


async def shares(port: int, count: int = 300) -> dict[str, float]:
    told = Counter([(await ask(port))[1] for _ in range(count)])
    return {build: number / count for build, number in told.items()}


async def test_switches_and_ramps_under_load_drop_no_request_and_break_no_stream(host: Host) -> None:
    await host.up("v1", 2)
    await host.target.route({"v1": 100})
    async with Load(host.port) as load:
        await asyncio.sleep(0.5)
        await host.up("v2")
        for weights in ({"v2": 10, "v1": 90}, {"v2": 50, "v1": 50}, {"v2": 100}, {"v1": 100}, {"v2": 100}):
            await host.target.route(weights)
            await asyncio.sleep(0.4)
        await host.gone("v1")
        await asyncio.sleep(0.5)
    assert load.failed == []
    assert set(load.answers) == {"v1", "v2"} and load.streams >= 4
    assert sum(load.answers.values()) > 500
    assert set(await host.target.state()) == {"v2"}


async def test_requests_are_shared_out_by_weight_and_counted_by_release(host: Host) -> None:
    await host.up("v1", 3)
    await host.up("v2")
    await host.target.route({"v1": 90, "v2": 10})
    arms = await host.target.state()
    assert [(one.instances, one.ready, one.weight) for one in arms.values()] == [(3, 3, 90), (1, 1, 10)]
    told = await shares(host.port)
    assert 0.07 <= told["v2"] <= 0.13
    figures = [await host.target.figures(build) for build in ("v1", "v2")]
    assert [one.requests for one in figures if one is not None] == [round(300 * told[build]) for build in ("v1", "v2")]


async def test_a_thread_stays_with_the_release_it_came_to(host: Host) -> None:
    await host.up("v1")
    await host.up("v2")
    await host.target.route({"v1": 50, "v2": 50})
    first = {f"/threads/{n}/runs": (await ask(host.port, f"/threads/{n}/runs"))[1] for n in range(20)}
    assert set(first.values()) == {"v1", "v2"}
    await host.target.route({"v1": 10, "v2": 90})
    assert {path: (await ask(host.port, path))[1] for path in first} == first
    await host.target.route({"v2": 100})
    await host.gone("v1")
    assert {(await ask(host.port, path))[1] for path in first} == {"v2"}


async def test_errors_of_a_release_are_seen(host: Host) -> None:
    await host.up("v1", BEHAVIOUR="errors")
    await host.target.route({"v1": 100})
    for _ in range(30):
        await ask(host.port)
    figures = await host.target.figures("v1")
    assert figures is not None and (figures.requests, figures.errors) == (30, 10)


async def test_what_does_not_come_up_is_told_and_gets_no_request(host: Host) -> None:
    await host.up("v1")
    await host.target.route({"v1": 100})
    await host.target.start(Release("v2", SERVICE, {"BEHAVIOUR": "crash"}), 1)
    with pytest.raises(ReleaseBroken, match="does not stay up"):
        await _until_ready(host, "v2")
    await host.target.start(Release("v3", SERVICE, {"BEHAVIOUR": "unhealthy"}), 1)
    await asyncio.sleep(1)
    assert not (await host.target.ready("v3")).ready
    await host.target.start(Release("v4", SERVICE, secrets={"TOKEN": "env:NOT_THERE"}), 1)
    with pytest.raises(ReleaseBroken, match="TOKEN is not at env:NOT_THERE"):
        await _until_ready(host, "v4")
    assert (await ask(host.port))[1] == "v1"
    with pytest.raises(Conflict, match="Another v2 runs here"):
        await host.target.start(Release("v2", SERVICE), 1)
    await host.gone("v2")
    await host.up("v2")  # wanted again, it is tried again
    for build in ("v2", "v3", "v4"):
        await host.gone(build)
    assert set(await host.target.state()) == {"v1"}


async def _until_ready(host: Host, build: str) -> None:
    async with asyncio.timeout(30):
        while not (await host.target.ready(build)).ready:
            await asyncio.sleep(0.05)


async def test_a_busy_release_is_not_ended_and_what_is_routed_to_neither(host: Host) -> None:
    await host.up("v1")
    await host.up("v2")
    await host.target.route({"v2": 100})
    with pytest.raises(Conflict, match="takes requests"):
        await host.target.stop("v2")
    host.busy["v1"] = 1
    assert not await host.target.stop("v1")
    assert (await host.target.state())["v1"].instances == 1
    host.busy["v1"] = 0
    await host.gone("v1")


async def test_processes_outlive_their_supervisor_and_the_next_one_finds_them(host: Host) -> None:
    await host.up("v1", 2)
    await host.target.route({"v1": 100})
    before = {(one.build, one.number): one.status.pid for one in Instances(host.root).all()}
    async with Load(host.port) as load:
        await asyncio.sleep(0.3)
        host.kill()
        await asyncio.sleep(0.3)
        host.wake()
        await asyncio.sleep(0.5)
    assert load.failed == []
    after = {(one.build, one.number): one.status.pid for one in Instances(host.root).all()}
    assert after == before and len(after) == 3
    os.kill(before["v1", 1], signal.SIGKILL)
    async with asyncio.timeout(15):
        while (now := Instances(host.root).all("v1")[0]).status.pid == before["v1", 1] or not now.alive:
            await asyncio.sleep(0.05)
    assert (await ask(host.port))[0] == 200


async def test_a_process_of_which_its_supervisor_had_not_written_yet_is_found_by_the_next(host: Host) -> None:
    await host.up("v1")
    host.kill()
    (one,) = Instances(host.root).all("v1")
    (host.root / "instances/v1/1.status").unlink()
    host.wake()
    await _until_ready(host, "v1")
    (found,) = Instances(host.root).all("v1")
    assert (found.status.pid, found.alive) == (one.status.pid, True)
    await host.gone("v1")
    assert not one.alive


async def test_prometheus_is_told_where_each_release_is(host: Host) -> None:
    await host.up("v1")
    await host.up("v2")
    told = json.loads((host.root / "scrape.json").read_text())
    assert told == [
        {"targets": [f"127.0.0.1:{host.port + 2}"], "labels": {"release": "v1"}},
        {"targets": [f"127.0.0.1:{host.port + 3}"], "labels": {"release": "v2"}},
    ]
    assert host.target.addresses("v2") == [f"http://127.0.0.1:{host.port + 3}"]
    await host.gone("v2")
    assert json.loads((host.root / "scrape.json").read_text()) == told[:1]


async def test_a_command_is_run_once_in_the_folder_of_a_release(host: Host, tmp_path: Path) -> None:
    release = Release("v1", SERVICE, {"TO": "me"})
    wrote = "import os, pathlib; pathlib.Path('said').write_text(os.environ['TO'] + os.environ['FROM'])"
    await host.target.once(release, (sys.executable, "-c", wrote), {"FROM": "you"})
    assert (host.root / "releases/v1/said").read_text() == "meyou"
    assert not (Path(SERVICE) / "said").exists()
    for command in ((sys.executable, "-c", "raise SystemExit('no such column')"), ("no-such-command",)):
        with pytest.raises(ReleaseBroken, match=r"no such column|can't be run"):
            await host.target.once(release, command, {})


async def test_a_command_that_whoever_died_has_begun_is_waited_for(host: Host, tmp_path: Path) -> None:
    """Two migrations at once are none."""
    log, release = tmp_path / "log", Release("v1", SERVICE)
    slow = f"import time; f = open({str(log)!r}, 'a', 1); f.write('begun '); f.flush(); time.sleep(1); f.write('done ')"
    dying = (
        "import asyncio, pathlib, sys; from tests.ship.hosting import Host; from fairlead.ship.release import Release;"
        f"host = Host(pathlib.Path({str(host.root)!r}), {host.port});"
        f"asyncio.run(host.target.once(Release('v1', {SERVICE!r}), (sys.executable, '-c', {slow!r}), {{}}))"
    )
    process = subprocess.Popen((sys.executable, "-c", dying), cwd=Path(__file__).parents[2])
    async with asyncio.timeout(20):
        while not log.exists() or "begun" not in log.read_text():
            await asyncio.sleep(0.02)
    process.kill()
    process.wait()
    await host.target.once(release, (sys.executable, "-c", slow), {})
    assert log.read_text().split() == ["begun", "done", "begun", "done"]


async def test_code_is_what_it_was_when_the_release_was_made(host: Host, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(SERVICE, source)
    release = Release("v1", str(source), code=host.target.code_of(source))
    (source / "more.py").write_text("")
    with pytest.raises(ReleaseBroken, match="has changed"):
        await host.target.start(release, 1)
    assert [path.name for path in (host.root / "releases").iterdir()] == []
    (source / "more.py").unlink()
    (source / "__pycache__").mkdir(exist_ok=True)
    (source / "__pycache__" / "more.pyc").write_text("no code of ours")
    await host.target.start(release, 1)
    await _until_ready(host, "v1")
    shutil.rmtree(source)
    await host.target.start(release, 2)  # a way back needs no source
    other = Release("v1", SERVICE, {"OTHER": "settings"}, code=host.target.code_of(Path(SERVICE)))
    with pytest.raises(Conflict, match="Another v1 runs"):
        await host.target.start(other, 2)


async def test_everything_comes_back_after_the_host_was_off(host: Host) -> None:
    await host.up("v1")
    await host.target.route({"v1": 100})
    host.kill()
    for one in Instances(host.root).all():
        os.killpg(one.status.pid, signal.SIGKILL)
    host.wake()
    async with asyncio.timeout(20):
        while not await _answers(host):
            await asyncio.sleep(0.05)
    assert (await host.target.state())["v1"].weight == 100


async def _answers(host: Host) -> bool:
    try:
        return await ask(host.port) == (200, "v1")
    except (OSError, FairleadError, asyncio.IncompleteReadError):
        return False


async def test_the_front_that_keeps_a_folder_stays_the_one(host: Host) -> None:
    await host.up("v1")
    other = next(one for one in FrontKind if one is not host.front)
    with pytest.raises(Conflict, match=f"is {host.front}") as told:
        await Host(host.root, host.port, other).target.start(Release("v2", SERVICE), 1)
    assert "folder" in told.value.hint
    await host.target.start(Release("v2", SERVICE), 1)


async def test_what_makes_no_sense_is_refused(host: Host, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no folder"):
        await host.target.start(Release("v1", str(tmp_path / "nowhere")), 1)
    assert list((host.root / "releases").glob("*")) == []
    await host.up("v1")
    with pytest.raises(InvalidInput, match="make 100"):
        await host.target.route({"v1": 50})
    with pytest.raises(Conflict, match="Nothing of v2"):
        await host.target.route({"v2": 100})
    with pytest.raises(Conflict, match="no room"):
        await host.target.start(Release("v2", SERVICE), 6)
