"""The data: database, schema, backups, what is kept of who did what; and services beyond our own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, cast

from fairlead.access import MIGRATIONS as KEYS
from fairlead.access import Audit, KeyBook, Wanted
from fairlead.database.sql import parse
from fairlead.errors import DatabaseUnavailable
from fairlead.ship.checklist.answer import Found, Void
from fairlead.ship.checklist.checks.code import said_by
from fairlead.ship.checklist.checks.service import query_times
from fairlead.ship.checklist.checks.telemetry import reach
from fairlead.ship.checklist.facts import CouldNotAsk, Facts
from fairlead.ship.strategy import Outcome
from fairlead.ship.verdict import Verdict
from fairlead.telemetry.emit import silent

_ONE = "SELECT 1 AS one"
_APPLIED = "SELECT part, number, oldest_reader FROM schema_migrations"
_TABLE = {
    "sqlite": "SELECT count(*) AS found FROM sqlite_master WHERE name = 'schema_migrations'",
    "postgres": "SELECT CASE WHEN to_regclass('schema_migrations') IS NULL THEN 0 ELSE 1 END AS found",
}
_LOAD = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
       current_setting('max_connections')::bigint AS most,
       (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()
        AND now() - query_start > interval '30 seconds') AS slow
"""
_CONNECTIONS = 0.8
_QUERY_P95 = 0.1  # seconds
_TENANT = "default"
_LONG_AGO = timedelta(days=90)
_BACKUP_LASTS = timedelta(hours=24)
_PROVIDERS = {"OPENAI_API_KEY": "https://api.openai.com", "ANTHROPIC_API_KEY": "https://api.anthropic.com"}


async def database(facts: Facts) -> Found:
    if facts.database is None:
        return Found(Verdict.FAIL, facts.database_error or "It was not opened.")
    before = facts.clock.monotonic()
    try:
        await facts.database.read(parse("one", _ONE, facts.database.dialect))
    except DatabaseUnavailable as error:
        return Found(Verdict.FAIL, str(error))
    took = (facts.clock.monotonic() - before) * 1000
    return Found(Verdict.PASS, f"{facts.database.dialect} answers in {took:.1f} ms", _shown(facts))


async def schema(facts: Facts) -> Found:
    """What has been applied to it lets this code live, and what this code brings beyond that."""
    pending, too_new, applied = await _schema(facts)
    if too_new:
        return Found(Verdict.FAIL, f"It has been taken beyond this code: {', '.join(too_new)}.", _shown(facts))
    return Found(Verdict.PASS, f"{applied} migrations applied, {len(pending)} to come", _shown(facts))


async def migration(facts: Facts) -> Found:
    pending, _, _ = await _schema(facts)
    if not pending:
        return Found(Void.NOT_APPLICABLE, "This release brings no migration that is not applied here.")
    if facts.commands.words("migration"):
        return await said_by(facts, "migration")
    raise CouldNotAsk(
        f"{len(pending)} migrations are to come, {pending[0]} first; migration under [checklist.commands]."
    )


async def no_key_yet(facts: Facts) -> bool:
    """Whether the service would have nobody to let in: in production it does not start then. False also where the
    database can't say."""
    settings = facts.known_settings()
    if settings.access.api_keys or settings.sign_in.issuer is not None or facts.database is None:
        return False
    pending, _, _ = await _schema(facts)
    if any(one.startswith(f"{KEYS.part} ") for one in pending):
        return True
    keys = KeyBook(facts.database, audit=_audit(facts), clock=facts.clock, emit=silent)
    return (await keys.changed(0)).version == 0


async def database_load(facts: Facts) -> Found:
    """Connections and queries that take long, by the database; times of queries, by the service."""
    opened = facts.open_database()
    said: list[str] = []
    if opened.dialect == "postgres":
        row = (await opened.read(parse("load", _LOAD, "postgres")))[0]
        said.append(f"{row['used']} of {row['most']} connections, {row['slow']} queries run for over 30 s")
        if row["used"] > _CONNECTIONS * row["most"] or row["slow"]:
            return Found(Verdict.FAIL, said[0], _shown(facts))
    measured = await query_times(facts)
    if measured is None:
        return Found(Verdict.UNCLEAR, "; ".join([*said, "too few queries since it was started to say"]), _shown(facts))
    p95, count = measured
    said.append(f"p95 at most {p95 * 1000:g} ms of {count} queries, the level is {_QUERY_P95 * 1000:g} ms")
    return Found(Verdict.PASS if p95 <= _QUERY_P95 else Verdict.FAIL, "; ".join(said), f"{facts.url}/metrics")


