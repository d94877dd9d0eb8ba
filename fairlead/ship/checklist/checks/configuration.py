"""The settings the release will have, and what they switch on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from fairlead.config import CacheKind, Environment
from fairlead.config.required import missing_in_production
from fairlead.ship.checklist.answer import Found, Void
from fairlead.ship.checklist.checks.data import no_key_yet
from fairlead.ship.checklist.checks.telemetry import rules
from fairlead.ship.checklist.facts import Facts
from fairlead.ship.verdict import Verdict

_NO_AGENTS = Found(Void.NOT_APPLICABLE, "The project declares no agents: no models are called.")


async def settings(facts: Facts) -> Found:
    """They load, production has what it needs, and what is given by reference is there."""
    if facts.settings is None:
        return Found(Verdict.FAIL, facts.settings_error)
    wrong = list(_unresolved(facts))
    if facts.settings.app.environment is Environment.PRODUCTION:
        wrong += missing_in_production(facts.settings)
        if facts.agents and await no_key_yet(facts):
            wrong.append("there is no key yet, and in production it lets nobody in without: fairlead keys create NAME")
    wrong += _without_key(facts)
    if wrong:
        return Found(Verdict.FAIL, "; ".join(wrong))
    given = len(facts.settings.origins)
    return Found(
        Verdict.PASS, f"complete for {facts.settings.app.environment.value}: {given} given, the rest by default"
    )


def _unresolved(facts: Facts) -> Iterator[str]:
    for name, reference in facts.ship_secrets.items():
        kind, _, where = reference.partition(":")
        if kind == "env" and not facts.environ.get(where):
            yield f"{name} is {reference}, and {where} is not set here"
        if kind == "file":
            try:
                empty = not Path(where).read_bytes().strip()
            except OSError as error:
                yield f"{name} is {reference}, which can't be read: {error.strerror}"
            else:
                if empty:
                    yield f"{name} is {reference}, which is empty"


def _without_key(facts: Facts) -> Iterator[str]:
    """Providers whose key is to come from a variable that is not set."""
    assert facts.settings is not None
    for name, table in facts.providers.items():
        variable = cast("Mapping[str, Any]", table).get("api_key_env") if isinstance(table, Mapping) else None
        if variable and facts.settings.secret(str(variable)) is None:
            yield f"the provider {name} has no key: {variable} is not set"


async def rate_limit(facts: Facts) -> Found:
    server = facts.known_settings().server
    if server.rate_limit == 0:
        return Found(Verdict.UNCLEAR, "FAIRLEAD_RATE_LIMIT is 0: Fairlead itself limits nobody.", "FAIRLEAD_RATE_LIMIT")
    seconds = server.rate_window.total_seconds()
    return Found(Verdict.PASS, f"{server.rate_limit} runs in {seconds:g} s for each caller", "FAIRLEAD_RATE_LIMIT")


async def fallback(facts: Facts) -> Found:
    """The breaker is always on; a fallback needs two targets."""
    if not facts.agents:
        return _NO_AGENTS
    models = facts.known_settings().models
    many = [name for name, table in facts.models.items() if len(_targets(table)) > 1]
    breaker = f"a provider is left alone after {models.consecutive_errors} errors in a row"
    if not many:
        return Found(Verdict.UNCLEAR, f"{breaker}; no model of [models] has a second target.", "fairlead.toml [models]")
    return Found(Verdict.PASS, f"{breaker}; {', '.join(many)} fall back", "fairlead.toml [models]")


async def budgets(facts: Facts) -> Found:
    if not facts.agents:
        return _NO_AGENTS
    most = facts.known_settings().budgets.day_usd
    if most is None:
        return Found(
            Verdict.FAIL, "FAIRLEAD_BUDGET_DAY_USD is not set: a day may cost anything.", "FAIRLEAD_BUDGET_DAY_USD"
        )
    said = f"{most} USD a day for each tenant, with warnings at 50, 80 and 100 %"
    if not facts.declared.prometheus:
        return Found(
            Verdict.UNCLEAR, f"{said}. Whether somebody is told, a person must say.", "FAIRLEAD_BUDGET_DAY_USD"
        )
    if "AgentCostExceeded" in {name for name, _ in await rules(facts)}:
        return Found(Verdict.PASS, f"{said}; the alert AgentCostExceeded is loaded", "FAIRLEAD_BUDGET_DAY_USD")
    return Found(Verdict.FAIL, f"{said}, but the alert AgentCostExceeded is not loaded.", facts.declared.prometheus)


async def routing_and_cache(facts: Facts) -> Found:
    if not facts.agents:
        return _NO_AGENTS
    cache = facts.known_settings().models.cache
    missing = [] if facts.models else ["no [models.NAME] is declared"]
    missing += ["FAIRLEAD_MODEL_CACHE is off"] if cache is CacheKind.OFF else []
    if missing:
        return Found(Verdict.FAIL, "; ".join(missing))
    return Found(Verdict.PASS, f"models {', '.join(facts.models)}; cache: {cache.value}", "fairlead.toml [models]")


def _targets(table: Any) -> tuple[Any, ...]:
    if not isinstance(table, Mapping):
        return ()
    given = cast("Mapping[str, Any]", table)
    targets, tiers = given.get("targets"), given.get("tiers")
    return (*(cast("list[Any]", targets) if isinstance(targets, list) else ()),
            *(cast("dict[str, Any]", tiers).values() if isinstance(tiers, dict) else ()))  # fmt: skip
