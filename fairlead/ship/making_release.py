"""Makes a release of the project: version, changelog, commit and tag; all of them or none.

clean? tag free? something new? ──► texts ──► write ──► commit ──► tag
                                                └──── what fails: everything as it was
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fairlead.errors import Conflict, InvalidInput, NotFound
from fairlead.ship.project_release import (
    Changelog,
    Part,
    Place,
    Version,
    parse_changelog,
    parse_version,
    part_of,
    place_of,
    released,
    version_in,
    with_version,
)
from fairlead.whole_file import write_whole

_PATIENCE = 60.0  # seconds; a commit hook may take its time


@dataclass(frozen=True, slots=True)
class Made:
    """What is made, or would be. `files`: by their path from the root."""

    old: Version
    new: Version
    part: Part
    notes: str
    files: Mapping[str, str]


class Git:
    """The repository that a folder is in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str) -> str:
        """What it says. Raises `Conflict`."""
        done = self._run(*words)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise Conflict(f"git {words[0]} failed: {said[-1] if said else done.returncode}")
        return done.stdout.rstrip()

    def holds(self, *words: str) -> bool:
        return self._run(*words).returncode == 0

    @property
    def dirty(self) -> list[str]:
        return [line[3:] for line in self("status", "--porcelain", "--", ".").splitlines()]

    def tag_kind(self, tag: str) -> str | None:
        """ "tag" of an annotated one, "commit" of another; None: there is none."""
        done = self._run("cat-file", "-t", f"refs/tags/{tag}")
        return None if done.returncode else done.stdout.strip()

    @property
    def versions(self) -> list[Version]:
        """Of its tags."""
        found: list[Version] = []
        for tag in self("tag", "--list", "v*").splitlines():
            try:
                found.append(parse_version(tag))
            except InvalidInput:
                continue
        return found

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ("git", *words), cwd=self.folder, capture_output=True, text=True, errors="replace", check=False,
                timeout=_PATIENCE, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except FileNotFoundError:
            raise NotFound("git is not installed.", hint="A release is a tag of a git repository.") from None
        except subprocess.TimeoutExpired:
            raise Conflict(f"git {words[0]} does not end.", hint="Does a hook of it wait for something?") from None


def read_text(path: Path) -> str:
    """With its line ends as they are. Raises `NotFound`, `InvalidInput`."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise NotFound(f"There is no {path.name} in {path.parent}.", hint="A release has one.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name} can't be read: {error}.") from None


def current(root: Path) -> tuple[Place, Version]:
    """Raises `InvalidInput`, `NotFound`."""
    place = place_of(read_text(root / "pyproject.toml"))
    return place, parse_version(version_in(read_text(_file(root, place)), place))


def changelog_of(root: Path) -> Changelog:
    """Raises `InvalidInput`, `NotFound`."""
    return parse_changelog(read_text(root / "CHANGELOG.md"))


def plan_release(root: Path, part: Part | None, *, day: date) -> Made:
    """What would be made; changes nothing. Raises `InvalidInput`, `NotFound`, `Conflict`."""
    git = Git(root)
    if not git.holds("rev-parse", "--verify", "HEAD"):
        raise Conflict(f"{root} is in no git repository with a commit.", hint="A release is a tag of a commit.")
    if dirty := git.dirty:
        raise Conflict(
            f"There are changes that are not committed: {dirty[0]}" + _more(dirty), hint="Commit them first."
        )
    place, old = current(root)
    changelog = changelog_of(root)
    notes = changelog.body(changelog.unreleased)
    chosen = part_of(notes)
    new = old.bumped(part or chosen)
    if git.tag_kind(new.tag) is not None:
        raise Conflict(f"There is a tag {new.tag} already.", hint="A release never changes: raise the version further.")
    where = place.path or "pyproject.toml"
    files = {
        where: with_version(read_text(_file(root, place)), place, new),
        "CHANGELOG.md": released(changelog, old, new, day),
    }
    return Made(old, new, part or chosen, notes, files)


def make_release(root: Path, made: Made) -> None:
    """Raises `Conflict`; then nothing has changed."""
    git = Git(root)
    before = git("rev-parse", "HEAD")
    kept = {name: (root / name).read_bytes() for name in made.files}
    try:
        for name, text in made.files.items():
            write_whole(root / name, text.encode())
        git("add", "--", *made.files)
        git("commit", "--quiet", "-m", f"Release {made.new}", "--", *made.files)
        # Notes may begin lines with #, which git would take for comments.
        git("tag", "--annotate", "--cleanup=verbatim", "-m", f"{made.new}\n\n{made.notes}\n", made.new.tag)
    except BaseException:
        _undo(git, root, before, kept)
        raise


def _undo(git: Git, root: Path, before: str, kept: Mapping[str, bytes]) -> None:
    if git("rev-parse", "HEAD") != before:
        git("reset", "--quiet", "--soft", before)
    for name, data in kept.items():
        write_whole(root / name, data)
    git("reset", "--quiet", "--", *kept)


def _file(root: Path, place: Place) -> Path:
    return root / (place.path or "pyproject.toml")


def _more(names: list[str]) -> str:
    return f" and {len(names) - 1} more." if len(names) > 1 else "."
