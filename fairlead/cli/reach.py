"""Whom a command talks to: a server if there is one, else an engine of its own for as long as the command lasts.

FAIRLEAD_URL ──► that one           SQLite: whoever holds the file's lock, or nobody
else                                PostgreSQL: whoever answers on HOST and PORT, or nobody
nobody       ──► an engine in this process, behind the same API
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from fairlead.cli.client import Client
from fairlead.config import Role, Settings
from fairlead.wiring.project import open_setup, settings_here
from fairlead.wiring.serving_lock import serving


@dataclass(frozen=True, slots=True)
class Reached:
    client: Client
    own: bool  # the engine is ours and ends with us

    @property
    def console(self) -> str:
        """Where a person can look; empty when nowhere."""
        return "" if self.own else self.client.url


@contextmanager
def reach(*, with_worker: bool = False) -> Generator[Reached]:
    """`with_worker`: an engine of our own also runs agents. Raises `Unreachable`, `DatabaseUnavailable`, …"""
    settings = settings_here()
    if client := _server(settings):
        yield Reached(client, own=False)
        return
    # All parts are loaded only where there is no server: a command that talks to one starts in a third of the time.
    embedded = import_module("fairlead.wiring.embedded").Embedded
    roles = (Role.WORKER,) if with_worker else ()
    with embedded(open_setup(needed_by=roles), with_worker=with_worker) as path:
        yield Reached(Client("http://localhost", unix=path), own=True)


def _server(settings: Settings) -> Client | None:
    key = key_of(settings)
    if settings.client.url:
        return Client(settings.client.url, key=key)
    if settings.database.is_sqlite:
        server = serving(settings)
        return Client(server.url, key=key) if server and server.url else None
    client = Client(settings.api_url, key=key)
    return client if client.alive() else None


def key_of(settings: Settings) -> str:
    """The key we were given; beside the server's own settings, one of the keys it takes."""
    given = settings.client.api_key or next(iter(settings.access.api_keys), None)
    return given.get_secret_value() if given else ""
