from __future__ import annotations

import pytest

from fairlead.cli import say as module
from fairlead.cli.say import err, out, say, say_facts


@pytest.mark.parametrize("style", ["", "bold red"])
def test_a_line_is_the_same_whoever_draws_it(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Plain ones are written without rich."""
    for text in ("[bold]no markup[/bold] :smile:", "a\x1b[31mb\r\nc\u202e", "x" * 300, "a\tb", ""):
        say(text, style)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["[bold]no markup[/bold] :smile:", "a\\x1b[31mb", "c\ufffd"]
    assert lines[3:] == ["x" * 300, "a       b", ""]


def test_facts_that_are_there_have_a_row_each(capsys: pytest.CaptureFixture[str]) -> None:
    say_facts([("one", 1), ("none", None), ("two", "b")])
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["one", "1"], ["two", "b"]]


def test_the_two_consoles_are_there_for_those_who_draw() -> None:
    assert (out.stderr, err.stderr) == (False, True)
    with pytest.raises(AttributeError, match="no attribute 'rest'"):
        _ = module.rest  # type: ignore[attr-defined]
