from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from fairlead.clock import SystemClock
from fairlead.errors import BrokenAnswer, ConfigurationError, ModelRefused, ModelUnavailable
from fairlead.gateway import Fault, Faults, Reply, ToolCall, default_policy, load_policy, parse_faults
from fairlead.gateway.providers.simulated import SimulatedProvider
from fairlead.gateway.wire import openai_chat
from tests.gateway.loopback import MovedClock, ask

LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def two_tools(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply:
    return Reply("both", [ToolCall("look", {"a": 1}), ToolCall("look", {"a": 2})])


async def test_the_same_question_gets_the_same_answer() -> None:
    first = await SimulatedProvider(two_tools, clock=SystemClock()).complete(ask())
    again = await SimulatedProvider(two_tools, clock=SystemClock()).complete(ask())
    assert first.body == again.body == openai_chat.check(first.body)
    ids = [call["id"] for call in first.message["tool_calls"]]
    assert len(set(ids)) == 2
    other = await SimulatedProvider(two_tools, clock=SystemClock()).complete(ask("other"))
    assert other.message["tool_calls"][0]["id"] not in ids


async def test_a_streamed_answer_is_the_same_and_comes_in_pieces() -> None:
    told: list[str] = []
    provider = SimulatedProvider(lambda m, t: "one two three four five", clock=SystemClock())
    reply = await provider.complete(ask(on_delta=told.append))
    assert "".join(told) == reply.message["content"] and len(told) > 1
    assert reply.body == (await provider.complete(ask())).body


async def test_latency_and_speed_are_those_of_a_model() -> None:
    clock = MovedClock()
    provider = SimulatedProvider(
        lambda m, t: "x" * 400, clock=clock, latency=timedelta(seconds=2), tokens_per_second=50
    )
    reply = await provider.complete(ask(on_delta=lambda text: None))
    assert clock.seconds == pytest.approx(2 + 400 / 4 / 50)
    assert reply.first_token == timedelta(seconds=2 + 4 / 50)


def test_the_default_policy_uses_each_tool_once_then_answers() -> None:
    asked = [{"role": "user", "content": "why?"}]
    first = default_policy(asked, [LOOK])
    assert [call.name for call in first.tool_calls] == ["look"]
    used = [{"role": "assistant", "tool_calls": [{"function": {"name": "look"}}]}, {"role": "tool", "content": "42"}]
    assert "42" in default_policy(asked + used, [LOOK]).text
    assert default_policy(asked, []).text == "Simulated answer to: why?"
    others = [{"type": "custom", "custom": {"name": "sketch"}}, LOOK]
    assert default_policy(asked, others) == first


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RATE_LIMIT, ModelUnavailable),
        (Fault.SERVER_ERROR, ModelUnavailable),
        (Fault.CUT, BrokenAnswer),
        (Fault.MALFORMED, BrokenAnswer),
    ],
)
async def test_each_fault_is_the_error_of_a_real_provider(fault: Fault, error: type[Exception]) -> None:
    faults = Faults()
    faults.next.append(fault)
    with pytest.raises(error):
        await SimulatedProvider(clock=SystemClock(), faults=faults).complete(ask())


def test_faults_come_at_their_rate_and_the_same_from_the_same_seed() -> None:
    def draws(seed: int) -> list[Fault | None]:
        faults = Faults({Fault.CUT: 0.2, Fault.SLOW: 0.1}, seed=seed)
        return [faults.draw() for _ in range(2000)]

    assert draws(1) == draws(1) != draws(2)
    assert 340 < draws(1).count(Fault.CUT) < 460
    assert 150 < draws(1).count(Fault.SLOW) < 250


@pytest.mark.parametrize(
    "bad", [{"rates": {"nope": 1}}, {"rate": 1}, {"rates": {"cut": 2}}, {"next": 1}, {"seed": "x"}]
)
def test_unknown_faults_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"nope|rate|object|seed"):
        parse_faults(bad)


async def test_a_policy_that_raises_is_the_policys_fault() -> None:
    def broken(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> str:
        raise ValueError("oh no")

    with pytest.raises(ModelRefused, match="oh no"):
        await SimulatedProvider(broken, clock=SystemClock()).complete(ask())


def test_a_policy_is_loaded_from_beside_its_agent(tmp_path: Path) -> None:
    (tmp_path / "policy.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass P:\n    x: int = 1\n\ndef triage(messages, tools):\n    return f'{P().x}'\n"
    )
    assert load_policy("policy.py:triage", tmp_path)([], []) == "1"


@pytest.mark.parametrize("where", ["policy.py", "none.py:x", "bad.py:x", "empty.py:x", "no.such.module:x"])
def test_a_policy_that_is_not_there_is_a_clear_error(tmp_path: Path, where: str) -> None:
    (tmp_path / "bad.py").write_text("1/0")
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(ConfigurationError):
        load_policy(where, tmp_path)


async def test_usage_is_counted_from_the_text() -> None:
    reply = await SimulatedProvider(lambda m, t: "x" * 40, clock=SystemClock()).complete(ask())
    assert reply.usage.tokens_out == 10
    assert reply.usage.tokens_in == -(-len(orjson.dumps(ask().body)) // 4)
