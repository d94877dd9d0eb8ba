from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from playwright.async_api import Browser, expect
from pydantic import BaseModel, Field

from fairlead.runs.assistants import Change
from fairlead.runs.scores import Wanted
from fairlead.web.console.addresses import PLAYGROUND
from fairlead.web.console.pages.playground_form import Choice, parse, read_options
from tests.api.serving import serving
from tests.console import office
from tests.console.desktop import House, desktop, house
from tests.console.visitor import Answer

EVIL = "100% %(x)s <script>alert(1)</script>\"'"


class Odd(BaseModel):
    share: int = Field(1, title="100% sure", description="%(x)s % <b>")


TRIP = {"a": "trip", "in.city": "Linz", "in.nights": "3", "in.by": "bus", "in.wishes": "Quiet\nplease",
        "in.guests": '["Ada"]', "in.insured": "no"}  # fmt: skip


def test_the_address_keeps_the_choice() -> None:
    choice = Choice("writer", "w-2", run="r1", other="r2", thread="t", raw=True)
    assert parse({name: values[0] for name, values in parse_qs(urlsplit(choice.address()).query).items()}) == choice
    assert parse({"version": "many"}) == Choice()


def test_money_and_tags_are_read() -> None:
    options, problems = read_options({"budget": "0.25", "tags": "a, b,,", "metadata": '{"x": 1}', "thread": " "})
    assert (options.budget_nano, options.metadata, options.thread_id, problems) == (
        250_000_000, {"x": 1, "tags": ["a", "b"]}, None, {}
    )  # fmt: skip
    for wrong in ("free", "-1", "0", "1e9", "nan"):
        assert "budget" in read_options({"budget": wrong})[1], wrong


async def _run(it: House, form: dict[str, str]) -> tuple[Answer, dict[str, str]]:
    answer = await it.visitor.submit(PLAYGROUND, form)
    query = parse_qs(urlsplit(answer.headers.get("location", "")).query)
    return answer, {name: values[0] for name, values in query.items()}


async def test_a_form_starts_a_real_run_and_the_address_brings_all_of_it_back() -> None:
    async with house(office.AGENTS) as it:
        more = {"budget": "0.5", "tags": "trial", "metadata": '{"by": "ada"}', "a.context": '{"tone": "calm"}'}
        answer, query = await _run(it, TRIP | more)
        assert answer.status == 303
        run = await it.running.ended(query["run"])
        assert run.input == {"city": "Linz", "nights": 3, "by": "bus", "wishes": "Quiet\nplease", "guests": ["Ada"],
                             "insured": False}  # fmt: skip
        assert (run.budget_nano, run.metadata) == (500_000_000, {"by": "ada", "tags": ["trial"]})
        assert run.assignment is not None
        assert run.assignment.context == {"tone": "calm"}
        page = await it.visitor.get(answer.headers["location"].partition("#")[0])
        values = {str(one.get("name")): one.get("value") for one in page.page.all("input")}
        assert (values["in.city"], values["in.nights"], values["budget"], values["tags"]) == (
            "Linz",
            "3",
            "0.5",
            "trial",
        )
        assert "Quiet\nplease</textarea>" in page.text
        assert "&#34;tone&#34;: &#34;calm&#34;" in page.text
        assert "3 nights in Linz by bus" in page.text


async def test_nothing_typed_is_lost_when_something_is_wrong() -> None:
    async with house(office.AGENTS) as it:
        answer, _ = await _run(it, TRIP | {"in.nights": "many", "tags": "kept", "metadata": "{", "a.config": "[]"})
        assert answer.status == 422
        said = answer.page.said
        assert "This is no whole number." in said
        assert "This is no JSON: see line 1" in said
        assert "This must be an object" in said
        values = {str(one.get("name")): one.get("value") for one in answer.page.all("input")}
        assert (values["in.city"], values["in.nights"], values["tags"]) == ("Linz", "many", "kept")
        invalid = [one["name"] for one in answer.page.all("input") if one.get("aria-invalid")]
        assert invalid == ["in.nights"]
        assert await it.engine.control.list() == []


async def test_what_the_agent_does_not_allow_is_told_beside_it() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        answer, _ = await _run(it, {"a": "support", "in": "Hi", "a.config": '{"configurable": {"model": "x/y"}}'})
        assert (answer.status, "lets nobody set" in answer.text) == (422, True)
        answer, _ = await _run(it, {"a": "writer", "in": "Hi", "a.set.temperature": "7"})
        assert (answer.status, "must be at most 2" in answer.text) == (422, True)


async def test_the_form_sent_twice_starts_one_run() -> None:
    async with house(office.AGENTS) as it:
        _, first = await _run(it, TRIP | {"once": "form-1"})
        _, again = await _run(it, TRIP | {"once": "form-1"})
        _, other = await _run(it, TRIP | {"once": "form-1", "in.nights": "4"})
        assert first["run"] == again["run"] != other["run"]


