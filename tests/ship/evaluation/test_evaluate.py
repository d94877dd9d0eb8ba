from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fairlead.errors import TargetUnavailable, UnknownAgent
from fairlead.ship.evaluation.ask import Answer, Message, Said
from fairlead.ship.evaluation.evaluate import Terms, evaluate
from fairlead.ship.evaluation.outcome import Outcome, Result
from fairlead.ship.evaluation.scorers import AnyEvaluator
from fairlead.ship.evaluation.suite import Suite, load_suite

SUITE = """\
agent: echo
scorers: [mine:Mine]
cases:
  - {name: a, inputs: a, expected_output: a}
  - {name: b, inputs: b, expected_output: c}
evaluators: [Exact]
"""


@dataclass(repr=False)
class Mine(AnyEvaluator):
    says: Any = None

    async def evaluate(self, ctx: Any) -> Any:
        if self.says == "raise":
            raise KeyError("oops")
        if self.says == "ask":
            await ctx.ask_model("m", [])
            return True
        return self.says


def suite(folder: Path, text: str = SUITE) -> Suite:
    path = folder / "smoke.yaml"
    path.write_text(text)
    return load_suite(path, lambda _: Mine)


async def echo(agent: str, input: Any) -> Answer:
    return Answer(input, 100, 0.5, f"run-{input}", "v1")


async def ask_model(model: str, messages: Sequence[Message]) -> Said:
    return Said("", 7)


async def run(suite: Suite, ask: Any = echo, trials: int = 1, most: int = 10**9, at_once: int = 4) -> list[Outcome]:
    return await evaluate(suite, ask, ask_model, Terms(trials, most, at_once))


async def test_each_case_is_asked_as_often_as_wanted(tmp_path: Path) -> None:
    found = await run(suite(tmp_path), trials=2)
    assert [(one.case, one.trial, one.result) for one in found] == [
        ("a", 1, Result.PASSED), ("b", 1, Result.FAILED), ("a", 2, Result.PASSED), ("b", 2, Result.FAILED),
    ]  # fmt: skip
    first, second, *_ = found
    assert (first.cost_nano, first.seconds, first.run_id, first.release) == (100, 0.5, "run-a", "v1")
    assert (first.scores, first.output, first.why) == ({"Exact": True}, "a", "")
    assert '"b" is not "c"' in second.why


@pytest.mark.parametrize(
    ("says", "result", "why"),
    [
        ("raise", Result.COULD_NOT_ASK, "KeyError"),
        (True, Result.PASSED, ""),
        (False, Result.FAILED, "Mine: no"),
        (0.9, Result.COULD_NOT_ASK, "no scorer says yes or no"),
        (None, Result.COULD_NOT_ASK, "NoneType is no score"),
    ],
)
async def test_only_a_yes_passes(tmp_path: Path, says: Any, result: Result, why: str) -> None:
    text = f"agent: echo\nscorers: [m]\ncases: [{{inputs: a}}]\nevaluators: [{{Mine: {{says: {says!s}}}}}]\n"
    [found] = await run(suite(tmp_path, text.replace("None", "null").replace("True", "true").replace("False", "false")))
    assert (found.result, why in found.why) == (result, True), found


async def test_a_clear_no_counts_although_another_scorer_broke(tmp_path: Path) -> None:
    text = SUITE.replace("[Exact]", "[Exact, {Mine: raise}]")
    found = await run(suite(tmp_path, text))
    assert [one.result for one in found] == [Result.COULD_NOT_ASK, Result.FAILED]


async def test_an_agent_that_fails_has_failed_and_one_that_is_away_could_not_be_asked(tmp_path: Path) -> None:
    async def ask(agent: str, input: Any) -> Answer:
        if input == "b":
            raise TargetUnavailable("nobody there")
        return Answer(cost_nano=3, error="tool_failed: broke")

    found = await run(suite(tmp_path), ask)
    assert [(one.result, one.why, one.cost_nano) for one in found] == [
        (Result.FAILED, "tool_failed: broke", 3), (Result.COULD_NOT_ASK, "nobody there", 0),
    ]  # fmt: skip


async def test_beyond_the_cost_nothing_more_is_asked(tmp_path: Path) -> None:
    assert len(await run(suite(tmp_path), trials=50, most=250, at_once=1)) == 3
    dear = SUITE.replace("[Exact]", "[{Mine: ask}]")
    found = await run(suite(tmp_path, dear), trials=50, most=213, at_once=1)
    assert [(one.judge_nano, one.result) for one in found] == [(7, Result.PASSED)] * 2


async def test_what_no_case_can_be_put_to_ends_it_and_leaves_nothing_under_way(tmp_path: Path) -> None:
    begun, ended = 0, 0

    async def ask(agent: str, input: Any) -> Answer:
        nonlocal begun, ended
        if input == "b":
            raise UnknownAgent("no such agent")
        begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            ended += 1
        raise AssertionError

    with pytest.raises(UnknownAgent):
        await run(suite(tmp_path), ask, trials=3)
    assert begun == ended > 0


async def test_a_long_output_is_kept_as_its_beginning(tmp_path: Path) -> None:
    async def ask(agent: str, input: Any) -> Answer:
        return Answer("x" * 100_000)

    found = await run(suite(tmp_path), ask)
    assert len(found[0].output) == 4000 and len(found[0].why) <= 300
