"""`fairlead simulate`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from fairlead.cli.options import WithParent, end_with_parent
from fairlead.cli.say import AsJson, say, say_json
from fairlead.errors import InvalidInput
from fairlead.gateway.faults import Faults, parse_faults
from fairlead.gateway.policy import load_policy
from fairlead.gateway.simulate import serve

app = typer.Typer(add_completion=False)


@app.command()
def simulate(
    policy: Annotated[str, typer.Option(help="What it says: policy.py:triage. Not given: uses each tool once.")] = "",
    host: Annotated[str, typer.Option(help="Address to listen on. Beyond this machine with --api-key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 9100,
    latency: Annotated[float, typer.Option(min=0, help="Milliseconds before each answer.")] = 0,
    tokens_per_second: Annotated[float, typer.Option(min=0, help="How fast it talks; 0: as fast as it can.")] = 0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="What goes wrong: a rate (rate_limit=0.1) or the next calls (timeout=next:2). Faults: rate_limit, "
            "server_error, timeout, cut, malformed, slow.", show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Makes the same faults come again.")] = 0,
    model: Annotated[str, typer.Option(help="The name it gives itself.")] = "simulated",
    api_key: Annotated[str, typer.Option(help="The key it asks for.", show_default=False)] = "",
    with_parent: WithParent = False,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Serve a simulated model provider over HTTP, in OpenAI's words.

    GET /stats counts the calls by what was asked; POST /reset begins anew; POST /faults makes things go wrong.
    """
    if with_parent:
        end_with_parent()
    said = load_policy(policy, Path.cwd()) if policy else None
    faults = _faults(fault or [], seed)
    url = f"http://{host}:{port}"
    if json:
        say_json({"event": "starting", "url": url})
    else:
        say(f'Simulated provider at {url}   in fairlead.toml: [providers.simulated] url = "{url}"   Ctrl-C stops')
    serve(
        said, host=host, port=port, latency=timedelta(milliseconds=latency),
        tokens_per_second=tokens_per_second or None, faults=faults, model=model, api_key=api_key,
    )  # fmt: skip


def _faults(given: list[str], seed: int) -> Faults:
    rates: dict[str, Any] = {}
    planned: dict[str, Any] = {}
    for one in given:
        name, equals, amount = one.partition("=")
        if not equals:
            raise InvalidInput(f"--fault {one} says no rate.", hint=f"Write --fault {name}=0.1 or {name}=next:1.")
        table, number = (planned, amount.removeprefix("next:")) if amount.startswith("next:") else (rates, amount)
        try:
            table[name] = float(number)
        except ValueError:
            raise InvalidInput(f"--fault {one}: {number!r} is no number.") from None
    return parse_faults({"rates": rates, "next": planned, "seed": seed})
