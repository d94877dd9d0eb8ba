"""What the simulated model says to guests, and the clients that they are made of."""

from __future__ import annotations

from typing import Any

from fairlead import testing
from fairlead.gateway import Reply, ToolCall

SIMULATED = {
    "openai": {"kind": "simulated", "policy": "tests.runs.guests:policy"},
    "anthropic": {"kind": "simulated", "policy": "tests.runs.guests:policy"},
}


def policy(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply | str:
    """Uses the tools that the user names, "look,charge then wait", round after round, and then says what they said."""
    said = [_text(one["content"]) for one in reversed(messages) if one["role"] == "user"]
    asked = next((text for text in said if text.startswith("use ")), said[0])
    plan, _, _ = asked.partition(".")
    rounds = [step.split(",") for step in plan.removeprefix("use ").split(" then ")] if asked.startswith("use ") else []
    turn = sum(1 for one in messages if one["role"] == "assistant" and one.get("tool_calls"))
    if turn < len(rounds):
        return Reply(tool_calls=[ToolCall(name, {"word": f"{name}-{turn}"}) for name in rounds[turn]])
    results = [_text(one["content"]) for one in messages if one["role"] == "tool"]
    return f"heard {asked} ({len(messages)} messages) {' | '.join(results)}".strip()


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def paid_calls(running: testing.Running) -> int:
    """Model calls that a provider has answered."""
    return sum(1 for event, said in running.said if event == "llm_call" and said["status"] == "ok")


def told(running: testing.Running, event: str) -> list[dict[str, Any]]:
    return [said for name, said in running.said if name == event]
