"""`python -m tests.budget`: rounds on both databases, then each planted bug. Exit 1 when a promise was broken, or when
a planted bug was not caught."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys

from tests.budget.battery import Config, planted, run
from tests.budget.bugs import BUGS

_TRIES = 3  # a planted bug may hide in one round


def main() -> int:
    asked = _arguments()
    seed = asked.seed if asked.seed is not None else random.randrange(100_000)
    databases = ["sqlite", "postgres"] if asked.database == "both" else [asked.database]
    print(f"budget battery, seed {seed}: {asked.callers} callers on a budget for {asked.calls} calls", flush=True)
    failed = False
    if not asked.bug:
        for number in range(asked.rounds):
            for database in databases:
                for processes, kills in ((1, 0), (4, 0), (1, 2), (4, asked.kills)):
                    config = Config(database, processes, kills, seed + number, asked.callers, asked.calls)
                    failed |= _round(config)
    for bug in [asked.bug] if asked.bug else [] if asked.no_bugs else list(BUGS):
        for database in databases:
            failed |= not _caught(bug, database, seed)
    if failed:
        print(f"FAILED. Again: python -m tests.budget --seed {seed} --rounds {asked.rounds}")
    return int(failed)


def _round(config: Config) -> bool:
    report = asyncio.run(run(config))
    print(report.line(), flush=True)
    for violation in report.violations():
        print(f"    BROKEN {violation}", flush=True)
    return bool(report.violations())


def _caught(bug: str, database: str, seed: int) -> bool:
    for number in range(_TRIES):
        report = asyncio.run(run(planted(bug, database, seed + number)))
        if violations := report.violations():
            print(f"planted bug {bug} ({BUGS[bug].what}) on {database}: CAUGHT by: {'; '.join(violations)}", flush=True)
            return True
    print(f"planted bug {bug} ({BUGS[bug].what}) on {database}: NOT CAUGHT", flush=True)
    return False


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.budget", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--bug", choices=list(BUGS), help="plant this one and see it caught")
    parser.add_argument("--no-bugs", action="store_true", help="leave the planted bugs out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
