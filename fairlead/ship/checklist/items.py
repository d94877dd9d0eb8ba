"""The seven lists, as values. What a machine can see it looks at; what it can't decide is asked of a person.

An item may have both: then the machine looks first, and the person is asked only where it could not say.
"""

from __future__ import annotations

# long: the lists are declared here and nowhere else, so that there is one page to read.
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from fairlead.config.parts import Environment
from fairlead.errors import NotFound

_RANK = {one: rank for rank, one in enumerate(Environment)}
_DAY = timedelta(days=1)


class ListName(StrEnum):
    RELEASE = "release"  # before a release is made
    DEPLOY = "deploy"  # before it is deployed
    DURING = "during"
    AFTER = "after"
    GOING_LIVE = "going-live"  # once
    DAILY = "daily"
    INCIDENT = "incident"


@dataclass(frozen=True, slots=True)
class Question:
    """To a person, answered yes or no. The answer counts in its environment, for so long (`lasts`), and where `bound`
    only for the release, or the incident, that it was given for."""

    text: str
    lasts: timedelta = 30 * _DAY
    bound: bool = True


@dataclass(frozen=True, slots=True)
class Item:
    """`check`: the name of one of `checks.CHECKS`. `mend`: what to do when it fails. `since`: the least environment in
    which it is asked. Not `blocks`: advice, that stops nothing."""

    id: str
    list: ListName
    text: str
    check: str | None
    question: Question | None
    mend: str
    since: Environment = Environment.DEVELOPMENT
    blocks: bool = True

    def is_asked_in(self, environment: Environment) -> bool:
        return _RANK[environment] >= _RANK[self.since]


def items_of(name: ListName) -> list[Item]:
    return [one for one in ITEMS if one.list is name]


def item_of(item_id: str) -> Item:
    """Raises `NotFound`."""
    for one in ITEMS:
        if one.id == item_id:
            return one
    raise NotFound(f"No checklist has an item {item_id!r}.", hint="See `fairlead checklist show LIST`.")


def list_of(text: str) -> ListName:
    """Raises `NotFound`."""
    try:
        return ListName(text.replace("_", "-").lower())
    except ValueError:
        raise NotFound(f"There is no checklist {text!r}.", hint=f"One of {', '.join(ListName)}.") from None


def _ask(text: str, *, days: int = 30, bound: bool = True) -> Question:
    return Question(text, days * _DAY, bound)


_T, _S, _P = Environment.TESTING, Environment.STAGING, Environment.PRODUCTION
_COMMAND = "Read what the command said, mend it, and run it again."


def _item(
    name: ListName, item_id: str, text: str, check: str | None, question: Question | None, mend: str,
    *, since: Environment = Environment.DEVELOPMENT, blocks: bool = True,
) -> Item:  # fmt: skip
    return Item(item_id, name, text, check, question, mend, since, blocks)


