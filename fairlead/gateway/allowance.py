"""Which limits apply to a call: what somebody has set over what the settings say, the nearer over the wider.

A scope is a text: `all` (everything of a tenant), `user:NAME`, `agent:NAME`, `key:NAME` or `metadata:KEY=VALUE`. With
`*` for the name it stands for each of them, and each has a budget of its own. Tenant `*` stands for each tenant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import orjson

from fairlead.clock import from_micros, to_micros
from fairlead.errors import InvalidInput
from fairlead.gateway.types import Caller

ANY = "*"
ALL = "all"
_TEXT, _KEY = r"[^\x00-\x1f\x7f]", r"[^\x00-\x1f\x7f=]"
SCOPE = rf"^(all|(user|agent|key):{_TEXT}+|metadata:{_KEY}+={_TEXT}+)$"
STOPPABLE = rf"^(all|provider:{_TEXT}+|(user|agent|key):{_TEXT}*(?!\*){_TEXT}|metadata:{_KEY}+={_TEXT}*(?!\*){_TEXT})$"
"""Scopes of budgets, and of what can be stopped: also a provider, but not each user at once."""
_LAST_MONTH = 12


class Period(StrEnum):
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so much in each period; None: no limit, whatever a wider rule says."""

    tenant: str
    scope: str
    period: Period
    nano: int | None
    set_by: str = "settings"


@dataclass(frozen=True, slots=True)
class Place:
    """One budget in one period, with the limit that holds there. Times are UTC, in microseconds."""

    id: str
    tenant: str
    scope: str
    period: Period
    starts_at: int
    ends_at: int | None
    limit: Limit
    nano: int


class Allowance:
    """All limits, ready to be looked up."""

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        self.limits = limits
        self._rules: dict[tuple[str, str], dict[Period, Limit]] = {}
        for limit in limits:  # those that come later count: rows over settings
            self._rules.setdefault((limit.tenant, limit.scope), {})[limit.period] = limit
        names = {limit.scope.partition(":")[2].partition("=")[0] for limit in limits if limit.scope[:9] == "metadata:"}
        self.metadata_keys = tuple(sorted(names))

    def knows_key(self, caller: Caller) -> bool:
        """Whether there is a limit for this very key."""
        return (caller.tenant, f"key:{caller.key}") in self._rules

    def places(self, caller: Caller, now: int) -> tuple[Place, ...]:
        """The budgets of a call, in the order of their ids, which all callers share."""
        found = (
            place for scope in scopes_of(caller, self.metadata_keys) for place in self._at(caller.tenant, scope, now)
        )
        return tuple(sorted(found, key=lambda place: place.id))

    def limit(self, tenant: str, scope: str, period: Period) -> Limit | None:
        """What holds for a budget."""
        for rule in _rules(tenant, scope):
            if limit := self._rules.get(rule, {}).get(period):
                return limit
        return None

    def _at(self, tenant: str, scope: str, now: int) -> Iterator[Place]:
        for period in Period:
            limit = self.limit(tenant, scope, period)
            if limit is not None and limit.nano is not None:
                starts_at, ends_at = bounds_of(period, now)
                identity = orjson.dumps([tenant, scope, period, starts_at]).decode()
                yield Place(identity, tenant, scope, period, starts_at, ends_at, limit, limit.nano)


def scopes_of(caller: Caller, metadata_keys: tuple[str, ...]) -> Iterator[str]:
    """Whose money a call spends; of its metadata only what somebody limits."""
    yield ALL
    for kind, name in (("user", caller.user), ("agent", caller.agent), ("key", caller.key)):
        if name:
            yield f"{kind}:{name}"
    for key in metadata_keys:
        value = caller.metadata.get(key)
        if isinstance(value, str | int):
            yield f"metadata:{key}={value}"


def _rules(tenant: str, scope: str) -> tuple[tuple[str, str], ...]:
    each = each_of(scope)
    return ((tenant, scope), (tenant, each), (ANY, scope), (ANY, each))


def each_of(scope: str) -> str:
    """`user:bob` → `user:*`, `metadata:team=blue` → `metadata:team=*`."""
    kind, colon, name = scope.partition(":")
    if not colon:
        return scope
    key, equals, _ = name.partition("=")
    return f"{kind}:{key}={ANY}" if kind == "metadata" and equals else f"{kind}:{ANY}"


def checked_scope(scope: str) -> str:
    """The scope, or InvalidInput when it is none."""
    if re.fullmatch(SCOPE, scope) is None:
        raise InvalidInput(
            f"{scope!r} is not the scope of a budget.",
            hint="Write all, user:NAME, agent:NAME, key:NAME or metadata:KEY=VALUE; * as NAME or VALUE means each.",
        )
    return scope


def bounds_of(period: Period, now: int) -> tuple[int, int | None]:
    """When the period that `now` is in began, and when it ends; UTC."""
    moment = from_micros(now)
    match period:
        case Period.TOTAL:
            return 0, None
        case Period.DAY:
            start = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
            return to_micros(start), to_micros(start) + 86_400_000_000
        case Period.MONTH:
            start = datetime(moment.year, moment.month, 1, tzinfo=UTC)
            following = (
                datetime(moment.year + 1, 1, 1, tzinfo=UTC)
                if moment.month == _LAST_MONTH
                else datetime(moment.year, moment.month + 1, 1, tzinfo=UTC)
            )
            return to_micros(start), to_micros(following)


def parse_period(text: str) -> Period:
    """day, month or total; InvalidInput for anything else."""
    try:
        return Period(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is not a period.", hint="Write day, month or total.") from error
