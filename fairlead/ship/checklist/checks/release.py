"""The release of the project: changelog, version, tag, package."""

from __future__ import annotations

import asyncio
import re
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from fairlead.errors import Conflict, InvalidInput, NotFound
from fairlead.ship.checklist.answer import Found, Void
from fairlead.ship.checklist.checks.code import said_by
from fairlead.ship.checklist.facts import CouldNotAsk, Facts
from fairlead.ship.making_release import Git, changelog_of, current, read_text
from fairlead.ship.project_release import Changelog, Version, is_breaking, is_empty
from fairlead.ship.verdict import Verdict

_GUIDE = re.compile(r"\b(migrat\w*|upgrad\w*)\b", re.IGNORECASE)


def _of_project(look: Callable[[Path], Found]) -> Callable[[Facts], Awaitable[Found]]:
    """Whoever has no pyproject.toml, changelog or repository can't be asked of them."""

    async def check(facts: Facts) -> Found:
        try:
            return await asyncio.to_thread(look, facts.root)
        except (InvalidInput, NotFound, Conflict) as error:
            raise CouldNotAsk(str(error)) from None

    return check


async def changelog(facts: Facts) -> Found:
    found = await _changelog(facts)
    if found.result is not Verdict.PASS:
        return found
    if facts.commands.words("docs"):
        docs = await said_by(facts, "docs")
        return Found(docs.result, f"{found.said} {docs.said}", found.reference)
    return Found(
        Verdict.UNCLEAR, f"{found.said} Whether the docs do, no command says (docs under [checklist.commands]).",
        found.reference
    )  # fmt: skip


def _look_at_changelog(root: Path) -> Found:
    title, notes = _newest(root)
    if is_empty(notes):
        return Found(Verdict.FAIL, f"CHANGELOG.md says nothing under {title}.", "CHANGELOG.md")
    lines = sum(bool(line.strip()) for line in notes.splitlines())
    return Found(Verdict.PASS, f"CHANGELOG.md has {lines} lines under {title}.", "CHANGELOG.md")


def _look_at_guide(root: Path) -> Found:
    title, notes = _newest(root)
    if not is_breaking(notes):
        return Found(Void.NOT_APPLICABLE, f"Nothing breaks by what CHANGELOG.md says under {title}.", "CHANGELOG.md")
    guides = [path for path in root.glob("docs/**/*.md") if _GUIDE.search(path.stem)]
    if _GUIDE.search(notes) or guides:
        where = str(guides[0].relative_to(root)) if guides else "CHANGELOG.md"
        return Found(Verdict.UNCLEAR, f"Something breaks; {where} speaks of migrating. Is it about this?", where)
    return Found(Verdict.FAIL, f"Something breaks by {title}, and nothing says how to migrate.", "CHANGELOG.md")


def _look_at_version(root: Path) -> Found:
    _, version = current(root)
    git = Git(root)
    last = max((one for one in git.versions if one != version), default=None)
    if last is not None and last > version:
        return Found(Verdict.FAIL, f"The version is {version}, and there is a tag {last.tag}.", "pyproject.toml")
    kind = git.tag_kind(version.tag)
    if kind is not None and not _at_head(git, version):
        return Found(Verdict.FAIL, f"The version is {version} still, of which there is a tag at another commit.",
                     "pyproject.toml")  # fmt: skip
    return Found(Verdict.PASS, f"{version}, after {last or 'none'}", "pyproject.toml")


def _look_at_tag(root: Path) -> Found:
    _, version = current(root)
    git = Git(root)
    kind = git.tag_kind(version.tag)
    if kind is None:
        return Found(Verdict.FAIL, f"There is no tag {version.tag}.", version.tag)
    if kind != "tag":
        return Found(
            Verdict.FAIL, f"{version.tag} says not who made it, and when: it is no annotated tag.", version.tag
        )
    if not _at_head(git, version):
        return Found(Verdict.FAIL, f"{version.tag} is at another commit than the one here.", version.tag)
    if dirty := git.dirty:
        return Found(Verdict.FAIL, f"{dirty[0]} is not as it is in {version.tag}.", version.tag)
    return Found(Verdict.PASS, f"{version.tag} is at {git('rev-parse', '--short', 'HEAD')}", version.tag)


def _look_at_package(root: Path) -> Found:
    if "[build-system]" not in read_text(root / "pyproject.toml"):
        return Found(Void.NOT_APPLICABLE, "The project makes no package: pyproject.toml has no [build-system].")
    _, version = current(root)
    for path in sorted((root / "dist").glob("*.whl")):
        try:
            with zipfile.ZipFile(path) as wheel:
                names = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
                metadata = wheel.read(names[0]).decode("utf-8", "replace") if names else ""
                broken = wheel.testzip()
        except (zipfile.BadZipFile, OSError) as error:
            return Found(Verdict.FAIL, f"dist/{path.name} can't be read: {error}.", f"dist/{path.name}")
        if f"\nVersion: {version}\n" in metadata.replace("\r\n", "\n"):
            if broken:
                return Found(Verdict.FAIL, f"dist/{path.name} is damaged: {broken}.", f"dist/{path.name}")
            return Found(Verdict.PASS, f"dist/{path.name}, {path.stat().st_size / 1000:.0f} KB", f"dist/{path.name}")
    return Found(Verdict.FAIL, f"dist/ has no wheel of {version}.", "dist")


_changelog = _of_project(_look_at_changelog)
migration_guide = _of_project(_look_at_guide)
version = _of_project(_look_at_version)
tag = _of_project(_look_at_tag)
package = _of_project(_look_at_package)


def _newest(root: Path) -> tuple[str, str]:
    """What is released next, or was just now: the title and the notes."""
    log: Changelog = changelog_of(root)
    unreleased = log.body(log.unreleased)
    if not is_empty(unreleased):
        return "Unreleased", unreleased
    _, version = current(root)
    return str(version), log.notes(version) if log.has(version) else ""


def _at_head(git: Git, version: Version) -> bool:
    return git("rev-parse", f"{version.tag}^{{commit}}") == git("rev-parse", "HEAD")
