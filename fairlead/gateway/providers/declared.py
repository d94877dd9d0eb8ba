"""From a table of the project file to a provider: what [providers.NAME] may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fairlead.clock import Clock
from fairlead.errors import ConfigurationError, UnknownSetting
from fairlead.gateway.policy import load_policy
from fairlead.gateway.provider import Provider
from fairlead.gateway.providers.openai import OpenAIProvider
from fairlead.gateway.providers.simulated import SimulatedProvider
from fairlead.gateway.transport import LateTransport, Transport

OPENAI_URL = "https://api.openai.com/v1"


def declared_providers(
    tables: Mapping[str, Mapping[str, Any]],
    *,
    root: Path,
    secret: Callable[[str], str],
    open_transport: Callable[[], Transport],
    clock: Clock,
) -> list[Provider]:
    """A provider for each table, and `openai` and `simulated`, which exist without one.

    `secret` gives the value of a variable, "" when it is not set. `open_transport` is called once for each provider
    that speaks HTTP, when it is first asked: whoever stays with simulated models never loads an HTTP client.
    """
    tables = {"openai": {}, "simulated": {}, **tables}
    return [
        _provider(name, table, root, secret, LateTransport(open_transport), clock) for name, table in tables.items()
    ]


def _provider(
    name: str,
    table: Mapping[str, Any],
    root: Path,
    secret: Callable[[str], str],
    transport: Transport,
    clock: Clock,
) -> Provider:
    kind = table.get("kind", name if name in ("openai", "simulated") else "openai")
    match kind:
        case "simulated":
            _only(name, table, "kind", "policy", "url")
            if "url" not in table:
                policy = load_policy(_text(name, table, "policy"), root) if "policy" in table else None
                return SimulatedProvider(policy, clock=clock, name=name)
            url = _text(name, table, "url").rstrip("/") + "/v1"
            return OpenAIProvider(name, base_url=url, api_key="", transport=transport, clock=clock)
        case "openai":
            _only(name, table, "kind", "base_url", "api_key_env")
            url = _text(name, table, "base_url", OPENAI_URL if name == "openai" else None)
            variable = _text(name, table, "api_key_env", "OPENAI_API_KEY" if name == "openai" else "")
            key = secret(variable) if variable else ""
            return OpenAIProvider(name, base_url=url, api_key=key, transport=transport, clock=clock, key_name=variable)
        case _:
            raise ConfigurationError(f"[providers.{name}] has an unknown kind {kind!r}.", hint="openai or simulated.")


def _only(name: str, table: Mapping[str, Any], *known: str) -> None:
    for key in table:
        if key not in known:
            raise UnknownSetting(f"[providers.{name}] has an unknown key {key!r}.", hint=f"Known: {', '.join(known)}.")


def _text(name: str, table: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        raise ConfigurationError(f"[providers.{name}] needs {key} as text.")
    return value
