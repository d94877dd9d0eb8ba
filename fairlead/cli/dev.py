"""`fairlead dev`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fairlead.cli.options import Host, Port, WithParent, end_with_parent
from fairlead.cli.say import AsJson, say, say_json
from fairlead.clock import SystemClock
from fairlead.config import Role
from fairlead.wiring.dev import dev as dev_until_stopped
from fairlead.wiring.process import run_process
from fairlead.wiring.project import Setup, open_setup

app = typer.Typer(add_completion=False)


@app.command()
def dev(
    host: Host = None,
    port: Port = None,
    reload: Annotated[bool, typer.Option("--reload/--no-reload", help="Restart the worker when code changes.")] = True,
    database: Annotated[str | None, typer.Option(help="DATABASE_URL for this time.", show_default=False)] = None,
    with_parent: WithParent = False,
    json: AsJson = False,
) -> None:
    """Serve API and console, and run the agents in a child that is restarted when it dies or the code changes."""
    if with_parent:
        end_with_parent()
    overrides: dict[str, Any] = {"host": host, "port": port, "database_url": database}
    setup = open_setup(needed_by=(Role.API, Role.WORKER), **overrides)
    announce = say_event if json else Terminal(setup)
    raise typer.Exit(run_process(lambda: dev_until_stopped(setup, announce, overrides=overrides, reload=reload)))


def say_event(event: str, /, **fields: Any) -> None:
    say_json({"event": event, **fields})


class Terminal:
    """What the developer reads between the lines of the log."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._clock = SystemClock()
        self._url = ""

    def __call__(self, event: str, /, **fields: Any) -> None:
        if sentence := self._sentence(event, fields):
            say(sentence, "bold" if event in ("listening", "broken", "worker_died") else "")

    def _sentence(self, event: str, fields: dict[str, Any]) -> str:
        match event:
            case "listening":
                agents = ", ".join(sorted(self._setup.agents)) or "none yet"
                return f"{self._setup.declared.name} is at {fields['url']}   agents: {agents}   Ctrl-C stops"
            case "worker_ready":
                return f"Worker {fields['pid']} is ready."
            case "worker_died":
                pause = f"; it keeps dying, next try in {fields['pause']:g} s" if fields["pause"] else "; restarting it"
                return f"Worker {fields['pid']} died ({fields['how']}){pause}."
            case "worker_refused":
                return f"Worker {fields['pid']} could not start; waiting for a change of the project."
            case "changed":
                return f"Changed: {', '.join(fields['files'])}; a new worker takes over."
            case "broken":
                return f"Not reloaded: {fields['error']}"
            case "stopping":
                return "Stopping."
            case _:
                return ""
