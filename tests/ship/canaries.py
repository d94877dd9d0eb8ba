"""A rehearsed canary, from its first look to its verdict: for tests, and for the benchmark that makes many of them."""

from __future__ import annotations

from datetime import timedelta

from fairlead.ship.rehearsal import Behaviour, Rehearsal
from fairlead.ship.release import Release
from fairlead.ship.verdict import Limits, Look, Verdict, judge, verdict_of
from fairlead.ship.watching import since
from fairlead.testing import MovableClock

HALF_MINUTE = timedelta(seconds=30)


async def outcome(like: Behaviour, *, seed: int, rate: float = 10.0, looks: int = 10) -> Verdict:
    """Of a canary with a tenth of the requests, looked at each half minute as long as it does not fail."""
    clock = MovableClock()
    target = Rehearsal(clock=clock, rate=rate, seed=seed)
    target.behaviour["new"] = like
    for build in ("old", "new"):
        await target.start(Release(build, "."), 1)
    await target.route({"old": 90, "new": 10})
    seen: list[Look] = []
    before = (await target.figures("old"), await target.figures("new"))
    for _ in range(looks):
        clock.move(HALF_MINUTE)
        now = (await target.figures("old"), await target.figures("new"))
        seen.append(Look(since(before[0], now[0]), since(before[1], now[1])))
        before = now
        if (verdict := verdict_of(judge(seen, Limits()))) is Verdict.FAIL:
            return verdict
    return verdict_of(judge(seen, Limits()))
