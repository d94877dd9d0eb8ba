"""Each section of the console is loaded for the first who asks for one of its pages."""

from __future__ import annotations

import subprocess
import sys

from fairlead.web.console.router import SECTIONS, SECTIONS_OF_DOORS
from tests.api.serving import make_console, serving

_OF_DASHBOARD = {"dashboard", "levels"}
_DRAW = """
import sys
from fairlead.web.console.router import console_router
from fairlead.web.console.pages import dashboard
print(*[name.rpartition(".")[2] for name in sys.modules if name.startswith("fairlead.web.console.pages.")])
"""


async def test_every_page_is_found_by_its_address() -> None:
    """A section whose address begins with another word than the one it is loaded by would never be."""
    async with serving({}) as opened:
        console = make_console(opened.running.engine)
        for word in SECTIONS | SECTIONS_OF_DOORS:
            paths = {getattr(route, "path", "") for route in console.made(word).routes} - {"/console"}
            assert {console.word_of(path) for path in paths} | {word} == {word}


def test_a_dashboard_loads_no_other_section() -> None:
    done = subprocess.run([sys.executable, "-c", _DRAW], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == _OF_DASHBOARD
