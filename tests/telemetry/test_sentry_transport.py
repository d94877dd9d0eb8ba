"""Where the SDK's own client carries it: behind a proxy, with a certificate of ours, to a Sentry that moved."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.listening import listening
from tests.telemetry.sentry_server import SentryServer, sentry_server
from tests.telemetry.test_sentry import fail, speaking

OURS, THEIRS = "our connection", "the SDK's client"


def ways(server: SentryServer) -> list[str]:
    """By what each request came: the names of headers are written small by us, large by the SDK's client."""
    return [OURS if b"\r\ncontent-length: " in head else THEIRS for head in server.written[::2]]


async def test_what_needs_no_other_way_goes_by_ours() -> None:
    async with sentry_server() as server, speaking(server) as said:
        fail(said)
        await server.until("event")
    assert ways(server) == [OURS]


async def test_a_sentry_that_has_moved_is_gone_after_and_nothing_is_lost() -> None:
    async with sentry_server() as there, sentry_server() as here:
        here.status = f"307 Moved\r\nlocation: http://127.0.0.1:{there.port}/api/42/envelope/".encode()
        async with speaking(here) as said:
            fail(said, 1)
            await there.until("event")
            fail(said, 2)
            await there.until("event", 2)
    assert ways(here) == [OURS, THEIRS, THEIRS]
    assert ways(there) == [THEIRS, THEIRS]
    assert len({event["event_id"] for event in there.of("event")}) == 2
    assert said.told == []


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
async def test_a_proxy_is_asked_for_the_address_of_sentry(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for unset in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(unset, raising=False)
    async with sentry_server() as proxy:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        behind = SentryServer(host="sentry.invalid", port=80)
        async with speaking(behind) as said:
            fail(said)
            await proxy.until("event")
    assert proxy.written[0].startswith(b"POST http://sentry.invalid/api/42/envelope/ HTTP/1.1\r\n")
    assert ways(proxy) == [THEIRS]


async def test_where_the_proxy_is_not_to_be_asked_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async with sentry_server() as proxy, sentry_server() as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "127.0.0.1")
        async with speaking(server) as said:
            fail(said)
            await server.until("event")
    assert proxy.requests == 0
    assert ways(server) == [OURS]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the server and of who calls it, with its key; it vouches for itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_text(key.read_text() + cert.read_text())
    return both


@pytest.mark.parametrize("asks", [True, False])
async def test_a_sentry_over_tls_may_ask_for_a_certificate(
    asks: bool, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificate)
        monkeypatch.setenv("CLIENT_CERT_FILE", str(certificate))
        monkeypatch.setenv("CLIENT_KEY_FILE", str(certificate))
    server = SentryServer(scheme="https")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await server.serve(reader, writer)
        finally:
            writer.transport.abort()  # who has gone answers no goodbye, and TLS would wait for it

    async with listening(serve, tls=context) as server.port, speaking(server) as said:
        fail(said)
        await server.until("event")
    assert said.told == []
    assert ways(server) == [THEIRS if asks else OURS]
