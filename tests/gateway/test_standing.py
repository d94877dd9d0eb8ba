from __future__ import annotations

import pytest

from fairlead.gateway.circuit import State
from fairlead.gateway.standing import Standing, Tally, health_of_models
from fairlead.telemetry.health import Condition

CLOSED, OPEN, HALF_OPEN = State.CLOSED, State.OPEN, State.HALF_OPEN


def stands(name: str, state: State = CLOSED, *, ready: bool = True, heard: bool = True) -> Standing:
    return Standing(name, state, ready=ready, heard=heard)


NO_KEY = (stands("openai", ready=False, heard=False), stands("anthropic", ready=False, heard=False))
UNASKED = stands("simulated", heard=False)


@pytest.mark.parametrize(
    ("standings", "condition", "word"),
    [
        ((), Condition.CONFIGURED, "no provider"),
        ((*NO_KEY, UNASKED), Condition.CONFIGURED, "no provider has a key"),
        ((*NO_KEY, stands("simulated")), Condition.HEALTHY, "simulated"),
        ((*NO_KEY, stands("simulated", OPEN)), Condition.UNHEALTHY, "simulated"),
        ((stands("openai", heard=False), UNASKED), Condition.CONFIGURED, "openai"),
        ((stands("openai"), stands("anthropic", heard=False), UNASKED), Condition.HEALTHY, "answers: openai"),
        ((stands("openai", OPEN), UNASKED), Condition.UNHEALTHY, "openai"),
        ((stands("openai", HALF_OPEN), UNASKED), Condition.UNHEALTHY, "openai"),
        ((stands("openai", OPEN), stands("anthropic", OPEN), UNASKED), Condition.UNHEALTHY, "openai, anthropic"),
        ((stands("openai", OPEN), stands("anthropic", heard=False), UNASKED), Condition.DEGRADED, "openai"),
        ((stands("openai", OPEN), stands("simulated")), Condition.DEGRADED, "openai"),
    ],
)
def test_health_is_that_of_the_providers_in_use(
    standings: tuple[Standing, ...], condition: Condition, word: str
) -> None:
    component = health_of_models(standings)
    assert component.status is condition and word in component.message


OPENAI, ANTHROPIC = stands("openai", heard=False), stands("anthropic", heard=False)


@pytest.mark.parametrize(
    ("tallies", "condition", "word"),
    [
        ((Tally("openai", 5, 5, 0, 0),), Condition.HEALTHY, "answers: openai"),
        ((Tally("openai", 5, 0, 0, 5),), Condition.DEGRADED, "no call was answered of late: openai"),
        ((Tally("openai", 5, 0, 0, 5), Tally("anthropic", 3, 0, 0, 3)), Condition.UNHEALTHY, "openai, anthropic"),
        ((Tally("openai", 2, 0, 0, 2),), Condition.CONFIGURED, "no call yet"),  # too few to say
        ((Tally("openai", 5, 4, 1, 0),), Condition.HEALTHY, "up, and limits us: openai"),
        ((Tally("openai", 5, 0, 5, 0),), Condition.DEGRADED, "up, and limits us: openai"),
        ((Tally("openai", 5, 0, 0, 0),), Condition.CONFIGURED, "no call yet"),  # it refused what was asked
    ],
)
def test_what_other_processes_saw_counts_too(tallies: tuple[Tally, ...], condition: Condition, word: str) -> None:
    component = health_of_models((OPENAI, ANTHROPIC, UNASKED), tallies)
    assert component.status is condition and word in component.message
