"""Secrets that are rotated while somebody uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from fairlead.config.secrets import Finder, Found, Secrets, parse_reference
from fairlead.errors import SecretUnavailable
from fairlead.telemetry.catalogue import misfit
from tests.gateway.loopback import Heard, MovedClock


@dataclass
class Drawer:
    """A source of one's own: all it takes is `fetch`."""

    kept: dict[str, str] = field(default_factory=dict[str, str])
    away: bool = False
    asked: int = 0

    def fetch(self, where: str, stage: str) -> Found:
        self.asked += 1
        if self.away:
            raise SecretUnavailable("the drawer is stuck.")
        return Found(self.kept[where])


class House:
    def __init__(self, kept: Mapping[str, str]) -> None:
        self.clock, self.heard, self.drawer = MovedClock(), Heard(), Drawer(dict(kept))
        self.secrets = Secrets(Finder({"aws": self.drawer}, clock=self.clock), clock=self.clock)
        self.secrets.emit = self.heard

    def hold(self, name: str, *texts: str):
        return self.secrets.hold(name, [parse_reference(text) or text for text in texts])

    def told(self) -> list[str]:
        assert [misfit(name, fields) for name, fields in self.heard.events if misfit(name, fields)] == []
        return [name for name, _ in self.heard.events]


async def test_a_new_value_is_seen_within_300_seconds_and_not_asked_for_more_often() -> None:
    house = House({"a": "old"})
    secret = house.hold("KEY", "aws:a")
    house.drawer.kept["a"] = "new"
    for _ in range(28):  # looks every 10 s
        house.clock.seconds += 10
        assert await house.secrets.once() == []
    assert (secret.value, house.drawer.asked) == ("old", 1)
    house.clock.seconds += 10
    assert await house.secrets.once() == ["KEY"]
    assert (secret.value, house.drawer.asked, house.clock.seconds) == ("new", 2, 290)
    assert house.told() == ["secret_rotated"]


async def test_whoever_is_refused_gets_the_new_one_at_once_and_a_thousand_of_them_ask_once() -> None:
    house = House({"a": "old"})
    secret = house.hold("KEY", "aws:a")
    house.drawer.kept["a"] = "new"
    assert all(await asyncio.gather(*(secret.refused("old") for _ in range(1000))))
    assert (secret.value, house.drawer.asked) == ("new", 2)
    assert await secret.refused("old")  # who comes late is told what is known
    assert house.drawer.asked == 2


async def test_a_key_that_is_wrong_and_stays_it_is_not_asked_for_all_the_time() -> None:
    house = House({"a": "wrong"})
    secret = house.hold("KEY", "aws:a")
    for _ in range(100):
        assert not await secret.refused("wrong")
    assert house.drawer.asked == 2
    house.clock.seconds += 10
    house.drawer.kept["a"] = "right"
    assert await secret.refused("wrong")


async def test_while_the_manager_is_away_the_last_value_is_used_and_said_once() -> None:
    house = House({"a": "old"})
    secret = house.hold("KEY", "aws:a")
    house.drawer.away = True
    for _ in range(3):
        house.clock.seconds += 300
        assert await house.secrets.once() == []
    assert not await secret.refused("old")
    assert secret.value == "old"
    assert house.told() == ["secret_unreachable"]
    assert house.heard.of("secret_unreachable")[0] == {
        "setting": "KEY", "reference": "aws:a", "error": "the drawer is stuck."
    }  # fmt: skip
    house.drawer.away, house.drawer.kept["a"] = False, "new"
    house.clock.seconds += 10
    assert await house.secrets.once() == ["KEY"]
    assert house.told() == ["secret_unreachable", "secret_reachable", "secret_rotated"]


def test_at_the_start_there_is_no_last_value() -> None:
    house = House({})
    house.drawer.away = True
    with pytest.raises(SecretUnavailable):
        house.hold("KEY", "aws:a")


async def test_what_its_setting_or_who_watches_refuses_does_not_take_the_place_of_what_worked() -> None:
    house = House({"a": "1", "b": "1"})

    def number(text: str) -> str:
        if not text.isdigit():
            raise ValueError("is no number")
        return text

    checked, watched = house.hold("A", "aws:a"), house.hold("B", "aws:b")
    house.secrets.check("A", number)
    house.secrets.watch("B", lambda text: number(text) and None)
    house.drawer.kept |= {"a": "canary", "b": "canary"}
    house.clock.seconds += 300
    assert await house.secrets.once() == []
    assert (checked.value, watched.value) == ("1", "1")
    assert "canary" not in str(house.heard.events)
    assert "canary" in house.secrets.words  # it may be half of a real one


async def test_a_list_may_have_several_references_and_values_between_them() -> None:
    house = House({"new": "n", "old": "o"})
    seen: list[str] = []
    secret = house.hold("KEYS", "aws:new", "plain", "aws:old?stage=AWSPREVIOUS")
    house.secrets.watch("KEYS", seen.append)
    assert secret.value == "n,plain,o"
    house.drawer.kept["new"] = "m"
    house.clock.seconds += 300
    await house.secrets.once()
    assert (secret.value, seen) == ("m,plain,o", ["m,plain,o"])


async def test_it_looks_by_itself_until_it_is_stopped() -> None:
    house = House({"a": "old"})
    secret = house.hold("KEY", "aws:a")
    house.drawer.kept["a"] = "new"
    looking = asyncio.create_task(house.secrets.run())
    while secret.value != "new":
        await asyncio.sleep(0.001)
    looking.cancel()
    assert set(house.clock.slept) == {10.0}


def test_no_secret_shows_itself() -> None:
    house = House({"a": "canary"})
    assert "canary" not in f"{house.hold('KEY', 'aws:a')} {house.secrets} {Found('canary')}"
