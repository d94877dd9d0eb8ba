"""`fairlead evaluate` and `fairlead evaluations` as a user types them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from fairlead.cli.exits import Exit
from fairlead.ship.evaluation.kept import NewCase
from fairlead.wiring.evaluating import open_book
from fairlead.wiring.project import open_setup
from tests.cli.processes import fairlead, running

PROJECT = """\
[project]
name = "desk"
[agents]
desk = "agents.py:desk"
breaks = "agents.py:breaks"
asks = "agents.py:asks"
slow = "agents.py:slow"
late = "agents.py:late"
away = "agents.py:away"
[providers.simulated]
policy = "agents.py:policy"
[providers.dead]
base_url = "http://127.0.0.1:1"
api_key_env = "DEAD_KEY"
"""
AGENTS = """\
from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from pydantic_evals.evaluators import Evaluator

from fairlead import Agent


def policy(messages, tools):
    said = str(messages[-1]["content"])
    if messages[0]["content"].startswith("You judge"):
        return '{"pass": %s, "reason": "as I see it"}' % ("true" if "hello" in said else "false")
    return "hello" if "greet" in said and not Path("worse").exists() else "go away"


desk = Agent(name="desk", model="simulated/desk", instructions="Be kind.")
away = Agent(name="away", model="dead/model", instructions="Be there.")


async def breaks(input, ctx):
    return {}[input]


async def asks(input, ctx):
    return (await ctx.approve("May I?")).approved


async def slow(input, ctx):
    await asyncio.sleep(60)


async def late(input, ctx):
    await asyncio.sleep(0.1)
    return "hello"


@dataclass
class Broken(Evaluator):
    def evaluate(self, ctx):
        raise RuntimeError("scorer out of order")


@dataclass
class Long(Evaluator):
    at_least: int

    def evaluate(self, ctx):
        return len(ctx.output) >= self.at_least
"""
SMOKE = """\
agent: desk  # kept
cases:
  - name: kind
    inputs: greet me
    expected_output: hello
evaluators: [Exact]
"""


def make(folder: Path, suite: str = SMOKE, name: str = "smoke") -> Path:
    (folder / "fairlead.toml").write_text(PROJECT)
    (folder / "agents.py").write_text(AGENTS)
    (folder / "evaluations").mkdir(exist_ok=True)
    (folder / "evaluations" / f"{name}.yaml").write_text(suite)
    return folder


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, for what leaves it as it was."""
    return make(tmp_path_factory.mktemp("desk"))


def evaluated(folder: Path, *words: str, **settings: str) -> tuple[int, Any]:
    done = fairlead(folder, "evaluate", "--json", *words, **settings)
    assert done.out, done.err
    return done.code, done.json


def test_a_new_project_passes_its_own_suite(tmp_path: Path) -> None:
    assert fairlead(tmp_path, "init").code == Exit.OK
    done = fairlead(tmp_path, "evaluate")
    assert done.code == Exit.OK, done.out + done.err
    assert "PASS  smoke, dev" in done.out and "7 of 7" in done.out
    assert "100.0% of 21 answers, so between 86.7% and 100.0%; at least 85.0% is wanted" in done.out


def test_two_releases_are_evaluated_and_compared(tmp_path: Path) -> None:
    make(tmp_path, SMOKE.replace("evaluators", "  - {name: rude, inputs: x, expected_output: go away}\nevaluators"))
    code, good = evaluated(tmp_path, "--release", "v1", "--trials", "10")
    assert (code, good["verdict"], good["passed"], good["planned"]) == (Exit.OK, "pass", 20, 20)
    assert good["outcomes"][0]["output"] == "hello" and good["cost_usd"] > 0
    (tmp_path / "worse").touch()
    code, bad = evaluated(tmp_path, "--release", "v2", "--trials", "10")
    assert (code, bad["verdict"], bad["passed"]) == (Exit.FAILED, "fail", 10)
    listed = fairlead(tmp_path, "evaluations", "list", "--json").json
    assert [(one["release"], one["verdict"]) for one in listed] == [("v2", "fail"), ("v1", "pass")]
    shown = fairlead(tmp_path, "evaluations", "show", bad["id"][:9])
    assert '"go away" is not "hello"' in shown.out and "FAIL" in shown.out
    compared = fairlead(tmp_path, "evaluations", "compare", "v1", "v2")
    assert "worse   kind  10 of 10, after 0 of 10" in compared.out
    assert "1 cases as before, 1 worse, 0 better." in compared.out
    assert fairlead(tmp_path, "evaluations", "compare", "v1", "v3").code == Exit.NOT_FOUND


