"""Triage a log of any size: what broke, when, how often, and what else is worth a look."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import findings
from logfile import chunks, shape_of, show
from pydantic import Field

from fairlead import Agent, MemoryBuffer, tool
from fairlead.agents import ToolContext
from fairlead.errors import ToolFailed

INSTRUCTIONS = """\
You triage one log file. The tools read it for you; you never see it whole.
Look before you conclude: overview first, then levels, bursts, repeated messages and suspicious lines, then read
around what you found. Write a short report in Markdown with the sections Summary, Errors, Bursts,
First and last seen, Suspicious lines, Not covered. Give counts and line numbers, and quote lines as they are.
"""
LONG = timedelta(minutes=10)  # a tool may read many gigabytes
Few = Annotated[int, Field(ge=1, le=20)]
Some = Annotated[int, Field(ge=1, le=50)]


@tool(safe_to_repeat=True, timeout=LONG)
def overview(ctx: ToolContext) -> dict[str, Any]:
    """Size, lines, format, first and last timestamp, and the first and last lines."""
    return findings.overview(_path(ctx))


@tool(safe_to_repeat=True, timeout=LONG)
def count_levels(ctx: ToolContext) -> dict[str, Any]:
    """How many lines are critical, errors and warnings, with the first and last of each."""
    return findings.count_levels(_path(ctx))


@tool(safe_to_repeat=True, timeout=LONG)
def bursts(
    ctx: ToolContext, of: Literal["errors", "all"] = "errors", per: Literal["minute", "hour"] = "minute", limit: Few = 5
) -> dict[str, Any]:
    """The busiest minutes or hours, of errors or of all lines, with the median to compare."""
    return findings.bursts(_path(ctx), of=of, per=per, limit=limit)


@tool(safe_to_repeat=True, timeout=LONG)
def top_messages(ctx: ToolContext, of: Literal["problems", "all"] = "problems", limit: Few = 10) -> dict[str, Any]:
    """The most repeated messages, with numbers, addresses and quoted text taken out."""
    return findings.top_messages(_path(ctx), of=of, limit=limit)


@tool(safe_to_repeat=True, timeout=LONG)
def suspicious_lines(ctx: ToolContext, limit: Few = 3) -> dict[str, Any]:
    """Lines someone should look at: failed sign-ins, denials, crashes, full disks, probes. Examples of each kind."""
    return findings.suspicious(_path(ctx), limit=limit)


@tool(safe_to_repeat=True, timeout=LONG)
def search(
    ctx: ToolContext, pattern: str, limit: Some = 10, context: Annotated[int, Field(ge=0, le=3)] = 0
) -> dict[str, Any]:
    """Lines that hold a text, whatever the case.

    Args:
        pattern: plain text; several with `|` between them. No regular expressions.
        limit: how many lines to show; all are counted.
        context: how many lines to show before and after each.
    """
    shown: list[dict[str, Any]] = []
    count = 0
    for number, line, chunk, start, end in findings.matches(_path(ctx), _text(pattern)):
        count += 1
        if len(shown) < limit:
            around = {"before": _before(chunk, start, context), "after": _after(chunk, end, context)} if context else {}
            shown.append({"line": number, "text": show(line)} | around)
    return {"pattern": pattern, "count": count, "lines": shown}


@tool(safe_to_repeat=True, timeout=LONG)
def first_last_seen(ctx: ToolContext, pattern: str) -> dict[str, Any]:
    """When a text was first and last seen, and how often. `pattern` is plain text, several with `|` between."""
    shape = shape_of(_path(ctx))
    ends: list[dict[str, Any]] = []
    count = 0
    last: tuple[int, bytes] | None = None
    for number, line, *_ in findings.matches(_path(ctx), _text(pattern)):
        count += 1
        last = (number, line)
        if count == 1:
            ends.append({"line": number, "at": shape.time_of(line), "text": show(line)})
    if last is not None:
        ends.append({"line": last[0], "at": shape.time_of(last[1]), "text": show(last[1])})
    return {"pattern": pattern, "count": count, "first": ends[0] if ends else None, "last": ends[-1] if ends else None}


@tool(safe_to_repeat=True, timeout=LONG)
def read_lines(
    ctx: ToolContext, first: Annotated[int, Field(ge=1)], last: Annotated[int, Field(ge=1)]
) -> dict[str, Any]:
    """The lines from `first` to `last`, at most 60 of them, as they are."""
    last = min(max(first, last), first + 59)
    before = 0
    lines: list[str] = []
    for chunk in chunks(_path(ctx)):
        inside = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
        if before + inside >= first:
            here = chunk.removesuffix(b"\n").split(b"\n")[max(0, first - 1 - before) : last - before]
            lines += [show(line) for line in here]
        before += inside
        if before >= last:
            break
    return {"first": first, "last": first + len(lines) - 1, "lines": lines}


agent = Agent(
    name="log_triage",
    model="simulated/triage",  # one line to go real: "openai/gpt-5-mini"
    instructions=INSTRUCTIONS,
    tools=[overview, count_levels, bursts, top_messages, suspicious_lines, search, first_last_seen, read_lines],
    timeout=timedelta(minutes=30),
    memory=MemoryBuffer(messages=100, tokens=60_000),
    description='Reads a log file and reports what is wrong in it. Input: {"path": "/var/log/dpkg.log"}.',
)


def _path(ctx: ToolContext) -> Path:
    """The one file this run may read: the run's input says which, the model cannot."""
    given = _given(ctx.input)
    path = Path(given).expanduser()
    if not path.is_file():
        raise ToolFailed(f"There is no file {given!r}.", hint='Give the run {"path": "/var/log/dpkg.log"}.')
    return path


def _given(input: Any) -> str:
    """The path in a run's input: an object with `path`, text, or a conversation whose first words hold it."""
    if isinstance(input, dict):
        if isinstance(input.get("path"), str):
            return input["path"]
        messages = input.get("messages") or [{}]
        return _given(messages[-1].get("content", ""))
    found = re.search(r"[~.]{0,2}/[^\s\"'`]+", input) if isinstance(input, str) else None
    if found is None:
        raise ToolFailed("The run was given no path.", hint='Give it {"path": "/var/log/dpkg.log"}.')
    return found[0]


def _text(pattern: str) -> str:
    if not pattern.strip("|") or len(pattern) > 200:
        raise ToolFailed("The pattern must hold 1 to 200 characters.")
    return pattern


def _before(chunk: bytes, start: int, count: int) -> list[str]:
    lines = chunk[max(0, start - 4000 * count) : start].split(b"\n")[:-1]
    return [show(line) for line in lines[-count:]]


def _after(chunk: bytes, end: int, count: int) -> list[str]:
    return [show(line) for line in chunk[end + 1 : end + 1 + 4000 * count].split(b"\n")[:count]]
