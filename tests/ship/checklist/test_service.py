"""A real Fairlead service, looked at as a list looks at it; and servers that are not well."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fairlead.ship.checklist.answer import Void
from fairlead.ship.host.instances import Instance, Status, Wanted
from fairlead.ship.verdict import Verdict
from tests.api.serving import listening, serving
from tests.ship.checklist.asking import ask, facts_of, settings_of


async def greet(input: Any) -> str:
    return "hi"


@asynccontextmanager
async def answering(
    answers: Callable[[str], tuple[int, str]], *, tls: ssl.SSLContext | None = None, headers: str = ""
) -> AsyncIterator[str]:
    """A server that answers each path with a status and a body."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).decode("latin-1").partition(" ")[2].partition(" ")[0]
        while (await reader.readline()).strip():
            pass
        status, body = answers(path)
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-length: {len(body.encode())}\r\n"
            f"connection: close\r\n{headers}\r\n{body}".encode()
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"{'https://localhost' if tls else 'http://127.0.0.1'}:{port}"


async def test_a_served_fairlead_is_well_and_lets_no_stranger_in(tmp_path: Path) -> None:
    async with serving({"greet": greet}, keys=("k" * 20,)) as api, listening(api.app) as url:
        facts = facts_of(tmp_path, url=url)
        health = await ask("health", facts)
        assert (health.result, health.said) == (Verdict.PASS, "live, ready and healthy")
        access = await ask("access", facts)
        assert (access.result, access.said) == (Verdict.PASS, "/runs answers 401 to whoever has no key")


async def test_one_that_shows_its_runs_to_everybody_fails(tmp_path: Path) -> None:
    async with serving({"greet": greet}) as api, listening(api.app) as url:
        assert (await ask("access", facts_of(tmp_path, url=url))).result is Verdict.FAIL


async def test_a_degraded_part_is_named_and_does_not_pass(tmp_path: Path) -> None:
    async with serving({"greet": greet}, workers=0) as api, listening(api.app) as url:
        await api.json("POST", "/runs", {"assistant_id": "greet"})
        found = await ask("health", facts_of(tmp_path, url=url))
        assert found.result is Verdict.UNCLEAR and "queue: 1 runs wait; no living worker serves 1" in found.said


async def test_an_endpoint_that_does_not_answer_well_fails_and_none_at_all_could_not_be_asked(tmp_path: Path) -> None:
    for broken in ("/health/live", "/health/ready", "/health"):
        async with answering(lambda path, broken=broken: (503 if path == broken else 200, "{}")) as url:
            found = await ask("health", facts_of(tmp_path, url=url))
            assert found.result is Verdict.FAIL and f"{broken} answers 503" in found.said
    gone = await ask("health", facts_of(tmp_path, url="http://127.0.0.1:9"))
    assert gone.result is Verdict.COULD_NOT_ASK
    unknown = await ask("health", facts_of(tmp_path))
    assert unknown.result is Verdict.COULD_NOT_ASK and "--url URL" in unknown.said


