"""The report as one page of HTML that needs nothing else. What stands in logs is text in it, and never markup."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from fairlead.errors import InvalidInput
from fairlead.telemetry.analysis.report import Report
from fairlead.whole_file import PUBLIC, write_whole

_SMALL = 10.0  # ms


def page_of(report: Report) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    filters = cast("dict[str, Any]", environment.filters)
    filters.update(took=_took, number=_number, share=_share)
    most = max((one.requests for one in report.hours), default=0)
    return environment.get_template("page.html").render(report=report, most=most)


def write_page(path: Path, report: Report) -> None:
    """Whole, or not at all. Raises `InvalidInput`."""
    text = page_of(report)
    try:
        write_whole(path, text.encode("utf-8", "replace"), mode=PUBLIC)
    except OSError as error:
        raise InvalidInput(f"{path} can't be written: {error.strerror}.") from None


def _took(ms: float | None) -> str:
    if ms is None:
        return "–"
    if ms < 1000:
        return f"{ms:.1f} ms" if ms < _SMALL else f"{ms:.0f} ms"
    return f"{ms / 1000:.2f} s"


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", "\u202f")


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "–"
