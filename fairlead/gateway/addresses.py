"""Whose address a URL is: what clients of model providers ask, and which of it we can answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

from fairlead.gateway.providers.anthropic import ANTHROPIC_URL
from fairlead.gateway.providers.openai import OPENAI_URL
from fairlead.gateway.types import Format
from fairlead.gateway.wire import WIRES

_PORTS = {"https": 443, "http": 80, "wss": 443, "ws": 80}
_FREE = ("/count_tokens", "/moderations", "/files", "/uploads", "/input_tokens")
"""What providers do not charge for: ends of addresses."""
_TELLING = (*(wire.PATH for wire in WIRES.values()), ":generateContent", ":streamGenerateContent", "/converse",
            "/converse-stream", "/invoke-with-response-stream")  # fmt: skip
"""Ends that only model calls have, whoever serves them."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a model call in `format` goes to `provider`."""

    provider: str
    format: Format


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of the providers of a project."""

    known: Mapping[str, Address] = field(default_factory=dict[str, Address])
    hosts: frozenset[str] = frozenset()

    def find(self, method: str, url: str) -> Address | None:
        """The provider and format that a request asks, when we can answer it."""
        return self.known.get(plain_url(url)) if method == "POST" else None

    def looks_like_model_call(self, method: str, url: str) -> bool:
        """Whether this costs money at a model provider, as far as an address can tell."""
        parts = urlsplit(url)
        if parts.scheme in ("ws", "wss"):
            return self._is_theirs(_place(parts))
        if method != "POST" or parts.path.endswith(_FREE):
            return False
        return parts.path.endswith(_TELLING) or self._is_theirs(_place(parts))

    def _is_theirs(self, place: str) -> bool:
        return any(place == one or place.endswith(f".{one}") for one in self.hosts)


def addresses(tables: Mapping[str, Mapping[str, Any]]) -> Addresses:
    """Of what a project declares under [providers], OpenAI and Anthropic always among them. A provider that only
    stands at its usual address (`[providers.openai] kind = "simulated"`) is asked there all the same."""
    bases = {OPENAI_URL: "openai", ANTHROPIC_URL: "anthropic"}
    for name, table in tables.items():
        url = table.get("base_url") or (f"{str(table['url']).rstrip('/')}/v1" if "url" in table else None)
        if isinstance(url, str):
            bases.setdefault(plain_url(url), name)
    known = {base + wire.PATH: Address(name, form) for base, name in bases.items() for form, wire in WIRES.items()}
    return Addresses(known, frozenset(_place(urlsplit(base)) for base in bases))


@lru_cache(maxsize=256)
def plain_url(url: str) -> str:
    """Scheme, host, port where it is not the usual one, and path: what two spellings of one address share."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{_place(parts)}{parts.path.rstrip('/')}"


def _place(parts: SplitResult) -> str:
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.hostname}{port}"
