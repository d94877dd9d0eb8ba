"""A file that is written whole, or left as it was: whoever reads it sees the one before, or this one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

PUBLIC = 0o644
PRIVATE = 0o600


def write_whole(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """`mode`: who may read it; None: who might before. Where the path is a link, what it leads to is written.
    Raises `OSError`, and leaves nothing beside it then."""
    real = path.resolve()
    handle, draft = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(real.stat().st_mode & 0o7777 if mode is None else mode)
        Path(draft).replace(real)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
