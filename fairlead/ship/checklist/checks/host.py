"""The host: who runs the service and with what limits, room, clocks, ports. Read from /proc; where there is none, it
could not be asked."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from fairlead.clock import from_micros
from fairlead.database.sql import parse
from fairlead.ship.checklist.answer import Found, Void
from fairlead.ship.checklist.facts import CouldNotAsk, Facts
from fairlead.ship.checklist.kernel import told, told_or_empty
from fairlead.ship.verdict import Verdict

_PROC = Path("/proc")
_DISK_FULL, _DISK_NEARLY = 0.9, 0.8
_MEMORY_FULL = 0.9
_LOAD = 1.0  # of each processor, over 15 minutes
_FREE_MEMORY = 256  # MB, to start a release beside the one that runs
_APART = timedelta(seconds=2)
_LEAST_FILES = 4096
_STARTS = 3  # of one process, before it is odd
_LISTEN = "0A"
_NOW = "SELECT {now} AS now"


async def non_root(facts: Facts) -> Found:
    """The processes that run; before there are any, us, who would start them."""
    pids = _pids(facts)
    if not pids:
        user, whose = os.geteuid(), "releases will run as whoever deploys them"
        if user == 0:
            return Found(Verdict.FAIL, f"Nothing runs yet, and {whose}: root.", "uid 0")
        return Found(Verdict.PASS, f"{whose}: {_name(user)}", f"uid {user}")
    users = {pid: _uid(pid) for pid in pids}
    if roots := [pid for pid, user in users.items() if user == 0]:
        return Found(Verdict.FAIL, f"{len(roots)} of {len(pids)} processes run as root.", f"pid {roots[0]}")
    return Found(Verdict.PASS, f"{len(pids)} processes run as {', '.join(sorted({_name(u) for u in users.values()}))}")


async def resource_limits(facts: Facts) -> Found:
    pids = _pids(facts)
    if not pids:
        raise CouldNotAsk("None of its processes runs here yet.")
    missing: list[str] = []
    memory, files = _memory_limit(pids[0]), _open_files(pids[0])
    if memory is None:
        missing.append("memory has no limit")
    if files is not None and files < _LEAST_FILES:
        missing.append(f"{files} open files are few: {_LEAST_FILES} and more")
    if missing:
        return Found(Verdict.FAIL, "; ".join(missing), f"pid {pids[0]}")
    said = f"memory at most {(memory or 0) / 1_000_000:.0f} MB, {files or 'any number of'} open files"
    return Found(Verdict.PASS, said, f"pid {pids[0]}")


async def room(facts: Facts) -> Found:
    """For one more release: disk and memory."""
    disk = shutil.disk_usage(facts.root)
    said = f"{disk.free / 1e9:.1f} GB of disk free ({disk.used / disk.total:.0%} used)"
    if disk.used / disk.total >= _DISK_FULL:
        return Found(Verdict.FAIL, f"{said}.", str(facts.root))
    free = _meminfo()["MemAvailable"] / 1024
    said += f", {free:.0f} MB of memory available"
    return Found(Verdict.PASS if free >= _FREE_MEMORY else Verdict.FAIL, said, "/proc/meminfo")


async def machine(facts: Facts) -> Found:
    memory = _meminfo()
    used = 1 - memory["MemAvailable"] / memory["MemTotal"]
    load = os.getloadavg()[2] / (os.cpu_count() or 1)
    disk = shutil.disk_usage(facts.root)
    full = disk.used / disk.total
    said = f"processors {load:.0%} over 15 min, memory {used:.0%}, disk {full:.0%}"
    wrong = load > _LOAD or used > _MEMORY_FULL or full > _DISK_FULL
    return Found(Verdict.FAIL if wrong else Verdict.PASS, said, "/proc")


async def space(facts: Facts) -> Found:
    """Where the database, the blobs and the releases lie. Before it is urgent."""
    settings = facts.known_settings()
    places = {"project": facts.root, "blobs": settings.database.blob_dir}
    if settings.database.is_sqlite:
        places["database"] = Path("/") / settings.database.sqlite_path
    said: list[str] = []
    worst = 0.0
    for name, place in places.items():
        disk = shutil.disk_usage(_there(place))
        worst = max(worst, disk.used / disk.total)
        said.append(f"{name}: {disk.free / 1e9:.1f} GB free ({disk.used / disk.total:.0%} used)")
    return Found(Verdict.FAIL if worst >= _DISK_NEARLY else Verdict.PASS, "; ".join(said), str(facts.root))


async def clocks(facts: Facts) -> Found:
    """This host's beside the database's and beside what the service writes as its Date."""
    apart: dict[str, timedelta] = {}
    if facts.database is not None:
        before = facts.clock.micros()
        rows = await facts.database.read(parse("now", _NOW, facts.database.dialect))
        middle = (before + facts.clock.micros()) // 2
        apart["database"] = abs(from_micros(rows[0]["now"]) - from_micros(middle))
    if facts.url and (shown := await _date_of(facts)) is not None:
        # Whole seconds, cut: half a second late on average.
        off = abs(facts.clock.now() - shown - timedelta(milliseconds=500))
        apart["service"] = max(off - timedelta(milliseconds=500), timedelta())
    if not apart:
        raise CouldNotAsk("There is nothing to compare with: neither database nor service answers.")
    said = ", ".join(f"{name} {value.total_seconds():.2f} s apart" for name, value in apart.items())
    return Found(Verdict.PASS if max(apart.values()) <= _APART else Verdict.FAIL, said)


async def _date_of(facts: Facts) -> datetime | None:
    """What the service says it is; None: it says nothing, which another check tells of."""
    try:
        return parsedate_to_datetime((await facts.get(f"{facts.url}/health/live")).headers["date"])
    except (CouldNotAsk, KeyError, ValueError):
        return None


async def ports(facts: Facts) -> Found:
    """Those of [ship.host]: free, or held by what we have started."""
    host, _, port = facts.listen.rpartition(":")
    if not port:
        return Found(Void.NOT_APPLICABLE, "Nothing is shipped to this host.")
    ours = {one.wanted.port for one in facts.instances if one.alive}
    wanted = range(facts.first_port, facts.first_port + facts.slots)
    taken = [one for one in wanted if one not in ours and not _is_free("127.0.0.1", one)]
    if len(taken) == len(wanted):
        return Found(Verdict.FAIL, f"All {len(wanted)} ports from {facts.first_port} on are taken by others.",
                     "[ship.host] first_port")  # fmt: skip
    if not facts.instances and not _is_free(host, int(port)):
        return Found(Verdict.FAIL, f"{facts.listen} is taken by another program.", "[ship.host] listen")
    others = f", {len(taken)} are taken by others" if taken else ""
    return Found(Verdict.PASS, f"{facts.listen}, and {len(wanted)} from {facts.first_port} on{others}", "[ship.host]")


async def network(facts: Facts) -> Found:
    """Which ports of this host take connections from others."""
    if not (_PROC / "net/tcp").exists():
        raise CouldNotAsk("What listens here can't be read: there is no /proc/net/tcp.")
    opened = sorted(set(_open_to_others()))
    shown = ", ".join(map(str, opened)) or "none"
    if facts.declared.ports is None:
        return Found(
            Verdict.UNCLEAR,
            f"Ports that take connections from others: {shown}. Which may, ports under [checklist] says.",
            "/proc/net/tcp",
        )  # fmt: skip
    allowed = {*facts.declared.ports, int(facts.listen.rpartition(":")[2] or 0)}
    if beyond := [one for one in opened if one not in allowed]:
        return Found(Verdict.FAIL, f"Others can reach {', '.join(map(str, beyond))} too.", "/proc/net/tcp")
    return Found(Verdict.PASS, f"others can reach {shown}", "/proc/net/tcp")


async def services(facts: Facts) -> Found:
    """Each process that is wanted runs, and was not started over and over."""
    wanted = [one for one in facts.instances if one.wanted.running]
    if not wanted:
        reply = await facts.get(facts.service() + "/health/live")
        result = Verdict.PASS if reply.status == 200 else Verdict.FAIL
        return Found(result, f"/health/live answers {reply.status}; its processes are not ours to count", reply.url)
    wrong = [f"{one.build} {one.number} does not run" + (f": {one.status.gave_up}" if one.status.gave_up else "")
             for one in wanted if not one.alive]  # fmt: skip
    wrong += [f"{one.build} {one.number} was started {one.status.starts} times" for one in wanted
              if one.status.starts >= _STARTS]  # fmt: skip
    if wrong:
        return Found(Verdict.FAIL, "; ".join(wrong), str(facts.logs or ""))
    return Found(Verdict.PASS, f"{len(wanted)} processes run", str(facts.logs or ""))


async def backups_scheduled(facts: Facts) -> Found:
    """A timer of systemd or a line of cron that speaks of backups."""
    found = await asyncio.to_thread(lambda: next(_timers(), None))
    if found is None:
        return Found(Verdict.UNCLEAR, "No timer or cron line of this host speaks of backups; is it done elsewhere?")
    return Found(Verdict.PASS, f"{found} speaks of backups", found)


def _timers() -> Iterator[str]:
    patterns = ("systemd/system/*backup*.timer", "cron.d/*", "crontab", "cron.daily/*")
    for path in (path for pattern in patterns for path in Path("/etc").glob(pattern)):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        if "backup" in path.name or any("backup" in line for line in text.splitlines() if not line.startswith("#")):
            yield str(path)


def _pids(facts: Facts) -> list[int]:
    pids = [one.status.pid for one in facts.instances if one.alive]
    if pids and not _PROC.is_dir():
        raise CouldNotAsk("Processes can't be looked at: there is no /proc.")
    return pids


def _uid(pid: int) -> int:
    for line in told(_PROC / str(pid) / "status").splitlines():
        if line.startswith("Uid:"):
            return int(line.split()[2])  # the effective one
    raise CouldNotAsk(f"Whose process {pid} is can't be read.")


def _open_files(pid: int) -> int | None:
    for line in told(_PROC / str(pid) / "limits").splitlines():
        if line.startswith("Max open files"):
            soft = line.split()[3]
            return None if soft == "unlimited" else int(soft)
    raise CouldNotAsk(f"The limits of process {pid} can't be read.")


def _memory_limit(pid: int) -> int | None:
    """In bytes: the least of its control group and those above it; None: there is none."""
    for line in told(_PROC / str(pid) / "limits").splitlines():
        if line.startswith("Max address space") and (soft := line.split()[3]) != "unlimited":
            return int(soft)
    for line in told(_PROC / str(pid) / "cgroup").splitlines():
        _, kind, path = line.split(":", 2)
        root, file = {"": ("/sys/fs/cgroup", "memory.max")}.get(
            kind, ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        )
        if kind and "memory" not in kind.split(","):
            continue
        folder = Path(root) / path.lstrip("/")
        found = [int(text) for one in (folder, *folder.parents) if (text := told_or_empty(one / file)).isdecimal()]
        if limits := [one for one in found if one < 1 << 60]:
            return min(limits)
    return None


def _meminfo() -> dict[str, int]:
    """In KB."""
    found: dict[str, int] = {}
    for line in told(_PROC / "meminfo").splitlines():
        name, _, value = line.partition(":")
        found[name] = int(value.split()[0])
    return found


def _open_to_others() -> Iterator[int]:
    for name in ("tcp", "tcp6"):
        for line in told_or_empty(_PROC / "net" / name).splitlines()[1:]:
            _, local, _, state = line.split()[:4]
            address, _, port = local.partition(":")
            if state == _LISTEN and not _is_loopback(address):
                yield int(port, 16)


def _is_loopback(address: str) -> bool:
    """As the kernel writes them, each four bytes turned round: 127.0.0.1 is 0100007F."""
    if len(address) == 8:
        return address.endswith("7F")
    within_six = address.startswith("0" * 16 + "FFFF0000") and address.endswith("7F")
    return within_six or address == "0" * 24 + "01000000"


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host or "0.0.0.0", port))
        except OSError:
            return False
    return True


def _there(place: Path) -> Path:
    """It, or what is there of the folders above it."""
    return next(one for one in (place, *place.parents) if one.exists())


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"
