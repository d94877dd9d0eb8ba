"""A PostgreSQL database, dumped beside its writers and replaced by a rename.

    dump      one snapshot, exported: pg_dump and our counts see the same moment
    loaded    CREATE DATABASE NAME_scratch_…, pg_restore; dropped afterwards
    replace   BEGIN; NAME is called NAME_before_…; the new one is called NAME; COMMIT

A rename waits for nobody and needs the database for itself: who would connect in the middle of it waits, and finds the
new one. Restoring over the old tables instead would leave those of a newer schema beside them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from fairlead.errors import BackupFailed, ConfigurationError, Damaged, DatabaseInUse, DatabaseUnavailable
from fairlead.operate.backup.manifest import Contents
from fairlead.operate.backup.original import LONGEST_REFERENCE, Found, Loaded, Snapshot, named_in
from fairlead.operate.backup.packing import full
from fairlead.operate.backup.postgres_tools import Address, Tools, find_tools, run

_LONGEST_NAME = 63
_LISTS = ("search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries")
_TABLES = """
SELECT c.oid, n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (  -- what belongs to an extension
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 2, 3
"""
_TEXTS = """
SELECT attname FROM pg_attribute
WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND atttypid IN ('text'::regtype, 'varchar'::regtype)
"""
_SESSIONS = """
SELECT coalesce(nullif(application_name, ''), usename) AS name, coalesce(host(client_addr), 'this host') AS host,
    count(*) AS count
FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid() AND backend_type = 'client backend'
GROUP BY 1, 2 ORDER BY 3 DESC
"""
_DATABASE = """
SELECT to_jsonb(d) || jsonb_build_object('encoding', pg_encoding_to_char(encoding), 'owner', pg_get_userbyid(datdba))
FROM pg_database d WHERE datname = $1
"""
_RIGHTS = """
SELECT CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee) END AS grantee, privilege_type AS right
FROM pg_database, aclexplode(datacl) WHERE datname = $1
"""
_SETTINGS = """
SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
WHERE setrole = 0 AND datname = $1
"""
_UNREACHABLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class PostgresOriginal:
    kind = "postgres"
    file = "database.dump"

    def __init__(self, url: str, *, environment: Mapping[str, str]) -> None:
        """`environment`: what our programs get beside the password."""
        self._address = Address(url)
        self._environment = {**environment, "LC_ALL": "C", **self._address.secrets}

    @property
    def name(self) -> str:
        return self._address.database

    async def dump(self, folder: Path) -> Snapshot:
        async with self._connected(self.name) as connection:
            tools = await self._tools(connection)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                exported = await connection.fetchval("SELECT pg_export_snapshot()")
                await self._run(tools.dump(self._address, folder / self.file, snapshot=exported), folder)
                return await _look(connection)

    @asynccontextmanager
    async def loaded(self, folder: Path, *, room: Path | None = None) -> AsyncGenerator[Loaded]:
        name = f"{self._scratch}{secrets.token_hex(6)}"
        async with self._beside() as beside:
            tools = await self._tools(beside)
            await self._create(beside, name, scratch=room is not None)
            try:
                snapshot = await self._load(tools, folder / self.file, name, scratch=room is not None)
                yield Loaded(name, snapshot)
            finally:
                await beside.execute(f"DROP DATABASE IF EXISTS {_quoted(name)} WITH (FORCE)")

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[Found]:
        async with self._beside() as beside:
            there = await beside.fetchval(_DATABASE, self.name) is not None
            if others := await beside.fetch(_SESSIONS, self.name):
                raise self._in_use(others)
        yield Found.WHOLE if there else Found.ABSENT

    async def replace(self, loaded: Loaded, *, aside: str) -> str | None:
        kept = f"{self.name[: _LONGEST_NAME - len(aside)]}{aside}"
        async with self._beside() as beside:
            there = await beside.fetchval(_DATABASE, self.name) is not None
            try:
                async with beside.transaction():
                    if there:
                        await beside.execute(f"ALTER DATABASE {_quoted(self.name)} RENAME TO {_quoted(kept)}")
                    await beside.execute(f"ALTER DATABASE {_quoted(loaded.name)} RENAME TO {_quoted(self.name)}")
            except asyncpg.ObjectInUseError as error:
                raise self._in_use(await beside.fetch(_SESSIONS, self.name)) from error
            except asyncpg.DuplicateDatabaseError as error:
                raise BackupFailed(f"There is a database {kept} already.", hint="Rename it, and try again.") from error
            except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as error:
                said = f"The connection fell, and it is not known whether {self.name} was replaced: {error}."
                hint = f"If there is a database {kept}, it was. Else nothing was changed."
                raise DatabaseUnavailable(said, hint=hint) from error
        return kept if there else None

    async def sweep(self) -> list[str]:
        """Drop what was left by those who died in the middle; what is in use is not. Answers the names."""
        dropped: list[str] = []
        async with self._beside() as beside:
            for (name,) in await beside.fetch(
                "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", self._scratch
            ):
                try:
                    await beside.execute(f"DROP DATABASE IF EXISTS {_quoted(name)}")
                    dropped.append(name)
                except asyncpg.ObjectInUseError:
                    continue
        return dropped

    @property
    def _scratch(self) -> str:
        """How the names of databases begin in which a backup is tried, or that are to replace the original."""
        return f"{self.name[:40]}_scratch_"

    async def _load(self, tools: Tools, file: Path, name: str, *, scratch: bool) -> Snapshot:
        async with self._connected(name) as connection:  # held, so that nobody takes it for forsaken
            words = tools.restore(self._address, file, into=name, scratch=scratch)
            await self._run(words, file.parent, damaged=file)
            if not scratch:
                await connection.execute("ANALYZE")  # else its first queries are planned blindly
            return await _look(connection)

    async def _create(self, beside: asyncpg.Connection[Any], name: str, *, scratch: bool) -> None:
        """Like the original: its encoding, its order of letters, and unless it is for scratch who may use it."""
        given = await beside.fetchval(_DATABASE, self.name)
        found: dict[str, Any] | None = orjson.loads(given) if given else None
        try:
            await beside.execute(
                f"CREATE DATABASE {_quoted(name)} TEMPLATE template0{_options(found, scratch=scratch)}"
            )
            if found and not scratch:
                for statement in await self._bestowed(beside, name, found["owner"]):
                    await beside.execute(statement)
        except asyncpg.InsufficientPrivilegeError as error:
            raise ConfigurationError(
                f"PostgreSQL does not let us make a database to restore into: {error.args[0]}.",
                hint="Let the user of DATABASE_URL do so: ALTER ROLE … CREATEDB.",
            ) from error

    async def _bestowed(self, beside: asyncpg.Connection[Any], name: str, owner: str) -> list[str]:
        """Rights and settings that belong to the database itself, which a dump does not carry."""
        rights = await beside.fetch(_RIGHTS, self.name)
        statements = [f"REVOKE ALL ON DATABASE {_quoted(name)} FROM PUBLIC"] if rights else []
        for one in rights:
            if one["grantee"] != owner:
                to = "PUBLIC" if one["grantee"] is None else _quoted(one["grantee"])
                statements.append(f"GRANT {one['right']} ON DATABASE {_quoted(name)} TO {to}")
        for (text,) in await beside.fetch(_SETTINGS, self.name):
            setting, _, value = text.partition("=")
            said = value if setting in _LISTS else "'" + value.replace("'", "''") + "'"
            statements.append(f"ALTER DATABASE {_quoted(name)} SET {_quoted(setting)} TO {said}")
        return statements

    async def _tools(self, connection: asyncpg.Connection[Any]) -> Tools:
        return await find_tools(int(await connection.fetchval("SHOW server_version_num")) // 10_000)

    async def _run(self, words: Sequence[str], folder: Path, *, damaged: Path | None = None) -> None:
        said = await run(words, self._environment)
        if said is None:
            return
        program = Path(words[0]).name
        if "No space left on device" in said:
            raise full(folder)
        if damaged is not None and re.search("archive|input file|TOC|unexpected end|compress", said):
            raise Damaged(f"{damaged} can't be restored: {said}.")
        raise BackupFailed(f"{program} failed: {said}.", hint="Nothing was changed.")

    def _in_use(self, others: Sequence[Mapping[str, Any]]) -> DatabaseInUse:
        said = ", ".join(f"{one['name']} on {one['host']} ({one['count']})" for one in others[:5]) or "somebody"
        return DatabaseInUse(f"{self.name} is in use: connections of {said}.",
                             hint="Stop them first; see `fairlead workers`, `fairlead ship status`.")  # fmt: skip

    @asynccontextmanager
    async def _connected(self, database: str) -> AsyncGenerator[asyncpg.Connection[Any]]:
        try:
            connection: asyncpg.Connection[Any] = await asyncpg.connect(
                self._address.of(database), timeout=10, server_settings={"application_name": "fairlead backup"}
            )
        except (*_UNREACHABLE, ValueError) as error:
            raise _translated(error) from error
        try:
            yield connection
        except _UNREACHABLE as error:
            raise _translated(error) from error
        finally:
            await connection.close(timeout=5)

    @asynccontextmanager
    async def _beside(self) -> AsyncGenerator[asyncpg.Connection[Any]]:
        """On the same server, in another database: one can't rename where one stands."""
        others = [name for name in ("postgres", "template1") if name != self.name]
        for name in others:
            try:
                async with self._connected(name) as connection:
                    yield connection
                    return
            except DatabaseUnavailable as error:
                if name == others[-1] or not isinstance(error.__cause__, asyncpg.InvalidCatalogNameError):
                    raise


