from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import NotJson
from fairlead.gateway import bounds
from fairlead.gateway.types import Format
from fairlead.gateway.wire import WIRES

CHAT = WIRES[Format.CHAT]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_no_tokenizer_makes_more_tokens_than_the_bound(said: list[str]) -> None:
    body = {"messages": [{"role": "user", "content": text} for text in said]}
    # The worst tokenizer makes one token of each byte; OpenAI adds 4 for each message and 3 for the answer.
    assert bounds.measure(body, CHAT).bound.tokens_in >= sum(len(text.encode()) + 4 for text in said) + 3


def test_without_a_limit_of_its_own_an_answer_is_capped() -> None:
    assert bounds.measure({"messages": []}, CHAT).bound.tokens_out == 2048
    assert bounds.measure({"messages": [], "max_tokens": 10, "n": 3}, CHAT).bound.tokens_out == 30


@pytest.mark.parametrize(("part", "least"), [({"type": "image_url"}, 48_169), ({"type": "file"}, 1_000_000)])
def test_what_has_no_bytes_here_counts_for_the_most_it_may_be(part: dict[str, Any], least: int) -> None:
    assert bounds.measure({"messages": [{"role": "user", "content": [part]}]}, CHAT).bound.tokens_in >= least


def test_a_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(NotJson):
        bounds.measure({"messages": [{"role": "user", "content": object()}]}, CHAT)


def test_a_picture_in_the_body_counts_as_a_picture_and_not_as_text() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 2_000_000}}
    found = bounds.measure({"messages": [{"role": "user", "content": [picture]}]}, CHAT).bound.tokens_in
    assert 48_169 <= found < 100_000


@pytest.mark.parametrize(
    ("form", "body"),
    [
        (Format.RESPONSES, {"input": "hi", "previous_response_id": "resp_1"}),
        (Format.RESPONSES, {"input": "hi", "tools": [{"type": "web_search"}]}),
        (Format.MESSAGES, {"messages": [], "tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ],
)
def test_input_that_the_provider_adds_itself_counts_for_a_whole_context(form: Format, body: dict[str, Any]) -> None:
    assert bounds.measure(body, WIRES[form]).bound.tokens_in >= 1_000_000
