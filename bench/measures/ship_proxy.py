"""What the front costs a request: the same service, past the front and through it, one request after the other."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from statistics import median

from bench.figure import Figure, at_most
from bench.place import Place
from fairlead.clock import SystemClock
from fairlead.ship.host.front import FULL, FrontKind
from fairlead.ship.host.front import Place as Where
from fairlead.ship.host.fronts import make_front
from tests.servers import free_ports, haproxy, wait_for_port

TITLE = "What the front costs a request"
WORK = (
    "A service that answers at once, asked over one connection that is kept, one request after the other: straight, "
    "and through HAProxy as `fairlead ship` configures it. In turn, 500 requests each, 10 times over."
)
_SERVICE = """
import asyncio, sys, uvloop

class Answers(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok" * data.count(b"\\r\\n\\r\\n"))

async def main():
    server = await asyncio.get_running_loop().create_server(Answers, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

uvloop.run(main())
"""
_TURNS, _REQUESTS = 10, 500


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    listen = free_ports(2)
    service = listen + 1
    where = Where(place.new_folder(), f"127.0.0.1:{listen}", {1: service}, "/", str(haproxy()).rpartition("/")[0])
    front = make_front(FrontKind.HAPROXY, where, clock=SystemClock())
    front.prepare()
    wanted = front.wanted()
    place.processes.append(subprocess.Popen((sys.executable, "-c", _SERVICE, str(service))))
    place.processes.append(subprocess.Popen(wanted.argv, cwd=wanted.folder, env=dict(wanted.env)))
    wait_for_port(service)
    wait_for_port(listen)
    await front.open([1])
    await front.weigh({1: FULL})
    async with asyncio.timeout(20):
        while not (await front.state())[1].up:
            await asyncio.sleep(0.1)
    straight, through = list[float](), list[float]()
    for _ in range(place.amount(_TURNS)):
        straight.append(median(await _asked(service)))
        through.append(median(await _asked(listen)))
    for process in place.processes[-2:]:
        process.kill()
        process.wait()
    added = [after - before for before, after in zip(straight, through, strict=True)]
    ours, past, added = ([one * 1e3 for one in times] for times in (through, straight, added))
    return [
        Figure("a request, p50", "ms", ours, None, "past it", past), Figure("added, p50", "ms", added, at_most(0.1))
    ], []  # fmt: skip


async def _asked(port: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took: list[float] = []
    for _ in range(_REQUESTS):
        began = time.perf_counter()
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        await reader.readuntil(b"\r\n\r\nok")
        took.append(time.perf_counter() - began)
    writer.close()
    return took
