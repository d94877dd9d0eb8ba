"""On whose behalf a model is asked, when a caller of the API asks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairlead.access import UNBOUNDED, Principal
from fairlead.gateway import Caller

_MOST_KNOWN = 1000


def caller_of(principal: Principal, *, user: str | None = None, labels: Mapping[str, Any] | None = None) -> Caller:
    """A key speaks for its owner; who comes without one may name a `user`. What a key is labelled with can't be said
    otherwise."""
    limits = principal.limits
    return Caller(
        principal.tenant, principal.user or user, key=principal.key_id,
        metadata={**(labels or {}), **principal.metadata}, key_limited=principal.allowance != UNBOUNDED,
        key_rate=(limits.requests_per_minute, limits.tokens_per_minute),
    )  # fmt: skip


class Callers:
    """Those of principals who say no more than who they are, as nearly all do: each is made once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Principal, Caller]] = {}  # by the id of what it keeps

    def of(self, principal: Principal) -> Caller:
        known = self._known.get(id(principal))
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[id(principal)] = principal, caller_of(principal)
        return known[1]
