"""From a table of the project file to a provider: what [providers.NAME] may say.

[providers.local]
kind = "openai"                    # openai (the default), anthropic or simulated
base_url = "http://127.0.0.1:11434/v1"
api_key_env = "LOCAL_KEY"          # the variable that holds its key
formats = ["chat", "responses"]    # what it speaks, where that is not chat and embeddings
requests_per_minute = 60           # 0: no limit
tokens_per_minute = 100000
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from fairlead.clock import Clock
from fairlead.config import Secret
from fairlead.errors import ConfigurationError, UnknownSetting
from fairlead.gateway.policy import load_policy
from fairlead.gateway.provider import Provider
from fairlead.gateway.providers.anthropic import ANTHROPIC_URL, anthropic
from fairlead.gateway.providers.http import Endpoint, HttpProvider
from fairlead.gateway.providers.openai import OPENAI_URL, SPOKEN, openai
from fairlead.gateway.providers.simulated import SimulatedProvider
from fairlead.gateway.transport import Transport
from fairlead.gateway.types import Format

KINDS = ("anthropic", "openai", "simulated")
_OWN_KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
_LIMITS = ("requests_per_minute", "tokens_per_minute")


def declared_providers(
    tables: Mapping[str, Mapping[str, Any]],
    *,
    root: Path,
    secret: Callable[[str], Secret],
    open_transport: Callable[[], Transport],
    clock: Clock,
    silence: timedelta | None = None,
) -> list[Provider]:
    """A provider for each table, and `anthropic`, `openai` and `simulated`, which exist without one.

    `secret` gives the value of a variable, an empty one when it is not set. `open_transport` is called once for each
    provider that speaks HTTP.
    """

    def over_http(name: str, endpoint: Endpoint) -> Provider:
        return HttpProvider(name, endpoint, transport=open_transport(), clock=clock, silence=silence)

    tables = {**{kind: {} for kind in KINDS}, **tables}
    return [_provider(name, table, root, secret, over_http, clock) for name, table in tables.items()]


def _provider(
    name: str,
    table: Mapping[str, Any],
    root: Path,
    secret: Callable[[str], Secret],
    over_http: Callable[[str, Endpoint], Provider],
    clock: Clock,
) -> Provider:
    kind = table.get("kind", name if name in KINDS else "openai")
    match kind:
        case "simulated":
            _only(name, table, "kind", "policy", "url", *_LIMITS)
            if "url" not in table:
                policy = load_policy(_text(name, table, "policy"), root) if "policy" in table else None
                return SimulatedProvider(policy, clock=clock, name=name)
            url = _text(name, table, "url").rstrip("/") + "/v1"
            return over_http(name, openai(url, "", formats=tuple(Format)))
        case "openai":
            _only(name, table, "kind", "base_url", "api_key_env", "formats", *_LIMITS)
            url = _text(name, table, "base_url", OPENAI_URL if name == "openai" else None)
            variable = _variable(name, table)
            formats = _formats(name, table)
            return over_http(name, openai(url, _value(secret, variable), key_name=variable, formats=formats))
        case "anthropic":
            _only(name, table, "kind", "base_url", "api_key_env", *_LIMITS)
            url = _text(name, table, "base_url", ANTHROPIC_URL)
            variable = _variable(name, table)
            return over_http(name, anthropic(url, _value(secret, variable), key_name=variable))
        case _:
            raise ConfigurationError(
                f"[providers.{name}] has an unknown kind {kind!r}.", hint=f"It is one of {', '.join(KINDS)}."
            )


def key_of(name: str, table: Mapping[str, Any]) -> str:
    """The variable that holds the key of a provider; "" for one that needs none."""
    return "" if table.get("kind", name) == "simulated" else _variable(name, table)


def _variable(name: str, table: Mapping[str, Any]) -> str:
    return _text(name, table, "api_key_env", _OWN_KEYS.get(name, ""))


def _value(secret: Callable[[str], Secret], variable: str) -> Secret:
    return secret(variable) if variable else Secret("")


def _formats(name: str, table: Mapping[str, Any]) -> tuple[Format, ...]:
    said: Any = table.get("formats", list(SPOKEN))
    values = cast("list[Any]", said) if isinstance(said, list) else []
    if not values or not all(one in list(Format) for one in values):
        raise ConfigurationError(
            f"[providers.{name}]: formats must be a list.", hint=f"Of {', '.join(Format)}; at least one."
        )
    return tuple(Format(one) for one in values)


def _only(name: str, table: Mapping[str, Any], *known: str) -> None:
    for key in table:
        if key not in known:
            raise UnknownSetting(f"[providers.{name}] has an unknown key {key!r}.", hint=f"Known: {', '.join(known)}.")


def _text(name: str, table: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise ConfigurationError(f"[providers.{name}] needs {key} as text.")
    return value
