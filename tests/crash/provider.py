"""The simulated provider as a process of its own, with its counters: `python -m tests.crash.provider PORT`."""

from __future__ import annotations

import sys
from datetime import timedelta

from fairlead.gateway.simulate import serve
from tests.crash.agents import Policy

if __name__ == "__main__":
    serve(Policy(), port=int(sys.argv[1]), latency=timedelta(milliseconds=12))
