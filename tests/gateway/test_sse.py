from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
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


async def test_data_of_several_lines_is_one_event_again_when_it_is_passed_on() -> None:
    assert [item async for item in sse.events(cut(b"data: 1\ndata: 2\n\n", 4))] == [b"1\n2"]
    assert [item async for item in sse.events(cut(sse.event(b"1\n2"), 4))] == [b"1\n2"]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'{"type":"ping"}', b"ping"),
        (b'{"delta":{"type":"text_delta"},"type":"content_block_delta"}', b"content_block_delta"),
        (b'{ "type": "ping" }', b"ping"),
        (b'{"type":"a\\nb"}', b"a\\nb"),
        (b'{"type": "a\\nb"}', b"message"),
        (b'{"type":7}', b"message"),
        (b"[]", b"message"),
        (b"{", b"message"),
    ],
)
async def test_an_event_bears_the_name_of_its_type_and_its_data_is_untouched(data: bytes, name: bytes) -> None:
    assert sse.named(data) == b"event: " + name + b"\ndata: " + data + b"\n\n"


async def test_an_event_without_its_end_is_dropped() -> None:
    assert [item async for item in sse.events(cut(b"data: 1\n\ndata: 2\n", 3))] == [b"1"]
