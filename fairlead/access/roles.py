"""Who a caller is, and what they may do.

A request needs a role and a scope. The role says how much a caller is trusted, the scopes what a key is for: a key of
an operator for `models` alone asks models, and sees no run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from fairlead.errors import Forbidden


class Role(StrEnum):
    """Each role may do what the one before it may."""

    VIEWER = "viewer"  # read
    OPERATOR = "operator"  # start, cancel, answer
    ADMIN = "admin"  # move, keys, settings

    def covers(self, needed: Role) -> bool:
        return _RANK[self] >= _RANK[needed]


_RANK = {role: rank for rank, role in enumerate(Role)}


class Scope(StrEnum):
    """What a key is for."""

    RUNS_READ = "runs:read"  # runs, threads, approvals, workers, metrics, the console
    RUNS_WRITE = "runs:write"  # start, cancel, answer; and all of runs:read
    MODELS = "models"  # ask models: /v1
    ADMIN = "admin"  # keys, and whatever else needs an admin
    EVERYTHING = "*"

    @staticmethod
    def covered(held: Collection[Scope], needed: Scope) -> bool:
        """Whether who holds these may do what needs that one."""
        if needed in held or _EVERYTHING in held:
            return True
        return needed is Scope.RUNS_READ and Scope.RUNS_WRITE in held


_EVERYTHING = Scope.EVERYTHING  # found through its class it takes ten times as long, and each request asks

SCOPE_OF_ROLE = {Role.VIEWER: Scope.RUNS_READ, Role.OPERATOR: Scope.RUNS_WRITE, Role.ADMIN: Scope.ADMIN}


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be spent, in nano-dollars; None: no such bound."""

    day_nano: int | None = None
    month_nano: int | None = None
    total_nano: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be asked of models in a minute; None: no such bound."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


UNBOUNDED, UNLIMITED = Allowance(), Limits()


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller we know. `name` never holds a secret.

    `key` and `key_id` are those of a key of the database, `user` its owner, `models` patterns of the models it may ask
    (none: all), `metadata` labels for what it spends. Who runs the `installation` (a key of the settings, or somebody
    on this machine) manages keys of every tenant, others those of their own.
    """

    name: str
    role: Role
    tenant: str = "default"
    key: str | None = None
    key_id: str | None = None
    user: str | None = None
    scopes: frozenset[Scope] = frozenset((Scope.EVERYTHING,))
    models: tuple[str, ...] = ()
    allowance: Allowance = UNBOUNDED
    limits: Limits = UNLIMITED
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    installation: bool = False
    until: int | None = None  # microseconds since 1970: what the caller came with ends then

    def may_ask(self, model: str) -> bool:
        """Whether this "provider/model", or declared model, is one of those the key is for."""
        return not self.models or any(fnmatchcase(model, pattern) for pattern in self.models)


HOUSE = "default"  # the tenant of whoever has not made any

LOCAL_ADMIN = Principal("local", Role.ADMIN, installation=True)


def require(caller: Principal, needed: Role, scope: Scope | None = None) -> None:
    """Raises `Forbidden` when the caller's role does not cover `needed`, or their key is not for `scope`, which is by
    default what such a role does with runs."""
    if not caller.role.covers(needed):
        raise Forbidden(
            f"{caller.name} is {caller.role.value}; this needs {needed.value}.", hint="Use a key of that role."
        )
    scope = scope or SCOPE_OF_ROLE[needed]
    if not Scope.covered(caller.scopes, scope):
        held = ", ".join(sorted(caller.scopes)) or "nothing"
        raise Forbidden(f"{caller.name} is for {held}; this needs {scope.value}.", hint="Use a key with that scope.")


def may_for_all(caller: Principal) -> bool:
    """Whether they decide what concerns every tenant: who runs the installation does, and an admin of the tenant it is
    run by, with a key for everything."""
    of_house = caller.tenant == HOUSE and Scope.EVERYTHING in caller.scopes
    return caller.installation or (of_house and caller.role.covers(Role.ADMIN))


def require_for_all(caller: Principal) -> None:
    """Raises `Forbidden`."""
    if not may_for_all(caller):
        raise Forbidden(
            f"{caller.name} may not do what concerns every tenant.",
            hint=f"Use a key of the settings, or an admin's of tenant {HOUSE} for everything.",
        )


def tenant_for(caller: Principal, asked: str | None) -> str:
    """The tenant they administer; their own unless they ask for another. Raises `Forbidden`: who administers one must
    not get into another by making a key there."""
    if asked is None or asked == caller.tenant or caller.installation:
        return asked or caller.tenant
    raise Forbidden(f"{caller.name} manages the keys of {caller.tenant}, not of {asked}.",
                    hint="Use a key of that tenant, or one of API_KEY_WHITELIST.")  # fmt: skip


def ensure_may_give(caller: Principal, scopes: Iterable[Scope]) -> None:
    """Raises `Forbidden`: nobody gives, or takes by rotating, what they have not."""
    missing = [scope.value for scope in scopes if not Scope.covered(caller.scopes, scope)]
    if missing:
        raise Forbidden(f"{caller.name} can't give what it has not: {', '.join(sorted(missing))}.",
                        hint="Use a key with these scopes.")  # fmt: skip
