"""An agent of pydantic-ai, as its own documentation would have it. Nothing in this file knows of Fairlead."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry

HERE = Path(__file__).parent
ORDERS = {"A-107": ("Ada", 12), "A-108": ("Grace", 1)}  # whose it is, and how many days it is late


class Answer(BaseModel):
    """What the customer is told."""

    text: str
    voucher: bool


agent = Agent(
    "openai:gpt-5-mini",
    output_type=Answer,
    instructions="You answer customers who ask where their order is. An order more than 10 days late earns a voucher.",
    description="Says where an order is, and makes up for late ones.",
)


@agent.tool_plain(metadata={"safe_to_repeat": True})
def look_up_order(order_id: str) -> dict[str, str | int]:
    """Find an order by its number."""
    if order_id not in ORDERS:
        raise ModelRetry(f"There is no order {order_id}.")
    customer, late = ORDERS[order_id]
    return {"customer": customer, "days_late": late}


@agent.tool_plain
def send_voucher(customer: str) -> str:
    """Send a voucher of 10 USD to a customer."""
    with (HERE / "vouchers.jsonl").open("a") as sent:
        sent.write(f'{{"to": "{customer}"}}\n')
    return "sent"
