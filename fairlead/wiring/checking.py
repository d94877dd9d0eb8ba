"""What checklists look at, put together from the settings and the project's `[checklist]` and `[ship]`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fairlead.access import MIGRATIONS as KEYS
from fairlead.agents.load import Declaration, read_declaration
from fairlead.clock import SystemClock
from fairlead.config import Environment, Settings, load_settings, whole_environment
from fairlead.config.secrets import finder_of, parse_reference
from fairlead.database import Database, migrate
from fairlead.errors import ConfigurationError, DatabaseUnavailable, FairleadError, SecretUnavailable, UnknownSetting
from fairlead.gateway.schema import MIGRATIONS as GATEWAY
from fairlead.operate.levels import MIGRATIONS as LEVELS
from fairlead.runs.journal import MIGRATIONS as RUNS
from fairlead.ship.checklist.declared import Declared, parse_checklist
from fairlead.ship.checklist.facts import Commands, Facts
from fairlead.ship.checklist.items import ListName
from fairlead.ship.checklist.ledger import AnswerLedger
from fairlead.ship.checklist.look import Tell
from fairlead.ship.checklist.look import preflight as look_before
from fairlead.ship.declared import Declared as DeclaredShip
from fairlead.ship.declared import parse_ship
from fairlead.ship.host.instances import Instance, Instances
from fairlead.ship.host.target import PROXY
from fairlead.ship.ledger import MIGRATIONS, Ledger
from fairlead.ship.verdict import Finding
from fairlead.store import MIGRATIONS as STORE
from fairlead.wiring.backing_up import newest_verified
from fairlead.wiring.databases import open_database

_SCHEMA = (RUNS, KEYS, GATEWAY, STORE, MIGRATIONS, LEVELS)


@dataclass(frozen=True, slots=True)
class Checking:
    """`ledger`: None when the database can't be asked; then `facts.database_error` says why."""

    facts: Facts
    environment: Environment
    ledger: AnswerLedger | None

    def book(self) -> AnswerLedger:
        """Raises `DatabaseUnavailable`, `ConfigurationError`."""
        if self.ledger is None and self.facts.settings is None:
            raise ConfigurationError(f"The settings can't be read: {self.facts.settings_error}")
        if self.ledger is None:
            raise DatabaseUnavailable(
                f"Answers are kept in the database, and it can't be asked: {self.facts.database_error}",
                hint="See DATABASE_URL, and whether it runs.",
            )
        return self.ledger


@asynccontextmanager
async def open_checking(
    path: Path | None = None,
    *,
    about: str | None = None,
    url: str = "",
    source: Path | None = None,
    deploying: bool = False,
) -> AsyncGenerator[Checking]:
    """Of the project in a folder, or the nearest above it. What can't be read or reached is what checks are there to
    tell: only a project that is not there, or whose own file is wrong, stops it. Raises `ConfigurationError`.

    `deploying`: it is a step of a deploy. `about`: the release, or the incident; the one the settings name. `source`:
    its folder; the project's.
    """
    declaration = read_declaration(path or Path.cwd())
    environ = whole_environment()
    checklist = parse_checklist(declaration.checklist, file=declaration.file)
    ship = parse_ship(declaration.ship, root=declaration.root, environ=environ, file=declaration.file)
    settings, settings_error = _settings(declaration, ship, environ)
    environment = _environment(settings, environ, ship)
    ship = parse_ship(
        declaration.ship, root=declaration.root, environ=environ, file=declaration.file, environment=environment
    )
    database, database_error = await _database(settings)
    try:
        ledger = None if database is None else Ledger(database, environment=environment.value)
        named = about if about is not None else "" if settings is None else settings.engine.release
        yield Checking(
            Facts(
                root=(source or declaration.root).resolve(), about=named, declared=checklist,
                commands=Commands(
                    checklist.commands, folder=declaration.root, environ=environ, limit=checklist.command_timeout
                ),
                clock=SystemClock(), settings=settings, settings_error=settings_error, environ=environ,
                ship_settings=ship.settings, ship_secrets=ship.secrets, smoke=tuple(ship.smoke),
                models=declaration.models, providers=declaration.providers, agents=tuple(declaration.agents),
                backup=_newest_backup(settings), backup_follows=deploying and ship.terms.backup,
                database=database, database_error=database_error, schema=_SCHEMA, ledger=ledger,
                **_host(declaration, ship, checklist, settings, url),
            ),
            environment,
            None if database is None else AnswerLedger(database, environment=environment.value),
        )  # fmt: skip
    finally:
        if database is not None:
            await database.close()


