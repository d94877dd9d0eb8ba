"""Agents that show what a crash did to them, and what each of them gives when nothing disturbs it.

Every tool gives a token nobody else has. Where equal calls run side by side, a later step seals the tokens its branch
had then: if answers are swapped on the way back from a crash, the seal no longer fits.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import select
from datetime import timedelta
from typing import Any
from uuid import uuid4

from fairlead.agents import Agent, Context, Done, Tool, ToolContext, Unknown, tool
from fairlead.agents.spec import AgentSpec, Limits, spec_of
from fairlead.gateway.policy import Reply, ToolCall
from tests.crash import oracle

MODEL = "simulated/crash"
_LIMITS = Limits(timeout=timedelta(hours=3))
_BRANCHES = 3
_LARGE = 70_000  # above the threshold of a blob
_NAP = 1.2  # seconds, long enough for a run to be parked


# -- tools: each writes its line in the middle of its work


def _took(item: str, share: float = 1.0) -> float:
    """5 to 50 ms, always the same for the same item."""
    return share * (0.005 + int(hashlib.sha256(item.encode()).hexdigest()[:4], 16) / 65536 * 0.045)


def _done(name: str, item: str, ctx: ToolContext, *, safe: bool) -> dict[str, str]:
    result = {"item": item, "token": uuid4().hex[:16]}
    oracle.write(ctx.input["oracle"], tool=name, safe=safe, run_id=ctx.run_id, key=ctx.idempotency_key, result=result)
    return result


@tool(safe_to_repeat=True)
async def look_up(item: str, ctx: ToolContext) -> dict[str, str]:
    """Look something up. Harmless."""
    await asyncio.sleep(_took(item, 0.5))
    result = _done("look_up", item, ctx, safe=True)
    await asyncio.sleep(_took(item, 0.5))
    return result


@tool
async def charge(item: str, ctx: ToolContext) -> dict[str, str]:
    """Take money. Never twice."""
    await asyncio.sleep(_took(item, 0.5))
    result = _done("charge", item, ctx, safe=False)
    await asyncio.sleep(_took(item, 0.5))
    return result


@tool
def ship(item: str, ctx: ToolContext) -> dict[str, str]:
    """Send a parcel, from a thread. Never twice."""
    _block(_took(item, 0.5))
    result = _done("ship", item, ctx, safe=False)
    _block(_took(item, 0.5))
    return result


def _block(seconds: float) -> None:
    select.select([], [], [], seconds)  # time.sleep fails under a libfaketime that leaves the monotonic clock alone


def _was_booked(ctx: ToolContext) -> Done | Unknown:
    for line in oracle.read(oracle.Path(ctx.input["oracle"])):
        if line.key == ctx.idempotency_key:
            return Done(line.result)
    return Unknown("It has not been booked yet.")


@tool(check=_was_booked)
async def book(item: str, ctx: ToolContext) -> dict[str, str]:
    """Book a seat. Never twice; the booking office knows which were made."""
    await asyncio.sleep(_took(item, 0.3))
    result = _done("book", item, ctx, safe=False)
    await asyncio.sleep(_took(item, 0.7))
    return result


# -- agents


async def clerk(input: Any, ctx: Context) -> list[Any]:
    """One thing after another: named steps, tools of every kind, model calls, values, a large result."""
    done: list[Any] = []
    for turn in range(input["steps"]):
        item = f"{input['number']}-{turn}"
        match (input["number"] + turn) % 8:
            case 0:
                done.append(await ctx.step("add", _add, input["number"], turn))
            case 1:
                done.append(await ctx.use_tool(look_up, {"item": item}))
            case 2:
                done.append(await ctx.use_tool(charge, {"item": item}))
            case 3:
                done.append(await _ask(ctx, f"question {item}"))
            case 4:
                done.append(len(await ctx.uuid()))
            case 5:
                done.append(await ctx.use_tool(ship, {"item": item}))
            case 6:
                done.append(await ctx.use_tool(book, {"item": item}))
            case _:
                done.append(len(await ctx.step("page", _page, input["number"])))
    return done


def quiet(input: Any, ctx: Any) -> list[Any]:
    """The same kind of work from a thread."""
    done: list[Any] = []
    for turn in range(input["steps"]):
        item = f"{input['number']}-{turn}"
        match turn % 3:
            case 0:
                done.append(ctx.step("add", _add, input["number"], turn))
            case 1:
                done.append(ctx.use_tool(charge, {"item": item}))
            case _:
                done.append(ctx.use_tool(look_up, {"item": item}))
    return done


async def branches(input: Any, ctx: Context) -> list[Any]:
    """Three at once, with equal prompts and equal tools."""
    return await asyncio.gather(*[branch(ctx, input["number"]) for _ in range(_BRANCHES)])


async def branch(ctx: Context, number: int) -> dict[str, Any]:
    found = await ctx.use_tool(look_up, {"item": f"{number}-same"})
    said = await _ask(ctx, f"question {number}-same")
    first = await ctx.step("seal", lambda: {"of": [found["token"], said], "token": uuid4().hex[:16]})
    paid = await ctx.use_tool(charge, {"item": f"{number}-same"})
    again = await _ask(ctx, f"question {number}-same")
    second = await ctx.step("seal", lambda: {"of": [first["token"], paid["token"], again], "token": uuid4().hex[:16]})
    return {"found": found, "said": said, "first": first, "paid": paid, "again": again, "second": second}


async def parent(input: Any, ctx: Context) -> dict[str, Any]:
    """Children, a timer and a question to a person, with effects between them."""
    number = input["number"]
    one = await ctx.spawn("clerk", {**input, "steps": 4})
    two = await ctx.spawn("branches", {**input, "steps": 0})
    paid = await ctx.use_tool(charge, {"item": f"{number}-parent"})
    await ctx.sleep(timedelta(seconds=_NAP))
    results = [await one.result(), await two.result()]
    decision = await ctx.approve(f"Ship {number}?")
    sent = await ctx.use_tool(ship, {"item": f"{number}-parent"})
    return {"results": results, "approved": decision.approved, "paid": paid, "sent": sent}


async def _ask(ctx: Context, question: str) -> str:
    reply = await ctx.model([{"role": "user", "content": f"{question} of {ctx.run_id}"}], model=MODEL)
    return str(reply.message["content"])


async def _add(left: int, right: int) -> int:
    await asyncio.sleep(_took(f"{left}+{right}"))
    return left + right


def _page(number: int) -> str:
    return str(number % 10) * _LARGE


_DESK_TOOLS: tuple[Tool, ...] = (look_up, charge, ship)
desk = Agent("desk", MODEL, tools=_DESK_TOOLS, max_iterations=40, timeout=timedelta(hours=3))


def specs() -> dict[str, AgentSpec]:
    callables = {"clerk": clerk, "quiet": quiet, "branches": branches, "parent": parent}
    return {**{name: spec_of(name, fn, _LIMITS) for name, fn in callables.items()}, "desk": spec_of("desk", desk)}


# -- what the model says


class Policy:
    """A model with a will of its own: no two answers are the same, so that a swapped one shows."""

    def __init__(self) -> None:
        self._said = 0

    def __call__(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply:
        self._said += 1
        if not tools:
            return Reply(f"answer {self._said} to {messages[-1]['content']}")
        asked = json.loads(next(m["content"] for m in messages if m["role"] == "user"))
        turn = sum(1 for m in messages if m["role"] == "assistant")
        if turn < asked["steps"]:
            return Reply(tool_calls=_calls(asked["number"], turn))
        tokens = [json.loads(m["content"])["token"] for m in messages if m["role"] == "tool"]
        return Reply("done " + " ".join(tokens))


def _calls(number: int, turn: int) -> list[ToolCall]:
    item = f"{number}-{turn}"
    if turn % 3 == 2:  # side by side, all alike
        return [ToolCall(name, {"item": item}) for name in ("look_up", "look_up", "charge")]
    return [ToolCall("charge" if turn % 3 == 0 else "ship", {"item": item})]


# -- what is asked of them


def order(number: int, path: str) -> tuple[str, dict[str, Any]]:
    """The agent and input of the battery's `number`th run."""
    asked: dict[str, Any] = {"number": number, "oracle": path}
    match number % 10:
        case 0 | 5:
            return "parent", asked
        case 1 | 6 | 8:
            return "branches", asked
        case 3:
            return "quiet", {**asked, "steps": 6 + number % 9}
        case 4 | 9:
            steps = 3 + number % 5
            said = json.dumps({"number": number, "steps": steps})
            return "desk", {**asked, "steps": steps, "messages": [{"role": "user", "content": said}]}
        case _:
            return "clerk", {**asked, "steps": 8 + number % 23}
