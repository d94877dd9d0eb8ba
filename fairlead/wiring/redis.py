"""The door to Redis, where one is set."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fairlead.config import Settings
from fairlead.errors import ConfigurationError

_POOL = 20


def open_redis(settings: Settings, *, connections: int = _POOL) -> Any:
    """Raises `ConfigurationError` when it is not set, or its client is not installed."""
    if settings.database.redis_url is None:
        raise ConfigurationError("MODEL_CACHE is redis and REDIS_URL is not set.", hint="Set it: redis://HOST:6379/0.")
    door = import_module("fairlead.database.redis_door").RedisDoor
    return door(settings.live("REDIS_URL"), connections=connections)
