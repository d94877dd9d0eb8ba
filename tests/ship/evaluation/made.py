"""Outcomes as an evaluation has them."""

from __future__ import annotations

from typing import Any

from fairlead.ship.evaluation.outcome import Outcome, Result

PASSED, FAILED, LOST = Result.PASSED, Result.FAILED, Result.COULD_NOT_ASK


def outcome(result: Result = PASSED, case: str = "one", trial: int = 1, **more: Any) -> Outcome:
    given: dict[str, Any] = {"digest": case, "seconds": 1.0, "cost_nano": 1000} | more
    return Outcome(case=case, trial=trial, result=result, **given)


def outcomes(passed: int, failed: int = 0, lost: int = 0) -> list[Outcome]:
    return [outcome(PASSED)] * passed + [outcome(FAILED)] * failed + [outcome(LOST)] * lost
