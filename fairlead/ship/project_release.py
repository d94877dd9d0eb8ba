"""A new version of the project itself: which number, from what the changelog says, and the changelog after it. Pure.

    changelog: Unreleased ──► breaking? added? ──► major | minor | patch ──► version ──► texts of the files

Nothing here reads or writes: see `making_release`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import total_ordering
from typing import Any, cast

from fairlead.errors import InvalidInput, NotFound

_NUMBER = r"0|[1-9]\d{0,8}"
_NAMES = r"(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"v?({_NUMBER})\.({_NUMBER})(?:\.({_NUMBER}))?(?:-({_NAMES}(?:\.{_NAMES})*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_HEADING = re.compile(r"##(?!#)[ \t]+(?P<title>.*?)[ \t]*#*[ \t]*")
_UNRELEASED = re.compile(r"\[?unreleased\]?", re.IGNORECASE)
_TITLE = re.compile(r"\[?(v?\d+\.\d+[^\s\]]*)\]?(?![^\s(–—-])")
_LINK = re.compile(r"\[(?P<name>[^\]]+)\]:[ \t]*(?P<url>\S+)")
_BREAKING = re.compile(r"[-*+][ \t]+(\*\*|__)?\[?breaking( changes?)?\b|BREAKING[ -]CHANGE", re.IGNORECASE)


class Part(StrEnum):
    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """MAJOR.MINOR.PATCH, with SemVer's pre-release (`rc.1`) where there is one."""

    major: int
    minor: int
    patch: int
    pre: str = ""

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{self.pre}" if self.pre else "")

    @property
    def tag(self) -> str:
        return f"v{self}"

    def bumped(self, part: Part) -> Version:
        """A pre-release of what is asked for becomes it: 2.0.0-rc.1, major ──► 2.0.0."""
        match part:
            case Part.MAJOR if self.pre and not self.minor and not self.patch:
                return Version(self.major, 0, 0)
            case Part.MAJOR:
                return Version(self.major + 1, 0, 0)
            case Part.MINOR if self.pre and not self.patch:
                return Version(self.major, self.minor, 0)
            case Part.MINOR:
                return Version(self.major, self.minor + 1, 0)
            case Part.PATCH:
                return Version(self.major, self.minor, self.patch + (not self.pre))

    def __lt__(self, other: Version) -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[Any, ...]:
        """SemVer 2.0.0, 11: a pre-release before its release; numbers before words."""
        names = tuple((0, int(one), "") if one.isdecimal() else (1, 0, one) for one in self.pre.split(".") if one)
        return self.major, self.minor, self.patch, not self.pre, names


def parse_version(text: str) -> Version:
    """SemVer, or a final one of PEP 440 with two or three numbers. Raises `InvalidInput`."""
    found = _VERSION.fullmatch(text.strip())
    if found is None:
        raise InvalidInput(
            f"{text!r} is no version that can be raised.", hint="Write MAJOR.MINOR.PATCH, as in 1.4.0: no dev, no post."
        )
    major, minor, patch, pre = found.group(1, 2, 3, 4)
    return Version(int(major), int(minor), int(patch or 0), pre or "")


@dataclass(frozen=True, slots=True)
class Section:
    """`title`: as it is written. Lines `begin` up to `end` are its body."""

    title: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Changelog:
    """In the form of keepachangelog.com; what stands in a code block is no heading."""

    lines: tuple[str, ...]  # with their ends
    sections: tuple[Section, ...]

    @property
    def unreleased(self) -> Section:
        """Raises `InvalidInput`."""
        for one in self.sections:
            if _UNRELEASED.fullmatch(one.title):
                return one
        raise InvalidInput("The changelog has no section Unreleased.", hint="Add a line `## [Unreleased]`.")

    def body(self, section: Section) -> str:
        """Without the blank lines around it, comments and links."""
        lines = (line for line in self.lines[section.begin : section.end] if not _LINK.match(line))
        return re.sub(r"<!--.*?-->", "", "".join(lines), flags=re.DOTALL).replace("\r\n", "\n").strip()

    def notes(self, version: Version) -> str:
        """What is new in it. Raises `NotFound`."""
        return self.body(self._of(version))

    def has(self, version: Version) -> bool:
        return any(_version_of(one.title) == version for one in self.sections)

    @property
    def newest(self) -> Version | None:
        return next((found for one in self.sections if (found := _version_of(one.title)) is not None), None)

    def _of(self, version: Version) -> Section:
        for one in self.sections:
            if _version_of(one.title) == version:
                return one
        raise NotFound(f"The changelog says nothing of {version}.", hint="See its headings.")


def parse_changelog(text: str) -> Changelog:
    lines = tuple(text.splitlines(keepends=True))
    heads = [(number, title) for number, title in _headings(lines)]
    ends = [*(number for number, _ in heads[1:]), len(lines)][: len(heads)]
    return Changelog(
        lines, tuple(Section(title, number + 1, end) for (number, title), end in zip(heads, ends, strict=True))
    )


def is_empty(notes: str) -> bool:
    """Whether there is nothing but headings."""
    return not any(line.strip() and not line.lstrip().startswith("#") for line in notes.splitlines())


def is_breaking(notes: str) -> bool:
    parts = _parts(notes)
    said = any(name.startswith(("removed", "breaking")) and not is_empty(text) for name, text in parts)
    return said or any(_BREAKING.match(line.lstrip()) for line in notes.splitlines())


