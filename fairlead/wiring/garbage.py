"""The garbage collector of a process that lives long and makes many small objects."""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 20_000, 20, 50


def spare_garbage_collector() -> None:
    """Called before anything is loaded: modules are a quarter of a million objects that stay, and with Python's own
    thresholds the collector walks them two hundred times."""
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


def settle_garbage_collector() -> None:
    """Called once a process has loaded everything: what is there now will stay, and is not looked at again.

    A held run is a few hundred objects that live as long as its steps take. With Python's own thresholds the collector
    walks all of them again and again and finds nothing: a fifth to a third of a busy worker's time.
    """
    gc.collect()
    gc.freeze()
    spare_garbage_collector()
