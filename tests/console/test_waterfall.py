from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fairlead.runs.run import Status
from fairlead.web.console.format import Format
from fairlead.web.console.rails import arrange
from fairlead.web.console.steps import fold
from fairlead.web.console.waterfall import Waterfall, chosen, draw
from tests.console.gallery import Tape, big, make_run, refund

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)


def picture(*, until: float = 1000, status: Status = Status.SUCCESS, now: float = 200) -> Waterfall:
    run, events, approvals = refund(1, AT, until=until)
    run = replace(run, status=status, finished_at=None if status is Status.RUNNING else run.finished_at)
    fmt = Format(AT + timedelta(seconds=now))
    return draw(run, fold(events), fmt, approvals=approvals)


def shapes(chart: Waterfall, name: str) -> list[str]:
    return [bar.shape for row in chart.rows if row.step.name == name for bar in row.bars]


def test_every_kind_of_time_has_its_own_bar() -> None:
    chart = picture()
    assert shapes(chart, "plan") == ["first", "model"]
    assert shapes(chart, "get_order") == ["tool"]
    assert shapes(chart, "carrier_trace") == ["failed", "pause", "tool"]
    assert shapes(chart, "decide") == ["lost", "first", "model"]
    assert shapes(chart, "approve_refund") == ["person"]


def test_the_head_and_the_note_say_what_happened() -> None:
    chart = picture()
    assert (chart.steps, chart.branches, chart.retries, len(chart.resumes)) == (11, 2, 1, 1)
    (note,) = chart.notes
    assert (note.resume.reused, note.redone, note.paid_again) == (6, 1, 14_200_000)


def test_the_wait_for_a_person_is_cut_out_and_named() -> None:
    chart = picture()
    assert len(chart.breaks) == 1
    assert any(flag.label.endswith("wait") for flag in chart.flags)
    assert next(row.who for row in chart.rows if row.step.kind == "approval") == "Mika"


def test_a_finished_run_has_no_now() -> None:
    assert picture().now is None


def test_bars_of_finished_steps_stay_where_they_are_while_the_axis_stands() -> None:
    before, after = (picture(until=12.38, status=Status.RUNNING, now=now) for now in (13.0, 13.2))
    assert before.now is not None
    assert after.now is not None
    assert before.now < after.now
    assert [row.bars for row in before.rows] == [row.bars for row in after.rows]


def test_of_too_many_rows_the_failed_and_the_open_are_always_sent() -> None:
    run, events = big(1, AT, steps=3000)
    events = [replace(event, branch="") for event in events]
    story = fold(events)
    placed = arrange(story.steps)
    kept = chosen(placed, 200)
    assert len(kept) == 200
    assert {n for n, row in enumerate(placed) if row.step.state == "failed"} <= set(kept)
    chart = draw(run, story, Format(AT))
    assert len(chart.rows) == 100
    assert chart.skipped == 2900


def test_a_folded_branch_shows_its_extent_and_its_failures() -> None:
    run, events = big(1, AT)
    chart = draw(run, fold(events), Format(AT + timedelta(hours=1)))
    folded = [row for row in chart.rows if row.folded]
    assert len(folded) == 12
    assert sum(row.hidden_failed for row in folded) == 5
    assert all(row.bars for row in folded)


def test_a_run_without_steps_can_be_drawn() -> None:
    chart = draw(make_run(1, AT, status=Status.PENDING, finished_at=None), fold([]), Format(AT))
    assert (chart.rows, chart.steps) == ((), 0)


def test_queueing_is_a_thin_line_before_the_first_bar() -> None:
    run = make_run(1, AT)
    _, events, _ = refund(1, AT)
    late = [replace(event, at=event.at + timedelta(seconds=9), started_at=_later(event.started_at)) for event in events]
    chart = draw(run, fold(late), Format(AT + timedelta(seconds=200)))
    assert chart.rows[0].bars[0].shape == "queue"


def _later(moment: datetime | None) -> datetime | None:
    return moment + timedelta(seconds=9) if moment else None


@pytest.mark.parametrize("seed", range(80))
def test_the_axis_is_the_same_as_when_every_pause_is_looked_at(seed: int) -> None:
    """Whatever lies side by side, is told late, was waited for, or died meanwhile."""
    dice = random.Random(seed)
    run, second = make_run(1, AT, status=Status.RUNNING), 0.0
    tape = Tape(run)
    for number in range(dice.choice((1, 3, 5, 30))):
        second += dice.choice((0.5, 29.9, 31, 50) if seed % 4 else (0.5, 3))
        began = max(0.0, second - dice.choice((0.1, 0.1, 0.4, 5, 90)))
        if dice.random() < 0.1:
            tape.add("lost", second, data={"worker": "w"})
            tape.started(second + 0.1, "v")
        elif dice.random() < 0.2:
            kind, long_ago = dice.choice(("timer", "value")), tape.at(max(0.0, second - 60))
            tape.add("step", second, kind=kind, key=f"{number}", started_at=long_ago)
        else:
            tape.tool("read", began, second, {}, None, key=f"{number}", branch=dice.choice(("", "look.0")))
    if dice.random() < 0.5:
        tape.add("intent", second, kind="tool", name="read", key="open", started_at=tape.at(second - 0.1))
    fmt = Format(AT + timedelta(seconds=second + dice.choice((1, 40))))
    story = fold(tape.events)
    assert draw(run, story, fmt) == draw(run, replace(story, work=None), fmt)


def test_a_value_that_was_written_down_in_a_pause_does_not_fill_it() -> None:
    run = make_run(1, AT, status=Status.RUNNING)
    tape = Tape(run)
    tape.tool("read", 0, 1, {}, None)
    tape.add("step", 45, kind="value", key="now", started_at=tape.at(2))
    tape.tool("read", 45, 46, {}, None)
    assert len(draw(run, fold(tape.events), Format(AT + timedelta(seconds=47))).breaks) == 1
