"""The inbox as a person at a terminal has it: asked, answered, too late, and not the one to answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.cli.client import Client
from fairlead.cli.exits import Exit
from tests.cli.processes import PATIENCE, fairlead, running
from tests.servers import wait_until

PROJECT = """\
[project]
name = "paying"

[agents]
pay = "pay.py:pay"
"""
AGENT = '''\
from datetime import timedelta


async def pay(input, ctx):
    """Asks before it pays."""
    days, seconds = timedelta(days=2), timedelta(milliseconds=200)
    decision = await ctx.approve(
        f"Pay {input['amount']}?", data=input, who=input.get("who", ()),
        expires=seconds if input.get("hurry") else days,
    )
    if decision.expired:
        return "too late"
    return f"{'paid' if decision.approved else 'not paid'}: {decision.comment}"
'''
ROOT = "fl_the-key-of-this-test"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "fairlead.toml").write_text(PROJECT)
    (tmp_path / "pay.py").write_text(AGENT)
    (tmp_path / ".env").write_text(f"API_KEY_WHITELIST={ROOT}\n")
    return tmp_path


@pytest.fixture
def client(place: Path) -> Iterator[Client]:
    """Of the server that the commands reach, too."""
    with running(place, "serve", "--port", "0") as serve:
        yield Client(serve.until("listening")["url"], key=ROOT)


def ask(place: Path, client: Client, input: str) -> tuple[str, dict[str, Any]]:
    """The run, and its question once it has been asked."""
    run = fairlead(place, "run", "pay", "-d", "--input", input).out.strip()
    wait_until(lambda: client.get("/approvals", run_id=run, open="false") != [], seconds=PATIENCE)
    (asked,) = fairlead(place, "approvals", "list", "--run", run, "--answered", "--json").json
    return run, asked


def output(place: Path, run: str) -> Any:
    """When it has ended."""
    assert fairlead(place, "runs", "follow", run).code == Exit.OK
    return fairlead(place, "runs", "show", run, "--json").json["output"]


def test_a_question_is_listed_shown_and_answered_once(place: Path, client: Client) -> None:
    yes, asked = ask(place, client, '{"amount": 5}')
    listed = fairlead(place, "approvals", "list")
    assert asked["id"] in listed.out and "Pay 5?" in listed.out
    shown = fairlead(place, "approvals", "show", asked["id"])
    assert '"amount": 5' in shown.out and "every operator" in shown.out
    answered = fairlead(place, "approvals", "approve", asked["id"], "--comment", "seen the receipt")
    assert (answered.code, answered.out.strip()) == (Exit.OK, "Approved: Pay 5?")
    assert output(place, yes) == "paid: seen the receipt"

    no, other = ask(place, client, '{"amount": 7}')
    denied = fairlead(place, "approvals", "deny", other["id"], "--comment", "too much", "--json")
    assert (denied.code, denied.json["approved"]) == (Exit.OK, False)
    assert output(place, no) == "not paid: too much"

    for word in ("approve", "deny"):  # whatever the second answer is
        again = fairlead(place, "approvals", word, other["id"])
        assert again.code == Exit.CONFLICT and "Traceback" not in again.err, again.err
    assert output(place, no) == "not paid: too much"
    assert fairlead(place, "approvals", "list").out.strip() == "Nobody waits for an answer."
    kept = fairlead(place, "approvals", "list", "--answered", "--json").json
    assert [(one["id"], one["approved"]) for one in kept] == [(other["id"], False), (asked["id"], True)]
    missing = fairlead(place, "approvals", "approve", "nobody")
    assert missing.code == Exit.NOT_FOUND, missing.err


def test_who_comes_too_late_or_was_not_asked_is_told_so(place: Path, client: Client) -> None:
    late, asked = ask(place, client, '{"amount": 5, "hurry": true}')
    assert output(place, late) == "too late"
    answer = fairlead(place, "approvals", "approve", asked["id"])
    assert answer.code == Exit.CONFLICT, answer.err
    (kept,) = fairlead(place, "approvals", "list", "--answered", "--json").json
    assert (kept["approved"], fairlead(place, "approvals", "list", "--json").json) == (False, [])

    limited, asked = ask(place, client, '{"amount": 5, "who": ["user:ada"]}')
    for name, code in (("bob", Exit.REFUSED), ("ada", Exit.OK)):
        made = fairlead(place, "keys", "create", name, "--role", "operator", "--owner", name, "--json")
        key = made.json["key"]
        mine = fairlead(place, "approvals", "list", "--mine", "--json", FAIRLEAD_API_KEY=key).json
        assert [one["id"] for one in mine] == ([asked["id"]] if name == "ada" else [])
        answer = fairlead(place, "approvals", "approve", asked["id"], "--comment", name, FAIRLEAD_API_KEY=key)
        assert answer.code == code, answer.err
    assert output(place, limited) == "paid: ada"
