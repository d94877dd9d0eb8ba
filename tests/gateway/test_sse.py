from __future__ import annotations

from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from fairlead.gateway.wire import sse


async def cut(raw: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


@given(
    st.lists(st.binary(min_size=1).map(lambda b: b.hex().encode())),
    st.integers(1, 9),
    st.sampled_from([b"\n", b"\r\n"]),
)
async def test_events_come_whole_however_the_bytes_are_cut(data: list[bytes], size: int, newline: bytes) -> None:
    raw = b"".join(b": comment" + newline + sse.event(item).replace(b"\n", newline) for item in data)
    assert [item async for item in sse.events(cut(raw, size))] == data


async def test_an_event_without_its_end_is_dropped() -> None:
    assert [item async for item in sse.events(cut(b"data: 1\n\ndata: 2\n", 3))] == [b"1"]
