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

from fairlead.runs.run import Approval, Reason, Run, Status
from fairlead.runs.transcript import said_by_caller
from fairlead.web.api.message import Message, as_client_message, as_client_messages

Values = dict[str, Any]


def input_messages(run: Run) -> list[Message]:
    """What the caller said, with the ids the caller gave."""
    return as_client_messages(said_by_caller(run.input, run.id), run.id)


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
    messages = as_client_messages(state.get("messages") or (), thread_id)
    shown: Values = state.get("shown") or {}
    if "output" not in state:
        return {"messages": messages, **shown} if messages or not shown else shown
    return {**values_of_output(state["output"], messages), **shown}


def error_of(run: Run) -> dict[str, Any]:
    said = run.error or {}
    code = said.get("error") or run.reason or run.status
    return {"error": str(code), "message": said.get("message") or f"The run ended as {code}."}


def interrupts_of(run: Run, approvals: Sequence[Approval]) -> list[dict[str, Any]]:
    """What the run wants a person to say. A pause says nothing: the state shows where it is."""
    if run.reason is Reason.APPROVAL:
        return [
            {"id": one.id, "value": _asked(one)} for one in approvals if one.run_id == run.id and one.kind != "pause"
        ]
    return [{"id": run.id, "value": {**(run.error or {}), "reason": run.reason}}]


def _asked(one: Approval) -> Any:
    if one.kind == "interrupt":
        return one.data
    return {"question": one.question, "data": one.data, "expires_at": one.expires_at}


def _conversation(run: Run, state: Any) -> list[Message]:
    if state and run.thread_id is not None:
        return as_client_messages(state.get("messages") or (), run.thread_id)
    said = input_messages(run)
    answer = as_client_message({"role": "assistant", "content": run.output}, f"{run.id}-answer")
    return [*said, answer]
