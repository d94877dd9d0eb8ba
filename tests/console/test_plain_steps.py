"""A run that is read as rows tells what its events, one by one, would have told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from fairlead.agents.jsonable import encode
from fairlead.clock import SystemClock, to_micros
from fairlead.runs.body import Body, Messages
from fairlead.runs.run import Event
from fairlead.runs.told import Told
from fairlead.web.console import plain_steps, steps
from fairlead.web.console.tapes import Tape
from tests.console.gallery import gallery

AT = SystemClock().now().replace(microsecond=0)
DOOR = gallery(AT, large=60)
ONE_TRY = [{"provider": "a", "started_at": AT.isoformat(), "took_us": 5, "outcome": "ok", "message": ""}]
TWO_TRIES = [{**ONE_TRY[0], "outcome": "model_timeout"}, *ONE_TRY]


def _told(events: Sequence[Event]) -> Told:
    def row(one: Event) -> tuple[Any, ...]:
        started = None if one.started_at is None else to_micros(one.started_at)
        text = None if one.data is None else encode(one.data).decode()
        return (
            one.run_id, one.seq, one.type, to_micros(one.at), one.kind, one.name, one.key, one.branch, one.digest,
            started, one.fence, text,
        )  # fmt: skip

    return Told([row(one) for one in events], Messages())


def _call(seq: int, type: str, **given: Any) -> Event:
    return Event(
        "run", seq, type, AT, "model", "a/b", f"call-{seq // 2}", fence=1, started_at=AT if type == "step" else None,
        data={"request": {"model": "a/b"}, **given},
    )  # fmt: skip


def _looks(story: steps.Story) -> list[tuple[Any, ...]]:
    return [
        (
            one.key, one.kind, one.name, one.branch, one.seq, one.fence, one.start, one.end, one.state, one.tries,
            one.lost, one.first_token, one.cost_nano, one.again, one.speaks,
            one.body.alone() if isinstance(one.body, Body) else one.body,
        )
        for one in story.steps
    ]  # fmt: skip


@pytest.mark.parametrize("at_once", [7, 1000])
@pytest.mark.parametrize("over", [True, False])
@pytest.mark.parametrize("run_id", sorted(DOOR.tapes))
def test_rows_tell_what_their_events_tell(run_id: str, over: bool, at_once: int) -> None:
    told, telling = _told(DOOR.tapes[run_id]), steps.Telling()
    for since in range(0, len(told), at_once):
        plain_steps.hear(telling, told, since, since + at_once)
    story, one_by_one = telling.told({}, over=over), steps.fold(list(told), over=over)
    assert _looks(story) == _looks(one_by_one)
    assert (story.resumes, story.started_at, story.workers) == (
        one_by_one.resumes, one_by_one.started_at, one_by_one.workers
    )  # fmt: skip
    assert (story.work is None) == (one_by_one.work is None)
    if story.work is not None:
        assert _idle(story.work, story) and one_by_one.work is not None and _idle(one_by_one.work, one_by_one)


def _idle(work: steps.Work, story: steps.Story) -> bool:
    """Whether nothing executes for longer than is known of it."""
    closed = (steps.StepState.DONE, steps.StepState.FAILED)
    ended = [one for one in story.steps if one.kind not in steps.WAITS and one.state in closed]
    until, longest = work.since, timedelta()
    for one in sorted(ended, key=lambda step: step.start):
        longest, until = max(longest, one.start - until), max(until, one.end or until)
    return until <= work.until and longest <= work.pause


@pytest.mark.parametrize(
    ("result", "state", "tries", "speaks"),
    [
        ({"result": {"body": {}, "attempts": ONE_TRY, "first_token_us": 7, "cost_nano": 9}}, "done", 0, True),
        ({"result": {"body": {}, "attempts": TWO_TRIES, "cost_nano": 9}}, "done", 2, True),
        ({"result": {"body": {}, "attempts": ONE_TRY}, "error": {"error": "x", "message": "y"}}, "failed", 0, True),
        ({"result": {"body": {}, "attempts": ONE_TRY}, "aside": True}, "done", 0, False),
        ({"result": {"body": {"said": 'the "error":1 of it'}, "attempts": ONE_TRY}}, "done", 0, True),
    ],
)
def test_a_model_call_is_told_by_what_was_recorded(
    result: dict[str, Any], state: str, tries: int, speaks: bool
) -> None:
    told, telling = _told([_call(2, "intent"), _call(3, "step", **result)]), steps.Telling()
    plain_steps.hear(telling, told)
    (step,) = telling.told({}, over=True).steps
    assert (step.state, len(step.tries), step.speaks) == (state, tries, speaks)
    assert step.cost_nano == result["result"].get("cost_nano")
    assert _looks(telling.told({}, over=True)) == _looks(steps.fold(list(told), over=True))


def test_what_comes_later_goes_on_from_what_was_read() -> None:
    events = [_call(2, "intent"), _call(3, "step", result={"body": {}, "attempts": ONE_TRY}), _call(4, "intent")]
    later = _call(5, "step", result={"body": {}, "attempts": ONE_TRY})
    said = Event("run", 6, "log", AT, data={"event": "said"})
    tape = Tape(0.0)
    tape.add(_told(events))
    assert [step.end for step in tape.story().steps] == [AT, None]
    tape.add([later])
    tape.add(_told([said]))
    assert [event.seq for event in tape.events] == [2, 3, 4, 5, 6]
    assert [event.seq for event in tape.logs] == [6]
    assert [step.key for step in tape.story().steps if step.end] == ["call-1", "call-2"]


class _Told:
    """A door that is asked for events, and has none the first time."""

    def __init__(self) -> None:
        self.known = [_told([]), _told([_call(2, "intent")])]

    async def events(self, run_id: str, *, after: int = 0) -> Told:
        return self.known.pop(0)


async def test_a_run_of_which_nothing_was_known_is_told_anew_once_something_is() -> None:
    tape, door = Tape(0.0), _Told()
    await tape.catch_up(door, "run")  # type: ignore[arg-type]
    assert tape.story().steps == ()
    await tape.catch_up(door, "run")  # type: ignore[arg-type]
    assert [step.key for step in tape.story().steps] == ["call-1"]
