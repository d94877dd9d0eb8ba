"""The numbers of events in LangGraph's thread protocol: whole, rising along a thread, and the same whoever asks.

    seq = when the run began, in milliseconds since 2026, times 16384, plus 256 for each event of it, plus the frame

Runs of a thread go one after the other, so the numbers of one are all below those of the next as long as no run has
more than 64 events in a millisecond of its life. They fit into what JavaScript holds exactly until 2043. What names an
event is its `event_id`, RUN:SEQ or RUN:SEQ-N as in the thread's own stream.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fairlead.runs.run import Run
from fairlead.web.api.streams import Seen

LAST = 2**53 - 1
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
_A_MILLISECOND = 2**14
_AN_EVENT = 2**8
_WHOLE = _AN_EVENT - 1  # the last frame of an event, however many it has


def begun_at(run: Run) -> datetime | None:
    """None: its turn has not come. One that was cancelled before it came has its place where that was."""
    return run.started_at or run.finished_at


def number_of(run: Run, id: str) -> int:
    """`id` is a frame's, in the run's own stream: SEQ or SEQ-N."""
    seq, _, frame = id.partition("-")
    return _base(run) + int(seq) * _AN_EVENT + (min(int(frame), _WHOLE - 1) if frame else _WHOLE)


def seen_of_number(run: Run, number: int) -> Seen:
    """What whoever has all up to `number` has of this run."""
    seq, frame = divmod(number - _base(run), _AN_EVENT)
    if seq > run.seq or frame == _WHOLE:
        return min(seq, run.seq), 0
    return (seq - 1, frame) if seq else (0, 0)


def last_number_of(run: Run) -> int:
    """Of all that it has told so far."""
    return number_of(run, str(run.seq))


def is_behind(run: Run, number: int) -> bool:
    """The run began when the reader had got so far, or before."""
    return _base(run) <= number


def _base(run: Run) -> int:
    begun = begun_at(run)
    assert begun is not None
    return max(0, int((begun - _SINCE).total_seconds() * 1000)) * _A_MILLISECOND
