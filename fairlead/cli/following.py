"""One run's events on a terminal: a line for each step as it is done, and below them what is under way.

events ──► Story.hear: what is worth a line ──► Follower: lines, and one live line with the text as it comes
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from fairlead.cli.client import Client, part
from fairlead.cli.figures import between, short, usd
from fairlead.cli.say import safe

Json = dict[str, Any]
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """`mark` is one letter wide; `head` is what happened, `rest` how."""

    mark: str
    head: str
    rest: str = ""
    style: str = ""


@dataclass
class Story:
    """What happened so far, told in lines."""

    open: dict[str, str] = field(default_factory=dict[str, str])  # what is under way, by step key
    text: str = ""  # of the model call under way
    answers: int = 0  # recorded model answers
    cost_nano: int = 0

    def hear(self, event: Json) -> Line | None:
        data: Any = event.get("data") or {}
        name = event.get("name") or ""
        match event["type"], event.get("kind"):
            case "started", _:
                return self._started(data)
            case "intent", kind:
                self.open[event["key"]] = "asking the model" if kind == "model" else f"using {name}"
                return None
            case "step" | "failed", kind:
                self.open.pop(event.get("key") or "", None)
                return self._step(event, str(kind), name, data)
            case "lost", _:
                self.open.clear()
                self.text = ""
                return Line("✗", "worker lost", f"{data.get('worker', '')}; its runs go to another", "red")
            case "progress", _:
                return Line("·", f"{data.get('percent', '')} %", str(data.get("text", "")), "dim")
            case "log", _:
                return Line("·", str(data.get("message") or data.get("event") or ""), _short_json(data), "dim")
            case "waiting", kind:
                self.open[event.get("key") or ""] = f"waiting for {'a person' if kind == 'approval' else kind}"
                return None
            case ("parked" | "drained" | "resumed" | "retried" | "moved" | "diverged") as kind, _:
                reason = data.get("reason") or data.get("by") or ""
                return Line("↻" if kind in ("resumed", "retried") else "·", kind, str(reason), "yellow")
            case _:
                return None

    def _started(self, data: Json) -> Line:
        self.open.clear()
        self.text = ""
        worker, after = data.get("worker", ""), data.get("after")
        if after:
            return Line("↻", "goes on", f"on {worker} after {after}: what is recorded is not done again", "bold green")
        return Line("▸", "started", f"on {worker}")

    def _step(self, event: Json, kind: str, name: str, data: Json) -> Line:
        took = between(event.get("started_at"), event["at"])
        if event["type"] == "failed":
            error: Json = data.get("error") or {}
            return Line("✗", name or kind, f"{error.get('error', '')}: {error.get('message', '')}", "red")
        if kind != "model":
            return Line("✓", name or kind, f"{_arguments(data)} {took}", "")
        self.text = ""
        self.answers += 1
        reply: Json = data.get("result") or {}
        self.cost_nano += reply.get("cost_nano") or 0
        return Line("✓", "model", f"{_said(reply)} · {usd((reply.get('cost_nano') or 0) / _NANO)} · {took}", "cyan")


class Follower:
    """Draws a story on a terminal; elsewhere only its lines."""

    def __init__(self, console: Console, *, silent: bool = False) -> None:
        self.story = Story()
        self._console = Console(quiet=True) if silent else console
        self._spinner = Spinner("dots")
        self._live = Live(self._spinner, console=self._console, transient=True, refresh_per_second=12)

    def __enter__(self) -> Follower:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def hear(self, event: Json) -> None:
        if line := self.story.hear(event):
            self._console.print(drawn(line), soft_wrap=False, no_wrap=True, overflow="ellipsis")
        self.refresh()

    def say_more(self, text: str) -> None:
        """Text of the model call under way."""
        self.story.text += text
        self.refresh()

    def say(self, text: str, style: str = "") -> None:
        self._console.print(Text(safe(text), style))

    def refresh(self) -> None:
        doing = next(iter(self.story.open.values()), "")
        tail = short(self.story.text[-400:], 400)[-60:]
        self._spinner.update(text=Text(safe(f"{doing} {tail}".strip()), style="dim"))


def drawn(line: Line) -> Text:
    return Text.assemble((f"{line.mark} ", line.style or "green"), (f"{safe(line.head):<18} ", line.style or "bold"),
                         (safe(short(line.rest, 300)), "dim"))  # fmt: skip


def _said(reply: Json) -> str:
    body: Json = reply.get("body") or {}
    if reply.get("format") == "embeddings":
        return f"gives {len(body.get('data') or ())} vectors"
    choices: list[Json] = body.get("choices") or [{}]
    message: Json = choices[0].get("message") or {}
    calls: list[Json] = message.get("tool_calls") or []
    if calls:
        return "uses " + ", ".join(call["function"]["name"] for call in calls)
    return f"answers: {short(message.get('content') or '', 60)}"


def _arguments(data: Json) -> str:
    arguments = data.get("arguments")
    if not isinstance(arguments, dict):
        return ""
    named = cast("Json", arguments)
    return short(", ".join(f"{name}={_short_json(value)}" for name, value in named.items()), 60)


def _short_json(value: Any) -> str:
    return short(orjson.dumps(value, default=str).decode(), 60)


def events_of(client: Client, run_id: str, *, after: int = 0) -> Iterator[Json | str]:
    """Stored events, and pieces of text between them, until the run has ended or needs a person."""
    path = f"/runs/{part(run_id)}/stream?stream_mode=debug&stream_mode=messages-tuple"
    for event in client.events(path, after=str(after) if after else ""):
        match event.name:
            case "debug":
                yield event.data["payload"]
            case "messages" if event.data[0]["type"] == "AIMessageChunk":
                yield event.data[0]["content"]
            case _:
                pass
