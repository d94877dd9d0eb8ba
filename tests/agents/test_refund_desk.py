from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fairlead.agents import AgentSpec, Decision, Done, NotDone, check_outcome, converse, invoke, load_project
from fairlead.agents.load import Project
from tests.agents.scripted import calls, reply, says

EXAMPLE = Path(__file__).parents[2] / "examples" / "refund_desk"


@pytest.fixture(scope="module")
def example() -> Iterator[Project]:
    path, modules = list(sys.path), set(sys.modules)
    yield load_project(EXAMPLE)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


class Run:
    """A run in which a person has already decided."""

    run_id = "run-1"

    def __init__(self, example: Project, decision: Decision | None = None) -> None:
        self.example = example
        self.decision = decision
        self.questions: list[str] = []

    def progress(self, percent: float, text: str = "") -> None: ...

    async def call(self, agent: str, input: Any) -> Any:
        spec: AgentSpec = self.example.agents[agent]
        assert spec.native is not None
        return (await converse(spec.native, input, ask=self.ask, use=self.use_tool)).output

    async def ask(self, messages: Any, **options: Any) -> Any:
        said = self.example.load("policy.py:assess")(messages, [])
        return reply(calls(*[(c.name, c.arguments) for c in said.tool_calls]) if said.tool_calls else says(said.text))

    async def approve(self, question: str, *, data: Any = None, expires: timedelta, **_: Any) -> Decision:
        self.questions.append(question)
        assert self.decision is not None
        return self.decision

    async def use_tool(self, tool: Any, arguments: Any, *, call_id: str | None = None) -> Any:
        return await invoke(tool, arguments, idempotency_key="key-1", run_id=self.run_id, input=None)


async def claim(run: Any, ledger: Path, order: str = "A-107", cents: int = 500) -> Any:
    given = {"order_id": order, "amount_cents": cents, "complaint": "Where is it?", "ledger": str(ledger)}
    return await run.example.agents["refund_desk"].call(given, run)


async def test_a_small_claim_is_paid_without_asking(example: Project, tmp_path: Path) -> None:
    run = Run(example)
    assert (await claim(run, tmp_path / "ledger"))["paid_cents"] == 500
    (line,) = (tmp_path / "ledger").read_text().splitlines()
    assert json.loads(line) == {"key": "key-1", "order_id": "A-107", "amount_cents": 500}
    assert run.questions == []


@pytest.mark.parametrize("order", ["A-108", "R-107"])
async def test_what_was_delivered_or_refunded_is_not_paid(example: Project, tmp_path: Path, order: str) -> None:
    assert (await claim(Run(example), tmp_path / "ledger", order))["paid_cents"] == 0
    assert not (tmp_path / "ledger").exists()


@pytest.mark.parametrize(
    ("decision", "paid"),
    [(Decision(True), 20_000), (Decision(False, comment="no"), 0), (Decision(False, expired=True), 0)],
)
async def test_a_large_claim_waits_for_a_person(
    example: Project, tmp_path: Path, decision: Decision, paid: int
) -> None:
    run = Run(example, decision)
    assert (await claim(run, tmp_path / "ledger", cents=20_000))["paid_cents"] == paid
    assert run.questions == ["Refund 200.00 for order A-107?"]
    assert (tmp_path / "ledger").exists() == bool(paid)


async def test_the_ledger_says_whether_a_payment_took_place(example: Project, tmp_path: Path) -> None:
    await claim(Run(example), tmp_path / "ledger")
    pay = example.load("agent.py:pay_refund")
    arguments = {"order_id": "A-107", "amount_cents": 500, "ledger": str(tmp_path / "ledger")}
    said = [
        await check_outcome(pay, arguments, idempotency_key=key, run_id="run-1", input=None)
        for key in ("key-1", "key-2")
    ]
    assert said == [Done({"paid_cents": 500, "key": "key-1"}), NotDone()]
