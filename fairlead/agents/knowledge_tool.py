"""A ready tool that looks things up in a collection of documents."""

from __future__ import annotations

from typing import Any

from fairlead.agents.context import ToolContext
from fairlead.agents.tool import Tool, tool
from fairlead.errors import ConfigurationError


def knowledge_tool(
    collection: str, *, name: str = "", description: str = "", limit: int = 5, mode: str = "hybrid"
) -> Tool:
    """Offers the documents of `collection` to a model, which gets pieces with what to cite: document and offsets.
    `mode`: by words and vectors together, or one of "text" and "vector"."""

    async def look_up(query: str, ctx: ToolContext) -> list[dict[str, Any]]:
        if ctx.knowledge is None:
            raise ConfigurationError("There is no knowledge outside a run.")
        return await ctx.knowledge.search(collection, query, limit=limit, mode=mode)

    said = description or (
        f"Look things up in the documents of `{collection}`. Cite what you use by its document and heading."
    )
    return tool(name=name or f"search_{collection}", description=said, safe_to_repeat=True)(look_up)
