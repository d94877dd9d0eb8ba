"""`fairlead runs …`."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer
from rich.table import Table
from rich.text import Text

from fairlead.cli.client import Client, part
from fairlead.cli.exits import Exit
from fairlead.cli.figures import ago, between, short, usd
from fairlead.cli.follow import follow as follow_run
from fairlead.cli.following import Story, drawn
from fairlead.cli.outcome import exit_of_run, show_outcome
from fairlead.cli.reach import reach
from fairlead.cli.run_input import read_input
from fairlead.cli.say import AsJson, out, safe, say, say_json
from fairlead.clock import SystemClock
from fairlead.errors import Conflict, InvalidInput, NotFound

app = typer.Typer(add_completion=False, no_args_is_help=True, help="List, watch and move runs.")
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, or the beginning of it.")]
_STYLES = {
    "success": "green", "running": "cyan", "pending": "dim", "interrupted": "yellow", "error": "red", "timeout": "red",
}  # fmt: skip


@app.command("list")
def list_runs(
    status: Annotated[str | None, typer.Option(help="pending running success error timeout interrupted")] = None,
    reason: Annotated[str | None, typer.Option(help="Why: approval, cancelled, lost, …")] = None,
    agent: Annotated[str | None, typer.Option(help="Of this agent.")] = None,
    release: Annotated[str | None, typer.Option(help="On this release.")] = None,
    text: Annotated[str | None, typer.Option(help="With this in id or input.")] = None,
    before: Annotated[str | None, typer.Option(help="Older than this run: the next page.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 20,
    json: AsJson = False,
) -> None:
    """Runs, newest first."""
    with reach() as reached:
        found = reached.client.get("/runs", status=status, reason=reason, agent=agent, release=release, text=text,
                                   before=before, limit=limit)  # fmt: skip
    if json:
        say_json(found)
        return
    if not found:
        say("No runs.")
    if found:
        out.print(_listing(found))


@app.command()
def show(run: RunId, events: Annotated[bool, typer.Option("--events", help="All events too.")] = False,
         json: AsJson = False) -> None:  # fmt: skip
    """One run: its steps, its outcome, and what to do about it."""
    with reach() as reached:
        found = find_run(reached.client, run)
        told = _all_events(reached.client, found["run_id"])
    if json:
        say_json({**found, "events": told} if events else found)
        return
    say(f"{found['agent']}  {found['run_id']}  release {found['release']}", "bold")
    if origin := found["forked_from"]:
        say(f"forked from {origin['run_id']} at step {origin['step']} ({origin['name']})", "dim")
    story = Story()
    for event in told:
        if line := story.hear(event):
            out.print(drawn(line), no_wrap=True, overflow="ellipsis", soft_wrap=False)
        elif events:
            say(f"  {event['seq']} {event['type']} {event['kind'] or ''} {event['name'] or ''}", "dim")
    show_outcome(found, console=reached.console)


@app.command()
def follow(run: RunId, json: AsJson = False) -> None:
    """Watch a run until it has ended or waits for a person; `--json` prints its events as they come."""
    with reach() as reached:
        run_id = find_run(reached.client, run)["run_id"]
        try:
            ended = follow_run(reached.client, run_id, raw=json)
        except KeyboardInterrupt:
            raise typer.Exit(Exit.INTERRUPTED) from None
    if not json:
        show_outcome(ended, console=reached.console)
    raise typer.Exit(exit_of_run(ended))


@app.command()
def cancel(run: RunId, json: AsJson = False) -> None:
    """Stop a run and everything it started."""
    _change(run, "cancel", {}, json=json)


@app.command()
def retry(run: RunId, json: AsJson = False) -> None:
    """Let a run that failed go on: what succeeded is kept."""
    _change(run, "retry", {}, json=json)


@app.command()
def resume(
    run: RunId,
    done: Annotated[str | None, typer.Option(help="The effect happened; this was its result (JSON or text).")] = None,
    failed: Annotated[str | None, typer.Option(help="The effect did not happen; say why.")] = None,
    repeat: Annotated[bool, typer.Option("--repeat", help="Do it again.")] = False,
    step: Annotated[str | None, typer.Option(help="The step's key, where several are in doubt.")] = None,
    json: AsJson = False,
) -> None:
    """Let an interrupted run go on; say what became of an effect that nobody knows of."""
    with reach() as reached:
        found = find_run(reached.client, run)
        body: dict[str, Any] = {}
        if outcome := _outcome(done, failed, repeat=repeat):
            body["outcomes"] = {step or _in_doubt(reached.client, found["run_id"]): outcome}
        _show_change(reached.client.post(f"/runs/{part(found['run_id'])}/resume", body), json=json)


@app.command()
def move(
    run: RunId, release: Annotated[str, typer.Argument(help="The release to run on.")], json: AsJson = False
) -> None:
    """Give a run that nobody holds to another release."""
    _change(run, "move", {"release": release}, json=json)


@app.command()
def fork(
    run: RunId,
    from_step: Annotated[str, typer.Option(help="The step to do again: its key, or its event's number.")],
    set_result: Annotated[str | None, typer.Option(help="What is to have come of the step (JSON or text).")] = None,
    input: Annotated[str | None, typer.Option("--input", help="Another input (JSON or text).")] = None,
    assistant: Annotated[str | None, typer.Option(help="Another agent or assistant.")] = None,
    release: Annotated[str | None, typer.Option(help="Another release.")] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Start a run from a step of another: what that run did before the step is not done or paid again."""
    body: dict[str, Any] = {"from_step": from_step}
    body |= {} if set_result is None else {"result": read_input(set_result)}
    body |= {} if input is None else {"input": read_input(input)}
    body |= {k: v for k, v in (("assistant_id", assistant), ("release", release)) if v is not None}
    _change(run, "fork", body, json=json)


