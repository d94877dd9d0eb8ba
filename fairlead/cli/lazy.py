"""Which command is in which file, and what an error looks like when it reaches the terminal."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from fairlead.cli.exits import exit_of
from fairlead.cli.say import complain, debugging
from fairlead.errors import FairleadError

COMMANDS = (
    "demo",
    "init",
    "dev",
    "run",
    "runs",
    "approvals",
    "workers",
    "keys",
    "knowledge",
    "webhooks",
    "schedules",
    "users",
    "audit",
    "costs",
    "prices",
    "budgets",
    "doctor",
    "settings",
    "serve",
    "work",
    "simulate",
)


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

    def invoke(self, ctx: Any) -> Any:
        """An error of ours is a sentence and what to do; only a mistake in Fairlead shows a trace."""
        try:
            return super().invoke(ctx)
        except FairleadError as error:
            if debugging():
                traceback.print_exc()
            complain(error)
            raise typer.Exit(exit_of(error)) from None
