"""A desk that pays refunds: a model assesses, a person approves what is large, and money moves once.

`refund_desk` is a plain async function; `assess` is a native agent that it starts as a child run.
Payments go to a file of one line each, so that you can count them after a crash.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fairlead import Agent, Context, tool
from fairlead.agents import Done, NotDone, Outcome, ToolContext

ASK_ABOVE_CENTS = 10_000
LEDGER = Path(__file__).with_name("payments.jsonl")


class Claim(BaseModel):
    order_id: Annotated[str, Field(min_length=1, max_length=64)]
    amount_cents: Annotated[int, Field(gt=0, le=1_000_000)]
    complaint: str
    ledger: str = str(LEDGER)  # where payments are written


class Assessment(BaseModel):
    verdict: Literal["pay", "refuse"]
    reason: str


@tool(safe_to_repeat=True)
def look_up_order(order_id: str) -> dict[str, Any]:
    """What was bought, and whether it arrived."""
    return {"order_id": order_id, "delivered": not order_id.endswith("7"), "refunded_before": order_id.startswith("R")}


def was_paid(ctx: ToolContext, ledger: str) -> Outcome:
    """Whether the payment of this call is in the ledger. Asked when a worker died in the middle of paying."""
    path = Path(ledger)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    paid = next((one for one in map(_parse, lines) if one.get("key") == ctx.idempotency_key), None)
    return Done({"paid_cents": paid["amount_cents"], "key": paid["key"]}) if paid else NotDone()


@tool(check=was_paid)
def pay_refund(order_id: str, amount_cents: int, ledger: str, ctx: ToolContext) -> dict[str, Any]:
    """Send the money. Not safe to repeat: a second call pays a second time."""
    payment = {"key": ctx.idempotency_key, "order_id": order_id, "amount_cents": amount_cents}
    with Path(ledger).open("a", encoding="utf-8") as file:
        file.write(json.dumps(payment) + "\n")
        file.flush()
        os.fsync(file.fileno())
    ctx.log("refund_paid", order_id=order_id, amount_cents=amount_cents)
    return {"paid_cents": amount_cents, "key": ctx.idempotency_key}


assess = Agent(
    name="assess",
    model="simulated/assess",  # one line to go real: "openai/gpt-5-mini"
    instructions="Look up the order, then decide whether the claim is to be paid. Pay what never arrived.",
    tools=[look_up_order],
    output_schema=Assessment,
    budget_usd=0.10,
)


async def refund_desk(claim: Claim, ctx: Context) -> dict[str, Any]:
    """Assess a claim, ask a person when it is large, and pay once."""
    ctx.progress(10, "assessing")
    facts = {"order_id": claim.order_id, "complaint": claim.complaint}
    found = await ctx.call("assess", facts)
    if found["verdict"] == "refuse":
        return {"paid_cents": 0, "reason": found["reason"]}
    if claim.amount_cents > ASK_ABOVE_CENTS:
        ctx.progress(50, "waiting for a person")
        question = f"Refund {claim.amount_cents / 100:.2f} for order {claim.order_id}?"
        decision = await ctx.approve(question, data=found, expires=timedelta(days=2))
        if not decision.approved:
            return {"paid_cents": 0, "reason": "nobody answered" if decision.expired else decision.comment or "refused"}
    ctx.progress(80, "paying")
    payment = {"order_id": claim.order_id, "amount_cents": claim.amount_cents, "ledger": claim.ledger}
    paid = await ctx.use_tool(pay_refund, payment)
    return {"paid_cents": paid["paid_cents"], "reason": found["reason"]}


def _parse(line: str) -> dict[str, Any]:
    try:
        return json.loads(line)
    except ValueError:
        return {}  # a line cut by a crash is no payment
