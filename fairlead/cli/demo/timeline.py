"""A run as a picture of lines: when each step was, and where the worker died."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.text import Text

from fairlead.cli.figures import seconds, short
from fairlead.cli.say import safe

Json = dict[str, Any]
_WIDTH = 48
_NAME = 18


def timeline(events: list[Json], killed_at: datetime) -> Iterator[Text]:
    steps = [event for event in events if event["type"] == "step" and event["started_at"]]
    if not steps:
        return
    start = min(_time(step["started_at"]) for step in steps)
    whole = (max(_time(step["at"]) for step in steps) - start).total_seconds() or 1.0

    def place(moment: datetime) -> int:
        return int((moment - start).total_seconds() / whole * (_WIDTH - 1))

    killed = min(max(0, place(killed_at)), _WIDTH - 1)
    drawn_kill = False
    for step in sorted(steps, key=lambda step: step["started_at"]):
        if not drawn_kill and _time(step["at"]) > killed_at:
            drawn_kill = True
            yield Text.assemble((f"{'kill -9':<{_NAME}} ", "bold red"), " " * killed, ("✗", "bold red"))
        begin, end = place(_time(step["started_at"])), place(_time(step["at"]))
        model = step["kind"] == "model"
        bar = ("█" if model else "▓") * max(1, end - begin + 1)
        took = (_time(step["at"]) - _time(step["started_at"])).total_seconds()
        name = short(safe("model" if model else step["name"] or step["kind"]), _NAME)
        style = "cyan" if model else "green"
        yield Text.assemble((f"{name:<{_NAME}} ", "dim"), " " * begin, (bar, style), (f" {seconds(took)}", "dim"))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
