"""The only place that chooses concrete classes, and the processes they make up.

Main path: `open_engine` puts the parts on one database; `serving`, `working` and `dev` are the processes around them:
API and console, a worker, and both under a supervisor.

May import: everything but cli and testing.
"""

from fairlead.wiring.engine import Engine, make_worker, open_database, open_engine
from fairlead.wiring.models import ModelLayer, open_models

__all__ = ["Engine", "ModelLayer", "make_worker", "open_database", "open_engine", "open_models"]
