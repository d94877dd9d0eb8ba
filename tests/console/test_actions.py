"""What can be done with a run is offered to whoever may do it, and to nobody else."""

from __future__ import annotations

from typing import Any

from fairlead.access import Role
from fairlead.access.key import NewKey
from tests.api.serving import serving
from tests.console.visitor import Page


async def fail(input: Any) -> None:
    raise ValueError("the mailbox is full")


def offered(html: str) -> set[str]:
    """What stands in the head of a run's page, by the last word of its address."""
    page = Page()
    page.feed(html)
    hrefs = [one.get("href") or "" for tag, one, around in page.elements if tag == "a" and "actions" in around]
    return {href.rpartition("/")[2] for href in hrefs}


async def test_moves_of_a_run_are_shown_by_role() -> None:
    async with serving({"fail": fail}, keys=("root-key",), table=True, console=True) as api:
        waiting = await api.running.submit("fail", 1, release="nobody-serves-it")
        failed = await api.running.run("fail", 1)
        seen: dict[str, dict[Role, set[str]]] = {"waiting": {}, "failed": {}}
        for role in Role:
            key = await api.running.engine.books.keys.create(NewKey(role.value, role=role), by="test")
            for name, run in (("waiting", waiting), ("failed", failed)):
                page = await api.client.get(f"/console/runs/{run.id}", headers={"x-api-key": key.secret})
                assert page.status_code == 200
                seen[name][role] = offered(page.text)
        assert seen == {
            "waiting": {Role.VIEWER: set(), Role.OPERATOR: {"cancel"}, Role.ADMIN: {"cancel", "move"}},
            "failed": {Role.VIEWER: set(), Role.OPERATOR: {"retry", "case"}, Role.ADMIN: {"retry", "case"}},
        }