def test_few_answers_are_unclear_and_told_how_many_would_do(desk: Path) -> None:
    done = fairlead(desk, "evaluate", "--trials", "5")
    assert done.code == Exit.UNCLEAR == 9
    assert "UNCLEAR" in done.out and "--trials 19 would show it" in done.out


def test_a_judge_is_a_model_behind_the_gateway_and_is_on_the_bill(desk: Path) -> None:
    judge = "[{Judge: {rubric: Is it kind, model: simulated/judge}}]"
    make(desk, SMOKE.replace("[Exact]", judge), "judged")
    make(
        desk,
        SMOKE.replace("[Exact]", judge).replace("greet me", "x").replace("expected_output: hello", ""),
        "judged-no",
    )
    code, good = evaluated(desk, "--suite", "judged")
    assert (code, good["verdict"]) == (Exit.OK, "pass")
    assert good["outcomes"][0]["judge_usd"] > 0
    assert good["cost_usd"] == pytest.approx(sum(one["cost_usd"] + one["judge_usd"] for one in good["outcomes"]))
    code, bad = evaluated(desk, "--suite", "judged-no")
    assert (code, bad["outcomes"][0]["why"]) == (Exit.FAILED, "Judge: as I see it")


def test_a_scorer_of_the_project_counts(desk: Path) -> None:
    make(desk, SMOKE.replace("[Exact]", "[{Long: 5}]") + "scorers: ['agents.py:Long']\n", "own")
    assert evaluated(desk, "--suite", "own")[0] == Exit.OK


def test_what_costs_too_much_fails_and_is_stopped(desk: Path) -> None:
    code, found = evaluated(desk, "--max-cost", "0", "--trials", "100")
    assert (code, found["verdict"]) == (Exit.FAILED, "fail")
    assert found["asked"] < 10


def test_what_takes_too_long_fails(desk: Path) -> None:
    make(desk, SMOKE.replace("desk", "late"), "late")
    code, found = evaluated(desk, "--suite", "late", "--max-latency", "0.02")
    assert (code, [one["verdict"] for one in found["findings"]]) == (Exit.FAILED, ["pass", "pass", "fail"])


@pytest.mark.parametrize(
    ("agent", "code", "why"),
    [
        ("breaks", Exit.FAILED, "KeyError"), ("asks", Exit.FAILED, "waits for a person"),
        ("slow", Exit.FAILED, "no answer within 1 s"), ("away", Exit.UNCLEAR, "could not be done"),
    ],
)  # fmt: skip
def test_an_agent_that_fails_fails_and_one_without_its_model_was_not_asked(
    desk: Path, agent: str, code: Exit, why: str
) -> None:
    make(desk, SMOKE.replace("desk", agent) + "timeout: 1\n" * (agent == "slow"), agent)
    settings = {"DEAD_KEY": "x", "AI_SERVICE_RETRY_COUNT": "0"}
    exited, found = evaluated(desk, "--suite", agent, "--trials", "2", **settings)
    assert (exited, why in found["outcomes"][0]["why"]) == (code, True), found
    assert found["verdict"] == ("could_not_ask" if agent == "away" else "fail")
    left = fairlead(desk, "runs", "list", "--agent", agent, "--json").json
    assert {one["status"] for one in left} <= {"error", "interrupted"} and {one["reason"] for one in left} != {
        "approval"
    }


