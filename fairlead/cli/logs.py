"""`fairlead logs …`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from fairlead.cli.logs_page import logs_page
from fairlead.cli.say import AsJson, err, out, safe, say, say_json
from fairlead.clock import SystemClock
from fairlead.telemetry.analysis import Tell, Wanted, analyse
from fairlead.telemetry.analysis.page import write_page

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Say what log files tell.")


@app.callback()
def logs() -> None:
    """A group, though there is one command in it."""


@app.command(name="analyse")
def analyse_them(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Also .gz and .zst; - for standard input.",
                                               show_default=False)],
    hours: Annotated[float | None, typer.Option(min=0.001, help="Only the last so many hours.",
                                                show_default=False)] = None,
    rotated: Annotated[bool, typer.Option("--rotated", "-r", help="With app.log app.log.1, app.log.2.gz …")] = False,
    slow: Annotated[float, typer.Option(min=0, help="List requests that took longer, in seconds.")] = 5.0,
    top: Annotated[int, typer.Option("--top", "-n", min=1, max=1000, help="So many of each kind.")] = 10,
    html: Annotated[Path | None, typer.Option(help="Write a page with charts there.", show_default=False)] = None,
    json: AsJson = False,
) -> None:  # fmt: skip
    """Requests, error rate, latency, slow requests, errors, runs, models and tools, of Fairlead's logs and of access
    logs. Lines that are nothing of their format are counted. Needs the extra `logs`."""
    since = None if hours is None else SystemClock().now() - timedelta(hours=hours)
    with _progress(quiet=json) as tell:
        report = analyse(files, Wanted(since, timedelta(seconds=slow), top), rotated=rotated, tell=tell)
    if html is not None:
        write_page(html, report)
    if json:
        say_json(report.as_json)
        return
    for part in logs_page(report, width=out.width):
        out.print(part)
    if html is not None:
        say(f"The page is {html}.", "dim")


@contextmanager
def _progress(*, quiet: bool) -> Generator[Tell]:
    """On a terminal, and beside the report: both may be piped."""
    if quiet or not err.is_terminal:
        yield lambda _name, _share: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        yield _teller(bar)


def _teller(bar: Progress) -> Tell:
    tasks: dict[str, TaskID] = {}

    def tell(name: str, share: float) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(safe(name), total=1.0)
        bar.update(tasks[name], completed=share)

    return tell
