from __future__ import annotations

import re
import timeit
from pathlib import Path

import pytest

from fairlead.config import load_settings
from fairlead.config.pattern import problem_of
from fairlead.errors import ConfigurationError
from fairlead.telemetry.redact import Redactor


@pytest.mark.parametrize(
    "pattern",
    [r"K-\d{7}", r"K-[0-9]{4,12}", r"(?i)emp-\d{1,9}", r"(?:ab|cd)-\d{3}", r"(?<=id=)\w{4,20}", r"\w{1,64}@corp",
     r"(\d)\1{3}", r"[A-Z]{2,3}-\d{1,9}", r"patient\s?\d{6}"],
)  # fmt: skip
def test_a_bounded_pattern_is_taken_and_quick_on_hostile_texts(pattern: str) -> None:
    assert problem_of(pattern) == ""
    redactor = Redactor(patterns=(re.compile(pattern),))
    for unit in ("a", "0", "K-0", "1 ", "id=", "AA-", "ab-"):
        assert min(timeit.repeat(lambda unit=unit: redactor.text(unit * 8000), number=1, repeat=3)) < 0.5


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a+)+$", "hold up"), (r"\d+x", "hold up"), ("(a|a)*b", "hold up"), ("(x{1,20}){1,20}y", "hold up"),
        (r"(?>a+)b", "hold up"), (r"(?=a+)b", "hold up"),
        (r"\w{1,60}\w{1,60}", "hold up"), (".*", "nothing"), ("a?", "nothing"), ("", "nothing"), ("(", "no regular"),
        ("[z-a]", "no regular"), ("a" * 301, "longer"), ("a{1,9999999999999999999}", "no regular"),
        ("(" * 200 + "a" + ")" * 200, "longer"),
    ],
)  # fmt: skip
def test_a_pattern_that_is_broken_or_could_hold_up_the_service_is_refused(pattern: str, why: str) -> None:
    assert why in problem_of(pattern)


def test_the_setting_names_the_pattern_and_does_not_show_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="pattern 2") as told:
        load_settings(root=tmp_path, environ={"FAIRLEAD_REDACT_PATTERNS": "K-\\d{7}\n(hunter2"})
    assert "hunter2" not in str(told.value)
    settings = load_settings(root=tmp_path, environ={"FAIRLEAD_REDACT_PATTERNS": "K-\\d{7}\n\n  emp-\\d{4} "})
    assert settings.telemetry.redact_patterns == ("K-\\d{7}", "emp-\\d{4}")


def test_at_most_fifty(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at most 50"):
        load_settings(root=tmp_path, environ={"FAIRLEAD_REDACT_PATTERNS": "\n".join(f"k{n}" for n in range(51))})
