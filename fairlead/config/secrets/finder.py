"""From a reference to its value, remembered for a while: one question for all the keys of one secret."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import orjson

from fairlead.clock import Clock, SystemClock
from fairlead.config.secrets.aws import AwsSecretsManager
from fairlead.config.secrets.reference import Reference
from fairlead.config.secrets.source import FileSource, Found, SecretSource, VariableSource
from fairlead.errors import ConfigurationError, FairleadError

KEEP = timedelta(seconds=300)


class Finder:
    """Of one process; any thread may ask."""

    def __init__(self, sources: Mapping[str, SecretSource], *, clock: Clock, keep: timedelta = KEEP) -> None:
        self._sources = dict(sources)
        self._clock = clock
        self._kept: dict[tuple[str, str, str], tuple[float, Found]] = {}
        self._lock = threading.Lock()
        self.keep = keep

    def find(self, reference: Reference, *, within: timedelta | None = None) -> Found:
        """No older than `within`, which is `keep`. Raises `ConfigurationError`, `SecretUnavailable`."""
        place = (reference.kind, reference.where, reference.stage)
        oldest = (self.keep if within is None else within).total_seconds()
        with self._lock:
            at, found = self._kept.get(place, (0.0, None))
            now = self._clock.monotonic()
            if found is None or now - at >= oldest:
                found = self._sources[reference.kind].fetch(reference.where, reference.stage)
                self._kept[place] = (now, found)
        return Found(_part_of(found.value, reference.key), found.version) if reference.key else found

    def last(self, reference: Reference) -> Found | None:
        """What it was when it was found last, however long ago."""
        place = (reference.kind, reference.where, reference.stage)
        if place not in self._kept:
            return None
        found = self._kept[place][1]
        try:
            return Found(_part_of(found.value, reference.key), found.version) if reference.key else found
        except FairleadError:
            return None


def finder_of(environ: Mapping[str, str], *, root: Path, clock: Clock | None = None) -> Finder:
    """All places that there are, with these variables."""
    sources: dict[str, SecretSource] = {
        "env": VariableSource(environ), "file": FileSource(root), "aws": AwsSecretsManager(environ)
    }  # fmt: skip
    return Finder(sources, clock=clock or SystemClock())


def _part_of(text: str, key: str) -> str:
    try:
        whole: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        whole = None  # not raised from: the error of the library holds the text
    if not isinstance(whole, dict):
        raise ConfigurationError("the secret is no JSON object, and a key of it is asked for.")
    value: Any = cast("dict[str, Any]", whole).get(key)
    match value:
        case str() if value:
            return value
        case dict():
            return orjson.dumps(value).decode()
        case int() if not isinstance(value, bool):
            return str(value)
        case _:
            raise ConfigurationError(f"the secret has no text at the key {key}.")
