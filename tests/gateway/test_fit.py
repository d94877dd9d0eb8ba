from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.clock import SystemClock
from fairlead.errors import BudgetExceededError, InvalidInput
from fairlead.gateway import Choices, Format, ModelReply, Prices, Reply, RunBudget, build
from fairlead.gateway.fit import cuts, fitted
from fairlead.gateway.history import head_and_groups, tokens_of
from fairlead.gateway.providers.simulated import SimulatedProvider
from fairlead.gateway.types import ModelRequest
from tests.gateway.loopback import Heard, ask

SYSTEM = {"role": "system", "content": "be brief"}


def said(number: int, size: int = 400) -> dict[str, Any]:
    return {"role": "user" if number % 2 == 0 else "assistant", "content": f"{number} " + "x" * size}


def asked_tool(number: int) -> list[dict[str, Any]]:
    call = {"id": f"c{number}", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call, {**call, "id": f"d{number}"}]},
        {"role": "tool", "tool_call_id": f"c{number}", "content": "y" * 300},
        {"role": "tool", "tool_call_id": f"d{number}", "content": "z" * 300},
    ]


def request(messages: list[dict[str, Any]], fit: int | None, **more: Any) -> ModelRequest:
    made = ask(choices=Choices(fit=fit), **more)
    return replace(made, body={"messages": messages})


class Summariser:
    """Answers with which messages it was given, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, asked: ModelRequest) -> ModelReply:
        text = asked.body["messages"][1]["content"]
        self.asked.append(text)
        provider = SimulatedProvider(lambda m, t: Reply(f"summary {len(self.asked)}"), clock=SystemClock())
        return await provider.complete(asked)


async def test_what_fits_is_left_as_it_is() -> None:
    asks = Summariser()
    short = request([SYSTEM, said(0), said(1)], 1000)
    assert await fitted(short, asks) is short and asks.asked == []


async def test_the_oldest_turns_become_a_summary_and_the_latest_stay_word_for_word() -> None:
    asks, messages = Summariser(), [SYSTEM, *(said(number) for number in range(20))]
    fit = (await fitted(request(messages, 1000), asks)).body["messages"]
    assert fit[0] == SYSTEM and fit[1]["role"] == "system" and "summary" in fit[1]["content"]
    assert fit[2:] == messages[-len(fit[2:]) :] and tokens_of(fit) <= 1000 + tokens_of([SYSTEM])
    assert "0 xxx" in asks.asked[0], "what is left out has been summarised"


async def test_a_longer_conversation_asks_for_the_same_summaries_first() -> None:
    messages = [said(number) for number in range(60)]
    before, after = Summariser(), Summariser()
    await fitted(request(messages[:40], 1000), before)
    await fitted(request(messages, 1000), after)
    assert after.asked[: len(before.asked)] == before.asked and len(before.asked) >= 2
    assert "summary 1" in before.asked[1], "each builds on the one before"


messages = st.lists(
    st.one_of(st.integers(0, 900).map(lambda size: [said(0, size)]), st.integers(0, 9).map(asked_tool)), max_size=40
)


@given(messages, st.integers(256, 4000))
async def test_no_tool_call_is_ever_split_from_its_result(groups: list[list[dict[str, Any]]], limit: int) -> None:
    whole = [SYSTEM, *(message for group in groups for message in group)]
    fit = (await fitted(request(whole, limit), Summariser())).body["messages"]
    called = {call["id"] for message in fit for call in message.get("tool_calls") or []}
    answered = {message["tool_call_id"] for message in fit if message["role"] == "tool"}
    assert called == answered
    assert not whole[1:] or fit[-1] == whole[-1], "the latest turn stays"


@given(messages, st.integers(256, 4000), st.integers(0, 40))
def test_the_cuts_of_a_conversation_are_those_of_every_longer_one(
    groups: list[list[dict[str, Any]]], limit: int, length: int
) -> None:
    found, longer = cuts(groups[:length], limit), cuts(groups, limit)
    assert longer[: len(found)] == found == sorted(set(found))


def test_results_of_messages_belong_to_the_message_that_called() -> None:
    called = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "look", "input": {}}]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "42"}]}
    head, groups = head_and_groups(
        [{"role": "user", "content": "hi"}, called, result, {"role": "user", "content": "?"}]
    )
    assert head == [] and [len(group) for group in groups] == [1, 2, 1]


async def test_messages_get_their_summary_behind_their_own_instructions() -> None:
    body = {"system": "be brief", "messages": [said(number) for number in range(20)]}
    asked = replace(request([], 1000, form=Format.MESSAGES), body=body)
    fit = (await fitted(asked, Summariser())).body
    assert [block["text"][:8] for block in fit["system"]] == ["be brief", "Summary "]
    assert len(fit["messages"]) < 20


async def test_a_limit_that_holds_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="256 or more"):
        await fitted(request([said(0)], 10), Summariser())


async def test_a_summary_is_paid_for_from_the_same_budget() -> None:
    heard, budget = Heard(), RunBudget(10**9)
    provider = SimulatedProvider(lambda m, t: Reply("all of it"), clock=SystemClock())
    gateway = build([provider], Prices(), SystemClock(), heard, jitter=lambda: 0)
    long = [said(number) for number in range(20)]
    await gateway.complete(request(long, 1000), budget=budget)
    told = heard.of("llm_call")
    assert provider.calls == len(told) >= 2
    assert budget.spent_nano == sum(event["cost_nano"] for event in told)
    with pytest.raises(BudgetExceededError):
        await gateway.complete(request(long, 1000), budget=RunBudget(1))


async def test_a_summary_that_is_kept_is_not_asked_for_again() -> None:
    provider, kept = SimulatedProvider(clock=SystemClock()), dict[bytes, ModelReply]()
    gateway = build([provider], Prices(), SystemClock(), Heard(), jitter=lambda: 0)
    long = [said(number) for number in range(20)]
    await gateway.complete(request(long, 1000), summaries=kept)
    calls = provider.calls
    await gateway.complete(request(long, 1000), summaries=kept)
    assert provider.calls == calls + 1
