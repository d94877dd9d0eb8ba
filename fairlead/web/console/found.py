"""What was found before and while something was shipped, in the reader's words: findings are kept in English, each in
one of a few shapes. What has none of them, such as the words of a command, stays as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.ship.checklist.items import ITEMS, Item
from fairlead.ship.verdict import Finding, Verdict
from fairlead.web.console import below
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_


@dataclass(frozen=True, slots=True)
class _Shape:
    """`pattern`: of the English, with a group for each place of `text`."""

    pattern: re.Pattern[str]
    text: str


_SHAPES = tuple(
    _Shape(re.compile(pattern, re.DOTALL), text)
    for pattern, text in (
        (r"The figures of both releases could not be had\.", N_("The figures of both releases could not be had.")),
        (r"(?P<new>\S+) of (?P<n>\d+), at most (?P<most>\S+%)", N_("%(new)s of %(n)s, at most %(most)s")),
        (r"(?P<new>\S+) of (?P<n>\d+), stable (?P<old>\S+) of (?P<m>\d+)",
         N_("%(new)s of %(n)s, stable %(old)s of %(m)s")),
        (r"p95 (?P<new>unknown|\S+ s), stable (?P<old>unknown|\S+ s), at most (?P<most>\S+ s)",
         N_("p95 %(new)s, stable %(old)s, at most %(most)s")),
        (r"p95 (?P<new>unknown|\S+ s), stable (?P<old>unknown|\S+ s)", N_("p95 %(new)s, stable %(old)s")),
        (r"median \$(?P<new>\S+) a run, stable \$(?P<old>\S+)", N_("median $%(new)s a run, stable $%(old)s")),
        (r"passed", N_("passed")),
        (r"FAILED: (?P<why>.+)", N_("FAILED: %(why)s")),
        (r"(?P<n>\d+) of (?P<of>\d+) hold", N_("%(n)s of %(of)s hold")),
        (r"(?P<n>\d+) of (?P<of>\d+) hold; these do not: (?P<names>.+)",
         N_("%(n)s of %(of)s hold; these do not: %(names)s")),
        (r"(?P<n>\d+) of (?P<of>\d+) hold, (?P<out>\d+) do not apply here",
         N_("%(n)s of %(of)s hold, %(out)s do not apply here")),
        (r"(?P<n>\d+) of (?P<of>\d+) hold, (?P<out>\d+) do not apply here; these do not: (?P<names>.+)",
         N_("%(n)s of %(of)s hold, %(out)s do not apply here; these do not: %(names)s")),
        (r"Nobody has answered\.", N_("Nobody has answered.")),
        (r"Nobody has looked\.", N_("Nobody has looked.")),
        (r"Asked from (?P<since>\w+) on; this is (?P<here>\w+)\.",
         N_("Asked from %(since)s on; this is %(here)s.")),
        (r"(?P<by>\S+) answered for (?P<about>.+), and this is (?P<here>.+)\.",
         N_("%(by)s answered for %(about)s, and this is %(here)s.")),
        (r"The answer of (?P<by>.+) has expired, (?P<at>[\d: -]+) UTC\.",
         N_("The answer of %(by)s has expired, %(at)s UTC.")),
    )
)  # fmt: skip
_SECONDS = re.compile(r"(\S+) s")
_WORDS = {"none": N_("none"), "unknown": N_("unknown")}
_ITEMS = {item.id: item for item in ITEMS}


def in_words(text: str, fmt: Format) -> str:
    if not below.is_foreign(fmt):
        return text
    for shape in _SHAPES:
        if (told := shape.pattern.fullmatch(text)) is not None:
            text, places = fmt.words.gettext(shape.text), told.groupdict()
            return text % {name: _place(name, value, fmt) for name, value in places.items()} if places else text
    return below.in_words(text, fmt)


def _place(name: str, value: str, fmt: Format) -> str:
    if name == "names":
        return fmt.listed(value.split(", "))
    if value in _WORDS:
        return fmt.words.gettext(_WORDS[value])
    if (seconds := _SECONDS.fullmatch(value)) is not None:
        return fmt.words.gettext("%(n)s s") % {"n": seconds[1]}
    return value


def of_finding(finding: Finding, fmt: Format) -> str:
    """One of an item of a checklist says what to do, too."""
    item = _ITEMS.get(finding.about)
    return in_words(finding.said, fmt) if item is None else of_item(item, finding.said, fmt)


def of_item(item: Item, said: str, fmt: Format) -> str:
    _ = fmt.words.gettext
    for word, text in ((" Yes.", N_("Yes.")), (" No.", N_("No."))):
        if item.question is not None and said == f"{item.question.text}{word}":
            return f"{_(item.question.text)} {_(text)}"
    if item.mend and said.endswith(f" {item.mend}"):
        return f"{of_item(item, said.removesuffix(f' {item.mend}'), fmt)} {_(item.mend)}"
    return in_words(said, fmt)


def of_findings(findings: Sequence[Finding], fmt: Format, label: dict[str, str]) -> str:
    """As `watching.said_of` joins them. `label`: what each is about, where that is ours to name."""
    failed = [one for one in findings if one.verdict is Verdict.FAIL]
    return "; ".join(fmt.told(label.get(one.about, one.about), of_finding(one, fmt)) for one in failed or findings)
