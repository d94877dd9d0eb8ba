"""Deploys carried out on a rehearsed target: well, badly, and by deployers that die."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fairlead.database.sql import parse
from fairlead.errors import Conflict
from fairlead.ship.carry_out import CarryOut, Trial
from fairlead.ship.ledger import Deploy, Ledger, StepRecord
from fairlead.ship.rehearsal import Behaviour, Rehearsal
from fairlead.ship.release import Release
from fairlead.ship.strategy import Kind, Outcome, Plan, Word
from fairlead.ship.terms import Fill, Strategy, Terms, Unclear
from fairlead.ship.verdict import Figures, Finding, Limits, Verdict
from fairlead.ship.watching import Filler
from fairlead.telemetry.emit import silent
from fairlead.testing import MovableClock

CANARY = Terms(strategy=Strategy.CANARY, steps=(10, 50))
Tell = Callable[[str, Deploy, StepRecord | None], None]


async def well(release: Release) -> Sequence[Finding]:
    return [Finding("GET /health", Verdict.PASS, "200")]


def carrying(
    ledger: Ledger, target: Rehearsal, clock: MovableClock, *, tell: Tell | None = None,
    smoke: Trial = well, more: dict[Kind, Trial] | None = None, filler: Filler | None = None,
) -> CarryOut:  # fmt: skip
    trials = {Kind.SMOKE: smoke, **(more or {})}
    return CarryOut(ledger, target, trials=trials, clock=clock, emit=silent, filler=filler, tell=tell)


async def passing(clock: MovableClock, work: Awaitable[Any]) -> Any:
    """While time goes by."""
    task = asyncio.ensure_future(work)
    while not task.done():
        await five_seconds(clock)
    return await task


async def five_seconds(clock: MovableClock) -> None:
    """They go by when the course of a deploy and the renewal of its lease both wait for it: on a busy machine time
    would be over before the work."""
    for _ in range(25):
        await asyncio.sleep(0.0005)
        if clock.sleepers > 1:
            break
    clock.move(timedelta(seconds=5))


async def ship(
    ledger: Ledger, target: Rehearsal, clock: MovableClock, build: str, terms: Terms = CANARY, **more: Any
) -> Deploy:
    release = Release(build, ".")
    await ledger.keep(release)
    deploy = await ledger.open(Plan(build, await ledger.stable(), terms), by="ann")
    return await passing(clock, carrying(ledger, target, clock, **more).run(deploy.id))


async def weights(target: Rehearsal) -> dict[str, int]:
    return {build: arm.weight for build, arm in (await target.state()).items()}


def saying(ledger: Ledger, word: Word, during: str) -> Tell:
    """A person who says so once, while such a step is under way."""
    words: list[asyncio.Task[None]] = []

    def tell(move: str, deploy: Deploy, record: StepRecord | None) -> None:
        if move == "begun" and record is not None and record.step.kind == during and not words:
            words.append(asyncio.ensure_future(ledger.say(deploy, word, by="ann")))

    return tell


async def test_a_good_canary_is_promoted_and_the_old_release_ends(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    assert (await ship(ledger, target, clock, "v1")).outcome is Outcome.SUCCEEDED
    done = await ship(ledger, target, clock, "v2")
    assert (done.outcome, await weights(target)) == (Outcome.SUCCEEDED, {"v2": 100})
    records = await ledger.steps(done)
    assert [one.verdict for one in records] == [Verdict.PASS] * 10
    watched = next(one for one in records if one.findings and one.step.kind == "watch")
    assert {one.about for one in watched.findings} == {"error_rate", "errors", "p95", "latency", "cost"}
    assert (await ledger.stable(), await ledger.before("v2")) == ("v2", "v1")


@pytest.mark.parametrize("bad", [
    Behaviour(broken=True), Behaviour(error_rate=0.5), Behaviour(latency=3.0), Behaviour(silent=True),
])  # fmt: skip
async def test_a_bad_release_is_rolled_back_and_the_old_one_has_all_requests(
    ledger: Ledger, target: Rehearsal, clock: MovableClock, bad: Behaviour
) -> None:
    await ship(ledger, target, clock, "v1")
    target.behaviour["v2"] = bad
    done = await ship(ledger, target, clock, "v2")
    assert (done.outcome, await weights(target)) == (Outcome.ROLLED_BACK, {"v1": 100})
    assert await ledger.stable() == "v1"
    told = [one for one in await ledger.steps(done) if one.verdict is not Verdict.PASS]
    assert len(told) == 1 and told[0].said


async def test_what_fails_its_trial_never_gets_a_request(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    await ship(ledger, target, clock, "v1")

    async def badly(release: Release) -> Sequence[Finding]:
        return [Finding("GET /health", Verdict.FAIL, "500")]

    done = await ship(ledger, target, clock, "v2", smoke=badly)
    assert done.outcome is Outcome.ROLLED_BACK
    assert not [move for move in target.moves if move.startswith("route") and "v2" in move]


@pytest.mark.parametrize(("unclear", "outcome"), [
    (Unclear.ROLL_BACK, Outcome.ROLLED_BACK), (Unclear.PROMOTE, Outcome.SUCCEEDED),
])  # fmt: skip
async def test_a_canary_with_little_to_see_becomes_what_the_setting_says(
    ledger: Ledger, clock: MovableClock, unclear: Unclear, outcome: Outcome
) -> None:
    target = Rehearsal(clock=clock, rate=0.2)
    await ship(ledger, target, clock, "v1")
    terms = Terms(strategy=Strategy.CANARY, steps=(10,), unclear=unclear)
    began = clock.monotonic()
    done = await ship(ledger, target, clock, "v2", terms)
    assert done.outcome is outcome
    assert clock.monotonic() - began >= terms.watch + terms.hold, "it was held before"


async def test_a_release_that_is_busy_ends_later_and_holds_nobody_up(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    await ship(ledger, target, clock, "v1")
    target.behaviour["v1"] = Behaviour(busy=3)
    done = await ship(ledger, target, clock, "v2")
    assert (done.outcome, await weights(target)) == (Outcome.SUCCEEDED, {"v1": 0, "v2": 100})
    assert "ends once its runs" in (await ledger.steps(done))[-1].said


async def test_a_target_that_is_away_for_a_moment_harms_nothing_and_for_long_ends_it(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    await ship(ledger, target, clock, "v1")
    target.away = 2
    assert (await ship(ledger, target, clock, "v2")).outcome is Outcome.SUCCEEDED
    target.away = 100
    done = await ship(ledger, target, clock, "v3")
    assert (done.outcome, await weights(target)) == (Outcome.FAILED, {"v2": 100})


@pytest.mark.parametrize(("word", "outcome"), [(Word.PROMOTE, Outcome.SUCCEEDED), (Word.BACK, Outcome.ROLLED_BACK)])
async def test_a_person_ends_the_watch(
    ledger: Ledger, target: Rehearsal, clock: MovableClock, word: Word, outcome: Outcome
) -> None:
    await ship(ledger, target, clock, "v1")
    target.behaviour["v2"] = Behaviour(silent=True)
    done = await ship(ledger, target, clock, "v2", tell=saying(ledger, word, "watch"))
    assert (done.outcome, done.word_by) == (outcome, "ann")
    assert any("ann" in one.said for one in await ledger.steps(done))
    with pytest.raises(Conflict, match="is over"):
        await ledger.say(done, word, by="bob")


async def test_the_way_back_is_open_while_the_old_release_is_kept(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    await ship(ledger, target, clock, "v1")
    done = await ship(ledger, target, clock, "v2", Terms(), tell=saying(ledger, Word.BACK, "bake"))
    assert (done.outcome, await weights(target)) == (Outcome.ROLLED_BACK, {"v1": 100})


@pytest.mark.parametrize("during", ["watch", "check", "bake", "ready"])
async def test_a_halt_leaves_everything_as_it_is(
    ledger: Ledger, target: Rehearsal, clock: MovableClock, during: str
) -> None:
    await ship(ledger, target, clock, "v1")
    terms = Terms(strategy=Strategy.GRADUAL if during == "check" else Strategy.CANARY)
    target.behaviour["v2"] = Behaviour(slow=100.0 if during == "ready" else 0.0)
    done = await ship(ledger, target, clock, "v2", terms, tell=saying(ledger, Word.HALT, during))
    share = {"watch": 10, "check": 20, "bake": 100, "ready": 0}[during]
    assert (done.outcome, (await weights(target))["v2"]) == (Outcome.FROZEN, share)
    assert not [move for move in target.moves if move.startswith("stop")]
    last = (await ledger.steps(done))[-1]
    assert (last.step.kind, last.said) == (during, "halted by ann")
    assert await ledger.stable() == "v1"
    assert (await ship(ledger, target, clock, "v3")).outcome is Outcome.SUCCEEDED


async def test_whoever_wants_it_back_need_not_wait_until_it_is_ready(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    await ship(ledger, target, clock, "v1")
    target.behaviour["v2"] = Behaviour(slow=1e9)
    terms = replace(CANARY, ready_within=1e9)
    done = await ship(ledger, target, clock, "v2", terms, tell=saying(ledger, Word.BACK, "ready"))
    assert (done.outcome, await weights(target)) == (Outcome.ROLLED_BACK, {"v1": 100})
    assert next(one.said for one in await ledger.steps(done) if one.step.kind == "ready") == "ann wants it back"


async def test_a_gradual_way_back_takes_its_time_and_checks(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    await ship(ledger, target, clock, "v1")
    await ship(ledger, target, clock, "v2")
    target.moves.clear()
    began = clock.monotonic()
    done = await ship(ledger, target, clock, "v1", Terms(strategy=Strategy.GRADUAL, bake=0.0))
    assert (done.outcome, await weights(target)) == (Outcome.SUCCEEDED, {"v1": 100})
    assert clock.monotonic() - began >= 4 * 60
    routes = [move for move in target.moves if move.startswith("route")]
    shares = ["v1=20 v2=80", "v1=40 v2=60", "v1=60 v2=40", "v1=80 v2=20", "v1=100"]
    assert routes == [f"route {one}" for one in shares]
    assert sum(move == "ready v1" for move in target.moves) >= 4 * 3, "asked every half minute, at both ends too"


async def test_a_gradual_way_back_to_what_is_not_well_returns(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    await ship(ledger, target, clock, "v1")
    await ship(ledger, target, clock, "v2")

    def breaks(move: str, deploy: Deploy, record: StepRecord | None) -> None:
        if move == "begun" and record is not None and record.step.kind == "check":
            target.behaviour["v1"] = Behaviour(broken=True)

    done = await ship(ledger, target, clock, "v1", Terms(strategy=Strategy.GRADUAL), tell=breaks)
    assert (done.outcome, await weights(target)) == (Outcome.ROLLED_BACK, {"v2": 100})


WHOLE = Terms(preflight=True, backup=True, migrate=True, evaluate=True)


def logging(log: list[str], fails: Kind | None = None) -> dict[Kind, Trial]:
    def one(kind: Kind) -> Trial:
        async def trial(release: Release) -> Sequence[Finding]:
            log.append(f"{kind} {release.build}")
            return [Finding(kind, Verdict.FAIL if kind is fails else Verdict.PASS, "so it is")]

        return trial

    return {kind: one(kind) for kind in (Kind.PREFLIGHT, Kind.BACKUP, Kind.MIGRATE, Kind.EVALUATE)}


async def test_before_anything_is_touched_it_is_checked_and_backed_up_and_it_is_evaluated_before_it_serves(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    await ship(ledger, target, clock, "v1")
    log: list[str] = []
    done = await ship(ledger, target, clock, "v2", WHOLE, more=logging(log))
    assert done.outcome is Outcome.SUCCEEDED
    assert log == ["preflight v2", "backup v2", "migrate v2", "evaluate v2"]
    kinds = [one.step.kind.value for one in await ledger.steps(done)]
    assert kinds == ["preflight", "backup", "migrate", "start", "ready", "smoke", "evaluate", "route", "bake", "retire"]


@pytest.mark.parametrize(("fails", "one_way", "outcome"), [
    (Kind.PREFLIGHT, False, Outcome.REFUSED), (Kind.BACKUP, False, Outcome.REFUSED),
    (Kind.MIGRATE, False, Outcome.REFUSED), (Kind.EVALUATE, False, Outcome.ROLLED_BACK),
    (Kind.BACKUP, True, Outcome.REFUSED), (Kind.MIGRATE, True, Outcome.FROZEN), (Kind.EVALUATE, True, Outcome.FROZEN),
])  # fmt: skip
async def test_what_fails_before_it_serves_leaves_the_requests_where_they_are(
    ledger: Ledger, target: Rehearsal, clock: MovableClock, fails: Kind, one_way: bool, outcome: Outcome
) -> None:
    await ship(ledger, target, clock, "v1")
    target.moves.clear()
    terms = replace(WHOLE, one_way=one_way)
    done = await ship(ledger, target, clock, "v2", terms, more=logging([], fails))
    assert done.outcome is outcome
    assert (await weights(target))["v1"] == 100
    if outcome is Outcome.REFUSED:
        assert target.moves == []


async def test_after_a_migration_that_cant_go_back_only_a_person_sends_it_back(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    await ship(ledger, target, clock, "v1")
    terms = replace(CANARY, migrate=True, one_way=True)
    target.behaviour["v2"] = Behaviour(error_rate=0.5)
    done = await ship(ledger, target, clock, "v2", terms, more=logging([]))
    assert (done.outcome, await weights(target)) == (Outcome.FROZEN, {"v1": 90, "v2": 10})
    target.behaviour["v3"] = Behaviour(silent=True)
    more = {"more": logging([]), "tell": saying(ledger, Word.BACK, "watch")}
    done = await ship(ledger, target, clock, "v3", terms, **more)
    assert (done.outcome, (await weights(target))["v1"]) == (Outcome.ROLLED_BACK, 100)


async def test_a_canary_that_sees_little_is_filled_when_that_is_asked_for(ledger: Ledger, clock: MovableClock) -> None:
    target = Rehearsal(clock=clock, rate=0.2)
    asked: dict[str, int] = {}

    async def filler(build: str, count: int) -> Figures:
        asked[build] = asked.get(build, 0) + count
        return Figures(count, count // 3 if build == "bad" else 0)

    await ship(ledger, target, clock, "v1")
    terms = Terms(strategy=Strategy.CANARY, steps=(10,), fill=Fill.PROBES)
    done = await ship(ledger, target, clock, "v2", terms, filler=filler)
    assert done.outcome is Outcome.SUCCEEDED
    assert asked["v1"] == asked["v2"] and 60 <= asked["v2"] <= 100, "what was missing, to both"
    target.behaviour["bad"] = Behaviour(error_rate=0.0)
    assert (await ship(ledger, target, clock, "bad", terms, filler=filler)).outcome is Outcome.ROLLED_BACK
    assert asked.pop("bad") > 0
    asked.clear()
    await ship(ledger, target, clock, "v3", replace(terms, fill=Fill.NOTHING), filler=filler)
    assert asked == {}


async def test_what_was_seen_is_kept_and_whoever_takes_over_goes_on_with_it(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    await ship(ledger, target, clock, "v1")
    await ledger.keep(Release("v2", "."))
    deploy = await ledger.open(Plan("v2", "v1", replace(CANARY, steps=(10,))), by="ann")
    first = asyncio.ensure_future(carrying(ledger, target, clock).run(deploy.id))
    while len(await ledger.seen(deploy)) < 3:
        await five_seconds(clock)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    before = await ledger.seen(deploy)
    done = await passing(clock, carrying(ledger, target, clock).run(deploy.id))
    looks = await ledger.seen(done)
    assert looks[: len(before)] == before and len(looks) > len(before)
    last = looks[-1].look
    assert last.canary is not None and last.canary.latency and last.canary.cost
    watched = next(one for one in await ledger.steps(done) if one.step.kind == "watch")
    counted = sum(one.look.canary.requests for one in looks if one.look.canary)
    assert f"of {counted}," in watched.said, "the verdict is over all of them"


class Died(Exception):
    pass


class Mortal:
    """Dies at its n-th move."""

    def __init__(self, dies_at: int) -> None:
        self.moves, self.last = 0, ""
        self._dies_at = dies_at

    def __call__(self, move: str, deploy: Deploy, record: StepRecord | None) -> None:
        self.moves, self.last = self.moves + 1, move
        if self.moves - 1 == self._dies_at:
            raise Died


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_a_deployer_may_die_before_and_after_each_step(
    ledger: Ledger, clock: MovableClock, strategy: Strategy
) -> None:
    """Whoever comes next finishes, and nothing is done out of order."""
    short: dict[str, Any] = {
        "watch": 60.0,
        "every": 20.0,
        "bake": 20.0,
        "limits": Limits(least_requests=20, alarms=1e-9),
    }
    terms = Terms(strategy=strategy, instances=2, steps=(10,), **short)
    whole: list[str] | None = None
    for dies_at in range(-1, 30):
        target = Rehearsal(clock=clock)
        environment = Ledger(ledger_database(ledger), environment=f"{strategy}-{dies_at}")
        await ship(environment, target, clock, "v1")
        await environment.keep(Release("v2", "."))
        deploy = await environment.open(Plan("v2", "v1", terms), by="ann")
        mortal = Mortal(dies_at)
        try:
            await passing(clock, carrying(environment, target, clock, tell=mortal).run(deploy.id))
        except Died:
            if mortal.last == "finished":
                return
            with pytest.raises(Conflict, match="somebody is at it"):
                await environment.take(deploy.id)
            await let_the_lease_run_out(environment)
            again = carrying(environment, target, clock)
            done = await passing(clock, again.run(deploy.id))
        else:
            done = await environment.get(deploy.id)
        assert (done.outcome, await weights(target)) == (Outcome.SUCCEEDED, {"v2": 100}), dies_at
        told = [one.step.said for one in await environment.steps(done)]
        whole = whole or told
        assert told == whole
    raise AssertionError("it never got to its end")


@pytest.mark.parametrize(("word", "outcome"), [(Word.BACK, Outcome.ROLLED_BACK), (Word.HALT, Outcome.FROZEN)])
async def test_what_is_said_while_nobody_carries_it_out_is_heard_by_whoever_goes_on(
    ledger: Ledger, target: Rehearsal, clock: MovableClock, word: Word, outcome: Outcome
) -> None:
    """A step that was begun is ended as what it is, and the way back has steps of its own."""
    await ship(ledger, target, clock, "v1")
    await ledger.keep(Release("v2", "."))
    deploy = await ledger.open(Plan("v2", "v1", Terms()), by="ann")

    def dies(move: str, deploy: Deploy, record: StepRecord | None) -> None:
        if move == "begun" and record is not None and record.step.kind == "bake":
            raise Died

    with pytest.raises(Died):
        await passing(clock, carrying(ledger, target, clock, tell=dies).run(deploy.id))
    await ledger.say(deploy, word, by="bob")
    await let_the_lease_run_out(ledger)
    done = await passing(clock, carrying(ledger, target, clock).run(deploy.id))
    assert done.outcome is outcome
    told = [(one.step.kind.value, one.back, one.verdict) for one in await ledger.steps(done)][4:]
    way_back = [(kind, True, Verdict.PASS) for kind in ("start", "ready", "route", "retire")]
    assert told == ([("bake", False, Verdict.FAIL), *way_back] if word is Word.BACK else [
        ("bake", False, Verdict.UNCLEAR)
    ])  # fmt: skip


async def test_a_way_back_that_is_slow_is_not_taken_for_unwanted(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    await ship(ledger, target, clock, "v1")

    def stumbles(move: str, deploy: Deploy, record: StepRecord | None) -> None:
        saying_back(move, deploy, record)
        if move == "begun" and record is not None and record.back and record.step.kind == "start":
            target.restart("v1")

    saying_back = saying(ledger, Word.BACK, "bake")
    target.behaviour["v1"] = Behaviour(slow=60.0)
    done = await ship(ledger, target, clock, "v2", Terms(), tell=stumbles)
    assert (done.outcome, await weights(target)) == (Outcome.ROLLED_BACK, {"v1": 100})


async def test_one_at_a_time_and_a_release_never_changes(
    ledger: Ledger, target: Rehearsal, clock: MovableClock
) -> None:
    await ledger.keep(Release("v1", "."))
    await ledger.keep(Release("v1", "."))
    with pytest.raises(Conflict, match="made before"):
        await ledger.keep(Release("v1", ".", {"A": "b"}))
    deploy = await ledger.open(Plan("v1", None, CANARY), by="ann")
    with pytest.raises(Conflict, match="under way: v1"):
        await ledger.open(Plan("v1", None, CANARY), by="bob")
    held = await ledger.take(deploy.id)
    await let_the_lease_run_out(ledger)
    await ledger.take(deploy.id)
    step = deploy.plan.forward[0]
    with pytest.raises(Conflict, match="Somebody else"):
        await ledger.hold(held)
    with pytest.raises(Conflict, match="Somebody else"):
        await ledger.begin(held, 1, step, back=False)
    with pytest.raises(Conflict, match="Somebody else"):
        await ledger.finish(held, Outcome.SUCCEEDED)


async def test_whoever_keeps_a_deploy_that_it_has_just_finished_has_lost_nothing(ledger: Ledger) -> None:
    await ledger.keep(Release("v1", "."))
    held = await ledger.take((await ledger.open(Plan("v1", None, CANARY), by="ann")).id)
    await ledger.finish(held, Outcome.SUCCEEDED)
    await ledger.hold(held)
    assert not (await ledger.get(held.id)).held
    with pytest.raises(Conflict, match="it is over"):
        await ledger.take(held.id)


def ledger_database(ledger: Ledger) -> Any:
    return ledger._database  # pyright: ignore[reportPrivateUsage]


async def let_the_lease_run_out(ledger: Ledger) -> None:
    """As half a minute does."""
    database = ledger_database(ledger)
    await database.write(parse("let", "UPDATE deploys SET lease_until = 0 RETURNING id", database.dialect))
