"""The pages about models say what is so: their programs run, their models answer, their errors are the gateway's."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from fairlead import errors
from fairlead.errors import FairleadError
from fairlead.web.gateway import gateway_status
from fairlead.wiring.project import open_setup
from tests.api.asking import AS_ROOT, PATHS, House, house
from tests.servers import node_clients
from tests.test_docs import descendants
from tests.test_readme import files_of, project_of

TASKS = Path(__file__).resolve().parent.parent / "docs/tasks"
PAGE = TASKS / "use-the-gateway.md"
ANSWER = "Simulated answer to: How are you?"


async def running(it: House, folder: Path, *command: str) -> str:
    """What the program of the page prints, with our address for the manual's."""
    script = folder / command[-1]
    script.write_text(files_of(PAGE)[command[-1]].replace("http://127.0.0.1:8000", it.url))
    key = (await it.key(scopes=["models"]))["authorization"].removeprefix("Bearer ")
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, "FAIRLEAD_API_KEY": key}, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode().strip()


@pytest.mark.parametrize("name", ["ask.py", "ask_claude.py"])
async def test_the_programs_in_python_run(tmp_path: Path, name: str) -> None:
    async with house() as it:
        assert await running(it, tmp_path, sys.executable, name) == ANSWER


@pytest.mark.parametrize("name", ["ask.mjs", "ask_claude.mjs"])
async def test_the_programs_for_node_run(tmp_path: Path, name: str) -> None:
    (tmp_path / "node_modules").symlink_to(node_clients() / "node_modules")
    async with house() as it:
        assert await running(it, tmp_path, "node", name) == ANSWER


async def test_the_call_with_curl_is_answered() -> None:
    words = shlex.split(files_of(PAGE)["ask.sh"].replace("\\\n", " "))
    url = next(word for word in words if word.startswith("http://127.0.0.1:8000/"))
    given = [words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H"]
    async with house() as it:
        bot = await it.key()
        headers = {name.lower(): value for name, value in given} | bot
        path = url.removeprefix("http://127.0.0.1:8000")
        answer = await it.client.post(path, content=words[words.index("-d") + 1], headers=headers)
    assert path in PATHS.values() and answer.json()["choices"][0]["message"]["content"] == ANSWER


def test_the_table_of_errors_is_what_the_gateway_answers() -> None:
    rows = re.findall(r"^\| (\d{3}) \| (`[^|]+`) \|", PAGE.read_text(), re.MULTILINE)
    told = {code: int(status) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    known: dict[str, type[FairleadError]] = {
        one.code: one for one in descendants(errors.FairleadError) if "code" in vars(one)
    }
    assert {code: gateway_status(known[code].__new__(known[code])) for code in told} == told
    of_models = {one.code for one in descendants(errors.ModelError)}
    assert of_models | {"budget", "calls_stopped", "unauthorised", "forbidden", "too_large", "configuration"} <= set(
        told
    )


EXPECTED = {
    "assistant": {"anthropic/claude-sonnet-4-5"},
    "shared": {"anthropic/claude-sonnet-4-5", "openai/gpt-5"},
    "turns": {"openai/gpt-5", "openai/gpt-5-mini"},
    "auto": {"anthropic/claude-haiku-4-5"},
}


async def test_the_declared_models_answer_as_the_page_says(tmp_path: Path) -> None:
    setup = open_setup(project_of(TASKS / "choose-models.md", tmp_path), database_url=f"sqlite:///{tmp_path}/t.db")
    setup.load()
    assert list(setup.agents) == ["assistant"] and set(setup.models) == set(EXPECTED)
    simulated = {name: {"kind": "simulated"} for name in ("anthropic", "openai")}
    async with house(models=setup.models, providers={**setup.providers, **simulated}) as it:
        for name, models in EXPECTED.items():
            answers = [await it.ask(model=name) for _ in range(2)]
            assert {one.headers["x-fairlead-model"] for one in answers} <= models
        hard = await it.ask(model="auto", messages=[{"role": "user", "content": "Read this contract."}])
        assert hard.headers["x-fairlead-model"] == "anthropic/claude-opus-4-5"
        await it.client.post("/stops", json={"scope": "provider:anthropic"}, headers=AS_ROOT)
        instead = await it.ask(model="assistant")
        assert instead.headers["x-fairlead-model"] == "openai/gpt-5"
        listed = (await it.client.get("/v1/models", headers=AS_ROOT)).json()["data"]
        assert [one["id"] for one in listed[:4]] == sorted(EXPECTED)


def test_the_settings_that_the_pages_name_exist() -> None:
    known = (TASKS.parent / "settings.md").read_text()
    for page in (PAGE, TASKS / "choose-models.md"):
        for name in re.findall(r"`((?:MODEL|BREAKER|PROVIDER|BUDGET)_[A-Z_]+)", page.read_text()):
            assert name in known, (page.name, name)


def test_the_body_of_the_curl_call_is_json() -> None:
    assert json.loads(re.findall(r"-d '(.+)'", files_of(PAGE)["ask.sh"])[0])["model"] == "simulated/small"
