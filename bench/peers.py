"""Gateways of others, as servers on this machine: LiteLLM's proxy and Portkey, one process each, without a database.

LiteLLM's is there twice: as it comes, and with what it can do of our work without a database, which it needs for
keys with budgets of their own and for a row of each call.

They live in `.venv-peers` (`make bench-gateway` makes it). One that is not there, or does not start, is named in
`missing` and left out.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import caller
from bench.caller import PEERS, Caller
from bench.place import Place
from bench.workers import Member
from tests.servers import free_port, wait_until

_FOLDER = PEERS.parent.parent
_PORTKEY = _FOLDER / "node/node_modules/@portkey-ai/gateway/build/start-server.js"
_LITELLM = """
model_list:
  - model_name: gpt-4o-mini
    litellm_params: {{model: openai/gpt-4o-mini, api_base: "{url}/v1", api_key: bench}}
general_settings: {{master_key: sk-bench}}
litellm_settings: {{num_retries: 0}}
"""
_LITELLM_LIMITED = """
model_list:
  - model_name: gpt-4o-mini
    litellm_params:
      {{model: openai/gpt-4o-mini, api_base: "{url}/v1", api_key: bench, rpm: 100000000, tpm: 1000000000000}}
general_settings: {{master_key: sk-bench}}
litellm_settings: {{num_retries: 3, json_logs: true, max_budget: 1000000, budget_duration: 1d}}
router_settings:
  num_retries: 3
  routing_strategy: usage-based-routing-v2
  optional_pre_call_checks: [enforce_model_rate_limits]
  provider_budget_config: {{openai: {{budget_limit: 1000000, time_period: 1d}}}}
"""
LITELLM, LITELLM_LIMITED, PORTKEY = "LiteLLM proxy", "LiteLLM proxy with limits and a budget", "Portkey"
OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}  # else it fetches prices from GitHub when it is imported
_START = 180.0  # seconds, on a machine that is busy


@dataclass(frozen=True, slots=True)
class Gateway:
    """One that listens. `headers`: what a request to it must carry."""

    name: str
    member: Member
    port: int
    headers: tuple[str, ...]

    def stop(self) -> None:
        self.member.stop(9)


@dataclass(slots=True)
class Peers:
    """Those that started; stop them when done."""

    gateways: list[Gateway] = field(default_factory=list[Gateway])
    callers: list[Caller] = field(default_factory=list[Caller])
    missing: list[str] = field(default_factory=list[str])

    def gateway(self, name: str) -> Gateway | None:
        return next((one for one in self.gateways if one.name == name), None)

    def caller(self, name: str) -> Caller | None:
        return next((one for one in self.callers if one.name == name), None)

    def stop(self) -> None:
        for one in [*self.gateways, *self.callers]:
            one.stop()

    def notes(self) -> list[str]:
        return [f"Not measured: {', '.join(self.missing)}."] if self.missing else []


async def gateways(place: Place, provider: str, body: Any, names: Sequence[str] = (LITELLM, PORTKEY)) -> Peers:
    """Those of these names, each asked `body` once."""
    found = Peers()
    for name in names:
        try:
            gateway = await asyncio.to_thread(_portkey if name == PORTKEY else _litellm, place, provider, name)
            found.gateways.append(gateway)
            await asyncio.to_thread(ask_until_answered, gateway, body)
        except (OSError, RuntimeError) as error:
            found.missing.append(f"{name} ({str(error)[:200]})")
    found.gateways = [
        one for one in found.gateways if not any(said.startswith(f"{one.name} (") for said in found.missing)
    ]
    return found


async def callers(place: Place, provider: str, names: Sequence[str], mode: str = "whole") -> Peers:
    """Modules of `bench.callers`, in the peers' virtual environment."""
    found = Peers()
    for name in names:
        try:
            if not PEERS.exists():
                raise RuntimeError("no .venv-peers: make bench-gateway makes it")
            found.callers.append(await caller.start(place, name, provider, mode, python=PEERS, more=OFFLINE))
        except (OSError, RuntimeError, TimeoutError) as error:
            found.missing.append(f"{name} ({str(error)[-200:]})")
    return found


def _litellm(place: Place, provider: str, name: str) -> Gateway:
    program = PEERS.parent / "litellm"
    if not program.exists():
        raise RuntimeError("not installed")
    folder, port = place.new_folder(), free_port()
    (folder / "config.yaml").write_text((_LITELLM if name == LITELLM else _LITELLM_LIMITED).format(url=provider))
    command = [
        str(program),
        "--config",
        "config.yaml",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--num_workers",
        "1",
    ]
    return Gateway(name, _started(place, command, folder), port, ("authorization: Bearer sk-bench",))


def _portkey(place: Place, provider: str, name: str) -> Gateway:
    node = shutil.which("node")
    if node is None or not _PORTKEY.exists():
        raise RuntimeError("not installed")
    folder, port = place.new_folder(), free_port()
    headers = ("authorization: Bearer bench", "x-portkey-provider: openai", f"x-portkey-custom-host: {provider}/v1")
    member = _started(place, [node, str(_PORTKEY), "--headless", f"--port={port}"], folder)
    return Gateway(name, member, port, headers)


def _started(place: Place, command: Sequence[str], folder: Path) -> Member:
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, stdout=out, stderr=out,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **OFFLINE},
        )  # fmt: skip
    place.processes.append(process)
    return Member(process, log)


def ask_until_answered(gateway: Gateway, body: Any) -> None:
    """It is there, and has loaded what its first answer takes."""
    headers = dict(one.split(": ", 1) for one in gateway.headers) | {"content-type": "application/json"}
    url = f"http://127.0.0.1:{gateway.port}/v1/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)

    def answered() -> bool:
        if gateway.member.process.poll() is not None:
            raise RuntimeError(gateway.member.log.read_text()[-300:])
        try:
            with urllib.request.urlopen(request, timeout=_START) as answer:
                return answer.status == 200
        except ConnectionError:
            return False
        except OSError as error:
            if isinstance(getattr(error, "reason", None), ConnectionError):
                return False
            raise

    wait_until(answered, seconds=_START)
