"""Say what happened, and let others listen.

Main path: `emit` a named event of the catalogue with fields; logs and metrics are listeners in files of their own.

May import: config, errors, clock.
"""

from fairlead.telemetry.catalogue import EVENTS, EventSpec
from fairlead.telemetry.emit import Emit, Emitter, Listener, silent

__all__ = ["EVENTS", "Emit", "Emitter", "EventSpec", "Listener", "silent"]
