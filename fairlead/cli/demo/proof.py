"""Was anything recorded done again? Pure: the run's own record against what the provider counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.cli.demo.scene import Killing
from fairlead.cli.figures import seconds

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Proof:
    requests: int  # that reached the provider
    answers: int  # in the journal
    reused: int  # steps that were recorded before the kill
    lost: int  # calls under way when the worker died
    asked_again: int  # requests beyond the first of their kind
    gap: float  # seconds from the kill until another worker went on
    sentences: tuple[tuple[bool, str], ...]

    @property
    def holds(self) -> bool:
        return all(holds for holds, _ in self.sentences)


def prove(run: Json, events: list[Json], counted: Json, killing: Killing) -> Proof:
    steps = [event for event in events if event["type"] == "step"]
    models = [event for event in steps if event["kind"] == "model"]
    before = [event for event in steps if event["seq"] < killing.after_seq]
    lost = _lost_calls(events)
    twice = [key for key, count in Counter(event["key"] for event in steps).items() if count > 1]
    asked_again = sum(count - 1 for count in counted["by_digest"].values())
    requests = counted["requests"]
    resumed = next((event for event in events if event["type"] == "started" and event["seq"] > killing.after_seq), None)
    gap = (datetime.fromisoformat(resumed["at"]) - killing.at).total_seconds() if resumed else -1.0
    sentences = (
        (killing.held, f"the killed worker (process {killing.pid}) held the run"),
        (run["status"] == "success" and resumed is not None,
         f"another worker took it over and finished it; it went on after {seconds(gap)}"),
        (not twice, f"{len(steps)} steps recorded, none twice; the {len(before)} from before the kill were reused"),
        (asked_again <= lost and len(models) <= requests <= len(models) + lost,
         f"the provider counted {requests} calls for {len(models)} recorded answers; "
         + ("the one more was under way when the worker died" if requests > len(models) else "none was asked again")),
    )  # fmt: skip
    return Proof(requests, len(models), len(before), lost, asked_again, gap, sentences)


def _lost_calls(events: list[Json]) -> int:
    """Model calls whose worker was another one when their answer was recorded: begun, and never put down."""
    lost = 0
    open_calls: set[str] = set()
    for event in events:
        if event["type"] == "started":
            lost += len(open_calls)
            open_calls.clear()
        elif event["kind"] == "model" and event["type"] == "intent":
            open_calls.add(event["key"])
        elif event["kind"] == "model":
            open_calls.discard(event["key"])
    return lost
