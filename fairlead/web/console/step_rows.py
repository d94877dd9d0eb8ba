"""The waterfall of an open page: a row is drawn when it looks different, and sent alone."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from fairlead.web.console.live import Listed
from fairlead.web.console.look import FillOne, Pages, Reader
from fairlead.web.console.pages.run import RunView
from fairlead.web.console.waterfall import Row, Waterfall

WATERFALL = "waterfall"
_ROWS = "steps-rows"
_MORE = "steps-more"


class StepRows:
    """What was drawn last, for one page in one language."""

    def __init__(self, templates: Pages) -> None:
        self._templates = templates
        self._drawn: dict[str, tuple[Row, bool, str]] = {}  # by the element: whether it was selected, and its HTML
        self._more: dict[str, tuple[int, str]] = {}

    def draw(self, view: RunView, chart: Waterfall, reader: Reader) -> Listed:
        fill = self._templates.macros("parts/_steps.html", reader)
        rows = dict(self._rows(view, chart, fill))
        self._drawn = {mark: known for mark, known in self._drawn.items() if mark in rows}
        self._more = {mark: known for mark, known in self._more.items() if mark in rows}

        def whole() -> str:
            given = Markup("".join(rows.values()))
            return self._templates.fill("parts/_waterfall.html", reader, view=view, rows=given, path="")

        pieces = {"steps-count": fill("step_count", chart=chart), "steps-axis": fill("step_axis", chart=chart)}
        return Listed(chart.looks, pieces if chart.rows else {}, rows, _ROWS, whole)

    def _rows(self, view: RunView, chart: Waterfall, fill: FillOne) -> Iterator[tuple[str, str]]:
        selected = view.selected.key if view.selected else None
        for row in chart.rows:
            mark, chosen, known = row.mark, row.step.key == selected, self._drawn.get(row.mark)
            if row.skipped:
                yield self._skipped(f"{mark}-more", row.skipped, view, fill)
            if known is None or known[1] != chosen or not _alike(known[0], row):
                html = fill("step_row", view=view, row=row)
            else:
                html = known[2]
            self._drawn[mark] = row, chosen, html
            yield mark, html
        if chart.skipped_after:
            yield self._skipped(_MORE, chart.skipped_after, view, fill)

    def _skipped(self, mark: str, skipped: int, view: RunView, fill: FillOne) -> tuple[str, str]:
        known = self._more.get(mark)
        if known is None or known[0] != skipped:
            known = self._more[mark] = skipped, fill("step_more", view=view, mark=mark, skipped=skipped)
        return mark, known[1]


def _alike(known: Row, row: Row) -> bool:
    return known is row or known.looks == row.looks
