from __future__ import annotations

from fairlead.web.console.text_diff import MOST_WORDS, Change, lines, words


def _read(before: str, after: str) -> list[tuple[str, str]]:
    return [(piece.change.value, piece.text) for piece in words(before, after) or []]


def test_words_that_stayed_stand_between_those_that_changed() -> None:
    assert _read("It comes tomorrow, by post.", "It comes today, by bus.") == [
        ("same", "It comes "), ("gone", "tomorrow"), ("new", "today"), ("same", ", by "), ("gone", "post"),
        ("new", "bus"), ("same", "."),
    ]  # fmt: skip


def test_a_word_at_the_end_is_the_word_that_was_in_the_middle() -> None:
    assert _read("a b", "a b c") == [("same", "a b "), ("new", "c")]


def test_chinese_and_japanese_are_compared_by_character() -> None:
    assert _read("今日は晴れ", "今日は雨") == [("same", "今日は"), ("gone", "晴れ"), ("new", "雨")]


def test_both_sides_can_be_read_back() -> None:
    one, other = "The  parcel is\nlost; we look.", "A parcel is\nfound, we looked there."
    pieces = words(one, other) or []
    assert "".join(piece.text for piece in pieces if piece.change is not Change.GONE) == other
    assert "".join(piece.text for piece in pieces if piece.change is not Change.NEW).split() == one.split()


def test_what_is_too_long_is_not_compared() -> None:
    assert words("a " * (MOST_WORDS + 1), "b") is None


def test_lines_are_numbered_on_both_sides_and_far_ones_folded() -> None:
    before = "\n".join("abcdefghij")
    found = lines(before, before.replace("e", "E"))
    assert found is not None
    assert [(one.change.value, one.text, one.before, one.after, one.skipped) for one in found] == [
        ("same", "", None, None, 1), ("same", "b", 2, 2, 0), ("same", "c", 3, 3, 0), ("same", "d", 4, 4, 0),
        ("gone", "e", 5, None, 0), ("new", "E", None, 5, 0), ("same", "f", 6, 6, 0), ("same", "g", 7, 7, 0),
        ("same", "h", 8, 8, 0), ("same", "", None, None, 2),
    ]  # fmt: skip


def test_equal_texts_have_no_changed_line() -> None:
    assert [one.skipped for one in lines("a\nb", "a\nb") or []] == [2]
