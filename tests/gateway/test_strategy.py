from __future__ import annotations

import random
from collections import Counter

from fairlead.gateway.strategy import Strategy, Target, order, steady

TARGETS = [Target("a/x", 0.8), Target("b/x", 0.2), Target("c/x", 0)]


def chosen(strategy: Strategy, times: int, targets: list[Target] = TARGETS) -> Counter[str]:
    draw = random.Random(7).random
    return Counter(order(strategy, targets, turn=turn, random=draw)[0] for turn in range(times))


def test_failover_asks_in_the_order_of_the_declaration() -> None:
    assert order(Strategy.FAILOVER, TARGETS, turn=5, random=lambda: 0.9) == ("a/x", "b/x", "c/x")


def test_round_robin_takes_turns() -> None:
    firsts = [order(Strategy.ROUND_ROBIN, TARGETS, turn=turn, random=lambda: 0)[0] for turn in range(4)]
    assert firsts == ["a/x", "b/x", "c/x", "a/x"]


def test_weights_are_shares_of_the_calls() -> None:
    counted = chosen(Strategy.WEIGHTED, 10_000)
    assert 0.78 < counted["a/x"] / 10_000 < 0.82 and counted["c/x"] == 0


def test_random_asks_each_as_often() -> None:
    counted = chosen(Strategy.RANDOM, 9_000)
    assert all(2_700 < counted[target.model] < 3_300 for target in TARGETS)


def test_every_strategy_names_every_target_once() -> None:
    for strategy in Strategy:
        found = order(strategy, TARGETS, turn=1, random=random.Random(1).random)
        assert sorted(found) == ["a/x", "b/x", "c/x"]


def test_a_key_always_draws_the_same() -> None:
    first, again, other = steady("t-1"), steady("t-1"), steady("t-2")
    drawn = [first() for _ in range(5)]
    assert drawn == [again() for _ in range(5)] != [other() for _ in range(5)]
    assert all(0 <= one < 1 for one in drawn)


def test_keys_are_spread_over_the_targets_by_weight() -> None:
    counted = Counter(
        order(Strategy.WEIGHTED, TARGETS, turn=0, random=steady(f"thread-{number}"))[0] for number in range(2000)
    )
    assert 0.76 < counted["a/x"] / 2000 < 0.84
