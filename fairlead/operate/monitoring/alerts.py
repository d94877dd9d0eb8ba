"""Every alert, as `alerts.toml` has it. Rules, their tests and the runbooks are made of these.

A rule must neither fire nor fail where there is no traffic: a rate of nothing is no number, and compares to nothing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Profile(StrEnum):
    STANDARD = "standard"
    STRICT = "strict"


class Severity(StrEnum):
    CRITICAL = "critical"  # somebody is woken
    WARNING = "warning"


class Exporter(StrEnum):
    """Who tells what Fairlead itself can't."""

    FAIRLEAD = "fairlead"
    POSTGRES = "postgres_exporter"
    NODE = "node_exporter"
    CONTAINER = "cAdvisor"
    KUBERNETES = "kube-state-metrics"


@dataclass(frozen=True, slots=True)
class Case:
    """Series by which a rule is tried: one sample a minute. `at`: the minute at which it is looked."""

    at: int
    series: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Alert:
    """`exporters`: who must be there, the one the rule lives on first. `meaning`, `first`, `causes`, `over`, `triage`:
    its runbook."""

    name: str
    severity: Severity
    expr: str
    strict: str
    held: str
    exporters: Sequence[Exporter]
    summary: str
    description: str
    meaning: str
    first: Sequence[str]
    causes: Sequence[str]
    over: str
    triage: str
    fires: Case
    quiet: Case

    def expression(self, profile: Profile) -> str:
        return self.strict if profile is Profile.STRICT and self.strict else self.expr


def _alert(name: str, given: Mapping[str, Any]) -> Alert:
    return Alert(
        name, Severity(given["severity"]), given["expr"], given.get("strict", ""), given["for"],
        tuple(map(Exporter, given["exporters"])), given["summary"], given["description"], given["meaning"],
        given["first"], given["causes"], given["over"], given["triage"], _case(given["fires"]), _case(given["quiet"]),
    )  # fmt: skip


def _case(given: Mapping[str, Any]) -> Case:
    return Case(given["at"], [(series, values) for series, values in given["series"]])


_FILE = tomllib.loads((Path(__file__).parent / "alerts.toml").read_text(encoding="utf-8"))
ALERTS: Sequence[Alert] = tuple(_alert(name, given) for name, given in _FILE.items())
