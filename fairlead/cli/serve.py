"""`fairlead serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from fairlead.cli.options import Host, Port
from fairlead.cli.say import AsJson, say, say_json
from fairlead.wiring.process import run_process
from fairlead.wiring.project import open_setup
from fairlead.wiring.serving import serve as serve_until_stopped

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    host: Host = None,
    port: Port = None,
    worker: Annotated[
        bool | None,
        typer.Option("--worker/--no-worker", help="Run agents here too. On SQLite: yes.", show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:
    """Serve the API and the console; on SQLite also run the agents.

    Stops on SIGTERM or Ctrl-C when open requests are answered and runs are handed back; a second time, at once.
    """
    setup = open_setup(needed_by=None, host=host, port=port)  # all that is missing is said when its code is loaded
    with_worker = setup.settings.works_by_itself if worker is None else worker

    def announce(url: str) -> None:
        if json:
            say_json({"event": "listening", "url": url, "worker": with_worker})
        else:
            say(
                f"Serving {setup.declared.name} at {url}" + ("" if with_worker else "; run agents with `fairlead work`")
            )

    raise typer.Exit(run_process(lambda: serve_until_stopped(setup, announce, with_worker=with_worker)))
