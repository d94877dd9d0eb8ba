"""The release list beside a real repository."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import pytest

from fairlead.ship.checklist.answer import Void
from fairlead.ship.making_release import make_release, plan_release
from fairlead.ship.verdict import Verdict
from tests.ship.checklist.asking import ask, facts_of
from tests.ship.repository import commit, git, make_repository

NAMES = ("changelog", "migration-guide", "version", "tag", "package")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_repository(tmp_path)


async def results(shop: Path) -> dict[str, object]:
    return {name: (await ask(name, facts_of(shop))).result for name in NAMES}


def release(shop: Path) -> None:
    make_release(shop, plan_release(shop, None, day=date(2026, 11, 27)))


async def test_before_the_tag_it_is_missing_and_after_it_it_is_there(shop: Path) -> None:
    before = await results(shop)
    assert before == {
        "changelog": Verdict.UNCLEAR, "migration-guide": Void.NOT_APPLICABLE, "version": Verdict.PASS,
        "tag": Verdict.FAIL, "package": Void.NOT_APPLICABLE,
    }  # fmt: skip
    release(shop)
    after = await results(shop)
    assert after == {**before, "tag": Verdict.PASS}
    assert (await ask("version", facts_of(shop))).said == "1.3.0, after none"


async def test_code_beyond_the_tag_is_another_release(shop: Path) -> None:
    release(shop)
    (shop / "more.py").write_text("")
    assert "is not as it is in v1.3.0" in (await ask("tag", facts_of(shop))).said
    commit(shop, "More")
    assert "at another commit" in (await ask("tag", facts_of(shop))).said
    assert (await ask("version", facts_of(shop))).result is Verdict.FAIL


async def test_a_tag_that_says_nothing_of_who_made_it_is_none(shop: Path) -> None:
    git(shop, "tag", "v1.2.3")
    assert "no annotated tag" in (await ask("tag", facts_of(shop))).said


async def test_a_version_below_a_tag_was_not_raised(shop: Path) -> None:
    git(shop, "tag", "v1.10.0")
    found = await ask("version", facts_of(shop))
    assert (found.result, found.said) == (Verdict.FAIL, "The version is 1.2.3, and there is a tag v1.10.0.")


async def test_what_breaks_wants_a_guide(shop: Path) -> None:
    log = shop / "CHANGELOG.md"
    log.write_text(log.read_text().replace("### Added\n\n- Orders can be", "### Removed\n\n- Orders can't be"))
    assert (await ask("migration-guide", facts_of(shop))).result is Verdict.FAIL
    (shop / "docs").mkdir()
    (shop / "docs/upgrade-to-2.md").write_text("Do this.")
    found = await ask("migration-guide", facts_of(shop))
    assert (found.result, found.reference) == (Verdict.UNCLEAR, "docs/upgrade-to-2.md")


async def test_the_docs_are_what_their_command_says(shop: Path) -> None:
    declared = {"commands": {"docs": "test -e docs.ok"}}
    assert (await ask("changelog", facts_of(shop, declared=declared))).result is Verdict.FAIL
    (shop / "docs.ok").write_text("")
    assert (await ask("changelog", facts_of(shop, declared=declared))).result is Verdict.PASS


async def test_the_package_is_of_this_version_and_whole(shop: Path) -> None:
    pyproject = shop / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + '[build-system]\nrequires = ["hatchling"]\n')
    assert "no wheel of 1.2.3" in (await ask("package", facts_of(shop))).said
    (shop / "dist").mkdir()
    wheel = shop / "dist/shop-1.2.3-py3-none-any.whl"
    for version, result in (("1.2.2", Verdict.FAIL), ("1.2.3", Verdict.PASS)):
        with zipfile.ZipFile(wheel, "w") as file:
            file.writestr("shop-1.2.3.dist-info/METADATA", f"Metadata-Version: 2.1\nName: shop\nVersion: {version}\n")
        assert (await ask("package", facts_of(shop))).result is result
    wheel.write_bytes(wheel.read_bytes()[:60])
    assert "can't be read" in (await ask("package", facts_of(shop))).said


async def test_a_folder_that_is_no_project_could_not_be_asked(tmp_path: Path) -> None:
    for name in NAMES:
        assert (await ask(name, facts_of(tmp_path))).result is Verdict.COULD_NOT_ASK
