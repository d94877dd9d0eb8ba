from __future__ import annotations

from typing import Any

import pytest

from fairlead.errors import ConfigurationError, InvalidInput, UnknownSetting
from fairlead.gateway.complexity import Complexity
from fairlead.gateway.models import Model, parse_models
from fairlead.gateway.strategy import Strategy, Target


def parse(**tables: Any) -> dict[str, Model]:
    return parse_models(tables, lambda target: {"policy.py:classify": lambda messages, tools: "simple"}[target])


def test_targets_are_tried_as_they_stand_unless_a_strategy_is_named() -> None:
    model = parse(fast={"targets": ["a/x", "b/y"]})["fast"]
    assert (model.strategy, model.targets) == (Strategy.FAILOVER, (Target("a/x"), Target("b/y")))


def test_weights_make_it_weighted_and_0_takes_a_target_out() -> None:
    model = parse(fast={"targets": ["a/x", "b/y"], "weights": [0.8, 0]})["fast"]
    assert (model.strategy, model.targets) == (Strategy.WEIGHTED, (Target("a/x", 0.8),))


def test_tiers_may_name_declared_models() -> None:
    models = parse(
        auto={"simple": "a/s", "medium": "pair", "complex": "a/l", "classifier": "policy.py:classify"},
        pair={"targets": ["a/x", "b/y"], "fallback": ["a/s"]},
    )
    assert models["auto"].tiers[Complexity.MEDIUM] == "pair"
    assert models["auto"].classify is not None and models["auto"].classify([], []) == "simple"


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"m": {"targets": []}}, "no targets"),
        ({"m": {"targets": ["a/x"], "strategy": "cheapest"}}, "strategy 'cheapest'"),
        ({"m": {"targets": ["a/x"], "weights": [1, 2]}}, "one number"),
        ({"m": {"targets": ["a/x"], "weights": [0]}}, "one number"),
        ({"m": {"targets": ["a/x"], "weights": [True]}}, "one number"),
        ({"m": {"targets": ["a/x"], "weights": [float("nan")]}}, "one number"),
        ({"m": {"targets": "a/x"}}, "must be a list"),
        ({"m": {"targets": ["a/x"], "sticky": "yes"}}, "true or false"),
        ({"m": {"simple": "a/x"}}, "medium, complex"),
        ({"m": "a/x"}, "no table"),
        ({"a/m": {"targets": ["a/x"]}}, "no slash"),
        ({"m": {"targets": ["a/x"], "fallback": ["n"]}}, "'n'"),
        ({"m": {"targets": ["a/x"], "fallback": ["m"]}}, "'m'"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused_by_name(tables: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parse(**tables)


def test_a_target_is_a_model_of_a_provider() -> None:
    with pytest.raises(InvalidInput, match="not a model id"):
        parse(m={"targets": ["x"]})


def test_declared_models_can_not_go_in_a_circle() -> None:
    with pytest.raises(ConfigurationError, match="targets of its own"):
        parse(m={"targets": ["a/x"], "fallback": ["n"]}, n={"targets": ["a/y"], "fallback": ["m"]})


def test_an_unknown_key_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownSetting, match=r"\[models\.m\] has an unknown key 'target'.*Known: targets"):
        parse(m={"target": ["a/x"]})
