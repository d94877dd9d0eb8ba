"""What ships releases, put together from the settings and the project's `[ship]`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from fairlead.clock import SystemClock
from fairlead.config import Finder, Role, Settings, refuse_incomplete, whole_environment
from fairlead.config.secrets import parse_reference
from fairlead.database import migrate
from fairlead.database.file_lock import FileLock
from fairlead.database.sql import parse
from fairlead.errors import ConfigurationError, FairleadError, InvalidInput, SecretUnavailable
from fairlead.runs.journal import MIGRATIONS as RUNS
from fairlead.ship.carry_out import CarryOut, Tell
from fairlead.ship.declared import Declared, parse_ship
from fairlead.ship.evidence import Histogram
from fairlead.ship.host.supervisor import Supervisor
from fairlead.ship.host.target import PROXY, HostTarget
from fairlead.ship.ledger import MIGRATIONS, Ledger
from fairlead.ship.release import Release
from fairlead.telemetry.emit import silent
from fairlead.wiring.databases import open_database
from fairlead.wiring.project import Setup
from fairlead.wiring.trials import Trials

_DEPLOYS = 100  # that are looked through for releases to keep
_UNFINISHED = "SELECT count(*) AS found FROM runs WHERE release = :release AND finished_at IS NULL"
# To the tenth of a millidollar.
_COSTS = """SELECT cost_nano / 100000 AS tenths, count(*) AS found FROM runs
WHERE release = :release AND finished_at IS NOT NULL AND cost_nano > 0 GROUP BY 1"""


@dataclass(frozen=True, slots=True)
class Shipping:
    declared: Declared
    ledger: Ledger
    target: HostTarget
    environment: str
    settings: Settings
    trials: Trials

    def carrying(self, tell: Tell | None = None) -> CarryOut:
        return CarryOut(
            self.ledger, self.target, trials=self.trials.all, filler=self.trials.filled,
            figures=self.declared.prometheus.figures if self.declared.prometheus else None,
            clock=SystemClock(), emit=silent, tell=tell,
        )  # fmt: skip

    async def tidy(self) -> list[str]:
        """Let releases end that get no requests and have nothing left to do; of the last ones the code stays."""
        ended: list[str] = []
        for build, arm in (await self.target.state()).items():
            if arm.weight == 0:
                await self.target.stop(build)
                ended += [build] if arm.busy == 0 else []
        served = [one.plan.new for one in await self.ledger.history(limit=_DEPLOYS) if one.outcome]
        kept = list(dict.fromkeys(served))[: self.declared.keep]
        return ended + self.target.prune({*kept, *filter(None, [await self.ledger.stable()])})

    def release(self, build: str, source: Path) -> Release:
        """With the versions that its secrets have now. Raises `InvalidInput`, and `ConfigurationError` or
        `SecretUnavailable` with all that can't be had."""
        if build == PROXY:
            raise InvalidInput(f"{build!r} is what the front is called here.", hint="Give the release another name.")
        if not source.is_dir():
            raise InvalidInput(f"{source} is no folder with code.")
        code = self.target.code_of(source)
        made = Release(build, str(source.resolve()), self.declared.settings, self.declared.secrets, code=code)
        versions, missing = versions_of(made.secrets, self.settings.vault.finder)
        refuse_incomplete(self.settings, Role.SHIP, more=[error.message for error in missing])
        if missing:
            kinds = {type(error) for error in missing}
            kind = SecretUnavailable if kinds == {SecretUnavailable} else ConfigurationError
            raise kind(f"The release {build} would have no secrets. " + " ".join(error.message for error in missing))
        return replace(made, versions=versions)


@asynccontextmanager
async def open_shipping(setup: Setup) -> AsyncGenerator[Shipping]:
    """Raises `ConfigurationError`, `DatabaseUnavailable`."""
    settings, declared = setup.settings, declared_of(setup)
    database = await open_database(settings.database, root=settings.root, clock=SystemClock())
    try:
        await migrate(database, (RUNS, MIGRATIONS))
        environment = settings.app.environment.value

        async def runs_of(build: str) -> int:
            return (await database.read(parse("unfinished", _UNFINISHED, database.dialect), release=build))[0]["found"]

        async def costs_of(build: str) -> Histogram:
            rows = await database.read(parse("costs", _COSTS, database.dialect), release=build)
            return {row["tenths"] / 10_000: row["found"] for row in rows}

        target = HostTarget(
            declared.host, wake=lambda: wake_supervisor(setup.declared.file.parent, declared), clock=SystemClock(),
            runs_of=runs_of, costs_of=costs_of,
        )  # fmt: skip
        ledger, trials = Ledger(database, environment=environment), Trials(setup, declared, target)
        yield Shipping(declared, ledger, target, environment, settings, trials)
    finally:
        await database.close()


def versions_of(secrets: Mapping[str, str], finder: Finder) -> tuple[dict[str, str], list[FairleadError]]:
    """Of those that are counted, and what is wrong with the others. What is a variable's or a file's may be our
    supervisor's alone to see: those are only looked for as a process is started."""
    versions: dict[str, str] = {}
    wrong: list[FairleadError] = []
    for name, text in secrets.items():
        reference = parse_reference(text)
        if reference is None or reference.kind != "aws":
            continue
        try:
            versions[name] = finder.find(reference, within=timedelta(0)).version
        except FairleadError as error:
            wrong.append(type(error)(f"{name} ({reference}): {error.message}", hint=error.hint))
    return versions, wrong


def declared_of(setup: Setup) -> Declared:
    declared, environment = setup.declared, setup.settings.app.environment
    return parse_ship(
        declared.ship, root=declared.root, environ=whole_environment(), file=declared.file,
        environment=environment,
    )  # fmt: skip


def make_supervisor(setup: Setup) -> Supervisor:
    finder = setup.settings.vault.finder
    return Supervisor(declared_of(setup).host.root, whole_environment(), clock=SystemClock(), finder=finder)


def wake_supervisor(project: Path, declared: Declared) -> None:
    """One that outlives us, unless there is one: a second one sees that, and ends."""
    root = declared.host.root
    root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root / "supervisor.lock")
    if not lock.take(""):
        return
    lock.release()
    with (root / "supervisor.log").open("ab") as log:
        subprocess.Popen(
            (sys.executable, "-m", "fairlead", "ship", "supervise"), cwd=project, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True, env=whole_environment(),
        )  # fmt: skip