async def test_a_server_that_never_answers_is_left_in_time(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        from_now = asyncio.get_running_loop().time()
        declared = {"timeout": _seconds(1)}
        assert (await ask("health", facts_of(tmp_path, url=url, declared=declared))).result is Verdict.COULD_NOT_ASK
        assert asyncio.get_running_loop().time() - from_now < 5


def _seconds(count: float) -> Any:
    return timedelta(seconds=count)


METRICS = """\
# HELP http_requests_total Requests answered.
# TYPE http_requests_total counter
http_requests_total{{endpoint="/runs",method="GET",status_code="200"}} {good}
http_requests_total{{endpoint="/runs",method="GET",status_code="503"}} {bad}
http_requests_total{{endpoint="/health/live",method="GET",status_code="200"}} 100000.0
# HELP http_request_duration_seconds Time to answer.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{{endpoint="/runs",le="0.1",method="GET"}} {fast}
http_request_duration_seconds_bucket{{endpoint="/runs",le="1.0",method="GET"}} {good}
http_request_duration_seconds_bucket{{endpoint="/runs",le="+Inf",method="GET"}} {good}
# HELP ai_requests_total Model calls that ended.
# TYPE ai_requests_total counter
ai_requests_total{{service="openai",status="ok"}} {good}
ai_requests_total{{service="openai",status="error"}} {bad}
"""


@pytest.mark.parametrize(
    ("good", "bad", "fast", "results"),
    [
        (1000, 5, 990, (Verdict.PASS, Verdict.PASS, Verdict.PASS)),
        (1000, 60, 940, (Verdict.FAIL, Verdict.FAIL, Verdict.FAIL)),
        (10, 0, 10, (Verdict.UNCLEAR, Verdict.UNCLEAR, Verdict.UNCLEAR)),
        (0, 0, 0, (Verdict.UNCLEAR, Verdict.UNCLEAR, Verdict.UNCLEAR)),
    ],
)
async def test_rates_and_times_are_beside_their_level_and_few_say_nothing(
    tmp_path: Path, good: int, bad: int, fast: int, results: tuple[Verdict, ...]
) -> None:
    body = METRICS.format(good=float(good), bad=float(bad), fast=float(fast))
    async with answering(lambda path: (200, body) if path == "/metrics" else (404, "")) as url:
        facts = facts_of(tmp_path, url=url, agents=("greet",))
        found = [await ask(name, facts) for name in ("error-rate", "response-times", "model-calls")]
    assert tuple(one.result for one in found) == results, [one.said for one in found]


async def test_metrics_of_a_real_service_can_be_read(tmp_path: Path) -> None:
    async with (
        serving(
            {"greet": greet}, app={"metrics": lambda: METRICS.format(good=200.0, bad=1.0, fast=200.0).encode()}
        ) as api,
        listening(api.app) as url,
    ):
        assert (await ask("error-rate", facts_of(tmp_path, url=url))).said == (
            "0.50% of 201 requests failed, at most 1%"
        )


async def test_what_is_not_whole_again_is_not_recovered_and_what_is_a_person_must_say(tmp_path: Path) -> None:
    async with serving({"greet": greet}) as api, listening(api.app) as url:
        facts = facts_of(tmp_path, url=url)
        good = await ask("recovery", facts)
        smoke = await ask("smoke", facts)
    assert smoke.result is Verdict.PASS or "console" in smoke.said
    assert good.result is Verdict.UNCLEAR and "a person must say" in good.said
    assert (await ask("recovery", facts)).result is Verdict.COULD_NOT_ASK


# TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], tuple[Path, ssl.SSLContext]]]:
    folder = tmp_path_factory.mktemp("tls")

    def make(days: int) -> tuple[Path, ssl.SSLContext]:
        key, certificate = folder / f"{days}.key", folder / f"{days}.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             str(days), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key),
             "-out",
             str(certificate)],
            check=True, capture_output=True,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return certificate, context

    yield make


async def test_tls_wants_a_certificate_that_is_vouched_for_and_lasts(
    tmp_path: Path, certificates: Callable[[int], tuple[Path, ssl.SSLContext]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for days, result, said in (
        (90, Verdict.PASS, "TLSv1.3, certificate until"),
        (5, Verdict.FAIL, "that is in 4 days"),
    ):
        certificate, context = certificates(days)
        async with answering(lambda _: (200, ""), tls=context) as url:
            stranger = await ask("tls", facts_of(tmp_path, url=url))
            assert stranger.result is Verdict.FAIL and "is not good: self-signed" in stranger.said
            with monkeypatch.context() as within:
                within.setenv("SSL_CERT_FILE", str(certificate))
                found = await ask("tls", facts_of(tmp_path, url=url))
            assert found.result is result and said in found.said, found.said


async def test_without_tls_it_fails_and_where_nothing_listens_it_could_not_be_asked(tmp_path: Path) -> None:
    assert (await ask("tls", facts_of(tmp_path, url="http://shop.example"))).result is Verdict.FAIL
    assert (await ask("tls", facts_of(tmp_path, url="https://127.0.0.1:9"))).result is Verdict.COULD_NOT_ASK


async def test_a_server_that_does_not_speak_tls_fails(tmp_path: Path) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        found = await ask("tls", facts_of(tmp_path, url=url))
        assert found.result is Verdict.FAIL and "speaks no TLS" in found.said


# Logs


async def test_logs_are_what_the_processes_wrote(tmp_path: Path) -> None:
    instance = Instance("v2", 1, Wanted(("x",), "/"), Status())
    facts = facts_of(tmp_path, instances=(instance,), logs=tmp_path, settings=settings_of(tmp_path))
    assert "nothing is written yet" in (await ask("structured-logs", facts)).said
    log = tmp_path / "v2-1.log"
    log.write_text('{"event":"a"}\n{"event":"b"}\n')
    assert (await ask("structured-logs", facts)).said == "the last lines of 1 logs are JSON"
    log.write_text('{"event":"a"}\nTraceback (most recent call last):\n')
    found = await ask("structured-logs", facts)
    assert (found.result, found.said) == (Verdict.FAIL, "v2-1.log: 1 of 2 lines are no JSON.")


async def test_before_the_first_deploy_there_is_no_health_to_ask_for(tmp_path: Path) -> None:
    class Nothing:
        async def stable(self) -> None:
            return None

    assert (await ask("served-health", facts_of(tmp_path, ledger=Nothing()))).result is Void.NOT_APPLICABLE
    assert (await ask("served-health", facts_of(tmp_path))).result is Verdict.COULD_NOT_ASK
