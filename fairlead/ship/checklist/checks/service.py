"""The service as callers see it: over HTTP, and by its own /metrics."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from fairlead.ship.checklist.answer import Found, Void
from fairlead.ship.checklist.checks.telemetry import reach
from fairlead.ship.checklist.facts import CouldNotAsk, Facts
from fairlead.ship.evidence import quantile
from fairlead.ship.host.latency import histogram_of
from fairlead.ship.smoke import smoke as try_service
from fairlead.ship.verdict import Verdict

_ENOUGH = 100  # requests, before a rate says anything
_ERROR_RATE = 0.01
_API_P95 = 0.5  # seconds
_QUERY_P95 = 0.1
_CALLS = 20
_CALLS_FAILED = 0.05
_EXPIRES_SOON = timedelta(days=14)
_LINES = 20
_TAIL = 64_000  # bytes of a log
_OURS = ("/health", "/metrics")  # asked by whoever watches, and not by callers


async def health(facts: Facts) -> Found:
    """Each endpoint; that of all parts must say healthy, or degraded with what is."""
    base = facts.service()
    for path in ("/health/live", "/health/ready"):
        reply = await facts.get(base + path)
        if reply.status != 200:
            return Found(Verdict.FAIL, f"{path} answers {reply.status}: {reply.text[:200]}", base + path)
    reply = await facts.get(base + "/health")
    said = _object(reply.text)
    unwell = [f"{name}: {part.get('message', '')}" for name, part in said.get("components", {}).items()
              if part.get("status") in ("unhealthy", "degraded")]  # fmt: skip
    if reply.status != 200:
        return Found(Verdict.FAIL, f"/health answers {reply.status}. {'; '.join(unwell)}", base + "/health")
    if unwell:
        return Found(Verdict.UNCLEAR, f"it answers, but is degraded: {'; '.join(unwell)}", base + "/health")
    return Found(Verdict.PASS, f"live, ready and {said.get('status', 'answering')}", base + "/health")


async def smoke(facts: Facts) -> Found:
    base = facts.service()
    found = await try_service(base, facts.smoke)
    return Found(found[0].verdict, found[0].said, base)


async def recovery(facts: Facts) -> Found:
    """The machine can see that it is not well; that all is well for everybody it can't."""
    for look in (health, smoke):
        found = await look(facts)
        if found.result is not Verdict.PASS:
            return found
    return Found(
        Verdict.UNCLEAR, "Health and smoke tests pass. Whether it is so for everybody, a person must say.", facts.url
    )


async def tls(facts: Facts) -> Found:
    """The certificate is valid for the name and for two weeks, and nothing older than TLS 1.2 is spoken."""
    base = facts.declared.url or facts.service()
    parts = urlsplit(base)
    if parts.scheme != "https":
        return Found(Verdict.FAIL, f"{base} is not https: who is on the way reads along.", base)
    host, port = parts.hostname or "", parts.port or 443
    await reach(base, seconds=facts.declared.timeout.total_seconds() / 2)
    context = ssl.create_default_context()
    try:
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        return Found(Verdict.FAIL, f"The certificate of {host} is not good: {error.verify_message}.", base)
    except OSError as error:
        why = error.reason if isinstance(error, ssl.SSLError) else str(error)
        return Found(Verdict.FAIL, f"{host}:{port} speaks no TLS that is safe: {why or type(error).__name__}.", base)
    certificate: Any = writer.get_extra_info("peercert")
    spoken = writer.get_extra_info("ssl_object").version()
    writer.transport.abort()
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    left = ends - facts.clock.now()
    said = f"{spoken}, certificate until {ends:%Y-%m-%d}"
    if left < _EXPIRES_SOON:
        return Found(Verdict.FAIL, f"{said}: that is in {left.days} days.", base)
    return Found(Verdict.PASS, said, base)


async def access(facts: Facts) -> Found:
    """A stranger must be turned away."""
    reply = await facts.get(facts.service() + "/runs")
    if reply.status in (401, 403):
        return Found(Verdict.PASS, f"/runs answers {reply.status} to whoever has no key", reply.url)
    if reply.status == 200:
        return Found(Verdict.FAIL, "/runs shows everything to whoever asks, without a key.", reply.url)
    return Found(Verdict.UNCLEAR, f"/runs answers {reply.status} to whoever has no key.", reply.url)