_L = ListName
ITEMS: Sequence[Item] = (
    # Before a release
    _item(_L.RELEASE, "release-tests", "All tests pass.", "tests", None, _COMMAND),
    _item(_L.RELEASE, "release-coverage", "The tests reach 80 % of the code or more.", "coverage", None,
          "Write the tests that are missing: the coverage report names the lines."),
    _item(_L.RELEASE, "release-security-scan", "The security scan is clean.", "security", None,
          "Upgrade what it names, or say in its own settings why that does no harm here."),
    _item(_L.RELEASE, "release-performance", "The performance test has passed.", "performance",
          _ask("Has the performance test passed on this code?"), "Find what got slower since the release before."),
    _item(_L.RELEASE, "release-changelog", "The changelog and the docs say what is new.", "changelog",
          _ask("Do the docs say what this release changes?"),
          "Write it into CHANGELOG.md under Unreleased, and into the docs."),
    _item(_L.RELEASE, "release-migration-guide", "There is a migration guide for what breaks.", "migration-guide",
          _ask("Is there a guide for what this release breaks?"),
          "Say for each thing that breaks what its user does instead."),
    _item(_L.RELEASE, "release-version", "The version was raised.", "version", None, "fairlead release bump"),
    _item(_L.RELEASE, "release-tag", "The release has its tag.", "tag", None, "fairlead release bump makes it."),
    _item(_L.RELEASE, "release-image", "The image is built and scanned.", "image-scan", None,
          "Build it from this commit and scan it; upgrade what the scan names."),
    _item(_L.RELEASE, "release-package", "The package is built.", "package", None,
    "Build it: python -m build, uv build."),

    # Before a deploy
    _item(_L.DEPLOY, "image", "The image is built and tested.", "image-test", None, "Build it and run its test."),
    _item(_L.DEPLOY, "settings", "The settings are complete for the environment.", "settings", None,
          "Set what is named, in [ship.settings], [ship.secrets] or the environment."),
    _item(_L.DEPLOY, "secrets", "Secrets come from a manager, and none is in code or image.", "secrets", None,
          "Take the secret out, and change it: whoever has the code has it."),
    _item(_L.DEPLOY, "health", "The health endpoints answer.", "served-health", None,
          "See /health: it names the part that is not well.", since=_T),
    _item(_L.DEPLOY, "resource-limits", "The processes have limits on memory and open files.", "resource-limits",
          _ask("Are memory and processors of the service limited?", days=90, bound=False),
          "MemoryMax= and LimitNOFILE= in the systemd unit.", since=_S, blocks=False),
    _item(_L.DEPLOY, "autoscaling", "Autoscaling is set.", "autoscaling",
          _ask("Does the service get more instances when it needs them?", days=90, bound=False),
          "Set least, most, and by what it grows.", since=_P),
    _item(_L.DEPLOY, "network", "The network lets through only what is needed.", "network",
          _ask("Can only those reach the service and its database who need to?", days=90, bound=False),
          "Close the ports, or declare them: ports in [checklist].", since=_S),
    _item(_L.DEPLOY, "rate-limit", "A firewall for the web or a rate limit is on.", "rate-limit",
          _ask("Is there a WAF or a rate limit before the service?", days=90, bound=False),
          "FAIRLEAD_RATE_LIMIT, or a limit in the proxy.", since=_S),
    _item(_L.DEPLOY, "non-root", "It does not run as root.", "non-root", None,
          "Have a user of its own run it: User= in the systemd unit, USER in the image.", since=_S),
    _item(_L.DEPLOY, "tls", "Callers come over TLS.", "tls", None,
          "A certificate in the proxy, renewed by itself, TLS 1.2 and newer.", since=_S),
    _item(_L.DEPLOY, "structured-logs", "Logs are structured.", "structured-logs", None, "FAIRLEAD_LOG_FORMAT=json",
    since=_T),
    _item(_L.DEPLOY, "metrics", "Metrics are scraped.", "served-metrics", None,
          "Add the service to Prometheus's scrape_configs.", since=_S),
    _item(_L.DEPLOY, "dashboard", "There is a dashboard.", "dashboard",
          _ask("Is there a dashboard of the service, and do you know where?", days=90, bound=False),
          "Import one into Grafana.", since=_S),
    _item(_L.DEPLOY, "alert-rules", "The alert rules are loaded.", "alert-rules", None,
          "Load them into Prometheus: rule_files.", since=_P),
    _item(_L.DEPLOY, "traces", "Traces are on.", "traces", None, "OTEL_EXPORTER_OTLP_ENDPOINT in [ship.settings].",
          since=_S, blocks=False),
    _item(_L.DEPLOY, "fallback", "Breaker and fallback are configured.", "fallback",
          _ask("Does the service go on when a model provider is down?", days=90, bound=False),
          "Two targets in [models.NAME].", since=_S),
    _item(_L.DEPLOY, "resume", "Checkpoint and resume are tested.", "resume",
          _ask("Was a worker killed in the middle of a run, and did the run go on?", days=90, bound=False),
          "Kill a worker in the middle of a run of this code: `fairlead demo` shows how.", since=_S),
    _item(_L.DEPLOY, "rollback", "The way back is written down and was tried.", "rollback",
          _ask("Is the way back written down, and was it tried in this environment?", days=90, bound=False),
          "Try it: fairlead ship rollback.", since=_S),
    _item(_L.DEPLOY, "budgets", "Budgets and cost alerts are set.", "budgets",
          _ask("Is somebody told when models cost too much?", days=90, bound=False),
          "FAIRLEAD_BUDGET_DAY_USD, and the alert AgentCostExceeded.", since=_S),
    _item(_L.DEPLOY, "routing-and-cache", "Model routing and the cache are set.", "routing-and-cache", None,
          "Tiers in [models.NAME], FAIRLEAD_MODEL_CACHE.", since=_S, blocks=False),
    _item(_L.DEPLOY, "all-tests", "Unit, integration, evaluation and load tests have passed.", "all-tests",
          _ask("Have unit, integration, evaluation and load tests passed on this release?"), _COMMAND, since=_S),
    _item(_L.DEPLOY, "review", "The code was reviewed.", None,
          _ask("Has somebody else than its author read the code?"), "Have it read.", since=_S),
    _item(_L.DEPLOY, "migration", "The migration was tested, there and back.", "migration",
          _ask("Was the migration tried on a copy of the data, and the way back too?"),
          "Try it on a copy of the data of this environment.", since=_S),
    _item(_L.DEPLOY, "external-services", "External services can be reached.", "external-services", None,
          "See firewall, names, and the service's own status page.", since=_T),
    _item(_L.DEPLOY, "backup", "The data of now is backed up and the backup verified.", "backup-verified",
          _ask("Is there a backup of the data of now, and was it verified?", days=1, bound=False),
          "Make one, and verify it, before anything else.", since=_S),
    _item(_L.DEPLOY, "monitoring", "The monitoring is ready.", "monitoring",
          _ask("Will somebody be told when this goes wrong?", days=1), "Start it first.", since=_S),
    _item(_L.DEPLOY, "people-informed", "The people concerned know of it.", None,
          _ask("Do those know who use or look after the service?", days=1), "Tell them when, what, and whom to call.",
          since=_S),
    # Beyond the notes: what a deploy stumbles over most
    _item(_L.DEPLOY, "database", "The database answers.", "database", None, "See DATABASE_URL, and whether it runs."),
    _item(_L.DEPLOY, "schema", "The schema is one that this code can live with.", "schema", None,
          "Deploy a newer Fairlead, or restore the database from before its upgrade."),
    _item(_L.DEPLOY, "room", "The host has room: disk and memory.", "room", None, "Free some, or take a larger host."),
    _item(_L.DEPLOY, "clocks", "The clocks of host, database and service are in step.", "clocks", None,
          "Have chrony or systemd-timesyncd run on each."),
    _item(_L.DEPLOY, "ports", "The ports the release needs are free, or its own.", "ports", None,
          "Stop what listens there, or choose others in [ship.host]."),

    # During a deploy
    _item(_L.DURING, "during-backup", "The database was backed up.", "backup-verified",
          _ask("Was the database backed up just before?", days=1), "Stop, and make one.", since=_S),
    _item(_L.DURING, "during-strategy", "The strategy is carried out.", "strategy", None,
          "fairlead ship show DEPLOY says where it stands; fairlead ship resume goes on."),
    _item(_L.DURING, "during-health", "The health checks have passed.", "health", None, "fairlead ship rollback"),
    _item(_L.DURING, "during-dashboard", "Somebody looks at the dashboard.", None,
          _ask("Have you looked at the dashboard since it began?", days=1), "Look: errors, latency, cost.", since=_S),
    _item(_L.DURING, "during-logs", "Logs of the new release arrive where logs are read.", "log-aggregation",
          _ask("Do you see lines of the new release where logs are read?", days=1), "See the collector.", since=_S),

    # After a deploy
    _item(_L.AFTER, "after-smoke", "The smoke tests pass.", "smoke", None, "fairlead ship rollback"),
    _item(_L.AFTER, "after-performance", "It is as fast as it should be.", "response-times",
          _ask("Is it as fast as before?", days=7), "Compare with the release before; go back if it is worse.",
          since=_T),
    _item(_L.AFTER, "after-errors", "The error rate is below 1 %.", "error-rate",
          _ask("Is the error rate as low as before?", days=7), "fairlead ship rollback", since=_T),
    _item(_L.AFTER, "after-users", "Users are not worse off.", None,
          _ask("Have you looked at what users say and do since?", days=7), "Ask them; go back if so.", since=_S),
    _item(_L.AFTER, "after-docs", "The docs say what is served now.", None,
          _ask("Do docs and runbooks fit the release that is served?", days=7), "Mend them.", since=_S, blocks=False),

    # Once, going live
    _item(_L.GOING_LIVE, "live-cluster", "The cluster is managed.", "managed-cluster",
          _ask("Is the cluster one that its provider looks after?", days=365, bound=False), "Take a managed one."),
    _item(_L.GOING_LIVE, "live-zones", "It stands in several zones.", "zones",
          _ask("Does it stand in two zones or more?", days=365, bound=False), "Spread it."),
    _item(_L.GOING_LIVE, "live-quotas", "The quotas are high enough.", None,
          _ask("Are the quotas of cloud and model providers above twice what is expected?", days=180, bound=False),
          "Have them raised now: it takes days."),
    _item(_L.GOING_LIVE, "live-network-policies", "Network policies are set.", "network",
          _ask("Do rules say who may talk to whom, and is all else refused?", days=180, bound=False), "Write them."),
    _item(_L.GOING_LIVE, "live-secrets", "Keys are in a secret manager.", "secrets", None, "Move them there."),
    _item(_L.GOING_LIVE, "live-tls", "TLS is on.", "tls", None, "A certificate that renews itself."),
    _item(_L.GOING_LIVE, "live-rbac", "Roles say who may do what.", "access",
          _ask("Has everybody only the rights they need?", days=180, bound=False), "fairlead keys, fairlead users."),
    _item(_L.GOING_LIVE, "live-audit", "The audit log is on, and whole.", "audit-log", None,
          "FAIRLEAD_AUDIT_SECRET; fairlead audit verify."),
    _item(_L.GOING_LIVE, "live-image-scan", "Images are scanned.", "image-scan", None, "Scan them in CI."),
    _item(_L.GOING_LIVE, "live-hpa", "A HorizontalPodAutoscaler is set.", "autoscaling",
          _ask("Is a HorizontalPodAutoscaler set?", days=180, bound=False), "See the manifests."),
    _item(_L.GOING_LIVE, "live-pdb", "A PodDisruptionBudget is set.", "disruption-budget",
          _ask("Is a PodDisruptionBudget set?", days=180, bound=False), "See the manifests."),
    _item(_L.GOING_LIVE, "live-probes", "The probes answer.", "health", None, "See /health."),
    _item(_L.GOING_LIVE, "live-limits", "The processes have limits.", "resource-limits",
          _ask("Are memory and processors of the service limited?", days=180, bound=False),
          "See the unit or manifests."),
    _item(_L.GOING_LIVE, "live-prometheus", "Prometheus scrapes it.", "metrics-scraped", None, "scrape_configs"),
    _item(_L.GOING_LIVE, "live-grafana", "Grafana shows it.", "dashboard",
          _ask("Does Grafana show the service?", days=180, bound=False), "Import a dashboard."),
    _item(_L.GOING_LIVE, "live-alerts", "Alerts reach somebody.", "alert-rules", None, "rule_files, and a receiver."),
    _item(_L.GOING_LIVE, "live-tracing", "Traces are kept.", "traces", None, "OTEL_EXPORTER_OTLP_ENDPOINT"),
    _item(_L.GOING_LIVE, "live-backups", "Backups are scheduled.", "backups-scheduled",
          _ask("Are backups made by themselves, every day?", days=90, bound=False), "A timer or a cron line."),
    _item(_L.GOING_LIVE, "live-restore", "A restore was tested.", "restore-tested",
          _ask("Was a backup restored, and did the service run on it?", days=90, bound=False), "Do it, and time it."),
    _item(_L.GOING_LIVE, "live-disaster-plan", "The plan for a disaster is written.", None,
          _ask("Is it written who does what when all of it is gone, and was it read aloud?", days=180, bound=False),
          "Write it: who, in which order, how long, how much may be lost."),

    # Daily
    _item(_L.DAILY, "daily-machine", "Processors, memory and disk have room.", "machine", None, "See what takes it."),
    _item(_L.DAILY, "daily-services", "The services are up, and none was restarted oddly.", "services", None,
          "Read the log of what ended."),
    _item(_L.DAILY, "daily-response-times", "It answers as fast as it should.", "response-times",
          _ask("Are response times as they should be?", days=1, bound=False), "See slow queries and model calls."),
    _item(_L.DAILY, "daily-error-rates", "The error rate is below 1 %.", "error-rate",
          _ask("Are error rates as they should be?", days=1, bound=False), "Read the errors, the commonest first."),
    _item(_L.DAILY, "daily-model-calls", "Model calls succeed.", "model-calls",
          _ask("Do model calls succeed?", days=1, bound=False), "See /health, ai_service, and the provider's status."),
    _item(_L.DAILY, "daily-database", "The database has connections left and no slow queries.", "database-load",
          _ask("Is the database well?", days=1, bound=False), "See what holds the connections."),
    _item(_L.DAILY, "daily-backups", "The backups succeeded.", "backup-verified",
          _ask("Did last night's backup succeed?", days=1, bound=False), "Make one now, then find out why."),
    _item(_L.DAILY, "daily-space", "There is space left.", "space", None, "Free some before it is urgent."),
    _item(_L.DAILY, "daily-security-log", "The security log was looked at.", "security-log",
          _ask("Have you looked at what the audit log says since yesterday?", days=1, bound=False), "fairlead audit"),

    # Incident
    _item(_L.INCIDENT, "incident-scope", "Its scope is confirmed.", None,
          _ask("Is it known who and what is affected?"), "P1 everything down, P2 a part, P3 minor, P4 cosmetic."),
    _item(_L.INCIDENT, "incident-alerted", "The right people know.", None,
          _ask("Are those at it who can mend it, and is one of them in charge?"), "Call them: who is on call first."),
    _item(_L.INCIDENT, "incident-users-told", "Users are told where they need to know.", None,
          _ask("Are users told, or is it decided that they need not be?"),
          "The status page; when the next word comes."),
    _item(_L.INCIDENT, "incident-mitigation", "A mitigation is in place.", None,
          _ask("Is the harm stopped, even if the cause is not known?"),
          "Go back, switch off, limit: first stop the harm."),
    _item(_L.INCIDENT, "incident-cause", "The cause is found.", None,
          _ask("Is the cause known, with something that proves it?"), "What changed last?"),
    _item(_L.INCIDENT, "incident-fix", "The fix is made and verified.", None,
          _ask("Is the cause mended, and was that verified?"), "A test that failed before and passes now."),
    _item(_L.INCIDENT, "incident-recovery", "All is well again.", "recovery",
          _ask("Is everything as it was before, for everybody?"), "Look again: what else hung on it?"),
    _item(_L.INCIDENT, "incident-report", "The report is written.", None,
          _ask("Is it written what happened, when, and what was done?"), "While it is fresh, and without blame."),
    _item(_L.INCIDENT, "incident-prevention", "It is decided what prevents it.", None,
          _ask("Is it decided who does what, until when, so that it does not come again?"),
          "A name and a date for each."),
)  # fmt: skip
