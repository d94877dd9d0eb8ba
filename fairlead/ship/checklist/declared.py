"""What a project says of its checks, in `[checklist]` of fairlead.toml.

[checklist]
url = "https://chat.example.com"           # where callers reach the service
prometheus = "http://127.0.0.1:9090"       # and alertmanager, grafana, logs (Loki)
coverage = 80                              # percent, at least
ports = [22, 443]                          # what may listen to others on this host
services = ["https://api.example.com"]     # what the service can't do without
may_hold_keys = ["tests/**"]               # files in which what looks like a key is none
[checklist.commands]                       # run in the project's folder, without a shell; exit code 0: it holds
tests = "pytest -q"
security = "pip-audit"
[checklist.not_applicable]                 # an item, and why it does not concern this project
autoscaling = "two instances, and never more"
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fairlead.config.value import Duration
from fairlead.errors import ConfigurationError
from fairlead.ship.checklist.items import ITEMS

COMMANDS = (
    "tests", "coverage", "security", "performance", "docs", "image-test", "image-scan", "integration", "evaluation",
    "load", "resume", "migration", "backup-verify", "restore-test",
)  # fmt: skip


def _address(value: str) -> str:
    if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
        raise ValueError(f"{value!r} is no address; write http://HOST:PORT")
    return value.rstrip("/")


def _service(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https", "tcp") or not parts.hostname or (parts.scheme == "tcp" and not parts.port):
        raise ValueError(f"{value!r} is no address; write https://HOST or tcp://HOST:PORT")
    return value


def _command(value: str) -> str:
    if not shlex.split(value):
        raise ValueError("a command has at least one word")
    return value


def _known_command(value: dict[str, str]) -> dict[str, str]:
    if unknown := sorted(set(value) - set(COMMANDS)):
        raise ValueError(f"no check runs {unknown[0]!r}; known are {', '.join(COMMANDS)}")
    return value


def _known_item(value: dict[str, str]) -> dict[str, str]:
    known = {one.id for one in ITEMS}
    if unknown := sorted(set(value) - known):
        raise ValueError(f"no checklist has an item {unknown[0]!r}")
    if bare := [name for name, why in value.items() if not why.strip()]:
        raise ValueError(f"say why {bare[0]!r} does not concern this project")
    return value


Address = Annotated[str, AfterValidator(_address)]
Commands = Annotated[dict[str, Annotated[str, AfterValidator(_command)]], AfterValidator(_known_command)]


class ChecklistTable(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: Address = ""
    prometheus: Address = ""
    alertmanager: Address = ""
    grafana: Address = ""
    logs: Address = ""
    coverage: float = Field(80, ge=0, le=100)
    command_timeout: Duration = Field(1800, validate_default=True)
    timeout: Duration = Field(15, validate_default=True)
    ports: list[Annotated[int, Field(ge=1, le=65535)]] | None = None
    services: list[Annotated[str, AfterValidator(_service)]] = Field(default_factory=list[str])
    alerts: list[str] | None = None
    may_hold_keys: list[str] = Field(default_factory=list[str])
    commands: Commands = Field(default_factory=dict[str, str])
    not_applicable: Annotated[dict[str, str], AfterValidator(_known_item)] = Field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Declared:
    """`timeout`: the most that one check may take; of those that run a command, `command_timeout`."""

    url: str = ""
    prometheus: str = ""
    alertmanager: str = ""
    grafana: str = ""
    logs: str = ""
    coverage: float = 80.0
    command_timeout: timedelta = timedelta(minutes=30)
    timeout: timedelta = timedelta(seconds=15)
    ports: tuple[int, ...] | None = None
    services: tuple[str, ...] = ()
    alerts: tuple[str, ...] | None = None
    may_hold_keys: tuple[str, ...] = ()
    commands: Mapping[str, str] = field(default_factory=dict[str, str])
    not_applicable: Mapping[str, str] = field(default_factory=dict[str, str])


def parse_checklist(table: Mapping[str, Any], *, file: Path) -> Declared:
    """Raises `ConfigurationError`."""
    try:
        given = ChecklistTable.model_validate(dict(table))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, ("checklist", *first["loc"])))
        raise ConfigurationError(f"{file}: `{place}`: {first['msg'].removeprefix('Value error, ')}.") from None
    return Declared(
        given.url, given.prometheus, given.alertmanager, given.grafana, given.logs, given.coverage,
        given.command_timeout, given.timeout, None if given.ports is None else tuple(given.ports),
        tuple(given.services), None if given.alerts is None else tuple(given.alerts), tuple(given.may_hold_keys),
        given.commands, given.not_applicable,
    )  # fmt: skip
