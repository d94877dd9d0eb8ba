"""This host, looked at as it is; and processes that we start."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from fairlead.ship.checklist.answer import Void
from fairlead.ship.host.instances import Instance, Status, Wanted, start_of
from fairlead.ship.verdict import Verdict
from tests.servers import free_ports
from tests.ship.checklist.asking import ask, facts_of, settings_of
from tests.ship.checklist.test_service import answering


@contextmanager
def process(**given: object) -> Iterator[Instance]:
    child = subprocess.Popen(("sh", "-c", "echo up; exec sleep 600"), stdout=subprocess.PIPE, **given)  # type: ignore[call-overload]
    assert child.stdout is not None and child.stdout.readline() == b"up\n"
    try:
        yield Instance("v2", 1, Wanted(("sleep", "600"), "/"), Status(child.pid, start_of(child.pid), 1))
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


async def test_whose_processes_they_are_is_read_from_them(tmp_path: Path) -> None:
    with process() as ours:
        found = await ask("non-root", facts_of(tmp_path, instances=(ours,)))
        assert found.result is (Verdict.FAIL if os.geteuid() == 0 else Verdict.PASS)
    if os.geteuid() == 0:
        with process(user=65534) as nobody:
            found = await ask("non-root", facts_of(tmp_path, instances=(nobody,)))
            assert (found.result, found.said) == (Verdict.PASS, "1 processes run as nobody")
    before = await ask("non-root", facts_of(tmp_path))
    assert before.result is (Verdict.FAIL if os.geteuid() == 0 else Verdict.PASS) and "whoever deploys" in before.said


async def test_limits_are_those_of_the_process(tmp_path: Path) -> None:
    def limited(files: int) -> object:
        def set_limits() -> None:
            resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000))
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

        return set_limits

    for files, result, said in (
        (4096, Verdict.PASS, "memory at most 2000 MB, 4096 open files"), (64, Verdict.FAIL,
        "64 open files are few: 4096 and more")
    ):  # fmt: skip
        with process(preexec_fn=limited(files)) as one:
            found = await ask("resource-limits", facts_of(tmp_path, instances=(one,)))
            assert (found.result, found.said) == (result, said)
    assert (await ask("resource-limits", facts_of(tmp_path))).result is Verdict.COULD_NOT_ASK


async def test_what_is_wanted_and_does_not_run_or_was_started_over_and_over_is_named(tmp_path: Path) -> None:
    with process() as one:
        assert (await ask("services", facts_of(tmp_path, instances=(one,)))).said == "1 processes run"
        often = Instance("v2", 2, one.wanted, Status(one.status.pid, one.status.started, 7))
        found = await ask("services", facts_of(tmp_path, instances=(one, often)))
        assert (found.result, found.said) == (Verdict.FAIL, "v2 2 was started 7 times")
    found = await ask("services", facts_of(tmp_path, instances=(one,)))
    assert (found.result, found.said) == (Verdict.FAIL, "v2 1 does not run")


async def test_ports_that_others_reach_are_those_the_kernel_says(tmp_path: Path) -> None:
    with socket.socket() as open_to_all, socket.socket() as within:
        open_to_all.bind(("0.0.0.0", 0))
        within.bind(("127.0.0.1", 0))
        for one in (open_to_all, within):
            one.listen()
        port, loopback = open_to_all.getsockname()[1], within.getsockname()[1]
        undeclared = await ask("network", facts_of(tmp_path))
        assert undeclared.result is Verdict.UNCLEAR
        assert str(port) in undeclared.said and str(loopback) not in undeclared.said
        strict = await ask("network", facts_of(tmp_path, declared={"ports": ()}, listen="0.0.0.0:8080"))
        assert strict.result is Verdict.FAIL and str(port) in strict.said
        everything = tuple(range(1, 65536))
        assert (await ask("network", facts_of(tmp_path, declared={"ports": everything}))).result is Verdict.PASS


@pytest.mark.parametrize("six", ["::", "::1"])
async def test_and_of_ipv6_too(tmp_path: Path, six: str) -> None:
    with socket.socket(socket.AF_INET6) as one:
        try:
            one.bind((six, 0))
        except OSError:
            assert not Path("/proc/net/if_inet6").exists() or not Path("/proc/net/if_inet6").read_text().strip()
            return
        one.listen()
        said = (await ask("network", facts_of(tmp_path))).said
        assert (str(one.getsockname()[1]) in said) is (six == "::")


async def test_ports_of_the_host_target_are_free_or_its_own(tmp_path: Path) -> None:
    assert (await ask("ports", facts_of(tmp_path))).result is Void.NOT_APPLICABLE
    first = free_ports(4)
    given = {"listen": f"127.0.0.1:{first}", "first_port": first + 1, "slots": 2}
    assert (await ask("ports", facts_of(tmp_path, **given))).result is Verdict.PASS
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first))
        taken.listen()
        found = await ask("ports", facts_of(tmp_path, **given))
        assert (found.result, found.said) == (Verdict.FAIL, f"127.0.0.1:{first} is taken by another program.")


async def test_room_machine_and_space_are_figures(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, settings=settings_of(tmp_path))
    for name, word in (("room", "GB of disk free"), ("machine", "processors"), ("space", "database: ")):
        found = await ask(name, facts)
        assert found.result in (Verdict.PASS, Verdict.FAIL) and word in found.said


async def test_a_service_whose_clock_is_off_is_not_in_step(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    for date, result in (
        ("", Verdict.COULD_NOT_ASK), (format_datetime(now, usegmt=True), Verdict.PASS),
        (format_datetime(now + timedelta(minutes=2), usegmt=True), Verdict.FAIL), ("yesterday", Verdict.COULD_NOT_ASK),
    ):  # fmt: skip
        async with answering(lambda _: (200, "{}"), headers=f"date: {date}\r\n" if date else "") as url:
            found = await ask("clocks", facts_of(tmp_path, url=url))
            assert found.result is result, (date, found.said)
