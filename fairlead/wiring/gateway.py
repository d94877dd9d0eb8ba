"""The model layer, put together from the settings and from what a project declares."""

from __future__ import annotations

import random
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from fairlead.clock import Clock
from fairlead.config import ModelSettings, Settings
from fairlead.gateway import CircuitPolicy, Gateway, GatewayPolicy, Model, Prices, RetryPolicy, Shared, build
from fairlead.gateway.providers.declared import declared_providers
from fairlead.gateway.transport import Transport
from fairlead.telemetry.emit import Emit

_NANO = 1_000_000_000


def open_gateway(
    settings: Settings,
    providers: Mapping[str, Mapping[str, Any]],
    *,
    models: Mapping[str, Model] | None = None,
    prices: Prices | None,
    shared: Shared | None = None,
    clock: Clock,
    emit: Emit,
) -> Gateway:
    """Raises ConfigurationError for a declaration that makes no sense."""

    def secret(name: str) -> str:
        value = settings.secret(name)
        return value.get_secret_value() if value is not None else ""

    declared = declared_providers(
        providers, root=settings.root, secret=secret, open_transport=_open_transport, clock=clock,
        silence=settings.models.timeout,
    )  # fmt: skip
    return build(
        declared, prices or Prices(), clock, emit, jitter=random.random, models=models,
        policy=_policy(settings.models), shared=shared,
    )  # fmt: skip


def _policy(models: ModelSettings) -> GatewayPolicy:
    circuit = CircuitPolicy(
        error_rate=float(models.error_rate), min_volume=models.min_volume, rate_open=models.open_for,
        consecutive=models.consecutive_errors, run_open=models.cooldown,
    )  # fmt: skip
    retry = RetryPolicy(tries=models.retry_count + 1, first_wait=models.retry_delay)
    return GatewayPolicy(retry, circuit, int(models.cheapest_below_usd * _NANO), models.lossy)


def _open_transport() -> Transport:
    """An HTTP client takes a sixth of a second to import: not for those whose models are simulated in the process."""
    return import_module("fairlead.gateway.transport_aiohttp").AiohttpTransport()
