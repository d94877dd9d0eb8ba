"""The states a run goes through, from its events. Pure.

    a native agent    its input ──► after each reply, after each round of tools ──► what its thread kept
    any other         its input ──► what its thread kept

A state within a run is named by the run and the event it follows: `RUN:SEQ`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fairlead.agents.conversation import as_messages
from fairlead.agents.memory import Message
from fairlead.errors import InvalidInput
from fairlead.runs.checkpoints import State
from fairlead.runs.run import Event, Run
from fairlead.runs.transcript import open_calls, reply_of, result_of, said_by_caller, says

ACCEPTED = 1
"""The event of a run's input."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One state. `next`: what comes after it; nothing when the work was done."""

    id: str
    parent_id: str | None
    source: str  # input, loop, update, fork
    step: int
    state: State
    next: tuple[str, ...]
    created_at: datetime
    run: Run | None = None  # it happened in
    current: bool = False  # that run is under way, and this is where it is


class Moments:
    """One run's, as its events come in order. It began from `base`, the state of checkpoint `base_id`."""

    def __init__(self, run: Run, base_id: str | None, base: State | None, *, native: bool) -> None:
        self._run = run
        self._native = native
        first = "model" if native else run.agent
        self.last = Moment(
            f"{run.id}:{ACCEPTED}", base_id, "input", -1, _given(base, run), (first,), run.created_at, run
        )
        self.said: list[Message] = self.last.state["messages"]

    def after(self, event: Event) -> Moment | None:
        """The state that the event led to. None: it led to none, or is one of several tools side by side."""
        if not self._native or not says(event):
            return None
        last, before = self.last, self.said
        said = reply_of(event) if event.kind == "model" else result_of(event, before)
        self.said = [*before, said]
        waits = open_calls(self.said)
        if event.kind == "tool" and waits:
            return None
        coming = ("tools",) if waits else ("model",) if event.kind == "tool" else ()
        state = {**last.state, "messages": self.said}
        self.last = Moment(
            f"{self._run.id}:{event.seq}", last.id, "loop", last.step + 1, state, coming, event.at, self._run
        )
        return self.last

    def kept(self, checkpoint_id: str, state: State, at: datetime) -> Moment:
        """What is left in the end, in place of the last state when nothing was to follow that."""
        last = self.last
        parent_id, step = (last.parent_id, last.step) if not last.next else (last.id, last.step + 1)
        return Moment(checkpoint_id, parent_id, "loop", step, state, (), at, self._run)


def _given(base: State | None, run: Run) -> State:
    """The thread as it was, with what the run was given."""
    state = {name: value for name, value in (base or {}).items() if name != "output"}
    messages = [*state.get("messages", ()), *said_by_caller(run.input, run.id)]
    if _is_said(run.input):
        return {**state, "messages": messages}
    given: Any = run.input
    shown = {**_shown(base), **(given if isinstance(given, dict) else {"input": given})}
    return {**state, "messages": messages, "shown": shown}


def _shown(base: State | None) -> dict[str, Any]:
    output: Any = (base or {}).get("output")
    return {**(output if isinstance(output, dict) else {}), **(base or {}).get("shown", {})}


def _is_said(given: Any) -> bool:
    if given is None or isinstance(given, str):
        return True
    try:
        as_messages(given)
    except InvalidInput:
        return False
    return isinstance(given, dict) and "messages" in given
