"""`fairlead slo`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from fairlead.cli.exits import Exit
from fairlead.cli.reach import reach
from fairlead.cli.say import AsJson, out, safe, say, say_json

app = typer.Typer(add_completion=False)
_MARKS = {"met": ("✓", "green"), "missed": ("✗", "bold red"), "no_data": ("–", "magenta")}
_BAR = 20  # characters
_SECONDS = "availability"
_FAST, _SLOW = 14.4, 6.0  # burn rates at which https://sre.google/workbook/alerting-on-slos/ has somebody woken


@app.command()
def slo(
    window: Annotated[str, typer.Option(help="How far back: 1h, 24h, 7d, 30d.")] = "30d",
    json: AsJson = False,
) -> None:
    """Service levels: errors, times and availability, and what is left of their error budgets.

    Exit code 1: one is missed; 9: there is no data of any.
    """
    with reach() as reached:
        report = reached.client.get("/slo", window=window)
    if json:
        say_json(report)
    else:
        _draw(report, window)
    states = set(report["levels"].values())
    raise typer.Exit(Exit.FAILED if "missed" in states else Exit.OK if "met" in states else Exit.UNCLEAR)


def _draw(report: dict[str, Any], window: str) -> None:
    level = ""
    for one in report["objectives"]:
        if one["level"] != level:
            level = one["level"]
            mark, style = _MARKS[report["levels"][level]]
            out.print(Text.assemble((f"{mark} {level.replace('_', ' ')}", style)))
        out.print(_row(one), soft_wrap=True)
    say()
    since = report["known_since"] or report["until"]
    whole = since <= report["since"]
    say(f"Over {window}, to {report['until'][:16]} UTC" + ("." if whole else f"; known since {since[:16]}."), "dim")
    if died := report["processes_died"]:
        said = "1 process has died" if died == 1 else f"{died} processes have died"
        say(f"{said}: what was seen in the minute before is missing.", "yellow")


def _row(one: dict[str, Any]) -> Text:
    mark, style = _MARKS[one["state"]]
    text = Text.assemble((f"  {mark} {one['of']:<9}", style), f"{safe(one['objective']):<24}")
    if one["budget"] is None:
        return text.append("no data", "magenta")
    left = one["budget"]["left"]
    filled = round(max(0.0, min(1.0, left)) * _BAR)
    colour = "green" if left > 0.25 else "yellow" if left > 0 else "red"
    text.append(f"{_measured(one):<42}").append("█" * filled, colour).append("░" * (_BAR - filled), "dim")
    text.append(f" {left:.0%} left" if left >= 0 else f" {1 - left:.3g} times spent", colour)
    return text.append(_burn(one["burn"]), _alarm(one["burn"]))


def _measured(one: dict[str, Any]) -> str:
    if one["level"] == _SECONDS:
        return f"{1 - one['bad_share']:.3%}, {_time(one['bad'])} away of {_time(one['total'])}"
    if one["p95"] is not None:
        return f"P95 {one['p95'] * 1000:.1f} ms, {one['bad']:.0f} of {one['total']:.0f} late"
    return f"{one['bad_share']:.2%}, {one['bad']:.0f} of {one['total']:.0f} failed"


def _burn(burn: dict[str, float | None]) -> str:
    told = [f"{name} {value:.1f}×" for name, value in burn.items() if value is not None]
    return f"   burn {', '.join(told)}" if told else ""


def _alarm(burn: dict[str, float | None]) -> str:
    fast = (burn.get("1h") or 0) > _FAST or (burn.get("6h") or 0) > _SLOW
    return "bold red" if fast else "dim"


def _time(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
