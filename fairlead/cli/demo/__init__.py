"""`fairlead demo`: a real log, a worker killed in the middle, and the proof that nothing recorded was done again.

a log ──► stage (simulated provider, API, worker: each a process) ──► run ──► kill -9 ──► it goes on ──► proof
"""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from fairlead.cli.client import part
from fairlead.cli.demo.log_file import choose_log
from fairlead.cli.demo.proof import Proof, prove
from fairlead.cli.demo.scene import Killing, play
from fairlead.cli.demo.stage import Stage, open_stage
from fairlead.cli.demo.timeline import timeline
from fairlead.cli.exits import Exit
from fairlead.cli.figures import seconds, usd
from fairlead.cli.following import Follower
from fairlead.cli.outcome import show_output
from fairlead.cli.say import AsJson, out, say, say_json
from fairlead.clock import Clock, SystemClock
from fairlead.config import load_settings
from fairlead.wiring.serving_lock import serving

app = typer.Typer(add_completion=False)
_SENTENCE = "The log is read by the example agent log_triage; its model is simulated, in a process of its own."


@app.command()
def demo(
    path: Annotated[
        Path | None, typer.Argument(help="A log to read. Not given: one of this machine.", show_default=False)
    ] = None,
    stay: Annotated[
        bool | None,
        typer.Option("--stay/--leave", help="Stay up, for the console. On a terminal: yes.", show_default=False),
    ] = None,
    json: AsJson = False,
) -> None:
    """Watch an agent read a real log, lose its worker to kill -9 in the middle, and finish.

    Shows by the simulated provider's own counter that no recorded answer was asked for again. Exit
    code 1: it was not so.
    """
    signal.signal(signal.SIGTERM, _leave)  # so that what we started ends with us
    log, clock = choose_log(path), SystemClock()
    began = clock.monotonic()
    if not json:
        say(f"Fairlead demo on {log} ({log.stat().st_size:,} bytes)", "bold")
        say(_SENTENCE, "dim")
    with open_stage(_folder(), log, clock=clock) as stage:
        if not json:
            say(f"Ready in {seconds(stage.ready_after)}. Console: {stage.url}", "dim")
        run, killing = _watched(stage, log, clock, quiet=json)
        events = stage.client.get(f"/runs/{part(run['run_id'])}/events", limit=1000)
        proof = prove(run, events, stage.counters(), killing)
        if json:
            say_json(_facts(run, proof, log, stage, clock.monotonic() - began))
        else:
            _show(run, events, proof, killing, stage)
            say(f"{seconds(clock.monotonic() - began)} in all.", "dim")
        if (out.is_terminal and not json) if stay is None else stay:
            _wait_for_person(stage, run)
    raise typer.Exit(Exit.OK if proof.holds else Exit.FAILED)


def _watched(stage: Stage, log: Path, clock: Clock, *, quiet: bool) -> tuple[dict[str, Any], Killing]:
    with Follower(out, silent=quiet) as follower:
        return play(stage, log, follower, clock=clock)


def _show(run: dict[str, Any], events: list[dict[str, Any]], proof: Proof, killing: Killing, stage: Stage) -> None:
    say()
    show_output(run["output"])
    say()
    for line in timeline(events, killing.at):
        out.print(line, no_wrap=True)
    say()
    for holds, sentence in proof.sentences:
        say(f"{'✓' if holds else '✗'} {sentence}", "green" if holds else "bold red")
    say()
    say(_cost(run, events))
    say(f"the run  {stage.url}/console/runs/{run['run_id']}")


def _cost(run: dict[str, Any], events: list[dict[str, Any]]) -> str:
    """What the answers cost, and what is counted for a call whose answer nobody heard."""
    models = [event for event in events if event["type"] == "step" and event["kind"] == "model"]
    answered = sum(event["data"]["result"]["cost_nano"] for event in models) / 1_000_000_000
    lost = run["cost_usd"] - answered
    more = f" and at most {usd(lost)} for the call that was lost" if lost > 0 else ""
    tokens = run["tokens_in"] + run["tokens_out"]
    return f"cost {usd(answered)}{more}, were the model real · {tokens:,} tokens · {run['steps']} steps"


def _facts(run: dict[str, Any], proof: Proof, log: Path, stage: Stage, took: float) -> dict[str, Any]:
    return {
        "log": str(log), "run_id": run["run_id"], "status": run["status"], "url": stage.url, "output": run["output"],
        "cost_usd": run["cost_usd"], "steps": run["steps"], "holds": proof.holds, "requests": proof.requests,
        "answers": proof.answers, "reused": proof.reused, "lost_calls": proof.lost, "asked_again": proof.asked_again,
        "resumed_after_s": round(proof.gap, 3), "ready_after_s": round(stage.ready_after, 3), "took_s": round(took, 3),
        "said": [sentence for _, sentence in proof.sentences],
    }  # fmt: skip


def _wait_for_person(stage: Stage, run: dict[str, Any]) -> None:
    try:
        say()
        say(f"Look at it: {stage.url}/console/runs/{run['run_id']}    Ctrl-C ends the demo.", "bold")
        signal.pause()
    except KeyboardInterrupt:
        say()


def _folder() -> Path:
    """In the project, or beside the other temporary files where we may not write."""
    home = Path.cwd() / ".fairlead" / "demo"
    try:
        home.mkdir(parents=True, exist_ok=True)
        _sweep(home)
        return Path(tempfile.mkdtemp(dir=home))
    except OSError:
        return Path(tempfile.mkdtemp(prefix="fairlead-demo-"))


def _sweep(home: Path) -> None:
    """Drop what earlier demos left, but not that of one that is still up."""
    for folder in home.iterdir():
        database = f"sqlite:///{folder / '.fairlead' / 'fairlead.db'}"
        if not serving(load_settings(root=folder, environ={}, database_url=database)):
            shutil.rmtree(folder, ignore_errors=True)


def _leave(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
