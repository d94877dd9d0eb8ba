from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from playwright.async_api import Browser, expect

from fairlead.runs.activity import Place, ThreadsWanted
from fairlead.runs.threads import ThreadStatus
from fairlead.web.console.conversation import turn
from fairlead.web.console.pages.thread_list import PATH, Query, parse
from fairlead.web.console.steps import fold
from tests.api.serving import serving
from tests.console import office
from tests.console.desktop import House, desktop, house
from tests.console.gallery import Tape, make_run

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)


EVIL = "100% %(x)s <script>alert(1)</script>\"'"


def test_words_of_the_search_line_are_filters() -> None:
    query = parse({"q": "01a2 user:ada status:busy topic:orders :odd"})
    assert (query.user, query.status, query.metadata) == ("ada", ThreadStatus.BUSY, (("topic", "orders"),))
    assert query.text == ":odd"
    assert parse({"q": query.line, "status": "busy"}) == query


def test_nonsense_is_no_filter() -> None:
    assert parse({"status": "asleep", "after": "x.y"}) == Query()
    assert parse({"after": "9" * 30 + ".a"}).after is None
    assert parse({"after": "12.a.b"}).after == Place(12, "a.b")


def test_a_turn_leaves_out_what_its_thread_had_said_before() -> None:
    run = make_run(1, AT, input="And now?", agent="support")
    tape = Tape(run)
    history = [{"role": "user", "content": "Before?"}, {"role": "assistant", "content": "Yes."}]
    asked = [*history, {"role": "user", "content": "And now?"}]
    tape.model("ask", 0, 1, asked, {"role": "assistant", "content": "No."})
    assert [(one.who, one.text) for one in turn(run, fold(tape.events))] == [("user", "And now?"), ("agent", "No.")]


def test_an_answer_that_no_model_gave_is_said_too() -> None:
    run = make_run(1, AT, input={"messages": [{"type": "human", "content": "Hi"}]}, output="Good day.", finished_at=AT)
    assert [one.text for one in turn(run, fold([]))] == ["Hi", "Good day."]


async def test_threads_page_by_activity_and_every_filter_finds_its_own(database_url: str) -> None:
    async with house(office.AGENTS, database_url=database_url) as it:
        for number in range(7):
            await it.running.run("echo", f"said {number}", thread_id=f"t-{number}", user="ada" if number % 2 else "ben")
        await it.engine.threads.describe("t-2", {"topic": "orders"})
        await it.running.run("fail", "again", thread_id="t-1", user="ada")
        activity = it.engine.threads.activity
        seen: list[str] = []
        page = await activity.latest(ThreadsWanted(), tenant="default", limit=3)
        seen += [one.id for one in page.threads]
        while page.further is not None:
            page = await activity.latest(ThreadsWanted(), tenant="default", limit=3, after=page.further)
            seen += [one.id for one in page.threads]
        assert seen[0] == "t-1"
        assert sorted(seen) == [f"t-{number}" for number in range(7)]
        for filters, wanted in (
            ("user:ada", ["t-1", "t-5", "t-3"]), ("status:error", ["t-1"]), ("topic:orders", ["t-2"]),
            ("user:ben topic:orders", ["t-2"]), ("user:ada topic:orders", []), ("t-3", ["t-3"]),
            ("t- status:error", ["t-1"]), ("t", sorted(seen)),
        ):  # fmt: skip
            answer = await it.visitor.get(f"{PATH}?q={quote(filters)}")
            found = [str(one["href"]) for one in answer.page.all("a") if one.get("class") == "row-link"]
            assert (answer.status, sorted(found)) == (200, sorted(f"{PATH}/{one}" for one in wanted)), filters
        assert "said 3" in (await it.visitor.get(f"{PATH}?q=user:ada")).text


