"""How often a canary says what is so: releases that are worse, and releases that are not, rehearsed by the hundred."""

from __future__ import annotations

from collections.abc import Sequence

from bench.figure import Figure, at_least, at_most
from bench.place import Place
from fairlead.clock import SystemClock
from fairlead.database import Database, migrate
from fairlead.ship.carry_out import CarryOut, Trial
from fairlead.ship.ledger import MIGRATIONS, Ledger
from fairlead.ship.rehearsal import Behaviour, Rehearsal
from fairlead.ship.release import Release
from fairlead.ship.strategy import Kind, Outcome, Plan
from fairlead.ship.terms import Terms
from fairlead.ship.verdict import Finding, Verdict
from fairlead.telemetry.emit import silent
from tests.access.conftest import open_database
from tests.ship.canaries import outcome

TITLE = "What canaries say, rehearsed"
WORK = (
    "Rehearsed releases, each trial with a seed of its own: 10 requests a second, a tenth of them to the canary, ten "
    "looks half a minute apart, 300 requests of the canary in all; the verdict of each look counts. Good: as the "
    "stable one (1 % errors). Little: a tenth of the requests. Time is moved, nobody waits for it. What is found "
    "before a release serves is a whole deploy on a rehearsed target: one that does not come up, one whose smoke suite "
    "fails, one whose evaluation does."
)
_BAD = {
    "10 % errors": Behaviour(error_rate=0.10), "3x latency": Behaviour(latency=3.0), "3x cost": Behaviour(cost=0.06),
}  # fmt: skip


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    trials, many = place.amount(100), place.amount(1000)
    figures = await _before_it_serves(place, trials)
    for name, bad in _BAD.items():
        failed = [await outcome(bad, seed=seed) for seed in range(trials)].count(Verdict.FAIL)
        figures.append(Figure(f"{name}: rolled back", "%", [100 * failed / trials], at_least(100)))
    good = [await outcome(Behaviour(), seed=seed) for seed in range(1000, 1000 + many)]
    figures.append(Figure("good: rolled back", "%", [100 * good.count(Verdict.FAIL) / many], at_most(2)))
    little = [await outcome(Behaviour(), seed=seed, rate=1.0) for seed in range(trials)]
    figures.append(Figure("little to see: promoted", "", [float(little.count(Verdict.PASS))], at_most(0)))
    blind = [await outcome(Behaviour(silent=True), seed=seed) for seed in range(trials)]
    figures.append(Figure("nothing to see: promoted", "", [float(blind.count(Verdict.PASS))], at_most(0)))
    return figures, [f"{trials} trials of each that is worse, {many} good ones, {trials} with little to see"]


async def _before_it_serves(place: Place, trials: int) -> list[Figure]:
    database = await open_database(f"sqlite:///{place.new_folder()}/ships.db")
    try:
        await migrate(database, (MIGRATIONS,))
        found: list[Figure] = []
        for fails in (Kind.READY, Kind.SMOKE, Kind.EVALUATE):
            back = [await _rolled_back(database, f"{fails}-{number}", fails) for number in range(trials)]
            name = {Kind.READY: "does not come up", Kind.SMOKE: "broken endpoint", Kind.EVALUATE: "wrong answers"}[
                fails
            ]
            found.append(Figure(f"{name}: rolled back", "%", [100 * sum(back) / trials], at_least(100)))
        return found
    finally:
        await database.close()


async def _rolled_back(database: Database, environment: str, fails: Kind) -> bool:
    """By that step, before it had any request."""
    ledger, target = Ledger(database, environment=environment), Rehearsal(clock=SystemClock(), rate=0.0)
    target.behaviour["bad"] = Behaviour(broken=fails is Kind.READY)

    def trial(kind: Kind) -> Trial:
        async def tried(release: Release) -> Sequence[Finding]:
            failed = kind is fails and release.build == "bad"
            return [Finding(kind, Verdict.FAIL if failed else Verdict.PASS, "as it was told to")]

        return tried

    trials = {kind: trial(kind) for kind in (Kind.SMOKE, Kind.EVALUATE)}
    carrying = CarryOut(ledger, target, trials=trials, clock=SystemClock(), emit=silent)
    for build in ("good", "bad"):
        await ledger.keep(Release(build, "."))
        deploy = await ledger.open(Plan(build, await ledger.stable(), Terms(bake=0.0, evaluate=True)), by="bench")
        ended = await carrying.run(deploy.id)
    steps = await ledger.steps(ended)
    failed = next((one.step.kind for one in steps if one.verdict is Verdict.FAIL), None)
    served = any(move.startswith("route") and "bad" in move for move in target.moves)
    weights = {build: arm.weight for build, arm in (await target.state()).items()}
    return (ended.outcome, failed, served, weights) == (Outcome.ROLLED_BACK, fails, False, {"good": 100})
