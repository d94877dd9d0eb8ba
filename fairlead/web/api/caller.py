"""On whose behalf a model is asked, when a caller of the API asks it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairlead.access import UNBOUNDED, Principal
from fairlead.gateway import Caller


def caller_of(principal: Principal, *, user: str | None = None, labels: Mapping[str, Any] | None = None) -> Caller:
    """A key speaks for its owner; who comes without one may name a `user`. What a key is labelled with can't be said
    otherwise."""
    limits = principal.limits
    return Caller(
        principal.tenant, principal.user or user, key=principal.key_id,
        metadata={**(labels or {}), **principal.metadata}, key_limited=principal.allowance != UNBOUNDED,
        key_rate=(limits.requests_per_minute, limits.tokens_per_minute),
    )  # fmt: skip
