"""What every target promises, whatever it is made of: the rehearsed one, and a host with each front."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from fairlead.errors import Conflict, InvalidInput, ReleaseBroken
from fairlead.ship.host.front import FrontKind
from fairlead.ship.rehearsal import Behaviour, Rehearsal
from fairlead.ship.release import Release
from fairlead.ship.target import Target
from fairlead.ship.verdict import Figures
from fairlead.testing import MovableClock
from tests.servers import free_ports
from tests.ship.hosting import SERVICE, Host, ask


@dataclass
class Subject:
    """A target, and what a test has to do around it: callers, a release that is broken, one that is busy."""

    target: Target
    broken: Callable[[str], Release]
    busy: Callable[[str, int], None]
    called: Callable[[int], Awaitable[None]]

    async def up(self, build: str, instances: int = 1) -> None:
        await self.target.start(Release(build, SERVICE), instances)
        await self.until_ready(build)

    async def until_ready(self, build: str) -> None:
        async with asyncio.timeout(30):
            while not (await self.target.ready(build)).ready:
                await asyncio.sleep(0.02)

    async def gone(self, build: str) -> None:
        async with asyncio.timeout(30):
            while not await self.target.stop(build):
                await asyncio.sleep(0.02)

    async def weights(self) -> dict[str, int]:
        return {build: arm.weight for build, arm in (await self.target.state()).items()}


def rehearsed() -> Subject:
    clock = MovableClock()
    target = Rehearsal(clock=clock, rate=10.0)

    def broken(build: str) -> Release:
        target.behaviour[build] = Behaviour(broken=True)
        return Release(build, SERVICE)

    def busy(build: str, runs: int) -> None:
        target.behaviour[build] = Behaviour(busy=runs)

    async def called(count: int) -> None:
        clock.move(timedelta(seconds=count / 10))

    return Subject(target, broken, busy, called)


def hosted(host: Host) -> Subject:
    async def called(count: int) -> None:
        for _ in range(count):
            await ask(host.port)

    def broken(build: str) -> Release:
        return Release(build, SERVICE, {"BEHAVIOUR": "crash"})

    return Subject(host.target, broken, host.busy.__setitem__, called)


@pytest.fixture(params=["rehearsal", *FrontKind])
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    if request.param == "rehearsal":
        yield rehearsed()
        return
    host = Host(tmp_path / "h", free_ports(8), request.param)
    yield hosted(host)
    host.clean()


async def test_what_is_started_gets_no_request_until_it_is_routed_to(subject: Subject) -> None:
    assert await subject.target.state() == {}
    await subject.up("v1", 2)
    arm = (await subject.target.state())["v1"]
    assert (arm.build, arm.instances, arm.ready, arm.weight, arm.busy) == ("v1", 2, 2, 0, 0)
    await subject.target.start(Release("v1", SERVICE), 2)
    assert (await subject.target.state())["v1"].instances == 2, "said again, it changes nothing"
    await subject.target.route({"v1": 100})
    assert await subject.weights() == {"v1": 100}
    await subject.target.start(Release("v1", SERVICE), 1)
    assert (await subject.target.state())["v1"].instances == 1


async def test_shares_are_what_was_said_and_no_other_release_has_any(subject: Subject) -> None:
    await subject.up("v1")
    await subject.up("v2")
    for shares in ({"v1": 100}, {"v1": 90, "v2": 10}, {"v2": 100}, {"v2": 100}, {"v1": 100}):
        await subject.target.route(shares)
        assert await subject.weights() == {"v1": 0, "v2": 0} | shares


async def test_what_makes_no_sense_changes_nothing(subject: Subject) -> None:
    await subject.up("v1")
    await subject.target.route({"v1": 100})
    with pytest.raises(InvalidInput):
        await subject.target.route({"v1": 50})
    with pytest.raises(Conflict):
        await subject.target.route({"v1": 50, "nobody": 50})
    with pytest.raises(Conflict):
        await subject.target.stop("v1")
    assert await subject.weights() == {"v1": 100}


async def test_a_release_that_does_not_stay_up_is_told(subject: Subject) -> None:
    await subject.target.start(subject.broken("bad"), 1)
    with pytest.raises(ReleaseBroken):
        await subject.until_ready("bad")
    await subject.gone("bad")
    assert await subject.target.state() == {}


async def test_what_is_busy_goes_on_and_ends_when_it_is_not(subject: Subject) -> None:
    await subject.up("v1")
    subject.busy("v1", 2)
    assert not await subject.target.stop("v1")
    arm = (await subject.target.state())["v1"]
    assert (arm.instances, arm.busy) == (1, 2)
    subject.busy("v1", 0)
    await subject.gone("v1")
    assert await subject.target.state() == {}
    assert await subject.target.stop("v1"), "said again, nothing is left of it"


def requests(figures: Figures | None) -> int:
    return 0 if figures is None else figures.requests


async def test_figures_count_what_each_release_answered(subject: Subject) -> None:
    await subject.up("v1")
    await subject.up("v2")
    await subject.target.route({"v1": 100})
    before = [await subject.target.figures(build) for build in ("v1", "v2")]
    await subject.called(40)
    after = [await subject.target.figures(build) for build in ("v1", "v2")]
    assert [requests(one) for one in after] == [requests(before[0]) + 40, requests(before[1])]
    assert await subject.target.figures("nobody") is None
