"""What the page of service levels says of each, and the dashboard in short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fairlead.operate.levels.level import OBJECTIVES, Events, Measure, Objective, Report, State, Window
from fairlead.web.console.format import Format
from fairlead.web.console.language import words
from fairlead.web.console.pages import levels as page

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
REQUESTS, SUBMIT, API = (next(one for one in OBJECTIVES if one.of == of) for of in ("requests", "submit", "api"))


@pytest.mark.parametrize(
    ("objective", "events", "language", "figure", "measured"),
    [
        (REQUESTS, Events(28848, 48), "en", "0.17%", "0.17%, 48 of 28,848 failed"),
        (REQUESTS, Events(28848, 48), "ja", "0.17%", "0.17%、失敗 48 / 28,848"),
        (REQUESTS, Events(28848, 48), "zh", "0.17%", "0.17%，48 / 28,848 失败"),
        (SUBMIT, Events(21672, 72, 0.01), "en", "P95 10 ms", "P95 10 ms, 72 of 21,672 late"),
        (SUBMIT, Events(21672, 72, 0.01), "zh", "P95 10 毫秒", "P95 10 毫秒，72 / 21,672 过慢"),
        (API, Events(3600, 0), "en", "100.000%", "100.000%"),
        (API, Events(3600, 36), "ja", "99.000%", "99.000%、停止 36.0 秒"),
        (API, Events(0, 0), "en", "—", "—"),
    ],
)
def test_a_figure_stands_alone_and_with_what_it_is_made_of(
    objective: Objective, events: Events, language: str, figure: str, measured: str
) -> None:
    report = Report(Window(NOW - timedelta(hours=1), NOW), [Measure(objective, State.MET, events, None, {})])
    [row] = page.shape("1h", report, Format(NOW, words=words(language))).rows
    assert (row.figure, row.measured) == (figure, measured)
