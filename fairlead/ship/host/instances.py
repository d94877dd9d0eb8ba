"""What is wanted of each process, and what became of it: two small files for each, written whole or not at all.

instances/BUILD/N.json     by the target: what to run, and whether it is wanted
instances/BUILD/N.status   by the supervisor: its process, or why there is none
scrape.json                where Prometheus finds them, as `file_sd_configs` reads it
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from fairlead.whole_file import PRIVATE, write_whole

_TRIES = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """`port` of None: it takes no requests. `secrets` are references, which the supervisor
    looks up as it starts the process. Not `running`: it is to end, in `grace` seconds at most."""

    argv: tuple[str, ...]
    folder: str
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    running: bool = True
    grace: float = 60.0


@dataclass(frozen=True, slots=True)
class Status:
    """`started`: of the process, as its kernel counts; with the pid it names one process for good. `gave_up`: it ended
    too often, and is not started again."""

    pid: int = 0
    started: int = 0
    starts: int = 0
    gave_up: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    build: str
    number: int
    wanted: Wanted
    status: Status

    @property
    def alive(self) -> bool:
        return self.status.pid > 0 and start_of(self.status.pid) == self.status.started


class Instances:
    def __init__(self, root: Path) -> None:
        self._folder = root / "instances"
        self._scraped = root / "scrape.json"

    def all(self, build: str | None = None) -> list[Instance]:
        folders = [self._folder / build] if build is not None else sorted(self._folder.glob("*"))
        return [one for folder in folders for one in self._of(folder)]

    def want(self, build: str, number: int, wanted: Wanted) -> None:
        folder, left = self._folder / build, _TRIES
        while left:
            left -= 1
            try:
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(folder / f"{number}.json", orjson.dumps(asdict(wanted)), mode=PRIVATE)
                break
            except (FileNotFoundError, FileExistsError):
                # `forget` has just taken the folder away, with the last that was in it.
                if not left:
                    raise
        self._tell_prometheus()

    def tell(self, build: str, number: int, status: Status) -> None:
        write_whole(self._folder / build / f"{number}.status", orjson.dumps(asdict(status)), mode=PRIVATE)

    def forget(self, build: str, number: int) -> None:
        for ending in ("json", "status"):
            (self._folder / build / f"{number}.{ending}").unlink(missing_ok=True)
        with suppress(OSError):
            (self._folder / build).rmdir()
        self._tell_prometheus()

    def _tell_prometheus(self) -> None:
        groups = [
            {"targets": [f"127.0.0.1:{one.wanted.port}"], "labels": {"release": one.build}}
            for one in self.all() if one.wanted.port is not None and one.wanted.running
        ]  # fmt: skip
        write_whole(self._scraped, orjson.dumps(groups), mode=PRIVATE)

    def _of(self, folder: Path) -> Iterator[Instance]:
        try:
            paths = sorted(folder.glob("*.json"), key=lambda one: int(one.stem))
        except FileNotFoundError:  # forgotten as it was looked for
            return
        for path in paths:
            wanted, status = _read(path), _read(path.with_suffix(".status"))
            if wanted is not None:
                wanted["argv"] = tuple(wanted["argv"])
                yield Instance(folder.name, int(path.stem), Wanted(**wanted), Status(**(status or {})))


def start_of(pid: int) -> int:
    """When a living process was started, in ticks since the machine was; 0: there is none. A zombie is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return 0
    return 0 if fields[0] in ("Z", "X") else int(fields[19])


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