def part_of(notes: str) -> Part:
    """By what they say: something removed or broken, something added, or neither. Raises `InvalidInput`."""
    if is_empty(notes):
        raise InvalidInput("Unreleased is empty: there is nothing to release.", hint="Write what is new.")
    if is_breaking(notes):
        return Part.MAJOR
    return Part.MINOR if any(name.startswith("added") and not is_empty(t) for name, t in _parts(notes)) else Part.PATCH


def released(changelog: Changelog, old: Version, new: Version, day: date) -> str:
    """The whole text after it: what was unreleased has a heading of its own, below an empty Unreleased. Raises
    `InvalidInput`."""
    section = changelog.unreleased
    if changelog.has(new):
        raise InvalidInput(f"The changelog has a section {new} already.", hint="Give another version.")
    if is_empty(changelog.body(section)):
        raise InvalidInput("Unreleased is empty: there is nothing to release.", hint="Write what is new.")
    lines = [*changelog.lines]
    end = "\r\n" if lines[section.begin - 1].endswith("\r\n") else "\n"
    named = f"[{new}]" if section.title.startswith("[") else str(new)
    lines[section.begin - 1 : section.begin] = [
        lines[section.begin - 1].rstrip("\r\n") + end, end, f"## {named} - {day.isoformat()}{end}"
    ]  # fmt: skip
    return "".join(_links(lines, old, new, end))


def _links(lines: Sequence[str], old: Version, new: Version, end: str) -> Iterator[str]:
    """`[Unreleased]: …/compare/v1.0.0...HEAD` goes on from the new version, which gets a link of its own."""
    for line in lines:
        found = _LINK.match(line)
        before = next((tag for tag in (old.tag, str(old)) if found and f"{tag}...HEAD" in found["url"]), None)
        if found is None or before is None or not _UNRELEASED.fullmatch(found["name"]):
            yield line
            continue
        after = new.tag if before == old.tag else str(new)
        url = found["url"]
        yield line.rstrip("\r\n").replace(f"{before}...HEAD", f"{after}...HEAD") + end
        yield f"[{new}]: {url.replace(f'{before}...HEAD', f'{before}...{after}')}" + (end if _ended(line) else "")


def _ended(line: str) -> bool:
    return line.endswith("\n")


def _headings(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    fence = ""
    for number, line in enumerate(lines):
        mark = re.match(r" {0,3}(```+|~~~+)", line)
        if mark and not fence:
            fence = mark[1][:3]
        elif mark and mark[1].startswith(fence):
            fence = ""
        elif not fence and (found := _HEADING.fullmatch(line.rstrip("\r\n"))):
            yield number, found["title"]


def _version_of(title: str) -> Version | None:
    found = _TITLE.match(title)
    try:
        return parse_version(found[1]) if found else None
    except InvalidInput:
        return None


def _parts(notes: str) -> list[tuple[str, str]]:
    """Its third-level sections, by their names in small letters."""
    found = re.split(r"^###[ \t]+(.*?)[ \t]*$", notes, flags=re.MULTILINE)
    return [(name.lower(), text) for name, text in zip(found[1::2], found[2::2], strict=True)]


# pyproject.toml


@dataclass(frozen=True, slots=True)
class Place:
    """Where the version is written: a key of pyproject.toml, or, with a `path`, `__version__` of that file."""

    key: tuple[str, ...] = ()
    path: str = ""


def place_of(pyproject: str) -> Place:
    """Raises `InvalidInput`."""
    table = _toml(pyproject)
    for key in (("project", "version"), ("tool", "poetry", "version")):
        if isinstance(_at(table, key), str):
            return Place(key)
    path = _at(table, ("tool", "hatch", "version", "path"))
    if isinstance(path, str):
        return Place(path=path)
    raise InvalidInput(
        "pyproject.toml says no version.",
        hint='Write version = "…" under [project], or its file under [tool.hatch.version].',
    )


def version_in(text: str, place: Place) -> str:
    """As it is written there. Raises `InvalidInput`."""
    if place.path:
        found = _dunders(text)
        if len(found) != 1:
            raise InvalidInput(f"{place.path} does not say one __version__.")
        return found[0]["version"]
    return str(_at(_toml(text), place.key))


def with_version(text: str, place: Place, new: Version) -> str:
    """The same text, all but the version byte for byte. Raises `InvalidInput`."""
    old = version_in(text, place)
    if place.path:
        found = _dunders(text)[0]
        return text[: found.start("version")] + str(new) + text[found.end("version") :]
    wanted = _toml(text)
    cast("dict[str, Any]", _at(wanted, place.key[:-1]))[place.key[-1]] = str(new)
    # The same words may stand elsewhere, as a dependency or in a comment: the place is right when nothing else changed.
    for found in re.finditer(rf"([\"']){re.escape(old)}\1", text):
        changed = text[: found.start() + 1] + str(new) + text[found.end() - 1 :]
        try:
            if tomllib.loads(changed) == wanted:
                return changed
        except tomllib.TOMLDecodeError:
            continue
    raise InvalidInput(f"The version {old} can't be changed where it is written in pyproject.toml.")


def _dunders(text: str) -> list[re.Match[str]]:
    return list(re.finditer(r"^__version__[^=\n]*=[ \t]*([\"'])(?P<version>[^\"'\n]+)\1", text, re.MULTILINE))


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"pyproject.toml is no TOML: {error}.") from None


def _at(table: Mapping[str, Any], key: Sequence[str]) -> Any:
    found: Any = table
    for name in key:
        if not isinstance(found, dict):
            return None
        found = cast("dict[str, Any]", found).get(name)
    return found
