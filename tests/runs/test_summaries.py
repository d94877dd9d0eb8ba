"""A conversation that outgrows its agent's memory is summed up: a recorded, budgeted model call like any other."""

from __future__ import annotations

from typing import Any

from fairlead import Agent, MemoryBuffer, tool
from fairlead.gateway import Reply, ToolCall
from tests.runs.conftest import Gate, OpenEngine

ROUNDS = 8


def policy(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply | str:
    """Looks at one page after the other. Whoever has no tools is asked for a summary."""
    if not tools:
        return "it has looked at some pages"
    looked = max((int(message["content"].split()[1]) for message in messages if message["role"] == "tool"), default=-1)
    return Reply(tool_calls=[ToolCall("look", {"number": looked + 1})]) if looked < ROUNDS - 1 else "done"


def reader(gate: Gate) -> Agent:
    @tool(safe_to_repeat=True)
    async def look(number: int) -> str:
        """A long text."""
        if number == ROUNDS - 1:
            await gate()
        return f"page {number} " + "word " * 300

    memory = MemoryBuffer(tokens=1500, summarise=True)
    return Agent("reader", "simulated/reader", tools=[look], memory=memory)


async def test_a_killed_run_does_not_pay_for_its_summaries_again(engine: OpenEngine, gate: Gate) -> None:
    providers = {"simulated": {"policy": "tests.runs.test_summaries:policy"}}
    running = await engine(reader=reader(gate), providers=providers)
    run = await running.submit("reader", "read all")
    await gate.reached()
    [worker] = running.workers
    before = {event.key for event in await running.events(run.id, "step") if event.kind == "model"}
    await running.crash(worker)
    gate.open.set()
    await running.start_worker()
    ended = await running.ended(run.id)
    assert ended.output == "done"
    steps = [event for event in await running.events(run.id, "step") if event.kind == "model"]
    assert len({event.key for event in steps}) == len(steps) > ROUNDS + 1, "turns, and at least one summary"
    assert before <= {event.key for event in steps}
    assert not await running.events(run.id, "diverged")
    said = [fields for name, fields in running.said if name == "llm_call"]
    assert len(said) == len(steps) and sum(one["cost_nano"] for one in said) == ended.cost_nano
