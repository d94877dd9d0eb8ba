"""What a backup says of itself, and that nobody changes it unseen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from fairlead.errors import Conflict, Damaged
from fairlead.operate.backup.manifest import (
    BlobsCopied,
    Contents,
    File,
    Manifest,
    Verification,
    differences,
    digest_of,
    parse_manifest,
    parse_verification,
    write_manifest,
    write_verification,
)

CONTENTS = Contents("SQLite 3.40.1", {"runs": 14, "access": 4}, {"runs": 3, "events": 12})
MADE = Manifest(
    id="backup_20261127T020000_314159", made_at=datetime(2026, 11, 27, 2, tzinfo=UTC), environment="production",
    why="before v2", kind="sqlite", database="fairlead.db", fairlead="0.1.0", contents=CONTENTS,
    files=(File("database.sqlite.gz", 10, "ab" * 32),), blobs=BlobsCopied(2, 300, missing=("run-1/" + "0" * 64,)),
)  # fmt: skip


def test_a_manifest_comes_back_as_it_was() -> None:
    assert parse_manifest(write_manifest(MADE)) == MADE


def test_every_field_is_under_the_digest() -> None:
    """Whatever is changed in the file, and however well it still parses, is found."""
    written = orjson.loads(write_manifest(MADE))
    for name, value in written.items():
        changed = {**written, name: "changed" if isinstance(value, str) else 7}
        if name == "format":
            changed[name] = 0
        with pytest.raises(Damaged, match="changed after it was written"):
            parse_manifest(orjson.dumps(changed))


@pytest.mark.parametrize("cut", [0, 1, 40, -2])
def test_half_a_manifest_is_damaged(cut: int) -> None:
    with pytest.raises(Damaged):
        parse_manifest(write_manifest(MADE)[:cut])


@pytest.mark.parametrize("data", [b"[]", b"null", b"{}", b'"x"', b"\xff"])
def test_what_is_no_manifest_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged):
        parse_manifest(data)


def test_one_of_a_newer_fairlead_is_no_damage() -> None:
    with pytest.raises(Conflict, match="format 2"):
        parse_manifest(orjson.dumps({"format": 2, "shape": "unknown"}))


def test_a_file_it_does_not_name() -> None:
    with pytest.raises(Damaged, match=r"names no database\.dump"):
        MADE.file("database.dump")


def test_equal_contents_do_not_differ_whatever_the_server() -> None:
    assert differences(CONTENTS, replace(CONTENTS, server="SQLite 3.46.0")) == []


def test_rows_tables_and_schema_that_differ_are_named() -> None:
    found = Contents("", {"runs": 13}, {"runs": 2, "events": 12, "more": 0})
    assert differences(CONTENTS, found) == [
        "schema access is at none, not at 4",
        "schema runs is at 13, not at 14",
        "table more has 0 rows, not none",
        "table runs has 2 rows, not 3",
    ]


def test_a_verification_comes_back_as_it_was() -> None:
    verification = Verification(MADE.made_at, True, "restored", digest_of(MADE))
    assert parse_verification(write_verification(verification)) == verification
    with pytest.raises(Damaged, match="passed"):
        parse_verification(write_verification(verification).replace(b"true", b'"perhaps"'))
