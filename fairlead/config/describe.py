"""What can be set, for the manual, `.env.example`, `doctor`, and the messages about a wrong name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from fairlead.config.parts import (
    AccessSettings,
    AppSettings,
    BackupSettings,
    BudgetSettings,
    ClientSettings,
    DatabaseSettings,
    EgressSettings,
    EngineSettings,
    ModelSettings,
    Part,
    SecretSettings,
    ServerSettings,
    SignInSettings,
    StoreSettings,
    TelemetrySettings,
    TokenSettings,
)
from fairlead.config.value import Said, Unit, write_duration, write_size

PREFIX = "FAIRLEAD_"
SET = "(set)"
"""All that is shown of a secret."""
PARTS: dict[str, type[Part]] = {
    "app": AppSettings,
    "secrets": SecretSettings,
    "engine": EngineSettings,
    "database": DatabaseSettings,
    "backup": BackupSettings,
    "server": ServerSettings,
    "access": AccessSettings,
    "egress": EgressSettings,
    "sign_in": SignInSettings,
    "tokens": TokenSettings,
    "models": ModelSettings,
    "budgets": BudgetSettings,
    "store": StoreSettings,
    "telemetry": TelemetrySettings,
    "client": ClientSettings,
}


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """One setting. `names` are accepted in this order: the first that is given counts."""

    part: str
    field: str
    name: str
    names: tuple[str, ...]
    description: str
    kind: str
    default: str
    secret: bool


def describe_settings() -> list[SettingDoc]:
    """Every setting, in the order of the manual."""
    return [doc for part, model in PARTS.items() for doc in docs_of(part, model)]


def docs_of(part: str, model: type[Part]) -> Iterator[SettingDoc]:
    for name, info in model.model_fields.items():
        said = _said(info)
        own = said.name or name.upper()
        yield SettingDoc(
            part=part,
            field=name,
            name=own,
            names=tuple(_accepted(own, said)),
            description=info.description or "",
            kind=_kind(info),
            default=write_value(info.default, secret=False),
            secret=said.secret,
        )


def write_value(value: Any, *, secret: bool) -> str:
    """The value as a person would set it; of a secret only whether there is one."""
    if secret:
        return SET if value else ""
    match value:
        case None | ():
            return ""
        case tuple():
            return ",".join(str(item) for item in cast("tuple[object, ...]", value))
        case bool():
            return str(value).lower()
        case timedelta():
            return write_duration(value)
        case int() if value >= 4096 and value % 1024 == 0:
            return write_size(value)
        case Enum():
            return str(value.value)
        case Path() | Decimal() | SecretStr():
            return str(value)
        case _:
            return str(value)


def _said(info: FieldInfo) -> Said:
    extra = cast("dict[str, Any]", info.json_schema_extra)
    return extra["said"]


def _accepted(own: str, said: Said) -> Iterator[str]:
    yield PREFIX + own
    if said.bare:
        yield own
    if said.also:
        yield PREFIX + said.also
        yield said.also


def _kind(info: FieldInfo) -> str:
    # Of a setting that may be not set, the unit is said within: `Duration | None`.
    within = [item for inner in get_args(info.annotation) for item in getattr(inner, "__metadata__", ())]
    units = [item.word for item in (*info.metadata, *within) if isinstance(item, Unit)]
    if units:
        return units[0]
    kinds = [kind for kind in get_args(info.annotation) or (info.annotation,) if isinstance(kind, type)]
    kind = next(kind for kind in kinds if kind is not type(None))
    if issubclass(kind, Enum):
        return " | ".join(str(item.value) for item in kind)
    words = {
        bool: "true or false", int: "number", float: "number", Decimal: "amount", Path: "path", SecretStr: "secret",
        str: "text",
    }  # fmt: skip
    return words[kind]
