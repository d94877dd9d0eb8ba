"""The report: what is missing first, each with its evidence, in a browser and as Markdown."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser

from fairlead.config import Environment
from fairlead.errors import InvalidInput
from fairlead.ship.checklist.answer import Answer, By, Found, Void, judge
from fairlead.ship.checklist.items import ListName, items_of
from fairlead.ship.checklist.report import Report, html, markdown, write_report
from fairlead.ship.verdict import Verdict

NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
HOSTILE = "<script>document.title='taken'</script> | [x](javascript:alert(1)) `y`"


def answer(item: str, result: object, said: str, *, by: By = By.MACHINE, reference: str = "") -> Answer:
    return Answer(item, Found(result, said, reference), by, "web-1" if by is By.MACHINE else "Mina", NOW, "v2")  # type: ignore[arg-type]


ANSWERS = [
    answer("settings", Verdict.PASS, "complete for production"),
    answer("secrets", Verdict.FAIL, "agent.py:3 holds an AWS key", reference="agent.py:3"),
    answer("metrics", Verdict.COULD_NOT_ASK, "Its address is not known."),
    answer("network", Verdict.UNCLEAR, "Ports: 22, 8080."),
    answer("autoscaling", Void.NOT_APPLICABLE, "Releases run on one host."),
    answer("review", Verdict.PASS, HOSTILE, by=By.PERSON, reference="https://git.example.com/pr/12"),
    answer("tls", Verdict.PASS, HOSTILE, reference="javascript:alert(1)"),
]


def report(answers: list[Answer] = ANSWERS) -> Report:
    lines = judge(items_of(ListName.DEPLOY), answers, environment=Environment.PRODUCTION, about="v2", now=NOW)
    return Report(ListName.DEPLOY, "production", "v2", NOW, lines)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_a_browser_shows_all_of_it_and_runs_nothing(
    browser: Browser, tmp_path: Path, width: int, theme: str
) -> None:
    write_report(tmp_path / "r.html", report())
    page = await browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"file://{tmp_path}/r.html")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await page.title() == "Before a deploy · production · v2"
    assert asked == [f"file://{tmp_path}/r.html"]
    assert "It must not go on" in await page.inner_text("dl")
    assert (await page.inner_text(".notice li")).startswith("Secrets come from a manager")
    row = await page.inner_text("#review")
    assert all(word in row for word in ("holds", HOSTILE.split(" | ")[0], "Mina", "2026-11-27 09:00", "until"))
    links = await page.eval_on_selector_all("td a", "all => all.map(one => one.getAttribute('href'))")
    assert links == ["https://git.example.com/pr/12"]
    for state in ("pass", "fail", "unclear", "could_not_ask", "not_applicable", "open"):
        assert await page.locator(f"td .state.{state}").count() > 0
    await page.close()


def test_markdown_says_the_same_and_its_cells_stay_cells() -> None:
    text = markdown(report())
    assert text.startswith(
        "# Before a deploy: it must not go on\n\nEnvironment production, release v2, 2026-11-27 09:00 UTC."
    )
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(items_of(ListName.DEPLOY))
    assert all(len(row.replace("\\|", "").split("|")) == 7 for row in rows)
    assert "<script>" not in text.replace("\\<script\\>", "")
    missing = text.partition("## What is missing")[2]
    assert missing.strip().startswith(
        "- **Secrets come from a manager, and none is in code or image.** Take the secret out"
    )
    assert "Has somebody else" not in missing and "The people concerned know of it." in missing


def test_when_all_holds_nothing_is_missing() -> None:
    whole = report(
        [
            answer(one.id, Verdict.PASS, "so", by=By.MACHINE if one.check else By.PERSON)
            for one in items_of(ListName.DEPLOY)
        ]
    )
    assert "What is missing" not in html(whole) + markdown(whole) and "It may go on" in html(whole)


def test_a_report_that_can_t_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't be written"):
        write_report(tmp_path / "none" / "r.html", report())
    (tmp_path / "r.md").write_text("before")
    write_report(tmp_path / "r.md", report())
    assert "before" not in (tmp_path / "r.md").read_text().split() or "# Before" in (tmp_path / "r.md").read_text()
    assert [one.name for one in tmp_path.iterdir()] == ["r.md"]
