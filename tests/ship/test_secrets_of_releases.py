"""Where a release's secrets are found, and what is kept of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fairlead.config.secrets import finder_of
from fairlead.errors import InvalidInput
from fairlead.ship.host.instances import Instances, Wanted
from fairlead.ship.host.supervisor import Supervisor
from fairlead.ship.ledger import Ledger
from fairlead.ship.release import Release, release_of
from fairlead.wiring.shipping import versions_of
from tests.cli.processes import fairlead
from tests.gateway.loopback import MovedClock
from tests.secret_manager import Manager, secret_manager
from tests.servers import wait_until

TELL = "import os, sys; open(sys.argv[1], 'a').write(os.environ['TOKEN'] + '\\n'); sys.stdin.read()"


@pytest.fixture(scope="module")
def manager() -> Iterator[Manager]:
    with secret_manager() as made:
        yield made


def end(supervisor: Supervisor, instances: Instances) -> None:
    """Until nobody is left, and nobody unburied."""
    for one in instances.all():
        instances.want(one.build, one.number, replace(one.wanted, running=False))

    def gone() -> bool:
        supervisor.once()
        return not instances.all()

    wait_until(gone)
    supervisor.once()


@pytest.mark.parametrize("wrong", ["hunter2", "aws:", "env:a b", "vault:x"])
def test_a_release_says_where_its_secrets_are_found_and_nothing_else(wrong: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Release("v1", "/src", secrets={"TOKEN": wrong})
    assert "hunter2" not in str(caught.value)
    Release("v1", "/src", secrets={"A": "aws:prod#a", "B": "aws:prod?stage=AWSPREVIOUS", "C": "file:/x", "D": "env:D"})


def test_a_secret_that_was_rotated_makes_no_other_release_but_another_place_does() -> None:
    first = Release("v1", "/src", {"A": "1"}, {"TOKEN": "aws:prod#a"}, {"TOKEN": "version-1"})
    second = Release("v1", "/src", {"A": "1"}, {"TOKEN": "aws:prod#a"}, {"TOKEN": "version-2"})
    elsewhere = Release("v1", "/src", {"A": "1"}, {"TOKEN": "aws:prod#b"})
    assert first.digest == second.digest != elsewhere.digest
    assert first.settings_digest == second.settings_digest != elsewhere.settings_digest
    assert release_of(first.as_json) == first
    before = {name: value for name, value in first.as_json.items() if name not in ("versions", "settings_digest")}
    assert release_of(before).digest == first.digest  # as older ones were kept


async def test_what_is_kept_of_a_release_has_digests_references_and_versions_and_no_value(
    ledger: Ledger, manager: Manager
) -> None:
    version = manager.put("kept", {"token": "canary-value"})
    finder = finder_of({**manager.environ, "TOKEN": "canary-value"}, root=Path())
    secrets = {"A": "aws:kept#token", "B": "env:TOKEN"}
    versions, wrong = versions_of(secrets, finder)
    assert (versions, wrong) == ({"A": version}, [])
    await ledger.keep(Release("v1", "/src", {"LOG_LEVEL": "INFO"}, secrets, versions))
    found = await ledger.release("v1")
    assert (found.secrets, found.versions) == (secrets, {"A": version})
    assert "canary" not in str(found.as_json)
    assert found.as_json["settings_digest"] == found.settings_digest
    _, wrong = versions_of({"A": "aws:none", "B": "aws:kept#none"}, finder)
    assert [str(one).partition(":")[0] for one in wrong] == ["A (aws", "B (aws"]


def test_a_process_gets_what_is_kept_now_and_the_last_while_the_manager_is_away(tmp_path: Path) -> None:
    said, clock = tmp_path / "said", MovedClock()
    with secret_manager() as manager:
        manager.put("prod", {"token": "old-canary"})
        supervisor = Supervisor(tmp_path, {**manager.environ, "PATH": os.environ["PATH"]}, clock=clock)
        instances = Instances(tmp_path)
        argv = (sys.executable, "-c", TELL, str(said))
        # Its standard input is empty: it ends at once, and is started again.
        instances.want("v1", 1, Wanted(argv, str(tmp_path), secrets={"TOKEN": "aws:prod#token"}))

        def started(value: str) -> None:
            before = said.read_text().count(value) if said.exists() else 0

            def again() -> bool:
                clock.seconds += 60
                supervisor.once()
                return said.exists() and said.read_text().count(value) > before

            wait_until(again, seconds=30)

        started("old-canary")
        manager.put("prod", {"token": "new-canary"})
        started("new-canary")
        manager.stop()
        started("new-canary")
        manager.start()
        instances.want("v2", 1, Wanted(argv, str(tmp_path), secrets={"TOKEN": "aws:prod#none"}))
        supervisor.once()
        (given_up,) = instances.all("v2")
        assert "the secret TOKEN is not at aws:prod#none" in given_up.status.gave_up
        written = [path for path in tmp_path.rglob("*") if path.is_file() and path != said]
        assert written and not [path for path in written if b"canary" in path.read_bytes()]
        end(supervisor, instances)


def test_a_process_whose_manager_was_never_reached_is_not_given_up(tmp_path: Path) -> None:
    clock = MovedClock()
    with secret_manager() as manager:
        manager.put("prod", "value")
        manager.stop()
        supervisor = Supervisor(tmp_path, manager.environ, clock=clock)
        instances = Instances(tmp_path)
        argv = (sys.executable, "-c", TELL, str(tmp_path / "said"))
        instances.want("v1", 1, Wanted(argv, str(tmp_path), secrets={"TOKEN": "aws:prod"}))
        for _ in range(7):
            clock.seconds += 6
            supervisor.once()
        assert instances.all("v1")[0].status.gave_up == ""
        assert "can't be asked" in (tmp_path / "logs" / "v1-1.log").read_text()
        manager.start()
        clock.seconds += 6
        supervisor.once()
        wait_until(lambda: (tmp_path / "said").exists() and (tmp_path / "said").read_text() == "value\n", seconds=30)
        end(supervisor, instances)


def test_a_deploy_is_refused_with_all_that_it_lacks(tmp_path: Path, manager: Manager) -> None:
    (tmp_path / "fairlead.toml").write_text(
        '[project]\nname = "shop"\n[ship.secrets]\nA = "aws:none"\nB = "aws:none-either#key"\nC = "env:MAYBE_LATER"\n'
    )
    lacking = fairlead(tmp_path, "ship", "deploy", "v1", "--dry-run", **manager.environ)
    assert lacking.code == 6
    assert all(name in lacking.err for name in ("A (aws:none)", "B (aws:none-either#key)")) and "C (" not in lacking.err
    production = fairlead(tmp_path, "ship", "deploy", "v1", "--dry-run", ENVIRONMENT="production", **manager.environ)
    assert production.code == 6 and "DATABASE_URL" in production.err
    assert "RELEASE" not in production.err
