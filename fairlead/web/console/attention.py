"""What a person should look at: each a sentence, since when, and where to go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from fairlead.gateway.circuit import State as Circuit
from fairlead.gateway.standing import Standing, Tally
from fairlead.operate.levels import Report
from fairlead.runs.figure_book import Still
from fairlead.runs.oversight import Unserved
from fairlead.runs.run import Reason
from fairlead.ship.ledger import Deploy, LookRecord
from fairlead.ship.strategy import Outcome, Word
from fairlead.ship.verdict import Verdict
from fairlead.web.console.format import Format
from fairlead.web.console.language import N_
from fairlead.web.console.pages import levels
from fairlead.web.console.state import State, Tone

_PERSON = State("interrupted", Tone.WARN, N_("needs a person"))
_STUCK = State("running", Tone.WARN, N_("stuck"))
_UNCLEAR = State("unclear", Tone.WARN, N_("unclear"))
_UNKNOWN = State("unknown", Tone.ASK, N_("could not ask"))
_OUT = State("error", Tone.ERR, N_("out"))


@dataclass(frozen=True, slots=True)
class Item:
    state: State
    said: str
    href: str
    when: str = ""


@dataclass(frozen=True, slots=True)
class Ship:
    """The newest deploy, and what was seen of it last."""

    deploy: Deploy
    look: LookRecord | None = None


def of_still(still: Iterable[Still], runs: str, fmt: Format) -> list[Item]:
    """`runs`: the list of those that were interrupted, to be filtered further; empty where the reader has none."""
    of_reason = {one.reason: one for one in still}
    words = fmt.words
    found: list[Item] = []
    if one := of_reason.get(Reason.APPROVAL):
        said = words.ngettext("%(num)s run waits for an approval", "%(num)s runs wait for an approval", one.runs)
        found.append(_still(one, said, "/console/approvals" if runs else "", fmt))
    if one := of_reason.get(Reason.OUTCOME_UNKNOWN):
        said = words.ngettext("%(num)s run: outcome unknown", "%(num)s runs: outcome unknown", one.runs)
        found.append(_still(one, said, f"{runs}&reason=outcome_unknown" if runs else "", fmt))
    if one := of_reason.get(Reason.DIVERGED):
        said = words.ngettext("%(num)s run took another path", "%(num)s runs took another path", one.runs)
        found.append(_still(one, said, f"{runs}&reason=diverged" if runs else "", fmt))
    return found


def _still(one: Still, said: str, href: str, fmt: Format) -> Item:
    return Item(_PERSON, said % {"num": fmt.count(one.runs)}, href, _oldest(one.oldest, fmt))


def of_unserved(unserved: Iterable[Unserved], fmt: Format) -> list[Item]:
    words = fmt.words
    return [
        Item(
            _STUCK,
            words.ngettext(
                "%(num)s run waits: no worker serves %(agent)s on %(release)s",
                "%(num)s runs wait: no worker serves %(agent)s on %(release)s", one.runs,
            ) % {"num": fmt.count(one.runs), "agent": one.agent, "release": one.release},
            "/console/workers",
            _oldest(one.oldest, fmt),
        )
        for one in unserved
    ]  # fmt: skip


def of_deploy(ship: Ship | None, fmt: Format) -> list[Item]:
    """Of the newest: unclear, held up, or ended where somebody has to do something."""
    if ship is None:
        return []
    _, deploy = fmt.words.gettext, ship.deploy
    href, given = f"/console/deploys/{deploy.id}", {"release": deploy.plan.new}
    if deploy.outcome is Outcome.FROZEN:
        return [Item(_PERSON, _("Deploy of %(release)s is frozen") % given, href, fmt.ago(deploy.finished_at))]
    if deploy.outcome is Outcome.FAILED:
        return [Item(_OUT, _("The rollback from %(release)s failed") % given, href, fmt.ago(deploy.finished_at))]
    if deploy.outcome is not None:
        return []
    if deploy.word is Word.HALT:
        return [Item(_PERSON, _("Deploy of %(release)s is held") % given, href, fmt.ago(deploy.started_at))]
    if not deploy.held:
        return [Item(_PERSON, _("Nobody carries out the deploy of %(release)s") % given, href)]
    look = ship.look
    if look is not None and look.verdict is Verdict.UNCLEAR:
        return [Item(_UNCLEAR, _("Release %(release)s is unclear") % given, href, fmt.ago(look.at))]
    if look is not None and look.verdict is Verdict.COULD_NOT_ASK:
        said = _("Release %(release)s: the figures could not be asked for")
        return [Item(_UNKNOWN, said % given, href, fmt.ago(look.at))]
    return []


def of_providers(standings: Iterable[Standing], tallies: Sequence[Tally], fmt: Format) -> list[Item]:
    _ = fmt.words.gettext
    away = {one.name for one in tallies if one.is_away}
    found: list[Item] = []
    for one in standings:
        if one.ready and one.state is not Circuit.CLOSED:
            said = _("Provider %(name)s is left alone after errors")
        elif one.ready and one.name in away:
            said = _("Provider %(name)s answered no call of late")
        else:
            continue
        found.append(Item(_OUT, said % {"name": one.name}, "/console/providers"))
    return found


def of_levels(report: Report, fmt: Format) -> list[Item]:
    said, rows = fmt.words.gettext("Error budget spent: %(level)s, %(of)s"), levels.shape("30d", report, fmt).rows
    return [
        Item(_PERSON, said % {"level": row.level, "of": row.of}, levels.PATH)
        for row, one in zip(rows, report.measures, strict=True)
        if one.budget is not None and one.budget.left <= 0
    ]


def _oldest(moment: datetime, fmt: Format) -> str:
    return fmt.words.gettext("oldest: %(when)s") % {"when": fmt.ago(moment)}
