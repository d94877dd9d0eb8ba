"""A host as a target: five verbs over files of wanted processes and a front."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from fairlead.clock import Clock
from fairlead.database.file_lock import FileLock
from fairlead.errors import Conflict, InvalidInput, ReleaseBroken, TargetUnavailable
from fairlead.ship.evidence import Histogram
from fairlead.ship.host.code import code_digest, copy_code, left_behind
from fairlead.ship.host.front import FULL, FrontKind, Place, SlotState
from fairlead.ship.host.fronts import make_front
from fairlead.ship.host.instances import Instance, Instances, Status, Wanted
from fairlead.ship.host.latency import latency_of
from fairlead.ship.release import Release
from fairlead.ship.target import Arm, Readiness
from fairlead.ship.verdict import Figures

PROXY = "proxy"  # what the front is called among the instances
_FIRST_WORKER = 1000  # numbers below are slots
_LOOK_EVERY = timedelta(milliseconds=100)
_PROXY_WITHIN = 15.0  # seconds
_SECONDS_OF_PREPARING = 600

RunsOf = Callable[[str], Awaitable[int]]
"""How many runs of a release have not ended."""
CostsOf = Callable[[str], Awaitable[Histogram]]
"""What the runs of a release have cost, in dollars."""


@dataclass(frozen=True, slots=True)
class HostTerms:
    """`command` of an instance that takes requests, with {port}; `worker` of one that takes none, and how many of it a
    release has. `prepare` is run once in the folder of a new release, with `environ`; other processes have that of the
    supervisor."""

    root: Path
    command: tuple[str, ...]
    worker: tuple[str, ...] = ()
    workers: int = 0
    prepare: tuple[str, ...] = ()
    bind: str = "127.0.0.1:8080"
    first_port: int = 18100
    slots: int = 32
    health: str = "/health/ready"
    grace: float = 60.0
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    front: FrontKind = FrontKind.HAPROXY


async def no_runs(build: str) -> int:
    return 0


async def no_costs(build: str) -> Histogram:
    return {}


class HostTarget:
    """`wake` sees to it that a supervisor runs."""

    def __init__(
        self, terms: HostTerms, *, wake: Callable[[], None], clock: Clock, runs_of: RunsOf = no_runs,
        costs_of: CostsOf = no_costs,
    ) -> None:  # fmt: skip
        self._terms = terms
        self._wake = wake
        self._clock = clock
        self._runs_of = runs_of
        self._costs_of = costs_of
        self._instances = Instances(terms.root)
        ports = {slot: terms.first_port + slot for slot in range(1, terms.slots + 1)}
        place = Place(terms.root, terms.bind, ports, terms.health, terms.environ.get("PATH", ""))
        self._proxy = make_front(terms.front, place, clock=clock)

    async def start(self, release: Release, instances: int) -> None:
        await self._front()
        folder = await asyncio.to_thread(self._prepared, release)
        have = [one.number for one in self._of(release.build)]
        for slot in self._free(instances - len(have)):
            self._want(release, slot, folder, self._terms.command, port=self._terms.first_port + slot)
        for number in range(_FIRST_WORKER, _FIRST_WORKER + self._terms.workers):
            self._want(release, number, folder, self._terms.worker, port=None)
        if surplus := have[instances:]:
            await self._drain(release.build, surplus)
        await self._proxy.open([one.number for one in self._of(release.build)])

    async def ready(self, build: str) -> Readiness:
        found = [one for one in self._instances.all(build) if one.wanted.running]
        if not found:
            return Readiness(False, "nothing of it runs")
        for one in found:
            if one.status.gave_up:
                raise ReleaseBroken(f"Process {one.number} of {build} does not stay up: {one.status.gave_up}.")
        slots = await self._proxy.state()
        late = [one.number for one in found if not self._is_ready(one, slots)]
        return Readiness(not late, f"{len(found) - len(late)} of {len(found)} are ready")

    async def route(self, weights: Mapping[str, int]) -> None:
        if sum(weights.values()) != 100:
            raise InvalidInput(f"Shares make 100, and not {sum(weights.values())}.")
        wanted = dict.fromkeys(await self._proxy.state(), 0)
        for build, share in weights.items():
            slots = [one.number for one in self._of(build)]
            if share and not slots:
                raise Conflict(f"Nothing of {build} runs.", hint="Start it first.")
            wanted |= dict.fromkeys(slots, max(1, round(FULL * share / 100 / len(slots))) if share else 0)
        await self._proxy.weigh(wanted)

    async def stop(self, build: str) -> bool:
        arm = (await self.state()).get(build)
        if arm is None:
            return not self._instances.all(build)
        if arm.weight:
            raise Conflict(f"{build} takes requests.", hint="Route them elsewhere first.")
        if arm.busy is None or arm.busy > 0:
            return False
        found = self._instances.all(build)
        await self._proxy.close([one.number for one in found if one.wanted.port is not None])
        for one in found:
            self._instances.want(build, one.number, replace(one.wanted, running=False))
        return False

    async def state(self) -> Mapping[str, Arm]:
        if not self._instances.all(PROXY):  # nothing was ever shipped here
            return {}
        slots = await self._proxy.state()
        builds = sorted({one.build for one in self._instances.all()} - {PROXY})
        shares = {build: sum(slots[one.number].weight for one in self._of(build)) for build in builds}
        whole = sum(shares.values())
        arms: dict[str, Arm] = {}
        for build in builds:
            found = self._of(build)
            flying = sum(slots[one.number].current for one in found)
            weight = round(100 * shares[build] / whole) if whole else 0
            ready = sum(self._is_ready(one, slots) for one in found)
            arms[build] = Arm(build, len(found), ready, weight, flying + await self._runs_of(build))
        return arms

    async def figures(self, build: str) -> Figures | None:
        slots, found = await self._proxy.state(), self._of(build)
        if not found:
            return None
        seen = [slots[one.number] for one in found]
        ports = [one.wanted.port for one in found if one.wanted.port is not None]
        latency = await asyncio.to_thread(latency_of, ports)
        answers, errors = sum(one.answers for one in seen), sum(one.errors for one in seen)
        return Figures(answers, errors, latency, await self._costs_of(build))

    def addresses(self, build: str) -> list[str]:
        """Where its instances take requests, past the front."""
        ports = [one.wanted.port for one in self._of(build)]
        return [f"http://127.0.0.1:{port}" for port in ports]

    async def once(self, release: Release, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Run it in the folder of the release, with its settings. One that whoever died has begun is waited for. Raises
        `ReleaseBroken`."""
        folder = await asyncio.to_thread(self._prepared, release)
        given = {**environ, **release.settings, "FAIRLEAD_RELEASE": release.build}
        lock = FileLock(self._terms.root / "command.lock")
        until = self._clock.monotonic() + _SECONDS_OF_PREPARING
        while not lock.take(release.build):
            if self._clock.monotonic() > until:
                raise ReleaseBroken(
                    f"A command of {lock.note()} is still under way.", hint="See who runs it, and end it."
                )
            await self._clock.sleep(_LOOK_EVERY)

        def run() -> None:  # to its end, even when nobody waits for it any more
            try:
                self._run(command, folder, release, given, keep=lock)
            finally:
                lock.release()

        await asyncio.to_thread(run)

    async def halt(self) -> list[Instance]:
        """Every process of every release ends, whatever it is doing, but not the front. Answers which were wanted."""
        running = [one for one in self._instances.all() if one.build != PROXY and one.wanted.running]
        for one in running:
            self._instances.want(one.build, one.number, replace(one.wanted, running=False))
        if running:
            # Closed, so that whatever comes there next counts for nothing until it has answered.
            await self._proxy.close([one.number for one in running if one.wanted.port is not None])
            self._wake()
        while any(one.build != PROXY for one in self._instances.all()):
            await self._clock.sleep(_LOOK_EVERY)
        return running

    async def wake_again(self, instances: Sequence[Instance]) -> None:
        """Have those that `halt` has ended."""
        for one in instances:
            self._instances.want(one.build, one.number, one.wanted)
        await self._proxy.open([one.number for one in instances if one.wanted.port is not None])

    def prune(self, keep: Container[str]) -> list[str]:
        """Remove the folders of releases that are not to be kept and of which nothing runs. Answers whose."""
        running = {one.build for one in self._instances.all()}
        gone: list[str] = []
        for folder in sorted((self._terms.root / "releases").glob("[!.]*")):
            if folder.name not in running and folder.name not in keep:
                shutil.rmtree(folder)
                _noted(folder).unlink(missing_ok=True)
                gone.append(folder.name)
        return gone

    # --

    def _of(self, build: str) -> list[Instance]:
        """Those that take requests, or are to."""
        return [one for one in self._instances.all(build) if one.wanted.port is not None and one.wanted.running]

    def _is_ready(self, one: Instance, slots: Mapping[int, SlotState]) -> bool:
        return one.alive and (one.wanted.port is None or slots[one.number].up)

    def _free(self, count: int) -> list[int]:
        taken = {one.number for one in self._instances.all()}
        free = [slot for slot in range(1, self._terms.slots + 1) if slot not in taken][: max(0, count)]
        if len(free) < count:
            raise Conflict(f"There is no room for {count} more: {self._terms.slots} slots.", hint="Retire a release.")
        return free

    def _want(self, release: Release, number: int, folder: Path, command: tuple[str, ...], *, port: int | None) -> None:
        place = {"port": str(port or ""), "release": release.build, "folder": str(folder)}
        # Not what our own environment holds: that may be secret, and this is written to disk.
        env = {**release.settings, "FAIRLEAD_RELEASE": release.build, "PORT": str(port or "")}
        argv = tuple(_filled(word, place) for word in command)
        wanted = Wanted(argv, str(folder), port, env, release.secrets, grace=self._terms.grace)
        self._want_again(release.build, number, wanted)

    def _want_again(self, build: str, number: int, wanted: Wanted) -> None:
        """Also when it was given up before."""
        if any(one.number == number and one.status.gave_up for one in self._instances.all(build)):
            self._instances.tell(build, number, Status())
        self._instances.want(build, number, wanted)

    async def _drain(self, build: str, slots: list[int]) -> None:
        """Each ends when nothing is in flight there any more."""
        await self._proxy.weigh(dict.fromkeys(slots, 0))
        while sum([one.current for slot, one in (await self._proxy.state()).items() if slot in slots]):
            await self._clock.sleep(_LOOK_EVERY)
        await self._proxy.close(slots)
        for one in self._instances.all(build):
            if one.number in slots:
                self._instances.want(build, one.number, replace(one.wanted, running=False))

    async def _front(self) -> None:
        """The front, and somebody who keeps it."""
        wanted, there = self._proxy.wanted(), self._instances.all(PROXY)
        if there and (runs := Path(there[0].wanted.argv[0]).name) != Path(wanted.argv[0]).name:
            raise Conflict(
                f"The front of {self._terms.root} is {runs}.",
                hint="Keep it, or give the other one a folder and ports of its own.",
            )
        if not there:
            self._terms.root.mkdir(parents=True, exist_ok=True)
            self._proxy.prepare()
        self._want_again(PROXY, 0, wanted)
        self._wake()
        until = self._clock.monotonic() + _PROXY_WITHIN
        while not await self._proxy.answers():
            if self._clock.monotonic() > until:
                log = self._terms.root / "logs" / f"{PROXY}-0.log"
                raise TargetUnavailable(f"{self._proxy.name} does not come up.", hint=f"Is it installed? See {log}.")
            await self._clock.sleep(_LOOK_EVERY)

    def code_of(self, source: Path) -> str:
        """The digest of the code in a folder. Raises `InvalidInput`."""
        try:
            return code_digest(source, left_behind(self._terms.root))
        except OSError as error:
            raise InvalidInput(f"The code in {source} can't be read: {error}") from error

    def _prepared(self, release: Release) -> Path:
        """The folder of the release: its code, and what `prepare` has made of it. All of it, or none."""
        folder = self._terms.root / "releases" / release.build
        noted = _noted(folder)
        if folder.exists():
            if not noted.exists() or noted.read_text() == release.digest:
                return folder
            if self._instances.all(release.build):
                raise Conflict(f"Another {release.build} runs here.", hint="Give this release another name.")
            shutil.rmtree(folder)
        source, ignore = Path(release.source), left_behind(self._terms.root)
        if not source.is_dir():
            raise InvalidInput(f"{source} is no folder with code.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{release.build}.", dir=folder.parent))
        try:
            copy_code(source, making, ignore)
            if release.code and code_digest(making, ignore) != release.code:
                raise ReleaseBroken(f"The code in {source} has changed since {release.build} was made of it.",
                                    hint="Give what is there now another name.")  # fmt: skip
            if self._terms.prepare:
                self._run(self._terms.prepare, making, release, self._terms.environ)
            noted.write_text(release.digest)
            making.replace(folder)
        except BaseException:
            shutil.rmtree(making, ignore_errors=True)
            raise
        return folder

    def _run(
        self, command: Sequence[str], folder: Path, release: Release, environ: Mapping[str, str], *,
        keep: FileLock | None = None,
    ) -> None:  # fmt: skip
        """`keep`: a lock that the command holds for as long as it lives, whatever becomes of us."""
        argv = [_filled(word, {"folder": str(folder), "release": release.build, "port": ""}) for word in command]
        try:
            done = subprocess.run(
                argv, cwd=folder, env=dict(environ), capture_output=True, text=True, check=False,
                timeout=_SECONDS_OF_PREPARING, pass_fds=() if keep is None or keep.fd is None else (keep.fd,),
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ReleaseBroken(f"The command {command[0]} of {release.build} can't be run: {error}.") from error
        if done.returncode != 0:
            raise ReleaseBroken(
                f"The command {command[0]} of {release.build} fails: {done.stderr.strip()[-500:]}", hint=" ".join(argv)
            )


def _noted(folder: Path) -> Path:
    """Where the digest of the release in a folder is kept."""
    return folder.with_name(f".{folder.name}.digest")


def _filled(word: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word
