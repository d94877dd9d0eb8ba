"""What [models.NAME] of a project file may say: a name to ask for, and the models behind it.

[models.assistant]
targets = ["anthropic/claude-sonnet-4-5", "openai/gpt-5"]
strategy = "weighted"            # failover (as they stand), round_robin, weighted, random
weights = [0.8, 0.2]
sticky = true                    # a thread stays with the target that was drawn for it
fallback = ["openai/gpt-5-mini"] # asked when no target answers: a cheaper model, say

[models.auto]                    # by how hard the request is, and by what remains of the budget
simple = "anthropic/claude-haiku-4-5"
medium = "anthropic/claude-sonnet-4-5"
complex = "anthropic/claude-opus-4-5"
classifier = "policy.py:classify"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from fairlead.errors import ConfigurationError, UnknownSetting
from fairlead.gateway.complexity import Classify, Complexity
from fairlead.gateway.strategy import Strategy, Target
from fairlead.gateway.types import split_model

_PLAIN = ("targets", "strategy", "weights", "sticky", "fallback")
_TIERED = (*Complexity, "classifier", "fallback")


@dataclass(frozen=True, slots=True)
class Model:
    """A declared model. Either `targets`, or `tiers`, whose values are models or names of other declared models."""

    name: str
    targets: tuple[Target, ...] = ()
    strategy: Strategy = Strategy.FAILOVER
    sticky: bool = False
    fallback: tuple[str, ...] = ()
    tiers: Mapping[Complexity, str] = field(default_factory=dict[Complexity, str])
    classify: Classify | None = None


def parse_models(tables: Mapping[str, Any], load: Callable[[str], Any]) -> dict[str, Model]:
    """`load` gives an object of the project's code by "file.py:name". Raises ConfigurationError that names the key."""
    models = {name: _parse(name, table, load) for name, table in tables.items()}
    for model in models.values():
        for target in model.targets:
            split_model(target.model)
        for asked in (*model.fallback, *model.tiers.values()):
            _refuse_unknown(model, asked, models)
    return models


def _parse(name: str, table: Any, load: Callable[[str], Any]) -> Model:
    where = f"[models.{name}]"
    if "/" in name:
        raise ConfigurationError(f"{where}: a declared model's name has no slash.", hint="The slash names a provider.")
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where} is no table.", hint='Give it targets = ["provider/model"].')
    content = cast("dict[str, Any]", table)
    tiered = any(tier in content for tier in Complexity)
    for key in content:
        if key not in (known := _TIERED if tiered else _PLAIN):
            raise UnknownSetting(f"{where} has an unknown key {key!r}.", hint=f"Known: {', '.join(known)}.")
    fallback = _texts(where, content, "fallback")
    if tiered:
        return Model(name, fallback=fallback, tiers=_tiers(where, content), classify=_classifier(where, content, load))
    return Model(name, _targets(where, content), _strategy(where, content), _flag(where, content, "sticky"), fallback)


def _tiers(where: str, content: dict[str, Any]) -> dict[Complexity, str]:
    missing = [tier for tier in Complexity if not isinstance(content.get(tier), str)]
    if missing:
        raise ConfigurationError(f"{where} names no model for {', '.join(missing)}.", hint="Name one for each.")
    return {tier: content[tier] for tier in Complexity}


def _classifier(where: str, content: dict[str, Any], load: Callable[[str], Any]) -> Classify | None:
    if "classifier" not in content:
        return None
    found = load(str(content["classifier"]))
    if not callable(found):
        raise ConfigurationError(
            f"{where}: classifier is no function.", hint='Write "policy.py:name" of a function of (messages, tools).'
        )
    return cast("Classify", found)


def _targets(where: str, content: dict[str, Any]) -> tuple[Target, ...]:
    targets = _texts(where, content, "targets")
    if not targets:
        raise ConfigurationError(f"{where} has no targets.", hint='Give it targets = ["provider/model", ...].')
    weights: Any = content.get("weights")
    if weights is None:
        return tuple(Target(model) for model in targets)
    values = cast("list[Any]", weights) if isinstance(weights, list) else []
    sound = len(values) == len(targets) and all(
        isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one < 1e9 for one in values
    )
    if not sound or not sum(values):
        raise ConfigurationError(f"{where}: weights must be one number, 0 or more, for each target.")
    return tuple(Target(model, float(weight)) for model, weight in zip(targets, values, strict=True) if weight)


def _strategy(where: str, content: dict[str, Any]) -> Strategy:
    said = content.get("strategy", Strategy.WEIGHTED if "weights" in content else Strategy.FAILOVER)
    try:
        return Strategy(said)
    except ValueError:
        raise ConfigurationError(f"{where} has an unknown strategy {said!r}.", hint=", ".join(Strategy) + ".") from None


def _texts(where: str, content: dict[str, Any], key: str) -> tuple[str, ...]:
    value: Any = content.get(key, [])
    values: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [None]
    if not all(isinstance(one, str) and one for one in values):
        raise ConfigurationError(f'{where}: {key} must be a list of "provider/model".')
    return tuple(values)


def _flag(where: str, content: dict[str, Any], key: str) -> bool:
    value = content.get(key, False)
    if not isinstance(value, bool):
        raise ConfigurationError(f"{where}: {key} must be true or false.")
    return value


def _refuse_unknown(model: Model, asked: str, models: Mapping[str, Model]) -> None:
    if "/" in asked:
        split_model(asked)
        return
    other = models.get(asked)
    # One step and no further: what a request may come to can be read off two tables, and never goes in a circle.
    if other is None or not other.targets or any("/" not in one for one in other.fallback):
        raise ConfigurationError(
            f"[models.{model.name}] names {asked!r}, which is no model with targets of its own.",
            hint='Write "provider/model", or the name of a model whose targets and fallback are such.',
        )
