"""Rows drawn in pieces."""

from __future__ import annotations

from collections.abc import Callable

from fairlead.web.console.pieces import Pieces


def filled(drawn: list[str], text: str) -> Callable[[str], str]:
    def fill(name: str) -> str:
        drawn.append(name)
        return f"<{name} {text}>"

    return fill


def test_of_a_row_only_the_pieces_that_look_different_are_drawn_again() -> None:
    pieces, drawn = Pieces(), list[str]()
    assert pieces.row("r1", {"name": "a", "line": 1}, filled(drawn, "old")) == "<name old><line old>"
    assert pieces.row("r1", {"name": "a", "line": 2}, filled(drawn, "new")) == "<name old><line new>"
    assert drawn == ["name", "line", "line"]


def test_rows_that_look_alike_are_drawn_each_by_itself() -> None:
    pieces, drawn = Pieces(), list[str]()
    assert pieces.row("r1", {"name": "a"}, filled(drawn, "one")) == "<name one>"
    assert pieces.row("r2", {"name": "a"}, filled(drawn, "two")) == "<name two>"


def test_rows_that_nobody_wants_are_forgotten_when_there_are_too_many() -> None:
    pieces, drawn = Pieces(), list[str]()
    for mark in ("r1", "r2", "r3"):
        pieces.row(mark, {"name": "a"}, filled(drawn, "old"))
    pieces.keep(lambda mark: mark == "r2", most=3)
    assert pieces.row("r1", {"name": "a"}, filled(drawn, "new")) == "<name old>"
    pieces.keep(lambda mark: mark == "r2", most=2)
    again = [pieces.row(mark, {"name": "a"}, filled(drawn, "new")) for mark in ("r1", "r2", "r3")]
    assert again == ["<name new>", "<name old>", "<name new>"]
