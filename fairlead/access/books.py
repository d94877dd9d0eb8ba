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

    async def barred(self, tenant: str, *, key_id: str | None, user: str | None) -> str:
        """Why what they left to be done later is done no more, in words; empty when it may be. Asked of the database,
        as only what stays open needs to know within a moment (`KeyTable`)."""
        return await self.keys.barred(tenant, key_id, user)
