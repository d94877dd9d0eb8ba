"""What `fairlead doctor` looks at. Each look gives findings; none changes anything, and none fails.

python · settings · project and agents · database, schema, lock · workers and runs · provider keys · vectors · Redis ·
sign-in · ports · disk
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from fairlead.access import Keyring, ensure_safe_to_listen
from fairlead.clock import SystemClock
from fairlead.config import Environment, Role, Settings, not_as_meant
from fairlead.database import Database
from fairlead.database.sql import parse
from fairlead.egress import Egress, read_rules
from fairlead.errors import FairleadError
from fairlead.gateway.providers.declared import KINDS, key_of
from fairlead.runs.journal import MIGRATIONS, load_queries
from fairlead.runs.oversight import Oversight
from fairlead.store.vectors import require
from fairlead.telemetry.emit import silent
from fairlead.wiring.complete import lacking
from fairlead.wiring.databases import open_database
from fairlead.wiring.keyring import open_provider
from fairlead.wiring.listening import bind
from fairlead.wiring.project import Setup, open_setup, settings_here
from fairlead.wiring.redis import open_redis
from fairlead.wiring.serving_lock import serving

_OLDEST, _NEXT = (3, 11), (3, 14)
_LOW_DISK = 0.9
_TABLE = {
    "sqlite": "SELECT count(*) AS found FROM sqlite_master WHERE name = 'schema_migrations'",
    "postgres": "SELECT CASE WHEN to_regclass('schema_migrations') IS NULL THEN 0 ELSE 1 END AS found",
}
_STATE = "SELECT number, oldest_reader FROM schema_migrations WHERE part = :part ORDER BY number DESC LIMIT 1"


class Verdict(StrEnum):
    OK = "ok"
    NOTE = "note"  # not wrong, but you may want to know
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    about: str
    verdict: Verdict
    said: str
    mend: str = ""


async def examine(path: Path | None = None) -> list[Finding]:
    """Everything that can be looked at; what depends on something broken is left out."""
    findings = [_python()]
    try:
        settings = settings_here(path, needed_by=None)
    except FairleadError as error:
        return [*findings, _wrong("settings", error)]
    findings += _settings(settings)
    setup = None
    try:
        setup = open_setup(path, needed_by=None)
        setup.load()
        findings.append(_project(setup))
        findings += _providers(setup)
        findings += _roles(setup)
    except FairleadError as error:
        findings.append(_wrong("project", error))
    findings += await _database(settings)
    findings += await _redis(settings)
    findings += await _sign_in(settings)
    findings += _ports(settings)
    findings.append(_disk(settings))
    return findings


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if _OLDEST <= sys.version_info[:2] < _NEXT:
        return Finding("python", Verdict.OK, version)
    return Finding("python", Verdict.WRONG, f"{version} is not supported.", "Use Python 3.11, 3.12 or 3.13.")


def _settings(settings: Settings) -> Iterator[Finding]:
    given, kept = len(settings.origins), settings.vault.references
    yield Finding("settings", Verdict.OK, f"{settings.app.environment.value}, {given} given, the rest by default")
    try:
        ensure_safe_to_listen(settings.server.host, Keyring(settings.access.api_keys))
        ensure_safe_to_listen(settings.server.worker_host, Keyring(settings.access.api_keys))
    except FairleadError as error:
        yield _wrong("settings", error)
    if kept:
        yield Finding("secrets", Verdict.OK, ", ".join(f"{name} from {place}" for name, place in kept.items()))
    for said in not_as_meant(settings):
        yield Finding("settings", Verdict.NOTE, f"{said}.", "See the environments in docs/settings.md.")


def _roles(setup: Setup) -> Iterator[Finding]:
    """What each role would be refused for."""
    if setup.settings.app.environment is not Environment.PRODUCTION:
        return
    for role in Role:
        if missing := lacking(setup, role):
            yield Finding(role.value, Verdict.WRONG, f"can't start in production: {'; '.join(missing)}.",
                          "Set them in the environment.")  # fmt: skip
        else:
            yield Finding(role.value, Verdict.OK, "has what production needs")


def _project(setup: Setup) -> Finding:
    if not setup.agents:
        return Finding("project", Verdict.WRONG, f"{setup.declared.file} declares no agent.",
                       'Add [agents] with a line such as assistant = "agent.py:agent".')  # fmt: skip
    return Finding("project", Verdict.OK, f"{setup.declared.name}: {', '.join(sorted(setup.agents))}")


def _providers(setup: Setup) -> Iterator[Finding]:
    """Of the models that native agents name; others say theirs when they run."""
    used = {spec.native.model.partition("/")[0] for spec in setup.agents.values() if spec.native is not None}
    for name in sorted(used):
        table = setup.providers.get(name)
        if table is None and name not in KINDS:
            yield Finding("models", Verdict.WRONG, f"No provider is called {name!r}.",
                          f"Declare [providers.{name}], or correct the agent's model.")  # fmt: skip
            continue
        variable = key_of(name, table or {})
        if variable and setup.settings.secret(variable) is None:
            yield Finding("models", Verdict.WRONG, f"{name} has no key: {variable} is not set.",
                          f"Put {variable}=… into .env.local, or the environment.")  # fmt: skip
        else:
            yield Finding("models", Verdict.OK, f"{name}" + (f", with {variable}" if variable else ""))


async def _database(settings: Settings) -> list[Finding]:
    if settings.database.is_sqlite:
        path = settings.root / settings.database.sqlite_path
        if not path.exists():
            return [Finding("database", Verdict.OK, f"{path} will be made at the first start")]
    try:
        vectors = settings.store.embedding_model is not None
        database = await open_database(settings.database, root=settings.root, clock=SystemClock(), vectors=vectors)
    except FairleadError as error:
        return [_wrong("database", error)]
    try:
        findings = await _schema(settings, database)
        if all(one.verdict is Verdict.OK for one in findings):
            findings += await _work(database)
        return [*findings, *await _vectors(settings, database)]
    except FairleadError as error:
        return [_wrong("database", error)]
    finally:
        await database.close()


async def _schema(settings: Settings, database: Database) -> list[Finding]:
    where = settings.database.shown_url
    if not (await database.read(parse("table", _TABLE[database.dialect], database.dialect)))[0]["found"]:
        return [Finding("database", Verdict.NOTE, f"{where} is empty", "The first start makes the tables.")]
    rows = await database.read(parse("state", _STATE, database.dialect), part=MIGRATIONS.part)
    newest, oldest_reader = (rows[0]["number"], rows[0]["oldest_reader"]) if rows else (0, 0)
    mine = max(int(path.name[:4]) for path in (MIGRATIONS.folder / database.dialect).glob("[0-9]*.sql"))
    if oldest_reader > mine:
        return [Finding("database", Verdict.WRONG, f"{where} is at schema {newest}; this Fairlead is at {mine}.",
                        "Install a newer Fairlead.")]  # fmt: skip
    findings = [Finding("database", Verdict.OK, f"{where}, schema {newest}")]
    if newest < mine:
        findings.append(Finding("database", Verdict.NOTE, f"schema {newest} of {mine}", "The next start brings it up."))
    return findings


async def _work(database: Database) -> list[Finding]:
    oversight = Oversight(database, load_queries(database.dialect), clock=SystemClock(), emit=silent)
    alive = sum(worker.alive for worker in await oversight.workers())
    depth = await oversight.queue_depth()
    findings = [Finding("work", Verdict.OK, f"{alive} workers live, {depth} runs wait")]
    for one in await oversight.unserved():
        said = f"{one.runs} runs of {one.agent} wait on release {one.release}, which no living worker serves."
        mend = "Start a worker for it (fairlead dev, fairlead work), or give them to another: fairlead runs move."
        findings.append(Finding("work", Verdict.WRONG, said, mend))
    return findings


async def _vectors(settings: Settings, database: Database) -> list[Finding]:
    model = settings.store.embedding_model
    if model is None:
        return []
    try:
        await require(database)
    except FairleadError as error:
        return [_wrong("vectors", error)]
    return [Finding("vectors", Verdict.OK, f"of {model}")]


async def _redis(settings: Settings) -> list[Finding]:
    """What is shared through it, or what is not shared without it."""
    if settings.database.redis_url is None:
        if settings.database.is_sqlite:
            return []
        said = "none: each process keeps the state of conversations (ctx.conversation) for itself"
        return [Finding("redis", Verdict.NOTE, said, "Set REDIS_URL where agents use it and several workers run.")]
    try:
        door = open_redis(settings)
        try:
            await door.get("fairlead:doctor")
        finally:
            await door.aclose()
    except FairleadError as error:
        return [_wrong("redis", error)]
    return [Finding("redis", Verdict.OK, "answers")]


async def _sign_in(settings: Settings) -> list[Finding]:
    issuer = settings.sign_in.issuer
    if issuer is None:
        return []
    why: list[str] = []

    def hear(event: str, /, **fields: Any) -> None:
        why.append(str(fields.get("error", event)))

    try:
        egress = Egress(rules=read_rules(settings.egress.allow))
        try:
            await open_provider(settings.sign_in, egress, clock=SystemClock(), emit=hear).reach()
        finally:
            await egress.close()
    except FairleadError as error:
        mend = (
            "Check OIDC_ISSUER; one that is not on the public internet must be in EGRESS_ALLOW." if why else error.hint
        )
        return [Finding("sign-in", Verdict.WRONG, why[0] if why else error.message, mend)]
    return [Finding("sign-in", Verdict.OK, issuer)]


def _ports(settings: Settings) -> Iterator[Finding]:
    server = serving(settings)
    if server and server.url:
        yield Finding("server", Verdict.OK, f"process {server.pid} serves at {server.url}")
        return
    try:
        bind(settings.server.host, settings.server.port).close()
        yield Finding("server", Verdict.OK, f"none runs; {settings.server.host}:{settings.server.port} is free")
    except FairleadError as error:
        yield Finding("server", Verdict.NOTE, error.message, "If that is your server, all is well; else choose a PORT.")


def _disk(settings: Settings) -> Finding:
    usage = shutil.disk_usage(settings.root)
    taken, free = usage.used / usage.total, usage.free / 1_000_000_000
    if taken < _LOW_DISK:
        return Finding("disk", Verdict.OK, f"{free:.1f} GB free")
    return Finding("disk", Verdict.WRONG, f"{taken:.0%} full, {free:.1f} GB free.", "Free space, or move the project.")


def _wrong(about: str, error: FairleadError) -> Finding:
    return Finding(about, Verdict.WRONG, error.message, error.hint)
