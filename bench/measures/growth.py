"""Does it stay as fast when a million runs lie in the tables?"""

from __future__ import annotations

from statistics import median

import asyncpg

from bench import throughput, workers
from bench.figure import Figure, at_most
from bench.place import Place

TITLE = "Steps a second beside stored runs"
EVENTS = 3  # of each stored run: accepted, one step, finished
WORK = (
    f"As `steps_postgres`, in databases that hold 10^3 to 10^6 finished runs with {EVENTS} events each "
    "(a stored run of ten steps has 13: fewer, so that the disk of a small machine is enough)."
)


async def measure(place: Place) -> tuple[list[Figure], list[str], list[tuple[float, float]]]:
    sizes = [10**3, 10**4, 10**5] + ([] if place.quick else [10**6])
    runs = place.amount(5000)
    databases = {size: await place.new_database() for size in sizes}
    for size, url in databases.items():
        await fill(place, url, size)
    paces: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(place.repeats):
        for size, url in databases.items():
            paces[size].append((await throughput.postgres(place, url, "ten", runs)).steps_per_second)
    for url in databases.values():
        await place.drop(url)
    figures = [Figure(f"beside {size:,} runs".replace(",", " "), "/s", paces[size]) for size in sizes]
    slower = [100 * (1 - last / first) for first, last in zip(paces[sizes[0]], paces[sizes[-1]], strict=True)]
    figures.append(Figure(f"slower at {sizes[-1]:,} than at 1 000".replace(",", " "), "%", slower, at_most(30)))
    curve = [(size, median(paces[size])) for size in sizes]
    return figures, [f"{runs} runs in each round."], curve


async def fill(place: Place, url: str, size: int) -> None:
    """Runs that ended within the last day, so that retention leaves them."""
    async with workers.engine_on(url, place.new_folder()):
        pass
    connection = await asyncpg.connect(url)
    try:
        for start in range(0, size, 100_000):
            last = min(start + 100_000, size)
            await connection.execute(_FILL, start, last - 1, size, timeout=600)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


# Ids sort by time as real ones do, and end in 62 random bits.
_FILL = """
WITH made AS MATERIALIZED (
    SELECT n, (extract(epoch FROM now()) * 1e6)::bigint - (80000 * 1e6 * (1 - n / $3::float8))::bigint AS at
    FROM generate_series($1::bigint, $2::bigint) AS n
),
named AS MATERIALIZED (
    SELECT at, regexp_replace(lpad(to_hex(at / 1000), 12, '0'), '(.{8})(.{4})', '\\1-\\2') || '-7'
        || lpad(to_hex(n % 4096), 3, '0') || '-8' || substr(md5(n::text), 1, 3) || '-' || substr(md5(n::text), 4, 12)
        AS id
    FROM made
),
stored AS (
    INSERT INTO runs (tenant, id, agent, release, status, root_id, input, output, fence, seq, created_at, started_at,
                      finished_at, executing_us, cost_nano, tokens_in, tokens_out, steps, progress)
    SELECT 'default', id, 'ten', 'bench', 'success', id, '{"topic":"' || id || '"}', '"a report of some length"', 1, 3,
           at, at + 3000, at + 9000, 6000, 1200000, 800, 120, 1, 100
    FROM named
)
INSERT INTO events (tenant, run_id, seq, type, kind, name, key, digest, at, fence, data)
SELECT 'default', id, seq, type, kind, name, key, digest, at + seq * 3000, 1, data
FROM named, (VALUES
    (1, 'accepted', NULL, 'ten', NULL, '', NULL),
    (2, 'step', 'step', 's', '/step/s/0f2c3d4e5a6b7c8d9e0f1a2b/0', '0f2c3d4e5a6b7c8d9e0f1a2b', '{"result":1}'),
    (3, 'finished', NULL, NULL, NULL, '', '{"status":"success","reason":null,"error":null}')
) AS told(seq, type, kind, name, key, digest, data)
"""
