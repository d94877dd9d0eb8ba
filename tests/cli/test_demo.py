from __future__ import annotations

from pathlib import Path

from tests.cli.processes import fairlead


def test_the_demo_kills_a_worker_and_proves_that_nothing_was_done_again(tmp_path: Path) -> None:
    log = tmp_path / "some.log"
    log.write_text("".join(f"2026-11-22 10:{n % 60:02}:00 ERROR disk {n} failed\n" for n in range(500)))
    done = fairlead(tmp_path, "demo", str(log), "--json")
    assert done.code == 0, done.out + done.err
    told = done.json
    assert told["holds"]
    assert told["status"] == "success"
    assert "# Log triage" in told["output"]
    assert told["reused"] >= 3
    assert told["requests"] - told["answers"] == told["asked_again"] <= told["lost_calls"] == 1
