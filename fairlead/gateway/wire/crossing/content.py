"""What people and tools say: content parts of chat completions and content blocks of Anthropic messages."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from fairlead.errors import InvalidInput
from fairlead.gateway.wire import checked
from fairlead.gateway.wire.crossing.losses import Losses
from fairlead.gateway.wire.wire import Json

_DATA_URL = re.compile(r"data:([^;,]+)(?:;[^;,]+)*;base64,(.*)", re.DOTALL)
_CACHE = frozenset({"cache_control", "prompt_cache_breakpoint"})
_SAYS_NO_CITATIONS: Json = {"enabled": False}


def blocks(content: Any, at: str, losses: Losses) -> str | list[Json]:
    """The content of a chat message as Anthropic takes it."""
    if content is None or isinstance(content, str):
        return content or ""
    parts = checked.objects(content, f"`{at}`", InvalidInput)
    made = [_block(part, f"{at}[{number}]", losses) for number, part in enumerate(parts)]
    return [block for block in made if block is not None and block.get("text") != ""]  # Anthropic refuses empty text


def text_block(text: str) -> Json:
    return {"type": "text", "text": text}


def as_blocks(content: str | list[Json]) -> list[Json]:
    return ([text_block(content)] if content else []) if isinstance(content, str) else content


def cached(part: Json) -> Json:
    """The mark for Anthropic's cache that a part or a tool of a chat request has, in either of the two ways."""
    if isinstance(part.get("cache_control"), dict):
        return {"cache_control": part["cache_control"]}
    breakpoint_ = part.get("prompt_cache_breakpoint")
    if not isinstance(breakpoint_, dict):
        return {}
    ttl = {"ttl": "1h"} if breakpoint_.get("ttl") == "12h" else {}  # pyright: ignore[reportUnknownMemberType]
    return {"cache_control": {"type": "ephemeral", **ttl}}


def _block(part: Json, at: str, losses: Losses) -> Json | None:
    match part.get("type"):
        case "text":
            losses.rest(part, at, carried={"type", "text", *_CACHE})
            return {**text_block(checked.a_text(part.get("text"), f"`{at}.text`", InvalidInput)), **cached(part)}
        case "refusal":
            return text_block(checked.a_text(part.get("refusal"), f"`{at}.refusal`", InvalidInput))
        case "image_url":
            losses.rest(part, at, carried={"type", "image_url", *_CACHE})
            return {**_image(part, at, losses), **cached(part)}
        case "file":
            losses.rest(part, at, carried={"type", "file", *_CACHE})
            document = _document(part, at, losses)
            return None if document is None else {**document, **cached(part)}
        case kind:
            losses.lose(f"{at} ({kind})")
            return None


def _image(part: Json, at: str, losses: Losses) -> Json:
    image = checked.an_object(part.get("image_url"), f"`{at}.image_url`", InvalidInput)
    losses.rest(image, f"{at}.image_url", carried={"url"} if image.get("detail") != "auto" else {"url", "detail"})
    url = checked.a_name(image.get("url"), f"`{at}.image_url.url`", InvalidInput)
    data = _DATA_URL.fullmatch(url)
    if data is not None:
        return {"type": "image", "source": {"type": "base64", "media_type": data[1], "data": data[2]}}
    if not url.startswith(("https://", "http://")):
        raise InvalidInput(
            f"`{at}.image_url.url` is no address of an image.", hint="Give an http or a base64 data URL."
        )
    return {"type": "image", "source": {"type": "url", "url": url}}


def _document(part: Json, at: str, losses: Losses) -> Json | None:
    file = checked.an_object(part.get("file"), f"`{at}.file`", InvalidInput)
    if file.get("file_id"):
        losses.lose(f"{at}.file.file_id", "An uploaded file stays with its provider: send its bytes as `file_data`.")
        return None
    data = _DATA_URL.fullmatch(checked.a_name(file.get("file_data"), f"`{at}.file.file_data`", InvalidInput))
    if data is None:
        raise InvalidInput(f"`{at}.file.file_data` is no data URL.", hint="Write data:application/pdf;base64,...")
    title = {"title": file["filename"]} if file.get("filename") else {}
    return {"type": "document", "source": _source(data[1], data[2], at), **title}


def _source(media_type: str, data: str, at: str) -> Json:
    if media_type != "text/plain":
        return {"type": "base64", "media_type": media_type, "data": data}
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidInput(f"`{at}.file.file_data` is no text in base64.") from error
    return {"type": "text", "media_type": media_type, "data": text}


def parts(content: Any, at: str, losses: Losses) -> str | list[Json]:
    """What a person or a tool said in an Anthropic message, as chat completions take it."""
    if content is None or isinstance(content, str):
        return content or ""
    made = [
        part(block, f"{at}[{number}]", losses)
        for number, block in enumerate(checked.objects(content, f"`{at}`", InvalidInput))
    ]
    return [it for it in made if it is not None]


def part(block: Json, at: str, losses: Losses) -> Json | None:
    match block.get("type"):
        case "text":
            losses.rest(block, at, carried={"type", "text"}, left={"cache_control", "citations"})
            return text_block(checked.a_text(block.get("text"), f"`{at}.text`", InvalidInput))
        case "image":
            losses.rest(block, at, carried={"type", "source"}, left={"cache_control"})
            url = _url(block, at, losses)
            return None if url is None else {"type": "image_url", "image_url": {"url": url}}
        case "document":
            carried = {"type", "source", "title"}
            if block.get("citations") == _SAYS_NO_CITATIONS:
                carried.add("citations")
            losses.rest(block, at, carried=carried, left={"cache_control"})
            return _file(block, at, losses)
        case kind:
            losses.lose(f"{at} ({kind})")
            return None


def _url(block: Json, at: str, losses: Losses) -> str | None:
    source = checked.an_object(block.get("source"), f"`{at}.source`", InvalidInput)
    match source.get("type"):
        case "base64":
            return f"data:{source.get('media_type')};base64,{source.get('data')}"
        case "url":
            return checked.a_name(source.get("url"), f"`{at}.source.url`", InvalidInput)
        case kind:
            losses.lose(f"{at}.source ({kind})", "An uploaded file stays with its provider: send its bytes.")
            return None


def _file(block: Json, at: str, losses: Losses) -> Json | None:
    source = checked.an_object(block.get("source"), f"`{at}.source`", InvalidInput)
    if source.get("type") == "text":
        text = checked.a_text(source.get("data"), f"`{at}.source.data`", InvalidInput)
        data = f"data:text/plain;base64,{base64.b64encode(text.encode()).decode()}"
    elif source.get("type") == "base64":
        data = f"data:{source.get('media_type')};base64,{source.get('data')}"
    else:
        losses.lose(f"{at}.source ({source.get('type')})", "Send the bytes of the document.")
        return None
    name = {"filename": block["title"]} if block.get("title") else {}
    return {"type": "file", "file": {"file_data": data, **name}}
