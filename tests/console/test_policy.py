from __future__ import annotations

import pytest

from fairlead.errors import Unauthorised
from fairlead.web.console.policy import check_own, masked, may_pack, read_form

COOKIES = {"fairlead_csrf": "token"}
FORM = {"csrf": "token"}
HEADERS = {"host": "fairlead.test", "sec-fetch-site": "same-origin", "origin": "https://fairlead.test"}


def test_a_form_of_our_own_page_is_taken() -> None:
    check_own(HEADERS, COOKIES, FORM)
    check_own({"host": "fairlead.test"}, COOKIES, FORM)  # a browser too old to say where it comes from


def test_a_token_is_written_otherwise_on_each_page_and_taken_from_all_of_them() -> None:
    pages = {masked("token") for _ in range(20)}
    assert len(pages) == 20
    assert not any("token" in one for one in pages)
    for one in pages:
        check_own(HEADERS, COOKIES, {"csrf": one})
        with pytest.raises(Unauthorised):
            check_own(HEADERS, {"fairlead_csrf": "tokem"}, {"csrf": one})


@pytest.mark.parametrize(
    ("headers", "packed"),
    [
        ({"accept-encoding": "gzip, br", "sec-fetch-site": "same-origin"}, True),
        ({"accept-encoding": "gzip, br", "sec-fetch-site": "none"}, True),
        ({"accept-encoding": "gzip, br", "sec-fetch-site": "cross-site"}, False),
        ({"accept-encoding": "gzip, br", "sec-fetch-site": "same-site"}, False),
        ({"accept-encoding": "gzip, br"}, False),
        ({"sec-fetch-site": "same-origin"}, False),
    ],
)
def test_a_page_that_another_site_may_have_asked_for_is_not_packed(headers: dict[str, str], packed: bool) -> None:
    assert may_pack(headers) is packed


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
        (HEADERS, COOKIES, {"csrf": masked("other")}),
        (HEADERS, COOKIES, {"csrf": masked("")}),
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
