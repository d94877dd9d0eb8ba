from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from fairlead.gateway.types import NOTHING, Attempt, Meter, ModelReply, Usage

counts = st.integers(0, 10**7)
usages = st.builds(Usage, counts, counts, counts, counts, st.booleans())
spans = st.timedeltas(timedelta(0), timedelta(days=1))
moments = st.datetimes(timezones=st.just(UTC))
attempts = st.builds(Attempt, st.text("abc"), moments, spans, st.just("ok"), st.text("abc"), usages)
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
    )
)
def test_a_reply_comes_back_from_a_journal_unchanged(reply: Any) -> None:
    assert ModelReply.from_json(orjson.loads(orjson.dumps(reply.to_json()))) == reply


def test_an_unsettled_call_counts_what_was_seen_up_to_the_most_it_could_be() -> None:
    meter = Meter()
    meter.begin(Usage(10, 0, estimated=True), most_out=5)
    meter.saw(8)
    assert meter.tries == [Usage(10, 2, estimated=True)]
    meter.saw(10_000)
    assert meter.tries == [Usage(10, 5, estimated=True)]


def test_each_call_counts_by_itself() -> None:
    meter = Meter()
    meter.begin(Usage(10, 0), most_out=5)
    meter.saw(4)
    meter.begin(Usage(10, 0), most_out=5)
    meter.free()
    meter.begin(Usage(10, 0), most_out=5)
    meter.settle(Usage(7, 3))
    assert meter.tries == [Usage(10, 1, estimated=True), NOTHING, Usage(7, 3)]
