from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from fairlead.gateway.meter import Meter
from fairlead.gateway.types import Attempt, Format, ModelReply
from fairlead.gateway.usage import NOTHING, Usage

counts = st.integers(0, 10**7)
usages = st.builds(Usage, counts, counts, counts, counts, st.booleans(), counts, counts)
spans = st.timedeltas(timedelta(0), timedelta(days=1))
moments = st.datetimes(timezones=st.just(UTC))
attempts = st.builds(
    Attempt, st.text("abc"), moments, spans, st.just("ok"), st.text("abc"), usages, st.text("abc"), counts
)
bodies = st.fixed_dictionaries({"choices": st.just([{"message": {"content": "hi"}}])})


@given(
    st.builds(
        ModelReply,
        bodies,
        usages,
        counts,
        st.text("abc"),
        st.text("abc"),
        st.lists(attempts, max_size=3).map(tuple),
        st.none() | spans,
        st.sampled_from(Format),
        st.booleans(),
    )
)
def test_a_reply_comes_back_from_a_journal_unchanged(reply: Any) -> None:
    assert ModelReply.from_json(orjson.loads(orjson.dumps(reply.to_json()))) == reply


def test_an_unsettled_call_counts_what_was_seen_up_to_the_most_it_could_be() -> None:
    meter = Meter()
    meter.begin(Usage(10, 0, estimated=True), most_out=5)
    meter.saw(8)
    assert meter.used == Usage(10, 2, estimated=True)
    meter.saw(10_000)
    assert meter.used == Usage(10, 5, estimated=True)


def test_a_try_that_was_never_sent_used_nothing() -> None:
    meter = Meter()
    assert not meter.sent and meter.used == NOTHING


def test_what_a_provider_says_replaces_what_was_seen() -> None:
    meter = Meter()
    meter.begin(Usage(10, 0), most_out=5)
    meter.saw(4)
    meter.settle(Usage(7, 3))
    assert meter.sent and meter.used == Usage(7, 3)
    meter.free()
    assert meter.used == NOTHING
