"""What a name stands for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address

from fairlead.egress.address import Address

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""What a host stands for now. Raises OSError, or UnicodeError for what can be no name."""


def resolve(threads: int = 8) -> Resolve:
    """The system's resolver, which also reads an address in every spelling (decimal, octal, hexadecimal, short). On
    threads of its own: a name server that never answers must not hold up the look-ups of anyone else."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="egress-resolve")

    async def ask(host: str, port: int) -> Sequence[Address]:
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(pool, look_up)
        return [ip_address(str(where[0]).partition("%")[0]) for *_, where in found]

    return ask
