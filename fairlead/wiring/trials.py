"""What is tried of a release by others than its target: put together from the settings and the project's `[ship]`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fairlead.clock import SystemClock
from fairlead.config import whole_environment
from fairlead.config.secrets import parse_reference
from fairlead.errors import ConfigurationError
from fairlead.operate.backup import take
from fairlead.ship.carry_out import Trial
from fairlead.ship.declared import Declared, Evaluated
from fairlead.ship.host.target import HostTarget
from fairlead.ship.release import Release
from fairlead.ship.smoke import smoke, why_not
from fairlead.ship.strategy import Kind
from fairlead.ship.terms import Fill
from fairlead.ship.verdict import Figures, Finding, Verdict
from fairlead.wiring.backing_up import backup_subject
from fairlead.wiring.checking import preflight
from fairlead.wiring.evaluating import Where, gate, load_suite, open_book, open_door
from fairlead.wiring.project import Setup


@dataclass(frozen=True, slots=True)
class Trials:
    setup: Setup
    declared: Declared
    target: HostTarget

    @property
    def all(self) -> Mapping[Kind, Trial]:
        return {
            Kind.PREFLIGHT: self.checked, Kind.BACKUP: self.backed_up, Kind.MIGRATE: self.migrated,
            Kind.SMOKE: self.smoked, Kind.EVALUATE: self.evaluated,
        }  # fmt: skip

    async def checked(self, release: Release) -> Sequence[Finding]:
        return await preflight(self.setup.declared.root, about=release.build, source=Path(release.source))

    async def backed_up(self, release: Release) -> Sequence[Finding]:
        """What it says is the id of the backup, and no more: `ship rollback --restore-database` reads it."""
        manifest = await take(backup_subject(self.setup.settings), why=f"before {release.build}")
        return [Finding(Kind.BACKUP, Verdict.PASS, manifest.id)]

    async def migrated(self, release: Release) -> Sequence[Finding]:
        secrets = {name: self._secret(text) for name, text in release.secrets.items()}
        await self.target.once(release, self.declared.migrate, {**whole_environment(), **secrets})
        return [Finding(Kind.MIGRATE, Verdict.PASS, " ".join(self.declared.migrate))]

    async def smoked(self, release: Release) -> Sequence[Finding]:
        return await smoke(self.target.addresses(release.build)[0], self.declared.smoke)

    async def evaluated(self, release: Release) -> Sequence[Finding]:
        """At one of its processes, which takes no requests of callers yet."""
        asked = self._evaluation
        async with open_book(self.setup) as book:
            return await gate(
                self.setup, asked.suite, self._where(release.build), asked.bounds, book, release=release.build,
                by="ship", clock=SystemClock(),
            )  # fmt: skip

    async def filled(self, build: str, count: int) -> Figures:
        """A `Filler`. Of latency and cost nothing: the release itself tells of them."""
        return await (self._replayed if self.declared.terms.fill is Fill.CASES else self._probed)(build, count)

    async def _replayed(self, build: str, count: int) -> Figures:
        """Cases of the evaluation suite; a run that fails is an error, whatever it would have answered."""
        suite, where = load_suite(self.setup, self._evaluation.suite), self._where(build)
        async with open_door(where, timeout=suite.timeout, clock=SystemClock()) as door:
            cases = [suite.cases[number % len(suite.cases)] for number in range(count)]
            answers = [await door.ask(suite.agent, case.inputs) for case in cases]
        return Figures(count, sum(bool(one.error) for one in answers))

    async def _probed(self, build: str, count: int) -> Figures:
        addresses, failed = self.target.addresses(build), 0
        for number in range(count):
            one = self.declared.smoke[number % len(self.declared.smoke)]
            failed += bool(await asyncio.to_thread(why_not, addresses[number % len(addresses)], one))
        return Figures(count, failed)

    @property
    def _evaluation(self) -> Evaluated:
        """Raises `ConfigurationError`."""
        if (asked := self.declared.evaluation) is None:
            raise ConfigurationError("No evaluation suite is named.", hint="[ship.evaluation] suite = …")
        return asked

    def _where(self, build: str) -> Where:
        key = self._evaluation.key
        return Where(self.target.addresses(build)[0], key=self._secret(key) if key else "", release=build)

    def _secret(self, text: str) -> str:
        """Raises `ConfigurationError`, `SecretUnavailable`."""
        if (reference := parse_reference(text)) is None:
            raise ConfigurationError("A secret is not said where to find.", hint="env:NAME, file:PATH, aws:ID.")
        return self.setup.settings.vault.finder.find(reference).value
