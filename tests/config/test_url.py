from __future__ import annotations

import pytest

from fairlead.config.url import database_url, hide_password


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("sqlite:///a/b.db", "sqlite:///a/b.db"),
        ("postgres://u@h/d", "postgresql://u@h/d"),
        (" postgresql://u:p@h:1/d?sslmode=require\n", "postgresql://u:p@h:1/d?sslmode=require"),
        ('{"username":"u","password":"p","host":"::1","database":"d"}', "postgresql://u:p@[::1]:5432/d"),
    ],
)
def test_every_form_becomes_one(given: str, taken: str) -> None:
    assert database_url(given) == taken


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("mysql://u:hunter2@h/d", "postgresql://"),
        ("sqlite://", "sqlite:///PATH"),
        ("postgresql://u:hunter2@h:port/d", "not a URL"),
        ("{hunter2", "not JSON"),
        ('{"username":"u","password":"hunter2"}', "without host, database"),
    ],
)
def test_a_refusal_gives_the_reason_and_not_the_value(given: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        database_url(given)
    assert "hunter2" not in str(caught.value)


def test_people_see_neither_password_nor_query() -> None:
    assert hide_password("postgresql://u:p@h:1/d?password=x") == "postgresql://u:***@h:1/d"
    assert hide_password("sqlite:///a.db") == "sqlite:///a.db"
