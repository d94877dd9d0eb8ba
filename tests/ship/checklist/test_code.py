from __future__ import annotations

from pathlib import Path

import pytest

from fairlead.ship.checklist.answer import Void
from fairlead.ship.checklist.checks.code import percent_of
from fairlead.ship.verdict import Verdict
from tests.ship.checklist.asking import ask, facts_of

PYTEST = """\
Name        Stmts   Miss Branch BrPart  Cover   Missing
-------------------------------------------------------
shop.py        40      6     10      2    83%   12-18
-------------------------------------------------------
TOTAL         120     30     20      4  71.43%

12 passed in 1.20s
"""


def test_the_share_of_all_is_read_from_the_reports_people_have() -> None:
    assert percent_of(PYTEST) == 71.43
    assert percent_of("TOTAL      10      0   100%\n") == 100
    assert percent_of("File | % Stmts | % Branch\nAll files |   91.2 |  80 \n a.js | 20 | 1\n") == 91.2
    assert percent_of("87\n") == 87
    assert percent_of("12 passed, 3 warnings\n") is None
    assert percent_of("") is None
    assert percent_of("2026\n") is None


@pytest.mark.parametrize(
    ("output", "result", "said"),
    [
        (PYTEST, Verdict.FAIL, "71.43 % of the code, at least 80 %"),
        ("TOTAL 10 2 80%", Verdict.PASS, "80 % of the code, at least 80 %"),
        ("all is well", Verdict.UNCLEAR, "names no share"),
    ],
)
async def test_coverage_is_what_the_report_says_and_not_how_its_command_ended(
    tmp_path: Path, output: str, result: Verdict, said: str
) -> None:
    (tmp_path / "report.txt").write_text(output)
    found = await ask("coverage", facts_of(tmp_path, declared={"commands": {"coverage": "cat report.txt"}}))
    assert found.result is result and said in found.said


async def test_a_project_without_an_image_has_none_to_scan_and_one_with_a_dockerfile_has(tmp_path: Path) -> None:
    assert (await ask("image-scan", facts_of(tmp_path))).result is Void.NOT_APPLICABLE
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    found = await ask("image-scan", facts_of(tmp_path))
    assert found.result is Verdict.COULD_NOT_ASK and "image-scan" in found.said
