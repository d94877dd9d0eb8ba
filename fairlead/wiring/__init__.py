"""The only place that chooses concrete classes, and the processes they make up.

Main path: `open_engine` puts the parts on one database; `serving`, `working` and `dev` are the processes around them:
API and console, a worker, and both under a supervisor.

May import: everything but cli and testing. Names are looked up when first used: a command loads the parts it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.wiring.databases import open_database as open_database
    from fairlead.wiring.engine import Engine as Engine
    from fairlead.wiring.engine import make_worker as make_worker
    from fairlead.wiring.engine import open_engine as open_engine

__all__ = ["Engine", "make_worker", "open_database", "open_engine"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'fairlead.wiring' has no attribute {name!r}")
    return getattr(import_module("fairlead.wiring.engine"), name)
