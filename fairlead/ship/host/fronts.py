"""The fronts there are."""

from __future__ import annotations

from typing import assert_never

from fairlead.clock import Clock
from fairlead.ship.host.envoy import Envoy
from fairlead.ship.host.front import Front, FrontKind, Place
from fairlead.ship.host.haproxy import Haproxy


def make_front(kind: FrontKind, place: Place, *, clock: Clock) -> Front:
    match kind:
        case FrontKind.HAPROXY:
            return Haproxy(place)
        case FrontKind.ENVOY:
            return Envoy(place, clock=clock)
        case _:
            assert_never(kind)
