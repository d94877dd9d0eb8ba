from __future__ import annotations

import gzip
import json
import random
import sys
import tracemalloc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fairlead.agents import Message, Tool, converse, invoke, load_project
from fairlead.agents.load import Project
from fairlead.errors import InvalidInput, ToolFailed
from tests.agents.scripted import calls, reply, says

EXAMPLE = Path(__file__).parents[2] / "examples" / "log_triage"


@pytest.fixture(scope="module")
def example() -> Iterator[Project]:
    path, modules = list(sys.path), set(sys.modules)
    yield load_project(EXAMPLE)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@dataclass
class Desk:
    """The example on one file: its tools by name, and the whole triage with its own policy."""

    example: Project
    input: Any

    async def use(self, name: str, **arguments: Any) -> Any:
        return await self._use(self._tool(name), arguments)

    async def triage(self) -> tuple[str, int]:
        """The report, and how many times the model was asked."""
        policy, asked = self.example.load("policy.py:triage"), 0

        async def ask(messages: Any, **options: Any) -> Any:
            nonlocal asked
            asked += 1
            said = policy([*map(_through_json, messages)], [tool.spec for tool in options["tools"]])
            return reply(
                calls(*[(c.name, c.arguments) for c in said.tool_calls]) if said.tool_calls else says(said.text)
            )

        agent = self.example.agents["log_triage"].native
        assert agent is not None
        answer = await converse(agent, self.input, ask=ask, use=self._use)
        return answer.output, asked

    async def _use(self, tool: Tool, arguments: Mapping[str, Any], *, call_id: str | None = None) -> Any:
        return await invoke(tool, arguments, idempotency_key="k", run_id="r", input=self.input)

    def _tool(self, name: str) -> Tool:
        agent = self.example.agents["log_triage"].native
        assert agent is not None
        found = agent.tool(name)
        assert found is not None
        return found


def _through_json(message: Message) -> Message:
    return json.loads(json.dumps(message))


@pytest.fixture
def desk(example: Project, tmp_path: Path) -> Any:
    def on(text: str | bytes, name: str = "some.log") -> Desk:
        data = text.encode() if isinstance(text, str) else text
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return Desk(example, {"path": str(tmp_path / name)})

    return on


def python_log() -> str:
    lines = [f"2025-11-22 10:{i // 60:02}:{i % 60:02},000 INFO  app: request {i} ok, 0 errors" for i in range(600)]
    lines[100] = "2025-11-22 10:01:40,000 WARNING app: disk at 91 %"
    for i in range(300, 320):
        lines[i] = f"2025-11-22 10:05:{i - 300:02},000 ERROR app: payment {i} failed: connection refused"
    lines[599] = "2025-11-22 10:09:59,000 CRITICAL app: giving up"
    return "\n".join(lines) + "\n"


def access_log() -> str:
    rnd = random.Random(1)
    return "".join(
        f"10.0.0.{rnd.randint(1, 250)} - - [22/Nov/2025:10:{i // 60:02}:{i % 60:02} +0000] "
        f'"GET /api/{"../../etc/passwd" if i == 50 else "error"}?q={i} HTTP/1.1" {status} 512 "-" "curl"\n'
        for i in range(600)
        for status in [503 if 120 <= i < 150 else 404 if i % 100 == 0 else 200]
    )


def json_lines() -> str:
    def line(i: int) -> dict[str, Any]:
        level = "error" if i % 50 == 0 else "info"
        said = f"job {i} failed" if level == "error" else "no error here"
        return {"ts": f"2025-11-22T10:{i // 60:02}:{i % 60:02}Z", "level": level, "msg": said}

    return "".join(json.dumps(line(i)) + "\n" for i in range(600))


def syslog() -> str:
    return "".join(
        f"Nov 22 10:{i // 60:02}:{i % 60:02} host "
        + (
            f"sshd[{i}]: Failed password for invalid user admin from 10.1.2.3 port {i} ssh2\n"
            if i % 60 == 7
            else f"kernel: [{i}.0] Out of memory: Killed process {i} (python)\n"
            if i == 500
            else f"systemd[1]: Started Session {i} of user root.\n"
        )
        for i in range(600)
    )


def dpkg_log() -> str:
    return (
        "2025-11-22 10:00:00 startup archives unpack\n"
        "2025-11-22 10:00:01 install libgpg-error-l10n:all <none> 1.46\n"
        "2025-11-22 10:00:01 status half-installed libgpg-error-l10n:all 1.46\n"
        "2025-11-22 10:00:02 status installed libgpg-error-l10n:all 1.46\n"
        "2025-11-22 10:00:03 status half-configured broken:amd64 2.0\n"
    )


