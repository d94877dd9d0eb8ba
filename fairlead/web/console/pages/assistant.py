"""One assistant: its versions, what changed between any two of them, and which one new runs get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

from fairlead.errors import InvalidInput
from fairlead.runs.assistants import Assistant, Assistants
from fairlead.web.console import form, text_diff
from fairlead.web.console.language import N_
from fairlead.web.console.pages.agent import path_of_assistant
from fairlead.web.console.pages.ask import Question
from fairlead.web.console.text_diff import Change, Line

MOST = 200


@dataclass(frozen=True, slots=True)
class Material:
    """`versions`: the newest first."""

    now: Assistant
    versions: tuple[Assistant, ...]


@dataclass(frozen=True, slots=True)
class VersionRow:
    version: Assistant
    current: bool
    shown: bool  # on either side of what is compared
    changes: str  # the address of what it changed from the one before
    playground: str
    use: str  # where to say that new runs get it; empty: they do


@dataclass(frozen=True, slots=True)
class AssistantView:
    """`lines` None: too long to be compared. `before`, `after`: the versions that are compared."""

    now: Assistant
    path: str
    rows: tuple[VersionRow, ...]
    before: int
    after: int
    lines: tuple[Line, ...] | None
    same: bool
    numbers: tuple[int, ...]
    text: str  # of the only version, where there is nothing to compare


async def read(assistants: Assistants, now: Assistant, *, tenant: str) -> Material:
    return Material(now, tuple(await assistants.versions(now.id, tenant=tenant, limit=MOST)))


def parse(params: Mapping[str, str], material: Material) -> tuple[int, int]:
    """Which two to compare; the newest and the one before it, when none is named. Raises `InvalidInput` for a version
    that there is not."""
    known = [one.version for one in material.versions]
    after = _number(params.get("to", ""), known) or known[0]
    older = [number for number in known if number < after]
    return _number(params.get("from", ""), known) or (older[0] if older else after), after


def _number(given: str, known: Sequence[int]) -> int:
    if not given:
        return 0
    if not given.isdecimal() or len(given) > 9 or int(given) not in known:
        raise InvalidInput(f"There is no version {given[:20]}.", hint="Choose one of the list.")
    return int(given)


def shape(material: Material, before: int, after: int) -> AssistantView:
    now, path = material.now, path_of_assistant(material.now)
    by_number = {one.version: one for one in material.versions}
    texts = [text_of(by_number[number]) for number in (before, after)]
    found = text_diff.lines(*texts)
    return AssistantView(
        now=now,
        path=path,
        rows=tuple(_row(one, material, path, (before, after)) for one in material.versions),
        before=before,
        after=after,
        lines=None if found is None else tuple(found),
        same=found is not None and all(line.change is Change.SAME for line in found),
        numbers=tuple(by_number),
        text=texts[1] if before == after else "",
    )


def _row(one: Assistant, material: Material, path: str, shown: tuple[int, int]) -> VersionRow:
    current = one.version == material.now.version
    older = [other.version for other in material.versions if other.version < one.version]
    tried = {"a": one.id} if current else {"a": one.agent, "of": one.id, "version": one.version}
    changes = f"{path}?{urlencode({'from': older[0], 'to': one.version})}" if older else ""
    return VersionRow(
        version=one,
        current=current,
        shown=one.version in shown,
        changes=changes,
        playground=f"/console/playground?{urlencode(tried)}",
        use="" if current else f"{path}/use?{urlencode({'version': one.version})}",
    )


def text_of(version: Assistant) -> str:
    """A version as lines that a person compares: long texts line by line, everything else by its path."""
    head = {"agent": version.agent, "name": version.name, "description": version.description}
    parts = {"config": version.config, "context": version.context, "metadata": version.metadata}
    return "\n".join([*_told(head, ""), *(line for name, part in parts.items() for line in _told(part, name))])


def _told(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, below in sorted(cast("dict[str, Any]", value).items()):
            yield from _told(below, f"{path}.{name}" if path else name)
    elif isinstance(value, str) and "\n" in value:
        yield f"{path}:"
        yield from (f"  {line}" for line in value.splitlines())
    elif value != {}:
        yield f"{path}: {value if isinstance(value, str) else form.dump(value)}"


def question_of(assistant: Assistant, version: int, words: Any) -> Question:
    path = path_of_assistant(assistant)
    given = {"name": assistant.name, "n": version, "now": assistant.version}
    text = N_("New runs of %(name)s get version %(n)s instead of %(now)s. Runs that have begun keep theirs.")
    return Question(
        title=words(N_("Make version %(n)s the current one?")) % given,
        text=words(text) % given,
        detail=assistant.name,
        confirm=words(N_("Make it current")),
        action=f"{path}/use",
        back=path,
        fields=(("version", str(version)),),
    )


def wanted_version(given: str, material: Material) -> int:
    """Raises `InvalidInput`."""
    number = _number(given, [one.version for one in material.versions])
    if not number:
        raise InvalidInput("No version was chosen.", hint="Choose one of the list.")
    return number
