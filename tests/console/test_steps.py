from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fairlead.clock import SystemClock
from fairlead.runs.run import Event
from fairlead.web.console.steps import StepState, Story, Telling, fold
from tests.console.gallery import Tape, hostile, make_run, refund

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)


def tape() -> Tape:
    return Tape(make_run(1, AT))


def names(story: Story) -> list[str]:
    return [step.name for step in story.steps]


def test_steps_come_in_the_order_in_which_they_began() -> None:
    story = fold(refund(1, AT)[1])
    assert names(story)[:4] == ["plan", "get_order", "search_policy", "carrier_trace"]


def test_an_intent_is_an_open_step_until_its_record_closes_it() -> None:
    one = tape()
    one.started(0, "w-1")
    one.add("intent", 1.0, kind="tool", name="pay", key="k")
    assert fold(one.events).steps[0].state is StepState.OPEN
    one.step("tool", "pay", 1.0, 2.0, {"result": 1}, key="k")
    (step,) = fold(one.events).steps
    assert (step.state, step.end) == (StepState.DONE, one.at(2.0))


def test_what_was_open_when_the_worker_died_is_time_lost() -> None:
    one = tape()
    one.started(0, "w-1")
    one.add("intent", 1.0, kind="model", name="ask", key="k")
    one.add("lost", 4.0, data={"worker": "w-1", "after_ms": 400})
    one.started(4.5, "w-2")
    one.add("intent", 5.0, kind="model", name="ask", key="k")
    one.step("model", "ask", 5.0, 6.0, {}, key="k")
    story = fold(one.events)
    (step,) = story.steps
    (lost,) = step.lost
    assert (lost.start, lost.end) == (one.at(1.0), one.at(4.5))
    assert step.begin == one.at(1.0)
    (resume,) = story.resumes
    assert (resume.before, resume.after, resume.took, resume.reused) == ("w-1", "w-2", timedelta(milliseconds=400), 0)


def test_without_an_intent_the_lost_time_lies_between_the_last_record_and_the_death() -> None:
    one = tape()
    one.started(0, "w-1")
    one.step("step", "read", 0.0, 2.0, {}, key="a")
    one.add("lost", 5.0, data={"worker": "w-1"})
    one.started(5.2, "w-2")
    one.step("step", "count", 5.3, 6.0, {}, key="b")
    one.step("step", "write", 6.1, 7.0, {}, key="c")
    by_name = {step.name: step for step in fold(one.events).steps}
    assert by_name["count"].lost[0].start == one.at(2.0)
    assert by_name["write"].lost == ()


def test_an_effect_left_open_when_nobody_works_on_the_run_is_unknown() -> None:
    one = tape()
    one.started(0, "w-1")
    one.add("intent", 1.0, kind="tool", name="pay", key="k")
    one.add("lost", 4.0, data={"worker": "w-1"})
    assert fold(one.events, over=True).steps[0].state is StepState.UNKNOWN


def test_a_model_call_left_open_was_only_stopped() -> None:
    one = tape()
    one.started(0, "w-1")
    one.add("intent", 1.0, kind="model", name="ask", key="k")
    one.add("interrupted", 3.0)
    (step,) = fold(one.events, over=True).steps
    assert (step.state, step.end) == (StepState.STOPPED, one.at(3.0))


def test_waiting_for_a_person_begins_when_he_was_asked() -> None:
    story = fold(refund(1, AT)[1])
    asked = next(step for step in story.steps if step.kind == "approval")
    assert asked.start == AT + timedelta(seconds=21.1)
    assert asked.end == AT + timedelta(seconds=154.1)


def test_a_child_that_was_waited_for_can_still_be_found_when_it_has_ended() -> None:
    one = tape()
    one.add("waiting", 1.0, kind="child", name="match result", key="k", data={"child_id": "c-1"})
    one.step("child", "match result", 1.0, 9.0, {"cost_nano": 5, "result": 117}, key="k")
    (step,) = fold(one.events).steps
    assert (step.data["child_id"], step.data["result"], step.cost_nano) == ("c-1", 117, 5)


