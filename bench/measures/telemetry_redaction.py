"""What redaction finds, and what it costs a line of the log."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from bench.figure import Figure, at_least, at_most
from bench.place import Place
from fairlead.clock import SystemClock
from fairlead.telemetry.logs import Log
from fairlead.telemetry.redact import Redactor
from fairlead.telemetry.sink import Line
from tests.telemetry.planted import CUSTOM, HARMLESS, OWN, PLANTED

TITLE = "Redaction"
WORK = (
    "Lines of the log as runs make them, from the event to the bytes: of a model call, of a tool with its input of 200 "
    "characters, of a failed run with a trace of 2 000. Redaction alone: a text of 200 characters that was never seen "
    "before. And 100 planted secrets and personal data, and harmless texts, in tests/telemetry/planted.py."
)
_RUN = "01932f4a-7b1c-7123-8abc-1234567890ab"
_WHO = {"run_id": _RUN, "agent": "log_triage", "tenant": "default", "release": "build-7"}
_TEXT = "Looked at line {n} of /var/log/app/2026-11-27.log: connection to 10.0.0.7:5432 refused after 3 tries. " * 2


class _Nowhere:
    def write(self, line: Line, *, urgent: bool = False) -> None:
        assert isinstance(line, bytes) or line()

    def close(self) -> None: ...


async def measure(place: Place) -> tuple[list[Figure], list[str]]:
    redactor = Redactor((OWN, "another-secret-of-this-process"), CUSTOM)
    log = Log(_Nowhere(), clock=SystemClock(), redactor=redactor)
    times = place.amount(5000)
    took = timedelta(milliseconds=12)
    call = {**_WHO, "provider": "openai", "model": "openai/gpt-5-mini", "status": "ok", "took": took, "tokens_in": 512,
            "tokens_out": 33, "cost_nano": 120_000, "streamed": True}  # fmt: skip
    trace = "Traceback (most recent call last):\n" + '  File "/srv/app/agents.py", line 12, in triage\n    go()\n' * 30

    def of_call(_: int) -> None:
        log("llm_call", call)

    def of_tool(number: int) -> None:
        log("tool_call", {**_WHO, "tool": "grep", "step": "look", "input": _TEXT.replace("{n}", str(number))})

    def of_failure(number: int) -> None:
        error = {"error": "ValueError", "message": f"no line {number}"}
        log("agent_completed", {**_WHO, "status": "error", "took": took, "error": error, "trace": trace + str(number)})

    def alone(number: int) -> None:
        redactor.text(_TEXT.replace("{n}", str(number)))

    found = sum(one.secret not in redactor.text(one.text) for one in PLANTED)
    kept = sum(redactor.text(text) == text for text in HARMLESS)
    return [
        Figure("found of 100 planted", "", [found], at_least(100)),
        Figure(f"left alone of {len(HARMLESS)} harmless", "", [kept], at_least(len(HARMLESS))),
        Figure("line of a model call", "us", _each(of_call, times), at_most(20)),
        Figure("line of a tool call, 200 characters", "us", _each(of_tool, times), at_most(20)),
        Figure("line of a failed run, 2 000 characters", "us", _each(of_failure, times)),
        Figure("redaction of 200 characters", "us", _each(alone, times), at_most(20)),
    ], []


def _each(speak: Any, times: int) -> list[float]:
    figures: list[float] = []
    for _ in range(5):
        began = time.process_time()
        for number in range(times):
            speak(number)
        figures.append((time.process_time() - began) / times * 1e6)
    return figures
