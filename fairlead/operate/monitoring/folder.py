"""A folder of generated files that a person may have edited. What they changed is never lost.

A note in it holds the digest of each file as we wrote it. While files are written it holds the new ones beside the old
ones, so that whoever dies in the middle leaves no file that looks like a person's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import orjson

from fairlead.errors import Conflict, InvalidInput
from fairlead.whole_file import PUBLIC, write_whole

_NOTE = ".fairlead-generated.json"
Digests = dict[str, list[str]]
"""Of each file, as we wrote it or are about to."""


class State(StrEnum):
    SAME = "same"
    MISSING = "missing"
    OLD = "old"  # as we wrote it once, and would write it otherwise now
    EDITED = "edited"  # by somebody else


def differences(root: Path, files: Mapping[str, str]) -> dict[str, State]:
    """Of each file that is to be there."""
    noted = _noted(root)
    return {name: _state(root / name, text, noted.get(name, [])) for name, text in files.items()}


def write_folder(root: Path, files: Mapping[str, str], *, force: bool = False) -> dict[str, State]:
    """What each was before. Raises `Conflict`, and writes nothing, when somebody has edited one of them; with `force`
    theirs goes. Raises `InvalidInput` when it can't be written."""
    found = differences(root, files)
    edited = [name for name, state in found.items() if state is State.EDITED]
    if edited and not force:
        raise Conflict(
            f"Somebody has edited {', '.join(edited[:5])}{f' and {len(edited) - 5} more' if len(edited) > 5 else ''}.",
            hint="Nothing was written. Keep yours by another folder (--to), or give them up: --force.",
        )
    noted, new = _noted(root), {name: [_digest(text.encode())] for name, text in files.items()}
    try:
        _note(root, noted | {name: digests + noted.get(name, []) for name, digests in new.items()})
        for name, text in files.items():
            if found[name] is not State.SAME:
                _write(root / name, text.encode())
        _note(root, noted | new)
    except OSError as error:
        raise InvalidInput(f"{root} can't be written: {error.strerror}.") from None
    return found


def _state(path: Path, text: str, noted: Sequence[str]) -> State:
    try:
        there = path.read_bytes()
    except FileNotFoundError:
        return State.MISSING
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}.") from None
    if there == text.encode():
        return State.SAME
    return State.OLD if _digest(there) in noted else State.EDITED


def _note(root: Path, digests: Digests) -> None:
    _write(root / _NOTE, orjson.dumps(digests, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def _noted(root: Path) -> Digests:
    try:
        return orjson.loads((root / _NOTE).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data, mode=PUBLIC)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
