from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from fairlead.agents.jsonable import decode, encode, encode_known, plain
from fairlead.errors import NotJson

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(JSON)
def test_json_comes_back_as_it_went(value: Any) -> None:
    assert decode(encode(value)) == value
    assert encode_known(value) == encode(value)
    assert plain(value) == value


@dataclass
class Point:
    x: int
    note: str | None = None


class Model(BaseModel):
    when: datetime
    points: list[int]


def test_dataclasses_and_models_become_objects() -> None:
    value = {"p": Point(1), "m": Model(when=datetime(2025, 1, 2, tzinfo=UTC), points=[1]), "t": (1, 2)}
    assert plain(value) == {
        "p": {"x": 1, "note": None},
        "m": {"when": "2025-01-02T00:00:00Z", "points": [1]},
        "t": [1, 2],
    }


class Loose(BaseModel):
    ratio: float


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "$ is nan"),
        ({"a": [1, float("inf")]}, "$.a[1] is inf"),
        ({"a": None, "b": -float("inf")}, "$.b is -inf"),
        (Point(1, float("nan")), "$.note is nan"),  # type: ignore[arg-type]
        ({"m": Loose(ratio=float("nan"))}, "$.m.ratio is nan"),
        ({"a b": "\ud800"}, "$['a b'] holds a lone surrogate at character 0"),
        ({"\ud800": 1}, "holds a lone surrogate"),
        ([2**64], "$[0] is an integer beyond 64 bits"),
        ([-(2**63) - 1], "$[0] is an integer beyond 64 bits"),
        ({"a": {1: 2}}, "$.a has the key 1, which is no string"),
        ({"a": {1, 2}}, "$.a is a set"),
        ({"a": b"x"}, "ctx.blob"),
        ([Decimal(1)], "$[0] is a Decimal"),
        ({"file": Path("/")}, "$.file is a PosixPath"),
        (object(), "$ is a object"),
        (LOOP, "nested deeper than 250"),
    ],
)
def test_what_json_cannot_carry_is_refused_by_path(value: Any, words: str) -> None:
    with pytest.raises(NotJson) as caught:
        encode(value)
    assert words in str(caught.value)


def test_of_what_is_thought_to_be_known_json_all_but_nan_is_refused_by_path() -> None:
    with pytest.raises(NotJson, match=r"\$\.a is a set"):
        encode_known({"a": {1, 2}, "b": float("nan")})


def test_null_is_no_problem_beside_nothing_else() -> None:
    assert encode({"a": None, "b": "null"}) == b'{"a":null,"b":"null"}'


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "1e400", '"\\ud800"', "{", "", "nul", b"\xff"])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(NotJson, match="not JSON"):
        decode(text)


@given(JSON)
def test_any_parser_reads_what_is_written(value: Any) -> None:
    assert json.loads(encode(value)) == value
