"""What a check may look at, and how: the project's folder, its settings, the service over HTTP, commands it declares.

A check is a function from `Facts` to what it found. It raises `CouldNotAsk` when it can't tell; that, and a check that
crashes or takes too long, is never a pass.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from fairlead.clock import Clock
from fairlead.config import Settings
from fairlead.config.value import write_duration
from fairlead.database import Database, Migrations
from fairlead.ship.checklist.answer import Found
from fairlead.ship.checklist.declared import Declared
from fairlead.ship.host.instances import Instance
from fairlead.ship.ledger import Ledger
from fairlead.ship.smoke import SERVICE, Try

_TOLD = 64_000  # characters of a command's output that are looked at: the last
_MOST = 8_000_000  # bytes of an answer


class CouldNotAsk(Exception):
    """`said`: why, and what to set or start so that it can be asked."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended. `last`: the last line it wrote."""

    code: int
    output: str

    @property
    def last(self) -> str:
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return lines[-1][:300] if lines else "(it wrote nothing)"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    text: str
    url: str


class Commands:
    """Those the project declares; each is run once, however many ask."""

    def __init__(
        self, declared: Mapping[str, str], *, folder: Path, environ: Mapping[str, str], limit: timedelta
    ) -> None:
        self._declared = declared
        self._folder = folder
        self._environ = environ
        self._limit = limit
        self._running: dict[str, asyncio.Task[Ended]] = {}
        self._turn = asyncio.Lock()  # a load test beside another says nothing

    def words(self, name: str) -> str:
        """As it is declared; empty when it is not."""
        return self._declared.get(name, "")

    async def run(self, name: str) -> Ended:
        """Raises `CouldNotAsk`, also when it takes longer than it may."""
        if not self.words(name):
            raise CouldNotAsk(f'No command says. Declare one: {name} = "…" under [checklist.commands].')
        if name not in self._running:
            self._running[name] = asyncio.create_task(self._run(name))
        return await asyncio.shield(self._running[name])

    async def aclose(self) -> None:
        """End those that run, with all that they started."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _run(self, name: str) -> Ended:
        async with self._turn:
            try:
                async with asyncio.timeout(self._limit.total_seconds()):
                    return await self._start(shlex.split(self._declared[name]))
            except TimeoutError:
                raise CouldNotAsk(
                    f"`{self._declared[name]}` did not end within {write_duration(self._limit)}, and was stopped."
                ) from None

    async def _start(self, words: list[str]) -> Ended:
        try:
            process = await asyncio.create_subprocess_exec(
                *words, cwd=self._folder, env=dict(self._environ), stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise CouldNotAsk(f"{words[0]} can't be started: {error.strerror or error}.") from None
        try:
            return await _to_its_end(process)
        finally:
            # All of its group: what it started may outlive it, and would go on writing.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _to_its_end(process: asyncio.subprocess.Process) -> Ended:
    assert process.stdout is not None
    told = b""
    while chunk := await process.stdout.read(65536):
        told = (told + chunk)[-4 * _TOLD :]
    return Ended(await process.wait(), told.decode("utf-8", "replace")[-_TOLD:])


@dataclass(frozen=True, slots=True)
class Facts:
    """`root`: the release's folder. `about`: its name. `url`: where the service answers; empty when nothing is served
    yet. `settings`: those the release will have; None: they can't be read (`settings_error`). `wanted`: whether a
    database is there to be asked (`database_error`: why not). `schema`: what this code knows of the database."""

    root: Path
    about: str
    declared: Declared
    commands: Commands
    clock: Clock
    url: str = ""
    settings: Settings | None = None
    settings_error: str = ""
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    ship_settings: Mapping[str, str] = field(default_factory=dict[str, str])
    ship_secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    listen: str = ""  # [ship.host]: where requests are taken
    first_port: int = 0
    slots: int = 0
    smoke: tuple[Try, ...] = SERVICE
    models: Mapping[str, Any] = field(default_factory=dict[str, Any])
    providers: Mapping[str, Any] = field(default_factory=dict[str, Any])
    agents: tuple[str, ...] = ()
    database: Database | None = None
    database_error: str = ""
    schema: tuple[Migrations, ...] = ()
    ledger: Ledger | None = None
    instances: tuple[Instance, ...] = ()
    logs: Path | None = None  # folder of what the instances write
    backup: tuple[str, datetime] | None = None  # the newest that was verified, and when it was taken
    backup_follows: bool = False  # the deploy this is part of takes one itself, before it touches anything

    @property
    def key(self) -> str:
        """What opens the service; it is sent nowhere else."""
        given = self.settings.client.api_key if self.settings is not None else None
        return given.get_secret_value() if given else ""

    def known_settings(self) -> Settings:
        if self.settings is None:
            raise CouldNotAsk(f"The settings can't be read: {self.settings_error}")
        return self.settings

    def open_database(self) -> Database:
        if self.database is None:
            raise CouldNotAsk(f"The database can't be asked: {self.database_error or 'it was not opened'}")
        return self.database

    def service(self) -> str:
        if not self.url:
            raise CouldNotAsk("It is not known where the service is: --url URL, or url under [checklist].")
        return self.url

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Raises `CouldNotAsk` when there is no answer."""
        try:
            async with (
                httpx2.AsyncClient(trust_env=False, timeout=self.declared.timeout.total_seconds()) as client,
                client.stream("GET", url, headers=dict(headers or {})) as answer,
            ):
                body = b""
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > _MOST:
                        raise CouldNotAsk(f"{url} answers without end.")
                given = {name.lower(): value for name, value in answer.headers.items()}
                return Reply(answer.status_code, given, body.decode("utf-8", "replace"), url)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise CouldNotAsk(f"{url} does not answer: {str(error) or type(error).__name__}.") from None


Check = Callable[[Facts], Awaitable[Found]]
