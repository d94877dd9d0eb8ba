"""Where releases run: a host, a cluster. Five verbs, each of which may be said again without harm, and a look at what
its releases did.

May raise a `FairleadError` when it can't be reached: nothing has changed then, or what was asked is half done and is
done when it is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fairlead.ship.release import Release
from fairlead.ship.verdict import Figures


@dataclass(frozen=True, slots=True)
class Arm:
    """One release as it runs now. `weight`: its share of new requests, of 100. `busy`: requests in flight and runs not
    yet ended; None when that can't be told."""

    build: str
    instances: int
    ready: int
    weight: int
    busy: int | None


@dataclass(frozen=True, slots=True)
class Readiness:
    ready: bool
    said: str = ""


class Target(Protocol):
    async def start(self, release: Release, instances: int) -> None:
        """Have so many instances of it, no more and no fewer: what is too much is drained. None gets requests yet."""
        ...

    async def ready(self, build: str) -> Readiness:
        """Whether all its instances answer that they are ready, now. Raises `ReleaseBroken` when one has given up."""
        ...

    async def route(self, weights: Mapping[str, int]) -> None:
        """Give each of these its share of new requests, and no other any; the raised first, then the lowered. They
        make 100."""
        ...

    async def stop(self, build: str) -> bool:
        """Let it end, once nothing of it is busy. True: nothing is left of it. Raises `Conflict` while it is routed
        to."""
        ...

    async def state(self) -> Mapping[str, Arm]:
        """What runs, by build."""
        ...

    async def figures(self, build: str) -> Figures | None:
        """What it did since it was started; None when that can't be told."""
        ...
