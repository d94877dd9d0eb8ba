"""Agents and clients that others wrote: what lies under their model calls, and a file for each framework.

Main path: `adopt` looks at an object's type and lets the file of its framework make it something that can be called.

May import: the rest of `agents`, gateway and below. A framework is only imported when a project uses it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from fairlead.agents.context import Context

_FRAMEWORKS = ("pydantic_ai",)
"""Packages, each with a module of the same name here that has `adopt(name, target) -> Adopted | None`."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """A framework's agent, as a callable of ours."""

    call: Callable[[Any, Context], Awaitable[Any]]
    description: str = ""


def adopt(name: str, target: Any) -> Adopted | None:
    """None for what is no framework's agent. Raises ConfigurationError for one that can't be served as it is."""
    packages = {kind.__module__.partition(".")[0] for kind in type(target).__mro__}
    for framework in _FRAMEWORKS:
        if framework in packages:
            return import_module(f"{__name__}.{framework}").adopt(name, target)
    return None
