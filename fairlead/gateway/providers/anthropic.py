"""Anthropic, and whoever speaks its messages."""

from __future__ import annotations

from fairlead.config import Secret
from fairlead.gateway.providers.http import Endpoint
from fairlead.gateway.types import Format

ANTHROPIC_URL = "https://api.anthropic.com/v1"
_VERSION = "2023-06-01"  # https://docs.anthropic.com/en/api/versioning: the only one since


def anthropic(base_url: str, key: Secret | str, *, key_name: str = "") -> Endpoint:
    """An endpoint at `base_url`, which ends before "/messages"."""
    return Endpoint(
        base_url, formats=(Format.MESSAGES,), headers={"anthropic-version": _VERSION},
        key=Secret(key) if isinstance(key, str) else key, key_name=key_name, key_header="x-api-key", key_prefix="",
    )  # fmt: skip
