"""Tools that must not be repeated, and what became of them when their worker died."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fairlead import testing
from fairlead.agents import tool
from fairlead.agents.context import ToolContext
from fairlead.agents.tool import Done, NotDone, Tool, Unknown
from fairlead.errors import Conflict, InvalidInput
from fairlead.runs.run import Reason, Run, Status
from tests.runs.conftest import Gate, OpenEngine


class Bank:
    """Charges, and stands still in the middle while `gate` is closed."""

    def __init__(self, gate: Gate, check: Callable[..., Any] | None = None, safe: bool = False) -> None:
        self.charged: list[tuple[int, str]] = []

        @tool(check=check, safe_to_repeat=safe)
        async def charge(amount: int, context: ToolContext) -> dict[str, int]:
            """Charge."""
            self.charged.append((amount, context.idempotency_key))
            await gate()
            return {"charged": amount}

        self.charge: Tool = charge

    async def __call__(self, input: Any, ctx: Any) -> Any:
        try:
            return await ctx.use_tool(self.charge, {"amount": 5})
        except RuntimeError as error:
            return f"told: {error}"


async def killed_in_the_middle(engine: OpenEngine, gate: Gate, bank: Bank) -> tuple[testing.Running, Run]:
    running = await engine(agent=bank)
    run = await running.submit("agent")
    await gate.reached()
    await running.crash(running.workers[0])
    gate.come.clear()
    await running.start_worker()
    return running, run


async def test_a_tool_cut_off_in_the_middle_waits_for_a_person(engine: OpenEngine, gate: Gate) -> None:
    bank = Bank(gate)
    running, run = await killed_in_the_middle(engine, gate, bank)
    stopped = await running.ended(run.id)
    assert (stopped.status, stopped.reason, len(bank.charged)) == (Status.INTERRUPTED, Reason.OUTCOME_UNKNOWN, 1)
    assert stopped.error is not None
    key, control = stopped.error["key"], running.engine.control
    with pytest.raises(Conflict, match="outcome"):
        await control.resume(run.id)
    with pytest.raises(Conflict):
        await control.resume(run.id, outcomes={"another": {"result": 1}})
    for unsound in ({"error": "text"}, {"result": 1, "repeat": True}, {}, {"repeat": False}, {"done": 1}):
        with pytest.raises(InvalidInput):
            await control.resume(run.id, outcomes={key: unsound})
    await control.resume(run.id, outcomes={key: {"result": {"charged": 5}}})
    assert (await running.ended(run.id)).output == {"charged": 5}
    assert len(bank.charged) == 1


async def test_a_person_may_say_that_it_failed(engine: OpenEngine, gate: Gate) -> None:
    bank = Bank(gate)
    running, run = await killed_in_the_middle(engine, gate, bank)
    key = ((await running.ended(run.id)).error or {})["key"]
    said = {"error": {"error": "RuntimeError", "message": "no money"}}
    await running.engine.control.resume(run.id, outcomes={key: said})
    assert (await running.ended(run.id)).output == "told: no money"


async def test_a_person_may_say_repeat_with_the_same_key_and_is_asked_again_after_another_crash(
    engine: OpenEngine, gate: Gate
) -> None:
    bank = Bank(gate)
    running, run = await killed_in_the_middle(engine, gate, bank)
    for turn in range(2):
        stopped = await running.ended(run.id)
        assert (stopped.reason, len(bank.charged)) == (Reason.OUTCOME_UNKNOWN, turn + 1)
        await running.engine.control.resume(run.id, outcomes={(stopped.error or {})["key"]: {"repeat": True}})
        await gate.reached()
        gate.come.clear()
        if turn == 0:
            await running.crash(running.workers[0])
            await running.start_worker()
    gate.open.set()
    assert (await running.ended(run.id)).output == {"charged": 5}
    assert len(bank.charged) == 3 and len(set(bank.charged)) == 1


@pytest.mark.parametrize(
    ("outcome", "times", "ends"),
    [
        (Done({"charged": 5}), 1, "success"),
        (NotDone(), 2, "success"),
        (Unknown("the bank is closed"), 1, "interrupted"),
    ],
    ids=["done", "not done", "unknown"],
)
async def test_the_tools_own_check_decides(engine: OpenEngine, gate: Gate, outcome: Any, times: int, ends: str) -> None:
    bank = Bank(gate, check=lambda amount: outcome)
    running, run = await killed_in_the_middle(engine, gate, bank)
    gate.open.set()
    ended = await running.ended(run.id)
    assert (ended.status, len(bank.charged)) == (ends, times)
    if ended.error:
        assert "the bank is closed" in ended.error["message"]
    else:
        assert ended.output == {"charged": 5}


async def test_a_tool_that_is_safe_is_simply_repeated(engine: OpenEngine, gate: Gate) -> None:
    bank = Bank(gate, safe=True)
    running, run = await killed_in_the_middle(engine, gate, bank)
    gate.open.set()
    assert (await running.ended(run.id)).output == {"charged": 5}
    assert len(bank.charged) == 2 and len(set(bank.charged)) == 1
    assert await running.events(run.id, "intent") == []


async def test_a_failure_that_was_recorded_fails_again_in_the_same_way(engine: OpenEngine, gate: Gate) -> None:
    tried: list[str] = []

    def fails(kind: str) -> None:
        tried.append(kind)
        raise {"value": ValueError("v"), "timeout": TimeoutError("t"), "our": InvalidInput("i")}[kind]

    async def agent(input: Any, ctx: Any) -> list[str]:
        caught: list[str] = []
        for kind in ("value", "timeout", "our"):
            try:
                await ctx.step("fails", fails, kind)
            except (ValueError, TimeoutError, InvalidInput) as error:
                caught.append(f"{type(error).__name__}: {error}")
        await ctx.step("gate", gate)
        return caught

    running = await engine(agent=agent)
    run = await running.submit("agent")
    await gate.reached()
    await running.crash(running.workers[0])
    gate.open.set()
    await running.start_worker()
    assert (await running.ended(run.id)).output == ["ValueError: v", "TimeoutError: t", "InvalidInput: i"]
    assert tried == ["value", "timeout", "our"]


@pytest.mark.parametrize(("outcome", "times"), [(Done({"charged": 5}), 1), (NotDone(), 2), (Unknown("no answer"), 2)])
async def test_a_retry_asks_the_check_of_an_effect_that_failed(engine: OpenEngine, outcome: Any, times: int) -> None:
    charged: list[int] = []

    @tool(check=lambda amount: outcome)
    async def charge(amount: int) -> dict[str, int]:
        """Charge, and break down on the first occasion, too late."""
        charged.append(amount)
        if len(charged) == 1:
            raise RuntimeError("the line went dead")
        return {"charged": amount}

    async def agent(input: Any, ctx: Any) -> Any:
        return await ctx.use_tool(charge, {"amount": 5})

    running = await engine(agent=agent)
    run = await running.submit("agent")
    assert (await running.ended(run.id)).status is Status.ERROR
    await running.engine.control.retry(run.id)
    assert (await running.ended(run.id)).output == {"charged": 5}
    assert len(charged) == times


async def test_a_sync_tool_may_log(engine: OpenEngine) -> None:
    @tool
    def pay(amount: int, ctx: ToolContext) -> int:
        """Pay."""
        ctx.log("paying", amount=amount)
        return amount

    async def agent(input: Any, ctx: Any) -> Any:
        return await ctx.use_tool(pay, {"amount": 3})

    running = await engine(agent=agent)
    run = await running.submit("agent")
    assert (await running.ended(run.id)).output == 3
    logged = [event.data for event in await running.events(run.id) if event.type == "log"]
    assert logged == [{"event": "paying", "amount": 3}]
