"""What a role lacks in production: of its settings, and of the keys that its project's models need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fairlead.config import Role, missing_in_production, refuse_incomplete
from fairlead.errors import FairleadError
from fairlead.gateway.models import Model
from fairlead.gateway.providers.declared import key_of
from fairlead.wiring.project import Setup


def load_complete(setup: Setup, *roles: Role) -> None:
    """Read the project's code, whose agents say which models they ask. Raises `ConfigurationError` in production with
    all that these roles lack."""
    try:
        setup.load()
    except FairleadError:
        refuse_incomplete(setup.settings, *roles)  # what a project without its settings says may be about just those
        raise
    refuse_incomplete(setup.settings, *roles, more=missing_keys(setup, *roles))


def lacking(setup: Setup, role: Role) -> list[str]:
    """Of a project that is loaded, one sentence each."""
    return [*missing_in_production(setup.settings, role), *missing_keys(setup, role)]


def missing_keys(setup: Setup, *roles: Role) -> list[str]:
    """A worker asks models for its agents; for documents and questions the API does too."""
    asked: set[str] = set()
    if Role.WORKER in roles:
        asked |= {spec.native.model for spec in setup.agents.values() if spec.native is not None}
    if set(roles) & {Role.API, Role.WORKER} and setup.settings.store.embedding_model:
        asked.add(setup.settings.store.embedding_model)
    providers = sorted({provider for model in asked for provider in _providers_of(model, setup.models)})
    wanted = {provider: key_of(provider, setup.providers.get(provider, {})) for provider in providers}
    return [f"{variable} must be set: it is the key of {provider}" for provider, variable in wanted.items()
            if variable and not setup.settings.live(variable).value]  # fmt: skip


def _providers_of(model: str, declared: Mapping[str, Model], depth: int = 0) -> Iterator[str]:
    provider, slash, _ = model.partition("/")
    if slash:
        yield provider
    elif (found := declared.get(model)) and depth < len(declared):
        for one in (*(target.model for target in found.targets), *found.tiers.values(), *found.fallback):
            yield from _providers_of(one, declared, depth + 1)
