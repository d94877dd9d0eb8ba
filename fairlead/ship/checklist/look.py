"""Looks at items: all at once, each bounded in time. What crashes, or takes too long, could not be asked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from fairlead.config import Environment
from fairlead.config.value import write_duration
from fairlead.errors import FairleadError
from fairlead.ship.checklist.answer import Answer, By, Found, Void, findings_of, judge
from fairlead.ship.checklist.checks import CHECKS, RUN_COMMANDS
from fairlead.ship.checklist.facts import Check, CouldNotAsk, Facts
from fairlead.ship.checklist.items import Item, ListName, items_of
from fairlead.ship.verdict import Finding, Verdict
from fairlead.telemetry.redact import Redactor

Tell = Callable[[Item, Answer], None]
"""Of each item as soon as it was looked at."""
_MOST = 1000  # characters of what is said


async def look_at(
    items: Sequence[Item], facts: Facts, *, environment: Environment, checks: Mapping[str, Check] = CHECKS,
    tell: Tell | None = None,
) -> list[Answer]:  # fmt: skip
    """The answers of the machine, for those items that have a check and concern this environment."""
    asked = [one for one in items if one.check is not None and one.is_asked_in(environment)]
    redact = Redactor(facts.settings.secret_values() if facts.settings is not None else ())

    async def look(item: Item) -> Answer:
        found = await _found(item, facts, checks)
        said, reference = redact.text(found.said)[:_MOST], redact.text(found.reference)[:_MOST]
        answer = Answer(
            item.id,
            Found(found.result, said, reference),
            By.MACHINE,
            socket.gethostname(),
            facts.clock.now(),
            facts.about,
        )
        if tell is not None:
            tell(item, answer)
        return answer

    try:
        return list(await asyncio.gather(*map(look, asked)))
    finally:
        await facts.commands.aclose()


async def preflight(
    facts: Facts, *, environment: Environment, known: Sequence[Answer] = (), tell: Tell | None = None
) -> tuple[list[Answer], list[Finding]]:  # fmt: skip
    """The machine's part of the deploy list: its answers, and findings of which the first says what came of all of it.
    `known`: answers of before, by which persons may have settled what the machine can't."""
    items = [one for one in items_of(ListName.DEPLOY) if one.check is not None]
    answers = await look_at(items, facts, environment=environment, tell=tell)
    now = facts.clock.now()
    lines = judge(items, [*known, *answers], environment=environment, about=facts.about, now=now)
    return answers, findings_of(lines)


async def _found(item: Item, facts: Facts, checks: Mapping[str, Check]) -> Found:
    if why := facts.declared.not_applicable.get(item.id):
        return Found(Void.NOT_APPLICABLE, f"The project says: {why}", "fairlead.toml [checklist.not_applicable]")
    check = checks.get(item.check or "")
    if check is None:
        return Found(Verdict.COULD_NOT_ASK, f"There is no check {item.check!r}.")
    limit = _limit(item, facts)
    try:
        async with asyncio.timeout(limit.total_seconds()):
            return await check(facts)
    except CouldNotAsk as error:
        return Found(Verdict.COULD_NOT_ASK, error.said)
    except TimeoutError:
        return Found(Verdict.COULD_NOT_ASK, f"It took longer than {write_duration(limit)}.")
    except FairleadError as error:
        return Found(Verdict.COULD_NOT_ASK, str(error))
    except Exception as error:  # noqa: BLE001 a check that breaks says nothing of what it was to look at
        return Found(Verdict.COULD_NOT_ASK, f"The check itself broke: {error!r}")


def _limit(item: Item, facts: Facts) -> timedelta:
    """Commands wait for each other, and each ends in its own time."""
    declared = facts.declared
    if item.check in RUN_COMMANDS:
        return declared.timeout + declared.command_timeout * max(1, len(declared.commands))
    return declared.timeout
