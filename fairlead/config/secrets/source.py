"""The door to wherever secrets are kept, and the two places that are always there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fairlead.errors import ConfigurationError

_LARGEST = 64 * 1024  # bytes, as in AWS Secrets Manager


@dataclass(frozen=True, slots=True)
class Found:
    """`version`: as the place counts them; "" where it does not."""

    value: str = field(repr=False)
    version: str = ""


class SecretSource(Protocol):
    def fetch(self, where: str, stage: str) -> Found:
        """Blocks for seconds at most. Raises `ConfigurationError` when it is not there or may not be read, and
        `SecretUnavailable` when nobody can tell. No message holds a value."""
        ...


class VariableSource:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def fetch(self, where: str, stage: str) -> Found:
        value = self._environ.get(where)
        if not value:
            raise ConfigurationError(f"the variable {where} is not set.")
        return Found(value)


class FileSource:
    """Paths are relative to `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def fetch(self, where: str, stage: str) -> Found:
        path = self._root / where
        try:
            with path.open("rb") as file:
                read = file.read(_LARGEST + 1)
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else "no path"
            raise ConfigurationError(f"the file {where} cannot be read: {said}.") from error
        text = _decoded(read).strip()
        if len(read) > _LARGEST or not text:
            why = "too large" if len(read) > _LARGEST else "not text in UTF-8" if read.strip() else "empty"
            raise ConfigurationError(f"the file {where} is {why}.")
        return Found(text)


def _decoded(read: bytes) -> str:
    try:
        return read.decode()
    except UnicodeDecodeError:  # which holds what it could not read: nothing may be raised from it
        return ""
