from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from fairlead.telemetry.catalogue import EVENTS
from fairlead.telemetry.emit import Emitter
from fairlead.telemetry.metrics import Bounded, Metrics


def counting() -> tuple[Emitter, Metrics, list[str]]:
    failures: list[str] = []
    emitter, metrics = Emitter(report=failures.append), Metrics(CollectorRegistry())
    emitter.subscribe(metrics, events=metrics.events)
    return emitter, metrics, failures


def samples(metrics: Metrics) -> dict[str, float]:
    return {
        sample.name + "".join(f",{key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def test_a_run_is_counted_under_the_names_of_peoples_dashboards() -> None:
    emitter, metrics, failures = counting()
    emitter.emit("agent_started", run_id="r1")
    emitter.emit("agent_started", run_id="r2")
    emitter.emit("agent_started", run_id="r2")
    emitter.emit("llm_call", run_id="r1", provider="openai", model="openai/gpt-5-mini", status="ok", tokens_in=100,
                 tokens_out=50, cost_nano=1_500_000_000)  # fmt: skip
    emitter.emit("tool_result", run_id="r1", tool="grep", status="ok")
    emitter.emit("agent_completed", run_id="r1", status="success", took=timedelta(seconds=7), steps=4)
    emitter.emit("queue_depth", depth=12)
    emitter.emit("step_recorded", run_id="r1")
    seen = samples(metrics)
    assert failures == []
    assert seen["agent_requests_total,intent=general,status=success"] == 1
    assert seen["agent_latency_seconds_bucket,le=5.0"] == 0
    assert seen["agent_latency_seconds_bucket,le=10.0"] == 1
    assert seen["agent_steps_count_bucket,le=5.0"] == 1
    assert seen["agent_cost_usd"] == seen["agent_cost_usd_total"] == 1.5
    assert seen["active_agents"] == 1
    assert seen["agent_tool_calls_total,status=ok,tool_name=grep"] == 1
    assert seen["agent_queue_depth"] == 12
    assert seen["ai_requests_total,service=openai,status=ok"] == 1
    assert seen["ai_tokens_used_total,model=openai/gpt-5-mini,service=openai"] == 150
    assert seen["agent_steps_recorded_total"] == 1


def test_what_is_told_often_is_all_there_whenever_somebody_looks() -> None:
    emitter, metrics, failures = counting()
    for number in range(1, 1001):
        emitter.emit("database_query", query="claim", took=timedelta(milliseconds=1))
        if number in (1, 200, 201, 777, 1000):
            assert samples(metrics)["database_query_seconds_count,query=claim"] == number
    assert failures == []


def test_one_that_can_not_be_counted_is_reported_and_the_others_are_counted() -> None:
    emitter, metrics, failures = counting()
    emitter.emit("database_query", query="claim", took="no duration")
    for _ in range(500):
        emitter.emit("database_query", query="claim", took=timedelta(milliseconds=1))
    assert samples(metrics)["database_query_seconds_count,query=claim"] == 500
    assert len(failures) == 1
    assert "Metrics failed" in failures[0]


def test_a_run_that_is_put_down_is_not_active() -> None:
    emitter, metrics, _ = counting()
    for number, end in enumerate(("run_parked", "run_interrupted", "run_cancelled", "worker_fenced")):
        emitter.emit("agent_started", run_id=f"r{number}")
        emitter.emit(end, run_id=f"r{number}")
    assert samples(metrics)["active_agents"] == 0


def test_requests_and_watchers_are_counted() -> None:
    emitter, metrics, _ = counting()
    took = timedelta(milliseconds=20)
    emitter.emit("http_request", method="GET", endpoint="/runs/{run_id}", status_code=200, took=took)
    emitter.emit("http_request", method="BREW", endpoint="/runs/{run_id}", status_code=405, took=took)
    emitter.emit("connection_opened", endpoint="/stream")
    emitter.emit("connection_opened", endpoint="/stream")
    emitter.emit("connection_closed", endpoint="/stream")
    emitter.emit("provider_health", provider="openai", healthy=False)
    seen = samples(metrics)
    assert seen["http_requests_total,endpoint=/runs/{run_id},method=GET,status_code=200"] == 1
    assert seen["http_requests_total,endpoint=/runs/{run_id},method=other,status_code=405"] == 1
    assert seen["http_request_duration_seconds_bucket,endpoint=/runs/{run_id},le=0.025,method=GET"] == 1
    assert seen["active_connections"] == 1
    assert seen["llm_provider_healthy,provider=openai"] == 0


def test_what_is_not_known_of_the_installation_has_no_value() -> None:
    emitter, metrics, _ = counting()
    emit = emitter.emit
    assert "backup_last_verified_timestamp_seconds NaN" in metrics.render().decode()
    emit("error_budget", level="availability", of="api", left=None)
    emit("error_budget", level="error_rate", of="runs", left=-0.5)
    emit("backup_seen", taken_at=datetime(2030, 1, 1, tzinfo=UTC))
    text = metrics.render().decode()
    assert 'slo_error_budget_remaining_ratio{of="api",slo="availability"} NaN' in text
    assert 'slo_error_budget_remaining_ratio{of="runs",slo="error_rate"} -0.5' in text
    assert "backup_last_verified_timestamp_seconds 1.893456e+09" in text


def test_labels_are_bounded_and_cannot_forge_lines() -> None:
    emitter, metrics, _ = counting()
    for number in range(2000):
        emitter.emit("tool_result", run_id="r", tool=f"tool-{number}", status="ok")
    emitter.emit(
        "llm_call", run_id="r", provider='x"} 1\nforged_total 99', model="\ud800" + "m" * 5000, status="ok", tokens_in=1
    )
    seen = samples(metrics)
    tools = [name for name in seen if name.startswith("agent_tool_calls_total")]
    assert len(tools) == 101
    assert seen["agent_tool_calls_total,status=ok,tool_name=other"] == 1900
    assert "forged_total" not in seen


HOSTILE = (
    "two\nlines", 'a "quoted" name', "back\\slash", "\x1b[31mred", "\x00", "\ud800 lone", "x" * 1_000_000, "}{=,#",
    'x"} 1\nforged_total 99\n# TYPE y counter', "\u2028", "ä" * 300, "\r\nforged_total 1", b"\xff\xfe", "", None,
)  # fmt: skip


def test_hostile_names_everywhere_leave_metrics_that_can_be_read() -> None:
    emitter, metrics, failures = counting()
    took = timedelta(seconds=1)
    for name in HOSTILE:
        emitter.emit("agent_completed", run_id="r", status="error", intent=name, took=took, steps=1, agent=name)
        emitter.emit("tool_result", run_id="r", tool=name, status="ok", took=took)
        emitter.emit("llm_call", run_id="r", provider=name, model=name, status="ok", took=took, tokens_in=1)
        emitter.emit("provider_health", provider=name, healthy=True)
        emitter.emit("http_request", method=name, endpoint=name, status_code=200, took=took)
        emitter.emit("database_query", query=name, took=took)
        emitter.emit("webhook_delivered", type=name)
    seen = samples(metrics)
    assert failures == []
    assert len(metrics.render()) < 200_000
    assert not any(name.startswith("forged") for name in seen)
    assert sum(value for name, value in seen.items() if name.startswith("agent_tool_calls_total")) == len(HOSTILE)


def test_a_thousand_tenants_make_no_series_of_their_own() -> None:
    emitter, metrics, _ = counting()
    sizes: list[int] = []
    for number in range(1001):
        took, tenant = timedelta(seconds=1), f"tenant-{number}"
        emitter.emit("agent_completed", run_id="r", agent="a", tenant=tenant, status="success", took=took, steps=1)
        emitter.emit(
            "llm_call", run_id="r", tenant=tenant, provider="p", model="m", status="ok", took=took, tokens_in=1
        )
        sizes.append(len(samples(metrics)) if number in (0, 1000) else 0)
    assert sizes[0] == sizes[-1]


def test_values_seen_early_keep_their_own_label() -> None:
    bounded = Bounded(limit=2)
    assert [bounded(value) for value in ("a", "b", "c", "a", None)] == ["a", "b", "other", "a", "other"]


def test_metrics_listen_only_to_events_that_exist() -> None:
    assert set(counting()[1].events) <= set(EVENTS)


def test_two_sets_of_metrics_do_not_share() -> None:
    (first, mine, _), (_, theirs, _) = counting(), counting()
    first.emit("queue_depth", depth=5)
    assert (samples(mine)["agent_queue_depth"], samples(theirs)["agent_queue_depth"]) == (5, 0)
