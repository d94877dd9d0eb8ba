"""OpenAI, and whoever speaks its chat completions: local servers, other clouds, `fairlead simulate`."""

from __future__ import annotations

from collections.abc import Sequence

from fairlead.config import Secret
from fairlead.gateway.providers.http import Endpoint
from fairlead.gateway.types import Format

OPENAI_URL = "https://api.openai.com/v1"
SPOKEN = (Format.CHAT, Format.EMBEDDINGS)
"""By whoever is compatible: a server without embeddings says so when it is asked for some."""


def openai(base_url: str, key: Secret | str, *, key_name: str = "", formats: Sequence[Format] = SPOKEN) -> Endpoint:
    """An endpoint at `base_url`, which ends before "/chat/completions". OpenAI itself speaks responses as well."""
    ours = base_url.startswith("https://api.openai.com")
    return Endpoint(
        base_url,
        formats=(*SPOKEN, Format.RESPONSES) if ours else tuple(formats),
        key=Secret(key) if isinstance(key, str) else key,
        key_name=key_name,
        # OpenAI's reasoning models refuse the old name; most compatible servers know only that one.
        cap_name="max_completion_tokens" if ours else "max_tokens",
    )