async def test_limits_are_those_of_the_api() -> None:
    async with house(office.AGENTS, workers=0, queue_limit=1) as it:
        assert (await _run(it, TRIP))[0].status == 303
        answer, _ = await _run(it, TRIP | {"in.nights": "4"})
        assert (answer.status, "no more are taken" in answer.text) == (429, True)
        both, _ = await _run(it, TRIP | {"b": "trip", "in.nights": "5"})
        assert both.status == 429
        assert len(await it.engine.control.list()) == 1


async def test_two_prompts_are_compared_and_scored() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        made = await it.engine.assistants.create(
            "writer",
            Change(name="Short", config={"configurable": {"instructions": office.SHORT}}),
            tenant="default",
            by="t",
        )
        form = {
            "a": "writer",
            "b": made.id,
            "in": "Where is it?",
            "a.set.instructions": office.KIND,
            "b.set.instructions": office.SHORT,
        }
        answer, query = await _run(it, form)
        for name in ("run", "other"):
            await it.running.ended(query[name])
        page = await it.visitor.get(answer.headers["location"].partition("#")[0])
        assert "<del>" in page.text
        assert "Side by side" in page.page.said
        sent = {"value": "down", "comment": EVIL, "back": answer.headers["location"]}
        scored = await it.visitor.submit(f"{PLAYGROUND}/scores/{query['other']}", sent)
        assert (scored.status, scored.headers["location"]) == (303, answer.headers["location"])
        (score,) = await it.engine.scores.list(Wanted(run_id=query["other"]), tenant="default")
        assert (score.name, score.value, score.comment, score.author, score.assistant_id) == (
            "thumb",
            False,
            EVIL,
            "local",
            made.id,
        )
        again = await it.visitor.get(answer.headers["location"].partition("#")[0])
        assert "<script>alert" not in again.text
        assert [one["value"] for one in again.page.all("button") if one.get("aria-pressed")] == ["down"]
        assert (await it.visitor.submit(f"{PLAYGROUND}/scores/{query['run']}", {"value": "so-so"})).status == 422
        elsewhere = await it.visitor.submit(
            f"{PLAYGROUND}/scores/{query['run']}", {"value": "up", "back": "https://evil.test"}
        )
        assert elsewhere.headers["location"] == PLAYGROUND


async def test_an_input_that_does_not_fit_the_other_agent_is_told() -> None:
    async with house(office.AGENTS) as it:
        answer, _ = await _run(it, {"a": "echo", "b": "trip", "in": '{"nights": 3}'})
        assert (answer.status, "city is missing" in answer.text) == (422, True)


async def test_a_version_of_an_assistant_can_be_tried() -> None:
    async with house(office.AGENTS, providers=office.PROVIDERS) as it:
        book = it.engine.assistants
        made = await book.create(
            "writer", Change(config={"configurable": {"instructions": "First"}}), tenant="default", by="t"
        )
        await book.change(
            made.id, Change(config={"configurable": {"instructions": "Second"}}), tenant="default", by="t"
        )
        now = await it.visitor.get(f"{PLAYGROUND}?a={made.id}")
        then = await it.visitor.get(f"{PLAYGROUND}?a=writer&of={made.id}&version=1")
        assert ("Second</textarea>" in now.text, "First</textarea>" in then.text) == (True, True)


async def test_pages_of_what_is_not_there_say_so() -> None:
    async with house(office.AGENTS) as it:
        assert (await it.visitor.get(f"{PLAYGROUND}?a=nobody")).status == 404
        page = await it.visitor.get(f"{PLAYGROUND}?a=echo&run=gone")
        assert (page.status, "There is no run gone any more" in page.page.said) == (200, True)
        assert (await it.visitor.get(f"{PLAYGROUND}/live?a=echo&run=gone")).status == 404
        assert (await it.visitor.get(f"{PLAYGROUND}/live?a=echo")).status == 404
        assert (await it.visitor.post(PLAYGROUND, TRIP)).status == 403
        hostile = await it.visitor.get(f"{PLAYGROUND}?a=echo&thread=%3Cscript%3Ealert(1)")
        assert "<script>alert" not in hostile.text
    async with house({}) as it:
        assert "declares no agent" in (await it.visitor.get(PLAYGROUND)).page.said


