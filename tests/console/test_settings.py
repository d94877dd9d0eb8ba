"""The settings page: what is in force and where from; of a secret only that it is there."""

from __future__ import annotations

import re

from fairlead.access import Role
from fairlead.access.key import NewKey
from fairlead.config import describe_settings
from fairlead.config.describe import PARTS
from fairlead.web.console.format import Format
from fairlead.web.console.language import words
from fairlead.web.console.pages import settings as page
from tests.api.serving import serving
from tests.console.desktop import house
from tests.console.test_costs import HOSTILE, NOW, echo

ROOT = "root-key-of-a-test"
SECRET = "sk-never-to-be-seen-0123456789"


def test_every_part_of_the_settings_has_a_title() -> None:
    assert page.PARTS.keys() == PARTS.keys()


async def test_each_setting_is_shown_as_it_is_in_force() -> None:
    async with house({"desk": echo}, worker_concurrency=7, openai_api_key=SECRET, app_name=HOSTILE) as one:
        answer = await one.visitor.get("/console/settings")
        assert answer.page.all("img") == []
        assert "Runs one worker holds at a time. 7 argument" in answer.page.said
        for doc in describe_settings():
            assert doc.name in answer.page.said
        given = (await one.visitor.get("/console/settings?given=1")).page.said
        assert "WORKER_CONCURRENCY" in given
        assert "MAX_CONCURRENT_AGENTS" not in given


async def test_of_a_secret_nothing_is_shown_and_its_value_finds_nothing() -> None:
    async with house({"desk": echo}, openai_api_key=SECRET) as one:
        view = page.shape(page.Query(), describe_settings(), one.engine.settings.shown(), Format(NOW))
        [row] = [row for part in view.parts for row in part.rows if row.doc.name == "OPENAI_API_KEY"]
        assert (row.value, row.secret, row.is_set) == ("", True, True)
        told = await one.visitor.get("/console/settings?q=openai")
        assert "set secret argument" in told.page.said
        for path in ("", "?q=openai", "?given=1"):
            text = (await one.visitor.get(f"/console/settings{path}")).text
            assert SECRET not in text
            assert "(set)" not in text
        assert "No setting matches." in (await one.visitor.get(f"/console/settings?q={SECRET}")).page.said


async def test_settings_are_found_by_words_of_their_description() -> None:
    async with house({"desk": echo}) as one:
        view = page.shape(
            page.parse({"q": "RUNS worker holds"}), describe_settings(), one.engine.settings.shown(), Format(NOW)
        )
        assert [row.doc.name for part in view.parts for row in part.rows] == ["WORKER_CONCURRENCY"]
        assert view.count == 1


async def test_they_are_found_and_told_in_the_readers_words() -> None:
    async with house({"desk": echo}, worker_concurrency=7) as one:
        shown, fmt = one.engine.settings.shown(), Format(NOW, words=words("ja"))
        view = page.shape(page.parse({"q": "受け持つ実行数"}), describe_settings(), shown, fmt)
        assert [(row.doc.name, row.origin) for part in view.parts for row in part.rows] == [
            ("WORKER_CONCURRENCY", "引数")
        ]
        told = page.shape(page.parse({"q": "LOG_LEVEL"}), describe_settings(), shown, fmt)
        assert {row.origin for part in told.parts for row in part.rows} == {"development の既定値"}


async def test_settings_are_for_administrators_of_the_installation() -> None:
    async with serving({"desk": echo}, keys=(ROOT,), table=True, console=True) as api:
        books = api.running.engine.books
        for tenant, role, status in (
            ("default", Role.ADMIN, 200),
            ("other", Role.ADMIN, 403),
            ("default", Role.OPERATOR, 403),
        ):
            key = await books.keys.create(NewKey(f"{tenant}-{role.value}", tenant=tenant, role=role), by="test")
            assert (await api.client.get("/console/settings", headers={"x-api-key": key.secret})).status_code == status


async def test_nobody_is_led_to_a_page_they_may_not_open() -> None:
    async with serving({"desk": echo}, keys=(ROOT,), table=True, console=True) as api:
        books = api.running.engine.books
        seen: dict[str, set[str]] = {}
        for tenant, role in (("default", Role.ADMIN), ("other", Role.ADMIN), ("default", Role.VIEWER)):
            name = f"{tenant}-{role.value}"
            key = await books.keys.create(NewKey(name, tenant=tenant, role=role), by="test")
            page = await api.client.get("/console/runs", headers={"x-api-key": key.secret})
            places = set(re.findall(r'href="(/console(?:/[a-z-]+)?)"', page.text.partition("<main")[0]))
            for place in places:
                answer = await api.client.get(place, headers={"x-api-key": key.secret})
                assert answer.status_code == 200, (name, place)
            seen[name] = places
        house = seen["default-admin"]
        assert house - seen["other-admin"] == {"/console/settings", "/console/checklists", "/console/evaluations"}
        assert {"/console/keys", "/console/settings"} <= house - seen["default-viewer"]
