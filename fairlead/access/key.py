"""A key of the database: who owns it, what it is for, what it may spend. Its secret is no part of it."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from fairlead.access.roles import UNBOUNDED, UNLIMITED, Allowance, Limits, Principal, Role, Scope
from fairlead.errors import InvalidInput

_PREFIX = "fl_"
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
MODEL = r"[A-Za-z0-9._:/@+*-]{1,200}"
TEXT = r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,200}"
MOST = 2**53  # of anything that is counted: JSON readers know no greater whole number
MOST_MODELS = 100
MOST_LABELS = 50


class Standing(StrEnum):
    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be made. Raises `InvalidInput` for what makes no sense."""

    name: str
    owner: str | None = None
    tenant: str = "default"
    role: Role = Role.OPERATOR
    scopes: frozenset[Scope] = frozenset((Scope.EVERYTHING,))
    models: tuple[str, ...] = ()
    allowance: Allowance = UNBOUNDED
    limits: Limits = UNLIMITED
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        _check(NAME, self.name, "A key's name is 1 to 64 letters, digits, dots, dashes and underscores.")
        _check(NAME, self.tenant, "A tenant's name is 1 to 64 letters, digits, dots, dashes and underscores.")
        if self.owner is not None:
            _check(TEXT, self.owner, "An owner is up to 200 characters on one line.")
        for pattern in self.models:
            _check(MODEL, pattern, "A model is written as openai/gpt-5, openai/* or *.")
        if not self.scopes:
            raise InvalidInput("A key without a scope could do nothing.", hint="Name one, or `*` for all.")
        if len(self.models) > MOST_MODELS or len(self.metadata) > MOST_LABELS:
            raise InvalidInput(f"A key has at most {MOST_MODELS} models and {MOST_LABELS} labels.")
        _check_labels(self.metadata)
        _check_amounts(self.allowance, self.limits)

    @property
    def administers(self) -> bool:
        """Whether it could make the next key."""
        return self.role is Role.ADMIN and Scope.covered(self.scopes, Scope.ADMIN)


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    name: str
    tenant: str
    owner: str | None
    role: Role
    scopes: frozenset[Scope]
    models: tuple[str, ...]
    allowance: Allowance
    limits: Limits
    metadata: Mapping[str, Any]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    rotated_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None

    def standing(self, now: datetime) -> Standing:
        if self.revoked_at is not None:
            return Standing.REVOKED
        return Standing.EXPIRED if self.expires_at is not None and self.expires_at <= now else Standing.VALID

    @property
    def principal(self) -> Principal:
        """Whoever sends it. The colon keeps it apart from every other caller's name: no key's name has one."""
        return Principal(
            name=f"key:{self.name}", role=self.role, tenant=self.tenant, key=self.name, key_id=self.id,
            user=self.owner, scopes=self.scopes, models=self.models, allowance=self.allowance, limits=self.limits,
            metadata=self.metadata,
        )  # fmt: skip


def new_secret() -> str:
    """What to send in a header, of 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """What is kept of it. SHA-256 is enough where nobody can guess: a slow hash would only help who floods us."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _check(pattern: str, value: str, rule: str) -> None:
    if re.fullmatch(pattern, value) is None:
        raise InvalidInput(rule)


def _check_labels(labels: Mapping[str, Any]) -> None:
    for name, value in labels.items():
        _check(NAME, name, "A label's name is 1 to 64 letters, digits, dots, dashes and underscores.")
        if not isinstance(value, str):
            raise InvalidInput(f"The label {name} is no text.")
        _check(TEXT, value, f"The label {name} must be 1 to 200 characters on one line.")


def _check_amounts(allowance: Allowance, limits: Limits) -> None:
    amounts = (
        allowance.day_nano, allowance.month_nano, allowance.total_nano, limits.requests_per_minute,
        limits.tokens_per_minute,
    )  # fmt: skip
    if any(amount is not None and not 0 < amount <= MOST for amount in amounts):
        raise InvalidInput("A budget or limit must be above 0, and no more than anybody could count.")
