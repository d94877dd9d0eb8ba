"""The question before a move: what it does and to what, asked in words. Nothing has happened until it is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from fairlead.runs.run import Approval, Reason, Run, Status
from fairlead.ship.ledger import Deploy
from fairlead.ship.strategy import Word
from fairlead.web.console.desk import Desk
from fairlead.web.console.door import Outcome
from fairlead.web.console.headline import headline
from fairlead.web.console.language import N_
from fairlead.web.console.section import is_fragment


@dataclass(frozen=True, slots=True)
class Move:
    """A link in the head of a run."""

    name: str
    label: str
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    title: str
    text: str
    detail: str
    confirm: str
    action: str  # where the answer is posted
    back: str
    danger: bool = False
    comment: bool = False
    releases: tuple[str, ...] = ()
    outcomes: tuple[tuple[str, str], ...] = ()
    fields: tuple[tuple[str, str], ...] = ()


CANCEL = Move("cancel", N_("Cancel run"), danger=True)
RETRY = Move("retry", N_("Retry"))
RESUME = Move("resume", N_("Resume"))
MOVE = Move("move", N_("Move to release"))

_TEXT = {
    "cancel": N_("The run stops within a second. What it has recorded is kept, and it can be resumed."),
    "retry": N_("The run goes on: what succeeded is kept, what failed is done again."),
    "resume": N_("The run goes on from its last recorded step. Recorded steps are not paid again."),
    "move": N_("The run will be carried on by another release. Recorded steps are reused where they still fit."),
}
_TITLE = {
    "cancel": N_("Cancel this run?"),
    "retry": N_("Retry this run?"),
    "resume": N_("Resume this run?"),
    "move": N_("Move this run?"),
}
_CONFIRM = {
    "cancel": N_("Cancel this run"),
    "retry": N_("Retry this run"),
    "resume": N_("Resume this run"),
    "move": N_("Move this run"),
}
_WORDS = {
    Word.PROMOTE: (
        N_("Promote %(new)s?"), N_("Promote"),
        N_("What is still to be watched counts as passed: %(new)s gets all requests, step by step."),
    ),
    Word.BACK: (
        N_("Roll back to %(old)s?"), N_("Roll back"),
        N_("Requests go to %(old)s first, then %(new)s ends. Runs that began on it end on it."),
    ),
    Word.HALT: (
        N_("Halt the deploy of %(new)s?"), N_("Halt"),
        N_("The deploy ends here. Both releases run on and requests stay divided as they are, until somebody ships "
           "again or rolls back from the command line."),
    ),
}  # fmt: skip
_OUTCOMES = (
    (Outcome.DONE.value, N_("It was done. Go on without repeating it.")),
    (Outcome.FAILED.value, N_("It was not done. Tell the agent that it failed.")),
    (Outcome.REPEAT.value, N_("It was not done. Do it now.")),
)
MOVES = tuple(_TEXT)


def answer_question(desk: Desk, request: Request, question: Question, *, here: str) -> Response:
    """On a page of its own, or in the dialog of the page that asks for it."""
    template = "parts/_question.html" if is_fragment(request) else "pages/question.html"
    return desk.page(request, template, question=question, here=here)


def moves(run: Run, *, other_release: bool = False) -> list[Move]:
    """What can be done with a run as it is now."""
    match run.status:
        case Status.RUNNING:
            return [] if run.cancel_requested else [CANCEL]
        case Status.PENDING:
            return [MOVE, CANCEL] if other_release else [CANCEL]
        case Status.SUCCESS:
            return []
        case Status.ERROR | Status.TIMEOUT:
            return [RETRY]
        case Status.INTERRUPTED:
            if run.reason is Reason.APPROVAL:
                return [CANCEL]
            return [RESUME, *([MOVE] if other_release else [])]


def of_move(name: str, run: Run, translate: Callable[[str], str], *, releases: tuple[str, ...] = ()) -> Question:
    return Question(
        title=translate(_TITLE[name]),
        text=translate(_TEXT[name]),
        detail=headline(run),
        confirm=translate(_CONFIRM[name]),
        action=f"/console/runs/{run.id}/{name}",
        back=f"/console/runs/{run.id}",
        danger=name == "cancel",
        releases=releases if name == "move" else (),
        outcomes=_OUTCOMES if name == "resume" and run.reason is Reason.OUTCOME_UNKNOWN else (),
    )


def of_word(word: Word, deploy: Deploy, translate: Callable[[str], str], *, step: str) -> Question:
    """`step`: the one under way."""
    given = {"new": deploy.plan.new, "old": deploy.plan.old or translate(N_("nothing"))}
    title, confirm, text = (translate(one) % given for one in _WORDS[word])
    path = f"/console/deploys/{deploy.id}"
    detail = " · ".join(filter(None, (f"{given['old']} → {given['new']}", step)))
    return Question(title, text, detail, confirm, f"{path}/{word.value}", path, danger=word is not Word.PROMOTE)


def of_approval(approval: Approval, translate: Callable[[str], str], *, approve: bool) -> Question:
    return Question(
        title=translate(N_("Approve this?")) if approve else translate(N_("Deny this?")),
        text=translate(N_("The run goes on with your answer. It cannot be taken back.")),
        detail=approval.question,
        confirm=translate(N_("Approve")) if approve else translate(N_("Deny")),
        action=f"/console/approvals/{approval.id}/answer",
        back=f"/console/runs/{approval.run_id}",
        danger=not approve,
        comment=True,
        fields=(("approved", "yes" if approve else "no"),),
    )
