"""Namespaces: labels in a row, such as ("users", "ada", "likes")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fairlead.errors import InvalidInput

_LONGEST, _LONGEST_KEY = 1024, 512  # bytes: what an index of PostgreSQL holds beside a tenant
_DEEPEST = 32
LABEL, KEY = r"[^.\x00-\x1f\x7f]+", r"[^\x00-\x1f\x7f]+"


def joined(labels: Sequence[str]) -> str:
    """As it is stored. Raises `InvalidInput` for labels that are none."""
    if not labels:
        raise InvalidInput("A namespace needs at least one label.")
    return prefix(labels)


def prefix(labels: Sequence[str]) -> str:
    """The same for the beginning of namespaces, which may be empty: all of them."""
    for label in labels:
        if re.fullmatch(LABEL, label) is None:
            raise InvalidInput(f"{label!a} is no label of a namespace.", hint="Labels are texts without dots.")
    text = ".".join(labels)
    if len(labels) > _DEEPEST or len(text.encode()) > _LONGEST:
        raise InvalidInput(f"A namespace has at most {_DEEPEST} labels and {_LONGEST} bytes.")
    return text


def checked_key(key: str) -> str:
    if re.fullmatch(KEY, key) is None or len(key.encode()) > _LONGEST_KEY:
        raise InvalidInput(f"A key is a text of 1 to {_LONGEST_KEY} bytes, without control characters.")
    return key


def split(text: str) -> list[str]:
    return text.split(".") if text else []


def fitting(
    namespaces: Iterable[str], *, beginning: Sequence[str] = (), ending: Sequence[str] = (), depth: int | None = None
) -> list[tuple[str, ...]]:
    """Those with this beginning and ending (`*`: any label), cut to `depth`, each once."""
    found: dict[tuple[str, ...], None] = {}
    for namespace in namespaces:
        labels = split(namespace)
        if _fits(labels, beginning) and _fits(labels[::-1], ending[::-1]):
            found[tuple(labels[:depth])] = None
    return list(found)


def _fits(labels: Sequence[str], wanted: Sequence[str]) -> bool:
    return len(wanted) <= len(labels) and all(w in ("*", label) for w, label in zip(wanted, labels, strict=False))
