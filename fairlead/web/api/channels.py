"""One run's events as the channels of LangGraph's thread protocol. Pure: an event goes in, the frames come out.

    lifecycle    running ──► completed | failed | interrupted
    input        input.requested, one for each question; input.answered
    values, updates, custom, tasks, checkpoints     what the stream modes say, in the protocol's envelopes
    messages     see `channel_message`              tools    tool-started ──► tool-finished | tool-error

A frame's data is the `params` of the protocol's event, but for what all of them have.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fairlead.runs.checkpoints import Checkpoint
from fairlead.runs.following import Delta
from fairlead.runs.moments import Moments
from fairlead.runs.run import Event, Reason, Run, Status
from fairlead.runs.transcript import answer_of, message_id, reply_of, says
from fairlead.web.api.channel_message import ChannelMessage
from fairlead.web.api.frame import Frame
from fairlead.web.api.message import as_client_message
from fairlead.web.api.modes import Modes, usage_of
from fairlead.web.api.values import error_of

_REFUSED = "The call was refused."


class Channels:
    """Follows one run from its first event, as `Modes` does."""

    def __init__(self, run: Run, modes: Modes, moments: Moments, *, native: bool, by_pieces: bool) -> None:
        self._run = run
        self._modes = modes
        self._moments = moments
        self._native = native
        self.by_pieces = by_pieces
        self._messages: dict[str, ChannelMessage] = {}  # that are being said
        self._unheard: set[str] = set()  # steps in which a model says something to the agent's code alone
        self._calls: dict[str, str] = {}  # open ones, with their tools
        self._at = 0  # milliseconds, of the last event

    @property
    def remembers(self) -> bool:
        return True

    @property
    def wants_kept(self) -> bool:
        return True

    def of_delta(self, delta: Delta) -> list[Frame]:
        if delta.step in self._unheard:
            return []
        message = self._message(message_id(delta.run_id, delta.step, delta.attempt))
        return self._stamped(message.add(delta.offset, delta.text))

    def of_event(self, event: Event) -> list[Frame]:
        self._at = int(event.at.timestamp() * 1000)
        told = self._translated(self._modes.of_event(event))
        before: list[Frame] = []
        match event.type, event.kind:
            case "accepted", _:
                before = [self._lifecycle("running")]
            case "started", _ if event.fence > 1:
                before = [*self._dropped(), self._lifecycle("running")]
            case "approval", _:
                told.append(Frame("input.answered", {"data": {"interrupt_ids": [event.data["approval_id"]]}}))
            case "intent", "model":
                before = self._begun(event)
            case ("step", "model") if _is_heard(event):
                before, after = self._said(event)
                told += after
            case ("intent" | "step" | "failed" | "outcome", "tool"):
                before = self._tool(event)
            case _:
                pass
        return self._stamped([*before, *told])

    def ended(
        self, run: Run, interrupts: Sequence[dict[str, Any]] | None, kept: Checkpoint | None = None
    ) -> list[Frame]:
        told = self._translated(self._modes.ended(run, interrupts, kept))
        return self._stamped([*self._answer(run), *told, *self._ended(run, interrupts)])

    def _ended(self, run: Run, interrupts: Sequence[dict[str, Any]] | None) -> list[Frame]:
        if interrupts is not None:
            # The protocol says `payload`; LangGraph's client for Python reads `value`.
            asked = [{"interrupt_id": one["id"], "payload": one["value"], "value": one["value"]} for one in interrupts]
            return [*(Frame("input.requested", {"data": one}) for one in asked), self._lifecycle("interrupted")]
        if run.status is Status.SUCCESS:
            return [self._lifecycle("completed")]
        if run.reason is Reason.CANCELLED:
            return [self._lifecycle("interrupted")]
        return [self._lifecycle("failed", error=str(error_of(run)["message"]))]

    def _stamped(self, frames: Iterable[Frame]) -> list[Frame]:
        """With what the `params` of all events have; everything happens at the root, for no agent is a subgraph."""
        common: dict[str, Any] = {"namespace": [], "timestamp": self._at}
        return [Frame(one.event, {**common, **one.data}, one.id, one.passing) for one in frames]

    def _translated(self, frames: Iterable[Frame]) -> list[Frame]:
        """In the protocol's envelopes; a checkpoint comes before the values that it has."""
        told = [_ENVELOPES[frame.event](frame.data) for frame in frames if frame.event in _ENVELOPES]
        flat = [one for some in told for one in some]
        checkpoints = [one for one in flat if one.event == "checkpoints"]
        others = [one for one in flat if one.event != "checkpoints"]
        at = next((place for place, one in enumerate(others) if one.event == "values"), len(others))
        return [*others[:at], *checkpoints, *others[at:]]

    def _lifecycle(self, phase: str, **more: Any) -> Frame:
        return Frame("lifecycle", {"data": {"event": phase, "graph_name": self._run.agent, **more}})

    def _message(self, id: str, node: str = "model") -> ChannelMessage:
        return self._messages.setdefault(id, ChannelMessage(id, node))

    def _begun(self, event: Event) -> list[Frame]:
        if not _is_heard(event):
            self._unheard.add(event.key or "")
            return []
        return [*self._refused(), *self._message(message_id(event.run_id, event.key or "", event.fence)).begin()]

    def _said(self, event: Event) -> tuple[list[Frame], list[Frame]]:
        """The message, which comes before the state it led to; and the tools that it asks for, which come behind."""
        refused = self._refused()
        said = reply_of(event)
        message = as_client_message(said, said["id"])
        frames = self._message(said["id"]).end(message, usage_of(event))
        del self._messages[said["id"]]
        started: list[Frame] = []
        for call in message["tool_calls"] if self._native else ():
            self._calls[call["id"]] = call["name"]
            started.append(_started(call["id"], call["name"], call["args"]))
        return [*refused, *frames], started

    def _tool(self, event: Event) -> list[Frame]:
        if self._native:
            if event.type == "intent" or not says(event):
                return []
            call_id = self._moments.said[-1]["tool_call_id"] if self._moments.said else ""
        else:
            call_id = event.key or ""
        data: dict[str, Any] = event.data or {}
        begun = [] if self._calls.get(call_id) else [_started(call_id, event.name or "", data.get("arguments"))]
        if event.type == "intent":
            self._calls[call_id] = event.name or ""
            return begun
        self._calls.pop(call_id, None)
        error = str(data["error"].get("message", "")) if "error" in data else None
        return [*begun, _finished(call_id, data.get("result"), error)]

    def _refused(self) -> list[Frame]:
        """Of what the model asked for and no tool did: it was told so, and speaks again."""
        if not self._native:
            return []
        calls, self._calls = self._calls, {}
        return [_finished(call_id, None, _REFUSED) for call_id in calls]

    def _dropped(self) -> list[Frame]:
        dropped = {id: message for id, message in self._messages.items() if message.begun}
        self._messages = {id: message for id, message in self._messages.items() if id not in dropped}
        return [frame for message in dropped.values() for frame in message.drop()]

    def _answer(self, run: Run) -> list[Frame]:
        """What an agent that is no conversation answers is a message too."""
        if self._native or run.status is not Status.SUCCESS or not isinstance(run.output, str):
            return []
        said = answer_of(run, run.output)
        return ChannelMessage(said["id"], run.agent).end(as_client_message(said, said["id"]), None)


