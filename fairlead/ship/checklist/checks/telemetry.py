"""What watches the service: Prometheus, Alertmanager, Grafana, where logs and traces go. Each is asked itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import orjson

from fairlead.ship.checklist.answer import Found
from fairlead.ship.checklist.facts import CouldNotAsk, Facts
from fairlead.ship.verdict import Verdict

# Of those in people's runbooks, the ones without which nobody is told of an outage.
ALERTS = (
    "AgentHighErrorRate", "AgentHighLatency", "AgentCostExceeded", "AgentQueueDepthHigh", "AllLLMProvidersDown",
    "ServiceDown"
)  # fmt: skip
_TRACES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_DEFAULT_PORTS = {"http": 80, "https": 443}


async def metrics_scraped(facts: Facts) -> Found:
    """Prometheus itself says whether its last scrape of the service went well."""
    base = _set(facts.declared.prometheus, "prometheus")
    wanted = netloc_of(facts.service())
    answer = await _json(facts, f"{base}/api/v1/targets?state=active")
    targets = list(answer["data"]["activeTargets"])
    found = [one for one in targets if netloc_of(str(one["scrapeUrl"])) == wanted or wanted in _labels(one)]
    if not found:
        # Behind a proxy each instance is scraped by itself.
        ports = {one.wanted.port for one in facts.instances if one.wanted.port is not None}
        found = [one for one in targets if urlsplit(str(one["scrapeUrl"])).port in ports]
    if not found:
        return Found(Verdict.FAIL, f"None of the {len(targets)} targets of Prometheus is {wanted}.", f"{base}/targets")
    down = [one for one in found if one["health"] != "up"]
    if down:
        why = str(down[0].get("lastError") or f"it is {down[0]['health']}")
        waits = all(one["health"] == "unknown" for one in down)
        return Found(Verdict.UNCLEAR if waits else Verdict.FAIL, f"{down[0]['scrapeUrl']}: {why}", f"{base}/targets")
    return Found(
        Verdict.PASS, f"{len(found)} scraped, the last time at {found[0].get('lastScrape', '')[:19]}", f"{base}/targets"
    )


async def alert_rules(facts: Facts) -> Found:
    loaded = await rules(facts)
    base = facts.declared.prometheus
    wanted = ALERTS if facts.declared.alerts is None else facts.declared.alerts
    if missing := [name for name in wanted if name not in {one for one, _ in loaded}]:
        return Found(Verdict.FAIL, f"Not loaded: {', '.join(missing)}.", f"{base}/rules")
    if broken := [name for name, health in loaded if health == "err"]:
        return Found(Verdict.FAIL, f"Can't be evaluated: {', '.join(broken)}.", f"{base}/rules")
    return Found(Verdict.PASS, f"{len(loaded)} are loaded", f"{base}/rules")


async def rules(facts: Facts) -> list[tuple[str, str]]:
    """Each alert with its health. Raises `CouldNotAsk`."""
    base = _set(facts.declared.prometheus, "prometheus")
    answer = await _json(facts, f"{base}/api/v1/rules?type=alert")
    return [
        (str(rule["name"]), str(rule.get("health", "")))
        for group in answer["data"]["groups"]
        for rule in group["rules"]
    ]


async def dashboard(facts: Facts) -> Found:
    base = _set(facts.declared.grafana, "grafana")
    token = facts.environ.get("GRAFANA_TOKEN", "")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    words = facts.settings.app.name if facts.settings is not None else "fairlead"
    reply = await facts.get(f"{base}/api/search?{urlencode({'type': 'dash-db', 'query': words})}", headers=headers)
    if reply.status in (401, 403):
        raise CouldNotAsk(f"{base} lets nobody look without a token: set GRAFANA_TOKEN.")
    found = _parsed(reply.text, reply.url) if reply.status == 200 else None
    if not isinstance(found, list):
        raise CouldNotAsk(f"{reply.url} answers {reply.status}.")
    if not found:
        return Found(Verdict.FAIL, f"Grafana has no dashboard whose title holds {words!r}.", base)
    first = cast("list[dict[str, Any]]", found)[0]
    return Found(Verdict.PASS, f"{first['title']}", f"{base}{first.get('url', '')}")


async def monitoring(facts: Facts) -> Found:
    """Both are ready: a rule without Alertmanager tells nobody."""
    ready: list[str] = []
    for name, base in (("prometheus", facts.declared.prometheus), ("alertmanager", facts.declared.alertmanager)):
        reply = await facts.get(f"{_set(base, name)}/-/ready")
        if reply.status != 200:
            return Found(Verdict.FAIL, f"{name} is not ready: it answers {reply.status}.", reply.url)
        ready.append(name)
    return Found(Verdict.PASS, f"{' and '.join(ready)} are ready", facts.declared.alertmanager)


async def log_aggregation(facts: Facts) -> Found:
    """Loki has lines, and lately."""
    base = _set(facts.declared.logs, "logs")
    now = facts.clock.micros() * 1000
    query = urlencode({"start": now - 900_000_000_000, "end": now})
    answer = await _json(facts, f"{base}/loki/api/v1/series?{query}")
    series: list[Any] = answer.get("data") or []
    if not series:
        return Found(Verdict.FAIL, "No line has arrived in the last 15 minutes.", base)
    return Found(Verdict.UNCLEAR, f"{len(series)} series had lines in the last 15 minutes. Are ours among them?", base)


async def traces(facts: Facts) -> Found:
    given = {**facts.environ, **facts.ship_settings}
    name = next((one for one in _TRACES if given.get(one)), None)
    if name is None:
        raise CouldNotAsk(f"Traces go nowhere that is known: set {_TRACES[1]}.")
    where = await reach(given[name], seconds=facts.declared.timeout.total_seconds() / 2)
    return Found(Verdict.PASS, f"{where} takes connections", name)


async def reach(url: str, *, seconds: float) -> str:
    """HOST:PORT, once it has taken a connection. Raises `CouldNotAsk`."""
    parts = urlsplit(url if "//" in url else f"tcp://{url}")
    host, port = parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
    if not host or port is None:
        raise CouldNotAsk(f"{url!r} names no host and port.")
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        raise CouldNotAsk(f"{host}:{port} takes no connection within {seconds:g} s.") from None
    except OSError as error:
        raise CouldNotAsk(f"{host}:{port} takes no connection: {error.strerror or error}.") from None
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return f"{host}:{port}"


def netloc_of(url: str) -> str:
    """HOST:PORT in one form, so that two spellings of one address are the same."""
    parts = urlsplit(url)
    host = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}.get(parts.hostname or "", parts.hostname or "")
    return f"{host}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)}"


def _labels(target: Mapping[str, Any]) -> list[str]:
    return [str(value) for value in target.get("labels", {}).values()]


def _set(base: str, name: str) -> str:
    if not base:
        raise CouldNotAsk(f'Its address is not known: {name} = "http://HOST:PORT" under [checklist].')
    return base


async def _json(facts: Facts, url: str) -> Any:
    reply = await facts.get(url)
    if reply.status != 200:
        raise CouldNotAsk(f"{url} answers {reply.status}.")
    return _parsed(reply.text, url)


def _parsed(text: str, url: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise CouldNotAsk(f"{url} answers no JSON: is it what it is said to be?") from None