def test_a_scorer_that_raises_never_passes(desk: Path) -> None:
    make(desk, SMOKE.replace("[Exact]", "[Exact, Broken]") + "scorers: ['agents.py:Broken']\n", "broken")
    code, found = evaluated(desk, "--suite", "broken")
    assert (code, found["verdict"]) == (Exit.UNCLEAR, "could_not_ask")
    assert "scorer out of order" in found["outcomes"][0]["why"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--suite", "nowhere"), Exit.NOT_FOUND, "smoke"),
        (("--suite", "../smoke"), Exit.USAGE, "no name"),
        (("--min-accuracy", "1"), Exit.USAGE, "below 1"),
        (("--min-accuracy", "85"), Exit.USAGE, "85"),
        (("--max-cost", "-1"), Exit.USAGE, "dollars"),
        (("--max-latency", "0"), Exit.USAGE, "seconds"),
        (("--trials", "0"), Exit.USAGE, "--trials"),
        (("--url", "http://127.0.0.1:1"), Exit.UNREACHABLE, "127.0.0.1:1"),
        (("--url", "nonsense"), Exit.USAGE, "nonsense"),
        (("--suite", "broken-yaml"), Exit.CONFIGURATION, "broken-yaml.yaml:2"),
        (("--suite", "no-cases"), Exit.CONFIGURATION, "no cases"),
        (("--suite", "no-agent"), Exit.NOT_FOUND, "nobody"),
        (("--suite", "no-scorer"), Exit.CONFIGURATION, "agents.py has no `Nothing`"),
    ],
)
def test_what_is_given_wrongly_is_told(desk: Path, words: tuple[str, ...], code: Exit, says: str) -> None:
    make(desk, "agent: desk\ncases: ]\n", "broken-yaml")
    make(desk, "agent: desk\ncases: []\n", "no-cases")
    make(desk, SMOKE.replace("desk", "nobody"), "no-agent")
    make(desk, SMOKE + "scorers: ['agents.py:Nothing']\n", "no-scorer")
    done = fairlead(desk, "evaluate", *words)
    assert (done.code, says in done.err, "Traceback" in done.err) == (code, True, False), done.err


def test_what_can_not_be_evaluated_leaves_nothing(tmp_path: Path) -> None:
    make(tmp_path, SMOKE.replace("desk", "nobody"))
    assert fairlead(tmp_path, "evaluate").code == Exit.NOT_FOUND
    assert fairlead(tmp_path, "evaluations", "list", "--json").json == []


def test_a_recorded_run_becomes_a_case(tmp_path: Path) -> None:
    make(tmp_path)
    run = fairlead(tmp_path, "run", "desk", "--input", "greet all", "--json").json
    added = fairlead(tmp_path, "evaluations", "add-case", run["run_id"], "--name", "all")
    assert added.code == Exit.OK, added.err
    text = (tmp_path / "evaluations" / "smoke.yaml").read_text()
    assert text.startswith("agent: desk  # kept\n") and text.endswith("evaluators: [Exact]\n")
    code, found = evaluated(tmp_path)
    assert (code, {one["case"] for one in found["outcomes"]}) == (Exit.OK, {"kind", "all"})
    again = fairlead(tmp_path, "evaluations", "add-case", run["run_id"], "--name", "all")
    assert (again.code, "all already" in again.err) == (Exit.CONFLICT, True)
    failed = fairlead(tmp_path, "run", "breaks", "--input", "x", "--json").json
    refused = fairlead(tmp_path, "evaluations", "add-case", failed["run_id"])
    assert (refused.code, "is error" in refused.err) == (Exit.CONFLICT, True), refused.err
    assert (tmp_path / "evaluations" / "smoke.yaml").read_text() == text