def test_a_failed_attempt_is_kept_beside_the_one_that_worked() -> None:
    story = fold(refund(1, AT)[1])
    traced = next(step for step in story.steps if step.name == "carrier_trace")
    assert [attempt.ok for attempt in traced.tries] == [False, True]
    assert story.retried == 1


def test_a_failed_step_is_failed_by_its_event_or_by_its_error() -> None:
    one = tape()
    one.step("tool", "a", 0, 1, {"error": {"error": "x", "message": "y"}})
    one.add("failed", 2.0, kind="tool", name="b", key="b", data={})
    assert [step.state for step in fold(one.events).steps] == [StepState.FAILED, StepState.FAILED]


def test_a_reply_as_the_journal_keeps_it_is_read_like_the_plain_form() -> None:
    one = tape()
    reply = {"role": "assistant", "content": "hello"}
    result = {
        "body": {"choices": [{"message": reply}]},
        "usage": {"tokens_in": 3, "tokens_out": 1},
        "cost_nano": 12,
        "provider": "simulated",
        "attempts": [
            {"provider": "simulated", "started_at": one.at(0).isoformat(), "took_us": 250_000, "outcome": "late"},
            {"provider": "simulated", "started_at": one.at(0.5).isoformat(), "took_us": 500_000, "outcome": "ok"},
        ],
        "first_token_us": 1500,
    }
    one.step("model", "simulated/triage", 0, 1, {"request": {"messages": []}, "result": result})
    (step,) = fold(one.events).steps
    assert (step.cost_nano, step.first_token) == (12, timedelta(microseconds=1500))
    assert step.data["reply"] == reply
    assert [attempt.span.took / timedelta(milliseconds=1) for attempt in step.tries] == [250, 500]


def test_the_text_of_an_open_call_is_the_one_that_was_streamed() -> None:
    one = tape()
    one.started(0, "w-1")
    one.add("intent", 1.0, kind="model", name="ask", key="k")
    assert fold(one.events, {"k": "so far"}).steps[0].text == "so far"


def test_equal_names_in_one_branch_are_numbered() -> None:
    one = tape()
    for second in range(3):
        one.step("tool", "read", second, second + 1, {})
    assert [step.again for step in fold(one.events).steps] == [1, 2, 3]


def test_what_was_told_once_keeps_its_number() -> None:
    """One that began earlier, and ends later, comes before it: whoever was told draws the other anew."""
    one = tape()
    one.step("tool", "read", 2, 3, {}, key="b")
    telling = Telling()
    telling.hear(one.events[-1])
    (before,) = telling.told({}, over=False).steps
    one.step("tool", "read", 1, 4, {}, key="a")
    telling.hear(one.events[-1])
    first, second = telling.told({}, over=False).steps
    assert (before.key, before.again) == ("b", 1)
    assert [(step.key, step.again) for step in (first, second)] == [("a", 1), ("b", 2)]
    again = telling.told({}, over=False).steps
    assert again[0] is first and again[1] is second


def test_events_of_no_known_shape_hurt_nobody() -> None:
    run, events, _ = hostile(1, AT)
    assert fold(events).steps
    assert fold([Event(run.id, 1, "no such type", AT, data=object())]).steps == ()


def test_a_long_run_that_was_resumed_is_told_in_time() -> None:
    one = tape()
    one.started(0, "w-1")
    for number in range(2500):
        one.step("step", "read", number, number + 0.5, {}, key=f"a{number}")
    one.add("lost", 2500.0, data={"worker": "w-1"})
    one.started(2500.5, "w-2")
    for number in range(2501, 5000):
        one.step("step", "read", number, number + 0.5, {}, key=f"b{number}")
    began = SystemClock().monotonic()
    story = fold(one.events)
    assert SystemClock().monotonic() - began < 2.0  # quadratic once
    assert [step.key for step in story.steps if step.lost] == ["b2501"]
