"""The four environments: what is the default in each, and what each is meant to have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fairlead.config.parts import Environment
from fairlead.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Profile:
    """`defaults`: of settings, by their names, below whatever is given. The rest says what such an environment is meant
    to have, for people; `needs_postgres` and `shares_redis` are what we can see of it."""

    defaults: Mapping[str, str] = field(default_factory=dict[str, str])
    models: str = "real"
    database: str = "PostgreSQL"
    shared: str = "Redis"
    front: str = "proxy"
    observation: str = "whole"
    runs_on: str = "containers"
    needs_postgres: bool = True
    shares_redis: bool = True


PROFILES: Mapping[Environment, Profile] = {
    Environment.DEVELOPMENT: Profile(
        {"LOG_LEVEL": "DEBUG"}, models="simulated", database="SQLite", shared="memory", front="none",
        observation="logs", runs_on="processes", needs_postgres=False, shares_redis=False,
    ),
    Environment.TESTING: Profile(
        {"LOG_LEVEL": "INFO"}, models="simulated or sandbox", front="none", observation="basic",
        runs_on="processes or containers",
    ),
    Environment.STAGING: Profile({"LOG_LEVEL": "WARNING"}),
    Environment.PRODUCTION: Profile(
        {"LOG_LEVEL": "ERROR"}, database="PostgreSQL, highly available", shared="Redis cluster",
        front="proxy with TLS, redundant", observation="whole, with alerts", runs_on="Kubernetes, ECS or hosts",
    ),
}  # fmt: skip


def not_as_meant(settings: Settings) -> Iterator[str]:
    """What such an environment is meant to have and this one has not; nothing of it stops a start by itself."""
    environment = settings.app.environment
    profile = PROFILES[environment]
    if profile.needs_postgres and settings.database.is_sqlite:
        yield f"{environment.value} is meant to have PostgreSQL, and DATABASE_URL is a SQLite file"
    if profile.shares_redis and settings.database.redis_url is None:
        yield f"{environment.value} is meant to have Redis, and REDIS_URL is not set"
