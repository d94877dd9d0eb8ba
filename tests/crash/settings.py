"""How the battery's processes are set up: one order, as JSON on the command line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from fairlead.clock import SystemClock
from fairlead.config import Settings, load_settings
from fairlead.telemetry.emit import Emit
from fairlead.wiring import Engine, open_engine
from tests.crash.agents import specs

LEASE = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Order:
    """What a process of the battery works on. `bug` names a planted one."""

    root: str
    database: str
    provider: str
    bug: str = ""

    def written(self) -> str:
        return json.dumps(asdict(self))


def settings(order: Order) -> Settings:
    return load_settings(
        root=Path(order.root), environ={}, database_url=order.database, blob_dir=str(Path(order.root) / "blobs"),
        lease=timedelta(seconds=LEASE), renew_every=timedelta(seconds=LEASE / 5),
        poll_every=timedelta(milliseconds=500), database_pool_size=8,
        # Every run is hit again and again here; being given up for that is another test's matter.
        max_attempts=1000, worker_concurrency=8, max_concurrent_agents=1000, drain_timeout=timedelta(seconds=5),
        # Clocks are moved here; nothing must be old for that reason alone.
        checkpoint_retention=timedelta(days=9000), run_retention=timedelta(days=9000),
        ai_service_retry_count=6, ai_service_retry_delay=timedelta(milliseconds=100),
    )  # fmt: skip


async def open(order: Order, emit: Emit) -> Engine:
    providers = {"simulated": {"url": order.provider}}
    return await open_engine(settings(order), specs(), providers=providers, clock=SystemClock(), emit=emit)
