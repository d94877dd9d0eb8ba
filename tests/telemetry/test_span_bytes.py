from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from fairlead.telemetry.redact import Redactor
from fairlead.telemetry.span import Draft, Happening, Wording
from fairlead.telemetry.span_bytes import SpanEncoder, attribute, field
from fairlead.telemetry.trace_context import TraceContext

HERE = TraceContext(0xABC, 0xDEF, 0x123)


class Kind(StrEnum):
    STEP = "step"


def parsed(draft: Draft, encoder: SpanEncoder | None = None) -> Span:
    return Span.FromString((encoder or SpanEncoder(Wording(Redactor()))).span(draft))


def values(of: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in of.attributes}


def test_a_span_is_what_opentelemetrys_own_message_says() -> None:
    fields = {
        "run_id": "r", "tokens_in": 300, "tries": 1, "cost_nano": 2_500_000, "first_token": timedelta(seconds=1.5),
        "streamed": True, "kind": Kind.STEP, "percent": 12.5, "cached_in": 0, "tool": "", "nobody": "knows",
    }  # fmt: skip
    happened = (Happening("llm_retry", 7, {"delay": timedelta(seconds=2), "attempt": 2}),)
    span = parsed(Draft(HERE, "chat m\n", "client", 5, 9, fields, {"gen_ai.operation.name": "chat"}, happened))
    assert (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()) == (
        "00000000000000000000000000000abc", "0000000000000def", "0000000000000123",
    )  # fmt: skip
    assert (span.name, span.kind, span.flags) == ("chat m ", Span.SpanKind.SPAN_KIND_CLIENT, 0x101)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (5000, 9000)
    assert values(span) == {
        "fairlead.run.id": "r", "gen_ai.usage.input_tokens": 300, "fairlead.tries": 1, "fairlead.cost_usd": 0.0025,
        "gen_ai.response.time_to_first_chunk": 1.5, "gen_ai.request.stream": True, "fairlead.step.kind": "step",
        "fairlead.budget.percent": 12.5, "gen_ai.operation.name": "chat",
    }  # fmt: skip
    assert [(event.name, event.time_unix_nano, values(event)) for event in span.events] == [
        ("llm_retry", 7000, {"fairlead.delay": 2.0, "fairlead.attempt": 2})
    ]
    assert span.status.code == 0


def test_what_failed_has_its_status_and_one_type_of_error() -> None:
    span = parsed(
        Draft(TraceContext(1, 2), "run a", "internal", 9, 5, {}, error="ValueError", message="bob@example.com")
    )
    assert (span.status.code, span.status.message) == (2, "[email]")
    assert values(span) == {"error.type": "ValueError"}
    assert (span.parent_span_id, span.start_time_unix_nano, span.end_time_unix_nano) == (b"", 9000, 9000)


@given(st.text(max_size=400) | st.booleans() | st.floats(allow_nan=False) | st.integers(-(2**63), 2**63 - 1))
def test_any_value_is_read_as_it_was(value: Any) -> None:
    text = value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
    span = Span.FromString(attribute("a name", text) + attribute("another", 1))
    assert values(span) == {"a name": text, "another": 1}


@given(st.integers(1, 2**70), st.integers(0, 2**40))
def test_any_count_is_read_as_it_was(count: int, micros: int) -> None:
    took = timedelta(microseconds=micros)
    said = values(parsed(Draft(HERE, "n", "internal", 1, 2, {"tokens_in": count, "tries": 3, "wait": took})))
    assert said["gen_ai.usage.input_tokens"] == (count if count < 2**63 else str(count))
    assert said["fairlead.tries"] == 3
    assert said.get("fairlead.wait", 0.0) == took.total_seconds()


def test_one_is_not_true_however_often_it_was_said() -> None:
    encoder = SpanEncoder(Wording(Redactor()))
    for value in (True, 1, 1.0, "1", True, 1):
        (said,) = values(parsed(Draft(HERE, "n", "internal", 1, 2, {"attempt": value}), encoder)).values()
        assert (said, type(said)) == (value, type(value))


def test_what_was_clean_is_struck_once_its_secret_is_known() -> None:
    words: set[str] = set()
    encoder = SpanEncoder(Wording(Redactor(words)))
    draft = Draft(HERE, "run horse-battery", "internal", 1, 2, {"agent": "horse-battery"})
    assert "horse" in str(parsed(draft, encoder))
    words.add("horse-battery")
    encoder.begin()
    assert "horse" not in str(parsed(draft, encoder))


def test_a_long_message_has_its_length() -> None:
    for size in (0, 127, 128, 16_383, 16_384, 3_000_000):
        assert Span.FromString(field(5, b"x" * size)).name == "x" * size
