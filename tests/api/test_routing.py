from __future__ import annotations

import pytest

from fairlead.web.routing import Route, Routes


def _routes(*declared: str) -> Routes:
    """What answers is the text that declares it."""
    return Routes(Route(*one.split(), one) for one in declared)  # type: ignore[arg-type]


ROUTES = _routes(
    "GET /ok", "GET /threads/{thread_id}", "DELETE /threads/{thread_id}", "POST /threads/search",
    "GET /threads/{thread_id}/runs/{run_id}", "POST /threads/{thread_id}/runs/stream",
    "GET /threads/{thread_id}/runs/{run_id}/stream", "GET /a/{x}/c", "GET /a/b/d",
)  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "answers", "given"),
    [
        ("GET", "/ok", "GET /ok", {}),
        ("GET", "/threads/t", "GET /threads/{thread_id}", {"thread_id": "t"}),
        ("POST", "/threads/search", "POST /threads/search", {}),
        ("GET", "/threads/t/runs/r", "GET /threads/{thread_id}/runs/{run_id}", {"thread_id": "t", "run_id": "r"}),
        ("POST", "/threads/t/runs/stream", "POST /threads/{thread_id}/runs/stream", {"thread_id": "t"}),
        ("GET", "/a/b/c", "GET /a/{x}/c", {"x": "b"}),  # `/a/b` is a word of another address only
    ],
)
def test_an_address_leads_to_its_operation(method: str, path: str, answers: str, given: dict[str, str]) -> None:
    assert ROUTES.find(method, path) == (answers, given)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/threads/search"),  # a word is no thread, whatever the method
        ("GET", "/threads/t/runs/stream"),
        ("GET", "/threads/"),
        ("GET", "/threads//runs/r"),
        ("GET", "/ok/"),
        ("POST", "/ok"),
        ("GET", "/nobody"),
        ("GET", ""),
    ],
)
def test_other_addresses_lead_nowhere(method: str, path: str) -> None:
    assert ROUTES.find(method, path) is None


def test_an_address_knows_its_methods() -> None:
    assert ROUTES.methods("/threads/t") == ["DELETE", "GET"]
    assert ROUTES.methods("/threads/search") == ["POST"]
    assert ROUTES.methods("/nobody") == []
