from __future__ import annotations

import time
from pathlib import Path

import pytest

from fairlead.cli.client import Client, Refused
from fairlead.cli.exits import Exit
from tests.cli.processes import fairlead, make_project, running


def test_without_a_server_keys_are_made_in_the_database_of_the_project(tmp_path: Path) -> None:
    make_project(tmp_path)
    refused = fairlead(tmp_path, "keys", "create", "bot")
    assert (refused.code, "administrator" in refused.err) == (Exit.CONFLICT, True)
    root = fairlead(tmp_path, "keys", "create", "root", "--role", "admin")
    assert root.code == Exit.OK, root.err
    assert len(root.out.split()) == 1  # the key alone, to be piped
    made = fairlead(
        tmp_path, "keys", "create", "bot", "--owner", "ann", "--scope", "models", "--model", "openai/*", "--rpm", "60",
        "--tpm", "1000", "--budget-usd", "5/day", "--budget-usd", "100", "--expires", "90d", "--label", "team=search",
        "--json",
    ).json  # fmt: skip
    assert (made["owner"], made["scopes"], made["models"]) == ("ann", ["models"], ["openai/*"])
    assert (made["requests_per_minute"], made["tokens_per_minute"]) == (60, 1000)
    assert (made["budget_usd"], made["metadata"]) == ({"day": 5.0, "month": None, "total": 100.0}, {"team": "search"})
    listed = fairlead(tmp_path, "keys", "list")
    for piece in ("root", "bot", "ann", "openai/*", "$5.00/day, $100.00", "60 requests/min", "ends in 90 days"):
        assert piece in listed.out
    for secret in (root.out.strip(), made["key"]):
        assert secret not in listed.out + fairlead(tmp_path, "keys", "show", "bot", "--json").out
    assert fairlead(tmp_path, "keys", "revoke", "bot").out.strip() == "bot is revoked."
    assert "revoked" in fairlead(tmp_path, "keys", "show", "bot").out


def test_what_is_typed_wrongly_is_told(tmp_path: Path) -> None:
    make_project(tmp_path)
    for words, code, says in (
        (("create", "bot", "--budget-usd", "5/week"), Exit.USAGE, "5/day"),
        (("create", "bot", "--budget-usd", "5/day", "--budget-usd", "6/day"), Exit.USAGE, "two budgets"),
        (("create", "bot", "--expires", "soon"), Exit.USAGE, "90d"),
        (("create", "bot", "--label", "team"), Exit.USAGE, "team=search"),
        (("create", "a/b"), Exit.USAGE, "name"),
        (("create", "bot", "--role", "god"), Exit.USAGE, "viewer"),
        (("show", "../runs"), Exit.NOT_FOUND, "nothing at this address"),
        (("rotate", "nobody"), Exit.NOT_FOUND, "keys list"),
    ):
        done = fairlead(tmp_path, "keys", *words)
        assert (done.code, says in done.err, "Traceback" in done.err) == (code, True, False), (words, done.err)


def test_a_running_server_takes_a_new_key_at_once_and_then_asks_everyone(tmp_path: Path) -> None:
    make_project(tmp_path)
    with running(tmp_path, "serve", "--port", "0") as serve:
        url = serve.until("listening")["url"]
        root = fairlead(tmp_path, "keys", "create", "root", "--role", "admin").out.strip()
        assert fairlead(tmp_path, "runs", "list").code == Exit.REFUSED
        assert fairlead(tmp_path, "runs", "list", FAIRLEAD_API_KEY=root).code == Exit.OK
        turned = fairlead(tmp_path, "keys", "rotate", "root", "--overlap", "1h", FAIRLEAD_API_KEY=root).out.strip()
        for key in (root, turned):
            assert Client(url, key=key).get("/runs") == []
        assert fairlead(tmp_path, "keys", "revoke", "root", FAIRLEAD_API_KEY=turned).code == Exit.OK
        for key in (root, turned):
            with pytest.raises(Refused):
                Client(url, key=key).get("/runs")
        assert serve.stop() == 0


def test_beyond_this_machine_a_key_of_the_database_is_enough(tmp_path: Path) -> None:
    make_project(tmp_path)
    refused = fairlead(tmp_path, "serve", "--port", "0", "--host", "0.0.0.0")
    assert (refused.code, "fairlead keys create" in refused.err) == (Exit.CONFIGURATION, True)
    root = fairlead(tmp_path, "keys", "create", "root", "--role", "admin").out.strip()
    with running(tmp_path, "serve", "--port", "0", "--host", "0.0.0.0") as serve:
        url = serve.until("listening")["url"]
        assert Client(url, key=root).get("/runs") == []
        with pytest.raises(Refused):
            Client(url).get("/runs")


def test_of_two_servers_the_other_takes_a_key_at_once_and_refuses_it_within_two_seconds(
    tmp_path: Path, postgres_url: str
) -> None:
    make_project(tmp_path)
    with (
        running(tmp_path, "serve", "--port", "0", DATABASE_URL=postgres_url) as one,
        running(tmp_path, "serve", "--port", "0", DATABASE_URL=postgres_url) as other,
    ):
        here, there = one.until("listening")["url"], other.until("listening")["url"]
        root = Client(here).post("/keys", {"name": "root", "role": "admin"})["key"]
        for n in range(5):
            key = Client(here, key=root).post("/keys", {"name": f"bot{n}"})["key"]
            elsewhere = Client(there, key=key)
            assert elsewhere.get("/runs") == []
            Client(here, key=root).delete(f"/keys/bot{n}")
            revoked_at = time.monotonic()
            with pytest.raises(Refused, match="revoked"):
                while time.monotonic() - revoked_at < 2.0:
                    elsewhere.get("/runs")
