"""From "provider/model" to the provider that answers it."""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.errors import ConfigurationError
from fairlead.gateway.provider import Complete
from fairlead.gateway.types import ModelReply, ModelRequest, split_model


class Route:
    """Passes a request to the provider that its model names."""

    def __init__(self, providers: Mapping[str, Complete]) -> None:
        self._providers = dict(providers)

    async def __call__(self, request: ModelRequest) -> ModelReply:
        return await self.choose(request.model)(request)

    def choose(self, model: str) -> Complete:
        """The provider of this model, or a ConfigurationError that says which there are."""
        name, _ = split_model(model)
        if name not in self._providers:
            known = ", ".join(sorted(self._providers)) or "none"
            raise ConfigurationError(
                f"There is no provider {name!r} for the model {model!r}; there is: {known}.",
                hint=f"Declare it as [providers.{name}] in fairlead.toml.",
            )
        return self._providers[name]
