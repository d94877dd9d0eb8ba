"""Keys that are none. Clients of model providers insist on a key in the environment when they are made; inside a run
theirs is never used, since the gateway has its own. Where there is none they are lent one, which settings don't see."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

LENT_KEY = "answered-by-fairlead"
_NAMES = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")


def lend_keys(environ: MutableMapping[str, str] = os.environ) -> None:
    """Before a project's code is loaded: it may make its clients then."""
    for name in _NAMES:
        if not environ.get(name):
            environ[name] = LENT_KEY
