"""`fairlead init`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from fairlead.cli.say import AsJson, say, say_json
from fairlead.errors import Conflict

app = typer.Typer(add_completion=False)

_DECLARATION = """\
[project]
name = "{name}"

[agents]
assistant = "agent.py:agent"

[providers.simulated]
policy = "policy.py:answer"
"""
_AGENT = '''\
"""An agent with one tool. Run it: fairlead run assistant --input "How long is this sentence?"
"""

from __future__ import annotations

from fairlead import Agent, tool


@tool(safe_to_repeat=True)
def count_words(text: str) -> int:
    """How many words a text has."""
    return len(text.split())


agent = Agent(
    name="assistant",
    model="simulated/assistant",  # one line to go real: "openai/gpt-5-mini", with OPENAI_API_KEY set
    instructions="Answer in one sentence. Count with the tool, never by yourself.",
    tools=[count_words],
)
'''
_POLICY = '''\
"""The simulated model: the same question gets the same answer, and costs nothing."""

from __future__ import annotations

from typing import Any

from fairlead.gateway.policy import Reply, ToolCall


def answer(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> Reply:
    last = messages[-1]
    if last["role"] == "tool":
        return Reply(f"That is {last['content']} words.")
    return Reply(tool_calls=[ToolCall("count_words", {"text": str(last["content"])})])
'''
_SUITE = """\
# What the agent must be able to do: fairlead evaluate
agent: assistant
cases:
  - name: a question
    inputs: How long is this sentence?
    expected_output: That is 5 words.
  - name: one word
    inputs: Hello
    expected_output: That is 1 words.
  - name: two lines
    inputs: "count\\nthis, please"
    expected_output: That is 3 words.
evaluators:
  - Exact # others: Contains, Numeric, JsonSchema, Judge
"""
_IGNORED = ".fairlead/\n.env\n.env.local\n__pycache__/\n"


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where; made if it is not there.")] = Path(), json: AsJson = False
) -> None:
    """Make a small project that works: an agent, a tool, and a simulated model."""
    root = folder.resolve()
    name = re.sub(r"[^a-z0-9-]+", "-", root.name.lower()).strip("-") or "project"
    files = {
        "fairlead.toml": _DECLARATION.format(name=name),
        "agent.py": _AGENT,
        "policy.py": _POLICY,
        "evaluations/smoke.yaml": _SUITE,
        ".gitignore": _IGNORED,
    }
    if taken := [file for file in files if (root / file).exists() and file != ".gitignore"]:
        raise Conflict(f"{root} has {', '.join(taken)} already.", hint="Choose another folder: fairlead init FOLDER.")
    root.mkdir(parents=True, exist_ok=True)
    made = [file for file, text in files.items() if _write(root / file, text)]
    if json:
        say_json({"folder": str(root), "files": made})
        return
    say(f"Made {', '.join(made)} in {root}.")
    say("Next:" + (f" cd {folder} &&" if folder != Path() else "") + " fairlead dev")
    say('Then, in another terminal: fairlead run assistant --input "How long is this sentence?"')


def _write(path: Path, text: str) -> bool:
    if path.exists():
        return False
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True
