from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.agents.memory import MemoryBuffer, Message, estimate_tokens
from fairlead.errors import ConfigurationError


def user(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


def assistant(text: str) -> list[Message]:
    return [{"role": "assistant", "content": text}]


def exchange(texts: list[str]) -> list[Message]:
    calls = [
        {"id": f"{i}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for i in range(len(texts))
    ]
    results = [{"role": "tool", "tool_call_id": f"{i}", "content": text} for i, text in enumerate(texts)]
    return [{"role": "assistant", "content": None, "tool_calls": calls}, *results]


TEXT = st.text("abc ", max_size=200)
GROUPS = st.lists(
    TEXT.map(user) | TEXT.map(assistant) | st.lists(TEXT, min_size=1, max_size=4).map(exchange), max_size=25
)
TALKS = st.tuples(TEXT, GROUPS).map(
    lambda given: [{"role": "system", "content": given[0]}, *(m for group in given[1] for m in group)]
)
BUFFERS = st.builds(MemoryBuffer, st.integers(1, 60), st.integers(1, 800))


@given(TALKS, BUFFERS)
def test_what_is_kept_is_part_of_what_was_said_in_its_order(talk: list[Message], buffer: MemoryBuffer) -> None:
    kept = iter(buffer.trim(talk))
    one: Any = next(kept, None)
    for message in talk:
        if one is message:
            one = next(kept, None)
    assert one is None


@given(TALKS, BUFFERS)
def test_instructions_the_last_user_message_and_the_newest_message_always_stay(
    talk: list[Message], buffer: MemoryBuffer
) -> None:
    kept = buffer.trim(talk)
    assert kept[0] is talk[0]
    assert kept[-1] is talk[-1]
    said = [message for message in talk if message["role"] == "user"]
    assert not said or any(message is said[-1] for message in kept)


@given(TALKS, BUFFERS)
def test_a_tool_call_is_never_split_from_its_results(talk: list[Message], buffer: MemoryBuffer) -> None:
    kept = buffer.trim(talk)
    open_calls: set[str] = set()
    for message in kept:
        if message["role"] == "tool":
            assert message["tool_call_id"] in open_calls
            open_calls.discard(message["tool_call_id"])
        else:
            assert not open_calls
            open_calls = {call["id"] for call in message.get("tool_calls", [])}
    assert not open_calls


@given(TALKS, BUFFERS)
def test_it_fits_unless_what_must_stay_is_too_much(talk: list[Message], buffer: MemoryBuffer) -> None:
    kept = buffer.trim(talk)
    least = MemoryBuffer(1, 1).trim(talk)  # only what always stays
    if len(kept) > len(least):
        assert len(kept) <= buffer.messages
        assert sum(map(estimate_tokens, kept)) <= buffer.tokens


@given(TALKS, BUFFERS)
def test_trimming_twice_changes_nothing(talk: list[Message], buffer: MemoryBuffer) -> None:
    once = buffer.trim(talk)
    assert buffer.trim(once) == once


@given(TALKS)
def test_what_fits_is_kept_whole(talk: list[Message]) -> None:
    assert MemoryBuffer(10_000, 10_000_000).trim(talk) == talk


def test_nothing_stays_nothing() -> None:
    assert MemoryBuffer().trim([]) == []


@pytest.mark.parametrize(("messages", "tokens"), [(0, 10), (10, 0), (-1, 10)])
def test_a_buffer_that_holds_nothing_is_refused(messages: int, tokens: int) -> None:
    with pytest.raises(ConfigurationError, match="would remember nothing"):
        MemoryBuffer(messages, tokens)
