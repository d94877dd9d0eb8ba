"""The door to what stands in front of the instances of a host and shares out requests among them.

A front has a fixed number of slots, each a port of this host. A slot is closed (nothing goes there, whatever came there
before) or open; an open one takes requests by its weight as long as it answers that it is well. A thread stays with the
slot that it came to, as long as that slot is open and well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from fairlead.ship.host.instances import Wanted

FULL = 256  # the largest weight


class FrontKind(StrEnum):
    HAPROXY = "haproxy"
    ENVOY = "envoy"


@dataclass(frozen=True, slots=True)
class Place:
    """`root`: the folder of its files and sockets. `bind`: where it takes requests. `ports`: of its slots. `health`:
    the path where a slot that is well answers 200. `path`: where its program is looked for, as in PATH."""

    root: Path
    bind: str
    ports: Mapping[int, int]
    health: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class SlotState:
    """`current`: requests in flight. `answers` and `errors` (an answer of 5xx, or none) are counted since the front was
    started, or since the slot was opened."""

    open: bool
    up: bool
    weight: int
    current: int
    answers: int
    errors: int


class Front(Protocol):
    """What is said to it counts when the call returns, and still does when it is started again. May raise
    `TargetUnavailable` when it does not answer."""

    name: str

    def prepare(self) -> None:
        """Write what its first start reads: all slots are closed."""
        ...

    def wanted(self) -> Wanted:
        """How it is to be started. Raises `ConfigurationError` when it is known not to be installed."""
        ...

    async def answers(self) -> bool: ...

    async def open(self, slots: list[int]) -> None:
        """Let them take requests, as many as their weights say, once they answer that they are well. Those that are
        open stay as they are."""
        ...

    async def close(self, slots: list[int]) -> None:
        """No new requests, whatever came there before; those in flight go on."""
        ...

    async def weigh(self, weights: Mapping[int, int]) -> None:
        """Of open slots, from 0 to `FULL`. At no moment between the two has nobody a weight."""
        ...

    async def state(self) -> dict[int, SlotState]:
        """Of all slots."""
        ...
