"""What API keys are called: costs and budgets know them by their ids."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.errors import FairleadError
from fairlead.web.console.doors import Doors

_MOST = 1000  # the newest; an older one is shown by its id


async def key_names(doors: Doors, tenant: str) -> Mapping[str, str]:
    """Name by id. Where they can't be read ids are shown, which say the same."""
    try:
        found = await doors.books.keys.list(tenant=tenant, revoked=True, limit=_MOST)
    except FairleadError:
        return {}
    return {key.id: key.name for key in found}
