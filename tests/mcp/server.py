"""A real MCP server that can be told to behave badly: `python server.py FOLDER [http PORT]`.

What it does is written into FOLDER, so that tests can see which calls were made, and by which process.
"""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Image
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

FOLDER = Path(sys.argv[1])
READ = ToolAnnotations(read_only_hint=True)
server = MCPServer("naughty")


def note(what: str) -> None:
    with (FOLDER / "calls").open("a") as calls:
        calls.write(f"{what}\n")


@server.tool(annotations=READ)
def add(a: int, b: int) -> int:
    """Add two numbers."""
    note("add")
    return a + b


@server.tool()
def charge(amount: int, ctx: Context[Any]) -> str:
    """Charge a card."""
    meta = ctx.request_context.meta or {}
    note(f"charge {amount} {meta.get('fairlead/idempotency-key')}")
    return f"charged {amount}"


@server.tool()
async def charge_slowly(amount: int) -> str:
    """Charge a card, and answer when the file `go` is there."""
    note(f"charge_slowly {amount}")
    while not (FOLDER / "go").exists():
        await asyncio.sleep(0.02)
    return f"charged {amount}"


@server.tool(annotations=READ)
def environment() -> dict[str, str]:
    """The variables this process sees."""
    return dict(os.environ)


@server.tool(annotations=READ)
def die() -> str:
    """End in the middle of a call."""
    note("die")
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@server.tool(annotations=READ)
async def hang() -> str:
    """Never answer."""
    note("hang")
    await asyncio.Event().wait()
    return "never"


@server.tool(annotations=READ, structured_output=False)
def huge(size: int) -> str:
    """Say much."""
    return "x" * size


@server.tool(annotations=READ)
def picture() -> Image:
    """A picture."""
    return Image(data=base64.b64decode("iVBORw0KGgo="), format="png")


@server.tool(annotations=READ)
def fail() -> str:
    """Fail."""
    raise ToolError("no such luck")


@server.tool(annotations=READ)
def shout() -> str:
    """Write a secret on stderr."""
    sys.stderr.write(f"the token is {os.environ.get('TOKEN')}\n")
    sys.stderr.flush()
    return "shouted"


@server.tool(annotations=READ)
def spawn() -> int:
    """Start a program that stays, in a session of its own."""
    return subprocess.Popen(["sleep", "1000"], start_new_session=True, stdin=subprocess.DEVNULL).pid


@server.tool(annotations=READ)
async def grow(ctx: Context[Any]) -> str:
    """From now on there is another tool."""
    server.add_tool(grown)
    await ctx.session.send_tool_list_changed()  # to clients before 2026-07-28
    await ctx.notify_tools_changed()
    return "grown"


def grown(text: str) -> str:
    """A tool that was not there before."""
    return text


def main() -> None:
    with (FOLDER / "pids").open("a") as pids:
        pids.write(f"{os.getpid()}\n")
    sys.stdout.write("this is no JSON\n")  # as many servers greet
    sys.stdout.flush()
    if (FOLDER / "refuse").exists():
        sys.stderr.write("I will not\n")
        sys.exit(3)
    if (FOLDER / "slow").exists():
        time.sleep(float((FOLDER / "slow").read_text()))
    if (FOLDER / "other").exists():  # another signature for `add`
        server.remove_tool("add")

        @server.tool(name="add", annotations=READ)
        def add_texts(first: str, second: str) -> str:
            """Add two texts."""
            return first + second

    if sys.argv[2:3] == ["http"]:
        server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[3]))
    else:
        server.run()


main()
