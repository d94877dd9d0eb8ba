"""The checks, by the names that items call them by. Each takes `Facts` and gives what it found.

A new one is a function in the module of its theme, and a line here.
"""

from __future__ import annotations

from collections.abc import Mapping

from fairlead.ship.checklist.answer import Found, Void
from fairlead.ship.checklist.checks import code, configuration, data, host, release, secret, service, telemetry
from fairlead.ship.checklist.facts import Check, Facts


def _one_host(why: str) -> Check:
    """What can't be on the only target there is."""

    async def look(facts: Facts) -> Found:
        return Found(Void.NOT_APPLICABLE, f"Releases run on one host: {why}.")

    return look


def _once_served(check: Check) -> Check:
    """Of what is served now: before we deploy here for the first time there is nothing, and each release is tried
    before it is routed to."""

    async def look(facts: Facts) -> Found:
        ours = facts.listen or not facts.url
        if ours and not facts.instances and facts.ledger is not None and await facts.ledger.stable() is None:
            return Found(Void.NOT_APPLICABLE, "Nothing was deployed here yet.")
        return await check(facts)

    return look


CHECKS: Mapping[str, Check] = {
    # code
    "tests": code.command("tests"),
    "coverage": code.coverage,
    "security": code.command("security"),
    "performance": code.command("performance"),
    "all-tests": code.all_tests,
    "resume": code.command("resume"),
    "image-test": code.image_test,
    "image-scan": code.image_scan,
    # the release of the project
    "changelog": release.changelog,
    "migration-guide": release.migration_guide,
    "version": release.version,
    "tag": release.tag,
    "package": release.package,
    # settings
    "settings": configuration.settings,
    "secrets": secret.secrets,
    "rate-limit": configuration.rate_limit,
    "fallback": configuration.fallback,
    "budgets": configuration.budgets,
    "routing-and-cache": configuration.routing_and_cache,
    # the service
    "health": service.health,
    "served-health": _once_served(service.health),
    "smoke": service.smoke,
    "recovery": service.recovery,
    "tls": service.tls,
    "access": service.access,
    "structured-logs": service.structured_logs,
    "response-times": service.response_times,
    "error-rate": service.error_rate,
    "model-calls": service.model_calls,
    # what watches it
    "metrics-scraped": telemetry.metrics_scraped,
    "served-metrics": _once_served(telemetry.metrics_scraped),
    "alert-rules": telemetry.alert_rules,
    "dashboard": telemetry.dashboard,
    "monitoring": telemetry.monitoring,
    "log-aggregation": telemetry.log_aggregation,
    "traces": telemetry.traces,
    # the host
    "non-root": host.non_root,
    "resource-limits": host.resource_limits,
    "room": host.room,
    "clocks": host.clocks,
    "ports": host.ports,
    "network": host.network,
    "machine": host.machine,
    "space": host.space,
    "services": host.services,
    "backups-scheduled": host.backups_scheduled,
    # data
    "database": data.database,
    "schema": data.schema,
    "migration": data.migration,
    "database-load": data.database_load,
    "audit-log": data.audit_log,
    "security-log": data.security_log,
    "rollback": data.rollback,
    "strategy": data.strategy,
    "external-services": data.external_services,
    "backup-verified": data.backed_up,
    "restore-tested": code.command("restore-test"),
    # what one host can't have
    "autoscaling": _one_host("it has a fixed number of instances"),
    "managed-cluster": _one_host("there is no cluster"),
    "zones": _one_host("it stands in one zone, and fails with it"),
    "disruption-budget": _one_host("nothing else moves its processes; a deploy drains them"),
}
RUN_COMMANDS = frozenset((
    "tests", "coverage", "security", "performance", "all-tests", "resume", "image-test", "image-scan", "changelog",
    "migration",
    "backup-verified", "restore-tested",
))  # fmt: skip
"""They end when their command does, or after `command_timeout`."""
