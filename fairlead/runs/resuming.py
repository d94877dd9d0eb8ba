"""What somebody's answer means for the questions a run has open: which is answered, and how. Pure.

{id: answer, …}  each by its id          anything else  the one question that is open
no question, but pauses                  whatever is said: go on
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from fairlead.errors import Conflict, InvalidInput
from fairlead.runs.run import Approval


class Answer(NamedTuple):
    approval: Approval
    approved: bool
    comment: str | None = None
    value: Any = None  # of an interrupt


def answers_of(asked: Sequence[Approval], said: Any, *, only_pauses: bool = False) -> list[Answer]:
    """Raises `InvalidInput` when it does not answer what is asked, `Conflict` when nothing is, or when a question is
    open and somebody only wants to go on."""
    if not asked:
        raise Conflict("The thread has no open question.", hint="Somebody answered it, or it has expired.")
    questions = [one for one in asked if one.kind != "pause"]
    if not questions:
        return [Answer(one, True) for one in asked]
    if only_pauses:
        raise Conflict("The run asks a question.", hint=f"Answer it with command.resume: {questions[0].question}")
    named = {one.id: one for one in questions}
    if isinstance(said, dict) and said and set(cast("dict[str, Any]", said)) <= set(named):
        return [_answer(named[key], value) for key, value in cast("dict[str, Any]", said).items()]
    if len(questions) > 1:
        listed = ", ".join(named)
        raise InvalidInput(f"{len(questions)} questions are open.", hint=f"Answer by id: {{id: answer}}, of {listed}.")
    return [_answer(questions[0], said)]


def _answer(asked: Approval, said: Any) -> Answer:
    if asked.kind == "interrupt":
        return Answer(asked, True, value=said)
    if isinstance(said, bool):
        return Answer(asked, said)
    given = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    approved, comment = given.get("approved"), given.get("comment")
    if not isinstance(approved, bool) or not isinstance(comment, str | None) or set(given) - {"approved", "comment"}:
        raise InvalidInput(
            "An approval is answered with true, false or {approved, comment}.", hint=f"It asks: {asked.question}"
        )
    return Answer(asked, approved, comment.replace("\0", "") if comment else comment)
