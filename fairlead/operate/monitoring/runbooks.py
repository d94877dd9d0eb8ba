"""What whoever is woken reads: one page for each alert."""

from __future__ import annotations

from fairlead.operate.monitoring.alerts import Alert


def runbook_of(alert: Alert) -> str:
    strict = f"\n\nIn the strict profile: `{alert.strict}`" if alert.strict else ""
    commands, causes = "\n".join(alert.first), "\n".join(f"- {one}" for one in alert.causes)
    return (
        f"# {alert.name}\n\n{alert.meaning}\n\n## First five minutes\n\n```sh\n{commands}\n```\n\n{alert.triage}\n\n"
        f"## Why it may be so\n\n{causes}\n\n## When it is over\n\n{alert.over}\n\n## The rule\n\n"
        f"{alert.severity.value.capitalize()}, when it has held for {alert.held}. {alert.description} It lives on "
        f"{' and '.join(alert.exporters)}.\n\n    {alert.expr}{strict}\n"
    )
