"""The waterfall of an open page: of a row is drawn what looks different, and it is sent alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from markupsafe import Markup

from fairlead.web.console.live import Listed
from fairlead.web.console.look import FillOne, Pages, Reader
from fairlead.web.console.pages.run import RunView
from fairlead.web.console.pieces import Pieces
from fairlead.web.console.waterfall import Row, Waterfall

WATERFALL = "waterfall"
_ROWS = "steps-rows"
_MORE = "steps-more"


class StepRows:
    """What was drawn last, for one page in one language."""

    def __init__(self, templates: Pages) -> None:
        self._templates = templates
        self._pieces = Pieces()
        self._drawn: dict[str, tuple[Row, bool, str]] = {}  # by the element: whether it was selected, and its HTML

    def draw(self, view: RunView, chart: Waterfall, reader: Reader) -> Listed:
        fill = self._templates.macros("parts/_steps.html", reader)
        rows = dict(self._rows(view, chart, fill))
        if len(self._drawn) > len(chart.rows):
            self._drawn = {mark: known for mark, known in self._drawn.items() if mark in rows}
        self._pieces.keep(rows.__contains__, most=len(rows))

        def whole() -> str:
            given = Markup("".join(rows.values()))
            return self._templates.fill("parts/_waterfall.html", reader, view=view, rows=given, path="")

        pieces = {"steps-count": fill("step_count", chart=chart), "steps-axis": fill("step_axis", chart=chart)}
        return Listed(chart.looks, pieces if chart.rows else {}, rows, _ROWS, whole)

    def _rows(self, view: RunView, chart: Waterfall, fill: FillOne) -> Iterator[tuple[str, str]]:
        selected = view.selected.key if view.selected else None
        for row in chart.rows:
            if row.skipped:
                yield self._skipped(f"{row.mark}-more", row.skipped, view, fill)
            chosen, known = row.step.key == selected, self._drawn.get(row.mark)
            if known is None or known[0] is not row or known[1] is not chosen:
                known = self._drawn[row.mark] = row, chosen, self._row(row, chosen, view, fill)
            yield row.mark, known[2]
        if chart.skipped_after:
            yield self._skipped(_MORE, chart.skipped_after, view, fill)

    def _row(self, row: Row, chosen: bool, view: RunView, fill: FillOne) -> str:
        looks = row.looks
        looks["step_rail"] = chosen, looks["step_rail"]  # it begins the row, which is marked
        return self._pieces.row(row.mark, looks, partial(fill, view=view, row=row))

    def _skipped(self, mark: str, skipped: int, view: RunView, fill: FillOne) -> tuple[str, str]:
        more = partial(fill, view=view, mark=mark, skipped=skipped)
        return mark, self._pieces.row(mark, {"step_more": skipped}, more)
