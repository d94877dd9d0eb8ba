"""A server for one command: the same application on a Unix socket that nobody else can open, in a thread beside it."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path

from fairlead.access import Keyring
from fairlead.clock import SystemClock
from fairlead.telemetry.emit import Emitter
from fairlead.wiring.application import open_application
from fairlead.wiring.engine import make_worker, open_engine
from fairlead.wiring.listening import Server
from fairlead.wiring.process import run_process
from fairlead.wiring.project import Setup
from fairlead.wiring.serving_lock import take_serving_lock

_GRACE = 1


class Embedded:
    """`with Embedded(setup, with_worker=True) as path:` gives the socket's path, or raises as `open_engine`."""

    def __init__(self, setup: Setup, *, with_worker: bool) -> None:
        self._setup = setup
        self._with_worker = with_worker
        self._folder = Path(tempfile.mkdtemp(prefix="fairlead-"))  # ours alone: mode 0700
        self._started: Future[asyncio.Event] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="embedded", daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        try:
            self._started.result()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self._path

    def __exit__(self, *_: object) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._started.result().set)
        self._thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _path(self) -> str:
        return str(self._folder / "api")

    def _run(self) -> None:
        try:
            run_process(self._main)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for us
            if not self._started.done():
                self._started.set_exception(error)

    async def _main(self) -> int:
        setup, clock = self._setup, SystemClock()
        # Two workers may share a file; but who began here should not be surprised by another server's.
        lock = take_serving_lock(setup.settings) if self._with_worker else None
        setup.load()
        emit = Emitter(clock).emit  # nobody listens: the command tells what happens
        engine = await open_engine(
            setup.settings, setup.agents, providers=setup.providers, models=setup.models, prices=setup.prices,
            mcp=setup.mcp, clock=clock, emit=emit,
        )  # fmt: skip
        worker = make_worker(engine) if self._with_worker else None
        working = asyncio.create_task(worker.run()) if worker else None
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(self._path)
        sock.listen()
        stop = asyncio.Event()
        http = Server(open_application(engine, keys=Keyring(), metrics=None, stopping=stop), sock, grace=_GRACE)
        listening = asyncio.create_task(http.listen())
        self._loop = asyncio.get_running_loop()
        self._started.set_result(stop)
        await stop.wait()
        http.stop()
        if worker and working:
            worker.stop()
            await working
        await listening
        await engine.close()
        if lock:
            lock.release()
        return 0
