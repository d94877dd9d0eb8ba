"""Templates compiled, kept beside them as Python keeps its modules: to compile those of one page takes longer than to
draw it.

Where the folder can't be written they are compiled once in each process.
"""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import suppress
from pathlib import Path
from types import CodeType

import jinja2
from jinja2.bccache import Bucket, BytecodeCache

# Not there, or not whole: it is compiled again.
_TORN = (OSError, EOFError, pickle.UnpicklingError, ValueError, LookupError, AttributeError, ImportError, TypeError)


class Compiled(BytecodeCache):
    """`how`: all that the code depends on beside the template and the versions of Jinja and Python."""

    def __init__(self, folder: Path, how: str) -> None:
        self._folder = folder / "__pycache__"
        self._how = f"{jinja2.__version__} {how}"
        self._known: dict[tuple[str, str], CodeType] = {}  # languages share it

    def get_source_checksum(self, source: str) -> str:
        return super().get_source_checksum(source + self._how)

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._known.get((bucket.key, bucket.checksum))
        if bucket.code is not None:
            return
        with suppress(*_TORN), self._file(bucket).open("rb") as file:
            bucket.load_bytecode(file)
            self._remember(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._remember(bucket)
        if sys.dont_write_bytecode:
            return
        new = self._file(bucket).with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            new.write_bytes(bucket.bytecode_to_string())
            new.replace(self._file(bucket))

    def _remember(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._known[bucket.key, bucket.checksum] = bucket.code

    def _file(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{sys.implementation.cache_tag}.jinja"
