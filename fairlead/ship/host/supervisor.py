"""Keeps the processes of a host as they are wanted. It may die and be started again: those it finds alive are its own.

wanted, not alive ──► start it, later each time it ends soon ──► after five times in a row: given up, and told
not wanted, alive ──► SIGTERM ──► its grace is over: SIGKILL
not wanted, gone  ──► forgotten
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from fairlead.clock import Clock
from fairlead.config.secrets import Finder, finder_of, parse_reference
from fairlead.database.file_lock import FileLock
from fairlead.errors import ConfigurationError, SecretUnavailable
from fairlead.ship.host.instances import Instance, Instances, Status, start_of

_LOOK_EVERY = 0.1  # seconds
_SOON = 5.0  # a process that lives no longer has not come up
_MOST_STARTS = 5
_NAME = "SUPERVISED_INSTANCE"  # in the environment of each: whose it is; no setting of ours
_FRESH = timedelta(seconds=10)  # many processes start at once, and ask a manager for the same
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0


class Supervisor:
    """Of one root. `environ`: what every process is given. `finder`: of secrets; without one, `env:` ones are found in
    `environ` and files from where we stand."""

    def __init__(
        self, root: Path, environ: Mapping[str, str], *, clock: Clock, finder: Finder | None = None
    ) -> None:  # fmt: skip
        self._root = root
        self._environ = dict(environ)
        self._instances = Instances(root)
        self._clock = clock
        self._finder = finder or finder_of(environ, root=Path(), clock=clock)
        self._later: dict[tuple[str, int], float] = {}  # when to ask again for the secrets of each
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._since: dict[tuple[str, int], float] = {}  # when each was told to end, or found to have ended
        self._begun: dict[tuple[str, int], float] = {}  # when each was started last
        self._failed: dict[tuple[str, int], int] = {}  # how often it ended soon, in a row

    def run(self, until: float | None = None) -> None:
        """For ever, or until this time of the clock. Raises `ConfigurationError` when another one is at it."""
        self._root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._root / "supervisor.lock")
        if not lock.take(str(os.getpid())):
            raise ConfigurationError(f"Another supervisor keeps {self._root}.")
        try:
            self._adopt()
            while until is None or self._clock.monotonic() < until:
                self.once()
                time.sleep(_LOOK_EVERY)
        finally:
            lock.release()

    def _adopt(self) -> None:
        """Whoever was before us may have died after it had started a process, and before it had written down which."""
        living = {name: pid for pid, name in _instances_running()}
        for one in self._instances.all():
            pid = living.get(self._name(one), 0)
            if not one.alive and (started := start_of(pid)):
                self._instances.tell(one.build, one.number, Status(pid, started, one.status.starts + 1))

    def once(self) -> None:
        for child in list(self._children.values()):
            if child.poll() is not None:  # no zombies
                del self._children[child.pid]
        for instance in self._instances.all():
            if instance.wanted.running:
                self._keep(instance)
            else:
                self._end(instance)

    def _keep(self, instance: Instance) -> None:
        place, now = (instance.build, instance.number), self._clock.monotonic()
        if instance.alive:
            if now - self._begun.setdefault(place, now) > _SOON:
                self._failed.pop(place, None)
            return
        if instance.status.gave_up or now < self._later.get(place, now):
            return
        if instance.status == Status():  # new, or wanted again after it was given up
            self._failed.pop(place, None)
        begun = self._begun.get(place)
        if instance.status.pid and begun is not None and place not in self._since:
            self._failed[place] = self._failed.get(place, 0) + 1 if now - begun <= _SOON else 1
            self._since[place] = now
        failed = self._failed.get(place, 0)
        if failed >= _MOST_STARTS:
            why = f"it ended {failed} times in a row: see {self._log(instance)}"
            self._instances.tell(*place, Status(0, 0, instance.status.starts, why))
        elif now >= self._since.get(place, 0.0) + (min(_FIRST_PAUSE * 2**failed, _LONGEST_PAUSE) if failed else 0.0):
            self._start(instance)

    def _start(self, instance: Instance) -> None:
        place, wanted = (instance.build, instance.number), instance.wanted
        self._begun[place] = self._clock.monotonic()
        self._since.pop(place, None)
        starts = instance.status.starts + 1
        try:
            env = {
                **self._environ,
                **wanted.env,
                **self._secrets(wanted.secrets),
                _NAME: self._name(instance),
            }
            with self._log(instance).open("ab") as log:
                child = subprocess.Popen(
                    wanted.argv, cwd=wanted.folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True,
                )  # fmt: skip
        except SecretUnavailable as error:
            # Nobody can tell now: that is no fault of the process, and ends by itself.
            self._later[place] = self._clock.monotonic() + _LONGEST_PAUSE
            self._write(instance, f"it is not started yet: {error.message}")
            return
        except (OSError, ConfigurationError) as error:
            self._instances.tell(*place, Status(0, 0, starts, f"it can't be started: {error}"))
            return
        self._children[child.pid] = child
        self._instances.tell(*place, Status(child.pid, start_of(child.pid), starts))

    def _end(self, instance: Instance) -> None:
        place = (instance.build, instance.number)
        if not instance.alive:
            for kept in (self._since, self._begun, self._failed, self._later):
                kept.pop(place, None)
            self._instances.forget(*place)
            return
        now = self._clock.monotonic()
        if place not in self._since:
            self._since[place] = now
            self._signal(instance.status.pid, signal.SIGTERM)
        elif now - self._since[place] > instance.wanted.grace:
            self._signal(instance.status.pid, signal.SIGKILL)

    def _signal(self, pid: int, number: signal.Signals) -> None:
        """To the process; what it has left behind goes with it when it is killed."""
        with suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(pid, number)
            else:
                os.kill(pid, number)

    def _name(self, instance: Instance) -> str:
        return f"{self._root}:{instance.build}/{instance.number}"

    def _secrets(self, references: Mapping[str, str]) -> dict[str, str]:
        """As they are now; of a manager that is away, as they were last. Raises `ConfigurationError` and
        `SecretUnavailable`, which say the reference and never a value."""
        return {name: self._secret(name, reference) for name, reference in references.items()}

    def _secret(self, name: str, text: str) -> str:
        reference = parse_reference(text)
        if reference is None:
            raise ConfigurationError(f"the secret {name} is not said where to find")
        try:
            return self._finder.find(reference, within=_FRESH if reference.kind == "aws" else timedelta(0)).value
        except SecretUnavailable as error:
            if last := self._finder.last(reference):
                return last.value
            raise SecretUnavailable(f"the secret {name} is at {reference}: {error.message}") from error
        except ConfigurationError as error:
            raise ConfigurationError(f"the secret {name} is not at {reference}: {error.message}") from error

    def _write(self, instance: Instance, line: str) -> None:
        with self._log(instance).open("a") as log:
            log.write(f"{line}\n")

    def _log(self, instance: Instance) -> Path:
        folder = self._root / "logs"
        folder.mkdir(exist_ok=True)
        return folder / f"{instance.build}-{instance.number}.log"


def _instances_running() -> Iterator[tuple[int, str]]:
    """Processes that a supervisor started, each with its name; not what they have started themselves."""
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        with suppress(OSError):
            found = [
                one for one in (folder / "environ").read_bytes().split(b"\0") if one.startswith(f"{_NAME}=".encode())
            ]
            if found and os.getsid(pid) == pid:
                yield pid, found[0].partition(b"=")[2].decode()
