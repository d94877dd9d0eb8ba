"""What a backup is, and whether what comes back is that. Pure.

manifest.json        what was copied, from where, when; its files by size and digest; a digest over all of it
verification.json    whether it could be restored into scratch, and what was found there
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from fairlead.errors import Conflict, Damaged

FORMAT = 1
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Contents:
    """Of a database at one moment."""

    server: str  # such as "PostgreSQL 15.4"
    schema: Mapping[str, int]  # the newest migration of each part
    tables: Mapping[str, int]  # rows of each


@dataclass(frozen=True, slots=True)
class File:
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BlobsCopied:
    """`missing`: the database names them and the store has not got them; retention has removed them, or they are lost.
    `damaged`: the store has them, and they are not what was kept."""

    count: int
    bytes: int
    missing: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    id: str
    made_at: datetime
    environment: str
    why: str
    kind: str  # of the database: sqlite, postgres
    database: str  # its name, without address or password
    fairlead: str  # version
    contents: Contents
    files: tuple[File, ...]
    blobs: BlobsCopied

    @property
    def size(self) -> int:
        """Bytes of its files, without the blobs."""
        return sum(file.size for file in self.files)

    def file(self, name: str) -> File:
        """Raises `Damaged` when there is none of that name."""
        for file in self.files:
            if file.name == name:
                return file
        raise Damaged(f"The manifest of {self.id} names no {name}.")


@dataclass(frozen=True, slots=True)
class Verification:
    """`of`: the digest of the manifest that was verified."""

    at: datetime
    passed: bool
    said: str
    of: str


def write_manifest(manifest: Manifest) -> bytes:
    body = {"format": FORMAT, **plain(manifest)}
    return _pretty({**body, "digest": _digest(body)})


def parse_manifest(data: bytes, *, named: str = "manifest.json") -> Manifest:
    """Raises `Damaged` when it is not what was written, `Conflict` when a newer Fairlead has written it."""
    found = _object(data, named)
    if isinstance(found.get("format"), int) and found["format"] > FORMAT:
        raise Conflict(f"{named} is of format {found['format']}, and this Fairlead knows {FORMAT}.",
                       hint="Use the Fairlead that made it, or a newer one.")  # fmt: skip
    body = {name: value for name, value in found.items() if name != "digest"}
    if found.get("digest") != _digest(body):
        raise Damaged(f"{named} was changed after it was written: its digest is of something else.")
    return _read(Manifest, {name: value for name, value in body.items() if name != "format"}, named)


def digest_of(manifest: Manifest) -> str:
    return _digest({"format": FORMAT, **plain(manifest)})


def write_verification(verification: Verification) -> bytes:
    return _pretty(plain(verification))


def parse_verification(data: bytes, *, named: str = "verification.json") -> Verification:
    """Raises `Damaged`."""
    return _read(Verification, _object(data, named), named)


def differences(expected: Contents, found: Contents) -> list[str]:
    """How a restored database is not what was backed up, in sentences. Servers may differ."""
    said: list[str] = []
    for what, was, now in (
        ("schema {} is at {}, not at {}", expected.schema, found.schema),
        ("table {} has {} rows, not {}", expected.tables, found.tables),
    ):
        for name in sorted(was.keys() | now.keys()):
            if was.get(name) != now.get(name):
                said.append(what.format(name, now.get(name, "none"), was.get(name, "none")))
    return said


def plain(value: Manifest | Verification) -> dict[str, Any]:
    """As JSON would have it."""
    return orjson.loads(orjson.dumps(asdict(value)))


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _pretty(body: Mapping[str, Any]) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _object(data: bytes, named: str) -> dict[str, Any]:
    try:
        found: Any = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Damaged(f"{named} is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise Damaged(f"{named} is no JSON object.")
    return found  # pyright: ignore[reportUnknownVariableType]


def _read(kind: type[T], body: Mapping[str, Any], named: str) -> T:
    try:
        return TypeAdapter(kind).validate_python(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Damaged(f"{named}: {where}: {first['msg']}.") from error
