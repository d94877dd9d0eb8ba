from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import NotJson
from fairlead.gateway import bounds


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_no_tokenizer_makes_more_tokens_than_the_bound(said: list[str]) -> None:
    body = {"messages": [{"role": "user", "content": text} for text in said]}
    # The worst tokenizer makes one token of each byte; OpenAI adds 4 for each message and 3 for the answer.
    assert bounds.upper_bound(body).tokens_in >= sum(len(text.encode()) + 4 for text in said) + 3


def test_without_a_limit_of_its_own_an_answer_is_capped() -> None:
    assert bounds.upper_bound({"messages": []}).tokens_out == 2048
    assert bounds.upper_bound({"messages": [], "max_tokens": 10, "n": 3}).tokens_out == 30


@pytest.mark.parametrize(("part", "least"), [({"type": "image_url"}, 48_169), ({"type": "file"}, 1_000_000)])
def test_what_has_no_bytes_here_counts_for_the_most_it_may_be(part: dict[str, Any], least: int) -> None:
    assert bounds.upper_bound({"messages": [{"role": "user", "content": [part]}]}).tokens_in >= least


def test_a_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(NotJson):
        bounds.upper_bound({"messages": [{"role": "user", "content": object()}]})
