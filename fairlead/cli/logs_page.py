"""What logs tell, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from fairlead.cli.chart import bar, columns, fitted
from fairlead.cli.figures import count, seconds, short, usd
from fairlead.cli.say import safe
from fairlead.telemetry.analysis import FileRead, Report
from fairlead.telemetry.analysis.report import Latency, Row

_HEIGHT = 6
_WIDEST = 100
_BAR = 18
_NAME = 48
_BAD, _SOSO = 0.05, 0.01


def logs_page(report: Report, *, width: int) -> Iterator[RenderableType]:
    yield from _files(report)
    if not report.lines:
        yield Text(_nothing(report), "yellow")
        return
    yield _period(report)
    if report.requests.count:
        yield from _requests(report, min(width, _WIDEST))
    for table in _tables(report):
        yield Text()
        yield table


def _tables(report: Report) -> Iterator[Table]:
    if report.requests.count:
        yield _counts("status", report.statuses, report.requests.count)
        yield _rows("route", report.routes)
    if report.runs:
        yield _counts("runs ended as", report.runs, sum(report.runs.values()))
        yield _rows("agent", report.agents)
    if report.models:
        yield _rows("model", report.models, money=True)
    if report.tools:
        yield _rows("tool", report.tools)
    if report.wrongs:
        yield _wrongs(report)
    if report.slowest:
        yield _slow(report)


def _files(report: Report) -> Iterator[Text]:
    for one in report.files:
        odd = one.strange or one.note or one.format not in _ORDINARY
        if odd or len(report.files) <= _FEW_FILES:
            yield _file(one)
    if (rest := len(report.files)) > _FEW_FILES:
        yield Text(f"{rest} files, {sum(one.bytes for one in report.files) / 1e6:,.0f} MB", "dim")


_FEW_FILES = 5
_ORDINARY = ("JSON lines",)


def _file(one: FileRead) -> Text:
    text = Text(f"{safe(one.name)}: {one.format}", "dim")
    if one.strange:
        lines = "line is" if one.strange == 1 else "lines are"
        text.append(f", {count(one.strange)} {lines} nothing of it and left out", "yellow")
    if one.note:
        text.append(f"; {one.note}", "yellow")
    return text


def _nothing(report: Report) -> str:
    if report.since is None:
        return "Nothing could be counted."
    newest = f" The newest line is of {_moment(report.newest)} UTC." if report.newest else ""
    return f"Nothing is newer than {_moment(report.since)} UTC.{newest}"


def _period(report: Report) -> Text:
    text = Text(f"{count(report.lines)} lines", "bold")
    if report.first and report.last:
        text.append(f", {_moment(report.first)} to {_moment(report.last)} UTC", "dim")
    for number, words in ((report.older, "older"), (report.timeless, "without a time")):
        if number:
            text.append(f"; {count(number)} {words} left out", "dim")
    return text


def _requests(report: Report, width: int) -> Iterator[Text]:
    requests, rate = report.requests, report.error_rate or 0.0
    yield Text.assemble(
        "\n", (count(requests.count), "bold"), " requests, ", (f"{rate:.2%}", _colour(rate)), " answered with 5xx; ",
        _latency(requests.latency),
    )  # fmt: skip
    if len(report.hours) > 1:
        yield from _course(report, width)


def _course(report: Report, width: int) -> Iterator[Text]:
    values, together = fitted([float(one.requests) for one in report.hours], width - 10)
    most = max(values)
    each = "hour" if together == 1 else f"{together} hours"
    yield Text(f"\nrequests per {each}", "bold")
    thick = max(1, min(3, (width - 10) // len(values)))
    for row, line in enumerate(columns(values, height=_HEIGHT, thick=thick)):
        mark = count(round(most)) if row == 0 else ""
        yield Text.assemble((f"{mark:>8} ", "dim"), ("┤" if mark else "│", "dim"), (line.rstrip(), "cyan"))
    yield Text(f"{'0':>8} └{'─' * len(values) * thick}", "dim")
    first, last = f"{report.hours[0].at:%m-%d %H:%M}", f"{report.hours[-1].at:%m-%d %H:%M}"
    yield Text(f"{'':10}{first}{last:>{max(1, len(values) * thick - len(first))}}", "dim")


def _counts(title: str, counts: Mapping[str, int], of: int) -> Table:
    table = _table((title, "left"), ("", "right"), ("", "right"), ("", "left"))
    for name, number in counts.items():
        table.add_row(Text(safe(name)), count(number), f"{number / of:.1%}", Text(bar(number, of, _BAR), "cyan"))
    return table


def _rows(title: str, rows: Sequence[Row], *, money: bool = False) -> Table:
    more = (("tokens", "right"), ("cost", "right")) if money else ()
    table = _table((title, "left"), ("", "right"), ("failed", "right"), ("p50", "right"), ("p95", "right"),
                   ("p99", "right"), ("max", "right"), *more)  # fmt: skip
    for one in rows:
        share = one.failed / one.count
        times = (_took(ms) for ms in (one.latency.p50, one.latency.p95, one.latency.p99, one.latency.max))
        spent = (count(one.tokens), usd(one.cost_usd)) if money else ()
        failed = Text(f"{share:.1%}", _colour(share))
        table.add_row(Text(short(safe(one.name), _NAME)), count(one.count), failed, *times, *spent)
    return table


def _wrongs(report: Report) -> Table:
    table = _table((f"errors: {count(report.errors)}", "left"), ("", "right"), ("last", "right"))
    for one in report.wrongs:
        table.add_row(Text(short(safe(one.said), 90)), count(one.count), _moment(one.last))
    return table


def _slow(report: Report) -> Table:
    limit = seconds(report.slower_than.total_seconds())
    table = _table((f"slower than {limit}: {count(report.slow)}", "left"), ("took", "right"), ("status", "right"),
                   ("at", "right"), ("request", "left"))  # fmt: skip
    for one in report.slowest:
        cells = (_took(one.took), safe(one.status), _moment(one.at), safe(one.id))
        table.add_row(Text(short(safe(one.name), _NAME)), *map(Text, cells))
    return table


def _table(*heads: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, title="", header_style="bold")
    for head, side in heads:
        table.add_column(Text(head), justify="right" if side == "right" else "left", no_wrap=True)
    return table


def _latency(latency: Latency) -> str:
    if not latency.count:
        return "how long they took is not in it"
    words = (("mean", latency.mean), ("p50", latency.p50), ("p95", latency.p95), ("p99", latency.p99),
             ("max", latency.max))  # fmt: skip
    return ", ".join(f"{word} {_took(ms)}" for word, ms in words)


def _took(ms: float | None) -> str:
    return "-" if ms is None else f"{ms:.1f} ms" if ms < 10 else seconds(ms / 1000)


def _moment(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def _colour(share: float) -> str:
    return "bold red" if share > _BAD else "yellow" if share > _SOSO else "green"
