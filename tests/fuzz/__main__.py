"""`python -m tests.fuzz [--cases 10000] [--seed 1] [--postgres]`: until so many cases were tried."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fuzz.attack import attack, server
from tests.servers import PostgresServer

_EXAMPLES = 30


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Attack the API with its description.")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", action="store_true", help="against a PostgreSQL of its own; else SQLite")
    given = parser.parse_args()
    tried, found = 0, 0
    with (
        tempfile.TemporaryDirectory() as folder,
        _database(postgres=given.postgres) as database,
        server(Path(folder), database) as url,
    ):
        seed = given.seed
        while tried < given.cases:
            told = attack(Path(folder), url, examples=_EXAMPLES, seed=seed)
            tried, seed = tried + told.cases, seed + 1
            for problem in (told.failures, *told.internal):
                found += bool(problem)
                print(problem)
            print(f"{tried} of {given.cases} cases, {'nothing found' if not found else 'see above'}", flush=True)
    return 1 if found else 0


@contextmanager
def _database(*, postgres: bool) -> Iterator[str]:
    """Its address; none where it is a file of the project."""
    if not postgres:
        yield ""
        return
    server = PostgresServer(durable=False)
    try:
        yield server.start()
    finally:
        server.remove()


if __name__ == "__main__":
    raise SystemExit(main())
