"""What a document says, as text: Markdown and plain text as they are, HTML without its tags, data as its lines."""

from __future__ import annotations

from html.parser import HTMLParser
from importlib import import_module
from io import BytesIO
from typing import Any

import orjson

from fairlead.errors import InvalidInput

TEXT, HTML, JSON, PDF = "text/plain", "text/html", "application/json", "application/pdf"
BY_ENDING = {
    ".txt": TEXT, ".text": TEXT, ".log": TEXT, ".md": "text/markdown", ".markdown": "text/markdown", ".rst": TEXT,
    ".html": HTML, ".htm": HTML, ".json": JSON, ".csv": "text/csv", ".tsv": "text/csv", ".pdf": PDF,
}  # fmt: skip
_LONGEST = 10_000_000  # characters
_UNKEPT: dict[int, str] = dict.fromkeys((0, 0x1E, 0x1F), " ")
_SILENT = frozenset(("script", "style", "template", "noscript", "head", "svg"))
_BLOCKS = frozenset(("p", "div", "section", "article", "li", "ul", "ol", "table", "tr", "br", "pre", "blockquote",
                     "main", "header", "footer", "nav", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6"))  # fmt: skip


def text_of(data: bytes, media_type: str, *, name: str) -> str:
    """Raises `InvalidInput` for what is no text, or of a kind we do not read."""
    if media_type == PDF:
        text = _of_pdf(data, name)
    elif media_type == HTML:
        text = _of_html(_decoded(data, name))
    elif media_type == JSON:
        text = _of_json(data, name)
    elif media_type.startswith("text/"):
        text = _decoded(data, name)
    else:
        raise InvalidInput(f"{name} is {media_type}, which is no document we read.",
                           hint="There are text, Markdown, HTML, JSON, CSV and PDF.")  # fmt: skip
    if len(text) > _LONGEST:
        raise InvalidInput(f"{name} has {len(text)} characters; a document has at most {_LONGEST}.")
    # What a database's text can't hold, or divides our columns, is nothing to look for either.
    return text.replace("\r\n", "\n").translate(_UNKEPT)


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name} is no UTF-8 text: {error.reason} at byte {error.start}.") from error


def _of_json(data: bytes, name: str) -> str:
    try:
        return orjson.dumps(orjson.loads(data), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"{name} is no JSON: {error}.") from error


def _of_html(text: str) -> str:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return "".join(reader.said)


def _of_pdf(data: bytes, name: str) -> str:
    try:
        pypdf: Any = import_module("pypdf")
    except ImportError as error:
        raise InvalidInput(f"{name} is a PDF, and no reader of PDF is installed.",
                           hint="Install one: pip install pypdf; or make it a text.") from error  # fmt: skip
    try:
        return "\n\n".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(data)).pages)
    except Exception as error:  # whatever a reader of strangers' files raises
        raise InvalidInput(f"{name} can't be read as a PDF: {error}.") from error


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        if tag in _BLOCKS and not self._silent:
            self.said.append("\n\n" + ("#" * int(tag[1]) + " " if tag[0] == "h" and tag[1:].isdigit() else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS and not self._silent:
            self.said.append("\n\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.said.append(" ".join(data.split("\n")) if data.strip() else " ")
