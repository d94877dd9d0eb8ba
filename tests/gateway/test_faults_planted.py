"""The battery of faults proves itself: a provider with a bug does not pass it."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.gateway.plants import PLANTS

ROOT = Path(__file__).parents[2]
CAUGHT_BY = {
    "believing": "cut_cleanly|last_event|event_that_is_none|lost_within|error_after_it|usage_at_the_end",
    "generous": "charged",
    "stubborn": "each_status|used_up|no_json|address_that_is_none",
    "loud": "error_before_the_first_token|error_after_it",
    "hasty": "error_after_it|last_event|error_before_the_first_token|cut_cleanly",
    "patient": "slow_bytes|headers_that_never_come|falls_silent",
}


@pytest.mark.parametrize("plant", PLANTS)
async def test_a_planted_bug_is_caught_for_what_it_is(plant: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.gateway.plants", plant, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(300):
        said, _ = await process.communicate()
    caught = re.findall(r"^FAILED (\S+)", said.decode(), re.MULTILINE)
    assert process.returncode == 1 and len(caught) == 1, said.decode()[-2000:]
    assert re.search(CAUGHT_BY[plant], caught[0]), caught
    print(f"{plant}: caught by {caught[0]}")
