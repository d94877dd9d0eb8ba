"""Alerts as Prometheus's rules, and as promtool's tests of them. Both are YAML as people write it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from fairlead.operate.monitoring.alerts import ALERTS, Alert, Case, Exporter, Profile


def rules_of(exporter: Exporter, profile: Profile, *, runbooks: str = "") -> str:
    """The file of the rules that live on what this one tells. `runbooks`: where they are served, to be linked to; else
    an alert says which file it is."""
    lines = ["groups:", f"  - name: {exporter.value}", "    rules:"]
    for alert in ALERTS:
        if alert.exporters[0] is exporter:
            lines += _rule(alert, profile, runbooks)
    return "\n".join(lines) + "\n"


def tests_of(exporter: Exporter, rule_file: str) -> str:
    """Each rule where it fires, and where it does not."""
    lines = ["rule_files:", f"  - {rule_file}", "evaluation_interval: 1m", "tests:"]
    for alert in ALERTS:
        if alert.exporters[0] is exporter:
            lines += _test(alert, alert.fires, fires=True) + _test(alert, alert.quiet, fires=False)
            if Exporter.FAIRLEAD is exporter and alert.name != "ServiceDown":
                lines += _test(alert, Case(alert.fires.at, (("up", "1x30"),)), fires=False)  # no traffic at all
    return "\n".join(lines) + "\n"


def _rule(alert: Alert, profile: Profile, runbooks: str) -> Iterator[str]:
    yield f"      - alert: {alert.name}"
    yield f"        expr: {_text(alert.expression(profile))}"
    yield f"        for: {alert.held}"
    yield f"        labels: {{severity: {alert.severity.value}, service: fairlead}}"
    yield "        annotations:"
    yield f"          summary: {_text(alert.summary)}"
    if profile is Profile.STANDARD or not alert.strict:  # it tells the threshold
        yield f"          description: {_text(alert.description)}"
    page = f"{alert.name}.md"
    where = f"runbook_url: {_text(f'{runbooks}/{page}')}" if runbooks else f"runbook: runbooks/{page}"
    yield f"          {where}"


def _test(alert: Alert, case: Case, *, fires: bool) -> list[str]:
    lines = [f"  - name: {alert.name} {'fires' if fires else 'is quiet'}", "    interval: 1m", "    input_series:"]
    for series, values in case.series:
        lines.append(f"      - {{series: {_text(series)}, values: {_text(values)}}}")
    asked = f'count(ALERTS{{alertname="{alert.name}", alertstate="firing"}})'
    expected = "[{labels: '{}', value: 1}]" if fires else "[]"
    lines.append(f"    promql_expr_test: [{{expr: {_text(asked)}, eval_time: {case.at}m, exp_samples: {expected}}}]")
    return lines


def exporters() -> Sequence[Exporter]:
    """Those that a rule lives on, in the order of the alerts."""
    return tuple(dict.fromkeys(alert.exporters[0] for alert in ALERTS))


def _text(value: str) -> str:
    """A string of JSON is one of YAML."""
    return json.dumps(value, ensure_ascii=False)
