"""What is on the screen of an open page after all that was sent is what the page shows to who loads it then."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from fairlead.clock import SystemClock
from fairlead.runs.run import Approval, Status
from fairlead.testing import MovableClock
from fairlead.web.console.assets import Assets
from fairlead.web.console.live import Frames
from fairlead.web.console.look import Pages, Reader, reader
from fairlead.web.console.pages import run as page
from fairlead.web.console.step_rows import StepRows
from fairlead.web.console.tapes import Tapes
from tests.console.desktop import desktop
from tests.console.gallery import Tape, make_run
from tests.console.memory_door import GalleryDoor
from tests.console.preview import gallery_app

AT = datetime(2026, 11, 22, 9, 2, 11, tzinfo=UTC)
TEMPLATES = Pages(Assets("/console/static"), environment_name="test")
BRANCHES = ("", "", "look.0", "look.1", "look.1/deep.0")


class Course:
    """A run that takes one turn after another, as the dice say: in parallel branches, with attempts that fail, effects
    that a person has repeated, people who answer, workers that die, and steps that end long after others began."""

    def __init__(self, seed: int, at: datetime) -> None:
        self.dice = random.Random(seed)
        self.run = make_run(1, at, status=Status.RUNNING)
        self.tape = Tape(self.run)
        self.approvals: list[Approval] = []
        self.second = 4.0
        self.open: list[dict[str, str]] = []  # effects that were begun
        self._number = 0
        self.asking: list[dict[str, str]] = []
        self.tape.started(self.second, "worker-1")

    def go_on(self) -> None:
        self.second += self.dice.choice((0.02, 0.3, 1.1))
        turns = [
            self._step,
            self._step,
            self._late,
            self._begin,
            self._end,
            self._ask,
            self._answer,
            self._answer,
            self._stop,
        ]
        self.dice.choice([*turns, self._die, self._repeat, self._log])()

    def _named(self) -> dict[str, str]:
        self._number += 1
        return {"branch": self.dice.choice(BRANCHES), "key": f"k-{self._number}"}

    def _step(self, *, since: float = 0.01) -> None:
        tries = [
            {"started_at": self.tape.at(self.second - since).isoformat(), "took_ms": since * 100, "outcome": outcome}
            for outcome in self.dice.choice((("ok",), ("timeout", "ok")))
        ]
        began, name = max(self.second - since, 0.0), self.dice.choice(("read", "write"))
        self.tape.tool(name, began, self.second, {}, None, attempts=tries, **self._named())

    def _late(self) -> None:
        self._step(since=min(self.second, self.dice.random() * 9))

    def _begin(self) -> None:
        self.open.append(self._named())
        self.tape.add(
            "intent", self.second, kind="tool", name="pay", started_at=self.tape.at(self.second), **self.open[-1]
        )

    def _end(self) -> None:
        if self.open:
            named = self.open.pop(self.dice.randrange(len(self.open)))
            if self.dice.random() < 0.3:
                self.tape.add(
                    "failed", self.second, kind="tool", name="pay", data={"error": {"message": "no"}}, **named
                )
            else:
                self.tape.tool("pay", self.second - 0.01, self.second, {}, None, **named)

    def _repeat(self) -> None:
        """What is recorded already is recorded once more."""
        done = [one for one in self.tape.events if one.type == "step"]
        if done:
            again = self.dice.choice(done)
            self.tape.tool("pay", self.second - 0.01, self.second, {}, None, branch=again.branch, key=again.key or "")

    def _ask(self) -> None:
        named, number = self._named(), len(self.approvals)
        told = {"approval_id": f"ask-{number}"}
        self.tape.add("waiting", self.second, kind="approval", name="approve", data=told, **named)
        self.asking.append(named)
        at = self.tape.at(self.second)
        hour = timedelta(hours=1)
        asked = Approval(f"ask-{number}", self.run.id, "default", "?", None, at, at + hour, None, None, None, None)
        self.approvals.append(asked)

    def _answer(self) -> None:
        """Who did is read after it was recorded that somebody did."""
        if self.asking:
            self.tape.step("approval", "approve", self.second, self.second, {"approved": True}, **self.asking.pop())
        elif self.approvals:
            at = self.tape.at(self.second)
            self.approvals[-1] = replace(self.approvals[-1], approved=True, decided_by="Mika", decided_at=at)

    def _die(self) -> None:
        self.tape.add("lost", self.second, data={"worker": f"worker-{self.tape.fence}", "after_ms": 250})
        self.second += 0.3
        self.tape.started(self.second, f"worker-{self.tape.fence + 1}", reused=len(self.tape.events))

    def _stop(self) -> None:
        """It stops, for a person to look at it, or goes on."""
        stopped = self.run.status is Status.RUNNING and self.dice.random() < 0.3
        self.run = self.tape.run = replace(self.run, status=Status.INTERRUPTED if stopped else Status.RUNNING)

    def end(self) -> None:
        """Nothing is left that anybody waits for."""
        while self.asking:
            self._answer()
        self.run = replace(self.run, status=Status.SUCCESS, finished_at=self.tape.at(self.second + 1))
        self.tape.add("finished", self.second + 1)

    def _log(self) -> None:
        self.tape.add("log", self.second, data={"event": "still here"})


class Screen:
    """The rows a browser has before it, and what stands above them."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.pieces: dict[str, str] = {}

    def take(self, text: str) -> None:
        for name, swap, html in re.findall(
            r'<hx-partial hx-target="#([^"]+)" hx-swap="(\w+)">(.*?)</hx-partial>', text, re.DOTALL
        ):
            fresh = _rows(html)
            if name == "waterfall":
                self.rows, self.pieces = fresh, _pieces(html)
            elif swap == "delete":
                del self.rows[name]
            elif swap == "outerMorph":
                held = self.rows if name in self.rows else self.pieces
                assert name in held
                held[name] = fresh[name] if fresh else _pieces(html)[name]
            else:
                names = [*self.rows]
                place = {"beforeend": len(names), "afterbegin": 0}.get(swap)
                place = names.index(name) + 1 if place is None else place
                assert not fresh.keys() & self.rows.keys()
                known = [*self.rows.items()]
                self.rows = dict([*known[:place], *fresh.items(), *known[place:]])


