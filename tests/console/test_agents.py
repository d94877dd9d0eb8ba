from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from fairlead.access.audit import Wanted as AuditWanted
from fairlead.errors import InvalidInput
from fairlead.runs.assistants import Assistant, Change, Wanted
from fairlead.runs.schedule import Rhythm, Work
from fairlead.web.console.pages.agent_list import PATH
from fairlead.web.console.pages.assistant import Material, parse, text_of
from tests.api.serving import serving
from tests.console import office
from tests.console.desktop import House, desktop, house

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)
EVIL = "100% %(x)s <script>alert(1)</script>\"'"


def _version(number: int, config: dict[str, Any] | None = None) -> Assistant:
    return Assistant("as-1", "writer", "Letters", "", config or {}, {}, {}, number, AT, AT, declared=False)


THREE = Material(_version(3), tuple(_version(number) for number in (3, 2, 1)))


def test_the_newest_version_is_compared_with_the_one_before_unless_others_are_named() -> None:
    assert parse({}, THREE) == (2, 3)
    assert parse({"from": "1", "to": "3"}, THREE) == (1, 3)
    assert parse({"to": "2"}, THREE) == (1, 2)
    assert parse({"to": "1"}, THREE) == (1, 1)
    assert parse({}, Material(_version(1), (_version(1),))) == (1, 1)
    for wrong in ("9", "-1", "one", "9" * 20):
        with pytest.raises(InvalidInput):
            parse({"to": wrong}, THREE)


def test_a_version_is_told_line_by_line() -> None:
    config = {"configurable": {"instructions": "Be kind.\nBe short.", "temperature": 0.5}, "tags": ["a"]}
    assert text_of(_version(1, config)).splitlines() == [
        "agent: writer", "description: ", "name: Letters", "config.configurable.instructions:", "  Be kind.",
        "  Be short.", "config.configurable.temperature: 0.5", 'config.tags: ["a"]',
    ]  # fmt: skip


async def _made(it: House, **more: Any) -> Assistant:
    book = it.engine.assistants
    told = {"configurable": {"instructions": "First words"}}
    made = await book.create("writer", Change(name="Letters", config=told), tenant="default", by="ada", **more)
    changed = Change(config={"configurable": {"instructions": "Second words"}}, description=EVIL)
    await book.change(made.id, changed, tenant="default", by="ada")
    return made


async def test_each_agent_is_listed_with_who_serves_it() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        said = (await it.visitor.get(PATH)).page.said
        assert "support Answers customers, and looks up orders. model and tools openai/gpt-5-mini 2 $5.00 1" in said
        assert "trip Plans a trip. code — — $5.00 1" in said
    async with house({}) as it:
        assert "declares no agent" in (await it.visitor.get(PATH)).page.said


async def test_an_agent_says_what_it_takes_and_what_its_tools_do() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        await it.running.run("support", "Hello there")
        agent = await it.visitor.get(f"{PATH}/support")
        said = agent.page.said
        assert not [one for one in agent.page.all("input") if one.get("name") == "id"], "nothing is marked here"
        assert "safe to repeat number" in said
        assert "not safe to repeat: a person is asked" in said
        assert "Hello there" in said
        trip = (await it.visitor.get(f"{PATH}/trip")).page.said
        assert "city text yes — Where to." in trip
        assert "nights whole number 1 – 30 no 2 How long." in trip
        assert "by one of: train, plane, bus" in trip
        assert (await it.visitor.get(f"{PATH}/nobody")).status == 404


async def test_what_changed_between_any_two_versions_is_marked_for_eyes_and_ears() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        made = await _made(it)
        path = f"{PATH}/writer/{made.id}"
        assert "Letters" in (await it.visitor.get(f"{PATH}/writer")).page.said
        answer = await it.visitor.get(f"{path}?from=1&to=2")
        assert "<del>config.configurable.instructions: First words</del>" in answer.text
        assert "<ins>config.configurable.instructions: Second words</ins>" in answer.text
        assert "removed: " in answer.text
        assert "<script>alert" not in answer.text
        back = await it.visitor.get(f"{path}?from=2&to=1")
        assert "<ins>config.configurable.instructions: First words</ins>" in back.text
        assert "Second words" in (await it.visitor.get(f"{path}?from=2&to=2")).page.said
        assert (await it.visitor.get(f"{path}?from=7")).status == 422
        assert (await it.visitor.get(f"{PATH}/trip/{made.id}")).status == 404


