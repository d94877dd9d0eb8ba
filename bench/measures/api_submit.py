"""How many runs one API process accepts: durable, with a key, a log line and metrics."""

from __future__ import annotations

import asyncio
import json
import sys

from bench import loopback, serving
from bench.figure import Figure, at_least, at_most
from bench.loopback import Load
from bench.place import Place
from bench.serving import Serving

TITLE = "Accepting runs over HTTP"
WORK = (
    "`fairlead serve` on PostgreSQL with the settings of production is sent `POST /runs` with a key by 32 clients that "
    "ask without end; every answer means that the run is stored. No worker is there. Beside it a bare Starlette and a "
    "bare FastAPI app on the same uvicorn, which read the same body and keep nothing. Then the same at half of the "
    "pace reached, sent on time whether or not it is answered: a request's time runs from when it was due."
)
_BODY = {"assistant_id": "single", "input": {"topic": "lead times", "depth": 3}, "metadata": {"intent": "report"}}
_TOGETHER = 32


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    url, folder = await place.new_database(), place.new_folder()
    ours = await serving.fairlead(place, url, folder)
    others = [await serving.bare(place, name) for name in ("starlette", "fastapi")]
    paces: dict[str, list[float]] = {one.name: [] for one in (ours, *others)}
    per_second, p50, p99 = list[float](), list[float](), list[float]()
    seconds = 1.0 if place.quick else 4.0
    try:
        for number in range(place.repeats + 1):
            for one in (ours, *others):
                load, cpu = await _asked(place, one, seconds if one is ours else 1.0)
                if number == 0:  # warms it
                    continue
                paces[one.name].append(load.count / cpu)
                if one is ours:
                    per_second.append(load.per_second)
                    half = await _paced(place, ours, load.per_second / 2, seconds)
                    p50.append(half.p50)
                    p99.append(half.p99)
    finally:
        for one in (ours, *others):
            one.stop()
    await place.drop(url)
    return [
        Figure("runs accepted in a CPU second", "/s", paces["Fairlead"], at_least(2500)),
        *(Figure("requests in a CPU second", "/s", paces["Fairlead"], None, f"bare {one.name}", paces[one.name])
          for one in others),
        Figure("runs accepted, all of the machine", "/s", per_second),
        Figure("at half that pace, p50", "ms", p50),
        Figure("at half that pace, p99", "ms", p99, at_most(25)),
    ], [loopback.note(place)]  # fmt: skip


async def _asked(place: Place, one: Serving, seconds: float) -> tuple[Load, float]:
    before = one.member.cpu()
    load = await loopback.load(
        place, one.port, "/runs", _BODY, together=_TOGETHER, seconds=seconds, headers=one.headers
    )
    return load, max(one.member.cpu() - before, 0.01)


async def _paced(place: Place, one: Serving, pace: float, seconds: float) -> Load:
    file = place.folder / "paced.json"
    file.write_text(json.dumps(_BODY))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.paced", str(one.port), "/runs", str(pace), str(seconds), str(file), *one.headers,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("bench.paced failed")
    said = json.loads(out)
    if said["errors"]:
        raise RuntimeError(f"{said['errors']} of {said['n']} requests at a pace failed")
    return Load(said["n"], said["rps"], said["p50"], said["p99"], said["errors"])