async def _look(connection: asyncpg.Connection[Any]) -> Snapshot:
    tables = {f"{_quoted(one['schema'])}.{_quoted(one['name'])}": one for one in await connection.fetch(_TABLES)}
    rows: dict[str, int] = {}
    named = set[str]()
    for quoted, table in tables.items():
        name = table["name"] if table["schema"] == "public" else f"{table['schema']}.{table['name']}"
        rows[name] = await connection.fetchval(f"SELECT count(*) FROM {quoted}")
        for (column,) in await connection.fetch(_TEXTS, table["oid"]):
            texts = await connection.fetch(
                f"SELECT {_quoted(column)} FROM {quoted} WHERE octet_length({_quoted(column)}) <= {LONGEST_REFERENCE}"
                f" AND {_quoted(column)} ~ '/[0-9a-f]{{64}}$'"
            )
            named |= {reference for (text,) in texts if (reference := named_in(text))}
    schema: dict[str, int] = {}
    if "schema_migrations" in rows:
        newest = await connection.fetch("SELECT part, max(number) AS number FROM schema_migrations GROUP BY part")
        schema = {one["part"]: one["number"] for one in newest}
    version = str(await connection.fetchval("SHOW server_version")).split()[0]
    return Snapshot(Contents(f"PostgreSQL {version}", schema, rows), frozenset(named))


def _options(found: Mapping[str, Any] | None, *, scratch: bool) -> str:
    if found is None:
        return ""
    options = {"ENCODING": found["encoding"], "LC_COLLATE": found["datcollate"], "LC_CTYPE": found["datctype"]}
    if found.get("datlocprovider") == "i":
        options["LOCALE_PROVIDER"] = "icu"
        options["ICU_LOCALE"] = found.get("daticulocale") or found.get("datlocale") or ""
    said = "".join(f" {name} '{value}'" for name, value in options.items())
    return said if scratch else f"{said} OWNER {_quoted(found['owner'])}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _translated(error: BaseException) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"PostgreSQL can't be reached or used: {str(error) or type(error).__name__}.",
                               hint="Check DATABASE_URL and that the server runs.")  # fmt: skip
