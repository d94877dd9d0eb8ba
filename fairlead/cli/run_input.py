"""What a person typed as a run's input: JSON, or text; `-` reads stdin, `@file` a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import orjson

from fairlead.errors import InvalidInput


def read_input(given: str) -> Any:
    """JSON where it is meant as such (an object, array, string in quotes, number, true, false, null), else the text.

    Raises `InvalidInput` for what begins like an object or array and is none, and for a file that can't be read.
    """
    text = _read(given)
    stripped = text.strip()
    try:
        return orjson.loads(stripped)
    except orjson.JSONDecodeError as error:
        if stripped[:1] in ("{", "["):
            raise InvalidInput(
                f"The input looks like JSON and is not: {error}.", hint="Quote it for the shell: --input '{\"a\": 1}'."
            ) from None
        return text


def with_files(input: Any, files: Sequence[Mapping[str, Any]]) -> Any:
    """The input with uploaded files: an object gets them as `files`, and what is said becomes a message with them."""
    blocks = [{"type": "file", "file_id": file["id"], "name": file["name"]} for file in files]
    if isinstance(input, dict):
        if "files" in input or "messages" in input:
            raise InvalidInput("--file goes with a text, or with an object without `files` and `messages`.")
        return {**cast("dict[str, Any]", input), "files": blocks}
    said = [] if input is None else [{"type": "text", "text": input if isinstance(input, str) else str(input)}]
    return {"messages": [{"role": "user", "content": [*said, *blocks]}]}


def _read(given: str) -> str:
    try:
        if given == "-":
            return sys.stdin.buffer.read().decode()
        if given.startswith("@") and len(given) > 1:
            return Path(given[1:]).expanduser().read_bytes().decode()
    except OSError as error:
        raise InvalidInput(f"{given[1:]} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"The input is no UTF-8: {error}.") from error
    if any("\ud800" <= letter <= "\udfff" for letter in given):
        raise InvalidInput("The input is no UTF-8.", hint="Put it in a file and give --input @file.")
    return given
