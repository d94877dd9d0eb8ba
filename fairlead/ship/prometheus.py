"""What a release did, as Prometheus knows it: for services that are scraped anyway, on whatever they run.

Four questions in PromQL, in which {build} stands for the release. Those that ship ask for the metrics of a Fairlead
service, with a label `release` on each: `scrape.json` in the folder of a host says where its processes are, with that
label, as Prometheus reads it (`file_sd_configs`).
"""

from __future__ import annotations

import asyncio
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from fairlead.errors import TargetUnavailable
from fairlead.ship.evidence import Histogram, unstacked
from fairlead.ship.verdict import Figures

_PATIENCE = 10.0
_MOST = 4_000_000  # bytes
_SERVED = 'release="{build}",endpoint!~"/(health|metrics).*"'


@dataclass(frozen=True, slots=True)
class Questions:
    """Counters since each process was started. `latency` and `cost` give one value for each `le`; empty: not asked."""

    requests: str = "sum(http_requests_total{" + _SERVED + "})"
    errors: str = "sum(http_requests_total{" + _SERVED + ',status_code=~"5.."}) or vector(0)'
    latency: str = "sum by (le) (http_request_duration_seconds_bucket{" + _SERVED + "})"
    cost: str = ""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """`headers`: sent with each question, such as a token."""

    url: str
    questions: Questions = Questions()
    headers: Mapping[str, str] | None = None

    async def figures(self, build: str) -> Figures | None:
        """None: it has no series of this release. Raises `TargetUnavailable`."""
        asked = self.questions
        requests = _number(await self._ask(asked.requests, build))
        errors = _number(await self._ask(asked.errors, build))
        if requests is None or errors is None:
            return None
        latency = histogram_of(await self._ask(asked.latency, build))
        return Figures(round(requests), round(errors), latency, histogram_of(await self._ask(asked.cost, build)))

    async def _ask(self, question: str, build: str) -> list[dict[str, Any]]:
        if not question:
            return []
        query = urllib.parse.urlencode({"query": question.replace("{build}", build)})
        return await asyncio.to_thread(self._get, f"{self.url.rstrip('/')}/api/v1/query?{query}")

    def _get(self, url: str) -> list[dict[str, Any]]:
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, headers=dict(self.headers or {})), timeout=_PATIENCE
            ) as answer:  # fmt: skip
                told: dict[str, Any] = orjson.loads(answer.read(_MOST))
            return told["data"]["result"]
        except urllib.error.HTTPError as error:
            raise TargetUnavailable(
                f"Prometheus at {self.url} answers {error.code}: {error.read(500).decode('utf-8', 'replace')}",
                hint="Is the query right? See [ship.prometheus].",
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TargetUnavailable(f"Prometheus does not answer at {self.url}.", hint=str(error)) from error


def histogram_of(series: list[dict[str, Any]]) -> Histogram:
    """Of one value for each `le`."""
    return unstacked({float(one["metric"]["le"]): float(one["value"][1]) for one in series})


def _number(series: list[dict[str, Any]]) -> float | None:
    value = float(series[0]["value"][1]) if series else math.nan
    return value if math.isfinite(value) else None
