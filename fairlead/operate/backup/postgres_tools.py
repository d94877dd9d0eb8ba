"""`pg_dump` and `pg_restore`: finding those of the right version, and running them.

The password is in the environment of the program, which only its user can read: never among its words, which everybody
on the machine can, and never in what we say.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from fairlead.errors import ConfigurationError

_FOLDERS = (
    "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin",
    "/opt/homebrew/opt/libpq/bin", "/usr/local/opt/postgresql@*/bin", "/usr/local/opt/libpq/bin",
)  # fmt: skip
# Of what asyncpg takes in a URL, what libpq knows too; it refuses the rest.
_SHARED = frozenset({
    "host", "port", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "passfile", "target_session_attrs",
    "krbsrvname", "gsslib", "ssl_min_protocol_version", "ssl_max_protocol_version", "connect_timeout",
})  # fmt: skip
_SECRET = {"password": "PGPASSWORD", "sslpassword": "PGSSLPASSWORD"}
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True, slots=True)
class Address:
    """Of a database on a server, from DATABASE_URL."""

    url: str

    @property
    def database(self) -> str:
        parts = urlsplit(self.url)
        return unquote(parts.path.lstrip("/")) or unquote(parts.username or "postgres")

    def of(self, database: str) -> str:
        """The whole URL, with its password, of another database of that server."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{quote(database, safe='')}"))

    def shown(self, database: str) -> str:
        """The URL that may be among the words of a program: no password."""
        parts = urlsplit(self.of(database))
        login, at, place = parts.netloc.rpartition("@")
        query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name in _SHARED])
        return urlunsplit(parts._replace(netloc=f"{login.partition(':')[0]}{at}{place}", query=query, fragment=""))

    @property
    def secrets(self) -> dict[str, str]:
        """What goes into the environment instead."""
        parts = urlsplit(self.url)
        given = {"password": unquote(parts.password or ""), **dict(parse_qsl(parts.query))}
        return {variable: given[name] for name, variable in _SECRET.items() if given.get(name)}


@dataclass(frozen=True, slots=True)
class Tools:
    """The folder of programs of one version of PostgreSQL."""

    folder: Path
    version: int

    def dump(self, address: Address, file: Path, *, snapshot: str) -> list[str]:
        return [str(self.folder / "pg_dump"), "--format=custom", "--no-password", f"--snapshot={snapshot}",
                f"--file={file}", f"--dbname={address.shown(address.database)}"]  # fmt: skip

    def restore(self, address: Address, file: Path, *, into: str, scratch: bool) -> list[str]:
        """Into an empty database. In scratch, rights are left out: whom they are for is not asked."""
        without = ["--no-owner", "--no-privileges"] if scratch else ["--no-owner"]
        return [str(self.folder / "pg_restore"), "--exit-on-error", "--no-password", *without,
                f"--dbname={address.shown(into)}", str(file)]  # fmt: skip


async def find_tools(server: int, *, folders: Sequence[Path] | None = None) -> Tools:
    """For a server of this major version: of the same, or of the next newer one that is here. An older `pg_dump`
    refuses a newer server. Raises `ConfigurationError` that says what to install."""
    found: dict[int, Path] = {}
    for folder in _here() if folders is None else folders:
        version = await _version(folder)
        if version is not None:
            found.setdefault(version, folder)
    fitting = [version for version in found if version >= server]
    if not fitting:
        here = f"here is only {', '.join(str(one) for one in sorted(found))}" if found else "there is none here"
        raise ConfigurationError(
            f"A backup of PostgreSQL {server} needs pg_dump and pg_restore {server} or newer; {here}.",
            hint=f"Install them: apt install postgresql-client-{server}, or brew install postgresql@{server}.",
        )
    return Tools(found[min(fitting)], min(fitting))


async def run(words: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """None when it went well; else the last of what it said. Ended with us."""
    process = await asyncio.create_subprocess_exec(
        *words, env=dict(environment), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, said = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode == 0:
        return None
    return said.decode(errors="replace").strip()[-1000:] or f"it ended with {process.returncode}"


def _here() -> list[Path]:
    folders = [folder for pattern in _FOLDERS for folder in sorted(Path("/").glob(pattern.lstrip("/")))]
    on_path = shutil.which("pg_dump")
    return [*folders, *([Path(on_path).parent] if on_path else [])]


async def _version(folder: Path) -> int | None:
    if not (folder / "pg_dump").exists() or not (folder / "pg_restore").exists():
        return None
    try:
        process = await asyncio.create_subprocess_exec(
            str(folder / "pg_dump"), "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        said, _ = await process.communicate()
    except OSError:
        return None
    found = _VERSION.search(said.decode(errors="replace"))
    return int(found.group(1)) if found else None
