"""What differs between two texts: word by word, or line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

MOST_WORDS = 3000  # of each side: comparing takes longer than their number
MOST_LINES = 5000
_AROUND = 3  # unchanged lines that are shown beside a change
# A word, or a sign, with the space behind it; of Chinese and Japanese, a character.
_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]\s*|[^\W{_CJK}]+\s*|[^\w\s]\s*|\s+")


class Change(StrEnum):
    SAME = "same"
    GONE = "gone"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Piece:
    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """`before` and `after`: its number on either side. `skipped`: it stands for that many unchanged lines."""

    change: Change
    text: str = ""
    before: int | None = None
    after: int | None = None
    skipped: int = 0


def words(before: str, after: str) -> list[Piece] | None:
    """None: they are too long to be compared word by word."""
    one, other = _WORD.findall(before), _WORD.findall(after)
    if max(len(one), len(other)) > MOST_WORDS:
        return None
    # Compared without the space behind them: a word at the end of a text is the word that was in its middle.
    found: list[Piece] = []
    for change, i, j in _spans([word.strip() for word in one], [word.strip() for word in other]):
        found.append(Piece(change, "".join(one[i] if change is Change.GONE else other[j])))
    return found


def lines(before: str, after: str) -> list[Line] | None:
    """None: they are too long to be compared."""
    one, other = before.splitlines(), after.splitlines()
    if max(len(one), len(other)) > MOST_LINES:
        return None
    return list(_folded(list(_numbered(one, other))))


def _spans(one: Sequence[str], other: Sequence[str]) -> Iterator[tuple[Change, slice, slice]]:
    """Which parts of either they are. What is gone comes before what is new in its place."""
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        before, after = slice(i1, i2), slice(j1, j2)
        if tag == "equal":
            yield Change.SAME, before, after
            continue
        if i1 < i2:
            yield Change.GONE, before, after
        if j1 < j2:
            yield Change.NEW, before, after


def _numbered(one: Sequence[str], other: Sequence[str]) -> Iterator[Line]:
    at, to = 1, 1
    for change, i, j in _spans(one, other):
        for text in other[j] if change is Change.NEW else one[i]:
            gone, new = change is Change.GONE, change is Change.NEW
            yield Line(change, text, None if new else at, None if gone else to)
            at, to = at + (not new), to + (not gone)


def _folded(found: list[Line]) -> Iterator[Line]:
    changed = [place for place, line in enumerate(found) if line.change is not Change.SAME]
    near = {place + by for place in changed for by in range(-_AROUND, _AROUND + 1)}
    skipped = 0
    for place, line in enumerate(found):
        if place not in near:
            skipped += 1
            continue
        if skipped:
            yield Line(Change.SAME, skipped=skipped)
            skipped = 0
        yield line
    if skipped:
        yield Line(Change.SAME, skipped=skipped)
