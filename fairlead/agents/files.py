"""Files in a run's input: blocks that name one, and what becomes of them on their way to a model.

{"type": "file", "file_id": "…"}      an image may also be {"type": "image", "file_id": "…"}
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from fairlead.agents.memory import Message
from fairlead.errors import InvalidInput, NotFound

_BLOCKS = ("file", "image")
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_TEXTS = ("application/json", "application/xml", "application/yaml", "application/x-yaml", "application/toml")
_MOST_SENT = 10 * 1024**2  # bytes of one file that a model is sent
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class InputFile:
    """An uploaded file, read."""

    id: str
    name: str
    media_type: str
    data: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """Raises `InvalidInput` when it is no UTF-8."""
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"The file {self.name} is no UTF-8 text: {error.reason}.") from error


ReadFile = Callable[[Any], Awaitable[InputFile]]


def file_id_of(value: Any) -> str | None:
    """The id of the file that a block names; None when it is no such block."""
    if not isinstance(value, dict):
        return None
    block = cast("dict[str, Any]", value)
    if block.get("type") not in _BLOCKS:
        return None
    inner = block.get("file")  # as OpenAI's clients write it
    found = block.get("file_id") or (cast("dict[str, Any]", inner).get("file_id") if isinstance(inner, dict) else None)
    return found if isinstance(found, str) else None


def files_in(value: Any, depth: int = 0) -> Iterator[str]:
    """The ids of all files that a value names."""
    if depth > _DEEPEST or not isinstance(value, (dict, list)):
        return
    if (found := file_id_of(value)) is not None:
        yield found
        return
    inner = cast("dict[str, Any]", value).values() if isinstance(value, dict) else cast("list[Any]", value)
    for one in inner:
        yield from files_in(one, depth + 1)


async def with_files(messages: list[Message], read: ReadFile, *, since: int) -> list[Message]:
    """The messages with their files as a model reads them. One that is gone is an error in a message from `since` on;
    in an older one, which cannot be sent again, a note stands for it.

    Raises `NotFound`, `InvalidInput`.
    """
    return [
        {**message, "content": [await _part(one, read, must=i >= since) for one in message["content"]]}
        if isinstance(message.get("content"), list) and any(file_id_of(one) for one in message["content"])
        else message
        for i, message in enumerate(messages)
    ]  # fmt: skip


async def _part(part: Any, read: ReadFile, *, must: bool) -> Any:
    if file_id_of(part) is None:
        return part
    try:
        file = await read(part)
    except NotFound:
        if must:
            raise
        return {"type": "text", "text": "[a file that is no longer kept]"}
    return part_of(file)


def part_of(file: InputFile) -> Mapping[str, Any]:
    """As OpenAI's chat completions take it, which the gateway carries over to other formats. Raises `InvalidInput`."""
    if len(file.data) > _MOST_SENT:
        raise InvalidInput(f"The file {file.name} has {len(file.data)} bytes; a model is sent at most {_MOST_SENT}.",
                           hint="Read it with ctx.file() in a callable agent, or send less.")  # fmt: skip
    if file.media_type in _PICTURES:
        return {"type": "image_url", "image_url": {"url": _data_url(file)}}
    if file.media_type == "application/pdf":
        return {"type": "file", "file": {"filename": file.name, "file_data": _data_url(file)}}
    if file.media_type.startswith("text/") or file.media_type in _TEXTS:
        return {"type": "text", "text": f"<file name={file.name!r}>\n{file.text}\n</file>"}
    raise InvalidInput(f"The file {file.name} is {file.media_type}, which no model reads.",
                       hint="Models are sent images, PDF and texts; read others with ctx.file().")  # fmt: skip


def _data_url(file: InputFile) -> str:
    return f"data:{file.media_type};base64,{base64.b64encode(file.data).decode()}"