def _is_heard(event: Event) -> bool:
    data: dict[str, Any] = event.data or {}
    return not data.get("aside") and "in:" not in event.branch


def _started(call_id: str, name: str, given: Any) -> Frame:
    told = {"event": "tool-started", "tool_call_id": call_id, "tool_name": name, "input": given}
    return Frame("tools", {"node": "tools", "data": told})


def _finished(call_id: str, result: Any, error: str | None) -> Frame:
    if error is not None:
        return Frame("tools", {"node": "tools", "data": {"event": "tool-error", "tool_call_id": call_id,
                                                         "message": error}})  # fmt: skip
    told = {"event": "tool-finished", "tool_call_id": call_id, "output": result}
    return Frame("tools", {"node": "tools", "data": told})


def _values(data: dict[str, Any]) -> list[Frame]:
    values = {name: value for name, value in data.items() if name != "__interrupt__"}
    return [Frame("values", {"data": values})] if values else []


def _updates(data: dict[str, Any]) -> list[Frame]:
    return [
        Frame("updates", {"node": node, "data": {"node": node, "values": values}})
        for node, values in data.items() if node != "__interrupt__"
    ]  # fmt: skip


def _custom(data: dict[str, Any]) -> list[Frame]:
    return [Frame("custom", {"data": {"name": data.get("event") or data["type"], "payload": data}})]


def _checkpoint(data: dict[str, Any]) -> list[Frame]:
    parent = data["parent_checkpoint"]
    told = {"id": data["checkpoint"]["checkpoint_id"], **({"parent_id": parent["checkpoint_id"]} if parent else {}),
            "step": data["metadata"]["step"], "source": data["metadata"]["source"]}  # fmt: skip
    return [Frame("checkpoints", {"data": told})]


def _task(data: dict[str, Any]) -> list[Frame]:
    return [Frame("tasks", {"data": data})]


_ENVELOPES = {"values": _values, "updates": _updates, "custom": _custom, "checkpoints": _checkpoint, "tasks": _task}
MODES = ("values", "updates", "custom", "checkpoints", "tasks")
"""The stream modes that have a channel of their name."""
