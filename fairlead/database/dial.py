"""A connection to PostgreSQL, under the address that holds now: its password may be rotated while we run."""

from __future__ import annotations

from typing import Any

import asyncpg

from fairlead.config import Secret

REFUSED = asyncpg.InvalidAuthorizationSpecificationError
"""A wrong password too."""


class Dial:
    """Connections that are open stay open, whatever becomes of the password."""

    def __init__(self, url: Secret | str) -> None:
        self._url = Secret(url) if isinstance(url, str) else url

    async def connect(self, **options: Any) -> asyncpg.Connection[Any]:
        """Raises what `asyncpg.connect` does."""
        url = self._url.value
        try:
            return await asyncpg.connect(url, **options)
        except REFUSED:
            if not await self._url.refused(url):
                raise
        return await asyncpg.connect(self._url.value, **options)
