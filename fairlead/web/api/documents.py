"""The API described: as OpenAPI for programs, as one plain page for people. Both are made from the operations."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from html import escape
from importlib import import_module
from typing import Any, cast

import orjson

from fairlead.web.api.call import Call
from fairlead.web.api.operation import Operation
from fairlead.web.api.reply import JsonReply, Reply

_ABOUT = (
    "Runs agents durably. The addresses of the LangGraph Agent Server, and ours beside them. "
    "Errors are `application/problem+json` with a `code`, a `detail` and a `hint`; under /v1 as OpenAI and Anthropic "
    "word them."
)
_STYLE = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:2rem auto;padding:0 1rem}
section{border-top:1px solid #8884;padding:.6rem 0}code{font:13px ui-monospace,monospace}h2{margin:2.2rem 0 .4rem}
h3{margin:0;font-size:1rem;font-weight:600}p{margin:.2rem 0}.m{display:inline-block;min-width:4rem;font-weight:700}
details pre{overflow:auto;background:#8881;padding:.7rem;border-radius:6px;font-size:12px}small{opacity:.7}
"""
_PAGE_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


class Documents:
    def __init__(self, operations: Sequence[Operation], version: str) -> None:
        self._operations = [*operations, *self.operations()]
        self._version = version
        self._written: tuple[bytes, bytes] | None = None

    def operations(self) -> list[Operation]:
        return [
            Operation("GET", "/openapi.json", self.openapi, "This API as OpenAPI", role=None, gives=Any, tag="system"),
            Operation("GET", "/docs", self.page, "This API as a page", role=None, media_type="text/html", tag="system"),
        ]

    async def openapi(self, call: Call) -> Reply:
        document, _ = await self._both()
        return JsonReply(document)

    async def page(self, call: Call) -> Reply:
        _, page = await self._both()
        return JsonReply(
            page, media_type=b"text/html; charset=utf-8", headers=[(b"content-security-policy", _PAGE_POLICY)]
        )

    async def _both(self) -> tuple[bytes, bytes]:
        """Anybody may ask. They are written for the first who does, which takes a second, in which others are
        answered."""
        if self._written is None:
            self._written = await asyncio.to_thread(self._write)
        return self._written

    def _write(self) -> tuple[bytes, bytes]:
        document = self.document()
        return orjson.dumps(document), _page(document).encode()

    def document(self) -> dict[str, Any]:
        writer = import_module("fairlead.web.api.openapi")  # with FastAPI, for those alone who ask
        return writer.document(self._operations, version=self._version, about=_ABOUT)


def _page(document: dict[str, Any]) -> str:
    by_tag: dict[str, list[str]] = {}
    for path, methods in cast("dict[str, dict[str, Any]]", document["paths"]).items():
        for method, one in methods.items():
            by_tag.setdefault((one.get("tags") or ["other"])[0], []).append(_section(method, path, one))
    groups = "".join(f"<h2>{escape(tag)}</h2>{''.join(sections)}" for tag, sections in by_tag.items())
    schemas = escape(orjson.dumps(document["components"]["schemas"], option=orjson.OPT_INDENT_2).decode())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Fairlead API</title><style>{_STYLE}</style><h1>Fairlead API {escape(document['info']['version'])}</h1>"
        f'<p>{escape(_ABOUT)} <a href="/openapi.json">openapi.json</a></p>{groups}'
        f"<h2>shapes</h2><details><summary>Every body and answer</summary><pre>{schemas}</pre></details></html>"
    )


def _section(method: str, path: str, one: dict[str, Any]) -> str:
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    takes = f"<p><small>takes</small> <code>{escape(_name(body))}</code></p>" if body else ""
    asks = ", ".join(f"{p['name']}" for p in one.get("parameters", ()) if p["in"] == "query")
    query = f"<p><small>query</small> <code>{escape(asks)}</code></p>" if asks else ""
    role = f" <small>{escape(one['x-role'])}</small>" if one.get("x-role") else " <small>open</small>"
    about = f"<p>{escape(one['description'])}</p>" if one.get("description") else ""
    return (
        f'<section><h3><span class="m">{method.upper()}</span><code>{escape(path)}</code>{role}</h3>'
        f"<p>{escape(one['summary'])}</p>{about}{takes}{query}</section>"
    )


def _name(schema: dict[str, Any]) -> str:
    options = [schema, *schema.get("anyOf", ())]
    return next((one["$ref"].rpartition("/")[2] for one in options if "$ref" in one), "JSON")
