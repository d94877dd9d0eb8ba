"""Imported first, for what it does: the garbage collector leaves the imports after it alone, a tenth of their time."""

from fairlead.wiring.garbage import spare_garbage_collector

spare_garbage_collector()
