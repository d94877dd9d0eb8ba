"""The waterfall of an open page: a row is drawn when it looks different, and sent alone."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from fairlead.web.console.live import Listed
from fairlead.web.console.look import Pages, Reader
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
        rows = dict(self._rows(view, chart, reader))
        self._drawn = {mark: known for mark, known in self._drawn.items() if mark in rows}
        self._more = {mark: known for mark, known in self._more.items() if mark in rows}

        def whole() -> str:
            given = Markup("".join(rows.values()))
            return self._templates.fill("parts/_waterfall.html", reader, view=view, rows=given, path="")

        pieces = {name: self._fill(f"_{name.replace('steps', 'step').replace('-', '_')}", view, reader)
                  for name in ("steps-count", "steps-axis")}  # fmt: skip
        return Listed(chart.looks, pieces if chart.rows else {}, rows, _ROWS, whole)

    def _rows(self, view: RunView, chart: Waterfall, reader: Reader) -> Iterator[tuple[str, str]]:
        selected = view.selected.key if view.selected else None
        for row in chart.rows:
            mark, chosen, known = row.mark, row.step.key == selected, self._drawn.get(row.mark)
            if row.skipped:
                yield self._skipped(f"{mark}-more", row.skipped, view, reader)
            if known is None or known[1] != chosen or not _alike(known[0], row):
                html = self._fill("_step_row", view, reader, row=row)
            else:
                html = known[2]
            self._drawn[mark] = row, chosen, html
            yield mark, html
        if chart.skipped_after:
            yield self._skipped(_MORE, chart.skipped_after, view, reader)

    def _skipped(self, mark: str, skipped: int, view: RunView, reader: Reader) -> tuple[str, str]:
        known = self._more.get(mark)
        if known is None or known[0] != skipped:
            known = self._more[mark] = skipped, self._fill("_step_more", view, reader, mark=mark, skipped=skipped)
        return mark, known[1]

    def _fill(self, part: str, view: RunView, reader: Reader, **values: object) -> str:
        return self._templates.fill(f"parts/{part}.html", reader, view=view, path="", **values)


def _alike(known: Row, row: Row) -> bool:
    return known is row or known.looks == row.looks
