"""The way to the provider and back, made of one secret that the browser holds."""

from __future__ import annotations

import base64

import pytest

from fairlead.access.attempt import HOME, LIVES, begin, new_secret, of_state, page_of
from fairlead.errors import Unauthorised

NOW = 1_800_000_000_000_000
SECRET = new_secret()


def test_who_began_comes_back_to_the_page_they_wanted() -> None:
    begun = begin(SECRET, "/console/runs/r1?step=a%2Fb", now=NOW)
    back = of_state(SECRET, begun.state, now=NOW + 5_000_000)
    assert (back.back, back.nonce, back.verifier) == ("/console/runs/r1?step=a%2Fb", begun.nonce, begun.verifier)


def test_two_attempts_of_one_browser_share_nothing_that_is_sent() -> None:
    one, other = begin(SECRET, HOME, now=NOW), begin(SECRET, HOME, now=NOW)
    assert not {one.state, one.nonce, one.verifier} & {other.state, other.nonce, other.verifier}
    assert len({one.state, one.nonce, one.verifier}) == 3
    assert 43 <= len(one.verifier) <= 128  # RFC 7636, 4.1
    assert SECRET not in one.state + repr(one)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: "",
        lambda state: "nothing",
        lambda state: state[:-1],
        lambda state: state.replace(".", "", 1),
        lambda state: _with_page(state, "/console/approvals"),
        lambda state: "f" + state,
        lambda state: state + "\ud800",
    ],
)
def test_a_return_that_this_browser_did_not_begin_is_refused(change: object) -> None:
    state = begin(SECRET, HOME, now=NOW).state
    assert callable(change)
    for secret, forged in ((SECRET, change(state)), (new_secret(), state), ("", state)):
        with pytest.raises(Unauthorised, match="not begun to sign in"):
            of_state(secret, forged, now=NOW)


def _with_page(state: str, page: str) -> str:
    name, _, made = state.split(".")
    return f"{name}.{base64.urlsafe_b64encode(page.encode()).decode().rstrip('=')}.{made}"


@pytest.mark.parametrize("late", [LIVES * 1_000_000 + 1, -1_000_000])
def test_a_return_that_comes_too_late_is_refused(late: int) -> None:
    begun = begin(SECRET, HOME, now=NOW)
    with pytest.raises(Unauthorised, match="took too long"):
        of_state(SECRET, begun.state, now=NOW + late)
    assert of_state(SECRET, begun.state, now=NOW + LIVES * 1_000_000).back == HOME


@pytest.mark.parametrize(
    ("wanted", "page"),
    [
        ("/console/runs?status=error&x=%20", "/console/runs?status=error&x=%20"),
        ("/console", "/console"),
        ("", HOME),
        ("https://evil.example/console/", HOME),
        ("//evil.example", HOME),
        ("/\\evil.example", HOME),
        ("/console/\\evil.example", HOME),
        ("/console@evil.example", HOME),
        ("/console.evil.example", HOME),
        ("/console/a\r\nSet-Cookie: a=b", HOME),
        ("/console/sign-in?back=/console/sign-in", HOME),
        ("/console/sign-out", HOME),
        ("javascript:alert(1)", HOME),
        ("/runs", HOME),
        ("/console/" + "a" * 2000, HOME),
    ],
)
def test_only_a_page_of_the_console_is_gone_back_to(wanted: str, page: str) -> None:
    assert page_of(wanted) == page
