"""The example of an agent of pydantic-ai, as its project declares it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairlead import testing
from fairlead.agents import load_project
from fairlead.agents.load import Project

EXAMPLE = Path(__file__).parents[2] / "examples" / "pydantic_ai_agent"


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Project]:
    """A copy: it writes beside itself."""
    path, modules = list(sys.path), set(sys.modules)
    yield load_project(shutil.copytree(EXAMPLE, tmp_path / "example"))
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name in ("agent", "policy"):
            del sys.modules[name]


@pytest.mark.parametrize(
    ("asked", "output", "vouchers"),
    [
        ("Where is A-107?", {"text": "Your order is 12 days late, Ada.", "voucher": True}, [{"to": "Ada"}]),
        ("Where is A-108?", {"text": "Your order is 1 days late, Grace.", "voucher": False}, []),
        ("Where is Z-1?", {"text": "I can't find that order. Which number does it have?", "voucher": False}, []),
    ],
)
async def test_it_answers(example: Project, asked: str, output: object, vouchers: list[object]) -> None:
    async with testing.engine(example.agents, providers=example.providers, root=example.root) as running:
        done = await running.run("late_orders", asked)
        assert (done.error, done.output) == (None, output)
        sent = example.root / "vouchers.jsonl"
        lines = sent.read_text().splitlines() if sent.exists() else []
        assert [json.loads(line) for line in lines] == vouchers
        tools = [event.name for event in await running.events(done.id, "step") if event.kind == "tool"]
        assert tools == ["look_up_order", *(["send_voucher"] if vouchers else [])]
    assert example.agents["late_orders"].description == "Says where an order is, and makes up for late ones."
