"""A hundred planted secrets and pieces of personal data, searched for in everything that leaves a process."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from fairlead.telemetry.bound import bound
from fairlead.telemetry.emit import Emitter
from fairlead.telemetry.line import Render, as_json, for_people
from fairlead.telemetry.logs import Log
from fairlead.telemetry.metrics import Metrics
from fairlead.telemetry.redact import Redactor
from fairlead.telemetry.sink import Line
from fairlead.testing import MovableClock
from tests.api.serving import serving
from tests.telemetry.planted import CUSTOM, HARMLESS, OWN, PLANTED, Planted

REDACTOR = Redactor((OWN,), CUSTOM)


class Paper:
    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, line: Line, *, urgent: bool = False) -> None:
        self.written.append(line if isinstance(line, bytes) else line())

    def close(self) -> None: ...


def left_in(written: bytes) -> list[Planted]:
    """What of the planted is there: as it is, escaped as in JSON, or as a terminal is shown it."""
    shapes = (written, unquote_to_bytes(written))
    return [
        one
        for one in PLANTED
        if any(form in shape for shape in shapes for form in (one.secret.encode(), orjson.dumps(one.secret)[1:-1]))
    ]


def test_a_hundred_are_planted() -> None:
    assert len({one.secret for one in PLANTED}) == 100
    assert len(HARMLESS) >= 100


@pytest.mark.parametrize("one", PLANTED, ids=range(len(PLANTED)))
def test_a_planted_secret_goes_wherever_in_a_text_it_is(one: Planted) -> None:
    for around in (one.text, f"before {one.text} after", f"line\n{one.text}\nline", f"({one.text})", f'"{one.text}"'):
        assert one.secret not in REDACTOR.text(around)


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_text_stays(text: str) -> None:
    for around in (text, f"before {text} after"):
        assert REDACTOR.text(around) == around


def test_the_search_finds_what_is_planted() -> None:
    assert len(left_in("\n".join(one.text for one in PLANTED).encode())) == 100


@pytest.mark.parametrize("render", [as_json, for_people(colours=True), for_people(colours=False)])
def test_no_log_line_holds_one(render: Render) -> None:
    paper, failures = Paper(), list[str]()
    log, emitter = Log(paper, clock=MovableClock(), redactor=REDACTOR, render=render), Emitter(report=failures.append)
    emitter.subscribe(log, events=log.events)
    for one in PLANTED:
        with bound(request_id="r", about=one.text):
            speak(emitter, one.text)
    assert failures == []
    assert len(paper.written) > 100
    assert left_in(b"".join(paper.written)) == []


def speak(emitter: Emitter, text: str) -> None:
    took = timedelta(milliseconds=3)
    emitter.emit("agent_started", run_id="r", agent="a", attempt=1, task={"note": text})
    emitter.emit("tool_call", run_id="r", tool="t", step="s", input=[text, {"deep": {"er": text}}])
    emitter.emit("tool_result", run_id="r", tool="t", status="error", took=took, output=text, error=text)
    emitter.emit("llm_call", run_id="r", provider="p", model="m", status="error", took=took, message=text)
    emitter.emit("log", run_id="r", message=text, data={"x": text})
    emitter.emit("error", code="internal", message=repr(ValueError(text)), where="w", trace=f"Traceback …\n{text}")
    emitter.emit("agent_completed", run_id="r", agent="a", status="error", took=took,
                 error={"error": "ValueError", "message": text}, trace=text)  # fmt: skip


def test_metrics_take_no_texts_of_errors_and_bound_names() -> None:
    emitter, metrics = Emitter(), Metrics(CollectorRegistry())
    emitter.subscribe(metrics, events=metrics.events)
    for one in PLANTED:
        speak(emitter, one.text)
    assert left_in(metrics.render()) == []
    assert list(text_string_to_metric_families(metrics.render().decode()))


async def breaks(input: Any, ctx: Any) -> None:
    raise ValueError("broken")


async def test_no_error_answer_of_the_api_holds_one() -> None:
    """What a caller sent wrong is not told back: whoever logs our answers would have it."""
    answers: list[bytes] = []
    async with serving({"breaks": breaks}, app={"redactor": REDACTOR}) as api:
        for one in PLANTED:
            bodies: list[Any] = [
                {"assistant_id": one.text, "input": {}},
                {"assistant_id": "breaks", "input": {}, "priority": one.text},
                {"assistant_id": "breaks", "input": {}, one.text: 1},
            ]
            for body in bodies:
                answer = await api.client.post("/runs", json=body)
                assert answer.status_code >= 400
                answers.append(answer.content)
            broken = await api.client.post("/runs", content=b'{"assistant_id": "' + one.text.encode() + b"\n")
            assert broken.status_code >= 400
            answers.append(broken.content)
    assert left_in(b"\n".join(answers)) == []


def test_what_is_in_the_journal_is_the_owners(tmp_path: Path) -> None:
    """Redaction is for what is told of a run, not for the run: `value` makes a copy."""
    given = {"mail": "bob@example.com"}
    assert REDACTOR.value(given) == {"mail": "[email]"}
    assert given == {"mail": "bob@example.com"}
