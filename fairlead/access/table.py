"""The keys of the database as one process holds them: by digest, in memory, never older than two seconds. And what
holds of their owners, where that is not simply all.

    told of a change ──► read before the next answer        a second gone by ──► read beside the answers
    two seconds old  ──► read before the next answer; raises DatabaseUnavailable when that can't be done
    a secret nobody knows ──► read once more, if not too many were asked for in this second

What is read is what changed: mostly nothing. A revoked key is so refused at once where it was revoked and where the
signal comes, and everywhere else within a second or two, whatever is lost on the way. A stream that is open then ends
by the same reading: see `watch`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from datetime import timedelta

from fairlead.access.book import TOPIC, KeyBook, Known
from fairlead.access.roles import Principal
from fairlead.access.user import digest_of_user
from fairlead.access.users import Bar, UserBook
from fairlead.clock import Clock, to_micros
from fairlead.database import Gather, Signals
from fairlead.errors import DatabaseUnavailable
from fairlead.telemetry.emit import Emit

_LOOK_EVERY = 1.0  # seconds
OLDEST = timedelta(seconds=2)  # that an answer may lag behind the database
_ASKS = 20  # for secrets nobody knows, in a second: a flood of them must not become a flood of queries
_WRITE_USES_EVERY = 60.0  # seconds


class Watch:
    """Of one caller, within a `with`. Thousands may be kept: each is one small object."""

    __slots__ = ("_kept", "caller", "since", "turn_out")

    def __init__(self, kept: dict[Watch, None], caller: Principal, since: int, turn_out: Callable[[], None]) -> None:
        self._kept = kept
        self.caller = caller
        self.since = since
        self.turn_out = turn_out

    def __enter__(self) -> None:
        self._kept[self] = None

    def __exit__(self, *_: object) -> None:
        self._kept.pop(self, None)


class KeyTable:
    """Open it before use, and close it."""

    def __init__(self, book: KeyBook, users: UserBook, *, signals: Signals, clock: Clock, emit: Emit) -> None:
        self._book = book
        self._users = users
        self._signals = signals
        self._clock = clock
        self._emit = emit
        self._known: dict[bytes, Known] = {}
        self._secrets: dict[str, list[bytes]] = {}  # of a key, by its id
        self._bars: dict[str, Bar] = {}  # by the user's digest
        self._watched: dict[Watch, None] = {}
        self._version = 0
        self._users_version = 0
        self._read_at = 0.0
        self._heard = 0  # signals so far
        self._read_of = -1  # how many of them had come when the last reading began
        self._reads: Gather[None, None] = Gather(self._read)
        self._nudge = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._asked = (float("-inf"), 0)
        self._uses: dict[str, tuple[str, int]] = {}
        self._uses_written_at = clock.monotonic()
        self._away = False

    async def open(self) -> None:
        """Raises `DatabaseUnavailable`."""
        await self.refresh()
        self._unsubscribe = self._signals.subscribe(TOPIC, self._hear)
        self._task = asyncio.get_running_loop().create_task(self._watch(), name="keys", context=Context())

    async def close(self) -> None:
        if self._task is None:
            return
        self._unsubscribe()
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        with suppress(DatabaseUnavailable):
            await self._write_uses()

    @property
    def begun(self) -> bool:
        """Whether a key was ever made. Then nobody gets in without one, though all are revoked since."""
        return self._version > 0

    def find(self, digest: bytes) -> Known | None:
        return self._known.get(digest)

    def find_key(self, key_id: str) -> Known | None:
        """The key of this id, by one of its secrets."""
        digests = self._secrets.get(key_id)
        return self._known.get(digests[0]) if digests else None

    def bar(self, caller: Principal, issued: int | None = None) -> str:
        """Why somebody we let in may come in no more: revoked, expired or disabled; empty when they may. `issued`:
        when their token or session was, in microseconds."""
        now = self._clock.micros()
        if caller.until is not None and caller.until <= now:
            return "expired"
        if caller.key_id is not None:
            known = self.find_key(caller.key_id)
            if known is None or known.key.revoked_at is not None:
                return "revoked"
            if known.key.expires_at is not None and to_micros(known.key.expires_at) <= now:
                return "expired"
        bar = None if caller.user is None else self._bars.get(digest_of_user(caller.tenant, caller.user))
        if bar is None:
            return ""
        return "disabled" if bar.shut or (issued is not None and issued < bar.valid_from) else ""

    def watch(self, caller: Principal, turn_out: Callable[[], None]) -> Watch:
        """While the watch is kept, `turn_out` is called, once, when the caller may come in no more: that is looked at
        with each change, and each second."""
        return Watch(self._watched, caller, self._clock.micros(), turn_out)

    async def be_fresh(self) -> None:
        """Raises `DatabaseUnavailable` when what we know may be too old to go by."""
        age = self._clock.monotonic() - self._read_at
        if self._read_of == self._heard and age <= OLDEST.total_seconds():
            return
        if self.begun:
            await self.refresh()
        elif not self._away:
            # Nobody had made a key when we could last ask: this machine is let in, and no other, without waiting.
            with suppress(DatabaseUnavailable):
                await self.refresh()

    async def look_again(self) -> None:
        """Read once more for a secret that nobody knows: its key may be newer than what we read. In a second that has
        seen too many of them it is left, as what we know is no older than that."""
        now = self._clock.monotonic()
        since, asked = self._asked
        if now - since >= 1.0:
            since, asked = now, 0
        if asked < _ASKS:
            self._asked = (since, asked + 1)
            await self.refresh()

    async def refresh(self) -> None:
        """As the database was after this call, or later."""
        await self._reads.put(None)

    def use(self, known: Known) -> None:
        """It opened the door. Written now and then."""
        self._uses[known.key.id] = (known.key.tenant, self._clock.micros())

    async def _read(self, waiting: list[None]) -> list[None]:
        began, heard = self._clock.monotonic(), self._heard
        changes = await self._book.changed(self._version)
        users = await self._users.changed(self._users_version)
        if users.version < self._users_version:
            self._bars.clear()
        self._bars.update((bar.digest, bar) for bar in users.bars)
        self._users_version = users.version
        if changes.version < self._version:
            self._known.clear()
            self._secrets.clear()
        for key_id in changes.keys:
            for digest in self._secrets.pop(key_id, ()):
                del self._known[digest]
        for known in changes.known:
            self._known[known.digest] = known
            self._secrets.setdefault(known.key.id, []).append(known.digest)
        self._version, self._read_at, self._read_of = changes.version, began, heard
        if changes.keys or users.bars:
            self._turn_out()
        return waiting

    def _turn_out(self) -> None:
        for watch in [one for one in self._watched if self.bar(one.caller, one.since)]:
            del self._watched[watch]
            watch.turn_out()

    def _hear(self, _: str) -> None:
        self._heard += 1
        self._nudge.set()

    async def _watch(self) -> None:
        while True:
            self._nudge.clear()
            try:
                await self.refresh()
                if self._clock.monotonic() - self._uses_written_at >= _WRITE_USES_EVERY:
                    await self._write_uses()
                self._away = False
            except DatabaseUnavailable as error:
                if not self._away:
                    self._emit("database_unreachable", database="keys", error=str(error))
                self._away = True
            except Exception as error:  # noqa: BLE001 the edge of a loop: answers wait for a read of their own
                self._emit("error", code="role_failed", message=repr(error), where="keys")
            self._turn_out()
            if not self._nudge.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY):
                        await self._nudge.wait()

    async def _write_uses(self) -> None:
        self._uses_written_at = self._clock.monotonic()
        uses, self._uses = self._uses, {}
        if uses:
            await self._book.used([(tenant, key_id, at) for key_id, (tenant, at) in sorted(uses.items())])
