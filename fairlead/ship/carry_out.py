"""Carries a deploy out: asks the strategy what is next, does it, writes down what came of it. Whoever does so may die
at any moment; who takes over asks the same question of the same ledger, and does again what was only begun.

    take the deploy ──► next step? ──► begin ──► do ──► end ──┐
                           ▲   └── none ──► finish            │
                           └──────────────────────────────────┘
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from fairlead.clock import Clock
from fairlead.errors import Conflict, DatabaseUnavailable, FairleadError, TargetUnavailable
from fairlead.ship.ledger import LEASE, Deploy, Ledger, StepRecord
from fairlead.ship.release import Release
from fairlead.ship.strategy import Kind, Outcome, Step, is_back, next_step
from fairlead.ship.target import Target
from fairlead.ship.verdict import Finding, Verdict, verdict_of
from fairlead.ship.watching import Doing, FiguresOf, Filler, Told, Watch, heard_of, wanted_of
from fairlead.telemetry.emit import Emit

Trial = Callable[[Release], Awaitable[Sequence[Finding]]]
"""Of a release, by somebody else than the target. The first finding says what came of all of it."""
Tell = Callable[[str, Deploy, StepRecord | None], None]
"""Of the moves: "begun", "ended", "finished"."""

_ASK_EVERY = timedelta(seconds=0.5)
_RETIRES_WITHIN = 10.0  # seconds; what is busy for longer ends later
_ATTEMPTS = 3  # at a step whose target could not be reached


class CarryOut:
    """`trials`: who does the steps that are none of the target's. `figures`: of a release, if not the target's own.
    `filler`: see `Watch`. `tell` hears of each move, for whoever watches."""

    def __init__(
        self, ledger: Ledger, target: Target, *, trials: Mapping[Kind, Trial], clock: Clock, emit: Emit,
        figures: FiguresOf | None = None, filler: Filler | None = None, tell: Tell | None = None,
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._target = target
        self._trials = trials
        self._watch = Watch(ledger, figures or target.figures, filler, clock=clock)
        self._clock = clock
        self._emit = emit
        self._tell = tell

    async def run(self, deploy_id: str) -> Deploy:
        """To its end. Raises `Conflict` when somebody else is at it, or has taken it over."""
        deploy = await self._ledger.take(deploy_id)
        async with self._held(deploy):
            while True:
                now, records = await self._ledger.get(deploy_id), await self._ledger.steps(deploy)
                if records and (told := _unwanted(records[-1], now)) is not None:
                    await self._ledger.end(deploy, records[-1].seq, told.verdict, told.said)
                    continue
                done = [one for record in records if (one := record.done) is not None]
                step = next_step(deploy.plan, done, now.word)
                if isinstance(step, Outcome):
                    deploy = await self._ledger.finish(deploy, step)
                    self._emit("deploy_finished", build=deploy.plan.new, outcome=step.value)
                    self._say("finished", deploy, None)
                    return deploy
                await self._step(deploy, len(done) + 1, step, back=is_back(done, now.word))

    async def _step(self, deploy: Deploy, seq: int, step: Step, *, back: bool) -> None:
        # From here on our own clock counts; the ledger knows what whoever died has waited already.
        elapsed = await self._ledger.begin(deploy, seq, step, back=back)
        doing = Doing(deploy, seq, step, back, self._clock.monotonic() - elapsed.total_seconds())
        self._say("begun", deploy, StepRecord(seq, step, back, 0, None, None, "", ()))
        told = await self._patiently(doing)
        await self._ledger.end(deploy, seq, told.verdict, told.said, told.findings)
        self._emit(
            "deploy_step", build=deploy.plan.new, step=step.said, verdict=told.verdict.value, message=told.said
        )  # fmt: skip
        self._say("ended", deploy, StepRecord(seq, step, back, 0, 0, told.verdict, told.said, tuple(told.findings)))

    async def _patiently(self, doing: Doing) -> Told:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._do(doing)
            except FairleadError as error:
                if attempt == _ATTEMPTS or not isinstance(error, TargetUnavailable | DatabaseUnavailable):
                    return Told(Verdict.FAIL, str(error))
                await self._clock.sleep(_ASK_EVERY)
            except OSError as error:  # such as a full disk
                return Told(Verdict.FAIL, f"{type(error).__name__}: {error}")
        raise AssertionError("unreachable")

    async def _do(self, doing: Doing) -> Told:
        step, given = doing.step, doing.step.given
        match step.kind:
            case Kind.PREFLIGHT | Kind.BACKUP | Kind.MIGRATE | Kind.SMOKE | Kind.EVALUATE:
                findings = await self._trials[step.kind](await self._ledger.release(given["build"]))
                return Told(verdict_of(findings), "; ".join(one.said for one in findings[:1]), findings)
            case Kind.START:
                await self._target.start(await self._ledger.release(given["build"]), given["instances"])
                return Told(Verdict.PASS)
            case Kind.READY:
                return await self._until_ready(doing, given["build"], doing.began + given["within"])
            case Kind.ROUTE:
                await self._target.route(given["weights"])
                return Told(Verdict.PASS)
            case Kind.WATCH:
                return await self._watch.over(doing)
            case Kind.CHECK:
                return await self._check(doing)
            case Kind.BAKE:
                return await self._bake(doing, doing.began + given["length"])
            case Kind.RETIRE:
                until = self._clock.monotonic() + _RETIRES_WITHIN
                while not (gone := await self._target.stop(given["build"])) and self._clock.monotonic() < until:
                    await self._clock.sleep(_ASK_EVERY)
                return Told(Verdict.PASS, "" if gone else "it ends once its runs and requests have")

    async def _until_ready(self, doing: Doing, build: str, until: float) -> Told:
        while True:
            found = await self._target.ready(build)
            if found.ready:
                return Told(Verdict.PASS, found.said)
            if self._clock.monotonic() >= until:
                return Told(Verdict.FAIL, f"Not ready in time: {found.said}")
            if (heard := await heard_of(self._ledger, doing)) is not None and heard.verdict is not Verdict.PASS:
                return heard
            await self._clock.sleep(_ASK_EVERY)

    async def _check(self, doing: Doing) -> Told:
        """It must be ready whenever it is asked."""
        step, every = doing.step, timedelta(seconds=doing.step.given["every"])
        ends = doing.began + step.given["length"]
        while True:
            if not (found := await self._target.ready(step.given["build"])).ready:
                return Told(Verdict.FAIL, f"It is not well any more: {found.said}")
            if (heard := await heard_of(self._ledger, doing)) is not None:
                return heard
            if (left := ends - self._clock.monotonic()) <= 0:
                return Told(Verdict.PASS, found.said)
            await self._clock.sleep(min(every, timedelta(seconds=left)))

    async def _bake(self, doing: Doing, moment: float) -> Told:
        while (left := moment - self._clock.monotonic()) > 0:
            if (heard := await heard_of(self._ledger, doing)) is not None and heard.verdict is not Verdict.PASS:
                return heard
            await self._clock.sleep(min(timedelta(seconds=left), _ASK_EVERY))
        return Told(Verdict.PASS)

    @asynccontextmanager
    async def _held(self, deploy: Deploy) -> AsyncGenerator[None]:
        """Keeps the lease; whoever loses it is stopped in what they do."""
        task = asyncio.current_task()
        assert task is not None
        lost: list[FairleadError] = []

        async def keep() -> None:
            while True:
                await self._clock.sleep(LEASE / 3)
                try:
                    await self._ledger.hold(deploy)
                except Conflict as error:
                    lost.append(error)
                    task.cancel()
                    return
                except FairleadError:
                    continue  # the next time; the lease lasts for three

        keeping = asyncio.create_task(keep())
        try:
            yield
        except asyncio.CancelledError:
            if lost and task.uncancel() == 0:
                raise lost[0] from None
            with suppress(FairleadError):
                await self._ledger.leave(deploy)
            raise
        except FairleadError:
            with suppress(FairleadError):
                await self._ledger.leave(deploy)
            raise
        finally:
            keeping.cancel()

    def _say(self, move: str, deploy: Deploy, record: StepRecord | None) -> None:
        if self._tell is not None:
            self._tell(move, deploy, record)


def _unwanted(last: StepRecord, deploy: Deploy) -> Told | None:
    """Of a step that whoever has died had begun, and that a person does not want any more."""
    told = wanted_of(deploy, back=last.back) if last.verdict is None else None
    return None if told is None or told.verdict is Verdict.PASS else told
