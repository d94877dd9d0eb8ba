"""What a description can't say: small languages that are written in a text, and that a run which begins in a year is
waited for a year, by whoever follows it. A text of such a language is replaced by one that is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import schemathesis


def _soon(value: Any) -> Any:
    return min(value, 0.01) if isinstance(value, int | float) else value


def _text(right: str) -> Callable[[Any], Any]:
    return lambda value: right if isinstance(value, str) else value


_RIGHT: dict[str, Callable[[Any], Any]] = {
    "after_seconds": _soon,
    "webhook": _text("https://example.com/hook"),
    "url": _text("https://example.com/hook"),
    "filter": lambda value: {"author": "ada"} if isinstance(value, dict) else value,
    "index": lambda value: ["title"] if isinstance(value, list) else value,
    "schedule": _text("0 6 * * *"),
    "timezone": _text("Europe/Berlin"),
}


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    if isinstance(body, list):
        return [map_body(context, one) for one in body]
    if not isinstance(body, dict):
        return body
    return {name: _RIGHT[name](value) if name in _RIGHT else value for name, value in body.items()}