async def test_a_filter_that_fits_nothing_looks_through_so_many_and_no_more(database_url: str) -> None:
    async with house(office.AGENTS, workers=0, database_url=database_url) as it:
        threads = it.engine.threads
        for number in range(5):
            await threads.create(f"t-{number}", user="ada", metadata={"topic": "odd" if number == 0 else "even"})
        wanted = ThreadsWanted(metadata={"topic": "odd"})
        first = await threads.activity.latest(wanted, tenant="default", looked_at=4)
        assert (first.threads, first.enough) == ((), False)
        then = await threads.activity.latest(wanted, tenant="default", looked_at=4, after=first.further)
        assert ([one.id for one in then.threads], then.further) == (["t-0"], None)
        named = ThreadsWanted(user="ada", metadata={"topic": "even"})
        some = await threads.activity.latest(named, tenant="default", looked_at=2)
        assert (len(some.threads), some.enough) == (2, False)


async def test_a_thread_is_a_conversation_with_a_turn_for_each_run() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        first = await it.running.run("support", "Where is my order?", thread_id="t")
        second = await it.running.run("support", "Thanks", thread_id="t")
        answer = await it.visitor.get(f"{PATH}/t")
        said = answer.page.said
        assert said.count("Where is my order? The parcel is on its way") == 1
        assert said.index(first.id[-8:]) < said.index("Let me look that up.") < said.index(second.id[-8:])
        assert "1 tool call get_order" in said
        links = [one["href"] for one in answer.page.all("a")]
        assert f"/console/runs/{second.id}" in links
        assert any(str(link).startswith(f"/console/runs/{first.id}?step=") for link in links)
        assert "Values it keeps" in said


async def test_long_threads_show_their_newest_turns_and_older_ones_when_asked() -> None:
    async with house(office.AGENTS) as it:
        for number in range(13):
            await it.running.run("echo", f"line-{number:02}", thread_id="t")
        newest = await it.visitor.get(f"{PATH}/t")
        assert ("line-12" in newest.text, "line-03" in newest.text, "line-02" in newest.text) == (True, True, False)
        older = next(one["href"] for one in newest.page.all("a") if one.get("rel") == "next")
        page = await it.visitor.get(str(older))
        assert ("line-00" in page.text, "line-03" in page.text) == (True, False)
        assert "<form" in newest.text
        assert 'name="text"' not in page.text
        part = await it.visitor.get(str(older), **{"hx-request": "true"})
        assert part.text.lstrip().startswith("<ol") or "<html" not in part.text


async def test_what_was_kept_before_the_first_run_is_shown() -> None:
    async with house(office.AGENTS, workers=0) as it:
        await it.engine.threads.create("t")
        kept = {"messages": [{"role": "user", "content": "From elsewhere"}], "values": {"mood": "fine"}}
        await it.engine.control.checkpoints.write("default", "t", kept, node=None)
        said = (await it.visitor.get(f"{PATH}/t")).page.said
        assert "From elsewhere" in said
        assert '"mood"' in said


async def test_hostile_words_stay_words() -> None:
    async with house(office.AGENTS) as it:
        await it.running.run("echo", EVIL, thread_id="t", metadata={"title": EVIL}, user=EVIL)
        await it.engine.threads.describe("t", {EVIL: EVIL, "title": EVIL})
        for path in (PATH, f"{PATH}/t", f"{PATH}?q={quote(EVIL)}"):
            answer = await it.visitor.get(path)
            assert answer.status == 200
            assert "<script>alert" not in answer.text


async def _say(it: House, thread_id: str, text: str, **more: str) -> tuple[int, str]:
    answer = await it.visitor.submit(f"{PATH}/{thread_id}/messages", {"text": text, "once": "one", **more})
    return answer.status, answer.text


async def test_the_next_message_goes_to_whoever_answered_last_as_the_same_assistant() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        agent, assignment = await it.engine.assistants.assign(
            "writer", tenant="default", config={"configurable": {"temperature": 0.5}}
        )
        await it.running.run(agent, {"messages": [{"role": "user", "content": "Hi"}]}, thread_id="t",
                             assignment=assignment)  # fmt: skip
        assert (await _say(it, "t", "And now?"))[0] == 303
        assert (await _say(it, "t", "And now?"))[0] == 303  # sent twice: one run
        runs = await it.engine.control.list(thread_id="t")
        assert [run.agent for run in runs] == ["writer", "writer"]
        assert runs[0].input == {"messages": [{"role": "user", "content": "And now?"}]}
        thread = await it.engine.threads.get("t")
        assert thread.metadata["graph_id"] == "writer"


