"""Blobs into a backup and back. Each is named by the digest of its bytes, so each proves itself.

    blobs.jsonl.gz         a line for each reference: which digest, how many bytes in the backup
    blobs/3f/3f9a….gz      its bytes, once for each digest; the same file as in the backup before (a hard link)

The whole store is copied, not what the database names: a value that is a blob itself may name others.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from fairlead.database import Blobs
from fairlead.database.blobs import parts_of, verified
from fairlead.errors import Damaged, NotFound
from fairlead.operate.backup.manifest import BlobsCopied
from fairlead.operate.backup.packing import pack_bytes, sync, unpack_bytes
from fairlead.operate.backup.subject import Tell

INDEX = "blobs.jsonl.gz"
_AT_ONCE = 16
_TELL_EVERY = 500


@dataclass(frozen=True, slots=True)
class Line:
    """`size`: of the blob; `packed`: of its file in the backup. Bytes."""

    reference: str
    size: int
    packed: int


async def copy_blobs(
    blobs: Blobs, folder: Path, *, named: frozenset[str], before: Path | None, tell: Tell
) -> BlobsCopied:
    """All that the store has, into `folder`. Raises `DatabaseUnavailable`."""
    known = _known(before)
    copied, damaged, size = set[str](), list[str](), 0
    with gzip.open(folder / INDEX, "wb", compresslevel=3) as index:
        async for batch in _batches(blobs.list_all()):
            for reference, found in zip(
                batch, await asyncio.gather(*(_copy(blobs, one, folder, before, known) for one in batch)), strict=True
            ):
                match found:
                    case Line():
                        index.write(orjson.dumps([found.reference, found.size, found.packed]) + b"\n")
                        copied.add(reference)
                        size += found.size
                    case Damaged():
                        damaged.append(reference)
                    case None:  # removed by retention since it was listed
                        pass
            if len(copied) % _TELL_EVERY < len(batch):
                tell("blobs", f"{len(copied)} large values, {size / 1024**2:.1f} MB")
    sync(folder / INDEX)
    missing = sorted(named - copied - set(damaged))
    return BlobsCopied(len(copied), size, tuple(missing), tuple(sorted(damaged)))


def check_blobs(folder: Path, expected: BlobsCopied, *, sample: int | None) -> int:
    """Every one is there and of its length; so many (None: all) are unpacked and digested. Answers how many those were.

    Raises `Damaged`."""
    count = size = 0
    chosen: list[Line] = []
    for count, line in enumerate(_lines(folder), 1):
        size += line.size
        path = _path(folder, parts_of(line.reference)[1])
        try:
            there = path.stat().st_size
        except FileNotFoundError:
            raise Damaged(f"{path} is missing: the blob {line.reference}.") from None
        if there != line.packed:
            raise Damaged(f"{path} has {there} bytes, not {line.packed}: it is cut or was changed.")
        if sample is None:
            _read(folder, line.reference)
        elif len(chosen) < sample:
            chosen.append(line)
        elif (place := random.randrange(count)) < sample:  # each with the same chance, however many there are
            chosen[place] = line
    if (count, size) != (expected.count, expected.bytes):
        raise Damaged(f"{INDEX} lists {count} blobs of {size} bytes; the manifest says {expected.count} of "
                      f"{expected.bytes}.")  # fmt: skip
    for line in chosen:
        _read(folder, line.reference)
    return count if sample is None else len(chosen)


async def put_back(blobs: Blobs, folder: Path, *, tell: Tell) -> int:
    """Those that the store has not got; answers how many. What it has beyond them stays. Raises `Damaged`,
    `DatabaseUnavailable`."""
    there = {reference async for reference in blobs.list_all()}
    put = 0
    for line in _lines(folder):
        if line.reference not in there:
            await blobs.put_back(line.reference, await asyncio.to_thread(_read, folder, line.reference))
            put += 1
            if put % _TELL_EVERY == 0:
                tell("blobs", f"{put} large values were missing and are back")
    return put


async def _copy(
    blobs: Blobs, reference: str, folder: Path, before: Path | None, known: dict[str, Line]
) -> Line | Damaged | None:
    digest = parts_of(reference)[1]
    target, old = _path(folder, digest), known.get(digest)
    if before is not None and old is not None and _linked(_path(before, digest), target, old.packed):
        return Line(reference, old.size, target.stat().st_size)
    try:
        data = await blobs.get(reference)
    except NotFound:
        return None
    except Damaged as error:
        return error
    return Line(reference, len(data), await asyncio.to_thread(_keep, target, data))


def _known(before: Path | None) -> dict[str, Line]:
    """By digest. A backup before that is damaged is no reason to have none now."""
    try:
        return {parts_of(line.reference)[1]: line for line in _lines(before)} if before else {}
    except Damaged:
        return {}


def _keep(target: Path, data: bytes) -> int:
    if target.exists():  # of another scope
        return target.stat().st_size
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return pack_bytes(data, target)


def _linked(old: Path, new: Path, size: int) -> bool:
    if new.exists():
        return True
    with suppress(OSError):  # another disk, no links, gone: then it is copied
        if old.stat().st_size == size:
            new.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.link(old, new)
            return True
    return False


def _read(folder: Path, reference: str) -> bytes:
    return verified(reference, unpack_bytes(_path(folder, parts_of(reference)[1])))


def _path(folder: Path, digest: str) -> Path:
    return folder / "blobs" / digest[:2] / f"{digest}.gz"


def _lines(folder: Path) -> Iterator[Line]:
    """Raises `Damaged`."""
    path = folder / INDEX
    try:
        with gzip.open(path, "rb") as index:
            for line in index:
                found: Any = orjson.loads(line)
                yield Line(*found)
    except FileNotFoundError:
        raise Damaged(f"{path} is missing.") from None
    except (EOFError, zlib.error, ValueError, TypeError, OSError) as error:
        raise Damaged(f"{path} can't be read: {error}.") from error


async def _batches(references: AsyncIterator[str]) -> AsyncIterator[list[str]]:
    batch: list[str] = []
    async for reference in references:
        batch.append(reference)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
