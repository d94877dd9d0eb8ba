from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairlead.clock import SystemClock
from fairlead.config import Secret
from fairlead.errors import ConfigurationError, FairleadError, UnknownSetting
from fairlead.gateway.provider import Provider
from fairlead.gateway.providers.declared import declared_providers
from fairlead.gateway.simulate import Simulator
from fairlead.gateway.transport_http1 import Http1Transport
from fairlead.gateway.types import Format
from tests.gateway.loopback import ask, simulating


def declare(tables: dict[str, Any], root: Path, **secrets: str) -> dict[str, Provider]:
    made = declared_providers(
        tables,
        root=root,
        secret=lambda name: Secret(secrets.get(name, "")),
        open_transport=Http1Transport,
        clock=SystemClock(),
    )
    return {provider.name: provider for provider in made}


async def test_openai_and_simulated_exist_undeclared(tmp_path: Path) -> None:
    providers = declare({}, tmp_path)
    assert set(providers) == {"anthropic", "openai", "simulated"}
    assert await providers["simulated"].complete(ask())
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY is not set"):
        await providers["openai"].complete(ask(model="openai/gpt-5-mini"))
    with pytest.raises(ConfigurationError, match="ANTHROPIC_API_KEY is not set"):
        await providers["anthropic"].complete(ask(model="anthropic/claude-haiku-4-5", form=Format.MESSAGES))


async def test_a_compatible_endpoint_and_a_simulator_elsewhere_are_declared_by_address(tmp_path: Path) -> None:
    async with simulating(Simulator(api_key="sesame")) as url:
        tables = {"local": {"base_url": f"{url}/v1", "api_key_env": "LOCAL"}, "simulated": {"url": url}}
        providers = declare(tables, tmp_path, LOCAL="sesame")
        assert (await providers["local"].complete(ask(model="local/llama"))).body["model"] == "llama"
        with pytest.raises(FairleadError, match="401"):
            await providers["simulated"].complete(ask())
        for provider in providers.values():
            await provider.aclose()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"base_ur": "x"}, "base_ur"),
        ({"kind": "nope"}, "nope"),
        ({}, "base_url"),
        ({"base_url": 7}, "base_url"),
        ({"base_url": "x", "formats": ["grpc"]}, "formats"),
        ({"base_url": "x", "formats": []}, "formats"),
    ],
)
def test_a_declaration_that_is_wrong_is_named(tmp_path: Path, table: dict[str, Any], said: str) -> None:
    with pytest.raises((ConfigurationError, UnknownSetting), match=said):
        declare({"local": table}, tmp_path)
