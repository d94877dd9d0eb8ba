"""The doors of an evaluation: whom the cases are put to, and the model that judges."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

Message = dict[str, str]  # role, content


@dataclass(frozen=True, slots=True)
class Answer:
    """`seconds`: from the run's start to its end. `error`: the agent failed, and why; then there is no output."""

    output: Any = None
    cost_nano: int = 0
    seconds: float = 0.0
    run_id: str = ""
    release: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What a model answered."""

    text: str
    cost_nano: int = 0


Ask = Callable[[str, Any], Awaitable[Answer]]
"""Put an input to an agent. Raises `TargetUnavailable` when that could not be done, which says nothing of the agent;
any other `FairleadError` when no case can be put to it: there is no such agent, or no key."""

AskModel = Callable[[str, Sequence[Message]], Awaitable[Said]]
"""Ask a model, "provider/model" or a declared one. Raises `TargetUnavailable`."""
