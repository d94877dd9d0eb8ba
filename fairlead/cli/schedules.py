"""`fairlead schedules …`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from fairlead.cli.client import part
from fairlead.cli.figures import ago
from fairlead.cli.reach import reach
from fairlead.cli.run_input import read_input
from fairlead.cli.say import AsJson, out, safe, say, say_facts, say_json
from fairlead.clock import SystemClock
from fairlead.runs.schedule import Missed, Overlap

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Start runs by a schedule.")
_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
Schedule = Annotated[str, typer.Argument(metavar="SCHEDULE", help="Its id.")]


@app.command("list")
def list_schedules(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most this many.")] = 100,
    json: AsJson = False,
) -> None:
    """Schedules, newest first."""
    with reach() as reached:
        found = reached.client.post("/runs/crons/search", {"limit": limit})
    if json:
        say_json(found)
    elif found:
        out.print(_listing(found))
    else:
        say('No schedules. Make one: fairlead schedules create AGENT "0 9 * * 1"')


@app.command()
def create(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="The agent or assistant.")],
    schedule: Annotated[str, typer.Argument(metavar="SCHEDULE", help='Five fields of cron, such as "0 9 * * 1".')],
    input: Annotated[str | None, typer.Option("--input", "-i", help="JSON, or text.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Such as Europe/Vienna. Default: UTC.")] = None,
    missed: Annotated[Missed, typer.Option(help="What becomes of times while nobody looked.")] = Missed.RUN_ONCE,
    overlap: Annotated[Overlap, typer.Option(help="What if the run before has not ended.")] = Overlap.ALLOW,
    jitter: Annotated[float, typer.Option(min=0, max=86400, help="Seconds by which to spread the starts.")] = 0,
    start: Annotated[datetime | None, typer.Option(help="Not before, in UTC.", formats=_MOMENTS)] = None,
    end: Annotated[datetime | None, typer.Option(help="Not after, in UTC.", formats=_MOMENTS)] = None,
    thread: Annotated[str | None, typer.Option(help="The thread whose runs these are. Default: none.")] = None,
    json: AsJson = False,
) -> None:
    """Start a run whenever it is due."""
    body: dict[str, Any] = {
        "assistant_id": agent, "schedule": schedule, "missed": missed.value, "overlap": overlap.value,
        "jitter_seconds": jitter,
    }  # fmt: skip
    if input is not None:
        body["input"] = read_input(input)
    given = {"timezone": timezone, "start_time": _utc(start), "end_time": _utc(end)}
    body |= {name: value for name, value in given.items() if value is not None}
    with reach() as reached:
        made = reached.client.post(f"/threads/{part(thread)}/runs/crons" if thread else "/runs/crons", body)
    _show(made, json=json)


@app.command()
def show(schedule: Schedule, json: AsJson = False) -> None:
    """One schedule, with the next five times."""
    with reach() as reached:
        found = reached.client.get(f"/runs/crons/{part(schedule)}")
    _show(found, json=json)


@app.command()
def pause(schedule: Schedule) -> None:
    """Start nothing until it is resumed."""
    _enable(schedule, on=False)


@app.command()
def resume(schedule: Schedule) -> None:
    """Go on with the next time; those that passed were not missed."""
    _enable(schedule, on=True)


@app.command()
def remove(schedule: Schedule) -> None:
    """End it. Runs that it started go on."""
    with reach() as reached:
        reached.client.delete(f"/runs/crons/{part(schedule)}")
    say(f"{schedule} is removed.")


@app.command("run")
def run_now(schedule: Schedule, json: AsJson = False) -> None:
    """Start its run now, beside its times."""
    with reach() as reached:
        run = reached.client.post(f"/runs/crons/{part(schedule)}/run")
    if json:
        say_json(run)
    else:
        say(run["run_id"])


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.replace(tzinfo=UTC).isoformat()


def _enable(schedule: str, *, on: bool) -> None:
    with reach() as reached:
        found = reached.client.patch(f"/runs/crons/{part(schedule)}", {"enabled": on})
    say(f"Next: {found['next_run_date'] or 'never again'}." if on else f"{schedule} is paused.")


def _show(one: dict[str, Any], *, json: bool) -> None:
    if json:
        say_json(one)
        return
    say_facts([
        ("schedule", f"{one['schedule']} ({one['timezone'] or 'UTC'})"), ("id", one["cron_id"]),
        ("assistant", one["assistant_id"]), ("thread", one["thread_id"]),
        ("standing", "enabled" if one["enabled"] else "paused"),
        ("missed", one["missed"]), ("overlap", one["overlap"]), ("last run", one["last_run_id"]),
        ("last error", one["last_error"]), *(("next", moment) for moment in one["upcoming"]),
    ])  # fmt: skip


def _listing(found: list[dict[str, Any]]) -> Table:
    table, now = Table(box=None, pad_edge=False, header_style="dim"), SystemClock().now()
    for heading in ("id", "schedule", "zone", "standing", "next", "last", "error"):
        table.add_column(heading, no_wrap=heading == "id")
    for one in found:
        last = ago(one["last_run_date"], now) if one["last_run_date"] else "never"
        cells = (one["cron_id"], one["schedule"], one["timezone"] or "UTC", "enabled" if one["enabled"] else "paused",
                 one["next_run_date"] or "-", last, one["last_error"] or "")  # fmt: skip
        table.add_row(*(Text(safe(str(cell))) for cell in cells))
    return table
