"""Every state as shape, colour and word: the shape says it without colour, the word without either."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fairlead.runs.run import Reason, Run, Status
from fairlead.runs.threads import ThreadStatus
from fairlead.ship.ledger import Deploy
from fairlead.ship.strategy import Outcome, Word
from fairlead.ship.verdict import Verdict
from fairlead.web.console.language import N_


class Tone(StrEnum):
    """Which of the state colours."""

    MUTED = "muted"
    ACCENT = "accent"
    OK = "ok"
    ERR = "err"
    WARN = "warn"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class State:
    """`word` is shown; `name` is the status of the API, kept for those who hear the page."""

    icon: str  # a symbol in static/icons.svg
    tone: Tone
    word: str
    name: str = ""


_STATUS = {
    Status.PENDING: State("pending", Tone.MUTED, N_("pending")),
    Status.RUNNING: State("running", Tone.ACCENT, N_("running")),
    Status.SUCCESS: State("success", Tone.OK, N_("success")),
    Status.ERROR: State("error", Tone.ERR, N_("error")),
    Status.TIMEOUT: State("timeout", Tone.ERR, N_("timeout")),
    Status.INTERRUPTED: State("interrupted", Tone.WARN, N_("interrupted")),
}

_REASON = {
    Reason.TIMER: State("pending", Tone.MUTED, N_("sleeping")),
    Reason.CHILD: State("pending", Tone.MUTED, N_("waits for a child")),
    Reason.THREAD: State("pending", Tone.MUTED, N_("queued in thread")),
    Reason.LATER: State("pending", Tone.MUTED, N_("starts later")),
    Reason.DRAINED: State("pending", Tone.MUTED, N_("drained")),
    Reason.LOST: State("pending", Tone.ASK, N_("worker lost")),
    Reason.APPROVAL: State("interrupted", Tone.WARN, N_("needs approval")),
    Reason.CANCELLED: State("cancelled", Tone.MUTED, N_("cancelled")),
    Reason.OUTCOME_UNKNOWN: State("interrupted", Tone.WARN, N_("outcome unknown")),
    Reason.DIVERGED: State("interrupted", Tone.WARN, N_("diverged")),
    Reason.BUDGET: State("error", Tone.ERR, N_("budget spent")),
    Reason.POISON: State("error", Tone.ERR, N_("error, poison")),
    Reason.DEADLINE: State("timeout", Tone.ERR, N_("past deadline")),
}

_OUTCOME = {
    Outcome.SUCCEEDED: State("success", Tone.OK, N_("succeeded")),
    Outcome.REFUSED: State("cancelled", Tone.ERR, N_("refused")),
    Outcome.ROLLED_BACK: State("error", Tone.ERR, N_("rolled back")),
    Outcome.FROZEN: State("interrupted", Tone.WARN, N_("frozen")),
    Outcome.FAILED: State("error", Tone.ERR, N_("rollback failed")),
}
_WORD = {
    Word.PROMOTE: State("running", Tone.ACCENT, N_("promoting")),
    Word.BACK: State("running", Tone.WARN, N_("rolling back")),
    Word.HALT: State("running", Tone.WARN, N_("halting")),
}
_VERDICT = {
    Verdict.PASS: State("success", Tone.OK, N_("pass")),
    Verdict.FAIL: State("error", Tone.ERR, N_("fail")),
    Verdict.UNCLEAR: State("unclear", Tone.WARN, N_("unclear")),
    Verdict.COULD_NOT_ASK: State("unknown", Tone.ASK, N_("could not ask")),
}
_THREAD = {
    ThreadStatus.IDLE: State("success", Tone.MUTED, N_("idle"), "idle"),
    ThreadStatus.BUSY: State("running", Tone.ACCENT, N_("busy"), "busy"),
    ThreadStatus.INTERRUPTED: State("interrupted", Tone.WARN, N_("needs a person"), "interrupted"),
    ThreadStatus.ERROR: State("error", Tone.ERR, N_("last run failed"), "error"),
}
PLANNED = State("pending", Tone.MUTED, N_("to come"))
UNDER_WAY = State("running", Tone.ACCENT, N_("under way"))


def of_thread(status: ThreadStatus) -> State:
    return _THREAD[status]


def of_verdict(verdict: Verdict) -> State:
    return _VERDICT[verdict]


def of_deploy(deploy: Deploy) -> State:
    """Its outcome; before, what it is about to do because somebody said so."""
    if deploy.outcome is not None:
        return _OUTCOME[deploy.outcome]
    return UNDER_WAY if deploy.word is None else _WORD[deploy.word]


def of_status(status: Status) -> State:
    """For a filter: the status by itself."""
    return _STATUS[status]


def of_run(run: Run) -> State:
    """For a row or a head: the reason instead of the status where there is one."""
    plain = _STATUS[run.status]
    if run.status is Status.RUNNING:
        if run.cancel_requested:
            return State("running", Tone.WARN, N_("cancelling"), run.status.value)
        return State(plain.icon, plain.tone, plain.word, run.status.value)
    if run.reason is None:
        return State(plain.icon, plain.tone, plain.word, run.status.value)
    told = _REASON[run.reason]
    if run.status is Status.INTERRUPTED and run.reason is Reason.BUDGET:
        return State("interrupted", Tone.WARN, told.word, run.status.value)
    return State(told.icon, told.tone, told.word, run.status.value)
