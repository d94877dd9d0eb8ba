from __future__ import annotations

import subprocess
import sys

import orjson
import pytest

_PROGRAM = """
import importlib.util, json, sys
from fairlead.clock import SystemClock
from fairlead.config import LogLevel
from fairlead.telemetry.bound import bound, ids_of_task
from fairlead.telemetry.logs import Log, take_over
from fairlead.telemetry.sink import Sink

{first}
sink = Sink(1)
log = Log(sink, clock=SystemClock())
take_over(log, level=LogLevel.INFO)
unloaded = "structlog" not in sys.modules
with bound(run_id="r1"):
    assert importlib.util.find_spec("structlog")  # some only ask whether it is there
    import structlog
    structlog.contextvars.bind_contextvars(order="o7")
    structlog.get_logger().info("charged", card="4111 1111 1111 1111")
    structlog.get_logger().debug("not heard")
    seen = structlog.contextvars.get_contextvars()
log.close()
print(json.dumps([unloaded, seen, ids_of_task(), structlog.__loader__ is structlog.__spec__.loader]))
"""


@pytest.mark.parametrize(("first", "unloaded"), [("", True), ("import structlog", False)])
def test_what_is_said_through_structlog_is_ours_whoever_loads_it_and_when(first: str, unloaded: bool) -> None:
    """In a process of its own: here structlog was loaded long ago."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(first=first)], capture_output=True, text=True, check=True
    )
    line, told = map(orjson.loads, done.stdout.splitlines())
    assert (line["run_id"], line["order"], line["message"], line["card"]) == ("r1", "o7", "charged", "[card]")
    assert told == [unloaded, {"run_id": "r1", "order": "o7"}, {"order": "o7"}, True]
