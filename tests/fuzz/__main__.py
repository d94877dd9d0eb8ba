"""`python -m tests.fuzz [--cases 10000] [--seed 1]`: until so many cases were tried."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.fuzz.attack import attack, server

_EXAMPLES = 30


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Attack the API with its description.")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    tried, found = 0, 0
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as url:
        seed = given.seed
        while tried < given.cases:
            told = attack(Path(folder), url, examples=_EXAMPLES, seed=seed)
            tried, seed = tried + told.cases, seed + 1
            for problem in (told.failures, *told.internal):
                found += bool(problem)
                print(problem)
            print(f"{tried} of {given.cases} cases, {'nothing found' if not found else 'see above'}", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
