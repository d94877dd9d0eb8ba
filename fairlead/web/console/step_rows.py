"""The waterfall of an open page: a row is drawn when it looks different, and sent alone."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from markupsafe import Markup

from fairlead.web.console.live import Listed
from fairlead.web.console.look import Pages, Reader
from fairlead.web.console.pages.run import RunView
from fairlead.web.console.waterfall import Waterfall

WATERFALL = "waterfall"
_ROWS = "steps-rows"
_MORE = "steps-more"


class StepRows:
    """What was drawn last, for one page in one language."""

    def __init__(self, templates: Pages) -> None:
        self._templates = templates
        self._drawn: dict[str, tuple[Hashable, str]] = {}  # by the element: how it looked, and its HTML

    def draw(self, view: RunView, chart: Waterfall, reader: Reader) -> Listed:
        rows = dict(self._rows(view, chart, reader))
        self._drawn = {mark: self._drawn[mark] for mark in rows}

        def whole() -> str:
            given = Markup("".join(rows.values()))
            return self._templates.fill("parts/_waterfall.html", reader, view=view, rows=given, path="")

        pieces = {name: self._fill(f"_{name.replace('steps', 'step').replace('-', '_')}", view, reader)
                  for name in ("steps-count", "steps-axis")}  # fmt: skip
        return Listed(chart.looks, pieces if chart.rows else {}, rows, _ROWS, whole)

    def _rows(self, view: RunView, chart: Waterfall, reader: Reader) -> Iterator[tuple[str, str]]:
        selected = view.selected.key if view.selected else None
        for row in chart.rows:
            mark, looks = row.mark, (row.looks, row.step.key == selected)
            if row.skipped:
                yield self._more(f"{mark}-more", row.skipped, view, reader)
            if self._drawn.get(mark, (None,))[0] != looks:
                self._drawn[mark] = looks, self._fill("_step_row", view, reader, row=row)
            yield mark, self._drawn[mark][1]
        if chart.skipped_after:
            yield self._more(_MORE, chart.skipped_after, view, reader)

    def _more(self, mark: str, skipped: int, view: RunView, reader: Reader) -> tuple[str, str]:
        if self._drawn.get(mark, (None,))[0] != skipped:
            self._drawn[mark] = skipped, self._fill("_step_more", view, reader, mark=mark, skipped=skipped)
        return mark, self._drawn[mark][1]

    def _fill(self, part: str, view: RunView, reader: Reader, **values: object) -> str:
        return self._templates.fill(f"parts/{part}.html", reader, view=view, path="", **values)
