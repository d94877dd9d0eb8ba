"""What takes long ends when whoever asked for it may come in no more: their key was revoked, they were disabled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fairlead.access import Keyring, Principal
from fairlead.errors import Unauthorised


@asynccontextmanager
async def until_barred(keys: Keyring, caller: Principal) -> AsyncGenerator[None]:
    """Raises `Unauthorised` in the middle of what is done within."""
    task = asyncio.current_task()
    assert task is not None
    barred = False

    def turn_out() -> None:
        nonlocal barred
        barred = task.cancel()

    try:
        with keys.watch(caller, turn_out):
            yield
    except asyncio.CancelledError:
        if not barred or task.uncancel() > 0:  # somebody else wants it to end as well
            raise
        raise Unauthorised(f"{caller.name} may come in no more.", hint="Get a new key, or sign in again.") from None