async def structured_logs(facts: Facts) -> Found:
    """What its processes have written; before there are any, what they are set to."""
    read = {path.name: lines for path in _logs(facts) if (lines := _last_lines(path))}
    if not read:
        kind = facts.known_settings().telemetry.log_format.value
        if kind == "console":
            return Found(Verdict.FAIL, "FAIRLEAD_LOG_FORMAT is console.", "FAIRLEAD_LOG_FORMAT")
        return Found(Verdict.PASS, f"FAIRLEAD_LOG_FORMAT is {kind}; nothing is written yet", "FAIRLEAD_LOG_FORMAT")
    for name, lines in read.items():
        if loose := [line for line in lines if not _object(line)]:
            return Found(Verdict.FAIL, f"{name}: {len(loose)} of {len(lines)} lines are no JSON.", name)
    return Found(Verdict.PASS, f"the last lines of {len(read)} logs are JSON", str(facts.logs))


async def response_times(facts: Facts) -> Found:
    """P95 of what callers asked, beside the service level."""
    text, url = await _metrics(facts)
    histogram = histogram_of(text)
    count = sum(histogram.values())
    p95 = quantile(histogram, 0.95)
    if p95 is None or count < _ENOUGH:
        return Found(Verdict.UNCLEAR, f"{count} requests since it was started: too few to say.", url)
    said = f"p95 at most {p95:g} s of {count} requests, the level is {_API_P95:g} s"
    return Found(Verdict.PASS if p95 <= _API_P95 else Verdict.FAIL, said, url)


async def error_rate(facts: Facts) -> Found:
    text, url = await _metrics(facts)
    of, bad = 0.0, 0.0
    for one in _samples(text, "http_requests_total"):
        if not one.labels.get("endpoint", "").startswith(_OURS):
            of += one.value
            bad += one.value if one.labels.get("status_code", "").startswith("5") else 0
    return _rate(of, bad, "requests", most=_ERROR_RATE, enough=_ENOUGH, url=url)


async def model_calls(facts: Facts) -> Found:
    text, url = await _metrics(facts)
    if not facts.agents and not list(_samples(text, "ai_requests_total")):
        return Found(Void.NOT_APPLICABLE, "The project declares no agents: no models are called.")
    calls = [(one.labels.get("status"), one.value) for one in _samples(text, "ai_requests_total")]
    bad = sum(value for status, value in calls if status not in ("ok", "success"))
    return _rate(sum(v for _, v in calls), bad, "model calls", most=_CALLS_FAILED, enough=_CALLS, url=url)


async def query_times(facts: Facts) -> tuple[float, int] | None:
    """P95 in seconds of the service's database queries, and how many; None: too few."""
    text, _ = await _metrics(facts)
    upto: dict[float, float] = {}
    for one in _samples(text, "database_query_seconds_bucket"):
        end = float(one.labels["le"].replace("+Inf", "inf"))
        upto[end] = upto.get(end, 0.0) + one.value
    total = int(upto.get(float("inf"), 0))
    if total < _ENOUGH:
        return None
    return next(end for end in sorted(upto) if upto[end] >= 0.95 * total), total


async def _metrics(facts: Facts) -> tuple[str, str]:
    url = f"{facts.service()}/metrics"
    reply = await facts.get(url, headers={"x-api-key": key} if (key := facts.key) else {})
    if reply.status in (401, 403):
        raise CouldNotAsk(f"{url} wants a key: set FAIRLEAD_API_KEY.")
    if reply.status != 200:
        raise CouldNotAsk(f"{url} answers {reply.status}.")
    return reply.text, url


def _rate(of: float, bad: float, what: str, *, most: float, enough: int, url: str) -> Found:
    if of < enough:
        return Found(Verdict.UNCLEAR, f"{of:.0f} {what} since it was started: too few to say.", url)
    said = f"{bad / of:.2%} of {of:.0f} {what} failed, at most {most:.0%}"
    return Found(Verdict.PASS if bad / of < most else Verdict.FAIL, said, url)


def _samples(text: str, name: str) -> Iterator[Sample]:
    try:
        for family in text_string_to_metric_families(text):
            yield from (one for one in family.samples if one.name == name)
    except ValueError as error:
        raise CouldNotAsk(f"The metrics can't be read: {error}.") from None


def _logs(facts: Facts) -> list[Any]:
    if facts.logs is None:
        return []
    names = [f"{one.build}-{one.number}.log" for one in facts.instances]
    return [path for name in names if (path := facts.logs / name).is_file()]


def _last_lines(path: Any) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return [line for line in lines if line.strip()][-_LINES:]


def _object(text: str) -> dict[str, Any]:
    try:
        found: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
