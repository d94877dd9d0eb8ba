"""Grafana's own reader of dashboards: what it does not know it leaves out, as Grafana would."""

from __future__ import annotations

import json
from typing import Any, cast

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()


def read_by_grafana(dashboard: dict[str, Any]) -> dict[str, Any]:
    """The dashboard as Grafana's SDK writes it again. Raises where it can't be read."""
    return json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))


def lost(given: Any, kept: Any, path: str = "") -> list[str]:
    """Where `kept` lacks or changes what was given; what was added does not count."""
    if isinstance(given, dict):
        pairs = cast("dict[str, Any]", given).items()
        return [one for key, value in pairs for one in _lost_at(key, value, kept.get(key), path)]
    if isinstance(given, list):
        pairs = enumerate(cast("list[Any]", given))
        return [one for i, value in pairs for one in _lost_at(str(i), value, kept[i] if i < len(kept) else None, path)]
    return [] if given == kept else [path.rstrip(".")]


def _lost_at(key: str, given: Any, kept: Any, path: str) -> list[str]:
    return [f"{path}{key}"] if kept is None and given is not None else lost(given, kept, f"{path}{key}.")
