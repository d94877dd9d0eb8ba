"""Every item of the notes is there, and nothing in the lists hangs loose."""

from __future__ import annotations

import re

import pytest

from fairlead.errors import NotFound
from fairlead.ship.checklist.checks import CHECKS, RUN_COMMANDS
from fairlead.ship.checklist.items import ITEMS, ListName, item_of, items_of, list_of

# As the notes have them, each with the item that stands for it, in their order.
NOTES = {
    ListName.RELEASE: {
        "tests pass": "release-tests",
        "coverage >= 80 %": "release-coverage",
        "security scan clean": "release-security-scan",
        "performance test passed": "release-performance",
        "changelog and docs updated": "release-changelog",
        "migration guide when something breaks": "release-migration-guide",
        "version bumped": "release-version",
        "tag": "release-tag",
        "image built and scanned": "release-image",
        "package built": "release-package",
    },
    ListName.DEPLOY: {
        "image built and tested": "image",
        "settings complete for the environment": "settings",
        "secrets from a manager, none in code or image": "secrets",
        "health endpoints answer": "health",
        "resource limits set": "resource-limits",
        "autoscaling set": "autoscaling",
        "network least privilege": "network",
        "WAF or rate limit on": "rate-limit",
        "runs as non-root": "non-root",
        "TLS": "tls",
        "structured logs": "structured-logs",
        "metrics scraped": "metrics",
        "dashboard present": "dashboard",
        "alert rules loaded": "alert-rules",
        "traces on": "traces",
        "breaker and fallback configured": "fallback",
        "checkpoint and resume tested": "resume",
        "rollback documented and tried": "rollback",
        "budgets and cost alerts set": "budgets",
        "model routing and cache set": "routing-and-cache",
        "unit, integration, evaluation and load tests passed": "all-tests",
        "code reviewed": "review",
        "migration tested both ways": "migration",
        "external services reachable": "external-services",
        "current data backed up and the backup verified": "backup",
        "monitoring ready": "monitoring",
        "people informed": "people-informed",
    },
    ListName.DURING: {
        "database backup taken": "during-backup",
        "strategy carried out": "during-strategy",
        "health passed": "during-health",
        "dashboard looked at": "during-dashboard",
        "log aggregation works": "during-logs",
    },
    ListName.AFTER: {
        "functional (smoke) tests": "after-smoke",
        "performance watched": "after-performance",
        "error rate": "after-errors",
        "user impact": "after-users",
        "docs": "after-docs",
    },
    ListName.GOING_LIVE: {
        "managed cluster": "live-cluster",
        "several zones": "live-zones",
        "quotas": "live-quotas",
        "network policies": "live-network-policies",
        "keys in a secret manager": "live-secrets",
        "TLS": "live-tls",
        "RBAC": "live-rbac",
        "audit log on": "live-audit",
        "image scan": "live-image-scan",
        "HPA": "live-hpa",
        "PDB": "live-pdb",
        "probes": "live-probes",
        "limits": "live-limits",
        "Prometheus": "live-prometheus",
        "Grafana": "live-grafana",
        "alerts": "live-alerts",
        "tracing": "live-tracing",
        "backups scheduled": "live-backups",
        "restore tested": "live-restore",
        "disaster plan written": "live-disaster-plan",
    },
    ListName.DAILY: {
        "CPU, memory, disk": "daily-machine",
        "services up, no odd restarts": "daily-services",
        "response times": "daily-response-times",
        "error rates": "daily-error-rates",
        "model-call success": "daily-model-calls",
        "database pool and slow queries": "daily-database",
        "backups succeeded": "daily-backups",
        "free space": "daily-space",
        "security log": "daily-security-log",
    },
    ListName.INCIDENT: {
        "scope confirmed": "incident-scope",
        "right people alerted": "incident-alerted",
        "users told if needed": "incident-users-told",
        "mitigation in place": "incident-mitigation",
        "cause found": "incident-cause",
        "fix made and verified": "incident-fix",
        "full recovery confirmed": "incident-recovery",
        "report written": "incident-report",
        "prevention decided": "incident-prevention",
    },
}
BEYOND = {"database", "schema", "room", "clocks", "ports"}  # what the notes have not


@pytest.mark.parametrize("name", ListName)
def test_each_item_of_the_notes_is_one_of_its_list_in_their_order(name: ListName) -> None:
    assert [one.id for one in items_of(name) if one.id not in BEYOND] == list(NOTES[name].values())


def test_none_is_there_twice_and_none_hangs_loose() -> None:
    ids = [one.id for one in ITEMS]
    assert len(ids) == len(set(ids)) == sum(map(len, NOTES.values())) + len(BEYOND)
    for one in ITEMS:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", one.id)
        assert one.text.endswith(".") and one.mend, one.id
        assert one.check or one.question, f"{one.id} is neither looked at nor asked"
        assert one.question is None or one.question.text.endswith("?"), one.id


def test_every_check_that_an_item_names_is_there_and_every_check_is_used() -> None:
    named = {one.check for one in ITEMS if one.check}
    assert named == set(CHECKS)
    assert named >= RUN_COMMANDS


def test_what_asks_commands_of_the_project_may_take_as_long_as_they_do() -> None:
    """A check that runs one and is bounded as the others are would be cut off before its command."""
    assert {one.check for one in ITEMS if one.id in ("release-tests", "all-tests", "backup", "migration", "image")} <= (
        RUN_COMMANDS
    )


def test_lists_and_items_that_are_not_there_are_said_to_be_unknown() -> None:
    assert list_of("going_live") is list_of("going-live") is ListName.GOING_LIVE
    with pytest.raises(NotFound, match="no checklist 'weekly'"):
        list_of("weekly")
    with pytest.raises(NotFound, match="No checklist has an item 'luck'"):
        item_of("luck")
