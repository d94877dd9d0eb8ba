from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairlead.cli.run_input import read_input
from fairlead.errors import InvalidInput


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ('{"path": "/x"}', {"path": "/x"}),
        ("[1, 2]", [1, 2]),
        ("hello there", "hello there"),
        ('"quoted"', "quoted"),
        ("12", 12),
        ("null", None),
        ("", ""),
        ("@", "@"),
    ],
)
def test_json_is_json_and_text_is_text(typed: str, read: Any) -> None:
    assert read_input(typed) == read


@pytest.mark.parametrize("typed", ['{"a": NaN}', '{"a": 1e400}', "[1,", '{"a": "\\ud800"}', "text \udc80"])
def test_what_looks_like_json_and_is_none_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput):
        read_input(typed)


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text('{"a": 1}')
    assert read_input(f"@{tmp_path}/input.json") == {"a": 1}
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput):
        read_input(f"@{tmp_path}/bytes")
