"""What takes long ends when whoever asked for it may come in no more: their key was revoked, they were disabled."""

from __future__ import annotations

import asyncio
from types import TracebackType

from fairlead.access import Keyring, Principal
from fairlead.errors import Unauthorised
from fairlead.gateway.cut import Cut


class UntilBarred:
    """`with UntilBarred(keys, caller):` raises `Unauthorised` in the middle of what is done within."""

    __slots__ = ("_caller", "_cut", "_watch")

    def __init__(self, keys: Keyring, caller: Principal) -> None:
        self._caller = caller
        self._cut = Cut()
        self._watch = keys.watch(caller, self._cut.off)

    def __enter__(self) -> None:
        self._watch.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._watch.__exit__(None, None, None)
        barred = self._cut.alone and isinstance(error, asyncio.CancelledError)
        self._cut.end()
        if barred:
            raise Unauthorised(
                f"{self._caller.name} may come in no more.", hint="Get a new key, or sign in again."
            ) from None
