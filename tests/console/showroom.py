"""A console with something on every page: a help desk's day on a real engine, with simulated models and one real clock
that was set back. `python -m tests.console.showroom [port]`, then open http://127.0.0.1:8124/console.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import uvicorn

from fairlead import Agent, Context, testing, tool
from fairlead.access.key import NewKey
from fairlead.access.roles import Allowance, Role
from fairlead.access.user import NewUser
from fairlead.clock import SteeredClock, SystemClock, to_micros
from fairlead.gateway import Reply, ToolCall
from fairlead.gateway.allowance import Period
from fairlead.operate.levels.level import BAD, OK, bucket_of
from fairlead.runs.assistants import Change
from fairlead.runs.schedule import Rhythm, Work
from fairlead.runs.scores import NewScore
from fairlead.ship.evaluation.book import Evaluation, figures_of, new_id
from fairlead.ship.evaluation.gate import Bounds
from fairlead.ship.evaluation.kept import NewCase
from fairlead.ship.evaluation.outcome import Outcome, Result
from fairlead.ship.verdict import Finding, Verdict
from fairlead.web.console.router import Console
from fairlead.wiring import Engine
from tests.api.serving import make_console
from tests.console.deploys import stage

_HERE = "tests.console.showroom:policy"
PROVIDERS: dict[str, dict[str, Any]] = {
    "openai": {"kind": "simulated", "policy": _HERE}, "anthropic": {"kind": "simulated", "policy": _HERE},
}  # fmt: skip
QUESTIONS = (
    "Refund for order 48377, parcel damaged", "Where is my parcel, order 48392", "小包が届きません。注文番号 48388",
    "Change the delivery address of order 48371", "包裹丢失，订单 48359 申请退款", "Duplicate charge on parcel 48340",
    "Which documents do I need for a parcel claim?", "Parcel stuck in customs, order 48322", "Invoice copy for 48210",
)  # fmt: skip
USERS = ("ada", "bela", "chiyo", "dana", "emre")
HOURS = 24
RELEASE = "2026.11.20-2"


def policy(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply | str:
    """Looks the order up, then answers."""
    if tools and messages[-1]["role"] == "user":
        return Reply("Let me look.", [ToolCall(one["name"], {"number": 48213}) for one in _named(tools)[:2]])
    return "The carrier last scanned the parcel nine days ago; we treat it as lost and refund it. " * 4


def _named(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one.get("function", one) for one in tools]


@tool(safe_to_repeat=True)
def get_order(number: int) -> dict[str, Any]:
    """Look up an order by its number."""
    return {"number": number, "state": "shipped", "carrier": "JD0146000371", "total": 64.9}


@tool(safe_to_repeat=True)
def search_policy(number: int) -> str:
    """Find what our policy says."""
    return f"§4: nine days without a scan is lost ({number})."


async def claims_batch(input: Any, ctx: Context) -> Any:
    """Import parcel claims, part by part."""
    await ctx.step("read_part", lambda: {"claims": 120})
    if "fail" in str(input):
        raise RuntimeError("504 from carrier gateway")
    return {"claims": 120}


async def payout(input: Any, ctx: Context) -> Any:
    """Pay back what a person has approved."""
    ctx.log("asked", amount=412.0)
    decided = await ctx.approve(f"Refund $412.00 for {input}?", data={"amount": 412.0})
    return {"approved": decided.approved}


AGENTS: dict[str, Any] = {
    "refund-desk": Agent(
        "refund-desk", "openai/gpt-5-mini", "You are the refund desk of a parcel shop.", [get_order, search_policy],
        description="Answers questions about refunds, and looks orders up.", configurable=("instructions", "model"),
    ),
    "order-desk": Agent("order-desk", "anthropic/claude-haiku-4-5", "You answer questions about orders.", [get_order]),
    "claims-batch": claims_batch,
    "payout": payout,
}  # fmt: skip


async def fill(running: testing.Running, clock: SteeredClock, *, hours: int = HOURS, seed: int = 7) -> None:
    """A day, hour by hour: the worker that did the work of one has gone by the next."""
    luck, real = random.Random(seed), SystemClock()
    start = real.now() - timedelta(hours=hours)
    for hour in range(hours + 1):
        clock.steer(to_micros(start + timedelta(hours=hour)))
        worker = await running.start_worker()
        runs = [
            await running.submit(
                "refund-desk" if luck.random() < 0.7 else "order-desk", {"question": luck.choice(QUESTIONS)},
                user=luck.choice(USERS), release=RELEASE,
            )
            for _ in range(luck.randint(2, 6))
        ]  # fmt: skip
        runs.append(
            await running.submit("claims-batch", "fail" if luck.random() < 0.3 else f"part {hour}", release=RELEASE)
        )
        for run in runs:
            await running.ended(run.id)
        await running.stop_worker(worker)
    clock.steer(to_micros(real.now()))


async def measure(engine: Engine, *, hours: int) -> None:
    """Service levels as an API that was well writes them."""
    now = engine.clock.micros() // 60_000_000
    counts = {
        ("requests", OK): 1200, ("requests", BAD): 2, ("runs", OK): 40, ("submit", bucket_of(0.02)): 40,
        ("read", bucket_of(0.008)): 900, ("read", bucket_of(0.7)): 3, ("query", bucket_of(0.004)): 5000,
    }  # fmt: skip
    for hour in range(hours):
        await engine.levels.put("api", [(now - 60 * hour, of, bucket, n) for (of, bucket), n in counts.items()])


async def govern(engine: Engine) -> None:
    """Keys, users, budgets, a stop, schedules, assistants, scores."""
    books, by = engine.books, "mika"
    for name, role in (("mika", Role.ADMIN), ("ren", Role.OPERATOR), ("sam", Role.VIEWER)):
        await books.users.create(NewUser(name, "default", role, f"{name}@example.com"), by="root")
    await books.keys.create(NewKey("root", owner="mika", role=Role.ADMIN), by=by)
    await books.keys.create(NewKey("web-shop", owner="mika", allowance=Allowance(day_nano=20_000_000_000)), by=by)
    await books.keys.create(NewKey("nightly", role=Role.VIEWER), by=by)
    await books.keys.revoke("nightly", tenant="default", by=by)
    await engine.models.budgets.set("agent:refund-desk", Period.DAY, 100_000_000, by=by, tenant="default")
    await engine.models.budgets.set("user:ada", Period.MONTH, 5_000_000_000, by=by, tenant="default")
    await engine.models.stops.stop("agent:order-desk", reason="Answers in the wrong language", by=by, tenant="default")
    kind = {"instructions": "Answer kindly.\nSay what happens next."}
    assistant = await engine.assistants.create("refund-desk", _change("Kind desk", kind), tenant="default", by=by)
    short = {"instructions": "Answer kindly.\nIn one sentence."}
    await engine.assistants.change(assistant.id, _change("Kind desk", short), tenant="default", by=by)
    await engine.schedules.add(
        "claims-batch", Rhythm("0 9 * * 1-5", "Asia/Tokyo"), Work("part 1"), tenant="default", by=by
    )
    some = await engine.control.list(limit=5)
    await engine.scores.put(some[0], NewScore("rating", True, author="mika", comment="Found it at once."))


def _change(name: str, config: dict[str, Any]) -> Change:
    return Change(name=name, config={"configurable": config})


async def evaluate(engine: Engine) -> None:
    """Two evaluations, the second a little better; one answer of each is a run that there is, and one run is a case."""
    book = engine.evaluations
    runs = await engine.control.list(agent="refund-desk", limit=50)
    newest = runs[0]
    case = NewCase("refunds", "parcel-damaged", "refund-desk", newest.input, newest.id, RELEASE, "Refunded.")
    await book.cases.keep(case, tenant="default", by="mika")
    for number, failing in enumerate((4, 2)):
        run = newest if number else runs[-1]
        outcomes = [_outcome(n, right=n >= failing, run_id="" if n else run.id) for n in range(20)]
        at = run.created_at
        verdict = Verdict.PASS if number else Verdict.FAIL
        findings = (Finding("accuracy", verdict, f"{20 - failing} of 20"),)
        figures = figures_of(outcomes, planned=20)
        await book.keep(
            Evaluation(
                new_id(), "refunds", "abc", "refund-desk", f"2026.11.{19 + number}", "mika", at,
                at + timedelta(minutes=2), Bounds(), verdict, findings, figures, tuple(outcomes),
            )
        )  # fmt: skip


def _outcome(number: int, *, right: bool, run_id: str) -> Outcome:
    result, why = (Result.PASSED, "") if right else (Result.FAILED, "the amount is missing")
    return Outcome(
        f"case {number}", f"d{number}", 1, result, why, {"exact": right}, 1.2 + number / 10, 4_200_000,
        run_id=run_id, release="2026.11.20-2", output="Refunded.",
    )  # fmt: skip


@asynccontextmanager
async def showroom(
    *, hours: int = HOURS, environment: str = "testing", **settings: Any
) -> AsyncGenerator[tuple[Console, Engine]]:
    """The application, open to whoever asks as the local admin, and the engine behind it."""
    clock = SteeredClock(SystemClock())
    async with testing.engine(
        AGENTS, workers=0, clock=clock, providers=PROVIDERS, rate_limit=0, release=RELEASE, **settings
    ) as running:
        await fill(running, clock, hours=hours)
        await measure(running.engine, hours=hours)
        await govern(running.engine)
        await evaluate(running.engine)
        await running.start_worker()
        waiting = await running.submit("payout", "order 48351, parcel lost", release=RELEASE)
        await running.until(waiting.id, "parked")
        for said in ("Where is my parcel, order 48392?", "And when will I have my money back?"):
            await running.run("refund-desk", said, release=RELEASE, thread_id="chiyo-48392", user="chiyo")
        with TemporaryDirectory() as folder:
            yard = await stage(Path(folder) / "deploys.db", SystemClock().now())
            engine = replace(running.engine, ledger=yard.ledger)
            yield make_console(engine, environment=environment), engine
            await yard.close()


async def main(port: int) -> None:
    async with showroom() as (app, _):
        await uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning")).serve()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8124))