def _rows(html: str) -> dict[str, str]:
    found = re.findall(r'<tr id="([^"]+)".*?</tr>', html, re.DOTALL)
    texts = [one.group() for one in re.finditer(r'<tr id="[^"]+".*?</tr>', html, re.DOTALL)]
    assert len(set(found)) == len(found), "two rows have one id"
    return dict(zip(found, texts, strict=True))


def _pieces(html: str) -> dict[str, str]:
    found = re.finditer(r'<(p|svg) id="(steps-\w+)".*?</\1>', html, re.DOTALL)
    return {one[2]: one.group() for one in found}


def _reader(now: datetime) -> Reader:
    return reader({}, "en", now=now, name="ann", csrf="")


@pytest.mark.parametrize("most", [200, 12])
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_the_screen_shows_what_the_page_would(seed: int, most: int) -> None:
    course, door, tapes = Course(seed, AT), GalleryDoor(AT), Tapes(MovableClock(AT))
    selection = replace(page.select(course.run.id, {}, []), rows=most)
    rows, frames, screen = StepRows(TEMPLATES), Frames(), Screen()
    drawn: page.RunView | None = None
    for _ in range(70):
        course.go_on()
        door.put(course.run, course.tape.events, course.approvals)
        now = _reader(course.tape.at(course.second + 0.05))
        material = await page.read(door, tapes, course.run.id)
        view = drawn = page.shape(material, selection, now.fmt, before=drawn)
        assert view.chart is not None
        screen.take(frames.changed({"waterfall": rows.draw(view, view.chart, now)}))
        anew = page.shape(await page.read(door, Tapes(MovableClock(AT)), course.run.id), selection, now.fmt)
        loaded = TEMPLATES.fill("parts/_waterfall.html", now, view=anew, path="")
        assert screen.rows == _rows(loaded)
        assert [*screen.rows] == [*_rows(loaded)]
        assert screen.pieces == _pieces(loaded)
        assert view.said == anew.said
    assert len(screen.rows) > min(most, 20) - 2


async def test_the_page_in_a_browser_shows_after_all_what_a_second_one_is_shown_that_comes_then(
    browser: Browser,
) -> None:
    course = Course(1, datetime.now(UTC) - timedelta(minutes=20))
    door = GalleryDoor(AT)
    door.put(course.run, course.tape.events)
    async with desktop(browser, gallery_app(door, SystemClock())) as seen:
        path = f"/console/runs/{course.run.id}?rows=30"
        await seen.go(path)
        await expect(seen.page.locator("#live-mark")).to_have_attribute("data-state", "live")
        for _ in range(8):
            for _ in range(12):
                known = len(course.tape.events)
                course.go_on()
                door.asked |= {one.id: one for one in course.approvals}
                for event in course.tape.events[known:]:
                    door.happen(course.run, event)
            told = seen.page.get_by_role("link", name=re.compile(rf"^Events {len(course.tape.events)}$"))
            await expect(told).to_be_visible()
        known = len(course.tape.events)
        course.end()
        for event in course.tape.events[known:]:
            door.happen(course.run, event)
        await expect(seen.page.locator("#live-mark")).to_have_attribute("data-state", "off")
        before = await _on_the_screen(seen.page)
        await seen.go(path)
        assert before == await _on_the_screen(seen.page)
        assert len(before) > 30


async def _on_the_screen(page: Page) -> list[str]:
    """Row by row, without the room between the elements."""
    found: list[str] = await page.locator("#steps-rows tr, #steps-count, #steps-axis").evaluate_all(
        r"all => all.map(one => one.outerHTML.replace(/\s+/g, ' ').replace(/> </g, '><'))"
    )
    return found
