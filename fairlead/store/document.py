"""What the knowledge base knows of: collections, documents, the pieces that a search finds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fairlead.errors import InvalidInput

# Of four bytes each, beside a tenant, they are what an index of PostgreSQL holds.
_LONGEST_COLLECTION, _LONGEST_ID = 128, 500
_PLAIN = r"[^\x00-\x1f\x7f-\x9f]"
COLLECTION, DOCUMENT = f"{_PLAIN}{{1,{_LONGEST_COLLECTION}}}", f"{_PLAIN}{{1,{_LONGEST_ID}}}"


class Put(StrEnum):
    """What became of a document that was handed in."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class Mode(StrEnum):
    """How pieces are searched for."""

    HYBRID = "hybrid"  # by words and by vectors, in one order
    TEXT = "text"
    VECTOR = "vector"


def mode_of(word: str) -> Mode:
    """Raises `InvalidInput` for one that is none."""
    if word not in list(Mode):
        raise InvalidInput(f"{word[:50]!a} is no way to search.", hint=f"There are {', '.join(Mode)}.")
    return Mode(word)


class VectorState(StrEnum):
    """Whether a document is found by its vectors."""

    OFF = "off"  # there are none here
    WAITING = "waiting"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Document:
    """`digest` is the SHA-256 of the bytes that were handed in; `characters` counts its text. `problem`: why its
    vectors could not be made when that was tried last."""

    id: str
    collection: str
    title: str
    media_type: str
    digest: str
    characters: int
    chunks: int
    created_at: datetime
    updated_at: datetime
    vectors: VectorState = VectorState.OFF
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Collection:
    """`waiting`: how many of its documents have no vectors yet; None where there are none."""

    name: str
    documents: int
    chunks: int
    characters: int
    updated_at: datetime
    waiting: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of a document: its text, and where it is in the document's text."""

    document: str
    title: str
    heading: str
    start: int
    stop: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Search:
    """What was found, and how. `degraded`: why it was searched by words only, where vectors were wanted."""

    found: list[Found]
    mode: Mode
    degraded: str = ""


def place_of(tenant: str, collection: str, id: str) -> dict[str, str]:
    """The key of a document. Raises `InvalidInput` for names that are none."""
    return {"tenant": tenant, "collection": named(collection), "id": _checked("document", id, DOCUMENT, _LONGEST_ID)}


def named(collection: str) -> str:
    """The same. Raises `InvalidInput` for one that can't be the name of a collection."""
    return _checked("collection", collection, COLLECTION, _LONGEST_COLLECTION)


def _checked(what: str, name: str, form: str, most: int) -> str:
    if not re.fullmatch(form, name):
        raise InvalidInput(f"The name of a {what} has 1 to {most} characters, and no control characters.")
    return name
