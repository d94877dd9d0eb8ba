from __future__ import annotations

import pytest

from fairlead.config.secrets import Reference, parse_reference
from fairlead.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("env:TOKEN", Reference("env", "TOKEN")),
        ("file:/run/secrets/a b", Reference("file", "/run/secrets/a b")),
        ("aws:prod/fairlead", Reference("aws", "prod/fairlead")),
        ("aws:prod/fairlead#database_url", Reference("aws", "prod/fairlead", "database_url")),
        ("aws:prod?stage=AWSPREVIOUS#a.b c", Reference("aws", "prod", "a.b c", "AWSPREVIOUS")),
        (
            "aws:arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod-AbC123#k",
            Reference("aws", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod-AbC123", "k"),
        ),
    ],
)
def test_a_reference_is_read_and_written(text: str, reference: Reference) -> None:
    assert parse_reference(text) == reference
    assert str(reference) == text


@pytest.mark.parametrize("text", ["hunter2", "postgresql://u:p@h/d", "", "awsome:x", "AWS:x", '{"a": "env:X"}'])
def test_a_value_is_no_reference(text: str) -> None:
    assert parse_reference(text) is None


@pytest.mark.parametrize("text", ["env:", "env:a b hunter2", "file:", "aws:", "aws:a b hunter2", "aws:x?stage=#k"])
def test_what_names_no_place_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_reference(text)
    assert "hunter2" not in str(caught.value)
