"""`fairlead checklist` and `fairlead preflight` as a user types them."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fairlead.cli.exits import Exit
from fairlead.errors import ConfigurationError
from fairlead.ship.checklist.declared import parse_checklist
from tests.cli.processes import Done, fairlead

pytestmark = pytest.mark.journey
TOML = '[project]\nname = "shop"\n[checklist]\n{more}\n'
AWS = "AKIA" + "IOSFODNN7EXAMPLE"


class Shop:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.say()

    def say(self, more: str = "") -> None:
        (self.folder / "fairlead.toml").write_text(TOML.format(more=more))

    def __call__(self, *words: str, **settings: str) -> Done:
        return fairlead(self.folder, *words, **{"ENVIRONMENT": "development", **settings})


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def items(done: Done) -> dict[str, dict[str, object]]:
    return {one["item"]: one for one in done.json["items"]}


def test_a_fresh_project_may_be_deployed_where_it_is_developed(shop: Shop) -> None:
    done = shop("preflight", "--release", "v1")
    assert done.code == Exit.OK, done.out + done.err
    assert "✓ secrets" in done.out and "Ready to deploy" in done.out
    assert "blocked" not in done.out
    told = shop("preflight", "--json")
    assert (told.code, told.json["verdict"]) == (Exit.OK, "pass")
    assert "review" not in {one["item"] for one in told.json["items"]}


def test_a_planted_key_stops_it_and_is_not_shown(shop: Shop) -> None:
    (shop.folder / "agent.py").write_text(f"KEY = '{AWS}'\n")
    done = shop("preflight")
    assert done.code == Exit.FAILED and "agent.py:1 holds an AWS key" in done.out and AWS not in done.out
    assert shop("preflight", "--source", str(shop.folder / "nowhere")).code == Exit.USAGE


def test_without_a_terminal_questions_are_listed_and_stay_open_until_they_are_answered(shop: Shop) -> None:
    staging = {"ENVIRONMENT": "staging"}
    first = shop("checklist", "run", "incident", "--incident", "timeouts", **staging)
    assert first.code == Exit.UNCLEAR, first.out + first.err
    assert "Is it known who and what is affected?" in first.out
    assert "fairlead checklist answer incident-scope yes --incident timeouts" in first.out
    for item in ("scope", "alerted", "users-told", "mitigation", "cause", "fix", "recovery", "report", "prevention"):
        said = shop(
            "checklist", "answer", f"incident-{item}", "yes", "--incident", "timeouts", "--by", "Mina", **staging
        )
        assert said.code == Exit.OK, said.err
    last = shop("checklist", "run", "incident", "--incident", "timeouts", "--json", **staging)
    assert (last.code, last.json["verdict"]) == (Exit.OK, "pass"), last.out
    assert items(last)["incident-cause"]["by"] == "Mina"
    assert shop("checklist", "run", "incident", "--incident", "another", **staging).code == Exit.UNCLEAR
    assert shop("checklist", "show", "incident", "--incident", "timeouts").code == Exit.UNCLEAR  # another environment


def test_a_no_fails_and_the_newest_answer_counts(shop: Shop) -> None:
    staging = {"ENVIRONMENT": "staging"}
    shop("checklist", "answer", "after-users", "no", "--evidence", "12 complaints: https://desk.example/q", **staging)
    shown = shop("checklist", "show", "after", "--json", **staging)
    one = items(shown)["after-users"]
    assert (shown.code, one["result"], one["reference"]) == (Exit.FAILED, "fail", "https://desk.example/q")
    assert one["evidence"] == "12 complaints: https://desk.example/q" and one["at"] and one["by"]
    shop("checklist", "answer", "after-users", "yes", **staging)
    assert items(shop("checklist", "show", "after", "--json", **staging))["after-users"]["result"] == "pass"
    other = items(shop("checklist", "show", "after", "--release", "v9", "--json", **staging))["after-users"]
    assert other["open"] and "answered for dev, and this is v9" in str(other["why"])


def test_reports_are_written_with_who_and_when(shop: Shop) -> None:
    for name in ("report.html", "report.md"):
        done = shop("checklist", "run", "deploy", "--report", name)
        text = (shop.folder / name).read_text()
        assert done.code == Exit.OK and "Before a deploy" in text and "complete for development" in text
    for name in ("report.pdf", "nowhere/report.html"):
        refused = shop("checklist", "run", "deploy", "--report", name)
        assert refused.code == Exit.USAGE and "✓" not in refused.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "weekly"), Exit.NOT_FOUND, "no checklist 'weekly'"),
        (("show", "weekly"), Exit.NOT_FOUND, "One of release, deploy, during"),
        (("answer", "luck", "yes"), Exit.NOT_FOUND, "No checklist has an item 'luck'"),
        (("answer", "settings", "yes"), Exit.USAGE, "looked at by a machine"),
        (("answer", "review", "maybe"), Exit.USAGE, "maybe"),
        (("answer", "review", "yes", "--evidence", "x" * 2001), Exit.USAGE, "at most 2000 characters"),
        (("answer", "incident-cause", "yes"), Exit.USAGE, "Which incident?"),
        (("run", "incident"), Exit.USAGE, "Which incident?"),
        (("run", "daily", "--incident", "x"), Exit.USAGE, "of no incident"),
    ],
)
def test_what_is_typed_wrongly_is_refused_and_nothing_is_kept(
    shop: Shop, words: tuple[str, ...], code: Exit, said: str
) -> None:
    done = shop("checklist", *words)
    assert done.code == code and said in done.err, done.err
    assert not list(shop.folder.rglob("*.db"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('comands = {}', "`checklist.comands`"), ('[checklist.commands]\ntest = "x"', "no check runs 'test'"),
        ('[checklist.commands]\ntests = ""', "at least one word"), ('prometheus = "localhost:9090"', "write http://HOST:PORT"),
        ('[checklist.not_applicable]\nluck = "x"', "no checklist has an item 'luck'"),
        ('[checklist.not_applicable]\ntls = " "', "say why 'tls'"), ('services = ["db"]', "write https://HOST or tcp"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_project_s_file_is_named(more: str, said: str) -> None:
    table = tomllib.loads(TOML.format(more=more))["checklist"]
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        parse_checklist(table, file=Path("fairlead.toml"))


def test_a_mistake_in_the_project_s_file_stops_the_command(shop: Shop) -> None:
    shop.say("comands = {}")
    done = shop("checklist", "run", "deploy")
    assert done.code == Exit.CONFIGURATION and "`checklist.comands`" in done.err


def test_without_a_database_it_still_looks_but_answers_can_t_be_kept(shop: Shop) -> None:
    away = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none"}
    looked = shop("checklist", "run", "deploy", "--json", **away)
    found = items(looked)
    assert (looked.code, found["database"]["result"], found["secrets"]["result"]) == (Exit.FAILED, "fail", "pass")
    assert shop("preflight", **away).code == Exit.FAILED
    said = shop("checklist", "answer", "review", "yes", **away)
    assert said.code == Exit.UNREACHABLE and "Answers are kept in the database" in said.err


def test_settings_that_are_not_whole_are_what_it_tells_and_production_is_assumed(shop: Shop) -> None:
    done = shop("checklist", "run", "deploy", "--json", ENVIRONMENT="production")
    found = items(done)
    assert (done.code, done.json["environment"]) == (Exit.FAILED, "production")
    assert "DATABASE_URL must be a postgresql:// URL" in str(found["settings"]["evidence"])
    assert found["alert-rules"]["result"] == "could_not_ask"


def test_a_command_that_hangs_is_stopped_and_nothing_passes_for_it(shop: Shop) -> None:
    shop.say('command_timeout = "1s"\n[checklist.commands]\ntests = "sleep 300"\nsecurity = "true"')
    done = shop("checklist", "run", "release", "--json")
    found = items(done)
    assert found["release-tests"]["result"] == "could_not_ask" and "did not end within 1s" in str(
        found["release-tests"]["evidence"]
    )
    assert found["release-security-scan"]["result"] == "pass"


def test_a_backup_of_ours_is_seen_by_the_list(shop: Shop) -> None:
    staging = {"ENVIRONMENT": "staging", "DATABASE_URL": f"sqlite:///{shop.folder}/shop.db"}
    assert items(shop("checklist", "run", "deploy", "--json", **staging))["backup"]["result"] != "pass"
    made = shop("backup", "create", "--json", **staging)
    assert made.code == Exit.OK, made.err
    assert items(shop("checklist", "run", "deploy", "--json", **staging))["backup"]["result"] == "pass"


def test_a_warning_where_a_person_s_yes_does_not_count(shop: Shop) -> None:
    shop.say("[checklist.commands]\nbackup-verify = \"sh -c 'echo damaged; exit 1'\"")
    staging = {"ENVIRONMENT": "staging"}
    shop("checklist", "run", "during", **staging)
    said = shop("checklist", "answer", "during-backup", "yes", **staging)
    assert said.code == Exit.OK and "It does not count" in said.err and "damaged" in said.err


def test_in_a_terminal_it_asks_and_keeps_each_answer(shop: Shop) -> None:
    main, end = pty.openpty()
    process = subprocess.Popen(
        (sys.executable, "-m", "fairlead", "checklist", "run", "incident", "--incident", "i1"), cwd=shop.folder,
        stdin=end, stdout=end, stderr=end, env={**os.environ, "ENVIRONMENT": "staging", "TERM": "dumb"},
    )  # fmt: skip
    os.close(end)
    shown = ""
    for question, typed in (
        ("affected?", "yes"),
        ("How do you know", "all of EU"),
        ("in charge?", "no"),
        ("How do you know", ""),
    ):
        shown = _read_until(main, question)
        assert question in shown
        os.write(main, typed.encode() + b"\n")
    _read_until(main, "decided that they need not be?")
    process.kill()
    process.wait()
    os.close(main)
    found = items(shop("checklist", "show", "incident", "--incident", "i1", "--json", ENVIRONMENT="staging"))
    assert (found["incident-scope"]["result"], found["incident-scope"]["evidence"]) == ("pass", "all of EU")
    assert found["incident-alerted"]["result"] == "fail" and found["incident-cause"]["open"]


def _read_until(terminal: int, word: str) -> str:
    shown = ""
    while word not in " ".join(shown.split()):
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, f"no {word!r} in {shown!r}"
        shown += os.read(terminal, 65536).decode("utf-8", "replace")
    return " ".join(shown.split())


@pytest.mark.postgres
def test_answers_are_shared_through_postgresql(tmp_path: Path, postgres_url: str) -> None:
    given = {"ENVIRONMENT": "staging", "DATABASE_URL": postgres_url}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = Shop(tmp_path / "one"), Shop(tmp_path / "two")
    assert one("checklist", "answer", "review", "yes", "--release", "v2", **given).code == Exit.OK
    found = items(two("checklist", "show", "deploy", "--release", "v2", "--json", **given))
    assert found["review"]["result"] == "pass" and found["people-informed"]["open"]
    assert postgres_url not in two("preflight", "--json", **given).out