async def audit_log(facts: Facts) -> Found:
    """Every entry fits to the one before it, and nobody without the secret could have made up a chain."""
    settings = facts.known_settings()
    verdict = await _audit(facts).verify(_TENANT)
    if not verdict.whole:
        return Found(Verdict.FAIL, f"It was changed: {verdict.faults[0]}", "fairlead audit verify")
    if settings.access.audit_secret is None:
        return Found(
            Verdict.FAIL,
            f"{verdict.entries} entries fit together, but without FAIRLEAD_AUDIT_SECRET anybody can make up some.",
            "FAIRLEAD_AUDIT_SECRET",
        )  # fmt: skip
    return Found(Verdict.PASS, f"{verdict.entries} entries, each covers the one before", "fairlead audit verify")


async def security_log(facts: Facts) -> Found:
    audit = _audit(facts)
    verdict = await audit.verify(_TENANT)
    if not verdict.whole:
        return Found(Verdict.FAIL, f"It was changed: {verdict.faults[0]}", "fairlead audit verify")
    since = facts.clock.now() - timedelta(days=1)
    entries = await audit.list(_TENANT, Wanted(since=since), limit=1000)
    if not entries:
        return Found(Verdict.PASS, "nothing was entered since yesterday", "fairlead audit")
    actions = sorted({one.action for one in entries})
    return Found(Verdict.UNCLEAR, f"{len(entries)} entries since yesterday: {', '.join(actions)}. Were they looked at?",
                 "fairlead audit")  # fmt: skip


async def rollback(facts: Facts) -> Found:
    """What is written, and what was done here: a deploy that went back, or one to a release that was served before."""
    if facts.ledger is None:
        raise CouldNotAsk(f"The deploys can't be read: {facts.database_error}")
    written = [str(path.relative_to(facts.root)) for path in _docs(facts) if _speaks_of_going_back(path)]
    deploys = await facts.ledger.history(limit=200)
    since = facts.clock.now() - _LONG_AGO
    served: set[str] = set()
    tried = None
    for one in reversed(deploys):
        went_back = one.outcome is Outcome.ROLLED_BACK or (one.outcome is Outcome.SUCCEEDED and one.plan.new in served)
        if went_back and one.started_at >= since:
            tried = one
        if one.outcome is Outcome.SUCCEEDED:
            served.add(one.plan.new)
    said = f"written in {written[0]}" if written else "no page of docs/ or README speaks of it"
    if tried:
        said += f"; tried on {tried.started_at:%Y-%m-%d}"
    else:
        said += "; none here in 90 days" if served else "; nothing was served here yet"
    result = Verdict.PASS if written and (tried or not served) else Verdict.UNCLEAR
    return Found(result, said, tried.id if tried else (written or [""])[0])


async def strategy(facts: Facts) -> Found:
    """The newest deploy of this release: each step that is over, and where it stands."""
    if facts.ledger is None:
        raise CouldNotAsk(f"The deploys can't be read: {facts.database_error}")
    found = next((one for one in await facts.ledger.history(limit=200) if one.plan.new == facts.about), None)
    if found is None:
        raise CouldNotAsk(f"No deploy of {facts.about or 'no name'} was begun: --release RELEASE.")
    steps = await facts.ledger.steps(found)
    over = [one for one in steps if one.verdict is not None]
    said = f"{found.plan.terms.strategy.value}: {len(over)} steps are over"
    failed = [one for one in over if one.verdict is Verdict.FAIL]
    if failed or found.outcome in (Outcome.ROLLED_BACK, Outcome.FAILED):
        why = f"{failed[0].step.said}: {failed[0].said}" if failed else (found.outcome or Outcome.FAILED).value
        return Found(Verdict.FAIL, f"{said}; {why}", found.id)
    if found.outcome is None:
        return Found(Verdict.UNCLEAR, f"{said}; it is under way", found.id)
    return Found(Verdict.PASS, f"{said}; it is served", found.id)


