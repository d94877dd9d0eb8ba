"""Agents of pydantic-ai, served as they are: recorded, resumed, and never paid for twice."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, ModelRetry, RunContext, ToolReturn
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from fairlead import testing
from fairlead.agents import Context
from fairlead.agents.frameworks.pydantic_ai import RecordedTools
from fairlead.agents.spec import spec_of
from fairlead.errors import ConfigurationError
from fairlead.runs.following import Delta
from fairlead.runs.run import Reason, Run, Status
from tests.runs.conftest import Gate, OpenEngine
from tests.runs.guests import SIMULATED, paid_calls, told

MODELS = ["openai-chat:gpt-5-mini", "openai:gpt-5-mini", "anthropic:claude-haiku-4-5"]
SAFE = {"safe_to_repeat": True}


class Desk:
    """An agent with a tool that looks, one that charges, and one that stands still at the gate."""

    def __init__(self, model: str, gate: Gate) -> None:
        self.used: list[str] = []
        self.keys: list[str] = []
        self.agent = Agent(model, instructions="Be brief.")

        @self.agent.tool_plain(metadata=SAFE)
        def look(word: str) -> dict[str, Any]:
            self.used.append(word)
            return {"seen": word, "at": [1, 2.5, None]}

        @self.agent.tool
        async def charge(ctx: RunContext[object], word: str) -> str:
            self.used.append(word)
            self.keys.append(f"{ctx.run_id}:{ctx.tool_call_id}")
            return f"charged {word}"

        @self.agent.tool_plain(metadata=SAFE)
        async def wait(word: str) -> str:
            self.used.append(word)
            await gate()
            return "waited"

        @self.agent.tool_plain
        async def launch(word: str) -> str:
            self.used.append(word)
            await gate()
            return "launched"


async def killed_and_taken_over(running: testing.Running, gate: Gate, input: Any) -> Run:
    run = await running.submit("desk", input)
    await gate.reached()
    await running.crash(running.workers[0])
    gate.open.set()
    await running.start_worker()
    return await running.ended(run.id)


@pytest.mark.parametrize("model", MODELS)
async def test_a_killed_run_resumes_without_paying_twice(engine: OpenEngine, gate: Gate, model: str) -> None:
    desk = Desk(model, gate)
    running = await engine(desk=desk.agent, providers=SIMULATED)
    done = await killed_and_taken_over(running, gate, "use look then charge then wait.")
    assert (done.status, done.error) == (Status.SUCCESS, None)
    assert done.output.endswith('{"seen":"look-0","at":[1,2.5,null]} | charged charge-1 | waited')
    assert paid_calls(running) == 4  # one for each of three rounds of tools, and the answer
    assert desk.used == ["look-0", "charge-1", "wait-2", "wait-2"]
    assert desk.keys[0].startswith(f"{done.id}:")
    assert told(running, "run_diverged") == []
    assert await running.events(done.id, "alias") == []


async def test_tools_side_by_side_are_each_recorded(engine: OpenEngine, gate: Gate) -> None:
    desk = Desk(MODELS[0], gate)
    running = await engine(desk=desk.agent, providers=SIMULATED)
    run = await running.submit("desk", "use look,charge,wait.")
    await gate.reached()
    await running.until(run.id, "step", kind="tool", times=2)
    await running.crash(running.workers[0])
    gate.open.set()
    await running.start_worker()
    done = await running.ended(run.id)
    assert done.error is None
    assert sorted(desk.used) == ["charge-0", "look-0", "wait-0", "wait-0"]
    assert paid_calls(running) == 2
    steps = [event for event in await running.events(run.id, "step") if event.kind == "tool"]
    assert sorted(event.name or "" for event in steps) == ["charge", "look", "wait"]


async def test_a_tool_cut_off_in_the_middle_waits_for_a_person(engine: OpenEngine, gate: Gate) -> None:
    desk = Desk(MODELS[0], gate)
    running = await engine(desk=desk.agent, providers=SIMULATED)
    stopped = await killed_and_taken_over(running, gate, "use launch.")
    assert (stopped.status, stopped.reason, desk.used) == (Status.INTERRUPTED, Reason.OUTCOME_UNKNOWN, ["launch-0"])
    assert stopped.error is not None
    await running.engine.control.resume(stopped.id, outcomes={stopped.error["key"]: {"result": "it flies"}})
    done = await running.ended(stopped.id)
    assert done.output.endswith("it flies") and desk.used == ["launch-0"]


async def test_what_a_tool_tells_the_model_is_told_again_on_a_resume(engine: OpenEngine, gate: Gate) -> None:
    agent, used = Agent(MODELS[0]), list[str]()

    @agent.tool_plain(metadata=SAFE, retries=3)
    async def picky(word: str) -> str:
        used.append(word)
        raise ModelRetry(f"not {word}")

    @agent.tool_plain(metadata=SAFE)
    async def rich(word: str) -> ToolReturn:
        used.append(word)
        return ToolReturn(
            "short", content=["long", BinaryContent(b"\x89PNG", media_type="image/png")], metadata={"a": 1}
        )

    @agent.tool_plain(metadata=SAFE)
    async def wait(word: str) -> str:
        return await gate("waited")

    running = await engine(desk=agent, providers=SIMULATED)
    done = await killed_and_taken_over(running, gate, "use picky then rich then wait.")
    assert (done.error, used) == (None, ["picky-0", "rich-1"])
    assert paid_calls(running) == 4
    assert told(running, "run_diverged") == []


async def test_an_agent_within_a_tool_is_recorded_within_it(engine: OpenEngine, gate: Gate) -> None:
    inner, outer = Agent(MODELS[0]), Agent(MODELS[0])

    @outer.tool_plain(metadata=SAFE)
    async def research(word: str) -> str:
        return (await inner.run(f"find {word}")).output

    @outer.tool_plain
    async def charge(word: str) -> str:
        return "charged"

    @outer.tool_plain(metadata=SAFE)
    async def wait(word: str) -> str:
        return await gate("waited")

    running = await engine(desk=outer, providers=SIMULATED)
    done = await killed_and_taken_over(running, gate, "use research then wait then charge.")
    assert done.error is None and done.output.endswith("heard find research-0 (1 messages) | waited | charged")
    assert paid_calls(running) == 5
    assert told(running, "run_diverged") == []


class Verdict(BaseModel):
    word: str


async def test_a_structured_output_is_json(engine: OpenEngine) -> None:
    running = await engine(desk=Agent(MODELS[0], output_type=Verdict), providers=SIMULATED)
    assert (await running.run("desk", "use final_result.")).output == {"word": "final_result-0"}


@pytest.mark.parametrize(
    "input",
    ["hi", {"input": "hi"}, {"message": "hi"}, {"messages": [{"role": "user", "content": "hi"}]},
     {"messages": [{"type": "human", "content": [{"type": "text", "text": "hi"}]}]}],
)  # fmt: skip
async def test_what_it_may_be_asked(engine: OpenEngine, input: Any) -> None:
    running = await engine(desk=Agent(MODELS[0]), providers=SIMULATED)
    assert (await running.run("desk", input)).output == "heard hi (1 messages)"


async def test_what_was_said_before_in_the_thread_is_said_again(engine: OpenEngine) -> None:
    running = await engine(desk=Agent(MODELS[0], system_prompt="S", instructions="I"), providers=SIMULATED)
    assert (await running.run("desk", "one", thread_id="t")).output == "heard one (3 messages)"
    assert (await running.run("desk", "two", thread_id="t")).output == "heard two (5 messages)"


async def test_those_who_watch_see_the_answer_come(engine: OpenEngine, gate: Gate) -> None:
    agent = Agent(MODELS[0])

    @agent.tool_plain(metadata=SAFE)
    async def wait(word: str) -> str:
        return await gate("waited")

    providers = {"openai": {**SIMULATED["openai"]}}
    running = await engine(desk=agent, providers=providers)
    run = await running.submit("desk", "use wait.")
    await gate.reached()
    gate.open.set()
    seen = [event async for event in running.engine.feed.follow(run.id) if isinstance(event, Delta)]
    done = await running.ended(run.id)
    streamed = [call["streamed"] for call in told(running, "llm_call")]
    assert done.error is None and streamed == [True, True]
    assert all(one.text in done.output for one in seen)


async def test_a_tool_that_needs_approval_asks_a_person(engine: OpenEngine) -> None:
    agent, used = Agent(MODELS[0]), list[str]()

    @agent.tool_plain(requires_approval=True)
    async def charge(word: str) -> str:
        used.append(word)
        return "charged"

    running = await engine(desk=agent, providers=SIMULATED)
    run = await running.run("desk", "use charge.")
    assert (run.status, run.reason, used) == (Status.INTERRUPTED, Reason.APPROVAL, [])
    (approval,) = await running.engine.control.approvals(run_id=run.id)
    await running.engine.control.answer(approval.id, True, by="ada")
    done = await running.ended(run.id)
    assert done.output.endswith("charged") and used == ["charge-0"]
    assert paid_calls(running) == 2


async def test_a_function_may_run_the_agent_itself(engine: OpenEngine, gate: Gate) -> None:
    agent, used = Agent(MODELS[0], deps_type=str), list[str]()

    @agent.tool
    async def charge(ctx: RunContext[str], word: str) -> str:
        used.append(word)
        return f"charged {ctx.deps}"

    async def desk(input: str, ctx: Context) -> str:
        said = (await agent.run(input, deps="ada", capabilities=[RecordedTools(ctx)])).output
        await ctx.step("wait", gate)
        return said

    running = await engine(desk=desk, providers=SIMULATED)
    done = await killed_and_taken_over(running, gate, "use charge.")
    assert done.output.endswith("charged ada") and used == ["charge-0"]
    assert paid_calls(running) == 2


def test_an_agent_that_wants_dependencies_is_refused_with_what_to_write() -> None:
    with pytest.raises(ConfigurationError, match="RecordedTools"):
        spec_of("desk", Agent(MODELS[0], deps_type=str))


def test_what_is_no_agent_of_the_framework_is_refused_as_ever() -> None:
    with pytest.raises(ConfigurationError, match="cannot be called"):
        spec_of("desk", BinaryContent(b"", media_type="image/png"))


async def test_a_model_of_the_users_own_needs_no_stream(engine: OpenEngine) -> None:
    def say(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse([TextPart("from a function")])

    running = await engine(desk=Agent(FunctionModel(say)))
    assert (await running.run("desk", "hi")).output == "from a function"
    assert paid_calls(running) == 0
