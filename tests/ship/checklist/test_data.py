"""Both databases, asked as a list asks them, and what is kept in them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fairlead.access import MIGRATIONS as KEYS
from fairlead.access import Audit, KeyBook, NewKey, Role
from fairlead.clock import SystemClock
from fairlead.database import Database, Migrations, migrate
from fairlead.database.sql import parse
from fairlead.ship.checklist.answer import Answer, By, Found, Void
from fairlead.ship.checklist.facts import Facts
from fairlead.ship.checklist.items import ListName
from fairlead.ship.checklist.ledger import AnswerLedger
from fairlead.ship.ledger import MIGRATIONS, Ledger
from fairlead.ship.release import Release
from fairlead.ship.strategy import Kind, Outcome, Plan, Step
from fairlead.ship.terms import Terms
from fairlead.ship.verdict import Verdict
from fairlead.telemetry.emit import silent
from tests.access.conftest import open_database
from tests.servers import free_port
from tests.ship.checklist.asking import ask, facts_of, settings_of

CLOCK = SystemClock()
OURS = len(list((MIGRATIONS.folder / "sqlite").glob("*.sql")))


@pytest.fixture
def database_url(empty_url: str) -> str:
    """To look at what has been applied, and what has not."""
    return empty_url


def answer(
    item: str, said: str = "seen", *, by: By = By.PERSON, about: str = "v2", result: object = Verdict.PASS
) -> Answer:
    return Answer(item, Found(result, said, "ref"), by, "mina", CLOCK.now(), about)  # type: ignore[arg-type]


async def test_answers_are_kept_each_and_the_newest_of_each_kind_and_release_is_given(database: Database) -> None:
    book = AnswerLedger(database, environment="staging")
    await book.record([answer("review", "first"), answer("backup", "ours"), answer("during-logs")])
    await book.record([answer("review", "second", result=Verdict.FAIL), answer("review", "other", about="v1")])
    await book.record([answer("backup", "looked", by=By.MACHINE, result=Void.NOT_APPLICABLE)])
    found = {(one.item, one.about, one.by): one for one in await book.newest(ListName.DEPLOY)}
    assert {key: one.found.said for key, one in found.items()} == {
        ("review", "v2", By.PERSON): "second", ("review", "v1", By.PERSON): "other",
        ("backup", "v2", By.PERSON): "ours", ("backup", "v2", By.MACHINE): "looked",
    }  # fmt: skip
    newest = found["review", "v2", By.PERSON]
    assert (newest.found.result, newest.found.reference, newest.name) == (Verdict.FAIL, "ref", "mina")
    assert abs(newest.at - CLOCK.now()) < timedelta(minutes=1)
    assert found["backup", "v2", By.MACHINE].found.result is Void.NOT_APPLICABLE
    assert [one.found.said for one in await book.history("review")] == ["other", "second", "first"]


async def test_each_environment_has_its_own(database: Database) -> None:
    await AnswerLedger(database, environment="staging").record([answer("review")])
    other = AnswerLedger(database, environment="production")
    assert await other.newest(ListName.DEPLOY) == [] and await other.history("review") == []
    await other.record([])


async def test_words_of_any_kind_come_back_as_they_were(database: Database) -> None:
    book = AnswerLedger(database, environment="staging")
    said = 'it\'s "so"; DROP TABLE x; -- 注文\n<b>'
    await book.record([answer("review", said)])
    assert (await book.history("review"))[0].found.said == said


async def test_a_database_that_answers_is_in_step_and_says_what_it_lacks(database: Database, tmp_path: Path) -> None:
    facts = facts_of(tmp_path, database=database, schema=(MIGRATIONS, KEYS))
    assert (await ask("database", facts)).result is Verdict.PASS
    assert (await ask("clocks", facts)).result is Verdict.PASS
    schema = await ask("schema", facts)
    assert schema.result is Verdict.PASS and f"{OURS} migrations applied" in schema.said
    pending = await ask("migration", facts)
    assert pending.result is Verdict.COULD_NOT_ASK and "are to come, access 0001 first" in pending.said
    await migrate(database, (KEYS,))
    assert (await ask("migration", facts)).result is Void.NOT_APPLICABLE


async def test_a_schema_beyond_this_code_fails(database: Database, tmp_path: Path) -> None:
    statement = f"UPDATE schema_migrations SET oldest_reader = 99 WHERE part = '{MIGRATIONS.part}'"
    await database.write(parse("beyond", statement, database.dialect))
    found = await ask("schema", facts_of(tmp_path, database=database, schema=(MIGRATIONS,)))
    assert found.result is Verdict.FAIL and "ship needs code of schema 99" in found.said


async def test_a_database_nothing_was_applied_to_is_a_fresh_one(tmp_path: Path, database_url: str) -> None:
    opened = await open_database(database_url)
    try:
        found = await ask("schema", facts_of(tmp_path, database=opened, schema=(MIGRATIONS,)))
        assert (found.result, found.said) == (Verdict.PASS, f"0 migrations applied, {OURS} to come")
    finally:
        await opened.close()


async def test_without_a_database_it_fails_and_what_needs_it_could_not_be_asked(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, database_error="It is away.", settings=settings_of(tmp_path))
    assert (await ask("database", facts)).result is Verdict.FAIL
    for name in ("schema", "migration", "database-load", "audit-log", "security-log", "rollback", "strategy", "clocks"):
        assert (await ask(name, facts)).result is Verdict.COULD_NOT_ASK, name


async def test_the_audit_log_is_whole_or_says_where_not(database: Database, tmp_path: Path) -> None:
    await migrate(database, (KEYS,))
    settings = settings_of(tmp_path, FAIRLEAD_AUDIT_SECRET="a-secret-of-ours")
    facts = facts_of(tmp_path, database=database, settings=settings)
    quiet = await ask("security-log", facts)
    assert (quiet.result, quiet.said) == (Verdict.PASS, "nothing was entered since yesterday")
    audit = Audit(database, clock=CLOCK, secret=settings.access.audit_secret)
    await audit.record("key_made", tenant="default", by="mina", subject="k1")
    assert (await ask("audit-log", facts)).said == "1 entries, each covers the one before"
    looked = await ask("security-log", facts)
    assert looked.result is Verdict.UNCLEAR and "1 entries since yesterday: key_made" in looked.said
    strange = facts_of(
        tmp_path, database=database, settings=settings_of(tmp_path, FAIRLEAD_AUDIT_SECRET="another-secret")
    )
    for name in ("audit-log", "security-log"):
        forged = await ask(name, strange)
        assert forged.result is Verdict.FAIL and "It was changed" in forged.said


async def test_without_its_secret_a_chain_proves_little(database: Database, tmp_path: Path) -> None:
    await migrate(database, (KEYS,))
    facts = facts_of(tmp_path, database=database, settings=settings_of(tmp_path))
    assert (await ask("audit-log", facts)).result is Verdict.FAIL


async def _deployed(ledger: Ledger, new: str, old: str | None, outcome: Outcome) -> str:
    await ledger.keep(Release(new, "/srv"))
    deploy = await ledger.take((await ledger.open(Plan(new, old, Terms()), by="mina")).id)
    await ledger.begin(deploy, 1, Step(Kind.SMOKE, {"build": new}), back=False)
    verdict = Verdict.PASS if outcome is Outcome.SUCCEEDED else Verdict.FAIL
    await ledger.end(deploy, 1, verdict, "12 of 12" if verdict is Verdict.PASS else "3 of 12")
    await ledger.finish(deploy, outcome)
    return deploy.id


async def test_a_way_back_was_tried_where_a_deploy_went_back(
    database: Database, ledger: Ledger, tmp_path: Path
) -> None:
    facts = facts_of(tmp_path, database=database, ledger=ledger)
    await _deployed(ledger, "v1", None, Outcome.SUCCEEDED)
    assert "none here in 90 days" in (await ask("rollback", facts)).said
    await _deployed(ledger, "v2", "v1", Outcome.ROLLED_BACK)
    tried = await ask("rollback", facts)
    assert tried.result is Verdict.UNCLEAR and "; tried on " in tried.said
    (tmp_path / "RUNBOOK.md").write_text("To roll back: fairlead ship rollback\n")
    assert (await ask("rollback", facts)).result is Verdict.PASS


async def test_the_first_release_has_no_way_back_to_try(ledger: Ledger, tmp_path: Path) -> None:
    facts = facts_of(tmp_path, ledger=ledger)
    assert (await ask("rollback", facts)).result is Verdict.UNCLEAR
    (tmp_path / "RUNBOOK.md").write_text("To roll back: fairlead ship rollback\n")
    found = await ask("rollback", facts)
    assert (found.result, "nothing was served here yet" in found.said) == (Verdict.PASS, True)
    await _deployed(ledger, "v1", None, Outcome.SUCCEEDED)
    assert (await ask("rollback", facts)).result is Verdict.UNCLEAR


async def test_what_is_served_is_not_asked_before_the_first_deploy(ledger: Ledger, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    ours = facts_of(tmp_path, ledger=ledger, url=url, listen="127.0.0.1:8080")
    elsewhere = facts_of(tmp_path, ledger=ledger, url=url)
    assert (await ask("served-health", ours)).result is Void.NOT_APPLICABLE
    assert (await ask("served-health", elsewhere)).result is Verdict.COULD_NOT_ASK
    await _deployed(ledger, "v1", None, Outcome.SUCCEEDED)
    assert (await ask("served-health", ours)).result is Verdict.COULD_NOT_ASK


async def test_production_needs_a_key_before_it_is_deployed(database: Database, tmp_path: Path) -> None:
    def facts(**given: str) -> Facts:
        said = {"FAIRLEAD_RELEASE": "v1", "DATABASE_URL": "postgresql://db/shop", "ENVIRONMENT": "production", **given}
        settings = settings_of(tmp_path, **said)
        return facts_of(tmp_path, database=database, settings=settings, agents=("a",), schema=(KEYS, MIGRATIONS))

    none = await ask("settings", facts())
    assert (none.result, "there is no key yet" in none.said) == (Verdict.FAIL, True), none.said
    assert (await ask("settings", facts(API_KEY_WHITELIST="a-key-of-the-settings"))).result is Verdict.PASS
    assert (await ask("settings", facts(ENVIRONMENT="staging"))).result is Verdict.PASS
    await migrate(database, (KEYS,))
    assert (await ask("settings", facts())).result is Verdict.FAIL
    keys = KeyBook(database, audit=Audit(database, clock=CLOCK, secret=None), clock=CLOCK, emit=silent)
    await keys.create(NewKey("ops", role=Role.ADMIN), by="mina")
    assert (await ask("settings", facts())).result is Verdict.PASS


async def test_or_where_a_release_that_was_served_is_served_again(ledger: Ledger, tmp_path: Path) -> None:
    for new, old in (("v1", None), ("v2", "v1")):
        await _deployed(ledger, new, old, Outcome.SUCCEEDED)
    assert "none here" in (await ask("rollback", facts_of(tmp_path, ledger=ledger))).said
    await _deployed(ledger, "v1", "v2", Outcome.SUCCEEDED)
    assert "tried on" in (await ask("rollback", facts_of(tmp_path, ledger=ledger))).said


@pytest.mark.parametrize(
    ("outcome", "result"), [(Outcome.SUCCEEDED, Verdict.PASS), (Outcome.ROLLED_BACK, Verdict.FAIL)]
)
async def test_a_strategy_is_carried_out_as_its_deploy_was(
    ledger: Ledger, tmp_path: Path, outcome: Outcome, result: Verdict
) -> None:
    facts = facts_of(tmp_path, ledger=ledger)
    assert (await ask("strategy", facts)).result is Verdict.COULD_NOT_ASK
    deploy = await _deployed(ledger, "v2", None, outcome)
    found = await ask("strategy", facts)
    assert (found.result, found.reference) == (result, deploy)
    await ledger.open(Plan("v2", None, Terms()), by="mina")
    assert (await ask("strategy", facts)).result is Verdict.UNCLEAR


def test_the_migration_is_there_for_both(repository: Path) -> None:
    for dialect in ("sqlite", "postgres"):
        folder = Migrations("ship", repository / "fairlead/ship/migrations").folder / dialect
        assert (folder / "0010_checklist_answers.sql").is_file()


async def test_a_backup_counts_for_a_day_and_the_projects_own_command_before_ours(tmp_path: Path) -> None:
    async def asked(**given: Any) -> object:
        return (await ask("backup-verified", facts_of(tmp_path, **given))).result

    fresh, old = (("backup_1", CLOCK.now() - timedelta(hours=hours)) for hours in (23, 25))
    assert await asked(backup=fresh) is Verdict.PASS
    assert await asked(backup=old) is Verdict.FAIL
    assert await asked() is Verdict.COULD_NOT_ASK
    assert await asked(backup=old, backup_follows=True) is Void.NOT_APPLICABLE
    assert await asked(backup=fresh, declared={"commands": {"backup-verify": "false"}}) is Verdict.FAIL
