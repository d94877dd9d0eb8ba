"""Write an agent as a Python callable; Fairlead runs it durably and keeps it inside its budget.

Main path: `from fairlead import Agent, tool` in your project, declared in `fairlead.toml`.

Names are looked up when first used, so that `import fairlead` and the command line start at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.agents import Agent as Agent
    from fairlead.agents import Choices as Choices
    from fairlead.agents import Context as Context
    from fairlead.agents import MemoryBuffer as MemoryBuffer
    from fairlead.agents import knowledge_tool as knowledge_tool
    from fairlead.agents import tool as tool

__version__ = "0.1.0"
__all__ = ["Agent", "Choices", "Context", "MemoryBuffer", "__version__", "knowledge_tool", "tool"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'fairlead' has no attribute {name!r}")
    return getattr(import_module("fairlead.agents"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
