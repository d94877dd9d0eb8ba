"""Patterns of what else must never be written: read, and refused when a hostile text could hold up a process.

Python's `re` tries every way a text can be cut: a pattern with repetitions inside repetitions takes for ever on a text
made for it (https://owasp.org/www-community/attacks/Regular_expression_Denial_of_Service_-_ReDoS). Every line passes
here, so what a pattern may try is counted beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator

from fairlead.config.value import Unit

_LONGEST, _MOST = 300, 50
_WAYS = 2000  # to match at one place of a text
_PARSE: Any = getattr(re, "_parser").parse  # noqa: B009 private, and the only reader of patterns there is
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


def parse_lines(value: object) -> object:
    if isinstance(value, str):
        return tuple(line.strip() for line in value.splitlines() if line.strip())
    return value


def check_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    if len(patterns) > _MOST:
        raise ValueError(f"at most {_MOST} patterns")
    for number, pattern in enumerate(patterns, start=1):
        if problem := problem_of(pattern):
            raise ValueError(f"pattern {number} {problem}")
    return patterns


def problem_of(pattern: str) -> str:
    """Why it can't be taken; empty: it can. Never shows the pattern: it may hold what it is to strike out."""
    if len(pattern) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    try:
        compiled, tree = re.compile(pattern), _PARSE(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {getattr(error, 'msg', error)}, at character {getattr(error, 'pos', 0)}"
    if compiled.match(""):
        return "matches where there is nothing"
    if _ways(tree) > _WAYS:
        return "could hold up the service on a text made for it; bound what repeats: {1,64} in place of + or *"
    return ""


def _ways(items: Iterable[Any]) -> int:
    """How many ways to match at one place there may be, at most."""
    ways = 1
    for kind, about in items:
        name = str(kind)
        if name in _REPEATS:
            least, most, inner = about
            ways *= _repeated(int(least), int(most), _ways(inner))
        elif name == "BRANCH":
            ways *= sum(_ways(branch) for branch in about[1])
        else:
            for inner in _inside(about):
                ways *= _ways(inner)
        if ways > _WAYS:
            break
    return ways


def _repeated(least: int, most: int, inner: int) -> int:
    if inner == 1:
        return min(most - least + 1, _WAYS + 1)
    return cast("int", min(inner ** min(most, 32), _WAYS + 1)) * (most - least + 1)


def _inside(about: Any) -> Iterator[Any]:
    """Groups and looks around hold further items."""
    for part in cast("tuple[Any, ...]", about) if isinstance(about, tuple) else (about,):
        if hasattr(part, "data"):  # a SubPattern
            yield part


PatternList = Annotated[
    tuple[str, ...], BeforeValidator(parse_lines), AfterValidator(check_patterns), Unit("list, one a line")
]
