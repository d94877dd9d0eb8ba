"""What the tables of this part hold of people."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.access.personal import Held, HeldRows, Holding, Signed
from fairlead.database import Database, Query

_OF_USER = "scope = 'user:' || :user"
SIGNED = (
    Signed("budget_limits", ("scope", "period"), ("set_by",)),
    Signed("call_stops", ("scope",), ("stopped_by",)),
)
EXEMPT = {
    "budget_owners": "processes that lease money",
    "budget_leases": "numbers; they go with the budget they are of",
    "model_rates": "what is left of providers' limits",
}


def holdings(database: Database, queries: Mapping[str, Query]) -> list[Holding]:
    """Costs stay, as nobody's: what was paid was paid."""
    held = (
        Held("budget", "budget_limits", ("scope", "period"), _OF_USER),
        Held("stop", "call_stops", ("scope",), _OF_USER),
        Held("spending", "budget_accounts", ("id",), _OF_USER, erase=queries["erase_accounts"]),
        Held("usage", "usage", ("at", "id"), "user_id = :user", erase=queries["erase_usage"]),
        Held("usage_hour", "usage_hours", ("dimension", "hour", "name"),
             "dimension IN ('user', 'user_days') AND name = :user", erase=queries["erase_usage_hours"]),
        Held("usage_run", "usage_runs", ("run_id",), "user_id = :user", blank={"user_id": "NULL"}),
        # Whose answers these are is not known: a user's end with their time.
        Held("cached_answer", "model_cache", ("key",), told=False),
    )  # fmt: skip
    return [HeldRows(one, database) for one in held]