async def test_a_file_may_be_as_large_as_over_the_api() -> None:
    async with serving(office.AGENTS, workers=0, console=True, file_limit="3 MB") as api:
        await api.client.get(PLAYGROUND)
        token = api.client.cookies["fairlead_csrf"]
        form = {"csrf": token, "a": "writer", "in": "Read it"}
        sent = await api.client.post(
            PLAYGROUND, data=form, files={"in-files": ("big.txt", b"x" * 2_500_000, "text/plain")}
        )
        assert sent.status_code == 303, sent.text
        (run,) = await api.running.engine.control.list()
        file = await api.running.engine.stores.files.get(
            run.input["messages"][0]["content"][1]["file_id"], tenant="default"
        )
        assert (file.name, file.size, file.media_type) == ("big.txt", 2_500_000, "text/plain")
        larger = {"in-files": ("big.txt", b"x" * 3_150_000, "text/plain")}
        refused = await api.client.post(PLAYGROUND, data=form, files=larger)
        assert (refused.status_code, "The file is larger than" in refused.text) == (422, True)
        assert "Read it</textarea>" in refused.text


async def test_labels_of_a_schema_stand_as_they_are() -> None:
    async def measure(input: Odd) -> str:
        return "done"

    async with house({"measure": measure}) as it:
        page = await it.visitor.get(f"{PLAYGROUND}?a=measure")
        assert (page.status, "100% sure" in page.page.said) == (200, True)


async def test_another_tenant_sees_no_run_and_a_viewer_starts_none() -> None:
    async with serving(office.AGENTS, keys=("root",), table=True, console=True) as api:
        run = await api.running.run("echo", "secret words")
        root = {"x-api-key": "root"}
        keys: dict[str, str] = {}
        for name, role, tenant in (("v", "viewer", "default"), ("o", "operator", "other")):
            body = {"name": name, "role": role, "tenant": tenant}
            keys[name] = (await api.json("POST", "/keys", body, status=201, headers=root))["key"]
        seen = await api.client.get(f"{PLAYGROUND}?run={run.id}", auth=("", keys["v"]))
        assert "secret words" in seen.text
        assert "starting runs is for operators" in seen.text
        hidden = await api.client.get(f"{PLAYGROUND}?run={run.id}", auth=("", keys["o"]))
        assert (hidden.status_code, "secret words" in hidden.text) == (200, False)
        assert (await api.client.get(f"{PLAYGROUND}/live?run={run.id}", auth=("", keys["o"]))).status_code == 404


async def test_somebody_compares_two_prompts(browser: Browser) -> None:
    async with office.slowly(12) as providers, house(office.AGENTS, providers=providers) as it:
        async with desktop(browser, it.app) as desk:
            page = desk.page
            await desk.go("/console/runs")
            await page.keyboard.press("g")
            await page.keyboard.press("y")
            await page.get_by_label("Who answers").select_option("writer")
            await page.get_by_role("button", name="Show").click()
            await page.get_by_role("link", name="Compare two").click()
            await page.get_by_label("Message").fill("Where is my parcel?")
            await page.get_by_label("Files").set_input_files(
                {"name": "note.txt", "mimeType": "text/plain", "buffer": b"Sent on Friday."}
            )
            await page.get_by_label("Instructions").nth(1).fill(office.SHORT)
            await page.get_by_label("Temperature").nth(1).fill("hot")
            await page.get_by_role("button", name="Run both").click()
            await expect(page.get_by_text("This is no number.")).to_be_visible()
            await expect(page.get_by_label("Message")).to_have_value("Where is my parcel?")
            await expect(page.get_by_text("note.txt")).to_be_visible()
            desk.complaints.clear()  # the browser tells of an answer of 422
            await page.get_by_label("Temperature").nth(1).fill("0.2")
            await page.get_by_role("button", name="Run both").click()
            first, other = page.locator(".result").nth(0), page.locator(".result").nth(1)
            await expect(first.locator("[id$=streaming]")).to_be_visible()
            await page.get_by_label("Tags").fill("typed meanwhile")
            await expect(first).to_contain_text("we send you a message once it is there.")
            await expect(other).to_contain_text("Your parcel arrives tomorrow.")
            await expect(page.locator(".compared ins, .compared del").first).to_be_visible()
            await expect(page.locator("#live-mark")).to_have_text("Ended")
            await expect(page.get_by_label("Tags")).to_have_value("typed meanwhile")
            score = page.get_by_role("form", name="Score of B")
            await score.get_by_label("Comment").fill("Says less than it should")
            await score.get_by_role("button", name="Badly").click()
            await expect(score.get_by_role("button", name="Badly")).to_have_attribute("aria-pressed", "true")
            shared = page.url
            await page.goto(shared)
            await expect(page.get_by_label("Message")).to_have_value("Where is my parcel?")
            await expect(page.get_by_text("note.txt")).to_be_visible()
            await expect(page.get_by_label("Instructions").nth(1)).to_have_value(office.SHORT)
            await expect(page.get_by_label("Temperature").nth(1)).to_have_value("0.2")
            await expect(page.locator(".compared")).to_be_visible()
            for width in (390, 768, 1280, 2560):
                await page.set_viewport_size({"width": width, "height": 900})
                assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        runs = await it.engine.control.list()
        assert len(runs) == 2
