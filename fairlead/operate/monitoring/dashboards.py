"""Grafana's dashboards, as values: a row of panels after the other, laid out by themselves.

The JSON is Grafana's dashboard model of schema 39 (https://grafana.com/docs/grafana/latest/reference/dashboard/).
Which Prometheus is asked is a variable; so is where the console is, to which tables and titles link.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_SCHEMA = 39
_WIDE = 24
_CONSOLE = "http://127.0.0.1:8000"
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_RATE = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Panel:
    """`queries`: (what is asked, what it is called). `kind`: timeseries, stat, piechart, gauge, bargauge. `limit`: from
    there on it is red."""

    title: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    limit: float | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    uid: str
    title: str
    rows: Sequence[tuple[str, Sequence[Panel]]]


def _quantiles(metric: str, by: str = "") -> list[tuple[str, str]]:
    group = f"le, {by}" if by else "le"
    return [
        (f"histogram_quantile({q / 100}, sum by ({group}) (rate({metric}_bucket[{_RATE}])))", f"P{q}")
        for q in (50, 95, 99)
    ]


def _rate(metric: str, by: str = "", where: str = "") -> str:
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{where}}}[{_RATE}]))"


_FAILED, _SERVER_ERROR = 'status=~"error|timeout"', 'status_code=~"5.."'
# Where nothing has failed yet there is no series of failures; where there is no traffic there is no rate.
_BAD_RUNS = f"({_rate('agent_requests_total', where=_FAILED)} or vector(0)) / {_rate('agent_requests_total')}"
_BAD_REQUESTS = f"({_rate('http_requests_total', where=_SERVER_ERROR)} or vector(0)) / {_rate('http_requests_total')}"
_COST = "sum(increase(agent_cost_usd_total[1h]))"

_BY_ROUTE = f"topk(10, {_rate('http_requests_total', 'endpoint')})"
_P95_BY_ROUTE = f"topk(10, {_quantiles('http_request_duration_seconds', 'endpoint')[1][0]})"

DASHBOARDS = (
    Dashboard("fairlead-overview", "Fairlead: overview", (
        ("Now", (
            Panel("Active agents", [("sum(active_agents)", "running")], kind="stat", width=4),
            Panel("Runs that wait", [("max(agent_queue_depth)", "waiting")], kind="stat", width=4, limit=500),
            Panel("Error rate of runs", [(_BAD_RUNS, "failed")], "percentunit", "stat", 4, 0.1),
            Panel("Cost of the last hour", [(_COST, "cost")], "currencyUSD", "stat", 4, 50),
            Panel("Providers that are usable", [("count(max by (provider) (llm_provider_healthy) == 1) or vector(0)",
                                                 "usable")], kind="stat", width=4),
            Panel("Processes", [('sum(up{job=~"fairlead.*"})', "up")], kind="stat", width=4),
        )),
        ("Work", (
            Panel("Runs that ended", [(_rate("agent_requests_total", "status"), "{{status}}")], "reqps"),
            Panel("How long they executed", _quantiles("agent_latency_seconds"), "s", limit=60),
            Panel("Hourly cost", [(_COST, "cost")], "currencyUSD", limit=50),
            Panel("Requests (QPS)", [(_rate("http_requests_total"), "requests")], "reqps"),
            Panel("Error rate", [(_BAD_RUNS, "runs"), (_BAD_REQUESTS, "requests")], "percentunit", limit=0.1),
            Panel("Tokens", [(_rate("ai_tokens_used_total", "model"), "{{model}}")], "short"),
        )),
    )),
    Dashboard("fairlead-agents", "Fairlead: agents and runs", (
        ("Runs", (
            Panel("Rate, by intent", [(_rate("agent_requests_total", "intent"), "{{intent}}")], "reqps"),
            Panel("Rate, by status", [(_rate("agent_requests_total", "status"), "{{status}}")], "reqps"),
            Panel("Error rate", [(_BAD_RUNS, "failed")], "percentunit", limit=0.1),
            Panel("P50, P95, P99", _quantiles("agent_latency_seconds"), "s", limit=60),
            Panel("Active agents", [("sum by (instance) (active_agents)", "{{instance}}")]),
            Panel("Runs that wait", [("max(agent_queue_depth)", "waiting")], limit=500),
        )),
        ("Steps and tools", (
            Panel("Steps of a run", _quantiles("agent_steps_count")),
            Panel("Tools", [("sum by (tool_name) (increase(agent_tool_calls_total[$__range]))", "{{tool_name}}")],
                  kind="piechart"),
            Panel("Tool calls that failed", [(_rate("agent_tool_calls_total", "tool_name", 'status!="ok"'),
                                              "{{tool_name}}")], "reqps"),
        )),
    )),
    Dashboard("fairlead-models", "Fairlead: models and cost", (
        ("Calls", (
            Panel("AI calls", [(_rate("ai_requests_total", "service"), "{{service}}")], "reqps"),
            Panel("AI calls, by how they ended", [(_rate("ai_requests_total", "status"), "{{status}}")], "reqps"),
            Panel("Providers", [("max by (provider) (llm_provider_healthy)", "{{provider}}")], kind="bargauge"),
        )),
        ("Cost", (
            Panel("Hourly cost", [(_COST, "cost")], "currencyUSD", limit=50),
            Panel("Cost of this period", [(_COST.replace("1h", "$__range"), "cost")], "currencyUSD", "stat"),
            Panel("Tokens, by model", [(_rate("ai_tokens_used_total", "model"), "{{model}}")]),
        )),
    )),
    Dashboard("fairlead-api", "Fairlead: API and database", (
        ("Requests", (
            Panel("QPS, by route", [(_BY_ROUTE, "{{endpoint}}")], "reqps"),
            Panel("P50, P95, P99", _quantiles("http_request_duration_seconds"), "s", limit=10),
            Panel("Error rate", [(_BAD_REQUESTS, "5xx")], "percentunit", limit=0.01),
            Panel("P95, by route", [(_P95_BY_ROUTE, "{{endpoint}}")], "s"),
            Panel("Status codes", [(_rate("http_requests_total", "status_code"), "{{status_code}}")], "reqps"),
            Panel("Open streams", [("sum(active_connections)", "streams")]),
        )),
        ("Database and webhooks", (
            Panel("Queries: P50, P95, P99", _quantiles("database_query_seconds"), "s", limit=0.1),
            Panel("Steps that were recorded", [(_rate("agent_steps_recorded_total"), "steps")], "reqps"),
            Panel("Webhooks", [(_rate("webhook_attempts_total", "result"), "{{result}}")], "reqps"),
        )),
    )),
)  # fmt: skip


def dashboard_json(board: Dashboard) -> str:
    made: list[dict[str, Any]] = []
    top = 0
    for title, panels in board.rows:
        made.append(
            {"type": "row", "title": title, "gridPos": _place(0, top, _WIDE, 1), "collapsed": False, "panels": []}
        )
        left, top, tallest = 0, top + 1, 0
        for one in panels:
            height = 4 if one.kind == "stat" and one.width < 8 else 8
            if left + one.width > _WIDE:
                left, top, tallest = 0, top + tallest, 0
            made.append(_panel(one) | {"gridPos": _place(left, top, one.width, height)})
            left, tallest = left + one.width, max(tallest, height)
        top += tallest
    numbered = [{"id": number, **one} for number, one in enumerate(made, 1)]
    return json.dumps(_whole(board, numbered), indent=2) + "\n"


def _whole(board: Dashboard, panels: list[dict[str, Any]]) -> dict[str, Any]:
    source: dict[str, Any] = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus",
                              "current": {}, "hide": 0, "refresh": 1, "regex": "", "options": []}  # fmt: skip
    console: dict[str, Any] = {"name": "console", "label": "Console", "type": "textbox", "query": _CONSOLE, "hide": 0,
                               "current": {"text": _CONSOLE, "value": _CONSOLE}}  # fmt: skip
    return {
        "uid": board.uid, "title": board.title, "tags": ["fairlead"], "schemaVersion": _SCHEMA, "version": 1,
        "editable": True, "graphTooltip": 1, "refresh": "30s", "time": {"from": "now-6h", "to": "now"}, "timezone": "",
        "templating": {"list": [source, console]}, "annotations": {"list": list[Any]()},
        "links": [{"type": "link", "title": "Console", "url": "${console}/console/runs", "targetBlank": True},
                  {"type": "dashboards", "title": "Fairlead", "tags": ["fairlead"], "asDropdown": True}],
        "panels": panels,
    }  # fmt: skip


def _panel(one: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if one.limit is not None:
        steps.append({"color": "red", "value": one.limit})
    defaults: dict[str, Any] = {"unit": one.unit, "thresholds": {"mode": "absolute", "steps": steps}, "min": 0}
    if one.kind == "timeseries":
        defaults["custom"] = {"fillOpacity": 8, "showPoints": "never", "spanNulls": False,
                              "thresholdsStyle": {"mode": "line" if one.limit is not None else "off"}}  # fmt: skip
    return {
        "type": one.kind, "title": one.title, "description": one.about, "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": list[Any]()},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": query, "legendFormat": name,
             "instant": one.kind != "timeseries", "range": one.kind == "timeseries"}
            for place, (query, name) in enumerate(one.queries)
        ],
    }  # fmt: skip


def _place(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}
