"""What a project says of its MCP servers.

[mcp.github]                                   # stdio: a program that we start
command = "npx"
args = ["-y", "@modelcontextprotocol/server-github"]
env = { GITHUB_TOKEN = "${GITHUB_TOKEN}" }     # from the environment, or .env
[mcp.tickets]                                  # streamable HTTP
url = "https://tickets.example.com/mcp"
headers = { Authorization = "Bearer ${TICKETS_TOKEN}" }
include = ["search_*"]                         # which of its tools, by name
safe_to_repeat = ["search_*"]                  # whatever it says of itself
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from fairlead.agents.mcp.listed import Listed
from fairlead.errors import ConfigurationError
from fairlead.telemetry.health import Component

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_STDIO = ("command", "args", "env", "cwd")
_HTTP = ("url", "headers")
_BOTH = ("include", "exclude", "safe_to_repeat", "timeout_seconds", "start_timeout_seconds", "max_result_bytes")
_MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Server:
    """Either a `command` or a `url`."""

    name: str
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    cwd: Path | None = None
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    safe_to_repeat: tuple[str, ...] | None = None  # None: what the server says of each tool
    timeout: timedelta = timedelta(seconds=60)  # of one call
    start_timeout: timedelta = timedelta(seconds=30)
    max_result: int = _MIB  # bytes
    secrets: tuple[str, ...] = field(default=(), repr=False)  # values that must not be logged

    def offers(self, tool: str) -> bool:
        return _matches(tool, self.include) and not _matches(tool, self.exclude)

    def may_repeat(self, tool: str, *, says: bool) -> bool:
        return says if self.safe_to_repeat is None else _matches(tool, self.safe_to_repeat)


class ToolServers(Protocol):
    """The servers of a process. `fairlead.agents.mcp.servers` has the one there is."""

    def wake(self, names: Sequence[str]) -> None:
        """Start these, where they have not been: they will be wanted."""
        ...

    def server(self, name: str) -> Server:
        """Raises `ConfigurationError` for one that nobody declared."""
        ...

    async def listing(self, server: str) -> list[dict[str, Any]]:
        """Its tools as JSON (`Listed`), those that are offered. Raises `ToolServerDown`, `ConfigurationError`."""
        ...

    async def use(self, tool: Listed, arguments: Mapping[str, Any], meta: Mapping[str, Any]) -> Any:
        """What the tool gave, as JSON. Raises `ToolFailed`."""
        ...

    def misfit(self, schema: Mapping[str, Any], arguments: Any) -> str:
        """What is wrong with arguments; empty when nothing is."""
        ...

    def conditions(self) -> Mapping[str, Component]: ...

    async def close(self) -> None: ...


def parse_servers(
    tables: Mapping[str, Any], *, root: Path, secret: Callable[[str], SecretStr | None]
) -> dict[str, Server]:
    """Raises `ConfigurationError`, naming the table and the key."""
    return {name: _server(name, table, root, secret) for name, table in tables.items()}


def _server(name: str, table: Any, root: Path, secret: Callable[[str], SecretStr | None]) -> Server:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"`{name}` is no name for an MCP server.", hint="Use 1 to 32 letters, digits, `_` or `-`."
        )
    given = _Table(f"mcp.{name}", table, secret)
    if ("command" in given.values) == ("url" in given.values):
        raise ConfigurationError(f"`mcp.{name}` needs a command or a url, one of them.")
    given.refuse_unknown((*(_STDIO if "command" in given.values else _HTTP), *_BOTH))
    repeat = given.values.get("safe_to_repeat")
    where: dict[str, Any] = given.stdio(root) if "command" in given.values else given.http()
    return Server(
        name,
        **where,
        include=given.texts("include", ("*",)),
        exclude=given.texts("exclude"),
        safe_to_repeat=None if repeat is None else _repeat(given, repeat),
        timeout=given.seconds("timeout_seconds", 60),
        start_timeout=given.seconds("start_timeout_seconds", 30),
        max_result=int(given.number("max_result_bytes", _MIB)),
        secrets=tuple(given.secrets),
    )


def _repeat(given: _Table, value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("*",) if value else ()
    return given.texts("safe_to_repeat")


class _Table:
    """One table, with the words for what is wrong in it."""

    def __init__(self, path: str, table: Any, secret: Callable[[str], SecretStr | None]) -> None:
        if not isinstance(table, dict):
            raise ConfigurationError(f"`{path}` must be a table, and is {table!r}.")
        self.values = cast("dict[str, Any]", table)
        self.secrets: list[str] = []
        self._path = path
        self._secret = secret

    def refuse_unknown(self, known: Sequence[str]) -> None:
        for key in self.values:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"Did you mean `{near[0]}`?" if near else f"Known here: {', '.join(known)}."
                raise ConfigurationError(f"Unknown key `{self._path}.{key}`.", hint=hint)

    def stdio(self, root: Path) -> dict[str, Any]:
        cwd = self._text("cwd") if "cwd" in self.values else "."
        command = (self._text("command"), *self.texts("args"))
        if any("\0" in part for part in command):
            raise ConfigurationError(f"`{self._path}.command` holds a NUL character.")
        return {"command": command, "env": self._pairs("env"), "cwd": root / cwd}

    def http(self) -> dict[str, Any]:
        url = self._text("url")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ConfigurationError(
                f"`{self._path}.url` is no http(s) address.", hint="A key goes into `headers`, not into the address."
            )
        return {"url": url, "headers": self._pairs("headers")}

    def texts(self, key: str, otherwise: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self.values.get(key, list(otherwise))
        items: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [None]
        if not all(isinstance(item, str) for item in items):
            raise ConfigurationError(f"`{self._path}.{key}` must be a list of strings, and is {value!r}.")
        return tuple(items)

    def seconds(self, key: str, otherwise: float) -> timedelta:
        return timedelta(seconds=min(self.number(key, otherwise), 86_400))

    def number(self, key: str, otherwise: float) -> float:
        value = self.values.get(key, otherwise)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise ConfigurationError(f"`{self._path}.{key}` must be a positive number, and is {value!r}.")
        return value

    def _text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise ConfigurationError(f"`{self._path}.{key}` must be a text, and is {value!r}.")
        return value

    def _pairs(self, key: str) -> dict[str, str]:
        value = self.values.get(key, {})
        pairs: dict[str, Any] = cast("dict[str, Any]", value) if isinstance(value, dict) else {"": None}
        if not all(isinstance(one, str) for one in pairs.values()):
            raise ConfigurationError(f"`{self._path}.{key}` must be a table of strings.")
        return {name: self._filled(f"{key}.{name}", text) for name, text in pairs.items()}

    def _filled(self, key: str, text: str) -> str:
        """With what `${NAME}` stands for."""

        def value(match: re.Match[str]) -> str:
            found = self._secret(match[1])
            if found is None:
                raise ConfigurationError(
                    f"`{self._path}.{key}` wants ${{{match[1]}}}, which is not set.",
                    hint=f"Set {match[1]} in the environment or in .env.local.",
                )
            self.secrets.append(found.get_secret_value())
            return found.get_secret_value()

        filled = _REFERENCE.sub(value, text)
        if "\n" in filled or "\r" in filled or "\0" in filled:
            raise ConfigurationError(f"`{self._path}.{key}` holds a line break or a NUL character.")
        return filled


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