async def test_a_message_that_is_not_taken_stays_in_its_box() -> None:
    async with house(office.AGENTS, workers=0, queue_limit=1) as it:
        await it.running.submit("echo", "Hi", thread_id="t")
        status, page = await _say(it, "t", "   ")
        assert (status, "Write something first." in page) == (422, True)
        status, page = await _say(it, "t", "Not lost & kept")
        assert (status, "Not lost &amp; kept</textarea>" in page) == (429, True)
        assert (await it.visitor.post(f"{PATH}/t/messages", {"text": "Hi"})).status == 403
        assert (await _say(it, "nowhere", "Hi"))[0] == 404


async def test_an_agent_that_takes_more_than_words_is_sent_to_the_playground() -> None:
    async with house(office.AGENTS) as it:
        await it.running.run("trip", {"city": "Linz"}, thread_id="t")
        answer = await it.visitor.get(f"{PATH}/t")
        assert any("/console/playground?a=trip" in str(one["href"]) for one in answer.page.all("a"))
        assert (await _say(it, "t", "Hi"))[0] == 422


async def test_another_tenant_sees_nothing_and_a_viewer_says_nothing() -> None:
    async with serving(office.AGENTS, keys=("root",), table=True, console=True) as api:
        await api.running.run("echo", "secret words", thread_id="t")
        keys: dict[str, str] = {}
        root = {"x-api-key": "root"}
        for name, role, tenant in (("v", "viewer", "default"), ("o", "operator", "other")):
            body = {"name": name, "role": role, "tenant": tenant}
            keys[name] = (await api.json("POST", "/keys", body, status=201, headers=root))["key"]
        listed = await api.client.get(PATH, headers={"x-api-key": keys["v"]}, auth=("", keys["v"]))
        assert "secret words" in listed.text
        page = await api.client.get(f"{PATH}/t", auth=("", keys["v"]))
        assert (page.status_code, 'name="text"' in page.text) == (200, False)
        assert "secret words" not in (await api.client.get(PATH, auth=("", keys["o"]))).text
        assert (await api.client.get(f"{PATH}/t", auth=("", keys["o"]))).status_code == 404
        assert (await api.client.get(f"{PATH}/t/live", auth=("", keys["o"]))).status_code == 404


async def test_somebody_goes_on_with_a_conversation_and_sees_the_answer_come(browser: Browser) -> None:
    async with office.slowly(25) as providers, house(office.AGENTS, providers=providers) as it:
        await it.running.run("support", "Hello", thread_id="t", user="ada")
        async with desktop(browser, it.app) as desk:
            page = desk.page
            await desk.go("/console/runs")
            await page.keyboard.press("g")
            await page.keyboard.press("t")
            await page.get_by_role("link", name="Hello").focus()
            await page.keyboard.press("Enter")
            await page.get_by_label("Next message, to support").fill("Where is my order 48213?")
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")
            tail = page.locator("#thread-tail")
            await expect(tail).to_contain_text("Where is my order 48213?")
            await expect(tail.locator("[id$=streaming]")).to_be_visible()
            box = page.get_by_label("Next message, to support")
            await box.fill("Typed meanwhile")
            await expect(tail).to_contain_text("should arrive tomorrow before noon.", timeout=20_000)
            await expect(tail.get_by_text("1 tool call")).to_be_visible()
            await expect(page.locator("#live-mark")).to_have_text("Ended")
            await expect(page.locator("#thread-facts")).to_contain_text("idle")
            await expect(box).to_have_value("Typed meanwhile")
            for width in (390, 768, 1280, 2560):
                await page.set_viewport_size({"width": width, "height": 900})
                assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
