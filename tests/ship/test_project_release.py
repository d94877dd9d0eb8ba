"""Which version comes next and what the files say then; and that a release is made whole or not at all."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from fairlead.cli.exits import Exit
from fairlead.errors import Conflict, FairleadError, InvalidInput, NotFound
from fairlead.ship.making_release import Made, make_release, plan_release
from fairlead.ship.project_release import (
    Part,
    Place,
    Version,
    is_breaking,
    is_empty,
    parse_changelog,
    parse_version,
    part_of,
    place_of,
    released,
    version_in,
    with_version,
)
from tests.cli.processes import fairlead
from tests.ship.repository import CHANGELOG, PYPROJECT, commit, git, make_repository

DAY = date(2026, 11, 27)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.2.3", Version(1, 2, 3)), ("v1.2.3", Version(1, 2, 3)), ("0.1", Version(0, 1, 0)), (" 10.20.30 ",
        Version(10, 20, 30)),
        ("1.0.0-rc.1", Version(1, 0, 0, "rc.1")), ("1.0.0+build.5", Version(1, 0, 0)),
    ],
)  # fmt: skip
def test_versions_are_read(text: str, version: Version) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.2.3.4", "01.2.3", "1.2.3.dev0", "1.2.3rc1", "1.2.3.post1", "1!1.2.3", "1.2.x", "1.2.3-", "1.2.3-01"],
)
def test_what_can_t_be_raised_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_version(text)


def test_versions_are_raised() -> None:
    def raised(text: str) -> list[str]:
        return [str(parse_version(text).bumped(part)) for part in (Part.MAJOR, Part.MINOR, Part.PATCH)]

    assert raised("1.2.3") == ["2.0.0", "1.3.0", "1.2.4"]
    assert raised("0.9.9") == ["1.0.0", "0.10.0", "0.9.10"]
    assert raised("2.0.0-rc.1") == ["2.0.0", "2.0.0", "2.0.0"]
    assert raised("2.1.0-rc.1") == ["3.0.0", "2.1.0", "2.1.0"]
    assert raised("2.1.1-rc.1") == ["3.0.0", "2.2.0", "2.1.1"]


def test_versions_stand_in_the_order_of_semantic_versioning() -> None:
    order = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0",
        "1.0.9",
        "1.0.10",
    ]
    assert sorted(map(parse_version, reversed(order))) == [parse_version(one) for one in order]


@pytest.mark.parametrize(
    ("notes", "part"),
    [
        ("### Removed\n- The old door.", Part.MAJOR),
        ("### Added\n- A door.\n### Removed\n- The window.", Part.MAJOR),
        ("### Changed\n- **Breaking:** doors open outwards.", Part.MAJOR),
        ("### Fixed\n- x\n\nBREAKING CHANGE: y", Part.MAJOR),
        ("### Breaking changes\n- z", Part.MAJOR),
        ("### Added\n- A door.\n### Removed\n", Part.MINOR),
        ("### Fixed\n- Nothing is breaking any more.", Part.PATCH),
        ("### Added\n\n### Fixed\n- It closes.", Part.PATCH),
        ("- Doors, without a heading.", Part.PATCH),
    ],
)  # fmt: skip
def test_the_changelog_says_which_part_is_raised(notes: str, part: Part) -> None:
    assert part_of(notes) is part
    assert is_breaking(notes) is (part is Part.MAJOR)


@pytest.mark.parametrize("notes", ["", "\n\n", "### Added\n\n### Fixed\n"])
def test_where_nothing_is_new_nothing_is_released(notes: str) -> None:
    assert is_empty(notes)
    with pytest.raises(InvalidInput, match="nothing to release"):
        part_of(notes)


def test_what_was_unreleased_gets_its_heading_and_its_links() -> None:
    text = released(parse_changelog(CHANGELOG), Version(1, 2, 3), Version(1, 3, 0), DAY)
    assert "## [Unreleased]\n\n## [1.3.0] - 2026-11-27\n\n### Added\n\n- Orders can be cancelled." in text
    assert "[Unreleased]: https://git.example.com/shop/compare/v1.3.0...HEAD\n" in text
    assert "[1.3.0]: https://git.example.com/shop/compare/v1.2.3...v1.3.0\n" in text
    after = parse_changelog(text)
    assert after.body(after.unreleased) == ""
    assert after.notes(Version(1, 3, 0)) == parse_changelog(CHANGELOG).body(parse_changelog(CHANGELOG).unreleased)
    assert after.notes(Version(1, 2, 3)) == "### Added\n\n- Orders."
    kept = [line for line in text.splitlines() if "1.3.0" not in line]
    assert [one for one in CHANGELOG.splitlines() if "Unreleased]:" not in one] == kept[:5] + kept[6:]


def test_other_ways_to_write_a_changelog_are_kept_as_they_are() -> None:
    text = "# News\r\n\r\n## Unreleased\r\n\r\n- One.\r\n\r\n## v1.0.0 (2026-01-01)\r\n\r\n- Zero.\r\n"
    after = released(parse_changelog(text), Version(1, 0, 0), Version(1, 0, 1), DAY)
    assert after == text.replace("## Unreleased\r\n", "## Unreleased\r\n\r\n## 1.0.1 - 2026-11-27\r\n")
    assert parse_changelog(text).notes(Version(1, 0, 0)) == "- Zero."


def test_a_heading_in_a_block_of_code_is_none() -> None:
    code = "```md\n## [9.9.9] - 2020-01-01\n```\n"
    text = f"## [Unreleased]\n\n- So:\n\n{code}\n- More.\n\n## [1.0.0] - 2026-01-01\n- Zero.\n"
    found = parse_changelog(text)
    assert found.newest == Version(1, 0, 0) and "- More." in found.body(found.unreleased)


def test_a_changelog_that_says_too_little_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no section Unreleased"):
        released(parse_changelog("# Changelog\n"), Version(1, 0, 0), Version(1, 0, 1), DAY)
    with pytest.raises(InvalidInput, match=r"a section 1\.2\.3 already"):
        released(parse_changelog(CHANGELOG), Version(1, 2, 2), Version(1, 2, 3), DAY)
    with pytest.raises(NotFound, match=r"says nothing of 7\.0\.0"):
        parse_changelog(CHANGELOG).notes(Version(7, 0, 0))


def test_nothing_of_pyproject_changes_but_the_version() -> None:
    place = place_of(PYPROJECT)
    changed = with_version(PYPROJECT, place, Version(1, 3, 0))
    assert changed == PYPROJECT.replace('version   =   "1.2.3"', 'version   =   "1.3.0"')
    assert tomllib.loads(changed)["tool"]["other"]["version"] == "1.2.3"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("project.version='1.2.3'\nproject.name='x'", "project.version='1.3.0'\nproject.name='x'"),
        ('project = {name = "1.2.3", version = "1.2.3"}', 'project = {name = "1.2.3", version = "1.3.0"}'),
        (
            '[tool.a]\nversion = "1.2.3"\n[project]\nversion = "1.2.3"\r\n',
            '[tool.a]\nversion = "1.2.3"\n[project]\nversion = "1.3.0"\r\n',
        ),
        ('[tool.poetry]\nversion = "1.2.3"\n', '[tool.poetry]\nversion = "1.3.0"\n'),
    ],
)  # fmt: skip
def test_the_version_is_found_however_it_is_written(text: str, after: str) -> None:
    assert with_version(text, place_of(text), Version(1, 3, 0)) == after


def test_a_version_that_stands_in_the_code_is_raised_there() -> None:
    place = place_of('[project]\ndynamic = ["version"]\n[tool.hatch.version]\npath = "shop/__init__.py"\n')
    assert place == Place(path="shop/__init__.py")
    code = '"""Shop 1.2.3."""\n__version__ = "1.2.3"  # ours\n'
    assert version_in(code, place) == "1.2.3"
    assert with_version(code, place, Version(2, 0, 0)) == code.replace('"1.2.3"', '"2.0.0"')
    with pytest.raises(InvalidInput, match="does not say one __version__"):
        version_in("", place)
    with pytest.raises(InvalidInput, match="says no version"):
        place_of("[project]\nname = 'x'\n")


# With a real repository


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_repository(tmp_path)


def state(folder: Path) -> tuple[str, str, str, dict[str, bytes]]:
    files = {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}
    return git(folder, "rev-parse", "HEAD"), git(folder, "tag"), git(folder, "status", "--porcelain"), files


def test_a_release_is_a_commit_with_an_annotated_tag_that_holds_its_notes(shop: Path) -> None:
    (shop / "CHANGELOG.md").chmod(0o664)
    made = plan_release(shop, None, day=DAY)
    assert (str(made.old), str(made.new), made.part) == ("1.2.3", "1.3.0", Part.MINOR)
    make_release(shop, made)
    assert 'version   =   "1.3.0"' in (shop / "pyproject.toml").read_text()
    assert "## [1.3.0] - 2026-11-27" in (shop / "CHANGELOG.md").read_text()
    assert git(shop, "cat-file", "-t", "v1.3.0") == "tag"
    assert git(shop, "rev-parse", "v1.3.0^{commit}") == git(shop, "rev-parse", "HEAD")
    assert git(shop, "log", "-1", "--format=%s") == "Release 1.3.0"
    assert git(shop, "status", "--porcelain") == ""
    assert "### Added\n\n- Orders can be cancelled." in git(shop, "tag", "--list", "--format=%(contents)", "v1.3.0")
    assert (shop / "CHANGELOG.md").stat().st_mode & 0o777 == 0o664


def test_to_plan_changes_nothing(shop: Path) -> None:
    before = state(shop)
    plan_release(shop, Part.MAJOR, day=DAY)
    assert state(shop) == before


def dirty(shop: Path) -> None:
    (shop / "pyproject.toml").write_text(PYPROJECT + "\n")


def untracked(shop: Path) -> None:
    (shop / "new.py").write_text("")


def tagged(shop: Path) -> None:
    git(shop, "tag", "v1.3.0")


def nothing_new(shop: Path) -> None:
    (shop / "CHANGELOG.md").write_text("## [Unreleased]\n\n### Added\n\n## [1.2.3] - 2026-10-01\n- x\n")
    commit(shop, "Nothing")


def no_changelog(shop: Path) -> None:
    (shop / "CHANGELOG.md").unlink()
    commit(shop, "None")


def not_final(shop: Path) -> None:
    (shop / "pyproject.toml").write_text('[project]\nversion = "1.3.0.dev1"\n')
    commit(shop, "Dev")


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (dirty, Conflict, "not committed: pyproject.toml"), (untracked, Conflict, "not committed: new.py"),
        (tagged, Conflict, "a tag v1.3.0 already"), (nothing_new, InvalidInput, "nothing to release"),
        (no_changelog, NotFound, "no CHANGELOG.md"), (not_final, InvalidInput, "no version that can be raised"),
    ],
)  # fmt: skip
def test_what_is_in_the_way_is_said_and_nothing_changes(
    shop: Path, spoil: object, error: type[FairleadError], said: str
) -> None:
    spoil(shop)  # type: ignore[operator]
    before = state(shop)
    done = fairlead(shop, "release", "bump")
    with pytest.raises(error, match=said):
        plan_release(shop, None, day=DAY)
    assert done.code in (Exit.CONFLICT, Exit.USAGE, Exit.NOT_FOUND) and said in done.err
    assert state(shop) == before


def test_outside_of_a_repository_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    with pytest.raises(Conflict, match="no git repository"):
        plan_release(tmp_path, None, day=DAY)


def hook_refuses(shop: Path, made: Made) -> None:
    hook = shop / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho not today\nexit 1\n")
    hook.chmod(0o755)


def somebody_tags(shop: Path, made: Made) -> None:
    """Between the plan and the release."""
    git(shop, "tag", made.new.tag)


@pytest.mark.parametrize(("spoil", "tags"), [(hook_refuses, ""), (somebody_tags, "v1.3.0")])
def test_what_fails_on_the_way_leaves_all_as_it_was(shop: Path, spoil: object, tags: str) -> None:
    made = plan_release(shop, None, day=DAY)
    spoil(shop, made)  # type: ignore[operator]
    before = state(shop)
    assert before[1] == tags
    with pytest.raises(Conflict, match=r"git (commit|tag) failed"):
        make_release(shop, made)
    assert state(shop) == before


def test_the_command_says_what_it_would_do_does_it_and_tells_the_notes(shop: Path) -> None:
    before = state(shop)
    dry = fairlead(shop, "release", "bump", "--dry-run", "--json").json
    assert (dry["from"], dry["version"], dry["part"], dry["tag"], dry["dry_run"]) == (
        "1.2.3", "1.3.0", "minor", "v1.3.0", True
    )  # fmt: skip
    assert state(shop) == before
    done = fairlead(shop, "release", "bump", "major")
    assert (done.code, done.out.splitlines()[0]) == (Exit.OK, "1.2.3 → 2.0.0 (major)"), done.err
    assert "git push --follow-tags" in done.out and git(shop, "tag") == "v2.0.0"
    assert fairlead(shop, "release", "notes").out.strip().startswith("### Added\n\n- Orders can be cancelled.")
    assert fairlead(shop, "release", "notes", "1.2.3").out.strip() == "### Added\n\n- Orders."
    assert fairlead(shop, "release", "notes", "9.0.0").code == Exit.NOT_FOUND
    again = fairlead(shop, "release", "bump")
    assert again.code == Exit.USAGE and "nothing to release" in again.err
    assert fairlead(shop, "release", "bump", "huge").code == Exit.USAGE