def test_kept_cases_are_asked_too_until_they_are_pulled_into_the_file(tmp_path: Path) -> None:
    make(tmp_path)
    kept = {
        "hall": NewCase("smoke", "hall", "desk", "greet the hall", "run_1", "v1", "hello"),
        "cold": NewCase("smoke", "cold", "desk", "no word", "run_2", "v1", "go away"),
        "open": NewCase("smoke", "open", "desk", "greet nobody", "run_3", "v1"),
    }

    async def keep() -> None:
        async with open_book(open_setup(tmp_path)) as book:
            for case in kept.values():
                await book.cases.keep(case, tenant="default", by="user:mina")

    asyncio.run(keep())
    code, alone = evaluated(tmp_path, "--file-only")
    assert (code, {one["case"] for one in alone["outcomes"]}) == (Exit.OK, {"kind"})
    code, found = evaluated(tmp_path)
    assert (code, found["verdict"]) == (Exit.OK, "pass")
    assert {(one["case"], one["kept"]) for one in found["outcomes"]} == {
        ("kind", None), ("hall", "run_1"), ("cold", "run_2")
    }  # fmt: skip
    assert found["left_out"] == [{"name": "open", "run_id": "run_3", "why": "Nobody has said what is right."}]
    assert found["digest"] != alone["digest"]
    told = fairlead(tmp_path, "evaluate", "--trials", "1").out
    assert "Kept from runs: hall (run_1), cold (run_2)" in told
    assert "Kept case left out: open (run_3). Nobody has said what is right." in told

    listed = fairlead(tmp_path, "evaluations", "cases", "list", "--json").json
    assert [(one["case"]["name"], one["by"], one["run_id"]) for one in listed] == [
        ("hall", "user:mina", "run_1"), ("cold", "user:mina", "run_2"), ("open", "user:mina", "run_3")
    ]  # fmt: skip
    assert fairlead(tmp_path, "evaluations", "cases", "pull", "nowhere").code == Exit.NOT_FOUND
    pulled = fairlead(tmp_path, "evaluations", "cases", "pull", "hall", "--json")
    assert pulled.json == {"suite": "smoke", "cases": ["hall"]}
    text = (tmp_path / "evaluations" / "smoke.yaml").read_text()
    assert text.startswith("agent: desk  # kept\n") and "greet the hall" in text and "no word" not in text
    removed = fairlead(tmp_path, "evaluations", "cases", "remove", "open")
    assert removed.code == Exit.OK and "open is no case of smoke" in removed.out
    code, found = evaluated(tmp_path)
    assert (code, found["left_out"]) == (Exit.OK, [])
    assert {(one["case"], one["kept"]) for one in found["outcomes"]} == {
        ("kind", None), ("hall", None), ("cold", "run_2")
    }  # fmt: skip


def test_a_served_one_is_asked_at_its_url(tmp_path: Path) -> None:
    served, asking = tmp_path / "served", tmp_path / "asking"
    for folder in (served, asking):
        folder.mkdir()
        make(folder)
    with running(served, "serve", "--port", "0", FAIRLEAD_RELEASE="v7") as server:
        url = server.until("listening")["url"]
        code, found = evaluated(asking, "--url", url, "--release", "v7")
    assert (code, found["release"], found["verdict"]) == (Exit.OK, "v7", "pass")
    assert len(fairlead(served, "runs", "list", "--json").json) == 19
    assert fairlead(asking, "runs", "list", "--json").json == []


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    make(tmp_path)
    blocker = tmp_path / "without"
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text("import sys\nsys.modules['pydantic_evals'] = None\n")
    path = ":".join((str(blocker), *(one for one in sys.path if one)))
    done = fairlead(tmp_path, "evaluate", PYTHONPATH=path)
    assert (done.code, "pip install 'fairlead[evaluate]'" in done.err) == (Exit.CONFIGURATION, True), done.err
