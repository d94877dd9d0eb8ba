"""Every event anyone may emit: when, and with which fields. A test fails when code emits anything else.

Fields speak in our units: `took` and other durations are timedelta, money is `cost_nano`, times are datetime.
Listeners translate (`latency_ms`, `cost_usd`). `request_id` and `run_id` are added to log lines where they are bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Level(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Heard(StrEnum):
    """How an event gets into the log."""

    ALWAYS = "always"  # a run event, logged whatever LOG_LEVEL says
    BY_LEVEL = "by level"
    NEVER = "never"  # too many: metrics only


@dataclass(frozen=True, slots=True)
class EventSpec:
    name: str
    when: str
    fields: tuple[str, ...]
    level: Level = Level.INFO
    heard: Heard = Heard.BY_LEVEL


def _run(name: str, when: str, *fields: str, level: Level = Level.INFO) -> EventSpec:
    return EventSpec(name, when, ("run_id", "agent", "tenant", "release", "worker", *fields), level, Heard.ALWAYS)


def _quiet(spec: EventSpec) -> EventSpec:
    return replace(spec, level=Level.DEBUG, heard=Heard.BY_LEVEL)


def _process(name: str, when: str, *fields: str, level: Level = Level.INFO) -> EventSpec:
    return EventSpec(name, when, fields, level)


_SPECS = (
    # The life of a run
    # Told again by agent_started: for developers, and for the metrics.
    _quiet(_run("run_submitted", "a run was accepted and stored", "thread_id", "parent_id", "priority", "intent",
                "created")),
    _quiet(_run("run_claimed", "a worker took a run", "fence", "attempt", "waited")),
    _run("agent_started", "a worker calls the agent (again, after a resume)", "attempt", "task", "intent", "thread_id",
         "since"),
    _run("run_resumed", "a run goes on from its journal; of an attempt that was lost: when it was; of one that waited: "
         "since when", "attempt", "steps", "reason", "began", "ended"),
    _run("run_parked", "a run waits for a timer, child or person and gave its worker back", "reason", "wake_at"),
    _run("run_woken", "what a parked run waited for has come", "reason"),
    _run("run_scored", "somebody, a rule or a model said what a run is worth", "score", "value", "source", "by"),
    _run("run_retried", "a finished or interrupted run was put back in the queue by a caller", "by"),
    _run("run_interrupted", "a run stopped and needs a person", "reason", "message", level=Level.WARNING),
    _run("run_cancelled", "a run was cancelled", "by"),
    _run("run_diverged", "a resumed run took another path than its journal", "step", "kind", "left",
         level=Level.WARNING),
    _run("run_outcome_unknown", "a worker died while a tool that is not safe to repeat ran", "tool", "step",
         level=Level.ERROR),
    _run("run_lost", "a run's worker died; the run is claimable again", "attempt", level=Level.WARNING),
    _run("run_moved", "a run was moved to another release", "to_release", "by"),
    _run("run_forked", "a run begins from a step of another", "forked_from", "reused", "by"),
    _run("run_unserved", "no living worker serves the run's agent and release", "waited", "count",
         level=Level.WARNING),
    _run("agent_completed", "a run ended", "status", "reason", "intent", "took", "steps", "cost_nano", "tokens_in",
         "tokens_out", "attempt", "error", "trace"),
    # Inside a run
    _run("llm_call", "a model call ended", "provider", "model", "status", "took", "first_token", "tokens_in",
         "tokens_out", "cached_in", "reasoning", "estimated", "cost_nano", "priced", "tries", "streamed", "step",
         "message", "format"),
    _run("llm_retry", "a model call is tried again", "provider", "model", "attempt", "delay", "error", "message",
         level=Level.WARNING),
    _run("llm_fallback", "a model could not answer and another is asked", "model", "instead", "error", "message",
         level=Level.WARNING),
    _run("llm_dropped", "fields that another provider's format can't carry were left out of a request", "provider",
         "model", "format", "fields", level=Level.WARNING),
    _run("llm_over_bound", "a model call cost more than was held for it", "provider", "model", "bound_nano",
         "cost_nano", level=Level.WARNING),
    _run("llm_ungoverned", "a library asked a model past us: not recorded, in no budget; told once for each address",
         "client", "address", "refused", level=Level.ERROR),
    _quiet(_run("llm_limited", "a model call waited for a rate limit, or was refused by it", "provider", "model",
                "wait", "why")),
    _quiet(_run("llm_cache_hit", "a model call was answered from the cache", "provider", "model", "from_flight",
                "saved_nano")),
    _run("tool_call", "a tool is about to run", "tool", "step", "call_id", "input"),
    _run("tool_result", "a tool ended", "tool", "step", "call_id", "status", "took", "output", "error"),
    _run("workflow_execution", "a run started another as its child", "child_run_id", "child_agent", "step"),
    _run("approval_requested", "a run waits for a person", "approval_id", "question", "expires_at"),
    _run("approval_escalated", "nobody has answered: others are asked too", "approval_id", "asked",
         level=Level.WARNING),
    _run("approval_reminded", "nobody has answered: those who were asked are reminded", "approval_id"),
    _run("approval_answered", "a person answered", "approval_id", "approved", "by"),
    _run("approval_expired", "nobody answered in time: the answer is no", "approval_id", level=Level.WARNING),
    _run("log", "the agent said something (`ctx.log`)", "message", "data"),
    EventSpec("step_recorded", "a step is in the journal", ("run_id", "agent", "kind", "name", "took"),
              heard=Heard.NEVER),
    # Processes
    _process("worker_started", "a worker is ready to claim", "worker", "release", "agents", "slots", "host", "pid"),
    _process("worker_draining", "a worker claims no more", "worker", "release", "running", "timeout"),
    _process("worker_stopped", "a worker has ended", "worker", "release", "handed_back", "took"),
    _process("worker_lost", "a worker died or lost its lease; its runs are claimable", "worker", "release", "runs",
             "detected_by", level=Level.WARNING),
    _process("worker_fenced", "this worker no longer owns a run and stopped it", "worker", "run_id", "fence",
             level=Level.WARNING),
    _process("server_started", "the API and console listen", "host", "port", "version", "environment"),
    _process("server_stopped", "the API and console have ended", "host", "port"),
    _process("queue_full", "a run was refused: the queue is at its limit", "tenant", "agent", "depth", "limit",
             level=Level.WARNING),
    _process("request_limited", "a caller starts more than they may: RATE_LIMIT", "caller", "tenant", "retry_after",
             level=Level.WARNING),
    _process("rate_limit_unshared", "what callers start can't be counted together: each process counts alone", "error",
             level=Level.WARNING),
    _process("rate_limit_shared", "what callers start is counted together again", "took"),
    _process("queue_depth", "the queue was counted", "depth", "active", level=Level.DEBUG),
    _process("retention_swept", "old runs and checkpoints were deleted", "runs", "checkpoints", "blobs", "took"),
    _process("runs_counted", "runs that had ended were added to the figures of the dashboard", "runs", "took",
             level=Level.DEBUG),
    EventSpec("database_query", "a query ended", ("query", "took"), heard=Heard.NEVER),
    _process("database_unreachable", "the database did not answer; we try again", "database", "error",
             level=Level.ERROR),
    _process("database_recovered", "the database answers again", "database", "took"),
    _process("secret_rotated", "a secret is another now, and is used", "setting", "reference"),
    _process("secret_unreachable", "a secret can't be fetched or used; the last one is used on; told once until it "
             "can be again", "setting", "reference", "error", level=Level.WARNING),
    _process("secret_reachable", "a secret can be fetched again", "setting", "reference"),
    _process("migration_applied", "the schema moved on", "database", "migration", "took"),
    _process("provider_health", "a provider became usable or not; each is told once at the start", "provider", "state",
             "healthy", "reason"),
    _process("llm_rate_changed", "a provider limited us and its rate was cut, or the rate has recovered", "provider",
             "model", "factor_before", "factor", "paused", "why", level=Level.WARNING),
    _process("llm_limits_unshared", "other processes can't be asked: this one keeps to its part of the rate", "model",
             "parts", "error", level=Level.WARNING),
    _process("llm_limits_shared", "the rate is shared with the other processes again", "model"),
    _process("llm_cache_unreachable", "the cache of model answers can't be asked; calls go to the provider", "error",
             level=Level.WARNING),
    _process("llm_cache_reachable", "the cache of model answers answers again", "took"),
    _process("mcp_server_changed", "an MCP server became usable or not", "server", "state", "reason",
             level=Level.WARNING),
    _process("mcp_tools_changed", "an MCP server lists other tools than before", "server", "tools"),
    _process("mcp_tool_drifted", "a tool of an MCP server is gone, or another, since the run that uses it began",
             "server", "tool", "gone", level=Level.WARNING),
    _process("mcp_log", "an MCP server wrote a line", "server", "stream", "message"),
    _process("usage_lost", "usage of model calls could not be kept: it is missing in the cost report", "rows",
             "cost_nano", "reason", level=Level.ERROR),
    _process("usage_swept", "old usage was deleted", "rows", "took"),
    _process("store_swept", "items of the store had outlived their time and were deleted", "items"),
    _process("document_kept", "a document of a collection was added or changed", "tenant", "collection", "document",
             "chunks", "put"),
    _process("document_embedded", "a document has its vectors", "tenant", "collection", "document", "model", "chunks",
             "took"),
    _process("document_not_embedded", "the vectors of a document could not be made; until they are, it is found by its "
             "words", "tenant", "collection", "document", "model", "error", "message", "again_in", level=Level.WARNING),
    _process("knowledge_degraded", "a question got no vector: it was searched for by its words only", "tenant",
             "collection", "error", "message", level=Level.WARNING),
    _process("vectors_unavailable", "vectors are wanted and can't be had: documents are found by their words only",
             "database", "message", "hint", level=Level.ERROR),
    _process("files_swept", "uploaded files had outlived their time and were deleted", "files"),
    _process("erasure_requested", "all data of a user or tenant is to go", "erasure", "tenant", "by",
             level=Level.WARNING),
    _process("erasure_finished", "all data of a user or tenant is gone; `count` things", "erasure", "tenant", "count",
             "took", level=Level.WARNING),
    _process("budget_warning", "a budget passed 50 or 80 % of its limit, or is used up (100)", "tenant", "scope",
             "period", "percent", "limit_nano", "spent_nano", "run_id", "agent",
             level=Level.WARNING),
    _process("budget_charged", "a process died: what it may have sent calls for is spent, the rest is free again",
             "owner", "accounts", "sent_nano", "freed_nano", level=Level.WARNING),
    _process("calls_stopped", "somebody stopped model calls", "tenant", "scope", "reason", "by", level=Level.WARNING),
    _process("calls_resumed", "model calls may go on", "tenant", "scope", "by"),
    _process("listener_failed", "a telemetry listener raised; told once a minute", "listener", "on", "count",
             "message", level=Level.ERROR),
    _process("traces_lost", "spans could not be sent to the collector; told once a minute", "count", "error",
             level=Level.WARNING),
    _process("traces_sent", "the collector takes spans again; `count` more were lost", "count", "took"),
    _process("sentry_unreachable", "events could not be sent to Sentry and are lost; told once a minute", "reason",
             "count", level=Level.WARNING),
    _process("error", "something failed that nobody asked for", "code", "message", "where", "run_id", "trace",
             level=Level.ERROR),
    _process("library_log", "a library, or an agent through structlog, wrote a line (at its own level)", "logger",
             "message", "trace"),
    # Webhooks
    _process("webhook_added", "somebody wants to be told of what becomes of runs", "webhook", "tenant", "by"),
    _process("webhook_removed", "a webhook was removed", "webhook", "tenant", "by"),
    _process("webhook_rotated", "a webhook got a new secret; the one before it signs for the overlap too", "webhook",
             "tenant", "by", "overlap"),
    _process("webhook_replayed", "deliveries are sent again by hand", "webhook", "tenant", "by", "count"),
    _process("webhook_delivered", "a webhook has taken a delivery", "webhook", "tenant", "delivery", "type", "run_id",
             "attempt", "status", "took"),
    _process("webhook_failed", "a webhook did not take a delivery; without `again_at` it is given up", "webhook",
             "tenant", "delivery", "type", "run_id", "attempt", "status", "took", "error", "again_at",
             level=Level.WARNING),
    _process("webhook_disabled", "a webhook is told no more: it is gone, or has taken nothing for a day", "webhook",
             "tenant", "reason", level=Level.ERROR),
    # Schedules
    _process("schedule_added", "runs are to be started by a schedule", "schedule", "tenant", "by", "next_at"),
    _process("schedule_changed", "a schedule was changed, paused or resumed", "schedule", "tenant", "by", "enabled",
             "next_at"),
    _process("schedule_removed", "a schedule was removed", "schedule", "tenant", "by"),
    _process("schedule_fired", "a schedule started runs; `run_id` is the last of them", "schedule", "tenant", "next_at",
             "run_id", "count"),
    _process("schedule_skipped", "times of a schedule were passed over: missed, or the run before has not ended",
             "schedule", "tenant", "next_at"),
    _process("schedule_failed", "a schedule could not start its run", "schedule", "tenant", "next_at", "error",
             level=Level.ERROR),
    # Of the installation, for its metrics
    EventSpec("error_budget", "it was seen how much of an error budget of 30 days is left: a share; None: no data",
              ("level", "of", "left"), heard=Heard.NEVER),
    EventSpec("backup_seen", "it was looked when the last verified backup was taken", ("taken_at",), heard=Heard.NEVER),
    # HTTP
    _process("http_request", "a request was answered", "method", "endpoint", "status_code", "took", "request_id",
             "client", "caller", "bytes_out"),
    # Access. A key is told by its name, one that was refused by the first eight digits of its digest
    _process("key_created", "an API key was made", "key", "tenant", "by", "role", "scopes", "owner", "expires_at"),
    _process("key_rotated", "an API key got a new secret; the one before it ends after the overlap", "key", "tenant",
             "by", "overlap"),
    _process("key_revoked", "an API key was revoked", "key", "tenant", "by", level=Level.WARNING),
    _process("key_refused", "a request came with an API key that is unknown, revoked or expired", "digest", "reason",
             "key", "tenant", level=Level.WARNING),
    _process("user_created", "a user was made, by an administrator or by a first sign-in", "user", "tenant", "by",
             "role"),
    _process("user_changed", "a user got a role, was disabled, enabled or deleted", "user", "tenant", "by", "role",
             "status"),
    _process("audit_lost", "something was done, and could not be written into the audit log", "tenant", "by", "action",
             "subject", "error", level=Level.ERROR),
    _process("token_refused", "a request came with a token that does not open", "reason", "issuer",
             level=Level.WARNING),
    _process("deploy_step", "a step of a deploy is over", "build", "step", "verdict", "message"),
    _process("deploy_finished", "a deploy is over", "build", "outcome"),
    _process("sign_in_refused", "somebody came back from the sign-in provider and was not let in", "reason",
             level=Level.WARNING),
    _process("issuer_unreachable", "an issuer of tokens, or the sign-in provider, can't be asked; keys that we have "
             "stay good for a day", "address", "error", level=Level.WARNING),
    EventSpec("connection_opened", "a stream to a watcher opened", ("endpoint",), heard=Heard.NEVER),
    EventSpec("connection_closed", "a stream to a watcher closed", ("endpoint", "took"), heard=Heard.NEVER),
)  # fmt: skip

EVENTS: dict[str, EventSpec] = {spec.name: spec for spec in _SPECS}


def misfit(event: str, fields: Iterable[str]) -> str:
    """What is wrong with emitting these fields; empty when nothing is."""
    spec = EVENTS.get(event)
    if spec is None:
        return f"{event} is not in the catalogue"
    unknown = sorted(set(fields) - set(spec.fields))
    return f"{event} has no field {', '.join(unknown)}" if unknown else ""
