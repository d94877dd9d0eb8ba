"""What a tool of a server gave, as a tool of ours gives it: JSON, text, or parts where there are images among it."""

from __future__ import annotations

from typing import Any

import mcp_types
import orjson

from fairlead.errors import ToolFailed

Part = dict[str, Any]


def result_of(said: mcp_types.CallToolResult, *, tool: str, server: str, most: int) -> Any:
    """Raises `ToolFailed` when the server says so, or gave more than `most` bytes."""
    size = len(said.model_dump_json(by_alias=True))
    if size > most:
        raise ToolFailed(
            f"The tool `{tool}` of `{server}` gave {size} bytes; {most} are allowed.",
            hint=f"Ask for less, or raise mcp.{server}.max_result_bytes.",
        )
    parts = [_part(one) for one in said.content]
    if said.is_error:
        raise ToolFailed(_text(parts) or f"The tool `{tool}` of `{server}` failed without a reason.")
    images = [part for part in parts if part["type"] == "image_url"]
    if said.structured_content is not None:
        return said.structured_content if not images else [_as_text(said.structured_content), *images]
    return parts if images else _text(parts)


def _text(parts: list[Part]) -> str:
    return "\n\n".join(part["text"] for part in parts if part["type"] == "text")


def _as_text(value: Any) -> Part:
    return {"type": "text", "text": orjson.dumps(value).decode()}


def _part(content: mcp_types.ContentBlock) -> Part:
    """Models take text and images. Of anything else they are told that it was there."""
    match content:
        case mcp_types.TextContent():
            text = content.text
        case mcp_types.ImageContent():
            return {"type": "image_url", "image_url": {"url": f"data:{content.mime_type};base64,{content.data}"}}
        case mcp_types.AudioContent():
            text = f"[{content.mime_type}, left out]"
        case mcp_types.ResourceLink():
            text = f"[{content.title or content.name}]({content.uri})"
        case mcp_types.EmbeddedResource():
            resource = content.resource
            if isinstance(resource, mcp_types.TextResourceContents):
                text = resource.text
            else:
                text = f"[{resource.uri}, {resource.mime_type or 'bytes'}, left out]"
    return {"type": "text", "text": text}