async def test_another_version_is_made_current_once_somebody_has_said_so() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        made = await _made(it)
        path = f"{PATH}/writer/{made.id}"
        asked = await it.visitor.get(f"{path}/use?version=1")
        assert "New runs of Letters get version 1 instead of 2." in asked.page.said
        assert (await it.engine.assistants.get(made.id, tenant="default")).version == 2
        assert (await it.visitor.post(f"{path}/use", {"version": "1"})).status == 403
        assert (await it.visitor.submit(f"{path}/use", {"version": "9"})).status == 422
        assert (await it.visitor.submit(f"{path}/use", {"version": "1"})).status == 303
        assert (await it.engine.assistants.get(made.id, tenant="default")).version == 1
        (entry,) = await it.engine.books.audit.list("default", AuditWanted(action="assistant.latest"))
        assert (entry.subject, entry.by) == (made.id, "local")


async def test_an_agent_as_declared_has_one_version_and_nothing_to_compare() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        declared = await it.engine.assistants.get("writer", tenant="default")
        answer = await it.visitor.get(f"{PATH}/writer/{declared.id}")
        assert answer.status == 200
        assert "make current" not in answer.text


async def test_another_tenant_sees_no_assistant_and_a_viewer_changes_none() -> None:
    async with serving(office.AGENTS, keys=("root",), table=True, console=True, providers=office.PROVIDERS) as api:
        book = api.running.engine.assistants
        made = await book.create("writer", Change(name="Ours alone"), tenant="default", by="ada")
        await book.change(made.id, Change(name="Ours too"), tenant="default", by="ada")
        keys: dict[str, str] = {}
        for name, role, tenant in (("v", "viewer", "default"), ("o", "operator", "other")):
            body = {"name": name, "role": role, "tenant": tenant}
            keys[name] = (await api.json("POST", "/keys", body, status=201, headers={"x-api-key": "root"}))["key"]
        path = f"{PATH}/writer/{made.id}"
        seen = await api.client.get(path, auth=("", keys["v"]))
        assert (seen.status_code, "make current" in seen.text, "/edit" in seen.text) == (200, False, False)
        assert "New assistant" not in (await api.client.get(f"{PATH}/writer", auth=("", keys["v"]))).text
        for word in ("new", f"{made.id}/edit", f"{made.id}/delete"):
            assert (await api.client.get(f"{PATH}/writer/{word}", auth=("", keys["v"]))).status_code == 403, word
        assert (await api.client.get(path, auth=("", keys["o"]))).status_code == 404
        assert "Ours" not in (await api.client.get(f"{PATH}/writer", auth=("", keys["o"]))).text


FORM = {
    "name": "Letters", "description": "Kind ones", "s.set.instructions": "Be kind.\r\nBe short.",
    "s.set.model": office.MODEL, "s.set.temperature": "", "s.config": "", "s.context": "", "metadata": "",
}  # fmt: skip


async def _own(it: House) -> list[Assistant]:
    found, _ = await it.engine.assistants.search(Wanted(agent="writer"), tenant="default")
    return [one for one in found if not one.declared]


async def test_an_assistant_is_made_with_what_differs_from_the_agent() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        assert f"{PATH}/writer/new" in {
            one.get("href") for one in (await it.visitor.get(f"{PATH}/writer")).page.all("a")
        }
        fresh = await it.visitor.get(f"{PATH}/writer/new")
        assert fresh.status == 200 and office.KIND in fresh.page.said
        made = await it.visitor.submit(f"{PATH}/writer/new", FORM | {"metadata": '{"team": "blue"}'})
        (one,) = await _own(it)
        assert (made.status, made.headers["location"]) == (303, f"{PATH}/writer/{one.id}")
        assert (one.name, one.description, one.metadata) == ("Letters", "Kind ones", {"team": "blue"})
        assert one.config == {"configurable": {"instructions": "Be kind.\nBe short."}}, "the model is the agent's"
        (entry,) = await it.engine.books.audit.list("default", AuditWanted(action="assistant.create"))
        assert (entry.subject, entry.by) == (one.id, "local")
        plain = await it.visitor.submit(f"{PATH}/trip/new", {"name": "Trips", "s.config": '{"tags": ["a"]}'})
        assert plain.status == 303, "code that has no settings of its own"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": " "}, "Give it a name"), ({"name": "x" * 201}, "At most 200"), ({"s.context": "{"}, "s.context"),
        ({"s.set.temperature": "warm"}, "s.set.temperature"), ({"metadata": "[]"}, "metadata"),
        ({"s.config": '{"configurable": {"max_iterations": 3}}'}, "lets nobody set"),
    ],
)  # fmt: skip
async def test_what_is_wrong_stands_beside_its_field_and_what_was_written_stays(
    wrong: dict[str, str], said: str
) -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        answer = await it.visitor.submit(f"{PATH}/writer/new", FORM | wrong)
        assert answer.status == 422 and await _own(it) == []
        marked = {one.get("name") for tag in ("input", "textarea") for one in answer.page.all(tag)
                  if one.get("aria-invalid")}  # fmt: skip
        assert said in answer.page.said or marked == {said}
        assert "Be kind. Be short." in answer.page.said and "Kind ones" in answer.page.said


