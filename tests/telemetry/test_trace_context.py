from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.telemetry.trace_context import TraceContext, is_sampled, of_request, of_run, of_stored, trace_id_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(("flags", "sampled"), [("01", True), ("00", False), ("03", True), ("02", False)])
def test_a_request_joins_its_callers_trace(flags: str, sampled: bool) -> None:
    context = of_request("req-1", f"00-{TRACE}-{SPAN}-{flags}")
    assert (context.trace_hex, f"{context.parent_id:016x}", context.sampled) == (TRACE, SPAN, sampled)
    assert context.span_id != context.parent_id


def test_a_later_version_of_traceparent_is_read_as_far_as_it_is_known() -> None:
    assert of_request("r", f"01-{TRACE}-{SPAN}-01-more").trace_hex == TRACE


@pytest.mark.parametrize(
    "given",
    [
        "", "x", f"00-{TRACE}-{SPAN}", f"00-{TRACE.upper()}-{SPAN}-01", f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE}-{SPAN}-01-more", f"00-{TRACE}-{SPAN}-01\n", f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-zz", f"01-{TRACE}-{SPAN}-01-{'x' * 600}", "00-" + "٣" * 32 + f"-{SPAN}-01",
    ],
)  # fmt: skip
def test_what_is_no_traceparent_begins_a_trace_of_its_own(given: str) -> None:
    context = of_request("r", given)
    assert context.parent_id is None and context.sampled is None and context.trace_hex != TRACE


@given(st.text())
def test_no_header_breaks_a_request(header: str) -> None:
    assert of_request("r", header).trace_id


def test_a_run_that_nobody_asked_for_has_a_trace_by_its_own_id() -> None:
    run_id = str(uuid4())
    context = of_run(run_id, run_id, None)
    assert context.trace_hex == run_id.replace("-", "")
    assert context == of_run(run_id, run_id, None)  # on another machine, too
    assert of_run("child", run_id, None).trace_id == context.trace_id
    assert of_run("child", run_id, None).parent_id == context.span_id


def test_a_name_of_any_letters_gives_a_trace() -> None:
    assert trace_id_of("lone \ud800") != trace_id_of("named by its caller")


def test_what_is_stored_with_a_run_comes_back() -> None:
    context = TraceContext(1, 2, 3, False, "req-1")
    back = of_stored(context.stored())
    assert back == TraceContext(1, 2, None, False, "req-1")
    assert of_run("run", "run", back).parent_id == 2


def test_every_process_samples_the_same_traces() -> None:
    contexts = [of_request("r") for _ in range(2000)]
    chosen = [is_sampled(context, 0.25) for context in contexts]
    assert chosen == [is_sampled(TraceContext(context.trace_id, 1), 0.25) for context in contexts]
    assert 350 < sum(chosen) < 650
    assert not any(is_sampled(context, 0) for context in contexts)
    assert all(is_sampled(context, 1) for context in contexts)


def test_the_caller_decides_for_its_own_trace() -> None:
    assert is_sampled(of_request("r", f"00-{TRACE}-{SPAN}-01"), 0)
    assert not is_sampled(of_request("r", f"00-{TRACE}-{SPAN}-00"), 1)
