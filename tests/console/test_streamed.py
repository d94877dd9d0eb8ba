"""A page that takes long to read is begun before it is read."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from fairlead.clock import SystemClock
from fairlead.errors import DatabaseUnavailable
from fairlead.runs.run import Event
from fairlead.web.console.streamed import Streamed, in_turns
from tests.console.gallery import gallery, run_id
from tests.console.memory_door import GalleryDoor
from tests.console.preview import gallery_app
from tests.console.visitor import Visitor

RUN = f"/console/runs/{run_id(2)}"


class SlowDoor(GalleryDoor):
    """What happened in a run is read when it is let."""

    def __init__(self, door: GalleryDoor) -> None:
        self.__dict__.update(door.__dict__)
        self.let = asyncio.Event()
        self.failure: Exception | None = None

    async def events(self, run_id: str, *, after: int = 0) -> Sequence[Event]:
        await self.let.wait()
        if self.failure is not None:
            raise self.failure
        return await super().events(run_id, after=after)


@pytest.fixture
def door() -> SlowDoor:
    return SlowDoor(gallery(datetime.now(UTC)))


async def test_what_is_around_a_page_is_sent_before_the_page_is_read(door: SlowDoor) -> None:
    sent: asyncio.Queue[bytes] = asyncio.Queue()
    visitor = Visitor(gallery_app(door, SystemClock()), sent=sent)
    asked = asyncio.create_task(visitor.get(RUN))
    frame = (await asyncio.wait_for(sent.get(), 5)).decode()
    assert '<main id="main"' in frame and frame.rstrip().endswith('<main id="main" tabindex="-1">')
    assert not asked.done()
    door.let.set()
    whole = (await asked).text
    assert whole.startswith(frame) and 'id="waterfall"' in whole and whole.rstrip().endswith("</html>")


async def test_what_fails_while_a_page_is_read_is_told_in_its_place(door: SlowDoor) -> None:
    door.failure = DatabaseUnavailable("The database does not answer.")
    door.let.set()
    answer = await Visitor(gallery_app(door, SystemClock())).get(RUN)
    assert answer.status == 200
    assert "The database does not answer" in answer.page.said
    assert [given["id"] for given in answer.page.all("main")] == ["main"] and len(answer.page.all("h1")) == 1


async def test_what_nobody_foresaw_is_told_in_its_place_too_and_then_to_the_log(door: SlowDoor) -> None:
    sent: asyncio.Queue[bytes] = asyncio.Queue()
    door.failure = KeyError("a defect of ours")
    door.let.set()
    with pytest.raises(KeyError):
        await Visitor(gallery_app(door, SystemClock()), sent=sent).get(RUN)
    said = b"".join(sent.get_nowait() for _ in range(sent.qsize())).decode()
    assert "Something failed on our side." in said and "a defect of ours" not in said
    assert said.rstrip().endswith("</html>")


async def test_what_is_not_there_is_said_by_the_status(door: SlowDoor) -> None:
    assert (await Visitor(gallery_app(door, SystemClock())).get("/console/runs/nobody")).status == 404


async def test_each_piece_can_be_unpacked_as_it_comes() -> None:
    async def pieces() -> AsyncIterator[str]:
        yield "first"
        yield "second"

    said: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    await Streamed(pieces(), {}, pack=True)({}, None, send)
    bodies = [message["body"] for message in said[1:]]
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    assert [unpacker.decompress(body) for body in bodies[:2]] == [b"first", b"second"]
    assert gzip.decompress(b"".join(bodies)) == b"firstsecond"
    assert dict(said[0]["headers"])[b"content-encoding"] == b"gzip" and b"content-length" not in dict(
        said[0]["headers"]
    )


class TickingClock(SystemClock):
    """A millisecond goes by whenever it is looked at."""

    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:  # type: ignore[override]
        self.at += 0.001
        return self.at


async def test_others_have_their_turn_while_a_page_is_written() -> None:
    others = 0

    async def other() -> None:
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    busy = asyncio.create_task(other())
    parts = [part async for part in in_turns((str(number % 10) for number in range(40)), TickingClock())]
    busy.cancel()
    assert "".join(parts) == "0123456789" * 4
    assert others >= len(parts) - 1 >= 6
