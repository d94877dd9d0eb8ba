"""Facts as a test wants them, and one check asked of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from fairlead.clock import SystemClock
from fairlead.config import Environment, Settings, load_settings, whole_environment
from fairlead.ship.checklist.answer import Found
from fairlead.ship.checklist.checks import CHECKS
from fairlead.ship.checklist.declared import Declared
from fairlead.ship.checklist.facts import Check, Commands, Facts
from fairlead.ship.checklist.items import Item, ListName
from fairlead.ship.checklist.look import look_at


def settings_of(root: Path, **given: str) -> Settings:
    return load_settings(root=root, environ=given)


def facts_of(root: Path, *, declared: dict[str, Any] | None = None, **given: Any) -> Facts:
    said = Declared(**{"timeout": timedelta(seconds=10), "command_timeout": timedelta(seconds=20), **(declared or {})})
    commands = Commands(said.commands, folder=root, environ=whole_environment(), limit=said.command_timeout)
    return Facts(
        **{"root": root, "about": "v2", "declared": said, "commands": commands, "clock": SystemClock(), **given}
    )


async def ask(name: str, facts: Facts, checks: dict[str, Check] | None = None) -> Found:
    """As a list asks it: bounded, and whatever becomes of it an answer."""
    item = Item("item", ListName.DEPLOY, "Item.", name, None, "mend")
    answers = await look_at([item], facts, environment=Environment.PRODUCTION, checks=checks or CHECKS)
    return answers[0].found
