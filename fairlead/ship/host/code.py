"""The code of a release in a folder of its own: copied whole or not at all, and known by what is in it."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

_LEFT_BEHIND = (".git", ".venv", "__pycache__", ".fairlead", "*.pyc")
Ignore = Callable[[str, list[str]], set[str]]


def left_behind(root: Path) -> Ignore:
    """What is no code. Our own root may be within the project."""
    common = shutil.ignore_patterns(*_LEFT_BEHIND)

    def ignore(folder: str, names: list[str]) -> set[str]:
        return common(folder, names) | {name for name in names if (Path(folder) / name).resolve() == root.resolve()}

    return ignore


def copy_code(source: Path, target: Path, ignore: Ignore) -> None:
    """Into a folder that is there. Raises `OSError`."""
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignore)


def code_digest(folder: Path, ignore: Ignore) -> str:
    """Of the names of all files, what is in them, and whether they are run. Raises `OSError`."""
    whole = hashlib.sha256()
    for path in sorted(_files(folder, ignore)):
        run = stat.S_IMODE(path.stat().st_mode) & stat.S_IXUSR
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder)}\0{bool(run)}\0{content}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def _files(folder: Path, ignore: Ignore) -> Iterator[Path]:
    for at, folders, names in os.walk(folder, followlinks=True):
        left = ignore(at, [*folders, *names])
        folders[:] = [name for name in folders if name not in left]
        yield from (Path(at) / name for name in names if name not in left)
