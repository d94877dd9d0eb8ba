"""What of access is kept in the database."""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.access.audit import Audit
from fairlead.access.book import KeyBook
from fairlead.access.sessions import SessionBook
from fairlead.access.users import UserBook


@dataclass(frozen=True, slots=True)
class Books:
    keys: KeyBook
    users: UserBook
    sessions: SessionBook
    audit: Audit
