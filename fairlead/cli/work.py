"""`fairlead work`."""

from __future__ import annotations

import typer

from fairlead.cli.options import Host, Port
from fairlead.cli.say import AsJson, say, say_json
from fairlead.wiring.process import run_process
from fairlead.wiring.project import open_setup
from fairlead.wiring.working import work as work_until_stopped

app = typer.Typer(add_completion=False)


@app.command()
def work(host: Host = None, port: Port = None, json: AsJson = False) -> None:
    """Run agents from a PostgreSQL queue; start as many as you like, on any machine.

    Listens on 9000 for /health/live, /health/ready, /metrics and POST /internal/drain. Hands its runs back and stops on
    SIGTERM or Ctrl-C; a second time it stops at once, and other workers take over.
    """
    setup = open_setup(needed_by=None, worker_host=host, worker_port=port)

    def announce(url: str) -> None:
        if json:
            say_json({"event": "listening", "url": url})
        else:
            release = setup.settings.engine.release
            say(f"Working for {setup.declared.name} (release {release}); health at {url}/health/ready")

    raise typer.Exit(run_process(lambda: work_until_stopped(setup, announce)))
