"""Signals between a supervisor and its worker over a socket pair: a `Carrier` for processes on one SQLite file.

Each message is one line of JSON: [topic, payload]. Nobody ever waits: when the other side does not read, messages are
dropped, as signals may be. The end of the socket says that the other side has died, however it died.
"""

from __future__ import annotations

import asyncio
import socket

import orjson

from fairlead.database.signals import Signals

_LONGEST = 1024 * 1024  # of one message
_MOST_WAITING = 4 * 1024 * 1024  # bytes the other side has not read


class Relay:
    """Carries what is published here to every joined peer, and delivers what they say to us and to the other peers."""

    def __init__(self, signals: Signals) -> None:
        self.signals = signals
        self._peers: set[asyncio.StreamWriter] = set()
        self.dropped = 0

    @property
    def peers(self) -> int:
        """How many we talk to now."""
        return len(self._peers)

    def send(self, topic: str, payload: str) -> None:
        self._pass_on(orjson.dumps([topic, payload]) + b"\n", but=None)

    async def join(self, peer: socket.socket) -> None:
        """Talk to a peer until it is gone. The socket is ours from now on."""
        reader, writer = await asyncio.open_connection(sock=peer, limit=_LONGEST + 1024)
        self._peers.add(writer)
        try:
            while line := await reader.readline():
                self._hear(line, writer)
        except (OSError, ValueError):  # ValueError: a line beyond the limit, so not one of ours
            pass
        finally:
            self._peers.discard(writer)
            writer.close()

    def _hear(self, line: bytes, sender: asyncio.StreamWriter) -> None:
        try:
            topic, payload = orjson.loads(line)
        except (ValueError, TypeError):  # the half line of a peer that was killed
            return
        self.signals.deliver(topic, payload)
        self._pass_on(line, but=sender)

    def _pass_on(self, line: bytes, *, but: asyncio.StreamWriter | None) -> None:
        for peer in self._peers:
            if peer is but:
                continue
            if len(line) > _LONGEST or peer.transport.get_write_buffer_size() > _MOST_WAITING:
                self.dropped += 1
                continue
            peer.write(line)
