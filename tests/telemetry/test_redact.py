from __future__ import annotations

import re
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.telemetry.redact import MAX_TEXT, Redactor, is_sensitive, preview
from fairlead.telemetry.suspects import DIGITS, may_hold_numbers
from tests.telemetry.planted import PLANTED, Planted

# Fakes are put together here, so that no scanner takes this file for a leak.
STRIPE, GITHUB, AWS = "sk_" + "live_abcdefgh12345678", "ghp_" + "a1" * 18, "AKIA" + "IOSFODNN7EXAMPLE"
OPENAI, SLACK = "sk-" + "proj-abcdefgh12345678", "xoxb-" + "123456789012-abcdef"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("write to bob@example.com now", "bob@example.com"),
        ("<o'neil+tag@a-b.co.uk>", "o'neil+tag@a-b.co.uk"),
        ("?mail=bob%40example.com&x=1", "bob%40example.com"),
        ("jörg@müller.de", "jörg@müller.de"),
        ("card 4111111111111111.", "4111111111111111"),
        ("card 4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("card 4111-1111-1111-1111", "4111-1111-1111-1111"),
        ("amex 3782 822463 10005", "3782 822463 10005"),
        ('"card_no":"5500005555555559"', "5500005555555559"),
        ("ssn 123-45-6789", "123-45-6789"),
        ("ssn 078 05 1120", "078 05 1120"),
        (f"key {OPENAI}", OPENAI),
        (f"key={STRIPE}", STRIPE),
        (f"({GITHUB})", GITHUB),
        (f"{AWS},", AWS),
        (SLACK, SLACK),
        (f"jwt {JWT}", JWT),
        ("Authorization: Bearer abc.def-123456", "abc.def-123456"),
        ("authorization: basic dXNlcjpwYXNz=", "dXNlcjpwYXNz="),
        ("postgresql://app:hunter2@db/x", "hunter2"),
        ("postgresql://app:p@ss:w0rd@db/x", "p@ss:w0rd"),
        ("password=hunter2", "hunter2"),
        ("Password : 'two words'", "two words"),
        ('{"api_key": "abc123"}', "abc123"),
        ('{\\"password\\":\\"hunter2\\"}', "hunter2"),
        ("DB_PASSWORD=hunter2", "hunter2"),
        ("my_secret_key: zzz999", "zzz999"),
        ("token=abcdef123", "abcdef123"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----", "MIIEabc"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEcut", "MIIEcut"),
        ("our own: correct-horse-battery", "correct-horse-battery"),
        ("customer K-1234567", "K-1234567"),
    ],
)
def test_nothing_secret_is_left(text: str, secret: str) -> None:
    redactor = Redactor(literals=("correct-horse-battery",), patterns=(re.compile(r"K-\d{7}"),))
    for around in (text, f"before {text} after", f"line\n{text}\nline"):
        assert secret not in redactor.text(around)


