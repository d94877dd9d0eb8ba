"""One run's events as the stream modes of LangGraph. Pure: an event goes in, the frames that tell it come out.

values          the whole state, after each step that changed it
updates         what one step added, by node: `model`, `tools`, a step's name, or the agent's
messages-tuple  pieces of text as they come, then each message whole        (event `messages`)
messages        the same, but what has come so far each time                (events `messages/partial`, `/complete`)
events          starts and ends in LangChain's words
custom          what the agent said of itself: log and progress
debug           every durable event, as it is stored
tasks, checkpoints  see `step_modes`
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from sys import intern
from typing import Any, cast

import orjson

from fairlead.runs.checkpoints import Checkpoint
from fairlead.runs.following import Delta
from fairlead.runs.run import Event, Run
from fairlead.runs.transcript import message_id as delta_id
from fairlead.runs.transcript import reply_id, result_id
from fairlead.web.api.frame import Frame
from fairlead.web.api.message import Message, as_client_message
from fairlead.web.api.run_body import Mode
from fairlead.web.api.step_modes import StepModes
from fairlead.web.api.values import error_of, input_messages, values_of_output
from fairlead.web.api.views import event_view


class Modes:
    """Follows one run from its first event: what came before decides what is told later. Of the run only that is kept
    which the modes tell: thousands of streams may be open."""

    __slots__ = ("_agent", "_conversation", "_input", "_modes", "_native", "_run_id", "_steps", "_texts")

    def __init__(
        self, run: Run, modes: Sequence[Mode], *, native: bool, before: Sequence[Message] = (),
        steps: StepModes | None = None,
    ) -> None:  # fmt: skip
        self._run_id = run.id
        self._agent = intern(run.agent)
        self._modes = _one_of(frozenset(modes))
        self._native = native
        self._steps = steps
        self._input = run.input if self._modes & {"values", "events"} else None
        self._conversation: list[Message] = [*before, *input_messages(run)] if self.remembers else []
        self._texts: dict[str, str] | None = None  # of open model calls, by message id

    @property
    def remembers(self) -> bool:
        """Whether what is told depends on events told before."""
        return self._steps is not None or bool(self._modes & {"values", "updates", "messages", "messages-tuple"})

    @property
    def wants_kept(self) -> bool:
        """Whether the end of the run is told with what its thread keeps of it."""
        return self._steps is not None

    @property
    def by_pieces(self) -> bool:
        """Whether pieces of text are told as they come."""
        return bool(self._modes & {"messages", "messages-tuple", "events"})

    def of_delta(self, delta: Delta) -> list[Frame]:
        message_id = delta_id(delta.run_id, delta.step, delta.attempt)
        texts = self._texts = self._texts if self._texts is not None else {}
        known = texts.get(message_id, "")
        if delta.offset > len(known):
            return []  # a piece before it was lost; the whole message comes when it is stored
        fresh = delta.text[len(known) - delta.offset :]
        if not fresh:
            return []
        text = texts[message_id] = known + fresh
        frames: list[Frame] = []
        if "messages-tuple" in self._modes:
            chunk = as_client_message({"role": "assistant", "content": fresh}, message_id) | {"type": "AIMessageChunk"}
            frames.append(Frame("messages", [chunk, self._about("model")]))
        if "messages" in self._modes:
            whole = as_client_message({"role": "assistant", "content": text}, message_id)
            frames.append(Frame("messages/partial", [whole]))
        if "events" in self._modes:
            frames.append(self._chain("on_chat_model_stream", "model", {"chunk": {"content": fresh, "id": message_id}}))
        return frames

    def of_event(self, event: Event) -> list[Frame]:
        """All that one durable event says; `ended` adds what the end of the run says."""
        frames = [Frame("debug", _debug(event))] if "debug" in self._modes else []
        match event.type, event.kind:
            case "accepted", _:
                frames += self._values()
            case "started", _:
                frames += self._started(event)
            case ("step", "model"):
                frames += self._model(event)
            case ("step" | "failed", "tool"):
                frames += self._tool(event)
            case ("step", "step" | "child"):
                frames += self._step(event)
            case ("intent", "model" | "tool"):
                frames += self._begun(event)
            case ("log" | "progress", _) if "custom" in self._modes:
                frames.append(Frame("custom", {"type": event.type, **(event.data or {})}))
            case _:
                pass
        return frames if self._steps is None else [*frames, *self._steps.of_event(event)]

    def ended(
        self, run: Run, interrupts: Sequence[dict[str, Any]] | None, kept: Checkpoint | None = None
    ) -> list[Frame]:
        """What is said when nothing more will come for now. No interrupts, not even none: it waits for nobody. `kept`
        in its thread."""
        steps = self._steps.ended(run, interrupts, kept) if self._steps is not None else []
        return [*steps, *self._ended(run, interrupts)]

    def _ended(self, run: Run, interrupts: Sequence[dict[str, Any]] | None) -> list[Frame]:
        if interrupts is not None:
            told = {"__interrupt__": list(interrupts)}
            values = [Frame("values", {**self._state(), **told})] if "values" in self._modes else []
            return [*values, *([Frame("updates", told)] if "updates" in self._modes else [])]
        if run.status != "success":
            return [Frame("error", error_of(run))]
        return self._succeeded(run)

    def _succeeded(self, run: Run) -> list[Frame]:
        frames: list[Frame] = []
        answered = self._native and bool(self._conversation) and self._conversation[-1]["type"] == "ai"
        if isinstance(run.output, str) and not answered:
            message = as_client_message({"role": "assistant", "content": run.output}, f"{run.id}-answer")
            self._conversation.append(message)
            frames += self._whole(message, run.agent)
        values = values_of_output(run.output, self._conversation)
        if "updates" in self._modes and not self._native:
            frames.append(Frame("updates", {run.agent: values}))
        if "values" in self._modes:
            frames.append(Frame("values", values))
        if "events" in self._modes:
            frames.append(self._chain("on_chain_end", run.agent, {"output": run.output}))
        return frames

    def _started(self, event: Event) -> list[Frame]:
        attempt = event.fence
        frames = [Frame("metadata", {"run_id": event.run_id, "attempt": attempt})] if attempt > 1 else []
        if "events" in self._modes and attempt == 1:
            frames.append(self._chain("on_chain_start", self._agent, {"input": self._input}))
        return frames

    def _model(self, event: Event) -> list[Frame]:
        if event.data.get("aside"):
            return []
        reply: dict[str, Any] = event.data["result"]
        said: dict[str, Any] = reply["body"]["choices"][0]["message"]
        message_id = reply_id(event)
        if self._texts is not None:
            self._texts.pop(message_id, None)
        message = as_client_message({**said, "role": "assistant"}, message_id, usage_metadata=usage_of(event))
        frames = self._whole(message, "model")
        if "events" in self._modes:
            frames.append(self._chain("on_chat_model_end", "model", {"output": message}))
        return frames + self._added("model", message)

    def _tool(self, event: Event) -> list[Frame]:
        data: dict[str, Any] = event.data or {}
        failed = event.type == "failed"
        result: Any = data["error"].get("message", "") if failed else data.get("result")
        message = as_client_message(
            {"role": "tool", "content": _text(result), "name": event.name},
            result_id(event),
            status="error" if failed else "success",
        )
        message["tool_call_id"] = self._call_of(event.name or "", data.get("arguments"))
        frames = self._whole(message, "tools")
        if "events" in self._modes:
            frames.append(
                self._chain("on_tool_error" if failed else "on_tool_end", event.name or "", {"output": result})
            )
        return frames + self._added("tools", message)

    def _step(self, event: Event) -> list[Frame]:
        data: dict[str, Any] = event.data or {}
        if "updates" not in self._modes:
            return []
        return [Frame("updates", {event.name or "step": data.get("result")})]

    def _begun(self, event: Event) -> list[Frame]:
        if "events" not in self._modes:
            return []
        data: dict[str, Any] = event.data or {}
        if data.get("aside"):
            return []
        if event.kind == "model":
            return [self._chain("on_chat_model_start", "model", {"model": data["request"].get("model")})]
        return [self._chain("on_tool_start", event.name or "", {"input": data.get("arguments")})]

    def _added(self, node: str, message: Message) -> list[Frame]:
        self._conversation.append(message)
        frames = [Frame("updates", {node: {"messages": [message]}})] if "updates" in self._modes else []
        return frames + (self._values() if self._native else [])

    def _values(self) -> list[Frame]:
        return [Frame("values", self._state())] if "values" in self._modes else []

    def _state(self) -> dict[str, Any]:
        given: Any = self._input
        if self._native or isinstance(given, str) or (isinstance(given, dict) and "messages" in given):
            return {"messages": list(self._conversation)}
        return cast("dict[str, Any]", given) if isinstance(given, dict) else {"input": given}

    def _whole(self, message: Message, node: str) -> list[Frame]:
        frames = [Frame("messages", [message, self._about(node)])] if "messages-tuple" in self._modes else []
        return frames + ([Frame("messages/complete", [message])] if "messages" in self._modes else [])

    def _call_of(self, name: str, arguments: Any) -> str:
        """The model's call that this tool use answers: the first of its name that has no answer yet."""
        answered = {one.get("tool_call_id") for one in self._conversation if one["type"] == "tool"}
        calls = [call for one in self._conversation for call in one.get("tool_calls", ()) if call["id"] not in answered]
        named = [call for call in calls if call["name"] == name]
        exact = [call for call in named if call["args"] == arguments]
        return (exact or named or [{"id": ""}])[0]["id"]

    def _about(self, node: str) -> dict[str, Any]:
        return {"langgraph_node": node, "run_id": self._run_id, "graph_id": self._agent, "tags": []}

    def _chain(self, what: str, name: str, data: dict[str, Any]) -> Frame:
        nothing: dict[str, Any] = {"tags": [], "metadata": {}, "parent_ids": []}
        return Frame("events", {"event": what, "name": name, "run_id": self._run_id, "data": data, **nothing})


@lru_cache(maxsize=256)
def _one_of(modes: frozenset[str]) -> frozenset[str]:
    """The same object for the same modes."""
    return modes


def usage_of(reply: Event) -> dict[str, int]:
    """As LangChain counts."""
    usage: dict[str, int] = reply.data["result"]["usage"]
    told = {"input_tokens": usage["tokens_in"], "output_tokens": usage["tokens_out"]}
    return {**told, "total_tokens": sum(told.values())}


def _debug(event: Event) -> dict[str, Any]:
    return {"type": event.type, "timestamp": event.at, "step": event.seq, "payload": event_view(event)}


def _text(result: Any) -> str:
    return result if isinstance(result, str) else orjson.dumps(result).decode()
