"""What a project says of how it is shipped, in `[ship]` of fairlead.toml.

[ship]
strategy = "canary"              # rolling, blue-green, canary
instances = 2
steps = [10, 50]                 # of a canary, in percent
watch = "300s"                   # each step, looked at every 30 s
bake = "30min"                   # how long the old release stays for the way back
[ship.settings]                  # of every process of a release; kept with it, and restored with it
LOG_LEVEL = "INFO"
[ship.secrets]                   # where each is found: env:NAME, file:PATH, aws:ID, aws:ID#KEY
DATABASE_URL = "file:/run/secrets/database_url"
[ship.host]
folder = "/srv/fairlead"
listen = "0.0.0.0:8080"
workers = 2
[[ship.smoke]]                   # instead of the twelve that ship
path = "/"
holds = "hello"
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from fairlead.config import Environment
from fairlead.config.value import Duration, parse_duration
from fairlead.errors import ConfigurationError, InvalidInput
from fairlead.ship.evaluation.gate import Bounds
from fairlead.ship.host.front import FrontKind
from fairlead.ship.host.target import HostTerms
from fairlead.ship.prometheus import Prometheus, Questions
from fairlead.ship.smoke import SERVICE, Try
from fairlead.ship.terms import Fill, Strategy, Terms, Unclear
from fairlead.ship.verdict import Limits

_ASKED = Questions()
_KEPT = (Environment.STAGING, Environment.PRODUCTION)  # whose data nobody may lose
_FAIRLEAD = (sys.executable, "-m", "fairlead")


def _numbers(given: Any) -> Any:
    """A number is meant as it is written."""
    if not isinstance(given, dict):
        return given
    table = cast("dict[str, Any]", given)
    return {name: str(value) if type(value) in (int, float) else value for name, value in table.items()}


Wait = Annotated[timedelta, BeforeValidator(parse_duration), Field(ge=timedelta(0))]
Texts = Annotated[dict[str, str], BeforeValidator(_numbers)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class HostTable(_Table):
    folder: Path = Path(".fairlead/host")
    listen: str = Field("127.0.0.1:8080", pattern=r"^[^\s:]+:\d{1,5}$")
    command: tuple[str, ...] = (*_FAIRLEAD, "serve", "--no-worker", "--host", "127.0.0.1", "--port", "{port}", "--json")
    worker: tuple[str, ...] = (*_FAIRLEAD, "work", "--port", "0", "--json")
    workers: Annotated[int, Field(ge=0, le=500)] = 0
    prepare: tuple[str, ...] = ()
    health: str = Field("/health/ready", pattern=r"^/")
    first_port: Annotated[int, Field(ge=1024, le=65000)] = 18100
    slots: Annotated[int, Field(ge=2, le=200)] = 32
    grace: Duration = Field(60, validate_default=True)
    front: FrontKind = FrontKind.HAPROXY


class SmokeTable(_Table):
    path: str = Field(pattern=r"^/")
    name: str = ""
    method: str = "GET"
    status: list[int] = Field([200])
    holds: str = ""
    body: str = ""
    sent: Texts = Field(default_factory=dict[str, str])
    headers: Texts = Field(default_factory=dict[str, str])
    within: Duration = Field(10, validate_default=True)


class EvaluationTable(_Table):
    suite: str = Field(min_length=1)
    min_accuracy: float = 0.85
    max_cost: float = 2.0
    max_latency: Duration = Field(30, validate_default=True)
    key: str = Field("", pattern=r"^((env|file|aws):.*)?$")


class PrometheusTable(_Table):
    url: str = Field(pattern=r"^https?://")
    requests: str = _ASKED.requests
    errors: str = _ASKED.errors
    latency: str = _ASKED.latency
    cost: str = ""


class ShipTable(_Table):
    strategy: Strategy = Strategy.BLUE_GREEN
    instances: int = 1
    max_surge: int = 1
    max_unavailable: int = 0
    steps: list[int] = Field([10, 50])
    watch: Duration = Field(300, validate_default=True)
    every: Duration = Field(30, validate_default=True)
    hold: Wait = Field(600, validate_default=True)
    unclear: Unclear = Unclear.ROLL_BACK
    ready_within: Duration = Field(300, validate_default=True)
    bake: Wait = Field(1800, validate_default=True)
    error_rate: float = Field(0.05, gt=0, lt=1)
    p95: Duration = Field(60, validate_default=True)
    worse_by: float = Field(1.1, ge=1)
    least_requests: int = Field(100, ge=1)
    paces: int = 5
    pace: Duration = Field(60, validate_default=True)
    fill: Fill = Fill.NOTHING
    preflight: bool | None = None
    backup: bool | None = None
    migrate: tuple[str, ...] = ()
    one_way: bool = False
    keep: int = Field(10, ge=2, le=1000)
    evaluation: EvaluationTable | None = None
    prometheus: PrometheusTable | None = None
    settings: Texts = Field(default_factory=dict[str, str])
    secrets: Texts = Field(default_factory=dict[str, str])
    smoke: list[SmokeTable] = Field(default_factory=list[SmokeTable])
    host: HostTable = Field(default_factory=lambda: HostTable.model_validate({}))


@dataclass(frozen=True, slots=True)
class Evaluated:
    """`key`: where the key is found with which a release is asked; "" for none."""

    suite: str
    bounds: Bounds
    key: str


@dataclass(frozen=True, slots=True)
class Declared:
    terms: Terms
    host: HostTerms
    settings: Mapping[str, str]
    secrets: Mapping[str, str]
    smoke: Sequence[Try]
    migrate: Sequence[str]
    keep: int
    prometheus: Prometheus | None
    evaluation: Evaluated | None


def parse_ship(
    table: Mapping[str, Any],
    *,
    root: Path,
    environ: Mapping[str, str],
    file: Path,
    environment: Environment = Environment.DEVELOPMENT,
) -> Declared:
    """`environment` decides what is done before a deploy when nothing is said of it. Raises `ConfigurationError`."""
    try:
        given = ShipTable.model_validate(dict(table))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, ("ship", *first["loc"])))
        raise ConfigurationError(f"{file}: `{place}`: {first['msg']}.") from None
    preflight = environment is Environment.PRODUCTION if given.preflight is None else given.preflight
    backup = environment in _KEPT if given.backup is None else given.backup
    try:
        terms = Terms(
            given.strategy, given.instances, given.max_surge, given.max_unavailable, tuple(given.steps),
            given.watch.total_seconds(), given.every.total_seconds(), given.hold.total_seconds(), given.unclear,
            given.ready_within.total_seconds(), given.bake.total_seconds(),
            Limits(given.error_rate, given.p95.total_seconds(), given.worse_by, given.least_requests),
            preflight=preflight, backup=backup, evaluate=given.evaluation is not None,
            migrate=bool(given.migrate), one_way=given.one_way, fill=given.fill, paces=given.paces,
            pace=given.pace.total_seconds(),
        )  # fmt: skip
        evaluated = given.evaluation and _evaluated_of(given.evaluation)
    except InvalidInput as error:
        raise ConfigurationError(f"{file}: `ship`: {error.message}") from None
    if terms.fill is Fill.CASES and given.evaluation is None:
        raise ConfigurationError(f"{file}: `ship.fill`: there are no cases.", hint="[ship.evaluation] suite = …")
    host = given.host
    return Declared(
        terms,
        HostTerms(
            (root / host.folder).resolve(), host.command, host.worker, host.workers, host.prepare, host.listen,
            host.first_port, host.slots, host.health, host.grace.total_seconds(), environ, host.front,
        ),
        given.settings, given.secrets, tuple(_try_of(one) for one in given.smoke) or SERVICE,
        given.migrate, given.keep, given.prometheus and _prometheus_of(given.prometheus),
        evaluated,
    )  # fmt: skip


def _try_of(one: SmokeTable) -> Try:
    return Try(
        one.name or one.path, one.path, one.method, tuple(one.status), one.holds, one.body, one.sent, one.headers,
        one.within.total_seconds(),
    )  # fmt: skip


def _evaluated_of(one: EvaluationTable) -> Evaluated:
    bounds = Bounds(one.min_accuracy, one.max_cost, one.max_latency.total_seconds())
    return Evaluated(one.suite, bounds, one.key)


def _prometheus_of(one: PrometheusTable) -> Prometheus:
    return Prometheus(one.url, Questions(one.requests, one.errors, one.latency, one.cost))
