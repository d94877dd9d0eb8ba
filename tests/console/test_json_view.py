from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fairlead.web.console.json_view import LARGEST, view

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


def text(value: Any) -> str:
    return "".join(piece.text for piece in view(value).pieces)


def test_values_are_written_as_json_in_coloured_pieces() -> None:
    assert text({"a": [1, True, None], "b": "x"}) == '{\n  "a": [\n    1,\n    true,\n    null\n  ],\n  "b": "x"\n}'
    assert {piece.kind for piece in view({"a": [1, "x", None]}).pieces} == {"mark", "key", "number", "string", "word"}


def test_what_is_large_is_cut_and_says_so() -> None:
    seen = view(["x" * 100] * 39 + [{"n": "y" * 3000}] * 10)
    assert seen.cut
    assert sum(len(piece.text) for piece in view({str(n): "x" * 100 for n in range(500)}).pieces) <= LARGEST + 10


def test_base64_is_named_and_not_shown() -> None:
    assert "base64" in text({"image": "data:image/png;base64," + "QUJD" * 900})
    assert "QUJD" not in text({"image": "QUJD" * 900})


def test_long_lists_of_objects_below_the_top_are_counted() -> None:
    assert "[ 6 items ]" in text({"events": [{"n": n} for n in range(6)]})


@given(JSON)
def test_no_json_value_breaks_it(value: Any) -> None:
    assert view(value).size > 0


def test_a_text_of_several_lines_is_shown_as_text() -> None:
    assert [piece.kind for piece in view("one\ntwo").pieces] == ["text"]
    assert text("one\ntwo") == "one\ntwo"
    assert text("one") == '"one"'
    assert "\n" not in text({"a": "one\ntwo"}).replace("\n  ", "").replace("\n}", "")
