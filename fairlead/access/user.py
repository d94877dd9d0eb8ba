"""A person who signs in, or whom a token names. What keys call their owner is the name of one."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fairlead.access.key import NAME, TEXT
from fairlead.access.roles import Principal, Role
from fairlead.errors import InvalidInput

EMAIL = r"[^@\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,100}@[^@\s\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,150}"


class Status(StrEnum):
    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class NewUser:
    """Raises `InvalidInput` for what makes no sense. `subject`: who they are to the issuer they sign in with."""

    name: str
    tenant: str = "default"
    role: Role = Role.VIEWER
    email: str | None = None
    subject: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(TEXT, self.name):
            raise InvalidInput("A user's name is 1 to 200 characters on one line.")
        if not re.fullmatch(NAME, self.tenant):
            raise InvalidInput("A tenant's name is 1 to 64 letters, digits, dots, dashes and underscores.")
        if self.email is not None and not re.fullmatch(EMAIL, self.email):
            raise InvalidInput("This is no email address.")


@dataclass(frozen=True, slots=True)
class User:
    id: str
    name: str
    tenant: str
    email: str | None
    subject: str | None
    role: Role
    status: Status
    created_at: datetime
    created_by: str
    last_seen_at: datetime | None

    @property
    def principal(self) -> Principal:
        return Principal(f"user:{self.name}", self.role, tenant=self.tenant, user=self.name)


def digest_of_user(tenant: str, name: str) -> str:
    """What is left of a user's name when they are deleted."""
    return hashlib.sha256(f"{tenant}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()
