"""A small disk of our own that can be full: a tmpfs, which only root may mount."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

_SIZE_MB = 384


class Disk:
    """`why_not` says why it cannot be made full; then it is an ordinary folder."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fairlead-crash-disk-"))
        self.folder.chmod(0o755)  # PostgreSQL works as another user
        self.why_not = self._mount()
        self._filler = self.folder / "filler"

    def _mount(self) -> str:
        if os.geteuid() != 0:
            return "only root may mount a small disk"
        told = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={_SIZE_MB}m,mode=755", "tmpfs", str(self.folder)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return "" if told.returncode == 0 else f"no small disk can be mounted here: {told.stderr.strip()}"

    def fill(self) -> None:
        """Take all that is left; call it again while others make room."""
        with self._filler.open("ab") as filler:
            size = filler.tell()
            for _ in range(20):
                state = os.statvfs(self.folder)
                free = state.f_bavail * state.f_frsize
                if free == 0:
                    return
                try:
                    os.posix_fallocate(filler.fileno(), size, free)
                except OSError:  # somebody was quicker
                    continue
                size += free

    def free(self) -> None:
        self._filler.unlink(missing_ok=True)

    def remove(self) -> None:
        if not self.why_not:
            subprocess.run(["umount", "-l", str(self.folder)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
