"""What an address answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are in lower case. `url` is where the answer came from in the end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
