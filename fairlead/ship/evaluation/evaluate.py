"""Put the cases of a suite to an agent, and let their scorers say what the answers are worth.

all cases once, then all once more, … ──► ask ──► score ──► outcome
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from pydantic_evals.evaluators import EvaluationReason
from pydantic_evals.otel import SpanTree

from fairlead.errors import TargetUnavailable
from fairlead.ship.evaluation.ask import Answer, Ask, AskModel
from fairlead.ship.evaluation.outcome import Outcome, Result
from fairlead.ship.evaluation.scorers import Bill, Scored
from fairlead.ship.evaluation.suite import Case, Suite

AT_ONCE = 4
_KEPT = 4000  # characters of an output that are kept
_SHOWN = 300  # of why


@dataclass(frozen=True, slots=True)
class Terms:
    """`most_nano`: beyond that much nothing more is asked; what is under way then still is."""

    trials: int
    most_nano: int
    at_once: int = AT_ONCE


async def evaluate(
    suite: Suite, ask: Ask, ask_model: AskModel, terms: Terms, *, tell: Callable[[Outcome], None] | None = None
) -> list[Outcome]:
    """In the order of trials and cases; `tell` hears each as it comes. Raises what `ask` raises."""
    todo = ((trial, place) for trial in range(1, terms.trials + 1) for place in range(len(suite.cases)))
    done: dict[tuple[int, int], Outcome] = {}
    spent = 0

    async def work(todo: Iterator[tuple[int, int]]) -> None:
        nonlocal spent
        for trial, place in todo:  # all take from the one iterator
            if spent > terms.most_nano:
                return
            found = await _try(suite, suite.cases[place], trial, ask, ask_model)
            done[trial, place] = found
            spent += found.cost_nano + found.judge_nano
            if tell is not None:
                tell(found)

    workers = [asyncio.create_task(work(todo)) for _ in range(terms.at_once)]
    try:
        await asyncio.gather(*workers)
    finally:
        for one in workers:
            one.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return [done[key] for key in sorted(done)]


async def _try(suite: Suite, case: Case, trial: int, ask: Ask, ask_model: AskModel) -> Outcome:
    try:
        answer = await ask(suite.agent, case.inputs)
    except TargetUnavailable as error:
        return Outcome(
            case.name,
            case.digest,
            trial,
            Result.COULD_NOT_ASK,
            _short(error.message),
            kept=case.kept,
            expected=_kept(case.expected_output),
        )
    if answer.error:
        return _outcome(case, trial, answer, Result.FAILED, answer.error)
    bill = Bill(ask_model)
    scores, against, broken = await _scored(case, answer, bill)
    decided = any(isinstance(value, bool) for value in scores.values())
    if not against and not broken and not decided:
        broken = ["no scorer says yes or no"]
    # A clear no is one, whatever else broke.
    result = Result.FAILED if against else Result.COULD_NOT_ASK if broken else Result.PASSED
    why = "; ".join((*against, *broken))
    return _outcome(case, trial, answer, result, why, scores=scores, judge_nano=bill.nano)


async def _scored(case: Case, answer: Answer, bill: Bill) -> tuple[dict[str, bool | float | str], list[str], list[str]]:
    """What each scorer says, what is against the answer, and what broke."""
    context = Scored(
        name=case.name, inputs=case.inputs, metadata=case.metadata, expected_output=case.expected_output,
        output=answer.output, duration=answer.seconds, _span_tree=SpanTree(), attributes={"run_id": answer.run_id},
        metrics={"cost_usd": answer.cost_nano / 1e9}, ask_model=bill.ask,
    )  # fmt: skip
    scores, against, broken = dict[str, bool | float | str](), list[str](), list[str]()
    for scorer in case.scorers:
        name = scorer.get_default_evaluation_name()
        try:
            told = _told(name, await scorer.evaluate_async(context))
        except Exception as error:  # noqa: BLE001 - the edge to code that is the user's
            broken.append(f"{name} broke: {type(error).__name__}: {error}")
            continue
        for label, one in told.items():
            scores[label] = one.value
            if one.value is False:
                against.append(f"{label}: {one.reason or 'no'}")
    return scores, against, broken


def _told(name: str, said: Any) -> dict[str, EvaluationReason]:
    """Raises `ValueError` for what pydantic-evals takes for no score."""
    many = cast("Mapping[str, Any]", said) if isinstance(said, Mapping) else {name: said}
    told = {
        str(label): one if isinstance(one, EvaluationReason) else EvaluationReason(one) for label, one in many.items()
    }
    for one in told.values():
        if not isinstance(cast("Any", one.value), bool | int | float | str):
            raise ValueError(f"{type(one.value).__name__} is no score")
    return told


def _outcome(
    case: Case, trial: int, answer: Answer, result: Result, why: str, *,
    scores: Mapping[str, bool | float | str] | None = None, judge_nano: int = 0,
) -> Outcome:  # fmt: skip
    return Outcome(
        case.name, case.digest, trial, result, _short(why), scores or {}, answer.seconds, answer.cost_nano, judge_nano,
        answer.run_id, answer.release, _kept(answer.output), case.kept,
        _kept(case.expected_output),
    )  # fmt: skip


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _kept(output: Any) -> Any:
    """A long one as the beginning of its JSON."""
    text = orjson.dumps(output).decode()
    return output if len(text) <= _KEPT else f"{text[: _KEPT - 1]}…"
