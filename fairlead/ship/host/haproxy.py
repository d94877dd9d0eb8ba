"""HAProxy in front of the instances of a host, steered through its runtime socket: nothing is ever reloaded.

Its configuration has a fixed number of slots, each a port of this host; it is written anew with each change, for the
day on which HAProxy has to be started again. A release is given slots; requests are shared
out by their weights. Who gets more is raised first, who gets less is lowered after: there is no moment with nobody.
A thread stays with the slot that it came to, as long as that slot takes requests.
"""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from fairlead.errors import ConfigurationError, TargetUnavailable
from fairlead.ship.host.front import Place, SlotState
from fairlead.ship.host.instances import Wanted
from fairlead.whole_file import PRIVATE, write_whole

BACKEND = "fairlead"
_WHERE_IT_IS = ":/usr/sbin:/usr/local/sbin"  # which is in the path of root alone
_PATIENCE = 5.0
_CONFIG = """\
# Made by Fairlead. Weights are set through the socket; a change of this file needs a start.
global
    stats socket {socket} mode 600 level admin
    noreuseport

defaults
    mode http
    timeout connect 2s
    timeout check 5s
    timeout client 10m
    timeout server 10m
    timeout tunnel 24h
    option redispatch
    option idle-close-on-response
    retries 2
    retry-on conn-failure empty-response

frontend front
    bind {bind}
    option forwardfor
    default_backend {backend}

backend {backend}
    balance roundrobin
    option httpchk GET {health}
    default-server inter 1s fastinter 200ms fall 3 rise 1
    stick-table type string len 64 size 200k expire 1h
    stick on path,field(3,/) if {{ path_beg /threads/ }}
{slots}
"""
_SLOT = "    server s{slot} 127.0.0.1:{port} weight {weight} check{disabled}"


def configuration(*, socket: Path, bind: str, ports: Mapping[int, int], weights: Mapping[int, int], health: str) -> str:
    """Slots that are not in `weights` are closed."""
    slots = "\n".join(
        _SLOT.format(slot=slot, port=port, weight=weights.get(slot, 0), disabled="" if slot in weights else " disabled")
        for slot, port in ports.items()
    )
    return _CONFIG.format(socket=socket, bind=bind, backend=BACKEND, health=health, slots=slots)


class Haproxy:
    name = "HAProxy"

    def __init__(self, place: Place) -> None:
        self._place = place
        self._socket = place.root / "haproxy.sock"
        self._file = place.root / "haproxy.cfg"

    def prepare(self) -> None:
        self._write({})

    def wanted(self) -> Wanted:
        argv = ("haproxy", "-db", "-f", str(self._file))
        return Wanted(argv, str(self._place.root), env={"PATH": f"{self._place.path}{_WHERE_IT_IS}"}, grace=5.0)

    async def open(self, slots: list[int]) -> None:
        now = await self.state()
        for slot in [slot for slot in slots if not now[slot].open]:
            # It leaves maintenance as well, whatever it is: not until it has said so itself.
            await self._all([f"set server {BACKEND}/s{slot} {word}" for word in ("state ready", "health down")])
        await self._keep()

    async def close(self, slots: list[int]) -> None:
        await self._all([f"set server {BACKEND}/s{slot} state maint" for slot in slots])
        await self._keep()

    async def weigh(self, weights: Mapping[int, int]) -> None:
        """Raised first, then lowered."""
        now = await self.state()
        raised = [slot for slot, weight in weights.items() if weight > now[slot].weight]
        lowered = [slot for slot, weight in weights.items() if weight < now[slot].weight]
        await self._all([f"set server {BACKEND}/s{slot} weight {weights[slot]}" for slot in (*raised, *lowered)])
        await self._keep()

    async def state(self) -> dict[int, SlotState]:
        lines = (await self._ask("show stat")).removeprefix("# ").splitlines()
        found: dict[int, SlotState] = {}
        for row in csv.DictReader(lines):
            if row["pxname"] != BACKEND or not row["svname"].startswith("s") or not row["svname"][1:].isdecimal():
                continue
            answers = sum(int(row[f"hrsp_{kind}"] or 0) for kind in ("1xx", "2xx", "3xx", "4xx", "5xx", "other"))
            broken = sum(int(row[name] or 0) for name in ("econ", "eresp"))
            found[int(row["svname"][1:])] = SlotState(
                not row["status"].startswith("MAINT"), row["status"].startswith("UP"), int(row["weight"] or 0),
                int(row["scur"] or 0), answers,
                int(row["hrsp_5xx"] or 0) + broken,
            )  # fmt: skip
        return found

    async def answers(self) -> bool:
        try:
            return bool(await self._ask("show version"))
        except TargetUnavailable:
            return False

    async def _keep(self) -> None:
        """As it is now, it is to begin when it is started again."""
        self._write({slot: one.weight for slot, one in (await self.state()).items() if one.open})

    def _write(self, weights: Mapping[int, int]) -> None:
        place = self._place
        text = configuration(
            socket=self._socket, bind=place.bind, ports=place.ports, weights=weights, health=place.health
        )
        write_whole(self._file, text.encode(), mode=PRIVATE)

    async def _all(self, commands: list[str]) -> None:
        for command in commands:
            if said := (await self._ask(command)).strip():
                raise ConfigurationError(f"HAProxy does not take {command!r}: {said[:200]}")

    async def _ask(self, command: str) -> str:
        try:
            async with asyncio.timeout(_PATIENCE):
                reader, writer = await asyncio.open_unix_connection(str(self._socket))
                with closing(writer):
                    writer.write(f"{command}\n".encode())
                    await writer.drain()
                    return (await reader.read()).decode()
        except (OSError, TimeoutError) as error:
            raise TargetUnavailable(f"HAProxy does not answer at {self._socket}.", hint="Is the supervisor up?") from (
                error
            )
