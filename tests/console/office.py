"""A few agents of a help desk, for pages to show: two that ask a model, which is simulated, and some that do not."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal

from pydantic import BaseModel, Field

from fairlead import Agent, Context, tool
from fairlead.gateway import Reply, ToolCall
from fairlead.gateway.simulate import Simulator
from tests.api.serving import listening

MODEL = "openai/gpt-5-mini"
PROVIDERS: dict[str, dict[str, Any]] = {"openai": {"kind": "simulated", "policy": "tests.console.office:policy"}}

SHORT = "Answer in one short sentence."
KIND = "Answer kindly, and say what happens next."


def policy(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply:
    """A tool first, where there are some and an order is asked for; then words that follow the instructions."""
    asked = next(_text(one["content"]) for one in reversed(messages) if one["role"] == "user")
    if tools and "order" in asked and messages[-1]["role"] != "tool":
        return Reply("Let me look that up.", [ToolCall("get_order", {"number": 48213})])
    told = messages[0]["content"] if messages[0]["role"] == "system" else ""
    if SHORT in told:
        return Reply("Your parcel arrives tomorrow.")
    if KIND in told:
        return Reply("Thank you for writing. Your parcel arrives tomorrow, and we send you a message once it is there.")
    return Reply(f"You asked: {asked[:200]} The parcel is on its way and should arrive tomorrow before noon.")


def _text(content: Any) -> str:
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


@tool(safe_to_repeat=True)
def get_order(number: int) -> dict[str, Any]:
    """Look up an order by its number."""
    return {"number": number, "state": "shipped", "carrier": "Post"}


@tool
def refund(number: int, amount: float) -> str:
    """Pay an order back."""
    return f"{amount} paid back for {number}"


class Trip(BaseModel):
    """Where to go, and how."""

    city: str = Field(description="Where to.", max_length=60)
    nights: int = Field(2, ge=1, le=30, description="How long.")
    budget: float | None = Field(None, description="In euros; none: whatever it costs.")
    by: Literal["train", "plane", "bus"] = "train"
    wishes: str = Field("", description="In your own words.")
    guests: list[str] = Field(default_factory=list)
    insured: bool = True


async def plan_trip(trip: Trip) -> dict[str, Any]:
    """Plans a trip.

    The plan names a city, the nights and what is left of the budget.
    """
    return {"plan": f"{trip.nights} nights in {trip.city} by {trip.by}", "guests": trip.guests, "insured": trip.insured}


async def echo(input: Any) -> Any:
    """Says what it was told."""
    return input


async def ask(input: Any, ctx: Context) -> str:
    """Asks a person before it does anything."""
    said = await ctx.approve("May I send the letter?")
    return "Sent." if said.approved else "Not sent."


async def fail(input: Any) -> str:
    """Fails, whatever it is asked."""
    raise ValueError("the mailbox is full")


AGENTS: dict[str, Any] = {
    "support": Agent(
        "support", MODEL, instructions="You help customers with their orders.", tools=[get_order, refund],
        description="Answers customers, and looks up orders.",
    ),
    "writer": Agent(
        "writer", MODEL, instructions=KIND, configurable=("instructions", "model", "temperature"),
        description="Writes letters.", budget_usd=0.5,
    ),
    "trip": plan_trip,
    "echo": echo,
    "ask": ask,
    "fail": fail,
}  # fmt: skip


@asynccontextmanager
async def slowly(tokens_per_second: float) -> AsyncGenerator[dict[str, dict[str, Any]]]:
    """Providers whose model takes its time, so that one can watch it speak."""
    async with listening(Simulator(policy, tokens_per_second=tokens_per_second)) as url:  # type: ignore[arg-type]
        yield {"openai": {"kind": "simulated", "url": url}}
