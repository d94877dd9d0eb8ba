"""What is shipped: code of one build, with the settings it was meant to run with. It never changes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from fairlead.config.secrets import parse_reference
from fairlead.errors import ConfigurationError, InvalidInput

_BUILD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


@dataclass(frozen=True, slots=True)
class Release:
    """`source`: where its code is, as its target understands it: a folder on a host; `code`: the digest of it.
    `settings` are handed to its processes as they are; of `secrets` only where each is found is kept (see
    `fairlead/config/secrets`). `versions`: of those secrets as the release was made, where their place counts them.
    Only said: whoever goes back to a release gets what is kept there now, since what it began with may have been
    revoked."""

    build: str
    source: str
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    code: str = ""

    def __post_init__(self) -> None:
        if not _BUILD.fullmatch(self.build):
            raise InvalidInput(f"{self.build!r} names no release.", hint="1 to 64 letters, digits, dots, dashes.")
        for name, reference in self.secrets.items():
            if not _is_reference(reference):
                raise InvalidInput(
                    f"The secret {name} is not said where to find.", hint="env:NAME, file:PATH, aws:ID or aws:ID#KEY."
                )
        if wrong := [name for name in (*self.settings, *self.secrets) if not _NAME.fullmatch(name)]:
            raise InvalidInput(f"{wrong[0]!r} can't be the name of a setting.")

    @property
    def digest(self) -> str:
        """Of all that was meant: two releases of the same build with other settings are two; a secret that was rotated
        makes no other release."""
        return _digest(self._meant)

    @property
    def settings_digest(self) -> str:
        return _digest({"settings": dict(self.settings), "secrets": dict(self.secrets)})

    @property
    def as_json(self) -> dict[str, Any]:
        return {**self._meant, "settings_digest": self.settings_digest, "versions": dict(self.versions)}

    @property
    def _meant(self) -> dict[str, Any]:
        return {"build": self.build, "source": self.source, "code": self.code, "settings": dict(self.settings),
                "secrets": dict(self.secrets)}  # fmt: skip


def release_of(value: Mapping[str, Any]) -> Release:
    return Release(
        value["build"], value["source"], value["settings"], value["secrets"], value.get("versions", {}),
        value.get("code", ""),
    )  # fmt: skip


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _is_reference(text: str) -> bool:
    try:
        return parse_reference(text) is not None
    except ConfigurationError:
        return False