async def backed_up(facts: Facts) -> Found:
    """By the project's own command, where it has one; else by `fairlead backup`."""
    if facts.backup_follows:
        return Found(Void.NOT_APPLICABLE, "This deploy takes one and verifies it before it touches anything.")
    if "backup-verify" in facts.declared.commands or facts.backup is None:
        return await said_by(facts, "backup-verify")
    name, taken = facts.backup
    age = facts.clock.now() - taken
    said = f"{name} was verified, and is {age.total_seconds() / 3600:.1f} h old"
    return Found(Verdict.PASS if age <= _BACKUP_LASTS else Verdict.FAIL, said, name)


async def external_services(facts: Facts) -> Found:
    """Those that are declared, and those that the settings name."""
    wanted = list(dict.fromkeys((*facts.declared.services, *_named(facts))))
    if not wanted:
        return Found(Void.NOT_APPLICABLE, "None is declared (services under [checklist]), and the settings name none.")
    seconds = facts.declared.timeout.total_seconds() / 2
    told = await asyncio.gather(*(reach(url, seconds=seconds) for url in wanted), return_exceptions=True)
    if wrong := [one for one in told if isinstance(one, BaseException)]:
        said = "; ".join(one.said if isinstance(one, CouldNotAsk) else repr(one) for one in wrong)
        return Found(Verdict.FAIL, f"{len(wrong)} of {len(wanted)}: {said}")
    return Found(Verdict.PASS, f"{', '.join(map(str, told))} take connections")


def _named(facts: Facts) -> Iterator[str]:
    if facts.settings is None:
        return
    for variable, address in _PROVIDERS.items():
        if facts.settings.secret(variable) is not None and not facts.providers:
            yield address
    for table in facts.providers.values():
        given: Any = cast("Mapping[str, Any]", table).get("base_url") if isinstance(table, Mapping) else None
        if isinstance(given, str):
            yield given
    for one in (facts.settings.sign_in.issuer, facts.settings.tokens.jwks_url, facts.settings.database.s3_endpoint):
        if one:
            yield one
    redis = facts.settings.database.redis_url
    if redis is not None:
        where = redis.get_secret_value().partition("://")[2].rpartition("@")[2].partition("/")[0]
        yield f"tcp://{where if ':' in where else f'{where}:6379'}"


async def _schema(facts: Facts) -> tuple[list[str], list[str], int]:
    """Migrations of this code that are not applied; what is beyond this code; how many are applied."""
    opened = facts.open_database()
    known = {part.part: _numbers(part.folder / opened.dialect) for part in facts.schema}
    rows: list[Any] = []
    if (await opened.read(parse("table", _TABLE[opened.dialect], opened.dialect)))[0]["found"]:
        rows = list(await opened.read(parse("applied", _APPLIED, opened.dialect)))
    there = {(row["part"], row["number"]) for row in rows}
    pending = [
        f"{part} {number:04}" for part, numbers in known.items() for number in numbers if (part, number) not in there
    ]
    too_new = [
        f"{row['part']} needs code of schema {row['oldest_reader']}" for row in rows
        if row["part"] in known and row["oldest_reader"] > max(known[row["part"]], default=0)
    ]  # fmt: skip
    return pending, sorted(set(too_new)), len(there)


def _numbers(folder: Any) -> list[int]:
    return sorted(int(path.name.partition("_")[0]) for path in folder.glob("[0-9]*.sql"))


def _audit(facts: Facts) -> Audit:
    secret = facts.known_settings().access.audit_secret
    return Audit(facts.open_database(), clock=facts.clock, secret=secret)


def _docs(facts: Facts) -> list[Any]:
    return [*sorted(facts.root.glob("*.md")), *sorted(facts.root.glob("docs/**/*.md"))][:500]


def _speaks_of_going_back(path: Any) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace").lower()
    except OSError:
        return False
    return path.name != "CHANGELOG.md" and any(word in text for word in ("rollback", "roll back", "rolled back"))


def _shown(facts: Facts) -> str:
    return facts.settings.database.shown_url if facts.settings is not None else ""
