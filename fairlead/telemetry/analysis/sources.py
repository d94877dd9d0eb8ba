"""Log files as they lie about: rotated, compressed, piped in. What a file is, its first bytes say, not its name."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from fairlead.errors import ConfigurationError, InvalidInput, NotFound

STANDARD_INPUT = "-"
_CHUNK = 1 << 20  # bytes
_SAMPLE = 1 << 16
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ROTATED = re.compile(r"(?:[.-]\d[\d.T_-]{0,30})?(?:\.(?:gz|zst))?")


class CutShort(Exception):
    """A compressed file ends before its end, or is damaged. All that could be read was given."""


@dataclass(frozen=True, slots=True)
class Source:
    name: str
    path: Path | None  # None: standard input
    size: int  # bytes on disk; 0 of standard input
    plain: bool  # neither compressed nor piped: it can be read in any order
    head: bytes = b""  # of standard input: what was read of it already


def find_sources(names: Sequence[str], *, rotated: bool) -> list[Source]:
    """`rotated`: with the older ones beside each, such as app.log.1 and app.log.2.gz. Raises `NotFound`,
    `InvalidInput`."""
    found: dict[str, Source] = {}
    for name in names:
        if name == STANDARD_INPUT:
            found[name] = Source("standard input", None, 0, plain=False)
            continue
        path = Path(name)
        older = _rotated(path) if rotated else ()
        for one in (*older, path) if path.exists() or not older else older:
            found[str(one)] = _file(one)
    return list(found.values())


def looked_into(source: Source) -> tuple[Source, bytes, str]:
    """It, how it begins, unpacked, and what is wrong with that. Raises `InvalidInput`."""
    if source.path is None:
        source = replace(source, head=sys.stdin.buffer.read(_CHUNK))
        pieces = _unpacked(source.head, BytesIO())
    else:
        pieces = read(source)
    sample, wrong = b"", ""
    try:
        for piece in pieces:
            sample += piece
            if len(sample) >= _SAMPLE:
                break
    except CutShort as error:
        wrong = str(error)
    return source, sample[:_SAMPLE], wrong


def read(source: Source) -> Iterator[bytes]:
    """Its bytes, unpacked. Raises `CutShort`, and `InvalidInput` for what can't be read."""
    file = sys.stdin.buffer if source.path is None else _opened(source.path)
    try:
        yield from _unpacked(source.head or file.read(_CHUNK), file)
    except OSError as error:
        raise InvalidInput(f"{source.name} can't be read: {error.strerror or error}.") from None
    finally:
        if source.path is not None:
            file.close()


def _unpacked(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    if first.startswith(_GZIP):
        yield from _gunzipped(first, file)
    elif first.startswith(_ZSTD):
        yield from _unzstd(first, file)
    else:
        data = first
        while data:
            yield data
            data = file.read(_CHUNK)


def _gunzipped(data: bytes, file: BinaryIO) -> Iterator[bytes]:
    """Of all members one after the other, as `gzip` itself does it."""
    unpack = zlib.decompressobj(wbits=31)
    while data:
        try:
            if made := unpack.decompress(data, _CHUNK * 8):
                yield made
        except zlib.error as error:
            raise CutShort(f"it is damaged: {error}") from None
        if unpack.eof:
            data = unpack.unused_data.lstrip(b"\x00") or file.read(_CHUNK)
            if data:
                unpack = zlib.decompressobj(wbits=31)
        else:
            data = unpack.unconsumed_tail or file.read(_CHUNK)
    if not unpack.eof:
        raise CutShort("it ends before its end")


def _unzstd(data: bytes, file: BinaryIO) -> Iterator[bytes]:
    library = _zstandard()
    unpack = library.ZstdDecompressor().decompressobj()
    while data:
        try:
            if made := unpack.decompress(data):
                yield made
        except library.ZstdError as error:
            raise CutShort(f"it is damaged: {error}") from None
        rest = unpack.unused_data if unpack.eof else b""
        data = rest or file.read(_CHUNK)
        if data and unpack.eof:
            unpack = library.ZstdDecompressor().decompressobj()
    if not unpack.eof:
        raise CutShort("it ends before its end")


def _zstandard() -> Any:
    try:
        return import_module("zstandard")
    except ImportError:
        raise ConfigurationError("Nothing here unpacks .zst.", hint="pip install 'fairlead[logs]'") from None


def _file(path: Path) -> Source:
    with _opened(path) as file:
        first = file.read(4)
    plain = path.is_file() and not first.startswith((_GZIP, _ZSTD))
    return Source(str(path), path, path.stat().st_size, plain)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise NotFound(f"There is no {path}.") from None
    except IsADirectoryError:
        raise InvalidInput(f"{path} is a folder.", hint=f"Name its files, such as {path}/*.log.") from None
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}.") from None


def _rotated(path: Path) -> Sequence[Path]:
    """Beside it, by their names: oldest first, as far as names say so."""

    def beside(one: Path) -> bool:
        more = one.name.removeprefix(path.name)
        return one.name.startswith(path.name) and bool(more) and bool(_ROTATED.fullmatch(more))

    return sorted(filter(beside, path.parent.iterdir()), reverse=True) if path.parent.is_dir() else ()
