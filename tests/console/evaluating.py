"""A project with a suite, whose evaluations are made by what `fairlead evaluate` uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairlead.ship.evaluation.book import Evaluation
from fairlead.ship.evaluation.gate import Bounds
from fairlead.wiring import Engine
from fairlead.wiring.evaluating import Where, evaluate, load_suite_with
from fairlead.wiring.project import open_setup

SUITE = """\
agent: desk
cases:
  - {name: refund, inputs: {amount: 5}, expected_output: refund 5}
  - {name: greeting, inputs: {text: hello}, expected_output: hello to you}
evaluators: [Exact]
"""


class Desk:
    """An agent that is right about refunds, greets, and knows nothing else until it is `mended`."""

    def __init__(self) -> None:
        self.mended = False
        self.rude = False

    async def __call__(self, input: Any) -> Any:
        if "amount" in input:
            return f"refund {input['amount']}"
        if input.get("text") == "hello":
            return "go away" if self.rude else "hello to you"
        if not self.mended:
            raise KeyError(input.get("text"))
        return f"sorry about the {input['text']}"


def project(folder: Path, suite: str = SUITE, name: str = "smoke") -> Path:
    (folder / "fairlead.toml").write_text('[project]\nname = "desk"\n[agents]\ndesk = "agents.py:desk"\n')
    (folder / "evaluations").mkdir(exist_ok=True)
    (folder / "evaluations" / f"{name}.yaml").write_text(suite)
    return folder


async def evaluated(
    engine: Engine, address: str, folder: Path, *, release: str = "v1", name: str = "smoke", trials: int | None = 3,
    bounds: Bounds | None = None,
) -> Evaluation:  # fmt: skip
    book = engine.evaluations
    suite = await load_suite_with(book, open_setup(folder), name)
    return await evaluate(
        suite, Where(address), bounds or Bounds(), book, by="ada", release=release, trials=trials, clock=engine.clock
    )
