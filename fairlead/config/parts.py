"""What can be set, part by part. Each part of the product is handed only its own."""

from __future__ import annotations

# long: every setting is declared here and nowhere else, so that there is one page to read.
import re
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator

from fairlead.config.pattern import PatternList
from fairlead.config.url import database_url, hide_password
from fairlead.config.value import Duration, SecretList, Size, TextList, setting

_MAX_PORT = 65535
_WEB_ADDRESS = re.compile(r"https?://[^\s\"'<>]+")
_SHORTEST_SECRET = 32  # bytes: as long as what HS256 makes of it


class Environment(StrEnum):
    DEVELOPMENT = "development"
    TESTING = "testing"
    STAGING = "staging"
    PRODUCTION = "production"


class LogLevel(StrEnum):
    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class LogFormat(StrEnum):
    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class CacheKind(StrEnum):
    OFF = "off"
    MEMORY = "memory"
    DATABASE = "database"
    REDIS = "redis"


class Ungoverned(StrEnum):
    WARN = "warn"
    REFUSE = "refuse"


class UnknownPrice(StrEnum):
    """What becomes of a call to a model that has no known price."""

    CEILING = "ceiling"
    REFUSE = "refuse"


class DefaultRole(StrEnum):
    """Of somebody whose token or sign-in says no role that we know."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Part(BaseModel):
    # An input may be a secret: our messages name the setting and the rule, never the value.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False)


class AppSettings(Part):
    """What this installation is."""

    environment: Environment = setting(
        Environment.DEVELOPMENT, "Which defaults apply, and whether missing settings stop the start.", bare=True
    )
    name: str = setting("fairlead", "Name of the service in logs, health and titles.", name="APP_NAME", bare=True)
    debug: bool = setting(False, "Show more to the developer. Never in production.", bare=True)


class SecretSettings(Part):
    """Secrets that are given as a reference."""

    ttl: Duration = setting(
        timedelta(seconds=300), "How long a secret from a file or a secret manager is used before it is read again.",
        name="SECRETS_TTL",
    )  # fmt: skip

    @field_validator("ttl")
    @classmethod
    def _not_too_often(cls, value: timedelta) -> timedelta:
        if not timedelta(seconds=10) <= value <= timedelta(days=1):
            raise ValueError("SECRETS_TTL is from 10 seconds to a day")
        return value


class EngineSettings(Part):
    """How runs are claimed, held, and kept."""

    release: str = setting(
        "dev", "Build id of the agents' code. A run ends on the release it began on.", min_length=1, max_length=200
    )
    worker_concurrency: int = setting(5, "Runs one worker holds at a time.", bare=True, ge=1, le=10_000)
    max_concurrent_agents: int = setting(
        10, "Runs executing at a time over all workers.", bare=True, ge=1, le=1_000_000
    )
    lease: Duration = setting(timedelta(seconds=15), "A worker that has not renewed for this long has lost its runs.")
    renew_every: Duration = setting(timedelta(seconds=5), "How often a worker renews the lease of its runs.")
    peer_check_every: Duration = setting(
        timedelta(milliseconds=250), "How often workers look whether a peer's connection has fallen."
    )
    poll_every: Duration = setting(timedelta(seconds=1), "How often to look for work when no notification came.")
    max_attempts: int = setting(5, "Workers that may die holding a run before it is error/poison.", ge=1, le=1000)
    queue_limit: int = setting(10_000, "Runs that may wait; one more is refused with 429.", ge=1)
    queue_retry_after: Duration = setting(timedelta(seconds=5), "What a refused caller is told to wait.")
    drain_timeout: Duration = setting(
        timedelta(seconds=45), "On SIGTERM: how long steps may finish before their runs are handed back."
    )
    keep_checkpoints: int = setting(3, "Latest checkpoints kept of a finished run.", ge=1)
    checkpoint_retention: Duration = setting(
        timedelta(hours=72), "How long all checkpoints of a finished run are kept."
    )
    run_retention: Duration = setting(timedelta(days=30), "How long a finished run is kept.")
    thread_ttl: Duration | None = setting(
        None, "How long a new thread that is given no time to live may go without a change. Not set: for good."
    )
    retention_every: Duration = setting(timedelta(minutes=1), "How often old runs and checkpoints are swept.")
    retention_batch: int = setting(500, "Runs swept in one transaction.", ge=1, le=100_000)

    @model_validator(mode="after")
    def _renewed_in_time(self) -> Self:
        if self.renew_every * 2 > self.lease:
            raise ValueError("RENEW_EVERY must be at most half of LEASE, or one late renewal loses every run")
        return self


class DatabaseSettings(Part):
    """Where state lives."""

    url: str = setting(
        "sqlite:///.fairlead/fairlead.db",
        "sqlite:///PATH (relative to the project) or postgresql://USER:PASSWORD@HOST/DATABASE; or a JSON secret "
        "with username, password, host, port, database.",
        name="DATABASE_URL",
        bare=True,
        secret=True,
    )
    pool_size: int = setting(50, "Connections a process may open (PostgreSQL).", name="DATABASE_POOL_SIZE", ge=1)
    pool_idle: int = setting(10, "Idle connections a process keeps.", name="DATABASE_POOL_IDLE", ge=0)
    pool_idle_for: Duration = setting(
        timedelta(minutes=5), "An idle connection is closed after this.", name="DATABASE_POOL_IDLE_FOR"
    )
    connect_timeout: Duration = setting(
        timedelta(seconds=10), "Longest wait for a connection.", name="DATABASE_CONNECT_TIMEOUT"
    )
    redis_url: SecretStr | None = setting(
        None, "redis://HOST:PORT/0: where model limits, and caches, are shared. Not set: in the database.",
        name="REDIS_URL", bare=True, secret=True,
    )  # fmt: skip
    blob_dir: Path = setting(
        Path(".fairlead/blobs"), "Folder of values too large for a row; shared by all machines of an environment."
    )
    s3_bucket: str | None = setting(
        None, "Bucket of an S3-compatible store for those values. Not set: the folder.", name="AWS_S3_BUCKET", bare=True
    )
    s3_prefix: str = setting("", "Where in the bucket.", name="S3_PREFIX")
    s3_endpoint: str | None = setting(
        None, "Address of a store that is not AWS's own.", name="AWS_ENDPOINT_URL_S3", bare=True,
        also="AWS_ENDPOINT_URL",
    )  # fmt: skip
    s3_region: str = setting(
        "us-east-1", "Region of the bucket.", name="AWS_REGION", bare=True, also="AWS_DEFAULT_REGION"
    )
    s3_key_id: SecretStr | None = setting(
        None, "Key of the bucket. Not set: the machine's own role.", name="AWS_ACCESS_KEY_ID", bare=True, secret=True
    )
    s3_key: SecretStr | None = setting(None, "Its secret.", name="AWS_SECRET_ACCESS_KEY", bare=True, secret=True)
    s3_token: SecretStr | None = setting(
        None, "Its session token, if it has one.", name="AWS_SESSION_TOKEN", bare=True, secret=True
    )
    blob_threshold: Size = setting(64 * 1024, "A larger value goes to a blob.")

    @field_validator("url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        return database_url(value)

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite:")

    @property
    def sqlite_path(self) -> Path:
        """The file behind a sqlite URL (`sqlite:///relative`, `sqlite:////absolute`)."""
        if not self.is_sqlite:
            raise ValueError("this database is not a file")
        return Path(unquote(urlsplit(self.url).path).removeprefix("/"))

    @property
    def shown_url(self) -> str:
        """The URL for people: no password."""
        return hide_password(self.url)


class BackupSettings(Part):
    """Copies of the database and of large values."""

    dir: Path = setting(
        Path(".fairlead/backups"), "Folder of backups; better on another disk than what it keeps.", name="BACKUP_DIR",
        bare=True,
    )  # fmt: skip
    retention_days: int = setting(
        7, "Days a backup is kept; the newest verified one is kept whatever its age.", bare=True, ge=1, le=3650
    )


class ServerSettings(Part):
    """Where we listen, and what we take."""

    host: str = setting("127.0.0.1", "Address the API and console listen on. Beyond loopback a key is required.")
    port: int = setting(8000, "Port of the API and console.", ge=0, le=_MAX_PORT)
    worker_host: str = setting("127.0.0.1", "Address a worker's health and metrics listen on.")
    worker_port: int = setting(
        9000, "Port of a worker's health and metrics.", also="PROMETHEUS_METRICS_PORT", ge=0, le=_MAX_PORT
    )
    health_check_interval: Duration = setting(
        timedelta(seconds=30),
        "How often the parts of /health are asked beside those who ask; the database every 2 seconds.", bare=True,
    )  # fmt: skip
    body_limit: Size = setting(1024**2, "Largest request body.")
    json_depth: int = setting(100, "Deepest nesting of a request body.", ge=1, le=500)
    rate_limit: int = setting(
        100, "Runs that one caller (a key, or a user) may start in RATE_WINDOW, over all processes; 0: no limit. "
        "Callers on this machine without a key are not counted.", ge=0, le=1_000_000,
    )  # fmt: skip
    rate_window: Duration = setting(timedelta(seconds=60), "Over how long the starts of a caller are counted.")
    cors_origins: TextList = setting(
        (), "Other sites whose pages may call us from a browser, such as https://chat.example.com; * for all, not in "
        "production. Comma separated.",
    )  # fmt: skip

    @field_validator("health_check_interval")
    @classmethod
    def _often_enough(cls, value: timedelta) -> timedelta:
        if not timedelta(seconds=2) <= value <= timedelta(minutes=10):
            raise ValueError("HEALTH_CHECK_INTERVAL is from 2 seconds to 10 minutes")
        return value

    @field_validator("rate_window")
    @classmethod
    def _a_while(cls, value: timedelta) -> timedelta:
        if not timedelta(seconds=1) <= value <= timedelta(days=1):
            raise ValueError("RATE_WINDOW is from 1 second to a day")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            scheme, _, host = one.partition("://")
            if one != "*" and (scheme not in ("http", "https") or not host or set(host) & set("/?#@ ")):
                raise ValueError(f"{one!r} is no origin; write https://HOST or https://HOST:PORT, without a path")
        return value


class AccessSettings(Part):
    """Who may call."""

    api_keys: SecretList = setting(
        (), "Keys that may call the API, comma separated.", name="API_KEY_WHITELIST", bare=True, secret=True
    )
    audit_secret: SecretStr | None = setting(
        None, "Secret of the audit log's hashes: without it, nobody can make up a chain of their own.", secret=True
    )


class SignInSettings(Part):
    """People who sign in to the console with an OpenID Connect provider; without one the password is a key."""

    issuer: str | None = setting(
        None, "The provider, as it writes itself: https://accounts.example.com. Its public keys and addresses are read "
        "from there. Set it, and the console asks people to sign in.", name="OIDC_ISSUER",
    )  # fmt: skip
    client_id: str | None = setting(None, "What the provider calls this installation.", name="OIDC_CLIENT_ID")
    client_secret: SecretStr | None = setting(
        None, "What this installation shows the provider. Not set: it is a public client (PKCE is used either way).",
        name="OIDC_CLIENT_SECRET", secret=True,
    )  # fmt: skip
    redirect_url: str | None = setting(
        None, "Where the provider sends people back: https://HOST/console/sign-in/callback. Not set: the address they "
        "came to us by; behind a proxy that ends TLS it must be set.", name="OIDC_REDIRECT_URL",
    )  # fmt: skip
    scopes: TextList = setting(
        ("openid", "profile", "email"), "What we ask the provider to tell, comma separated.", name="OIDC_SCOPES"
    )
    user_claim: str = setting(
        "email", "The claim a new user is named by; an `email` must be verified.", name="OIDC_USER_CLAIM"
    )
    role_claim: str | None = setting(
        None, "The claim with a role or group, or a list of which the highest counts; `realm_access.roles` goes "
        "deeper. Not set: an administrator gives roles.", name="OIDC_ROLE_CLAIM",
    )  # fmt: skip
    roles: TextList = setting(
        (), "Which role what the claim says is: fairlead-admins=admin, engineers=operator. Our own three names are "
        "always roles.", name="OIDC_ROLES",
    )  # fmt: skip
    default_role: DefaultRole | None = setting(
        None, "Role of somebody who has none: no administrator made them, and the claim says none. Not set: they are "
        "not let in.", name="OIDC_DEFAULT_ROLE",
    )  # fmt: skip
    tenant_claim: str | None = setting(
        None, "The claim with the tenant of a new user. Not set: `default`.", name="OIDC_TENANT_CLAIM"
    )
    provider_name: str = setting("single sign-on", "What the button calls the provider.", name="OIDC_PROVIDER_NAME")
    session_lifetime: Duration = setting(timedelta(hours=12), "A sign-in is good for no longer.")
    session_idle: Duration = setting(timedelta(hours=1), "A sign-in that is not used for so long has ended.")

    @field_validator("issuer", "redirect_url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        """Without TLS only where nobody can listen: on this machine."""
        parts = urlsplit(value or "https://none")
        plain = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        if not parts.hostname or parts.query or parts.fragment or not (parts.scheme == "https" or plain):
            raise ValueError(f"{value!r} is no address we can trust; write https://HOST, without ? and #")
        return value

    @field_validator("roles")
    @classmethod
    def _pairs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            said, _, role = one.rpartition("=")
            if not said.strip() or role.strip() not in set(DefaultRole):
                raise ValueError(f"{one!r} says no role; write GROUP=viewer, GROUP=operator or GROUP=admin")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.issuer is None) != (self.client_id is None):
            raise ValueError("OIDC_ISSUER and OIDC_CLIENT_ID go together")
        if "openid" not in self.scopes:
            raise ValueError("OIDC_SCOPES must have openid among them")
        return self

    @property
    def role_of_claim(self) -> dict[str, str]:
        """Which of our roles is meant by what the claim says."""
        pairs = (one.rpartition("=") for one in self.roles)
        return {role.value: role.value for role in DefaultRole} | {a.strip(): b.strip() for a, _, b in pairs}


class TokenSettings(Part):
    """Signed tokens (JWT) that open instead of a key."""

    secrets: SecretList = setting(
        (),
        "Secrets of tokens signed with HS256, of 32 bytes at least; the first signs ours, all are taken, so that one "
        "can follow another. Comma separated.",
        name="JWT_SECRET",
        bare=True,
        also="JWT_SECRET_KEY",
        secret=True,
    )
    public_keys: Path | None = setting(
        None, "File of public keys (RS256, EdDSA): PEM blocks, or a JSON key set.", name="JWT_PUBLIC_KEYS"
    )
    jwks_url: str | None = setting(
        None, "Where the issuer publishes its public keys (RS256, EdDSA), as a JSON key set.", name="JWT_JWKS_URL"
    )
    issuer: str | None = setting(None, "Who must have issued a token (`iss`). Not set: anybody with a key.",
                                 name="JWT_ISSUER")  # fmt: skip
    audience: str | None = setting(
        None, "For whom a token must be meant (`aud`). Not set: for nobody in particular, or `fairlead`.",
        name="JWT_AUDIENCE",
    )  # fmt: skip
    leeway: Duration = setting(
        timedelta(seconds=30), "How far the issuer's clock may differ from ours.", name="JWT_LEEWAY"
    )
    max_age: Duration = setting(
        timedelta(hours=1), "Longest life of a token: a later end is refused.", name="JWT_MAX_AGE"
    )
    user_claim: str = setting("sub", "The claim that names the user.", name="JWT_USER_CLAIM")
    role_claim: str = setting(
        "role", "The claim with the role, or a list of which the highest counts; `realm_access.roles` goes deeper.",
        name="JWT_ROLE_CLAIM",
    )  # fmt: skip
    tenant_claim: str = setting("tenant", "The claim with the tenant. A token without it: `default`.",
                                name="JWT_TENANT_CLAIM")  # fmt: skip
    scope_claim: str | None = setting(
        None, "The claim with the scopes. Not set: a token opens all that its role may do.", name="JWT_SCOPE_CLAIM"
    )
    default_role: DefaultRole = setting(
        DefaultRole.VIEWER, "Role of a token that names none we know.", name="JWT_DEFAULT_ROLE"
    )

    @field_validator("secrets")
    @classmethod
    def _strong(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for secret in value:
            text = secret.get_secret_value()
            if len(text.encode()) < _SHORTEST_SECRET or "-----BEGIN" in text:
                raise ValueError(f"a secret is {_SHORTEST_SECRET} random bytes at least, and no key in PEM")
        return value

    @property
    def taken(self) -> bool:
        """Whether any token could open."""
        return bool(self.secrets or self.public_keys or self.jwks_url)


class EgressSettings(Part):
    """Calls to addresses that others name: webhooks, key sets, tool servers."""

    allow: TextList = setting(
        (),
        "Networks, addresses and hosts that may be called though they are not public, comma separated: "
        "10.1.0.0/16, hooks.internal, *.corp.example.com. A host so allowed may stand on a private network; "
        "link-local and metadata addresses must be named as addresses.",
        name="EGRESS_ALLOW",
    )


class ModelSettings(Part):
    """Calls to model providers."""

    timeout: Duration = setting(
        timedelta(seconds=30),
        "Longest silence of a provider within a stream: an attempt with no byte for this long is given up.",
        name="AI_SERVICE_TIMEOUT",
        bare=True,
    )
    retry_count: int = setting(
        3, "Further attempts of a call that may succeed again.", name="AI_SERVICE_RETRY_COUNT", bare=True, ge=0, le=20
    )
    retry_delay: Duration = setting(
        timedelta(seconds=2),
        "Wait before the second attempt; it doubles, with jitter.",
        name="AI_SERVICE_RETRY_DELAY",
        bare=True,
    )
    unknown_price: UnknownPrice = setting(
        UnknownPrice.CEILING, "A call to a model without a known price: charged at the ceiling, or refused."
    )
    unknown_price_usd: Decimal | None = setting(
        None,
        "USD per million tokens, in and out, charged for a model without a known price. Not set: 15 in and 75 out.",
        gt=0,
    )
    usage_retention: Duration = setting(
        timedelta(days=30), "How long each try of a model call is kept as a row of its own."
    )
    cost_retention: Duration = setting(timedelta(days=400), "How long `fairlead costs` can look back.")
    openai_api_key: SecretStr | None = setting(None, "Key of the `openai` provider.", bare=True, secret=True)
    anthropic_api_key: SecretStr | None = setting(None, "Key of the `anthropic` provider.", bare=True, secret=True)
    endpoint_timeout: Duration = setting(
        timedelta(minutes=10),
        "Most time for one call through /v1, waits and further attempts included.",
        name="MODEL_ENDPOINT_TIMEOUT",
    )
    lossy: bool = setting(
        False,
        "Leave out, with a warning, what another provider's format can't carry; else such a call is refused.",
        name="MODEL_LOSSY",
    )
    cheapest_below_usd: Decimal = setting(
        Decimal(1),
        "With less than this left of its budget, a call of a tiered model goes to the cheapest tier.",
        name="MODEL_CHEAPEST_BELOW_USD",
        ge=0,
    )
    error_rate: Decimal = setting(
        Decimal("0.5"),
        "Share of failed calls above which a provider is left alone.",
        name="BREAKER_ERROR_RATE",
        gt=0,
        le=1,
    )
    min_volume: int = setting(10, "Calls within a minute before that share counts.", name="BREAKER_MIN_VOLUME", ge=1)
    open_for: Duration = setting(
        timedelta(seconds=30), "How long a provider with a high error rate is left alone.", name="BREAKER_OPEN_FOR"
    )
    consecutive_errors: int = setting(
        5, "Errors in a row after which a provider is left alone.", name="PROVIDER_CONSECUTIVE_ERRORS", ge=1
    )
    cooldown: Duration = setting(
        timedelta(seconds=300),
        "How long a provider with that many errors in a row is left alone.",
        name="PROVIDER_COOLDOWN",
    )
    cache: CacheKind = setting(
        CacheKind.OFF, "Where answers are cached: off, memory, database or redis.", name="MODEL_CACHE"
    )
    cache_ttl: Duration = setting(timedelta(hours=1), "How long a cached answer is good for.", name="MODEL_CACHE_TTL")
    requests_per_minute: int = setting(
        60,
        "Requests a minute to each provider and model, over all processes; 0: no limit.",
        name="MODEL_REQUESTS_PER_MINUTE",
        ge=0,
    )
    tokens_per_minute: int = setting(
        100_000,
        "Tokens a minute to each provider and model, over all processes; 0: no limit.",
        name="MODEL_TOKENS_PER_MINUTE",
        ge=0,
    )
    ungoverned: Ungoverned = setting(
        Ungoverned.WARN,
        "What becomes of a model call that an agent's library makes past budgets and journal: warn or refuse.",
        name="MODEL_UNGOVERNED",
    )


class BudgetSettings(Part):
    """What may be spent, where nobody has said otherwise with `fairlead budgets set`. Days are UTC."""

    day_usd: Decimal | None = setting(
        Decimal(100), "USD that one tenant may spend in a day.", name="BUDGET_DAY_USD", ge=0
    )
    user_day_usd: Decimal | None = setting(
        None, "USD that each user may spend in a day. Not set: no limit.", name="BUDGET_USER_DAY_USD", ge=0
    )
    agent_day_usd: Decimal | None = setting(
        None, "USD that each agent may spend in a day. Not set: no limit.", name="BUDGET_AGENT_DAY_USD", ge=0
    )
    lease: Duration = setting(
        timedelta(seconds=15),
        "A process that has not renewed for this long has lost its part of the budgets.",
        name="BUDGET_LEASE",
    )


class StoreSettings(Part):
    """What outlives runs and threads."""

    default_ttl: Duration | None = setting(
        None, "How long an item is kept that was put without a time to live. Not set: for good.", name="STORE_TTL"
    )
    refresh_on_read: bool = setting(
        True, "Reading an item lets it live as long again, unless the reader says otherwise.",
        name="STORE_REFRESH_ON_READ",
    )  # fmt: skip
    conversation_ttl: Duration = setting(
        timedelta(hours=1), "How long the short-lived state of a conversation is kept after an agent last wrote to "
        "it: in Redis where REDIS_URL is set, else in the memory of each process.", name="CONVERSATION_TTL",
    )  # fmt: skip
    file_limit: Size = setting(32 * 1024**2, "Largest file that may be uploaded.", name="FILE_LIMIT")
    file_ttl: Duration = setting(
        timedelta(days=7), "How long a file is kept that no unfinished run needs.", name="FILE_TTL"
    )
    embedding_model: str | None = setting(
        None,
        "Model that makes vectors of documents, so that they are found by meaning too: a declared model, or one like "
        "`openai/text-embedding-3-small`, `simulated/words`. Not set: documents are found by their words.",
        name="KNOWLEDGE_EMBEDDING_MODEL",
    )
    embedding_dimensions: int | None = setting(
        None,
        "Dimensions to ask the embedding model for, where it lets one choose. Not set: as many as it gives.",
        name="KNOWLEDGE_EMBEDDING_DIMENSIONS", ge=1, le=16_000,
    )  # fmt: skip


class TelemetrySettings(Part):
    """What we say about ourselves."""

    log_level: LogLevel = setting(
        LogLevel.INFO,
        "Least level of the application log; run events are always logged. "
        "Default: development DEBUG, testing INFO, staging WARNING, production ERROR.",
        bare=True,
    )
    log_format: LogFormat = setting(LogFormat.AUTO, "json, console, or auto: console on a terminal in development.")
    otlp_endpoint: str | None = setting(
        None, "Where traces are sent by OTLP over HTTP: the address of a collector, to which /v1/traces is added. "
        "Not set: none are made. Needs the extra `otel`.", name="OTEL_EXPORTER_OTLP_ENDPOINT", bare=True,
    )  # fmt: skip
    otlp_headers: SecretStr | None = setting(
        None, "Headers for the collector: name=value, name=value, values percent-encoded.",
        name="OTEL_EXPORTER_OTLP_HEADERS", bare=True, secret=True,
    )  # fmt: skip
    service_name: str | None = setting(
        None, "Name of this service in traces. Not set: APP_NAME.", name="OTEL_SERVICE_NAME", bare=True
    )
    trace_ratio: float = setting(
        1.0, "Share of traces that are sent, by the trace's id. A caller's `traceparent` decides for its own.",
        name="OTEL_TRACES_SAMPLER_ARG", bare=True, ge=0, le=1,
    )  # fmt: skip
    trace_previews: bool = setting(
        False, "Put the first characters of inputs and results of runs and tools into spans, redacted."
    )
    trace_steps: bool = setting(False, "Make a span for each `ctx.step` too: it costs about as much as the step.")
    trace_url: str | None = setting(
        None, "Link to a trace on the console's page of a run: an address with {trace_id} in it."
    )

    redact_patterns: PatternList = setting(
        (),
        "Regular expressions of what else must never be written, one a line, beside e-mail addresses, phone, card and "
        "account numbers, SSNs, keys and tokens. Repetitions are bounded: `K-[0-9]{4,12}`, not `K-[0-9]+`.",
    )
    cloudwatch_metrics: bool = setting(
        False,
        "Write a line a minute into the log that CloudWatch takes for metrics: ErrorRate and Latency by Version, in "
        "the namespace AgentService (Embedded Metric Format).",
        name="CLOUDWATCH_METRICS",
    )
    sentry_dsn: SecretStr | None = setting(
        None, "Where errors are sent: the DSN of a project in Sentry. Takes fairlead[sentry].", bare=True, secret=True
    )
    sentry_environment: str | None = setting(
        None, "Environment that Sentry shows. Not set: ENVIRONMENT.", bare=True, min_length=1, max_length=64
    )
    sentry_traces_sample_rate: float = setting(
        0.1, "Part of the runs and requests whose duration is sent to Sentry, from 0 to 1.", bare=True, ge=0, le=1
    )

    @field_validator("otlp_endpoint", "trace_url")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value is not None and not _WEB_ADDRESS.fullmatch(value):
            raise ValueError("must be an address that begins with http:// or https://")
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value


class ClientSettings(Part):
    """How the command line reaches a serving Fairlead."""

    url: str | None = setting(None, "Address of the API the CLI talks to. Not set: HOST and PORT.", name="URL")
    api_key: SecretStr | None = setting(None, "Key the CLI calls with.", name="API_KEY", secret=True)
