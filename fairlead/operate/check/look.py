"""Asking: several looks at once, each again when it does not pass, and never a pass where nothing was seen.

The words are those of checklists: pass, fail, unclear, could_not_ask, not_applicable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fairlead.clock import Clock
from fairlead.errors import FairleadError
from fairlead.ship.checklist.answer import Found, Void
from fairlead.ship.checklist.facts import CouldNotAsk
from fairlead.ship.verdict import Verdict

_PAUSE = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class Look:
    """`mend`: what to do when it does not pass."""

    name: str
    ask: Callable[[], Awaitable[Found]]
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """What came of a look, after so many tries; `took`: those of them all."""

    name: str
    found: Found
    mend: str
    tries: int
    took: timedelta

    @property
    def is_well(self) -> bool:
        return self.found.result in (Verdict.PASS, Void.NOT_APPLICABLE)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "result": self.found.result.value, "said": self.found.said,
            "reference": self.found.reference, "mend": "" if self.is_well else self.mend, "tries": self.tries,
            "took_ms": round(self.took / timedelta(milliseconds=1), 1),
        }  # fmt: skip


async def look_at(
    looks: Sequence[Look], *, retries: int, timeout: timedelta, clock: Clock, pause: timedelta = _PAUSE
) -> AsyncGenerator[Line]:
    """The lines in the order of the looks, each as soon as it is known. What does not pass is asked up to `retries`
    times more; `timeout` is for each try."""
    asking = [
        asyncio.create_task(_ask(one, retries=retries, timeout=timeout, clock=clock, pause=pause)) for one in looks
    ]
    try:
        for one in asking:
            yield await one
    finally:
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


def verdict_of(lines: Sequence[Line]) -> Verdict:
    """Of all of them: one fail fails, and what could not be told is no pass. Of nothing: could not ask."""
    said = {one.found.result for one in lines}
    for verdict in (Verdict.FAIL, Verdict.UNCLEAR, Verdict.COULD_NOT_ASK):
        if verdict in said:
            return verdict
    return Verdict.PASS if Verdict.PASS in said else Verdict.COULD_NOT_ASK


async def _ask(look: Look, *, retries: int, timeout: timedelta, clock: Clock, pause: timedelta) -> Line:
    started, tries = clock.monotonic(), 0
    while True:
        tries += 1
        found = await _once(look, timeout)
        line = Line(look.name, found, look.mend, tries, timedelta(seconds=clock.monotonic() - started))
        if line.is_well or tries > retries:
            return line
        await clock.sleep(pause)


async def _once(look: Look, timeout: timedelta) -> Found:
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            return await look.ask()
    except TimeoutError:
        return Found(Verdict.FAIL, f"No answer within {timeout.total_seconds():g} s.")
    except CouldNotAsk as error:
        return Found(Verdict.COULD_NOT_ASK, error.said)
    except FairleadError as error:
        return Found(Verdict.FAIL, why(error))
    except Exception as error:  # noqa: BLE001 a look that breaks must not take the others with it, nor pass
        return Found(Verdict.COULD_NOT_ASK, f"The look broke: {type(error).__name__}.")


def why(error: FairleadError) -> str:
    """Our words, and of a driver's error no more than what kind it is: its text may tell an address or a password."""
    cause = error.__cause__
    if cause is None:
        return error.message
    if isinstance(cause, OSError) and cause.strerror:
        return f"It can't be reached: {cause.strerror.split('(')[0].strip()[:80]}."
    return f"It can't be reached or used: {type(cause).__name__}."