@pytest.mark.parametrize(
    ("text", "format", "levels", "worst", "words"),
    [
        (python_log, "text", (1, 20, 1), "2025-11-22 10:05 (20)", "payment <n> failed: connection refused"),
        (access_log, "access log", (0, 30, 6), "22/Nov/2025:10:02 (30)", "GET /api/error → 503"),
        (json_lines, "JSON lines", (0, 12, 0), "2025-11-22 10:00 (2)", "job <n> failed"),
        (syslog, "syslog", (1, 10, 0), "Nov 22 10:08 (2)", "Failed password for invalid user admin"),
    ],
)
@pytest.mark.parametrize("name", ["some.log", "some.log.gz"])
async def test_a_report_says_what_is_wrong(
    desk: Any, text: Any, format: str, levels: tuple[int, int, int], worst: str, words: str, name: str
) -> None:
    report, asked = await desk(text(), name).triage()
    assert 6 <= asked <= 10
    assert "600 lines" in report
    assert f"read as {format} from" in report
    critical, error, warning = levels
    assert f"**{critical} critical**, **{error} error**, **{warning} warning**" in report
    assert worst in report
    assert words in report
    sections = ["Summary", "Errors", "Bursts", "First and last seen", "Suspicious lines", "Not covered"]
    assert [line[3:] for line in report.splitlines() if line.startswith("## ")] == sections


async def test_package_names_are_no_errors_but_packages_left_half_done_are_shown(desk: Any) -> None:
    report, _ = await desk(dpkg_log()).triage()
    assert "**0 critical**, **0 error**" in report
    assert "packages left half done: 1" in report
    assert "line 5: `2025-11-22 10:00:03 status half-configured broken:amd64 2.0`" in report


@pytest.mark.parametrize(
    "text",
    ["", "\n", "one line without an end", b"\0\1\2\xff" * 5000, "x" * 3_000_000, "\r\n\r\n", "é\n" * 10, "[" * 500],
)
async def test_any_file_gives_a_report(desk: Any, text: str | bytes) -> None:
    report, _ = await desk(text).triage()
    assert "## Not covered" in report
    assert len(report) < 20_000


@pytest.mark.parametrize(
    ("input", "words"), [({}, "was given no path"), ({"path": "/nope"}, "There is no file '/nope'"), (7, "no path")]
)
async def test_a_run_without_a_file_says_so(example: Project, input: Any, words: str) -> None:
    report, _ = await Desk(example, input).triage()
    assert words in report


async def test_the_path_may_come_in_a_conversation(desk: Any) -> None:
    one = desk(python_log())
    one.input = {"messages": [{"role": "user", "content": f"Look at {one.input['path']} please"}]}
    assert (await one.use("overview"))["lines"] == 600


async def test_the_model_cannot_name_another_file(desk: Any) -> None:
    with pytest.raises(InvalidInput, match="path"):
        await desk("x\n").use("overview", path="/etc/passwd")


async def test_lines_are_read_as_they_are(desk: Any) -> None:
    one = desk("".join(f"line {i}\n" for i in range(1, 100_001)))
    assert await one.use("read_lines", first=60_000, last=60_002) == {
        "first": 60_000, "last": 60_002, "lines": ["line 60000", "line 60001", "line 60002"],
    }  # fmt: skip
    assert (await one.use("read_lines", first=99_999, last=100_500))["lines"] == ["line 99999", "line 100000"]
    assert (await one.use("read_lines", first=200_000, last=200_001))["lines"] == []
    assert len((await one.use("read_lines", first=1, last=100_000))["lines"]) == 60


async def test_search_counts_all_and_shows_some_with_what_surrounds_them(desk: Any) -> None:
    one = desk("".join(f"line {i} {'Needle' if i % 1000 == 0 else 'hay'}\n" for i in range(1, 100_001)))
    found = await one.use("search", pattern="needle|nothing", limit=2, context=1)
    assert found["count"] == 100
    assert found["lines"][1] == {
        "line": 2000, "text": "line 2000 Needle", "before": ["line 1999 hay"], "after": ["line 2001 hay"],
    }  # fmt: skip
    seen = await one.use("first_last_seen", pattern="NEEDLE")
    assert (seen["count"], seen["first"]["line"], seen["last"]["line"]) == (100, 1000, 100_000)
    assert (await one.use("first_last_seen", pattern="nowhere"))["first"] is None
    for pattern in ("", "|", "x" * 300):
        with pytest.raises(ToolFailed, match="1 to 200 characters"):
            await one.use("search", pattern=pattern)


async def test_messages_that_differ_only_in_numbers_are_one(desk: Any) -> None:
    text = "".join(f"2025-11-22 10:00:00 ERROR 10.0.0.{i} id={i:08x} took {i}.5 ms\n" for i in range(200))
    found = await desk(text).use("top_messages")
    assert found["messages"][0]["count"] >= 100
    assert found["exact"] is True


async def test_a_log_of_many_different_messages_is_counted_in_bounded_memory(desk: Any) -> None:
    words = ["".join(chr(97 + (i // 26**k) % 26) for k in range(5)) for i in range(60_000)]
    found = await desk("".join(f"{word}\n" for word in words)).use("top_messages", of="all", limit=3)
    assert found["exact"] is False
    assert found["distinct"] <= 20_000


async def test_memory_does_not_grow_with_the_file(desk: Any) -> None:
    one = desk(python_log() * 200)  # about 7 MB
    tracemalloc.start()
    try:
        await one.use("count_levels")
        await one.use("bursts", of="all", per="hour")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000
