from __future__ import annotations

import asyncio
import socket

import pytest

from fairlead.database.relay import Relay
from fairlead.database.signals import Signals


class Side:
    """A process: its signals, and what it has heard."""

    def __init__(self) -> None:
        self.signals = Signals()
        self.relay = Relay(self.signals)
        self.signals.carry(self.relay)
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.signals.subscribe("work", self.heard.put_nowait)

    async def join(self, peer: socket.socket) -> asyncio.Task[None]:
        peer.setblocking(False)
        peers = self.relay.peers
        task = asyncio.create_task(self.relay.join(peer))
        while self.relay.peers == peers:
            await asyncio.sleep(0)
        return task


async def test_each_side_hears_what_the_other_publishes_once() -> None:
    parent, child = Side(), Side()
    ours, theirs = socket.socketpair()
    joined = [await parent.join(ours), await child.join(theirs)]
    parent.signals.publish("work", "ä\n1")
    child.signals.publish("work", "2")
    for side in (parent, child):
        assert {await side.heard.get(), await side.heard.get()} == {"ä\n1", "2"}
        assert side.heard.empty()
    for task in joined:
        task.cancel()


async def test_the_children_of_one_parent_hear_each_other() -> None:
    parent, one, other = Side(), Side(), Side()
    tasks: list[asyncio.Task[None]] = []
    for child in (one, other):
        ours, theirs = socket.socketpair()
        tasks += [await parent.join(ours), await child.join(theirs)]
    one.signals.publish("work", "from one")
    assert await other.heard.get() == "from one"
    for task in tasks:
        task.cancel()


async def test_joining_ends_when_the_other_side_is_gone() -> None:
    parent = Side()
    ours, theirs = socket.socketpair()
    joined = await parent.join(ours)
    theirs.send(b'["work","whole"]\n["work","ha')
    theirs.close()
    await asyncio.wait_for(joined, 5)
    assert await parent.heard.get() == "whole"
    assert parent.heard.empty()
    parent.signals.publish("work", "to nobody")


async def test_a_peer_that_does_not_read_stalls_nobody() -> None:
    parent = Side()
    ours, theirs = socket.socketpair()
    joined = await parent.join(ours)
    for _ in range(200):
        parent.signals.publish("work", "x" * 100_000)
    assert parent.relay.dropped > 0
    theirs.close()
    joined.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joined
