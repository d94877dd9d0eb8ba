"""Which addresses are model calls, and whose."""

from __future__ import annotations

import pytest

from fairlead.gateway.addresses import Address, addresses
from fairlead.gateway.types import Format

OURS = addresses({
    "openai": {"kind": "simulated"},
    "local": {"base_url": "http://127.0.0.1:11434/v1/"},
    "rehearsal": {"kind": "simulated", "url": "http://127.0.0.1:8100"},
})  # fmt: skip


@pytest.mark.parametrize(
    ("url", "provider", "form"),
    [
        ("https://api.openai.com/v1/chat/completions", "openai", Format.CHAT),
        ("https://API.openai.com:443/v1/responses?x=1", "openai", Format.RESPONSES),
        ("https://api.anthropic.com/v1/messages?beta=true", "anthropic", Format.MESSAGES),
        ("http://127.0.0.1:11434/v1/chat/completions", "local", Format.CHAT),
        ("http://127.0.0.1:8100/v1/messages", "rehearsal", Format.MESSAGES),
    ],
)
def test_a_known_address_has_a_provider_and_a_format(url: str, provider: str, form: Format) -> None:
    assert OURS.find("POST", url) == Address(provider, form)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "https://api.openai.com/v1/responses"),
        ("POST", "http://api.openai.com/v1/responses"),  # in the clear: no client does that, and no key may go there
        ("POST", "https://api.openai.com.evil.example/v1/chat/completions"),
        ("POST", "http://127.0.0.1:11435/v1/chat/completions"),
        ("POST", "https://api.openai.com/v1/chat/completions/x"),
    ],
)
def test_another_address_has_none(method: str, url: str) -> None:
    assert OURS.find(method, url) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1/embeddings",
        "https://eu.api.openai.com/v1/chat/completions",
        "https://mine.openai.azure.com/openai/deployments/x/chat/completions?api-version=1",
        "https://api.mistral.ai/v1/chat/completions",
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-3:generateContent",
        "https://bedrock-runtime.eu-west-1.amazonaws.com/model/x/converse",
        "http://127.0.0.1:11434/v1/embeddings",
    ],
)
def test_what_looks_like_a_model_call(url: str) -> None:
    assert OURS.looks_like_model_call("POST", url)


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "https://api.openai.com/v1/models"),
        ("POST", "https://api.anthropic.com/v1/messages/count_tokens"),
        ("POST", "https://api.openai.com/v1/files"),
        ("POST", "https://example.com/messages/new"),
        ("POST", "http://127.0.0.1:5000/orders"),
        ("GET", "ws://127.0.0.1:5000/feed"),
    ],
)
def test_what_costs_nothing_does_not(method: str, url: str) -> None:
    assert not OURS.looks_like_model_call(method, url)


def test_a_socket_to_a_provider_looks_like_one() -> None:
    assert OURS.looks_like_model_call("GET", "wss://api.openai.com/v1/realtime?model=x")
