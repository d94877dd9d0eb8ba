"""The LangGraph dev server with a graph of one node, in a virtual environment of its own: `make bench-api` makes it.

It is Elastic-licensed: measured beside us, and nothing of ours knows of it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from bench.place import Place
from bench.serving import Serving, launched, ready
from tests.servers import free_port

NAME = "LangGraph dev"
_PROGRAM = Path(__file__).resolve().parent.parent / ".venv-langgraph/bin/langgraph"
_GRAPH = """
from typing import TypedDict

from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    n: int


def node(state: State) -> State:
    return {"n": state["n"]}


graph = StateGraph(State).add_node("node", node).add_edge(START, "node").add_edge("node", END).compile()
"""


async def start(place: Place) -> tuple[Serving | None, list[str]]:
    """The server, or why there is none."""
    if not _PROGRAM.exists():
        return None, ["Not measured: LangGraph dev (make bench-api installs it)."]
    folder, port = place.new_folder(), free_port()
    (folder / "graph.py").write_text(_GRAPH)
    (folder / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": {"agent": "./graph.py:graph"}}))
    command = [
        str(_PROGRAM), "dev", "--config", str(folder / "langgraph.json"), "--port", str(port), "--no-browser",
        "--no-reload",
    ]  # fmt: skip
    quiet = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANGGRAPH_CLI_NO_ANALYTICS": "1"}
    member = launched(place, command, folder / "log", cwd=folder, environment=quiet)
    try:
        return await ready(Serving(NAME, member, port), "/ok"), []
    except (TimeoutError, RuntimeError, AssertionError) as error:
        return None, [f"Not measured: LangGraph dev ({str(error)[-200:]})."]
