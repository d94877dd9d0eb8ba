"""A TCP connection to a host that has several addresses: the next is tried when one takes too long, and the first
that answers wins (RFC 8305). uvloop does not do it by itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Any

_NEXT_AFTER = 0.25  # seconds

Address = tuple[int, int, int, str, Any]


async def dial(host: str, port: int) -> socket.socket:
    """Raises OSError; UnicodeError for a name that can be none. Leaves no socket behind when cancelled."""
    loop = asyncio.get_running_loop()
    addresses: list[Address] = list(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    if len(addresses) == 1:
        return await _connect(addresses[0])
    return await _first(_in_turn(addresses))


def _in_turn(addresses: Sequence[Address]) -> list[Address]:
    """One of each family after the other, as the resolver prefers them."""
    families: dict[int, list[Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    return [one for one in chain.from_iterable(zip_longest(*families.values())) if one is not None]


async def _first(addresses: list[Address]) -> socket.socket:
    tried: list[asyncio.Task[socket.socket]] = []
    pending: set[asyncio.Task[socket.socket]] = set()
    try:
        while addresses or pending:
            if addresses:
                tried.append(asyncio.create_task(_connect(addresses.pop(0))))
                pending.add(tried[-1])
            wait = _NEXT_AFTER if addresses else None
            done, pending = await asyncio.wait(pending, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            if any(task.exception() is None for task in done):
                return _winner(tried)
        raise tried[0].exception() or OSError("no connection")
    finally:
        for task in pending:
            task.cancel()
        for task in tried:
            task.add_done_callback(_drop)


def _winner(tried: list[asyncio.Task[socket.socket]]) -> socket.socket:
    won = next(task for task in tried if task.done() and task.exception() is None)
    tried.remove(won)
    return won.result()


def _drop(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _connect(address: Address) -> socket.socket:
    family, kind, protocol, _, where = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock
