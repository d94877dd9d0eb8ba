"""What runs under way have done so far, written down for people to see: cost, tokens, steps, progress.

Now and then of all that changed; while somebody watches a list, soon after, of no more runs than it shows.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from fairlead.runs.announcer import MOST, Announcer
from fairlead.runs.holding import Holding
from fairlead.runs.journal import Journal

_SOON = timedelta(milliseconds=150)


class Showing:
    def __init__(self, holdings: dict[str, Holding], journal: Journal, announcer: Announcer) -> None:
        self._holdings = holdings
        self._journal = journal
        self._announcer = announcer
        self._writing = asyncio.Lock()  # one at a time: or older figures might be written after newer ones

    async def soon(self) -> timedelta | None:
        """A role."""
        if not self._announcer.shows_figures:
            return None
        await self.write(most=MOST)
        return _SOON

    async def write(self, *, most: int | None = None) -> None:
        """The newest first."""
        async with self._writing:
            await self._write_changed(most)

    async def _write_changed(self, most: int | None) -> None:
        changed: list[tuple[object, ...]] = []
        run_ids: list[str] = []
        for held in reversed(self._holdings.values()):
            figures = (held.budget.spent_nano, held.tokens_in, held.tokens_out, held.steps, held.progress)
            if figures != held.figures_shown and not held.left:
                held.figures_shown = figures
                changed.append((held.run.tenant, held.run.id, held.fence, *figures))
                run_ids.append(held.run.id)
            if len(changed) == most:
                break
        if changed:
            await self._journal.show(changed)
            self._announcer.shown(run_ids)
