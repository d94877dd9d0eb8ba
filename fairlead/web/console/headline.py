"""What to call a run: its title when it has one, else the beginning of what was asked."""

from __future__ import annotations

from typing import Any

import orjson

from fairlead.runs.run import Run
from fairlead.web.console import reading

_NAMES = ("title", "task", "question", "prompt", "query", "input", "message", "text", "subject", "topic", "path")
LONGEST = 160


def headline(run: Run) -> str:
    """One line, never empty, never longer than `LONGEST`."""
    return one_line(reading.text(run.metadata, "title") or asked(run.input)) or run.agent


def one_line(text: str) -> str:
    """Its beginning, never longer than `LONGEST`."""
    line = " ".join(text.split())
    return line[: LONGEST - 1] + "…" if len(line) > LONGEST else line


def asked(value: Any) -> str:
    """The words in an input, as a person would quote them."""
    if isinstance(value, str):
        return value
    for message in reversed(reading.items(value, "messages")):
        if reading.text(message, "role") in ("user", "human") or reading.text(message, "type") == "human":
            return content_text(reading.at(message, "content"))
    given = reading.mapping(value)
    for name in _NAMES if given else ():
        if found := reading.text(given, name):
            return found
    return "" if value is None or value == {} else compact(value)


def content_text(content: Any) -> str:
    """The text of a message, whose content is a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "\n".join(text for part in reading.items(content) if (text := reading.text(part, "text")))


def compact(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()[: 4 * LONGEST]
