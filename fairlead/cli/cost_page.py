"""The cost report on a terminal: the sum, its course over time, who made it, and the dearest runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from fairlead.cli.chart import bar, columns, fitted
from fairlead.cli.figures import count, short, usd
from fairlead.cli.say import safe

Json = dict[str, Any]
_HEIGHT = 7
_WIDEST = 100
_BAR = 18
_THICKEST = 3
_NAME = 44
_NARROW = 100  # columns of a terminal in which the last columns of a table have no room
_COLOURS = {"hour": "cyan", "day": "cyan"}


def cost_page(report: Json, *, width: int) -> Iterator[RenderableType]:
    totals = report["totals"]
    yield _period(report)
    yield _headline(totals)
    if not totals["calls"]:
        yield Text("No model was called in this time.", "dim")
        return
    yield Text()
    yield from _course(report, min(width, _WIDEST))
    for dimension, parts in report["by"].items():
        if parts:
            yield Text()
            yield _shares(dimension, parts, totals, wide=width >= _NARROW)
    if report["runs"]:
        yield Text()
        yield _runs(report["runs"], wide=width >= _NARROW)


def _period(report: Json) -> Text:
    since, until = (datetime.fromisoformat(report[end]) for end in ("from", "to"))
    return Text(f"{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC", "dim")


def _headline(totals: Json) -> Text:
    cached = f", {totals['cached_in'] / totals['tokens_in']:.0%} of them cached" if totals["tokens_in"] else ""
    failed = (f", {count(totals['failed'])} of them failed", "red") if totals["failed"] else ""
    hits = f", {count(totals['hits'])} answered from the cache" if totals["hits"] else ""
    thought = f", {count(totals['reasoning'])} of them reasoning" if totals["reasoning"] else ""
    lines = Text.assemble(
        (usd(totals["cost_usd"]), "bold"), f" for {count(totals['calls'])} calls", failed, hits, "\n",
        (f"{count(totals['tokens_in'])} tokens in{cached}; {count(totals['tokens_out'])} out{thought}", "dim"),
    )  # fmt: skip
    if totals["saved_usd"] > 0:
        lines.append(f"\n{usd(totals['saved_usd'])} saved by caches", "green")
    elif totals["saved_usd"] < 0:
        lines.append(f"\n{usd(-totals['saved_usd'])} more for writing caches than reading them saved", "yellow")
    return lines


def _course(report: Json, width: int) -> Iterator[Text]:
    """Cost over time. The scale is at the left, the clock below."""
    moments = report["over_time"]
    scale = len(usd(max(one["cost_usd"] for one in moments))) + 3
    values, together = fitted([one["cost_usd"] for one in moments], width - scale)
    most = max(values)
    scale = max(len(usd(most)), len(usd(most / 2)))
    thick = max(1, min(_THICKEST, (width - scale - 2) // len(values)))
    each = report["step"] if together == 1 else f"{together} {report['step']}s"
    yield Text(f"cost per {each}", "bold")
    for row, line in enumerate(columns(values, height=_HEIGHT, thick=thick)):
        mark = usd(most) if row == 0 else usd(most / 2) if row == _HEIGHT // 2 else ""
        yield Text.assemble((f"{mark:>{scale}} ", "dim"), ("┤" if mark else "│", "dim"), (line.rstrip(), "cyan"))
    yield Text(f"{'$0':>{scale}} └{'─' * len(values) * thick}", "dim")
    yield Text(" " * (scale + 2) + _clock(report, together, thick, len(values) * thick), "dim")


def _clock(report: Json, together: int, thick: int, width: int) -> str:
    """When bars begin, as often as there is room."""
    form = "%m-%d" if report["step"] == "day" else "%H:%M"
    line = ""
    for at in range(0, len(report["over_time"]), together):
        place = at // together * thick
        if place + 5 <= width and (not line or place >= len(line) + 4):
            line = line.ljust(place) + format(datetime.fromisoformat(report["over_time"][at]["at"]), form)
    return line


def _shares(dimension: str, parts: Sequence[Json], totals: Json, *, wide: bool) -> Table:
    headings = (f"by {dimension}", "", "cost", "share", "calls", "failed", "in", "out", "saved")
    told = len(headings) if wide else headings.index("failed")
    table = _table(*headings[:told])
    most = max(part["cost_usd"] for part in parts)
    for part in parts:
        table.add_row(*_share(dimension, _name(part, wide=wide), part, most, totals, wide=wide)[:told])
    if rest := _rest(parts, totals):
        table.add_row(*_share(dimension, Text("others", "dim italic"), rest, most, totals, wide=wide)[:told])
    return table


def _share(dimension: str, name: Text, part: Json, most: float, totals: Json, *, wide: bool) -> list[Text]:
    share = part["cost_usd"] / totals["cost_usd"] if totals["cost_usd"] else 0.0
    return [
        name,
        Text(bar(part["cost_usd"], most, _BAR if wide else _BAR // 3), _COLOURS.get(dimension, "blue")),
        Text(usd(part["cost_usd"]), "bold"),
        Text(f"{share:.0%}", "dim"),
        Text(count(part["calls"])),
        Text(count(part["failed"]), "red" if part["failed"] else "dim"),
        Text(count(part["tokens_in"]), "dim"),
        Text(count(part["tokens_out"]), "dim"),
        Text(usd(part["saved_usd"]), "green" if part["saved_usd"] > 0 else "dim"),
    ]


def _name(part: Json, *, wide: bool) -> Text:
    if "at" in part:
        return Text(f"{datetime.fromisoformat(part['at']):%Y-%m-%d %H:%M}")
    return Text(short(safe(part["name"]), _NAME if wide else _NAME // 2)) if part["name"] else Text("(none)", "dim")


def _rest(parts: Sequence[Json], totals: Json) -> Json | None:
    """What those beyond the dearest made together."""
    calls = totals["calls"] - sum(part["calls"] for part in parts)
    if "at" in parts[0] or calls <= 0:
        return None
    summed = ("calls", "failed", "tokens_in", "tokens_out", "cost_usd", "saved_usd")
    return {name: totals[name] - sum(part[name] for part in parts) for name in summed}


def _runs(runs: Sequence[Json], *, wide: bool) -> Table:
    headings = ("dearest runs", "", "cost", "calls", "failed", "in", "out", "last call", "agent", "user")
    told = len(headings) if wide else headings.index("failed")
    table = _table(*headings[:told], left=(7, 8, 9))
    most = max(run["cost_usd"] for run in runs)
    for run in runs:
        cells = (
            Text(safe(run["run_id"]), "dim"), Text(bar(run["cost_usd"], most, _BAR // 2 if wide else 1), "magenta"),
            Text(usd(run["cost_usd"]), "bold"), Text(count(run["calls"])),
            Text(count(run["failed"]), "red" if run["failed"] else "dim"), Text(count(run["tokens_in"]), "dim"),
            Text(count(run["tokens_out"]), "dim"), Text(f"{datetime.fromisoformat(run['last_at']):%m-%d %H:%M}", "dim"),
            Text(short(safe(run["agent"] or "-"), 24)), Text(short(safe(run["user"] or "-"), 24), "dim"),
        )  # fmt: skip
        table.add_row(*cells[:told])
    return table


def _table(*headings: str, left: Sequence[int] = ()) -> Table:
    """The first two columns and those of `left` are words, the others numbers."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, heading in enumerate(headings):
        table.add_column(
            Text(heading, "bold not dim") if place == 0 else heading,
            justify="left" if place < 2 or place in left else "right",
            no_wrap=True,
            min_width=12 if place == 0 else None,
        )
    return table
