"""What is left when it is over: the tables, the oracle's file, the provider's counters."""

from __future__ import annotations

import json
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairlead.agents.jsonable import decode
from fairlead.gateway.providers.simulated import digest
from fairlead.runs.payload import Payloads
from tests.crash import agents, oracle
from tests.crash.oracle import Line
from tests.crash.site import Site


@dataclass(frozen=True, slots=True)
class Entry:
    seq: int
    type: str
    kind: str
    name: str
    key: str
    branch: str
    fence: int
    at: float
    data: Any


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run as the table has it, with its events in order."""

    id: str
    agent: str
    parent_id: str | None
    status: str
    reason: str | None
    input: dict[str, Any]
    output: Any
    error: Any
    events: list[Entry]


@dataclass
class Evidence:
    accepted: dict[str, tuple[str, dict[str, Any]]]
    runs: dict[str, Outcome]
    lines: dict[str, list[Line]]  # of the oracle, by idempotency key
    asked: dict[str, int]  # of the provider, by digest
    bodies: dict[tuple[str, str], Any] = field(default_factory=dict[tuple[str, str], Any])

    def question(self, run_id: str, request: dict[str, Any]) -> str:
        """The digest under which the provider counts what this intent asked."""
        messages = [self.bodies.get((run_id, one)) for one in request["messages"]]
        tools = [tool.spec for tool in agents.desk.tools if tool.name in request["tools"]]
        return digest({"messages": messages, "tools": tools})


async def gather(site: Site, *, accepted: dict[str, Any], payloads: Payloads, file: Path, provider: str) -> Evidence:
    events: dict[str, list[Entry]] = defaultdict(list)
    for row in await site.rows("SELECT * FROM events ORDER BY run_id, seq"):
        data = await payloads.load(row["data"])
        events[row["run_id"]].append(Entry(
            row["seq"], row["type"], row["kind"] or "", row["name"] or "", row["key"] or "", row["branch"],
            row["fence"], row["at"] / 1e6, data,
        ))  # fmt: skip
    runs = {
        row["id"]: Outcome(
            row["id"], row["agent"], row["parent_id"], row["status"], row["reason"], await payloads.load(row["input"]),
            await payloads.load(row["output"]), decode(row["error"]) if row["error"] else None, events[row["id"]],
        )
        for row in await site.rows("SELECT * FROM runs")
    }  # fmt: skip
    lines: dict[str, list[Line]] = defaultdict(list)
    for line in oracle.read(file):
        lines[line.key].append(line)
    with urllib.request.urlopen(f"{provider}/stats") as answer:
        asked = json.load(answer)["by_digest"]
    bodies = {(row["run_id"], row["digest"]): decode(row["body"]) for row in await site.rows("SELECT * FROM messages")}
    return Evidence(accepted, runs, lines, asked, bodies)
