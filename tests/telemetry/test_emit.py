from __future__ import annotations

import timeit
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fairlead.telemetry.emit import Emitter, silent


@dataclass
class HandClock:
    seconds: float = 0.0

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, duration: timedelta) -> None:
        self.seconds += duration.total_seconds()


@dataclass
class Ear:
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])

    def __call__(self, event: str, fields: dict[str, Any], /) -> None:
        self.heard.append((event, fields))


def broken(event: str, fields: dict[str, Any], /) -> None:
    raise RuntimeError(f"cannot hear \x1b[31m{event}")


def test_every_listener_hears_every_event_it_asked_for_in_order() -> None:
    emitter, everything, some, later = Emitter(), Ear(), Ear(), Ear()
    emitter.subscribe(everything)
    emitter.subscribe(some, events=["queue_full"])
    emitter.subscribe(later)
    emitter.emit("queue_full", depth=1)
    emitter.emit("worker_started", worker="w")
    assert everything.heard == [("queue_full", {"depth": 1}), ("worker_started", {"worker": "w"})]
    assert some.heard == [("queue_full", {"depth": 1})]
    assert later.heard == everything.heard


def test_a_field_may_be_called_event() -> None:
    emitter, ear = Emitter(), Ear()
    emitter.subscribe(ear)
    emitter.emit("log", event="mine")
    assert ear.heard == [("log", {"event": "mine"})]


def test_a_failing_listener_harms_neither_the_speaker_nor_the_others() -> None:
    emitter, before, after = Emitter(report=lambda _: None), Ear(), Ear()
    for listener in (before, broken, after):
        emitter.subscribe(listener)
    emitter.emit("queue_full", depth=1)
    assert ("queue_full", {"depth": 1}) in before.heard
    assert ("queue_full", {"depth": 1}) in after.heard


def test_a_failing_listener_is_reported_once_a_minute_with_its_count() -> None:
    clock, said, ear = HandClock(), list[str](), Ear()
    emitter = Emitter(clock, report=said.append)
    emitter.subscribe(ear)
    emitter.subscribe(broken)
    for _ in range(100):
        emitter.emit("queue_full", depth=1)
    assert len(said) == 1
    clock.seconds = 61
    emitter.emit("queue_full", depth=1)
    assert len(said) == 2
    assert "broken failed on queue_full (101 times" in said[1]
    told = [fields for event, fields in ear.heard if event == "listener_failed"]
    assert [fields["count"] for fields in told] == [1, 101]


def test_the_report_itself_may_fail(capsys: Any) -> None:
    def full(sentence: str) -> None:
        raise OSError("no space left")

    emitter = Emitter(report=full)
    emitter.subscribe(broken)
    emitter.emit("queue_full", depth=1)
    assert capsys.readouterr() == ("", "")


def test_what_reaches_standard_error_cannot_colour_a_terminal(capsys: Any) -> None:
    emitter = Emitter()
    emitter.subscribe(broken)
    emitter.emit("queue_full", depth=1)
    assert "\x1b" not in capsys.readouterr().err


def test_speaking_costs_next_to_nothing() -> None:
    """1-2 µs here; the bound leaves room for a busy machine."""
    emitter = Emitter()
    emitter.subscribe(lambda _event, _fields: None)
    each = min(timeit.repeat(lambda: emitter.emit("step_recorded", run_id="r", kind="tool"), number=20_000, repeat=5))
    assert each / 20_000 < 5e-6


def test_silence_takes_anything() -> None:
    silent("anything", at="all")