async def preflight(
    path: Path | None = None, *, about: str | None = None, source: Path | None = None, url: str = "",
    tell: Tell | None = None,
) -> list[Finding]:  # fmt: skip
    """The machine's part of the deploy list, as the first step of a deploy of the release `about`. What persons have
    said counts too; what the machine saw is kept. The first finding says what came of all of it."""
    async with open_checking(path, about=about, source=source, url=url, deploying=True) as checking:
        known = [] if checking.ledger is None else await checking.ledger.newest(ListName.DEPLOY)
        answers, findings = await look_before(checking.facts, environment=checking.environment, known=known, tell=tell)
        if checking.ledger is not None:
            await checking.ledger.record(answers)
        return findings


def _newest_backup(settings: Settings | None) -> tuple[str, datetime] | None:
    """That was verified, of those of `fairlead backup`."""
    if settings is None:
        return None
    with suppress(FairleadError):
        return newest_verified(settings)
    return None


def _settings(declaration: Declaration, ship: DeclaredShip, environ: Mapping[str, str]) -> tuple[Settings | None, str]:
    """As the release will have them: those of [ship.settings] over ours, and its secrets from where they are."""
    given, finder = {**environ, **ship.settings}, finder_of(environ, root=declaration.root)
    for name, text in ship.secrets.items():
        # What can't be had the check of the settings tells of.
        with suppress(ConfigurationError, SecretUnavailable):
            if reference := parse_reference(text):
                given[name] = finder.find(reference).value
    try:
        return load_settings(root=declaration.root, environ=given), ""
    except (ConfigurationError, UnknownSetting) as error:
        return None, str(error)


def _environment(settings: Settings | None, environ: Mapping[str, str], ship: DeclaredShip) -> Environment:
    """Known even where the settings are not whole: that is when it matters most."""
    if settings is not None:
        return settings.app.environment
    for given in (ship.settings, environ):
        for name in ("FAIRLEAD_ENVIRONMENT", "ENVIRONMENT"):
            if given.get(name) in set(Environment):
                return Environment(given[name])
    return Environment.PRODUCTION


async def _database(settings: Settings | None) -> tuple[Database | None, str]:
    if settings is None:
        return None, "The settings can't be read."
    try:
        database = await open_database(settings.database, root=settings.root, clock=SystemClock())
    except FairleadError as error:
        return None, str(error)
    try:
        await migrate(database, (MIGRATIONS,))
    except FairleadError as error:
        await database.close()
        return None, str(error)
    return database, ""


def _host(
    declaration: Declaration, ship: DeclaredShip, checklist: Declared, settings: Settings | None, url: str
) -> dict[str, Any]:
    """Of the host target, where the project is shipped to it."""
    if not declaration.ship:
        served = settings.client.url if settings is not None else ""
        return {"url": url or checklist.url or served or ""}
    root = ship.host.root
    every: Sequence[Instance] = Instances(root).all() if root.is_dir() else ()
    instances = [one for one in every if one.build != PROXY]
    listen = "" if not instances else f"http://{ship.host.bind.replace('0.0.0.0', '127.0.0.1')}"
    return {
        "url": (url or checklist.url or listen).rstrip("/"), "listen": ship.host.bind, "logs": root / "logs",
        "first_port": ship.host.first_port, "slots": ship.host.slots, "instances": tuple(instances),
    }  # fmt: skip
