"""Who makes vectors in these tests: the simulated model, made to fail, to stop, or to be another one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fairlead.errors import FairleadError
from fairlead.gateway.providers import simulated_embeddings
from fairlead.gateway.wire import openai_embeddings
from fairlead.store.vectors import Embed


class Simulated:
    """Implements `Embedder`. `paid` are the texts that it made vectors of, with whose cost it was."""

    def __init__(self, model: str = "words", dimensions: int = 512) -> None:
        self.model = model
        self.dimensions = dimensions
        self.paid: list[tuple[str, str | None, str]] = []
        self.calls = 0
        self.failing: FairleadError | None = None
        self.hang_at: int | None = None  # the call that never ends
        self.hanging = asyncio.Event()

    def of(self, tenant: str, user: str | None = None) -> Embed:
        async def embed(texts: Sequence[str]) -> Sequence[Sequence[float]]:
            self.calls += 1
            if self.calls == self.hang_at:
                self.hanging.set()
                await asyncio.Event().wait()
            if self.failing is not None:
                raise self.failing
            self.paid += [(tenant, user, text) for text in texts]
            asked = {"input": list(texts), "dimensions": self.dimensions}
            return openai_embeddings.vectors(simulated_embeddings.answer(asked, self.model, 1))

        return embed
