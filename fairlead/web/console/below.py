"""Sentences that parts below the console say in English, in the reader's words: errors, and what checks have found.

`locale/below.txt` holds them, made from the sources by `.ci/catalogues.py`, each with its places; the catalogues
translate them. What has the shape of none stays as it was said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations
from pathlib import Path

from fairlead.web.console.format import Format
from fairlead.web.console.language import LOCALES

_PLACE = re.compile(r"%\((\w+)\)s")
_DEEPEST = 3  # a sentence may hold another: "The settings can't be read: …"
_LONGEST = 2000  # characters


@dataclass(frozen=True, slots=True)
class _Joint:
    """What stands between clauses or sentences, and what does in the reader's language."""

    pattern: re.Pattern[str]
    between: Callable[[Format], str]


def _between_sentences(fmt: Format) -> str:
    """What is nothing in some languages can't be a translation: it is what is left of two sentences that are empty."""
    return fmt.words.pgettext("two sentences", "%(one)s %(next)s") % {"one": "", "next": ""}


_JOINTS = (
    _Joint(re.compile(r"(?<=\.) "), _between_sentences),
    _Joint(re.compile("; "), lambda fmt: fmt.words.pgettext("between two clauses", "; ")),
    _Joint(re.compile(", "), lambda fmt: fmt.words.pgettext("between two clauses", ", ")),
)


@dataclass(frozen=True, slots=True)
class _Shape:
    """`words`: around and between its places, which have the `names`."""

    text: str
    names: Sequence[str]
    words: Sequence[str]

    def places(self, said: str) -> dict[str, str] | None:
        """Each as short as it can be, and never empty. By hand: a regular expression tries every way to divide a long
        text, which takes seconds where nothing fits."""
        before, *between, after = self.words
        at, end = len(before), len(said) - len(after)
        if not (said.startswith(before) and said.endswith(after)):
            return None
        found: dict[str, str] = {}
        for name, word in zip(self.names[:-1], between, strict=True):
            begin, at = at, said.find(word, at + 1, end)
            if at < 0:
                return None
            found[name] = said[begin:at]
            at += len(word)
        return None if at >= end else found | {self.names[-1]: said[at:end]}


def in_words(said: str, fmt: Format) -> str:
    """Of several that were joined, each by itself."""
    if not is_foreign(fmt):
        return said
    return _told(said, fmt, _JOINTS) or _begun(said, fmt) or said


def is_known(said: str, fmt: Format) -> bool:
    """Whether the reader's language has words for it."""
    return not is_foreign(fmt) or in_words(said, fmt) != said


def is_foreign(fmt: Format) -> bool:
    """Whether it is another language than that in which things are said below: English has no catalogue."""
    return isinstance(fmt.words, GNUTranslations)


def _told(said: str, fmt: Format, joints: Sequence[_Joint]) -> str:
    """All of its clauses, or it as a whole; empty when there are no words for it."""
    for number, joint in enumerate(joints, start=1):
        parts = joint.pattern.split(said)
        told = [_told(one, fmt, joints[number:]) for one in parts] if len(parts) > 1 else []
        if told and all(told):
            return joint.between(fmt).join(told)
    return _said(said, fmt, _DEEPEST)


def _begun(said: str, fmt: Format) -> str:
    """What a command or another library has said may follow."""
    for joint in _JOINTS[:2]:
        first, *rest = joint.pattern.split(said, maxsplit=1)
        if rest and (told := _told(first, fmt, _JOINTS)):
            return told + joint.between(fmt) + in_words(rest[0], fmt)
    return ""


def _said(said: str, fmt: Format, deep: int) -> str:
    """Empty when nothing has its shape."""
    if not said or len(said) > _LONGEST or not deep:
        return ""
    told = fmt.words.gettext(said)
    if told != said:
        return told
    for shape in _shapes(LOCALES / "below.txt"):
        if (places := shape.places(said)) is None:
            continue
        text = fmt.words.gettext(shape.text)
        return "" if text == shape.text else text % {
            name: _said(value, fmt, deep - 1) or value for name, value in places.items()
        }  # fmt: skip
    return ""


@cache
def _shapes(path: Path) -> Sequence[_Shape]:
    """Those with most words of their own first."""
    made: list[tuple[int, _Shape]] = []
    for text in path.read_text().splitlines():
        parts = _PLACE.split(text)
        words = [part.replace("%%", "%") for part in parts[::2]]
        if len(words) > 1:
            made.append((sum(map(len, words)), _Shape(text, parts[1::2], words)))
    return [shape for _, shape in sorted(made, key=lambda one: one[0], reverse=True)]
