"""A project whose models answer from a loopback provider, and Fairlead's processes on it as production has them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import caller, peers, workers
from bench.caller import PIECES, Caller, Round
from bench.callers.protocol import MOST_TOKENS, prompt
from bench.ear import Ear
from bench.loopback import Loopback
from bench.peers import Gateway
from bench.place import Place
from bench.workers import Member
from tests.servers import free_port

CHAT, MESSAGES = "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5"
KEY = "bench-key"
_PROJECT = """
[project]
name = "bench-gateway"

[agents]
asking = "agents.py:asking"
asking_by_sdk = "agents.py:asking_by_sdk"
asking_by_anthropic_sdk = "agents.py:asking_by_anthropic_sdk"

[providers.openai]
base_url = "{url}/v1"

[providers.anthropic]
base_url = "{url}"
"""
_EVERYTHING_ON = {
    "OPENAI_API_KEY": "bench-provider-key",
    "ANTHROPIC_API_KEY": "bench-provider-key",
    "FAIRLEAD_MODEL_CACHE": "memory",
    # Limits and budgets are kept, several for each call, and never reached.
    "FAIRLEAD_MODEL_REQUESTS_PER_MINUTE": "100000000",
    "FAIRLEAD_MODEL_TOKENS_PER_MINUTE": "1000000000000",
    "FAIRLEAD_BUDGET_DAY_USD": "1000000",
    "FAIRLEAD_BUDGET_USER_DAY_USD": "1000000",
    "FAIRLEAD_BUDGET_AGENT_DAY_USD": "1000000",
}


@dataclass(frozen=True, slots=True)
class Site:
    """A project folder, a database, and the settings that processes on them get."""

    place: Place
    folder: Path
    url: str
    settings: Mapping[str, str]

    def environment(self, slots: int = 10) -> dict[str, str]:
        return {**workers.environment(self.url, self.folder, slots), **self.settings}


async def site(place: Place, provider: str, *, database: str, toml: str = "", **settings: str) -> Site:
    """`database`: "sqlite" or "postgres"; an empty one with our schema."""
    folder = place.new_folder()
    (folder / "fairlead.toml").write_text(_PROJECT.format(url=provider) + toml)
    (folder / "agents.py").write_text((workers.PROJECT / "asking.py").read_text())
    url = f"sqlite:///{folder}/bench.db" if database == "sqlite" else await place.new_database()
    made = Site(place, folder, url, {**_EVERYTHING_ON, **settings})
    async with workers.engine_on(url, folder, root=folder):
        pass  # makes the schema
    return made


async def forget(place: Place, at: Site) -> None:
    """Give back its database."""
    if not at.url.startswith("sqlite"):
        await place.drop(at.url)


@dataclass(frozen=True, slots=True)
class Serving:
    """`fairlead serve`, listening."""

    member: Member
    port: int

    def stop(self) -> None:
        self.member.stop()


async def serve(at: Site) -> Serving:
    """As production has it: no worker beside it on PostgreSQL. It has answered once."""
    port = free_port()
    serving = Serving(start(at, "serve", port=port), port)
    await asyncio.to_thread(peers.ask_until_answered, ours(serving), asked())
    return serving


def start(at: Site, command: str, *, port: int = 0) -> Member:
    """`fairlead serve` or `fairlead work`; 0: a port nobody has."""
    log = at.folder / f"{command}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "fairlead", command, "--port", str(port)], cwd=at.folder, env=at.environment(),
            stdout=out, stderr=out,
        )  # fmt: skip
    at.place.processes.append(process)
    return Member(process, log)


def ours(serving: Serving) -> Gateway:
    """It as a client sees it, beside the peers."""
    return Gateway("Fairlead", serving.member, serving.port, (f"authorization: Bearer {KEY}",))


async def in_process(place: Place, at: Site, model: str = CHAT, mode: str = "whole") -> Caller:
    """Our gateway in a process that asks it."""
    return await caller.start(
        place, "fairlead_gateway", str(at.folder), model, mode, more=at.environment(), cwd=at.folder
    )


async def runs_in_turn(
    at: Site, agent: str, input: Mapping[str, Any], other: Caller, *, provider: Loopback, calls: int, times: int,
    together: int = 1,
) -> list[tuple[Round, Round]]:  # fmt: skip
    """Rounds of calls inside runs of an agent, `together` runs at once, and of a caller beside it; in pieces that
    alternate.

    Raises where the provider was not asked as often: answers out of a cache are no calls.
    """
    before, each = provider.requests(), max(1, calls // PIECES // together)
    ear, rounds = Ear(at.folder), list[tuple[Round, Round]]()
    given = {**input, "ear": ear.path, "calls": each, "together": together}
    try:
        async with workers.engine_on(at.url, at.folder, root=at.folder) as engine:
            for number in range(times + 1):
                inside, beside = Round([], 0.0), Round([], 0.0)
                for _ in range(PIECES):
                    await workers.submit(engine, agent, given, count=together)
                    inside += _of_runs([await ear.hear(seconds=60) for _ in range(together)])
                    beside += await other.round(calls=each * together, together=together)
                if number > 0:  # the first warms both
                    rounds.append((inside, beside))
    finally:
        ear.close()
    asked, made = provider.requests() - before, 2 * (times + 1) * PIECES * each * together
    if asked < made:
        raise RuntimeError(f"Of {made} calls the provider saw {asked}.")
    return rounds


def _of_runs(heard: list[list[str]]) -> Round:
    """What runs that began together tell: the last of them knows the CPU of all."""
    told = [[int(word) for word in words] for words in heard]
    took = [nano / 1e6 for _, *each in told for nano in each]
    return Round(took, max(cpu for cpu, *_ in told) / 1e9)


def asked(model: str = CHAT, *, stream: bool = False) -> dict[str, Any]:
    """A chat completion for an HTTP client."""
    return {
        "model": model, "messages": prompt(0), "max_tokens": MOST_TOKENS, "temperature": 1,
        **({"stream": True} if stream else {}),
    }  # fmt: skip