async def test_a_change_is_the_next_version_and_not_of_what_another_has_changed_meanwhile() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        made = await _made(it)
        path = f"{PATH}/writer/{made.id}/edit"
        page = (await it.visitor.get(path)).page
        assert "Second words" in page.said and EVIL in page.said
        assert ("version", "2") in {(one.get("name"), one.get("value")) for one in page.all("input")}
        pinned = FORM | {"s.set.instructions": office.KIND, "version": "2"}
        assert (await it.visitor.submit(path, pinned)).status == 303
        now = await it.engine.assistants.get(made.id, tenant="default")
        assert (now.version, now.config) == (3, {}), "as the agent has it by itself"
        late = await it.visitor.submit(path, FORM | {"version": "2"})
        assert late.status == 409 and "version 3 is the current one" in late.page.said
        assert "Be kind. Be short." in late.page.said
        assert (await it.engine.assistants.get(made.id, tenant="default")).version == 3
        assert len(await it.engine.books.audit.list("default", AuditWanted(action="assistant.change"))) == 1


async def test_what_a_version_pins_stays_pinned_where_the_agent_has_the_same() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        pins = Change(name="Letters", config={"configurable": {"model": office.MODEL}, "tags": ["a"]})
        made = await it.engine.assistants.create("writer", pins, tenant="default", by="ada")
        path = f"{PATH}/writer/{made.id}/edit"
        kept = {"s.set.instructions": office.KIND, "version": "1", "s.config": '{"tags": ["a"]}'}
        assert (await it.visitor.submit(path, FORM | kept)).status == 303
        assert (await it.engine.assistants.get(made.id, tenant="default")).config == pins.config


async def test_deleting_asks_first_and_says_what_will_start_it_no_more() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        made = await _made(it)
        path = f"{PATH}/writer/{made.id}/delete"
        assert "schedule" not in (await it.visitor.get(path, **{"hx-request": "true"})).page.said
        await it.engine.schedules.add(made.id, Rhythm("0 9 * * *"), Work("x"), tenant="default", by="ada")
        asked = await it.visitor.get(path)
        assert "Delete the assistant Letters?" in asked.page.said and "1 schedule starts it" in asked.page.said
        assert (await it.visitor.post(path, {})).status == 403, "another site's"
        assert len(await _own(it)) == 1
        gone = await it.visitor.submit(path, {})
        assert (gone.status, gone.headers["location"], await _own(it)) == (303, f"{PATH}/writer", [])
        assert (await it.visitor.submit(path, {})).status == 404
        (entry,) = await it.engine.books.audit.list("default", AuditWanted(action="assistant.delete"))
        assert entry.subject == made.id


async def test_what_the_project_declares_is_changed_by_nobody() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        declared = await it.engine.assistants.get("writer", tenant="default")
        path = f"{PATH}/writer/{declared.id}"
        assert "/edit" not in (await it.visitor.get(path)).text
        for word in ("edit", "delete"):
            assert (await it.visitor.get(f"{path}/{word}")).status == 409
            assert (await it.visitor.submit(f"{path}/{word}", FORM | {"version": "1"})).status == 409


async def test_somebody_looks_at_a_change_and_takes_it_back(browser: Browser) -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        made = await _made(it)
        async with desktop(browser, it.app) as desk:
            page = desk.page
            await desk.go("/console/runs")
            await page.keyboard.press("g")
            await page.keyboard.press("n")
            await page.get_by_role("link", name="writer").focus()
            await page.keyboard.press("o")
            await page.get_by_role("link", name="Letters").click()
            await expect(page.locator("ins").first).to_be_visible()
            await page.get_by_role("link", name="make current…").click()
            await expect(page.get_by_role("dialog")).to_contain_text("instead of 2")
            await page.get_by_role("button", name="Make it current").click()
            await expect(page.locator(".versions li", has_text="version 1")).to_contain_text("current")
            await page.get_by_role("link", name="Try in the playground").click()
            await expect(page.get_by_label("Instructions")).to_have_value("First words")
            for path in (
                PATH,
                f"{PATH}/support",
                f"{PATH}/trip",
                f"{PATH}/writer/{made.id}",
                f"{PATH}/writer/{made.id}/edit",
                f"{PATH}/writer/new",
            ):
                await desk.go(path)
                for width in (390, 768, 1280, 2560):
                    await page.set_viewport_size({"width": width, "height": 900})
                    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (path, width)
