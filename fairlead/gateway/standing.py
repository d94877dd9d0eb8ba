"""How the providers stand, as far as this process and the records of all others know, and what that means for health.
Pure values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.gateway.circuit import State
from fairlead.telemetry.health import Component, Condition

_REHEARSAL = "simulated"  # there for everybody, and no provider that anybody relies on until it is asked
_ENOUGH = 3  # failed calls, and none that was answered


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one provider. `ready`: it has its key; `heard`: a call of this process has told something of it."""

    name: str
    state: State
    ready: bool
    heard: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """What the calls of all processes to one provider came to of late. `limited`: it answered that there are too many:
    it is up. The rest of `calls` it refused for what was in them."""

    name: str
    calls: int
    ok: int
    limited: int
    failed: int

    @property
    def is_away(self) -> bool:
        return self.failed >= _ENOUGH and self.failed == self.calls


@dataclass(frozen=True, slots=True)
class Recent(Tally):
    """The newest calls to a provider, or to one "provider/model", with how long the answered ones took: None where none
    was answered."""

    last_at: datetime
    p50: timedelta | None
    p95: timedelta | None


@dataclass(frozen=True, slots=True)
class OfLate:
    providers: tuple[Recent, ...]
    models: tuple[Recent, ...]


def health_of_models(standings: Iterable[Standing], tallies: Iterable[Tally] = ()) -> Component:
    """Of the providers in use: those with a key, and whoever was asked. Only calls tell how they are: nobody is asked
    for the sake of this page, for each call costs money."""
    told = {one.name: one for one in tallies}
    used = [one for one in standings if one.ready and (one.heard or one.name in told or one.name != _REHEARSAL)]
    open_here = [one.name for one in used if one.state is not State.CLOSED]
    failing = [one.name for one in used if one.name not in open_here and _tally(told, one).is_away]
    if away := [*open_here, *failing]:
        said = [f"left alone after errors: {', '.join(open_here)}"] if open_here else []
        said += [f"no call was answered of late: {', '.join(failing)}"] if failing else []
        return Component(Condition.UNHEALTHY if len(away) == len(used) else Condition.DEGRADED, "; ".join(said))
    if limited := [one.name for one in used if _tally(told, one).limited]:
        none = [name for name in limited if told[name].ok == 0]
        status = Condition.DEGRADED if none else Condition.HEALTHY
        return Component(status, f"up, and limits us: {', '.join(limited)}")
    if heard := [one.name for one in used if one.heard or _tally(told, one).ok]:
        return Component(Condition.HEALTHY, f"answers: {', '.join(heard)}")
    names = ", ".join(one.name for one in used)
    return Component(
        Condition.CONFIGURED, f"no call yet: {names}" if names else "no provider has a key: simulated models only"
    )


def _tally(told: dict[str, Tally], one: Standing) -> Tally:
    return told.get(one.name, Tally(one.name, 0, 0, 0, 0))
