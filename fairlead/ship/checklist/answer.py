"""What somebody or something said of an item, and what all of it says of a list. Pure.

    answers ──► the newest that still counts, of each item ──► lines ──► may it go on?

The machine comes first. Where it could not say, a person's answer counts, as long as it lasts; a person can't say yes
where the machine has said no.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from fairlead.config.parts import Environment
from fairlead.ship.checklist.items import Item
from fairlead.ship.verdict import Finding, Verdict


class Void(StrEnum):
    """No verdict, and none is needed."""

    NOT_APPLICABLE = "not_applicable"


Result = Verdict | Void
MACHINE_LASTS = timedelta(hours=1)  # what a machine saw; then it looks again


class By(StrEnum):
    MACHINE = "machine"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Found:
    """What a look gave. `reference`: where it can be seen: a file, an address, a figure."""

    result: Result
    said: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """`about`: the release or incident it was given for. `name`: of the person, or of the host that looked."""

    item: str
    found: Found
    by: By
    name: str
    at: datetime
    about: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One item with the answer that counts. Open: there is none (`why` says what is missing)."""

    item: Item
    answer: Answer | None
    result: Result | None
    why: str = ""

    @property
    def is_open(self) -> bool:
        return self.result is None

    @property
    def stops(self) -> bool:
        return self.item.blocks and self.result not in (Verdict.PASS, Void.NOT_APPLICABLE)

    @property
    def asks(self) -> bool:
        """Whether a person can settle it now."""
        return self.item.question is not None and self.result not in (
            Verdict.PASS, Verdict.FAIL, Void.NOT_APPLICABLE
        )  # fmt: skip


def result_of(text: str) -> Result:
    return Void(text) if text in set(Void) else Verdict(text)


def judge(
    items: Iterable[Item], answers: Sequence[Answer], *, environment: Environment, about: str, now: datetime
) -> list[Line]:
    """One line for each item. `answers` in any order; the newest counts."""
    of_item: dict[str, list[Answer]] = {}
    for one in sorted(answers, key=lambda answer: answer.at):
        of_item.setdefault(one.item, []).append(one)
    return [_line(item, of_item.get(item.id, []), environment, about, now) for item in items]


def verdict_of(lines: Sequence[Line]) -> Verdict:
    """Of all of them, those that only advise left out. Nothing passes that is open, unclear, or could not be asked."""
    said = [one.result for one in lines if one.stops]
    for verdict in (Verdict.FAIL, Verdict.UNCLEAR, Verdict.COULD_NOT_ASK):
        if verdict in said:
            return verdict
    return Verdict.COULD_NOT_ASK if said else Verdict.PASS


def findings_of(lines: Sequence[Line]) -> list[Finding]:
    """The first says what came of all of it, and the others how each fared; advice is only told."""
    whole, stops = verdict_of(lines), [one for one in lines if one.stops]
    passed = sum(one.result is Verdict.PASS for one in lines)
    left_out = sum(one.result is Void.NOT_APPLICABLE for one in lines)
    said = f"{passed} of {len(lines) - left_out} hold" + (f", {left_out} do not apply here" if left_out else "")
    said += f"; these do not: {', '.join(one.item.id for one in stops)}" if stops else ""
    return [Finding("preflight", whole, said), *(_finding(one) for one in lines)]


def expires_at(item: Item, answer: Answer) -> datetime:
    """From when on it has to be given again."""
    if answer.by is By.MACHINE or item.question is None:
        return answer.at + MACHINE_LASTS
    return answer.at + item.question.lasts


def _line(item: Item, answers: Sequence[Answer], environment: Environment, about: str, now: datetime) -> Line:
    if not item.is_asked_in(environment):
        return Line(item, None, Void.NOT_APPLICABLE, f"Asked from {item.since.value} on; this is {environment.value}.")
    looked = _newest(answers, By.MACHINE) if item.check else None
    if looked is not None and (now >= expires_at(item, looked) or looked.about != about):
        looked = None
    if looked is not None and looked.found.result in (Verdict.PASS, Verdict.FAIL, Void.NOT_APPLICABLE):
        return Line(item, looked, looked.found.result)
    said = _newest(answers, By.PERSON) if item.question else None
    if said is not None and item.question is not None:
        late = _late(item.question.bound, said, about, now, expires_at(item, said))
        if not late:
            return Line(item, said, said.found.result)
        return Line(item, looked, None if looked is None else looked.found.result, late)
    if looked is not None:
        return Line(item, looked, looked.found.result)
    return Line(item, None, None, "Nobody has answered." if item.question else "Nobody has looked.")


def _newest(answers: Sequence[Answer], by: By) -> Answer | None:
    return next((one for one in reversed(answers) if one.by is by), None)


def _late(bound: bool, said: Answer, about: str, now: datetime, until: datetime) -> str:
    """Why it does not count any more; empty when it does."""
    if bound and said.about != about:
        return f"{said.name} answered for {said.about or 'none'}, and this is {about or 'none'}."
    return f"The answer of {said.name} has expired, {until:%Y-%m-%d %H:%M} UTC." if now >= until else ""


def _finding(line: Line) -> Finding:
    if line.stops:
        return Finding(line.item.id, _as_verdict(line.result), _said(line))
    return Finding(line.item.id, Verdict.PASS, _said(line))


def _as_verdict(result: Result | None) -> Verdict:
    return result if isinstance(result, Verdict) else Verdict.COULD_NOT_ASK


def _said(line: Line) -> str:
    said = line.why if line.answer is None else line.answer.found.said
    if line.result in (Verdict.PASS, Void.NOT_APPLICABLE):
        return said
    return f"{said} {line.item.mend}".strip()
