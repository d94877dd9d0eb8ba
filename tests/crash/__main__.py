"""`python -m tests.crash`: throws the faults, prints the figures, exits 1 when a promise was broken."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys

from tests.crash import bugs
from tests.crash.battery import Config, run
from tests.crash.report import Report, lines

_BUG_FAULTS = 40
_SHARE = 0.6


def main() -> int:
    asked = _arguments()
    seed = asked.seed if asked.seed is not None else random.randrange(100_000)
    databases = ["sqlite", "postgres"] if asked.database == "both" else [asked.database]
    if not asked.bug:
        print(f"crash battery, seed {seed}: {asked.faults} faults on {' and '.join(databases)}", flush=True)
    failed = False
    if not asked.bug:
        share = [asked.faults // len(databases)] * len(databases)
        share[0] += asked.faults - sum(share)
        for database, faults in zip(databases, share, strict=True):
            report = _battery(Config(database, faults, seed))
            failed |= bool(report.violations) or report.share < _SHARE
    planted = [asked.bug] if asked.bug else [] if asked.no_bugs else list(bugs.BUGS)
    for bug in planted:
        failed |= not _planted(bug, seed)
    if failed:
        print(f"FAILED. Again: python -m tests.crash --faults {asked.faults} --database {asked.database} --seed {seed}"
              + (f" --bug {asked.bug}" if asked.bug else ""))  # fmt: skip
    return int(failed)


def _battery(config: Config) -> Report:
    report = asyncio.run(run(config, _say))
    print("\n".join(["", *lines(report), ""]), flush=True)
    return report


def _planted(name: str, seed: int) -> bool:
    bug = bugs.BUGS[name]
    report = asyncio.run(run(Config(bug.database, _BUG_FAULTS, seed, name, until_broken=True), _say))
    checks = sorted({violation.check for violation in report.violations})
    caught = bug.caught(report)
    said = f"{'CAUGHT' if caught else 'NOT CAUGHT'} by: {'; '.join(checks)}"
    print(f"planted bug {name} ({bug.what}), {len(report.thrown)} faults on {bug.database}: {said}", flush=True)
    for violation in report.violations[:3]:
        print(f"    {violation.check}: {violation.said}", flush=True)
    return caught


def _say(line: str) -> None:
    print(line, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--bug", choices=list(bugs.BUGS), help="plant this one and see it caught")
    parser.add_argument("--no-bugs", action="store_true", help="leave the planted bugs out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
