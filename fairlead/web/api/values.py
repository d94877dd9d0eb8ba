"""What a run or a thread has come to, as LangGraph's clients read it: its state `values`.

a text            ──► {"messages": [… the conversation …], "output": text}
an object         ──► itself
any other JSON    ──► {"output": value}
a failed run      ──► {"__error__": {error, message}}
one that waits    ──► {"__interrupt__": [{value, id}]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from fairlead.agents.conversation import as_messages
from fairlead.errors import InvalidInput
from fairlead.runs.run import Approval, Reason, Run, Status
from fairlead.web.api.message import Message, as_client_message, as_client_messages

Values = dict[str, Any]


def input_messages(run: Run) -> list[Message]:
    """What the caller said, with the ids the caller gave."""
    try:
        said = as_messages(run.input)
    except InvalidInput:
        return []  # the agent will say so
    sent: Any = run.input
    given: list[dict[str, Any]] = (cast("dict[str, Any]", sent).get("messages") or []) if isinstance(sent, dict) else []
    named = [{**one, "id": sent.get("id")} for one, sent in zip(said, given, strict=False)]
    return as_client_messages(named or said, run.id)


def values_of_output(output: Any, conversation: Sequence[Message]) -> Values:
    if isinstance(output, str):
        return {"messages": list(conversation), "output": output}
    if isinstance(output, dict):
        return cast("Values", output)
    return {"output": output}


def values_of_run(run: Run, *, state: Any = None, approvals: Sequence[Approval] = ()) -> Values:
    """`state` is what its thread keeps, if the run left it there."""
    if run.status is Status.SUCCESS:
        return values_of_output(run.output, _conversation(run, state))
    if run.status is Status.INTERRUPTED and run.reason is not Reason.CANCELLED:
        return {"__interrupt__": interrupts_of(run, approvals)}
    if run.status in (Status.PENDING, Status.RUNNING):
        return {}
    return {"__error__": error_of(run)}


def values_of_state(thread_id: str, state: Mapping[str, Any] | None) -> Values:
    if not state:
        return {}
    return values_of_output(state.get("output"), as_client_messages(state.get("messages") or (), thread_id))


def error_of(run: Run) -> dict[str, Any]:
    said = run.error or {}
    code = said.get("error") or run.reason or run.status
    return {"error": str(code), "message": said.get("message") or f"The run ended as {code}."}


def interrupts_of(run: Run, approvals: Sequence[Approval]) -> list[dict[str, Any]]:
    """What the run wants a person to say."""
    asked = [
        {"id": one.id, "value": {"question": one.question, "data": one.data, "expires_at": one.expires_at}}
        for one in approvals
        if one.run_id == run.id
    ]
    return asked or [{"id": run.id, "value": {**(run.error or {}), "reason": run.reason}}]


def _conversation(run: Run, state: Any) -> list[Message]:
    if state and run.thread_id is not None:
        return as_client_messages(state.get("messages") or (), run.thread_id)
    said = input_messages(run)
    answer = as_client_message({"role": "assistant", "content": run.output}, f"{run.id}-answer")
    return [*said, answer]
