"""Looking at a running system: the judging, the machine as files say it, and asking again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fairlead.clock import SystemClock
from fairlead.config import Environment
from fairlead.errors import DatabaseUnavailable
from fairlead.operate.check import backup, disk, judged
from fairlead.operate.check.judged import Asked
from fairlead.operate.check.look import Line, Look, look_at, verdict_of
from fairlead.operate.check.machine import Machine
from fairlead.ship.checklist.answer import Found, Void
from fairlead.ship.checklist.facts import CouldNotAsk
from fairlead.ship.verdict import Verdict

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PASS, FAIL, UNCLEAR, COULD_NOT_ASK = Verdict.PASS, Verdict.FAIL, Verdict.UNCLEAR, Verdict.COULD_NOT_ASK
GB = 1024**3


# -- asking


class Answers:
    """Gives one after the other, the last one again and again."""

    def __init__(self, *answers: Found | Exception) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self) -> Found:
        self.asked += 1
        answer = self._answers[min(self.asked, len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def lines_of(*looks: Look, retries: int = 3) -> list[Line]:
    asking = look_at(
        looks, retries=retries, timeout=timedelta(seconds=0.2), clock=SystemClock(), pause=timedelta(milliseconds=1)
    )
    return [one async for one in asking]


WELL, ILL = Found(PASS, "well"), Found(FAIL, "ill")


@pytest.mark.parametrize(
    ("answers", "result", "tries"),
    [
        ((WELL,), PASS, 1),
        ((ILL, ILL, WELL), PASS, 3),
        ((ILL,), FAIL, 4),
        ((Found(Void.NOT_APPLICABLE, ""),), Void.NOT_APPLICABLE, 1),
        ((CouldNotAsk("no /proc"), WELL), PASS, 2),
        ((CouldNotAsk("no /proc"),), COULD_NOT_ASK, 4),
        ((DatabaseUnavailable("away"),), FAIL, 4),
        ((KeyError("surprise"),), COULD_NOT_ASK, 4),
    ],
)
async def test_what_does_not_pass_is_asked_up_to_three_times_more(
    answers: tuple[Found | Exception, ...], result: Verdict | Void, tries: int
) -> None:
    asked = Answers(*answers)
    (line,) = await lines_of(Look("one", asked))
    assert (line.found.result, line.tries, asked.asked) == (result, tries, tries)


async def test_a_look_that_hangs_fails_and_holds_up_no_other() -> None:
    async def hangs() -> Found:
        await asyncio.sleep(60)
        return WELL

    hung, well = await lines_of(Look("hung", hangs), Look("well", Answers(WELL)), retries=0)
    assert hung.found == Found(FAIL, "No answer within 0.2 s.") and well.found is WELL


async def test_of_a_drivers_error_no_text_is_told() -> None:
    error = DatabaseUnavailable("postgresql://u:hunter2@db")
    error.__cause__ = RuntimeError("password=hunter2")
    refused = DatabaseUnavailable("postgresql://u:hunter2@db")
    refused.__cause__ = ConnectionRefusedError(111, "Connection refused")
    one, two = await lines_of(Look("a", Answers(error)), Look("b", Answers(refused)), retries=0)
    assert one.found.said == "It can't be reached or used: RuntimeError."
    assert two.found.said == "It can't be reached: Connection refused."


@pytest.mark.parametrize(
    ("results", "verdict"),
    [
        ((), COULD_NOT_ASK),
        ((Void.NOT_APPLICABLE,), COULD_NOT_ASK),
        ((PASS, Void.NOT_APPLICABLE), PASS),
        ((PASS, COULD_NOT_ASK), COULD_NOT_ASK),
        ((PASS, UNCLEAR, COULD_NOT_ASK), UNCLEAR),
        ((PASS, COULD_NOT_ASK, FAIL), FAIL),
    ],
)
def test_what_could_not_be_told_is_never_well(results: tuple[Verdict | Void, ...], verdict: Verdict) -> None:
    lines = [Line("one", Found(result, ""), "", 1, timedelta(0)) for result in results]
    assert verdict_of(lines) is verdict


# -- judging


@pytest.mark.parametrize(
    ("status", "result"),
    [(200, PASS), (429, PASS), (401, FAIL), (403, FAIL), (500, FAIL), (503, FAIL), (None, FAIL), (404, COULD_NOT_ASK),
     (405, COULD_NOT_ASK), (302, UNCLEAR), (418, UNCLEAR)],
)  # fmt: skip
def test_a_provider_is_up_when_it_answers_and_takes_our_key(status: int | None, result: Verdict) -> None:
    assert judged.provider(Asked(status, "timeout")).result is result


@pytest.mark.parametrize(
    ("newest", "environment", "result"),
    [
        (timedelta(hours=25.9), Environment.PRODUCTION, PASS),
        (timedelta(hours=26.1), Environment.PRODUCTION, FAIL),
        (timedelta(hours=26.1), Environment.DEVELOPMENT, FAIL),
        (None, Environment.PRODUCTION, FAIL),
        (None, Environment.STAGING, FAIL),
        (None, Environment.DEVELOPMENT, Void.NOT_APPLICABLE),
    ],
)
def test_a_backup_is_needed_in_production_and_lasts_26_hours(
    newest: timedelta | None, environment: Environment, result: Verdict | Void
) -> None:
    known = None if newest is None else ("backup_1", NOW - newest)
    assert backup.judge(known, environment=environment, now=NOW).result is result


@pytest.mark.parametrize(
    ("given", "result"),
    [
        ({}, PASS),
        ({"depth": 7999}, PASS),
        ({"depth": 8000}, FAIL),
        ({"depth": 1, "waited": timedelta(minutes=11)}, FAIL),
        ({"depth": 1, "waited": timedelta(minutes=9)}, PASS),
        ({"unserved": 1}, FAIL),
        ({"poisoned": 1}, FAIL),
    ],
)
def test_a_queue_is_well_while_it_moves(given: dict[str, int], result: Verdict) -> None:
    whole = {"depth": 0, "limit": 10_000, "waited": None, "poisoned": 0, "unserved": 0, **given}
    assert judged.queue(**whole).result is result  # type: ignore[arg-type]


def test_workers_that_all_drain_take_nothing() -> None:
    assert judged.workers(alive=2, draining=1, lost=0, running=0, slots=10).result is PASS
    assert judged.workers(alive=2, draining=2, lost=0, running=0, slots=10).result is FAIL
    assert judged.workers(alive=0, draining=0, lost=1, running=0, slots=0).result is FAIL


def test_a_redis_that_makes_room_by_itself_may_be_full() -> None:
    full = {"used": 95 * GB, "most": 100 * GB, "took": 0.001}
    assert judged.cache(policy="allkeys-lru", **full).result is PASS  # type: ignore[arg-type]
    assert judged.cache(policy="noeviction", **full).result is FAIL  # type: ignore[arg-type]


def test_a_page_that_is_not_ours_is_no_application() -> None:
    assert judged.service(Asked(404), Asked(404), None).result is FAIL
    assert judged.service(Asked(200), Asked(200), "<html>").result is COULD_NOT_ASK
    body = {"status": "degraded", "version": "1", "components": {"disk": {"status": "degraded", "message": "90 %"}}}
    assert judged.service(Asked(200), Asked(200), body) == Found(PASS, "version 1, degraded (disk: 90 %)")
    assert judged.service(Asked(200), Asked(503), {**body, "status": "unhealthy"}).result is FAIL


def test_a_disk_is_full_beyond_85_percent(tmp_path: Path) -> None:
    assert disk.judge({"blobs": 0.85}).result is PASS
    assert disk.judge({"blobs": 0.2, "backups": 0.86}).result is FAIL
    assert 0 < disk.share_taken(tmp_path / "not" / "there" / "yet") < 1


# -- the machine


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def memory(total: int, available: int) -> str:
    return f"MemTotal: {total // 1024} kB\nMemFree: 1 kB\nMemAvailable: {available // 1024} kB\n"


async def test_without_proc_nothing_is_known_of_the_machine(tmp_path: Path) -> None:
    for look in (Machine(tmp_path).cpu, Machine(tmp_path).memory):
        with pytest.raises(CouldNotAsk):
            await look()
    with pytest.raises(CouldNotAsk):
        await Machine(write(tmp_path, proc__meminfo="MemTotal: 1 kB\n")).memory()


@pytest.mark.parametrize(("available", "result"), [(3 * GB, PASS), (GB, FAIL)])
async def test_memory_of_a_machine(tmp_path: Path, available: int, result: Verdict) -> None:
    root = write(tmp_path, proc__meminfo=memory(10 * GB, available))
    assert (await Machine(root).memory()).result is result


V2 = {"proc__self__cgroup": "0::/pod/app\n"}
V1 = {"proc__self__cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n"}


@pytest.mark.parametrize(
    ("files", "result", "said"),
    [
        # a container with room on a full cache: what it could give back is not used
        ({**V2, "sys__fs__cgroup__pod__app__memory_DOT_max": str(GB),
          "sys__fs__cgroup__pod__app__memory_DOT_current": str(GB - 1),
          "sys__fs__cgroup__pod__app__memory_DOT_stat": f"anon 5\ninactive_file {GB // 2}\n"}, PASS, "50% of the cont"),
        ({**V2, "sys__fs__cgroup__pod__app__memory_DOT_max": str(GB),
          "sys__fs__cgroup__pod__app__memory_DOT_current": str(GB - 1)}, FAIL, "100% of the container"),
        # the limit is that of the pod above
        ({**V2, "sys__fs__cgroup__pod__app__memory_DOT_max": "max",
          "sys__fs__cgroup__pod__app__memory_DOT_current": "5",
          "sys__fs__cgroup__pod__memory_DOT_max": str(GB),
          "sys__fs__cgroup__pod__memory_DOT_current": str(GB)}, FAIL, "container"),
        # inside a container: the path is the host's, and its own group is the root
        ({"proc__self__cgroup": "0::/../../x\n", "sys__fs__cgroup__memory_DOT_max": str(GB),
          "sys__fs__cgroup__memory_DOT_current": str(GB)}, FAIL, "container"),
        ({**V1, "sys__fs__cgroup__memory__docker__abc__memory_DOT_limit_in_bytes": str(GB),
          "sys__fs__cgroup__memory__docker__abc__memory_DOT_usage_in_bytes": str(GB),
          "sys__fs__cgroup__memory__docker__abc__memory_DOT_stat": f"total_inactive_file {GB // 4}\n"},
         PASS, "75% of the container"),
        ({**V1, "sys__fs__cgroup__memory__memory_DOT_limit_in_bytes": str(GB),
          "sys__fs__cgroup__memory__memory_DOT_usage_in_bytes": str(GB)}, FAIL, "container"),
        # no limit, in the words of version 1
        ({**V1, "sys__fs__cgroup__memory__docker__abc__memory_DOT_limit_in_bytes": "9223372036854771712",
          "sys__fs__cgroup__memory__docker__abc__memory_DOT_usage_in_bytes": str(GB)}, PASS, "10% of the machine"),
    ],
)  # fmt: skip
async def test_the_limit_of_a_container_counts_beside_the_machine(
    tmp_path: Path, files: dict[str, str], result: Verdict, said: str
) -> None:
    root = write(tmp_path, proc__meminfo=memory(100 * GB, 90 * GB), **files)
    found = await Machine(root).memory()
    assert found.result is result and said in found.said, found


def stat(busy: int, idle: int) -> str:
    return f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"


@pytest.fixture
def moving(tmp_path: Path) -> Iterator[Path]:
    yield write(tmp_path, proc__stat=stat(0, 0))


async def over_a_second(root: Path, **files: str) -> Found:
    looking = asyncio.create_task(Machine(root).cpu())
    await asyncio.sleep(0.3)
    write(root, **files)
    return await looking


async def test_processors_are_watched_for_a_second(moving: Path) -> None:
    assert (await over_a_second(moving, proc__stat=stat(70, 30))).result is PASS
    write(moving, proc__stat=stat(0, 0))
    found = await over_a_second(moving, proc__stat=stat(90, 10))
    assert found.result is FAIL and found.said.startswith("90% of the machine's")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({**V2, "sys__fs__cgroup__pod__app__cpu_DOT_max": "50000 100000",
          "sys__fs__cgroup__pod__app__cpu_DOT_stat": "usage_usec 1000\n"},
         {"sys__fs__cgroup__pod__app__cpu_DOT_stat": "usage_usec 476000\n"}),
        ({**V1, "sys__fs__cgroup__cpu,cpuacct__docker__abc__cpu_DOT_cfs_quota_us": "50000",
          "sys__fs__cgroup__cpu,cpuacct__docker__abc__cpu_DOT_cfs_period_us": "100000",
          "sys__fs__cgroup__cpu,cpuacct__docker__abc__cpuacct_DOT_usage": "1000000"},
         {"sys__fs__cgroup__cpu,cpuacct__docker__abc__cpuacct_DOT_usage": "476000000"}),
    ],
)  # fmt: skip
async def test_a_container_uses_up_its_half_processor_on_an_idle_machine(
    moving: Path, before: dict[str, str], after: dict[str, str]
) -> None:
    write(moving, **before)
    found = await over_a_second(moving, proc__stat=stat(5, 95), **after)
    assert found.result is FAIL and found.said.startswith("95% of the container's 0.5 processors"), found