@pytest.mark.parametrize(
    "text",
    [
        "01932f4a-7b1c-7123-8abc-1234567890ab",
        "12345678-1234-4123-8123-123456789012",
        "2026-11-22T10:07:38.992150+00:00",
        "tokens: 512, max_tokens=2048, token_count: 12",
        "4111111111111112 is no card: Luhn says so",
        "at 1732270000123456 microseconds",
        "a basic understanding of tokens and passwords",
        "the task-list is on disk-full-of-files",
        "install ok installed libc6:amd64 2.41-12",
        "https://example.com/a?b=c",
        "password: null, token=false",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Redactor().text(text) == text


def test_what_a_key_calls_secret_goes_whole_at_any_depth() -> None:
    value = {"user": [{"password": "x", "X-Api-Key": 5, "name": "bob@example.com"}], "n": 4111111111111111, "tokens": 7}
    assert Redactor().value(value) == {
        "user": [{"password": "[secret]", "X-Api-Key": "[secret]", "name": "[email]"}], "n": "[card]", "tokens": 7
    }  # fmt: skip


def test_a_value_that_holds_itself_ends() -> None:
    loop: dict[str, object] = {}
    loop["again"] = loop
    assert "…" in repr(Redactor().value(loop))


@pytest.mark.parametrize("name", ["password", "db_password", "api_key", "APIKEY", "access-token", "set-cookie", "ssn"])
def test_sensitive_names_are_known(name: str) -> None:
    assert is_sensitive(name)


@pytest.mark.parametrize("name", ["tokens", "tokens_in", "idempotency_key", "key", "author", "passed", "call_id"])
def test_ordinary_names_are_not_sensitive(name: str) -> None:
    assert not is_sensitive(name)


def test_a_preview_is_redacted_before_it_is_cut() -> None:
    text = "x" * 95 + " bob@example.com and more" + "y" * 500
    assert preview(Redactor(), text, 100) == "x" * 95 + " [ema…"


def test_a_short_text_is_its_own_preview() -> None:
    assert preview(Redactor(), "count lines", 100) == "count lines"


@given(st.text(max_size=300))
def test_redaction_is_done_after_one_pass(text: str) -> None:
    once = Redactor().text(text)
    assert Redactor().text(once) == once


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a@",
        "1 ",
        "password=",
        "sk-",
        "4",
        "eyJ",
        "bearer ",
        "token : ",
        "-----BEGIN PRIVATE KEY-----",
        "a.b@",
        "://@",
    ],
)
def test_a_hostile_megabyte_costs_no_more_than_a_long_line(unit: str) -> None:
    text = (unit * (1_000_000 // len(unit))) + "@"
    took = min(timeit.repeat(lambda: Redactor().text(text), number=1, repeat=3))
    assert took < 0.1
    assert len(Redactor().text(text)) < 2 * MAX_TEXT


def test_a_text_that_was_clean_is_struck_once_its_secret_is_known() -> None:
    words = ["correct-horse-battery"]
    redactor = Redactor(words)
    assert redactor.text("staple of the day") == "staple of the day"
    words.append("staple")
    assert redactor.text("staple of the day") == "[secret] of the day"


ID = "0123456789abcdef" * 2


@given(st.text("0123456789abcdef", min_size=32, max_size=32))
def test_an_id_is_what_it_would_be_as_a_text(text: str) -> None:
    assert Redactor().id(text) == Redactor().text(text) == text


def test_an_id_that_is_a_secret_of_ours_or_a_pattern_of_the_owners_is_taken_out() -> None:
    assert Redactor([ID]).id(ID) == "[secret]"
    assert ID[4:8] not in Redactor([ID[4:8]]).id(ID)
    assert Redactor(patterns=(re.compile("^0123.*"),)).id(ID) == "[redacted]"


@pytest.mark.parametrize("text", [OPENAI, GITHUB, "4111-1111-1111-1111", ID.upper(), ID + "0"])
def test_what_only_stands_where_an_id_should_is_a_text(text: str) -> None:
    assert Redactor().id(text) == Redactor().text(text)


def test_ids_do_not_drive_out_what_is_said_again_and_again() -> None:
    redactor = Redactor()
    redactor.id(ID)
    assert ID not in redactor.clean


@given(st.text("0123456789 .)-(ABxy/:\n٣", min_size=8, max_size=60))
def test_no_number_is_overlooked_by_the_first_look(text: str) -> None:
    assert may_hold_numbers(text) or not DIGITS.search(text)


@pytest.mark.parametrize("one", [one for one in PLANTED if DIGITS.search(one.text)], ids=lambda one: one.secret[:4])
def test_the_first_look_sees_every_planted_number(one: Planted) -> None:
    assert may_hold_numbers(one.text)


def test_the_first_look_spares_dates_addresses_and_ids_the_second() -> None:
    assert not may_hold_numbers("2026-11-27.log: 10.0.0.7:5432 refused run 01932f4a-7b1c after 3 tries at 10:07:38")