@app.command()
def score(
    run: RunId,
    name: Annotated[str, typer.Argument(help="What is scored, such as helpful.")],
    value: Annotated[str, typer.Argument(help="A number, yes or no, or a category.")],
    comment: Annotated[str | None, typer.Option(help="Kept with the score.")] = None,
    step: Annotated[str | None, typer.Option(help="The key of the step that is meant.")] = None,
    source: Annotated[str, typer.Option(help="person, rule or model.")] = "person",
    author: Annotated[str | None, typer.Option(help="Who says so. Default: who calls.")] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Say what a run is worth. Each author has one score of a name: said again, it is changed."""
    given = {"comment": comment, "step": step, "author": author}
    body = {"name": name, "value": _value(value), "source": source} | {k: v for k, v in given.items() if v is not None}
    with reach() as reached:
        run_id = find_run(reached.client, run)["run_id"]
        made = reached.client.post(f"/runs/{part(run_id)}/scores", body)
    if json:
        say_json(made)
    else:
        say(f"{made['name']} of {run_id} is {made['value']}.")


@app.command()
def approve(run: RunId, comment: Annotated[str | None, typer.Option(help="Kept with the answer.")] = None,
            json: AsJson = False) -> None:  # fmt: skip
    """Say yes to what a run asks."""
    _answer(run, approved=True, comment=comment, json=json)


@app.command()
def deny(run: RunId, comment: Annotated[str | None, typer.Option(help="Kept with the answer.")] = None,
         json: AsJson = False) -> None:  # fmt: skip
    """Say no to what a run asks."""
    _answer(run, approved=False, comment=comment, json=json)


def _value(text: str) -> bool | float | str:
    """A number, yes or no, or a category."""
    if text.lower() in ("yes", "true", "no", "false"):
        return text.lower() in ("yes", "true")
    try:
        return float(text)
    except ValueError:
        return text


def _answer(run: str, *, approved: bool, comment: str | None, json: bool) -> None:
    with reach() as reached:
        found = find_run(reached.client, run)
        asked = reached.client.get("/approvals", run_id=found["run_id"], open="true")
        if not asked:
            raise Conflict(f"Run {found['run_id']} asks nothing.", hint="It was answered, or the question has expired.")
        body = {"approved": approved} | ({"comment": comment} if comment else {})
        answered = reached.client.post(f"/approvals/{part(asked[-1]['id'])}", body)
    if json:
        say_json(answered)
    else:
        say(f"{'Approved' if approved else 'Denied'}: {answered['question']}")


def _change(run: str, move: str, body: dict[str, Any], *, json: bool) -> None:
    with reach() as reached:
        run_id = find_run(reached.client, run)["run_id"]
        _show_change(reached.client.post(f"/runs/{part(run_id)}/{move}", body), json=json)


def _show_change(run: dict[str, Any], *, json: bool) -> None:
    if json:
        say_json(run)
    else:
        reason = f" ({run['reason']})" if run["reason"] else ""
        say(f"{run['run_id']} is {run['status']}{reason}" + (" and stops" if run["status"] == "running" else "") + ".")


def find_run(client: Client, given: str) -> dict[str, Any]:
    """By id, or by a piece of one that only one run has. Raises `NotFound`, `InvalidInput`."""
    if len(given) >= 36:
        return client.get(f"/runs/{part(given)}")
    found = [run for run in client.get("/runs", text=given, limit=50) if run["run_id"].startswith(given)]
    if len(found) > 1:
        raise InvalidInput(f"{given} fits {len(found)} runs or more.", hint="Give more of the id.")
    if not found:
        raise NotFound(f"There is no run {given}.", hint="See `fairlead runs list`.")
    return found[0]


def _all_events(client: Client, run_id: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    while page := client.get(f"/runs/{part(run_id)}/events", after=events[-1]["seq"] if events else 0, limit=1000):
        events += page
    return events


def _outcome(done: str | None, failed: str | None, *, repeat: bool) -> dict[str, Any] | None:
    given = [done is not None, failed is not None, repeat]
    if sum(given) > 1:
        raise InvalidInput("Give one of --done, --failed and --repeat.")
    if done is not None:
        return {"result": read_input(done)}
    if failed is not None:
        return {"error": {"error": "tool_failed", "message": failed}}
    return {"repeat": True} if repeat else None


def _in_doubt(client: Client, run_id: str) -> str:
    """The step whose effect began and was never recorded."""
    open_steps: dict[str, str] = {}
    for event in _all_events(client, run_id):
        if event["type"] == "intent" and event["kind"] == "tool":
            open_steps[event["key"]] = event["name"]
        elif event["type"] in ("step", "failed"):
            open_steps.pop(event["key"], None)
    if len(open_steps) != 1:
        listed = ", ".join(f"{key} ({name})" for key, name in open_steps.items()) or "none"
        raise InvalidInput(f"Say which effect with --step; in doubt: {listed}.")
    return next(iter(open_steps))


def _listing(runs: list[dict[str, Any]]) -> Table:
    """On a narrow terminal without the last columns: the id must stay whole."""
    now, wide = SystemClock().now(), not out.is_terminal or out.width >= 140
    table = Table(box=None, pad_edge=False, header_style="dim")
    headings = ("run", "agent", "status", "created", "cost", *(("took", "steps", "input") if wide else ()))
    for heading in headings:
        table.add_column(heading, no_wrap=True, min_width=36 if heading == "run" else None)
    for run in runs:
        why = f" {run['reason']}" if run["reason"] else ""
        cells = [run["run_id"], run["agent"], run["status"] + why, ago(run["created_at"], now), usd(run["cost_usd"]),
                 between(run["started_at"], run["finished_at"]), str(run["steps"]),
                 short(orjson.dumps(run["input"]).decode(), 40)]  # fmt: skip
        styles = ("dim", "bold", _STYLES.get(run["status"], ""), "dim", "", "", "", "dim")
        table.add_row(*(Text(safe(cell), style) for cell, style in zip(cells[: len(headings)], styles, strict=False)))
    return table
