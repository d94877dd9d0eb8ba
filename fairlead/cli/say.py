"""Writing to a terminal, or to a program (`--json`).

What an agent, a model or a log wrote may hold escape codes that move the cursor, set the title or forge lines: they
are shown, never sent.

rich draws tables and colours, for those alone who ask for them: a server says a line or two, and kept 4 MB of it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from fairlead.cli.exits import Exit
from fairlead.errors import FairleadError, InvalidInput
from fairlead.wiring.project import settings_here

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    out: Console
    err: Console

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

# Controls but tab and newline, DEL, C1, and marks that turn the reading direction.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")
# Beyond what JSON escapes itself.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

_WIDE = 200  # columns, where no terminal has a width


def __getattr__(name: str) -> Console:
    """`out` and `err`, when they are first imported."""
    if name not in ("out", "err"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _console(stderr=name == "err")


@cache
def _console(*, stderr: bool) -> Console:
    made = import_module("rich.console").Console
    console = made(highlight=False, stderr=stderr)
    return console if console.is_terminal else made(highlight=False, stderr=stderr, width=_WIDE)


def _text(text: str, style: str = "") -> Text:
    return import_module("rich.text").Text(safe(text), style=style)


def safe(text: str) -> str:
    """The text with everything that a terminal would obey made visible."""
    text = text.replace("\r\n", "\n").encode("utf-8", "replace").decode()
    return _UNSAFE.sub(lambda found: f"\\x{ord(found[0]):02x}" if ord(found[0]) < 256 else "�", text)


def say(text: str = "", style: str = "") -> None:
    """A line, as it is: no markup is read in it."""
    if style or "\t" in text:
        _console(stderr=False).print(_text(text, style), soft_wrap=True)
    else:
        sys.stdout.write(safe(text) + "\n")
        sys.stdout.flush()


def say_json(value: Any) -> None:
    """One value on one line."""
    line = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    sys.stdout.write(_UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", line) + "\n")
    sys.stdout.flush()


def confirm(question: str, *, yes: bool) -> None:
    """Ask whoever sits there, and leave when the answer is no. Where nobody does, they must have said yes before."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput(f"{question} Nobody is there to answer.", hint="Say so beforehand: --yes.")
    if not typer.confirm(safe(question)):
        raise typer.Exit(Exit.USAGE)


def complain(error: FairleadError) -> None:
    console = _console(stderr=True)
    console.print(import_module("rich.text").Text.assemble(("error ", "bold red"), safe(error.message)), soft_wrap=True)
    if error.hint:
        console.print(_text(f"      {error.hint}", "dim"), soft_wrap=True)


def warn(text: str) -> None:
    _console(stderr=True).print(_text(text, "yellow"), soft_wrap=True)


def debugging() -> bool:
    try:
        return settings_here(needed_by=None).app.debug
    except FairleadError:
        return False


def say_facts(facts: Sequence[tuple[str, object]]) -> None:
    """A row each for those that are there."""
    table = import_module("rich.table").Table(box=None, pad_edge=False, show_header=False)
    for name, value in facts:
        if value:
            table.add_row(_text(name, "dim"), _text(str(value)))
    _console(stderr=False).print(table)
