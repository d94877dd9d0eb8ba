"""What happens on the stage: the run goes on until a model call is under way, then its worker is killed."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fairlead.cli.client import part
from fairlead.cli.demo.stage import Stage
from fairlead.cli.following import Follower, events_of
from fairlead.clock import Clock
from fairlead.errors import FairleadError

_ANSWERS = 3  # recorded before we kill: at least two, and not yet the last
_LOOKS, _LOOK_EVERY = 40, 0.01  # seconds: to see the call arrive at the provider


@dataclass(frozen=True, slots=True)
class Killing:
    pid: int
    at: datetime
    after_seq: int  # the last event before it
    held: bool  # the killed worker held the run
    inflight: int  # calls the provider was answering


def play(stage: Stage, log: Path, follower: Follower, *, clock: Clock) -> tuple[dict[str, Any], Killing]:
    """The run when it has ended, and how its worker was killed. Raises `FairleadError` when it ended too soon."""
    run = stage.client.post("/runs", {"assistant_id": "log_triage", "input": {"path": str(log)}})
    killing: Killing | None = None
    for event in events_of(stage.client, run["run_id"]):
        if isinstance(event, str):
            follower.say_more(event)
            continue
        follower.hear(event)
        asks = event["type"] == "intent" and event["kind"] == "model"
        if killing is None and asks and follower.story.answers >= _ANSWERS:
            killing = _kill(stage, run["run_id"], event["seq"], clock)
            held = "while it waited for the model" if killing.inflight else ""
            follower.say(f"✗ kill -9 {killing.pid}          the worker, {held}".rstrip(", "), "bold red")
    if killing is None:
        raise FairleadError("The run ended before its worker could be killed.", hint="Try a larger log.")
    return stage.client.get(f"/runs/{part(run['run_id'])}"), killing


def _kill(stage: Stage, run_id: str, seq: int, clock: Clock) -> Killing:
    inflight = 0
    for _ in range(_LOOKS):  # the intent is written before the call is sent
        if inflight := stage.counters()["inflight"]:
            break
        threading.Event().wait(_LOOK_EVERY)
    stage.catch_up()
    owner = stage.client.get(f"/runs/{part(run_id)}")["worker"]
    pids = {one["id"]: one["pid"] for one in stage.client.get("/workers")}
    pid = stage.worker
    os.kill(pid, signal.SIGKILL)
    return Killing(pid, clock.now(), seq, pids.get(owner) == pid, inflight)
