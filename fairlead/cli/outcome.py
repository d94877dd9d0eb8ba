"""What a run came to, and the exit code that says it."""

from __future__ import annotations

from typing import Any

import orjson
from rich.markdown import Markdown
from rich.text import Text

from fairlead.cli.exits import Exit
from fairlead.cli.figures import between, usd
from fairlead.cli.say import err, out, safe, say

Json = dict[str, Any]


def exit_of_run(run: Json) -> Exit:
    match run["status"], run.get("reason"):
        case "success", _:
            return Exit.OK
        case "pending" | "running", _:
            return Exit.OK
        case "interrupted", "cancelled":
            return Exit.FAILED
        case "interrupted", _:
            return Exit.WAITING
        case _:
            return Exit.FAILED


def show_outcome(run: Json, *, console: str = "") -> None:
    """The output alone on stdout, so that it can be piped; the rest on stderr."""
    if run["status"] == "success":
        show_output(run["output"])
    err.print(_summary(run))
    for line in _advice(run):
        err.print(Text(safe(line)), soft_wrap=True)
    if console:
        err.print(Text(f"{console}/console/runs/{run['run_id']}", style="dim"))


def show_output(output: Any) -> None:
    if not isinstance(output, str):
        say(orjson.dumps(output, option=orjson.OPT_INDENT_2).decode())
    elif out.is_terminal:
        out.print(Markdown(safe(output)))
    else:
        say(output)


def _summary(run: Json) -> Text:
    good = run["status"] == "success"
    reason = f" ({run['reason']})" if run.get("reason") else ""
    facts = (
        f"{run['steps']} steps · {run['tokens_in'] + run['tokens_out']} tokens · {usd(run['cost_usd'])}"
        f" · {between(run.get('started_at'), run.get('finished_at'))}"
    )
    return Text.assemble((f"{run['status']}{reason}", "bold green" if good else "bold red"), f"  {facts}")


def _advice(run: Json) -> list[str]:
    run_id: str = run["run_id"]
    error: Json = run.get("error") or {}
    said = [f"{error.get('error', '')}: {error.get('message', '')}"] if error else []
    match run["status"], run.get("reason"):
        case "interrupted", "approval":
            return [*said, f"Answer it: fairlead runs approve {run_id}   or   fairlead runs deny {run_id}"]
        case "interrupted", "outcome_unknown":
            ways = "--done RESULT, --failed WHY or --repeat"
            return [*said, f"Find out what became of it, then: fairlead runs resume {run_id} {ways}"]
        case "interrupted", "diverged":
            return [*said, f"To go on all the same: fairlead runs resume {run_id}"]
        case (("error" | "timeout"), _):
            return [*said, f"To go on from what succeeded: fairlead runs retry {run_id}"]
        case _:
            return said
