"""How the providers stand, as far as this process knows, and what that means for its health. Pure values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fairlead.gateway.circuit import State
from fairlead.telemetry.health import Component, Condition

_REHEARSAL = "simulated"  # there for everybody, and no provider that anybody relies on until it is asked


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one provider. `ready`: it has its key; `heard`: a call of this process has told something of it."""

    name: str
    state: State
    ready: bool
    heard: bool


def health_of_models(standings: Iterable[Standing]) -> Component:
    """Of the providers in use: those with a key, and whoever was asked. Only calls tell how they are: nobody is asked
    for the sake of this page, for each call costs money."""
    used = [one for one in standings if one.ready and (one.heard or one.name != _REHEARSAL)]
    away = [one.name for one in used if one.state is not State.CLOSED]
    if away:
        told = f"left alone after errors: {', '.join(away)}"
        return Component(Condition.UNHEALTHY if len(away) == len(used) else Condition.DEGRADED, told)
    if heard := [one.name for one in used if one.heard]:
        return Component(Condition.HEALTHY, f"answers: {', '.join(heard)}")
    names = ", ".join(one.name for one in used)
    return Component(
        Condition.CONFIGURED, f"no call yet: {names}" if names else "no provider has a key: simulated models only"
    )
