"""Rows of usage as model calls leave them."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from fairlead.gateway.types import Attempt, Caller
from fairlead.gateway.usage import Usage
from fairlead.gateway.usage_log import UsageRow

_OF_CALLER, _OF_USAGE, _OF_ATTEMPT = ({one.name for one in fields(kind)} for kind in (Caller, Usage, Attempt))


def usage_row(*, at: datetime, **given: Any) -> UsageRow:
    """Of a caller, a try and what it used, each by the names of its fields."""

    def of(names: set[str]) -> dict[str, Any]:
        return {name: given.pop(name) for name in names & given.keys()}

    used = Usage(**{"tokens_in": 0, "tokens_out": 0, **of(_OF_USAGE)})
    caller = Caller(**of(_OF_CALLER))
    usual = {"provider": "openai", "model": "openai/gpt-5", "outcome": "ok", "took": timedelta(milliseconds=250)}
    return UsageRow(caller, Attempt(started_at=at, usage=used, **{**usual, **of(_OF_ATTEMPT)}), **given)
