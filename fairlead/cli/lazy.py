"""Which command is in which file, and what an error looks like when it reaches the terminal."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from fairlead.cli.exits import exit_of
from fairlead.cli.say import complain, debugging
from fairlead.errors import FairleadError

COMMANDS = {
    "demo": "Watch an agent read a real log, lose its worker to kill -9 in the middle, and finish.",
    "init": "Make a small project that works: an agent, a tool, and a simulated model.",
    "dev": "Serve API and console, and run the agents in a child that is restarted when it dies or the code changes.",
    "run": "Run an agent and follow it: through the server of this project if one runs, else here.",
    "runs": "List, watch and move runs.",
    "approvals": "Answer what runs ask of people.",
    "workers": "The processes that run agents.",
    "keys": "Make, list, rotate and revoke API keys.",
    "knowledge": "Documents that agents look things up in.",
    "webhooks": "Tell others of what becomes of runs.",
    "schedules": "Start runs by a schedule.",
    "users": "Make and list users, give roles, disable, delete.",
    "data": "What is held of people: export it, delete it.",
    "backup": "Back up the database and large values, prove that they can be restored, and restore them.",
    "generate": "Write files that other tools load.",
    "logs": "Say what log files tell.",
    "audit": "See who did what, and that nobody changed the log.",
    "costs": "What model calls cost: in all, over time, by whom, and in which runs.",
    "prices": "What models cost, in US dollars per million tokens, and where each price is from.",
    "budgets": "Limit what is spent, and stop model calls.",
    "check": "Look at a running system. Exit code 1: something failed; 9: something could not be told.",
    "slo": "Service levels: errors, times and availability, and what is left of their error budgets.",
    "doctor": "Say what is wrong here and how to mend it. Exit code 1: something is. Changes nothing.",
    "settings": "Show every setting, its value and where it came from; of a secret only that it is set.",
    "serve": "Serve the API and the console; on SQLite also run the agents.",
    "work": "Run agents from a PostgreSQL queue; start as many as you like, on any machine.",
    "ship": "Ship a new release without breaking a run, watch it, go back.",
    "preflight": "Look at all a machine can see before a deploy. Exit code 1: something failed; 9: it is unclear.",
    "checklist": "Go through a checklist: what a machine sees, what a person says.",
    "release": "Make a release of this project: version, changelog and tag.",
    "evaluate": "Say whether a release is good enough: cases are put to an agent, scorers look at the answers.",
    "evaluations": "Look at evaluations, compare two, add cases.",
    "mcp": "Offer the agents of this project as tools to a program on this machine: an MCP server over stdio.",
    "simulate": "Serve a simulated model provider over HTTP, in OpenAI's words.",
}


class Commands(MutableMapping[str, Any]):
    """By name; `fairlead.cli.NAME` is imported when the command is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            if name not in COMMANDS:
                raise KeyError(name)
            command = get_command(import_module(f"fairlead.cli.{name}").app)
            command.name = name
            self._loaded[name] = command
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS


class LazyGroup(TyperGroup):
    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = Commands()

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """What each does is known without loading it."""
        self.commands = {name: TyperCommand(name, help=says) for name, says in COMMANDS.items()}
        super().format_help(ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        """An error of ours is a sentence and what to do; only a mistake in Fairlead shows a trace."""
        try:
            return super().invoke(ctx)
        except FairleadError as error:
            if debugging():
                traceback.print_exc()
            complain(error)
            raise typer.Exit(exit_of(error)) from None
