"""The door to whoever makes vectors of texts, and pays for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
"""A vector for each text, in their order. Raises a FairleadError: a model that can't be asked, a budget that is used
up."""


class Embedder(Protocol):
    @property
    def model(self) -> str:
        """What two vectors must have in common to be compared."""
        ...

    def of(self, tenant: str, user: str | None = None) -> Embed:
        """At whose cost."""
        ...
