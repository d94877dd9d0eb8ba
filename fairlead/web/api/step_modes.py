"""The stream modes `tasks` and `checkpoints` of one run. Pure: an event goes in, the frames that tell it come out.

checkpoints     each state the run goes through, as the thread's history has it
tasks           each piece of work twice: {id, name, input, triggers} when it begins, {id, name, error, result,
                interrupts} when it has ended

A native agent's tasks are its nodes: `model`, and `tools` for all the tools of one reply; their ids are those of the
history. Any other agent is one task; so is each step that it records, which is told when it is recorded.
What was under way when a run stopped is begun again when it goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from fairlead.runs.checkpoints import Checkpoint
from fairlead.runs.ids import derived_id
from fairlead.runs.moments import Moment, Moments
from fairlead.runs.run import Event, Run, Status
from fairlead.runs.transcript import reply_of, result_of, says
from fairlead.web.api.frame import Frame
from fairlead.web.api.message import Message, as_client_messages
from fairlead.web.api.moments import moment_view, task_id
from fairlead.web.api.values import error_of, values_of_state


class _Task(NamedTuple):
    id: str
    name: str
    input: Any


class StepModes:
    """Follows one run from its first event. `thread_id` of a run without a thread is its own id."""

    __slots__ = ("_checkpoints", "_messages", "_metadata", "_moments", "_native", "_open", "_run", "_tasks",
                 "_thread_id", "_withheld")  # fmt: skip

    def __init__(
        self, run: Run, moments: Moments, *, native: bool, tasks: bool, checkpoints: bool,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._run = run
        self._moments = moments
        self._native = native
        self._tasks, self._checkpoints = tasks, checkpoints
        self._thread_id = run.thread_id or run.id
        self._metadata = metadata or {}
        self._open: _Task | None = None
        self._messages: list[Any] = []  # that the open task has added
        self._withheld: Moment | None = (
            None  # the last one, if nothing follows it: what the thread keeps takes its place
        )

    def of_event(self, event: Event) -> list[Frame]:
        match event.type, event.kind:
            case "accepted", _:
                return self._checkpoint(self._moments.last)
            case "started", _:
                return self._begin_again() if self._open is not None else self._begin(self._moments.last)
            case _ if self._native and says(event):
                return self._node(event)
            case ("step" | "failed" | "outcome", "model" | "tool" | "step" | "child"):
                return [] if self._native and event.kind in ("model", "tool") else self._piece(event)
            case _:
                return []

    def ended(self, run: Run, interrupts: Sequence[dict[str, Any]] | None, kept: Checkpoint | None) -> list[Frame]:
        """What is said when nothing more will come for now. `kept`: what its thread keeps of it in the end."""
        if interrupts is not None:
            return self._finish(interrupts=interrupts) if interrupts else []  # a pause asks nothing
        success, moment = run.status is Status.SUCCESS, self._withheld
        if kept is not None:
            moment = self._moments.kept(kept.id, kept.state or {}, kept.created_at)
        elif success:
            state = {**self._moments.last.state, "output": run.output}
            moment = self._moments.kept(run.id, state, run.finished_at or run.created_at)
        self._withheld = None
        result = values_of_state(self._thread_id, moment.state) if success and moment is not None else None
        error = None if success else str(error_of(run)["message"])
        return [*self._finish(result=result, error=error), *self._checkpoint(moment)]

    def _node(self, event: Event) -> list[Frame]:
        """A reply, or a tool's result: a part of the conversation."""
        frames: list[Frame] = []
        node, before = "model" if event.kind == "model" else "tools", self._moments.last
        if self._open is None or self._open.name != node:
            # A reply that was to be the last was not, or its tools were refused.
            frames += [*self._told_at_last(), *self._finish(), *self._begin(before, node)]
        moment = self._moments.after(event)
        self._messages.append(self._moments.said[-1])
        if moment is None:
            return frames
        frames += self._finish()
        if not moment.next:
            self._withheld = moment
            return frames
        return [*frames, *self._checkpoint(moment), *self._begin(moment)]

    def _piece(self, event: Event) -> list[Frame]:
        """What an agent's code recorded: it is told as begun when it has ended."""
        data: dict[str, Any] = event.data or {}
        if data.get("aside"):
            return []
        name, given, result = event.name or "step", data.get("arguments"), _channels(data.get("result"))
        if event.kind in ("model", "tool"):
            name, given = ("tools", given) if event.kind == "tool" else ("model", {"model": event.name})
            result = {"messages": [self._message(event)]} if "result" in data or event.kind == "tool" else {}
        task = _Task(derived_id(event.run_id, "task", event.key or ""), name, given)
        error = str(data["error"].get("message")) if "error" in data else None
        return [*self._told_begun(task), *self._told_ended(task, result=result, error=error)]

    def _message(self, event: Event) -> Message:
        said = reply_of(event) if event.kind == "model" else result_of(event, ())
        return as_client_messages([said], self._thread_id)[0]

    def _begin(self, moment: Moment, node: str = "") -> list[Frame]:
        if not node and not moment.next:
            return []
        name = node or moment.next[0]
        given = values_of_state(self._thread_id, moment.state) if self._native and self._tasks else self._run.input
        self._open, self._messages = _Task(task_id(moment, name), name, given), []
        return self._told_begun(self._open)

    def _begin_again(self) -> list[Frame]:
        return self._told_begun(self._open) if self._open is not None else []

    def _finish(
        self, *, result: Any = None, error: str | None = None, interrupts: Sequence[dict[str, Any]] = ()
    ) -> list[Frame]:
        task = self._open
        if task is None:
            return []
        added = {"messages": as_client_messages(self._messages, self._thread_id)} if self._messages else {}
        told = self._told_ended(
            task, result=added if self._native else result or {}, error=error, interrupts=interrupts
        )
        if not interrupts:  # what asks goes on when it is answered
            self._open = None
        return told

    def _told_at_last(self) -> list[Frame]:
        moment, self._withheld = self._withheld, None
        return self._checkpoint(moment)

    def _checkpoint(self, moment: Moment | None) -> list[Frame]:
        if not self._checkpoints or moment is None:
            return []
        view = moment_view(self._thread_id, self._metadata, moment)
        configs = {
            name: {"configurable": view[address]} if view[address] else None
            for name, address in (("config", "checkpoint"), ("parent_config", "parent_checkpoint"))
        }
        return [Frame("checkpoints", {**view, **configs})]

    def _told_begun(self, task: _Task) -> list[Frame]:
        if not self._tasks:
            return []
        return [Frame("tasks", {**_named(task), "input": task.input, "triggers": [], "interrupts": []})]

    def _told_ended(
        self, task: _Task, *, result: Any, error: str | None = None, interrupts: Sequence[dict[str, Any]] = ()
    ) -> list[Frame]:
        if not self._tasks:
            return []
        told = {"error": error, "result": result, "interrupts": list(interrupts)}
        return [Frame("tasks", {**_named(task), **told})]


def _named(task: _Task) -> dict[str, Any]:
    return {"id": task.id, "name": task.name}


def _channels(result: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", result) if isinstance(result, dict) else {"output": result}
