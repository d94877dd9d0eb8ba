from __future__ import annotations

import pytest

from fairlead.errors import Unauthorised
from fairlead.web.console.policy import check_own, read_form

COOKIES = {"fairlead_csrf": "token"}
FORM = {"csrf": "token"}
HEADERS = {"host": "fairlead.test", "sec-fetch-site": "same-origin", "origin": "https://fairlead.test"}


def test_a_form_of_our_own_page_is_taken() -> None:
    check_own(HEADERS, COOKIES, FORM)
    check_own({"host": "fairlead.test"}, COOKIES, FORM)  # a browser too old to say where it comes from


@pytest.mark.parametrize(
    ("headers", "cookies", "form"),
    [
        (HEADERS | {"sec-fetch-site": "cross-site"}, COOKIES, FORM),
        (HEADERS | {"sec-fetch-site": "same-site"}, COOKIES, FORM),
        (HEADERS | {"origin": "https://evil.test"}, COOKIES, FORM),
        (HEADERS, {}, FORM),
        (HEADERS, {"fairlead_csrf": ""}, {"csrf": ""}),
        (HEADERS, COOKIES, {"csrf": "other"}),
        (HEADERS, COOKIES, {"csrf": "ü"}),
        (HEADERS, COOKIES, {}),
    ],
)
def test_a_form_of_anybody_else_is_refused(
    headers: dict[str, str], cookies: dict[str, str], form: dict[str, str]
) -> None:
    with pytest.raises(Unauthorised):
        check_own(headers, cookies, form)


def test_the_last_value_of_a_field_counts_and_bad_bytes_hurt_nobody() -> None:
    assert read_form(b"a=1&a=2&b=%ff") == {"a": "2", "b": "\ufffd"}
