"""`fairlead run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from fairlead.cli.client import part
from fairlead.cli.exits import Exit
from fairlead.cli.follow import follow
from fairlead.cli.outcome import exit_of_run, show_outcome
from fairlead.cli.reach import Reached, reach
from fairlead.cli.run_input import read_input, with_files
from fairlead.cli.say import AsJson, say_json, warn
from fairlead.errors import InvalidInput

app = typer.Typer(add_completion=False)


@app.command()
def run(
    agent: Annotated[str, typer.Argument(help="The agent's name in fairlead.toml.")],
    input: Annotated[str, typer.Option("--input", "-i", help="JSON or text; - reads stdin, @FILE a file.")] = "null",
    metadata: Annotated[str, typer.Option(help="A JSON object kept with the run.", show_default=False)] = "",
    budget: Annotated[float | None, typer.Option(help="US dollars it may spend.", show_default=False)] = None,
    priority: Annotated[int, typer.Option(help="Higher runs first.")] = 0,
    key: Annotated[str, typer.Option(help="Idempotency key: it starts one run only.", show_default=False)] = "",
    file: Annotated[list[Path] | None, typer.Option(help="Upload it for the run; may be repeated.")] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Print the id and leave; a server runs it.")] = False,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Run an agent and follow it: through the server of this project if one runs, else here.

    The output goes to stdout, the rest to stderr. Ctrl-C leaves the run alone and says how to come back to it.
    """
    body: dict[str, Any] = {"assistant_id": agent, "input": read_input(input), "priority": priority}
    if metadata:
        body["metadata"] = _object(metadata)
    if budget is not None:
        body["budget_usd"] = budget
    with reach(with_worker=not detach) as reached:
        if file:
            body["input"] = with_files(body["input"], [reached.client.upload(path) for path in file])
        started = reached.client.post("/runs", body, **({"idempotency-key": key} if key else {}))
        if detach:
            _detached(started, json=json)
            return
        ended = _followed(reached, started["run_id"], quiet=json)
        if json:
            say_json(ended)
        else:
            show_outcome(ended, console=reached.console)
    raise typer.Exit(exit_of_run(ended))


def _followed(reached: Reached, run_id: str, *, quiet: bool) -> dict[str, Any]:
    try:
        return follow(reached.client, run_id, quiet=quiet)
    except KeyboardInterrupt:
        where = "It is put down and goes on when a worker serves it (`fairlead dev`)." if reached.own else "It goes on."
        warn(f"\nLeft run {run_id}. {where}")
        warn(f"Come back: fairlead runs follow {part(run_id)}   Stop it: fairlead runs cancel {part(run_id)}")
        raise typer.Exit(Exit.INTERRUPTED) from None


def _detached(started: dict[str, Any], *, json: bool) -> None:
    if json:
        say_json(started)
    else:
        print(started["run_id"])


def _object(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"--metadata is no JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidInput("--metadata must be a JSON object.")
    return value  # pyright: ignore[reportUnknownVariableType]
