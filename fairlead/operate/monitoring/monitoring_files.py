"""Which files there are, by the tool that loads them. Some are made of values, others lie in `files/` as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fairlead.operate.monitoring.alerts import ALERTS, Profile
from fairlead.operate.monitoring.dashboards import DASHBOARDS, dashboard_json
from fairlead.operate.monitoring.rules import exporters, rules_of, tests_of
from fairlead.operate.monitoring.runbooks import runbook_of

_FILES = Path(__file__).parent / "files"
Files = Callable[[Profile, str], Mapping[str, str]]
"""Of one tool, in a profile, with the address of the runbooks."""


def monitoring_files(profile: Profile, only: Sequence[str] = (), *, runbooks: str = "") -> dict[str, str]:
    """Path in the folder to what is in it. `only`: some of `PARTS`; `runbooks`: where they are served."""
    made: dict[str, str] = {"README.md": _lying("README.md")}
    for part, files in PARTS.items():
        if not only or part in only:
            made |= {f"{part}/{name}": text for name, text in files(profile, runbooks).items()}
    return made


def _prometheus(profile: Profile, runbooks: str) -> Mapping[str, str]:
    made = {"prometheus.yml": _lying("prometheus/prometheus.yml")}
    for one in exporters():
        made[f"rules/{one.value}.yml"] = rules_of(one, profile, runbooks=runbooks)
        if profile is Profile.STANDARD:  # whose thresholds they try
            made[f"tests/{one.value}.yml"] = tests_of(one, f"../rules/{one.value}.yml")
    return made


def _grafana(_: Profile, _runbooks: str) -> Mapping[str, str]:
    made = {name: _lying(f"grafana/{name}") for name in ("provisioning/dashboards.yml", "provisioning/datasources.yml")}
    return made | {f"dashboards/{board.uid}.json": dashboard_json(board) for board in DASHBOARDS}


def _runbooks(_: Profile, _runbooks: str) -> Mapping[str, str]:
    return {f"{alert.name}.md": runbook_of(alert) for alert in ALERTS}


def _as_they_lie(part: str) -> Files:
    def files(_: Profile, _runbooks: str) -> Mapping[str, str]:
        root = _FILES / part
        return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in sorted(root.rglob("*"))
                if path.is_file()}  # fmt: skip

    return files


def _lying(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")


PARTS: Mapping[str, Files] = {
    "prometheus": _prometheus,
    "runbooks": _runbooks,
    "alertmanager": _as_they_lie("alertmanager"),
    "grafana": _grafana,
    "fluent-bit": _as_they_lie("fluent-bit"),
    "loki": _as_they_lie("loki"),
    "elastic": _as_they_lie("elastic"),
    "cloudwatch": _as_they_lie("cloudwatch"),
}
